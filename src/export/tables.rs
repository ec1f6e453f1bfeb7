//! The four exported tables, and how their rows are read from the store.

use super::{
    Pace,
    selection::{Curve, Point, Selection},
};
use crate::store::Value;
use std::io;

/// A table, named like its file.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    from: Origin,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A whole number.
    Whole,
    /// A number, or null.
    Real,
    /// A measured number; NULL in the store means NaN.
    Measured,
    /// A JSON document.
    Json,
}

/// The source of rows.
enum Origin {
    /// A view, its column with the run's number, and its order.
    View(&'static str, &'static str, &'static str),
    /// Points of curves, in the columns of `v_curve`. Several work units of a run may be of the same kind, so
    /// each is named.
    Points,
}

use Kind::{Json, Measured, Real, Text, Whole};

/// Columns are named as in the views; numbers that mean something only inside one store are omitted.
pub(super) static TABLES: [Table; 4] = [
    Table {
        name: "runs",
        columns: &[
            ("uid", Text),
            ("experiment", Text),
            ("label", Json),
            ("place", Whole),
            ("spec", Text),
            ("seed", Whole),
            ("scale", Text),
            ("data", Text),
            ("status", Text),
            ("stale", Whole),
            ("tags", Text),
            ("works", Whole),
            ("works_done", Whole),
            ("started", Text),
            ("secs", Real),
            ("host", Text),
            ("numerics", Text),
            ("mixed", Whole),
            ("code", Text),
            ("dirty", Whole),
            ("outcome", Text),
            ("error", Text),
            ("config", Json),
        ],
        from: Origin::View("v_runs", "id", "id, experiment"),
    },
    Table {
        name: "scores",
        columns: &[
            ("uid", Text),
            ("experiment", Text),
            ("label", Json),
            ("place", Whole),
            ("spec", Text),
            ("seed", Whole),
            ("scale", Text),
            ("reads", Text),
            ("stale", Whole),
            ("kind", Text),
            ("world", Text),
            ("protocol", Text),
            ("data", Text),
            ("part", Text),
            ("task", Text),
            ("class", Text),
            ("metric", Text),
            ("goal", Text),
            ("value", Measured),
            ("images", Whole),
        ],
        from: Origin::View("v_results", "run", "run, experiment, protocol, data, part, task, class, metric"),
    },
    Table {
        name: "floors",
        columns: &[
            ("uid", Text),
            ("experiment", Text),
            ("label", Json),
            ("place", Whole),
            ("seed", Whole),
            ("scale", Text),
            ("reads", Text),
            ("floor", Text),
            ("protocol", Text),
            ("data", Text),
            ("part", Text),
            ("task", Text),
            ("class", Text),
            ("metric", Text),
            ("value", Measured),
            ("images", Whole),
        ],
        from: Origin::View(
            "v_floors",
            "run",
            "run, experiment, floor, protocol, data, part, task, class, metric",
        ),
    },
    Table {
        name: "curves",
        columns: &[
            ("uid", Text),
            ("seed", Whole),
            ("work", Text),
            ("kind", Text),
            ("metric", Text),
            ("clock", Whole),
            ("step", Whole),
            ("value", Measured),
            ("t_ms", Whole),
        ],
        from: Origin::Points,
    },
];

impl Table {
    /// Passes all rows to `take`, in batches, and returns their number.
    pub(super) fn rows(
        &self,
        selection: &Selection<'_>,
        pace: &mut Pace<'_>,
        mut take: impl FnMut(Vec<Vec<Value>>) -> io::Result<()>,
    ) -> io::Result<u64> {
        pace.begin(self.name, selection.len());
        let mut count = 0;
        for portion in selection.portions() {
            match self.from {
                Origin::View(view, run, order) => {
                    let columns: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
                    let sql = format!(
                        "SELECT {} FROM {view} WHERE {run} IN (SELECT value FROM json_each(?1))
                         AND (?2 IS NULL OR experiment GLOB ?2) ORDER BY {order}",
                        columns.join(", ")
                    );
                    let rows = selection.ask(&sql, portion)?;
                    count += rows.len() as u64;
                    take(rows)?;
                    pace.advance(portion.len())?;
                }
                Origin::Points => points(selection, portion, pace, &mut |rows| {
                    count += rows.len() as u64;
                    take(rows)
                })?,
            }
        }
        pace.end();
        Ok(count)
    }
}

fn points(
    selection: &Selection<'_>,
    portion: &[i64],
    pace: &mut Pace<'_>,
    take: &mut dyn FnMut(Vec<Vec<Value>>) -> io::Result<()>,
) -> io::Result<()> {
    // Curves belong to a run, not to an experiment: each is written once, however many experiments contain
    // the run.
    let sql = "SELECT id, uid, seed FROM run WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id";
    for run in selection.ask(sql, portion)? {
        let Value::Integer(id) = run[0] else { continue };
        for work in selection.works(id)? {
            for curve in selection.curves(&work)? {
                let names =
                    [&run[1], &run[2], &Value::Text(work.uid.clone()), &Value::Text(work.kind.clone())];
                selection.points(&curve, |page| {
                    pace.check()?;
                    let rows: Vec<_> = page.iter().map(|point| row(names, &curve, point)).collect();
                    take(rows)
                })?;
            }
        }
        pace.advance(1)?;
    }
    Ok(())
}

fn row(names: [&Value; 4], curve: &Curve, point: &Point) -> Vec<Value> {
    let mut row: Vec<Value> = names.into_iter().cloned().collect();
    row.extend([
        Value::Text(curve.metric.clone()),
        Value::Integer(curve.clock.into()),
        Value::Integer(point.step),
        Value::Real(point.value),
        Value::Integer(point.t_ms),
    ]);
    row
}
