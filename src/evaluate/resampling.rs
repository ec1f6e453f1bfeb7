//! Resampling of a task's units for the bootstrap; identical units are counted together.
//!
//! Each unit occurs in a draw a Poisson number of times (mean 1), independently of the others, instead of a fixed total:
//! macro-F1 is a ratio, so the total does not matter. Units whose images have the same labels and predictions can then be
//! drawn as a single number, which makes 10,000 draws of 116,000 images a matter of seconds.

use super::paired::Paired;
use crate::seed::Stream;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A task prepared for resampling.
pub(super) struct Resampler {
    /// Distinct combinations of a label and all predictions: the labels …
    truth: Vec<u16>,
    /// … and the index where each list's prediction is counted: list · labels + prediction.
    places: Vec<u32>,
    /// The indices where the prediction is the label.
    right: Vec<Vec<u32>>,
    kinds: Vec<Kind>,
    distributions: Vec<Poisson>,
    labels: usize,
    lists: usize,
    /// Whether labels that are only predicted count.
    predicted_too: bool,
}

/// Units with the same contents.
struct Kind {
    /// Combinations, and their number of images in a unit.
    contents: Vec<(u32, u32)>,
    units: u32,
    /// Index of the Poisson distribution for this number of units.
    distribution: usize,
}

impl Kind {
    /// Adds the contents of `units` units to one of the draws.
    fn put(&self, units: u32, lane: usize, times: &mut [Times]) {
        if units > 0 {
            self.contents.iter().for_each(|(answer, images)| times[*answer as usize][lane] += units * images);
        }
    }
}

impl Resampler {
    pub(super) fn new(task: &Paired) -> Self {
        let lists: Vec<&Vec<u16>> = task.a.iter().chain(&task.b).collect();
        let mut number: BTreeMap<(u16, Vec<u16>), u32> = BTreeMap::new();
        let mut contents: Vec<BTreeMap<u32, u32>> = vec![BTreeMap::new(); task.count()];
        for (at, (truth, unit)) in task.truth.iter().zip(&task.units).enumerate() {
            let next = number.len() as u32;
            let key = (*truth, lists.iter().map(|list| list[at]).collect());
            let answer = *number.entry(key).or_insert(next);
            *contents[*unit as usize].entry(answer).or_default() += 1;
        }
        let mut alike: BTreeMap<Vec<(u32, u32)>, u32> = BTreeMap::new();
        for unit in contents {
            *alike.entry(unit.into_iter().collect()).or_default() += 1;
        }
        let counts: Vec<u32> = alike.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let kind = |(contents, units): (Vec<(u32, u32)>, u32)| {
            let distribution = counts.binary_search(&units).expect("every count has its distribution");
            Kind { contents, units, distribution }
        };
        let kinds = alike.into_iter().map(kind).collect();
        let highest = lists.iter().flat_map(|list| list.iter()).chain(&task.truth).max();
        let labels = highest.map_or(0, |label| usize::from(*label) + 1);
        let (mut truth, mut places) = (vec![0; number.len()], vec![0; number.len() * lists.len()]);
        let mut right = vec![Vec::new(); number.len()];
        for ((label, answers), at) in number {
            truth[at as usize] = label;
            for (list, answer) in answers.into_iter().enumerate() {
                let place = (list * labels) as u32 + u32::from(answer);
                places[at as usize * lists.len() + list] = place;
                if answer == label {
                    right[at as usize].push(place);
                }
            }
        }
        let distributions = counts.iter().map(|units| Poisson::new(f64::from(*units))).collect();
        Self {
            truth,
            places,
            right,
            kinds,
            distributions,
            labels,
            lists: lists.len(),
            predicted_too: task.predicted_too,
        }
    }

    /// Every list's macro-F1 in each of `count` draws, each with its own random stream: the first side's
    /// seeds, then the second's.
    pub(super) fn draws(&self, count: usize, stream: impl Fn(usize) -> Stream + Sync) -> Vec<Vec<f64>> {
        let some = |first: usize| {
            let mut times = vec![[0; LANES]; self.truth.len()];
            for lane in 0..LANES.min(count - first) {
                self.draw(lane, &mut stream(first + lane), &mut times);
            }
            let mut drawn = self.f1(&times);
            drawn.truncate(count - first);
            drawn
        };
        (0..count).into_par_iter().step_by(LANES).flat_map_iter(some).collect()
    }

    /// How often each combination occurs in one draw.
    fn draw(&self, lane: usize, stream: &mut Stream, times: &mut [Times]) {
        while times.iter().all(|times| times[lane] == 0) {
            for kind in &self.kinds {
                kind.put(self.distributions[kind.distribution].draw(stream), lane, times);
            }
        }
    }

    /// Every list's macro-F1 on the original images.
    pub(super) fn whole(&self) -> Vec<f64> {
        let mut times = vec![[0; LANES]; self.truth.len()];
        self.kinds.iter().for_each(|kind| kind.put(kind.units, 0, &mut times));
        self.f1(&times).swap_remove(0)
    }

