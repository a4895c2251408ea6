//! `alertmanager-config`, with the real Alertmanager and amtool.

use super::*;

/// An alertmanager.yml of the shape that NS8 writes.
const NS8: &str = "---
global:
  resolve_timeout: 5m
route:
  group_by: ['alertname', 'node']
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 3h
  receiver: default_receiver
  routes:
    - receiver: default_receiver # everything
      continue: true
      matchers: [ 'service=~\".*\"' ]
    - receiver: mail
      continue: true
      matchers: [ 'severity=\"critical\"' ]
receivers:
  - name: mail
  - name: default_receiver
    webhook_configs:
      - url: 'http://127.0.0.1:9095/alert'
inhibit_rules:
  - source_matchers: [ 'severity=\"critical\"' ]
    target_matchers: [ 'severity=\"warning\"' ]
    equal: ['alertname']
";

fn amtool(args: &[&str], file: &Path) -> Ran {
    Command::new(path_of("amtool")).args(args).arg(format!("--config.file={}", file.display())).output().unwrap().into()
}

fn check_config(file: &Path) {
    let ran: Ran = Command::new(path_of("amtool")).arg("check-config").arg(file).output().unwrap().into();
    assert_eq!(ran.code, 0, "{}{}\n{}", ran.out, ran.err, fs::read_to_string(file).unwrap());
}

#[test]
fn alertmanager_takes_the_patched_file_and_routes_our_alerts_here() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertmanager.yml");
    let patch = |more: &[&str]| {
        let missing = folder.path().join("none.yml");
        let args = ["--config", missing.to_str().unwrap(), "alertmanager-config", "--patch", file.to_str().unwrap()];
        run(&[&args[..], more].concat())
    };
    let minimal = "route:\n  receiver: default_receiver\nreceivers:\n- name: default_receiver\n";
    let commented = "# a\nreceivers: # b\n# c\n- name: default_receiver # d\n# e\nroute:\n    # f\n    receiver: default_receiver\n    \
                     routes: [] # g\n";
    let windows = minimal.replace('\n', "\r\n");
    for text in [NS8, minimal, commented, &windows] {
        // NS8's route for all services passes everything on to its default receiver.
        let (passed_on, note) = match text == NS8 {
            true => ("ns8-backup-monitor,default_receiver", "also those to the default receiver default_receiver\n"),
            false => ("ns8-backup-monitor", "default_receiver has no route of its own"),
        };
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
        let ran = patch(&[]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("Using the defaults."));
        assert!(ran.out.contains(note), "{}", ran.out);
        check_config(&file);
        for name in DEFAULT_ALERT_NAMES {
            let ran = amtool(&["config", "routes", "test", &format!("alertname={name}"), "id=1"], &file);
            assert_eq!(ran.out.trim(), passed_on);
        }
        let other = amtool(&["config", "routes", "test", "alertname=HighCpu"], &file);
        assert_eq!(other.out.trim(), "default_receiver");

        let before = fs::metadata(&file).unwrap();
        assert_eq!(before.mode() & 0o7777, 0o604);
        assert!(patch(&[]).out.contains("nothing to change"));
        assert_eq!(fs::metadata(&file).unwrap().ino(), before.ino(), "not even written");
        assert_eq!(patch(&["--remove"]).code, 0);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn a_file_that_cannot_be_understood_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertmanager.yml");
    for text in ["route: [", "", "route: { receiver: a }\nreceivers:\n- name: a\n", "\u{fffd}\0"] {
        fs::write(&file, text).unwrap();
        let before = fs::metadata(&file).unwrap().ino();
        let ran = run(&["alertmanager-config", "--patch", file.to_str().unwrap()]);
        assert_eq!((ran.code, fs::metadata(&file).unwrap().ino()), (1, before));
        assert!(ran.err.contains("is left as it was") && ran.err.contains("- name: ns8-backup-monitor"), "{}", ran.err);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    // The mark that some editors put first is no fault.
    fs::write(&file, "\u{feff}route:\n  receiver: a\nreceivers:\n- name: a\n").unwrap();
    assert_eq!(run(&["alertmanager-config", "--patch", file.to_str().unwrap()]).code, 0);
    assert!(fs::read_to_string(&file).unwrap().starts_with("\u{feff}route:\n"));
    assert_eq!(run(&["alertmanager-config", "--patch", "/nonexistent"]).code, 1);
    assert_eq!(run(&["alertmanager-config", "--remove"]).code, 2);
}

/// A configuration that sets another port, which the program may read or not.
fn configured(folder: &Path) -> String {
    let config = folder.join("config.yml");
    fs::write(&config, "receiver: { port: 9199, alert_names: [x] }\nnotification: { mail_to: a@x.y }\n").unwrap();
    config.display().to_string()
}

#[test]
fn without_the_configuration_a_receiver_stays_and_a_missing_route_is_added() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = (configured(folder.path()), folder.path().join("alertmanager.yml"));
    let patch = |config: &str| run(&["--config", config, "alertmanager-config", "--patch", file.to_str().unwrap()]);
    let text = || fs::read_to_string(&file).unwrap();
    fs::write(&file, NS8).unwrap();
    assert_eq!(patch(&config).code, 0);
    let patched = text();
    assert!(patch("/nonexistent").out.contains("nothing to change"));
    assert_eq!(text(), patched);

    let lines: Vec<&str> = patched.lines().collect();
    let start = lines.iter().position(|line| line.contains("- receiver: ns8-backup-monitor")).unwrap();
    fs::write(&file, [&lines[..start], &lines[start + 8..]].concat().join("\n") + "\n").unwrap();
    let ran = patch("/nonexistent");
    assert!(ran.code == 0 && ran.out.contains("added"), "{}{}", ran.out, ran.err);
    check_config(&file);
    let routed = amtool(&["config", "routes", "test", "alertname=BackupFailed", "id=1"], &file).out;
    assert_eq!(routed.trim(), "ns8-backup-monitor,default_receiver");
    assert!(text().contains("http://127.0.0.1:9199/alert") && !text().contains("9099"), "{}", text());
    assert!(patch("/nonexistent").out.contains("nothing to change"));
}

