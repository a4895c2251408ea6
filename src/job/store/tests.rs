use std::fs;

use super::*;
use crate::model::alert::Alert;
use crate::model::job::{Attempts, Delivery};
use crate::model::mail::{Recipient, RecipientState};
use crate::model::plan::PlanId;

const DAY: Duration = Duration::from_secs(86_400);

fn alert(node: &str) -> Alert {
    let labels = [("node".to_owned(), node.to_owned())].into();
    Alert { name: "backup_failed".into(), labels, annotations: [].into(), starts_at: None }
}

fn for_plan(plan: &str, node: &str) -> (Option<PlanId>, Alert) {
    (PlanId::new(plan), alert(node))
}

fn batch(alerts: impl IntoIterator<Item = (Option<PlanId>, Alert)>) -> Batch {
    let mut batch = Batch::new();
    for (plan, alert) in alerts {
        batch.entry(plan).or_default().join(alert);
    }
    batch
}

fn settings(mail_to: &str) -> Settings {
    crate::config::parse(&format!("notification: {{ mail_to: [{mail_to}] }}\n")).unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T03:15:00Z".parse().unwrap()
}

fn open(state: &Path) -> (Store, mpsc::UnboundedReceiver<JobId>) {
    let (started, receiver) = mpsc::unbounded_channel();
    (Store::open(state, started).unwrap(), receiver)
}

/// Opens the queue as the next process would. The lock is free as soon as the last writer thread has ended.
async fn reopen(state: &Path, queue: Store) -> (Store, mpsc::UnboundedReceiver<JobId>) {
    drop(queue);
    let opening = async {
        loop {
            let (started, receiver) = mpsc::unbounded_channel();
            match Store::open(state, started) {
                Ok(queue) => return (queue, receiver),
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), opening).await.expect("the lock is free")
}

fn with_mail(mut job: Job, digest: &str, states: &[RecipientState]) -> Job {
    let recipient =
        |(n, state): (usize, &RecipientState)| Recipient { address: format!("{n}@example.com"), state: state.clone() };
    let recipients = states.iter().enumerate().map(recipient).collect();
    let (plan, digest) = (job.plan.clone(), digest.into());
    let mail = Mail { plan, digest, written_at: now(), ..Mail::sample(recipients) };
    job.stage = Stage::Delivering(Delivery { mails: vec![mail], attempts: Attempts::default(), interim: false });
    job
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".lock");
    names.sort();
    names
}

#[tokio::test]
async fn what_is_accepted_is_there_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    queue.accept(batch([for_plan("2", "1"), for_plan("7", "1"), (None, alert("1"))]), now()).await.unwrap();
    let mut first: Vec<JobId> = (0..3).map(|_| started.try_recv().unwrap()).collect();
    let (queue, mut started) = reopen(state.path(), queue).await;
    let mut again: Vec<JobId> = (0..3).map(|_| started.try_recv().unwrap()).collect();
    first.sort();
    again.sort();
    assert_eq!(first, again);
    assert_eq!(queue.get(&again[0]).unwrap().stage, Stage::Waiting);
    assert!(!queue.is_done());
}

#[tokio::test]
async fn alerts_of_one_plan_join_its_waiting_job_also_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let (queue, _started) = open(state.path());
    queue.accept(batch([for_plan("2", "1"), for_plan("2", "2")]), now()).await.unwrap();
    let (queue, mut started) = reopen(state.path(), queue).await;
    let id = started.try_recv().unwrap();
    assert_eq!(queue.joined(&id), (0, None));
    queue.accept(batch([for_plan("2", "3")]), now()).await.unwrap();
    assert!(started.try_recv().is_err(), "one job, started once");
    assert_eq!(queue.get(&id).unwrap().alerts.kept.len(), 3);
    let on_disk = disk::read_job(&queue.folder().join(format!("{id}.json"))).unwrap();
    assert_eq!(on_disk.alerts.kept.len(), 3);

    assert!(queue.joined(&id).1.is_some(), "the wait for further ones begins anew");
    assert!(!queue.close(&id, 0), "an alert has joined since");
    assert!(queue.close(&id, queue.joined(&id).0));
    queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
    assert_ne!(started.try_recv().unwrap(), id, "what comes after the wait is a job of its own");
}

