//! The paper's Figure 10: F1 of every class of every task, for the off-the-shelf backbone and each fine-tuned model.

use super::super::scores::{Asked, CAPTION, classes};
use super::super::{Declaration, Shown, title};
use super::{PAPER, tuned, tuned_rows};
use crate::report::measured::{self, Source};
use crate::report::table::DIGITS;
use crate::report::{Column, Error, Table};
use std::collections::BTreeSet;

/// Builds it from the store. One table per set, because one of all classes would be too wide to read.
pub(super) fn report(store: &Source<'_>, declared: &[Declaration]) -> Result<Shown, Error> {
    let rows = tuned_rows(store)?;
    let measured = store.on(PAPER.data)?;
    let worlds = measured::by_world(&measured);
    let classes = classes(&PAPER, &measured);
    let mut asked =
        Asked { paper: &PAPER, table: tuned(), printed: &rows, declared, columns: Vec::new(), store };
    let figure = asked.figure(&worlds, &classes);
    let sets: BTreeSet<&str> = PAPER.tasks.iter().map(|task| task.set()).collect();
    let mut tables: Vec<Table> = Vec::new();
    for (world, runs) in &worlds {
        for set in &sets {
            let tasks = PAPER.tasks.iter().filter(|task| task.set() == *set);
            let columns = tasks.flat_map(|task| {
                let of_task = classes.iter().filter(|(name, _)| name == task.name);
                of_task.map(|(name, class)| Column {
                    line: format!("{} {class}", task.short),
                    group: task.short.into(),
                    head: class.clone(),
                    name: format!("{name}/{class}"),
                    digits: DIGITS,
                })
            });
            asked.columns = columns.collect();
            let mut table = asked.of_world(Some(world), runs)?;
            table.title = format!("{set}: {}", table.title);
            tables.push(table);
        }
    }
    if tables.is_empty() {
        tables.push(asked.of_world(None, &[])?);
    }
    for table in &mut tables {
        table.notes[0] = table.notes[0].replace("Macro-F1", "F1 of each class");
        table.notes.push("The paper draws these values and gives no numbers.".into());
    }
    let title = title("CHAMMI, Figure 10: F1 of every class", &worlds);
    Ok(Shown { title, tables, caption: CAPTION.into(), figure, points: None })
}
