# ns8-backup-monitor: `make demo` shows it, `make test` proves it, `make install` and the packages install it.
# Each target first installs what it needs and the machine lacks, if that is allowed (see tests/need).

.PHONY: build test demo bench year fuzz screenshots clean

build:
	@tests/need cargo cc
	@$(MAKE) --no-print-directory compile

test:
	@tests/run

demo:
	@tests/need cargo cc redis-server redis-cli restic curl python3 systemd-socket-activate
	@$(MAKE) --no-print-directory build
	@tests/demo

bench:
	@tests/bench/run

# 365 nights under a virtual clock (docs/reliability.md); `make test` has a few weeks of them.
year:
	@tests/need cargo cc systemd-analyze tzdata
	@YEAR_SEED=$${YEAR_SEED:-2026} cargo test --test year -- --nocapture

fuzz:
	@tests/fuzz/run

# The pictures of the README, in the distribution's Chromium.
screenshots:
	@tests/screenshots

include packaging/packages.mk

clean:
	cargo clean
	rm -rf dist