#[tokio::test]
async fn a_thousand_requests_of_one_plan_are_one_job() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    let requests: Vec<_> = (0..1000)
        .map(|n| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.accept(batch([for_plan("2", &n.to_string())]), now()).await })
        })
        .collect();
    for request in requests {
        request.await.unwrap().unwrap();
    }
    let job = queue.get(&started.try_recv().unwrap()).unwrap();
    assert!(started.try_recv().is_err());
    assert_eq!(job.alerts.kept.len() as u64 + job.alerts.left_out, 1000);
}

#[tokio::test]
async fn too_many_jobs_are_refused_and_nothing_is_taken_in() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    let many = batch((0..=MAX_JOBS).map(|n| for_plan(&n.to_string(), "1")));
    assert!(matches!(queue.accept(many, now()).await, Err(AcceptError::Full)));
    assert!(queue.is_done() && started.try_recv().is_err());
}

#[tokio::test]
async fn too_many_bytes_are_refused_until_some_are_gone() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    let large = |plan: &str| {
        let mut large = for_plan(plan, "1");
        large.1.annotations.insert("a".into(), "x".repeat(MAX_BYTES / 2));
        vec![large]
    };
    for plan in ["1", "2"] {
        queue.accept(batch(large(plan)), now()).await.unwrap();
    }
    assert!(matches!(queue.accept(batch([for_plan("3", "1")]), now()).await, Err(AcceptError::Full)));
    queue.drop_job(&started.try_recv().unwrap(), DAY).await;
    queue.accept(batch([for_plan("3", "1")]), now()).await.unwrap();
}

#[tokio::test]
async fn a_batch_that_the_disk_does_not_take_is_not_accepted() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    fs::remove_dir_all(queue.folder()).unwrap();
    fs::write(queue.folder(), "in the folder's place").unwrap();
    assert!(matches!(queue.accept(batch([for_plan("2", "1")]), now()).await, Err(AcceptError::Disk { .. })));
    assert!(queue.inspect(|jobs| jobs.count()) == 0 && started.try_recv().is_err());
    fs::remove_file(queue.folder()).unwrap();
    fs::create_dir(queue.folder()).unwrap();
    queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
    assert!(started.try_recv().is_ok(), "the next try is accepted");
}

#[tokio::test]
async fn what_cannot_be_read_is_set_aside_at_every_length_and_version() {
    let whole = include_bytes!("../../../tests/fixtures/queue/delivering.v1.json");
    let state = tempfile::tempdir().unwrap();
    let folder = folder(state.path());
    fs::create_dir_all(&folder).unwrap();
    let trimmed = whole.trim_ascii_end();
    for length in 0..trimmed.len() {
        fs::write(folder.join(format!("20261122-031500-{length:04x}.json")), &trimmed[..length]).unwrap();
    }
    fs::write(folder.join("newer.json"), String::from_utf8_lossy(whole).replace("\"version\": 1", "\"version\": 99"))
        .unwrap();
    fs::write(folder.join("not a job.json"), whole).unwrap();
    fs::write(folder.join("left-over.json.tmp"), whole).unwrap();
    fs::write(folder.join("good.json"), whole).unwrap();
    let (queue, mut started) = open(state.path());
    assert_eq!(started.try_recv().unwrap().as_str(), "good", "the file's name is the job's");
    assert!(started.try_recv().is_err());
    assert_eq!(files(queue.folder(), "broken").unwrap().len(), trimmed.len() + 2);
    assert_eq!(files(queue.folder(), "json").unwrap().len(), 1);
    assert!(files(queue.folder(), "tmp").unwrap().is_empty());
}

#[tokio::test]
async fn one_service_at_a_time() {
    let state = tempfile::tempdir().unwrap();
    let (_queue, _started) = open(state.path());
    let error = Store::open(state.path(), mpsc::unbounded_channel().0).err().unwrap();
    assert!(error.to_string().contains("another ns8-backup-monitor"));
}

