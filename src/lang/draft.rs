//! What a sentence has said so far, as plain data with gaps; a recipe fills them.

use crate::{
    dsl::{Augmentation, Crop, Flip},
    loss,
    role::Role,
    spec::{
        SCHEMA, Selection, Spec, Train, Weights,
        recipe::{self, Recipe, Switch},
    },
    word::{Says, plain},
};
use toml::{Table, Value};

/// A spec with gaps. A place that several words can fill is a table that names its `kind`.
#[derive(Clone, Debug)]
pub(crate) struct Draft(Table);

impl Draft {
    /// A model, and nothing else said.
    pub(crate) fn new(backbone: Table, weights: &Weights, adapter: Table) -> Self {
        let model = [("backbone", backbone.into()), ("weights", plain(weights)), ("adapter", adapter.into())];
        let train = table([("stages", Value::Array(vec![stage().into()]))]);
        Self(table([
            ("schema", plain(&SCHEMA)),
            ("model", table(model).into()),
            ("train", train.into()),
            ("embedding", Table::new().into()),
            ("evaluate", Value::Array(vec![])),
        ]))
    }

    /// Begins another stage, of which nothing is said yet.
    pub(crate) fn then(&mut self) {
        let train = child(&mut self.0, "train");
        train["stages"].as_array_mut().expect("a draft has stages").push(stage().into());
    }

    /// Puts a classifier on top of the model, which starts as the model does. What is said next is about its training: the
    /// cross-entropy of its classes, and else as the model's last stage.
    pub(crate) fn classify(&mut self, backbone: Table) {
        let weights = self.0["model"]["weights"].clone();
        let mut stage = self.last_stage();
        stage.insert("strategy".into(), Table::new().into());
        let said = [("backbone", backbone.into()), ("weights", weights), ("stage", stage.into())];
        self.0.insert("classifier".into(), table(said).into());
        self.objective(vec![(1.0, Says::table(crate::dsl::CrossEntropy))]);
    }

    /// Adapts to these images, as the model's last stage was trained. What is said next is about this.
    pub(crate) fn adapt(&mut self, data: &Selection, (per, on_one): (Option<Role>, bool)) {
        let mut said = table([("data", plain(data)), ("stage", self.last_stage().into())]);
        said.extend(per.map(|role| ("per".into(), plain(&role))));
        said.extend(on_one.then(|| ("on_one".into(), true.into())));
        self.0.insert("adapt".into(), said.into());
    }

    /// What is said of the model's last stage but its images, as the start of what comes after.
    fn last_stage(&self) -> Table {
        let last = self.0["train"]["stages"].as_array().and_then(|stages| stages.last()?.as_table());
        let mut stage = last.expect("a draft has stages").clone();
        stage.remove("on");
        stage
    }

    /// Changes the losses of the stage that is spoken of.
    pub(crate) fn change_losses(&mut self, change: impl Fn(&mut Table)) {
        let stage = stages(&mut self.0).pop().expect("a draft has stages");
        for term in stage["objective"].as_array_mut().into_iter().flatten().filter_map(Value::as_table_mut) {
            change(child(term, "loss"));
        }
    }

    /// Says what is at `path`, of the last stage where stages differ; the last word counts.
    pub(crate) fn say(&mut self, path: &str, value: impl Into<Value>) {
        let (parent, name) = self.parent(path);
        parent.insert(name.into(), value.into());
    }

    /// Adds to the list at `path`.
    pub(crate) fn push(&mut self, path: &str, value: impl Into<Value>) {
        let (parent, name) = self.parent(path);
        match parent.entry(name).or_insert_with(|| Value::Array(vec![])) {
            Value::Array(items) => items.push(value.into()),
            other => unreachable!("`{path}` is a list, not {other:?}"),
        }
    }

    /// Says what is minimised.
    pub(crate) fn objective(&mut self, terms: Vec<(f64, Table)>) {
        let term = |(weight, loss): (f64, Table)| table([("weight", weight.into()), ("loss", loss.into())]);
        self.say("train.objective", terms.into_iter().map(term).collect::<Vec<_>>());
    }

    /// Adds an evaluation.
    pub(crate) fn evaluate(&mut self, protocol: Table, data: &Selection) {
        self.push("evaluate", table([("protocol", protocol.into()), ("data", plain(data))]));
    }

