//! Points of curves for the page's charts: at most about two thousand per curve, including the extremes; all
//! points of a narrow range; only new ones if the page has the rest.

use super::{
    ask::Ask,
    names::{self, EXPERIMENT, LABEL},
    url::Params,
    words,
};
use crate::{
    spec::kind::{FIT, PRETRAIN},
    store::{Error, Row, Value},
};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Curves with more points than this are thinned.
const MAX_POINTS: i64 = 2000;
/// The number of parts of the range; the lowest and the highest point of each are kept.
const PARTS: i64 = MAX_POINTS / 2;
/// Most runs in one chart.
pub(super) const RUNS: usize = 40;

/// The lowest and the highest point of each part of the range, and the first and last point of all; real
/// points, not means. Each part is a range of the key, so that nothing is sorted.
const THINNED: &str = "WITH RECURSIVE part(low) AS (SELECT ?3 UNION ALL SELECT low + ?5 FROM part WHERE low + ?5 <= ?4),
    kept AS MATERIALIZED (SELECT
      (SELECT step FROM scalar WHERE work_id = ?1 AND metric_id = ?2 AND step >= low AND step < low + ?5 AND step <= ?4
       AND value IS NOT NULL ORDER BY value LIMIT 1) AS least,
      (SELECT step FROM scalar WHERE work_id = ?1 AND metric_id = ?2 AND step >= low AND step < low + ?5 AND step <= ?4
       AND value IS NOT NULL ORDER BY value DESC LIMIT 1) AS most FROM part)
    SELECT s.step, s.value FROM (SELECT least AS step FROM kept UNION SELECT most FROM kept UNION SELECT ?3 UNION SELECT ?4) k
    JOIN scalar s ON s.work_id = ?1 AND s.metric_id = ?2 AND s.step = k.step ORDER BY s.step";

const EXACT: &str = "SELECT step, value FROM scalar WHERE work_id = ?1 AND metric_id = ?2 AND step BETWEEN ?3 AND ?4 ORDER BY step";

/// Means of parts of the range, for means over seeds.
const MEANS: &str = "SELECT step / ?5 * ?5 AS step, avg(value) AS value FROM scalar
    WHERE work_id = ?1 AND metric_id = ?2 AND step BETWEEN ?3 AND ?4 GROUP BY 1 ORDER BY 1";

/// The works of some runs that have curves of this kind, with what distinguishes them.
fn works() -> String {
    format!("SELECT r.uid, w.id AS work, w.uid AS work_uid, w.attempt, m.id AS metric_id, m.name AS metric,
      coalesce(w.json ->> '$.training.stage.on.sets', w.json ->> '$.data.sets', w.json ->> '$.train.data.sets')
        || coalesce(', stage ' || (w.json ->> '$.training.number' + 1), '') AS sets,
      (SELECT json_group_array(DISTINCT a.resumed_step) FROM attempt a WHERE a.work_id = w.id AND a.resumed_step > 0) AS resumed,
      {EXPERIMENT} AS experiment, {LABEL} AS label,
      (SELECT max(step) FROM scalar s WHERE s.work_id = w.id AND s.metric_id = m.id) AS last
    FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id AND w.kind = ?1 JOIN metric m ON m.name = ?2
    WHERE r.uid = ?3 AND last IS NOT NULL ORDER BY rw.place")
}

/// One curve.
struct Series {
    run: String,
    group: String,
    name: String,
    work: i64,
    metric: i64,
    last: i64,
    /// Changes when another attempt begins, because that may remove points.
    generation: String,
    /// Steps at which an attempt resumed it.
    resumed: Json,
}

/// The points of `metric` (several) of the works of `kind` of each `run`; `from` and `to` are steps. With
/// `by`: means over the runs with the same value of that axis. With `after` and `key`: only later points, if
/// nothing else has changed.
pub(super) fn answer(ask: &Ask<'_>, params: &Params) -> Result<Json, Error> {
    let (runs, metrics) = (params.all("run"), params.all("metric"));
    let kind = params.get("kind").unwrap_or(FIT);
    let by = params.get("by");
    let mut series = vec![];
    let runs = &runs[..runs.len().min(RUNS)];
    let names = names::apart(ask, runs)?;
    for (run, name) in runs.iter().zip(&names) {
        for metric in &metrics {
            series.extend(of_run(ask, run, kind, metric, (name, runs.len() > 1, metrics.len() > 1), by)?);
        }
    }
    let key: Vec<&str> = series.iter().map(|one| one.generation.as_str()).collect();
    let key = blake3::hash(key.join(" ").as_bytes()).to_hex()[..16].to_owned();
    let last = series.iter().map(|one| one.last).max().unwrap_or(0);
    let (from, to) = (params.number("from").unwrap_or(0), params.number("to").unwrap_or(i64::MAX));
    if by.is_some() {
        return Ok(
            json!({ "key": key, "last": last, "fresh": true, "series": grouped(ask, &series, from, to)? }),
        );
    }
    let after = params.number("after").filter(|_| params.get("key") == Some(key.as_str()));
    let mut drawn = vec![];
    for one in &series {
        let (points, whole) = points(ask, one, after.map_or(from, |after| from.max(after + 1)), to)?;
        let (x, y): (Vec<i64>, Vec<Json>) =
            points.into_iter().map(|(step, value)| (step, value.map_or(Json::Null, Json::from))).unzip();
        drawn.push(json!({ "name": one.name, "run": one.run, "x": x, "y": y, "whole": whole, "resumed": one.resumed }));
    }
    Ok(json!({ "key": key, "last": last, "fresh": after.is_none(), "series": drawn }))
}

fn of_run(
    ask: &Ask<'_>,
    run: &str,
    kind: &str,
    metric: &str,
    (name, runs, metrics): (&str, bool, bool),
    by: Option<&str>,
) -> Result<Vec<Series>, Error> {
    let found = ask.rows(&works(), &[Value::from(kind), Value::from(metric), Value::from(run)])?;
    let several = found.rows.len() > 1;
    let series = |row: Row<'_>| {
        let label = row.text("label");
        let mut parts = vec![];
        if runs {
            parts.push(name.to_owned());
        }
        if metrics || !runs {
            parts.push(metric.to_owned());
        }
        if several {
            parts.push(row.text("sets").replace(['[', ']', '"'], "").replace(',', " + "));
        }
        Series {
            run: run.into(),
            group: by.map(|axis| group(&label, &row.text("experiment"), axis)).unwrap_or_default(),
            name: parts.join(" · "),
            work: row.int("work"),
            metric: row.int("metric_id"),
            last: row.int("last"),
            resumed: serde_json::from_str(&row.text("resumed")).unwrap_or_default(),
            generation: format!("{}:{}:{}", row.int("work"), row.int("metric_id"), row.int("attempt")),
        }
    };
    Ok(found.iter().map(series).collect())
}

