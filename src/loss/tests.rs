//! Losses and their gradients against PyTorch (`tests/golden/losses.py`).

use super::{Forwarded, Objective, Value};
use crate::{
    curve::Clock,
    golden::{Golden, assert_close, everywhere},
    params::{Params, Published},
    pass::Outputs,
    seed::Seed,
    spec::{Loss, Positives, Scale, ScaleRule, Term, settings},
    tape::{Gradients, Node, Tape},
};

fn value_of(
    objective: &Objective,
    tape: &mut Tape,
    params: &Params,
    features: &Node,
    classes: &[usize],
) -> Value {
    let student = [Outputs::of(features.clone())];
    objective.value(tape, params, &Forwarded::of(&student, classes), &Clock::START).unwrap()
}

/// `ours` has the names of the objective's parameters and of the golden tensors that they start from.
fn check(name: &str, words: &[(f64, Loss)], labelled: bool, ours: &[(&str, &str)]) {
    everywhere(|| compare(name, words, labelled, ours));
}

fn compare(name: &str, words: &[(f64, Loss)], labelled: bool, ours: &[(&str, &str)]) {
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
    let value = value_of(&objective, &mut tape, &params, &node, &labels);
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
    settings::SimClr { temperature: 0.07, positives }.into()
}

#[test]
fn proxy_nca() {
    let loss = Loss::proxy_nca(0.07);
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
    check("features_ce", &[(1.0, settings::CeOnFeatures {}.into())], true, &[]);
}

#[test]
fn cross_entropy_with_a_classifier() {
    let ours = [("classifier.weight", "weight"), ("classifier.bias", "bias")];
    check("linear_head", &[(1.0, settings::CrossEntropy {}.into())], true, &ours);
}

#[test]
fn the_released_mix() {
    let words = [(0.2, sim_clr(Positives::RowPlusN)), (0.8, settings::CeOnFeatures {}.into())];
    check("combined_released", &words, true, &[]);
}

#[test]
fn proxies_that_are_not_trained_get_no_gradient() {
    let mut params = Params::new(Seed(0));
    let features = params.add_normal(Published::new("features", &[4, 6]), 1.0);
    let loss = settings::ProxyNca { temperature: 0.07, scale: Scale::Fixed, train_proxies: false }.into();
    let objective = Objective::new(&[Term { weight: 1.0, loss }], 6, 3, &mut params);
    let mut tape = Tape::recording(&params);
    let node = tape.param(&params, features);
    let value = value_of(&objective, &mut tape, &params, &node, &[0, 1, 2, 0]);
    let mut gradients = Gradients::new(&params);
    tape.backward(&value.total, &mut gradients).unwrap();
    assert!(gradients.of(params.find("proxies").unwrap()).is_none());
    assert!(gradients.of(features).is_some());
}

/// There is no golden file for it: losses at two distances determine the slope between them.
#[test]
fn a_learned_scale_starts_as_its_rule_says_and_follows_its_slope() {
    everywhere(|| {
        let fixed = 2.0 / 0.07;
        for (rule, factor) in [(ScaleRule::SquareRoot, fixed), (ScaleRule::Inverse, fixed / 0.07)] {
            let mut params = Params::new(Seed(0));
            let features = params.add_normal(Published::new("features", &[4, 6]), 1.0);
            let scale = Scale::Learned { rule, trained: true };
            let loss = settings::ProxyNca { temperature: 0.07, scale, train_proxies: true }.into();
            let objective = Objective::new(&[Term { weight: 1.0, loss }], 6, 3, &mut params);
            let id = params.find("logit_scale").unwrap();
            let start = params.export(id).unwrap()[0];
            assert!((2.0 * f64::from(start).exp().powi(2) / factor - 1.0).abs() < 1e-5, "{start}");
            let mut slopes = Gradients::new(&params);
            let mut value = |params: &Params, backward| {
                let mut tape = Tape::recording(params);
                let node = tape.param(params, features);
                let total = value_of(&objective, &mut tape, params, &node, &[0, 1, 2, 0]).total;
                if backward {
                    tape.backward(&total, &mut slopes).unwrap();
                }
                f64::from(total.scalar().unwrap())
            };
            value(&params, true);
            let mut at = |x: f32| {
                params.import(id, vec![x]).unwrap();
                value(&params, false)
            };
            let (above, below) = (at(start + 0.01), at(start - 0.01));
            let expected = (above - below) / f64::from((start + 0.01) - (start - 0.01));
            let found = f64::from(slopes.of(id).unwrap().tensor().to_vec1::<f32>().unwrap()[0]);
            assert!((found / expected - 1.0).abs() < 0.01, "{found} instead of {expected}");
        }
    });
}
