use super::*;
use crate::{
    prelude::*,
    sample,
    spec::{Loss as Any, Spec, quick::quick},
};

fn spec(loss: With<DinoV1>, recipe: Recipe) -> Spec {
    let model = Vit::small().scratch().adapter(HyperNet { z: 8, hidden: 8 });
    sample::spec(model.train_on(Chammi).loss(loss).evaluate(OneNn::cosine().on(Chammi)), recipe)
}

fn word(spec: &Spec) -> &Settings {
    let Any::DinoV1(word) = &spec.train.stages[0].objective[0].loss else { panic!("it is DINO") };
    word
}

fn plain() -> With<DinoV1> {
    With::of(DinoV1::ema(0.996))
}

#[test]
fn recipes_differ_in_what_breaks_short_trainings() {
    let of = |recipe| word(&spec(plain(), recipe)).clone();
    let released = of(Recipe::Released);
    assert_eq!((released.teacher_temperature, released.momentum), ([0.04, 0.07], Momentum::Cosine));
    assert_eq!(
        (released.temperature_over, released.last_layer_frozen),
        (Span::Epochs(30.0), Span::Epochs(1.0))
    );
    assert_eq!(
        (released.clip, released.prototypes, released.across),
        (Clipping::Global(1.0), 4096, Across(None))
    );
    assert_eq!(Settings { ramp: Ramp::Even, ..released }, of(Recipe::Paper));
    let fixed = of(Recipe::Fixed);
    assert_eq!((fixed.teacher_temperature, fixed.momentum), ([0.04; 2], Momentum::Constant));
    assert_eq!(fixed.last_layer_frozen.steps(8, 200), 4);
}

#[test]
fn steps_are_codas_where_nothing_is_said() {
    for recipe in Recipe::ALL {
        let of = |spec: Spec| {
            let stage = &spec.train.stages[0];
            let (optimiser, schedule) = (&stage.optimiser, &stage.schedule);
            (optimiser.lr, optimiser.weight_decay, schedule.warmup, schedule.warmup_lr, stage.epochs)
        };
        assert_eq!(of(spec(plain(), recipe)), (1e-4, 1e-5, 10, 1e-8, 300));
        let model = Vit::small().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
        let run = model.loss(plain()).lr(5e-4).epochs(20).then(PROXY).evaluate(OneNn::cosine().on(Chammi));
        let said = sample::spec(run, recipe);
        assert_eq!((said.train.stages[1].optimiser.lr, said.train.stages[1].epochs), (4e-4, 15));
        assert_eq!(of(said), (5e-4, 1e-5, 10, 1e-8, 20));
        assert_eq!(quick(&spec(plain(), recipe)).train.stages[0].schedule.warmup, 1);
    }
}

#[test]
fn the_first_authors_values_are_those_of_every_recipe() {
    let words = Recipe::ALL.map(|recipe| {
        let spec = spec(DinoV1::as_published_by_caron(), recipe);
        assert_eq!(spec.check(), []);
        word(&spec).clone()
    });
    let [released, paper, _] = &words;
    assert_eq!(released, paper);
    assert_eq!((released.prototypes, released.locals, released.clip), (65_536, 8, Clipping::PerTensor(3.0)));
}

#[test]
fn it_survives_json_and_its_small_version_is_its_own() {
    for recipe in Recipe::ALL {
        for loss in [plain(), plain().across(Role::Plate), DinoV1::as_published_by_caron()] {
            let spec = spec(loss, recipe);
            assert_eq!(spec.check(), []);
            let text = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec);
            let small = quick(&spec);
            assert_eq!((small.check(), quick(&small)), (vec![], small.clone()));
            let rate = |spec: &Spec| spec.train.stages[0].optimiser.lr;
            assert_eq!(rate(&small), rate(&spec));
            let word = word(&small);
            assert_eq!((word.prototypes, word.hidden, word.bottleneck), (512, 256, 64));
            assert_eq!((word.ema, word.locals, word.local_side), (0.97, 4, 40));
            assert_eq!(word.last_layer_frozen, Span::Share(0.02));
        }
    }
}

#[test]
fn pairs_share_the_views() {
    let needs = |loss| word(&spec(loss, Recipe::Paper)).needs();
    let (alone, pairs) = (needs(plain()), needs(plain().across(Role::Batch)));
    assert_eq!((alone.views, alone.locals), (2, Some(Locals { count: 6, side: 96 })));
    assert_eq!((pairs.views, pairs.locals), (1, Some(Locals { count: 3, side: 96 })));
    let expected = Pairs { across: Role::Batch, on_missing: OnMissing::SameTreatment };
    assert_eq!((alone.pairs, pairs.pairs), (None, Some(expected)));
    let text = serde_json::to_value(spec(plain().across(Role::Batch), Recipe::Paper)).unwrap();
    assert_eq!(text["train"]["stages"][0]["objective"][0]["loss"]["across"], "batch");
}

#[test]
fn what_makes_no_sense_is_named() {
    let rules = |change: fn(&mut Settings)| {
        let mut spec = spec(plain(), Recipe::Fixed);
        let Any::DinoV1(word) = &mut spec.train.stages[0].objective[0].loss else { panic!("it is DINO") };
        change(word);
        spec.check().into_iter().map(|problem| problem.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(|word| word.ema = 1.0), ["dino_momentum"]);
    assert_eq!(rules(|word| word.teacher_temperature[1] = 0.0), ["temperature"]);
    assert_eq!(rules(|word| word.prototypes = 0), ["dino_head"]);
    assert_eq!(rules(|word| word.last_layer_frozen = Span::Share(1.5)), ["dino_span"]);
    assert_eq!(rules(|word| word.clip = Clipping::PerTensor(0.0)), ["dino_clip"]);
    assert_eq!(rules(|word| word.local_side = 100), ["local_side"]);
    assert_eq!(rules(|word| word.local_side = 240), ["local_side"]);
    assert_eq!(rules(|word| word.across = Across(Some(Role::Label))), ["pairs_across"]);
    let odd = rules(|word| (word.across, word.locals) = (Across(Some(Role::Plate)), 5));
    assert_eq!(odd, ["pairs_locals"]);
    let mut averaged = spec(plain(), Recipe::Fixed);
    averaged.train.stages[0].strategy =
        crate::spec::settings::DenseSwa { start_epoch: 1, rate: SwaRate::Scheduled, keep: SwaKeep::Average }
            .into();
    assert_eq!(averaged.check()[0].rule, "dino_averaged");
    assert!(serde_json::from_str::<Across>("\"plates\"").is_err());
}

#[test]
fn stages_follow_it_and_it_follows_stages() {
    let model = || Vit::mini().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
    let run =
        model().loss(plain()).epochs(9).image(64).then(CrossEntropy).evaluate(OneNn::cosine().on(Chammi));
    assert_eq!(sample::spec(run, Recipe::Fixed).train.stages.len(), 2);
    let run = model().loss(CrossEntropy).then(DinoV1::ema(0.99)).evaluate(OneNn::cosine().on(Chammi));
    assert_eq!(sample::spec(run, Recipe::Fixed).train.stages.len(), 2);
}
