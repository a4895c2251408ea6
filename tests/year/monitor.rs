//! The program under a virtual clock: the functions that it is made of, without its edges.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ns8_backup_monitor::config::{self, Settings};
use ns8_backup_monitor::deliver::pause;
use ns8_backup_monitor::job::course::{Course, Settled};
use ns8_backup_monitor::job::look::Look;
use ns8_backup_monitor::job::record;
use ns8_backup_monitor::job::store::{Sent, table::Table};
use ns8_backup_monitor::job::write::Writer;
use ns8_backup_monitor::model::alert::{Alert, Alerts};
use ns8_backup_monitor::model::cluster::{Cluster, ReadError, Why};
use ns8_backup_monitor::model::ended::{Open, Progress};
use ns8_backup_monitor::model::history::History;
use ns8_backup_monitor::model::job::{Attempts, Delivery, Done, Examined, Following, Job, JobId, Stage, time_left};
use ns8_backup_monitor::model::mail::{Mail, RecipientState};
use ns8_backup_monitor::model::plan::{Plan, PlanId};
use ns8_backup_monitor::model::repository::Probes;
use ns8_backup_monitor::model::run::{Outcome, State};
use ns8_backup_monitor::report::{Finding, PlanFacts};
use ns8_backup_monitor::watch::as_of::AsOf;
use ns8_backup_monitor::watch::decide::{Facts, decide};
use ns8_backup_monitor::watch::{going_on::lacking, meet::meet, memory::Memory, news, running};

use crate::calendar::around;
use crate::ns8::at;

/// How far a run has come, and when the last one began.
pub type Come = (Progress, Option<Timestamp>);

/// What the monitor can see and do now.
pub struct View<'a> {
    pub now: i64,
    /// The plans, each with its elapses; `None` if Redis does not answer.
    pub plans: Option<Vec<(Plan, &'a [i64])>>,
    pub relay: bool,
    /// How far a plan's run has come that was due at this time, by its log.
    pub progress: &'a dyn Fn(&PlanId, Option<i64>) -> Come,
    /// Plans whose unit is active on the leader.
    pub active: BTreeSet<PlanId>,
}

/// What a mail says.
#[derive(Debug, Clone)]
pub struct Said {
    pub plan: Option<PlanId>,
    pub written: i64,
    pub delivered: Option<i64>,
    pub interim: bool,
    pub due: Option<i64>,
    pub outcome: Outcome,
    pub states: BTreeMap<String, State>,
    pub in_a_row: usize,
    pub subject: String,
    /// The last runs in the history.
    pub before: String,
    pub id: String,
}

/// What only a running process knows of a job.
#[derive(Default)]
struct Work {
    next_attempt: i64,
    /// As of when the run is looked for, since the first look of a stage.
    reference: Option<Timestamp>,
}

pub struct Monitor {
    settings: Settings,
    table: Table,
    work: BTreeMap<JobId, Work>,
    pub memory: Memory,
    pub histories: RefCell<BTreeMap<PlanId, History>>,
    pub said: Vec<Said>,
}

impl Monitor {
    pub fn new() -> Self {
        let settings = config::parse("notification: { mail_to: [admin@example.com], html: false }\n").unwrap();
        Self {
            settings,
            table: Table::new(Sent::default()),
            work: BTreeMap::new(),
            memory: Memory::default(),
            histories: RefCell::default(),
            said: Vec::new(),
        }
    }

    /// A restart: what is not on disk is gone.
    pub fn restart(&mut self) {
        self.work.clear();
    }

    /// Takes alerts in, as the service does.
    pub fn post(&mut self, plan: &PlanId, alert: Alert, now: i64) {
        let alerts = Alerts { kept: vec![alert], left_out: 0 };
        let mut draft = self.table.draft();
        assert!(self.table.add(&mut draft, [(Some(plan.clone()), alerts)].into(), at(now)));
        self.table.install(draft);
    }

    /// Lets every job do what it can do now.
    pub fn step(&mut self, view: &View<'_>) {
        let ids: Vec<JobId> = self.table.jobs().map(|job| job.id.clone()).collect();
        for id in ids {
            // A stage that is over at once is followed by the next.
            for _ in 0..4 {
                let Some(job) = self.table.job(&id).cloned() else { break };
                let Some(next) = self.next(&job, view) else { break };
                match next {
                    Stage::Done(done) => {
                        let keep = self.settings.notification.repeat_after;
                        self.table.sent.remember(&done.mails, at(view.now), keep);
                        self.table.remove(&id);
                        self.work.remove(&id);
                    }
                    next => {
                        self.table.advance(&id, next);
                        self.work.entry(id.clone()).or_default().reference = None;
                    }
                }
            }
        }
    }

