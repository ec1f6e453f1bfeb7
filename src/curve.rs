//! Quantities that change over a training: rates, decays, momenta and temperatures as pure functions of the
//! step, so that a resumed training needs only the step.

use crate::spec::{Ramp, Schedule, Span};
use std::f64::consts::PI;

/// The position in a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The step, from 0.
    pub step: u64,
    /// Steps in an epoch.
    pub steps_per_epoch: u64,
    /// Steps of all epochs together.
    pub total: u64,
}

impl Clock {
    /// The first step of a training of one step.
    pub const START: Self = Self { step: 0, steps_per_epoch: 1, total: 1 };

    /// The epoch of the step, from 1.
    pub fn epoch(&self) -> usize {
        (self.step / self.steps_per_epoch.max(1)) as usize + 1
    }

    /// The last step of an epoch, from 1.
    #[must_use]
    pub fn end_of_epoch(self, epoch: usize) -> Self {
        Self { step: (epoch as u64 * self.steps_per_epoch).saturating_sub(1), ..self }
    }
}

/// A number that depends on the step.
#[derive(Clone, Debug, PartialEq)]
pub enum Curve {
    /// Constant.
    Constant(f64),
    /// Linear from one number to another, then constant (torch's `LinearLR`).
    Linear {
        /// At step 0.
        from: f64,
        /// At the end.
        to: f64,
        /// Number of steps.
        steps: u64,
    },
    /// Linear from `start` to `peak`, both included in the `warmup` steps, then a cosine to `end` over the
    /// remaining steps (DINO's `cosine_scheduler`). If `end` is above `peak`, it rises.
    Cosine {
        /// At step 0, if there is a warmup.
        start: f64,
        /// After the warmup.
        peak: f64,
        /// What the cosine would reach after the last step.
        end: f64,
        /// Steps of the warmup.
        warmup: u64,
    },
    /// A ramp of whole epochs from `start` to `peak`, then a cosine to `end` over the remaining steps.
    Ramped {
        /// How it rises.
        ramp: Ramp,
        /// At step 0.
        start: f64,
        /// After the ramp.
        peak: f64,
        /// What the cosine would reach after the last step.
        end: f64,
        /// Epochs of the ramp.
        warmup: usize,
    },
    /// Set once at the start of each epoch, the first of a few with `from` and the last of them with `to`, then constant
    /// (`numpy.linspace`). Where the time is a share of the training, it is set in each step.
    Stairs {
        /// At the beginning.
        from: f64,
        /// At the end of that time, and after it.
        to: f64,
        /// That time.
        over: Span,
    },
    /// timm's cosine, set once at the start of each epoch t = 1, 2, …; epochs before `warmup` rise linearly.
    /// The ramp replaces the beginning of the cosine; it does not delay it (specification, section 3.3).
    EpochCosine {
        /// The end of the ramp, and the value of the cosine at t = 0.
        peak: f64,
        /// The start of the ramp, and the end of the cosine.
        schedule: Schedule,
        /// Number of epochs.
        epochs: usize,
    },
}

impl Curve {
    /// Its value at a step.
    pub fn at(&self, clock: &Clock) -> f64 {
        let step = clock.step;
        match self {
            Self::Constant(value) => *value,
            Self::Linear { from, to, steps } if step < *steps => {
                from + (to - from) * step as f64 / *steps as f64
            }
            Self::Linear { to, .. } => *to,
            Self::Cosine { start, peak, warmup, .. } if step < *warmup => {
                let intervals = warmup.saturating_sub(1).max(1);
                start + (peak - start) * step as f64 / intervals as f64
            }
            Self::Cosine { peak, end, warmup, .. } => {
                let whole = clock.total.saturating_sub(*warmup).max(1);
                let share = ((step - warmup) as f64 / whole as f64).min(1.0);
                end + 0.5 * (peak - end) * (1.0 + libm::cos(PI * share))
            }
            Self::Ramped { ramp, start, peak, end, warmup } => {
                ramped(*ramp, (*start, *peak, *end), *warmup as u64 * clock.steps_per_epoch, clock)
            }
            Self::Stairs { from, to, over } => {
                let (at, points) = match over {
                    Span::Epochs(epochs) => (clock.epoch() as f64 - 1.0, epochs.round()),
                    Span::Share(_) => (step as f64, over.steps(clock.steps_per_epoch, clock.total) as f64),
                };
                if at < points { from + (to - from) * at / (points - 1.0).max(1.0) } else { *to }
            }
            Self::EpochCosine { peak, schedule, epochs } => {
                let (t, Schedule { warmup, warmup_lr, lr_min }) = (clock.epoch(), schedule);
                if t < *warmup {
                    return warmup_lr + t as f64 * (peak - warmup_lr) / *warmup as f64;
                }
                if t >= *epochs {
                    return *lr_min;
                }
                lr_min + 0.5 * (peak - lr_min) * (1.0 + libm::cos(PI * t as f64 / *epochs as f64))
            }
        }
    }

