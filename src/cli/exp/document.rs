//! The JSON document that `exp --json` prints per run. Scripts rely on these names.

use super::super::{
    failure::Result,
    jobs::{Declaration, Job},
    options::labels,
};
use crate::{
    data::DataSet,
    papers::{Average, PAPERS},
    store::{Reader, RunState, ScoreRow},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Scores of whole tasks by task and metric: `{"Allen/Task_one": {"accuracy": 0.9, "f1_macro": 0.8}}`.
type Tasks<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Value>>;

pub(super) fn of(
    store: &Reader,
    declaration: &Declaration,
    job: &Job,
    state: &RunState,
    data: &BTreeMap<String, DataSet>,
) -> Result<Value> {
    let plan = &job.plan;
    let scores = store.scores(plan.run.as_str())?;
    let floors = store.floors(plan.run.as_str())?;
    let first = plan.spec.evaluate.first();
    let first = first.map(|first| (first.protocol.name(), first.data.name.clone(), first.data.part()));
    let of_first = |row: &&ScoreRow| {
        let asked = |(protocol, data, part): &(String, String, String)| {
            (protocol, data, part) == (&row.protocol, &row.data, &row.part)
        };
        first.as_ref().is_some_and(asked)
    };

    let mut by_floor: BTreeMap<&str, Vec<&ScoreRow>> = BTreeMap::new();
    for (floor, row) in &floors {
        by_floor.entry(floor.as_str()).or_default().push(row);
    }
    let by_floor: BTreeMap<&str, Tasks<'_>> =
        by_floor.into_iter().map(|(floor, rows)| (floor, tasks(rows.into_iter().filter(of_first)))).collect();
    let value = |average: &Average| {
        let whole = |row: &&ScoreRow| row.part.is_empty() && row.class.is_empty();
        let mut scores = scores.iter().filter(of_first).filter(whole);
        scores.find(|row| row.task == average.name).map(|row| row.value)
    };
    let data: BTreeMap<&String, Value> = plan
        .data
        .iter()
        .map(|(name, fingerprint)| {
            let kind = data.get(name).map(|set| set.kind.name());
            (name, json!({ "kind": kind, "fingerprint": fingerprint }))
        })
        .collect();
    let mut document = json!({
        "experiment": declaration.entry.name,
        "label": labels(&declaration.declared.labels),
        "spec": plan.spec_id,
        "run": plan.run,
        "seed": plan.seed.0,
        "scale": job.scale.as_str(),
        "data": data,
        "status": state.status.as_str(),
        "seconds": state.seconds,
        "results": tasks(scores.iter().filter(of_first)),
        "scores": scores.iter().map(score).collect::<Vec<_>>(),
        "floors": by_floor,
    });
    for overall in PAPERS.iter().filter_map(|paper| paper.overall()) {
        document[overall.name] = value(overall).into();
    }
    Ok(document)
}

/// Averages over tasks are not tasks: the overall ones have a key of their own, and all are in `scores`.
fn tasks<'a>(rows: impl Iterator<Item = &'a ScoreRow>) -> Tasks<'a> {
    let mut tasks = Tasks::new();
    for row in rows.filter(|row| row.class.is_empty() && row.task.contains('/')) {
        tasks.entry(&row.task).or_default().insert(&row.metric, row.value.into());
    }
    tasks
}

fn score(row: &ScoreRow) -> Value {
    let ScoreRow { protocol, data, part, task, class, metric, value, .. } = row;
    json!({ "protocol": protocol, "data": data, "part": part, "task": task, "class": class, "metric": metric, "value": value })
}
