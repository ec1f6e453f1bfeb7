//! The numbers that papers publish, carried by the program and kept in the store, so that SQL can join them.

use super::curves::metric;
use super::db::Db;
use super::error::Error;
use crate::papers::{PAPERS, Paper};
use std::collections::HashSet;

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

/// Brings the published numbers in the store up to date with those in the program; does nothing when they are.
pub(super) fn load(db: &mut Db) -> Result<(), Error> {
    db.doing = "load the published numbers";
    let hash = digest(&PAPERS);
    let known = db.first(sqlx::query("SELECT value FROM store WHERE key = 'published'"))?;
    if known.is_some_and(|row| row.get::<&str>(0).is_ok_and(|known| known == hash)) {
        return Ok(());
    }
    db.transaction(|db| {
        db.execute(sqlx::query("DELETE FROM published"))?;
        let mut named = HashSet::new();
        for paper in PAPERS {
            for table in paper.tables {
                for (place, line) in lines(table.csv).enumerate() {
                    // What is neither a task nor an average is a number about the model.
                    let (task, name) = match paper.from_paper(&line.task) {
                        Some(task) => (task, table.metric.name.to_string()),
                        None => ("", line.task.clone()),
                    };
                    if named.insert(name.clone()) {
                        metric(db, &name)?;
                    }
                    insert(db, (paper.name, table.table, place as i64), (task, name), line)?;
                }
            }
        }
        let query = sqlx::query(
            "INSERT INTO store VALUES ('published', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        );
        db.execute(query.bind(hash)).map(drop)
    })
}

/// Changes with whatever the rows are made of.
fn digest(papers: &[&Paper]) -> String {
    let mut hash = blake3::Hasher::new();
    for paper in papers {
        let Paper { name, tasks, averages, tables, .. } = paper;
        hash.update(format!("{name} {tasks:?} {averages:?}").as_bytes());
        for table in *tables {
            hash.update(table.table.as_bytes()).update(table.metric.name.as_bytes());
            hash.update(table.csv.as_bytes());
        }
    }
    hash.finalize().to_hex().to_string()
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
    fn every_file_has_the_columns_that_the_store_reads() {
        for table in PAPERS.iter().flat_map(|paper| paper.tables) {
            assert!(lines(table.csv).count() > 0, "{}", table.table);
        }
    }

    #[test]
    fn another_metric_is_another_digest() {
        let paper = PAPERS[0];
        let mut tables = paper.tables.to_vec();
        tables[1].metric = crate::papers::ACCURACY;
        let other = Paper { tables: tables.leak(), ..*paper };
        assert_ne!(digest(&[paper]), digest(&[&other]));
    }
}
