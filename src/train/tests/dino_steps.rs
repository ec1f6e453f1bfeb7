//! Whole steps of DINO and of CODA against published code (`tests/golden/dino.py`): losses, gradients of the first step,
//! student, teacher and centre after steps.

use super::super::{
    Optimiser,
    loader::{Batch, Crops},
    *,
};
use crate::{
    adapter,
    backbone::{Hidden, Vit, VitShape},
    curve::Clock,
    golden::{Golden, assert_close, device, everywhere, folder, recipe},
    params::{ParamId, Published},
    spec::{self, *},
};
use candle_core::Tensor;
use serde_json::Value;

/// What `dino.py` keeps of long tensors.
const KEPT: usize = 300;
const STRIDE: usize = 23;
/// Steps in an epoch, and images in a step.
const EPOCH: u64 = 2;
const IMAGES: usize = 3;
const WIDTH: usize = 32;

pub(super) fn thinned(values: Vec<f32>) -> Vec<f32> {
    if values.len() > KEPT { values.into_iter().step_by(STRIDE).collect() } else { values }
}

/// A published training.
struct Case {
    name: &'static str,
    /// Seeds of the student, the teacher and the crops.
    seeds: [u64; 3],
    /// Prefixes of the student's and the teacher's names, and what stands before names of the head.
    names: [&'static str; 2],
    head: &'static str,
    resize: PositionResize,
    /// Steps after which the teacher is known.
    teacher: [u64; 2],
}

impl Case {
    /// The published name of one of our parameters.
    fn of(&self, name: &str) -> String {
        match name.strip_prefix("student_head/") {
            Some(part) => format!("{}{part}", self.head),
            None => format!("backbone.{name}"),
        }
    }

    fn fill(&self, params: &mut Params, which: usize) {
        let ids: Vec<ParamId> = params.ids().collect();
        for id in ids {
            let Published { name, shape, .. } = params.published(id).clone();
            let count = shape.iter().product();
            let (mean, sd) = match name.as_str() {
                name if name.contains("norm") => (if name.ends_with("weight") { 1.0 } else { 0.0 }, 0.1),
                name if name.ends_with("weight_g") => (1.0, 0.1),
                name if name.contains("token") || name.ends_with("pos_embed") => (0.0, 0.3),
                name if name.ends_with("bias") => (0.0, 0.05),
                _ => {
                    let ins = shape[1..].iter().product::<usize>() as f64;
                    (0.0, (1e6 / ins.sqrt()).round() / 1e6)
                }
            };
            let name = self.of(&name);
            params.import(id, recipe(self.seeds[which], &name, count, mean, sd)).unwrap();
        }
    }

    /// The crops of a step: of each image one after another, as we have them.
    fn crops(&self, step: u64, views: std::ops::Range<usize>, side: usize) -> Crops {
        let len = 3 * side * side;
        let all: Vec<Vec<f32>> = views
            .map(|view| recipe(self.seeds[2], &format!("step{step}_crop{view}"), IMAGES * len, 0.0, 1.0))
            .collect();
        let image = |image: usize| all.iter().flat_map(move |view| view[image * len..][..len].to_vec());
        let pixels: Vec<f32> = (0..IMAGES).flat_map(image).collect();
        Crops::of(Tensor::from_vec(pixels, (IMAGES * all.len(), 3, side, side), &device()).unwrap())
    }

