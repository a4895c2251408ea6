//! Each call of a tick that changes the disk: the tick is killed there, and the call fails there, one after the other.

use std::collections::BTreeSet;
use std::process::Stdio;

use super::Watched;
use crate::support::cases::side_by_side;
use crate::support::trace::{self, Call, Harm, Plot, Trace};

#[test]
fn each_durable_call_of_a_tick_may_be_the_last_or_fail() {
    let (calls, files) = tick_through(Box::new(|_| None), "unharmed");
    assert!(calls.len() > 10, "{calls:#?}");
    let each = |harm| (0..calls.len()).map(move |at| (at, harm));
    let cases: Vec<(usize, Harm)> = each(Harm::Fail).chain(each(Harm::KillBefore)).collect();
    side_by_side(&cases, |&(at, harm)| {
        let context = format!("{harm:?} at {at}, {} {}", calls[at].name, calls[at].path);
        let (until, left) = tick_through(Box::new(move |calls| (calls.len() == at + 1).then_some(harm)), &context);
        assert!(until.len() > at, "it did not come to that: {context}");
        assert_eq!(left, files, "{context}");
    });
}

/// One tick with a failed run that nobody has raised, on which `plot` comes, and further ones: each recipient has one
/// mail. Returns the first tick's calls, and the files that stay.
fn tick_through(plot: Plot, context: &str) -> (Vec<Call>, BTreeSet<String>) {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 40, 2);
    watched.site.service.start();
    assert_eq!(watched.site.service.request("GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n", b"").0, 200);
    let gate = watched.site.service.path("gate");
    let through = trace::through(&gate);
    let mut command = watched.command(&through[0]);
    command.args(&through[1..]).arg(env!("CARGO_BIN_EXE_ns8-backup-monitor"));
    watched.arguments(&mut command);
    let mut first = command.stderr(Stdio::null()).spawn().unwrap();
    let calls = Trace::follow(first.id(), gate, watched.site.service.path("state"), plot).ended();
    first.wait().unwrap();
    for _ in 0..2 {
        watched.tick();
        assert_eq!(watched.mails_each(), [1, 1], "{context}\n{}", watched.site.service.log());
    }
    let state = watched.site.service.path("state");
    let names = |folder: &str| crate::support::service::names(&state.join(folder), "");
    let files = ["", "history", "queue"].iter().flat_map(|folder| names(folder)).collect();
    (calls, files)
}
