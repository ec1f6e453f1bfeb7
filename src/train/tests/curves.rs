//! What the loop supports beyond today's specs: curves by step, groups, clipping, crops, pairs, terms with a
//! state.

use super::{super::*, SIDE, Squares, model, objective, stage};
use crate::{
    curve::{Clock, Curve},
    data::norm::OF_CROP,
    golden::everywhere,
    loss::{Forwarded, Term, Valued},
    spec::Needs,
    state::{Lost, Stateful},
    tape::Tape,
};
use candle_core::Tensor;

/// Six steps in which everything changes from step to step, with clipped gradients.
fn method(stage: &Stage) -> Method {
    let rule = Rule { names: Names::Vectors, rate: 0.5, decays: false };
    Method {
        rate: Curve::Cosine { start: 0.0, peak: 1e-3, end: 1e-5, warmup: 2 },
        decay: Curve::Cosine { start: 0.0, peak: 0.04, end: 0.4, warmup: 0 },
        groups: Groups::new(vec![rule]),
        clip: Clip::Norm(0.5),
        ..Method::of(stage, SIDE, false)
    }
}

/// The distance of mean features from a running mean: a term with a state and its own temperature.
struct Drifting {
    centre: Vec<f32>,
    temperature: Curve,
}

impl Term for Drifting {
    fn value(
        &self,
        tape: &mut Tape,
        _: &Params,
        out: &Forwarded<'_>,
        at: &Clock,
    ) -> candle_core::Result<Valued> {
        let sum = tape.sum(out.features())?;
        let drift: f32 = self.centre.iter().sum();
        let node = tape.weighted_sum(&[(1e-3 * drift / self.temperature.at(at) as f32, sum)])?;
        Ok(Valued { kept: vec![out.features().value().mean(0)?], ..node.into() })
    }

    fn after_step(&mut self, kept: &[Tensor], _: &Clock, _: &Params) -> candle_core::Result<()> {
        for mean in kept {
            let mean = mean.to_vec1::<f32>()?;
            self.centre.resize(mean.len(), 0.0);
            self.centre.iter_mut().zip(mean).for_each(|(centre, mean)| *centre = 0.9 * *centre + 0.1 * mean);
        }
        Ok(())
    }

    fn state(&self) -> candle_core::Result<Vec<(String, Vec<f32>)>> {
        Ok(vec![("centre".into(), self.centre.clone())])
    }

    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> Result<(), Lost> {
        self.centre = read("centre").ok_or_else(|| Lost("centre".into()))?;
        Ok(())
    }
}

/// Asks to stop after a number of steps, and records the rates.
struct Rates {
    stop_after: usize,
    steps: usize,
    rates: Vec<f64>,
    norms: Vec<f64>,
}

impl Rates {
    fn until(stop_after: usize) -> Self {
        Self { stop_after, steps: 0, rates: vec![], norms: vec![] }
    }
}

impl Listen for Rates {
    fn receive(&mut self, event: &Event<'_>) {
        match event {
            Event::Metric { name: "lr", value, .. } => self.rates.push(*value),
            Event::Metric { name: "grad_norm", value, .. } => self.norms.push(*value),
            Event::Advanced { done, .. } => self.steps = *done as usize,
            _ => {}
        }
    }

    fn stop(&self) -> bool {
        self.steps >= self.stop_after
    }
}

fn run(
    source: &Squares,
    stage: &Stage,
    checkpoint: &Path,
    method: Method,
    ear: &mut Rates,
) -> (Ended, Vec<u32>) {
    let mut params = Params::new(Seed(5));
    let model = Extractor::new(&model(), source.sets(), &[], &mut params);
    let job = Job { method, ..Job::new(stage, SIDE, Seed(5), source, checkpoint) };
    let temperature = Curve::Linear { from: 0.04, to: 0.07, steps: 6 };
    let drifting = Drifting { centre: vec![0.1], temperature };
    let mut objective =
        objective(&job, &model, &mut params).and("drifting", 0.5, Needs::IMAGES, Box::new(drifting));
    let ended = job.run(&model, &mut params, &mut objective, ear).unwrap();
    (ended, params.ids().flat_map(|id| params.export(id).unwrap()).map(f32::to_bits).collect())
}

