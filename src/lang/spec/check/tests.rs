//! Each rule is broken once, and nothing else with it.

use super::*;
use crate::{
    data::chammi,
    dsl::Backbone as _,
    prelude::*,
    sample::{self, hyper_net},
    spec::{self, Adapter, Augment, Backbone, ConvNextSize, Loss, ResNetSize, SetRate, Strategy, settings},
};
use std::collections::BTreeSet;

/// A rule that the compiler enforces in experiment files.
struct TypeRule {
    /// Its name, and the stem of its case in `tests/ui/`.
    name: &'static str,
    /// Whether plain data can break it; else only text can, and it cannot be written down as a spec.
    in_spec: bool,
}

macro_rules! type_rules {
    ($($name:ident $in_spec:literal),* $(,)?) => {
        &[$(TypeRule { name: stringify!($name), in_spec: $in_spec }),*]
    };
}

/// All rules that the compiler enforces, by name.
const TYPE_RULES: &[TypeRule] = type_rules![
    accuracy_without_classifier true,
    adapter_forgotten false,
    arguments false,
    attribute_arguments false,
    bag_of_channels_with_labels true,
    channel_vit_backbone true,
    data_forgotten false,
    evaluate_without_data false,
    forgot_a_loss false,
    frozen_with_loss false,
    hierarchy_objective true,
    loss_forgotten false,
    loss_twice false,
    miro_needs_oracle true,
    no_return_type false,
    not_a_data_set false,
    not_a_normalisation false,
    not_a_part false,
    not_an_adapter false,
    not_an_augmentation false,
    not_convex true,
    not_evaluated true,
    report_of_nothing false,
    report_undocumented false,
    scratch_off_the_shelf true,
    stem_off_the_shelf true,
    strategy_before_loss false,
    stage_of_frozen false,
    swad_without_labels true,
    rate_of_a_set false,
    table_with_a_wrong_word false,
    tokens_of_a_convolution false,
    train_on_a_part false,
    training_channel_replication true,
    ttt_adapted true,
    ttt_without_classifier true,
    ttt_without_decoder true,
    undocumented false,
    unpublished_weights true,
    unseen_channels true,
    weights_forgotten false,
    weights_of_a_shaped_vit false,
    weights_of_a_vit false,
];

fn spec() -> Spec {
    sample::spec(hyper_net().loss(0.2 * SSL + 0.8 * PROXY), Recipe::Fixed)
}

fn swad(change: impl FnOnce(&mut settings::Swad)) -> Train {
    let mut swad = settings::Swad { every: 100, converge: 3, tolerance: 6, ratio: 0.3 };
    change(&mut swad);
    let mut train = Train { hold_out: 0.2, ..spec().train };
    train.stages[0].strategy = Strategy::Swad(swad);
    train
}

fn dense_swa(start_epoch: usize, rate: SwaRate) -> Strategy {
    Strategy::DenseSwa(settings::DenseSwa { start_epoch, rate, keep: SwaKeep::Average })
}

fn miro(lambda: f64, rate_factor: f64) -> Strategy {
    Strategy::Miro(settings::Miro { lambda, taps: Taps::Stages, oracle: Oracle::Copy, rate_factor })
}

/// An adapter under the default recipe.
fn adapter<A: crate::dsl::Adapts<ConvNext<size::Tiny>>>(word: A) -> Adapter {
    sample::adapter(word, Recipe::Fixed)
}

/// A backbone that is trained here.
fn conv_next(size: ConvNextSize, drop_path: f64) -> Backbone {
    settings::ConvNext { size, drop_path }.into()
}

/// Makes it a whole sentence about a network off the shelf.
fn resnet(spec: &mut Spec) -> &mut spec::Model {
    spec.train.stages.clear();
    let adapter = adapter(ChannelReplication);
    let backbone = settings::ResNet { size: ResNetSize::R18 }.into();
    spec.model = spec::Model { backbone, weights: Weights::ImageNet1k, adapter };
    &mut spec.model
}

fn rules(change: impl FnOnce(&mut Spec)) -> Vec<&'static str> {
    let mut spec = spec();
    change(&mut spec);
    spec.check().into_iter().map(|problem| problem.rule).collect()
}

fn by_image(sets: &[&str], floor: f64) -> spec::Normalise {
    let sets = sets.iter().map(ToString::to_string).collect();
    spec::Normalise { sets, by: spec::Moments::Image { floor } }
}

