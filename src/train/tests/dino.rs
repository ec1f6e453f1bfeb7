//! DINO in the loop: the same bits on any number of threads, in any parts and after a stop; what it leaves, and how another
//! training goes on from there.

use super::{
    super::{Optimiser, *},
    Squares,
};
use crate::{
    backbone::files,
    golden::on_gpus,
    loss::dino::{CENTRE, STUDENT, STUDENT_HEAD, TEACHER_HEAD},
    ops::{adamw::sum_of_squares, buffer},
    spec::*,
};

const SIDE: usize = 32;

/// Small, with everything that changes from step to step.
pub(super) fn word() -> settings::DinoV1 {
    settings::DinoV1 {
        ema: 0.9,
        prototypes: 24,
        hidden: 16,
        bottleneck: 8,
        gain: Gain::Fixed,
        student_temperature: 0.1,
        teacher_temperature: [0.04, 0.07],
        temperature_over: Span::Share(0.5),
        momentum: Momentum::Cosine,
        centre_momentum: 0.9,
        last_layer_frozen: Span::Share(0.3),
        decay_rise: 10.0,
        ramp: Ramp::Even,
        locals: 4,
        local_side: 16,
        clip: Clipping::Global(1.0),
        on_missing: OnMissing::SameTreatment,
        across: Across(None),
    }
}

fn stage(word: settings::DinoV1, epochs: usize) -> Stage {
    Stage { objective: vec![Term { weight: 1.0, loss: word.into() }], ..super::stage(epochs) }
}

fn model() -> Model {
    let vit = settings::Vit {
        patch: None,
        registers: 0,
        layer_scale: None,
        size: VitSize::Mini,
        drop_path: 0.2,
        features: VitFeatures::ClassToken,
        positions: PositionResize::Bicubic,
    };
    let adapter = HyperNet { z: 4, hidden: 8, embeddings: Embeddings::PerSet };
    Model { backbone: vit.into(), weights: Weights::Scratch, adapter: adapter.into() }
}

/// A model with its loss, before the first step.
struct Start {
    params: Params,
    model: Extractor,
    objective: Objective,
}

fn start(job: &Job<'_>) -> Start {
    let mut params = Params::new(job.seed);
    let model = Extractor::new(&model(), job.source.sets(), &[], &mut params);
    let objective = super::objective(job, &model, &mut params);
    Start { params, model, objective }
}

fn all(params: &Params) -> Vec<u32> {
    params.ids().flat_map(|id| params.export(id).unwrap()).map(f32::to_bits).collect()
}

/// The bits of student, teacher and centre.
fn bits(start: &Start) -> [Vec<u32>; 3] {
    let distillation = start.objective.distillation().unwrap();
    let centre = buffer::copy(distillation.centre().unwrap()).unwrap().into_iter().map(f32::to_bits);
    [all(&start.params), all(distillation.teacher().unwrap()), centre.collect()]
}

fn run(job: &Job<'_>, listen: &mut dyn Listen) -> (Ended, [Vec<u32>; 3]) {
    let mut this = start(job);
    let ended = job.run(&this.model, &mut this.params, &mut this.objective, listen).unwrap();
    (ended, bits(&this))
}

/// Whatever may differ between two trainings with DINO.
fn kinds() -> Vec<Stage> {
    let usual = word();
    let free = settings::DinoV1 { gain: Gain::Free, clip: Clipping::PerTensor(0.1), locals: 3, ..usual };
    let mut mixed = stage(usual.clone(), 2);
    mixed.objective.push(Term { weight: 0.5, loss: Loss::proxy_nca(0.07) });
    let second = second_version(Centering::Centre, IbotHead::Shared);
    let balanced = second_version(Centering::SinkhornKnopp, IbotHead::Separate);
    vec![stage(usual, 2), stage(free, 2), mixed, second, balanced]
}

/// All three terms of DINOv2.
fn second_version(centering: Centering, head: IbotHead) -> Stage {
    let settings::DinoV1 { prototypes, hidden, bottleneck, locals, local_side, .. } = word();
    let dino = settings::Dino {
        ema: 0.9,
        momentum: Momentum::CosineFromStart,
        prototypes,
        hidden,
        bottleneck,
        gain: Gain::Free,
        centering,
        centre_momentum: 0.9,
        student_temperature: 0.1,
        teacher_temperature: [0.04, 0.07],
        temperature_over: Span::Epochs(1.0),
        last_layer_frozen: Span::Share(0.3),
        decay_rise: 5.0,
        ramp: Ramp::Inclusive,
        layer_decay: 0.9,
        first_layer_rate: 0.2,
        locals,
        local_side,
        clip: Clipping::PerNetwork(0.5),
    };
    let ibot = settings::Ibot { views: 0.5, masked: [0.1, 0.5], head, prototypes: 20 };
    let term = |weight: f64, loss: Loss| Term { weight, loss };
    let objective =
        vec![term(1.0, dino.into()), term(1.0, ibot.into()), term(0.1, settings::KoLeo {}.into())];
    Stage { objective, ..super::stage(2) }
}

