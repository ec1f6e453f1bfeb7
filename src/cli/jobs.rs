//! Resolves names on the command line to runs that can be planned.

use super::{
    failure::{Context, Failure, Result},
    locate,
    options::SpecOptions,
    set::Changed,
};
use crate::{
    backbone::files,
    data::DataSet,
    dsl::Declared,
    plan::Plan,
    registry::{self, Entry},
    seed::Seed,
    spec::{Spec, Weights, check::Problem, recipe::Recipe, upgrade},
    store::{ExperimentRow, Scale},
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// One declaration of an experiment.
pub(super) struct Declaration {
    pub(super) entry: &'static Entry,
    /// Its index in the experiment, from 0.
    pub(super) place: u32,
    pub(super) declared: Declared,
    /// The scale of its spec, if already applied; none: the paper's.
    scale: Option<Scale>,
}

/// One run to plan.
pub(super) struct Job {
    pub(super) declaration: usize,
    pub(super) scale: Scale,
    pub(super) plan: Plan,
}

impl Declaration {
    /// The experiment as recorded in the store.
    pub(super) fn row(&self) -> ExperimentRow {
        ExperimentRow {
            name: self.entry.name.into(),
            about: self.entry.summary().into(),
            file: self.entry.file.into(),
        }
    }

    /// The resulting spec, checked against every rule. Values that it has no place for are left out: [`check`] refuses those
    /// that no declaration has a place for.
    ///
    /// # Errors
    /// If a value cannot be set, or the result breaks a rule.
    pub(super) fn spec(&self, options: &SpecOptions, scale: Scale) -> Result<Spec> {
        Ok(self.changed(options, scale)?.spec)
    }

    fn changed(&self, options: &SpecOptions, scale: Scale) -> Result<Changed> {
        let changed = options.apply(&self.declared.spec, scale)?;
        refuse(self.entry.name, &changed.spec.check())?;
        Ok(changed)
    }
}

/// The declarations of the experiments with these names, each once, in the order given.
///
/// # Errors
/// If there is no such experiment, or one breaks a rule as declared.
pub(super) fn declarations(names: &[String]) -> Result<Vec<Declaration>> {
    let mut known = BTreeSet::new();
    let mut declarations = vec![];
    for name in names {
        for entry in registry::find(name)? {
            if !known.insert(entry.name) {
                continue;
            }
            for (place, declared) in (0..).zip((entry.specs)()) {
                refuse(entry.name, &declared.check())?;
                declarations.push(Declaration { entry, place, declared, scale: None });
            }
        }
    }
    Ok(declarations)
}

/// The declarations in a file: the output of `show --json`, or a single spec.
///
/// # Errors
/// If it is neither, or a spec breaks a rule.
pub(super) fn declarations_in(file: &Path) -> Result<Vec<Declaration>> {
    let hint = "write one with `dichroic show NAME --json`";
    let wrong = |why: String| Failure::new(format!("{}: {why}", file.display())).hint(hint);
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let alone = document.get("schema").is_some();
    let shown: Vec<Shown> = match alone {
        true => vec![Shown { config: document, ..Shown::default() }],
        false => serde_json::from_value(document["experiments"].clone())
            .map_err(|error| wrong(format!("expected `experiments`, each with a `config`: {error}")))?,
    };
    let one = |(place, shown): (u32, Shown)| {
        let spec = upgrade(shown.config).map_err(|error| wrong(error.to_string()))?;
        let scale =
            shown.scale.as_deref().and_then(|word| Scale::ALL.iter().copied().find(|s| s.as_str() == word));
        let labels = shown.label.into_iter().collect();
        let (recipe, convex) = (shown.recipe.unwrap_or_default(), vec![]);
        let declared = Declared { spec, seeds: shown.seeds, labels, recipe, convex };
        let name = shown.experiment.unwrap_or_else(|| {
            file.file_stem().map_or("spec".into(), |stem| stem.to_string_lossy().into_owned())
        });
        refuse(&name, &declared.check())?;
        // Leaked: they live as long as the experiments compiled in.
        let keep = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let entry = Entry {
            name: keep(name),
            about: keep(shown.about.unwrap_or_default()),
            file: keep(file.display().to_string()),
            line: 1,
            specs: Vec::new,
        };
        Ok(Declaration { entry: Box::leak(Box::new(entry)), place, declared, scale })
    };
    (0..).zip(shown).map(one).collect()
}

/// The fields read from one experiment of `show --json`.
#[derive(Deserialize)]
#[serde(default)]
struct Shown {
    experiment: Option<String>,
    about: Option<String>,
    label: BTreeMap<String, String>,
    recipe: Option<Recipe>,
    seeds: Vec<u64>,
    scale: Option<String>,
    config: Value,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            experiment: None,
            about: None,
            label: BTreeMap::new(),
            recipe: None,
            seeds: vec![0],
            scale: None,
            config: Value::Null,
        }
    }
}

