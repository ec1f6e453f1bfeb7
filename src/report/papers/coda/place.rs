//! What CODA's tables and figures share: data in which numbers may be compared, seeds that count once, colours of methods.

use crate::report::{
    canvas::{BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILLION},
    drawing::Rgb,
    measured::Measured,
};
use std::collections::{BTreeMap, BTreeSet};

/// The title of a table while the store has nothing for it.
pub(super) const NOTHING: &str = "Nothing measured yet";

/// Data that numbers may be compared in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// `simulated` or `real`.
    pub(super) kind: String,
    /// Of simulated data: the number of the world, and its control.
    pub(super) world: String,
    /// `quick` or `paper`.
    pub(super) scale: String,
}

impl Place {
    fn of(one: &Measured) -> Self {
        let world = &one.world;
        Self { kind: world.kind.clone(), world: world.world.clone(), scale: world.scale.clone() }
    }

    /// As a heading.
    pub(super) fn words(&self) -> String {
        match (self.kind.as_str(), self.world.as_str()) {
            ("simulated", "") => format!("*simulated* microscopes, scale {}", self.scale),
            ("simulated", world) => format!("*simulated* microscopes (world {world}), scale {}", self.scale),
            (kind, _) => format!("{kind} images, scale {}", self.scale),
        }
    }

    /// As the heading of what follows a recipe.
    pub(super) fn with(&self, recipe: &str) -> String {
        let recipe = if recipe == OWN { String::new() } else { format!(", recipe {recipe}") };
        self.words() + &recipe
    }

    /// Above panels of a figure, with the recipe of what is in them: `simulated microscopes (world 1), scale quick, recipe fixed;
    /// not comparable with published figures`.
    pub(super) fn above(&self, recipe: &str) -> String {
        let apart = if self.is_comparable() { "" } else { "; not comparable with published figures" };
        self.with(recipe).replace('*', "") + apart
    }

    /// For a CSV file.
    pub(super) fn facts(place: Option<&Self>) -> Vec<(&'static str, String)> {
        let [kind, world, scale] = match place {
            Some(Self { kind, world, scale }) => [kind, world, scale].map(String::clone),
            None => Default::default(),
        };
        vec![("kind", kind), ("world", world), ("scale", scale)]
    }

    /// Whether published numbers may stand beside them.
    pub(super) fn is_comparable(&self) -> bool {
        self.kind == "real" && self.scale == "paper"
    }
}

/// Scores by the data that they are about.
pub(super) fn places(measured: &[Measured]) -> BTreeMap<Place, Vec<&Measured>> {
    let mut places: BTreeMap<Place, Vec<&Measured>> = BTreeMap::new();
    for one in measured {
        places.entry(Place::of(one)).or_default().push(one);
    }
    places
}

/// The title, with a remark if all numbers are simulated.
pub(super) fn title(text: &str, places: &[&Place]) -> String {
    let simulated = !places.is_empty() && places.iter().all(|place| place.kind == "simulated");
    format!("{text}{}", if simulated { ", on *simulated* data" } else { "" })
}

/// The recipes that are drawn apart: those that a system follows alone; if there are none, all of them as one.
pub(super) fn recipes<'r>(followed: impl Iterator<Item = &'r str>) -> Vec<&'r str> {
    let all: BTreeSet<&str> = followed.collect();
    let alone: Vec<&str> = all.iter().copied().filter(|recipe| !recipe.contains(ALSO)).collect();
    if alone.is_empty() { all.into_iter().take(1).collect() } else { alone }
}

/// Whether a system that follows these recipes is drawn with one of `all` that are drawn. A system with which none of them agrees
/// is drawn with what follows no recipe.
pub(super) fn drawn_with(own: &str, one: &str, all: &[&str]) -> bool {
    let agrees = |drawn: &str| own.split(ALSO).any(|own| drawn.split(ALSO).any(|drawn| own == drawn));
    agrees(one) || (one == OWN && !all.iter().any(|drawn| agrees(drawn)))
}

/// The recipe of a spec that follows none, such as the small version of one.
const OWN: &str = "its own";
/// What stands between the recipes of a system that several agree on.
const ALSO: &str = " = ";

/// Values by seed. Experiments that ask the same system about more have runs of their own, with the same score: it counts once.
pub(super) fn once(values: impl Iterator<Item = (i64, f64)>) -> Vec<(i64, f64)> {
    let mut all: Vec<(i64, f64)> = values.collect();
    all.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    all.dedup();
    all
}

/// A method's colour, the same in every figure: an adapted model is darker than the same model as it is.
pub(super) fn colour(method: &str) -> Rgb {
    match method {
        "Supervised" => GREY,
        "Dual-model-DINO" => SKY,
        "ODA" => BLUE,
        "Dual-model-CB" => ORANGE,
        "CODA" => VERMILLION,
        "TTT" => PURPLE,
        "Dual-model-MAE" | "ODA-MAE" => GREEN,
        _ => INK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_of_every_recipe_are_drawn_with_each() {
        let all = ["released = fixed", "fixed", "released"];
        assert_eq!(recipes(all.into_iter()), ["fixed", "released"]);
        let apart = ["fixed", "released"];
        let with = |own: &str| apart.map(|one| drawn_with(own, one, &apart));
        assert_eq!([with(all[0]), with("fixed"), with(OWN)], [[true, true], [true, false], [false, false]]);
        assert_eq!(recipes(all.into_iter().take(1)), ["released = fixed"]);
        assert!(drawn_with("released = fixed", "released = fixed", &["released = fixed"]));
        assert!(drawn_with("fixed", OWN, &[OWN]) && !drawn_with("fixed", OWN, &[OWN, "fixed"]));
        assert!(recipes(std::iter::empty()).is_empty());
    }

    #[test]
    fn a_score_of_two_runs_counts_once_and_two_scores_of_one_seed_twice() {
        let values = [(1, 0.25), (0, 0.5), (1, 0.25), (1, 0.75)];
        assert_eq!(once(values.into_iter()), [(0, 0.5), (1, 0.25), (1, 0.75)]);
    }
}
