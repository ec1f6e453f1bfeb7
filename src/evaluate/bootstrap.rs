//! Paired bootstrap over units: is one side better than another beyond the sampling error of the test images?
//!
//! Units (wells, fields of view, images: see [`units`](super::units)) are drawn with replacement within each task; both
//! sides and all their seeds are scored on the same draw. These intervals cover the choice of test images only: seeds are
//! averaged. The interval over seeds next to them covers the variation between trainings.

use super::{Error, paired::Paired, resampling::Resampler, student, units::Unit};
use crate::{papers, seed::Seed};
use serde::Serialize;

/// Number of bootstrap draws.
pub const DRAWS: usize = 10_000;

/// The share of draws below and above the interval: 95 % are within.
const TAIL: f64 = 0.025;
/// The power at which a difference counts as detectable.
const POWER: f64 = 0.8;

/// Two scores and their difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Macro-F1 of the first side, averaged over its seeds.
    pub a: f64,
    /// Macro-F1 of the second side.
    pub b: f64,
    /// First minus second.
    pub difference: f64,
    /// 2.5th percentile of the difference over the draws.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
    /// The smallest true difference that such an interval would separate from 0 with a power of 80 %.
    pub detectable: f64,
    /// The interval over seeds, if there are several.
    pub seeds: Option<OverSeeds>,
    /// Number of test images.
    pub images: usize,
    /// The resampled unit; `None` if it differs between tasks.
    pub unit: Option<Unit>,
    /// Number of units.
    pub units: usize,
}

/// The difference over seeds: Student's 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OverSeeds {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// The smallest true difference that it would separate from 0 with a power of 80 %.
    pub detectable: f64,
}

/// How the seeds of two sides are matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seeds {
    /// The seeds at the same position belong together: differences are taken in pairs.
    InPairs,
    /// The second side has no variation: a floor without training.
    AgainstOne,
    /// The sides are independent (Welch).
    Apart,
}

/// The position of an interval relative to 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The first side is significantly better.
    Above,
    /// The first side is significantly worse.
    Below,
    /// The interval contains 0.
    Undecided,
}

/// The verdict of an interval.
fn verdict(low: f64, high: f64) -> Verdict {
    match (low > 0.0, high < 0.0) {
        (true, _) => Verdict::Above,
        (_, true) => Verdict::Below,
        _ => Verdict::Undecided,
    }
}

impl Difference {
    /// The verdict of the interval over images.
    pub fn verdict(&self) -> Verdict {
        verdict(self.low, self.high)
    }
}

impl OverSeeds {
    /// The verdict of the interval over seeds.
    pub fn verdict(&self) -> Verdict {
        verdict(self.low, self.high)
    }
}

/// A weighted average over tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Average {
    /// Its name.
    pub name: String,
    /// Tasks and weights.
    pub parts: Vec<(String, f64)>,
}

impl From<&papers::Average> for Average {
    fn from(average: &papers::Average) -> Self {
        let parts = average.parts.iter().map(|(task, share)| ((*task).into(), *share)).collect();
        Self { name: average.name.into(), parts }
    }
}

impl Average {
    /// All tasks with equal weights.
    pub fn of(tasks: &[Paired]) -> Self {
        let share = 1.0 / tasks.len() as f64;
        let parts = tasks.iter().map(|task| (task.task.clone(), share)).collect();
        Self { name: "mean".into(), parts }
    }
}

/// The differences in all tasks and in their averages. Intervals are not corrected for multiple comparisons.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// For each task, in the order given.
    pub tasks: Vec<(String, Difference)>,
    /// For each average, in the order given.
    pub averages: Vec<(String, Difference)>,
}

/// Compares two sides over [`DRAWS`] draws; the result depends only on the tasks' names and predictions.
/// Averages over a task that does not exist are left out.
///
/// A label without images in a draw is left out of that draw's macro-F1, as the [score](super::metrics::f1_macro) leaves
/// out labels without images: it has no recall, and counting it as 0 would pull both sides down at random.
///
/// # Errors
/// [`Error::Empty`] if there is no task, no image or no seed.
pub fn compare(tasks: &[Paired], averages: &[Average], seeds: Seeds) -> Result<Comparison, Error> {
    compare_with(tasks, averages, seeds, DRAWS, Seed(0))
}