    /// Fills every gap from `recipe`; the result is canonical.
    pub(crate) fn resolve(&self, recipe: Recipe) -> Spec {
        let mut filled = self.0.clone();
        stages(&mut filled).into_iter().for_each(|stage| own_steps(stage, recipe));
        recipe::switches().for_each(|switch| fill(&mut filled, switch, recipe));
        let spec = Value::Table(filled).try_into();
        let mut spec: Spec = spec.expect("sentences and the table of switches leave no gap");
        let shares = spec.train.stages.iter().filter_map(|stage| stage.strategy.hold_out());
        if let (None, Some(share)) = (self.0["train"].get("hold_out"), shares.reduce(f64::max)) {
            spec.train.hold_out = share;
        }
        for stage in spec.stages_mut() {
            let terms = &mut stage.objective;
            if terms.iter().any(|term| !term.loss.needs().labels) {
                terms.iter_mut().for_each(|term| term.loss = term.loss.in_mix(recipe));
            }
        }
        spec.canonical()
    }

    fn parent<'p>(&mut self, path: &'p str) -> (&mut Table, &'p str) {
        let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
        let mut parents = parents.split('.').filter(|key| !key.is_empty());
        let mut place = &mut self.0;
        if Train::is_of_a_stage(path) {
            parents.next();
            place = stages(place).pop().expect("a draft has stages");
        }
        (parents.fold(place, |table, key| child(table, key)), name)
    }
}

/// The stages in the order of the sentence: those of the model, that of a classifier on it, that of its adaptation.
fn stages(draft: &mut Table) -> Vec<&mut Table> {
    let (mut of_model, mut others) = (vec![], [None, None]);
    for (name, value) in draft.iter_mut() {
        match name.as_str() {
            "train" => of_model.extend(value["stages"].as_array_mut().into_iter().flatten()),
            "classifier" => others[0] = value.get_mut("stage"),
            "adapt" => others[1] = value.get_mut("stage"),
            _ => {}
        }
    }
    of_model.into_iter().chain(others.into_iter().flatten()).filter_map(Value::as_table_mut).collect()
}

/// A stage of which nothing is said. CHAMMI's plain augmentation applies until another is said.
fn stage() -> Table {
    let mut stage = table(["optimiser", "schedule", "strategy"].map(|name| (name, Table::new().into())));
    stage.insert("objective".into(), Value::Array(vec![]));
    stage.insert("augment".into(), (Crop + Flip).changes().into());
    stage
}

fn table<const N: usize>(fields: [(&str, Value); N]) -> Table {
    fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

fn child<'t>(table: &'t mut Table, key: &str) -> &'t mut Table {
    table[key].as_table_mut().expect("a draft has this table")
}

/// Sets what a stage's losses say of how steps are taken, where nothing was said.
fn own_steps(stage: &mut Table, recipe: Recipe) {
    let terms = stage.get("objective").and_then(Value::as_array).into_iter().flatten();
    let kinds = terms.filter_map(|term| term.get("loss")?.get("kind")?.as_str());
    let switches: Vec<&Switch> = kinds.flat_map(loss::of_stage).collect();
    for switch in switches {
        let mut path: Vec<&str> = switch.path.split('.').skip(1).collect();
        if let (Some(name), Some(value)) = (path.pop(), switch.value::<Option<Value>>(recipe)) {
            insert(stage, &path, name, &value);
        }
    }
}

/// Sets a switch wherever its word is said and nothing was said of the switch.
fn fill(draft: &mut Table, switch: &Switch, recipe: Recipe) {
    let (parents, name) = switch.path.rsplit_once('.').unwrap_or(("", switch.path));
    let parents: Vec<&str> = parents.split('.').collect();
    // `null` is what a field without a value is.
    let Some(value) = switch.value::<Option<Value>>(recipe) else { return };
    let below = match parents.as_slice() {
        ["train", below @ ..] if Train::is_of_a_stage(switch.path) => below,
        parents => {
            if let (["model", below @ ..], Some(Value::Table(classifier))) =
                (parents, draft.get_mut("classifier"))
            {
                insert(classifier, below, name, &value);
            }
            return insert(draft, parents, name, &value);
        }
    };
    stages(draft).into_iter().for_each(|stage| insert(stage, below, name, &value));
}

fn insert(table: &mut Table, parents: &[&str], name: &str, value: &Value) {
    let Some((key, below)) = parents.split_first() else {
        table.entry(name).or_insert_with(|| value.clone());
        return;
    };
    if is_kind(table, key) {
        return insert(table, below, name, value);
    }
    match table.get_mut(*key) {
        Some(Value::Table(table)) => insert(table, below, name, value),
        // Each item is a word; those of an objective have weights.
        Some(Value::Array(items)) => {
            for item in items.iter_mut().filter_map(Value::as_table_mut) {
                let word = if item.contains_key("loss") { child(item, "loss") } else { item };
                if below.first().is_some_and(|kind| is_kind(word, kind)) {
                    insert(word, below, name, value);
                }
            }
        }
        _ => {}
    }
}

