# What is installed where, the packages, and the repository. Included by the Makefile; the RPM's spec uses it alone.
#
#   install        into $(DESTDIR)$(prefix); for a package manager, or by hand with prefix=/usr/local
#   rpm, srpm      into $(dist); the SRPM carries every crate and builds offline
#   deb            into $(dist)
#   repo           into $(dist)/repo, signed: make repo key=FINGERPRINT url=https://packages.example.com
#
# Two builds of one commit give the same bytes, wherever and whenever they are made, with the same tools.

prefix      ?= /usr/local
sysconfdir  ?= /etc
bindir      ?= $(prefix)/bin
datadir     ?= $(prefix)/share
libdir      ?= $(prefix)/lib
unitdir     ?= $(libdir)/systemd/system
docdir      ?= $(datadir)/doc/ns8-backup-monitor
zshdir      ?= $(datadir)/zsh/site-functions

package     := ns8-backup-monitor
version     := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# A second package of the same version, such as the test's upgrade, has another release number.
release     ?= 1
# Who answers for the packages, and where they come from: for whoever publishes them to say.
maintainer  ?= ns8-backup-monitor maintainers <maintainers@ns8-backup-monitor.invalid>
homepage    ?= $(shell sed -n 's/^repository = "\(.*\)"/\1/p' Cargo.toml)
dist        ?= dist
program     ?= target/packaged/$(package)
generated   := target/generated
units       := $(wildcard systemd/$(package)*.socket systemd/$(package)*.path systemd/$(package)*.service systemd/$(package)*.timer)
# The units that installation enables.
enabled     := $(shell sed -n 's/^enable //p' systemd/$(package).preset)

# Where the targets look for what cargo has built, whatever the builder has set for other projects.
export CARGO_TARGET_DIR := $(CURDIR)/target
# The day of the commit stands for the time of the build; without git, the day of the newest entry in the changelog.
released    := $(shell sed -n 's/^\#\# .*, \([0-9-]*\)$$/\1/p' CHANGELOG.md | head -n 1)
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2> /dev/null || date -u -d $(released) +%s)
# A program names source files when it panics: without these, by paths of the machine that built it.
cargo_home  := $(or $(CARGO_HOME),$(HOME)/.cargo)
remapped    := --remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$(cargo_home)=cargo

# What a target needs comes before anything is built: so these targets make their parts themselves.
.PHONY: compile packaged install install-files generated rpm srpm deb repo

compile:
	RUSTFLAGS="$(strip $(RUSTFLAGS) $(remapped))" cargo build --release --locked

# Man pages and completions, from the program's own definition of its command line; the crates in it, from cargo.
generated:
	cargo run --quiet --locked --example generate -- $(generated)

# The program with the list of its crates inside, where cargo-auditable puts it and scanners look for it.
packaged: compile generated
	@tests/need objcopy
	mkdir -p $(dir $(program))
	objcopy --remove-section .comment --add-section .dep-v0=$(generated)/dep-v0 target/release/$(package) $(program)

install:
	@tests/need cargo cc objcopy
	@$(MAKE) --no-print-directory -f packaging/packages.mk packaged
	@$(MAKE) --no-print-directory -f packaging/packages.mk install-files
ifeq ($(DESTDIR),)
	@echo "Installed. As root, once:"
	@echo "  systemd-sysusers && systemd-tmpfiles --create $(package).conf && journalctl --update-catalog"
	@echo "  chgrp -R $(package) $(sysconfdir)/$(package) && systemctl daemon-reload"
	@echo "  $(package) setup"
endif

