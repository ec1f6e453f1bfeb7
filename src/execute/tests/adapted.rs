//! Dual models and adaptations as whole runs, by a loss that every transformer learns from.

use super::{Home, SMALL};
use crate::{
    backbone::files as weights,
    evaluate::{
        FeatureFile, FeatureRows,
        cka::{Layers, Tokens},
    },
    execute::{judge, learned},
    plan::{Plan, Step},
    prelude::*,
    seed::Seed,
    spec::{HeadWhileAdapting, KeptStep, Spec},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

fn model() -> Run<Model<Vit<size::vit::Mini>, Scratch, TargetParam>, Folder, SimClr> {
    let model = Vit::mini().scratch().adapter(TargetParam);
    model.train_on(SMALL).loss(SimClr::t(0.1)).image(32).epochs(2).batch(4).warmup(1)
}

fn one(run: impl Experiments) -> Spec {
    run.specs().remove(0).spec
}

/// A file that works of a kind left behind, in their order.
fn files(home: &Home, plan: &Plan, kind: &str, of: &str) -> Vec<PathBuf> {
    let reader = home.store.read().unwrap();
    let steps = plan.steps.iter().filter(|step| step.work.kind() == kind);
    let rows = steps.flat_map(|step| reader.artifacts(step.id.as_str()).unwrap());
    rows.filter(|row| row.kind == of).map(|row| reader.file(row.path.to_str().unwrap()).unwrap()).collect()
}

fn features(path: &Path, rows: usize) -> Vec<f32> {
    let file = FeatureFile::plain(path, rows).unwrap();
    let mut values = vec![0.0; rows * file.width()];
    file.read(&(0..rows as u32).collect::<Vec<_>>(), &mut values).unwrap();
    values
}

#[test]
fn the_first_two_steps_are_shared_by_all_targets() {
    let home = Home::new();
    let dual = || model().classify(Vit::mini()).epochs(1).warmup(0).evaluate(OneNn::cosine().on(SMALL));
    let target = |batch: &str| {
        let spec =
            one(dual().adapt(Oda::per(Source), SMALL.having(Role::Batch, [batch])).epochs(1).warmup(0));
        assert_eq!(spec.check(), []);
        Plan::of(&spec, Seed(3), &home.data).unwrap()
    };
    let plain = Plan::of(&one(dual()), Seed(3), &home.data).unwrap();
    let (first, second) = (target("b1"), target("b2"));
    let fits = |plan: &Plan| -> Vec<Step> {
        plan.steps.iter().filter(|step| step.work.kind() == "fit").cloned().collect()
    };
    let names = |steps: &[Step]| steps.iter().map(|step| step.work.describe()).collect::<Vec<_>>();
    assert_eq!(
        names(&fits(&first))[..3],
        [
            "train 2 epochs on small",
            "train a classifier (ViT-Mini/8) on the frozen model, 1 epochs on small",
            "adapt to small having batch b1, 1 epochs"
        ]
    );
    let shared = |a: &Plan, b: &Plan| {
        let known = fits(a).into_iter().filter(|step| b.step(&step.id).is_some());
        known.map(|step| step.work.describe()).collect::<Vec<_>>()
    };
    // And the model before training, for the floor.
    assert_eq!((shared(&first, &second).len(), shared(&plain, &first).len()), (3, 3));
}

#[test]
fn an_adaptation_at_rate_0_changes_nothing_and_another_one_does() {
    let home = Home::new();
    let dual = || model().classify(Vit::mini()).epochs(1).warmup(0).evaluate(OneNn::cosine().on(SMALL));
    let embedded = |spec: Spec| {
        let (plan, ..) = home.run(&spec);
        (features(&files(&home, &plan, "embed", "features")[0], 20), plan)
    };
    let (plain, plan) = embedded(one(dual()));
    let fits = files(&home, &plan, "fit", "weights");
    let [extractor, classifier] = [0, 1].map(|at| std::fs::read(&fits[at]).unwrap());
    let tensor = |file: &[u8], name: &str| -> Vec<u8> {
        safetensors::SafeTensors::deserialize(file).unwrap().tensor(name).unwrap().data().to_vec()
    };
    // The classifier holds the model, and its training left it as it was.
    for name in ["cls_token", "blocks.3.attn.qkv.weight", "norm.bias"] {
        assert!(
            tensor(&extractor, name) == tensor(&classifier, &format!("foundation_model.{name}")),
            "{name}"
        );
    }
    assert!(weights::note(&fits[1]).unwrap().unwrap().contains("\"classifier\":"));
    let adapted = |rate: f64| {
        let mut spec = one(dual().adapt(Oda::per(Source), SMALL).epochs(1).warmup(0));
        spec.adapt.as_mut().unwrap().rate = rate;
        embedded(spec).0
    };
    assert!(plain == adapted(0.0), "the same bits");
    let moved = adapted(1.0);
    assert!(plain != moved && moved.iter().all(|value| value.is_finite()));
}

/// Of a classifier: it is asked about every image of the target, and its opinion of the kept model is no worse than of any other.
#[test]
fn the_step_is_kept_after_which_classes_are_as_frequent_as_they_should_be() {
    let home = Home::new();
    let dual = || {
        let dual = model().lr(1e-3).classify(Vit::mini()).epochs(1).warmup(0).batch(4).lr(1e-3);
        dual.evaluate(OneNn::cosine().on(SMALL))
    };
    let distance = |spec: &Spec| {
        let (plan, ..) = home.run(spec);
        let values = features(&files(&home, &plan, "embed", "features")[0], 20);
        let width = values.len() / 20;
        let classifier = &files(&home, &plan, "fit", "weights")[1];
        let head = learned::head(classifier, width, || panic!("it names its classes")).unwrap();
        let mut said = vec![0; head.classes.len()];
        head.answers(&values, width).for_each(|class| said[class] += 1);
        let set = &home.data["small"].sets[0];
        let (trained, _) = set.training_rows(0.0, &[]);
        let share = |class: &String| {
            let of_class = trained.iter().filter(|row| set.labels[usize::from(set.label(**row))] == *class);
            of_class.count() as f64 / trained.len() as f64
        };
        let expected: Vec<f64> = head.classes.iter().map(share).collect();
        (judge::divergence(&said, &expected), values)
    };
    let adapted = |rate: f64, keep: KeptStep| {
        let run = dual().adapt(Oda::per(Source), SMALL).epochs(3).warmup(0).keep(keep);
        let mut spec = one(run);
        spec.adapt.as_mut().unwrap().rate = rate;
        assert_eq!(spec.check(), []);
        distance(&spec)
    };
    let (start, plain) = distance(&one(dual()));
    assert!(adapted(0.0, LabelFreeStop).1 == plain, "at rate 0, the same bits");
    let rates = [1.0, 10.0, 100.0];
    let kept = rates.map(|rate| [LastStep, LabelFreeStop].map(|keep| adapted(rate, keep).0));
    for [last, kept] in kept {
        assert!(kept <= last && kept <= start, "{kept} after {start}, in the end {last}");
    }
    assert!(kept.iter().any(|[last, kept]| kept < last), "{kept:?}: the last step was the best each time");
}

#[test]
fn each_plate_is_asked_of_the_model_that_adapted_to_it() {
    let home = Home::new();
    let spec = |per_plate: bool| {
        let run = model().evaluate(OneNn::cosine().on(SMALL));
        let mut spec = if per_plate {
            one(run.adapt(Oda::per(Plate), SMALL).epochs(1).warmup(0))
        } else {
            one(run.adapt(Oda::per(Source), SMALL.having(Role::Plate, ["P2"])).epochs(1).warmup(0))
        };
        spec.adapt.as_mut().unwrap().rate = 1.0;
        assert_eq!(spec.check(), []);
        spec
    };
    let (plan, scores, _) = home.run(&spec(true));
    assert!(scores.iter().any(|row| row.metric == "f1_macro"));
    let pieces = files(&home, &plan, "embed", "features");
    let (second, ..) = home.run(&spec(false));
    let known = second.steps.iter().filter(|step| step.work.kind() == "fit" && plan.step(&step.id).is_some());
    assert_eq!(known.count(), 3, "the model, before training, and adapted to that plate");
    let (whole, set) =
        (features(&files(&home, &second, "embed", "features")[0], 20), &home.data["small"].sets[0]);
    let only = [crate::spec::Condition { role: Role::Plate, values: vec!["P2".into()] }];
    let rows = set.rows_of(&only);
    let piece = features(&pieces[1], rows.len());
    let width = whole.len() / 20;
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(piece[at * width..][..width], whole[*row as usize * width..][..width]);
    }
    let different: BTreeSet<_> = pieces.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(different.len(), 3, "two plates, and the model before training");
}