    /// Takes the steps that were published, and compares.
    fn check(&self, stage: &Stage, steps: u64, about: &Value) {
        let golden = Golden::open("dino");
        let key = |what: &str| format!("{}/{what}", self.name);
        let shape = VitShape {
            width: WIDTH,
            depth: 2,
            heads: 2,
            patch: 8,
            grid: 4,
            registers: 0,
            layer_scale: None,
            class_position: true,
            drop_path: 0.0,
            reading: VitFeatures::ClassToken.into(),
            resize: self.resize.into(),
            hidden: Hidden::Gelu,
        };
        let mut params = Params::new(Seed(0));
        let entry = adapter::plain(3, shape.stem(), &mut params);
        let model = Extractor::of_parts(entry, Box::new(Vit::shaped(shape, &mut params)));
        let mut objective = Objective::new(&stage.objective, WIDTH, 1, &mut params);
        self.fill(&mut params, 0);
        objective.start(&params).unwrap();
        self.fill(objective.distillation_mut().unwrap().teacher_mut().unwrap(), 1);

        let source = super::Squares::new(1);
        let job = Job::new(stage, 32, Seed(0), &source, Path::new("never written"));
        let total = EPOCH * stage.epochs as u64;
        let groups = job.method.groups(EPOCH, total);
        let optimiser = Optimiser::grouped(&stage.optimiser, &groups, job.method.clip, &params).unwrap();
        let mut trainer = Trainer::new(&job, &model, &params, &mut objective, optimiser);
        (trainer.rows, trainer.steps_per_epoch) = (IMAGES, EPOCH);
        let strategy = strategy::build(&stage.strategy, &params, EPOCH, None);
        let mut heard = Heard::default();
        let locals: usize = job.method.batches.groups[1].count;
        for step in 1..=steps {
            let groups = vec![self.crops(step, 0..2, 32), self.crops(step, 2..2 + locals, 16)];
            let batch = vec![Batch { set: 0, groups, classes: vec![0; IMAGES], together: 1, masks: None }];
            if step == 1 {
                trainer.passes(&trainer.clock(0), &batch).unwrap();
                for id in params.ids() {
                    let published = params.published(id);
                    let found = trainer.gradients.of(id).unwrap().tensor();
                    let prefix = if self.names[0] == "student_encoder." { self.names[0] } else { "" };
                    let name = key(&format!("step1.grad.{prefix}{}", self.of(&published.name)));
                    let mut found = published.to_published(found).unwrap();
                    let mut expected = golden.values(&name);
                    keys_left_out(&name, [&mut found, &mut expected]);
                    assert_close(&name, &thinned(found), &expected, 1e-4);
                }
                trainer.gradients.clear();
            }
            trainer.step(step - 1, strategy.as_ref(), &batch, &mut heard).unwrap();
            trainer.flush_metrics(&mut heard).unwrap();
            let distillation = trainer.objective.distillation().unwrap();
            let teacher = distillation.teacher().unwrap();
            for (which, of) in [&params, teacher].into_iter().enumerate() {
                if which == 1 && !self.teacher.contains(&step) {
                    continue;
                }
                for id in of.ids() {
                    let name =
                        key(&format!("step{step}.{}{}", self.names[which], self.of(&of.published(id).name)));
                    let (mut found, mut expected) = (of.export(id).unwrap(), golden.values(&name));
                    keys_left_out(&name, [&mut found, &mut expected]);
                    assert_close(&name, &thinned(found), &expected, 1e-4);
                }
            }
            let centre = distillation.centre().unwrap().to_vec1::<f32>().unwrap();
            assert_close("centre", &centre, &golden.values(&key(&format!("step{step}.center"))), 1e-5);
        }
        let losses = golden.values(&key("losses"));
        let curve = |name: &str| heard.curve(name);
        let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
        assert_close("losses", &single(&curve("loss")), &losses[..steps as usize], 2e-5);
        for (curve, names) in
            [(curve("lr"), ["lr", "lr_used"]), (curve("teacher/momentum"), ["momentum", "momentum_used"])]
        {
            let expected = names.iter().find_map(|name| about[name].as_array()).unwrap();
            for (found, expected) in curve.iter().zip(expected) {
                assert!((found - expected.as_f64().unwrap()).abs() < 1e-9, "{names:?}: {found} {expected}");
            }
        }
        let decay =
            ["weight_decay", "weight_decay_used_group0"].iter().find_map(|name| about[name].as_array());
        for (step, expected) in decay.unwrap().iter().enumerate() {
            let found = job.method.decay.at(&Clock { step: step as u64, steps_per_epoch: EPOCH, total });
            assert!((found - expected.as_f64().unwrap()).abs() < 1e-9, "decay {step}: {found} {expected}");
        }
    }
}

/// The gradient of keys is exactly zero; AdamW divides what rounding leaves of it by its own size.
pub(super) fn keys_left_out(name: &str, both: [&mut Vec<f32>; 2]) {
    if name.ends_with("attn.qkv.bias") {
        both.into_iter().for_each(|values| values[WIDTH..2 * WIDTH].fill(0.0));
    }
}

#[derive(Default)]
pub(super) struct Heard(Vec<(String, f64)>);

impl Heard {
    pub(super) fn curve(&self, name: &str) -> Vec<f64> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| *value).collect()
    }
}

