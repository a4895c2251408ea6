//! Keeps the history of each plan on disk: `history/<plan>.json` in the state directory.
//!
//! The watch, the jobs and the administrator's commands use it side by side: a lock makes writers wait for one another,
//! and a reader sees a whole file at any time.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use log::error;
use sha2::{Digest, Sha256};

use crate::model::history::{History, RunRecord, VERSION};
use crate::model::order::sort_by;
use crate::model::plan::PlanId;
use crate::system::files::{self, Lock};
use crate::system::messages;

/// Largest file that is read, in bytes: four times what 60 runs of 2,000 modules take.
const MAX_FILE: u64 = 16 << 20;
/// Longest name of a file, in bytes; what is beyond is told apart by a digest.
const MAX_NAME: usize = 120;
const ENDING: &str = "json";

/// The histories of all plans.
#[derive(Debug, Clone)]
pub struct Histories {
    folder: PathBuf,
}

/// Why a history cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file cannot be read or written now.
    #[error("{}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What is in it makes no sense.
    #[error("{}: {why}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// How so.
        why: String,
    },
    /// A later version of this program has written it: it is left alone.
    #[error(
        "{}: written by a later version of this program (format {version}), and left as it is: no run is recorded, and \
         no recovery noticed, until that version is installed again or the file is removed",
        file.display()
    )]
    Later {
        /// The file.
        file: PathBuf,
        /// Its version.
        version: u32,
    },
}

impl Histories {
    /// The histories below `state`, the state directory. Nothing is read or made yet.
    pub fn new(state: &Path) -> Self {
        Self { folder: state.join("history") }
    }

    /// Returns the history of `plan` up to now, which is empty if there is none yet.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or makes no sense. It is left as it is.
    pub fn load(&self, plan: &PlanId) -> Result<History, HistoryError> {
        self.whole(plan).map(up_to_now)
    }

    fn whole(&self, plan: &PlanId) -> Result<History, HistoryError> {
        match read(&self.file(plan)) {
            Err(HistoryError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(History::new(plan.clone()))
            }
            history => history,
        }
    }

    /// Records a run of `plan` in its history, which it returns. A file that makes no sense is set aside, and a new
    /// history begins.
    ///
    /// # Errors
    /// Returns an error if the record is not on disk.
    pub fn record(&self, plan: &PlanId, name: Option<&str>, run: RunRecord) -> Result<History, HistoryError> {
        let failed = |file: &Path| {
            let file = file.to_owned();
            move |source| HistoryError::File { file, source }
        };
        files::make_folder(&self.folder).map_err(failed(&self.folder))?;
        let lock = self.folder.join(".lock");
        let _held = Lock::wait(&lock).map_err(failed(&lock))?;
        let file = self.file(plan);
        // What lies ahead stays in the file: perhaps it is the present clock that is wrong.
        let mut history = match self.whole(plan) {
            Err(HistoryError::Damaged { why, .. }) => {
                set_aside(&file, &why);
                History::new(plan.clone())
            }
            history => history?,
        };
        if history.version > VERSION {
            return Err(HistoryError::Later { file, version: history.version });
        }
        let renamed = name.is_some() && history.name.as_deref() != name;
        if renamed {
            history.name = name.map(Into::into);
        }
        if !history.record(run) && !renamed {
            return Ok(up_to_now(history));
        }
        let content = serde_json::to_vec(&history).map_err(|error| failed(&file)(error.into()))?;
        files::write(&file, &content).map_err(failed(&file))?;
        Ok(up_to_now(history))
    }

    /// Returns the histories that can be read, by plan, and why others cannot.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read.
    pub fn all(&self) -> io::Result<(Vec<History>, Vec<HistoryError>)> {
        let (mut histories, mut errors) = (Vec::new(), Vec::new());
        for history in self.each()? {
            match history {
                Ok(history) => histories.push(up_to_now(history)),
                Err(error) => errors.push(error),
            }
        }
        sort_by(&mut histories, |a, b| a.plan.cmp(&b.plan));
        Ok((histories, errors))
    }

    /// Returns for each history to which no run can be added why that is so.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read.
    pub fn unusable(&self) -> io::Result<Vec<HistoryError>> {
        let why = |history: Result<History, HistoryError>| match history {
            Ok(History { plan, version, .. }) if version > VERSION => {
                Some(HistoryError::Later { file: self.file(&plan), version })
            }
            history => history.err(),
        };
        Ok(self.each()?.into_iter().filter_map(why).collect())
    }

    fn each(&self) -> io::Result<Vec<Result<History, HistoryError>>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let histories = paths.filter(|path| path.extension().is_some_and(|ending| ending == ENDING));
        Ok(histories.map(|path| read(&path)).collect())
    }

    fn file(&self, plan: &PlanId) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}", file_name(plan.as_str())))
    }
}

fn read(file: &Path) -> Result<History, HistoryError> {
    /// Only the version, which every version has.
    #[derive(serde::Deserialize)]
    struct Any {
        version: u32,
    }
    let damaged = |why: String| HistoryError::Damaged { file: file.into(), why };
    let content = match files::read(file, MAX_FILE) {
        Ok(content) => content,
        Err(error) if files::is_lost(&error) => return Err(damaged(error.to_string())),
        Err(source) => return Err(HistoryError::File { file: file.into(), source }),
    };
    serde_json::from_slice(&content).map_err(|error| match serde_json::from_slice::<Any>(&content) {
        Ok(Any { version }) if version > VERSION => HistoryError::Later { file: file.into(), version },
        _ => damaged(error.to_string()),
    })
}