# Everything but the state: each file once, with its mode. An existing configuration is left alone.
install-files:
	install -D -m 755 $(program) $(DESTDIR)$(bindir)/$(package)
	install -d -m 755 $(DESTDIR)$(unitdir)
	for unit in $(notdir $(units)); do \
	    sed 's|/usr/bin/|$(bindir)/|' systemd/$$unit > $(DESTDIR)$(unitdir)/$$unit && \
	    chmod 644 $(DESTDIR)$(unitdir)/$$unit || exit 1; \
	done
	install -D -m 644 systemd/$(package).sysusers $(DESTDIR)$(libdir)/sysusers.d/$(package).conf
	install -D -m 644 systemd/$(package).tmpfiles $(DESTDIR)$(libdir)/tmpfiles.d/$(package).conf
	install -D -m 644 systemd/$(package).preset $(DESTDIR)$(libdir)/systemd/system-preset/80-$(package).preset
	install -D -m 644 systemd/$(package).catalog $(DESTDIR)$(libdir)/systemd/catalog/$(package).catalog
	install -d -m 755 $(DESTDIR)$(libdir)/systemd/user/alertmanager.service.d
	sed 's|/usr/bin/|$(bindir)/|' systemd/alertmanager.service.conf \
	    > $(DESTDIR)$(libdir)/systemd/user/alertmanager.service.d/50-$(package).conf
	chmod 644 $(DESTDIR)$(libdir)/systemd/user/alertmanager.service.d/50-$(package).conf
	install -D -m 644 systemd/$(package).logrotate $(DESTDIR)$(sysconfdir)/logrotate.d/$(package)
	install -d -m 750 $(DESTDIR)$(sysconfdir)/$(package)
	test -e $(DESTDIR)$(sysconfdir)/$(package)/config.yml || \
	    install -m 640 config/config.yml.example $(DESTDIR)$(sysconfdir)/$(package)/config.yml
	install -D -m 644 -t $(DESTDIR)$(docdir) config/config.yml.example LICENSE README.md CHANGELOG.md CONTRIBUTING.md \
	    SECURITY.md
	install -D -m 644 -t $(DESTDIR)$(docdir) $(generated)/THIRD-PARTY-LICENSES $(generated)/$(package).cdx.json
	install -D -m 644 -t $(DESTDIR)$(docdir)/docs docs/*.md
	install -D -m 644 -t $(DESTDIR)$(docdir)/drop-ins systemd/examples/*.conf
	install -D -m 644 -t $(DESTDIR)$(datadir)/man/man8 $(generated)/*.8
	install -D -m 644 packaging/$(package).yml.5 $(DESTDIR)$(datadir)/man/man5/$(package).yml.5
	gzip -9nf $(DESTDIR)$(datadir)/man/man8/$(package)*.8 $(DESTDIR)$(datadir)/man/man5/$(package).yml.5
	install -D -m 644 $(generated)/$(package).bash $(DESTDIR)$(datadir)/bash-completion/completions/$(package)
	install -D -m 644 $(generated)/_$(package) $(DESTDIR)$(zshdir)/_$(package)
	install -D -m 644 $(generated)/$(package).fish $(DESTDIR)$(datadir)/fish/vendor_completions.d/$(package).fish

# On EL the distribution defines the macros of systemd packages; elsewhere they are lent to the build. A package of EL's
# cargo is wanted only where there is one: with a toolchain of rustup's there is none.
rpm_options  = --define "_topdir $(CURDIR)/target/rpm" --define "release_number $(release)" \
               $(if $(homepage),--define "homepage $(homepage)") \
               $(if $(shell rpm -q cargo > /dev/null 2>&1 && echo yes),,--without packaged_cargo) \
               $(if $(shell rpm --eval '%{?_unitdir}'),,--load=packaging/rpm/lent.macros)

rpm:
	@tests/need cargo cc rpmbuild objcopy
	@$(MAKE) --no-print-directory -f packaging/packages.mk generated
	mkdir -p $(dist) target/rpm/SOURCES
	cp systemd/$(package).sysusers $(generated)/bundled target/rpm/SOURCES/
	rpmbuild -bb --build-in-place $(rpm_options) packaging/$(package).spec
	cp target/rpm/RPMS/*/$(package)-$(version)-$(release)*.rpm $(dist)/

