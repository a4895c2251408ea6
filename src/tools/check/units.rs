//! The systemd units: the socket and what follows it, the timers, and what the service may read.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::{Line, PATIENCE, error, ok, warning};
use crate::config::{Receiver, Settings, authority, is_loopback};
use crate::model::time;
use crate::report;
use crate::system::process;

const SUBJECT: &str = "units";
/// The group whose members read the whole journal.
const JOURNAL_GROUP: &str = "systemd-journal";
/// The watch's timer elapses every 15 minutes; after this long something is wrong.
const LATE: Duration = Duration::from_secs(3600);

/// Looks at the units.
pub(super) async fn look(settings: &Settings) -> Vec<Line> {
    if !Path::new("/run/systemd/system").exists() {
        let todo = "start `ns8-backup-monitor serve` by other means, and `ns8-backup-monitor watch` every 15 minutes";
        return vec![warning(SUBJECT, "systemd is not running here", todo)];
    }
    let show = async |name: &str, judge: &dyn Fn(&Properties) -> Line| match properties(name).await {
        Ok(properties) => overridden(name, &properties).unwrap_or_else(|| judge(&properties)),
        Err(why) => warning(SUBJECT, format!("{name}: {why}"), format!("see `systemctl status {name}`")),
    };
    let [socket, path, service] = ["socket", "path", "service"].map(|kind| format!("ns8-backup-monitor.{kind}"));
    vec![
        show(&socket, &|found| judge_unit(&socket, Some(settings), found)).await,
        show(&path, &|found| judge_unit(&path, None, found)).await,
        show(&service, &judge_journal).await,
        timer("watch", settings.watch.enabled, Some(LATE)).await,
        timer("digest", settings.digest.enabled, None).await,
    ]
}

/// What `systemctl show` prints: a property and its value a line.
struct Properties(Vec<(String, String)>);

impl Properties {
    fn parse(text: &str) -> Self {
        let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.into(), value.into()));
        Self(text.lines().filter_map(pair).collect())
    }

    fn is(&self, property: &str, wanted: &str) -> bool {
        self.0.iter().any(|(key, value)| key == property && value == wanted)
    }

    fn get(&self, property: &str) -> &str {
        self.0.iter().find(|(key, _)| key == property).map_or("", |(_, value)| value)
    }

    /// Returns a time, which is printed as `@1764000000`; `None` for a time that never was.
    fn time(&self, property: &str) -> Option<Timestamp> {
        Timestamp::from_second(self.get(property).strip_prefix('@')?.parse().ok()?).ok()
    }
}

