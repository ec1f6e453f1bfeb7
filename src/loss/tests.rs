//! Losses and their gradients against PyTorch (`tests/golden/losses.py`).

use super::{Objective, Outputs};
use crate::{
    golden::{Golden, assert_close},
    params::{Params, Published},
    seed::Seed,
    spec::{Loss, Positives, Term},
    tape::{Gradients, Tape},
};

/// `ours` names the objective's parameters and the golden tensors that they start from.
fn check(name: &str, words: &[(f64, Loss)], labelled: bool, ours: &[(&str, &str)]) {
    let golden = Golden::open("losses");
    let values = |key: &str| golden.values(&format!("{name}.{key}"));
    let shape = golden.shape(&format!("{name}.features"));
    let mut params = Params::new(Seed(0));
    let features = params.add_with(Published::new("features", &shape), |_, out| {
        out.copy_from_slice(&values("features"));
    });
    let classes = ours.first().map_or(shape[1], |(_, key)| golden.shape(&format!("{name}.{key}"))[0]);
    let words: Vec<Term> =
        words.iter().map(|(weight, loss)| Term { weight: *weight, loss: loss.clone() }).collect();
    let objective = Objective::new(&words, shape[1], classes, &mut params);
    for (param, key) in ours {
        params.import(params.find(param).unwrap(), values(key)).unwrap();
    }
    let labels = if labelled { golden.labels(&format!("{name}.labels")) } else { vec![] };
    let mut tape = Tape::recording(&params);
    let node = tape.param(&params, features);
    let value = objective.value(&mut tape, &params, &Outputs { features: &node, classes: &labels }).unwrap();
    assert_close(&format!("{name} value"), &[value.total.scalar().unwrap()], &values("value"), 3e-6);
    let mut gradients = Gradients::new(&params);
    tape.backward(&value.total, &mut gradients).unwrap();
    for (param, key) in [("features", "features")].iter().chain(ours) {
        let id = params.find(param).unwrap();
        let found = gradients.of(id).expect(param).tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_close(&format!("{name} d{key}"), &found, &values(&format!("d{key}")), 5e-6);
    }
}

fn sim_clr(positives: Positives) -> Loss {
    Loss::SimClr { temperature: 0.07, positives }
}

#[test]
fn proxy_nca() {
    let loss = Loss::ProxyNca { temperature: 0.07, train_proxies: true };
    check("proxy_nca", &[(1.0, loss)], true, &[("proxies", "proxies")]);
}

#[test]
fn sim_clr_with_the_right_pairs() {
    check("simclr_pairs", &[(1.0, sim_clr(Positives::SameImage))], false, &[]);
}

#[test]
fn sim_clr_with_the_released_pairs() {
    check("simclr_released", &[(1.0, sim_clr(Positives::RowPlusN))], false, &[]);
}

#[test]
fn cross_entropy_on_features() {
    check("features_ce", &[(1.0, Loss::CeOnFeatures)], true, &[]);
}

#[test]
fn cross_entropy_with_a_classifier() {
    let ours = [("classifier.weight", "weight"), ("classifier.bias", "bias")];
    check("linear_head", &[(1.0, Loss::CrossEntropy)], true, &ours);
}

#[test]
fn the_released_mix() {
    let words = [(0.2, sim_clr(Positives::RowPlusN)), (0.8, Loss::CeOnFeatures)];
    check("combined_released", &words, true, &[]);
}

#[test]
fn proxies_that_are_not_trained_get_no_gradient() {
    let mut params = Params::new(Seed(0));
    let features = params.add_normal(Published::new("features", &[4, 6]), 1.0);
    let loss = Loss::ProxyNca { temperature: 0.07, train_proxies: false };
    let objective = Objective::new(&[Term { weight: 1.0, loss }], 6, 3, &mut params);
    let mut tape = Tape::recording(&params);
    let node = tape.param(&params, features);
    let value =
        objective.value(&mut tape, &params, &Outputs { features: &node, classes: &[0, 1, 2, 0] }).unwrap();
    let mut gradients = Gradients::new(&params);
    tape.backward(&value.total, &mut gradients).unwrap();
    assert!(gradients.of(params.find("proxies").unwrap()).is_none());
    assert!(gradients.of(features).is_some());
}
