//! Resolves a table's columns: fixed names, tasks, and roles given by `dataset.toml`.

use super::{
    Problems, Role,
    describe::SetDescription,
    dialect,
    intensity::{Intensity, role_called},
    layout::Layout,
    roles::default_columns,
    text::alike,
};
use std::collections::HashMap;

/// Indices of the columns in a record.
pub(super) struct Columns {
    pub(super) files: Files,
    /// The column that groups images for measuring grey levels.
    pub(super) groups: Option<usize>,
    /// The splits; none: every image is in Train.
    pub(super) split: Option<usize>,
    pub(super) label: usize,
    pub(super) tasks: Vec<TaskColumns>,
    pub(super) roles: Vec<(Role, usize)>,
    /// Columns that may have been meant as tasks.
    pub(super) near_tasks: Vec<String>,
}

/// The columns that locate a row's files.
pub(super) enum Files {
    /// `file_path` and `channel_width`.
    Tape { path: usize, channel_width: usize },
    /// `file_path`.
    Stack { path: usize },
    /// The columns of the pattern, in pattern order.
    Named { fields: Vec<usize> },
}

/// A task's name and column (none: it asks for every image); if it leaves groups out, also the column and its name.
pub(super) type TaskColumns = (String, Option<usize>, Option<(usize, String)>);

const NUMBERS: [&str; 10] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

impl Columns {
    /// Looks the columns up in the header; `None` if one is missing, with the reason added to `problems`.
    pub(super) fn find(
        set: &SetDescription,
        header: &csv::StringRecord,
        problems: &mut Problems,
    ) -> Option<Self> {
        let before = problems.total;
        let at = |name: &str| header.iter().position(|found| found == name);
        let mut need = |names: &[&str], why: &str| {
            let found = names.iter().find_map(|name| at(name));
            if found.is_none() {
                problems.add_hinted(None, || {
                    let near = dialect::near(names, header);
                    let (there, hint) =
                        near.unwrap_or_else(|| (format!("found {}", dialect::listed(header)), ROLES));
                    (hint, format!("expected a column `{}`{why}, {there}", names.join("` or `")))
                });
            }
            found.unwrap_or_default()
        };
        let mut role_at = |role: Role| match set.roles.get(&role) {
            Some(name) => Some(need(&[name], &format!(" (role {} in dataset.toml)", role.name()))),
            None => default_columns(role).iter().find_map(|name| at(name)),
        };
        let roles: Vec<(Role, usize)> =
            Role::ALL.iter().filter_map(|&role| Some((role, role_at(role)?))).collect();
        let role = |role: Role| roles.iter().find(|(found, _)| *found == role).map(|&(_, column)| column);
        let label = role(Role::Label).unwrap_or_else(|| need(default_columns(Role::Label), ""));
        // a column, or a role
        let by_role = |name: &str| role_called(name).and_then(role);
        let files = match &set.layout {
            Layout::Tape => {
                let [path, channel_width] = ["file_path", "channel_width"].map(|name| need(&[name], ""));
                Files::Tape { path, channel_width }
            }
            Layout::Stack { .. } => Files::Stack { path: need(&["file_path"], "") },
            Layout::Files { pattern: (_, pattern), .. } => {
                let field = |name: &str| {
                    let found = at(name).or_else(|| by_role(name));
                    found.unwrap_or_else(|| need(&[name], " (in the pattern of `images`)"))
                };
                Files::Named { fields: pattern.columns().map(field).collect() }
            }
        };
        let groups = set.intensity.as_ref().and_then(Intensity::column).map(|name| {
            let found = at(name).or_else(|| by_role(name));
            found.unwrap_or_else(|| need(&[name], " (`per` of `intensity`)"))
        });
        let split = set.ask_all.is_none().then(|| need(&["train_test_split"], ""));
        let mut names: Vec<&str> = match &set.ask_all {
            Some(task) => vec![task],
            None => header.iter().filter(|name| name.starts_with("Task_")).collect(),
        };
        names.sort_unstable();
        names.dedup(); // a name that is there twice is refused below
        let number =
            |name: &str| NUMBERS.iter().position(|n| name == format!("Task_{n}")).unwrap_or(NUMBERS.len());
        names.sort_by_key(|name| (number(name), *name));
        let mut tasks = Vec::new();
        for name in names {
            let leave_out = set.leave_group_out.get(name).map(|column| {
                let why = format!(" (left out in {name})");
                let found = at(column).or_else(|| by_role(column));
                (found.unwrap_or_else(|| need(&[column], &why)), column.clone())
            });
            let column = match set.ask_all {
                Some(_) => None,
                None => Some(at(name).expect("the name comes from the header")),
            };
            tasks.push((name.to_owned(), column, leave_out));
        }
        let undeclared = |task: &&String| at(task).is_none() && set.ask_all.as_ref() != Some(*task);
        for task in set.leave_group_out.keys().filter(undeclared) {
            need(&[task], " (its groups are left out)");
        }
        if let Some(groups) = groups.filter(|_| problems.total == before) {
            let found = set.intensity.as_ref().and_then(Intensity::column).unwrap_or_default();
            let others = [(Some(label), "labels"), (split, "splits")];
            ungrouped(groups, found, &others, &files, &tasks, problems);
        }
        let mut used = vec![label];
        used.extend(split);
        used.extend(groups);
        used.extend(roles.iter().map(|(_, column)| *column));
        used.extend(files.columns());
        used.extend(
            tasks
                .iter()
                .flat_map(|(_, column, out)| [*column, out.as_ref().map(|(column, _)| *column)])
                .flatten(),
        );
        if problems.total == before {
            twice(used, header, problems);
        }
        let near = |name: &&str| alike(name).starts_with("task") && !name.starts_with("Task_");
        let near_tasks = header.iter().filter(near).map(str::to_owned).collect();
        let roles = roles.into_iter().filter(|(role, _)| *role != Role::Label).collect();
        (problems.total == before).then_some(Self { files, groups, split, label, tasks, roles, near_tasks })
    }
}

