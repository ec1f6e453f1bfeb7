//! Everything between images and scores, said otherwise than by default, as a whole run.

use super::{Error, Home, SMALL, spec, values};
use crate::{
    adapter::SetChannels,
    backbone::files as weights,
    embed::Embedder,
    evaluate::{FeatureFile, FeatureRows, SideBySide},
    event::Silence,
    model::Card,
    plan::Plan,
    prelude::DataWord,
    report,
    seed::Seed,
    spec::{Beside, Embedding, Measured, Moments, Normalise, Spec, settings},
};
use std::{collections::BTreeSet, path::PathBuf};

/// Windows that are never resized, of one named plane, each normalised by itself: trained, held out for SWAD, embedded and
/// scored. What `embed` makes of the file of weights is what was scored.
#[test]
fn windows_of_named_planes_go_through_a_whole_run() {
    let home = Home::new();
    // Larger than the images, and than the centre that training draws from.
    let said = |spec: &mut Spec| {
        spec.train.window = true;
        spec.train.image = 64;
        spec.train.hold_out = 0.25;
        spec.train.normalise = vec![Normalise { sets: vec![], by: Moments::View }];
        spec.model.adapter = settings::Planes { channels: vec!["dna".into()] }.into();
        spec.train.stages[0].augment = vec![
            settings::Flips { p: 0.5 }.into(),
            settings::Intensity { p: 0.5, shift: 0.1, exponent: 0.1 }.into(),
        ];
        spec.train.stages[0].strategy =
            settings::Swad { every: 1, converge: 2, tolerance: 2, ratio: 0.3 }.into();
    };
    let spec = spec(SMALL, &[SMALL.data()], said);
    let (plan, scores, _) = home.run(&spec);
    assert!(values(&scores).contains_key(&("A/Task_one", "", "f1_macro")));
    let reader = || home.store.read().unwrap();
    let file = |work: &str, kind: &str| -> PathBuf {
        let step = plan.steps.iter().find(|step| step.work.kind() == work).unwrap();
        let row = reader().artifacts(step.id.as_str()).unwrap().into_iter().find(|file| file.kind == kind);
        reader().file(row.unwrap().path.to_str().unwrap()).unwrap()
    };
    let weights = file("fit", "weights");
    let card: Card = serde_json::from_str(&crate::backbone::files::note(&weights).unwrap().unwrap()).unwrap();
    assert_eq!((card.window, card.image, card.check()), (true, 64, Ok(())));
    let set = &home.data["small"].sets[0];
    // A set that the model never saw, with the plane at another place.
    let own = SetChannels { set: "B".into(), channels: set.channels.clone() };
    let mut embedder = Embedder::restore(&card, &[own], false, &weights).unwrap();
    embedder.symmetries = spec.embedding.symmetries;
    let mut written: Vec<f32> = Vec::new();
    let mut take = |features: &[f32], _| {
        written.extend_from_slice(features);
        Ok(())
    };
    embedder.embed(set, 0, &card.by_image("B").unwrap(), &mut Silence, &mut take).unwrap();
    let scored = std::fs::read(file("embed", "features")).unwrap();
    let scored: Vec<f32> = scored.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert!(written == scored && written.iter().any(|value| *value != 0.0), "the same bits");
}

/// Two models, all symmetries, hand-made features beside them, each image normalised by itself: as a whole run.
#[test]
fn everything_between_images_and_scores_can_be_said_otherwise() {
    let home = Home::new();
    let said = |spec: &mut Spec| {
        spec.train.normalise = vec![Normalise { sets: vec!["A".into()], by: Moments::Image { floor: 0.1 } }];
        spec.embedding = Embedding {
            members: 2,
            symmetries: true,
            test_time: None,
            beside: vec![
                Beside { features: Measured::HandMade, weight: 0.3 },
                Beside { features: Measured::HandMadeStandardised, weight: 0.2 },
            ],
        };
    };
    let (plan, scores, _) = home.run(&spec(SMALL, &[SMALL.data()], said));
    assert!(values(&scores).contains_key(&("A/Task_one", "", "f1_macro")));
    let reader = || home.store.read().unwrap();
    let features: Vec<_> = plan
        .steps
        .iter()
        .filter(|step| step.work.kind() == "embed")
        .flat_map(|step| reader().artifacts(step.id.as_str()).unwrap())
        .filter(|file| file.kind == "features")
        .map(|file| file.blake3)
        .collect();
    let different: BTreeSet<_> = features.iter().collect();
    assert_eq!((features.len(), different.len()), (4, 4), "two trained models, and they before training");
    let table = report::terminal_table(reader(), &[("small", plan.run.as_str())], None).unwrap();
    let title = table.lines().next().unwrap();
    assert!(
        title.contains(", 2 models as one, mean over 8 symmetries, beside 0.3 of hand-made features and 0.2 of those of standardised images, "),
        "{title}"
    );
    // What `embed` writes with these models is what was scored, less the hand-made features.
    let files = |kind: &str, of: &str| -> Vec<PathBuf> {
        let steps = plan.steps.iter().filter(|step| step.work.kind() == kind);
        let rows = steps.flat_map(|step| reader().artifacts(step.id.as_str()).unwrap());
        rows.filter(|row| row.kind == of)
            .map(|row| reader().file(row.path.to_str().unwrap()).unwrap())
            .collect()
    };
    // The trained models come first, those before training after them.
    let [one, two] = [0, 1].map(|at| files("fit", "weights").remove(at));
    let card: Card = serde_json::from_str(&weights::note(&one).unwrap().unwrap()).unwrap();
    let set = &home.data["small"].sets[0];
    let own = SetChannels { set: set.name.clone(), channels: set.channels.clone() };
    let mut embedder = Embedder::restore(&card, &[own], true, &one).unwrap();
    embedder.beside(&two).unwrap();
    embedder.symmetries = true;
    let mut written = Vec::new();
    let mut take = |features: &[f32], _| {
        written.extend_from_slice(features);
        Ok(())
    };
    embedder.embed(set, 0, &card.norm(0), &mut Silence, &mut take).unwrap();
    let parts = files("embed", "features").into_iter().take(2).map(|path| -> (Box<dyn FeatureRows>, f64) {
        (Box::new(FeatureFile::plain(&path, set.len()).unwrap()), 0.5f64.sqrt())
    });
    let scored = SideBySide::new(parts.collect());
    let mut expected = vec![0.0; set.len() * scored.width()];
    scored.read(&(0..set.len() as u32).collect::<Vec<_>>(), &mut expected).unwrap();
    assert!(written == expected, "the same bits");
    // One of the models on its own is trained already.
    let single = spec(SMALL, &[SMALL.data()], |spec| {
        said(spec);
        (spec.embedding.members, spec.embedding.beside) = (1, vec![]);
    });
    let single = Plan::of(&single, Seed(6), &home.data).unwrap();
    let known = single.steps.iter().filter(|step| plan.step(&step.id).is_some()).map(|step| step.work.kind());
    assert_eq!(known.filter(|kind| *kind == "fit" || *kind == "embed").count(), 4);
    // With the features of one model gone, the others are not scored in its place.
    std::fs::remove_file(files("embed", "features").remove(1)).unwrap();
    let other = spec(SMALL, &[SMALL.data()], |spec| {
        said(spec);
        spec.embedding.beside.truncate(1);
    });
    let plan = Plan::of(&other, Seed(3), &home.data).unwrap();
    assert!(matches!(home.attempt(&plan).1, Err(Error::NoFeatures(set)) if set == "A"));
}