#[tokio::test]
async fn a_report_is_known_to_whoever_has_it_or_is_about_to_get_it() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
    let job = queue.get(&started.try_recv().unwrap()).unwrap();
    let states = [
        RecipientState::Delivered { at: now() },
        RecipientState::Pending { last_error: None },
        RecipientState::GivenUp { at: now(), reason: "r".into() },
    ];
    let job = with_mail(job, "same", &states);
    let mail = job.mails()[0].clone();
    let to = |n: usize| Recipient {
        address: format!("Somebody <{n}@EXAMPLE.com>"),
        state: RecipientState::Pending { last_error: None },
    };
    let knows = |queue: &Store, n: usize, later: Duration| {
        queue.table().has_it(&mail, &to(n), now().checked_add(later).unwrap(), DAY)
    };
    assert!(!knows(&queue, 0, Duration::ZERO));
    queue.advance(&job.id, job.stage.clone()).await;
    assert!(knows(&queue, 0, Duration::ZERO) && knows(&queue, 1, Duration::ZERO));
    assert!(!knows(&queue, 2, Duration::ZERO), "given up: a new report may try again");
    assert!(!knows(&queue, 0, DAY), "long enough ago, although its job is still at work");

    let done = with_mail(job, "same", &[RecipientState::Delivered { at: now() }]);
    queue.finish(&done, now(), DAY).await;
    assert!(queue.is_done());
    let (queue, _started) = reopen(state.path(), queue).await;
    assert!(knows(&queue, 0, Duration::from_secs(3600)));
    assert!(!knows(&queue, 0, DAY), "long enough ago");
    assert!(!knows(&queue, 1, Duration::ZERO));
    let other = Mail { digest: "other".into(), ..mail };
    assert!(!queue.table().has_it(&other, &to(0), now(), DAY), "other results are another report");
}

#[tokio::test]
async fn a_job_that_was_given_up_is_kept_and_can_be_retried_or_dropped() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
    let id = started.try_recv().unwrap();
    let given_up = RecipientState::GivenUp { at: now(), reason: "no such user".into() };
    let job = with_mail(queue.get(&id).unwrap(), "d", &[given_up]);
    queue.finish(&job, now(), DAY).await;
    assert_eq!(names(queue.folder()), [format!("{id}.failed"), "sent".into()]);

    fs::write(queue.folder().join(format!("{id}.retry")), "").unwrap();
    assert_eq!(queue.wishes(), [(id.clone(), Wish::Retry)]);
    assert_eq!(queue.wishes(), [], "carried out once");
    fs::write(queue.folder().join("a_b.retry"), "").unwrap();
    assert_eq!(queue.wishes(), [], "it names no job");
    assert!(!names(queue.folder()).contains(&"a_b.retry".into()), "and would start the service again");
    queue.retry(&id, &settings("0@example.com")).await;
    assert_eq!(started.try_recv().unwrap(), id);
    assert_eq!(names(queue.folder()), [format!("{id}.json"), "sent".into()]);
    queue.drop_job(&id, DAY).await;
    assert_eq!(names(queue.folder()), ["sent"]);
}

/// The alert was repeated twice while an address was wrong: the others were left out of the repetitions, since they had
/// the report.
#[tokio::test]
async fn a_report_that_was_given_up_three_times_is_sent_once_to_the_corrected_address() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    let had_it = RecipientState::Delivered { at: now() };
    let refused = RecipientState::GivenUp { at: now(), reason: "no such user".into() };
    let mut ids = Vec::new();
    for _ in 0..3 {
        queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
        let id = started.try_recv().unwrap();
        queue.close(&id, 0);
        let mut job = with_mail(queue.get(&id).unwrap(), "d", &[had_it.clone(), refused.clone()]);
        if let (Stage::Delivering(delivery), false) = (&mut job.stage, ids.is_empty()) {
            delivery.mails[0].recipients.remove(0);
        }
        queue.finish(&job, now(), DAY).await;
        ids.push(id);
    }
    ids.sort();
    let settings = settings("0@example.com, corrected@example.com");
    let mut waiting = Vec::new();
    for id in &ids {
        queue.retry(id, &settings).await;
        // As before each attempt.
        let Stage::Delivering(mut delivery) = queue.get(id).unwrap().stage else { panic!("it is tried again") };
        queue.readdress(&mut delivery, &settings);
        waiting.extend(delivery.mails[0].pending().map(|to| to.address.clone()));
        queue.advance(id, Stage::Delivering(delivery)).await;
    }
    assert_eq!(waiting, ["corrected@example.com"]);
}

#[tokio::test]
async fn a_report_that_was_given_up_is_not_sent_again_to_whom_another_job_has_sent_it() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    let refused = RecipientState::GivenUp { at: now(), reason: "no such user".into() };
    let mut ids = Vec::new();
    for recipients in [vec![refused.clone(), refused], vec![RecipientState::Delivered { at: now() }]] {
        queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
        let id = started.try_recv().unwrap();
        queue.close(&id, 0);
        queue.finish(&with_mail(queue.get(&id).unwrap(), "d", &recipients), now(), DAY).await;
        ids.push(id);
    }
    queue.retry(&ids[0], &settings("0@example.com, 1@example.com")).await;
    let Stage::Delivering(delivery) = queue.get(&ids[0]).unwrap().stage else { panic!("it is tried again") };
    assert_eq!(delivery.waiting().into_iter().map(|(_, to)| to).collect::<Vec<_>>(), ["1@example.com"]);
}

