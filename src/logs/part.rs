//! One module's part of a run: hears its lines, keeps the few that matter. Pure.

use std::collections::VecDeque;

use super::clean::{clean, shorten};
use super::speech::{Line, score, what};
use super::step::{End, Step};
use super::table::{self, Speaker};
use crate::model::order::sort_by_key;
use crate::model::reason::{Cause, Reason};
use crate::model::restic::retried;

/// Most lines of a module that are quoted.
pub(super) const MAX_LINES: usize = 5;

/// Most words of a program that are quoted for one step.
const MAX_WORDS: usize = 3;

/// Lines that are kept until it is known which step they belong to.
const MAX_TAIL: usize = 10;

/// Most lines of the gateway or the kernel that are kept.
const MAX_OVERHEARD: usize = 4;

/// Longest line that is kept, in bytes. Longer ones lose their end, back to a blank, so that no secret is cut in two.
const MAX_BYTES: usize = 8 * 1024;

/// A line that is kept, in the order in which it was heard.
#[derive(Debug, Clone)]
struct Said {
    step: Option<Step>,
    speaker: Speaker,
    order: u32,
    line: String,
}

/// A module's part of a run, or what is said in a run while no module's part is open.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// What no `[ERROR]` line has claimed yet.
    tail: VecDeque<(u32, String)>,
    /// What was said before restic made a new repository because it could not open one.
    before_init: VecDeque<(u32, String)>,
    said: Vec<Said>,
    overheard: Vec<Said>,
    failed: Vec<Step>,
    /// restic has said that the snapshot is there.
    saved: bool,
    /// restic has begun to remove old snapshots.
    pruning: bool,
    /// restic has ended with 3: it could not read some files.
    incomplete: bool,
    order: u32,
}

impl Part {
    /// Adds a line of the run's own log.
    pub(super) fn hear(&mut self, line: &str) {
        let line = whole_words(line);
        self.order += 1;
        match what(line) {
            Line::Chatter => {}
            Line::Words => keep(&mut self.tail, (self.order, line.to_owned())),
            Line::Opened => self.tail.clear(),
            Line::Healed(operation) => {
                let is_it = |line: &str| retried(line.trim_start()).is_some_and(|(failed, _)| failed == operation);
                self.tail.retain(|(_, line)| !is_it(line));
            }
            Line::Initializing => self.before_init = std::mem::take(&mut self.tail),
            line @ (Line::Saved | Line::Pruning) => {
                self.saved = true;
                self.pruning |= line == Line::Pruning;
                self.tail.retain(|(_, line)| line.starts_with("error"));
            }
            Line::Failed(step) => self.fail(step, line),
        }
    }

    /// Adds a line that the gateway or the kernel logged during the run.
    pub(super) fn overhear(&mut self, speaker: Speaker, line: &str) {
        self.order += 1;
        let line = clean(whole_words(line));
        self.overheard.retain(|said| !alike(&said.line, &line));
        if self.overheard.len() == MAX_OVERHEARD {
            self.overheard.remove(0);
        }
        self.overheard.push(Said { step: None, speaker, order: self.order, line });
    }

    fn fail(&mut self, step: Step, line: &str) {
        let error = clean(line);
        // Core before 3.20 says of a failed `forget` that the backup has failed.
        let step = if step == Step::Backup && self.pruning { Step::Retention } else { step };
        self.incomplete |= step == Step::Backup && error.ends_with("exit status 3");
        for (order, line) in self.words_of(step) {
            self.said.push(Said { step: Some(step), speaker: Speaker::Run, order, line });
        }
        self.said.push(Said { step: Some(step), speaker: Speaker::Run, order: self.order, line: error });
        if !self.failed.contains(&step) {
            self.failed.push(step);
        }
        // Six steps of four lines each; a log that repeats itself adds nothing.
        self.said.truncate(24);
    }

    /// The words before the report that `step` has failed.
    ///
    /// A repository that cannot be opened cannot be made anew, either: the first complaint has the cause. But that
    /// there is none yet is as it should be.
    fn words_of(&mut self, step: Step) -> Vec<(u32, String)> {
        let words = std::mem::take(&mut self.tail);
        let mut before = std::mem::take(&mut self.before_init);
        if step != Step::Init || before.is_empty() {
            return best(step, words);
        }
        let opening = best(step, before.clone());
        match table::cause(step, opening.iter().map(|(_, line)| (Speaker::Run, line.as_str()))) {
            Some(Cause::NoRepository) => best(step, words),
            Some(_) => opening,
            None => {
                before.extend(words);
                best(step, before)
            }
        }
    }

    /// Closes the part. `cut_off` is the cause of an end in the middle.
    pub(super) fn close(mut self, end: End, cut_off: Option<Cause>) -> Reason {
        // Failed statistics alone make no backup fail: it has died without a word of NS8's, and they only follow.
        let goes_on = matches!(end, End::Interrupted | End::Open) && !self.saved;
        let died = (end == End::Failed || goes_on) && self.failed.iter().all(|step| *step == Step::Stats);
        if died {
            self.failed.clear();
            self.said.retain(|said| !said.line.starts_with("[ERROR]"));
            self.said.iter_mut().for_each(|said| said.step = None);
        }
        if died || matches!(end, End::Interrupted | End::Open) {
            let words = std::mem::take(&mut self.tail);
            for (order, line) in best(Step::Backup, words) {
                self.said.push(Said { step: None, speaker: Speaker::Run, order, line });
            }
        }
        let cause = cut_off.or_else(|| self.cause(end));
        Reason { lines: self.quotes(end), cause, snapshot_written: self.snapshot_written(end) }
    }

