//! Head, loss, centre and schedules against published code (`tests/golden/dino.py`).

use super::{head::Widths, *};
use crate::{
    curve::Curve,
    golden::{Golden, assert_close, device, everywhere, folder},
    ops::Weight,
    seed::Seed,
    spec::{Across, Clipping, Gain, Momentum, OnMissing, Ramp, Span},
    tape::Gradients,
};
use serde_json::Value;

pub(crate) fn word() -> settings::DinoV1 {
    settings::DinoV1 {
        ema: 0.996,
        prototypes: 30,
        hidden: 24,
        bottleneck: 16,
        gain: Gain::Fixed,
        student_temperature: 0.1,
        teacher_temperature: [0.04, 0.07],
        temperature_over: Span::Epochs(3.0),
        momentum: Momentum::CosineFromStart,
        centre_momentum: 0.9,
        last_layer_frozen: Span::Epochs(1.0),
        decay_rise: 10.0,
        ramp: Ramp::Even,
        locals: 6,
        local_side: 16,
        clip: Clipping::Never,
        on_missing: OnMissing::SameImage,
        across: Across(None),
    }
}

fn values(node: &Node) -> Vec<f32> {
    node.value().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn the_head_is_the_published_one() {
    let golden = Golden::open("dino");
    everywhere(|| {
        for (case, gain) in [("head_gain_fixed", Gain::Fixed), ("head_gain_free", Gain::Free)] {
            let key = |what: &str| format!("{case}/{what}");
            let mut params = Params::new(Seed(0));
            let widths = Widths { features: 32, hidden: 24, bottleneck: 16, prototypes: 50 };
            let head = Head::new(widths, gain, &mut params);
            let ids: Vec<_> = head.ids().collect();
            assert_eq!(ids.len(), params.len());
            for id in &ids {
                let name = params.published(*id).name.clone();
                params.import(*id, golden.values(&key(&format!("weight.{name}")))).unwrap();
            }
            let mut tape = Tape::recording(&params);
            let x = Tensor::from_vec(golden.values(&key("x")), (5, 32), &device()).unwrap();
            let x = tape.leaf(x);
            let out = head.forward(&mut tape, &params, &x).unwrap();
            assert_close(&key("out"), &values(&out), &golden.values(&key("out")), 5e-6);
            let weights = Tensor::from_vec(golden.values(&key("loss_weights")), (1, 250), &device()).unwrap();
            let out = tape.reshape(&out, (1, 250)).unwrap();
            let sum = tape.linear(&out, &Node::constant(weights), Weight::OutIn, None).unwrap();
            let mut gradients = Gradients::new(&params);
            let slope = tape.backward_to(&sum, &mut gradients, [&x]).unwrap().remove(0).unwrap();
            let slope: Vec<f32> = slope.tensor().flatten_all().unwrap().to_vec1().unwrap();
            assert_close(&key("grad.x"), &slope, &golden.values(&key("grad.x")), 2e-5);
            for id in &ids {
                let published = params.published(*id);
                let found = published.to_published(gradients.of(*id).unwrap().tensor()).unwrap();
                let name = key(&format!("grad.{}", published.name));
                assert_close(&name, &found, &golden.values(&name), 2e-5);
            }
        }
    });
}

/// A quarter of the width is four times the variance.
#[test]
fn a_narrow_head_starts_with_larger_weights() {
    for (hidden, expected) in [(2048, 0.02), (512, 0.04)] {
        let mut params = Params::new(Seed(6));
        let widths = Widths { features: 16, hidden, bottleneck: 16, prototypes: 8 };
        let head = Head::new(widths, Gain::Fixed, &mut params);
        for id in head.ids().filter(|id| params.published(*id).name.starts_with("mlp")) {
            let (name, values) = (&params.published(id).name, params.export(id).unwrap());
            let sd = (values.iter().map(|x| x * x).sum::<f32>() / values.len() as f32).sqrt();
            let expected = if name.ends_with("bias") { 0.0 } else { expected };
            assert!((sd - expected).abs() <= 0.05 * expected, "{hidden}, {name}: {sd}, expected {expected}");
        }
    }
}

/// Four calls in a row. Published rows are view by view, ours image by image.
#[test]
fn loss_and_centre_are_the_published_ones() {
    const IMAGES: usize = 4;
    const COLS: usize = 30;
    let golden = Golden::open("dino");
    let schedule = Schedule::v1(&word());
    let rows = |all: &[f32], views: std::ops::Range<usize>| -> Vec<f32> {
        let row = |(image, view): (usize, usize)| all[(view * IMAGES + image) * COLS..][..COLS].to_vec();
        (0..IMAGES).flat_map(|image| views.clone().map(move |view| (image, view))).flat_map(row).collect()
    };
    everywhere(|| {
        let centre = Tensor::zeros(COLS, candle_core::DType::F32, &device()).unwrap();
        for (call, epoch) in [0, 1, 2, 5].into_iter().enumerate() {
            let of = |what: &str| golden.values(&format!("loss/{call}.{what}"));
            let at = Clock { step: epoch, steps_per_epoch: 1, total: 6 };
            let teacher = Tensor::from_vec(rows(&of("teacher"), 0..2), (8, COLS), &device()).unwrap();
            let sharpness = (1.0 / schedule.temperature.at(&at)) as f32;
            let [said, _] = distil::sharpened(&teacher, &centre, sharpness).unwrap();
            let mut params = Params::new(Seed(0));
            let mut group = |views: std::ops::Range<usize>| {
                let values = rows(&of("student"), views.clone());
                let shape = [IMAGES * views.len(), COLS];
                params.add_with(crate::params::Published::new(format!("{views:?}"), &shape), |_, out| {
                    out.copy_from_slice(&values);
                })
            };
            let ids = [group(0..2), group(2..8)];
            let meetings = [(2, true), (6, false)].map(|(students, same_views)| Meeting {
                teachers: 2,
                students,
                same_views,
            });
            let mut tape = Tape::recording(&params);
            let factor = 1.0 / (14 * IMAGES) as f32;
            let terms: Vec<(f32, Node)> = ids
                .iter()
                .zip(meetings)
                .map(|(id, meeting)| {
                    let logits = tape.param(&params, *id);
                    (1.0, tape.distil(&logits, 10.0, &said, meeting, factor).unwrap())
                })
                .collect();
            let loss = tape.weighted_sum(&terms).unwrap();
            assert_close("loss", &[loss.scalar().unwrap()], &of("loss"), 2e-6);
            let mut gradients = Gradients::new(&params);
            tape.backward(&loss, &mut gradients).unwrap();
            for (id, views) in ids.into_iter().zip([0..2, 2..8]) {
                let found = params.published(id).to_published(gradients.of(id).unwrap().tensor()).unwrap();
                assert_close("slopes", &found, &rows(&of("grad_student"), views), 2e-5);
            }
            distil::follow_rows(&centre, &[teacher], 0.9).unwrap();
            let found = centre.to_vec1::<f32>().unwrap();
            assert_close("centre", &found, &of("center_after"), 2e-6);
        }
    });
}

fn schedules() -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder().join("dino_schedules.json")).unwrap()).unwrap()
}

