//! Whether one side is better than another beyond the luck of which images were asked: a paired bootstrap over images.
//!
//! Images are drawn with replacement within each task; both sides and all their seeds answer the same draw. What varies
//! is the images alone: seeds are averaged, and their spread is not part of the interval. Images of one well or batch
//! are drawn as if they had nothing to do with each other, which makes the interval too narrow where they have.

use super::{Error, f1, paired::Paired};
use crate::seed::Seed;
use rayon::prelude::*;
use serde::Serialize;

/// How often the images are drawn.
pub const DRAWS: usize = 2_000;

/// The share of draws below and above the interval: 95 % lie within.
const TAIL: f64 = 0.025;

/// Two scores, and what lies between them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Macro-F1 of the first side, the mean over its seeds.
    pub a: f64,
    /// That of the second.
    pub b: f64,
    /// First minus second.
    pub difference: f64,
    /// 2.5th percentile of the difference over the draws.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
    /// How many images were asked.
    pub images: usize,
}

/// What an interval says about 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The first side is better by more than the interval.
    Above,
    /// It is worse by more than the interval.
    Below,
    /// The interval has 0 in it.
    Undecided,
}

impl Difference {
    /// On which side of 0 the interval lies.
    pub fn verdict(&self) -> Verdict {
        match (self.low > 0.0, self.high < 0.0) {
            (true, _) => Verdict::Above,
            (_, true) => Verdict::Below,
            _ => Verdict::Undecided,
        }
    }
}

/// The differences of all tasks and of their mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Of the unweighted mean over the tasks.
    pub mean: Difference,
    /// Of each task, in the order given. These intervals are not widened for there being several.
    pub tasks: Vec<(String, Difference)>,
}

/// Compares two sides over [`DRAWS`] draws; the result depends on the tasks' names and answers only.
///
/// A label that a draw leaves without images is left out of that draw's macro-F1, as the [score](f1::summarise) leaves
/// out labels that have no images: it has no recall, and counting it as 0 would pull both sides down by luck.
///
/// # Errors
/// [`Error::Empty`] without a task, an image or a seed.
pub fn compare(tasks: &[Paired]) -> Result<Comparison, Error> {
    compare_with(tasks, DRAWS, Seed(0))
}

fn compare_with(tasks: &[Paired], draws: usize, seed: Seed) -> Result<Comparison, Error> {
    if tasks.is_empty() {
        return Err(Error::Empty { what: "task" });
    }
    if tasks.iter().any(|task| task.truth.is_empty() || task.a.is_empty() || task.b.is_empty()) {
        return Err(Error::Empty { what: "image and seed in each task" });
    }
    // One row for each draw: the difference in each task.
    let drawn: Vec<Vec<f64>> = (0..draws)
        .into_par_iter()
        .map(|draw| tasks.iter().map(|task| drawn_difference(task, draw, seed)).collect())
        .collect();
    let one = |(at, task): (usize, &Paired)| {
        let f1 = |predicted: &Vec<u16>| f1::summarise(&task.truth, predicted).f1_macro;
        let (a, b): (Vec<f64>, Vec<f64>) = (task.a.iter().map(f1).collect(), task.b.iter().map(f1).collect());
        let (low, high) = interval(drawn.iter().map(|draw| draw[at]).collect());
        let difference = mean_difference(&a, &b);
        let found = Difference { a: mean(&a), b: mean(&b), difference, low, high, images: task.truth.len() };
        (task.task.clone(), found)
    };
    let of_tasks: Vec<(String, Difference)> = tasks.iter().enumerate().map(one).collect();
    let over_tasks = |value: &dyn Fn(&Difference) -> f64| {
        mean(&of_tasks.iter().map(|(_, task)| value(task)).collect::<Vec<_>>())
    };
    let (low, high) = interval(drawn.iter().map(|draw| mean(draw)).collect());
    let mean = Difference {
        a: over_tasks(&|task| task.a),
        b: over_tasks(&|task| task.b),
        difference: over_tasks(&|task| task.difference),
        low,
        high,
        images: of_tasks.iter().map(|(_, task)| task.images).sum(),
    };
    Ok(Comparison { mean, tasks: of_tasks })
}

