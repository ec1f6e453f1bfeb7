//! The valley of SWAD (Cha et al. 2021), step by step as in its authors' code (`coda.md`, section 7.1).
//!
//! Usually the segment at the minimum counts twice and the segment that ends where the loss first falls below
//! the threshold is left out, as in the reference.

use super::average::{Average, Weights};
use crate::spec;
use std::{collections::VecDeque, sync::Arc};

/// The mean weights of the steps between two evaluations, with the result of the second.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// The step after which it ends.
    pub(super) step: u64,
    /// The held-out loss there.
    pub(super) loss: f64,
    pub(super) weights: Arc<Weights>,
}

#[derive(Debug)]
pub(super) struct Valley {
    word: spec::Swad,
    /// The latest evaluations, as many as it takes to converge.
    pub(super) converging: VecDeque<Segment>,
    /// The latest evaluations, as many as are tolerated above the threshold.
    pub(super) tolerating: VecDeque<Segment>,
    pub(super) begun: Option<Begun>,
    pub(super) dead: bool,
}

/// A valley that has begun.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    /// The step of its minimum.
    pub(super) step: u64,
    /// The valley ends above this loss.
    pub(super) threshold: f64,
    /// The average of the segments inside. Its first mean is a placeholder with weight 0.
    pub(super) average: Average,
}

impl Valley {
    pub(super) fn new(word: &spec::Swad) -> Self {
        Self {
            word: word.clone(),
            converging: VecDeque::new(),
            tolerating: VecDeque::new(),
            begun: None,
            dead: false,
        }
    }

    /// Whether it has ended.
    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    /// Processes the next segment.
    pub(super) fn look(&mut self, segment: Segment) {
        if self.dead {
            return;
        }
        push(&mut self.converging, segment.clone(), self.word.converge);
        push(&mut self.tolerating, segment, self.word.tolerance);
        match &mut self.begun {
            None => self.begin(),
            Some(begun) => {
                let Some(oldest) = self.tolerating.front() else { return };
                if oldest.step < begun.step {
                    return;
                }
                if least(&self.tolerating) > begun.threshold {
                    self.dead = true;
                    return;
                }
                begun.average.add(&oldest.weights);
            }
        }
    }

    fn begin(&mut self) {
        let (looks, tolerance) = (self.converging.len(), self.word.tolerance);
        if looks < self.word.converge {
            return;
        }
        let lowest = least(&self.converging);
        let Some(first) = self.converging.front().filter(|first| first.loss == lowest) else { return };
        let mean = self.converging.iter().map(|segment| segment.loss).sum::<f64>() / looks as f64;
        let threshold = mean * (1.0 + self.word.ratio);
        let mut average = Average::of(first.weights.to_vec(), 0);
        if tolerance < looks {
            let inside = self.converging.iter().skip(1).take(looks - tolerance);
            inside.for_each(|segment| average.add(&segment.weights));
        } else if tolerance > looks {
            let before: Vec<&Segment> = self.tolerating.iter().take(tolerance - looks + 1).collect();
            let outside = before.iter().rposition(|segment| segment.loss > threshold).map_or(0, |at| at + 1);
            before.iter().skip(outside + 1).for_each(|segment| average.add(&segment.weights));
        }
        self.begun = Some(Begun { step: first.step, threshold, average });
    }

    /// The weights of the valley: the average inside it, or the last segment if it never began.
    pub(super) fn weights(self) -> Option<Weights> {
        let Some(Begun { threshold, mut average, .. }) = self.begun else {
            return self.converging.back().map(|last| last.weights.to_vec());
        };
        if !self.dead {
            let mut left = self.tolerating;
            left.pop_front();
            while !left.is_empty() && least(&left) <= threshold {
                let next = left.pop_front();
                next.iter().for_each(|segment| average.add(&segment.weights));
            }
        }
        Some(average.kept())
    }
}

fn push(queue: &mut VecDeque<Segment>, segment: Segment, longest: usize) {
    queue.push_back(segment);
    if queue.len() > longest {
        queue.pop_front();
    }
}

fn least(queue: &VecDeque<Segment>) -> f64 {
    queue.iter().map(|segment| segment.loss).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each segment's weights are 1 at its own position, so that the average shows how often each was added.
    #[test]
    fn valleys_are_those_of_the_authors() {
        let text = std::fs::read_to_string(crate::golden::folder().join("swa.json")).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut cases = 0;
        for kind in ["loss_valley_known", "loss_valley_corner", "loss_valley_random"] {
            for case in golden[kind].as_array().unwrap() {
                let number = |key: &str| case[key].as_f64().unwrap();
                let word = spec::Swad {
                    every: 1,
                    converge: number("n_converge") as usize,
                    tolerance: number("n_tolerance") as usize,
                    ratio: number("tolerance_ratio"),
                };
                let losses = case["losses"].as_array().unwrap();
                let mut valley = Valley::new(&word);
                let mut dead_at = None;
                for (at, loss) in losses.iter().enumerate() {
                    let mut weights = vec![0.0; losses.len()];
                    weights[at] = 1.0;
                    let (step, loss) = (at as u64, loss.as_f64().unwrap());
                    valley.look(Segment { step, loss, weights: Arc::new(vec![weights]) });
                    if valley.is_dead() && dead_at.is_none() {
                        dead_at = Some(at as u64);
                    }
                }
                let begun = valley.begun.as_ref().map(|begun| begun.step);
                assert_eq!(
                    (begun, dead_at),
                    (case["converge_step"].as_u64(), case["dead_at"].as_u64()),
                    "{case}"
                );
                if let Some(begun) = &valley.begun {
                    assert!((begun.threshold / number("threshold") - 1.0).abs() < 1e-9, "{case}");
                }
                let counts = case["counts"].as_array().unwrap();
                let total: f64 = counts.iter().map(|pair| pair[1].as_f64().unwrap()).sum();
                let mut expected = vec![0f32; losses.len()];
                for pair in counts {
                    let at = pair[0].as_u64().unwrap() as usize;
                    expected[at] = (pair[1].as_f64().unwrap() / total) as f32;
                }
                if total > 0.0 {
                    let found = valley.weights().unwrap();
                    crate::golden::assert_close(&case.to_string(), &found[0], &expected, 1e-5);
                }
                cases += 1;
            }
        }
        assert!(cases > 40, "{cases}");
    }
}
