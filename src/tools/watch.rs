//! `watch`: one look at all plans; what its timer starts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use log::{debug, error, info, warn};
use tokio::time::timeout;

use super::{Done, digest};
use crate::cluster::{self, Question, Selector, Want};
use crate::config::{Live, Settings};
use crate::job::{examine, store};
use crate::model::cluster::Cluster;
use crate::model::ended::Progress;
use crate::model::history::RunRecord;
use crate::model::job::Job;
use crate::model::mail::Mail;
use crate::model::plan::{Plan, PlanId};
use crate::system::files::{self, Lock};
use crate::system::journal;
use crate::system::kill;
use crate::system::messages;
use crate::system::zone_name;
use crate::watch::decide::{Decided, Facts, decide};
use crate::watch::going_on::lacking;
use crate::watch::history::Histories;
use crate::watch::meet::meet;
use crate::watch::memory::Memory;
use crate::watch::news::News;
use crate::watch::{cluster_backup, heartbeat, node, post, running, schedule};

/// How long one look may take: its unit has 5 minutes, also for saving and for the sign of life.
const LIMIT: Duration = Duration::from_secs(240);
/// How long the logs may take in one look, for all plans together.
const LOGS_LIMIT: Duration = Duration::from_secs(60);

/// How long the service may take to say that it takes alerts, before a sign of life.
const ASK_LIMIT: Duration = Duration::from_secs(20);

/// The command.
pub(super) async fn run(live: &Live) -> Done {
    let settings = live.current();
    journal::init(store::logging(settings.as_deref().ok()));
    let looked = match &settings {
        Ok(settings) => look(settings, &store::state_directory(), Timestamp::now()).await,
        Err(error) => Err(error.to_string()),
    };
    Ok(match looked {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            error!(MESSAGE_ID = messages::WATCH_FAILED, REASON = why; "the watch failed: {why}");
            ExitCode::FAILURE
        }
    })
}

async fn look(settings: &Settings, state: &Path, now: Timestamp) -> Result<(), String> {
    if !settings.watch.enabled {
        debug!("watch.enabled is false: nothing is watched");
        return Ok(());
    }
    store::refuse_anothers(state, "ns8-backup-monitor-watch").map_err(|error| error.to_string())?;
    let failed = |error: std::io::Error| format!("{}: {error}", state.display());
    files::make_folder(state).map_err(failed)?;
    let lock = state.join(".watch.lock");
    let taken = Lock::if_free(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let Some(_lock) = taken else {
        info!("another watch is looking");
        return Ok(());
    };
    let mut memory = Memory::load(state).map_err(failed)?;
    let watched = timeout(LIMIT, watch(settings, state, now, &mut memory)).await;
    memory.save(state).map_err(failed)?;
    kill::point("watch-saved");
    let watched = watched.map_err(|_| format!("it has taken longer than {} s", LIMIT.as_secs()))?;
    if watched? && let Some(url) = &settings.notification.heartbeat_url {
        sign_of_life(url, settings, state).await;
    }
    Ok(())
}

/// One look, unless this is the node of another's watch: then false.
async fn watch(settings: &Settings, state: &Path, now: Timestamp, memory: &mut Memory) -> Result<bool, String> {
    let node = node::id()?;
    if let Some(at) = memory.looked_at.filter(|_| memory.doubts(now)) {
        warn!(
            "the clock shows {now}, before the last look at {at}: if the clock stays behind, the next look goes by it"
        );
        return Ok(memory.watching == Some(true));
    }
    let cluster = match cluster::read(&settings.redis, everything(now)).await {
        Ok(cluster) => cluster,
        Err(error) => return Err(unreadable(settings, now, memory, error).await),
    };
    memory.unreadable = None;
    let watches = node::watches(node.as_deref(), cluster.leader.as_deref());
    if memory.watching.replace(watches) != Some(watches) {
        match watches {
            true => {
                info!("this node watches the cluster's backups");
                memory.take_over();
            }
            false => info!(
                "node {} is the leader and watches; this one does not",
                cluster.leader.as_deref().unwrap_or_default()
            ),
        }
    }
    if watches {
        look_at_plans(settings, state, now, memory, cluster).await?;
    } else {
        // It may be the leader tomorrow, and must know then what was due today.
        meet(&cluster.plans, zone_name().as_deref(), now, memory);
        schedule::refresh(memory, now).await;
    }
    memory.looked_at = Some(now);
    Ok(watches)
}

/// The question for all plans and their results.
fn everything(now: Timestamp) -> Question<'static> {
    Question { plans: Selector::All, want: Want::default(), now }
}

