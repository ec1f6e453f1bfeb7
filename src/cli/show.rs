//! `show`: an experiment in full: each value and its source, ids, work units, status.

use super::{
    failure::Result,
    jobs::{self, Declaration},
    locate::{self, Place},
    options::{DataOption, SpecOptions, StoreOption, labels, variable},
    output,
    progress::Progress,
};
use crate::{
    data::{Contents, DataSet, Kind},
    plan::{Plan, Step},
    seed::Seed,
    spec::{
        Spec,
        id::SpecId,
        lines,
        recipe::{Recipe, of_losses, switches},
    },
    store::{Reader, Scale, Store},
};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Show an experiment with every default written out
#[derive(Args, Debug)]
pub(super) struct Show {
    /// Name of an experiment; `name*` means all whose names begin with `name`
    name: String,
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    data: DataOption,
    #[command(flatten)]
    spec: SpecOptions,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// The available data. Nothing is simulated just for showing.
struct AtHand {
    data: BTreeMap<String, DataSet>,
    simulated: bool,
    missing: Vec<String>,
}

impl Show {
    pub(super) fn run(&self, quiet: bool) -> Result {
        let declarations = jobs::declarations(std::slice::from_ref(&self.name))?;
        let remarks = jobs::check(&declarations, &self.spec)?;
        if !quiet {
            remarks.iter().for_each(|text| output::note(text));
        }
        let path = self.store.path();
        let store = if path.exists() { Some(Store::open_read_only(&path)?) } else { None };
        let (mut shown, mut progress) = (vec![], Progress::new(quiet));
        for declaration in &declarations {
            let data = self.at_hand(declaration, &mut progress)?;
            let scale = self.spec.scale(data.simulated);
            let spec = jobs::with_contents(declaration.spec(&self.spec, scale)?, None)?;
            let mut runs = vec![];
            if data.missing.is_empty() {
                for seed in self.spec.seeds(&declaration.declared.seeds) {
                    runs.push(Plan::of(&spec, Seed(seed), &data.data)?);
                }
            }
            let one = One {
                declaration,
                scale,
                spec: &spec,
                runs: &runs,
                missing: &data.missing,
                store: store.as_ref(),
            };
            shown.push(if self.json { Shown::Json(one.json()?) } else { Shown::Text(one.text()?) });
        }
        let mut documents = vec![];
        for one in shown {
            match one {
                Shown::Text(text) => output::say(&text)?,
                Shown::Json(json) => documents.push(json),
            }
        }
        if self.json { output::say_json(&json!({ "experiments": documents })) } else { Ok(()) }
    }

    fn at_hand(&self, declaration: &Declaration, progress: &mut Progress) -> Result<AtHand> {
        let mut hand = AtHand { data: BTreeMap::new(), simulated: false, missing: vec![] };
        for name in Plan::data_names(&declaration.declared.spec) {
            match locate::place(&name, &self.data, &self.store.path()) {
                Place::Here(root) => {
                    let described = self.data.description(&name);
                    let set =
                        DataSet::open_described(&name, &root, described, &Contents::of_user(), progress)?;
                    hand.simulated |= set.kind == Kind::Simulated;
                    hand.data.insert(name, set);
                }
                Place::Simulated(..) => {
                    hand.simulated = true;
                    hand.missing.push(format!("`{name}`, which `exp` will simulate"));
                }
                Place::Nowhere => {
                    hand.missing.push(format!("`{name}` (--data {name}=PATH or ${})", variable(&name)));
                }
            }
        }
        Ok(hand)
    }
}

enum Shown {
    Text(String),
    Json(Value),
}

/// One declaration of an experiment, ready to be shown.
struct One<'a> {
    declaration: &'a Declaration,
    scale: Scale,
    spec: &'a Spec,
    runs: &'a [Plan],
    missing: &'a [String],
    store: Option<&'a Reader>,
}

