//! The paper's Figure 10: F1 of every class of every task, for the off-the-shelf backbone and each fine-tuned model.

use super::super::measured::{self, Source};
use super::super::table::DIGITS;
use super::super::{Column, Error, Table};
use super::scores::{Asked, CAPTION, classes, printed};
use super::{Declaration, Shown, TUNED, title};
use crate::evaluate::names::TASKS;
use std::collections::BTreeSet;

/// Asks the store. A table for each set, because one of all classes would be too wide to read.
pub(super) fn report(store: &Source<'_>, declared: &[Declaration]) -> Result<Shown, Error> {
    let mut rows = printed(&TUNED, store)?;
    rows.retain(|(print, _)| TUNED.has(print));
    let measured = store.on("chammi")?;
    let worlds = measured::by_world(&measured);
    let classes = classes(&measured);
    let mut asked = Asked { paper: &TUNED, printed: &rows, declared, columns: Vec::new(), store };
    let figure = asked.figure(&worlds, &classes);
    let sets: BTreeSet<&str> = TASKS.iter().map(|task| task.set()).collect();
    let mut tables: Vec<Table> = Vec::new();
    for (world, runs) in &worlds {
        for set in &sets {
            let tasks = TASKS.iter().filter(|task| task.set() == *set);
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
        table.notes.push("The paper draws these numbers and does not print them.".into());
    }
    let title = title("CHAMMI, Figure 10: F1 of every class", &worlds);
    Ok(Shown { title, tables, caption: CAPTION.into(), figure, points: None })
}