    /// How the part has ended, if no mark says so.
    pub(super) fn end(&self) -> End {
        match self.decisive() {
            Some(step) if step != Step::Stats || !self.saved => End::Failed,
            _ if self.saved => End::Completed,
            _ => End::Open,
        }
    }

    /// Whether its last words tell of a failure that NS8 does not report.
    pub(super) fn complains(&self) -> bool {
        self.failed.is_empty() && self.tail.iter().any(|(_, line)| score(line) > 1)
    }

    /// The words that tell most of what was heard and belongs to no step.
    pub(super) fn words(self) -> Vec<String> {
        best(Step::Backup, self.tail).into_iter().map(|(_, line)| shorten(&line)).collect()
    }

    /// The step whose failure decides; `None` if the failure belongs to none.
    fn decisive(&self) -> Option<Step> {
        let decides = |step: &&Step| **step != Step::Stats;
        self.failed.iter().find(decides).or(self.failed.first()).copied()
    }

    fn cause(&self, end: End) -> Option<Cause> {
        let outside = || self.said.iter().filter(|said| said.step.is_none());
        let step = match self.decisive() {
            Some(Step::Stats) if outside().next().is_some() => None,
            step => step,
        };
        let own = self.said.iter().filter(|said| said.step == step);
        let heard = own.chain(self.overheard.iter().filter(|_| step.is_some() || end == End::Failed));
        let lines = heard.map(|said| (said.speaker, said.line.as_str()));
        match step {
            Some(Step::Stats) => Some(Cause::StatisticsFailed),
            // That there is no repository yet is as it should be.
            None => table::cause(Step::Backup, lines).filter(|cause| *cause != Cause::NoRepository),
            Some(step) => table::cause(step, lines).or_else(|| table::of_step(step)),
        }
    }

    fn snapshot_written(&self, end: End) -> Option<bool> {
        let failed = |step| self.failed.contains(&step);
        match end {
            _ if self.saved || self.incomplete || end == End::Completed => Some(true),
            // Core before 3.20 cleans up after a failed backup, too.
            _ if failed(Step::Dump) || failed(Step::Init) || failed(Step::Backup) => Some(false),
            _ if failed(Step::Retention) || failed(Step::Cleanup) => Some(true),
            End::Busy | End::GaveUp => Some(false),
            End::Completed | End::Failed | End::Open | End::Interrupted => None,
        }
    }

    /// The lines to quote: those of the decisive step, the gateway's and the kernel's; then what else there is room
    /// for.
    fn quotes(&self, end: End) -> Vec<String> {
        let decisive = self.decisive();
        let script = matches!(decisive, Some(Step::Dump | Step::Cleanup));
        let explains = end != End::Completed || !self.failed.is_empty();
        let rank = |said: &&Said| match said.step {
            step if step == decisive => 0,
            None => 1,
            Some(Step::Stats) => 3,
            Some(_) => 2,
        };
        let mut chosen: Vec<&Said> = self.said.iter().chain(&self.overheard).filter(|_| explains).collect();
        chosen.retain(|said| !(script && said.speaker == Speaker::Gateway));
        chosen.retain(|said| said.step != Some(Step::Stats) || decisive == Some(Step::Stats));
        sort_by_key(&mut chosen, rank);
        // What the gateway says explains restic's `500`: it comes before the second of two equal complaints.
        let mut at = 0;
        while at < chosen.len() {
            let (before, rest) = chosen.split_at(at);
            match before.iter().any(|said| alike(&said.line, &rest[0].line)) {
                true => _ = chosen.remove(at),
                false => at += 1,
            }
        }
        chosen.truncate(MAX_LINES);
        sort_by_key(&mut chosen, |said| said.order);
        chosen.iter().map(|said| shorten(&said.line)).collect()
    }
}

/// The words that tell most among a program's last lines, cleaned, in their order.
fn best(step: Step, lines: VecDeque<(u32, String)>) -> Vec<(u32, String)> {
    let mut words: Vec<(u32, u32, String)> = Vec::new();
    for (order, line) in lines {
        let line = clean(&line);
        let score = if table::knows(step, Speaker::Run, &line) { 3 } else { score(&line) };
        words.retain(|(_, _, other)| !alike(other, &line));
        if !line.is_empty() {
            words.push((score, order, line));
        }
    }
    sort_by_key(&mut words, |(score, order, _)| std::cmp::Reverse((*score, *order)));
    // Next to known words the rest is noise.
    let least = words.first().map_or(0, |(score, ..)| score.saturating_sub(1));
    words.retain(|(score, ..)| *score >= least);
    words.truncate(MAX_WORDS);
    sort_by_key(&mut words, |(_, order, _)| *order);
    words.into_iter().map(|(_, order, line)| (order, line)).collect()
}

/// Whether two lines say the same, but for numbers, as repeated attempts do.
fn alike(a: &str, b: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    a == b || letters(a) == letters(b)
}

fn keep(ring: &mut VecDeque<(u32, String)>, line: (u32, String)) {
    if ring.len() == MAX_TAIL {
        ring.pop_front();
    }
    ring.push_back(line);
}

/// `line`, or of a very long one the beginning, up to a blank.
fn whole_words(line: &str) -> &str {
    if line.len() <= MAX_BYTES {
        return line;
    }
    let end = (0..=MAX_BYTES).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    let end = line[..end].rfind(char::is_whitespace).unwrap_or(0);
    if end == 0 { "[line too long to quote]" } else { &line[..end] }
}
