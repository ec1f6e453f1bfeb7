//! Recipes: what the authors released, what the paper says, what we repaired.
//!
//! A recipe fills in the switches that an experiment file does not state. A word's switches are in the word's file, those
//! of training itself are here; resolving a file reads [`switches`], and `show` prints them. A recipe's name is never part
//! of an identity, its values are.

use super::{Adapter, Augment, Backbone, Loss, Protocol, Strategy, TestTime, Train};
use crate::{
    loss,
    word::{Axis, Entry},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Where the values come from that an experiment file does not state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    /// What the authors' code does, bugs that change numbers included.
    Released,
    /// What the paper and its appendix say; [`Recipe::Fixed`] where the paper does not say.
    Paper,
    /// Everything is trained, pairs are right, ProxyNCA++ is in the mix. The default.
    #[default]
    Fixed,
}

impl Recipe {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Released, Self::Paper, Self::Fixed];

    /// The name on the command line and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Paper => "paper",
            Self::Fixed => "fixed",
        }
    }
}

/// One field of a resolved spec, and what each recipe sets it to where the file is silent.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Its place in the spec's JSON; what has a kind is named by it: `train.augment.flip.p`,
    /// `model.adapter.hyper_net.embeddings`. Stages are left out: each has its own `train.epochs`.
    pub path: &'static str,
    /// Value under [`Recipe::Released`], as JSON.
    pub released: &'static str,
    /// Value under [`Recipe::Paper`], as JSON.
    pub paper: &'static str,
    /// Value under [`Recipe::Fixed`], as JSON.
    pub fixed: &'static str,
    /// Where the values were read.
    pub source: &'static str,
    /// What was never published and is therefore our guess.
    pub guessed: Option<&'static str>,
}

impl Switch {
    /// Its value under a recipe, as JSON.
    pub fn text(&self, recipe: Recipe) -> &'static str {
        match recipe {
            Recipe::Released => self.released,
            Recipe::Paper => self.paper,
            Recipe::Fixed => self.fixed,
        }
    }

    /// Whether recipes set it to different values.
    pub fn differs(&self) -> bool {
        Recipe::ALL.iter().any(|recipe| self.text(*recipe) != self.fixed)
    }

    /// Its value under a recipe.
    pub(crate) fn value<T: DeserializeOwned>(&self, recipe: Recipe) -> T {
        serde_json::from_str(self.text(recipe)).expect("a test reads every row of the table")
    }

    /// Its values in a resolved spec's JSON: none if that spec has no such field, and one for each stage that has it.
    pub fn find<'a>(&self, spec: &'a Value) -> Vec<&'a Value> {
        if !Train::is_of_a_stage(self.path) {
            return below(spec, self.path.split('.')).into_iter().collect();
        }
        let stages = spec["train"]["stages"].as_array().map_or(&[][..], Vec::as_slice);
        let others = ["classifier", "adapt"].iter().filter_map(|of| spec.get(of)?.get("stage"));
        stages.iter().chain(others).filter_map(|stage| below(stage, self.path.split('.').skip(1))).collect()
    }
}

/// What losses say of the steps of their stages, in place of the general switches: each with its value in a resolved spec's
/// JSON.
pub fn of_losses<'a>(spec: &'a Value) -> Vec<(&'static Switch, &'a Value)> {
    let stages = spec["train"]["stages"].as_array().map_or(&[][..], Vec::as_slice);
    let of_stage = |stage: &'a Value| {
        let kinds = Value::as_array(&stage["objective"]).into_iter().flatten();
        let switches = kinds.filter_map(|term| term["loss"]["kind"].as_str()).flat_map(loss::of_stage);
        switches.filter_map(move |switch| Some((switch, below(stage, switch.path.split('.').skip(1))?)))
    };
    stages.iter().flat_map(of_stage).collect()
}

/// What is at a path; of lists, the item of that kind.
fn below<'a, 'p>(value: &'a Value, mut path: impl Iterator<Item = &'p str>) -> Option<&'a Value> {
    path.try_fold(value, |value, key| match value {
        Value::Array(items) => {
            items.iter().find(|item| is_kind(item, key)).map(|item| item.get("loss").unwrap_or(item))
        }
        _ if value["kind"] == key => Some(value),
        _ => value.get(key),
    })
}

/// Whether an item of a list is the word meant; `supervised` means whichever term reads labels.
fn is_kind(item: &Value, key: &str) -> bool {
    match item.get("loss") {
        Some(loss) if key == SUPERVISED => Loss::deserialize(loss).is_ok_and(|loss| loss.needs().labels),
        Some(loss) => loss["kind"] == key,
        None => item["kind"] == key,
    }
}

/// The step of a path that means the term of a mix that reads labels.
const SUPERVISED: &str = "supervised";

/// Every place of a sentence that words fill, in the order in which it is said.
pub const AXES: [Axis; 7] = [
    Axis { name: "backbone", words: Backbone::WORDS },
    Axis { name: "adapter", words: Adapter::WORDS },
    Axis { name: "loss", words: Loss::WORDS },
    Axis { name: "strategy", words: Strategy::WORDS },
    Axis { name: "augment", words: Augment::WORDS },
    Axis { name: "test_time", words: TestTime::WORDS },
    Axis { name: "protocol", words: Protocol::WORDS },
];

