# ns8-backup-monitor: `make demo` shows it, `make test` proves it, `make install` and the packages install it.
# Everything that a target needs and the machine lacks is installed first, where that is allowed (see tests/need).

NAME    = ns8-backup-monitor
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
CARGO   = cargo
DESTDIR =
prefix  = /usr

BINARY  = target/release/$(NAME)
SOURCES = $(shell find src build.rs Cargo.toml Cargo.lock -type f)

.PHONY: build test demo bench install clean

build: $(BINARY)

$(BINARY): $(SOURCES)
	$(CARGO) build --release --locked

test:
	tests/run

demo: build
	tests/demo

bench: build
	tests/bench/run

-include packaging/packages.mk

clean:
	$(CARGO) clean
	rm -rf dist