fn compare_with(
    tasks: &[Paired],
    averages: &[Average],
    seeds: Seeds,
    draws: usize,
    seed: Seed,
) -> Result<Comparison, Error> {
    if tasks.is_empty() {
        return Err(Error::Empty { what: "task" });
    }
    if tasks.iter().any(|task| task.truth.is_empty() || task.a.is_empty() || task.b.is_empty()) {
        return Err(Error::Empty { what: "image and seed in each task" });
    }
    let sums: Vec<(&str, Sum)> = tasks.iter().map(|task| (&*task.task, Sum::of(task, draws, seed))).collect();
    let of_tasks =
        sums.iter().map(|(task, sum)| ((*task).into(), sum.times(1.0).difference(seeds))).collect();
    let average = |average: &Average| {
        let parts = average.parts.iter().map(|(name, share)| {
            let (_, sum) = sums.iter().find(|(task, _)| task == name)?;
            Some(sum.times(*share))
        });
        let sum = parts.collect::<Option<Vec<_>>>()?.into_iter().reduce(Sum::and)?;
        Some((average.name.clone(), sum.difference(seeds)))
    };
    Ok(Comparison { tasks: of_tasks, averages: averages.iter().filter_map(average).collect() })
}

/// A weighted sum over tasks: each side's macro-F1 per seed, and the difference in each draw.
struct Sum {
    a: Vec<f64>,
    b: Vec<f64>,
    drawn: Vec<f64>,
    images: usize,
    unit: Option<Unit>,
    units: usize,
}

impl Sum {
    /// A single task.
    fn of(task: &Paired, draws: usize, seed: Seed) -> Self {
        let (resampler, of_a) = (Resampler::new(task), task.a.len());
        // A stream per task and draw, so that a task's draws do not depend on what else is compared.
        let drawn = resampler.draws(draws, |draw| seed.stream(&format!("bootstrap/{}/{draw}", task.task)));
        let drawn = drawn.iter().map(|f1| mean_difference(&f1[..of_a], &f1[of_a..])).collect();
        let f1 = |predicted: &Vec<u16>| task.f1_macro(predicted);
        let (a, b) = (task.a.iter().map(f1).collect(), task.b.iter().map(f1).collect());
        let (images, unit, units) = (task.truth.len(), Some(task.unit), task.count());
        Self { a, b, drawn, images, unit, units }
    }

    fn times(&self, share: f64) -> Self {
        let times = |values: &[f64]| values.iter().map(|value| share * value).collect();
        Self { a: times(&self.a), b: times(&self.b), drawn: times(&self.drawn), ..*self }
    }

    fn and(self, other: Self) -> Self {
        let add =
            |one: Vec<f64>, other: Vec<f64>| one.iter().zip(&other).map(|(one, other)| one + other).collect();
        Self {
            a: add(self.a, other.a),
            b: add(self.b, other.b),
            drawn: add(self.drawn, other.drawn),
            images: self.images + other.images,
            unit: self.unit.filter(|unit| other.unit == Some(*unit)),
            units: self.units + other.units,
        }
    }

    fn difference(self, seeds: Seeds) -> Difference {
        let Self { a, b, mut drawn, images, unit, units } = self;
        let detectable =
            (student::quantile(1.0 - TAIL, 1e6) + student::quantile(POWER, 1e6)) * deviation(&drawn);
        let (low, high) = interval(&mut drawn);
        let (difference, seeds) = (mean_difference(&a, &b), over_seeds(&a, &b, seeds));
        let (a, b) = (mean(&a), mean(&b));
        Difference { a, b, difference, low, high, detectable, seeds, images, unit, units }
    }
}

/// Student's interval of the difference, if there are seeds (or worlds) to estimate it from.
pub fn over_seeds(a: &[f64], b: &[f64], seeds: Seeds) -> Option<OverSeeds> {
    let square = |values: &[f64]| deviation(values).powi(2) / values.len() as f64;
    let (error, freedom) = match seeds {
        Seeds::InPairs if a.len() == b.len() && a.len() > 1 => {
            let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
            (square(&differences).sqrt(), (a.len() - 1) as f64)
        }
        Seeds::AgainstOne if b.len() == 1 && a.len() > 1 => (square(a).sqrt(), (a.len() - 1) as f64),
        Seeds::Apart if a.len() > 1 && b.len() > 1 => {
            let (of_a, of_b) = (square(a), square(b));
            let below = of_a.powi(2) / (a.len() - 1) as f64 + of_b.powi(2) / (b.len() - 1) as f64;
            let freedom =
                if below > 0.0 { (of_a + of_b).powi(2) / below } else { (a.len() + b.len() - 2) as f64 };
            ((of_a + of_b).sqrt(), freedom)
        }
        _ => return None,
    };
    let (middle, reach) = (mean_difference(a, b), student::quantile(1.0 - TAIL, freedom) * error);
    let detectable = reach + student::quantile(POWER, freedom) * error;
    Some(OverSeeds { low: middle - reach, high: middle + reach, detectable })
}

