use std::time::Duration;

use super::*;
use crate::model::plan::PlanId;

const MINIMAL: &str = "notification:\n  mail_to: admin@example.com\n";

fn problems(text: &str) -> Vec<String> {
    let error = ConfigError { file: "config.yml".into(), problems: parse(text).expect_err("must be refused") };
    error.to_string().lines().map(String::from).collect()
}

#[test]
fn only_mail_to_is_required() {
    let settings = parse(MINIMAL).unwrap();
    assert_eq!(settings.receiver.port, 9099);
    assert_eq!(settings.correlator.stale_after, Some(Duration::from_secs(43_200)));
    assert_eq!(settings.notification.mail_to.len(), 1);
    assert_eq!(
        problems("")[0],
        "config.yml: notification.mail_to: is missing: name at least one recipient, such as admin@example.com"
    );
}

#[test]
fn durations_take_units() {
    let text = format!(
        "{MINIMAL}  retry_for: 2d\n  repeat_after: \"15m\"\ncorrelator:\n  wait_seconds: 45s\n  stale_after: 0\n"
    );
    let settings = parse(&text).unwrap();
    assert_eq!(settings.notification.retry_for, Duration::from_secs(172_800));
    assert_eq!(settings.notification.repeat_after, Duration::from_secs(900));
    assert_eq!(settings.correlator.wait, Duration::from_secs(45));
    assert_eq!(settings.correlator.stale_after, None);
}

#[test]
fn a_whole_number_may_be_written_as_a_fraction() {
    let waits = |seconds: &str| parse(&format!("{MINIMAL}correlator: {{ wait_seconds: {seconds} }}\n"));
    assert_eq!(waits("60.0").unwrap().correlator.wait, Duration::from_secs(60));
    for (wrong, shown) in [("60.5", "60.5"), ("-60.0", "-60"), (".nan", "NaN"), (".inf", "inf"), ("1e30", "1000000")] {
        let found = &waits(wrong).unwrap_err()[0].message;
        assert!(found.starts_with("expected seconds") && found.contains(&format!("found {shown}")), "{found}");
    }
}

