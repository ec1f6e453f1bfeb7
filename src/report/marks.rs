//! Which rows of a table cannot be told from the best of a column, by the predictions behind them.

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

/// Marks them, as far as predictions are kept, and says how that was found. `behind` has a row's number and its runs;
/// `average` what a column's score is made of.
pub(super) fn level(
    store: &Source<'_>,
    table: &mut Table,
    behind: &[(usize, Vec<&Measured>)],
    average: impl Fn(&str) -> Option<Average>,
) -> Result<(), Error> {
    let columns = table.columns.iter().enumerate();
    let (places, averages): (Vec<usize>, Vec<Average>) =
        columns.filter_map(|(at, column)| Some((at, average(&column.name)?))).unzip();
    // Scores of classes have no such marks, and nobody's predictions need to be read for them.
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
        match answers::read(store, &store.shelf, &seeds[0].spec, &runs, Features::Model, question) {
            Ok(found) => answers.push((*row, found)),
            Err(error) if error.is_a_loss() => {}
            Err(error) => return Err(error),
        }
    }
    // Alone, one is not better than anybody.
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
        "Bold: the best of a column, and all that a paired bootstrap cannot tell from it (95 %, {} draws of groups, wells, \
         fields of view or images; seeds averaged). Underlined: the best of the others.",
        indistinguishable::DRAWS
    ));
    if answers.len() < behind.len() {
        table.notes.push(format!(
            "{} of the rows have no predictions that could be read, and are not among them; `dichroic db check --contents` names \
             missing and damaged files.",
            behind.len() - answers.len()
        ));
    }
    Ok(())
}
