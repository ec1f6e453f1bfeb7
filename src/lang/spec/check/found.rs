//! Collecting problems, and the phrases that several rules share.

use crate::spec::bounds::Bound;
use serde::Serialize;

/// One thing that is wrong with a spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The rule's name.
    pub rule: &'static str,
    /// What was expected and what was found.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// Problems found so far.
#[derive(Debug, Default)]
pub struct Found(pub(super) Vec<Problem>);

impl Found {
    /// Takes note of a problem where a rule does not hold.
    pub fn unless(&mut self, holds: bool, rule: &'static str, message: impl FnOnce() -> String, hint: &str) {
        if !holds {
            self.0.push(Problem { rule, message: message(), hint: hint.into() });
        }
    }

    /// A whole number within its bounds.
    pub fn within(&mut self, bound: &Bound, number: usize) {
        self.unless(bound.holds(number), bound.rule, || bound.message(number), bound.hint);
    }

    /// A finite number above 0; NaN is above nothing.
    pub fn above_zero(&mut self, rule: &'static str, name: &str, value: f64, hint: &str) {
        let holds = value > 0.0 && value.is_finite();
        self.unless(holds, rule, || format!("expected {name} above 0, found {value}"), hint);
    }

    /// A finite number of at least 0.
    pub fn not_negative(&mut self, rule: &'static str, name: &str, value: f64) {
        let holds = value >= 0.0 && value.is_finite();
        let message = || format!("expected {name} of at least 0, found {value}");
        self.unless(holds, rule, message, "0 switches it off");
    }

    /// A number from 0 to 1.
    pub fn probability(&mut self, name: &str, p: f64) {
        let holds = (0.0..=1.0).contains(&p);
        let message = || format!("expected a probability from 0 to 1 for {name}, found {p}");
        self.unless(holds, "probability", message, "0 is never, 1 is always");
    }

    /// Two numbers above 0, the first no larger than the second, the second at most `most`.
    pub fn interval(&mut self, rule: &'static str, name: &str, [low, high]: [f64; 2], most: f64, hint: &str) {
        let holds = low > 0.0 && low <= high && high <= most;
        let limit = if most < f64::MAX { format!(" <= {most}") } else { String::new() };
        let message =
            || format!("expected {name} with 0 < smallest <= largest{limit}, found {low} to {high}");
        self.unless(holds, rule, message, hint);
    }
}
