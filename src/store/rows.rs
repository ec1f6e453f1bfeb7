//! Plain rows that go into the store and come out of it. The store knows rows, not specs or models.

use std::fmt;
use std::path::PathBuf;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All values, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word in the store.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The inverse of [`as_str`](Self::as_str).
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

words! {
    /// The status of a run or a work.
    Status {
        /// Declared; no process computes it.
        Queued = "queued",
        /// A running process computes it.
        Running = "running",
        /// All its numbers are in the store.
        Done = "done",
        /// Its last attempt ended in an error.
        Failed = "failed",
        /// It was decided not to compute it.
        Skipped = "skipped",
    }
    /// The origin of pixels; numbers of simulated data are never compared with published values.
    DataKind {
        /// A microscope.
        Real = "real",
        /// The microscope simulator.
        Simulated = "simulated",
    }
    /// The size of an experiment.
    Scale {
        /// As declared.
        Paper = "paper",
        /// Shrunk by a documented function of the spec.
        Quick = "quick",
    }
    /// Baseline predictors that every table shows next to the model.
    Floor {
        /// Always the most frequent training label.
        Constant = "constant",
        /// A random draw from the training labels' distribution.
        Prior = "prior",
        /// Hand-made features under the same protocol.
        HandMade = "hand_made",
        /// Hand-made features of images whose channels were each standardised.
        HandMadeStandardised = "hand_made_standardised",
        /// The model before training.
        Untrained = "untrained",
    }
}

/// A data set as it was read.
#[derive(Clone, Debug)]
pub struct DatasetRow {
    /// `chammi`, or the name in `dataset.toml`.
    pub name: String,
    /// BLAKE3 of the tables and of the contents of the files; `-sampled` at its end says that pieces of them were read.
    pub fingerprint: String,
    /// Real or simulated.
    pub kind: DataKind,
    /// The simulated world; empty for real data.
    pub world: String,
    /// Number of images.
    pub images: u64,
    /// Anything else worth keeping: sets, splits, simulator settings.
    pub info: serde_json::Value,
}

/// A run: what is computed, the experiment that contains it, and its works.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// `RunId`.
    pub uid: String,
    /// `SpecId`.
    pub spec: String,
    /// The resolved spec.
    pub spec_json: serde_json::Value,
    /// The seed, below 2^63.
    pub seed: u64,
    /// As declared, or shrunk.
    pub scale: Scale,
    /// `(role, fingerprint)`: `("train", "91c0…")`, `("evaluate", "91c0…")`. The data sets are already in the store.
    pub data: Vec<(String, String)>,
    /// The experiment that contains it.
    pub experiment: ExperimentRow,
    /// What distinguishes this run's spec within the experiment: `("adapter", "hypernet")`.
    pub label: Vec<(String, String)>,
    /// Position of the spec in the experiment, from 0.
    pub place: u32,
    /// Its works, in the order of computation; parents come before children.
    pub works: Vec<WorkRow>,
}

/// An experiment as declared in a file.
#[derive(Clone, Debug)]
pub struct ExperimentRow {
    /// The function's name.
    pub name: String,
    /// The first line of its documentation.
    pub about: String,
    /// `experiments/hypernet_tps.rs`.
    pub file: String,
}

/// One unit of work in the plan.
#[derive(Clone, Debug)]
pub struct WorkRow {
    /// `WorkId`.
    pub uid: String,
    /// `fit`, `adapt`, `embed`, `score`.
    pub kind: String,
    /// What it does, resolved.
    pub json: serde_json::Value,
    /// The works whose results it reads.
    pub parents: Vec<String>,
}

/// The state of a run in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    /// `RunId`.
    pub uid: String,
    /// Its status.
    pub status: Status,
    /// Seconds that its works took, first start to last end of their last attempts; `None` before the end.
    pub seconds: Option<f64>,
    /// Its works, in order.
    pub works: Vec<WorkState>,
}

/// The state of a work in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkState {
    /// `WorkId`.
    pub uid: String,
    /// `fit`, `adapt`, `embed`, `score`.
    pub kind: String,
    /// Its status.
    pub status: Status,
    /// Number of attempts so far.
    pub attempts: u32,
    /// The error of the last attempt.
    pub error: Option<String>,
}

