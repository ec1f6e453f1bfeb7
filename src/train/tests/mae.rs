//! Masked autoencoders and test-time training on a few coloured squares.

use super::{super::*, Ear, SIDE, Squares, stage};
use crate::{
    adapter::Images,
    golden::{assert_close, on_gpus},
    params::Published,
    spec::{self, settings},
    tape::Tape,
};
use candle_core::Tensor;

fn model() -> spec::Model {
    use crate::prelude::*;
    let run = Vit::mini().scratch().adapter(Planes(["0"])).train_on(Folder("squares"));
    let run = run.loss(Mae::mask(0.75)).evaluate(OneNn::cosine().on(Folder("squares")));
    crate::sample::spec(run, Recipe::Fixed).model
}

fn word(positions: spec::MaePositions) -> settings::Mae {
    let (decoder_width, decoder_depth, decoder_heads) = (16, 1, 2);
    settings::Mae { mask: 0.75, normalised: false, positions, decoder_width, decoder_depth, decoder_heads }
}

fn hidden_patches(positions: spec::MaePositions, epochs: usize) -> Stage {
    let objective = vec![spec::Term { weight: 1.0, loss: word(positions).into() }];
    let mut stage = Stage { objective, ..stage(epochs) };
    stage.augment = vec![settings::Flips { p: 0.5 }.into()];
    stage.optimiser.betas = [0.9, 0.95];
    stage
}

/// The model and its decoder, as a training begins.
fn begin(job: &Job<'_>) -> (Extractor, Params, Objective) {
    let mut params = Params::new(job.seed);
    let extractor = Extractor::new(&model(), job.source.sets(), &[], &mut params);
    let copy = |_, params: &Params| params.duplicate();
    let objective = super::super::objective(job.stage, &extractor, 4, &mut params, copy).unwrap();
    (extractor, params, objective)
}

fn run(job: &Job<'_>, listen: &mut dyn Listen) -> (Ended, Params) {
    let (extractor, mut params, mut objective) = begin(job);
    let ended = job.run(&extractor, &mut params, &mut objective, listen).unwrap();
    (ended, params)
}

fn bits(params: &Params) -> Vec<u32> {
    params.ids().flat_map(|id| params.export(id).unwrap()).map(f32::to_bits).collect()
}

#[test]
fn a_masked_autoencoder_learns_and_has_the_same_bits_on_any_threads_and_after_a_stop() {
    let (source, folder) = (Squares::new(16), tempfile::tempdir().unwrap());
    let stage = hidden_patches(spec::MaePositions::Learned, 12);
    let on = |threads: usize, name: &str, stop: Option<usize>| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let checkpoint = folder.path().join(name);
        let job = Job::new(&stage, SIDE, Seed(5), &source, &checkpoint).on_windows(true);
        pool.install(|| {
            let mut ear = Ear { stop_after: stop, ..Ear::default() };
            let (ended, params) = run(&job, &mut ear);
            (ended, bits(&params), ear.losses)
        })
    };
    let (_, whole, losses) = on(1, "one", None);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (before, after) = (mean(&losses[..4]), mean(&losses[losses.len() - 4..]));
    assert!(after < 0.9 * before, "loss went from {before} to {after}");
    assert!(on(2, "two", None).1 == whole, "two threads");
    let (stopped, ..) = on(2, "parts", Some(7));
    assert_eq!((stopped.steps, stopped.complete), (7, false));
    let (ended, resumed, _) = on(1, "parts", None);
    assert_eq!((ended.resumed, ended.complete), (Some(7), true));
    assert!(resumed == whole, "a training that went on");
}

#[test]
fn a_batch_in_parts_hides_the_same_patches_and_gpus_learn_the_same() {
    let (source, folder) = (Squares::new(16), tempfile::tempdir().unwrap());
    let stage = hidden_patches(spec::MaePositions::Learned, 1);
    let losses = |part: usize, name: &str| {
        let checkpoint = folder.path().join(name);
        let job = Job { part, ..Job::new(&stage, SIDE, Seed(5), &source, &checkpoint) };
        let mut ear = Ear::default();
        run(&job, &mut ear);
        ear.losses.iter().map(|loss| *loss as f32).collect::<Vec<_>>()
    };
    let whole = losses(PART, "whole");
    assert_close("in parts", &losses(3 * SIDE * SIDE, "parts"), &whole, 1e-4);
    on_gpus(|| assert_close("on a GPU", &losses(PART, "gpu"), &whole, 1e-3));
}

#[test]
fn every_parameter_of_encoder_and_decoder_learns_but_fixed_positions() {
    let (source, folder) = (Squares::new(16), tempfile::tempdir().unwrap());
    for positions in [spec::MaePositions::Learned, spec::MaePositions::Fixed] {
        let mut stage = hidden_patches(positions, 1);
        stage.optimiser.weight_decay = 0.0;
        let checkpoint = folder.path().join(format!("{positions:?}"));
        let job = Job::new(&stage, SIDE, Seed(5), &source, &checkpoint);
        let (_, before, _) = begin(&job);
        let (_, after) = run(&job, &mut crate::event::Silence);
        let mut still = Vec::new();
        for id in before.ids() {
            if before.export(id).unwrap() == after.export(id).unwrap() {
                still.push(before.published(id).name.clone());
            }
        }
        let expected: &[&str] = if positions == spec::MaePositions::Fixed { &["pos_embed"] } else { &[] };
        assert_eq!(still, expected);
        assert!(after.find("decoder_pred.weight").is_some() && after.find("mask_token").is_some());
        if positions == spec::MaePositions::Fixed {
            let table = after.export(after.find("pos_embed").unwrap()).unwrap();
            assert_eq!((table[0], table[128], table[128 + 32]), (0.0, 0.0, 1.0), "sines, then cosines");
        }
    }
}