const ROLES: &str = "name the column so; a label or another role can be mapped to a column of any name by `roles` of the set in dataset.toml";

impl Files {
    /// Their indices.
    fn columns(&self) -> Vec<usize> {
        match self {
            Self::Tape { path, channel_width } => vec![*path, *channel_width],
            Self::Stack { path } => vec![*path],
            Self::Named { fields } => fields.clone(),
        }
    }
}

/// Refuses columns that are there twice: which one is meant is not to be guessed.
pub(super) fn twice(mut used: Vec<usize>, header: &csv::StringRecord, problems: &mut Problems) {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (column, name) in header.iter().enumerate() {
        places.entry(name).or_default().push(column + 1);
    }
    used.sort_unstable();
    used.dedup();
    for name in used.into_iter().filter_map(|column| header.get(column)) {
        if let Some([first, second, ..]) = places.get(name).map(Vec::as_slice) {
            problems.add(None, Some("remove or rename one of the two columns"), || {
                format!("expected the column `{name}` once, found it twice in the header (columns {first} and {second})")
            });
        }
    }
}

/// Refuses groups for measuring grey levels that say nothing of how images were taken.
fn ungrouped(
    groups: usize,
    found: &str,
    others: &[(Option<usize>, &str)],
    files: &Files,
    tasks: &[TaskColumns],
    problems: &mut Problems,
) {
    let other = others.iter().find(|(column, _)| *column == Some(groups)).map(|(_, what)| *what);
    let task = tasks.iter().any(|(_, column, _)| *column == Some(groups)).then_some("tasks");
    let path = match files {
        Files::Tape { path, .. } | Files::Stack { path } if *path == groups => Some("files"),
        _ => None,
    };
    let Some(what) = other.or(task).or(path) else { return };
    let hint = "what an image looks like must not depend on its label or on what it is used for: group by plate, batch, \"image\" \
                or \"set\"";
    problems.add(None, Some(hint), || {
        format!(
            "expected images grouped by anything but their {what} in `per` of `intensity`, found `{found}`"
        )
    });
}

/// True or False as written by pandas, R, spreadsheets and programming languages.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "True" | "true" | "TRUE" | "1" | "1.0" => Some(true),
        "False" | "false" | "FALSE" | "0" | "0.0" => Some(false),
        _ => None,
    }
}
