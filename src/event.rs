//! Everything that long work can say while it runs. Training, embedding and simulation know listeners, not stores
//! or terminals; the command line wires the two together.

/// One thing said.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// `total` units of something begin: `Began { what: "training", unit: "step", total: 480 }`.
    Began {
        /// What is done, as a participle.
        what: &'a str,
        /// What is counted, in the singular.
        unit: &'a str,
        /// How many there are.
        total: u64,
    },
    /// So many units of it are done, counted from the beginning (a resumed work starts above 0).
    Advanced {
        /// Units done.
        done: u64,
        /// What stands beside the bar: `loss 1.92`.
        note: &'a str,
    },
    /// It is finished, or given up.
    Ended,
    /// One point of a curve.
    Metric {
        /// `loss`, `loss/<term>`, `lr`, `grad_norm`, `images_per_s`.
        name: &'a str,
        /// The optimiser's step, from 1.
        step: u64,
        /// The value; NaN is kept as such.
        value: f64,
    },
    /// What is needed to go on after so many steps lies complete on the disk. It is used from the end of this call on:
    /// what was said before has to be safe by then.
    Checkpoint {
        /// Steps taken.
        steps: u64,
        /// Its length.
        bytes: u64,
    },
    /// A sentence for the person who waits.
    Note(&'a str),
}

/// Somebody who hears events.
pub trait Listen {
    /// Takes note of one event; never fails and never blocks for long.
    fn hear(&mut self, event: &Event<'_>);

    /// Whether the work should stop at the next safe point (Ctrl-C).
    fn stop(&self) -> bool {
        false
    }

    /// Whether it should because a scheduler wants the machine back.
    fn preempted(&self) -> bool {
        false
    }
}

/// Nobody listens.
pub struct Silence;

impl Listen for Silence {
    fn hear(&mut self, _: &Event<'_>) {}
}
