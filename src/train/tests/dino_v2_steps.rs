//! Whole steps of DINOv2 against published code (`tests/golden/dino_v2.py`): losses, gradients of the first step, student and
//! teacher after steps; rates of each parameter.

use super::{
    super::{
        Optimiser,
        loader::{Batch, Crops},
        *,
    },
    dino_steps::{Heard, keys_left_out, thinned},
};
use crate::{
    adapter,
    backbone::{Hidden, Vit, VitShape},
    golden::{Golden, assert_close, device, everywhere, folder, recipe},
    params::{ParamId, Published},
    pass::Masks,
    spec::{self, *},
};
use candle_core::Tensor;
use serde_json::Value;

const EPOCH: u64 = 2;
const IMAGES: usize = 3;
const LOCALS: usize = 4;
const WIDTH: usize = 32;
const SIDE: usize = 48;
const SMALL_SIDE: usize = 24;
const STEPS: u64 = 3;

/// A published training.
struct Case {
    name: &'static str,
    seed: u64,
    registers: usize,
    centering: Centering,
    head: IbotHead,
}

/// The published name of one of our parameters.
fn published_name(name: &str) -> String {
    match name.strip_prefix("student_head/") {
        Some(part) => match part.strip_prefix("ibot/") {
            Some(part) => format!("ibot_head.{part}"),
            None => format!("dino_head.{part}"),
        },
        None if name == "reg_token" => "backbone.register_tokens".into(),
        None => format!("backbone.{name}"),
    }
}

fn fill(params: &mut Params, seed: u64) {
    let ids: Vec<ParamId> = params.ids().collect();
    for id in ids {
        let Published { name, shape, .. } = params.published(id).clone();
        let count = shape.iter().product();
        let (mean, sd) = match name.as_str() {
            name if name.contains("norm") => (if name.ends_with("weight") { 1.0 } else { 0.0 }, 0.1),
            name if name.ends_with("gamma") => (0.2, 0.1),
            name if name.ends_with("weight_g") => (1.0, 0.1),
            name if name.contains("token") || name.ends_with("pos_embed") => (0.0, 0.3),
            name if name.ends_with("bias") => (0.0, 0.05),
            _ => {
                let ins = shape[1..].iter().product::<usize>() as f64;
                (0.0, (1e6 / ins.sqrt()).round() / 1e6)
            }
        };
        params.import(id, recipe(seed, &published_name(&name), count, mean, sd)).unwrap();
    }
}

impl Case {
    /// The crops of a step: of each image one after another, as we have them; published are those of one view after another.
    fn crops(&self, step: u64, which: &str, views: usize, side: usize) -> Crops {
        let len = 3 * side * side;
        let all = recipe(self.seed, &format!("step{step}_{which}"), views * IMAGES * len, 0.0, 1.0);
        let view = |image: usize, view: usize| &all[(view * IMAGES + image) * len..][..len];
        let mut pixels = Vec::with_capacity(all.len());
        for image in 0..IMAGES {
            (0..views).for_each(|at| pixels.extend_from_slice(view(image, at)));
        }
        Crops::of(Tensor::from_vec(pixels, (IMAGES * views, 3, side, side), &device()).unwrap())
    }

    fn masks(&self, step: u64, golden: &Golden) -> Masks {
        let all = golden.values(&format!("{}/step{step}.masks", self.name));
        let patches = all.len() / (2 * IMAGES);
        let masked = |row: usize| -> Vec<usize> {
            (0..patches).filter(|patch| all[row * patches + patch] > 0.5).collect()
        };
        let crops = (0..2 * IMAGES).map(|at| masked(at % 2 * IMAGES + at / 2)).collect();
        Masks::new(crops, patches)
    }

