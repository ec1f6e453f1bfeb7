//! Coefficients compared with scikit-learn (`tests/golden/classify.py`), on any number of threads.

use super::*;
use crate::{evaluate::classify::tests::Golden, event::Silence};
use rayon::ThreadPoolBuilder;

/// Coefficients of standardised features, to a tolerance of the gradient.
fn solved(golden: &Golden, c: f64, tolerance: f64) -> (Vec<f64>, Vec<f64>) {
    let source = golden.source();
    let training = golden.training(&source);
    let moments = training.moments().unwrap();
    let classes = training.classes();
    let labels = training.labels(&classes).concat();
    let mut x = Vec::new();
    for part in &training.parts {
        moments.scaled(part.features().unwrap(), &part.rows, |z| x.extend_from_slice(z)).unwrap();
    }
    let problem = Problem { x: &x, labels: &labels, classes: classes.len(), width: moments.mean.len(), c };
    problem.solved(tolerance, &mut Silence).unwrap()
}

#[test]
fn coefficients_are_those_of_scikit_learn() {
    let golden = Golden::new();
    for (c, name) in [(0.05, "0.05"), (1.0, "1.0"), (30.0, "30.0")] {
        let wanted = ["weight", "bias"].map(|what| golden.numbers(&format!("c{name}.{what}")));
        for (tolerance, off) in [(1e-10, 5e-6), (TOLERANCE, 1e-3)] {
            let (weight, bias) = solved(&golden, c, tolerance);
            let all = weight.iter().chain(&bias).zip(wanted.iter().flatten());
            let largest = all.map(|(found, wanted)| (found - wanted).abs()).fold(0.0, f64::max);
            assert!(largest < off, "C {c}, tolerance {tolerance}: {largest}");
        }
    }
}

#[test]
fn any_number_of_threads_finds_the_same_bits() {
    let golden = Golden::new();
    let on = |threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| solved(&golden, 1.0, TOLERANCE))
    };
    let bits = |(weight, bias): (Vec<f64>, Vec<f64>)| -> Vec<u64> {
        weight.into_iter().chain(bias).map(f64::to_bits).collect()
    };
    let one = bits(on(1));
    assert_eq!(one, bits(on(3)));
    assert_eq!(one, bits(on(7)));
}

#[test]
fn a_stop_is_heard() {
    struct Impatient;
    impl Listen for Impatient {
        fn receive(&mut self, _: &Event<'_>) {}
        fn stop(&self) -> bool {
            true
        }
    }
    let golden = Golden::new();
    let source = golden.source();
    assert!(matches!(fit(&golden.training(&source), 1.0, &mut Impatient), Err(Error::Stopped)));
}
