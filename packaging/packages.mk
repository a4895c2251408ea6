# What is installed where, and the packages. Included by the Makefile; the RPM's spec uses `install-files` alone.
#
#   install        into $(DESTDIR)$(prefix); for a package manager, or by hand with prefix=/usr/local
#   rpm, srpm      into $(dist); the SRPM carries every crate and builds offline
#   deb            into $(dist)

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
dist        ?= dist
program     ?= target/release/$(package)
generated   := target/generated

.PHONY: install install-files generated rpm srpm deb

install: build generated install-files
ifeq ($(DESTDIR),)
	@echo "Installed. As root, once:"
	@echo "  systemd-sysusers && systemd-tmpfiles --create $(package).conf && journalctl --update-catalog"
	@echo "  chgrp -R $(package) $(sysconfdir)/$(package) && systemctl daemon-reload"
	@echo "  $(package) setup"
endif

# Man pages and completions, from the program's own definition of its command line.
generated:
	cargo run --quiet --locked --example generate -- $(generated)

# Everything but the state: each file once, with its mode. An existing configuration is left alone.
install-files:
	install -D -m 755 $(program) $(DESTDIR)$(bindir)/$(package)
	install -d -m 755 $(DESTDIR)$(unitdir)
	for unit in socket path service; do \
	    sed 's|/usr/bin/|$(bindir)/|' systemd/$(package).$$unit > $(DESTDIR)$(unitdir)/$(package).$$unit && \
	    chmod 644 $(DESTDIR)$(unitdir)/$(package).$$unit || exit 1; \
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
	install -D -m 644 -t $(DESTDIR)$(docdir) config/config.yml.example LICENSE README.md CHANGELOG.md
	install -D -m 644 -t $(DESTDIR)$(docdir)/docs docs/*.md
	install -D -m 644 -t $(DESTDIR)$(docdir)/drop-ins systemd/examples/*.conf
	install -D -m 644 -t $(DESTDIR)$(datadir)/man/man8 $(generated)/*.8
	install -D -m 644 packaging/$(package).yml.5 $(DESTDIR)$(datadir)/man/man5/$(package).yml.5
	gzip -9nf $(DESTDIR)$(datadir)/man/man8/$(package)*.8 $(DESTDIR)$(datadir)/man/man5/$(package).yml.5
	install -D -m 644 $(generated)/$(package).bash $(DESTDIR)$(datadir)/bash-completion/completions/$(package)
	install -D -m 644 $(generated)/_$(package) $(DESTDIR)$(zshdir)/_$(package)
	install -D -m 644 $(generated)/$(package).fish $(DESTDIR)$(datadir)/fish/vendor_completions.d/$(package).fish

# On EL the distribution defines the macros of systemd packages; elsewhere they are lent to the build.
rpm_options  = --define "_topdir $(CURDIR)/target/rpm" --define "release_number $(release)" \
               $(if $(shell rpm --eval '%{?_unitdir}'),,--load=packaging/rpm/lent.macros)

rpm:
	mkdir -p $(dist) target/rpm/SOURCES
	cp systemd/$(package).sysusers target/rpm/SOURCES/
	rpmbuild -bb --build-in-place $(rpm_options) packaging/$(package).spec
	cp target/rpm/RPMS/*/$(package)-$(version)-$(release)*.rpm $(dist)/

# The vendored crates come with the cargo configuration that makes cargo use them, and with the commit for --version.
srpm:
	rm -rf target/srpm && mkdir -p $(dist) target/srpm/.cargo target/rpm/SOURCES
	cp systemd/$(package).sysusers target/rpm/SOURCES/
	git archive --format=tar.gz --prefix=$(package)-$(version)/ -o target/rpm/SOURCES/$(package)-$(version).tar.gz HEAD
	cargo vendor --quiet --locked target/srpm/vendor > /dev/null
	printf '[source.crates-io]\nreplace-with = "vendored-sources"\n\n[source.vendored-sources]\ndirectory = "vendor"\n' \
	    > target/srpm/.cargo/config.toml
	printf '\n[env]\nNS8_BACKUP_MONITOR_COMMIT = "%s"\n' "$$(git rev-parse --short=12 HEAD)" >> target/srpm/.cargo/config.toml
	tar -C target/srpm -czf target/rpm/SOURCES/$(package)-$(version)-vendor.tar.gz vendor .cargo
	rpmbuild -bs $(rpm_options) packaging/$(package).spec
	cp target/rpm/SRPMS/$(package)-$(version)-$(release)*.src.rpm $(dist)/

deb: build generated
	rm -rf target/deb && mkdir -p $(dist) target/deb/DEBIAN
	$(MAKE) --no-print-directory -f packaging/packages.mk install-files DESTDIR=target/deb prefix=/usr \
	    zshdir=/usr/share/zsh/vendor-completions
	mv target/deb/usr/share/doc/$(package)/LICENSE target/deb/usr/share/doc/$(package)/copyright
	sed -e 's/@VERSION@/$(version)-$(release)/' -e "s/@ARCHITECTURE@/$$(dpkg --print-architecture)/" \
	    -e "s/@GLIBC@/$$(objdump -T $(program) | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | cut -d _ -f 2)/" \
	    -e "s/@SIZE@/$$(du -sk --exclude=DEBIAN target/deb | cut -f 1)/" packaging/deb/control > target/deb/DEBIAN/control
	install -m 644 packaging/deb/conffiles target/deb/DEBIAN/
	install -m 755 packaging/deb/postinst packaging/deb/prerm packaging/deb/postrm target/deb/DEBIAN/
	dpkg-deb --root-owner-group --build target/deb $(dist)/$(package)_$(version)-$(release)_$$(dpkg --print-architecture).deb