fn intensity(shift: f64, exponent: f64) -> spec::Augment {
    settings::Intensity { p: 0.5, shift, exponent }.into()
}

/// A good spec of a masked autoencoder.
fn autoencoder(spec: &mut Spec) -> &mut settings::Mae {
    let run = Vit::tiny().scratch().adapter(Planes(["nucleus"])).train_on(Chammi).loss(Mae::mask(0.75));
    *spec = sample::spec(run.evaluate(OneNn::cosine().on(Chammi)), Recipe::Fixed);
    let Loss::Mae(word) = &mut spec.train.stages[0].objective[0].loss else { panic!("said above") };
    word
}

/// A good spec of all three terms of DINOv2.
fn dino_v2(spec: &mut Spec) -> &mut Vec<Term> {
    let run = Vit::tiny().scratch().adapter(BagOfChannels).train_on(Chammi);
    let run = run.loss(Dino::v2() + Ibot + 0.1 * KoLeo).evaluate(OneNn::cosine().on(Chammi));
    *spec = sample::spec(run, Recipe::Fixed);
    &mut spec.train.stages[0].objective
}

/// The settings of its first two terms.
fn dino_and_ibot(spec: &mut Spec) -> (&mut settings::Dino, &mut settings::Ibot) {
    match &mut dino_v2(spec)[..] {
        [Term { loss: Loss::Dino(dino), .. }, Term { loss: Loss::Ibot(ibot), .. }, _] => (dino, ibot),
        other => panic!("{other:?}"),
    }
}

/// A good spec of a bag of channels.
fn bag(spec: &mut Spec) {
    let run = Vit::tiny().scratch().adapter(BagOfChannels).train_on(Chammi).loss(DinoV1::ema(0.996));
    *spec = sample::spec(run.evaluate(OneNn::cosine().on(Chammi)), Recipe::Fixed);
}

/// A good spec of attention in two levels.
fn hierarchy(spec: &mut Spec) {
    let run = Vit::tiny().scratch().adapter(HierarchicalAttention).train_on(Chammi);
    let run = run.loss(Dino::v2() + Ibot + 0.1 * KoLeo).evaluate(OneNn::cosine().on(Chammi));
    *spec = sample::spec(run, Recipe::Fixed);
}

/// Contrasted images.
fn contrasted() -> Vec<Term> {
    let run = Vit::tiny().scratch().adapter(TargetParam).train_on(Chammi).loss(SSL);
    sample::spec(run.evaluate(OneNn::cosine().on(Chammi)), Recipe::Fixed).train.stages.remove(0).objective
}

/// A good spec of an adaptation of a model under a classifier.
fn adapted(spec: &mut Spec) -> &mut Adapt {
    let run = Vit::tiny().scratch().adapter(Planes(["nucleus"])).train_on(S3).loss(Mae::mask(0.75));
    let run = run.classify(Vit::tiny()).adapt(Oda::per(Source), S5).keep(LabelFreeStop);
    *spec = sample::spec(run.evaluate(Accuracy.on(S5)), Recipe::Fixed);
    spec.adapt.as_mut().expect("said above")
}

/// A good spec of test-time training.
fn test_time(spec: &mut Spec) -> &mut settings::Ttt {
    let run = Vit::tiny().scratch().adapter(Planes(["nucleus"])).train_on(Chammi).loss(Mae::mask(0.75));
    let run = run.classify(Vit::tiny()).at_test_time(Ttt).evaluate(OneNn::cosine().on(Chammi));
    *spec = sample::spec(run, Recipe::Fixed);
    let Some(spec::TestTime::Ttt(word)) = &mut spec.embedding.test_time else { panic!("said above") };
    word
}

/// Breaks the rules of test-time training that the compiler enforces too.
fn another_loss(spec: &mut Spec) {
    test_time(spec);
    let (temperature, positives) = (0.1, Positives::SameImage);
    spec.train.stages[0].objective[0].loss = settings::SimClr { temperature, positives }.into();
}

fn no_classifier(spec: &mut Spec) {
    test_time(spec);
    spec.classifier = None;
}

fn adapted_too(spec: &mut Spec) {
    test_time(spec);
    let (data, stage) = (spec.train.data.clone(), spec.train.stages[0].clone());
    let (student, centre) = (spec::StudentStart::Saved, spec::CentreStart::Restarted);
    let head = spec::HeadWhileAdapting::Trained;
    spec.adapt = Some(spec::Adapt {
        data,
        per: None,
        on_one: false,
        student,
        centre,
        head,
        rate: 1.0,
        keep: spec::KeptStep::LastStep,
        stage,
    });
}

