//! Which printed row a spec stands in, and whether the printed number may stand beside a measured one.

use super::super::measured::World;
use super::PaperTable;
use crate::spec::recipe::{Recipe, Switch, switches};
use serde_json::Value;

/// A row of one of the paper's tables, in the words of `reports/paper/chammi_table*.csv`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Print {
    /// `HyperNet`.
    pub model: String,
    /// `tps+0.2ssl`.
    pub condition: String,
}

impl Print {
    /// The condition as a reader says it: `TPS + 0.2 SSL`.
    pub fn words(&self) -> String {
        let word = |part: &str| match part {
            "tps" => "TPS".to_string(),
            "ssl" => "SSL".into(),
            "0.2ssl" => "0.2 SSL".into(),
            "fine_tuned" => "fine-tuned".into(),
            "fine_tuned_consistent" => "fine-tuned, as in Tables 3 and 4".into(),
            "off_the_shelf" => "off the shelf".into(),
            other => other.into(),
        };
        self.condition.split('+').map(word).collect::<Vec<_>>().join(" + ")
    }
}

/// The models of the tables, and the learning rate of their released checkpoints.
const MODELS: [(&str, f64); 7] = [
    ("ChannelReplication", 0.0),
    ("FixedChannels", 1e-4),
    ("Depthwise", 4e-4),
    ("TargetParam", 2e-4),
    ("SliceParam", 1e-4),
    ("TemplateMixing", 1e-4),
    ("HyperNet", 4e-4),
];

/// What a resolved spec, whatever its scale and recipe, is to the paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct System {
    pub(super) model: &'static str,
    pub(super) start: Start,
    pub(super) strategy: Strategy,
    pub(super) loss: Loss,
    pub(super) warped: bool,
}

/// Where a model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    OffTheShelf,
    Scratch,
    Pretrained,
}

/// How it is trained for unseen domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    Erm,
    /// The paper's SWAD is averaging from a fixed epoch on.
    Swad,
    Miro,
}

/// The share of self-supervision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    Supervised,
    Fifth,
    SelfSupervised,
}

/// CHAMMI's sets, and what the paper calls them.
pub(super) const SETS: [(&str, &str); 3] = [("Allen", "WTC"), ("HPA", "HPA"), ("CP", "CP")];

impl System {
    /// `None` if the paper has nothing like it on all three sets.
    pub(super) fn of(spec: &Value) -> Option<Self> {
        let sets = spec["train"]["data"]["sets"].as_array().map_or(0, Vec::len);
        if sets == 0 || sets == 3 { Self::on_any_sets(spec) } else { None }
    }

    /// A system that was trained on two of the sets, and the place in [`SETS`] of the third.
    pub(super) fn without_one(spec: &Value) -> Option<(usize, Self)> {
        let sets = spec["train"]["data"]["sets"].as_array().filter(|sets| sets.len() == 2)?;
        let held_out = SETS.iter().position(|(set, _)| sets.iter().all(|trained| trained != set))?;
        Some((held_out, Self::on_any_sets(spec)?))
    }

    fn on_any_sets(spec: &Value) -> Option<Self> {
        if spec["train"]["data"]["name"] != "chammi" {
            return None;
        }
        // All printed rows are ConvNeXts.
        if spec["model"]["backbone"]["kind"] != "conv_next" {
            return None;
        }
        let kind = spec["model"]["adapter"]["kind"].as_str()?.replace('_', "");
        let (model, _) = MODELS.iter().find(|(model, _)| model.eq_ignore_ascii_case(&kind))?;
        let terms = spec["train"]["objective"].as_array()?;
        let weight = |is_ssl: bool| -> f64 {
            let of_kind = terms.iter().filter(|term| (term["loss"]["kind"] == "sim_clr") == is_ssl);
            of_kind.filter_map(|term| term["weight"].as_f64()).sum()
        };
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        let loss = match (weight(true), weight(false)) {
            _ if terms.is_empty() => Loss::Supervised,
            (ssl, rest) if near(ssl, 0.0) && near(rest, 1.0) => Loss::Supervised,
            (ssl, rest) if near(ssl, 0.2) && near(rest, 0.8) => Loss::Fifth,
            (ssl, rest) if near(ssl, 1.0) && near(rest, 0.0) => Loss::SelfSupervised,
            _ => return None,
        };
        let start = match spec["model"]["weights"]["kind"].as_str()? {
            "scratch" if terms.is_empty() => return None,
            _ if terms.is_empty() => Start::OffTheShelf,
            "scratch" => Start::Scratch,
            _ => Start::Pretrained,
        };
        let strategy = match spec["train"]["strategy"]["kind"].as_str()? {
            "erm" => Strategy::Erm,
            "dense_swa" => Strategy::Swad,
            "miro" => Strategy::Miro,
            _ => return None,
        };
        let warped = spec["train"]["augment"].as_array()?.iter().any(|change| change["kind"] == "tps");
        Some(Self { model, start, strategy, loss, warped })
    }