impl Listen for Heard {
    fn receive(&mut self, event: &Event<'_>) {
        if let Event::Metric { name, value, .. } = event {
            self.0.push(((*name).to_owned(), *value));
        }
    }
}

fn stage(word: settings::DinoV1, weight_decay: f64, schedule: Schedule, epochs: usize) -> Stage {
    Stage {
        objective: vec![Term { weight: 1.0, loss: word.into() }],
        optimiser: spec::Optimiser { lr: 1e-3, weight_decay, betas: [0.9, 0.999], eps: 1e-8 },
        schedule,
        epochs,
        ..super::stage(1)
    }
}

/// What the published trainings have in common.
fn word() -> settings::DinoV1 {
    settings::DinoV1 {
        prototypes: 48,
        hidden: 24,
        bottleneck: 16,
        temperature_over: Span::Epochs(3.0),
        last_layer_frozen: Span::Epochs(1.0),
        locals: 6,
        local_side: 16,
        ..super::dino::word()
    }
}

fn about(case: &str) -> Value {
    let text = std::fs::read_to_string(folder().join("dino_schedules.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()[case].clone()
}

#[test]
fn steps_are_dinos() {
    let dino = |name, seed| Case {
        name,
        seeds: [seed, seed + 1, seed],
        names: ["student.", "teacher."],
        head: "head.",
        resize: PositionResize::Offset,
        teacher: [1, 3],
    };
    let (momentum, ramp) = (Momentum::CosineFromStart, Ramp::Inclusive);
    everywhere(|| {
        let fixed = settings::DinoV1 { ema: 0.9, momentum, ramp, clip: Clipping::PerTensor(3.0), ..word() };
        let schedule = Schedule { warmup: 0, warmup_lr: 0.0, lr_min: 1e-6 };
        dino("train_3steps", 2010).check(
            &stage(fixed.clone(), 0.04, schedule.clone(), 4),
            3,
            &about("train_3steps"),
        );
        let clip = Clipping::PerTensor(0.02);
        let free = settings::DinoV1 { ema: 0.8, gain: Gain::Free, locals: 8, clip, ..fixed };
        let schedule = Schedule { warmup: 2, ..schedule };
        let name = "train_3steps_free_gain";
        dino(name, 2012).check(&stage(free, 0.04, schedule, 4), 3, &about(name));
    });
}

#[test]
fn steps_are_codas() {
    let coda = Case {
        name: "coda_steps",
        seeds: [3001, 3002, 3001],
        names: ["student_encoder.", "teacher_encoder."],
        head: "fc.",
        resize: PositionResize::Bicubic,
        teacher: [1, 3],
    };
    let (momentum, ramp, clip) = (Momentum::Cosine, Ramp::Late, Clipping::Global(1.0));
    everywhere(|| {
        let word = settings::DinoV1 { ema: 0.9, prototypes: 64, momentum, ramp, clip, ..word() };
        let schedule = Schedule { warmup: 2, warmup_lr: 1e-8, lr_min: 1e-6 };
        coda.check(&stage(word, 1e-5, schedule, 6), 3, &about("coda_steps"));
    });
}
