//! What the disk lacks, and whether writing it fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use log::{error, info};

use super::job_file;
use crate::model::job::JobId;
use crate::system::journal::CRIT;
use crate::system::messages;

/// The pause before a write that failed is repeated.
pub(super) const REPEAT: Duration = Duration::from_secs(5);

/// What is to be written. A job is encoded when it is written, so that its newest state is.
#[derive(Default)]
pub(super) struct Outbox {
    due: Due,
    failing: bool,
    repeat_planned: bool,
}

/// Jobs and other files; a file without content is to be removed.
#[derive(Default)]
pub(super) struct Due {
    jobs: BTreeSet<JobId>,
    files: BTreeMap<String, Option<Vec<u8>>>,
}

impl Outbox {
    /// A job has changed.
    pub(super) fn job(&mut self, id: &JobId) {
        self.due.files.remove(&job_file(id));
        self.due.jobs.insert(id.clone());
    }

    /// The job's file is to stay: an alert has joined the job as the administrator dropped it.
    pub(super) fn keep(&mut self, id: &JobId) {
        self.due.files.remove(&job_file(id));
    }

    /// A file is to have this content, or to be removed.
    pub(super) fn file(&mut self, name: String, content: Option<Vec<u8>>) {
        self.due.files.insert(name, content);
    }

    /// The disk may hold other states of these jobs than the memory does.
    pub(super) fn restore(&mut self, ids: impl Iterator<Item = JobId>) {
        self.due.jobs.extend(ids);
    }

    pub(super) fn take(&mut self) -> Due {
        std::mem::take(&mut self.due)
    }

    /// Notes how writing `due` went: what failed is still due, unless something newer is.
    pub(super) fn settle(&mut self, due: Due, errors: &BTreeMap<String, String>, folder: &Path) {
        self.due.jobs.extend(due.jobs.into_iter().filter(|id| errors.contains_key(&job_file(id))));
        for (name, content) in due.files {
            if errors.contains_key(&name) {
                self.due.files.entry(name).or_insert(content);
            }
        }
        let (failed_before, folder) = (self.failing, folder.display());
        self.failing = !errors.is_empty();
        match (failed_before, errors.values().next()) {
            (false, Some(error)) => error!(PRIORITY = CRIT, MESSAGE_ID = messages::STATE_NOT_SAVED, REASON = error;
                "{folder} cannot be written: {error}. Work goes on from memory and would be lost or repeated if the \
                 machine stopped now; the write is tried again every {} s", REPEAT.as_secs()),
            (true, None) => info!("{folder} can be written again; everything is saved"),
            _ => {}
        }
    }

    /// Returns whether a repetition has to be planned now.
    pub(super) fn plan_repeat(&mut self) -> bool {
        !std::mem::replace(&mut self.repeat_planned, true)
    }

    pub(super) fn repeat_begins(&mut self) {
        self.repeat_planned = false;
    }

    pub(super) fn unsaved(&self) -> usize {
        if self.failing { self.due.jobs.len() + self.due.files.len() } else { 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.due.jobs.is_empty() && self.due.files.is_empty() && !self.repeat_planned
    }
}

impl Due {
    /// Returns each file with its content. `encode` gives a job's; a job that is gone has none, and neither has its
    /// file unless that is to be removed anyway.
    pub(super) fn files(&self, encode: impl Fn(&JobId) -> Option<Vec<u8>>) -> BTreeMap<String, Option<Vec<u8>>> {
        let mut files = self.files.clone();
        for id in &self.jobs {
            files.entry(job_file(id)).or_insert_with(|| encode(id));
        }
        files
    }
}