/// The mean over all pairs of seeds: exactly 0 if all have the same score, unlike a difference of means.
fn mean_difference(a: &[f64], b: &[f64]) -> f64 {
    let sum: f64 = a.iter().flat_map(|a| b.iter().map(move |b| a - b)).sum();
    sum / (a.len() * b.len()) as f64
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample standard deviation.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len().max(2) - 1) as f64).sqrt()
}

/// Lower and upper percentile, with NumPy's linear interpolation.
pub(super) fn interval(values: &mut [f64]) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    (at(TAIL), at(1.0 - TAIL))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        evaluate::metrics::{Counts, f1_macro},
        seed::Stream,
    };

    /// `images` of three unequal classes, and predictors that are right with these probabilities.
    pub(in super::super) fn task(
        name: &str,
        images: usize,
        a: &[f64],
        b: f64,
        stream: &mut Stream,
    ) -> Paired {
        let truth: Vec<u16> = (0..images).map(|_| [0, 0, 0, 1, 1, 2][stream.below(6)]).collect();
        let mut predict = |right: f64| -> Vec<u16> {
            let one = |truth: &u16| if stream.chance(right) { *truth } else { stream.below(3) as u16 };
            truth.iter().map(one).collect()
        };
        let a = a.iter().map(|right| predict(*right)).collect();
        let b = vec![predict(b)];
        Paired {
            task: name.into(),
            unit: Unit::Image,
            units: (0..images as u32).collect(),
            a,
            b,
            truth,
            predicted_too: false,
        }
    }

    /// The average over all tasks.
    fn overall(tasks: &[Paired]) -> Difference {
        compare(tasks, &[Average::of(tasks)], Seeds::Apart).unwrap().averages[0].1
    }

    #[test]
    fn the_same_answers_differ_by_exactly_nothing() {
        let mut same = task("s/t", 200, &[0.6], 0.5, &mut Seed(1).stream("same"));
        same.b = same.a.clone();
        same.a = vec![same.b[0].clone(); 3];
        let mean = overall(&[same]);
        assert_eq!((mean.difference, mean.low, mean.high, mean.detectable), (0.0, 0.0, 0.0, 0.0));
        assert_eq!(mean.verdict(), Verdict::Undecided);
    }

    #[test]
    fn a_clear_difference_is_seen_from_both_sides_and_with_any_number_of_threads() {
        let mut stream = Seed(2).stream("clear");
        let mut tasks = vec![
            task("s/one", 300, &[0.8, 0.75], 0.5, &mut stream),
            task("s/two", 200, &[0.7, 0.7], 0.5, &mut stream),
        ];
        let average = Average::of(&tasks);
        let found = compare(&tasks, std::slice::from_ref(&average), Seeds::Apart).unwrap();
        let Difference { a, b, difference, low, high, images, .. } = found.averages[0].1;
        assert!(0.0 < low && low < difference && difference < high, "{found:?}");
        assert!((a - b - difference).abs() < 1e-12 && images == 500);
        assert_eq!(found.averages[0].1.verdict(), Verdict::Above);
        let means = found.tasks.iter().map(|(_, task)| task.a).sum::<f64>() / 2.0;
        assert!((means - a).abs() < 1e-12);

        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let alone = pool.install(|| compare(&tasks, std::slice::from_ref(&average), Seeds::Apart));
        assert_eq!(alone.unwrap(), found);
        // A task's own interval does not depend on other tasks, and an average needs all its tasks.
        let second = compare(&tasks[1..], &[average], Seeds::Apart).unwrap();
        assert_eq!((second.tasks[0].clone(), second.averages.len()), (found.tasks[1].clone(), 0));
        for task in &mut tasks {
            std::mem::swap(&mut task.a, &mut task.b);
        }
        let swapped = overall(&tasks);
        assert_eq!(swapped.verdict(), Verdict::Below);
        assert!((swapped.low + high).abs() < 1e-12 && (swapped.high + low).abs() < 1e-12);
    }

    /// The point of pairing: if both sides fail on the same images, the interval is much narrower.
    #[test]
    fn common_failures_cancel() {
        let mut stream = Seed(3).stream("common");
        let apart = task("s/t", 300, &[0.7], 0.7, &mut stream);
        let mut alike = apart.clone();
        alike.b = alike.a.clone();
        alike.b[0][..10].iter_mut().for_each(|label| *label = (*label + 1) % 3);
        let width = |task: Paired| {
            let found = overall(&[task]);
            found.high - found.low
        };
        let (alike, apart) = (width(alike), width(apart));
        assert!(alike < 0.6 * apart, "{alike} against {apart}");
    }

    /// In 19 of 20 simulated worlds the interval should contain the true difference. With 300 worlds, 3
    /// standard errors are 0.038. If the images of a well are correlated, this only holds when whole wells
    /// are drawn.
    #[test]
    fn the_interval_covers_what_it_promises() {
        let mut stream = Seed(5).stream("coverage");
        let large = task("s/t", 400_000, &[0.7], 0.6, &mut stream);
        let f1 = |predicted: &[u16]| f1_macro(&Counts::of_lists(&large.truth, predicted));
        let truth = f1(&large.a[0]) - f1(&large.b[0]);
        // Eight images per well.
        let wells = |task: Paired, unit: Unit| {
            let eight = |list: &Vec<u16>| list.iter().flat_map(|label| [*label; 8]).collect::<Vec<u16>>();
            let units =
                (0..8 * task.truth.len() as u32).map(|at| if unit == Unit::Well { at / 8 } else { at });
            let (a, b) = (task.a.iter().map(eight).collect(), task.b.iter().map(eight).collect());
            Paired { unit, units: units.collect(), truth: eight(&task.truth), a, b, ..task }
        };
        let mut covered = [0.0; 3];
        let (worlds, draws) = (300, 400);
        for world in 0..worlds {
            let small = task("s/t", 200, &[0.7], 0.6, &mut stream);
            let whole = wells(small.clone(), Unit::Well);
            let torn = wells(small.clone(), Unit::Image);
            for (covered, task) in covered.iter_mut().zip([small, whole, torn]) {
                let found = compare_with(&[task], &[], Seeds::Apart, draws, Seed(world)).unwrap().tasks[0].1;
                *covered += f64::from(u8::from(found.low <= truth && truth <= found.high)) / worlds as f64;
            }
        }
        let [images, whole, torn] = covered;
        assert!((0.91..=0.99).contains(&images) && (0.91..=0.99).contains(&whole), "{covered:?}");
        assert!(torn < 0.7, "{covered:?}");
    }

    /// The detectable difference is significant in four of five worlds. With 300 worlds, 3 standard errors
    /// are 0.07.
    #[test]
    fn a_detectable_difference_is_detected() {
        let mut stream = Seed(6).stream("power");
        let spread: Vec<f64> = (0..300)
            .map(|world| {
                let small = task("s/t", 200, &[0.6], 0.6, &mut stream);
                compare_with(&[small], &[], Seeds::Apart, 400, Seed(world)).unwrap().tasks[0].1.detectable
            })
            .collect();
        let detectable = mean(&spread);
        // Which probability of being right raises the first side's macro-F1 by that difference?
        let f1 = |right: f64, stream: &mut Stream| {
            let large = task("s/t", 200_000, &[right], 0.6, stream);
            f1_macro(&Counts::of_lists(&large.truth, &large.a[0]))
        };
        let (low, high) = (f1(0.6, &mut stream), f1(0.8, &mut stream));
        let right = 0.6 + 0.2 * detectable / (high - low);
        let seen = (0..300).filter(|world| {
            let small = task("s/t", 200, &[right], 0.6, &mut stream);
            let found = compare_with(&[small], &[], Seeds::Apart, 400, Seed(*world)).unwrap().tasks[0].1;
            found.verdict() == Verdict::Above
        });
        let share = seen.count() as f64 / 300.0;
        assert!((0.7..=0.9).contains(&share), "{share} of the worlds, for a difference of {detectable}");
    }

    #[test]
    fn seeds_have_students_intervals() {
        let (a, b) = ([0.5, 0.6, 0.7], [0.4, 0.55, 0.6]);
        // scipy.stats: ttest_rel, ttest_ind(equal_var=False) and ttest_1samp, each .confidence_interval()
        let near = |found: Option<OverSeeds>, (low, high): (f64, f64)| {
            let OverSeeds { low: l, high: h, detectable } = found.unwrap();
            assert!((l - low).abs() < 1e-6 && (h - high).abs() < 1e-6, "{l} {h}");
            assert!(detectable > (h - l) / 2.0);
        };
        near(over_seeds(&a, &b, Seeds::InPairs), (0.011_622_455, 0.155_044_212));
        near(over_seeds(&a, &b, Seeds::Apart), (-0.148_183_162, 0.314_849_829));
        near(over_seeds(&a, &[0.5], Seeds::AgainstOne), (-0.148_413_771, 0.348_413_771));
        assert_eq!(over_seeds(&a, &[0.5], Seeds::Apart), None);
        assert_eq!(over_seeds(&[0.5], &[0.5], Seeds::InPairs), None);
    }

    #[test]
    fn percentiles_are_numpys() {
        // numpy.percentile(numpy.arange(10) ** 2, [2.5, 97.5])
        let (low, high) = interval(&mut (0..10).map(|x| f64::from(x * x)).collect::<Vec<_>>());
        assert!((low - 0.225).abs() < 1e-12 && (high - 77.175).abs() < 1e-12, "{low} {high}");
        assert!(matches!(compare(&[], &[], Seeds::Apart), Err(Error::Empty { .. })));
    }
}
