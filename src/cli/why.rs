//! `why`: everything behind one cell of a printed table: runs, seeds, attempts, code, data, files.

use super::{
    failure::{Failure, Result},
    missing::published,
    options::StoreOption,
    output,
};
use crate::{
    papers::{Paper, Published},
    spelling::closest,
    store::{Reader, Store, Value},
};
use clap::Args;
use serde_json::{Map, Value as Json, json};

/// Shows everything behind one cell of a printed table: runs, seeds, attempts, code, data, files
#[derive(Args, Debug)]
pub(super) struct Why {
    /// The table: chammi_table4
    table: String,
    /// The row: HyperNet, or HyperNet/tps where the table has several of that model
    row: String,
    /// The column: HPA/Task_two, H_Task2 or OOD_mean
    column: String,
    #[command(flatten)]
    store: StoreOption,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

/// A row of an answer by the names of its columns.
type Named = Map<String, Json>;

const CELL: &str = "SELECT published, decimals, flag, experiment, spec, kind, world, scale, measured, std, n, difference, low, high,
      verdict FROM v_paper WHERE paper = ? AND tbl = ? AND model = ? AND condition = ? AND task = ? AND metric = ?
    ORDER BY kind, world, scale, spec";

/// The runs of a spec that have the number, and the attempt that stored it.
const RUNS: &str = "SELECT DISTINCT v.uid AS run, v.seed, v.value, v.images, v.reads AS data, v.stale,
      (SELECT why FROM v_stale s WHERE s.run = v.run) AS stale_because,
      (SELECT group_concat(t.tag, ' ') FROM tag t WHERE t.run_id = v.run) AS tags
    FROM v_results v WHERE v.spec = ? AND v.task = ? AND v.metric = ? AND v.part = '' AND v.class = ''
      AND v.kind = ? AND v.world = ? AND v.scale = ? ORDER BY v.seed";

/// The works that led to the scores of the model, without those of the floors beside it.
const WORKS: &str = "WITH RECURSIVE behind(id) AS (
      SELECT w.id FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id
      WHERE r.uid = ?1 AND w.kind = 'score' AND w.json ->> '$.features' = 'model'
      UNION SELECT p.parent_id FROM work_parent p JOIN behind b ON p.work_id = b.id)
    SELECT w.uid AS work, w.kind, a.n AS attempt, a.outcome, datetime(a.started_ms/1000, 'unixepoch') AS started,
      round((a.ended_ms - a.started_ms)/1000.0, 1) AS seconds, a.resumed_step, a.mixed, h.name AS host, a.numerics,
      k.commit_id AS \"commit\", k.dirty, k.diff IS NOT NULL OR k.diff_z IS NOT NULL AS diff_kept, substr(k.binary, 1, 12) AS binary,
      (SELECT group_concat(f.path || ' ' || substr(f.blake3, 1, 12), ', ') FROM artifact f WHERE f.work_id = w.id) AS files
    FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id
    JOIN behind b ON b.id = w.id JOIN attempt a ON a.work_id = w.id AND a.n = w.attempt JOIN host h ON h.id = a.host_id JOIN code k ON k.id = a.code_id
    WHERE r.uid = ?1 ORDER BY rw.place";

const NOTES: &str = "SELECT datetime(n.t_ms/1000, 'unixepoch') AS t, n.text FROM note n JOIN run r ON r.id = n.run_id WHERE r.uid = ?
    ORDER BY n.id";

impl Why {
    pub(super) fn run(&self) -> Result {
        let store = Store::open_read_only(self.store.path())?;
        let (paper, table) = published(&self.table)?;
        let task = paper.from_paper(&self.column).ok_or_else(|| self.no_column(paper))?;
        let (model, condition) = self.find_row(&store, paper, table)?;
        let metric = table.metric;
        let cell = [paper.name, table.table, &model, &condition, task, metric.name].map(text);
        let mut cells = ask(&store, CELL, &cell)?;
        if cells.is_empty() {
            let printed = paper.to_paper(task).unwrap_or(task);
            return Err(Failure::new(format!("{} does not report {printed} of {model}", self.table)));
        }
        for cell in cells.iter_mut().filter(|cell| !cell["spec"].is_null()) {
            let of = |name: &str| text(cell[name].as_str().unwrap_or_default());
            let mut runs = ask(
                &store,
                RUNS,
                &[of("spec"), text(task), text(metric.name), of("kind"), of("world"), of("scale")],
            )?;
            for run in &mut runs {
                let uid = [text(run["run"].as_str().unwrap_or_default())];
                let works = ask(&store, WORKS, &uid)?;
                run.insert("works".into(), json!(works));
                run.insert("notes".into(), json!(ask(&store, NOTES, &uid)?));
            }
            cell.insert("runs".into(), json!(runs));
        }
        if self.json {
            let head = json!({ "table": self.table, "model": model, "condition": condition, "task": task, "cells": cells });
            return output::say_json(&head);
        }
        let mut lines = vec![format!(
            "{}: {model}, {condition}, {} ({task}), {}",
            self.table,
            paper.to_paper(task).unwrap_or(task),
            metric.words
        )];
        let first = &cells[0];
        let flag = first["flag"].as_str().filter(|flag| *flag != "ok").map(|flag| format!(" ({flag})"));
        lines.push(match first["published"].as_f64() {
            Some(value) => {
                format!("  print: {value:.*}{}", whole(&first["decimals"]), flag.unwrap_or_default())
            }
            None => format!("  print: damaged{}", flag.unwrap_or_default()),
        });
        let measured: Vec<&Named> = cells.iter().filter(|cell| !cell["spec"].is_null()).collect();
        if measured.is_empty() {
            lines.push(format!(
                "  measured: nothing; `dichroic missing {}` says what would fill it",
                self.table
            ));
        }
        measured.iter().for_each(|cell| of_cell(cell, &mut lines));
        output::say(&lines.join("\n"))
    }

