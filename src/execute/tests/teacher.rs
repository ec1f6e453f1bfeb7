//! Self-distillation as whole runs: alone, in pairs, before a stage with labels.

use super::*;
use crate::{
    backbone::files,
    dsl::{Adapts, Trainable},
    spec::{Weights, settings},
};

fn dino(trained: impl TrainingData, say: impl FnOnce(&mut settings::DinoV1)) -> Spec {
    let model = Vit::mini().scratch().adapter(HyperNet { z: 4, hidden: 4 });
    let run = model.train_on(SMALL).loss(DinoV1::ema(0.9)).augment(Crop + Flip).drop_path(0.1);
    let run = run.image(32).epochs(2).batch(4).warmup(1).then(PROXY).epochs(1).batch(4).warmup(1);
    let mut spec = run.evaluate(OneNn::cosine().on(SMALL)).specs().remove(0).spec;
    spec.train.data = trained.data();
    let spec::Loss::DinoV1(word) = &mut spec.train.stages[0].objective[0].loss else { panic!("it is DINO") };
    (word.prototypes, word.hidden, word.bottleneck) = (32, 16, 8);
    (word.locals, word.local_side) = (4, 16);
    say(word);
    spec.canonical()
}

fn notes(home: &Home) -> Vec<String> {
    let rows = home.store.read().unwrap().query("SELECT text FROM note ORDER BY t_ms").unwrap().rows;
    let text = |row: &Vec<Value>| match &row[0] {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    rows.iter().map(text).collect()
}

#[test]
fn a_teacher_is_trained_and_its_weights_are_what_others_read() {
    let home = Home::new();
    let (plan, scores, weights) = home.run(&dino(SMALL, |_| {}));
    assert!(scores.iter().any(|row| row.metric == "accuracy" && row.task == "A/Task_one"), "{scores:?}");
    let fits: Vec<_> = plan.steps.iter().filter(|step| step.work.kind() == "fit").collect();
    // Two stages, and the untrained floor.
    assert_eq!(fits.len(), 3);
    let store = home.store.read().unwrap();
    let file = store.artifacts(fits[0].id.as_str()).unwrap().remove(0);
    let path = crate::store::files(home.store.path()).join(&file.path);
    let names = names(&path);
    for name in
        ["cls_token", "student/cls_token", "student_head/mlp.0.weight", "teacher_head/mlp.0.weight", "centre"]
    {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    // The next stage has read the teacher; it leaves one model.
    let file = store.artifacts(fits[1].id.as_str()).unwrap().remove(0);
    let path = crate::store::files(home.store.path()).join(&file.path);
    assert!(files::note(&path).unwrap().is_some());
    let other = self::names(&path);
    assert!(
        other.iter().any(|name| name == "proxies") && !other.iter().any(|name| name.contains('/')),
        "{other:?}"
    );
    let curves =
        store.query("SELECT DISTINCT m.name FROM scalar s JOIN metric m ON m.id = s.metric_id").unwrap();
    let curves: Vec<String> = curves.rows.iter().map(|row| format!("{:?}", row[0])).collect();
    for name in ["loss/dino_v1", "teacher/information", "teacher/kl", "teacher/momentum"] {
        assert!(curves.iter().any(|curve| curve.contains(name)), "{name}: {curves:?}");
    }
    assert_eq!(Home::new().run(&dino(SMALL, |_| {})).2, weights, "the same bits");
}

/// Each channel of each image is a sample of its own, and evaluation sees all channels of an image.
#[test]
fn a_bag_of_channels_is_trained_on_channels_and_asked_about_images() {
    let two = || Home::of(&["dna", "er"]);
    let home = two();
    let model = Vit::mini().scratch().adapter(BagOfChannels);
    let run = model.train_on(SMALL).loss(DinoV1::ema(0.9)).augment(Crop + Flip).normalise(EachView);
    let run = run.image(32).epochs(2).batch(4).warmup(1);
    let spec = |recipe| {
        let run = run.clone().recipe(recipe).evaluate(OneNn::cosine().on(SMALL));
        let mut spec = run.specs().remove(0).spec;
        let spec::Loss::DinoV1(word) = &mut spec.train.stages[0].objective[0].loss else {
            panic!("it is DINO")
        };
        (word.prototypes, word.hidden, word.bottleneck) = (32, 16, 8);
        (word.locals, word.local_side) = (4, 16);
        spec.canonical()
    };
    let steps = |home: &Home| -> usize {
        let store = home.store.read().unwrap();
        let query = "SELECT max(step) FROM scalar s JOIN metric m ON m.id = s.metric_id WHERE m.name = 'lr'";
        match store.query(query).unwrap().rows[0][0] {
            Value::Integer(steps) => steps as usize,
            ref other => panic!("{other:?}"),
        }
    };
    let (_, scores, weights) = home.run(&spec(Recipe::Fixed));
    assert!(scores.iter().any(|row| row.metric == "accuracy" && row.task == "A/Task_one"), "{scores:?}");
    let of_channels = steps(&home);
    assert_eq!(two().run(&spec(Recipe::Fixed)).2, weights, "the same bits");
    // As published: as many samples as images.
    let home = two();
    home.run(&spec(Recipe::Released));
    let of_images = steps(&home);
    assert_eq!(of_channels, 2 * of_images, "{of_channels} steps for two channels, {of_images} for one");
}

/// All three terms of DINOv2, with a head for tokens, and a masked autoencoder: from channels to scores of images.
#[test]
fn a_bag_of_channels_learns_by_dinov2_and_by_a_masked_autoencoder() {
    let home = Home::of(&["dna", "er"]);
    let seen = || {
        let model = Vit::mini().scratch().adapter(BagOfChannels).train_on(SMALL);
        model.image(32).normalise(EachView).augment(Crop + Flip).epochs(1).batch(4).warmup(0)
    };
    let dino = Dino::v2().prototypes(32).hidden(16).bottleneck(8).locals(2).local_side(16);
    let second = seen().loss(dino + Ibot.head(IbotHead::Separate).prototypes(24) + 0.1 * KoLeo);
    let mae = seen().loss(Mae::mask(0.75).decoder_width(16).decoder_depth(1).decoder_heads(2));
    let asked = OneNn::cosine().on(SMALL);
    let mut weights = Vec::new();
    for spec in [second.evaluate(asked).specs(), mae.evaluate(asked).specs()] {
        let spec = spec[0].spec.clone().canonical();
        let (plan, scores, digest) = home.run(&spec);
        assert!(scores.iter().any(|row| row.metric == "accuracy" && row.task == "A/Task_one"), "{scores:?}");
        weights.push(digest);
        let fit = plan.steps.iter().find(|step| step.work.kind() == "fit").unwrap();
        let store = home.store.read().unwrap();
        let file = store.artifacts(fit.id.as_str()).unwrap().remove(0);
        let path = crate::store::files(home.store.path()).join(&file.path);
        assert!(names(&path).iter().any(|name| name == "mask_token"), "{:?}", names(&path));
    }
    assert_ne!(weights[0], weights[1]);
    let store = home.store.read().unwrap();
    let curves = store.query("SELECT DISTINCT name FROM metric").unwrap();
    let curves: Vec<String> = curves.rows.iter().map(|row| format!("{:?}", row[0])).collect();
    for name in ["loss/dino_v2", "loss/ibot", "loss/koleo", "loss/mae"] {
        assert!(curves.iter().any(|curve| curve.contains(name)), "{name}: {curves:?}");
    }
}

/// All three terms of DINOv2 on tokens of all channels, of which steps see some, and in two levels: the same bits as ever.
#[test]
fn tokens_of_channels_learn_by_dinov2_all_of_them_or_sampled() {
    fn spec(adapter: impl Adapts<Vit<size::vit::Mini>> + Trainable) -> Spec {
        let dino = Dino::v2().prototypes(32).hidden(16).bottleneck(8).locals(2).local_side(16);
        let run = Vit::mini().scratch().adapter(adapter).train_on(SMALL).image(32).normalise(EachView);
        let run = run.augment(Crop + Flip).epochs(2).batch(4).warmup(0).loss(dino + Ibot + 0.1 * KoLeo);
        run.evaluate(OneNn::cosine().on(SMALL)).specs().remove(0).spec.canonical()
    }
    let words = [spec(ChannelVit::up_to(3)), spec(ChannelVit::up_to(3).hcs())];
    let levels = [spec(HierarchicalAttention), spec(HierarchicalAttention.channel_terms(false))];
    let mut weights = Vec::new();
    for spec in words.into_iter().chain(levels) {
        let home = Home::of(&["dna", "er"]);
        let (_, scores, digest) = home.run(&spec);
        assert!(scores.iter().any(|row| row.metric == "accuracy" && row.task == "A/Task_one"), "{scores:?}");
        assert_eq!(Home::of(&["dna", "er"]).run(&spec).2, digest, "the same bits");
        weights.push(digest);
    }
    weights.sort();
    weights.dedup();
    assert_eq!(weights.len(), 4);
}

fn names(path: &std::path::Path) -> Vec<String> {
    let content = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&content).unwrap();
    file.names().into_iter().map(ToString::to_string).collect()
}

/// The tokens of all channels under a classifier, and looked into layer by layer.
#[test]
fn a_classifier_reads_the_tokens_of_channels() {
    let model = Vit::mini().scratch().adapter(ChannelVit::up_to(3)).train_on(SMALL);
    let run = model.image(32).augment(Crop + Flip).loss(SSL).epochs(1).batch(4).warmup(0);
    let run = run.classify(Vit::mini()).epochs(1).batch(4).warmup(0).inspect(SMALL);
    let spec = run.evaluate(Accuracy.on(SMALL)).specs().remove(0).spec.canonical();
    assert_eq!(spec.check(), []);
    let home = Home::of(&["dna", "er"]);
    let (plan, scores, digest) = home.run(&spec);
    assert!(scores.iter().any(|row| row.metric == "accuracy"), "{scores:?}");
    assert!(plan.steps.iter().any(|step| step.work.kind() == "layers"));
    assert_eq!(Home::of(&["dna", "er"]).run(&spec).2, digest, "the same bits");
}

/// A run that starts from a file is known by what the file contains, not by when it was asked for.
#[test]
fn a_run_continues_from_a_file_and_is_known_by_what_it_contains() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.safetensors");
    let from = |weights: Weights| {
        let model = Vit::mini().scratch().adapter(BagOfChannels).train_on(SMALL);
        let run = model.image(32).normalise(EachView).augment(Crop + Flip).epochs(1).batch(4).warmup(0);
        let dino = Dino::v2().prototypes(32).hidden(16).bottleneck(8).locals(2).local_side(16);
        let run = run.loss(dino + Ibot + 0.1 * KoLeo).evaluate(OneNn::cosine().on(SMALL));
        let mut spec = run.specs().remove(0).spec;
        spec.model.weights = weights;
        spec.canonical()
    };
    let home = Home::of(&["dna", "er"]);
    let (plan, _, scratch) = home.run(&from(Weights::Scratch));
    let fit = plan.steps.iter().find(|step| step.work.kind() == "fit").unwrap();
    let file = home.store.read().unwrap().artifacts(fit.id.as_str()).unwrap().remove(0);
    std::fs::copy(crate::store::files(home.store.path()).join(&file.path), &path).unwrap();
    let of_file = || {
        let contents = Some(files::contents(&path).unwrap());
        from(Weights::File { name: path.display().to_string(), contents })
    };
    let first = of_file();
    let (_, _, continued) = home.run(&first);
    assert_ne!(continued, scratch);
    // Of the same numbers but one.
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let second = of_file();
    let plan = |spec: &Spec| Plan::of(spec, Seed(4), &home.data).unwrap();
    assert_ne!(plan(&first).run, plan(&second).run);
    let error = home.attempt(&plan(&first)).1.unwrap_err();
    assert!(error.to_string().contains("is not the file that the run was planned with"), "{error}");
    assert!(error.hint().unwrap().contains("other weights are another run"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = home.attempt(&plan(&second)).1.unwrap_err();
    assert!(error.to_string().contains("mine.safetensors` is not there"), "{error}");
}

#[test]
fn pairs_are_made_by_roles_and_what_is_missing_is_kept_with_the_run() {
    let home = Home::new();
    let across = |role: Role| move |word: &mut settings::DinoV1| word.across = Across(Some(role));
    let (_, _, alone) = home.run(&dino(SMALL, |_| {}));
    let (_, _, pairs) = home.run(&dino(SMALL, across(Role::Plate)));
    let (_, _, batches) = home.run(&dino(SMALL, across(Role::Batch)));
    assert!(alone != pairs && pairs != batches);
    let kept = notes(&home);
    assert!(!kept.iter().any(|note| note.contains("partner")), "{kept:?}");

    let one = SMALL.having(Role::Plate, ["P1"]);
    home.run(&dino(one.clone(), across(Role::Plate)));
    let kept = notes(&home);
    let expected =
        "8 of 8 images have no partner of their treatment in another plate: 8 are paired with another";
    assert!(kept.iter().any(|note| note.starts_with(expected)), "{kept:?}");

    let fails = |spec: Spec| {
        let plan = Plan::of(&spec, Seed(3), &home.data).unwrap();
        home.attempt(&plan).1.unwrap_err()
    };
    let error = fails(dino(SMALL, across(Role::Well)));
    assert!(
        error.to_string().contains("another well") && error.hint().unwrap().contains("[roles]"),
        "{error}"
    );
    let error = fails(dino(one, |word| {
        (word.across, word.on_missing) = (Across(Some(Role::Plate)), OnMissing::Error);
    }));
    assert!(
        error.to_string().contains("8 of 8 images") && error.hint().unwrap().contains("on_missing"),
        "{error}"
    );
}
