//! Whole models: two training steps compared with PyTorch, published names and counts, gradients for all
//! parameters.

use super::Extractor;
use crate::{
    adapter::{Images, SetChannels, plain},
    backbone::{Backbone, ConvNext, Shape, Stem, files},
    curve::Clock,
    dsl::{
        self, Adapts, BagOfChannels, ChannelReplication, Depthwise, FixedChannels, HyperNet, Planes,
        SliceParam, TargetParam, TemplateMixing, size,
    },
    golden::{self, Golden, assert_close, device, everywhere, formula, on_gpus},
    loss::{Forwarded, Objective},
    ops::Scalar,
    ops::format::Format,
    params::{ParamId, Params},
    pass::{Outputs, Pass},
    sample,
    seed::Seed,
    spec::{
        self, ClassEmbedding, Coefficients, ConvNextSize, Embeddings, Loss, Pooling, Positives, Scale,
        ScaleRule, Term, VitFeatures, recipe::Recipe, settings,
    },
    tape::{Gradients, Tape},
    train::Optimiser,
};
use candle_core::{Device, Tensor};

const SIZES: [ConvNextSize; 7] = [
    ConvNextSize::Atto,
    ConvNextSize::Femto,
    ConvNextSize::Pico,
    ConvNextSize::Nano,
    ConvNextSize::Tiny,
    ConvNextSize::Small,
    ConvNextSize::Base,
];

fn known(scalar: &Scalar) -> f32 {
    Scalar::read(&[scalar]).unwrap()[0] as f32
}

fn fill(params: &mut Params, id: ParamId) {
    let published = params.published(id).clone();
    let (amplitude, offset) = match published.name.as_str() {
        "proxies" => (0.125, 0.0),
        name if name.ends_with("gamma") => (0.1, 0.5),
        _ if published.shape.len() >= 2 => (0.02, 0.0),
        name if name.ends_with(".weight") => (0.1, 1.0),
        _ => (0.1, 0.0),
    };
    params.import(id, formula(&published.name, published.count(), amplitude, offset)).unwrap();
}

mod transformers;

use transformers::vit;

#[test]
fn two_training_steps_agree_with_pytorch() {
    everywhere(|| {
        let golden = Golden::open("convnext_block_and_step");
        let mut params = Params::new(Seed(0));
        let stem = plain(3, Stem::conv_next(8), &mut params);
        let shape =
            Shape { depths: [1, 1, 2, 1], widths: [8, 16, 32, 64], layer_scale: 1e-6, convolutional: false };
        let backbone = ConvNext::shaped(shape, 0.0, true, &mut params);
        let word = Term { weight: 1.0, loss: Loss::proxy_nca(0.07) };
        let objective = Objective::new(&[word], 64, 5, &mut params);
        let ids: Vec<ParamId> = params.ids().collect();
        for id in &ids {
            fill(&mut params, *id);
        }
        let pixels = formula("input", 2 * 3 * 64 * 64, 1.0, 0.0);
        let pixels = Tensor::from_vec(pixels, (2, 3, 64, 64), &device()).unwrap();
        let images = Images { pixels, set: 0 };
        let word = spec::Optimiser { lr: 4e-4, weight_decay: 5e-5, betas: [0.9, 0.999], eps: 1e-8 };
        let mut optimiser = Optimiser::new(&word, &params).unwrap();
        let mut gradients = Gradients::new(&params);
        for step in 1..=2 {
            let mut tape = Tape::recording(&params);
            let pass = &mut Pass::new(&mut tape, &params);
            let x = stem.enter(pass, &images).unwrap();
            let Outputs { features, .. } = backbone.run(pass, x).unwrap();
            let student = [Outputs::of(features.clone())];
            let out = Forwarded::of(&student, &[1, 3]);
            let loss = objective.value(&mut tape, &params, &out, &Clock::START).unwrap().total;
            let found = features.value().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            tape.backward(&loss, &mut gradients).unwrap();
            assert_close("loss", &[loss.scalar().unwrap()], &golden.values(&format!("loss.{step}")), 1e-5);
            let norm = known(&optimiser.gradient_norm(&gradients).unwrap());
            assert_close("norm", &[norm], &golden.values(&format!("grad_norm.{step}")), 1e-5);
            if step == 1 {
                assert_close("features", &found, &golden.values("features"), 1e-5);
                let mut names: Vec<ParamId> = ids.clone();
                names.sort_by_key(|id| params.published(*id).name.clone());
                let norms: Vec<f32> = names
                    .iter()
                    .map(|id| {
                        known(&crate::ops::adamw::length(&[gradients.of(*id).unwrap().tensor()]).unwrap())
                    })
                    .collect();
                assert_close("norms of all gradients", &norms, &golden.values("grad_norms"), 1e-5);
                for id in &ids {
                    let published = params.published(*id);
                    if WATCHED.contains(&published.name.as_str()) {
                        let found = published.to_published(gradients.of(*id).unwrap().tensor()).unwrap();
                        assert_close(
                            &published.name,
                            &found,
                            &golden.values(&format!("grad.{}", published.name)),
                            1e-5,
                        );
                    }
                }
            }
            optimiser.step(&params, &gradients, |_| 4e-4).unwrap();
            gradients.clear();
        }
        for id in ids {
            let name = &params.published(id).name;
            if WATCHED.contains(&name.as_str()) {
                assert_close(
                    name,
                    &params.export(id).unwrap(),
                    &golden.values(&format!("after.{name}")),
                    1e-5,
                );
            }
        }
    });
}