/// Refuses what breaks a rule whatever the data are, before these are opened or simulated. Returns what to say of values
/// that were set in some of the declarations only.
///
/// # Errors
/// If a value cannot be set anywhere, or the result breaks a rule at either scale.
pub(super) fn check(declarations: &[Declaration], options: &SpecOptions) -> Result<Vec<String>> {
    let mut lacking: BTreeMap<String, Vec<Failure>> = BTreeMap::new();
    for declaration in declarations {
        let at = |simulated| {
            declaration.changed(options, declaration.scale.unwrap_or_else(|| options.scale(simulated)))
        };
        let changed = match (at(false), at(true)) {
            (Err(wrong), Err(_)) => return Err(wrong),
            (Ok(changed), _) | (_, Ok(changed)) => changed,
        };
        // A value that is set twice is one value.
        for (path, failure) in changed.lacking.into_iter().collect::<BTreeMap<_, _>>() {
            lacking.entry(path).or_default().push(failure);
        }
    }
    let all = declarations.len();
    let remark = |(path, mut failures): (String, Vec<Failure>)| match all - failures.len() {
        // The spec that comes nearest has the best hint.
        0 => Err(failures.swap_remove(failures.iter().position(Failure::names_a_near_miss).unwrap_or(0))),
        some => Ok(format!("`{path}` is set in {some} of {all} declarations; the others have no such value")),
    };
    lacking.into_iter().map(remark).collect()
}

/// The names of the data sets that they read, sorted.
pub(super) fn data_names(declarations: &[Declaration]) -> Vec<String> {
    let names = declarations.iter().flat_map(|declaration| Plan::data_names(&declaration.declared.spec));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Every run of these declarations, planned on the data.
///
/// # Errors
/// If a spec cannot be run on them.
pub(super) fn plan(
    declarations: &[Declaration],
    options: &SpecOptions,
    data: &BTreeMap<String, DataSet>,
    weights: Option<&Path>,
) -> Result<Vec<Job>> {
    let mut jobs = vec![];
    for (number, declaration) in declarations.iter().enumerate() {
        let simulated = locate::any_simulated(data, &Plan::data_names(&declaration.declared.spec));
        let scale = declaration.scale.unwrap_or_else(|| options.scale(simulated));
        let spec = with_contents(declaration.spec(options, scale)?, weights).at(declaration.entry.name)?;
        for seed in options.seeds(&declaration.declared.seeds) {
            let plan = Plan::of(&spec, Seed(seed), data).at(declaration.entry.name)?;
            jobs.push(Job { declaration: number, scale, plan });
        }
    }
    Ok(jobs)
}

/// The spec with what its file of weights contains, if it starts from one, which is looked for in `given` first.
///
/// # Errors
/// If the file is not there, or cannot be read.
pub(super) fn with_contents(mut spec: Spec, given: Option<&Path>) -> std::result::Result<Spec, files::Error> {
    if let Weights::File { name, contents: contents @ None } = &mut spec.model.weights {
        *contents = Some(files::contents(&files::find_file(name, given)?)?);
    }
    Ok(spec)
}

fn refuse(name: &str, problems: &[Problem]) -> Result {
    let Some(first) = problems.first() else { return Ok(()) };
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    Err(Failure::new(format!("{name}: {}", messages.join("; "))).hint(&first.hint))
}
