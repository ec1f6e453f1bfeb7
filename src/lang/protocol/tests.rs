//! Names in the store and their titles; what is said, and what is refused.

use super::*;
use crate::{
    prelude::*,
    sample,
    spec::{self, Beside, Measured},
};

/// What an evaluation says, resolved.
fn said(evaluation: impl Fn(OnWtc) -> Spec) -> Protocol {
    evaluation(trained()).evaluate.remove(1).protocol
}

type OnWtc = sample::OnChammi<HyperNet, CrossEntropy>;

fn trained() -> OnWtc {
    sample::hyper_net().loss(CrossEntropy)
}

/// Every word, with settings of all kinds.
fn words() -> Vec<Protocol> {
    let spec = |run| sample::spec(run, Recipe::Fixed);
    let mut all: Vec<Protocol> = one_nn::ALL.into_iter().map(Protocol::from).collect();
    all.extend([
        said(|run| spec(run.evaluate(Accuracy.on(Wtc)))),
        said(|run| spec(run.evaluate(Accuracy.tent().pooled(Role::Well).on(Wtc)))),
        said(|run| {
            spec(
                run.evaluate(
                    Accuracy.standardised_on_controls(Role::Plate).pooled(Role::FieldOfView).on(Wtc),
                ),
            )
        }),
        said(|run| spec(run.evaluate(NearestMean.standardised(Role::CellLine).on(Wtc)))),
        said(|run| spec(run.evaluate(Logistic.on(Wtc)))),
        said(|run| spec(run.evaluate(Knn::k(20).on(Wtc)))),
        said(|run| spec(run.evaluate(LinearProbe.on(Wtc)))),
        said(|run| spec(run.evaluate(LinearProbe.oracle().iterations(4350).batch(256).on(Wtc)))),
        said(|run| spec(run.evaluate(LinearProbe.one_cycle().on(Wtc)))),
        said(|run| spec(run.evaluate(Knn::k(50).temperature(0.1).pooled(Role::Well).on(Wtc)))),
        said(|run| {
            spec(run.evaluate(Logistic.c(0.1).standardised(Role::Batch).pooled(Role::Treatment).on(Wtc)))
        }),
    ]);
    all
}

#[test]
fn every_protocol_has_a_name_of_its_own_that_has_its_title() {
    let words = words();
    for word in Protocol::WORDS {
        assert!(words.iter().any(|protocol| protocol.kind() == word.kind), "{} is not listed", word.name);
    }
    let mut names: Vec<String> = words.iter().map(Protocol::name).collect();
    for (protocol, name) in words.iter().zip(&names) {
        assert_eq!(Protocol::title_of(name), protocol.title());
        assert_eq!(Protocol::is_of_source(name), protocol.reads().of_source());
        let json = serde_json::to_string(protocol).unwrap();
        assert_eq!(serde_json::from_str::<Protocol>(&json).unwrap(), *protocol, "{json}");
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), words.len());
    for (name, title) in [
        ("one_nn_cosine", "1-NN cosine"),
        ("one_nn_l2", "1-NN l2"),
        ("accuracy", "trained classifier"),
        ("accuracy_standardised_plate", "trained classifier, standardised by plate"),
        (
            "accuracy_standardised_on_controls_plate_pooled_well",
            "trained classifier, standardised by plate on controls, votes pooled by well",
        ),
        ("accuracy_tent", "trained classifier, entropy minimised"),
        ("nearest_mean", "nearest class mean"),
        ("logistic_c0.1_pooled_treatment", "logistic regression, C 0.1, votes pooled by treatment"),
        ("knn_20", "weighted 20-NN"),
        ("linear_probe", "linear probe"),
        ("linear_probe_oracle_4350x256", "linear probe, oracle, 4350 steps of 256"),
        ("linear_probe_one_cycle", "linear probe, one cycle"),
        ("linear_probe_of_a_later_program", "linear_probe_of_a_later_program"),
        ("knn_50_t0.1_pooled_well", "weighted 50-NN, T 0.1, votes pooled by well"),
        ("of_a_later_program", "of_a_later_program"),
        ("accuracy_pooled_plate", "accuracy_pooled_plate"),
    ] {
        assert_eq!(Protocol::title_of(name), title);
    }
}