async fn look_at_plans(
    settings: &Settings,
    state: &Path,
    now: Timestamp,
    memory: &mut Memory,
    mut cluster: Cluster,
) -> Result<(), String> {
    let zone = zone_name();
    meet(&cluster.plans, zone.as_deref(), now, memory);
    schedule::refresh(memory, now).await;
    cluster_backup::refresh(&settings.repo_check, &cluster, now, &mut memory.cluster_backups).await;
    let histories = Histories::new(state);
    let mut progress = BTreeMap::new();
    let asked = ask_logs(settings, memory, &histories, &cluster.plans, now, &mut progress);
    if timeout(LOGS_LIMIT, asked).await.is_err() {
        warn!("the logs did not show the progress of each run within {} s", LOGS_LIMIT.as_secs());
    }
    if progress.values().any(|progress| *progress == Progress::Over) {
        // The last module may have ended after the results were read and before its log was.
        cluster = cluster::read(&settings.redis, everything(now)).await.map_err(|error| error.to_string())?;
        meet(&cluster.plans, zone.as_deref(), now, memory);
    }
    let cluster_backups: Vec<(&PlanId, Timestamp)> = cluster
        .plans
        .iter()
        .filter_map(|plan| Some((&plan.id, memory.cluster_backups.get(plan.repository.as_ref()?)?.made?)))
        .collect();
    let jobs = jobs(state);
    let facts = Facts {
        now,
        settings,
        plans: &cluster.plans,
        in_queue: &|plan, until| jobs.iter().any(|job| job.reports(plan, until)),
        progress: &|plan| progress.get(plan).copied().unwrap_or_default(),
        history: &|plan| histories.load(plan).inspect_err(|error| warn!("{error}")).ok(),
        cluster_backup: &|id| cluster_backups.iter().find(|(plan, _)| *plan == id).map(|(_, made)| *made),
    };
    let Decided { news, records } = decide(&facts, memory);
    keep(&histories, records, memory);
    kill::point("watch-recorded");
    let news = running::take_back(news, now).await;
    tell(settings, &news, memory).await
}

/// Keeps runs in the histories. One that is not on disk is recorded again at the next look.
fn keep(histories: &Histories, records: Vec<(PlanId, Option<String>, RunRecord)>, memory: &mut Memory) {
    for (plan, name, record) in records {
        if let Err(error) = histories.record(&plan, name.as_deref(), record) {
            warn!(BACKUP_ID = plan.as_str(); "a run of plan {plan} is not in the history: {error}");
            memory.plans.entry(plan).and_modify(|known| known.recorded = None);
        }
    }
}

/// Posts news to the program's own port, and notes in `memory` what has been said.
async fn tell(settings: &Settings, news: &[News], memory: &mut Memory) -> Result<(), String> {
    for news in news.chunks(post::AT_ONCE) {
        post::post(&settings.receiver, news).await?;
        kill::point("watch-posted");
        for news in news {
            let (plan, summary) = (news.plan.as_str(), news.summary());
            info!(MESSAGE_ID = messages::WATCH_NEWS, BACKUP_ID = plan, NEWS = summary; "plan {plan}: {summary}");
            memory.announced(news);
        }
    }
    Ok(())
}

