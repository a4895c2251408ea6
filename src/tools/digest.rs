//! `digest`: all plans and the monitor itself on one page, printed or mailed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use log::{error, info};

use super::{Done, check, print, send, settings, settings_or_defaults, watch};
use crate::cli;
use crate::cluster::{self, Question, Selector, Want};
use crate::config::{Live, Settings, host_name};
use crate::deliver::SendError;
use crate::job::store;
use crate::job::way::{self, hand_over};
use crate::model::cluster::Cluster;
use crate::model::history::History;
use crate::model::mail::{Mail, Recipient, RecipientState};
use crate::model::plan::{Module, ModuleId, PlanId};
use crate::model::run::Outcome;
use crate::system::calendar::{CalendarError, elapses};
use crate::system::{self, files, journal};
use crate::watch::digest::{self, Checked, Digest, Known, Monitor, PlanDigest};
use crate::watch::history::Store;
use crate::watch::memory::Memory;
use crate::watch::node;

/// A digest that could not be delivered is tried again for this long; then a new one is written.
const KEEP: Duration = Duration::from_secs(6 * 86_400);
/// Largest mail that is read back, in bytes.
const MAX_MAIL: u64 = 4 << 20;

/// The command.
pub(super) async fn run(arguments: &cli::Digest, live: &Live) -> Done {
    let now = Timestamp::now();
    if arguments.weekly {
        return Ok(weekly(arguments, live, now).await);
    }
    let settings = if arguments.mail { settings(live)? } else { settings_or_defaults(live) };
    let digest = look(&settings, &store::state_directory(), &arguments.alertmanager, now).await;
    match arguments.json {
        true => print(&format!("{:#}\n", serde_json::json!(digest))),
        false => print(&digest::text(&digest, settings.notification.language, &system::zone())),
    }
    let sent = !arguments.mail
        || send(&settings, &mail(&settings, &digest), if arguments.json { |line| eprint!("{line}") } else { print })
            .await;
    Ok(if sent { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the timer does: logs to the journal, and mails the digest if this node watches.
async fn weekly(arguments: &cli::Digest, live: &Live, now: Timestamp) -> ExitCode {
    let settings = live.current();
    let logging = settings.as_ref().ok().map(|settings| &settings.logging);
    let level = logging.map_or(log::LevelFilter::Info, |logging| logging.level);
    journal::init(level, logging.and_then(|logging| logging.file.as_deref()));
    let sent = match settings {
        Ok(settings) => send_weekly(&settings, &store::state_directory(), &arguments.alertmanager, now).await,
        Err(error) => Err(error.to_string()),
    };
    match sent {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            error!("the digest is not sent: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn send_weekly(settings: &Settings, state: &Path, alertmanager: &str, now: Timestamp) -> Result<(), String> {
    if !settings.digest.enabled {
        info!("digest.enabled is false: no digest is mailed");
        return Ok(());
    }
    watch::is_ours(state)?;
    let node = node::id()?;
    // A node that cannot read the cluster does not know whether it watches: it says so.
    let leader = Question { plans: Selector::None, want: Want::default(), now };
    if let Ok(Cluster { leader, .. }) = cluster::read(&settings.redis, leader).await
        && !node::watches(node.as_deref(), leader.as_deref())
    {
        info!("node {} is the leader and mails the digest", leader.unwrap_or_default());
        return Ok(());
    }
    let file = state.join("digest.json");
    let failed = |error: io::Error| format!("{}: {error}", file.display());
    let unsent = files::read(&file, MAX_MAIL).ok().and_then(|content| serde_json::from_slice::<Mail>(&content).ok());
    let unsent =
        unsent.filter(|mail| Duration::try_from(now.duration_since(mail.written_at)).is_ok_and(|age| age < KEEP));
    let mut mail = match unsent {
        Some(mail) => mail,
        None => mail(settings, &look(settings, state, alertmanager, now).await),
    };
    files::make_folder(state).map_err(failed)?;
    let mut waits = None;
    let way = way::way(settings).await;
    for n in 0..mail.recipients.len() {
        let address = mail.recipients[n].address.clone();
        if mail.recipients[n].is_pending() {
            mail.recipients[n].state = match hand_over(&way, settings, &mail, &address).await {
                Ok(answer) => {
                    info!("sent the digest to {address}: {answer}");
                    RecipientState::Delivered { at: Timestamp::now() }
                }
                Err(SendError::Rejected(reason)) => {
                    error!("the digest will not reach {address}: {reason}");
                    RecipientState::GivenUp { at: Timestamp::now(), reason }
                }
                Err(error) => {
                    waits = Some(error.to_string());
                    RecipientState::Pending { last_error: waits.clone() }
                }
            };
            // Nobody gets it twice, also if the next one is not reached.
            files::write(&file, &serde_json::to_vec(&mail).unwrap_or_default()).map_err(failed)?;
        }
    }
    match waits {
        Some(why) => Err(why),
        None => files::remove(&file).map_err(failed),
    }
}

fn mail(settings: &Settings, digest: &Digest) -> Mail {
    let notification = &settings.notification;
    let domain = notification.mail_from.address.domain();
    Mail {
        plan: None,
        outcome: Outcome::Test,
        digest: String::new(),
        written_at: digest.written_at,
        subject: digest::subject(digest, &notification.subject_prefix, notification.language),
        body: digest::text(digest, notification.language, &system::zone()),
        message_id: format!("<digest-{:x}@{domain}>", digest.written_at.as_nanosecond()),
        thread_id: String::new(),
        html: None,
        run_at: None,
        recipients: notification.mail_to.iter().map(Recipient::new).collect(),
    }
}

/// Looks at everything that the digest says.
async fn look(settings: &Settings, state: &Path, alertmanager: &str, now: Timestamp) -> Digest {
    let histories: BTreeMap<PlanId, History> = Store::new(state)
        .all()
        .unwrap_or_default()
        .into_iter()
        .map(|history| (history.plan.clone(), history))
        .collect();
    let reported = histories.values().flat_map(|history| &history.runs).filter_map(|run| run.reported);
    let monitor = Monitor { last_report: reported.max(), ..monitor(settings, state, alertmanager, now).await };
    let mut digest = Digest {
        version: digest::VERSION,
        written_at: now,
        host: host_name(),
        cluster: None,
        unreadable: None,
        plans: Vec::new(),
        unplanned: None,
        monitor,
    };
    let want = Want { names: true, unplanned: true, ..Want::default() };
    let memory = Memory::peek(state);
    let cluster = match cluster::read(&settings.redis, Question { plans: Selector::All, want, now }).await {
        Ok(cluster) => cluster,
        Err(error) => return Digest { unreadable: Some(error.to_string()), ..digest },
    };
    let schedules: BTreeSet<String> = cluster.plans.iter().filter_map(|plan| plan.schedule.clone()).collect();
    let elapses = elapses(&schedules, now, None).await;
    for plan in cluster.plans.iter().filter(|plan| plan.defined || !plan.results.is_empty()) {
        let answer = plan.schedule.as_ref().and_then(|schedule| elapses.get(schedule));
        let known = Known {
            elapses: answer.and_then(|answer| answer.as_ref().ok()),
            since: memory.as_ref().and_then(|memory| memory.since(plan, now)),
            invalid: answer == Some(&Err(CalendarError::Invalid)),
            history: histories.get(&plan.id),
            cluster_backup: plan
                .repository
                .as_ref()
                .and_then(|destination| memory.as_ref()?.cluster_backups.get(destination)?.made),
        };
        digest.plans.push(PlanDigest::new(plan, known, settings.correlator.stale_after, now));
    }
    let named = |(id, module): (ModuleId, Module)| (id, module.ui_name);
    let unplanned = cluster.unplanned.map(|modules| modules.into_iter().map(named).collect());
    Digest { cluster: cluster.name, unplanned, ..digest }
}

async fn monitor(settings: &Settings, state: &Path, alertmanager: &str, now: Timestamp) -> Monitor {
    let (ok, found) = check::alertmanager(alertmanager, &settings.receiver).await;
    let relay = match way::check(settings).await {
        Ok((way, None)) => Checked { ok: true, found: way },
        Ok((way, Some(but))) => Checked { ok: true, found: format!("{way}; {but}") },
        Err(error) => Checked { ok: false, found: error.to_string() },
    };
    let looked_at = Memory::peek(state).and_then(|memory| memory.looked_at);
    Monitor {
        alertmanager: Checked { ok, found },
        relay,
        watch: Checked::watch(settings.watch.enabled, looked_at, now),
        queue: queue(state),
        last_report: None,
    }
}

fn queue(state: &Path) -> Checked {
    let folder = store::folder(state);
    let count = |ending| match store::files(&folder, ending) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        files => files,
    };
    let counts = || -> io::Result<[Vec<PathBuf>; 3]> { Ok([count("json")?, count("failed")?, count("broken")?]) };
    match counts() {
        Err(error) => Checked { ok: false, found: format!("{}: {error}", folder.display()) },
        Ok([waiting, failed, broken]) => {
            let found = format!(
                "{} job(s), {} given up, {} unreadable: ns8-backup-monitor queue",
                waiting.len(),
                failed.len(),
                broken.len()
            );
            Checked { ok: failed.is_empty() && broken.is_empty(), found }
        }
    }
}
