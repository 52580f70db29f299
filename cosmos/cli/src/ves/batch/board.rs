//! How several files go, as one.

use std::collections::BTreeMap;

use errors::Error;

use super::plan::Task;
use crate::colour::Paint;
use crate::units::{Size, countdown};
use crate::ves::report::{Line, Outcome, Pace, Reporter, Summary};
use crate::ves::shared_args::ReportArgs;
use crate::ves::snapshot::Snapshot;

/// What is shown of several files, each by its number.
pub(in crate::ves) struct Board {
    args: ReportArgs,
    all: Reporter,
    pace: Pace,
    under_way: BTreeMap<usize, File>,
    done: Done,
    /// Whether each end is told by itself, as there is no end of all.
    each: bool,
    /// Bytes of sources, of all files that are known.
    bytes: f64,
}

/// A file that is under way.
struct File {
    task: Task,
    json: Reporter,
    bytes: f64,
    /// Of the work, 0 to 1; and what of it was done before this run.
    fraction: f64,
    reused: f64,
    output_bytes: u64,
}

#[derive(Default)]
struct Done {
    lines: BTreeMap<usize, Line>,
    files: usize,
    bytes: f64,
    output_bytes: u64,
    /// Bytes of sources that took time in this run.
    worked: f64,
}

impl Board {
    pub(in crate::ves) fn new(args: &ReportArgs, paint: Paint) -> Self {
        Self {
            args: args.clone(),
            all: Reporter::new(args, paint),
            pace: Pace::default(),
            under_way: BTreeMap::new(),
            done: Done::default(),
            each: false,
            bytes: 0.0,
        }
    }

    /// Of files that come one after the other without end.
    pub(in crate::ves) fn of_each(args: &ReportArgs, paint: Paint) -> Self {
        Self {
            each: true,
            ..Self::new(args, paint)
        }
    }

    /// What speaks for all files together.
    pub(in crate::ves) fn all(&mut self) -> &mut Reporter {
        &mut self.all
    }

    /// There is a file.
    pub(in crate::ves) fn add(&mut self, number: usize, task: Task) {
        let bytes = task.bytes() as f64;
        let json = Reporter::of_one(&self.args, &task.input(), task.rung.as_deref());
        self.bytes += bytes;
        let file = File {
            task,
            json,
            bytes,
            fraction: 0.0,
            reused: 0.0,
            output_bytes: 0,
        };
        self.under_way.insert(number, file);
    }

    /// What tells machines of a file.
    pub(in crate::ves) fn of(&mut self, number: usize) -> Option<&mut Reporter> {
        self.under_way.get_mut(&number).map(|file| &mut file.json)
    }

    /// Something moved in a file.
    pub(in crate::ves) fn update(&mut self, number: usize, now: Snapshot) {
        if let Some(file) = self.under_way.get_mut(&number) {
            file.update(now);
        }
        let worked: f64 = self.under_way.values().map(File::worked).sum();
        self.pace.saw(self.all.elapsed(), self.done.worked + worked);
        self.show();
    }

    /// A file is encoded.
    pub(in crate::ves) fn encoded(&mut self, number: usize, summary: &Summary) {
        let Some(mut file) = self.under_way.remove(&number) else {
            return;
        };
        file.json.finished(summary);
        match self.each {
            true => self.all.ended_one(summary),
            false => self.all.warnings(&file.task.name(), &summary.warnings),
        }
        self.done.output_bytes += summary.size_bytes;
        self.done.worked += file.bytes * (1.0 - file.reused);
        let line = Line::encoded(file.task.input(), file.task.output(), summary);
        self.ended(number, file.bytes, line);
    }

    /// A file cannot be encoded.
    pub(in crate::ves) fn failed(&mut self, number: usize, errors: &[Error]) {
        let Some(file) = self.under_way.remove(&number) else {
            return;
        };
        file.json.failed_for_machines(errors);
        self.all.problems(&file.task.name(), errors);
        let line = Line::new(file.task.input(), file.task.output(), Outcome::Failed);
        self.ended(number, file.bytes, line);
    }

    /// A file need not be encoded.
    pub(in crate::ves) fn skipped(&mut self, number: usize) {
        if let Some(file) = self.under_way.remove(&number) {
            let line = Line::new(file.task.input(), file.task.output(), Outcome::Skipped);
            self.ended(number, file.bytes, line);
        }
    }

    fn ended(&mut self, number: usize, bytes: f64, line: Line) {
        self.done.files += 1;
        self.done.bytes += bytes;
        if !self.each {
            self.done.lines.insert(number, line);
        }
        self.show();
    }

    /// What is known of every file, in their order; what is under way is unfinished.
    pub(in crate::ves) fn lines(&mut self) -> Vec<Line> {
        let left = std::mem::take(&mut self.under_way);
        let unfinished = |task: &Task| Line::new(task.input(), task.output(), Outcome::Unfinished);
        let left = left
            .into_iter()
            .map(|(n, file)| (n, unfinished(&file.task)));
        self.done.lines.extend(left);
        std::mem::take(&mut self.done.lines).into_values().collect()
    }

    fn show(&mut self) {
        let (fraction, words) = (self.fraction(), self.words());
        self.all.overall("encoding", fraction, &words);
    }

    fn worked_off(&self) -> f64 {
        let parts = self
            .under_way
            .values()
            .map(|file| file.bytes * file.fraction);
        self.done.bytes + parts.sum::<f64>()
    }

    fn fraction(&self) -> f64 {
        (self.worked_off() / self.bytes.max(1.0)).clamp(0.0, 1.0)
    }

    /// "3/12 files, 12.1 MiB, 4:12 left"
    fn words(&self) -> String {
        let total = self.done.files + self.under_way.len();
        let mut parts = vec![format!("{}/{total} files", self.done.files)];
        let written = self.under_way.values().map(|file| file.output_bytes);
        let written = self.done.output_bytes + written.sum::<u64>();
        if written > 0 {
            parts.push(Size(written).to_string());
        }
        let left = self.pace.left(self.bytes - self.worked_off());
        parts.extend(left.map(|left| format!("{} left", countdown(left))));
        parts.join(", ")
    }
}

impl File {
    fn update(&mut self, now: Snapshot) {
        if let Some(work) = now.work() {
            self.fraction = work.fraction();
            self.reused = work.reused as f64 / work.total.max(1) as f64;
            self.output_bytes = work.output_bytes;
        }
        self.json.update(now);
    }

    /// Bytes of the source that took time in this run.
    fn worked(&self) -> f64 {
        self.bytes * (self.fraction - self.reused).max(0.0)
    }
}
