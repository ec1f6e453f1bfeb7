//! Classifiers side by side against PyTorch (`tests/golden/linear_probe.py`), and schedules against its own.

use super::*;
use crate::golden::{Golden, assert_close};

#[test]
fn classifiers_side_by_side_are_those_of_the_published_code() {
    let golden = Golden::open("linear_probe");
    let (x, labels) = (golden.values("x"), golden.labels("labels"));
    let truths: Vec<Truth> = labels.iter().map(|label| Truth::One(*label as u16)).collect();
    let points: Vec<Point> = [1e-3, 1e-2, 1e-1, 1.0]
        .iter()
        .zip([0.0, 0.01].iter().cycle())
        .map(|(rate, decay)| Point { rate: rate * 16.0 / 256.0, decay: *decay })
        .collect();
    let mut probe = Probe::new(&truths, 10, &points, Seed(1));
    let initial = (0..4).flat_map(|at| golden.values(&format!("{at}.weight_0"))).collect();
    probe.params.import(probe.weight, initial).unwrap();
    let batches = golden.labels("batches");
    let training = Training { points: &points, schedule: ProbeSchedule::Cosine, iterations: 30 };
    let known = Known { x: &x, truths: &truths, width: 10 };
    assert!(probe.train(&known, training, batches.chunks(16).map(<[usize]>::to_vec), &mut || true).unwrap());
    let (weight, bias) =
        (probe.params.export(probe.weight).unwrap(), probe.params.export(probe.bias).unwrap());
    let logits = probe.logits(&mut Tape::forgetting(), x.clone()).unwrap();
    let logits = buffer::copy(logits.value()).unwrap();
    let answers = probe.answers(x).unwrap();
    for at in 0..4 {
        let expected = |what: &str| golden.values(&format!("{at}.{what}"));
        assert_close("weights", &weight[at * 40..][..40], &expected("weight"), 1e-5);
        assert_close("biases", &bias[at * 4..][..4], &expected("bias"), 1e-5);
        let own: Vec<f32> = logits.chunks_exact(16).flat_map(|row| &row[at * 4..][..4]).copied().collect();
        assert_close("logits", &own, &expected("logits"), 2e-5);
        for (answer, logits) in answers[at].iter().zip(expected("logits").chunks_exact(4)) {
            let best = (1..4).fold(0, |best, class| if logits[class] > logits[best] { class } else { best });
            assert_eq!(answer.0, Truth::One(best as u16));
        }
    }
}

/// A classifier neither knows how many others there are, nor on how many threads they are trained.
#[test]
fn a_classifier_alone_is_the_same() {
    let mut stream = Seed(3).stream("x");
    let x: Vec<f32> = (0..60 * 7).map(|_| stream.normal() as f32).collect();
    let truths: Vec<Truth> = (0..60).map(|row| Truth::One(row % 3)).collect();
    let all = published(128);
    let trained = |points: &[Point]| -> Vec<f32> {
        let mut probe = Probe::new(&truths, 7, points, Seed(1));
        let training = Training { points, schedule: ProbeSchedule::OneCycle, iterations: 12 };
        let batches = shuffled(60, 16, Seed(2).stream("batches"));
        let known = Known { x: &x, truths: &truths, width: 7 };
        assert!(probe.train(&known, training, batches, &mut || true).unwrap());
        probe.params.export(probe.weight).unwrap()
    };
    let together = trained(&all);
    for at in [0, 20, 47] {
        assert_close("weights", &trained(&all[at..=at]), &together[at * 21..][..21], 1e-6);
    }
    let on = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| trained(&all))
    };
    assert_eq!(on(1), on(3));
    let mut stopped = Probe::new(&truths, 7, &all[..1], Seed(1));
    let training = Training { points: &all[..1], schedule: ProbeSchedule::Cosine, iterations: 12 };
    let known = Known { x: &x, truths: &truths, width: 7 };
    let batches = shuffled(60, 16, Seed(2).stream("batches"));
    let mut left = 3;
    let mut goes_on = || {
        left -= 1;
        left > 0
    };
    assert!(!stopped.train(&known, training, batches, &mut goes_on).unwrap());
}

/// By the formula of `OneCycleLR(max_lr=1, total_steps=20)`: rates and first betas of some steps.
#[test]
fn one_cycle_goes_up_and_down_as_in_pytorch() {
    let known = [
        (0, 0.040000000000000036, 0.95),
        (3, 0.6683281572999747, 0.8845491502812526),
        (5, 1.0, 0.85),
        (6, 0.9874640062350873, 0.8512536043909088),
        (12, 0.500002, 0.8999999999999999),
        (19, 4e-06, 0.95),
    ];
    for (step, rate, beta) in known {
        let (found, first) = pace(ProbeSchedule::OneCycle, step, 20);
        assert!((found - rate).abs() < 1e-12 && (first - beta).abs() < 1e-12, "{step}: {found}, {first}");
    }
    let half = pace(ProbeSchedule::Cosine, 5, 10);
    assert!((half.0 - 0.5).abs() < 1e-15 && half.1 == 0.9, "{half:?}");
}

/// Images with several labels: each label is a question of its own.
#[test]
fn labels_that_go_together_are_each_found() {
    let mut stream = Seed(3).stream("x");
    let x: Vec<f32> = (0..200 * 4).map(|_| stream.normal() as f32).collect();
    let bits = |row: &[f32]| Truth::Many(u64::from(row[0] > 0.0) | u64::from(row[1] > 0.5) << 5);
    let truths: Vec<Truth> = x.chunks_exact(4).map(bits).collect();
    assert!(truths.contains(&Truth::Many(0)) && truths.contains(&Truth::Many(33)));
    let points = [Point { rate: 0.05, decay: 0.0 }];
    let mut probe = Probe::new(&truths, 4, &points, Seed(1));
    let training = Training { points: &points, schedule: ProbeSchedule::Cosine, iterations: 400 };
    let known = Known { x: &x, truths: &truths, width: 4 };
    let batches = shuffled(200, 64, Seed(2).stream("batches"));
    assert!(probe.train(&known, training, batches, &mut || true).unwrap());
    let said = probe.answers(x.clone()).unwrap().remove(0);
    let right = said.iter().zip(&truths).filter(|((said, _), truth)| said == *truth).count();
    assert!(right >= 185, "{right} of 200");
}
