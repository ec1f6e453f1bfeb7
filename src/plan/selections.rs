//! Selections of images by the roles of columns, on given data: columns and values that are not there, and selections
//! that leave nothing to train on or to ask.

use crate::{
    data::{DataSet, ImageSet, Role},
    spec::{Adapt, Condition, Evaluate, Selection, Spec, Stage, check::Problem},
    spelling::closest,
};
use std::collections::BTreeMap;

/// Values that a message lists.
const LISTED: usize = 10;

/// What the data say against the selections of a spec, all of whose sets are there.
pub(super) fn problems(spec: &Spec, data: &BTreeMap<String, DataSet>) -> Vec<Problem> {
    let evaluated = spec.evaluate.iter().map(|evaluate| &evaluate.data);
    let mut problems: Vec<Problem> = evaluated
        .filter(|selection| selection.only.is_empty())
        .filter_map(|selection| no_task(selection, spec.train.hold_out, &super::resolve(selection, data)))
        .collect();
    for evaluate in &spec.evaluate {
        problems.extend(unstandardised(spec, evaluate, data));
    }
    for selection in spec.selections().filter(|selection| !selection.only.is_empty()) {
        problems.extend(unknown(selection, &super::resolve(selection, data)));
    }
    problems.extend(spec.adapt.iter().flat_map(|adapt| parts(spec, adapt, data)));
    if problems.is_empty() {
        // As work reads them: thinned first, if at all.
        let read = |selection: &Selection| -> Vec<Read<'_>> {
            let sets = super::resolve(selection, data).into_iter();
            sets.map(|whole| Read { whole, thinned: spec.train.subset.and_then(|max| whole.subset(max)) })
                .collect()
        };
        for stage in &spec.train.stages {
            let selection = spec.train.data_of(stage);
            if !selection.only.is_empty() {
                problems.extend(untrained(spec, stage, selection, &read(selection)));
            }
        }
        for selection in spec.evaluate.iter().map(|evaluate| &evaluate.data) {
            if !selection.only.is_empty() {
                problems.extend(unasked(selection, spec.train.hold_out, &read(selection)));
            }
            let trained = spec.train.stages.iter().map(|stage| spec.train.data_of(stage));
            for trained in trained.filter(|trained| trained.name == selection.name) {
                problems.extend(trained_on(trained, selection, spec.train.hold_out, &read(selection)));
            }
        }
    }
    let mut said = Vec::new();
    problems.retain(|problem| {
        let new = !said.contains(problem);
        said.push(problem.clone());
        new
    });
    problems
}

/// Parts of a target that cannot have a model each: without such a column, or of other images than are asked about.
fn parts(spec: &Spec, adapt: &Adapt, data: &BTreeMap<String, DataSet>) -> Vec<Problem> {
    let Some(role) = adapt.per else { return vec![] };
    let mut problems = without(&adapt.data, role, data);
    let strange = spec.evaluate.iter().find(|evaluate| !evaluate.data.is_within(&adapt.data));
    problems.extend(strange.map(|evaluate| Problem {
        rule: "adapt_asked",
        message: format!(
            "each {} of {} has a model of its own, and none of them is for {}",
            role.words(),
            adapt.data,
            evaluate.data
        ),
        hint: "ask about the images that are adapted to, or adapt to all of them at once: `Oda::per(Source)`".into(),
    }));
    problems
}

/// A set, and what a thinned spec reads of it.
struct Read<'a> {
    whole: &'a ImageSet,
    thinned: Option<ImageSet>,
}

impl Read<'_> {
    fn set(&self) -> &ImageSet {
        self.thinned.as_ref().unwrap_or(self.whole)
    }
}

/// Roles that a table has no column for, and values that no image has.
fn unknown(selection: &Selection, sets: &[&ImageSet]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for Condition { role, values } in &selection.only {
        let without: Vec<&&ImageSet> = sets.iter().filter(|set| set.values(*role).is_none()).collect();
        problems.extend(without.iter().map(|set| no_role(&selection.name, set, *role)));
        if !without.is_empty() {
            continue;
        }
        let mut known: Vec<&str> = sets.iter().filter_map(|set| set.values(*role)).flatten().collect();
        known.sort_unstable();
        known.dedup();
        let strange = values.iter().filter(|value| !known.contains(&value.as_str()));
        problems.extend(strange.map(|value| no_value(&selection.name, *role, value, &known)));
    }
    problems
}

/// Roles that a protocol reads and a table has no column for.
fn unstandardised(spec: &Spec, evaluate: &Evaluate, data: &BTreeMap<String, DataSet>) -> Vec<Problem> {
    let target = evaluate.protocol.target();
    let mut problems: Vec<Problem> =
        target.roles().into_iter().flat_map(|role| without(&evaluate.data, role, data)).collect();
    if target.standardised.is_some_and(|standardised| standardised.on_controls) {
        problems.extend(without(spec.train.last_data(), Role::Control, data));
    }
    problems
}

/// Sets whose table has no column for a role.
fn without(selection: &Selection, role: Role, data: &BTreeMap<String, DataSet>) -> Vec<Problem> {
    let sets = super::resolve(selection, data);
    let without = sets.iter().filter(|set| set.values(role).is_none());
    without.map(|set| no_role(&selection.name, set, role)).collect()
}