#[test]
fn the_same_bits_on_any_number_of_threads_and_after_a_stop() {
    let source = Squares::new(16);
    let folder = tempfile::tempdir().unwrap();
    let mut ends = Vec::new();
    for (number, stage) in kinds().into_iter().enumerate() {
        let on = |threads: usize, name: &str, stop: Option<usize>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let checkpoint = folder.path().join(format!("{number} {name}"));
            let job = Job::new(&stage, SIDE, Seed(5), &source, &checkpoint);
            pool.install(|| run(&job, &mut super::Ear { stop_after: stop, ..super::Ear::default() }))
        };
        let (_, whole) = on(1, "one", None);
        assert!(on(2, "two", None).1 == whole, "{number}: two threads");
        let (stopped, _) = on(3, "three", Some(5));
        assert_eq!((stopped.steps, stopped.complete), (5, false), "{number}");
        let (ended, resumed) = on(2, "three", None);
        assert_eq!((ended.resumed, ended.complete), (Some(5), true), "{number}");
        assert!(resumed == whole, "{number}: a run that went on");
        assert!(whole[0] != whole[1] && !ends.contains(&whole), "{number}");
        ends.push(whole);
    }
}

#[test]
fn on_gpus_it_goes_on_after_a_stop_too() {
    let source = Squares::new(8);
    let folder = tempfile::tempdir().unwrap();
    let stage = stage(settings::DinoV1 { locals: 2, ..word() }, 1);
    on_gpus(|| {
        let on = |name: &str, stop: Option<usize>| {
            let checkpoint = folder.path().join(name);
            let job = Job::new(&stage, SIDE, Seed(5), &source, &checkpoint);
            run(&job, &mut super::Ear { stop_after: stop, ..super::Ear::default() })
        };
        let (_, whole) = on("whole", None);
        // It receives its losses some steps late on a GPU, and may have taken all steps by then.
        let (stopped, mut parts) = on("parts", Some(1));
        if !stopped.complete {
            let (ended, resumed) = on("parts", None);
            assert_eq!(ended.resumed, Some(stopped.steps));
            parts = resumed;
        }
        assert!(parts == whole);
    });
}

/// At most five rows of a large crop, twenty of a small one.
const FIVE_ROWS: usize = 5 * SIDE * SIDE;

#[test]
fn bits_do_not_depend_on_which_parts_keep_their_tape() {
    let source = Squares::new(12);
    let first = stage(settings::DinoV1 { last_layer_frozen: Span::Epochs(0.0), ..word() }, 1);
    let second = second_version(Centering::Centre, IbotHead::Separate);
    let folder = tempfile::tempdir().unwrap();
    for stage in [first, second] {
        let on = |keep, part| {
            let checkpoint = folder.path().join("never resumed");
            let job = Job { keep, part, ..Job::new(&stage, SIDE, Seed(5), &source, &checkpoint) };
            let found = run(&job, &mut crate::event::Silence).1;
            forget_checkpoint(&checkpoint).unwrap();
            found
        };
        let kept = on(Keep::All, FIVE_ROWS);
        for keep in [Keep::First(0), Keep::First(2), Keep::Within(0)] {
            assert!(on(keep, FIVE_ROWS) == kept, "{keep:?}");
        }
        // Parts change the order of additions only.
        let whole = on(Keep::All, PART);
        for (parts, whole) in kept.iter().zip(&whole) {
            let floats = |bits: &[u32]| bits.iter().map(|bits| f32::from_bits(*bits)).collect::<Vec<_>>();
            crate::golden::assert_close("in parts", &floats(parts), &floats(whole), 5e-3);
        }
    }
}

#[test]
fn every_parameter_receives_a_gradient_from_parts() {
    let source = Squares::new(12);
    for stage in kinds() {
        let mut job = Job::new(&stage, SIDE, Seed(5), &source, Path::new("never written"));
        (job.keep, job.part) = (Keep::First(1), FIVE_ROWS);
        let Start { params, model, mut objective } = start(&job);
        objective.start(&params).unwrap();
        let optimiser = Optimiser::new(&stage.optimiser, &params).unwrap();
        let loader = Loader::new(&source, job.batches(&model, &objective), job.seed, &params);
        let mut trainer = Trainer::new(&job, &model, &params, &mut objective, optimiser);
        loader
            .run(0..1, |step, batch| {
                trainer.passes(&trainer.clock(step), &batch)?;
                Ok(false)
            })
            .unwrap();
        for id in params.ids() {
            let name = &params.published(id).name;
            let grad = trainer.gradients.of(id).unwrap_or_else(|| panic!("no gradient for {name}"));
            let length = sum_of_squares(grad.tensor()).unwrap();
            assert!(length > 0.0 && length.is_finite(), "the gradient of {name} is {length}");
        }
    }
}