fn up_to_now(mut history: History) -> History {
    history.not_after(Timestamp::now());
    history
}

/// Says once, in the journal, that a file makes no sense: afterwards it has another name.
fn set_aside(file: &Path, why: &str) {
    let path = file.display().to_string();
    error!(MESSAGE_ID = messages::HISTORY_SET_ASIDE, FILE = path, REASON = why;
        "{path} cannot be read: {why}. The history of this plan begins anew");
    files::set_aside_and_tell(file);
}

/// A plan's id as a file's name: letters, digits and `-` as they are, everything else as `%XX`.
fn file_name(plan: &str) -> String {
    let mut name = String::new();
    for byte in plan.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' => name.push(byte.into()),
            _ => _ = write!(name, "%{byte:02X}"),
        }
    }
    if name.len() > MAX_NAME {
        // No name from above has a `_`.
        let digest = Sha256::digest(plan.as_bytes());
        name.truncate(MAX_NAME / 2);
        name.push('_');
        digest.iter().take(16).for_each(|byte| _ = write!(name, "{byte:02x}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::model::plan::Plan;
    use crate::model::run::Outcome;

    fn plan(id: &str) -> PlanId {
        PlanId::new(id).unwrap()
    }

    fn run(night: i64) -> RunRecord {
        let due = Timestamp::from_second(1_763_600_000 + night * 86_400).unwrap();
        RunRecord::new(&Plan::unknown(plan("2")), Some(due), due, Outcome::Missed, true, &mut [].into_iter())
    }

    #[test]
    fn runs_are_there_for_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let histories = Histories::new(folder.path());
        assert_eq!(histories.load(&plan("2")).unwrap().runs, []);
        assert!(histories.all().unwrap().0.is_empty());
        for night in [0, 1, 1] {
            histories.record(&plan("2"), Some("Nightly"), run(night)).unwrap();
        }
        histories.record(&plan("../x"), None, run(0)).unwrap();
        let history = Histories::new(folder.path()).load(&plan("2")).unwrap();
        assert_eq!(history.runs, [run(0), run(1)]);
        assert_eq!(history.name.as_deref(), Some("Nightly"));
        let all: Vec<String> = histories.all().unwrap().0.into_iter().map(|history| history.plan.to_string()).collect();
        assert_eq!(all, ["../x", "2"]);
    }

    #[test]
    fn each_plan_has_a_file_of_its_own_and_none_elsewhere() {
        let ids = [
            "2",
            "../2",
            "..",
            ".",
            "a/b",
            "a%2Fb",
            "a_b",
            "A",
            "a",
            "é",
            "",
            "x.json",
            &"9".repeat(300),
            &"9".repeat(301),
            "\0",
        ];
        let names: BTreeSet<String> = ids.iter().map(|id| file_name(id)).collect();
        assert_eq!(names.len(), ids.len());
        for name in names {
            assert!(name.len() < 250 && !name.contains(['/', '.', '\0']), "{name}");
        }
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_a_later_one_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let histories = Histories::new(folder.path());
        histories.record(&plan("2"), None, run(0)).unwrap();
        let file = folder.path().join("history/2.json");
        fs::write(&file, "{ not json").unwrap();
        assert!(matches!(histories.load(&plan("2")), Err(HistoryError::Damaged { .. })));
        histories.record(&plan("2"), None, run(1)).unwrap();
        assert_eq!(histories.load(&plan("2")).unwrap().runs, [run(1)]);
        assert_eq!(fs::read_to_string(folder.path().join("history/2.broken")).unwrap(), "{ not json");

        for later in [r#"{"version":2,"columns":[]}"#, r#"{"version":2,"plan":"2","modules":[],"runs":[]}"#] {
            fs::write(&file, later).unwrap();
            assert!(matches!(histories.record(&plan("2"), None, run(2)), Err(HistoryError::Later { version: 2, .. })));
            assert_eq!(fs::read_to_string(&file).unwrap(), later, "a downgrade destroys nothing");
        }
        let huge = fs::File::create(&file).unwrap();
        huge.set_len(MAX_FILE + 1).unwrap();
        assert!(matches!(histories.load(&plan("2")), Err(HistoryError::Damaged { .. })));
    }

    #[test]
    fn what_is_dated_in_the_future_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let histories = Histories::new(folder.path());
        let ahead = Timestamp::now().checked_add(Duration::from_secs(86_400)).unwrap();
        histories.record(&plan("2"), None, RunRecord { due: Some(ahead), ..run(1) }).unwrap();
        assert_eq!(histories.load(&plan("2")).unwrap().runs, []);
        assert_eq!(histories.all().unwrap().0[0].runs, []);
        assert_eq!(histories.record(&plan("2"), None, run(0)).unwrap().runs, [run(0)]);
        assert_eq!(
            read(&histories.file(&plan("2"))).unwrap().runs.len(),
            2,
            "a clock that is behind forgets nothing for good"
        );
    }

    #[test]
    fn writers_wait_for_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let histories = Histories::new(folder.path());
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let histories = histories.clone();
                scope.spawn(move || {
                    (0..5).for_each(|n| drop(histories.record(&plan("2"), None, run(writer * 5 + n)).unwrap()))
                });
            }
        });
        assert_eq!(histories.load(&plan("2")).unwrap().runs.len(), 40);
    }
}
