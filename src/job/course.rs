//! What follows in a job once its run was looked at. Pure: [`super::step`] does it, and so does the year of nights in
//! `tests/year`, by a clock of its own.

use super::look::Look;
use crate::model::cluster::ReadError;
use crate::model::job::{Delivery, Following, Job};

/// What a wait has ended with.
#[derive(Debug)]
pub struct Settled {
    /// The last look, which has everything; it began after the last announcement that counted. Or why there is none: an
    /// earlier look is no substitute, since it would show modules as unfinished that have finished since.
    pub look: Result<Look, ReadError>,
    /// Whether the run is over.
    pub over: bool,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// The last report.
    Final,
    /// A report of a run that goes on.
    Interim,
    /// Nothing yet: there is nothing to say about the run that goes on.
    Silence,
    /// Nothing any more: the plan was deleted.
    Nothing,
}

impl Settled {
    /// Returns what follows a wait of `job`, if jobs `follow` runs that go on.
    pub fn after_waiting(&self, job: &Job, follow: bool) -> Course {
        match &self.look {
            _ if self.over || !follow => Course::Final,
            Ok(look) if look.is_missing(job) => Course::Final,
            Ok(look) if !look.is_news(job) => Course::Silence,
            _ => Course::Interim,
        }
    }

    /// Returns what follows once the run that `job` has followed is over, or has news; `is_last` says that it is over,
    /// or has been followed for long enough.
    pub fn after_following(&self, job: &Job, following: &Following, is_last: bool) -> Course {
        let is_gone = || self.look.as_ref().is_ok_and(Look::is_gone);
        match is_last {
            true if following.silent && job.is_reminder() && is_gone() => Course::Nothing,
            true => Course::Final,
            false => Course::Interim,
        }
    }

    /// Returns what replaces a report before it is tried again; `None` if it stands.
    pub fn instead_of(&self, delivery: &Delivery, job: &Job) -> Option<Course> {
        match &self.look {
            Err(_) => None,
            Ok(_) if self.over || !delivery.interim => Some(Course::Final),
            Ok(_) if delivery.is_undelivered() => Some(self.after_waiting(job, true)),
            Ok(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::look::tests::{job, look};
    use crate::model::job::Attempts;

    /// A run that goes on.
    fn going_on(results: &[(&str, i64, u64)]) -> Settled {
        Settled { look: Ok(look(results)), over: false }
    }

    #[test]
    fn a_run_that_is_missing_has_one_report() {
        let before = [("a", -50, 0), ("b", -40, 0)];
        assert_eq!(going_on(&before).after_waiting(&job("NsBackupMissing", 1), true), Course::Final);
        assert_eq!(going_on(&before).after_waiting(&job("backup_failed", 1), true), Course::Interim);
        let begun = [("a", 5, 0), ("b", -40, 0)];
        assert_eq!(going_on(&begun).after_waiting(&job("NsBackupMissing", 1), true), Course::Interim);
    }

    #[test]
    fn a_last_report_is_replaced_by_a_last_one_although_the_run_goes_on() {
        let (job, settled) = (job("backup_failed", 1), going_on(&[("a", 5, 1), ("b", -40, 0)]));
        for (interim, course) in [(true, Course::Interim), (false, Course::Final)] {
            let delivery = Delivery { mails: Vec::new(), attempts: Attempts::default(), interim };
            assert_eq!(settled.instead_of(&delivery, &job), Some(course));
        }
    }
}