/// Names and numbers of a file.
fn read(path: &Path) -> std::collections::BTreeMap<String, Vec<f32>> {
    let content = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&content).unwrap();
    file.tensors().into_iter().map(|(name, view)| (name, files::floats(&view))).collect()
}

#[test]
fn the_teacher_is_left_under_the_models_names_and_the_student_beside_it() {
    let source = Squares::new(8);
    let folder = tempfile::tempdir().unwrap();
    let (checkpoint, path) = (folder.path().join("c"), folder.path().join("weights.safetensors"));
    let stage = stage(word(), 2);
    let job = Job::new(&stage, SIDE, Seed(5), &source, &checkpoint);
    let mut this = start(&job);
    job.run(&this.model, &mut this.params, &mut this.objective, &mut crate::event::Silence).unwrap();
    leave(&path, &this.params, &this.objective, Some("a note")).unwrap();
    assert_eq!(files::note(&path).unwrap().as_deref(), Some("a note"));
    let file = read(&path);
    let distillation = this.objective.distillation().unwrap();
    let teacher = distillation.teacher().unwrap();
    for id in this.params.ids() {
        let name = &this.params.published(id).name;
        let (of_teacher, of_student) = match name.strip_prefix(STUDENT_HEAD) {
            Some(part) => (format!("{TEACHER_HEAD}{part}"), name.clone()),
            None => (name.clone(), format!("{STUDENT}{name}")),
        };
        assert_eq!(file[&of_student], this.params.export(id).unwrap(), "{of_student}");
        assert_eq!(file[&of_teacher], teacher.export(id).unwrap(), "{of_teacher}");
    }
    assert_eq!(file[CENTRE], buffer::copy(distillation.centre().unwrap()).unwrap());
    assert_eq!(file.len(), 2 * this.params.len() + 1);

    // Who wants the model only reads the teacher.
    let mut params = Params::new(Seed(9));
    let model = Extractor::new(&model(), source.sets(), &[], &mut params);
    files::restore(&path, &mut params).unwrap();
    for id in params.ids() {
        assert_eq!(params.export(id).unwrap(), file[&params.published(id).name]);
    }
    assert!(model.width() > 0);

    // And a later training goes on from both.
    let on = |how: Continue| {
        let mut later =
            start(&Job { seed: Seed(7), ..Job::new(&stage, SIDE, Seed(7), &source, &checkpoint) });
        continue_from(&path, &mut later.params, &mut later.objective, how).unwrap();
        later
    };
    let all = on(Continue { keep_centre: true, ..Continue::default() });
    assert!(bits(&all) == bits(&this));
    let published = on(Continue::default());
    let [student, teacher, centre] = bits(&published);
    assert!(
        [&student, &teacher] == [&bits(&this)[0], &bits(&this)[1]] && centre.iter().all(|bits| *bits == 0)
    );

    let mut same = on(Continue { student_from_teacher: true, freeze_head: true, keep_centre: true });
    let [student, teacher, centre] = bits(&same);
    assert!(student == teacher && teacher == bits(&this)[1] && centre == bits(&this)[2]);
    let heads: Vec<Vec<f32>> =
        same.objective.distillation().unwrap().head().map(|id| same.params.export(id).unwrap()).collect();
    let before = all_of(&same);
    forget_checkpoint(&checkpoint).unwrap();
    let ended =
        job.run(&same.model, &mut same.params, &mut same.objective, &mut crate::event::Silence).unwrap();
    assert!(ended.complete);
    let distillation = same.objective.distillation().unwrap();
    for (id, before) in distillation.head().zip(heads) {
        assert_eq!(same.params.export(id).unwrap(), before, "a frozen head stays");
        assert_eq!(distillation.teacher().unwrap().export(id).unwrap(), before, "the teacher's too");
    }
    assert_ne!(all_of(&same), before, "the network learns");
}

fn all_of(start: &Start) -> Vec<u32> {
    all(&start.params)
}

#[test]
fn a_head_of_another_size_is_refused() {
    let source = Squares::new(8);
    let folder = tempfile::tempdir().unwrap();
    let (checkpoint, path) = (folder.path().join("c"), folder.path().join("weights.safetensors"));
    let small = stage(word(), 1);
    let mut this = start(&Job::new(&small, SIDE, Seed(5), &source, &checkpoint));
    this.objective.start(&this.params).unwrap();
    leave(&path, &this.params, &this.objective, None).unwrap();
    let large = stage(settings::DinoV1 { prototypes: 25, ..word() }, 1);
    let mut other = start(&Job::new(&large, SIDE, Seed(5), &source, &checkpoint));
    let error =
        continue_from(&path, &mut other.params, &mut other.objective, Continue::default()).unwrap_err();
    assert!(error.to_string().contains("misshapen: student_head/last_layer.weight_v"), "{error}");
}

