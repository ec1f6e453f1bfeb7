//! Plans on a small folder of two sets.

use super::{Fit, Plan, Work};
use crate::{
    data::{Contents, DataSet},
    event::Silence,
    sample,
    seed::Seed,
    spec::{Beside, Features, Measured, Moments, Normalise, Selection, Spec, Weights, recipe::Recipe},
};
use std::{collections::BTreeMap, fs, path::Path};

fn folder(root: &Path) -> BTreeMap<String, DataSet> {
    for (set, channels) in [("A", 1), ("B", 2)] {
        fs::create_dir_all(root.join(set).join("crops")).unwrap();
        let mut table = "file_path,channel_width,Label,train_test_split,Task_one\n".to_owned();
        for (row, split) in ["Train", "Train", "Task_one", "Task_one"].iter().enumerate() {
            let path = format!("{set}/crops/{row}.png");
            let file = fs::File::create(root.join(&path)).unwrap();
            let mut encoder = png::Encoder::new(file, 4 * channels, 4);
            encoder.set_color(png::ColorType::Grayscale);
            let pixels = vec![7u8; 16 * channels as usize];
            encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
            let asked = if *split == "Train" { "False" } else { "True" };
            table += &format!("{path},4,l{},{split},{asked}\n", row % 2);
        }
        fs::write(root.join(set).join("enriched_meta.csv"), table).unwrap();
    }
    let text = "name = \"small\"\n[sets.A]\nchannels = [\"dna\"]\n[sets.B]\nchannels = [\"dna\", \"er\"]\n";
    fs::write(root.join("dataset.toml"), text).unwrap();
    [("small".to_owned(), DataSet::open("small", root, &Contents::not_kept(), &mut Silence).unwrap())].into()
}

fn named(sets: &[&str]) -> Selection {
    Selection::new("small", sets)
}

fn spec(sets: &[&str], asked: &[&str]) -> Spec {
    let mut spec = sample::spec(sample::plain(), Recipe::Fixed);
    spec.model.weights = Weights::Scratch;
    spec.train.data = named(sets);
    spec.evaluate.truncate(1);
    spec.evaluate[0].data = named(asked);
    spec
}

#[test]
fn floors_are_shared_by_seeds_and_fits_are_not() {
    let root = tempfile::tempdir().unwrap();
    let data = folder(root.path());
    let plan = |seed| Plan::of(&spec(&[], &[]), Seed(seed), &data).unwrap();
    let (one, two) = (plan(1), plan(2));
    assert_eq!(one.run, plan(1).run);
    assert_ne!(one.run, two.run);
    let shared: Vec<_> = one.steps.iter().filter(|step| two.step(&step.id).is_some()).collect();
    let floors: Vec<_> = shared
        .iter()
        .map(|step| match step.work {
            Work::Score { features, .. } => features,
            _ => panic!("{} is shared", step.work.describe()),
        })
        .collect();
    let images = [Features::Constant, Features::Prior, Features::HandMade, Features::HandMadeStandardised];
    assert_eq!(floors, images);
    let scored = one.steps.iter().filter_map(|step| match step.work {
        Work::Score { features, .. } => Some(features),
        _ => None,
    });
    let all: Vec<_> = [Features::Model].into_iter().chain(Features::FLOORS).collect();
    assert_eq!(scored.collect::<Vec<_>>(), all);
    for (place, step) in one.steps.iter().enumerate() {
        let known =
            |parent: &crate::spec::id::WorkId| one.steps[..place].iter().any(|step| step.id == *parent);
        assert!(step.parents.iter().all(known), "a parent of {} comes later", step.work.describe());
    }
}

#[test]
fn one_pretraining_serves_every_seed() {
    let root = tempfile::tempdir().unwrap();
    let data = folder(root.path());
    let mut spec = spec(&[], &[]);
    spec.model.weights = Weights::SimulatedPretrain;
    let first = |seed| Plan::of(&spec, Seed(seed), &data).unwrap().steps[0].clone();
    assert!(matches!(first(1).work, Work::Pretrain { .. }));
    assert_eq!(first(1).id, first(2).id);
}

