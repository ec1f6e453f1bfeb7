//! What is said of a table as a whole, once all rows are read: empty splits, tasks that ask nothing, values that look alike.

use super::{
    super::{
        Column, Problems, Role, labels,
        text::{alike, difference},
    },
    Reading, TRAIN,
};

impl Reading<'_> {
    /// Labels, and values of roles that group images, that look alike.
    pub(super) fn near_values(&self) -> Vec<String> {
        let set = &self.set.name;
        let labels = self.rows.labels.iter().map(|label| usize::from(*label));
        let mut remarks = labels::remarks(set, "labels", &self.labels.column.names, labels);
        let groups = |role: Role| !matches!(role, Role::Well | Role::Site | Role::FieldOfView);
        for ((role, _), values) in
            self.columns.roles.iter().zip(&self.roles).filter(|((role, _), _)| groups(*role))
        {
            let Column { ids, names } = &values.column;
            let what = format!("values of {}", role.words());
            remarks.extend(labels::remarks(set, &what, names, ids.iter().map(|id| *id as usize)));
        }
        remarks
    }

    /// Tasks of which no row is True. They are left out.
    pub(super) fn unasked(&self) -> Option<String> {
        let empty = self.tasks.iter().filter(|task| task.queries.is_empty());
        let empty: Vec<&str> = empty.map(|task| task.name.as_str()).collect();
        (!empty.is_empty()).then(|| {
            format!(
                "{}: no row is True in {}: left out, as nothing is asked there",
                self.set.name,
                empty.join(", ")
            )
        })
    }

    /// Refuses tables without training images, and splits that no column asks.
    pub(super) fn empty_splits(&self, problems: &mut Problems) {
        let mut found: Vec<&str> = self.splits.keys().map(String::as_str).collect();
        found.sort_unstable();
        if !self.rows.flags.iter().any(|flags| flags & TRAIN != 0) {
            problems.add(None, Some("the split that models learn from is called `Train`"), || {
                match &found[..] {
                    [] => "expected rows of split Train, found no rows".to_owned(),
                    found => format!("expected rows of split Train, found only `{}`", found.join("`, `")),
                }
            });
        }
        for split in found.into_iter().filter(|split| split.starts_with("Task_")) {
            if !self.tasks.iter().any(|task| task.name == split) {
                problems.add(None, Some("each task has a column of True and False"), || {
                    let near = self.columns.near_tasks.iter().find(|near| alike(near) == alike(split));
                    let found = near.map_or("found none".to_owned(), |near| {
                        format!("there is `{near}`, which differs in {}", difference(split, near))
                    });
                    format!("expected a column `{split}`, as train_test_split names it, {found}")
                });
            }
        }
    }
}

/// Refuses `er|golgi` beside `er` and `golgi`: as a class of its own it would be scored as something that it is not.
pub(in crate::data) fn one_label_each(labels: &[String], problems: &mut Problems) {
    let known = |part: &str| labels.binary_search_by(|label| label.as_str().cmp(part.trim())).is_ok();
    let several = labels.iter().find(|label| label.contains('|') && label.split('|').all(known));
    if let Some(label) = several {
        let hint = "images with several labels are not read yet; a class of its own has a name without `|`, such as `er+golgi`";
        problems.add(None, Some(hint), || {
            format!("expected one label for each image, found `{label}`, whose parts are labels too")
        });
    }
}