    fn stage(&self) -> Stage {
        let dino = settings::Dino {
            ema: 0.9,
            momentum: Momentum::CosineFromStart,
            prototypes: 48,
            hidden: 24,
            bottleneck: 16,
            gain: Gain::Free,
            centering: self.centering,
            centre_momentum: 0.9,
            student_temperature: 0.1,
            teacher_temperature: [0.04, 0.07],
            temperature_over: Span::Epochs(2.0),
            last_layer_frozen: Span::Epochs(1.0),
            decay_rise: 10.0,
            ramp: Ramp::Inclusive,
            layer_decay: 0.9,
            first_layer_rate: 0.2,
            locals: LOCALS,
            local_side: SMALL_SIDE,
            clip: Clipping::PerNetwork(3.0),
        };
        let ibot = settings::Ibot { views: 0.5, masked: [0.1, 0.5], head: self.head, prototypes: 40 };
        let term = |weight: f64, loss: Loss| Term { weight, loss };
        Stage {
            objective: vec![
                term(1.0, dino.into()),
                term(1.0, ibot.into()),
                term(0.1, settings::KoLeo {}.into()),
            ],
            optimiser: spec::Optimiser { lr: 2e-3, weight_decay: 0.04, betas: [0.9, 0.999], eps: 1e-8 },
            schedule: Schedule { warmup: 0, warmup_lr: 0.0, lr_min: 1e-6 },
            epochs: 4,
            ..super::stage(1)
        }
    }

    /// Takes the steps that were published, in parts of so many pixels, and compares.
    fn check(&self, part: usize) {
        let golden = Golden::open("dino_v2");
        let about = std::fs::read_to_string(folder().join("dino_v2.json")).unwrap();
        let about = &serde_json::from_str::<Value>(&about).unwrap()[self.name];
        let key = |what: &str| format!("{}/{what}", self.name);
        let shape = VitShape {
            width: WIDTH,
            depth: 2,
            heads: 2,
            patch: 8,
            grid: SIDE / 8,
            registers: self.registers,
            layer_scale: Some(0.2),
            class_position: true,
            drop_path: 0.0,
            reading: VitFeatures::ClassToken.into(),
            resize: PositionResize::Offset.into(),
            hidden: Hidden::Gelu,
        };
        let stage = &self.stage();
        let mut params = Params::new(Seed(0));
        let entry = adapter::plain(3, shape.stem(), &mut params);
        let model = Extractor::of_parts(entry, Box::new(Vit::shaped(shape, &mut params)));
        let mut objective = Objective::new(&stage.objective, WIDTH, 1, &mut params);
        fill(&mut params, self.seed);
        objective.start(&params).unwrap();
        fill(objective.distillation_mut().unwrap().teacher_mut().unwrap(), self.seed + 1);

        let source = super::Squares::new(1);
        let mut job = Job::new(stage, SIDE, Seed(0), &source, Path::new("never written"));
        job.part = part;
        let groups = job.method.groups(EPOCH, EPOCH * stage.epochs as u64);
        let optimiser = Optimiser::grouped(&stage.optimiser, &groups, job.method.clip, &params).unwrap();
        let mut trainer = Trainer::new(&job, &model, &params, &mut objective, optimiser);
        (trainer.rows, trainer.steps_per_epoch) = (IMAGES, EPOCH);
        let strategy = strategy::build(&stage.strategy, &params, EPOCH, None);
        let mut heard = Heard::default();
        for step in 1..=STEPS {
            let groups =
                vec![self.crops(step, "global", 2, SIDE), self.crops(step, "local", LOCALS, SMALL_SIDE)];
            let masks = Some(self.masks(step, &golden));
            let batch = vec![Batch { set: 0, groups, classes: vec![0; IMAGES], together: 1, masks }];
            if step == 1 {
                trainer.passes(&trainer.clock(0), &batch).unwrap();
                for id in params.ids() {
                    let published = params.published(id);
                    let found = trainer.gradients.of(id).unwrap().tensor();
                    let name = key(&format!("step1.grad.{}", published_name(&published.name)));
                    let mut found = published.to_published(found).unwrap();
                    let mut expected = golden.values(&name);
                    keys_left_out(&name, [&mut found, &mut expected]);
                    assert_close(&name, &thinned(found), &expected, 1e-4);
                }
                trainer.gradients.clear();
            }
            trainer.step(step - 1, strategy.as_ref(), &batch, &mut heard).unwrap();
            trainer.flush_metrics(&mut heard).unwrap();
            let teacher = trainer.objective.distillation().unwrap().teacher().unwrap();
            for (of, who) in [(&params, "student"), (teacher, "teacher")] {
                if who == "teacher" && step == 2 {
                    continue;
                }
                for id in of.ids() {
                    let name = key(&format!("step{step}.{who}.{}", published_name(&of.published(id).name)));
                    let (mut found, mut expected) = (of.export(id).unwrap(), golden.values(&name));
                    keys_left_out(&name, [&mut found, &mut expected]);
                    assert_close(&name, &thinned(found), &expected, 1e-4);
                }
            }
        }
        let number = |of: &Value, name: &str| of[name].as_f64().unwrap();
        for step in 0..STEPS as usize {
            let (losses, hyper) = (&about["losses"][step], &about["hyper"][step]);
            let views = number(losses, "dino_local_crops_loss") + number(losses, "dino_global_crops_loss");
            // KoLeo and iBOT are logged by half.
            let expected = [
                ("loss/dino_v2", views),
                ("loss/ibot", 2.0 * number(losses, "ibot_loss")),
                ("loss/koleo", 20.0 * number(losses, "koleo_loss")),
            ];
            for (name, expected) in expected {
                let found = heard.curve(name)[step];
                assert!((found - expected).abs() < 2e-5 * expected.max(1.0), "{name}: {found} {expected}");
            }
            for (name, published) in [
                ("lr", "lr"),
                ("weight_decay", "wd"),
                ("teacher/momentum", "momentum"),
                ("teacher/temperature", "teacher_temp"),
            ] {
                let (found, expected) = (heard.curve(name)[step], number(hyper, published));
                assert!((found - expected).abs() < 1e-9, "{name}: {found} {expected}");
            }
        }
    }
}

