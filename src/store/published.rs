//! The numbers that papers print, carried by the binary and kept in the store, so that SQL can join them.

use super::curves::metric;
use super::db::Db;
use super::error::Error;
use crate::evaluate::names::{AVERAGES, TASKS, from_paper};
use sqlx::Row;
use std::collections::HashSet;

macro_rules! tables {
    ($($paper:literal $tbl:literal),* $(,)?) => {
        [$(($paper, $tbl, include_str!(concat!("../../reports/paper/", $paper, "_", $tbl, ".csv")))),*]
    };
}

/// Paper, table and its text: one number a row.
const TABLES: [(&str, &str, &str); 5] = tables!["chammi" "table1", "chammi" "table2", "chammi" "table3", "chammi" "table4", "chammi" "morphem_readme"];

/// Columns of the files after `table`, which says in words what the file's name says.
#[derive(serde::Deserialize)]
struct Line {
    model: String,
    condition: String,
    task: String,
    value: String,
    flag: String,
    note: String,
}

/// Brings the printed numbers in the store up to date with those in the program; does nothing when they are.
pub(super) fn load(db: &mut Db) -> Result<(), Error> {
    db.doing = "load the printed numbers";
    let mut hash = blake3::Hasher::new();
    hash.update(format!("{TASKS:?} {AVERAGES:?}").as_bytes());
    for (paper, tbl, text) in TABLES {
        hash.update(paper.as_bytes()).update(tbl.as_bytes()).update(text.as_bytes());
    }
    let hash = hash.finalize().to_hex().to_string();
    let known = db.first(sqlx::query("SELECT value FROM store WHERE key = 'published'"))?;
    if known.is_some_and(|row| row.get::<&str, _>(0) == hash) {
        return Ok(());
    }
    db.transaction(|db| {
        db.execute(sqlx::query("DELETE FROM published"))?;
        let mut named = HashSet::new();
        for (paper, tbl, text) in TABLES {
            for (place, line) in lines(text).enumerate() {
                // Papers print macro-F1 of tasks and averages; what is neither is a number about the model.
                let (task, name) = match from_paper(&line.task) {
                    Some(task) => (task, "f1_macro".to_string()),
                    None => ("", line.task.clone()),
                };
                if named.insert(name.clone()) {
                    metric(db, &name)?;
                }
                insert(db, (paper, tbl, place as i64), (task, name), line)?;
            }
        }
        let query = sqlx::query(
            "INSERT INTO store VALUES ('published', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        );
        db.execute(query.bind(hash)).map(drop)
    })
}

fn lines(text: &str) -> impl Iterator<Item = Line> {
    csv::Reader::from_reader(text.as_bytes())
        .into_deserialize()
        .map(|line| line.expect("the files are part of the program, and a test reads them"))
}

fn insert(
    db: &mut Db,
    (paper, tbl, place): (&'static str, &'static str, i64),
    (task, metric): (&'static str, String),
    line: Line,
) -> Result<(), Error> {
    let decimals = line.value.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let query = sqlx::query(
        "INSERT INTO published(paper, tbl, place, model, condition, task, metric, value, decimals, flag, note)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let query = query.bind(paper).bind(tbl).bind(place).bind(line.model).bind(line.condition).bind(task);
    let query = query.bind(metric).bind(line.value.parse::<f64>().ok()).bind(decimals as i64);
    db.execute(query.bind(line.flag).bind(line.note)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printed_number_is_read_and_every_task_has_our_name() {
        let about_models =
            ["n_params_millions", "c_inference_forward_passes", "relative_change_percent_printed"];
        let mut n = 0;
        for (paper, tbl, text) in TABLES {
            for line in lines(text) {
                n += 1;
                let known = from_paper(&line.task).is_some() || about_models.contains(&line.task.as_str());
                assert!(known, "{paper} {tbl}: {}", line.task);
                assert!(
                    line.value.parse::<f64>().is_ok() || line.flag == "missing",
                    "{paper} {tbl}: {}",
                    line.value
                );
            }
        }
        assert_eq!(n, 57 + 179 + 180 + 300 + 27);
    }
}
