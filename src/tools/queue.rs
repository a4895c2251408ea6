//! `queue`: what is waiting, and why.
//!
//! The service holds its jobs in memory: this command only reads their files, and leaves wishes beside them that the
//! service carries out. If the service is not running, systemd starts it for a wish.
//!
//! The folder belongs to the service's user, and this command is root's: the folder is opened once, and no link in its
//! place or below it is followed.

use std::fmt::Write;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::{Done, as_root, print, table};
use crate::cli::{self, QueueAction};
use crate::config::Live;
use crate::job::store::{self, BROKEN, FAILED, JOB, Wish};
use crate::model::job::{Job, JobId, Stage};
use crate::model::mail::RecipientState;
use crate::model::order::sort_by;
use crate::model::text::clean;
use crate::model::time::age;
use crate::report;
use crate::report::figures::time;
use crate::system;

/// Longest wait for the service to take a wish: it looks for one every ten seconds while its jobs only follow runs.
const PATIENCE: Duration = Duration::from_secs(15);

/// What there is to say of an empty queue.
const NOTHING: &str = "Nothing is waiting.\n";

/// The command.
pub(super) async fn run(arguments: &cli::Queue, live: &Live) -> Done {
    let folder = Folder::open(store::folder(&store::state_directory()))?;
    let entries = folder.entries()?;
    let find = |id: &str| {
        let found = entries.iter().find(|entry| entry.id == id);
        found.ok_or_else(|| format!("there is no job {}; `ns8-backup-monitor queue` lists them", clean(id, 100)))
    };
    match arguments.action.as_ref().unwrap_or(&QueueAction::List) {
        QueueAction::List => {
            // Without a usable configuration nobody knows when: the job waits for that, too.
            let wait = live.current().ok().map(|settings| settings.correlator.wait.max(settings.correlator.max_wait));
            print(&overview(&entries, &Clock { now: Timestamp::now(), zone: system::zone(), wait }));
        }
        QueueAction::Show { id } => print(&page(find(id)?, &system::zone())),
        QueueAction::Retry { id: Some(id) } => retry(&folder, &[find(id)?]).await?,
        QueueAction::Retry { id: None } => retry(&folder, &entries.iter().collect::<Vec<_>>()).await?,
        QueueAction::Drop { id } => drop_job(&folder, find(id)?).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The queue's folder.
struct Folder {
    /// Its path.
    shown: PathBuf,
    /// Itself, held open, by another path; `None` if it does not exist yet.
    held: Option<(OwnedFd, PathBuf)>,
}

impl Folder {
    fn open(shown: PathBuf) -> Result<Self, String> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = match openat(CWD, &shown, flags, Mode::empty()) {
            Err(Errno::NOENT) => None,
            opened => {
                let held = opened.map_err(|error| unreadable(&shown, &error.into()))?;
                let path = format!("/proc/self/fd/{}", held.as_raw_fd()).into();
                Some((held, path))
            }
        };
        Ok(Self { shown, held })
    }

    /// Returns all files, oldest first.
    fn entries(&self) -> Result<Vec<Entry>, String> {
        let entries = self.held.as_ref().map_or(Ok(Vec::new()), |(_, path)| entries(path));
        entries.map_err(|error| unreadable(&self.shown, &error))
    }
}

fn unreadable(folder: &Path, error: &io::Error) -> String {
    format!("the queue {} cannot be read: {error}{}", folder.display(), as_root(error))
}

/// A file of the queue.
struct Entry {
    id: String,
    /// Its path below the folder that is held open.
    file: PathBuf,
    content: Content,
}

enum Content {
    /// A job that is being worked on.
    Live(Job),
    /// A job with a recipient who was given up.
    Failed(Job),
    /// A file that was set aside or cannot be read; why.
    Broken(String),
}

impl Entry {
    /// Returns the file's name.
    fn name(&self) -> String {
        clean(&self.file.file_name().unwrap_or_default().to_string_lossy(), 100)
    }
}

fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for ending in [JOB, FAILED, BROKEN] {
        let files = match store::files(folder, ending) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            files => files?,
        };
        for file in files {
            let id = clean(&file.file_stem().unwrap_or_default().to_string_lossy(), 100);
            let content = match (store::read_job(&file), ending) {
                (Ok(job), JOB) => Content::Live(job),
                (Ok(job), FAILED) => Content::Failed(job),
                // Finished or taken away in the meantime: no entry any more.
                (Err(_), _) if file.symlink_metadata().is_err() => continue,
                (Err(why), _) => Content::Broken(why.to_string()),
                (Ok(_), _) => Content::Broken("it was set aside".into()),
            };
            entries.push(Entry { id, file, content });
        }
    }
    sort_by(&mut entries, |one: &Entry, other| one.id.cmp(&other.id));
    Ok(entries)
}