# The vendored crates come with the cargo configuration that makes cargo use them, and with the commit for --version.
srpm:
	@tests/need cargo cc git rpmbuild
	@$(MAKE) --no-print-directory -f packaging/packages.mk generated
	rm -rf target/srpm && mkdir -p $(dist) target/srpm/.cargo target/rpm/SOURCES
	cp systemd/$(package).sysusers $(generated)/bundled target/rpm/SOURCES/
	git archive --format=tar.gz --prefix=$(package)-$(version)/ -o target/rpm/SOURCES/$(package)-$(version).tar.gz HEAD
	cargo vendor --quiet --locked target/srpm/vendor > /dev/null
	printf '[source.crates-io]\nreplace-with = "vendored-sources"\n\n[source.vendored-sources]\ndirectory = "vendor"\n' \
	    > target/srpm/.cargo/config.toml
	printf '\n[env]\nNS8_BACKUP_MONITOR_COMMIT = "%s"\n' "$$(git rev-parse --short=12 HEAD)" >> target/srpm/.cargo/config.toml
	tar -C target/srpm -czf target/rpm/SOURCES/$(package)-$(version)-vendor.tar.gz vendor .cargo
	rpmbuild -bs $(rpm_options) packaging/$(package).spec
	cp target/rpm/SRPMS/$(package)-$(version)-$(release)*.src.rpm $(dist)/

deb_doc     := target/deb/usr/share/doc/$(package)

# The size is what Debian's own tools would say: files in full KiB, one for each folder.
deb:
	@tests/need cargo cc objcopy dpkg-deb objdump
	@$(MAKE) --no-print-directory -f packaging/packages.mk packaged
	rm -rf target/deb && mkdir -p $(dist) target/deb/DEBIAN
	$(MAKE) --no-print-directory -f packaging/packages.mk install-files DESTDIR=target/deb prefix=/usr \
	    zshdir=/usr/share/zsh/vendor-completions
	install -m 644 packaging/deb/copyright $(deb_doc)/copyright
	sed 's/^./ &/; s/^$$/ ./' LICENSE | sed 1,2d >> $(deb_doc)/copyright && rm $(deb_doc)/LICENSE
	mv $(deb_doc)/CHANGELOG.md $(deb_doc)/changelog
	printf '%s (%s) unstable; urgency=medium\n\n  * See changelog.gz for what is new in this version.\n\n -- %s  %s\n' \
	    $(package) $(version)-$(release) '$(maintainer)' "$$(LC_ALL=C date -u -d $(released) '+%a, %d %b %Y %T +0000')" \
	    > $(deb_doc)/changelog.Debian
	gzip -9n $(deb_doc)/changelog $(deb_doc)/changelog.Debian $(deb_doc)/THIRD-PARTY-LICENSES
	install -D -m 644 packaging/deb/lintian-overrides target/deb/usr/share/lintian/overrides/$(package)
	sed -e 's/@VERSION@/$(version)-$(release)/' -e "s/@ARCHITECTURE@/$$(dpkg --print-architecture)/" \
	    -e "s/@GLIBC@/$$(objdump -T $(program) | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | cut -d _ -f 2)/" \
	    -e "s/@MAINTAINER@/$(maintainer)/" -e '$(if $(homepage),s|@HOMEPAGE@|$(homepage)|,/@HOMEPAGE@/d)' \
	    -e "s/@SIZE@/$$(find target/deb -path target/deb/DEBIAN -prune -o -type f -printf '%s\n' -o -printf '1024\n' | \
	        awk '{ kib += int(($$1 + 1023) / 1024) } END { print kib }')/" packaging/deb/control > target/deb/DEBIAN/control
	install -m 644 packaging/deb/conffiles target/deb/DEBIAN/
	for script in postinst prerm postrm; do \
	    sed 's/@UNITS@/$(enabled)/' packaging/deb/$$script > target/deb/DEBIAN/$$script && \
	    chmod 755 target/deb/DEBIAN/$$script || exit 1; \
	done
	cd target/deb && find * -path DEBIAN -prune -o -type f -print | LC_ALL=C sort | xargs md5sum > DEBIAN/md5sums
	chmod 644 target/deb/DEBIAN/md5sums
	dpkg-deb --root-owner-group --build target/deb $(dist)/$(package)_$(version)-$(release)_$$(dpkg --print-architecture).deb

# Of the packages that are in $(dist): a copy that any web server can serve.
repo:
	@tests/need createrepo_c rpmsign apt-ftparchive gpg
	@packaging/repository $(dist) "$(key)" "$(url)"