    fn next(&mut self, job: &Job, view: &View<'_>) -> Option<Stage> {
        match &job.stage {
            Stage::Waiting => self.wait(job, view),
            Stage::Examined(examined) => Some(self.address(examined, view)),
            Stage::Delivering(delivery) => self.deliver(job, delivery.clone(), view),
            Stage::Following(following) => self.follow(job, following, view),
            Stage::Done(_) => None,
        }
    }

    /// As `step::wait`.
    fn wait(&mut self, job: &Job, view: &View<'_>) -> Option<Stage> {
        let correlator = &self.settings.correlator;
        let left = |whole| !job.time_left(whole, at(view.now)).is_zero();
        if left(correlator.wait) {
            return None;
        }
        let is_open = left(correlator.max_wait);
        let settled = self.look(job, view);
        if !settled.over && is_open {
            return None;
        }
        let course = settled.after_waiting(job, !self.settings.correlator.follow.is_zero());
        Some(self.take(course, job, settled, Attempts::default(), view))
    }

    /// As `step::follow`.
    fn follow(&mut self, job: &Job, following: &Following, view: &View<'_>) -> Option<Stage> {
        let settled = self.look(job, view);
        let left = time_left(following.since, self.settings.correlator.follow, at(view.now));
        let is_last = settled.over || left.is_zero();
        let has_news = || following.silent && settled.look.as_ref().is_ok_and(|look| look.is_news(job));
        let course = (is_last || has_news()).then(|| settled.after_following(job, following, is_last))?;
        Some(self.take(course, job, settled, Attempts::default(), view))
    }

    /// As `step::take`.
    fn take(&mut self, course: Course, job: &Job, settled: Settled, attempts: Attempts, view: &View<'_>) -> Stage {
        match course {
            Course::Final => {
                assert!(self.table.close(&job.id, self.table.joined(&job.id).0));
                self.examine(job, settled, false, attempts, view)
            }
            Course::Interim => self.examine(job, settled, true, attempts, view),
            Course::Silence => Stage::Following(Following::silently(at(view.now))),
            Course::Nothing => Stage::Done(Done { mails: Vec::new() }),
        }
    }

    /// One look, as `look::Look` and `ended::Ended` take it.
    fn look(&mut self, job: &Job, view: &View<'_>) -> Settled {
        let found = view.plans.as_ref().map(|plans| plans.iter().find(|(plan, _)| Some(&plan.id) == job.plan.as_ref()));
        let Some(found) = found else { return Settled { look: Err(away()), over: false } };
        let (now, (plan, elapses)) = (at(view.now), found.expect("plans stay"));
        let work = self.work.entry(job.id.clone()).or_default();
        let reference = *work.reference.get_or_insert_with(|| job.reference(now));
        let look = self.look_as_of(reference, job, plan, elapses, now);
        let history = |plan: &PlanId| self.histories.borrow().get(plan).cloned();
        let look = look
            .with_unreported(job, &history)
            .unwrap_or_else(|earlier| self.look_as_of(earlier, job, plan, elapses, now));
        let (plan, assessment) = look.plans().next().expect("one plan");
        let open = Open::of(plan, assessment, history(&plan.id).as_ref(), self.settings.watch.grace, now);
        let progress = || (view.progress)(&plan.id, assessment.due.map(Timestamp::as_second)).0;
        let over = look.awaited().is_empty() || open.is_some_and(|open| open.is_over(progress()));
        Settled { look: Ok(look), over }
    }

    fn look_as_of(&self, reference: Timestamp, job: &Job, plan: &Plan, elapses: &[i64], now: Timestamp) -> Look {
        let known = around(elapses, reference.as_second());
        let elapses = known.overtaken(plan, now).map_or(known, |begun| around(elapses, begun.as_second()));
        let as_of = AsOf::now(now, &elapses, Some(&self.memory), self.settings.correlator.stale_after);
        let history = || self.histories.borrow().get(&plan.id).cloned();
        let (known, assessment) = as_of.of_job(job, reference).assess(plan, history);
        let cluster = cluster(&known);
        Look { cluster, assessments: vec![assessment], next_runs: vec![elapses.next], unreported: None }
    }