#[tokio::test]
async fn a_batch_that_is_refused_leaves_nothing_behind_in_a_job_either() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
    let id = started.try_recv().unwrap();
    let moved = state.path().join("moved");
    fs::rename(queue.folder(), &moved).unwrap();
    fs::write(queue.folder(), "in the folder's place").unwrap();
    let two = batch([for_plan("2", "2"), for_plan("7", "1")]);
    assert!(matches!(queue.accept(two, now()).await, Err(AcceptError::Disk { .. })));
    fs::remove_file(queue.folder()).unwrap();
    fs::rename(&moved, queue.folder()).unwrap();
    assert_eq!(queue.get(&id).unwrap().alerts.kept, [alert("1")]);
    assert_eq!(queue.inspect(|jobs| jobs.count()), 1);
    queue.accept(batch([for_plan("9", "1")]), now()).await.unwrap();
    let (queue, _started) = reopen(state.path(), queue).await;
    assert_eq!(queue.get(&id).unwrap().alerts.kept, [alert("1")]);
    assert_eq!(queue.inspect(|jobs| jobs.count()), 2);
}

#[tokio::test]
async fn what_is_no_file_is_set_aside() {
    let state = tempfile::tempdir().unwrap();
    let folder = folder(state.path());
    fs::create_dir_all(folder.join("20261122-031500-0001.json")).unwrap();
    fs::create_dir(folder.join("sent")).unwrap();
    std::os::unix::fs::symlink("/dev/null", folder.join("20261122-031500-0002.json")).unwrap();
    let (queue, _started) = open(state.path());
    queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
    assert_eq!(files(queue.folder(), "broken").unwrap().len(), 3);
}

#[tokio::test]
async fn a_retry_that_was_cut_short_leaves_no_failed_job_behind() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
    let id = started.try_recv().unwrap();
    // Killed between the write of the one and the removal of the other.
    fs::copy(queue.folder().join(format!("{id}.json")), queue.folder().join(format!("{id}.failed"))).unwrap();
    let (queue, _started) = reopen(state.path(), queue).await;
    let delivered = with_mail(queue.get(&id).unwrap(), "d", &[RecipientState::Delivered { at: now() }]);
    queue.finish(&delivered, now(), DAY).await;
    assert_eq!(names(queue.folder()), ["sent"]);
}

#[tokio::test]
async fn a_job_is_not_forgotten_before_what_was_sent_is_on_disk() {
    let state = tempfile::tempdir().unwrap();
    let (queue, mut started) = open(state.path());
    queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
    let id = started.try_recv().unwrap();
    fs::create_dir(queue.folder().join(".sent.tmp")).unwrap();
    let delivered = with_mail(queue.get(&id).unwrap(), "d", &[RecipientState::Delivered { at: now() }]);
    queue.finish(&delivered, now(), DAY).await;
    assert_eq!(names(queue.folder()), [".sent.tmp".into(), format!("{id}.json")]);
    assert!(!queue.is_done(), "the next process would send the report once more");
}

#[test]
fn a_write_that_fails_once_its_job_was_aborted_is_repeated() {
    let one_thread = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
    one_thread.unwrap().block_on(async {
        let state = tempfile::tempdir().unwrap();
        let (queue, mut started) = open(state.path());
        queue.accept(batch([for_plan("2", "1")]), now()).await.unwrap();
        let job = queue.get(&started.try_recv().unwrap()).unwrap();
        fs::rename(queue.folder(), state.path().join("moved")).unwrap();
        fs::write(queue.folder(), "in the folder's place").unwrap();
        // Holds the thread that writes until the job is gone.
        let (release, held) = std::sync::mpsc::channel::<()>();
        let _holder = tokio::task::spawn_blocking(move || held.recv());
        let task = tokio::spawn({
            let queue = queue.clone();
            async move { queue.finish(&job, now(), DAY).await }
        });
        while queue.0.writing.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        drop(release);
        drop(queue.0.writing.lock().await);
        assert_eq!(queue.unsaved(), 3);
    });
}
