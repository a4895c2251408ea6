//! `setup`, and how the command line teaches.

use std::io::{BufRead, BufReader, Read};

use super::*;

#[test]
fn setup_with_flags_writes_and_keeps_what_was_there() {
    let site = Site::plain();
    let before = fs::read_to_string(site.path("config.yml")).unwrap();
    let ran = site.run(&["setup", "--subject-prefix", "[it's]", "--send-test"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("Nothing was started") && ran.out.contains("by hand: STATE_DIRECTORY=$PWD/state "),
        "{}",
        ran.out
    );
    let after = fs::read_to_string(site.path("config.yml")).unwrap();
    assert_eq!(after.replace("  subject_prefix: '[it''s]'\n", ""), before);
    assert_eq!(fs::metadata(site.path("config.yml")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(site.relay.so_far().len(), 2, "the test mail");

    site.write("config.yml", "notification:\n  timeot: 5\n");
    let ran = site.run(&["setup", "--mail-to", "a@example.com"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("did you mean timeout?"), "{}", ran.err);
    assert_eq!(fs::read_to_string(site.path("config.yml")).unwrap(), "notification:\n  timeot: 5\n");

    fs::remove_file(site.path("config.yml")).unwrap();
    assert_eq!(site.run(&["setup", "--yes"]).code, 2, "nobody to send to");
    assert!(!site.path("config.yml").exists());
    assert_eq!(site.run(&["setup", "--mail-to", "nobody"]).code, 2);
    assert_eq!(site.run(&["setup", "--mail-to", "a@example.com"]).code, 0);
    assert!(fs::read_to_string(site.path("config.yml")).unwrap().contains("- 'a@example.com'\n"));
}

#[test]
fn setup_without_a_terminal_and_without_flags_says_what_it_needs() {
    let ran = Site::plain().run(&["setup"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("needs a terminal") && ran.err.contains("--mail-to"), "{}", ran.err);
}

#[test]
fn setup_asks_on_a_terminal() {
    let site = Site::plain();
    let config = "# mine\nnotification:\n  mail_to:\n  - old@example.com # boss\n";
    site.write("config.yml", config);
    let ran = on_a_terminal(&site, "setup", "me@example.com\nnobody\nold@example.com, new@example.com\n\ny\nn\n");
    assert_eq!(ran.code, 0, "{}", ran.out);
    for expected in
        ["Sender [ns8-backup-monitor@", "Recipients", "[old@example.com]", "is not a mail address", "Write this file?"]
    {
        assert!(ran.out.contains(expected), "{expected}: {}", ran.out);
    }
    let expected = "# mine\nnotification:\n  mail_from: 'me@example.com'\n  subject_prefix: '[ns8-backup]'\n  mail_to:\n  \
                    - old@example.com # boss\n  - 'new@example.com'\n";
    assert_eq!(fs::read_to_string(site.path("config.yml")).unwrap(), expected);

    // A comma within quotes separates nothing, be it in what is there or in what is typed.
    let named = r#"  - '"Doe, \"J, J\" Jo" <old@example.com>'"#;
    site.write("config.yml", &format!("notification:\n  mail_to:\n{named}\n"));
    let ran = on_a_terminal(&site, "setup", "\n\n\ny\nn\n");
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(fs::read_to_string(site.path("config.yml")).unwrap().ends_with(&format!("\n{named}\n")));
    let ran = on_a_terminal(&site, "setup", "\n\"Roe, R\" <roe@example.com>,new@example.com\n\ny\nn\n");
    assert_eq!(ran.code, 0, "{}", ran.out);
    let both = "  - '\"Roe, R\" <roe@example.com>'\n  - 'new@example.com'\n";
    assert!(fs::read_to_string(site.path("config.yml")).unwrap().ends_with(both));

    site.write("config.yml", config);
    let ran = on_a_terminal(&site, "setup", "\n\n\nn\n");
    assert_eq!((ran.code, fs::read_to_string(site.path("config.yml")).unwrap().as_str()), (1, config));
}

/// Another administrator has changed it, or another setup.
#[test]
fn a_file_that_changes_while_setup_asks_is_left_alone() {
    let site = Site::plain();
    site.write("config.yml", "notification:\n  mail_to: [old@example.com]\n");
    let setup = format!("{PROGRAM} --config {} setup", site.path("config.yml").display());
    let mut command = Command::new(path_of("script"));
    command.args(["-qec", &setup, "/dev/null"]).env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut typed, shown) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = BufReader::new(shown);
    typed.write_all(b"me@example.com\n\n\n").unwrap();
    shown.read_until(b'?', &mut Vec::new()).unwrap();
    let changed = "notification:\n  mail_to: [old@example.com, new@example.com]\n";
    site.write("config.yml", changed);
    typed.write_all(b"y\nn\n").unwrap();
    drop(typed);
    let mut rest = String::new();
    shown.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest}");
    assert!(rest.contains("somebody has changed it meanwhile"), "{rest}");
    assert_eq!(fs::read_to_string(site.path("config.yml")).unwrap(), changed);
}

#[test]
fn help_is_plain_in_a_terminal() {
    let command = format!("{PROGRAM} reprot");
    let mut script = Command::new(path_of("script"));
    let ran = script.args(["-qec", &command, "/dev/null"]).envs([("TERM", "xterm"), ("SHELL", "/bin/sh")]).output();
    let ran: Ran = ran.unwrap().into();
    assert_eq!((ran.code, ran.out.contains('\x1b')), (2, false), "{}", ran.out);
    assert!(ran.out.contains("'report'"), "{}", ran.out);
}

#[test]
fn help_teaches_and_is_plain_in_a_pipe() {
    for command in ["serve", "report", "check", "send-test", "queue", "setup", "alertmanager-config"] {
        let ran = run(&[command, "--help"]);
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("Example") && !ran.out.contains('\x1b'), "{}", ran.out);
    }
    assert!(run(&["--version"]).out.starts_with(concat!("ns8-backup-monitor ", env!("CARGO_PKG_VERSION"))));
    let ran = run(&["reprot"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("'report'") && !ran.err.contains('\x1b'), "{}", ran.err);
}