/// What a model of one plate is worth for all images is what the same model is worth that adapts to this plate alone.
#[test]
fn a_model_of_one_plate_is_asked_about_all_images() {
    let home = Home::new();
    let run = || model().evaluate(OneNn::cosine().on(SMALL));
    let single = one(run().adapt(Oda::per(Plate).on_one(), SMALL).epochs(1).warmup(0));
    let own = one(run().adapt(Oda::per(Plate).on_all(), SMALL).epochs(1).warmup(0));
    assert_eq!(own, one(run().adapt(Oda::per(Plate), SMALL).epochs(1).warmup(0)));
    let (plan, scores, _) = home.run(&single);
    let fits = |plan: &Plan| -> BTreeSet<String> {
        let fits = plan.steps.iter().filter(|step| step.work.kind() == "fit");
        fits.map(|step| step.id.to_string()).collect()
    };
    assert_eq!(fits(&plan), fits(&Plan::of(&own, Seed(3), &home.data).unwrap()), "the same models");
    let f1 = |scores: &[crate::store::ScoreRow], part: &str| -> (f64, u64) {
        let mut found = scores.iter().filter(|row| row.metric == "f1_macro" && row.class.is_empty());
        let row = found.find(|row| row.part == part).unwrap_or_else(|| panic!("{part}"));
        (row.value, row.n)
    };
    for plate in ["P1", "P2"] {
        let alone =
            one(run().adapt(Oda::per(Source), SMALL.having(Role::Plate, [plate])).epochs(1).warmup(0));
        let (_, of_alone, _) = home.run(&alone);
        let found = f1(&scores, &format!("adapted to plate={plate}"));
        assert_eq!((found, found.1), (f1(&of_alone, ""), 8), "{plate}");
    }
    assert!(scores.iter().all(|row| row.part.starts_with("adapted to ")), "no score is of several models");
    let floors = plan.steps.iter().filter(|step| step.work.kind() == "score").count();
    assert_eq!(floors, 2 + crate::spec::Features::FLOORS.len(), "floors adapt to nothing");
}