    /// The model's place in the tables.
    pub(super) fn place(&self) -> usize {
        MODELS.iter().position(|(model, _)| *model == self.model).unwrap_or(MODELS.len())
    }

    /// The model at a place.
    pub(super) fn model_at(place: usize) -> &'static str {
        MODELS.get(place).map_or("", |(model, _)| model)
    }

    /// Trained on the labels alone, without warps.
    pub(super) fn is_plain(&self) -> bool {
        self.loss == Loss::Supervised && !self.warped
    }
}

/// The row of a table that a resolved spec stands in; `None` if it has no such row.
pub(crate) fn print_of(spec: &Value, table: &PaperTable) -> Option<Print> {
    let system = System::of(spec)?;
    let condition = (table.condition)(&system)?;
    Some(Print { model: system.model.into(), condition: condition.into() })
}

/// The recipes whose own switches a spec has, all of them: `released`, `fixed`, or both where nothing tells them apart.
pub(super) fn recipes_of(spec: &Value) -> String {
    let names = Recipe::ALL
        .into_iter()
        .filter(|recipe| !departures(spec, *recipe).into_iter().any(Switch::differs))
        .map(Recipe::name);
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "its own".into() } else { names.join(" = ") }
}

/// Why print must not stand beside a number of this spec and world; `None` if it may.
pub(crate) fn reason_against(spec: &Value, world: &World) -> Option<String> {
    world.reason_against().or_else(|| recipe_against(spec))
}

impl World {
    /// Why print must not stand beside any number of this world.
    pub(crate) fn reason_against(&self) -> Option<String> {
        if self.kind != "real" {
            return Some("the data are simulated".into());
        }
        if self.scale != "paper" {
            return Some(format!("the scale is {}", self.scale));
        }
        let other = self.protocol != "one_nn_cosine";
        other.then(|| format!("the paper scores by one_nn_cosine, not by {}", self.protocol))
    }
}

/// Why print cannot have come from this spec: another network, other weights, or neither of the two published recipes.
pub(super) fn recipe_against(spec: &Value) -> Option<String> {
    let system = System::of(spec);
    let weights = match system.map(|system| system.start) {
        Some(Start::Scratch) => "scratch",
        _ => "imagenet22k",
    };
    let paper = [
        ("/model/backbone/kind", "conv_next"),
        ("/model/backbone/size", "tiny"),
        ("/model/weights/kind", weights),
    ];
    for (path, paper) in paper {
        let found = spec.pointer(path).and_then(Value::as_str).unwrap_or("something else");
        if found != paper {
            return Some(format!("the paper trains from `{paper}`, not from `{found}`"));
        }
    }
    let rate = MODELS.iter().find(|(model, _)| Some(*model) == system.map(|system| system.model));
    if let (Some((model, rate)), Some(found)) = (rate, spec["train"]["optimiser"]["lr"].as_f64())
        && system.is_some_and(|system| system.start != Start::OffTheShelf)
        && found != *rate
    {
        return Some(format!("the released {model} learns at {rate:e}, not at {found:e}"));
    }
    let released = departures(spec, Recipe::Released);
    let paper = departures(spec, Recipe::Paper);
    let (recipe, least) =
        if paper.len() < released.len() { (Recipe::Paper, paper) } else { (Recipe::Released, released) };
    let first = least.first()?;
    Some(format!(
        "neither the released recipe nor the paper's: it departs from {} in `{}`{}",
        recipe.name(),
        first.path,
        if least.len() > 1 { format!(" and {} more", least.len() - 1) } else { String::new() }
    ))
}

/// The switches of a spec that a recipe sets to something else.
fn departures(spec: &Value, recipe: Recipe) -> Vec<&'static Switch> {
    // The supervised term's kind is a switch only of the mix; alone it is what the file says.
    let mixed = spec["train"]["objective"].as_array().is_some_and(|terms| terms.len() > 1);
    // Rates differ by model, warps and strategies are what a row is about.
    let about = ["train.optimiser.lr", "train.strategy.kind", "model.adapter.fixed_channels.rates"];
    // Nothing of how it is trained is read where nothing is trained.
    let trained = spec["train"]["objective"].as_array().is_some_and(|terms| !terms.is_empty());
    let applies = |path: &str| {
        (mixed || path != "train.objective.supervised.kind")
            && (trained || path.starts_with("model.adapter."))
            && !about.contains(&path)
    };
    switches()
        .filter(|switch| applies(switch.path))
        .filter(|switch| {
            let wanted: Value = serde_json::from_str(switch.text(recipe)).unwrap_or_default();
            switch.find(spec).is_some_and(|found| !equal(found, &wanted))
        })
        .collect()
}

/// Equal as numbers where both are: 1 is 1.0.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        _ => a == b || a.as_f64().is_some_and(|a| Some(a) == b.as_f64()),
    }
}
