//! Systems that are not significantly different from the best one: bold in tables, together with it.

use super::{
    Error,
    answered::Answered,
    bootstrap::{Average, interval, mean},
    paired::{self, Paired},
    resampling::Resampler,
};
use crate::seed::Seed;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Number of bootstrap draws.
pub const DRAWS: usize = 2_000;

/// For each average (a column of a table), which systems the paired bootstrap cannot separate from the one
/// with the highest score, which is included; none if the average needs a task that does not exist. A system
/// is a list of predictions per seed; all have the same images.
///
/// # Errors
/// If the systems have different images.
pub fn with_the_best(systems: &[Vec<&[Answered]>], averages: &[Average]) -> Result<Vec<Vec<bool>>, Error> {
    let lists: Vec<&[Answered]> = systems.iter().flatten().copied().collect();
    let Some((first, rest)) = lists.split_first() else { return Ok(vec![Vec::new(); averages.len()]) };
    let known = paired::tasks(first);
    let wanted =
        |task: &&String| averages.iter().any(|average| average.parts.iter().any(|(part, _)| part == *task));
    // The split into two sides does not matter here (systems are separated below); a single list is paired
    // with itself.
    let everybody = if rest.is_empty() { std::slice::from_ref(first) } else { rest };
    let paired = known.iter().filter(wanted).map(|task| paired::pair(task, None, &[*first], everybody));
    let drawn: BTreeMap<String, Drawn> = paired
        .map(|task| task.map(|task| (task.task.clone(), Drawn::new(&task, systems))))
        .collect::<Result<_, _>>()?;
    Ok(averages.iter().map(|average| marks(average, &drawn, systems.len())).collect())
}

/// Every system's macro-F1 in a task: on all images, and in each draw.
struct Drawn {
    is: Vec<f64>,
    draws: Vec<Vec<f64>>,
}

impl Drawn {
    fn new(task: &Paired, systems: &[Vec<&[Answered]>]) -> Self {
        let resampler = Resampler::new(task);
        let by_system = |f1: &[f64]| -> Vec<f64> {
            let mut at = 0;
            let one = |seeds: &Vec<&[Answered]>| {
                at += seeds.len();
                mean(&f1[at - seeds.len()..at])
            };
            systems.iter().map(one).collect()
        };
        let drawn = resampler.draws(DRAWS, |draw| Seed(0).stream(&format!("level/{}/{draw}", task.task)));
        Self { is: by_system(&resampler.whole()), draws: drawn.iter().map(|f1| by_system(f1)).collect() }
    }
}

fn marks(average: &Average, drawn: &BTreeMap<String, Drawn>, systems: usize) -> Vec<bool> {
    let parts: Option<Vec<(&Drawn, f64)>> =
        average.parts.iter().map(|(task, share)| Some((drawn.get(task)?, *share))).collect();
    let Some(parts) = parts else { return vec![false; systems] };
    let sum = |of: &dyn Fn(&Drawn) -> f64| parts.iter().map(|(task, share)| share * of(task)).sum::<f64>();
    let score = |system: usize| sum(&|task| task.is[system]);
    let Some(best) = (0..systems).max_by(|a, b| score(*a).total_cmp(&score(*b))) else { return Vec::new() };
    let cannot_be_told = |system: usize| {
        let behind = |draw: usize| sum(&|task| task.draws[draw][best] - task.draws[draw][system]);
        let (low, _) = interval(&mut (0..DRAWS).map(behind).collect::<Vec<_>>());
        system == best || low <= 0.0
    };
    (0..systems).into_par_iter().map(cannot_be_told).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::answered::tests::answered, *};

    /// Right on all but every `wrong`-th image of one task.
    fn file(wrong: usize, images: usize) -> [Answered; 1] {
        let names: Vec<String> = (0..images).map(|image| format!("{image:03}")).collect();
        let mut lines: Vec<(&str, &str, &str)> = vec![];
        for (image, name) in names.iter().enumerate() {
            let (truth, other) = (["er", "golgi"][image % 2], ["golgi", "er"][image % 2]);
            lines.push((name, truth, if (image / 2).is_multiple_of(wrong) { other } else { truth }));
        }
        [answered("Yeast/Task_two", &lines)]
    }

    #[test]
    fn the_best_and_its_equals_are_level_and_the_far_behind_are_not() {
        let (good, other, bad) = (file(20, 200), file(16, 200), file(2, 200));
        let average = |task: &str| Average { name: task.into(), parts: vec![(task.into(), 1.0)] };
        let averages = [average("Yeast/Task_two"), average("Yeast/Task_three")];
        let systems = [vec![&bad[..]], vec![&good[..], &good[..]], vec![&other[..]]];
        let found = with_the_best(&systems, &averages).unwrap();
        assert_eq!(found, [[false, true, true], [false; 3]]);
        assert_eq!(with_the_best(&systems[..1], &averages[..1]).unwrap(), [[true]]);
        let fewer = file(20, 180);
        assert!(with_the_best(&[vec![&good[..]], vec![&fewer[..]]], &averages).is_err());
    }
}