/// Rates of 0 for long: a network that never learns says the same of every image.
#[test]
fn a_collapse_is_remarked_once_and_curves_are_published() {
    #[derive(Default)]
    struct Heard {
        remarks: Vec<String>,
        curves: std::collections::BTreeMap<String, Vec<f64>>,
    }
    impl Listen for Heard {
        fn receive(&mut self, event: &Event<'_>) {
            match event {
                Event::Remark(text) => self.remarks.push((*text).to_owned()),
                Event::Metric { name, value, .. } => {
                    self.curves.entry((*name).to_owned()).or_default().push(*value);
                }
                _ => {}
            }
        }
    }
    let source = Squares::new(16);
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("c");
    let warm = settings::DinoV1 { teacher_temperature: [5.0, 5.0], ..word() };
    let stage = stage(warm, 7);
    let job = Job::new(&stage, SIDE, Seed(5), &source, &checkpoint);
    let mut heard = Heard::default();
    let (ended, _) = run(&job, &mut heard);
    assert_eq!((ended.steps, heard.remarks.len()), (28, 1), "{:?}", heard.remarks);
    assert!(heard.remarks[0].contains("DINO has collapsed"), "{:?}", heard.remarks);
    let curve = |name: &str| &heard.curves[name];
    for name in [
        "loss",
        "loss/dino_v1",
        "lr",
        "weight_decay",
        "teacher/entropy",
        "teacher/momentum",
        "teacher/temperature",
    ] {
        assert_eq!(curve(name).len(), 28, "{name}");
    }
    for at in 0..28 {
        let [h, m] = ["teacher/entropy", "teacher/entropy_of_mean"].map(|name| curve(name)[at]);
        assert!(h <= m + 1e-4 && m <= (24f64).ln() + 1e-4, "{h} {m}");
        assert!((curve("teacher/information")[at] - (m - h)).abs() < 1e-9);
        // Two sets, whose losses are added.
        assert!((curve("teacher/kl")[at] - (curve("loss/dino_v1")[at] / 2.0 - h)).abs() < 1e-4);
        assert!(curve("teacher/kl")[at] > -1e-4);
    }
    assert!(curve("teacher/momentum").windows(2).all(|two| two[0] <= two[1]));
    assert!((curve("teacher/momentum")[27] - 1.0).abs() < 1e-3);
}

#[test]
fn pairs_share_the_views_of_a_unit() {
    /// Squares in which images of a class belong together.
    struct Paired(Squares, Vec<Vec<u32>>);
    impl Source for Paired {
        fn sets(&self) -> &[crate::adapter::SetChannels] {
            self.0.sets()
        }
        fn classes(&self) -> &[String] {
            self.0.classes()
        }
        fn items(&self) -> &[Item] {
            self.0.items()
        }
        fn partners(&self, item: u32) -> Partners<'_> {
            Partners::of(&self.1[item as usize])
        }
        fn norm(&self, set: usize) -> &data::Norm {
            self.0.norm(set)
        }
        fn read(&self, item: Item) -> Result<data::Tape, data::Error> {
            self.0.read(item)
        }
    }
    let squares = Squares::new(8);
    let partners = (0..16u32).map(|item| vec![(item + 2) % 8 + item / 8 * 8]).collect();
    let source = Paired(squares, partners);
    let stage = stage(settings::DinoV1 { across: Across(Some(Role::Plate)), ..word() }, 2);
    let batches = Batches::of(&stage, SIDE, false);
    assert!(batches.pairs);
    assert_eq!(
        batches.groups.iter().map(|group| (group.count, group.side)).collect::<Vec<_>>(),
        [(1, 32), (2, 16)]
    );
    let folder = tempfile::tempdir().unwrap();
    let job = |name: &str| (folder.path().join(name), Seed(5));
    let on = |name: &str, stop: Option<usize>| {
        let (checkpoint, seed) = job(name);
        let job = Job::new(&stage, SIDE, seed, &source, &checkpoint);
        run(&job, &mut super::Ear { stop_after: stop, ..super::Ear::default() })
    };
    let (ended, whole) = on("whole", None);
    assert_eq!(ended.steps, 4);
    on("parts", Some(2));
    let (ended, resumed) = on("parts", None);
    assert_eq!(ended.resumed, Some(2));
    assert!(resumed == whole);
}