#[test]
fn deny_unknown_fields() {
    assert_eq!(
        problems(&format!("{MINIMAL}receiver:\n  prot: 1\nreceivr: 1\n")),
        [
            "config.yml:4: receiver.prot: there is no such key; did you mean port?",
            "config.yml:5: receivr: there is no such key; did you mean receiver?",
        ]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once_in_the_files_order() {
    let text = "\
receiver:
  port: 70000
  alert_names: []
  idle_timeout: -1
correlator: { wait_seconds: soon, max_wait_seconds: 999999999 }
notification:
  mail_from: nobody
  mail_to: [admin@example.com, \"not an address\"]
  transport: smtp
  language: fr
redis:
  url: redis://default:s3cret@127.0.0.1
  passwordfile: /x
logging:
  level: LOUD
";
    let found = problems(text);
    let lines: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    let at = |n: usize| format!("config.yml:{n}");
    let expected: Vec<String> = [2, 3, 4, 5, 5, 6, 7, 8, 10, 12, 13, 15].into_iter().map(at).collect();
    assert_eq!(lines, expected, "{found:#?}");
    assert!(!found.join("\n").contains("s3cret"));
}

#[test]
fn not_yaml_at_all_names_the_line() {
    assert!(problems("receiver: [\n")[0].starts_with("config.yml:2: "));
    assert!(problems("- a\n- b\n")[0].starts_with("config.yml: "));
}

#[test]
fn a_mark_at_the_beginning_is_no_part_of_the_text() {
    for text in [MINIMAL.into(), format!("# why\n{MINIMAL}"), format!("{MINIMAL}redis: {{}}\n").replace('\n', "\r\n")] {
        assert_eq!(parse(&format!("\u{feff}{text}")), parse(&text));
    }
    assert_eq!(problems("\u{feff}x: 1\n")[0], problems("x: 1\n")[0]);
}

#[test]
fn a_login_is_not_sent_in_plain_text_to_another_machine() {
    let smtp =
        |host: &str| format!("{MINIMAL}  smtp: {{ host: {host}, encryption: none, username: u, password_file: /p }}\n");
    assert!(parse(&smtp("127.0.0.1")).is_ok());
    assert!(problems(&smtp("relay.example.com"))[0].contains("plain text"));
}

#[test]
fn a_gateway_is_a_host_and_a_port() {
    let at = |gateway: &str| format!("{MINIMAL}repo_check: {{ gateway: '{gateway}' }}\n");
    for good in ["http://127.0.0.1:4694", "http://127.0.0.1:4694/", "http://[::1]:80", "http://gateway.example.com:1"] {
        assert!(parse(&at(good)).is_ok(), "{good}");
    }
    let bad =
        ["https://h:1", "http://h", "http://:1", "http://", "h:1", "http://h:1/x", "http://h:1?x", "http://u:p@h:1"];
    for bad in bad.into_iter().chain(["http://h:99999", "http://h:x", "http://h :1", ""]) {
        assert!(problems(&at(bad))[0].contains("repo_check.gateway"), "{bad}");
    }
}

#[test]
fn founding_document_configuration_is_accepted_unchanged() {
    let text = "\
receiver:
  host: 127.0.0.1 # bind address (use 0.0.0.0 only for remote Alertmanager)
  port: 9099 # webhook listening port
correlator:
  wait_seconds: 30 # wait after alert before reading Redis (allow slow modules to finish)
  recent_window: 3600 # fallback scan window (seconds) when no backup_id label is present
repo_check:
  enabled: true # set false to skip restic health checks entirely
  timeout: 60 # per-repository restic timeout (seconds)
notification:
  mail_from: ns8-backup-monitor@example.com
  mail_to:
    - admin@example.com
    - ops@example.com
redis:
  socket: /var/lib/nethserver/cluster/state/redis.sock
logging:
  level: INFO # DEBUG for verbose output during troubleshooting
  file: /var/log/ns8-backup-monitor.log
";
    let settings = parse(text).unwrap();
    assert_eq!(settings.notification.mail_to.len(), 2);
    assert_eq!(settings.redis.address(), RedisAddress::Url(DEFAULT_REDIS_URL.into()), "no such socket here");
}

#[test]
fn values_that_the_python_tool_took_are_accepted() {
    let with = |sections: &str| parse(&format!("{MINIMAL}{sections}\n")).unwrap();
    for (yes, no) in [("yes", "no"), ("Yes", "No"), ("ON", "OFF"), ("on", "off"), ("True", "False")] {
        let check = |word: &str| with(&format!("repo_check: {{ enabled: {word} }}")).repo_check.enabled;
        assert_eq!((check(yes), check(no)), (true, false), "{yes}, {no}");
    }
    let settings = with("receiver: { port: 19_099, max_body: 1_000_000 }\ncorrelator: { recent_window: 7_200 }");
    assert_eq!((settings.receiver.port, settings.receiver.max_body), (19_099, 1_000_000));
    assert_eq!(settings.correlator.recent_window, Duration::from_secs(7200));
    for (level, kept) in [("CRITICAL", log::LevelFilter::Error), ("WARN", log::LevelFilter::Warn)] {
        assert_eq!(with(&format!("logging: {{ level: {level} }}")).logging.level, kept);
    }
    // PyYAML reads this one as an octal number.
    assert!(problems(&format!("{MINIMAL}receiver: {{ max_body: 0_1000000 }}\n"))[0].contains("a whole number"));
    let settings = with("redis: { username: 1_000, password_file: /p }");
    assert_eq!(settings.redis.username.as_deref(), Some("1_000"), "a text stays one");
}

#[test]
fn a_mended_file_counts_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.yml");
    let live = Live::new(file.clone());
    assert!(live.current().unwrap_err().to_string().contains("setup"));
    std::fs::write(&file, "x: 1\n").unwrap();
    assert!(live.current().is_err());
    std::fs::write(&file, MINIMAL).unwrap();
    assert!(live.current().is_ok());
}

#[test]
fn a_key_written_twice_hides_no_other_mistake() {
    let text = format!("{MINIMAL}  mail_to: other@example.com\nreceiver: {{ port: 0 }}\n");
    assert_eq!(
        problems(&text),
        [
            "config.yml:2: notification.mail_to: appears twice; keep only one",
            "config.yml:4: receiver.port: 0 is not a port: 1 to 65535",
        ]
    );
}

#[test]
fn each_wrong_recipient_is_named_with_what_is_wrong_with_it() {
    let found = problems("notification: { mail_to: [root, \"a@b.c, d@e.f\", \"x y@z\", ok@example.com] }");
    let expected = ["\"root\" is not a mail address; the part after", "several are a list", "write it as"];
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn no_password_hides_in_an_address() {
    for url in [
        "redis://u:s3cret@127.0.0.1",
        "redis://node/1:s3cret@127.0.0.1:6379",
        "redis://a?b:s3cret@h:1",
        "redis://127.0.0.1:6379/x?password=s3cret",
        "redis://127.0.0.1:6379/s3cret",
        "unix:///run/redis.sock?pass=s3cret",
        "rediss://127.0.0.1",
        "127.0.0.1:6379",
    ] {
        let found = problems(&format!("{MINIMAL}redis: {{ url: \"{url}\" }}\n"));
        assert!(found[0].contains("redis.url") && !found[0].contains("s3cret"), "{found:?}");
        assert_eq!(found[0].contains("redis.password_file"), url.contains(['@', '?']), "{found:?}");
    }
    for url in ["redis://127.0.0.1:6379", "redis://[::1]", "redis://redis.example.com:6379/2", "unix:///run/redis.sock"]
    {
        assert!(parse(&format!("{MINIMAL}redis: {{ url: \"{url}\" }}\n")).is_ok(), "{url}");
    }
}

#[test]
fn a_value_of_another_kind_is_shown_with_what_is_expected() {
    for (section, expected) in [
        ("receiver: { port: x }", "receiver.port: expected a port, 1 to 65535, found \"x\""),
        ("receiver: [1]", "receiver: expected a section with keys, found a list"),
        ("receiver: { max_body: -1 }", "receiver.max_body: expected a whole number, found -1"),
        ("receiver: { alert_names: x }", "alert_names: expected a list, such as [BackupFailed], found \"x\""),
        ("repo_check: { enabled: maybe }", "repo_check.enabled: expected true or false, found \"maybe\""),
        ("repo_check: { restic: 5 }", "repo_check.restic: expected text"),
        ("repo_check: { restic: \"a\\nb\" }", "repo_check.restic: holds a line break"),
        (
            "watch: { grace: 3w }",
            "watch.grace: expected seconds, or a number with s, m, h or d, such as 15m, found \"3w\"",
        ),
        ("watch: { grace: 299 }", "watch.grace: 299 is out of range: 300 to 604800 seconds"),
        (
            "logging: { level: x }",
            "logging.level: expected one of ERROR, WARNING, INFO, DEBUG, WARN, CRITICAL, found \"x\"",
        ),
        ("logging: { level: !x INFO }", "invalid type: enum, expected a value without a tag"),
        ("plans: { 2: { mail_to: { a: b } } }", "plans.2.mail_to: expected a mail"),
    ] {
        let found = problems(&format!("{MINIMAL}{section}\n"));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }
    assert_eq!(parse(&format!("{MINIMAL}logging: {{ level: warn }}\n")).unwrap().logging.level, log::LevelFilter::Warn);
}

#[test]
fn a_tab_a_huge_number_and_one_out_of_range_are_named() {
    for (section, expected) in [
        ("watch:\n\tgrace: 1h", "cannot start any token; write spaces instead of a tab"),
        ("receiver: { port: 99999999999999999999 }", "expected a port, 1 to 65535, found 99999999999999999999"),
        ("receiver: { max_body: 262143 }", "receiver.max_body: 262143 is out of range: 262144 to 16777216 bytes"),
    ] {
        let found = problems(&format!("{MINIMAL}{section}\n"));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    for (section, key) in [
        ("receiver: { host: not an ip }", "receiver.host"),
        ("receiver: { host: \"127.0.0.1:9099\" }", "receiver.host"),
        ("logging: { file: relative.log }", "logging.file"),
        ("redis: { socket: relative.sock }", "redis.socket"),
        ("redis: { socket: $CREDENTIALS_DIRECTORY/sock }", "redis.socket"),
        ("receiver: { token_file: $CREDENTIALS_DIRECTORY }", "receiver.token_file"),
        ("receiver: { token_file: $CREDENTIALS_DIRECTORY/../token }", "receiver.token_file"),
        ("receiver: { token_file: $CREDENTIALS_DIRECTORY/a/token }", "receiver.token_file"),
    ] {
        assert!(problems(&format!("{MINIMAL}{section}\n"))[0].contains(key));
    }
    for host in ["mail.example.com:587", "[mail.example.com]:587", "[::1]:587", "127.0.0.1:25"] {
        let found = problems(&format!("{MINIMAL}  smtp: {{ host: \"{host}\" }}\n"));
        assert!(found[0].contains("notification.smtp.host") && found[0].contains("a port goes into"), "{found:?}");
    }
    for host in ["::1", "[::1]", "fe80::1%eth0", "127.0.0.1", "mail.example.com"] {
        assert!(parse(&format!("{MINIMAL}  smtp: {{ host: \"{host}\" }}\n")).is_ok(), "{host}");
    }
    for (smtp, key) in [("host: \"\"", "smtp.host"), ("host: \"a b\"", "smtp.host"), ("host: a, port: 0", "smtp.port")]
    {
        assert!(problems(&format!("{MINIMAL}  smtp: {{ {smtp} }}\n"))[0].contains(key));
    }
}

#[test]
fn a_secret_may_be_a_credential() {
    let file = "$CREDENTIALS_DIRECTORY/word";
    let smtp = format!("  smtp: {{ host: a, username: u, password_file: {file} }}\n");
    let others = format!("receiver: {{ token_file: {file} }}\nredis: {{ password_file: {file} }}\n");
    let settings = parse(&format!("{MINIMAL}{smtp}{others}")).unwrap();
    let (_, password) = settings.notification.smtp.unwrap().login.unwrap();
    let files = [&settings.receiver.token_file.unwrap(), &settings.redis.password_file.unwrap(), &password];
    assert_eq!(files, [Path::new(file); 3]);
    assert!(credential(Path::new(file)).unwrap().ends_with("word"));
    assert_eq!(credential(Path::new("/run/credentials/x.service/word")), None);
    let why = secret("redis.password_file", Path::new(file)).unwrap_err();
    assert!(why.starts_with("redis.password_file: $CREDENTIALS_DIRECTORY/word cannot be read: "), "{why}");
}

#[test]
fn a_plan_may_have_recipients_of_its_own() {
    let text = format!(
        "{MINIMAL}plans:\n  2: {{ mail_to: [a@example.com, A@example.com] }}\n  \"x y\": {{ mail_to: b@example.com }}\n"
    );
    let settings = parse(&text).unwrap();
    let to = |plan: &str| -> Vec<String> {
        settings.mail_to(PlanId::new(plan).as_ref()).iter().map(ToString::to_string).collect()
    };
    assert_eq!((to("2"), to("x y")), (vec!["a@example.com".into()], vec!["b@example.com".into()]));
    assert_eq!((to("3"), to("")), (vec!["admin@example.com".into()], vec!["admin@example.com".into()]));
    for (plans, expected) in [
        ("2: {}", "config.yml:4: plans.2.mail_to: is missing"),
        ("2:", "config.yml:4: plans.2.mail_to: is missing"),
        ("2: { mail_to: [] }", "config.yml:4: plans.2.mail_to: is empty: name at least one, such as [admin@"),
        ("\"\": { mail_to: a@example.com }", "config.yml:3: plans.: a plan's id must not be empty"),
        ("2: { mail_to: nobody }", "config.yml:4: plans.2.mail_to: \"nobody\" is not a mail address"),
        (
            "2: { mail_too: a@example.com }",
            "config.yml:4: plans.2.mail_too: there is no such key; did you mean mail_to?",
        ),
    ] {
        let found = problems(&format!("{MINIMAL}plans:\n  {plans}\n"));
        assert!(found.iter().any(|found| found.starts_with(expected)), "{plans}: {found:?}");
    }
}

#[test]
fn a_heartbeat_goes_to_a_web_address_that_no_error_repeats() {
    let with = |url: &str| format!("{MINIMAL}  heartbeat_url: {url}\n");
    for good in ["https://hc.example.com/ping/uuid", "http://127.0.0.1:8000/x?y=z"] {
        assert_eq!(parse(&with(good)).unwrap().notification.heartbeat_url.as_deref(), Some(good));
    }
    for bad in ["ftp://s3cret/", "s3cret", "/s3cret", "https://u:s3cret@h/", "\"https://h/s3cret x\"", "\"\""] {
        let found = problems(&with(bad));
        assert!(found[0].contains("notification.heartbeat_url: is not") && !found[0].contains("s3cret"), "{found:?}");
    }
}
