use std::io::Write;

use super::*;

#[test]
fn keeps_whole_lines_of_beginning_and_end() {
    let mut kept = Kept::new(8, 8);
    for part in ["first\nha", "lf", "", "\nand much more\nhalf\nlast\n"] {
        kept.push(part.as_bytes());
    }
    assert_eq!(kept.text(), "first\n[output omitted]\nlast\n");
    let mut short = Kept::new(4, 3);
    short.push(b"abcdefg");
    assert_eq!(short.text(), "abcdefg");
}

#[test]
fn a_name_is_looked_for_on_the_path_a_path_is_not() {
    assert!(find("sh", &[]).unwrap().ends_with("sh"));
    for program in ["no-such-program", "./sh", ""] {
        assert!(matches!(find(program, &[]), Err(RunError::NotFound(_))), "{program}");
    }
    assert!(matches!(find("/etc/passwd", &[]), Err(RunError::NotExecutable(_))));
}

#[tokio::test]
async fn the_folders_that_come_first_have_the_program_and_its_interpreter() {
    let dir = tempfile::tempdir().unwrap();
    let install = |name: &str, text: &str| {
        // By a child: while one of our own, just forked, has a file open for writing, nobody can run it.
        let copy = format!("cat > '{0}'; chmod 755 '{0}'", dir.path().join(name).display());
        let mut child = std::process::Command::new("sh").args(["-c", &copy]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    };
    // The system has programs of both names, too.
    install("true", "#!/usr/bin/env cat\nread by the first cat\n");
    install("cat", "#!/bin/sh\necho the first cat\n");
    let first = vec![dir.path().to_owned()];
    let command = Command { program: "true".into(), first, ..sh("", LONG) };
    assert_eq!(command.run().await.unwrap().stdout, b"the first cat\n");
}

fn sh(script: &str, timeout: Duration) -> Command {
    let args = vec!["-c".into(), script.into()];
    Command { program: "sh".into(), args, timeout, max_output: 1024, ..Command::default() }
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn gets_the_given_environment_and_input_and_nothing_else() {
    let command = Command {
        env: vec![("SECRET".into(), "s3cret".into())],
        stdin: b"hello\n".repeat(1000),
        ..sh("env; wc -l; echo oops >&2; exit 3", LONG)
    };
    let output = command.run().await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<&str> = stdout.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // A shell adds its own: bash, which is `sh` on EL, the last two.
    names.retain(|name| !["PWD", "SHLVL", "_"].contains(name));
    names.sort();
    assert_eq!(names, ["LANG", "PATH", "SECRET"]);
    assert!(stdout.ends_with("1000\n"), "{stdout}");
    assert_eq!((output.status.code(), output.stderr.as_str(), output.truncated), (Some(3), "oops\n", false));
}

#[tokio::test]
async fn an_output_of_100_mb_is_read_to_the_end_and_not_kept() {
    let output = sh("head -c 100M /dev/zero | tee /dev/stderr; printf '\\nend\\n' >&2", LONG).run().await.unwrap();
    assert!(output.status.success() && output.truncated);
    assert_eq!(output.stdout.len(), 1024);
    assert!(output.stderr.len() < 2 * MAX_STDERR_PART + 100 && output.stderr.ends_with("end\n"));
}

#[tokio::test]
async fn input_that_nobody_reads_is_no_error() {
    let command = Command { stdin: vec![0; 1 << 20], ..sh("exec <&-; echo done", LONG) };
    assert_eq!(command.run().await.unwrap().stdout, b"done\n");
}

#[tokio::test]
async fn what_stays_in_the_background_is_stopped() {
    let output = sh("sleep 1000 & echo $!", LONG).run().await.unwrap();
    gone(&String::from_utf8(output.stdout).unwrap()).await;
}

#[tokio::test]
async fn when_its_time_is_up_the_whole_family_goes_even_if_it_ignores_sigterm() {
    let script = "trap '' TERM; setsid sleep 1000 & echo $! $$ >&2; while :; do sleep 1000; done";
    // However long the shell takes to get there.
    let mut limit = Duration::from_millis(300);
    let pids = loop {
        match sh(script, limit).run().await {
            Err(RunError::TimedOut { stderr, .. }) if stderr.is_empty() => limit *= 2,
            Err(RunError::TimedOut { stderr, .. }) => break stderr,
            other => panic!("{other:?}"),
        }
    };
    gone(&pids).await;
}

#[tokio::test]
async fn a_program_that_has_said_enough_is_stopped_with_its_family() {
    let script = "echo begun; setsid sleep 1000 & echo $! $$ no >&2; echo yes >&2; wait";
    let command = Command { enough: Some(|text| text.contains("yes")), ..sh(script, LONG) };
    let Err(RunError::TimedOut { early: true, stdout, stderr, .. }) = command.run().await else { panic!() };
    assert_eq!(stdout, b"begun\n");
    gone(stderr.trim_end_matches(|c: char| !c.is_ascii_digit())).await;
}

#[tokio::test]
async fn no_program_may_leave_a_core_dump() {
    assert_eq!(sh("ulimit -S -c", LONG).run().await.unwrap().stdout, b"0\n");
}

#[tokio::test]
async fn nothing_is_left_when_nobody_waits_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let script = format!("setsid sleep 1000 & echo $! $$ > '{0}.new'; mv '{0}.new' '{0}'; wait", pids.display());
    let command = sh(&script, LONG);
    tokio::select! {
        result = command.run() => panic!("{result:?}"),
        () = until(|| pids.exists()) => {}
    }
    gone(&fs::read_to_string(&pids).unwrap()).await;
}

/// Waits until `is_so` returns true.
async fn until(is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, looking).await.expect("it comes true");
}

/// Waits until none of these processes runs any more.
async fn gone(pids: &str) {
    let runs = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, state)| !state.starts_with(" Z"))
    };
    assert!(!pids.trim().is_empty());
    until(|| !pids.split_whitespace().any(runs)).await;
}