    /// Every list's macro-F1 over the labels that occur, for each of the draws; `times` counts the
    /// combinations.
    fn f1(&self, times: &[Times]) -> Vec<Vec<f64>> {
        let labels = self.labels;
        let mut support = vec![[0; LANES]; labels];
        let mut hits = vec![[0; LANES]; labels * self.lists];
        let mut found = hits.clone();
        let answers = self.truth.iter().zip(self.places.chunks(self.lists)).zip(&self.right);
        for (((truth, places), right), times) in answers.zip(times) {
            add(&mut support[usize::from(*truth)], times);
            places.iter().for_each(|place| add(&mut found[*place as usize], times));
            right.iter().for_each(|place| add(&mut hits[*place as usize], times));
        }
        let of_draw = |lane: usize| {
            let there: Vec<usize> = (0..labels).filter(|label| support[*label][lane] > 0).collect();
            let of_list = |list: usize| {
                let f1 = |label: &usize| {
                    let at = list * labels + label;
                    2.0 * f64::from(hits[at][lane]) / f64::from(support[*label][lane] + found[at][lane])
                };
                // A label that is only predicted adds nothing but itself.
                let only =
                    |label: &usize| support[*label][lane] == 0 && found[list * labels + label][lane] > 0;
                let more = if self.predicted_too { (0..labels).filter(only).count() } else { 0 };
                there.iter().map(f1).sum::<f64>() / (there.len() + more) as f64
            };
            (0..self.lists).map(of_list).collect()
        };
        (0..LANES).map(of_draw).collect()
    }
}

/// Draws that are counted in parallel, so that additions are vectorised.
const LANES: usize = 16;

/// Counts, draw by draw.
type Times = [u32; LANES];

fn add(sum: &mut Times, times: &Times) {
    sum.iter_mut().zip(times).for_each(|(sum, times)| *sum += times);
}

/// A Poisson distribution by its cumulative probabilities.
struct Poisson {
    first: u32,
    below: Vec<f64>,
}

impl Poisson {
    fn new(mean: f64) -> Self {
        // Beyond twelve deviations the remainder is below 53 bits.
        let reach = 12.0 * mean.sqrt() + 30.0;
        let (first, last) = ((mean - reach).max(0.0) as u32, (mean + reach) as u32);
        let share = |k: u32| (f64::from(k) * mean.ln() - mean - libm::lgamma(f64::from(k) + 1.0)).exp();
        let below = (first..=last).scan(0.0, |sum, k| {
            *sum += share(k);
            Some(*sum)
        });
        Self { first, below: below.collect() }
    }

    fn draw(&self, stream: &mut Stream) -> u32 {
        let place = stream.unit();
        let at = match self.below.len() {
            // Bisection does not pay for the short list of a single unit.
            ..64 => self.below.iter().take_while(|below| **below <= place).count(),
            _ => self.below.partition_point(|below| *below <= place),
        };
        self.first + at as u32
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        bootstrap::{deviation, mean, tests::task},
        metrics::{Counts, f1_macro},
    };
    use super::*;
    use crate::seed::Seed;

    /// Whatever is grouped, drawing each unit exactly once gives every list's original score.
    #[test]
    fn counting_what_is_alike_is_counting_the_list() {
        let mut stream = Seed(4).stream("alike");
        for _ in 0..50 {
            let mut task = task("s/t", 40, &[0.5, 0.9], 0.5, &mut stream);
            let wells: Vec<u32> = task.truth.iter().map(|_| stream.below(9) as u32).collect();
            task.units = wells;
            let resampler = Resampler::new(&task);
            let units: u32 = resampler.kinds.iter().map(|kind| kind.units).sum();
            assert_eq!(units as usize, task.count());
            for (list, found) in task.a.iter().chain(&task.b).zip(resampler.whole()) {
                assert!((f1_macro(&Counts::of_lists(&task.truth, list)) - found).abs() < 1e-12);
            }
            // Predictions of a label that no image has.
            task.predicted_too = true;
            task.a[0][..7].fill(99);
            let resampler = Resampler::new(&task);
            for (list, found) in task.a.iter().chain(&task.b).zip(resampler.whole()) {
                assert!((task.f1_macro(list) - found).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn poisson_draws_have_their_mean_and_variance() {
        let mut stream = Seed(7).stream("poisson");
        for expected in [1.0, 3.0, 40.0, 5_000.0] {
            let distribution = Poisson::new(expected);
            let drawn: Vec<f64> = (0..20_000).map(|_| f64::from(distribution.draw(&mut stream))).collect();
            let (found, variance) = (mean(&drawn), deviation(&drawn).powi(2));
            assert!(
                (found / expected - 1.0).abs() < 4.0 / (20_000.0 * expected).sqrt(),
                "{expected}: mean {found}"
            );
            assert!((variance / expected - 1.0).abs() < 0.06, "{expected}: variance {variance}");
        }
    }
}
