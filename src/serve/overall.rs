//! The one score of a run that lists show and sort by: a paper's overall average, otherwise the mean over its
//! tasks.

use crate::{
    papers::{MACRO_F1, Measure, PAPERS},
    store::Row,
};
use std::sync::LazyLock;

/// Its metric: every task has a score in it.
pub(super) const METRIC: Measure = MACRO_F1;

/// The same as a column of `run r`: the score of a finished run's current work.
pub(super) fn sql() -> &'static str {
    &SQL
}

static SQL: LazyLock<String> = LazyLock::new(|| {
    let metric = METRIC.name;
    let overall = PAPERS.iter().filter_map(|paper| paper.overall()).map(|average| average.name);
    let overall = quoted(overall);
    // The metric is a literal, so that SQLite uses its partial index.
    format!(
        "CASE WHEN r.status = 'done' THEN coalesce(
      (SELECT s.value FROM score s WHERE s.run_id = r.id AND s.part = '' AND s.task IN ({overall}) AND s.class = '' AND s.metric = '{metric}'
         AND EXISTS (SELECT 1 FROM attempt a JOIN run_work rw ON rw.work_id = a.work_id WHERE a.id = s.attempt_id AND rw.run_id = r.id)),
      (SELECT avg(s.value) FROM score s WHERE s.run_id = r.id AND s.part = '' AND s.class = '' AND s.metric = '{metric}'
         AND instr(s.task, '/') > 0 AND s.task NOT LIKE '%/held_out'
         AND EXISTS (SELECT 1 FROM attempt a JOIN run_work rw ON rw.work_id = a.work_id WHERE a.id = s.attempt_id AND rw.run_id = r.id))) END"
    )
});

/// The program's own names as SQL literals: they contain no quotes.
fn quoted(names: impl Iterator<Item = &'static str>) -> String {
    names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// A condition: `paper` and `task` are the columns of a paper's overall average.
pub(super) fn is_overall(paper: &str, task: &str) -> String {
    let of_paper = |known: &&crate::papers::Paper| {
        let overall = known.overall()?;
        Some(format!("{paper} = '{}' AND {task} = '{}'", known.name, overall.name))
    };
    let any: Vec<String> = PAPERS.iter().filter_map(of_paper).collect();
    format!("({})", any.join(" OR "))
}

/// Its value in a row that has it as a column.
pub(super) fn of(row: Row<'_>) -> Option<f64> {
    row.real(METRIC.name)
}