async fn properties(name: &str) -> Result<Properties, String> {
    let properties = "LoadState,ActiveState,UnitFileState,FragmentPath,Listen,SupplementaryGroups,\
                      ExecMainStartTimestamp,Result";
    let command = process::Command {
        program: "systemctl".into(),
        args: ["show", "--timestamp=unix", &format!("--property={properties}"), "--", name].map(String::from).into(),
        timeout: PATIENCE,
        max_output: 10_000,
        ..process::Command::default()
    };
    let output = command.run().await.map_err(|error| error.to_string())?;
    Ok(Properties::parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Looks at the timer of `watch` or `digest`, and how its last turn ended.
async fn timer(command: &str, enabled: bool, late: Option<Duration>) -> Line {
    if !enabled {
        return ok(SUBJECT, format!("{command}.enabled is false: the timer does nothing"));
    }
    let [timer, service] = ["timer", "service"].map(|kind| format!("ns8-backup-monitor-{command}.{kind}"));
    match (properties(&timer).await, properties(&service).await) {
        (Ok(found), Ok(turn)) => judge_timer(&timer, &found, &turn, late, Timestamp::now()),
        (Err(why), _) | (_, Err(why)) => {
            warning(SUBJECT, format!("{timer}: {why}"), format!("see `systemctl status {timer}`"))
        }
    }
}

fn judge_timer(name: &str, found: &Properties, turn: &Properties, late: Option<Duration>, now: Timestamp) -> Line {
    let service = name.trim_end_matches(".timer");
    let enable = format!("systemctl enable --now {name}");
    let age = turn.time("ExecMainStartTimestamp");
    let age = age.map(|last| time::age(last, now));
    let last = age.map_or("has not run since boot".into(), |age| format!("last run {} ago", report::duration(age)));
    let result = turn.get("Result");
    if found.is("LoadState", "not-found") {
        error(SUBJECT, format!("{name} is not installed"), "install the package")
    } else if !found.is("ActiveState", "active") {
        error(SUBJECT, format!("{name} is not active"), enable)
    } else if !matches!(result, "" | "success") {
        let see = format!("see `journalctl -u {service}`");
        error(SUBJECT, format!("{name}: its last run failed ({result}); {last}"), see)
    } else if late.zip(age).is_some_and(|(late, age)| age > late) {
        error(SUBJECT, format!("{name} is active, but {last}"), format!("systemctl restart {name}"))
    } else if !found.is("UnitFileState", "enabled") {
        warning(SUBJECT, format!("{name} is active, but not enabled: gone after a reboot"), enable)
    } else {
        ok(SUBJECT, format!("{name} is active; {last}"))
    }
}

/// Returns an error if a file in `/etc` takes the place of the package's unit, as the Python tool's does.
fn overridden(name: &str, unit: &Properties) -> Option<Line> {
    let path = unit.get("FragmentPath");
    let found = || format!("{path} takes the place of the package's {name}");
    let todo = || format!("systemctl disable --now {name} && rm {path} && systemctl daemon-reload");
    path.starts_with("/etc/").then(|| error(SUBJECT, found(), todo()))
}

/// Judges whether the service may read the journal, where the reasons of failures are.
fn judge_journal(service: &Properties) -> Line {
    if service.get("SupplementaryGroups").split_whitespace().any(|group| group == JOURNAL_GROUP) {
        ok(SUBJECT, "the service reads the journal")
    } else {
        let todo = format!("add SupplementaryGroups={JOURNAL_GROUP} with `systemctl edit ns8-backup-monitor`");
        warning(SUBJECT, "the service may not read the journal: reports lack the reasons of failures", todo)
    }
}

/// Judges the socket, which is compared with the `settings`, or the path unit.
fn judge_unit(name: &str, settings: Option<&Settings>, found: &Properties) -> Line {
    let is = |property: &str, wanted: &str| found.is(property, wanted);
    let open = found.0.iter().find(|(key, value)| key == "Listen" && is_open(value));
    // The path unit is not enabled: the socket brings it along.
    let stays = is("UnitFileState", "enabled") || is("UnitFileState", "static");
    let enable = "systemctl enable --now ns8-backup-monitor.socket";
    let start = format!("{enable} && systemctl start {name}");
    let guarded = settings.is_none_or(|settings| settings.receiver.token_file.is_some());
    let elsewhere = settings.filter(|settings| !takes_posts(&settings.receiver, found));
    if is("LoadState", "not-found") {
        error(SUBJECT, format!("{name} is not installed"), "install the package")
    } else if !is("ActiveState", "active") {
        error(SUBJECT, format!("{name} is not active"), start)
    } else if let Some((_, open)) = open.filter(|_| !guarded) {
        let found = format!("{name} listens on {open}: other machines can post alerts, without a token");
        error(SUBJECT, found, format!("set receiver.token_file, or a local ListenStream with `systemctl edit {name}`"))
    } else if let Some(Settings { receiver, .. }) = elsewhere.filter(|settings| settings.watch.enabled) {
        let posted = authority(&receiver.host, receiver.port);
        let found = format!("{name} does not listen on {posted}, where the watch posts");
        let todo = format!("set receiver.host and receiver.port to an address of `systemctl show -p Listen {name}`");
        error(SUBJECT, found, todo)
    } else if !stays {
        warning(SUBJECT, format!("{name} is active, but not enabled: gone after a reboot"), enable)
    } else if elsewhere.is_some() {
        let todo = format!("change ListenStream with `systemctl edit {name}`, or receiver.host and receiver.port");
        let found = format!(
            "{name} listens on another address than receiver.host and receiver.port; the unit's address is used"
        );
        warning(SUBJECT, found, todo)
    } else {
        ok(SUBJECT, format!("{name} is active"))
    }
}

/// Returns whether the socket takes what is posted to `receiver`.
fn takes_posts(receiver: &Receiver, socket: &Properties) -> bool {
    let listens = socket.0.iter().filter(|(key, _)| key == "Listen");
    receiver.reaches(&listens.filter_map(|(_, value)| value.split(' ').next()?.parse().ok()).collect::<Vec<_>>())
}

/// Returns whether other machines can reach this address of a socket: `0.0.0.0:9099 (Stream)`. A path has no port.
fn is_open(listen: &str) -> bool {
    let address = listen.split(' ').next().and_then(|address| address.rsplit_once(':'));
    address.is_some_and(|(host, _)| !listen.starts_with('/') && !is_loopback(host))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn units_are_judged() {
        let mut settings = crate::config::defaults();
        settings.watch.enabled = false;
        let judge = |settings: &Settings, properties: &str| {
            judge_unit("x.socket", Some(settings), &Properties::parse(properties)).level
        };
        let level = |properties: &str| judge(&settings, properties);
        let good = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nListen=127.0.0.1:9099 (Stream)\n";
        assert_eq!(level(good), Level::Ok);
        assert_eq!(level(&good.replace("9099", "9098")), Level::Warning);
        let hosts = ["localhost", "127.0.0.1", "::1", "[::1]"];
        let at = |host: &str| Settings {
            receiver: Receiver { host: host.into(), ..settings.receiver.clone() },
            ..settings.clone()
        };
        let six = good.replace("127.0.0.1", "[::1]");
        assert_eq!(hosts.map(|host| judge(&at(host), good)), [Level::Ok, Level::Ok, Level::Warning, Level::Warning]);
        assert_eq!(hosts.map(|host| judge(&at(host), &six)), [Level::Ok, Level::Warning, Level::Ok, Level::Ok]);
        let named = at("leader.example.org");
        let port = good.replace("9099", "9098");
        assert_eq!([good, &port].map(|properties| judge(&named, properties)), [Level::Ok, Level::Warning]);
        assert_eq!(level(&good.replace("enabled", "disabled")), Level::Warning);
        assert_eq!(level(&good.replace("enabled", "static")), Level::Ok);
        assert_eq!(level(&good.replace("=active", "=inactive")), Level::Error);
        assert_eq!(level("LoadState=not-found\nActiveState=inactive\nUnitFileState=\n"), Level::Error);
        assert_eq!(level(""), Level::Error);
        let [anywhere, anywhere_6] = ["0.0.0.0", "[::]"].map(|host| good.replace("127.0.0.1", host));
        assert_eq!([&anywhere, &anywhere_6].map(|properties| level(properties)), [Level::Error; 2]);
        let besides = format!("{good}Listen=192.0.2.1:9099 (Stream)\n");
        assert_eq!(level(&besides), Level::Error);
        assert_eq!(level(&format!("{good}Listen=/run/x:y (Stream)\n")), Level::Ok);
        settings.receiver.token_file = Some("/token".into());
        assert_eq!([&anywhere, &besides].map(|properties| judge(&settings, properties)), [Level::Ok; 2]);
        settings.watch.enabled = true;
        let elsewhere = good.replace("9099", "9098");
        assert_eq!([good, &elsewhere].map(|properties| judge(&settings, properties)), [Level::Ok, Level::Error]);
    }

    #[test]
    fn the_watch_reaches_a_socket_that_listens_where_it_posts() {
        let reaches = |host: &str, listen: &[&str]| {
            let receiver = Receiver { host: host.into(), ..crate::config::defaults().receiver };
            let lines: String = listen.iter().map(|listen| format!("Listen={listen} (Stream)\n")).collect();
            takes_posts(&receiver, &Properties::parse(&lines))
        };
        for (host, listen) in [
            ("127.0.0.1", "127.0.0.1:9099"),
            ("127.0.0.1", "0.0.0.0:9099"),
            ("127.0.0.1", "[::]:9099"),
            ("localhost", "127.0.0.1:9099"),
            ("localhost", "[::1]:9099"),
            ("0.0.0.0", "127.0.0.1:9099"),
            ("::1", "[::1]:9099"),
            ("[::1]", "[::]:9099"),
            ("192.0.2.1", "192.0.2.1:9099"),
            ("a.name", "192.0.2.1:9099"),
        ] {
            assert!(reaches(host, &[listen]), "{host} at {listen}");
        }
        for (host, listen) in [
            ("127.0.0.1", "192.0.2.1:9099"),
            ("127.0.0.1", "127.0.0.1:9098"),
            ("127.0.0.1", "[::1]:9099"),
            ("localhost", "192.0.2.1:9099"),
            ("::1", "0.0.0.0:9099"),
            ("127.0.0.1", "/run/x:9099"),
        ] {
            assert!(!reaches(host, &[listen]), "{host} at {listen}");
        }
        assert!(reaches("127.0.0.1", &["192.0.2.1:9099", "127.0.0.1:9099"]));
        assert!(!reaches("127.0.0.1", &[]));
    }

    #[test]
    fn timers_are_judged() {
        let now = Timestamp::from_second(1_764_000_000).unwrap();
        let judge = |timer: &str, turn: &str| {
            judge_timer("x-watch.timer", &Properties::parse(timer), &Properties::parse(turn), Some(LATE), now)
        };
        let timer = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n";
        let turn = "ExecMainStartTimestamp=@1763999400\nResult=success\n";
        assert_eq!(judge(timer, turn), ok(SUBJECT, "x-watch.timer is active; last run 10 min ago"));
        let never = judge(timer, "ExecMainStartTimestamp=\nResult=success\n");
        assert_eq!(never, ok(SUBJECT, "x-watch.timer is active; has not run since boot"));
        for (timer, turn, level) in [
            (timer.replace("=enabled", "=disabled"), turn.into(), Level::Warning),
            (timer.replace("=active", "=inactive"), turn.into(), Level::Error),
            (timer.replace("=loaded", "=not-found"), turn.into(), Level::Error),
            (timer.into(), turn.replace("@1763999400", "@1763990000"), Level::Error),
            (timer.into(), turn.replace("success", "exit-code"), Level::Error),
        ] {
            let line = judge(&timer, &turn);
            assert_eq!(line.level, level, "{line:?}");
        }
        let failed = judge(timer, &turn.replace("success", "exit-code"));
        assert!(failed.todo.is_some_and(|todo| todo.contains("journalctl -u x-watch`")));
    }

    #[test]
    fn a_unit_in_etc_takes_the_place_of_the_packages() {
        let judge = |path: &str| {
            let found = Properties::parse(&format!("LoadState=loaded\nFragmentPath={path}\n"));
            overridden("x.service", &found)
        };
        let line = judge("/etc/systemd/system/x.service").unwrap();
        assert_eq!(line.level, Level::Error);
        assert!(line.found.contains("/etc/systemd/system/x.service"), "{line:?}");
        let todo = line.todo.unwrap();
        assert!(todo.contains("rm /etc/systemd/system/x.service && systemctl daemon-reload"), "{todo}");
        for path in ["/usr/lib/systemd/system/x.service", "/lib/systemd/system/x.service", "/etcetera/x.service", ""] {
            assert_eq!(judge(path), None, "{path}");
        }
    }

    #[test]
    fn the_journal_is_open_to_the_service_by_its_unit() {
        let level = |unit: &str| judge_journal(&Properties::parse(unit)).level;
        assert_eq!(level("SupplementaryGroups=adm systemd-journal\n"), Level::Ok);
        assert_eq!(level("SupplementaryGroups=\n"), Level::Warning);
    }
}
