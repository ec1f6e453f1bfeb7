//! Which printed row a spec stands in, and whether the printed number may stand beside a measured one.

use super::measured::World;
use crate::spec::recipe::{Recipe, SWITCHES};
use serde_json::Value;

/// A row of the paper's table, in the words of `reports/paper/chammi_table4.csv`.
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
            other => other.into(),
        };
        self.condition.split('+').map(word).collect::<Vec<_>>().join(" + ")
    }
}

/// The adapters of the table.
const MODELS: [&str; 6] =
    ["FixedChannels", "Depthwise", "TargetParam", "SliceParam", "TemplateMixing", "HyperNet"];

/// The row that a resolved spec, whatever its scale and recipe, stands in: the adapter is the model; the loss and the
/// warp are the condition. `None` if the paper's table has no such row.
pub fn print_of(spec: &Value) -> Option<Print> {
    let data = &spec["train"]["data"];
    let sets = data["sets"].as_array().map_or(0, Vec::len);
    if data["name"] != "chammi" || !(sets == 0 || sets == 3) {
        return None;
    }
    let kind = spec["model"]["adapter"]["kind"].as_str()?.replace('_', "");
    let model = MODELS.iter().find(|model| model.eq_ignore_ascii_case(&kind))?;
    let terms = spec["train"]["objective"].as_array()?;
    let weight = |is_ssl: bool| -> f64 {
        let of_kind = terms.iter().filter(|term| (term["loss"]["kind"] == "sim_clr") == is_ssl);
        of_kind.filter_map(|term| term["weight"].as_f64()).sum()
    };
    let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
    let warped = spec["train"]["augment"].as_array()?.iter().any(|change| change["kind"] == "tps");
    let condition = match (weight(true), weight(false), warped) {
        (ssl, rest, false) if near(ssl, 0.0) && near(rest, 1.0) => "baseline",
        (ssl, rest, true) if near(ssl, 0.0) && near(rest, 1.0) => "tps",
        (ssl, rest, false) if near(ssl, 1.0) && near(rest, 0.0) => "ssl",
        (ssl, rest, true) if near(ssl, 1.0) && near(rest, 0.0) => "tps+ssl",
        (ssl, rest, true) if near(ssl, 0.2) && near(rest, 0.8) => "tps+0.2ssl",
        _ => return None,
    };
    Some(Print { model: (*model).into(), condition: condition.into() })
}

/// Why print must not stand beside a number of this spec and world; `None` if it may.
pub(super) fn reason_against(spec: &Value, world: &World) -> Option<String> {
    world.reason_against().or_else(|| recipe_against(spec))
}

impl World {
    /// Why print must not stand beside any number of this world.
    pub(super) fn reason_against(&self) -> Option<String> {
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
    for (path, paper) in [("/model/backbone/size", "tiny"), ("/model/weights/kind", "imagenet22k")] {
        let found = spec.pointer(path).and_then(Value::as_str).unwrap_or("something else");
        if found != paper {
            return Some(format!("the paper trains from `{paper}`, not from `{found}`"));
        }
    }
    let released = departures(spec, Recipe::Released);
    let paper = departures(spec, Recipe::Paper);
    let (recipe, least) =
        if paper.len() < released.len() { (Recipe::Paper, paper) } else { (Recipe::Released, released) };
    let first = least.first()?;
    Some(format!(
        "neither the released recipe nor the paper's: it departs from {} in `{first}`{}",
        recipe.name(),
        if least.len() > 1 { format!(" and {} more", least.len() - 1) } else { String::new() }
    ))
}

/// The switches of a spec that a recipe sets to something else.
fn departures(spec: &Value, recipe: Recipe) -> Vec<&'static str> {
    // The supervised term's kind is a switch only of the mix; alone it is what the file says.
    let mixed = spec["train"]["objective"].as_array().is_some_and(|terms| terms.len() > 1);
    let applies = |path: &str| mixed || path != "train.objective.supervised.kind";
    SWITCHES
        .iter()
        .filter(|switch| applies(switch.path))
        .filter(|switch| {
            let wanted: Value = serde_json::from_str(switch.text(recipe)).unwrap_or_default();
            switch.find(spec).is_some_and(|found| !equal(found, &wanted))
        })
        .map(|switch| switch.path)
        .collect()
}

/// Equal as numbers where both are: 1 is 1.0.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        _ => a == b || a.as_f64().is_some_and(|a| Some(a) == b.as_f64()),
    }
}