    fn no_column(&self, paper: &Paper) -> Failure {
        let averages = paper.averages.iter().map(|average| average.paper);
        let known: Vec<&str> = paper.tasks.iter().map(|task| task.paper).chain(averages).collect();
        let failure = Failure::new(format!("there is no task or average `{}`", self.column));
        match closest(&self.column, known.iter().copied()) {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None => failure.hint(format!("there are {}", known.join(", "))),
        }
    }

    /// Model and condition of the row.
    fn find_row(&self, store: &Reader, paper: &Paper, table: &Published) -> Result<(String, String)> {
        let sql = "SELECT model, condition FROM published WHERE paper = ? AND tbl = ? GROUP BY model, condition ORDER BY min(place)";
        let rows = store.query_with(sql, &[text(paper.name), text(table.table)])?.rows;
        let rows: Vec<(String, String)> =
            rows.iter().map(|row| (row[0].to_string(), row[1].to_string())).collect();
        let (model, condition) = self.row.split_once('/').map_or((&*self.row, None), |(m, c)| (m, Some(c)));
        let meant = |(m, c): &&(String, String)| {
            m.eq_ignore_ascii_case(model)
                && condition.is_none_or(|condition| c.eq_ignore_ascii_case(condition))
        };
        let found: Vec<&(String, String)> = rows.iter().filter(meant).collect();
        let list = |rows: &mut dyn Iterator<Item = &(String, String)>| {
            rows.map(|(model, condition)| format!("{model}/{condition}")).collect::<Vec<_>>().join(", ")
        };
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(Failure::new(format!("{} has no row `{}`", self.table, self.row))
                .hint(format!("there are {}", list(&mut rows.iter())))),
            several => Err(Failure::new(format!("{} has several rows `{}`", self.table, self.row))
                .hint(format!("say which: {}", list(&mut several.iter().copied())))),
        }
    }
}

fn of_cell(cell: &Named, lines: &mut Vec<String>) {
    let word = |name: &str| shown(&cell[name]);
    let world = if word("world").is_empty() { String::new() } else { format!(" (world {})", word("world")) };
    let spread = match cell["std"].as_f64() {
        Some(std) => format!("{:.3} ± {std:.3}, {} seeds", number(&cell["measured"]), word("n")),
        None => format!("{:.3}, one seed", number(&cell["measured"])),
    };
    lines.push(format!(
        "  measured: {spread}; {} cells{world}, scale {}, spec {} of {}: {}",
        word("kind"),
        word("scale"),
        word("spec"),
        word("experiment"),
        word("verdict")
    ));
    if let (Some(low), Some(high)) = (cell["low"].as_f64(), cell["high"].as_f64()) {
        lines.push(format!(
            "    another training would lie between {low:.3} and {high:.3} in 95 of 100 cases"
        ));
    }
    for run in cell["runs"].as_array().into_iter().flatten() {
        let stale = run["stale_because"].as_str().map(|why| format!(", stale: {why}"));
        let tags = run["tags"].as_str().map(|tags| format!(", tagged {tags}"));
        lines.push(format!(
            "    seed {}: {:.4} by run {}{}{}",
            shown(&run["seed"]),
            number(&run["value"]),
            shown(&run["run"]),
            stale.unwrap_or_default(),
            tags.unwrap_or_default()
        ));
        lines.push(format!("      data {}", shown(&run["data"])));
        for work in run["works"].as_array().into_iter().flatten() {
            let commit =
                work["commit"].as_str().map_or("no commit", |commit| &commit[..commit.len().min(10)]);
            let dirty = match (whole(&work["dirty"]), whole(&work["diff_kept"])) {
                (0, _) => "",
                (_, 0) => ", changed since",
                _ => ", changed since (the diff is kept)",
            };
            let resumed = work["resumed_step"].as_u64().map(|step| format!(", went on at step {step}"));
            let mixed = if whole(&work["mixed"]) == 1 { ", on mixed machines" } else { "" };
            lines.push(format!(
                "      {} {}: attempt {}, {} in {} s at {} UTC on {} ({}), commit {commit}{dirty}{}{mixed}",
                shown(&work["kind"]),
                shown(&work["work"]),
                shown(&work["attempt"]),
                shown(&work["outcome"]),
                shown(&work["seconds"]),
                shown(&work["started"]),
                shown(&work["host"]),
                shown(&work["numerics"]),
                resumed.unwrap_or_default()
            ));
            for file in work["files"].as_str().into_iter().flat_map(|files| files.split(", ")) {
                lines.push(format!("        {file}"));
            }
        }
        for note in run["notes"].as_array().into_iter().flatten() {
            lines.push(format!("      note of {} UTC: {}", shown(&note["t"]), shown(&note["text"])));
        }
    }
}

fn ask(store: &Reader, sql: &str, values: &[Value]) -> Result<Vec<Named>> {
    let rows = store.query_with(sql, values)?;
    let Json::Array(rows) = rows.json() else { return Ok(Vec::new()) };
    Ok(rows
        .into_iter()
        .filter_map(|row| if let Json::Object(row) = row { Some(row) } else { None })
        .collect())
}

fn text(text: impl AsRef<str>) -> Value {
    Value::Text(text.as_ref().to_owned())
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn number(value: &Json) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn whole(value: &Json) -> usize {
    value.as_u64().unwrap_or(0) as usize
}
