//! Papers as data: the tables that each publishes, its names for tasks and averages, and which of its rows a
//! spec reproduces.
//!
//! A table is a CSV file in this folder, one number per row, and a [`Published`] in the file of its paper.
//! Everything above (scores, store, reports, page) takes the names, metrics and protocols of papers from
//! here.

pub mod chammi;
pub mod coda;
mod find;
mod measure;
pub mod recipes;

pub(crate) use find::place;
pub use find::{NotPublished, find};
pub use measure::{ACCURACY, CLASS_F1, MACRO_F1, Measure, capitalised};

use crate::spec::{Protocol, Spec};

/// Every paper that this program knows.
pub const PAPERS: [&Paper; 2] = [&chammi::PAPER, &coda::PAPER];

/// One paper.
#[derive(Debug)]
pub struct Paper {
    /// The name in the store, and the first argument of `Report::published`.
    pub name: &'static str,
    /// The data set of its tasks.
    pub data: &'static str,
    /// Its tasks in its order.
    pub tasks: &'static [Task],
    /// Its averages over tasks, the overall one first.
    pub averages: &'static [Average],
    /// Its tables.
    pub tables: &'static [Published],
    /// Its figures that reports can draw: `figure5`.
    pub figures: &'static [&'static str],
    /// Readable names for the parts of a row's condition, which the CSV files join with `+`; other parts are
    /// unchanged.
    pub conditions: &'static [(&'static str, &'static str)],
    /// The paper's name for the model of a spec, whether or not one of its rows matches that spec.
    pub model: fn(&Spec) -> Option<&'static str>,
    /// The rows of its tables that a spec reproduces, in the order of [`tables`](Self::tables).
    pub rows: fn(&Spec) -> Vec<Placed>,
}

/// One scored task of a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// The name in the store and in JSON.
    pub name: &'static str,
    /// The name in the paper's tables.
    pub paper: &'static str,
    /// The heading of a column.
    pub short: &'static str,
    /// Whether it queries something that training has not seen.
    pub novel: bool,
}

/// One average over tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Average {
    /// The name in the store and in JSON.
    pub name: &'static str,
    /// The name in the paper's tables.
    pub paper: &'static str,
    /// Other names.
    pub also: &'static [&'static str],
    /// The heading of a column.
    pub short: &'static str,
    /// The weight of each task.
    pub parts: &'static [(&'static str, f64)],
}

/// One published table.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its name: `table4`.
    pub table: &'static str,
    /// Its numbers: `table,model,condition,task,value,flag,note`, one number per row.
    pub csv: &'static str,
    /// The metric of its tasks and averages.
    pub metric: Measure,
    /// The protocol that scored them.
    pub protocol: Protocol,
    /// The title of a report of it.
    pub title: &'static str,
    /// The note below a report of it: the source, and over what its numbers are means.
    pub source: &'static str,
    /// Rows that no run can reproduce.
    pub unfillable: &'static [Unfillable],
}

/// A row that no run can reproduce.
#[derive(Clone, Copy, Debug)]
pub struct Unfillable {
    /// The row's model.
    pub model: &'static str,
    /// The row's condition.
    pub condition: &'static str,
    /// The reason.
    pub why: &'static str,
}

/// A row of a table that a spec reproduces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The table: `table4`.
    pub table: &'static str,
    /// The row's model.
    pub model: &'static str,
    /// The row's condition.
    pub condition: &'static str,
    /// Why the published numbers cannot have come from this spec, if they cannot.
    pub against: Option<String>,
}

impl Task {
    /// The set: `Allen`.
    pub fn set(&self) -> &'static str {
        self.name.split_once('/').map_or(self.name, |(set, _)| set)
    }
}

impl Average {
    /// Its value, if `score` returns all of its tasks by their names in the store.
    pub fn of(&self, score: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        self.parts.iter().map(|(task, weight)| Some(weight * score(task)?)).sum()
    }
}