/// What is kept of a model under a classifier is what the model says without one, and no score depends on it.
#[test]
fn the_model_under_a_classifier_is_looked_into() {
    let home = Home::new();
    let dual = || model().classify(Vit::mini()).epochs(1).warmup(0);
    let one_nn = || OneNn::cosine().on(SMALL);
    let (plain, looked) = (one(dual().evaluate(one_nn())), one(dual().inspect(SMALL).evaluate(one_nn())));
    assert_ne!(plain, looked);
    let (plan, scores, _) = home.run(&looked);
    assert_eq!(scores.len(), home.run(&plain).1.len());
    let layers = files(&home, &plan, "layers", "layers");
    assert_eq!(layers.len(), 1);
    let read = Layers::read(&layers[0]).unwrap();
    let depth = crate::spec::VitSize::Mini.depth();
    assert_eq!((read.batch, read.batches()), (20, 1), "twenty images are one mini-batch");
    assert_eq!(read.numbers(Tokens::All), 0..2 * depth + 1);
    assert_eq!(read.numbers(Tokens::Class), 1..2 * depth + 1);
    for tokens in Tokens::EACH {
        let same = read.beside(&read, tokens).unwrap();
        assert!(same.iter().enumerate().all(|(at, row)| (row[at].ratio_of_sums() - 1.0).abs() < 1e-9));
    }

    // The model by itself has the same features, and so has its scored twin.
    let (bare, ..) = home.run(&one(model().evaluate(OneNn::cosine().on(SMALL))));
    let of_bare = features(&files(&home, &bare, "embed", "features")[0], 20);
    let kept: Vec<Vec<f32>> =
        files(&home, &plan, "embed", "features").iter().map(|path| features(path, 20)).collect();
    assert!(kept.contains(&of_bare) && kept.len() == 3, "under the classifier, by itself, before training");

    // An adapted one says something else, of the same images.
    let adapted = dual().adapt(Oda::per(Source), SMALL).epochs(1).warmup(0);
    let mut adapted = one(adapted.inspect(SMALL).evaluate(one_nn()));
    adapted.adapt.as_mut().unwrap().rate = 1.0;
    let (adapted, ..) = home.run(&adapted);
    let other = Layers::read(&files(&home, &adapted, "layers", "layers")[0]).unwrap();
    let beside = read.beside(&other, Tokens::All).unwrap();
    let last = beside.last().and_then(|row| row.last()).unwrap().ratio_of_sums();
    // One short epoch moves little, and far more than rounding.
    assert!((0.9..1.0 - 1e-8).contains(&last), "{last}");
}