const WATCHED: [&str; 9] = [
    "proxies",
    "stem.0.weight",
    "stem.1.bias",
    "stages.0.blocks.0.norm.weight",
    "stages.1.blocks.0.mlp.fc2.bias",
    "stages.1.downsample.1.weight",
    "stages.2.blocks.0.mlp.fc1.weight",
    "stages.2.blocks.1.conv_dw.weight",
    "stages.3.blocks.0.gamma",
];

#[test]
fn names_and_shapes_are_timms() {
    let text = std::fs::read_to_string(golden::folder().join("convnext_names.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    for size in SIZES {
        let name = files::name(&settings::ConvNext { size, drop_path: 0.0 }.into());
        let expected = &golden[&name];
        let mut params = Params::new(Seed(0));
        Extractor::plain(size, 3, &mut params);
        assert_eq!(params.count() as u64, expected["parameters"].as_u64().unwrap(), "{name}");
        assert_eq!(golden::names_hash(&params), expected["blake3"], "{name}");
    }
}

fn chammi() -> Vec<SetChannels> {
    let of = |set: &str, channels: &str| SetChannels {
        set: set.into(),
        channels: channels.split(' ').map(String::from).collect(),
    };
    vec![
        of("Allen", "nucleus membrane protein"),
        of("HPA", "microtubules protein nucleus er"),
        of("CP", "nucleus er rna golgi mito"),
    ]
}

fn with(size: ConvNextSize, adapter: spec::Adapter) -> spec::Model {
    let backbone = settings::ConvNext { size, drop_path: 0.0 }.into();
    spec::Model { backbone, weights: spec::Weights::Scratch, adapter }
}

fn hypernet(size: ConvNextSize, z: usize, hidden: usize) -> spec::Model {
    with(size, sample::adapter(HyperNet { z, hidden }, Recipe::Fixed))
}

/// An adapter under the released recipe.
fn released<A: Adapts<dsl::ConvNext<size::Tiny>>>(adapter: A) -> spec::Adapter {
    sample::adapter(adapter, Recipe::Released)
}

/// Published: table 4.8 of the specification; FixedChannels is the sum of three models.
#[test]
fn models_have_as_many_parameters_as_the_released_ones() {
    let count = |adapter: spec::Adapter, sets: &[SetChannels], classes: usize, learned: bool| {
        let mut params = Params::new(Seed(0));
        let word = with(ConvNextSize::Tiny, adapter);
        let model = Extractor::new(&word, sets, &[], &mut params);
        let rule = ScaleRule::Inverse;
        let scale = if learned { Scale::Learned { rule, trained: false } } else { Scale::Fixed };
        let loss = settings::ProxyNca { temperature: 0.07, scale, train_proxies: false }.into();
        Objective::new(&[Term { weight: 1.0, loss }], model.width(), classes, &mut params);
        params.count()
    };
    let all = chammi();
    let (shared, mixed) = (HyperNet { z: 128, hidden: 256 }, TemplateMixing { templates: 128 });
    assert_eq!(count(released(Depthwise { kernels: 64 }), &all, 14, false), 27_835_604);
    assert_eq!(count(released(SliceParam), &all, 14, true), 27_855_361);
    assert_eq!(count(released(TargetParam), &all, 14, true), 27_843_361);
    assert_eq!(count(released(mixed), &all, 14, false), 28_022_784);
    assert_eq!(count(released(shared), &all, 14, false), 28_253_952);
    let fixed = |set: usize, classes| count(released(FixedChannels), &all[set..=set], classes, false);
    assert_eq!([fixed(0, 6), fixed(1, 4), fixed(2, 4)], [27_823_200, 27_823_200, 27_824_736]);
    let mut params = Params::new(Seed(0));
    let word = with(ConvNextSize::Tiny, released(ChannelReplication));
    Extractor::new(&word, &all, &[], &mut params);
    assert_eq!(params.count(), 27_818_592);
}

/// Every adapter in every form in which all its parameters are trained.
fn trained_adapters(recipe: Recipe) -> Vec<spec::Adapter> {
    let mixing = |coefficients| TemplateMixing { templates: 24 }.coefficients(coefficients);
    let all = vec![
        sample::adapter(Depthwise { kernels: 3 }, recipe),
        sample::adapter(Depthwise { kernels: 3 }.pooling(Pooling::Average), recipe),
        sample::adapter(TargetParam, recipe),
        sample::adapter(SliceParam, recipe),
        sample::adapter(SliceParam.one_slice(true), recipe),
        sample::adapter(mixing(Coefficients::PerSet), recipe),
        sample::adapter(mixing(Coefficients::Shared), recipe),
        sample::adapter(mixing(Coefficients::Owned), recipe),
        sample::adapter(HyperNet { z: 6, hidden: 8 }, recipe),
        sample::adapter(HyperNet { z: 6, hidden: 8 }.embeddings(Embeddings::Shared), recipe),
        // The one channel of all three sets.
        sample::adapter(Planes(["nucleus"]), recipe),
    ];
    for word in spec::Adapter::WORDS {
        // One is never trained; the others, which see other images in training or need a transformer, are added below.
        let elsewhere = [
            "channel_replication",
            "fixed_channels",
            "bag_of_channels",
            "channel_vit",
            "hierarchical_attention",
        ];
        let elsewhere = elsewhere.contains(&word.kind);
        let listed = all.iter().any(|adapter| adapter.kind() == word.kind);
        assert!(listed || elsewhere, "no form of {} has its gradients checked", word.name);
    }
    all
}

/// One pass over each set, and the gradient of every parameter.
fn gradients_of(word: &spec::Model, sets: &[SetChannels], format: Format) -> (Params, Gradients) {
    let mut params = Params::on(device(), format, Seed(1));
    let model = Extractor::new(word, sets, &[], &mut params);
    let words = [
        settings::CrossEntropy {}.into(),
        Loss::proxy_nca(0.07),
        settings::SimClr { temperature: 0.07, positives: Positives::SameImage }.into(),
    ]
    .map(|loss| Term { weight: 0.3, loss });
    let objective = Objective::new(&words, model.width(), 14, &mut params);
    let mut gradients = Gradients::new(&params);
    for (set, SetChannels { channels, .. }) in sets.iter().enumerate() {
        let pixels = formula("input", 4 * channels.len() * 64 * 64, 1.0, 0.0);
        let pixels = Tensor::from_vec(pixels, (4, channels.len(), 64, 64), &device()).unwrap();
        let mut tape = Tape::recording(&params);
        let outputs = model.run(&mut Pass::new(&mut tape, &params), &Images { pixels, set }).unwrap();
        let (student, classes) = ([outputs], [set, set, 13, 13]);
        let out = Forwarded::of(&student, &classes);
        let value = objective.value(&mut tape, &params, &out, &Clock::START).unwrap();
        tape.backward(&value.total, &mut gradients).unwrap();
    }
    (params, gradients)
}

/// Fused kernels silently cut the graph in other programs: here every parameter gets a gradient, and moves.
#[test]
fn every_parameter_receives_a_gradient() {
    let all = chammi();
    let mut models: Vec<(spec::Model, &[SetChannels])> = trained_adapters(Recipe::Fixed)
        .into_iter()
        .map(|adapter| (with(ConvNextSize::Mini, adapter), &all[..]))
        .collect();
    models.push((hypernet(ConvNextSize::Atto, 6, 8), &all));
    let fixed = sample::adapter(FixedChannels, Recipe::Fixed);
    models.push((with(ConvNextSize::Mini, fixed.clone()), &all[2..]));
    let adapters = trained_adapters(Recipe::Fixed).into_iter().map(|adapter| (adapter, &all[..]));
    for (adapter, sets) in adapters.chain([(fixed, &all[2..])]) {
        models.push((vit(adapter.clone(), VitFeatures::ClassToken), sets));
        models.push((vit(adapter, VitFeatures::MeanOfPatches), sets));
    }
    // In training, each channel is an image.
    let channels = ["a", "b", "c"].map(|set| SetChannels { set: set.into(), channels: vec!["any".into()] });
    let bag = sample::adapter(BagOfChannels, Recipe::Fixed);
    models.push((with(ConvNextSize::Mini, bag.clone()), &channels));
    models.push((vit(bag, VitFeatures::ClassToken), &channels));
    models.push((channel_vit(5), &all[2..]));
    for (word, sets) in models {
        let (params, gradients) = gradients_of(&word, sets, Format::F32);
        for id in params.ids() {
            let (name, adapter) = (&params.published(id).name, &word.adapter);
            let grad = gradients.of(id).unwrap_or_else(|| panic!("{adapter:?}: no gradient for {name}"));
            let length = crate::ops::adamw::sum_of_squares(grad.tensor()).unwrap();
            assert!(length > 0.0 && length.is_finite(), "{adapter:?}: the gradient of {name} is {length}");
        }
    }
}

/// Of five channels, so that a set of five teaches each of its vectors.
fn channel_vit(channels: usize) -> spec::Model {
    let (from_rgb, sampled) = (spec::FromRgb::Sum, spec::SampledChannels::All);
    vit(settings::ChannelVit { channels, from_rgb, sampled }.into(), VitFeatures::ClassToken)
}

/// A channel is known by its place, and the same vector serves all sets.
#[test]
fn a_channel_vit_reads_up_to_its_number_of_channels_of_any_set() {
    let all = chammi();
    let mut params = Params::on(device(), Format::F32, Seed(1));
    let model = Extractor::new(&channel_vit(5), &all[..1], &all[1..], &mut params);
    let features = |pixels: &[f32], channels: usize, set: usize| -> candle_core::Result<Vec<f32>> {
        let pixels = Tensor::from_slice(pixels, (1, channels, 64, 64), &device())?;
        model.embed(&params, &Images { pixels, set })?.value().flatten_all()?.to_vec1()
    };
    let pixels = formula("input", 6 * 64 * 64, 1.0, 0.0);
    let of = |from: usize, count: usize, set: usize| {
        features(&pixels[from * 64 * 64..][..count * 64 * 64], count, set).unwrap()
    };
    assert_eq!((of(0, 5, 2).len(), model.passes(5)), (128, 5));
    assert_eq!(of(0, 3, 0), of(0, 3, 2), "the set is not seen");
    let swapped = [&pixels[64 * 64..2 * 64 * 64], &pixels[..64 * 64]].concat();
    let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    assert!(apart(&features(&swapped, 2, 0).unwrap(), &of(0, 2, 0)) > 1e-4, "places are seen");
    let message = features(&pixels, 6, 0).unwrap_err().to_string();
    assert!(message.contains("at most 5 channels, found 6"), "{message}");
}

/// The class token and the token of each channel, and every parameter learns from both, whatever the losses read of them.
#[test]
fn attention_in_two_levels_has_a_token_for_each_channel_and_all_of_it_learns() {
    let all = chammi();
    let word = |channel_terms| {
        let word = settings::HierarchicalAttention { from_rgb: spec::FromRgb::Sum, channel_terms };
        vit(word.into(), VitFeatures::ClassToken)
    };
    let images = |channels: usize, set: usize| {
        let pixels = formula("input", 4 * channels * 64 * 64, 1.0, 0.0);
        Images { pixels: Tensor::from_vec(pixels, (4, channels, 64, 64), &device()).unwrap(), set }
    };
    let mut of_both = Vec::new();
    for channel_terms in [true, false] {
        let dino = settings::Dino { prototypes: 32, hidden: 16, bottleneck: 8, ..dino_v2() };
        let losses: [Loss; 2] = [dino.into(), settings::KoLeo {}.into()];
        let words = losses.map(|loss| Term { weight: 1.0, loss });
        let mut params = Params::on(device(), Format::F32, Seed(1));
        let model = Extractor::new(&word(channel_terms), &all, &[], &mut params);
        assert_eq!(model.embed(&params, &images(5, 2)).unwrap().dims(), [4, 6 * 128]);
        let mut objective = Objective::new(&words, model.read(), 14, &mut params);
        objective.start(&params).unwrap();
        let mut gradients = Gradients::new(&params);
        let mut losses = Vec::new();
        for set in [0, 2] {
            let images = images(all[set].channels.len(), set);
            let mut tape = Tape::recording(&params);
            let student = [model.run(&mut Pass::new(&mut tape, &params), &images).unwrap()];
            let quiet = &mut Tape::forgetting();
            let teacher = [model.run(&mut Pass::new(quiet, objective.teacher().unwrap()), &images).unwrap()];
            let out = Forwarded { teacher: &teacher, ..Forwarded::of(&student, &[0, 1]) };
            let value = objective.value(&mut tape, &params, &out, &Clock::START).unwrap();
            losses.push(known(&value.terms[0].1));
            let kept = value.kept[0].1.len();
            assert_eq!(kept, 1 + usize::from(channel_terms));
            tape.backward(&value.total, &mut gradients).unwrap();
        }
        of_both.push(losses);
        for id in params.ids() {
            let name = &params.published(id).name;
            let grad = gradients.of(id).unwrap_or_else(|| panic!("no gradient for {name}"));
            let length = crate::ops::adamw::sum_of_squares(grad.tensor()).unwrap();
            assert!(length > 0.0 && length.is_finite(), "the gradient of {name} is {length}");
        }
    }
    // A term for each of three or five channels besides that of the image.
    for (both, alone) in of_both[0].iter().zip(&of_both[1]) {
        assert!(*both > 2.0 * alone && *alone > 0.0, "{of_both:?}");
    }
}

/// Conformance list 1: DINOv2's networks of one channel and of three, with layer scale and the mask token, and its head.
#[test]
fn dinov2s_networks_have_the_published_numbers_of_parameters() {
    let known = [
        (spec::VitSize::Tiny, [5_430_912, 5_529_216], 21_958_912),
        (spec::VitSize::Small, [21_478_656, 21_675_264], 22_352_128),
        (spec::VitSize::Base, [85_424_640, 85_817_856], 23_138_560),
        (spec::VitSize::Large, [302_827_520, 303_351_808], 23_662_848),
    ];
    let words: [Loss; 2] = [dino_v2().into(), ibot().into()];
    let words = words.map(|loss| Term { weight: 1.0, loss });
    for (size, backbones, head) in known {
        let bag = sample::adapter(BagOfChannels, Recipe::Fixed);
        let planes = spec::Planes { channels: ["a", "b", "c"].map(String::from).to_vec() }.into();
        for (adapter, expected) in [bag, planes].into_iter().zip(backbones) {
            let backbone = settings::Vit { layer_scale: Some(1e-5), ..settings::Vit::plain(size) }.into();
            let word = spec::Model { backbone, weights: spec::Weights::Scratch, adapter };
            let sets =
                [SetChannels { set: "A".into(), channels: ["a", "b", "c"].map(String::from).to_vec() }];
            let mut params = Params::shapes();
            let model = Extractor::new(&word, &sets, &[], &mut params);
            let of_model = params.count();
            Objective::new(&words, model.read(), 1, &mut params);
            let mask_token = size.width();
            assert_eq!(of_model + mask_token, expected, "{size:?}");
            assert_eq!(params.count() - of_model - mask_token, head, "{size:?}");
        }
    }
}

/// As a sentence has it.
fn ibot() -> settings::Ibot {
    match terms_of_dino_v2().remove(1).loss {
        Loss::Ibot(word) => word,
        other => panic!("{other:?}"),
    }
}

/// As a sentence has it.
fn dino_v2() -> settings::Dino {
    match terms_of_dino_v2().remove(0).loss {
        Loss::Dino(word) => word,
        other => panic!("{other:?}"),
    }
}

fn terms_of_dino_v2() -> Vec<Term> {
    use crate::prelude::{Backbone as _, Chammi, Dino, Ibot, OneNn, Vit};
    let run = Vit::mini().scratch().adapter(BagOfChannels).train_on(Chammi).loss(Dino::v2() + Ibot);
    let mut spec = sample::spec(run.evaluate(OneNn::cosine().on(Chammi)), Recipe::Fixed);
    spec.train.stages.remove(0).objective
}

/// The features of an image are those of its channels, in their order, whatever the set.
#[test]
fn a_bag_of_channels_has_the_features_of_each_channel_in_a_row() {
    let all = chammi();
    let word = vit(sample::adapter(BagOfChannels, Recipe::Fixed), VitFeatures::ClassToken);
    let mut params = Params::on(device(), Format::F32, Seed(1));
    let model = Extractor::new(&word, &all[..1], &all[1..], &mut params);
    let features = |pixels: &[f32], channels: usize, set: usize| -> Vec<f32> {
        let rows = pixels.len() / channels / 64 / 64;
        let pixels = Tensor::from_slice(pixels, (rows, channels, 64, 64), &device()).unwrap();
        let features = model.embed(&params, &Images { pixels, set }).unwrap();
        assert_eq!(features.dims(), [rows, channels * 128]);
        features.value().flatten_all().unwrap().to_vec1().unwrap()
    };
    let pixels = formula("input", 2 * 5 * 64 * 64, 1.0, 0.0);
    let together = features(&pixels, 5, 2);
    assert_eq!(model.passes(5), 5);
    for (channel, expected) in pixels.chunks_exact(64 * 64).zip(together.chunks_exact(128)) {
        assert_close("a channel", &features(channel, 1, 0), expected, 1e-5);
    }
    let names: Vec<&str> = params.ids().map(|id| params.published(id).name.as_str()).collect();
    assert!(names.contains(&"patch_embed.proj.weight"), "{names:?}");
}

/// Says of each channel the number of a block times the channel's mean.
struct Blocks;

impl Backbone for Blocks {
    fn run(&self, _: &mut Pass<'_>, x: crate::pass::Entered) -> candle_core::Result<Outputs> {
        let means = x.maps()?.value().narrow(3, 0, 1)?.mean((1, 2))?;
        let blocks = [1.0, 2.0, 3.0].map(|block| &means * block);
        let blocks = blocks.into_iter().collect::<candle_core::Result<Vec<_>>>()?;
        Ok(Outputs::of(crate::tape::Node::constant(Tensor::cat(&blocks, 1)?)))
    }

    fn width(&self) -> usize {
        3
    }

    fn parts(&self) -> usize {
        3
    }

    fn side(&self) -> crate::backbone::Side {
        crate::backbone::Side { least: 4, multiple: 4 }
    }
}

/// Conformance list 6: of several tokens, that of one block of all channels comes before that of the next block.
#[test]
fn features_of_a_bag_are_block_by_block_and_in_each_channel_by_channel() {
    let mut params = Params::new(Seed(1));
    let sets = &chammi()[..1];
    let bag = sample::adapter(BagOfChannels, Recipe::Fixed);
    let entry = crate::adapter::build(&bag, sets, &[], Stem::vit(2, 4), &mut params);
    for id in params.ids() {
        let shape = params.published(id).shape.clone();
        let value = if shape.len() == 4 { 1.0 / 16.0 } else { 0.0 };
        params.import(id, vec![value; shape.iter().product()]).unwrap();
    }
    let model = Extractor::of_parts(entry, Box::new(Blocks));
    let pixels = [5f32, 7.0, 11.0, 50.0, 70.0, 110.0].iter().flat_map(|level| [*level; 64]).collect();
    let pixels = Tensor::from_vec(pixels, (2, 3, 8, 8), &Device::Cpu).unwrap();
    let found = model.embed(&params, &Images { pixels, set: 0 }).unwrap();
    let found: Vec<Vec<f32>> = found.value().to_vec2().unwrap();
    let expected = [5.0, 7.0, 11.0, 10.0, 14.0, 22.0, 15.0, 21.0, 33.0];
    assert_close("one image", &found[0], &expected, 1e-6);
    assert_close("another", &found[1], &expected.map(|level| 10.0 * level), 1e-6);
}

/// With half the mantissa bits, steps still go in the same direction.
#[test]
fn gradients_in_bfloat16_point_the_same_way() {
    let all = chammi();
    let hypernet = sample::adapter(HyperNet { z: 6, hidden: 8 }, Recipe::Fixed);
    let depthwise = sample::adapter(Depthwise { kernels: 3 }, Recipe::Fixed);
    let tokens = vit(hypernet.clone(), VitFeatures::ClassToken);
    for word in [with(ConvNextSize::Mini, hypernet), with(ConvNextSize::Mini, depthwise), tokens] {
        let (params, exact) = gradients_of(&word, &all[..1], Format::F32);
        on_gpus(|| {
            let (_, rounded) = gradients_of(&word, &all[..1], Format::Bf16);
            compare(&word, &params, &exact, &rounded);
        });
    }
}

fn compare(word: &spec::Model, params: &Params, exact: &Gradients, rounded: &Gradients) {
    let (mut along, mut squares) = (0.0, [0.0, 0.0]);
    for id in params.ids() {
        let [exact, rounded] = [exact, rounded].map(|all| {
            let values = crate::ops::buffer::copy(all.of(id).unwrap().tensor()).unwrap();
            values.into_iter().map(f64::from).collect::<Vec<f64>>()
        });
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let own = [dot(&exact, &exact), dot(&rounded, &rounded)];
        let cosine = dot(&exact, &rounded) / (own[0] * own[1]).sqrt();
        let name = &params.published(id).name;
        assert!(cosine > 0.97, "{name}: {cosine}");
        along += dot(&exact, &rounded);
        squares = [squares[0] + own[0], squares[1] + own[1]];
    }
    let cosine = along / (squares[0] * squares[1]).sqrt();
    assert!(cosine > 0.999 && cosine < 0.999_999, "{word:?}: {cosine}");
}

/// Parameters that the released optimiser does not receive keep their initial values.
#[test]
fn the_released_recipe_leaves_out_what_the_released_optimiser_leaves_out() {
    let frozen = |adapter: spec::Adapter| -> Vec<String> {
        let (params, gradients) = gradients_of(&with(ConvNextSize::Mini, adapter), &chammi(), Format::F32);
        let without = params.ids().filter(|id| gradients.of(*id).is_none());
        without.map(|id| params.published(id).name.clone()).collect()
    };
    assert_eq!(frozen(released(Depthwise { kernels: 3 })), ["norm.weight", "norm.bias"]);
    assert_eq!(frozen(released(SliceParam)), ["class_emb"]);
    assert!(frozen(released(TargetParam)).is_empty());
}

#[test]
fn channels_that_are_taken_apart_have_their_features_side_by_side() {
    let word = with(ConvNextSize::Mini, sample::adapter(ChannelReplication, Recipe::Fixed));
    let mut params = Params::new(Seed(1));
    let model = Extractor::new(&word, &chammi(), &[], &mut params);
    let planes = formula("input", 2 * 3 * 33 * 47, 1.0, 0.0);
    let embed = |planes: &[f32], n: usize, channels: usize| {
        let pixels = Tensor::from_vec(planes.to_vec(), (n, channels, 33, 47), &Device::Cpu).unwrap();
        let y = model.embed(&params, &Images { pixels, set: 0 }).unwrap();
        assert_eq!(y.dims(), [n, channels * model.width()]);
        y.value().flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let both = embed(&planes, 2, 3);
    let grey = |image: usize, channel: usize| &planes[(image * 3 + channel) * 33 * 47..][..33 * 47];
    for (image, channel) in [(0, 0), (0, 2), (1, 1)] {
        let found = &both[(image * 3 + channel) * model.width()..][..model.width()];
        assert_close("features", found, &embed(grey(image, channel), 1, 1), 1e-6);
        let mut plain = Params::new(Seed(1));
        let own = Extractor::plain(ConvNextSize::Mini, 3, &mut plain);
        let pixels = Tensor::from_vec(grey(image, channel).repeat(3), (1, 3, 33, 47), &Device::Cpu).unwrap();
        let y = own.embed(&plain, &Images { pixels, set: 0 }).unwrap();
        assert_close("photograph", found, &y.value().flatten_all().unwrap().to_vec1::<f32>().unwrap(), 1e-6);
    }
}

/// One training step of each adapter's model, compared with PyTorch (`model_steps.py`).
#[test]
fn a_training_step_of_each_adapter_agrees_with_pytorch() {
    everywhere(|| {
        let golden = Golden::open("model_steps");
        let learned = SliceParam.class_embedding(ClassEmbedding::Learned);
        let models = [
            ("target_param", sample::adapter(TargetParam, Recipe::Fixed)),
            ("slice_param", sample::adapter(learned, Recipe::Fixed)),
            ("template_mixing", sample::adapter(TemplateMixing { templates: 6 }, Recipe::Fixed)),
            ("hypernet", sample::adapter(HyperNet { z: 5, hidden: 7 }, Recipe::Fixed)),
            ("depthwise", sample::adapter(Depthwise { kernels: 3 }, Recipe::Fixed)),
        ];
        let all = chammi();
        let sets = [all[0].clone(), all[2].clone()];
        for (name, adapter) in models {
            let key = |what: &str| format!("{name}/{what}");
            let mut params = Params::new(Seed(0));
            let stem = crate::adapter::build(&adapter, &sets, &[], Stem::conv_next(8), &mut params);
            let own = params.len();
            let shape = Shape {
                depths: [1, 1, 2, 1],
                widths: [8, 16, 32, 64],
                layer_scale: 1e-6,
                convolutional: false,
            };
            let backbone = ConvNext::shaped(shape, 0.0, !stem.normalises(), &mut params);
            let term = Term { weight: 1.0, loss: Loss::proxy_nca(0.07) };
            let objective = Objective::new(&[term], 64, 5, &mut params);
            let ids: Vec<ParamId> = params.ids().collect();
            for (at, id) in ids.iter().enumerate() {
                if at >= own {
                    fill(&mut params, *id);
                    continue;
                }
                let published = params.published(*id).clone();
                let (amplitude, offset) =
                    if published.name == "norm.weight" { (0.1, 1.0) } else { (0.5, 0.0) };
                let values = formula(&published.name, published.count(), amplitude, offset);
                params.import(*id, values).unwrap();
            }
            let mut gradients = Gradients::new(&params);
            let word = spec::Optimiser { lr: 4e-4, weight_decay: 5e-5, betas: [0.9, 0.999], eps: 1e-8 };
            let mut optimiser = Optimiser::new(&word, &params).unwrap();
            for (set, classes) in [[1, 3], [0, 2]].iter().enumerate() {
                let SetChannels { set: title, channels } = &sets[set];
                let pixels = formula(&format!("input.{title}"), 2 * channels.len() * 64 * 64, 1.0, 0.0);
                let pixels = Tensor::from_vec(pixels, (2, channels.len(), 64, 64), &device()).unwrap();
                let mut tape = Tape::recording(&params);
                let pass = &mut Pass::new(&mut tape, &params);
                let x = stem.enter(pass, &Images { pixels, set }).unwrap();
                let Outputs { features, .. } = backbone.run(pass, x).unwrap();
                let found = features.value().flatten_all().unwrap().to_vec1::<f32>().unwrap();
                assert_close(&key(title), &found, &golden.values(&key(&format!("features.{title}"))), 1e-5);
                let student = [Outputs::of(features)];
                let out = Forwarded::of(&student, classes);
                let loss = objective.value(&mut tape, &params, &out, &Clock::START).unwrap().total;
                let expected = golden.values(&key(&format!("loss.{title}")));
                assert_close(&key("loss"), &[loss.scalar().unwrap()], &expected, 1e-5);
                tape.backward(&loss, &mut gradients).unwrap();
            }
            let norm = known(&optimiser.gradient_norm(&gradients).unwrap());
            assert_close(&key("norm"), &[norm], &golden.values(&key("grad_norm")), 1e-5);
            let watched: Vec<ParamId> = ids
                .iter()
                .filter(|id| id.index() < own || params.published(**id).name == "proxies")
                .copied()
                .collect();
            for id in &watched {
                let published = params.published(*id);
                let found = published.to_published(gradients.of(*id).unwrap().tensor()).unwrap();
                let what = key(&format!("grad.{}", published.name));
                // PyTorch's own single precision is off by up to 1.2e-5 for generated filters.
                assert_close(&what, &found, &golden.values(&what), 4e-5);
            }
            optimiser.step(&params, &gradients, |_| 4e-4).unwrap();
            for id in watched {
                let what = key(&format!("after.{}", params.published(id).name));
                assert_close(&what, &params.export(id).unwrap(), &golden.values(&what), 1e-5);
            }
        }
    });
}

/// timm computes the same features from the file exported for one set.
#[test]
fn a_set_of_a_model_is_exported_as_a_plain_convnext() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hpa.safetensors");
    let pixels = Tensor::from_vec(formula("input", 2 * 4 * 64 * 64, 1.0, 0.0), (2, 4, 64, 64), &Device::Cpu);
    let pixels = pixels.unwrap();
    for adapter in trained_adapters(Recipe::Fixed) {
        let word = with(ConvNextSize::Mini, adapter);
        let mut params = Params::new(Seed(3));
        let model = Extractor::new(&word, &chammi(), &[], &mut params);
        let whole = matches!(word.adapter, spec::Adapter::Depthwise(_));
        assert_eq!(model.export(&params, 1, &path).unwrap(), !whole, "{:?}", word.adapter);
        if whole {
            continue;
        }
        let mut alone = Params::new(Seed(4));
        let plain = Extractor::plain(ConvNextSize::Mini, 4, &mut alone);
        plain.load(&path, &mut alone).unwrap();
        let features = |model: &Extractor, params: &Params, set| {
            let y = model.embed(params, &Images { pixels: pixels.clone(), set }).unwrap();
            y.value().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let expected = features(&model, &params, 1);
        assert_close(word.adapter.word(), &features(&plain, &alone, 0), &expected, 1e-6);
    }
}

#[test]
fn a_file_of_weights_comes_back_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("convnext.safetensors");
    let mut written = Params::new(Seed(1));
    Extractor::plain(ConvNextSize::Atto, 3, &mut written);
    files::save(&path, &written, None, |_| true).unwrap();

    let mut read = Params::new(Seed(2));
    let model = Extractor::plain(ConvNextSize::Atto, 3, &mut read);
    model.load(&path, &mut read).unwrap();
    for id in read.ids() {
        assert_eq!(read.export(id).unwrap(), written.export(id).unwrap());
    }

    // HyperNet has its own first layer; that of the file is silently ignored.
    let mut params = Params::new(Seed(3));
    let model = Extractor::new(&hypernet(ConvNextSize::Atto, 4, 4), &chammi(), &[], &mut params);
    model.load(&path, &mut params).unwrap();

    // Other adapters start from the file's first layer, for their number of channels.
    let slices = written.export(written.find("stem.0.weight").unwrap()).unwrap();
    let slice = |out: usize, channel: usize| &slices[(out * 3 + channel) * 16..][..16];
    let mut params = Params::new(Seed(3));
    let hpa = &chammi()[1..2];
    let word = with(ConvNextSize::Atto, sample::adapter(FixedChannels, Recipe::Fixed));
    Extractor::new(&word, hpa, &[], &mut params).load(&path, &mut params).unwrap();
    let found = params.export(params.find("stem.0.weight").unwrap()).unwrap();
    let found = |out: usize, channel: usize| &found[(out * 4 + channel) * 16..][..16];
    assert_eq!(found(7, 1), slice(7, 1));
    let mean: Vec<f32> = (0..16).map(|at| (0..3).map(|c| slice(7, c)[at]).sum::<f32>() / 3.0).collect();
    assert_eq!(found(7, 3), mean);
    for adapter in trained_adapters(Recipe::Released) {
        let mut params = Params::new(Seed(3));
        let word = with(ConvNextSize::Atto, adapter);
        Extractor::new(&word, &chammi(), &[], &mut params).load(&path, &mut params).unwrap();
    }

    let mut params = Params::new(Seed(3));
    let model = Extractor::plain(ConvNextSize::Femto, 3, &mut params);
    let error = model.load(&path, &mut params).unwrap_err().to_string();
    assert!(
        error.contains("misshapen: stem.0.weight: expected F32 [48, 3, 4, 4], found F32 [40, 3, 4, 4]"),
        "{error}"
    );
    assert!(error.contains("more"), "{error}");

    let mut params = Params::new(Seed(3));
    let model = Extractor::plain(ConvNextSize::Mini, 3, &mut params);
    let error = model.load(&path, &mut params).unwrap_err().to_string();
    assert!(error.contains("unexpected: stages.0.blocks.1"), "{error}");

    std::fs::write(&path, b"not weights").unwrap();
    let error = model.load(&path, &mut params).unwrap_err();
    assert!(error.to_string().contains("is not a safetensors file"), "{error}");
}
