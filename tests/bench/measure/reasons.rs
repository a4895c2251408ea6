//! Why modules failed, as the library finds it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ns8_backup_monitor::logs::{Ask, Journal, Loki, NodeAsk, Sources, reasons};
use ns8_backup_monitor::model::cluster;
use ns8_backup_monitor::model::plan::{ModuleId, PlanId};

const LIMIT: Duration = Duration::from_secs(120);

/// Asks the journal's files in `journal`, or the log server at `loki`; `-` is neither.
pub(crate) fn run(journal: &str, loki: &str, node: &str, plan: &str, since: &str, until: &str, modules: &str) {
    let directory = Some(PathBuf::from(journal)).filter(|_| journal != "-");
    let time = |text: &str| Timestamp::from_second(text.parse().expect("seconds")).expect("a time");
    let modules: BTreeMap<_, _> =
        modules.split(',').map(|id| (ModuleId::new(id).expect("a module's id"), None)).collect();
    let ask = Ask {
        plan: PlanId::new(plan).expect("a plan's id"),
        host: directory.is_some().then(|| node.into()),
        nodes: vec![NodeAsk { node: node.into(), since: time(since), until: time(until), modules }],
        uuids: BTreeMap::new(),
        own_units: false,
    };
    let sources = Sources {
        journal: Journal { directory, limit: LIMIT, ..Journal::default() },
        loki: loki.split_once(':').map(|(host, port)| {
            let (host, port) = (host.into(), port.parse().expect("a port"));
            Loki::new(&cluster::Loki { host, port, user: "loki".into(), password: "secret".into() }, LIMIT)
        }),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let start = Instant::now();
    let found = runtime.block_on(reasons(&sources, &ask));
    let seconds = start.elapsed().as_secs_f64();
    let known = found.modules.values().filter(|reason| !reason.lines.is_empty()).count();
    let gaps: Vec<String> = found.gaps.iter().map(|gap| format!("{:?}", gap.why)).collect();
    println!(
        "{}",
        serde_json::json!({ "seconds": seconds, "found": known, "gaps": gaps, "resident": super::resident() })
    );
}