#[test]
fn a_stop_in_the_middle_of_a_curve_changes_no_bit() {
    let (source, stage) = (Squares::new(8), stage(3));
    everywhere(|| {
        let folder = tempfile::tempdir().unwrap();
        let on = |name: &str, stop: usize| {
            let mut ear = Rates::until(stop);
            let (ended, bits) = run(&source, &stage, &folder.path().join(name), method(&stage), &mut ear);
            (ended, bits, ear)
        };
        let (whole, bits, ear) = on("whole", usize::MAX);
        assert_eq!((whole.steps, whole.complete), (6, true));
        let expected: Vec<f64> = (0..6)
            .map(|step| method(&stage).rate.at(&Clock { step, steps_per_epoch: 2, total: 6 }))
            .collect();
        assert_eq!(ear.rates, expected);
        assert!(ear.norms.iter().any(|norm| *norm > 0.5), "nothing to shorten: {:?}", ear.norms);
        let (stopped, ..) = on("parts", 3);
        assert_eq!((stopped.steps, stopped.complete), (3, false));
        let (ended, resumed, _) = on("parts", usize::MAX);
        assert_eq!((ended.resumed, ended.complete), (Some(3), true));
        assert!(resumed == bits, "a run that went on");
    });
}

/// Each of them changes what is computed.
#[test]
fn curves_groups_and_clipping_all_act() {
    let (source, stage) = (Squares::new(16), stage(1));
    let folder = tempfile::tempdir().unwrap();
    let usual = method(&stage);
    let others = [
        usual.clone(),
        Method { rate: Curve::Constant(1e-3), ..usual.clone() },
        Method { decay: Curve::Constant(0.04), ..usual.clone() },
        Method { groups: Groups::default(), ..usual.clone() },
        Method { clip: Clip::Never, ..usual },
    ];
    let mut number = 0;
    let ends = others.map(|method| {
        number += 1;
        let checkpoint = folder.path().join(number.to_string());
        run(&source, &stage, &checkpoint, method, &mut Rates::until(usize::MAX)).1
    });
    for (number, end) in ends.iter().enumerate() {
        assert!(!ends[..number].contains(end), "{number}");
    }
}

/// A small group of crops besides a large one: each passes separately, and residual branches are dropped in
/// both.
#[test]
fn groups_of_crops_of_several_sizes_train() {
    let (source, stage) = (Squares::new(8), stage(1));
    everywhere(|| {
        let mut method = Method::of(&stage, SIDE, false);
        let small = CropGroup {
            count: 3,
            side: 32,
            normalise: Normalise::Own(OF_CROP),
            ..method.batches.groups[0].clone()
        };
        method.batches.groups[0].side = 64;
        method.batches.groups.push(small);
        let on = |keep, method: &Method| {
            let mut params = Params::new(Seed(5));
            let model = Extractor::new(&model(), source.sets(), &[], &mut params);
            // On a slow machine a checkpoint may be written, from which the next run must not resume.
            let folder = tempfile::tempdir().unwrap();
            let checkpoint = folder.path().join("c");
            let job = Job {
                method: method.clone(),
                keep,
                part: 3 * 64 * 64,
                ..Job::new(&stage, SIDE, Seed(5), &source, &checkpoint)
            };
            let mut objective =
                objective(&job, &model, &mut params).and("local", 1.0, Needs::IMAGES, Box::new(Local));
            job.run(&model, &mut params, &mut objective, &mut crate::event::Silence).unwrap();
            let bits = params.ids().flat_map(|id| params.export(id).unwrap()).map(f32::to_bits);
            bits.collect::<Vec<u32>>()
        };
        let all = on(Keep::All, &method);
        assert!(on(Keep::First(1), &method) == all);
        method.batches.groups[1].normalise = Normalise::None;
        assert!(on(Keep::All, &method) != all, "crops are normalised");
    });
}

/// The sum of the second group's features.
struct Local;

impl Term for Local {
    fn value(
        &self,
        tape: &mut Tape,
        _: &Params,
        out: &Forwarded<'_>,
        _: &Clock,
    ) -> candle_core::Result<Valued> {
        let [large, small] = out.student else { candle_core::bail!("two groups") };
        let rows = [large, small].map(|group| group.features.dims()[0]);
        assert_eq!(rows, [2 * out.classes.len(), 3 * out.classes.len()]);
        let sum = tape.sum(&small.features)?;
        Ok(tape.weighted_sum(&[(1e-3, sum)])?.into())
    }
}

#[test]
fn every_state_is_in_the_checkpoint() {
    let (source, stage) = (Squares::new(16), stage(1));
    let mut params = Params::new(Seed(5));
    let model = Extractor::new(&model(), source.sets(), &[], &mut params);
    let job = Job::new(&stage, SIDE, Seed(5), &source, Path::new("never written"));
    let drifting = Drifting { centre: vec![0.5], temperature: Curve::Constant(1.0) };
    let mut objective =
        objective(&job, &model, &mut params).and("drifting", 1.0, Needs::IMAGES, Box::new(drifting));
    let state = objective.state().unwrap();
    assert_eq!(state, [("term/2/drifting/centre".to_owned(), vec![0.5])]);
    assert_eq!(objective.restore(&|_| None), Err(Lost("centre".into())));
    let mut optimiser = Optimiser::new(&stage.optimiser, &params).unwrap();
    assert!(optimiser.restore(&|name| (name == "steps").then(|| vec![0.0; 4])).is_err());
}