/// A trained autoencoder, and two images.
struct Tested {
    extractor: Extractor,
    params: Params,
    objective: Objective,
    images: [Images; 2],
}

impl Tested {
    fn new() -> Self {
        let (source, folder) = (Squares::new(16), tempfile::tempdir().unwrap());
        let stage = hidden_patches(spec::MaePositions::Learned, 2);
        let checkpoint = folder.path().join("c");
        let job = Job::new(&stage, SIDE, Seed(5), &source, &checkpoint);
        let (extractor, mut params, mut objective) = begin(&job);
        job.run(&extractor, &mut params, &mut objective, &mut crate::event::Silence).unwrap();
        let mut stream = Seed(9).stream("images");
        let images = [0, 1].map(|_| {
            let pixels: Vec<f32> = (0..SIDE * SIDE).map(|_| stream.normal() as f32).collect();
            let pixels = Tensor::from_vec(pixels, (1, 1, SIDE, SIDE), params.device()).unwrap();
            Images { pixels, set: 0 }
        });
        Self { extractor, params, objective, images }
    }

    fn trained(&self) -> Trained<'_> {
        let decoder = self.objective.autoencoder().unwrap();
        Trained { model: &self.extractor, decoder, params: &self.params }
    }

    /// The weights after training on an image.
    fn train(&self, how: &settings::Ttt, image: usize) -> Params {
        let name = format!("x/{image}");
        let mut training =
            OnOneImage::new(how, self.trained(), &self.images[image], (Seed(1), &name)).unwrap();
        (0..how.steps).for_each(|_| training.step().unwrap());
        training.params().duplicate().unwrap()
    }

    /// All tokens of an image.
    fn tokens(&self, params: &Params, image: usize) -> Vec<f32> {
        let mut tape = Tape::forgetting();
        let pass = &mut crate::pass::Pass::new(&mut tape, params);
        let tokens = self.extractor.tokens(pass, &self.images[image]).unwrap();
        assert_eq!(tokens.dims(), [1, 17, 128]);
        tokens.value().flatten_all().unwrap().to_vec1().unwrap()
    }

    fn after(&self, how: &settings::Ttt, image: usize) -> Vec<f32> {
        self.tokens(&self.train(how, image), image)
    }

    /// The error of one and the same drawing of an image.
    fn error(&self, params: &Params, image: usize) -> f32 {
        let decoder = self.objective.autoencoder().unwrap();
        let images = &self.images[image];
        let hidden = decoder.hide(images.pixels.clone(), |_| Seed(3).stream("look")).unwrap();
        let mut tape = Tape::forgetting();
        let pass = &mut crate::pass::Pass::new(&mut tape, params).seeing(Some(&hidden.visible));
        let tokens = self.extractor.run(pass, images).unwrap().tokens.unwrap();
        decoder.error(&mut tape, params, &tokens, &hidden).unwrap().scalar().unwrap()
    }
}

const HOW: settings::Ttt = settings::Ttt { steps: 8, copies: 20, lr: 0.02, momentum: 0.9, flips: true };

#[test]
fn without_steps_or_at_rate_0_test_time_training_leaves_the_model_as_it_is() {
    let tested = Tested::new();
    let expected = tested.tokens(&tested.params, 0);
    assert_eq!(tested.after(&settings::Ttt { steps: 0, ..HOW }, 0), expected);
    assert_eq!(tested.after(&settings::Ttt { lr: 0.0, ..HOW }, 0), expected);
    assert_ne!(tested.after(&HOW, 0), expected);
    let both = Tensor::cat(&[&tested.images[0].pixels, &tested.images[1].pixels], 0).unwrap();
    let both = Images { pixels: both, set: 0 };
    let refused = OnOneImage::new(&HOW, tested.trained(), &both, (Seed(1), "x"));
    assert!(refused.err().unwrap().to_string().contains("expected one image, found 2"));
}

#[test]
fn each_image_has_an_encoder_of_its_own_whatever_came_before_it() {
    let tested = Tested::new();
    let before = bits(&tested.params);
    let (first, second) = (tested.after(&HOW, 0), tested.after(&HOW, 1));
    assert_eq!((tested.after(&HOW, 1), tested.after(&HOW, 0)), (second.clone(), first.clone()));
    assert_ne!(first, second);
    assert!(bits(&tested.params) == before, "what was trained outlives no image");

    let adapted = tested.train(&HOW, 0);
    for id in adapted.ids() {
        let Published { name, .. } = adapted.published(id);
        let same = adapted.export(id).unwrap() == tested.params.export(id).unwrap();
        assert_eq!(same, crate::loss::Autoencoder::is_decoder(name), "{name}");
    }
    let (own, before) = (tested.error(&adapted, 0), tested.error(&tested.params, 0));
    assert!(own < before, "the error of its own image went from {before} to {own}");
}