fn no_role(data: &str, set: &ImageSet, role: Role) -> Problem {
    let there: Vec<String> = set.roles().map(Role::words).collect();
    Problem {
        rule: "role_is_there",
        message: format!(
            "the table of `{}` of `{data}` has no column for the role {}; it has {}",
            set.name,
            role.words(),
            there.join(", ")
        ),
        hint: "say which column it is in `roles` of that set in dataset.toml, or name only sets that have it"
            .into(),
    }
}

fn no_value(data: &str, role: Role, value: &str, known: &[&str]) -> Problem {
    let hint = match closest(value, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "that column is empty".into(),
        None => {
            let more = known.len().saturating_sub(LISTED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("there are {}{more}", known[..known.len().min(LISTED)].join(", "))
        }
    };
    Problem {
        rule: "value_is_there",
        message: format!("no image of `{data}` has {} `{value}`", role.words()),
        hint,
    }
}

/// Sets of which nothing is left to train a stage on; and a selection of which nothing is held out, for a strategy that
/// looks at it.
fn untrained(spec: &Spec, stage: &Stage, selection: &Selection, sets: &[Read<'_>]) -> Vec<Problem> {
    let hold_out = spec.train.hold_out;
    let mut problems = Vec::new();
    let mut held_out = 0;
    for read in sets {
        let (rows, held) = read.set().training_rows(hold_out, &selection.only);
        held_out += held.len();
        if !rows.is_empty() {
            continue;
        }
        let hint = if !read.whole.training_rows(0.0, &selection.only).0.is_empty() {
            left_out(spec)
        } else {
            "training reads the images of the split Train, and tasks the others: select by what Train has"
        };
        problems.push(Problem {
            rule: "no_training_image",
            message: format!(
                "no image of `{}` of `{}` having {} is left to train on",
                read.whole.name,
                selection.name,
                selection.images()
            ),
            hint: hint.into(),
        });
    }
    let looks = stage.strategy.hold_out().is_some();
    if looks && held_out == 0 && problems.is_empty() {
        problems.push(Problem {
            rule: "nothing_held_out",
            message: format!("no image of {selection} is held out, and the strategy looks at such images"),
            hint: "hold out a larger share, or select more images".into(),
        });
    }
    problems
}

/// What kept the selected images of Train out of training.
fn left_out(spec: &Spec) -> &'static str {
    match spec.train.subset {
        Some(_) => {
            "a subset of the images is read, and none of these is in it: read more (train.subset), or select more"
        }
        None => "all of them are held out: hold out a smaller share, or select more images",
    }
}

/// Sets without any task, of which all would be trained and nothing scored.
fn no_task(selection: &Selection, hold_out: f64, sets: &[&ImageSet]) -> Option<Problem> {
    let asked = |set: &&ImageSet| !set.tasks.is_empty() || !set.training_rows(hold_out, &[]).1.is_empty();
    (!sets.iter().any(asked)).then(|| {
        let names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
        Problem {
            rule: "nothing_asked",
            message: format!("`{}` has no task to score: its sets ({}) ask nothing", selection.name, names.join(", ")),
            hint: "a task is a column of the table, such as `Task_one`, that is True for the images to recognise; or hold out \
                   training images: --set train.hold_out=0.2"
                .into(),
        }
    })
}

/// Images that are trained on and asked for: a model that knows them by heart is right.
fn trained_on(
    trained: &Selection,
    selection: &Selection,
    hold_out: f64,
    sets: &[Read<'_>],
) -> Option<Problem> {
    let (mut both, mut asked) = (0, 0);
    for set in sets.iter().map(Read::set).filter(|set| trained.reads(&set.name)) {
        let (own, chosen) = (set.training_rows(hold_out, &trained.only).0, set.chosen(&selection.only));
        let queries = set.tasks.iter().flat_map(|task| &task.queries).filter(|row| chosen.has(**row));
        for row in queries {
            asked += 1;
            both += usize::from(own.binary_search(row).is_ok());
        }
    }
    (both > 0).then(|| Problem {
        rule: "asked_is_not_trained",
        message: format!("{both} of {asked} images of {selection} that are asked for are trained on"),
        hint: "ask for images that are not: another source, or plates, batches or treatments that training leaves out, as in \
               `S3.selection_plate()`, or `.having(Role::Plate, [\"P7\"])`"
            .into(),
    })
}

/// A selection that no task asks anything of.
fn unasked(selection: &Selection, hold_out: f64, sets: &[Read<'_>]) -> Option<Problem> {
    let asked = |set: &ImageSet| {
        let chosen = set.chosen(&selection.only);
        let held_out = set.training_rows(hold_out, &[]).1;
        let queries = set.tasks.iter().flat_map(|task| &task.queries).chain(&held_out);
        queries.copied().any(|row| chosen.has(row))
    };
    if sets.iter().any(|read| asked(read.set())) {
        return None;
    }
    let hint = if sets.iter().any(|read| asked(read.whole)) {
        "a subset of the images is read, and none of these is in it: read more (train.subset), or select more"
    } else {
        "they are in the split Train, or in no split: select images of a task"
    };
    Some(Problem {
        rule: "nothing_asked",
        message: format!("no task of `{}` asks for an image having {}", selection.name, selection.images()),
        hint: hint.into(),
    })
}

#[cfg(test)]
mod tests;
