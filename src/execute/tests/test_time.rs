//! Test-time training as whole runs.

use super::{Home, SMALL, values};
use crate::{
    adapter::SetChannels,
    embed::Embedder,
    event::{Event, Listen, Silence},
    execute::Meter,
    model::Card,
    plan::{Plan, Step, Work},
    prelude::*,
    seed::Seed,
    spec::{Spec, TestTime, settings},
    train::Keep,
};
use candle_core::Device;
use std::path::PathBuf;

const HOW: settings::Ttt = settings::Ttt { steps: 3, copies: 5, lr: 0.05, momentum: 0.9, flips: true };

/// A dual model of a masked autoencoder, and what becomes of it in front of each image.
fn spec(how: Option<settings::Ttt>) -> Spec {
    let loss = Mae::mask(0.75).decoder_width(16).decoder_depth(1).decoder_heads(2);
    let model = Vit::mini().scratch().adapter(Planes(["dna"])).train_on(SMALL).loss(loss).window(32);
    let run = model.augment(Flips).normalise(EachView).epochs(2).batch(4).warmup(1);
    let dual = run.classify(Vit::mini()).augment(Flips).epochs(2).warmup(0);
    let run = dual.at_test_time(Ttt).evaluate(Accuracy.standardised(Role::Plate).on(SMALL));
    let mut spec = run.specs().remove(0).spec;
    spec.embedding.test_time = how.map(TestTime::Ttt);
    assert_eq!(spec.check(), []);
    spec
}

fn embeds(plan: &Plan, changed: bool) -> impl Iterator<Item = &Step> {
    plan.steps.iter().filter(
        move |step| matches!(&step.work, Work::Embed { test_time, .. } if test_time.is_some() == changed),
    )
}

impl Home {
    fn left(&self, step: &Step, kind: &str) -> PathBuf {
        let reader = self.store.read().unwrap();
        let row = reader.artifacts(step.id.as_str()).unwrap().into_iter().find(|row| row.kind == kind);
        reader.file(row.unwrap().path.to_str().unwrap()).unwrap()
    }
}

/// The features with test-time training and those without, and every score of a whole run.
fn features(how: &settings::Ttt, threads: usize) -> (Vec<u8>, Vec<u8>, Vec<(String, f64)>) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let home = Home::new();
        let (plan, scores, _) = home.run(&spec(Some(how.clone())));
        let one = |step: Option<&Step>| std::fs::read(home.left(step.unwrap(), "features")).unwrap();
        let scores = values(&scores).into_iter();
        let scores = scores.map(|((task, _, metric), (value, _))| (format!("{task} {metric}"), value));
        (one(embeds(&plan, true).next()), one(embeds(&plan, false).next()), scores.collect())
    })
}

#[test]
fn a_run_has_the_same_bits_on_any_threads_and_at_rate_0_those_of_the_model_as_it_was() {
    let (one, without, scores) = features(&HOW, 1);
    assert!(one == features(&HOW, 2).0, "two threads");
    assert!(scores.iter().any(|(name, _)| name == "A/Task_one f1_macro"), "{scores:?}");
    assert!(one != without && one.len() == without.len());
    let (still, same, _) = features(&settings::Ttt { lr: 0.0, ..HOW }, 2);
    assert!(still == without && same == without, "the same bits");
}