/// A stream for each task and draw, so that a task's draws do not depend on what else is compared.
fn drawn_difference(task: &Paired, draw: usize, seed: Seed) -> f64 {
    let images = task.truth.len();
    let mut stream = seed.stream(&format!("bootstrap/{}/{draw}", task.task));
    let mut times = vec![0u32; images];
    for _ in 0..images {
        times[stream.below(images)] += 1;
    }
    let f1 = |predicted: &Vec<u16>| weighted_f1(&task.truth, predicted, &times);
    let (a, b): (Vec<f64>, Vec<f64>) = (task.a.iter().map(f1).collect(), task.b.iter().map(f1).collect());
    mean_difference(&a, &b)
}

/// [`f1::summarise`]'s macro-F1 of a list in which each image stands so many times, without making that list.
fn weighted_f1(truth: &[u16], predicted: &[u16], times: &[u32]) -> f64 {
    let labels = truth.iter().chain(predicted).max().map_or(0, |label| usize::from(*label) + 1);
    let (mut hits, mut found, mut support) = (vec![0u32; labels], vec![0u32; labels], vec![0u32; labels]);
    for ((truth, predicted), times) in truth.iter().zip(predicted).zip(times) {
        support[usize::from(*truth)] += times;
        found[usize::from(*predicted)] += times;
        hits[usize::from(*truth)] += if truth == predicted { *times } else { 0 };
    }
    let there = (0..labels).filter(|label| support[*label] > 0);
    let f1 = |label: usize| f64::from(2 * hits[label]) / f64::from(support[label] + found[label]);
    mean(&there.map(f1).collect::<Vec<_>>())
}