/// Asks the logs about the runs that have lacked results for long, unless that was said already; what they say is
/// `found`.
async fn ask_logs(
    settings: &Settings,
    memory: &mut Memory,
    histories: &Histories,
    plans: &[Plan],
    now: Timestamp,
    found: &mut BTreeMap<PlanId, Progress>,
) {
    // The login to the log server is not part of a tick's reading: it is read when it is needed, once.
    let mut logs = None;
    for plan in plans {
        while let Some(run) = lacking(settings, memory, plan, now, || histories.load(&plan.id).ok()) {
            let sources = match &mut logs {
                Some(sources) => sources,
                None => {
                    let want = Want { loki: true, ..Want::default() };
                    let question = Question { plans: Selector::None, want, now };
                    let Ok(cluster) = cluster::read(&settings.redis, question).await else { return };
                    logs.insert(examine::sources(cluster.loki.as_ref()))
                }
            };
            let (progress, began) = examine::progress(sources, &run.plan, &run.assessment).await;
            found.insert(plan.id.clone(), progress);
            if !memory.plans.get_mut(&plan.id).is_some_and(|known| known.note_progress(run.due, progress, began)) {
                break;
            }
            found.remove(&plan.id);
        }
    }
}

/// Notes that the cluster cannot be read, and says so once, after `watch.grace`, if this node watches.
async fn unreadable(
    settings: &Settings,
    now: Timestamp,
    memory: &mut Memory,
    error: crate::model::cluster::ReadError,
) -> String {
    let (since, said) = memory.unreadable.unwrap_or((now, false));
    let since = since.min(now);
    let long = Duration::try_from(now.duration_since(since)).is_ok_and(|age| age >= settings.watch.grace);
    memory.unreadable = Some((since, said));
    if long && !said && memory.watching == Some(true) {
        let summary = format!("{error}, since {since}");
        match post::post_unreadable(&settings.receiver, &summary).await {
            Ok(()) => memory.unreadable = Some((since, true)),
            Err(why) => return format!("{error}; and {why}"),
        }
    }
    error.to_string()
}

/// The jobs in the queue. One that cannot be read is one that is not there: rather a mail too many.
fn jobs(state: &Path) -> Vec<Job> {
    let files = store::files(&store::folder(state), store::JOB).unwrap_or_default();
    files.iter().filter_map(|file: &PathBuf| store::read_job(file).ok()).collect()
}

/// Sends the sign of life, unless a mail does not get through, or did not, or the service takes no alerts.
async fn sign_of_life(url: &str, settings: &Settings, state: &Path) {
    let stuck = jobs(state).iter().filter(|job| job.mails().iter().any(Mail::is_held_up)).count();
    let [_, given_up, broken] = store::count(&store::folder(state)).unwrap_or_default();
    let troubles = [(stuck, "could not be delivered yet"), (given_up, "were given up"), (broken, "cannot be read")];
    if let Some((count, what)) = troubles.into_iter().find(|(count, _)| *count > 0) {
        warn!(
            "notification.heartbeat_url: heartbeat not sent: {count} report(s) {what}; see `ns8-backup-monitor queue`"
        );
        return;
    }
    if digest::is_held_up(settings, state, Timestamp::now()) {
        warn!("notification.heartbeat_url: heartbeat not sent: the digest could not be delivered yet");
        return;
    }
    // The service's own answer: it starts for this, and opens its queue.
    let asked = timeout(ASK_LIMIT, post::post(&settings.receiver, &[])).await;
    if let Err(why) = asked.unwrap_or_else(|_| Err("the service does not answer in time".into())) {
        warn!("notification.heartbeat_url: heartbeat not sent: {why}");
        return;
    }
    match heartbeat::beat(url).await {
        Ok(()) => debug!("notification.heartbeat_url: heartbeat sent"),
        Err(why) => warn!("notification.heartbeat_url: heartbeat failed: {why}"),
    }
}