/// What times are shown by.
struct Clock {
    now: Timestamp,
    zone: TimeZone,
    /// Longest wait of a job for its modules; `None` if the configuration is unusable.
    wait: Option<Duration>,
}

impl Clock {
    /// Returns a time that is to come, for people, with `more` about it, or `now`.
    fn show(&self, at: Option<Timestamp>, more: &str) -> String {
        let to_come = at.filter(|at| *at > self.now).map(|at| at.to_zoned_datetime(self.zone.clone()));
        to_come.map_or("now".into(), |at| at.strftime("%m-%d %H:%M").to_string() + more)
    }
}

fn overview(entries: &[Entry], clock: &Clock) -> String {
    if entries.is_empty() {
        return NOTHING.into();
    }
    let heading = ["JOB", "AGE", "PLAN", "STATE", "NEXT", "LAST ERROR"].map(String::from);
    let rows: Vec<[String; 6]> =
        std::iter::once(heading).chain(entries.iter().map(|entry| row(entry, clock))).collect();
    table(&rows)
}

fn row(entry: &Entry, clock: &Clock) -> [String; 6] {
    let (job, given_up) = match &entry.content {
        Content::Broken(why) => {
            let error = format!("{}: {why}", entry.name());
            return [entry.id.clone(), "-".into(), "-".into(), "broken".into(), "-".into(), clean(&error, 300)];
        }
        Content::Live(job) => (job, false),
        Content::Failed(job) => (job, true),
    };
    let age = age(job.accepted_at, clock.now);
    let plan = job.plan.as_ref().map_or("-".into(), |plan| clean(plan.as_str(), 40));
    let (state, next, error) = match &job.stage {
        Stage::Waiting => {
            let end = |wait| clock.show(job.accepted_at.checked_add(wait).ok(), " at the latest");
            ("waiting for its modules".into(), clock.wait.map_or("-".into(), end), None)
        }
        _ if given_up => ("given up".into(), "-".into(), reason_given_up(job)),
        Stage::Examined(_) => ("to address".into(), "now".into(), None),
        Stage::Following(_) => ("follows its run".into(), "-".into(), None),
        Stage::Done(_) => ("done".into(), "-".into(), None),
        Stage::Delivering(delivery) => {
            let next = clock.show(delivery.attempts.next_attempt_at, "");
            (format!("{} to send", delivery.pending()), next, delivery.last_error())
        }
    };
    let error = error.map_or("-".into(), |error| clean(error, 300));
    [entry.id.clone(), report::duration(age), plan, state, next, error]
}

/// Why somebody was given up.
fn reason_given_up(job: &Job) -> Option<&str> {
    job.mails().iter().flat_map(|mail| &mail.recipients).find_map(|recipient| match &recipient.state {
        RecipientState::GivenUp { reason, .. } => Some(reason.as_str()),
        _ => None,
    })
}

/// Everything about one job.
fn page(entry: &Entry, zone: &TimeZone) -> String {
    let job = match &entry.content {
        Content::Live(job) | Content::Failed(job) => job,
        Content::Broken(why) => return format!("{} cannot be read: {}\n", entry.name(), clean(why, 500)),
    };
    let accepted = time(job.accepted_at, zone);
    let mut page = format!("Job {}, {}, accepted {accepted}\n\nAlerts:\n", job.id, job.about());
    for alert in &job.alerts.kept {
        let labels: Vec<String> = alert.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        _ = writeln!(page, "  {}", clean(&labels.join(" "), 1000));
    }
    if job.alerts.left_out > 0 {
        _ = writeln!(page, "  and {} more", job.alerts.left_out);
    }
    if job.stage == Stage::Waiting {
        page.push_str("\nThe report is not written yet: the job waits for its plan to finish.\n");
    }
    for mail in job.mails() {
        page.push_str("\nRecipients:\n");
        for recipient in &mail.recipients {
            _ = writeln!(page, "  {}: {}", clean(&recipient.address, 300), became(&recipient.state, zone));
        }
        let body = mail.body.trim_end().replace(|c: char| c.is_control() && c != '\n', "\u{b7}");
        _ = writeln!(page, "\nSubject: {}\n\n{body}", clean(&mail.subject, 1000));
    }
    page
}

