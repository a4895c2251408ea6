# shellcheck shell=bash
# Debian systems to boot in a container: how their roots are made, and how they are switched on and off.
# Sourced by tests/fresh and tests/system/run; $work, a folder for this run, is their own.

machine=$work/machine     # the booted system's files, as the host sees them
cache=${NS8_TEST_CACHE:-/var/cache/ns8-backup-monitor-tests}

# The first repository of this machine's apt that holds its release: the address, as apt has it.
mirror() {
    local release
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(SITE)' 'Created-By: Packages' |
        awk -v release="$release" '$1 == release && $2 == "main" { print $3; exit }'
}

# Makes a minimal root, if it is not there yet, and prints its folder: make_root NAME RELEASE PACKAGES [COMMAND...].
# The name stands for the packages and the command, which gets the folder of the new root.
make_root() {
    local root=$cache/$1 release=$2 packages=$3 url
    shift 3
    if [ ! -d "$root" ]; then
        url=$(mirror)
        [ -n "$url" ] || { echo "apt has no repository of this machine's release" >&2; return 1; }
        echo "# making $root (a minute or two)" >&2
        mkdir -p "$cache" && rm -rf "$root.new"
        debootstrap --variant=minbase --include="$packages" "$release" "$root.new" "$url" > "$root.log" 2>&1 || {
            tail -n 5 "$root.log" >&2
            return 1
        }
        rm -rf "$root.new"/var/cache/apt/archives/*.deb
        [ $# = 0 ] || "$@" "$root.new" >> "$root.log" 2>&1 || return 1
        mv "$root.new" "$root"
    fi
    echo "$root"
}

# Boots $machine: power_on [OPTION OF SYSTEMD-NSPAWN...]. Without an argument, as it was booted last.
power_on() {
    [ $# = 0 ] || options=("$@")
    # systemd 256 and later refuses the old hierarchy of control groups, which the host may still have.
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --directory="$machine" --register=no --keep-unit \
        "${options[@]}" --boot < /dev/null > "$work/console" 2>&1 &
    nspawn=$!
    echo "$nspawn" > "$work/nspawn"
    until_true 180 booting || { cat "$work/console"; echo "the system does not boot" >&2; exit 1; }
    inside systemctl is-system-running --wait > /dev/null || true
}

first_process() { pgrep --parent "$(cat "$work/nspawn")" | head -n 1; }
booting() { [ -n "$(first_process)" ] && inside test -S /run/systemd/private 2> /dev/null; }

# As if the plug were pulled: nothing in there gets to do anything any more. The disk stays.
power_cut() {
    local pid
    pid=$(cat "$work/nspawn")
    pkill --signal KILL --parent "$pid"
    while kill -0 "$pid" 2> /dev/null; do sleep 0.05; done
}

# Off and gone; also when there is nothing.
switch_off() {
    [ ! -e "$work/nspawn" ] || power_cut
    rm -f "$work/nspawn"
    ! mountpoint --quiet "$machine" || umount "$machine"
}

# Runs a command in the system.
inside() {
    nsenter --target "$(first_process)" --all -- \
        env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# Starts a command in the system as a service of its own: daemon NAME COMMAND...
daemon() {
    local name=$1
    shift
    inside systemd-run --quiet --collect --unit="$name" -- "$@"
}

# until_true SECONDS COMMAND...: waits for the command to succeed, no longer than that.
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}
