# shellcheck shell=bash
# What the scenarios are written with. Sourced by tests/system/run; $root, $work, $results, $deb and $rpm are its own.

service=ns8-backup-monitor

. "$tests/machine.sh"

# A fresh copy of the root, booted. Files in /srv: what the scenarios need inside.
new_system() {
    rm -rf "$work/upper" "$work/scratch"
    mkdir -p "$machine" "$work/upper/srv" "$work/scratch"
    cp "$tests"/inside/* "$tests"/../support/smtp-sink "$deb" "$rpm" "$work/upper/srv/"
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/scratch" "$machine" || exit 1
    echo node1 > "$machine/etc/hostname"
    power_on --private-network --hostname=node1
}

# --- checks -----------------------------------------------------------------------------------------------------

ok() { echo "ok - $1"; echo pass >> "$results"; }

not_ok() {
    echo "not ok - $1"
    echo fail >> "$results"
    [ ! -e "$work/nspawn" ] || inside journalctl --no-pager --quiet -n 25 -o short-monotonic 2> /dev/null | sed 's/^/    | /'
}

skip() { echo "ok - $1 # SKIP $2"; echo skip >> "$results"; }

# check WHAT COMMAND...: passes where the command succeeds; shows its output where not.
check() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then ok "$what"; else echo "    > ${output//$'\n'/$'\n'    > }"; not_ok "$what"; fi
}

# same WHAT EXPECTED ACTUAL
same() {
    if [ "$2" = "$3" ]; then ok "$1"; else printf '    expected: %s\n    found:    %s\n' "$2" "$3"; not_ok "$1"; fi
}

# contains WHAT NEEDLE HAYSTACK
contains() {
    case $3 in
        *"$2"*) ok "$1" ;;
        *) printf '    not found: %s\n    in: %s\n' "$2" "$3"; not_ok "$1" ;;
    esac
}

# lacks WHAT NEEDLE HAYSTACK
lacks() {
    case $3 in
        *"$2"*) printf '    found: %s\n    in: %s\n' "$2" "$3"; not_ok "$1" ;;
        *) ok "$1" ;;
    esac
}

# eventually WHAT COMMAND...: passes once the command succeeds, fails after three minutes.
eventually() {
    local what=$1
    shift
    if until_true 180 "$@"; then ok "$what"; else not_ok "$what"; fi
}

# --- the program and its surroundings ---------------------------------------------------------------------------

install_deb() { inside dpkg --install "/srv/$(basename "$deb")" > "$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; return 1; }; }

# Builds or installs in this folder, one release's scenario at a time.
build() { flock "$results" make --silent "$@"; }

# Builds the package that stands for EL 9 itself, into $work/stubs.
el9_stub() {
    rpm -qp --requires "$rpm" | grep -vE '^(rpmlib|config)\(' | sort -u | sed 's/^/Provides: /' > "$work/provides"
    sed "/^@PROVIDES@/{r $work/provides
d}" "$tests/el9.spec" > "$work/el9.spec"
    rpmbuild -bb --quiet --define "_topdir $work/stubs" "$work/el9.spec" > "$work/stubs.log" 2>&1 || cat "$work/stubs.log"
}

# Serves a signed repository of the packages in the system, at http://127.0.0.1:8080 from /srv/repository.
serve_repository() {
    export GNUPGHOME=$work/gnupg
    if [ ! -d "$work/served" ]; then
        mkdir -m 700 "$GNUPGHOME"
        gpg --batch --quiet --passphrase '' --quick-generate-key 'For tests <tests@example.com>' rsa3072 sign never
        mkdir "$work/served"
        cp "$deb" "$rpm" "$work/served/"
        build repo dist="$work/served" key=tests@example.com url=http://127.0.0.1:8080 > "$work/repo.log" 2>&1 ||
            cat "$work/repo.log"
    fi
    cp -r "$work/served/repo" "$machine/srv/repository"
    daemon web python3 -m http.server --bind 127.0.0.1 --directory /srv/repository 8080
    eventually_quiet inside curl --silent --fail http://127.0.0.1:8080/
}

# refuses WHAT NEEDLE COMMAND...: passes if the command fails, and says why.
refuses() {
    local what=$1 needle=$2 output
    shift 2
    if output=$("$@" 2>&1); then echo "$output"; not_ok "$what"; else contains "$what" "$needle" "$output"; fi
}

state() { inside systemctl show --value --property="$2" "$service.$1"; }
is_active() { inside systemctl is-active --quiet "$service.$1"; }
is_inactive() { [ "$(state "$1" ActiveState)" = inactive ]; }
status_text() { state service StatusText; }
status_says() { [[ $(status_text) == *$1* ]]; }

# The configuration: the recipient and short times, changed by a sed script where one is given.
configure() {
    cat > "$machine/etc/$service/config.yml" << 'END'
receiver: { idle_timeout: 1 }
correlator: { wait_seconds: 0, max_wait_seconds: 0 }
repo_check: { enabled: false }
notification: { mail_to: admin@example.com, mail_from: monitor@example.com, repeat_after: 0 }
END
    [ -z "${1:-}" ] || sed -i "$1" "$machine/etc/$service/config.yml"
}

# Sets the wait of the configuration that there is.
wait_of() { sed -i "s/\([ {]\)wait_seconds: [0-9]*/\1wait_seconds: $1/" "$machine/etc/$service/config.yml"; }
end_wait() { wait_of 0; inside systemctl restart $service.service; }

# Redis as on NS8, a plan with one module that failed and one that did not, and a relay that keeps what it gets.
surroundings() {
    inside systemctl start redis-server
    daemon relay python3 /srv/smtp-sink 127.0.0.1:2525 /srv/mail
    eventually_quiet inside redis-cli ping
    eventually_quiet inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/2525'
    inside bash /srv/cluster
}
eventually_quiet() { until_true 180 "$@" || { echo "not there after three minutes: $*" >&2; return 1; }; }

# Posts an alert for a plan and prints the answer's code: alert PLAN [CURL OPTION...]
alert() {
    local plan=$1
    shift
    inside curl --silent --output /dev/null --write-out '%{http_code}' --max-time 60 "$@" \
        --header 'Content-Type: application/json' --data "{\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\",
        \"labels\":{\"alertname\":\"backup_failed\",\"id\":\"$plan\"},\"annotations\":{},\"startsAt\":\"$(date -u +%FT%TZ)\"}]}" \
        "http://${address:-127.0.0.1:9099}/alert" || true
}

# Mails that the relay has, and the newest one's text.
mails() { inside sh -c 'ls /srv/mail 2> /dev/null | wc -l'; }
mails_are() { [ "$(mails)" = "$1" ]; }
newest_mail() { inside sh -c 'cat "/srv/mail/$(ls /srv/mail | tail -n 1)"'; }
jobs_left() { inside sh -c "ls /var/lib/$service/queue/*.json 2> /dev/null | wc -l"; }
jobs_are() { [ "$(jobs_left)" = "$1" ]; }

# The journal of the unit, with further matches and options.
journal() {
    # What was said before an answer may still be on its way to the journal.
    inside journalctl --sync
    inside journalctl --no-pager --quiet --unit="$service" "$@"
}