#[test]
fn stages_follow_one_another_and_the_first_is_shared() {
    let root = tempfile::tempdir().unwrap();
    let data = folder(root.path());
    let spec = |lr: f64| {
        let mut spec = spec(&["A", "B"], &["A"]);
        let mut second = spec.train.stages[0].clone();
        (second.optimiser.lr, second.on) = (lr, Some(named(&["B"])));
        spec.train.stages.push(second);
        spec
    };
    let fits = |spec: &Spec| -> Vec<_> {
        let plan = Plan::of(spec, Seed(1), &data).unwrap();
        let fits =
            plan.steps.iter().filter(|step| matches!(&step.work, Work::Fit(Fit { training: Some(_), .. })));
        fits.cloned().collect()
    };
    let (one, two) = (fits(&spec(1e-3)), fits(&spec(1e-4)));
    let [first, second] = one.as_slice() else { panic!("{one:?}") };
    assert!(first.parents.is_empty());
    assert_eq!(second.parents, std::slice::from_ref(&first.id));
    assert_eq!(second.work.describe(), "train 15 more epochs on small (B)");
    assert_eq!((&two[0].id, two[1].id == second.id), (&first.id, false));
    let plan = Plan::of(&spec(1e-3), Seed(1), &data).unwrap();
    let embeds = plan.steps.iter().filter(|step| matches!(step.work, Work::Embed { .. }));
    assert_eq!(embeds.filter(|embed| embed.parents == [second.id.clone()]).count(), 1);
    let mut never = spec(1e-3);
    never.train.stages[0].on = Some(named(&["B"]));
    never.train.data = named(&[]);
    let problems = Plan::of(&never, Seed(1), &data).unwrap_err().to_string();
    assert!(problems.contains("no stage trains on `A`"), "{problems}");
}

/// An adapter that makes a model of its own for each set trains each in the stages that read its set.
#[test]
fn one_model_per_set_has_the_stages_of_its_set() {
    let root = tempfile::tempdir().unwrap();
    let data = folder(root.path());
    let mut spec = spec(&["A", "B"], &["A", "B"]);
    let mut second = spec.train.stages[0].clone();
    second.on = Some(named(&["B"]));
    spec.train.stages.push(second);
    spec.model.adapter = sample::adapter(crate::prelude::FixedChannels, Recipe::Fixed);
    let plan = Plan::of(&spec, Seed(1), &data).unwrap();
    let described = |step: &super::Step| match &step.work {
        Work::Fit(Fit { training: Some(_), .. }) => Some(step.work.describe()),
        _ => None,
    };
    let found: Vec<String> = plan.steps.iter().filter_map(described).collect();
    let wanted = ["15 epochs on small (A)", "15 epochs on small (B)", "15 more epochs on small (B)"];
    assert_eq!(found, wanted.map(|wanted| format!("train {wanted}")));
}

/// Seeds 2 and 3 are trained as single models by one experiment and taken as one by another.
#[test]
fn models_taken_as_one_are_those_of_single_runs() {
    let root = tempfile::tempdir().unwrap();
    let data = folder(root.path());
    let (single, mut both) = (spec(&[], &[]), spec(&[], &[]));
    both.embedding.members = 2;
    let plan = Plan::of(&both, Seed(1), &data).unwrap();
    let singles = [2, 3].map(|seed| Plan::of(&single, Seed(seed), &data).unwrap());
    let own: Vec<_> =
        plan.steps.iter().filter(|step| singles.iter().all(|one| one.step(&step.id).is_none())).collect();
    let scored: Vec<_> = own
        .iter()
        .map(|step| match step.work {
            Work::Score { features, .. } => (features, step.parents.len(), step.seed),
            _ => panic!("`{}` is computed twice", step.work.describe()),
        })
        .collect();
    let seed = Some(Seed(1));
    assert_eq!(scored, [(Features::Model, 2, seed), (Features::Untrained, 2, seed)]);
}

#[test]
fn what_is_made_of_a_model_leaves_its_training_alone() {
    let root = tempfile::tempdir().unwrap();
    let data = folder(root.path());
    let new = |say: &dyn Fn(&mut Spec)| {
        let (plain, mut other) = (spec(&[], &[]), spec(&[], &[]));
        say(&mut other);
        let [plain, other] = [plain, other].map(|spec| Plan::of(&spec, Seed(1), &data).unwrap());
        assert_ne!(plain.run, other.run);
        let new = other.steps.iter().filter(|step| plain.step(&step.id).is_none());
        new.map(|step| step.work.kind()).collect::<Vec<_>>()
    };
    assert_eq!(new(&|spec| spec.embedding.symmetries = true), ["embed", "score", "embed", "score"]);
    let beside = Beside { features: Measured::HandMade, weight: 0.3 };
    assert_eq!(new(&|spec| spec.embedding.beside = vec![beside]), ["score", "score"]);
    let by = Moments::Image { floor: 0.1 };
    let all = ["fit", "fit", "embed", "score", "embed", "score"];
    assert_eq!(new(&|spec| spec.train.normalise = vec![Normalise { sets: vec![], by }]), all);
    assert_eq!(new(&|spec| spec.train.window = true), all);
}