/// The value of an axis of a label, or of the experiment.
fn group(label: &str, experiment: &str, axis: &str) -> String {
    let axes: Json = serde_json::from_str(label).unwrap_or_default();
    match &axes[axis] {
        _ if axis == "experiment" => experiment.into(),
        Json::String(value) => value.clone(),
        Json::Null => format!("{experiment}, no {axis}"),
        value => value.to_string(),
    }
}

/// Steps and values, with NaN as null; and whether these are all points of the range.
type Points = Vec<(i64, Option<f64>)>;

fn points(ask: &Ask<'_>, series: &Series, from: i64, to: i64) -> Result<(Points, bool), Error> {
    let mut values = [series.work, series.metric, from, to].map(Value::Integer).to_vec();
    let range = "SELECT count(*) AS n, min(step) AS first, max(step) AS last FROM scalar
        WHERE work_id = ?1 AND metric_id = ?2 AND step BETWEEN ?3 AND ?4";
    let range = ask.rows(range, &values)?;
    let Some(range) = range.first() else { return Ok((vec![], true)) };
    let (n, first, last) = (range.int("n"), range.int("first"), range.int("last"));
    let whole = n <= MAX_POINTS;
    if !whole {
        values[2..].clone_from_slice(&[Value::Integer(first), Value::Integer(last)]);
        values.push(Value::Integer((last - first) / PARTS + 1));
    }
    let rows = ask.rows(if whole { EXACT } else { THINNED }, &values)?;
    Ok((rows.iter().map(|row| (row.int("step"), row.real("value"))).collect(), whole))
}

/// Mean and standard deviation over the runs of each group, at the middle of each part of the range.
fn grouped(ask: &Ask<'_>, series: &[Series], from: i64, to: i64) -> Result<Vec<Json>, Error> {
    let last = series.iter().map(|one| one.last).max().unwrap_or(0).min(to);
    let width = ((last - from) / (PARTS / 4)).max(0) + 1;
    // By group: the number of curves and, by step, the value of each of them.
    let mut groups: BTreeMap<&str, (i64, BTreeMap<i64, Vec<f64>>)> = BTreeMap::new();
    for one in series {
        let values = [one.work, one.metric, from, to, width].map(Value::Integer);
        let (curves, parts) = groups.entry(&one.group).or_default();
        *curves += 1;
        for row in ask.rows(MEANS, &values)?.iter() {
            if let Some(value) = row.real("value") {
                parts.entry(row.int("step") + width / 2).or_default().push(value);
            }
        }
    }
    let drawn = groups.into_iter().map(|(name, (curves, parts))| {
        let (mut x, mut mean, mut low, mut high) = (vec![], vec![], vec![], vec![]);
        for (step, values) in parts {
            let cell = crate::report::Cell::of(&values);
            let (middle, std) = (cell.value.unwrap_or(f64::NAN), cell.std.unwrap_or(0.0));
            x.push(step);
            mean.push(middle);
            low.push(middle - std);
            high.push(middle + std);
        }
        let name = format!("{name} ({})", words::several(curves, "curve"));
        json!({ "name": name, "x": x, "y": mean, "low": low, "high": high, "whole": false })
    });
    Ok(drawn.collect())
}

/// The metrics with curves of these runs, by kind of work: training first, each metric followed by its parts.
pub(super) fn metrics(ask: &Ask<'_>, runs: &[&str]) -> Result<Vec<(String, Vec<String>)>, Error> {
    let marks = vec!["?"; runs.len()].join(", ");
    let sql = format!(
        "SELECT w.kind, m.name FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id JOIN metric m
         WHERE r.uid IN ({marks}) AND EXISTS (SELECT 1 FROM scalar s WHERE s.work_id = w.id AND s.metric_id = m.id)
         GROUP BY 1, 2 ORDER BY w.kind = '{PRETRAIN}', w.kind, m.id"
    );
    let values: Vec<Value> = runs.iter().map(|run| Value::from(*run)).collect();
    let mut kinds: Vec<(String, Vec<String>)> = vec![];
    for row in ask.rows(&sql, &values)?.iter() {
        let kind = row.text("kind");
        if kinds.last().is_none_or(|(last, _)| *last != kind) {
            kinds.push((kind, vec![]));
        }
        if let Some((_, metrics)) = kinds.last_mut() {
            metrics.push(row.text("name"));
        }
    }
    Ok(kinds)
}
