//! Progress events of long work. Training, embedding and simulation know listeners, not stores or terminals;
//! the command line connects them.

/// One event.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Starts counting `total` units: `Began { what: "training", unit: "step", total: 480 }`.
    Began {
        /// The activity, as a participle.
        what: &'a str,
        /// The unit, in the singular.
        unit: &'a str,
        /// The number of units.
        total: u64,
    },
    /// Units done, counted from the beginning (resumed work starts above 0).
    Advanced {
        /// Units done.
        done: u64,
        /// Text next to the progress bar: `loss 1.92`.
        note: &'a str,
    },
    /// Finished, or given up.
    Ended,
    /// One point of a curve.
    Metric {
        /// `loss`, `loss/<term>`, `lr`, `weight_decay`, `grad_norm`, `images_per_s`, `teacher/<what>`.
        name: &'a str,
        /// The optimiser's step, from 1.
        step: u64,
        /// The value; NaN is kept as such.
        value: f64,
    },
    /// A checkpoint to resume from is complete on disk. It may be used as soon as this call returns: all
    /// earlier events must be durable by then.
    Checkpoint {
        /// Steps taken.
        steps: u64,
        /// Its size in bytes.
        bytes: u64,
    },
    /// A message for the user.
    Note(&'a str),
    /// A warning about a result, which is kept with the run.
    Remark(&'a str),
}

/// A receiver of events.
pub trait Listen {
    /// Receives one event; never fails and never blocks for long.
    fn receive(&mut self, event: &Event<'_>);

    /// Whether the work should stop at the next safe point (Ctrl-C).
    fn stop(&self) -> bool {
        false
    }

    /// Whether it should stop because a scheduler wants the machine back.
    fn preempted(&self) -> bool {
        false
    }
}

/// A listener that ignores everything.
pub struct Silence;

impl Listen for Silence {
    fn receive(&mut self, _: &Event<'_>) {}
}
