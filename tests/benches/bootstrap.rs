//! Benchmark of comparing two systems on a benchmark of CHAMMI's size: nine tasks, 116,139 images, 10,000
//! draws.
//!
//! cargo bench --bench bootstrap
//!
//! Drawn by images and by wells; the limit is 10 s on two cores.

use dichroic::{
    evaluate::{
        bootstrap::{Average, DRAWS, Seeds, compare},
        paired::Paired,
        units::Unit,
    },
    seed::Seed,
};
use std::time::Instant;

/// Images and classes of the published tasks.
const TASKS: [(&str, usize, usize); 9] = [
    ("Allen/Task_one", 12_419, 6),
    ("Allen/Task_two", 21_624, 6),
    ("HPA/Task_one", 13_051, 4),
    ("HPA/Task_two", 5_994, 4),
    ("HPA/Task_three", 15_166, 7),
    ("CP/Task_one", 13_065, 4),
    ("CP/Task_two", 16_395, 4),
    ("CP/Task_three", 10_075, 4),
    ("CP/Task_four", 12_350, 7),
];

fn main() {
    for (seeds, in_unit) in [(1, 1), (1, 20), (3, 1), (3, 20)] {
        let unit = if in_unit == 1 { Unit::Image } else { Unit::Well };
        let tasks: Vec<Paired> = TASKS.iter().map(|task| answered(task, seeds, unit, in_unit)).collect();
        let began = Instant::now();
        let found = compare(&tasks, &[Average::of(&tasks)], Seeds::InPairs).expect("tasks are complete");
        let took = began.elapsed().as_secs_f64();
        let (what, mean) = (unit.count(tasks.iter().map(Paired::count).sum()), found.averages[0].1);
        println!(
            "{DRAWS} draws of {what}, {seeds} seed(s) a side, {} threads: {took:.2} s ({:+.3} in {:+.3} to {:+.3})",
            rayon::current_num_threads(),
            mean.difference,
            mean.low,
            mean.high
        );
    }
}

/// Two sides that are right on six and on five of ten images.
fn answered(
    (task, images, classes): &(&str, usize, usize),
    seeds: usize,
    unit: Unit,
    in_unit: usize,
) -> Paired {
    let mut stream = Seed(1).stream(task);
    let truth: Vec<u16> = (0..*images).map(|_| stream.below(*classes) as u16).collect();
    let mut side = |right: f64| -> Vec<u16> {
        let one = |truth: &u16| if stream.chance(right) { *truth } else { stream.below(*classes) as u16 };
        truth.iter().map(one).collect()
    };
    let (a, b) = ((0..seeds).map(|_| side(0.6)).collect(), (0..seeds).map(|_| side(0.5)).collect());
    let units = (0..*images).map(|image| (image / in_unit) as u32).collect();
    Paired { task: (*task).into(), unit, units, truth, a, b, predicted_too: false }
}
