//! Learning curves of an experiment's systems: a metric over the steps of their trainings.

use super::{
    Cell, Column, Error, Kind, Row, Table,
    curves::{self, Line, Panel},
    document::Shown,
    measured::{Source, rows_with},
    systems::{self, System},
    table::heads,
};
use crate::spec::kind::FIT;
use std::collections::BTreeMap;

/// Most points of a line; neighbouring steps are averaged.
const POINTS: i64 = 300;

/// The metric of each system: a line over steps with a band over seeds, and its last value.
pub(super) fn report(
    title: &str,
    experiment: &str,
    metric: &str,
    store: &Source<'_>,
) -> Result<Shown, Error> {
    let systems = systems::of(store, experiment)?;
    let mut lines = vec![];
    let mut rows = vec![];
    for system in &systems {
        let seeds = seeds(store, system, metric)?;
        if seeds.is_empty() {
            continue;
        }
        let last: Vec<f64> = seeds.iter().filter_map(|seed| seed.values().last().copied()).collect();
        let least =
            seeds.iter().filter_map(|seed| seed.values().copied().reduce(f64::min)).collect::<Vec<_>>();
        let steps = seeds.iter().filter_map(|seed| seed.keys().last()).max().copied().unwrap_or(0);
        rows.push(Row {
            stub: vec![system.name.clone(), system.spec.clone(), seeds.len().to_string(), steps.to_string()],
            kind: Kind::Measured,
            cells: vec![Cell::of(&last), Cell::of(&least)],
            note: String::new(),
        });
        lines.push(Line { name: system.name.clone(), points: band(&seeds) });
    }
    let mut table = Table {
        title: format!("`{metric}` at the end of training"),
        stub: heads(&["system", "spec", "seeds", "steps"]),
        columns: vec![Column::of("last", "last"), Column::of("least", "least")],
        rows,
        notes: vec![
            "Mean ± sample standard deviation over seeds of the last point, and of the lowest. In the figure, neighbouring steps \
             are averaged; the band is ± one standard deviation over seeds."
                .into(),
        ],
        ..Table::default()
    };
    if table.rows.is_empty() {
        table = systems::nothing(experiment);
    }
    let panel = Panel { heading: experiment.into(), lines };
    Ok(Shown {
        title: title.into(),
        tables: vec![table],
        caption: format!("{metric} over the steps of training"),
        figure: (!panel.lines.is_empty()).then(|| curves::draw(&[panel], metric)),
        points: None,
    })
}

/// For each seed, the metric of its training by step, with neighbouring steps averaged.
fn seeds(store: &Source<'_>, system: &System, metric: &str) -> Result<Vec<BTreeMap<i64, f64>>, Error> {
    let mut all = vec![];
    for (run, _) in &system.runs {
        // Of several stages the last one.
        let sql = format!(
            "WITH c AS (SELECT step, value FROM v_curve v
                WHERE uid = ?1 AND kind = '{FIT}' AND metric = ?2 AND value IS NOT NULL
                  AND NOT EXISTS (SELECT 1 FROM work_parent p JOIN work n ON n.id = p.work_id AND n.kind = '{FIT}'
                    JOIN run_work rw ON rw.work_id = n.id AND rw.run_id = v.run WHERE p.parent_id = v.work))
            SELECT max(step) AS last, avg(value) AS value FROM c
            GROUP BY (step - 1) * ?3 / (SELECT max(step) FROM c) ORDER BY last"
        );
        let points: BTreeMap<i64, f64> = rows_with(store, &sql, &[run, metric, &POINTS.to_string()])?
            .iter()
            .filter_map(|row| Some((row.int("last"), row.real("value")?)))
            .collect();
        all.extend((!points.is_empty()).then_some(points));
    }
    Ok(all)
}

/// Mean and deviation over the seeds that have a step.
fn band(seeds: &[BTreeMap<i64, f64>]) -> Vec<(f64, f64, f64)> {
    let mut at: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (step, value) in seeds.iter().flatten() {
        at.entry(*step).or_default().push(*value);
    }
    let point = |(step, values): (i64, Vec<f64>)| {
        let cell = Cell::of(&values);
        (step as f64, cell.value.unwrap_or(f64::NAN), cell.std.unwrap_or(0.0))
    };
    at.into_iter().map(point).collect()
}