    /// The same curve with its peak multiplied by a factor; both ends are unchanged, unless the factor is 0: then it is 0
    /// throughout, so that what does not learn does not move.
    #[must_use]
    pub fn peaking(&self, factor: f64) -> Self {
        if factor == 0.0 {
            return Self::Constant(0.0);
        }
        let mut curve = self.clone();
        match &mut curve {
            Self::Constant(peak)
            | Self::Linear { to: peak, .. }
            | Self::Cosine { peak, .. }
            | Self::Ramped { peak, .. }
            | Self::Stairs { to: peak, .. }
            | Self::EpochCosine { peak, .. } => *peak *= factor,
        }
        curve
    }
}

/// A ramp of `warmup` steps, then a cosine.
fn ramped(ramp: Ramp, (start, peak, end): (f64, f64, f64), warmup: u64, clock: &Clock) -> f64 {
    if ramp == Ramp::Inclusive {
        return Curve::Cosine { start, peak, end, warmup }.at(clock);
    }
    let each = (peak - start) / warmup.max(1) as f64;
    let late = if ramp == Ramp::Late && warmup > 0 { each } else { 0.0 };
    if clock.step < warmup {
        return start + late + each * clock.step as f64;
    }
    Curve::Cosine { start, peak: peak + late, end, warmup }.at(clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(curve: &Curve, total: u64) -> Vec<f64> {
        (0..total).map(|step| curve.at(&Clock { step, steps_per_epoch: 5, total })).collect()
    }

    #[test]
    fn what_does_not_learn_does_not_move() {
        let curve = Curve::Cosine { start: 0.1, peak: 1.0, end: 0.2, warmup: 2 };
        assert_eq!(values(&curve.peaking(0.0), 6), [0.0; 6]);
        assert_eq!(curve.peaking(0.5).at(&Clock { step: 0, steps_per_epoch: 5, total: 6 }), 0.1);
    }

    #[track_caller]
    fn assert_near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found} instead of {expected}");
        }
    }

    #[test]
    fn epochs_agree_with_timm() {
        let path = crate::golden::folder().join("schedule.json");
        let golden: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let schedule = Schedule { warmup: 3, warmup_lr: 1e-5, lr_min: 1e-6 };
        for (peak, rates) in golden["rates"].as_object().unwrap() {
            let peak: f64 = peak.parse().unwrap();
            let curve = Curve::EpochCosine { peak: 1.0, schedule: schedule.clone(), epochs: 15 };
            for (t, expected) in rates.as_array().unwrap().iter().enumerate() {
                // Every step of an epoch has the rate of its first step.
                for step in [0, 6] {
                    let clock = Clock { step: 7 * t as u64 + step, steps_per_epoch: 7, total: 7 * 15 };
                    let (found, expected) = (curve.peaking(peak).at(&clock), expected.as_f64().unwrap());
                    let apart = (found - expected).abs();
                    assert!(apart <= 1e-12 * peak.max(expected), "t {}: {found} {expected}", t + 1);
                }
            }
        }
    }

    /// `numpy.concatenate((numpy.linspace(0, 1, 4), 0.1 + 0.45 * (1 + numpy.cos(numpy.pi * numpy.arange(6) / 6))))`
    #[test]
    fn steps_agree_with_dinos_cosine() {
        let curve = Curve::Cosine { start: 0.0, peak: 1.0, end: 0.1, warmup: 4 };
        let expected =
            [0.0, 0.333_333_3, 0.666_666_7, 1.0, 1.0, 0.939_711_4, 0.775, 0.55, 0.325, 0.160_288_6];
        assert_near(&values(&curve, 10), &expected);
        assert_near(&values(&curve.peaking(2.0), 10)[..5], &[0.0, 0.666_666_7, 1.333_333_3, 2.0, 2.0]);
        // A teacher's momentum rises: 0.996 to 1 without warmup.
        let momentum = Curve::Cosine { start: 0.0, peak: 0.996, end: 1.0, warmup: 0 };
        assert_near(&values(&momentum, 4), &[0.996, 0.996_585_8, 0.998, 0.999_414_2]);
    }

    /// torch.optim.lr_scheduler.LinearLR(start_factor=0.25, total_iters=3) at a rate of 0.4.
    #[test]
    fn lines_agree_with_torch() {
        let curve = Curve::Linear { from: 0.1, to: 0.4, steps: 3 };
        assert_near(&values(&curve, 5), &[0.1, 0.2, 0.3, 0.4, 0.4]);
        assert_near(&values(&Curve::Constant(0.04), 2), &[0.04, 0.04]);
    }

    #[test]
    fn epochs_are_counted_from_one() {
        let clock = |step| Clock { step, steps_per_epoch: 4, total: 12 };
        assert_eq!([0, 3, 4, 11].map(|step| clock(step).epoch()), [1, 1, 2, 3]);
        assert_eq!(clock(9).end_of_epoch(1), clock(3));
    }
}
