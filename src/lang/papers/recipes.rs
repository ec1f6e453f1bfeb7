//! Which recipe a spec follows: published numbers can only have come from a published recipe.

use crate::spec::{
    Spec,
    recipe::{Recipe, Switch, switches},
};
use serde_json::Value;

/// The recipes whose switches all match a spec: `released`, `fixed`, or both if they do not differ for it.
pub fn of(spec: &Spec) -> String {
    let names = Recipe::ALL
        .into_iter()
        .filter(|recipe| !departures(spec, *recipe).into_iter().any(Switch::differs))
        .map(Recipe::name);
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "its own".into() } else { names.join(" = ") }
}

/// Why a spec follows neither of the two published recipes, if it does not.
pub fn against(spec: &Spec) -> Option<String> {
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

/// The switches of a spec that a recipe sets differently.
fn departures(spec: &Spec, recipe: Recipe) -> Vec<&'static Switch> {
    // The supervised term's kind is a switch only in a mix; alone it is declared in the file.
    let mixed = spec.train.stages.iter().any(|stage| stage.objective.len() > 1);
    // Rates differ by model; warps and strategies define a row.
    let about = ["train.optimiser.lr", "train.strategy.kind", "model.adapter.fixed_channels.rates"];
    // Without training, training settings are not read.
    let trained = !spec.train.is_frozen();
    let applies = |path: &str| {
        (mixed || path != "train.objective.supervised.kind")
            && (trained || path.starts_with("model.adapter."))
            && !about.contains(&path)
    };
    // Switches are paths in the spec's JSON.
    let json = serde_json::to_value(spec).expect("specs are plain data");
    switches()
        .filter(|switch| applies(switch.path))
        .filter(|switch| {
            let wanted: Value = serde_json::from_str(switch.text(recipe)).unwrap_or_default();
            switch.find(&json).into_iter().any(|found| !equal(found, &wanted))
        })
        .collect()
}

/// Equal as numbers if both are numbers: 1 equals 1.0.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        _ => a == b || a.as_f64().is_some_and(|a| Some(a) == b.as_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_spec_follows_the_recipe_that_filled_it() {
        assert!(of(&sample::spec(sample::plain(), Recipe::Fixed)).contains("fixed"));
        let mut spec = sample::spec(sample::plain(), Recipe::Released);
        assert!(of(&spec).contains("released") && against(&spec).is_none());
        spec.train.stages[0].batch += 1;
        let why = against(&spec).unwrap();
        assert!(why.ends_with("it departs from released in `train.batch`"), "{why}");
    }
}