impl One<'_> {
    fn json(&self) -> Result<Value> {
        let declared = &self.declaration.declared;
        let mut runs = vec![];
        for plan in self.runs {
            let mut steps = vec![];
            for step in &plan.steps {
                steps.push(json!({
                    "work": step.id, "kind": step.work.kind(), "does": step.work.describe(), "parents": step.parents,
                    "status": self.status(step)?,
                }));
            }
            runs.push(json!({
                "run": plan.run, "seed": plan.seed.0, "data": plan.data, "status": self.run_status(plan)?, "steps": steps,
            }));
        }
        Ok(json!({
            "experiment": self.declaration.entry.name, "about": self.declaration.entry.summary(),
            "file": self.declaration.entry.file, "line": self.declaration.entry.line, "place": self.declaration.place,
            "label": labels(&declared.labels), "recipe": declared.recipe, "seeds": declared.seeds,
            "scale": self.scale.as_str(), "spec": SpecId::of(self.spec), "config": self.spec, "runs": runs,
        }))
    }

    fn text(&self) -> Result<String> {
        let (entry, declared) = (self.declaration.entry, &self.declaration.declared);
        let label: String = declared.labels.iter().map(|(axis, value)| format!(", {axis} {value}")).collect();
        let mut text = vec![
            format!("{}{label} ({}:{})", entry.name, entry.file, entry.line),
            format!("  {}", entry.summary()),
            format!(
                "  spec {} at scale {}, recipe {}",
                SpecId::of(self.spec),
                self.scale,
                declared.recipe.name()
            ),
            String::new(),
        ];
        let json = serde_json::to_value(self.spec).expect("specs are plain data");
        text.extend(spec_lines(&json, declared.recipe));
        text.push(String::new());
        if !self.missing.is_empty() {
            let missing = self.missing.join(", ");
            text.push(format!("runs: {} seeds; their ids need the data {missing}", declared.seeds.len()));
        }
        for (at, plan) in self.runs.iter().enumerate() {
            text.push(format!("run {}, seed {}: {}", plan.run, plan.seed.0, self.run_status(plan)?));
            // Seeds differ only in ids: the units of the first describe the others too.
            for step in plan.steps.iter().filter(|_| at == 0) {
                text.push(format!("  {}  {:<8} {}", step.id, self.status(step)?, step.work.describe()));
            }
        }
        text.push(String::new());
        Ok(text.join("\n"))
    }

    fn status(&self, step: &Step) -> Result<String> {
        let known = self.store.map(|store| store.work(step.id.as_str())).transpose()?.flatten();
        Ok(known.map_or("missing".into(), |work| work.status.to_string()))
    }

    fn run_status(&self, plan: &Plan) -> Result<String> {
        let known = self.store.map(|store| store.run(plan.run.as_str())).transpose()?.flatten();
        Ok(known.map_or("missing".into(), |run| run.status.to_string()))
    }
}

/// `train.epochs = 15`, followed by the origin of the value, if a recipe sets it.
fn spec_lines(json: &Value, recipe: Recipe) -> Vec<String> {
    let lines = lines::of(json);
    let text: Vec<String> =
        lines.iter().map(|line| format!("  {} = {}", line.path, lines::text(line.value))).collect();
    let width = text.iter().map(|line| line.chars().count()).filter(|width| *width < 60).max().unwrap_or(0);
    let with_origin = lines.iter().zip(text).map(|(line, text)| match origin(json, line.value, recipe) {
        Some(origin) => format!("{text:<width$}  # {origin}"),
        None => text,
    });
    with_origin.collect()
}

fn origin(json: &Value, value: &Value, recipe: Recipe) -> Option<String> {
    let same = |(_, found): &(_, &Value)| std::ptr::eq(*found, value);
    if let Some((switch, _)) = of_losses(json).into_iter().find(same) {
        let usual: Value = serde_json::from_str(switch.text(recipe)).ok()?;
        return Some(match usual == *value {
            true => format!("as usual with this loss: {}", switch.source),
            false => format!("usual with this loss: {}", lines::text(&usual)),
        });
    }
    let switch =
        switches().find(|switch| switch.find(json).into_iter().any(|found| std::ptr::eq(found, value)))?;
    let of_recipe: Value = serde_json::from_str(switch.text(recipe)).ok()?;
    let guessed = switch.guessed.map(|why| format!(" (guessed: {why})")).unwrap_or_default();
    Some(match of_recipe == *value {
        true => format!("as in recipe {}: {}{guessed}", recipe.name(), switch.source),
        false => format!("recipe {} has {}", recipe.name(), lines::text(&of_recipe)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn every_line_says_where_its_value_comes_from() {
        let spec = sample::spec(sample::plain().epochs(7), Recipe::Fixed);
        let lines = spec_lines(&serde_json::to_value(spec).unwrap(), Recipe::Fixed);
        let line = |path: &str| lines.iter().find(|line| line.contains(&format!(" {path} = "))).unwrap();
        assert!(line("train.epochs").ends_with("# recipe fixed has 15"), "{}", line("train.epochs"));
        let decay = line("train.optimiser.weight_decay");
        assert!(decay.contains("# as in recipe fixed: ") && decay.contains("(guessed: "), "{decay}");
        assert!(line("train.optimiser.betas").contains("= [0.9,0.999] "));
        assert!(!line("model.adapter.z").contains('#'));
    }

    #[test]
    fn what_is_usual_with_a_loss_is_no_deviation_from_a_recipe() {
        use crate::prelude::*;
        let model = Vit::mini().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
        let run = model.loss(DinoV1::ema(0.99)).epochs(9).evaluate(OneNn::cosine().on(Chammi));
        let json = serde_json::to_value(sample::spec(run, Recipe::Fixed)).unwrap();
        let lines = spec_lines(&json, Recipe::Fixed);
        let line = |path: &str| lines.iter().find(|line| line.contains(&format!(" {path} = "))).unwrap();
        assert!(line("train.optimiser.lr").ends_with("# as usual with this loss: CODA's code"));
        assert!(line("train.epochs").ends_with("# usual with this loss: 300"), "{}", line("train.epochs"));
        assert!(line("train.objective.0.loss.momentum").contains("# as in recipe fixed"));
    }
}