fn became(state: &RecipientState, zone: &TimeZone) -> String {
    match state {
        RecipientState::Pending { last_error: None } => "waiting".into(),
        RecipientState::Pending { last_error: Some(error) } => format!("waiting; {}", clean(error, 500)),
        RecipientState::Delivered { at } => format!("delivered {}", time(*at, zone)),
        RecipientState::GivenUp { at, reason } => {
            format!("given up {}; {}", time(*at, zone), clean(reason, 500))
        }
    }
}

/// Wishes another attempt for each of the jobs that has a report to send.
async fn retry(folder: &Folder, entries: &[&Entry]) -> Result<(), String> {
    if entries.is_empty() {
        print(NOTHING);
    }
    let mut jobs = Vec::new();
    for entry in entries {
        match &entry.content {
            Content::Live(job) if job.stage == Stage::Waiting => {
                print(&format!("{}: waits for its plan to finish; there is nothing to send yet\n", entry.id));
            }
            Content::Live(Job { stage: Stage::Following(_), .. }) => {
                print(&format!("{}: follows its run; the final report comes by itself\n", entry.id));
            }
            Content::Live(job) | Content::Failed(job) => jobs.push(&job.id),
            Content::Broken(_) => print(&format!("{}: cannot be read, and so cannot be retried\n", entry.id)),
        }
    }
    leave(folder, Wish::Retry, &jobs).await
}

async fn drop_job(folder: &Folder, entry: &Entry) -> Result<(), String> {
    match &entry.content {
        Content::Live(job) | Content::Failed(job) => leave(folder, Wish::Drop, &[&job.id]).await,
        // The service has nothing to do with a file that was set aside.
        Content::Broken(_) => {
            let removed = std::fs::remove_file(&entry.file);
            removed.map_err(|error| format!("{} cannot be removed: {error}", entry.name()))?;
            print(&format!("{}: removed\n", entry.id));
            Ok(())
        }
    }
}

/// Leaves a wish for the service about each of the jobs, and waits until they are taken.
async fn leave(folder: &Folder, wish: Wish, jobs: &[&JobId]) -> Result<(), String> {
    let Some((_, path)) = &folder.held else { return Ok(()) };
    let left = jobs.iter().map(|job| wish.leave(path, job)).collect::<io::Result<Vec<PathBuf>>>();
    let left = left.map_err(|error| {
        let folder = folder.shown.display();
        format!("cannot write a request for the service into {folder}: {error}{}", as_root(&error))
    })?;
    let taken = async {
        while left.iter().any(|file| file.symlink_metadata().is_ok()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let taken = match tokio::time::timeout(PATIENCE, taken).await {
        Ok(()) => "the service has accepted it",
        Err(_) => "the service has not accepted it yet; it will when it is free, or at its next start",
    };
    jobs.iter().for_each(|job| print(&format!("{job}: {taken}\n")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_waits_says_until_when() {
        let job: Job = serde_json::from_str(include_str!("../../tests/fixtures/queue/waiting.v1.json")).unwrap();
        let accepted_at = job.accepted_at;
        let entry = Entry { id: job.id.to_string(), file: "x".into(), content: Content::Live(job) };
        let next = |after: u64, wait: Option<u64>| {
            let now = accepted_at + Duration::from_secs(after);
            let clock = Clock { now, zone: TimeZone::UTC, wait: wait.map(Duration::from_secs) };
            row(&entry, &clock)[4].clone()
        };
        let end = (accepted_at + Duration::from_secs(900)).strftime("%m-%d %H:%M at the latest").to_string();
        assert_eq!(next(60, Some(900)), end);
        assert_eq!(next(901, Some(900)), "now", "it is being written");
        assert_eq!(next(60, None), "-");
    }
}