/// Every switch: those of training, and those of words.
pub fn switches() -> impl Iterator<Item = &'static Switch> {
    let of_words = |words: &'static [Entry]| words.iter().flat_map(|entry| entry.switches);
    of_words(Backbone::WORDS)
        .chain(of_words(Adapter::WORDS))
        .chain(OF_DATA)
        .chain(of_words(Loss::WORDS))
        .chain(of_words(Strategy::WORDS))
        .chain(of_words(Augment::WORDS))
        .chain(OF_STEPS)
        .chain(OF_ADAPTATION)
        .chain(of_words(TestTime::WORDS))
        .chain(of_words(Protocol::WORDS))
}

/// Writes a row of the table: path; a value of all recipes, or (released, paper, fixed); source; what is guessed. "Code"
/// is the authors' repository with its checkpoint configurations.
macro_rules! switch {
    ($path:expr, ($released:tt, $paper:tt, $fixed:tt), $source:literal $(, $why:literal)?) => {
        $crate::spec::recipe::Switch {
            path: $path,
            released: $crate::spec::recipe::switch!(@json $released),
            paper: $crate::spec::recipe::switch!(@json $paper),
            fixed: $crate::spec::recipe::switch!(@json $fixed),
            source: $source,
            guessed: $crate::spec::recipe::switch!(@guessed $($why)?),
        }
    };
    ($path:expr, $same:tt, $source:literal $(, $why:literal)?) => {
        $crate::spec::recipe::switch!($path, ($same, $same, $same), $source $(, $why)?)
    };
    (@json null) => { "null" };
    (@json $value:literal) => { stringify!($value) };
    (@json $name:ident) => { concat!("\"", stringify!($name), "\"") };
    (@json $value:tt) => { stringify!($value) };
    (@guessed) => { None };
    (@guessed $why:literal) => { Some($why) };
}
pub(crate) use switch;

/// What is read.
const OF_DATA: &[Switch] = &[
    switch!("train.image", 224, "code and appendix"),
    switch!("train.hold_out", 0.0, "code: no validation split"),
    switch!("train.subset", null, "all images"),
];

/// How steps are taken.
const OF_STEPS: &[Switch] = &[
    switch!(
        "train.augment_stream",
        (repeated, fresh, fresh),
        "code: workers are seeded alike in every epoch"
    ),
    switch!("train.sampling", shuffled, "code: one shuffled pass"),
    switch!("train.strategy.kind", erm, "checkpoint configs: SWAD off"),
    switch!(
        "train.optimiser.lr",
        4e-4,
        "checkpoint config of HyperNet",
        "published for the plain run; taken over for the TPS and SSL rows"
    ),
    switch!(
        "train.optimiser.weight_decay",
        (5e-5, 5e-4, 5e-5),
        "checkpoint configs; appendix: 5e-4",
        "published for the plain run; taken over for the TPS and SSL rows"
    ),
    switch!("train.optimiser.betas", [0.9, 0.999], "code: AdamW's defaults"),
    switch!("train.optimiser.eps", 1e-8, "code: AdamW's defaults"),
    switch!("train.schedule.warmup", 3, "code: two epochs of ramp; the paper does not say"),
    switch!("train.schedule.warmup_lr", 1e-5, "code; the paper does not say"),
    switch!("train.schedule.lr_min", (1e-6, 1e-7, 1e-6), "code; appendix: 1e-7"),
    switch!(
        "train.epochs",
        15,
        "checkpoint configs and appendix",
        "published for the plain run; taken over for the TPS and SSL rows"
    ),
    switch!(
        "train.batch",
        128,
        "checkpoint configs and appendix",
        "published for the plain run; taken over for the TPS and SSL rows"
    ),
    switch!("train.precision", f32, "code: mixed precision off"),
];