/// The mean over all pairs of seeds: exactly 0 where everybody has the same score, which a difference of means is not.
fn mean_difference(a: &[f64], b: &[f64]) -> f64 {
    let sum: f64 = a.iter().flat_map(|a| b.iter().map(move |b| a - b)).sum();
    sum / (a.len() * b.len()) as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Lower and upper percentile, with NumPy's linear interpolation.
fn interval(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    (at(TAIL), at(1.0 - TAIL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Stream;

    /// `images` of three unequal classes, and predictors that are right with these probabilities.
    fn task(name: &str, images: usize, a: &[f64], b: f64, stream: &mut Stream) -> Paired {
        let truth: Vec<u16> = (0..images).map(|_| [0, 0, 0, 1, 1, 2][stream.below(6)]).collect();
        let mut predict = |right: f64| -> Vec<u16> {
            let one = |truth: &u16| if stream.chance(right) { *truth } else { stream.below(3) as u16 };
            truth.iter().map(one).collect()
        };
        let a = a.iter().map(|right| predict(*right)).collect();
        let b = vec![predict(b)];
        Paired { task: name.into(), a, b, truth }
    }

    #[test]
    fn the_same_answers_differ_by_exactly_nothing() {
        let mut same = task("s/t", 200, &[0.6], 0.5, &mut Seed(1).stream("same"));
        same.b = same.a.clone();
        same.a = vec![same.b[0].clone(); 3];
        let mean = compare(&[same]).unwrap().mean;
        assert_eq!((mean.difference, mean.low, mean.high), (0.0, 0.0, 0.0));
        assert_eq!(mean.verdict(), Verdict::Undecided);
    }

    #[test]
    fn a_clear_difference_is_seen_from_both_sides_and_with_any_number_of_threads() {
        let mut stream = Seed(2).stream("clear");
        let mut tasks = vec![
            task("s/one", 300, &[0.8, 0.75], 0.5, &mut stream),
            task("s/two", 200, &[0.7, 0.7], 0.5, &mut stream),
        ];
        let found = compare(&tasks).unwrap();
        let Difference { a, b, difference, low, high, images } = found.mean;
        assert!(0.0 < low && low < difference && difference < high, "{:?}", found.mean);
        assert!((a - b - difference).abs() < 1e-12 && images == 500);
        assert_eq!(found.mean.verdict(), Verdict::Above);
        let means = found.tasks.iter().map(|(_, task)| task.a).sum::<f64>() / 2.0;
        assert!((means - a).abs() < 1e-12);

        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(pool.install(|| compare(&tasks)).unwrap(), found);
        // A task's own interval does not depend on what stands beside it.
        assert_eq!(compare(&tasks[1..]).unwrap().tasks[0], found.tasks[1]);
        for task in &mut tasks {
            std::mem::swap(&mut task.a, &mut task.b);
        }
        let swapped = compare(&tasks).unwrap().mean;
        assert_eq!(swapped.verdict(), Verdict::Below);
        assert!((swapped.low + high).abs() < 1e-12 && (swapped.high + low).abs() < 1e-12);
    }

    /// Pairing is the point: where both sides fail on the same images, the interval is much narrower.
    #[test]
    fn common_failures_cancel() {
        let mut stream = Seed(3).stream("common");
        let apart = task("s/t", 300, &[0.7], 0.7, &mut stream);
        let mut alike = apart.clone();
        alike.b = alike.a.clone();
        alike.b[0][..10].iter_mut().for_each(|label| *label = (*label + 1) % 3);
        let width = |task: Paired| compare(&[task]).map(|found| found.mean.high - found.mean.low).unwrap();
        let (alike, apart) = (width(alike), width(apart));
        assert!(alike < 0.6 * apart, "{alike} against {apart}");
    }

    #[test]
    fn counting_by_weight_is_counting_the_list() {
        let mut stream = Seed(4).stream("weight");
        for _ in 0..50 {
            let task = task("s/t", 12, &[0.5], 0.5, &mut stream);
            let times: Vec<u32> = task.truth.iter().map(|_| stream.below(3) as u32).collect();
            let long = |labels: &[u16]| -> Vec<u16> {
                labels.iter().zip(&times).flat_map(|(label, times)| vec![*label; *times as usize]).collect()
            };
            let (truth, predicted) = (long(&task.truth), long(&task.a[0]));
            if !truth.is_empty() {
                let listed = f1::summarise(&truth, &predicted).f1_macro;
                assert!((weighted_f1(&task.truth, &task.a[0], &times) - listed).abs() < 1e-12);
            }
        }
    }

    /// In 19 of 20 worlds the interval should have the true difference in it. With 300 worlds, 3 standard errors are 0.038.
    #[test]
    fn the_interval_covers_what_it_promises() {
        let mut stream = Seed(5).stream("coverage");
        let large = task("s/t", 400_000, &[0.7], 0.6, &mut stream);
        let f1 = |predicted: &[u16]| f1::summarise(&large.truth, predicted).f1_macro;
        let truth = f1(&large.a[0]) - f1(&large.b[0]);
        let worlds = 300;
        let covered = (0..worlds).filter(|world| {
            let small = task("s/t", 200, &[0.7], 0.6, &mut stream);
            let mean = compare_with(&[small], 400, Seed(*world)).unwrap().mean;
            mean.low <= truth && truth <= mean.high
        });
        let share = covered.count() as f64 / worlds as f64;
        assert!((0.91..=0.99).contains(&share), "{share}");
    }

    #[test]
    fn percentiles_are_numpys() {
        // numpy.percentile(numpy.arange(10) ** 2, [2.5, 97.5])
        let (low, high) = interval((0..10).map(|x| f64::from(x * x)).collect());
        assert!((low - 0.225).abs() < 1e-12 && (high - 77.175).abs() < 1e-12, "{low} {high}");
        assert!(matches!(compare(&[]), Err(Error::Empty { .. })));
    }
}