#[test]
fn what_is_no_small_regular_file_is_left_alone_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
    fs::write(path("large"), vec![b'#'; 2 << 20]).unwrap();
    fs::create_dir(path("folder")).unwrap();
    for (file, why) in [
        (path("fifo"), "no regular file"),
        (path("folder"), "no regular file"),
        ("/dev/zero".into(), "no regular file"),
        (path("large"), "larger than"),
    ] {
        for more in [&[][..], &["--remove"]] {
            let args = ["--config", "/nonexistent", "alertmanager-config", "--patch", file.to_str().unwrap()];
            let ran = run(&[&args, more].concat());
            assert!(ran.code == 1 && ran.err.contains(why), "{}: {}", file.display(), ran.err);
        }
    }
}

#[test]
fn a_link_stays_one_and_the_file_behind_it_keeps_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.yml"), folder.path().join("alertmanager.yml"));
    fs::write(&real, NS8).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(&real, Some(1234), Some(2345)).unwrap();
    }
    let before = fs::metadata(&real).unwrap();
    let ran = run(&["--config", "/nonexistent", "alertmanager-config", "--patch", link.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let after = fs::metadata(&real).unwrap();
    assert_eq!((after.uid(), after.gid(), after.mode()), (before.uid(), before.gid(), before.mode()));
    check_config(&real);
}

#[test]
fn alertmanager_takes_what_is_printed_for_the_configured_address_names_and_token() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yml");
    let text = "receiver: { host: 0.0.0.0, port: 9199, alert_names: [a.b, c], token_file: /etc/token }\nnotification: { mail_to: a@x.y }\n";
    fs::write(&config, text).unwrap();
    let ran = run(&["--config", config.to_str().unwrap(), "alertmanager-config"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let file = folder.path().join("alertmanager.yml");
    fs::write(&file, ran.out.replace("  routes:", "  receiver: ns8-backup-monitor\n  routes:")).unwrap();
    check_config(&file);
    for expected in ["'http://127.0.0.1:9199/alert'", "credentials_file: '/etc/token'", "send_resolved: false"] {
        assert!(ran.out.contains(expected), "{}", ran.out);
    }
    let routed = |name: &str| amtool(&["config", "routes", "test", "--tree", &format!("alertname={name}")], &file).out;
    assert!(routed("a.b").contains("{alertname"), "{}", routed("a.b"));
    assert!(!routed("axb").contains("{alertname"), "{}", routed("axb"));
}

/// A running Alertmanager, stopped when dropped.
struct Alertmanager(Child, String, #[allow(dead_code, reason = "it keeps the port")] Port);

impl Alertmanager {
    fn start(config: &Path, storage: &Path) -> Self {
        let port = Port::reserve();
        // Debian calls it by the project's name.
        let installed = |name: &&str| Command::new(name).arg("--version").output().is_ok();
        let program = ["alertmanager", "prometheus-alertmanager"].into_iter().find(installed);
        let child = Command::new(program.expect("Alertmanager is installed; `make test` does that"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", storage.display()))
            .arg(format!("--web.listen-address={}", port.address))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("Alertmanager listens", || std::net::TcpStream::connect(port.address).is_ok(), String::new);
        Self(child, format!("http://{}", port.address), port)
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn check_asks_it_and_all_else_is_checked_for_what_is_there_and_what_is_not() {
    let smtp = "  transport: smtp\n  smtp: { host: localhost, port: %PORT%, encryption: tls, username: monitor, password_file: %FILE%, ca_file: %CA% }\n";
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(&secret, "pl4nted-s3cret\n").unwrap();
    let smtp = smtp.replace("%FILE%", secret.path().to_str().unwrap()).replace("%CA%", crate::support::smtp::CA_FILE);
    let site = Site::new(Server::tls().with_login("monitor", "pl4nted-s3cret"), &smtp);
    site.result("1", "mail1", "");
    let alertmanager_yml = site.write("alertmanager.yml", NS8);
    let check = |url: &str, json: &[&str]| site.run(&[&["check", "--alertmanager", url], json].concat());

    let before = Alertmanager::start(&alertmanager_yml, &site.path("before"));
    let ran = check(&before.1, &[]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("has no receiver ns8-backup-monitor"), "{}", ran.out);
    assert!(ran.out.contains("alertmanager-config --patch"), "{}", ran.out);

    assert_eq!(site.run(&["alertmanager-config", "--patch", alertmanager_yml.to_str().unwrap()]).code, 0);
    let after = Alertmanager::start(&alertmanager_yml, &site.path("after"));
    let ran = check(&after.1, &[]);
    for expected in [
        "2 recipient(s), from monitor@example.com",
        "layout A, 1 plan(s), 1 module(s)",
        "as monitor, from notification.smtp: ready",
        "the route that sends every backup alert here stands first",
    ] {
        let line = ran.out.lines().find(|line| line.contains(expected));
        assert!(line.is_some_and(|line| line.starts_with("ok ")), "{expected}:\n{}", ran.out);
    }
    assert!(site.relay.so_far().is_empty(), "nothing is sent");

    fs::write(&secret, "other-s3cret\n").unwrap();
    let ran = check("http://127.0.0.1:1", &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let errors: Vec<_> = json["checks"].as_array().unwrap().iter().filter(|check| check["level"] == "error").collect();
    let of = |subject: &str| {
        errors.iter().find(|check| check["subject"] == subject).unwrap_or_else(|| panic!("{}", ran.out))
    };
    assert!(of("relay")["found"].as_str().unwrap().contains("535"), "{}", ran.out);
    assert!(of("alertmanager")["todo"].as_str().unwrap().contains("--alertmanager URL"));
    assert!(!ran.out.contains("s3cret") && !ran.err.contains("s3cret"));
}

#[test]
fn check_asks_what_runs_and_names_amtool_where_the_route_is_another() {
    let site = Site::plain();
    let file = site.write("alertmanager.yml", NS8);
    assert_eq!(site.run(&["alertmanager-config", "--patch", file.to_str().unwrap()]).code, 0);
    let patched = fs::read_to_string(&file).unwrap();
    let line = |url: &str| {
        let ran = site.run(&["check", "--alertmanager", url]);
        ran.out.lines().find(|line| line.contains(" alertmanager: ")).expect(&ran.out).to_owned()
    };
    let running = Alertmanager::start(&file, &site.path("running"));
    // NS8 writes the file anew without a restart: what runs counts.
    site.write("alertmanager.yml", NS8);
    assert!(line(&running.1).starts_with("ok "), "{}", line(&running.1));

    site.write("alertmanager.yml", &patched.replacen("|BackupFailed", "", 1));
    let other = Alertmanager::start(&file, &site.path("other"));
    // A route that lacks one name gets the others: each of them is to be tried.
    let advice = format!("`amtool config routes test --alertmanager.url={} alertname=NAME id=1`", other.1);
    let names = "NAME being each of backup_failed, backup_missing, NsBackupFailed, NsBackupMissing, BackupFailed";
    let found = line(&other.1);
    assert!(found.starts_with("warning ") && found.contains(&advice) && found.contains(names), "{found}");

    // What nobody knows is not claimed by the digest either.
    let digest = |url: &str| {
        let page = site.run(&["digest", "--alertmanager", url]).out;
        page.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(digest(&running.1).contains(" Alertmanager: works "), "{}", digest(&running.1));
    let unsure = format!(" Alertmanager: NOT CERTAIN: {}: has a route here, but not as", other.1);
    assert!(digest(&other.1).contains(&unsure), "{}", digest(&other.1));
}