/// The owner of a work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Process id.
    pub pid: u32,
    /// The process started by the user: itself, or the one that it is a worker of. 0 if it computes nothing,
    /// or has not recorded it yet.
    pub caller: u32,
    /// Name of the computer.
    pub host: String,
    /// Start of the attempt, milliseconds since 1970 UTC.
    pub since_ms: i64,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is stored; the work is done.
    Done,
    /// It failed, with the message that the user saw.
    Error(String),
    /// A bug in the program: it panicked.
    Panic(String),
    /// Out of memory.
    Oom(String),
    /// The loss is NaN.
    Nan(String),
    /// Interrupted by a user or a program; the work goes back to `queued`.
    Signal,
    /// Preempted by a scheduler; the work goes back to `queued`.
    Preempted,
}

impl Outcome {
    /// The word in `attempt.outcome`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Error(_) => "error",
            Self::Panic(_) => "panic",
            Self::Oom(_) => "oom",
            Self::Nan(_) => "nan",
            Self::Signal => "signal",
            Self::Preempted => "preempted",
        }
    }

    /// The message that goes with it.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Error(text) | Self::Panic(text) | Self::Oom(text) | Self::Nan(text) => Some(text),
            Self::Done | Self::Signal | Self::Preempted => None,
        }
    }

    /// The resulting status of the work.
    pub fn status(&self) -> Status {
        match self {
            Self::Done => Status::Done,
            Self::Signal | Self::Preempted => Status::Queued,
            _ => Status::Failed,
        }
    }
}

/// One number of an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreRow {
    /// The protocol: `one_nn_cosine`.
    pub protocol: String,
    /// Name of the data set.
    pub data: String,
    /// A part of the test images, `batch=B3`; empty for all.
    pub part: String,
    /// `Allen/Task_one`; an average such as `cps` has its own name.
    pub task: String,
    /// A label for scores per class; empty for the whole task.
    pub class: String,
    /// `accuracy`, `f1_macro`, `precision`, …
    pub metric: String,
    /// The value; NaN is stored as NULL.
    pub value: f64,
    /// Number of images that it is computed from.
    pub n: u64,
}

impl ScoreRow {
    /// The images that it is about, in words: `jump`, or `jump having batch=B3`.
    pub fn images(&self) -> String {
        images(&self.data, &self.part)
    }
}

/// A data set and a part of its test images in words.
pub fn images(data: &str, part: &str) -> String {
    if part.is_empty() { data.into() } else { format!("{data} having {part}") }
}

/// A file produced by a work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactRow {
    /// Unique within the work: `weights`, `predictions/chammi`.
    pub name: String,
    /// `checkpoint`, `weights`, `features`, `predictions`.
    pub kind: String,
    /// Its path, relative to the store's folder.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its BLAKE3 in hexadecimal digits.
    pub blake3: String,
    /// The optimiser's step after which it was written, if applicable.
    pub step: Option<u64>,
}

/// One published number.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedRow {
    /// `chammi`.
    pub paper: String,
    /// `table4`.
    pub tbl: String,
    /// The model of the row.
    pub model: String,
    /// The other conditions of the row: `fine_tuned+tps`.
    pub condition: String,
    /// The project's name of the task or average; empty for numbers that are not about a task.
    pub task: String,
    /// `f1_macro` for tasks and averages.
    pub metric: String,
    /// The number; `None` where the published table is damaged.
    pub value: Option<f64>,
    /// Number of published decimals.
    pub decimals: u32,
    /// `ok`, or what is wrong with the published number.
    pub flag: String,
    /// More about it.
    pub note: String,
}

/// The published row that a spec reproduces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementRow {
    /// `chammi`.
    pub paper: String,
    /// `table4`.
    pub tbl: String,
    /// The model of the row.
    pub model: String,
    /// The other conditions of the row.
    pub condition: String,
    /// The paper's protocol.
    pub protocol: String,
    /// The name of the paper's data set.
    pub data: String,
    /// Why the published value cannot have come from this spec; empty if it can.
    pub against: String,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Bytes freed.
    pub bytes: u64,
    /// The works that no run needs any more.
    pub works: Vec<String>,
}