/// What an adaptation takes over from the training before it.
const OF_ADAPTATION: &[Switch] = &[
    switch!(
        "adapt.student",
        (saved, saved, teacher),
        "CODA's code: both networks are loaded; Fixed: after a short training they are two networks, and the teacher \
         becomes the student within a few steps"
    ),
    switch!(
        "adapt.centre",
        (restarted, restarted, kept),
        "CODA's code: the centre is not loaded; Fixed: without it, pairs meet one prototype at first"
    ),
    switch!(
        "adapt.head",
        (trained, trained, frozen),
        "CODA's code: all of the network; Fixed: prototypes that follow the target leave the classifier behind"
    ),
    switch!(
        "adapt.rate",
        (1.0, 1.0, 0.1),
        "CODA's code: the rate of the first step; Fixed: a tenth, above which a short adaptation overshoots"
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dsl::{Scored, Towards},
        prelude::{self as say, *},
        sample::{self, hyper_net, on_chammi},
        spec::lines,
    };

    fn json<M, D, O: Towards, E: Scored>(run: Run<M, D, O, E>, recipe: Recipe) -> Value {
        let run = run.augment(say::Crop + say::Flip + say::Tps::default());
        serde_json::to_value(sample::spec(run, recipe)).unwrap()
    }

    /// An adapter under the mix, with a learned temperature, and plain.
    fn trained<A: StemAdapter>(adapter: A, recipe: Recipe) -> [Value; 3] {
        [
            json(on_chammi(adapter).loss(0.2 * SSL + 0.8 * PROXY), recipe),
            json(on_chammi(adapter).loss(PROXY.learned()), recipe),
            json(on_chammi(adapter).loss(PROXY), recipe),
        ]
    }

    /// Files that state nothing they need not.
    fn resolved(recipe: Recipe) -> Vec<Value> {
        let mut all = vec![
            json(sample::off_the_shelf(), recipe),
            json(hyper_net().loss(PROXY).strategy(say::DenseSwa { start_epoch: 5 }), recipe),
            json(hyper_net().loss(PROXY).strategy(say::Miro { lambda: 0.01 }), recipe),
        ];
        all.extend(trained(say::FixedChannels, recipe));
        all.extend(trained(say::Depthwise { kernels: 64 }, recipe));
        all.extend(trained(say::TargetParam, recipe));
        all.extend(trained(say::SliceParam, recipe));
        all.extend(trained(say::TemplateMixing { templates: 128 }, recipe));
        all.extend(trained(say::HyperNet { z: 128, hidden: 256 }, recipe));
        all
    }

    #[test]
    fn every_switch_resolves_as_the_table_says() {
        for recipe in Recipe::ALL {
            let specs = resolved(recipe);
            for switch in switches() {
                let want: Value = serde_json::from_str(switch.text(recipe)).unwrap();
                let found: Vec<&Value> = specs.iter().flat_map(|spec| switch.find(spec)).collect();
                // Of a word that is said in none of these files, `draft` tests the switches.
                assert!(
                    found.is_empty() || found.contains(&&want),
                    "{} under {}: {found:?}",
                    switch.path,
                    recipe.name()
                );
            }
        }
    }

    #[test]
    fn no_default_hides_outside_the_table() {
        let stated = ["schema", "model.backbone.kind", "model.backbone.size", "model.weights.kind"];
        let said = [
            "model.adapter.z",
            "model.adapter.hidden",
            "model.adapter.kernels",
            "model.adapter.templates",
            "train.strategy.start_epoch",
            "train.strategy.lambda",
            "train.data",
            "evaluate",
        ];
        for spec in resolved(Recipe::Fixed) {
            let mut leaves = vec![];
            list(&spec, String::new(), &mut leaves);
            for (leaf, value) in leaves {
                let named =
                    leaf.ends_with(".weight") || leaf.ends_with(".kind") || leaf.ends_with(".temperature");
                let same = |found: &Value| std::ptr::eq(found, value);
                let listed = switches().any(|switch| switch.find(&spec).into_iter().any(same));
                let known = stated.iter().chain(&said).any(|path| leaf.starts_with(path));
                assert!(
                    listed || known || named,
                    "`{leaf}` has a value that no file stated and no table lists"
                );
            }
        }
    }

    fn list<'a>(value: &'a Value, path: String, leaves: &mut Vec<(String, &'a Value)>) {
        let below = |key: &str| if path.is_empty() { key.into() } else { format!("{path}.{key}") };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| match value.as_array() {
                // Paths leave stages out.
                Some(stages) if key == lines::STAGES => {
                    stages.iter().for_each(|stage| list(stage, path.clone(), leaves));
                }
                _ => list(value, below(key), leaves),
            }),
            Value::Array(items) if items.iter().all(|item| item.is_object()) => {
                for item in items {
                    let item = item.get("loss").unwrap_or(item);
                    list(item, below(item["kind"].as_str().unwrap_or_default()), leaves);
                }
            }
            _ => leaves.push((path, value)),
        }
    }

    #[test]
    fn the_readme_lists_the_switches_in_which_recipes_differ() {
        let readme = include_str!("../../../README.md");
        for switch in switches() {
            assert_eq!(readme.contains(&format!("| `{}`", switch.path)), switch.differs(), "{}", switch.path);
        }
    }

    #[test]
    fn what_a_file_states_no_recipe_changes() {
        for recipe in Recipe::ALL {
            let spec = sample::spec(sample::plain().lr(1e-3).weight_decay(0.1).epochs(7), recipe);
            let stage = &spec.train.stages[0];
            assert_eq!((stage.optimiser.lr, stage.epochs), (1e-3, 7));
            assert_eq!(stage.optimiser.weight_decay, 0.1);
        }
    }

    #[test]
    fn a_word_is_called_in_json_as_in_its_file() {
        for recipe in Recipe::ALL {
            for spec in resolved(recipe) {
                let spec: crate::spec::Spec = serde_json::from_value(spec).unwrap();
                let adapter = serde_json::to_value(&spec.model.adapter).unwrap();
                assert_eq!(adapter["kind"], spec.model.adapter.kind());
                for term in spec.train.terms() {
                    assert_eq!(serde_json::to_value(&term.loss).unwrap()["kind"], term.loss.kind());
                }
            }
        }
    }
}