fn having(role: Role, values: &[&str]) -> Condition {
    Condition { role, values: values.iter().map(ToString::to_string).collect() }
}

#[test]
fn a_good_spec_has_no_problems() {
    for recipe in Recipe::ALL {
        assert_eq!(sample::spec(sample::plain(), recipe).check(), []);
        assert_eq!(sample::spec(hyper_net().frozen(), recipe).check(), []);
        assert_eq!(
            rules(|spec| {
                resnet(spec);
            }),
            [""; 0]
        );
    }
}

#[test]
fn each_rule_is_broken_by_its_mistake_alone() {
    type Mistake = (&'static str, fn(&mut Spec));
    let mistakes: &[Mistake] = &[
        ("schema", |s| s.schema = 0),
        ("drop_path", |s| s.model.backbone = conv_next(ConvNextSize::Tiny, 1.0)),
        ("unpublished_weights", |s| {
            s.model.backbone = conv_next(ConvNextSize::Atto, 0.0);
        }),
        ("unpublished_weights", |s| s.model.weights = Weights::ImageNet1k),
        ("unpublished_weights", |s| resnet(s).weights = Weights::SimulatedPretrain),
        ("scratch_off_the_shelf", |s| resnet(s).weights = Weights::Scratch),
        ("stem_off_the_shelf", |s| resnet(s).adapter = adapter(Depthwise { kernels: 64 })),
        ("hypernet_width", |s| {
            if let Adapter::HyperNet(hypernet) = &mut s.model.adapter {
                hypernet.hidden = 1 << 40;
            }
        }),
        ("hypernet_width", |s| {
            if let Adapter::HyperNet(hypernet) = &mut s.model.adapter {
                hypernet.z = 0;
            }
        }),
        ("depthwise_kernels", |s| {
            s.model.adapter = adapter(Depthwise { kernels: 1 << 62 });
        }),
        ("depthwise_kernels", |s| {
            s.model.adapter = adapter(Depthwise { kernels: 0 });
        }),
        ("templates", |s| {
            s.model.adapter = adapter(TemplateMixing { templates: usize::MAX });
        }),
        ("templates", |s| {
            s.model.adapter = adapter(TemplateMixing { templates: 0 });
        }),
        ("set_rate", |s| {
            let rates = vec![SetRate { set: "Allen".into(), lr: 0.0 }];
            let first_layer = FirstLayer::PadAverage;
            s.model.adapter = settings::FixedChannels { first_layer, rates }.into();
        }),
        ("training_channel_replication", |s| {
            s.model.adapter = adapter(ChannelReplication);
        }),
        ("data_name", |s| {
            s.train.data = Selection::new("../mini", &[]);
        }),
        ("set_twice", |s| s.train.data.sets.push("HPA".into())),
        ("unknown_set", |s| s.train.data.sets.push("WTC".into())),
        ("no_values", |s| s.train.data.only.push(having(Role::Batch, &[]))),
        ("stage_reads_more", |s| {
            s.train.data.only = vec![having(Role::Plate, &["P1", "P2"])];
            let mut more = s.train.data.clone();
            more.only = vec![having(Role::Plate, &["P1", "P3"]), having(Role::Batch, &["b"])];
            s.train.stages[0].on = Some(more);
        }),
        ("stage_reads_more", |s| {
            let all = s.train.data.clone();
            s.train.data.only = vec![having(Role::Plate, &["P1"])];
            s.train.stages[0].on = Some(all);
        }),
        ("role_twice", |s| {
            s.evaluate[0].data.only = vec![having(Role::Plate, &["P1"]), having(Role::Plate, &["P2"])];
        }),
        ("image_side", |s| s.train.image = 100),
        ("image_side", |s| s.train.image = 1 << 20),
        ("image_side", |s| s.train.image = 1 << 62),
        ("empty_subset", |s| s.train.subset = Some(usize::MAX)),
        ("normalise_floor", |s| s.train.normalise = vec![by_image(&[], 0.0)]),
        ("normalise_floor", |s| s.train.normalise = vec![by_image(&["HPA"], f64::NAN)]),
        ("normalised_twice", |s| s.train.normalise = vec![by_image(&[], 0.1), by_image(&[], 0.2)]),
        ("normalised_twice", |s| {
            s.train.normalise = vec![by_image(&["HPA"], 0.1), by_image(&["CP", "HPA"], 0.1)];
        }),
        ("normalised_off_the_shelf", |s| {
            resnet(s);
            s.train.normalise = vec![by_image(&[], 0.1)];
        }),
        ("planes", |s| s.model.adapter = settings::Planes { channels: vec![] }.into()),
        ("plane_twice", |s| s.model.adapter = adapter(Planes(["er", "dna", "er"]))),
        ("plane_without_a_name", |s| s.model.adapter = adapter(Planes(["er", ""]))),
        ("dino_layer_rate", |s| dino_and_ibot(s).0.layer_decay = 0.0),
        ("dino_layer_rate", |s| dino_and_ibot(s).0.first_layer_rate = 1.5),
        ("dino_momentum", |s| dino_and_ibot(s).0.ema = 1.0),
        ("dino_head", |s| dino_and_ibot(s).0.prototypes = 0),
        ("local_side", |s| dino_and_ibot(s).0.local_side = 90),
        ("dino_twice", |s| {
            bag(s);
            let other = s.train.stages[0].objective.remove(0);
            dino_v2(s).push(other);
        }),
        ("ibot_views", |s| dino_and_ibot(s).1.views = 0.0),
        ("ibot_masked", |s| dino_and_ibot(s).1.masked = [0.5, 0.1]),
        ("dino_head", |s| dino_and_ibot(s).1.prototypes = 0),
        ("ibot_alone", |s| {
            dino_v2(s).remove(0);
        }),
        ("ibot_backbone", |s| {
            dino_and_ibot(s).0.local_side = 64;
            s.model.backbone = conv_next(ConvNextSize::Tiny, 0.0);
        }),
        ("koleo_batch", |s| {
            dino_v2(s);
            s.train.stages[0].batch = 1;
        }),
        ("koleo_alone", |s| {
            let koleo = dino_v2(s).remove(2);
            *dino_v2(s) = vec![koleo];
        }),
        ("channel_vit_features", |s| {
            let run = Vit::tiny().scratch().adapter(ChannelVit::up_to(5)).train_on(Chammi).loss(PROXY);
            let run = run.features(VitFeatures::MeanOfPatches);
            *s = sample::spec(run.evaluate(OneNn::cosine().on(Chammi)), Recipe::Fixed);
        }),
        ("channel_vit_backbone", |s| {
            let run = Vit::tiny().scratch().adapter(ChannelVit::up_to(5).hcs()).train_on(Chammi).loss(PROXY);
            let other =
                std::mem::replace(s, sample::spec(run.evaluate(OneNn::cosine().on(Chammi)), Recipe::Fixed));
            s.model.backbone = other.model.backbone;
        }),
        ("hierarchy_backbone", |s| {
            hierarchy(s);
            // Masked patches are another rule's.
            s.train.stages[0].objective.remove(1);
            s.model.backbone = conv_next(ConvNextSize::Nano, 0.0);
        }),
        ("hierarchy_reading", |s| {
            hierarchy(s);
            let spec::Backbone::Vit(word) = &mut s.model.backbone else { panic!("said below") };
            word.registers = 2;
        }),
        ("hierarchy_objective", |s| {
            hierarchy(s);
            s.train.stages[0].objective = contrasted();
        }),
        ("hierarchy_looked_into", |s| {
            hierarchy(s);
            s.inspect.push(s.train.data.clone());
        }),
        ("bag_in_pairs", |s| {
            bag(s);
            let Loss::DinoV1(word) = &mut s.train.stages[0].objective[0].loss else { panic!("said above") };
            word.across = Across(Some(Role::Plate));
        }),
        ("bag_with_classifier", |s| {
            adapted(s);
            s.model.adapter = adapter(BagOfChannels);
        }),
        ("bag_inspected", |s| {
            bag(s);
            s.inspect.push(s.train.data.clone());
        }),
        ("bag_normalised_in_two_ways", |s| {
            bag(s);
            s.train.normalise = vec![spec::Normalise { sets: vec!["CP".into()], by: spec::Moments::View }];
        }),
        ("window_rescaled", |s| s.train.window = true),
        ("window_off_the_shelf", |s| {
            resnet(s);
            s.train.window = true;
        }),
        ("mae_mask", |s| autoencoder(s).mask = 1.0),
        ("mae_kept", |s| autoencoder(s).mask = 0.999),
        ("mae_backbone", |s| {
            autoencoder(s);
            s.model.backbone = conv_next(ConvNextSize::Tiny, 0.0);
        }),
        ("mae_adapter", |s| {
            autoencoder(s);
            s.model.adapter = adapter(TargetParam);
        }),
        ("mae_alone", |s| {
            autoencoder(s);
            s.train.stages[0].objective.push(Term { weight: 1.0, loss: Loss::proxy_nca(0.07) });
        }),
        ("mae_decoder", |s| autoencoder(s).decoder_depth = 0),
        ("mae_heads", |s| autoencoder(s).decoder_heads = 7),
        ("adapt_keep", |s| {
            let by_neighbours = s.evaluate[0].protocol.clone();
            adapted(s);
            s.classifier = None;
            s.evaluate[0].protocol = by_neighbours;
        }),
        ("adapt_keep_strategy", |s| {
            adapted(s).stage.strategy = dense_swa(5, SwaRate::Scheduled);
        }),
        ("adapt_rate", |s| adapted(s).rate = -0.1),
        ("adapt_per", |s| adapted(s).per = Some(Role::Well)),
        ("ttt_without_decoder", another_loss),
        ("ttt_without_classifier", no_classifier),
        ("ttt_adapted", adapted_too),
        ("ttt_steps", |s| test_time(s).steps = 0),
        ("ttt_copies", |s| test_time(s).copies = 1 << 40),
        ("ttt_lr", |s| test_time(s).lr = -1.0),
        ("ttt_momentum", |s| test_time(s).momentum = 1.0),
        ("flipped_twice", |s| s.train.stages[0].augment.push(settings::Flips { p: 0.5 }.into())),
        ("probability", |s| s.train.stages[0].augment = vec![settings::Flips { p: 1.5 }.into()]),
        ("intensity", |s| s.train.stages[0].augment = vec![intensity(-0.1, 0.005)]),
        ("intensity", |s| s.train.stages[0].augment = vec![intensity(0.005, 1.0)]),
        ("members", |s| s.embedding.members = 0),
        ("members", |s| s.embedding.members = 1 << 40),
        ("beside_weight", |s| {
            s.embedding.beside = vec![spec::Beside { features: spec::Measured::HandMade, weight: -0.3 }];
        }),
        ("beside_twice", |s| {
            s.embedding.beside = vec![spec::Beside { features: spec::Measured::HandMade, weight: 0.3 }; 2];
        }),
        ("no_batch", |s| s.train.stages[0].batch = 1 << 40),
        ("no_epochs", |s| s.train.stages[0].epochs = usize::MAX),
        ("swad_looks", |s| s.train = swad(|swad| swad.every = usize::MAX)),
        ("hold_out", |s| s.train.hold_out = 0.9),
        ("hold_out", |s| s.train.hold_out = f64::NAN),
        ("empty_subset", |s| s.train.subset = Some(0)),
        ("no_objective", |s| s.train.stages[0].objective.clear()),
        ("stage_reads_more", |s| {
            s.train.stages[0].on = Some(Selection::new("mini", &[]));
        }),
        ("set_never_trained", |s| s.train.stages[0].on = Some(chammi::selection(&["HPA", "CP"]))),
        ("no_batch", |s| s.train.stages[0].batch = 0),
        ("batch_of_one", |s| s.train.stages[0].batch = 1),
        ("weight", |s| s.train.stages[0].objective[0].weight = -0.2),
        ("temperature", |s| {
            s.train.stages[0].objective[0].loss = Loss::proxy_nca(0.0);
        }),
        ("loss_kind_twice", |s| {
            let loss = Loss::proxy_nca(0.5);
            s.train.stages[0].objective.push(Term { weight: 1.0, loss });
        }),
        ("crop_scale", |s| {
            if let Augment::Crop(crop) = &mut s.train.stages[0].augment[0] {
                crop.scale = [0.5, 1.5];
            }
        }),
        ("crop_ratio", |s| {
            if let Augment::Crop(crop) = &mut s.train.stages[0].augment[0] {
                crop.ratio = [1.1, 0.9];
            }
        }),
        ("probability", |s| s.train.stages[0].augment[1] = settings::Flip { p: 1.5 }.into()),
        ("rotate_up_to", |s| s.train.stages[0].augment.push(settings::Rotate { up_to: 0.0 }.into())),
        ("rotate_up_to", |s| s.train.stages[0].augment.push(settings::Rotate { up_to: 180.5 }.into())),
        ("rotate_up_to", |s| s.train.stages[0].augment.push(settings::Rotate { up_to: f64::NAN }.into())),
        ("rotate_after_released_tps", |s| {
            let tps = settings::Tps { p: 0.5, warp: Warp::Released };
            s.train.stages[0].augment.extend([tps.into(), settings::Rotate { up_to: 180.0 }.into()]);
        }),
        ("brightness", |s| s.train.stages[0].augment.push(settings::Brightness { sd: -0.1 }.into())),
        ("lr", |s| s.train.stages[0].optimiser.lr = f64::INFINITY),
        ("weight_decay", |s| s.train.stages[0].optimiser.weight_decay = -1.0),
        ("betas", |s| s.train.stages[0].optimiser.betas[1] = 1.0),
        ("eps", |s| s.train.stages[0].optimiser.eps = 0.0),
        ("schedule", |s| s.train.stages[0].schedule.lr_min = -1e-6),
        ("no_epochs", |s| s.train.stages[0].epochs = 0),
        ("warmup_too_long", |s| s.train.stages[0].schedule.warmup = 16),
        ("swad_looks", |s| s.train = swad(|swad| swad.converge = 0)),
        ("swad_ratio", |s| s.train = swad(|swad| swad.ratio = -0.1)),
        ("swad_without_hold_out", |s| {
            s.train = swad(|_| {});
            s.train.hold_out = 0.0;
        }),
        ("swad_without_labels", |s| {
            s.train = swad(|_| {});
            s.train.stages[0].objective.retain(|term| !term.loss.needs().labels);
        }),
        ("swa_after_the_end", |s| s.train.stages[0].strategy = dense_swa(15, SwaRate::Scheduled)),
        ("swa_rate", |s| s.train.stages[0].strategy = dense_swa(5, SwaRate::Annealed { lr: 0.0 })),
        ("miro_lambda", |s| s.train.stages[0].strategy = miro(0.0, 10.0)),
        ("miro_rate", |s| s.train.stages[0].strategy = miro(0.1, 0.0)),
        ("miro_needs_oracle", |s| {
            s.train.stages[0].strategy = miro(0.1, 10.0);
            s.model.weights = Weights::Scratch;
        }),
        ("not_evaluated", |s| s.evaluate.clear()),
        ("evaluation_twice", |s| s.evaluate.push(s.evaluate[0].clone())),
        ("unseen_channels", |s| s.train.data = chammi::selection(&["Allen", "HPA"])),
    ];
    for (rule, mistake) in mistakes {
        assert_eq!(rules(mistake), [*rule]);
    }
}

/// Each stage has its own rules, and every set has to be read by one of them only.
#[test]
fn every_stage_is_checked() {
    let two = || {
        let run = hyper_net().loss(SSL).on(Chammi.without(Cp)).then(PROXY).on(Cp);
        sample::spec(run, Recipe::Fixed)
    };
    assert_eq!(two().check(), []);
    let mut spec = two();
    spec.train.stages[1].epochs = 0;
    let found: Vec<_> = spec.check().into_iter().map(|problem| problem.rule).collect();
    assert_eq!(found, ["no_epochs"]);
}

#[test]
fn a_stage_may_select_from_what_is_selected() {
    let found = rules(|s| {
        s.train.data.only = vec![having(Role::Plate, &["P1", "P2"])];
        let mut fewer = s.train.data.clone();
        fewer.only = vec![having(Role::Batch, &["b"]), having(Role::Plate, &["P2"])];
        s.train.stages[0].on = Some(fewer);
    });
    assert_eq!(found, [""; 0]);
}

#[test]
fn all_problems_are_found_at_once() {
    let found = rules(|spec| {
        spec.train.image = 33;
        spec.train.stages[0].epochs = 0;
        spec.evaluate.clear();
    });
    assert_eq!(found, ["image_side", "no_epochs", "not_evaluated"]);
}

#[test]
fn sums_and_seeds_are_checked_beside_the_spec() {
    let mut sum = spec().train.stages.remove(0).objective;
    assert_eq!(convex(&sum), []);
    sum[0].weight = 0.7;
    assert_eq!(convex(&sum)[0].rule, "not_convex");
    assert_eq!(seeds(&[0, 1]), []);
    assert_eq!(seeds(&[])[0].rule, "no_seeds");
    assert_eq!(seeds(&[7, 7])[0].message, "seed 7 stands twice");
}

#[test]
fn a_folder_is_left_to_the_planner() {
    let folder = Selection::new("mini_real", &[]);
    assert_eq!(rules(|spec| spec.train.data = folder.clone()), [""; 0]);
    assert_eq!(rules(|spec| spec.evaluate[0].data = folder.clone()), [""; 0]);
}

#[test]
fn the_compiler_and_the_check_have_the_same_rules() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases: BTreeSet<String> = std::fs::read_dir(root.join("../../tests/ui"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let listed: BTreeSet<String> = TYPE_RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(cases, listed, "tests/ui and TYPE_RULES name the same rules");

    let in_spec: BTreeSet<&str> =
        TYPE_RULES.iter().filter(|rule| rule.in_spec).map(|rule| rule.name).collect();
    let mut raised = BTreeSet::from([convex(&[])[0].rule]);
    raised.extend(rules(|spec| spec.evaluate.clear()));
    raised.extend(rules(|spec| {
        let asked = settings::Accuracy { tent: false, standardised: None, pooled: None };
        spec.evaluate[0].protocol = asked.into();
    }));
    raised.extend(rules(|spec| spec.train.data = chammi::selection(&["CP"])));
    raised.extend(rules(|spec| {
        spec.model.backbone = conv_next(ConvNextSize::Nano, 0.0);
    }));
    raised.extend(rules(|spec| {
        spec.model.adapter = adapter(ChannelReplication);
    }));
    raised.extend(rules(|spec| {
        spec.train.stages[0].strategy = miro(0.1, 10.0);
        spec.model.weights = Weights::Scratch;
    }));
    raised.extend(rules(|spec| {
        let (from_rgb, sampled) = (spec::FromRgb::Sum, spec::SampledChannels::All);
        spec.model.adapter = settings::ChannelVit { channels: 5, from_rgb, sampled }.into();
    }));
    raised.extend(rules(|spec| {
        hierarchy(spec);
        spec.train.stages[0].objective = contrasted();
    }));
    raised.extend(rules(|spec| resnet(spec).weights = Weights::Scratch));
    raised.extend(rules(|spec| spec.model.adapter = adapter(BagOfChannels)));
    raised.extend(rules(|spec| resnet(spec).adapter = adapter(Depthwise { kernels: 64 })));
    raised.extend(rules(|spec| {
        spec.train = swad(|_| {});
        spec.train.stages[0].objective.retain(|term| !term.loss.needs().labels);
    }));
    for mistake in [another_loss, no_classifier, adapted_too] {
        raised.extend(rules(mistake));
    }
    assert_eq!(in_spec, raised, "`Spec::check` repeats every rule that plain data can break");
}

#[test]
fn only_a_transformer_is_inspected_and_only_a_model_of_a_part_is_asked_about_the_rest() {
    let images = spec::Selection::new("chammi", &["Allen"]);
    assert_eq!(rules(|spec| spec.inspect = vec![images.clone()]), ["inspect_layers"]);
    let model = Vit::mini().scratch().adapter(TargetParam).train_on(Chammi).loss(SSL);
    let adapted = model.adapt(Oda::per(Source), Wtc).inspect(Wtc).evaluate(OneNn::cosine().on(Wtc));
    let mut spec = sample::spec(adapted, Recipe::Fixed);
    let rules = |spec: &Spec| spec.check().into_iter().map(|problem| problem.rule).collect::<Vec<_>>();
    assert_eq!((spec.inspect.clone(), rules(&spec)), (vec![images], vec![]));
    spec.adapt.as_mut().unwrap().on_one = true;
    assert_eq!(rules(&spec), ["adapt_on_one"]);
    spec.adapt.as_mut().unwrap().per = Some(Role::Plate);
    assert_eq!(rules(&spec), Vec::<&str>::new());
    spec.inspect[0].only = vec![spec::Condition { role: Role::Plate, values: vec!["P1".into()] }];
    assert_eq!(rules(&spec), ["inspect_all"]);
    spec.inspect = vec![spec::Selection::new("mine", &["A"])];
    assert_eq!(rules(&spec), ["inspect_unseen_channels"]);
}
