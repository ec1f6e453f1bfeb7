//! Which rows of a table are not significantly worse than the best of a column, by their predictions.

use super::{
    Error, Table,
    answers::{self, Question},
    measured::{Measured, Source},
    table::Mark,
};
use crate::{
    evaluate::{bootstrap::Average, indistinguishable},
    spec::Features,
};

/// Marks them if their predictions are stored, and adds a note on the method. `behind` has a row's number and
/// its runs; `average` returns how a column's score is composed.
pub(super) fn level(
    store: &Source<'_>,
    table: &mut Table,
    behind: &[(usize, Vec<&Measured>)],
    average: impl Fn(&str) -> Option<Average>,
) -> Result<(), Error> {
    let columns = table.columns.iter().enumerate();
    let (places, averages): (Vec<usize>, Vec<Average>) =
        columns.filter_map(|(at, column)| Some((at, average(&column.name)?))).unzip();
    // Scores of classes get no such marks, so that no predictions need to be read.
    if averages.is_empty() {
        return Ok(());
    }
    let mut answers = Vec::new();
    for (row, seeds) in behind {
        let runs: Vec<(String, i64)> = seeds.iter().map(|one| (one.run.clone(), one.seed)).collect();
        let asked = answers::questions(store, &seeds[0].run)?;
        let world = &seeds[0].world;
        let same = |question: &&Question| {
            (&question.protocol, &question.data, &question.part)
                == (&world.protocol, &world.data, &world.part)
        };
        let Some(question) = asked.iter().find(same) else { continue };
        match answers::read(store, &store.cache, &seeds[0].spec, &runs, Features::Model, question) {
            Ok(found) => answers.push((*row, found)),
            Err(error) if error.is_a_loss() => {}
            Err(error) => return Err(error),
        }
    }
    // A single row has nothing to be compared with.
    if answers.len() < 2 {
        return Ok(());
    }
    let systems: Vec<_> = answers.iter().map(|(_, answers)| answers.lists()).collect();
    for (column, found) in places.into_iter().zip(indistinguishable::with_the_best(&systems, &averages)?) {
        for ((row, _), level) in answers.iter().zip(found) {
            let mark = &mut table.rows[*row].cells[column].mark;
            *mark = mark.or(level.then_some(Mark::Level));
        }
    }
    table.notes.push(format!(
        "Bold: the best of a column, and all rows that a paired bootstrap does not find worse (95 %, {} draws of groups, wells, \
         fields of view or images; seeds averaged). Underlined: the best of the others.",
        indistinguishable::DRAWS
    ));
    if answers.len() < behind.len() {
        table.notes.push(format!(
            "The predictions of {} rows could not be read, so they are left out; `dichroic db check --contents` names \
             missing and damaged files.",
            behind.len() - answers.len()
        ));
    }
    Ok(())
}
