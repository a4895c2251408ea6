//! `digest`: all plans and the monitor itself on one page, printed or mailed.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use log::{error, info, warn};

use super::{Done, check, complain, history, print, print_json, send, settings, settings_or_defaults};
use crate::cli;
use crate::cluster::{self, Question, Selector, Want};
use crate::config::{Live, Settings, host_name};
use crate::deliver::SendError;
use crate::job::store;
use crate::job::way::{self, hand_over};
use crate::model::cluster::Cluster;
use crate::model::mail::{Mail, RecipientState};
use crate::model::order::map;
use crate::model::plan::{Module, ModuleId};
use crate::system::calendar::{CalendarError, elapses};
use crate::system::files::{self, Lock};
use crate::system::{self, journal};
use crate::watch::digest::{self, Checked, Digest, Found, Known, Looked, Monitor, PlanDigest};
use crate::watch::history::Histories;
use crate::watch::memory::Memory;
use crate::watch::{node, post};

/// A digest that could not be delivered is tried again for this long; then a new one is written.
const KEEP: Duration = Duration::from_secs(6 * 86_400);
/// The mail that not everybody has yet, in the state directory.
const FILE: &str = "digest.json";
/// Largest mail that is read back, in bytes.
const MAX_MAIL: u64 = 4 << 20;