    /// As `write::write`.
    fn examine(&mut self, job: &Job, settled: Settled, interim: bool, attempts: Attempts, view: &View<'_>) -> Stage {
        let now = at(view.now);
        let mail = match &settled.look {
            Err(error) => self.mail(job, Finding::Unreadable(error.clone()), interim, view),
            Ok(look) => {
                let (plan, assessment) = look.plans().next().unwrap();
                let run = record::of(plan, assessment, &job.alerts, !interim, now);
                let history = {
                    let mut histories = self.histories.borrow_mut();
                    let history = histories.entry(plan.id.clone()).or_insert_with(|| History::new(plan.id.clone()));
                    history.not_after(now);
                    history.record(run.clone());
                    history.clone()
                };
                let failed = record::failed_runs(&history);
                let news = record::finding(plan, assessment, &job.alerts, failed, true);
                let probes = Probes::Disabled;
                let facts = PlanFacts { history: Some(&history), news, ..PlanFacts::new(plan, assessment, &probes) };
                Mail { run_at: Some(history.recorded(run).at), ..self.mail(job, Finding::Plan(facts), interim, view) }
            }
        };
        Stage::Examined(Examined { mails: vec![mail], interim, attempts, promises: job.promises() })
    }

    fn mail(&mut self, job: &Job, finding: Finding<'_>, interim: bool, view: &View<'_>) -> Mail {
        let mut before = String::new();
        let (due, states) = match &finding {
            Finding::Plan(facts) => {
                let runs = facts.history.iter().flat_map(|history| history.runs.iter().rev().take(4));
                before = format!("{:?}", runs.map(|run| (run.due, run.at, run.outcome)).collect::<Vec<_>>());
                let states = facts.assessment.modules.iter().map(|(id, state)| (id.to_string(), *state)).collect();
                (facts.assessment.due, states)
            }
            _ => (None, BTreeMap::new()),
        };
        let (settings, now) = (&self.settings, at(view.now));
        let mail = Writer { settings, job, interim, now, host: "leader", zone: TimeZone::UTC }.mail(None, finding);
        let in_a_row = mail.subject.split_once("[failed ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        self.said.push(Said {
            plan: job.plan.clone(),
            written: view.now,
            delivered: None,
            interim,
            due: due.map(|due| due.as_second()),
            outcome: mail.outcome,
            states,
            in_a_row: in_a_row.unwrap_or(1),
            subject: mail.subject.clone(),
            before,
            id: mail.message_id.clone(),
        });
        mail
    }

    /// As `Dispatch::address`.
    fn address(&self, examined: &Examined, view: &View<'_>) -> Stage {
        let address = |mail: &Mail| Mail {
            recipients: self.table.recipients(mail, &examined.promises, &self.settings, at(view.now)),
            ..mail.clone()
        };
        let mails = examined.mails.iter().map(address).filter(|mail| !mail.recipients.is_empty()).collect();
        Stage::Delivering(Delivery { mails, attempts: examined.attempts.clone(), interim: examined.interim })
    }

    /// As `step::deliver`.
    fn deliver(&mut self, job: &Job, mut delivery: Delivery, view: &View<'_>) -> Option<Stage> {
        let is_due = self.work.entry(job.id.clone()).or_default().next_attempt <= view.now;
        if !is_due {
            // The final report replaces an interim one that waits.
            let settled = if delivery.interim { self.look(job, view) } else { return None };
            let attempts = Attempts::default();
            return settled.over.then(|| self.take(Course::Final, job, settled, attempts, view));
        }
        if delivery.attempts.next_attempt_at.is_some() && delivery.may_be_outdated() {
            let attempts = Attempts { next_attempt_at: None, ..delivery.attempts.clone() };
            let settled = self.look(job, view);
            if let Some(course) = settled.instead_of(&delivery, job) {
                return Some(self.take(course, job, settled, attempts, view));
            }
        }
        if !view.relay && delivery.pending() > 0 {
            delivery.attempts.count += 1;
            let pause = pause(delivery.attempts.count, 0.5);
            delivery.attempts.next_attempt_at = at(view.now).checked_add(pause).ok();
            self.work.entry(job.id.clone()).or_default().next_attempt = view.now + pause.as_secs() as i64;
            self.table.advance(&job.id, Stage::Delivering(delivery));
            return None;
        }
        for mail in &mut delivery.mails {
            self.delivered(mail, view.now);
        }
        if delivery.interim {
            self.table.sent.remember(&delivery.mails, at(view.now), self.settings.notification.repeat_after);
        }
        Some(delivery.next(at(view.now)))
    }

    fn delivered(&mut self, mail: &mut Mail, now: i64) {
        mail.recipients.iter_mut().for_each(|to| to.state = RecipientState::Delivered { at: at(now) });
        let said = self.said.iter_mut().rev().find(|said| said.id == mail.message_id);
        said.expect("it was written").delivered = Some(now);
        if let (Some(plan), Some(run_at)) = (&mail.plan, mail.run_at)
            && let Some(history) = self.histories.borrow_mut().get_mut(plan)
            && let Some(run) = record::mark(history, run_at, at(now))
        {
            history.record(run);
        }
    }

    /// As `tools::watch` asks the logs.
    fn progress(&mut self, plans: &[Plan], view: &View<'_>) -> BTreeMap<PlanId, Progress> {
        let (now, histories) = (at(view.now), self.histories.borrow());
        let mut found = BTreeMap::new();
        for plan in plans {
            let history = || histories.get(&plan.id).cloned();
            while let Some(run) = lacking(&self.settings, &mut self.memory, plan, now, history) {
                let (progress, began) = (view.progress)(&plan.id, Some(run.due.as_second()));
                found.insert(plan.id.clone(), progress);
                if !self.memory.plans.get_mut(&plan.id).unwrap().note_progress(run.due, progress, began) {
                    break;
                }
                found.remove(&plan.id);
            }
        }
        found
    }

    /// A tick of the watch, as `tools::watch` does it.
    pub fn tick(&mut self, view: &View<'_>) {
        let Some(plans) = &view.plans else { return };
        let now = at(view.now);
        if self.memory.doubts(now) {
            return;
        }
        let all: Vec<Plan> = plans.iter().map(|(plan, _)| plan.clone()).collect();
        meet(&all, None, now, &mut self.memory);
        self.histories.borrow_mut().values_mut().for_each(|history| history.not_after(now));
        for (plan, elapses) in plans {
            self.memory.plans.get_mut(&plan.id).unwrap().elapses = Some(around(elapses, view.now));
        }
        let found = self.progress(&all, view);
        let facts = Facts {
            now,
            settings: &self.settings,
            plans: &all,
            in_queue: &|plan, until| self.table.jobs().any(|job| job.reports(plan, until)),
            progress: &|plan| found.get(plan).copied().unwrap_or_default(),
            history: &|plan| self.histories.borrow().get(plan).cloned(),
            cluster_backup: &|_| None,
        };
        let decided = decide(&facts, &mut self.memory);
        for (plan, _, record) in decided.records {
            let mut histories = self.histories.borrow_mut();
            histories.entry(plan.clone()).or_insert_with(|| History::new(plan)).record(record);
        }
        let names = &self.settings.receiver.alert_names.clone();
        for one in running::judge(decided.news, &view.active, now) {
            let batch = news::batch(std::slice::from_ref(&one), names);
            self.post(&one.plan, alert(&batch["alerts"][0]), view.now);
            self.memory.announced(&one);
        }
        self.memory.looked_at = Some(now);
    }
}

/// An alert of a webhook, as `serve::webhook` reads it.
pub fn alert(json: &serde_json::Value) -> Alert {
    let texts = |name: &str| serde_json::from_value(json[name].clone()).unwrap_or_default();
    let labels: BTreeMap<String, String> = texts("labels");
    let starts_at = json["startsAt"].as_str().and_then(|text| text.parse().ok());
    Alert { name: labels["alertname"].clone(), annotations: texts("annotations"), labels, starts_at }
}

fn cluster(plan: &Plan) -> Cluster {
    Cluster {
        name: None,
        uuid: None,
        leader: Some("1".into()),
        plans: vec![plan.clone()],
        unplanned: None,
        destinations: Vec::new(),
        smarthost: Ok(None),
        loki: None,
    }
}

fn away() -> ReadError {
    ReadError::Redis { address: "127.0.0.1:6379".into(), why: Why::ConnectionRefused }
}