#[test]
fn the_source_is_read_by_the_model_that_learned_from_it_and_fits_are_shared() {
    let home = Home::new();
    let plan = |how| Plan::of(&spec(how), Seed(3), &home.data).unwrap();
    let (changed, plain) = (plan(Some(HOW)), plan(None));
    let fits = |plan: &Plan| -> Vec<_> {
        plan.steps.iter().filter(|step| step.work.kind() == "fit").map(|step| step.id.clone()).collect()
    };
    assert_eq!(fits(&changed), fits(&plain));
    let [of_target] = embeds(&changed, true).collect::<Vec<_>>()[..] else {
        panic!("one embedding of images")
    };
    assert_eq!(
        of_target.work.describe(),
        "embed small in windows of 32 px, each image after 3 steps on 5 copies of itself, flipped at random"
    );
    assert_eq!(of_target.parents, [fits(&plain)[1].clone(), fits(&plain)[0].clone()]);
    // Of the source, and of the model before training: those of the plain run.
    for embed in embeds(&changed, false) {
        assert!(plain.step(&embed.id).is_some(), "{}", embed.work.describe());
    }
    let other = plan(Some(settings::Ttt { steps: 4, ..HOW }));
    assert_ne!(embeds(&other, true).next().unwrap().id, of_target.id);
    assert_ne!(plan(None).run, other.run);
    let score = changed.steps.iter().find(|step| step.work.kind() == "score").unwrap();
    let read = |of_source| {
        let data = SMALL.data();
        changed.embeds(score, (&data, of_source), "A").map(|step| step.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(read(false), std::slice::from_ref(&of_target.id));
    assert!(read(true) != read(false) && read(true).len() == 1);
}

#[test]
fn the_price_grows_with_steps_and_copies() {
    let home = Home::new();
    let mut meter = Meter::new(&home.data, home.store.path(), &Device::Cpu, Keep::All);
    let mut price = |how: Option<settings::Ttt>| {
        let (changed, plan) = (how.is_some(), Plan::of(&spec(how), Seed(3), &home.data).unwrap());
        let step = embeds(&plan, changed).next().unwrap();
        meter.cost(&plan, step, &mut Silence).unwrap()
    };
    let plain = price(None);
    let few = price(Some(settings::Ttt { steps: 3, copies: 16, ..HOW }));
    // More copies than pass through the network together.
    let many = price(Some(settings::Ttt { steps: 6, copies: 64, ..HOW }));
    let [few, many] = [few, many].map(|cost| cost.seconds - plain.seconds);
    assert!(few > 0.0 && (many / few - 8.0).abs() < 1e-6, "{few} s, {many} s");
}

/// Hears how far it is, and asks to stop after some steps.
#[derive(Default)]
struct Ear {
    total: u64,
    heard: Vec<u64>,
    stop_after: Option<usize>,
}

impl Listen for Ear {
    fn receive(&mut self, event: &Event<'_>) {
        match event {
            Event::Began { unit, total, .. } => {
                assert_eq!(*unit, "step");
                self.total = *total;
            }
            Event::Advanced { done, .. } => self.heard.push(*done),
            _ => {}
        }
    }

    fn stop(&self) -> bool {
        self.stop_after.is_some_and(|steps| self.heard.len() >= steps)
    }
}

#[test]
fn batches_do_not_matter_and_a_stop_is_heard_after_each_step() {
    let home = Home::new();
    let (plan, ..) = home.run(&spec(Some(HOW)));
    let embed = embeds(&plan, true).next().unwrap();
    let scored = std::fs::read(home.left(embed, "features")).unwrap();
    let [classifier, model] = [0, 1].map(|at| home.left(plan.step(&embed.parents[at]).unwrap(), "weights"));
    let note = crate::backbone::files::note(&classifier).unwrap().unwrap();
    let card: Card = serde_json::from_str(&note).unwrap();
    let set = &home.data["small"].sets[0];
    let asked = [SetChannels { set: "A".into(), channels: set.channels.clone() }];
    let mut embedder = Embedder::restore(&card, &asked, true, &classifier).unwrap();
    let decoder = plan.fit(&embed.parents[1]).decoder();
    embedder.train_on_each((&HOW, decoder), (&card, &asked, true), &model, Seed(3)).unwrap();
    embedder.batch = 3;
    let mut written: Vec<u8> = Vec::new();
    let mut take = |features: &[f32], _| {
        written.extend(features.iter().flat_map(|value| value.to_le_bytes()));
        Ok(())
    };
    let norm = card.by_image("A").unwrap();
    let mut ear = Ear::default();
    embedder.embed(set, 0, &norm, &mut ear, &mut take).unwrap();
    assert!(written == scored, "in batches of 3");
    assert_eq!((ear.total, ear.heard.last()), (60, Some(&60)), "20 images, 3 steps each");
    let mut ear = Ear { stop_after: Some(4), ..Ear::default() };
    let stopped = embedder.embed(set, 0, &norm, &mut ear, &mut |_, _| Ok(())).unwrap_err();
    assert_eq!((stopped.to_string(), ear.heard.len()), ("stopped".into(), 4));
}