#[test]
fn a_normalisation_is_about_sets_that_are_there_and_each_models_own() {
    let root = tempfile::tempdir().unwrap();
    let data = folder(root.path());
    let by = Moments::Image { floor: 0.1 };
    let rule = |set: &str| vec![Normalise { sets: vec![set.into()], by }];
    let mut spec = spec(&[], &[]);
    spec.train.normalise = rule("C");
    let message = Plan::of(&spec, Seed(1), &data).unwrap_err().to_string();
    assert!(message.contains("said for `C`"), "{message}");
    spec.train.normalise = rule("A");
    spec.model.adapter = sample::adapter(crate::prelude::FixedChannels, Recipe::Fixed);
    let plan = Plan::of(&spec, Seed(1), &data).unwrap();
    let rules = plan.steps.iter().filter_map(|step| match &step.work {
        Work::Fit(Fit { training: Some(_), data, normalise, .. }) => {
            Some((data.sets[0].as_str(), normalise.len()))
        }
        _ => None,
    });
    assert_eq!(rules.collect::<Vec<_>>(), [("A", 1), ("B", 0)]);
}

#[test]
fn what_the_data_contradict_is_refused_at_once() {
    let root = tempfile::tempdir().unwrap();
    let data = folder(root.path());
    let message = |spec: &Spec| Plan::of(spec, Seed(1), &data).unwrap_err().to_string();
    let unseen = message(&spec(&["A"], &["A", "B"]));
    assert!(unseen.contains("cannot read `B` of `small`"), "{unseen}");
    let unknown = message(&spec(&["A", "C"], &["D"]));
    assert!(unknown.contains("`C`") && unknown.contains("`D`"), "{unknown}");
}

#[test]
fn folders_with_other_contents_share_no_run_and_no_work() {
    let [a, b] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let plan = |root: &Path| Plan::of(&spec(&[], &[]), Seed(1), &folder(root)).unwrap();
    let (one, same) = (plan(a.path()), plan(b.path()));
    assert_eq!(one.run, same.run, "the place of a folder is not part of it");
    let open = || {
        let opened = DataSet::open("small", b.path(), &Contents::not_kept(), &mut Silence).unwrap();
        Plan::of(&spec(&[], &[]), Seed(1), &[("small".to_owned(), opened)].into()).unwrap()
    };
    let image = b.path().join("B/crops/3.png");
    let mut bytes = fs::read(&image).unwrap();
    *bytes.last_mut().unwrap() ^= 1; // of the same length
    fs::write(&image, bytes).unwrap();
    let other = open();
    assert_ne!(other.run, one.run);
    assert!(other.steps.iter().all(|step| one.step(&step.id).is_none()));

    let unread = DataSet::open_without_fingerprint("small", b.path()).unwrap();
    let refused = Plan::of(&spec(&[], &[]), Seed(1), &[("small".to_owned(), unread)].into());
    assert!(refused.unwrap_err().to_string().contains("opened without its fingerprint"));
}

#[test]
fn a_set_without_a_named_plane_is_refused_before_anything_is_computed() {
    let root = tempfile::tempdir().unwrap();
    let data = folder(root.path());
    let planes = |names: &[&str], asked: &[&str]| {
        let mut spec = spec(&["B"], asked);
        spec.model.adapter =
            crate::spec::Planes { channels: names.iter().map(ToString::to_string).collect() }.into();
        Plan::of(&spec, Seed(1), &data)
    };
    let refused = planes(&["er", "dna"], &["A", "B"]).unwrap_err();
    let refused_set = "`A` of `small` lacks the channel `er`; it has nucleus";
    assert_eq!(refused.to_string(), format!("this experiment cannot run on these data: {refused_set}"));
    assert!(refused.hint().unwrap().contains("data info"));
    let plan = planes(&["dna"], &["A", "B"]).unwrap();
    assert_eq!(plan.steps.iter().filter(|step| step.work.kind() == "embed").count(), 2, "it reads a new set");
    assert!(planes(&["er", "dna"], &["B"]).is_ok());
}

#[test]
fn a_set_with_more_channels_than_a_table_is_refused_before_anything_is_computed() {
    let root = tempfile::tempdir().unwrap();
    let data = folder(root.path());
    let up_to = |channels: usize, asked: &[&str]| {
        let mut spec = spec(&["A"], asked);
        let (from_rgb, sampled) = (crate::spec::FromRgb::Sum, crate::spec::SampledChannels::All);
        spec.model.adapter = crate::spec::settings::ChannelVit { channels, from_rgb, sampled }.into();
        Plan::of(&spec, Seed(1), &data)
    };
    let refused = up_to(1, &["A", "B"]).unwrap_err();
    let said = "`ChannelVit` was made for at most 1 channels, and `B` of `small` has 2";
    assert_eq!(refused.to_string(), format!("this experiment cannot run on these data: {said}"));
    assert!(refused.hint().unwrap().contains("ChannelVit::up_to(2)"));
    assert!(up_to(1, &["A"]).is_ok() && up_to(2, &["A", "B"]).is_ok());
}