#[test]
fn a_protocol_says_what_it_reads_and_how_floors_are_scored() {
    let of = |name: &str| words().into_iter().find(|word| word.name() == name).unwrap();
    let reads = |name: &str| of(name).reads();
    assert_eq!(reads("one_nn_l2"), Reads::FEATURES);
    assert_eq!(reads("accuracy"), Reads { head: true, training_features: false });
    let both = Reads { head: true, training_features: true };
    assert_eq!(reads("accuracy_tent_pooled_well"), both);
    assert_eq!(reads("accuracy_standardised_on_controls_plate_pooled_field_of_view"), both);
    assert_eq!(reads("nearest_mean_standardised_cell_line"), Reads::TRAINING);
    let floor = of("accuracy_standardised_on_controls_plate_pooled_field_of_view").of_untrained();
    assert_eq!(floor.name(), "logistic_standardised_on_controls_plate_pooled_field_of_view");
    assert_eq!(floor.target().roles(), [Role::Plate, Role::Control, Role::FieldOfView]);
}

#[test]
fn a_classifier_that_is_not_there_is_not_asked() {
    let asked = |run: OnWtc, change: &dyn Fn(&mut Spec)| {
        let mut spec = sample::spec(run.evaluate(Accuracy.on(Wtc)), Recipe::Fixed);
        change(&mut spec);
        spec.check().into_iter().map(|problem| (problem.rule, problem.message)).collect::<Vec<_>>()
    };
    assert_eq!(asked(trained(), &|_| {}), []);
    let other = |spec: &mut Spec| {
        spec.train.stages[0] = sample::spec(sample::plain(), Recipe::Fixed).train.stages.remove(0);
    };
    let message = "Accuracy asks the trained classifier, and the last stage trains none: ProxyNca";
    assert_eq!(asked(trained(), &other), [("accuracy_without_classifier", message.to_owned())]);
    let later = |spec: &mut Spec| {
        let mut stage = spec.train.stages[0].clone();
        stage.objective = sample::spec(sample::plain(), Recipe::Fixed).train.stages.remove(0).objective;
        spec.train.stages.push(stage);
    };
    assert_eq!(asked(trained(), &later), [("accuracy_without_classifier", message.to_owned())]);
    let frozen = |spec: &mut Spec| spec.train.stages.clear();
    assert_eq!(
        asked(trained(), &frozen)[0].1,
        "Accuracy asks the trained classifier, and nothing is trained"
    );
    let several = |spec: &mut Spec| spec.embedding.members = 3;
    assert_eq!(
        asked(trained(), &several)[0].1,
        "Accuracy asks one classifier, and features are 3 models as one"
    );
    let beside = |spec: &mut Spec| {
        spec.embedding.beside = vec![Beside { features: Measured::HandMade, weight: 0.3 }];
    };
    assert_eq!(asked(trained(), &beside)[0].0, "classifier_beside");
    // A sum with a classifier among its terms is one.
    let sum = sample::hyper_net().loss(0.5 * CrossEntropy + 0.5 * SSL).evaluate(Accuracy.on(Wtc));
    assert_eq!(sample::spec(sum, Recipe::Fixed).check(), []);
}

#[test]
fn statistics_of_what_is_asked_and_votes_of_different_labels_are_refused() {
    let rules = |change: &dyn Fn(&mut spec::settings::Logistic)| {
        let mut spec = sample::spec(trained().evaluate(Logistic.on(Wtc)), Recipe::Fixed);
        let mut word = spec::settings::Logistic::default();
        change(&mut word);
        spec.evaluate[1].protocol = word.into();
        spec.check().into_iter().map(|problem| problem.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(&|_| {}), [""; 0]);
    let within = |within| Some(Standardised { within, on_controls: false });
    assert_eq!(rules(&|word| word.standardised = within(Role::Treatment)), ["standardised_within"]);
    assert_eq!(rules(&|word| word.standardised = within(Role::Label)), ["standardised_within"]);
    assert_eq!(rules(&|word| word.pooled = Some(Role::Plate)), ["pooled_over"]);
    assert_eq!(rules(&|word| word.pooled = Some(Role::Label)), ["pooled_over"]);
    assert_eq!(rules(&|word| word.c = 0.0), ["logistic_c"]);
    assert_eq!(rules(&|word| word.c = f64::NAN), ["logistic_c"]);
    let each = sample::on_chammi(FixedChannels).frozen().evaluate(Logistic.on(Chammi));
    assert_eq!(sample::spec(each, Recipe::Fixed).check()[0].rule, "classifier_per_set");
}