impl Published {
    /// Why no run can reproduce this row, if none can.
    pub fn unfillable(&self, model: &str, condition: &str) -> Option<&'static str> {
        let row = |row: &&Unfillable| row.model == model && row.condition == condition;
        self.unfillable.iter().find(row).map(|row| row.why)
    }
}

impl Paper {
    /// Its overall score.
    pub fn overall(&self) -> Option<&'static Average> {
        self.averages.first()
    }

    /// One of its averages by its name in the store.
    pub fn average(&self, name: &str) -> Option<&'static Average> {
        self.averages.iter().find(|average| average.name == name)
    }

    /// One of its tasks by its name in the store.
    pub fn task(&self, name: &str) -> Option<&'static Task> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// One of its tables.
    pub fn table(&self, table: &str) -> Option<&'static Published> {
        self.tables.iter().find(|published| published.table == table)
    }

    /// The name in the store of a task or an average, given the paper's spelling or the store's.
    pub fn from_paper(&self, word: &str) -> Option<&'static str> {
        let task = self.tasks.iter().find(|task| task.paper == word || task.name == word);
        let average = || {
            let called = |average: &&Average| {
                average.paper == word || average.name == word || average.also.contains(&word)
            };
            self.averages.iter().find(called).map(|average| average.name)
        };
        task.map(|task| task.name).or_else(average)
    }

    /// The paper's spelling of a task or an average of the store.
    pub fn to_paper(&self, name: &str) -> Option<&'static str> {
        self.task(name).map(|task| task.paper).or_else(|| self.average(name).map(|average| average.paper))
    }

    /// The heading of the column of a task or an average.
    pub fn short(&self, name: &str) -> Option<&'static str> {
        self.average(name).map(|average| average.short).or_else(|| self.task(name).map(|task| task.short))
    }

    /// A row's condition for readers: `TPS + 0.2 SSL`.
    pub fn condition(&self, condition: &str) -> String {
        let word =
            |part| self.conditions.iter().find(|(known, _)| *known == part).map_or(part, |(_, words)| *words);
        condition.split('+').map(word).collect::<Vec<_>>().join(" + ")
    }

    /// The metrics of its tables, without duplicates.
    pub fn metrics(&self) -> Vec<Measure> {
        let mut metrics: Vec<Measure> = vec![];
        for table in self.tables {
            if !metrics.contains(&table.metric) {
                metrics.push(table.metric);
            }
        }
        metrics
    }

    /// The names of all its reports: tables, then figures.
    pub fn reports(&self) -> impl Iterator<Item = &'static str> {
        self.tables.iter().map(|table| table.table).chain(self.figures.iter().copied())
    }
}

/// A paper by its name.
pub fn named(name: &str) -> Option<&'static Paper> {
    PAPERS.into_iter().find(|paper| paper.name == name)
}

/// The papers whose tasks use a data set.
pub fn on(data: &str) -> impl Iterator<Item = &'static Paper> {
    PAPERS.into_iter().filter(move |paper| paper.data == data)
}

/// Whether a name in the store is an average of any paper.
pub fn is_average(name: &str) -> bool {
    PAPERS.iter().any(|paper| paper.average(name).is_some())
}

/// A paper's spelling of a task or an average of the store.
pub fn to_paper(name: &str) -> Option<&'static str> {
    PAPERS.iter().find_map(|paper| paper.to_paper(name))
}

/// The sort key of a task or an average: papers' averages and tasks in the papers' order, then others by set
/// and number. `Task_two` comes before `Task_three`.
pub fn order(name: &str) -> (usize, &str, usize) {
    let of = |paper: &'static Paper| {
        let averages = paper.averages.iter().map(|average| average.name);
        averages.chain(paper.tasks.iter().map(|task| task.name))
    };
    let known = PAPERS.into_iter().flat_map(of).position(|known| known == name).unwrap_or(usize::MAX);
    let (set, task) = name.split_once('/').unwrap_or((name, ""));
    let number = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let number = number.iter().position(|word| task.ends_with(&format!("_{word}"))).unwrap_or(usize::MAX);
    (known, set, number)
}

#[cfg(test)]
mod tests;