/// The command.
pub(super) async fn run(arguments: &cli::Digest, live: &Live) -> Done {
    let now = Timestamp::now();
    if arguments.weekly {
        return Ok(weekly(arguments, live, now).await);
    }
    let settings = if arguments.mail { settings(live)? } else { settings_or_defaults(live) };
    let tell = |why: &str| complain(&format!("{why}\n"));
    let digest = look(&settings, &store::state_directory(), &arguments.alertmanager, now, &tell).await;
    let (language, zone) = (settings.notification.language, system::zone());
    match (arguments.json, arguments.html) {
        (true, _) => print_json(&serde_json::json!(digest)),
        (_, true) => print(&digest::html(&digest, language, &zone)),
        _ => print(&digest::text(&digest, language, &zone)),
    }
    // The answers must not get among JSON for a script, or a page.
    let say = if arguments.json || arguments.html { complain } else { print };
    let sent = !arguments.mail || send(&settings, &mail(&settings, &digest), say).await;
    Ok(if sent { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the timer does: logs to the journal, and mails the digest if this node watches.
async fn weekly(arguments: &cli::Digest, live: &Live, now: Timestamp) -> ExitCode {
    let settings = live.current();
    journal::init(store::logging(settings.as_deref().ok()));
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
    store::refuse_anothers(state, "ns8-backup-monitor-digest").map_err(|error| error.to_string())?;
    if let Some(leader) = leader_elsewhere(settings, now).await? {
        info!("node {leader} is the leader and mails the digest");
        return Ok(());
    }
    let (file, lock) = (state.join(FILE), state.join(".digest.lock"));
    let taken = files::make_folder(state).and_then(|()| Lock::if_free(&lock)).map_err(|error| failed(&lock, &error))?;
    let Some(_lock) = taken else {
        info!("another process is mailing the digest");
        return Ok(());
    };
    let mail = match unsent(&file, now) {
        Some(mut mail) => {
            mail.readdress(&settings.notification.mail_to, |_, _| true);
            mail
        }
        None => {
            let digest = look(settings, state, alertmanager, now, &|why| warn!("{why}")).await;
            mail(settings, &Digest { weekly: true, ..digest })
        }
    };
    write(&file, &mail).map_err(|error| failed(&file, &error))?;
    deliver(settings, mail, &file).await?;
    files::remove(&file).map_err(|error| failed(&file, &error))
}

/// The mail in `file` that not everybody has yet, unless it is too old.
fn unsent(file: &Path, now: Timestamp) -> Option<Mail> {
    let mail: Mail = serde_json::from_slice(&files::read(file, MAX_MAIL).ok()?).ok()?;
    Duration::try_from(now.duration_since(mail.written_at)).is_ok_and(|age| age < KEEP).then_some(mail)
}

/// Whether the last digest could not be delivered yet.
pub(super) fn is_held_up(settings: &Settings, state: &Path, now: Timestamp) -> bool {
    settings.digest.enabled && unsent(&state.join(FILE), now).is_some_and(|mail| mail.is_held_up())
}

/// Returns the node that mails the digest, if that is another one. A node that cannot read the cluster does not know
/// whether it watches: it says so in its own digest.
async fn leader_elsewhere(settings: &Settings, now: Timestamp) -> Result<Option<String>, String> {
    let node = node::id()?;
    let question = Question { plans: Selector::None, want: Want::default(), now };
    let leader = cluster::read(&settings.redis, question).await.ok().and_then(|Cluster { leader, .. }| leader);
    Ok(leader.filter(|leader| !node::watches(node.as_deref(), Some(leader))))
}

/// Hands `mail` to each recipient who waits for it, and keeps in `file` who has it: nobody gets it twice, also if the
/// next one is not reached. Returns why somebody still waits.
async fn deliver(settings: &Settings, mut mail: Mail, file: &Path) -> Result<(), String> {
    let way = way::way(settings).await;
    let mut waits = Ok(());
    for n in 0..mail.recipients.len() {
        let address = mail.recipients[n].address.clone();
        if !mail.recipients[n].is_pending() {
            continue;
        }
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
                waits = Err(error.to_string());
                RecipientState::Pending { last_error: Some(error.to_string()) }
            }
        };
        write(file, &mail).map_err(|error| failed(file, &error))?;
    }
    waits
}

fn write(file: &Path, mail: &Mail) -> io::Result<()> {
    files::write(file, &serde_json::to_vec(mail)?)
}

fn failed(file: &Path, error: &io::Error) -> String {
    format!("{}: {error}", file.display())
}

fn mail(settings: &Settings, digest: &Digest) -> Mail {
    let notification = &settings.notification;
    let (language, zone) = (notification.language, system::zone());
    let subject = digest::subject(digest, &notification.subject_prefix, language);
    let html = notification.html.then(|| digest::html_mail(digest, language, &zone));
    let body = digest::text(digest, language, &zone);
    Mail { html, ..super::mail(settings, "digest", digest.written_at, subject, body) }
}

/// Looks at everything that the digest says; `tell` hears which histories cannot be read.
async fn look(settings: &Settings, state: &Path, alertmanager: &str, now: Timestamp, tell: &dyn Fn(&str)) -> Digest {
    let (histories, unreadable) = history::all(&Histories::new(state)).unwrap_or_else(|why| {
        tell(&why);
        Default::default()
    });
    unreadable.iter().for_each(|why| tell(&history::in_words(why)));
    let reported = histories.iter().flat_map(|history| &history.runs).filter_map(|run| run.reported);
    let monitor = monitor(settings, state, alertmanager, reported.max(), now).await;
    let mut digest = Digest {
        version: digest::VERSION,
        written_at: now,
        weekly: false,
        host: host_name(),
        cluster: None,
        unreadable: None,
        plans: Vec::new(),
        unplanned: None,
        monitor,
    };
    let want = Want { names: true, unplanned: true, ..Want::default() };
    let memory = Memory::read(state).ok();
    let cluster = match cluster::read(&settings.redis, Question { plans: Selector::All, want, now }).await {
        Ok(cluster) => cluster,
        Err(error) => return Digest { unreadable: Some(error), ..digest },
    };
    let schedules: BTreeSet<String> = cluster.plans.iter().filter_map(|plan| plan.schedule.clone()).collect();
    let elapses = elapses(&schedules, now, None).await;
    for plan in &cluster.plans {
        let answer = plan.schedule.as_ref().and_then(|schedule| elapses.get(schedule));
        let known = Known {
            elapses: answer.and_then(|answer| answer.as_ref().ok()),
            memory: memory.as_ref().filter(|_| settings.watch.enabled),
            grace: settings.watch.grace,
            invalid: answer == Some(&Err(CalendarError::Invalid)),
            history: histories.iter().find(|history| history.plan == plan.id),
            cluster_backup: plan
                .repository
                .as_ref()
                .and_then(|destination| memory.as_ref()?.cluster_backups.get(destination)?.made),
        };
        digest.plans.push(PlanDigest::new(plan, known, settings.correlator.stale_after, now));
    }
    let named = |(id, module): (ModuleId, Module)| (id, module.ui_name);
    let unplanned = cluster.unplanned.map(|modules| map(modules.into_iter().map(named)));
    Digest { cluster: cluster.name, unplanned, ..digest }
}

async fn monitor(
    settings: &Settings,
    state: &Path,
    alertmanager: &str,
    last_report: Option<Timestamp>,
    now: Timestamp,
) -> Monitor {
    let [alertmanager, relay] = check::of_the_monitor(alertmanager, settings).await;
    let looked = match Memory::read(state) {
        Ok(memory) => memory.looked_at.map_or(Looked::InVain, Looked::At),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Looked::Never,
        Err(error) => Looked::Unknown(format!("when it last looked is not known: watch.json: {error}")),
    };
    Monitor {
        alertmanager,
        relay,
        watch: Checked::watch(settings.watch.enabled, looked, now),
        queue: queue(settings, state).await,
        last_report,
    }
}

/// Judges what is in the queue, and asks the service whether it takes alerts.
async fn queue(settings: &Settings, state: &Path) -> Checked {
    let counted = count(state);
    match post::post(&settings.receiver, &[]).await {
        Err(why) if counted.ok => Checked { ok: false, found: Found::ByCheck(why) },
        _ => counted,
    }
}

fn count(state: &Path) -> Checked {
    let folder = store::folder(state);
    match store::count(&folder) {
        Err(error) => {
            let found = Found::QueueUnreadable(folder.display().to_string(), error.to_string());
            Checked { ok: false, found }
        }
        Ok([jobs, given_up, unreadable]) => {
            Checked { ok: given_up + unreadable == 0, found: Found::Queue { jobs, given_up, unreadable } }
        }
    }
}