/// ODA of a masked autoencoder: encoder and decoder go on where their training ended.
#[test]
fn an_adapted_autoencoder_begins_with_its_decoder() {
    let home = Home::new();
    let loss = Mae::mask(0.75).decoder_width(16).decoder_depth(1).decoder_heads(2);
    let model = Vit::mini().scratch().adapter(Planes(["dna"])).train_on(SMALL).loss(loss).window(32);
    let run = model.augment(Flips).normalise(EachView).epochs(2).batch(4).warmup(1);
    let dual =
        run.classify(Vit::mini()).augment(Flips).epochs(1).warmup(0).evaluate(OneNn::cosine().on(SMALL));
    let adapted = |rate: f64, head: HeadWhileAdapting| {
        let mut spec = one(dual.clone().adapt(Oda::per(Source), SMALL).epochs(1).warmup(0));
        let adapt = spec.adapt.as_mut().unwrap();
        (adapt.rate, adapt.head) = (rate, head);
        let (plan, ..) = home.run(&spec);
        let step = |what: &str| {
            plan.steps.iter().find(|step| step.work.describe().starts_with(what)).unwrap().id.clone()
        };
        [step("train 2 epochs"), step("adapt to")].map(|id| {
            let reader = home.store.read().unwrap();
            let row = reader.artifacts(id.as_str()).unwrap().into_iter().find(|row| row.kind == "weights");
            std::fs::read(reader.file(row.unwrap().path.to_str().unwrap()).unwrap()).unwrap()
        })
    };
    let tensor = |file: &[u8], name: &str| -> Vec<u8> {
        safetensors::SafeTensors::deserialize(file).unwrap().tensor(name).unwrap().data().to_vec()
    };
    let (decoder, encoder) =
        (["decoder_pred.weight", "mask_token"], ["blocks.0.attn.qkv.weight", "patch_embed.proj.weight"]);
    let same = |a: &[u8], b: &[u8], names: [&str; 2]| names.map(|name| tensor(a, name) == tensor(b, name));
    let [trained, still] = adapted(0.0, HeadWhileAdapting::Trained);
    assert_eq!([same(&trained, &still, decoder), same(&trained, &still, encoder)], [[true; 2]; 2]);
    let [_, moved] = adapted(1.0, HeadWhileAdapting::Trained);
    assert_eq!([same(&trained, &moved, decoder), same(&trained, &moved, encoder)], [[false; 2]; 2]);
    let [_, moved] = adapted(1.0, HeadWhileAdapting::Frozen);
    assert_eq!([same(&trained, &moved, decoder), same(&trained, &moved, encoder)], [[true; 2], [false; 2]]);
}