#[test]
fn steps_are_those_of_dinov2() {
    let shared = Case {
        name: "train_centering_shared",
        seed: 4042,
        registers: 0,
        centering: Centering::Centre,
        head: IbotHead::Shared,
    };
    let separate = Case {
        name: "train_sinkhorn_separate",
        seed: 4062,
        registers: 2,
        centering: Centering::SinkhornKnopp,
        head: IbotHead::Separate,
    };
    everywhere(|| {
        for case in [&shared, &separate] {
            case.check(crate::train::PART);
            // Two large views at a time, of some of which no patch is masked.
            case.check(2 * SIDE * SIDE);
        }
    });
}

/// `get_params_groups_with_decay` of DINOv2: conformance list 13.
#[test]
fn rates_fall_from_block_to_block() {
    let text = std::fs::read_to_string(folder().join("dino_v2_rates.json")).unwrap();
    let known: Value = serde_json::from_str(&text).unwrap();
    let (centering, head) = (Centering::Centre, IbotHead::Shared);
    let mut stage = Case { name: "", seed: 0, registers: 0, centering, head }.stage();
    let source = super::Squares::new(1);
    let mut groups = Groups::default();
    for of in known.as_object().unwrap().values() {
        let Loss::Dino(word) = &mut stage.objective[0].loss else { panic!("said above") };
        word.layer_decay = of["layerwise_decay"].as_f64().unwrap();
        word.first_layer_rate = of["patch_embed_lr_mult"].as_f64().unwrap();
        let job = Job::new(&stage, SIDE, Seed(0), &source, Path::new("never written"));
        groups = job.method.groups(EPOCH, 8);
        let blocks = of["depth"].as_u64().unwrap() as usize;
        for (name, expected) in of["parameters"].as_object().unwrap() {
            let axes = if name.ends_with("weight") && !name.contains("norm") { 2 } else { 1 };
            let name = if name == "register_tokens" { "reg_token" } else { name };
            let group = groups.of(&Published::new(name, &[2, 2][..axes]), blocks);
            let [rate, decays] = [0, 1].map(|at| expected[at].as_f64().unwrap());
            assert!((group.scale * group.rate - rate).abs() < 1e-12, "{name}: {group:?} {expected}");
            assert_eq!(group.decays, decays > 0.0, "{name}");
        }
    }
    let head = groups.of(&Published::new("student_head/last_layer.weight_g", &[48, 1]), 12);
    assert_eq!((head.scale, head.decays, head.still, head.waits), (1.0, true, EPOCH, 0));
}
