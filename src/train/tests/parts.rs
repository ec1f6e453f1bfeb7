//! Batches in parts: the results do not depend on which parts keep their tape.

use super::{
    super::{loader::Batch, *},
    SIDE, Squares, model, objective, stage,
};
use crate::{
    golden::{assert_close, everywhere, on_gpus},
    ops::adamw::sum_of_squares,
    spec::{Miro, Oracle, Strategy, Taps, settings},
};

/// Two steps of 24 images, about 24 rows of each of two sets.
fn two_steps(strategy: Strategy) -> Stage {
    Stage { strategy, batch: 24, ..stage(1) }
}

fn source() -> Squares {
    Squares::new(24)
}

/// At most five rows of 32 px.
const FIVE_ROWS: usize = 5 * 32 * 32;

/// Collects numbers by name.
#[derive(Default)]
struct Numbers(Vec<(String, f64)>);

impl Listen for Numbers {
    fn receive(&mut self, event: &Event<'_>) {
        if let Event::Metric { name, value, .. } = event
            && !matches!(*name, "images_per_s")
        {
            self.0.push(((*name).to_owned(), *value));
        }
    }
}

/// The weights after two steps, and the reported metrics.
fn weights(stage: &Stage, part: usize, keep: Keep) -> (Vec<u32>, Vec<(String, f64)>) {
    let source = source();
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("c");
    let mut params = Params::new(Seed(5));
    let extractor = Extractor::new(&model(), source.sets(), &[], &mut params);
    let job = Job { keep, part, ..Job::new(stage, SIDE, Seed(5), &source, &checkpoint) };
    let mut objective = objective(&job, &extractor, &mut params);
    let mut numbers = Numbers::default();
    let ended = job.run(&extractor, &mut params, &mut objective, &mut numbers).unwrap();
    assert_eq!((ended.steps, ended.complete), (2, true));
    (params.ids().flat_map(|id| params.export(id).unwrap()).map(f32::to_bits).collect(), numbers.0)
}

fn strategies() -> [Strategy; 3] {
    let miro = |taps| Strategy::Miro(Miro { lambda: 0.1, taps, oracle: Oracle::Copy, rate_factor: 10.0 });
    [settings::Erm {}.into(), miro(Taps::Stages), miro(Taps::Branches)]
}

/// Residual branches are dropped, SimCLR pairs rows of different parts, MIRO's penalty is a mean over all of them.
#[test]
fn bits_do_not_depend_on_which_parts_keep_their_tape() {
    let same = |stage: &Stage, keeps: &[Keep]| {
        let all = weights(stage, FIVE_ROWS, Keep::All);
        for keep in keeps {
            let found = weights(stage, FIVE_ROWS, *keep);
            assert!(found.0 == all.0, "{keep:?} of {:?}", stage.strategy);
            assert_eq!(found.1, all.1, "{keep:?}");
        }
    };
    for strategy in strategies() {
        same(&two_steps(strategy), &[Keep::First(0), Keep::First(1), Keep::First(3), Keep::Within(0)]);
    }
    // MIRO needs everything that the others need; the emulator is slow.
    let [_, _, miro] = strategies();
    on_gpus(|| same(&two_steps(miro.clone()), &[Keep::First(0)]));
}

/// Parts only change the order of additions: the same loss and the same gradient up to rounding.
#[test]
fn a_batch_in_parts_has_the_loss_and_the_gradient_of_the_whole() {
    for (strategy, emulated) in strategies().into_iter().zip([false, false, true]) {
        let stage = two_steps(strategy);
        let compare = || {
            let (_, whole) = weights(&stage, parts::PIXELS, Keep::All);
            let (_, parts) = weights(&stage, FIVE_ROWS, Keep::First(2));
            let step = whole.len() / 2;
            for ((name, whole), (other, part)) in whole.iter().zip(&parts).take(step) {
                assert_eq!(name, other);
                assert_close(name, &[*part as f32], &[*whole as f32], 1e-5);
            }
            assert!(whole.iter().take(step).any(|(name, _)| name == "grad_norm"));
        };
        if emulated { everywhere(compare) } else { compare() }
    }
}

#[test]
fn every_parameter_receives_a_gradient_from_parts() {
    for strategy in strategies() {
        let (stage, source) = (two_steps(strategy), source());
        let mut params = Params::new(Seed(5));
        let model = Extractor::new(&model(), source.sets(), &[], &mut params);
        let mut job = Job::new(&stage, SIDE, Seed(5), &source, Path::new("never written"));
        (job.keep, job.part) = (Keep::First(1), FIVE_ROWS);
        let mut objective = objective(&job, &model, &mut params);
        let optimiser = Optimiser::new(&stage.optimiser, &params).unwrap();
        let loader = Loader::new(&source, job.method.batches.clone(), job.seed, &params);
        let mut trainer = Trainer::new(&job, &model, &params, &mut objective, optimiser);
        let one_step = |step, batch: Vec<Batch>| {
            trainer.passes(&trainer.clock(step), &batch)?;
            Ok(false)
        };
        loader.run(0..1, one_step).unwrap();
        for id in params.ids() {
            let name = &params.published(id).name;
            let grad = trainer.gradients.of(id).unwrap_or_else(|| panic!("no gradient for {name}"));
            let length = sum_of_squares(grad.tensor()).unwrap();
            assert!(length > 0.0 && length.is_finite(), "the gradient of {name} is {length}");
        }
    }
}

/// A run of today's sizes has a single part, so that no earlier result has changed.
#[test]
fn quick_batches_pass_in_one_part() {
    use crate::spec::quick::{BATCH, IMAGE};
    // Two views of every image, all of one set.
    assert_eq!(parts::parts(2 * BATCH, IMAGE * IMAGE), [2 * BATCH]);
    let pretraining = Pretraining::stage(crate::spec::PretrainLength::Short);
    assert_eq!(parts::parts(pretraining.batch, Pretraining::IMAGE_SIDE.pow(2)), [pretraining.batch]);
}