fn is_kind(table: &Table, kind: &str) -> bool {
    table.get("kind").and_then(Value::as_str) == Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        prelude::*,
        sample::{self, hyper_net},
        spec::{Loss, Scale, Spec, id::SpecId, settings},
    };

    fn mix(recipe: Recipe) -> Spec {
        sample::spec(hyper_net().loss(0.2 * SSL + 0.8 * PROXY), recipe)
    }

    #[test]
    fn the_released_mix_is_cross_entropy_on_features_beside_mispaired_views() {
        let pairs = |positives| Loss::from(settings::SimClr { temperature: 0.07, positives });
        let proxies = |train_proxies| {
            Loss::from(settings::ProxyNca { temperature: 0.07, scale: Scale::Fixed, train_proxies })
        };
        let losses = |spec: Spec| -> Vec<Loss> { spec.train.terms().map(|term| term.loss.clone()).collect() };
        let on_features = Loss::from(settings::CeOnFeatures {});
        assert_eq!(losses(mix(Recipe::Released)), [on_features, pairs(Positives::RowPlusN)]);
        assert_eq!(losses(mix(Recipe::Paper)), [proxies(true), pairs(Positives::SameImage)]);
        assert_eq!(losses(mix(Recipe::Fixed)), [proxies(true), pairs(Positives::SameImage)]);
        assert_eq!(losses(sample::spec(sample::plain(), Recipe::Released)), [proxies(false)]);
    }

    #[test]
    fn a_stated_switch_wins_over_the_recipe() {
        let loss = SimClr::t(0.1).positives(Positives::SameImage);
        let spec = sample::spec(hyper_net().loss(loss), Recipe::Released);
        let want = settings::SimClr { temperature: 0.1, positives: Positives::SameImage };
        assert_eq!(spec.train.stages[0].objective[0].loss, want.into());
    }

    /// A draft in which one word is said, and nothing of it.
    fn bare(axis: &str, kind: &str) -> Table {
        let word = || Value::Table(table([("kind", kind.into())]));
        let train = |name, value| {
            let stages = Value::Array(vec![table([(name, value)]).into()]);
            table([("train", table([("stages", stages)]).into())])
        };
        match axis {
            "backbone" | "adapter" => table([("model", table([(axis, word())]).into())]),
            "loss" => train("objective", Value::Array(vec![table([("loss", word())]).into()])),
            "strategy" => train("strategy", word()),
            "augment" => train("augment", Value::Array(vec![word()])),
            "test_time" => table([("embedding", table([(axis, word())]).into())]),
            "protocol" => table([("evaluate", Value::Array(vec![table([("protocol", word())]).into()]))]),
            other => panic!("where do words of `{other}` stand?"),
        }
    }

    #[test]
    fn every_switch_of_every_word_is_filled_as_its_file_says() {
        let words = recipe::AXES.iter().flat_map(|axis| axis.words.iter().map(|word| (axis.name, word)));
        for (axis, word) in words {
            let own = |switch: &&Switch| {
                switch.path.rsplit_once('.').is_some_and(|(at, _)| at.ends_with(word.kind))
            };
            for (switch, recipe) in
                word.switches.iter().filter(own).flat_map(|switch| Recipe::ALL.map(|recipe| (switch, recipe)))
            {
                let mut draft = bare(axis, word.kind);
                fill(&mut draft, switch, recipe);
                let filled = serde_json::to_value(draft).unwrap();
                let want: serde_json::Value = switch.value(recipe);
                assert_eq!(switch.find(&filled), [&want], "{} under {}", switch.path, recipe.name());
            }
        }
    }

    #[test]
    fn every_term_of_a_kind_is_filled() {
        let loss = 0.5 * ProxyNca::t(0.1).learned() + 0.5 * PROXY;
        let spec = sample::spec(hyper_net().loss(loss), Recipe::Released);
        let trained = spec.train.stages[0].objective.iter().map(|term| match &term.loss {
            Loss::ProxyNca(word) => word.train_proxies,
            other => panic!("{other:?} was not said"),
        });
        assert_eq!(trained.collect::<Vec<_>>(), [false, false]);
    }

    #[test]
    fn numbers_that_are_not_finite_are_left_to_the_rules() {
        let run = sample::plain().lr(f64::NAN).weight_decay(f64::INFINITY);
        let problems = sample::spec(run, Recipe::Fixed).check();
        let rules: Vec<_> = problems.into_iter().map(|problem| problem.rule).collect();
        assert_eq!(rules, ["lr", "weight_decay"]);
    }

    #[test]
    fn the_three_recipes_have_three_identities_and_the_name_has_none() {
        let ids = Recipe::ALL.map(|recipe| SpecId::of(&mix(recipe)));
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
        let same = hyper_net().loss(0.2 * SSL + 0.8 * PROXY).weight_decay(5e-4).lr_min(1e-7);
        assert_eq!(SpecId::of(&sample::spec(same, Recipe::Fixed)), ids[1]);
    }
}
