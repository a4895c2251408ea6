# ns8-backup-monitor: `make demo` shows it, `make test` proves it, `make install` and the packages install it.
# Everything that a target needs and the machine lacks is installed first, where that is allowed (see tests/need).

.PHONY: build test demo bench fuzz clean

build:
	cargo build --release --locked

test:
	tests/run

demo: build
	tests/demo

bench: build
	tests/bench/run

fuzz:
	tests/fuzz/run

include packaging/packages.mk

clean:
	cargo clean
	rm -rf dist