#[track_caller]
fn assert_series(what: &str, expected: &Value, found: impl Fn(u64) -> f64) {
    for (step, expected) in expected.as_array().unwrap().iter().enumerate() {
        let (found, expected) = (found(step as u64), expected.as_f64().unwrap());
        assert!(
            (found - expected).abs() <= 1e-12 + 1e-9 * expected,
            "{what} {step}: {found}, expected {expected}"
        );
    }
}

#[test]
fn schedules_are_dinos() {
    let golden = schedules();
    for (name, case) in golden["dino1"].as_object().unwrap() {
        let number = |what: &str| case[what].as_f64().unwrap();
        let epochs = |what: &str| case[what].as_u64().map_or(0, |epochs| epochs);
        if name.starts_with("cosine") {
            let epoch = epochs("iters_per_epoch");
            let (start, peak, end) = (number("start"), number("base"), number("final"));
            let warmup = epochs("warmup_epochs") as usize;
            let curve = Curve::Ramped { ramp: Ramp::Inclusive, start, peak, end, warmup };
            let at = |step| Clock { step, steps_per_epoch: epoch, total: epoch * epochs("epochs") };
            assert_series(name, &case["values"], |step| curve.at(&at(step)));
        } else if name.starts_with("teacher_temp") {
            let over = Span::Epochs(epochs("warmup_epochs") as f64);
            let curve = Curve::Stairs { from: number("warmup"), to: number("final"), over };
            let at = |epoch| Clock { step: 3 * epoch + 2, steps_per_epoch: 3, total: 3 * epochs("epochs") };
            assert_series(name, &case["values"], |epoch| curve.at(&at(epoch)));
        }
    }
}

#[test]
fn schedules_are_codas() {
    let golden = schedules();
    let case = &golden["coda"];
    let at = |step| Clock { step, steps_per_epoch: 7, total: 56 };
    let rate = |ramp| Curve::Ramped { ramp, start: 1e-8, peak: 1e-4, end: 1e-6, warmup: 2 };
    assert_series("rate", &case["lr"], |step| rate(Ramp::Late).at(&at(step)));
    let decay = Curve::Cosine { start: 0.0, peak: 1e-5, end: 1e-4, warmup: 0 };
    assert_series("decay", &case["weight_decay"], |step| decay.at(&at(step)));
    let schedule = Schedule::v1(&settings::DinoV1 {
        momentum: Momentum::Cosine,
        temperature_over: Span::Epochs(30.0),
        ..word()
    });
    assert_series("momentum", &case["momentum"], |step| schedule.momentum_at(&at(step)));
    assert_series("temperature", &case["teacher_temp_per_epoch"], |epoch| {
        schedule.temperature.at(&at(7 * epoch))
    });
    // The vectors of a whole training of 300 epochs of 28 steps, with the ramp as it is meant.
    let at = |k: u64| Clock { step: k - 1, steps_per_epoch: 28, total: 8400 };
    let even = Curve::Ramped { ramp: Ramp::Even, start: 1e-8, peak: 1e-4, end: 1e-6, warmup: 10 };
    for (k, expected) in [(1, 1.0e-8), (2, 3.671_071e-7), (141, 5.0005e-5), (281, 1.0e-4)] {
        assert!((even.at(&at(k)) - expected).abs() < 1e-12, "{k}");
    }
    assert!((even.at(&at(8400)) - 1e-6).abs() < 1e-8);
    for (k, expected) in [(1, 1.0e-5), (4201, 5.5e-5), (8400, 1.0e-4)] {
        assert!((decay.at(&at(k)) - expected).abs() < 1e-10, "{k}");
    }
    assert!((schedule.momentum_at(&at(4200)) - 0.998).abs() < 1e-9);
}
