//! Read-only queries on the store.

use super::answer::{Rows, Value};
use super::db::Db;
use super::error::Error;
use super::line::Line;
use super::names;
use super::rows::{ArtifactRow, Floor, PublishedRow, RunState, ScoreRow, Status, WorkState};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, TypeInfo, ValueRef};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A read-only connection, usable from any thread.
pub struct Reader {
    db: Mutex<Db>,
    path: PathBuf,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self { db: Mutex::new(Db::read(path)?), path: path.to_owned() })
    }

    /// The path of the store.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file that the store records relative to the folder `<store>.d`.
    ///
    /// # Errors
    /// If that leads out of the store's folders.
    pub fn file(&self, noted: &str) -> Result<PathBuf, Error> {
        names::file(&self.path, noted)
    }

    /// Writes a snapshot of the database to `to`, even while others write.
    pub(super) fn copy(&self, to: &Path) -> Result<(), Error> {
        let statement = sqlx::query("VACUUM INTO ?").bind(to.to_string_lossy().into_owned());
        let mut db = self.db("copy the store");
        // SQLite counts this as writing, though it writes another file; the connection itself stays
        // read-only.
        db.execute(sqlx::query("PRAGMA query_only = 0"))?;
        let copied = db.execute(statement);
        db.execute(sqlx::query("PRAGMA query_only = 1"))?;
        copied.map(drop)
    }

    /// The result of one reading SQL statement.
    pub fn query(&self, sql: &str) -> Result<Rows, Error> {
        self.query_with(sql, &[])
    }

    /// The same, with a value for each `?`.
    pub fn query_with(&self, sql: &str, values: &[Value]) -> Result<Rows, Error> {
        let sql = question(sql)?;
        let mut db = self.db("answer");
        let columns = db.columns(sql)?;
        let query = values.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
            Value::Null => query.bind(None::<i64>),
            Value::Integer(value) => query.bind(*value),
            Value::Real(value) => query.bind(*value),
            Value::Text(value) => query.bind(value.clone()),
            Value::Blob(value) => query.bind(value.clone()),
        });
        let rows = db.all(query).map_err(reads_only)?;
        let rows = rows.iter().map(|row| row.values(columns.len())).collect();
        Ok(Rows { columns, rows })
    }

    /// The state of a run; `None` if it was never registered.
    pub fn run(&self, uid: &str) -> Result<Option<RunState>, Error> {
        run_state(&mut self.db("read a run"), uid)
    }

    /// The state of a work; `None` if it was never registered.
    pub fn work(&self, uid: &str) -> Result<Option<WorkState>, Error> {
        let query = sqlx::query("SELECT uid, kind, status, attempts, error FROM v_works WHERE uid = ?");
        self.db("read a work").first(query.bind(uid.to_string()))?.as_ref().map(work_state).transpose()
    }

    /// The scores of a run's current work, in the order of their key.
    pub fn scores(&self, run: &str) -> Result<Vec<ScoreRow>, Error> {
        let query = sqlx::query(
            "SELECT s.protocol, s.data, s.part, s.task, s.class, s.metric, s.value, s.n
             FROM run r JOIN score s ON s.run_id = r.id JOIN attempt a ON a.id = s.attempt_id
             JOIN run_work w ON w.run_id = r.id AND w.work_id = a.work_id
             WHERE r.uid = ? ORDER BY 1, 2, 3, 4, 5, 6",
        );
        self.db("read scores").all(query.bind(run.to_string()))?.iter().map(score).collect()
    }

    /// The floors of the same evaluation.
    pub fn floors(&self, run: &str) -> Result<Vec<(Floor, ScoreRow)>, Error> {
        let query = sqlx::query(
            "SELECT f.protocol, f.data, f.part, f.task, f.class, f.metric, f.value, f.n, f.floor
             FROM run r JOIN run_work w ON w.run_id = r.id JOIN floor f ON f.work_id = w.work_id
             WHERE r.uid = ? ORDER BY f.floor, 1, 2, 3, 4, 5, 6",
        );
        let row = |row: &Line| Ok((row.word(8, "a floor", Floor::of)?, score(row)?));
        self.db("read floors").all(query.bind(run.to_string()))?.iter().map(row).collect()
    }

    /// The files of a work.
    pub fn artifacts(&self, work: &str) -> Result<Vec<ArtifactRow>, Error> {
        let query = sqlx::query(
            "SELECT f.name, f.kind, f.path, f.bytes, f.blake3, f.step
             FROM work w JOIN artifact f ON f.work_id = w.id WHERE w.uid = ? ORDER BY f.name",
        );
        self.db("read the list of files").all(query.bind(work.to_string()))?.iter().map(artifact).collect()
    }

    /// The published numbers of a table, in published order: `published("chammi", "table4")`.
    pub fn published(&self, paper: &str, tbl: &str) -> Result<Vec<PublishedRow>, Error> {
        let query = sqlx::query(
            "SELECT model, condition, task, metric, value, decimals, flag, note FROM published
             WHERE paper = ? AND tbl = ? ORDER BY place",
        );
        let rows =
            self.db("read published numbers").all(query.bind(paper.to_string()).bind(tbl.to_string()))?;
        let row = |row: &Line| {
            Ok(PublishedRow {
                paper: paper.into(),
                tbl: tbl.into(),
                model: row.get(0)?,
                condition: row.get(1)?,
                task: row.get(2)?,
                metric: row.get(3)?,
                value: row.get(4)?,
                decimals: row.get(5)?,
                flag: row.get(6)?,
                note: row.get(7)?,
            })
        };
        rows.iter().map(row).collect()
    }

    fn db(&self, doing: &'static str) -> MutexGuard<'_, Db> {
        let mut db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        db.doing = doing;
        db
    }
}

/// The state of a run.
pub(super) fn run_state(db: &mut Db, uid: &str) -> Result<Option<RunState>, Error> {
    let query = sqlx::query(
        "SELECT r.status, (SELECT sum(a.ended_ms - a.started_ms) / 1000.0 FROM run_work w
           JOIN attempt a ON a.work_id = w.work_id WHERE w.run_id = r.id AND r.status = 'done') FROM run r WHERE uid = ?",
    );
    let Some(run) = db.first(query.bind(uid.to_string()))? else { return Ok(None) };
    let query = sqlx::query(
        "SELECT v.uid, v.kind, v.status, v.attempts, v.error FROM run r JOIN run_work rw ON rw.run_id = r.id
         JOIN v_works v ON v.id = rw.work_id WHERE r.uid = ? ORDER BY rw.place",
    );
    let works: Result<_, Error> = db.all(query.bind(uid.to_string()))?.iter().map(work_state).collect();
    Ok(Some(RunState { uid: uid.into(), status: status(&run, 0)?, seconds: run.get(1)?, works: works? }))
}

fn status(row: &Line, column: usize) -> Result<Status, Error> {
    row.word(column, "a status", Status::of)
}

fn work_state(row: &Line) -> Result<WorkState, Error> {
    Ok(WorkState {
        uid: row.get(0)?,
        kind: row.get(1)?,
        status: status(row, 2)?,
        attempts: row.get(3)?,
        error: row.get(4)?,
    })
}

fn score(row: &Line) -> Result<ScoreRow, Error> {
    Ok(ScoreRow {
        protocol: row.get(0)?,
        data: row.get(1)?,
        part: row.get(2)?,
        task: row.get(3)?,
        class: row.get(4)?,
        metric: row.get(5)?,
        value: row.get::<Option<f64>>(6)?.unwrap_or(f64::NAN),
        n: row.count(7)?,
    })
}

pub(super) fn artifact(row: &Line) -> Result<ArtifactRow, Error> {
    Ok(ArtifactRow {
        name: row.get(0)?,
        kind: row.get(1)?,
        path: row.get::<String>(2)?.into(),
        bytes: row.count(3)?,
        blake3: row.get(4)?,
        step: row.get::<Option<i64>>(5)?.map(|step| step as u64),
    })
}

pub(super) fn value(row: &SqliteRow, column: usize) -> Value {
    let Ok(raw) = row.try_get_raw(column) else { return Value::Null };
    let kind = raw.type_info().name().to_string();
    let got = match kind.as_str() {
        _ if raw.is_null() => return Value::Null,
        "INTEGER" => row.try_get_unchecked(column).map(Value::Integer),
        "REAL" => row.try_get_unchecked(column).map(Value::Real),
        "BLOB" => row.try_get_unchecked(column).map(Value::Blob),
        _ => row.try_get_unchecked(column).map(Value::Text),
    };
    // Text that is not UTF-8 is returned as bytes.
    got.or_else(|_| row.try_get_unchecked(column).map(Value::Blob)).unwrap_or(Value::Null)
}

/// A statement may begin like a question and write all the same: `WITH … DELETE`.
fn reads_only(error: Error) -> Error {
    match &error {
        Error::Sql { source, .. } if source.to_string().contains("readonly") => {
            Error::NotAQuestion("expected a statement that reads, found one that writes".into())
        }
        _ => error,
    }
}

/// One reading statement, without its semicolon. The connection cannot change the store anyway; this also
/// rejects statements that would create other files (`VACUUM INTO`, `ATTACH`).
fn question(sql: &str) -> Result<&str, Error> {
    let refuse = |why: &str| Err(Error::NotAQuestion(why.into()));
    let mut parts = statements(sql).into_iter().filter(|part| !bare(part).is_empty());
    let Some(first) = parts.next() else { return refuse("expected an SQL query, found nothing") };
    if parts.next().is_some() {
        return refuse("expected one statement, found several");
    }
    let word: String = bare(first).chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_uppercase().as_str() {
        "SELECT" | "WITH" | "VALUES" | "EXPLAIN" | "PRAGMA" => Ok(first),
        _ => refuse(&format!("expected a statement that reads, found `{word}`")),
    }
}

/// `text` without leading blanks and comments.
fn bare(text: &str) -> &str {
    let mut text = text.trim_start();
    loop {
        let rest = if text.starts_with("--") {
            text.split_once('\n').map_or("", |(_, rest)| rest)
        } else if text.starts_with("/*") {
            text.split_once("*/").map_or("", |(_, rest)| rest)
        } else {
            return text;
        };
        text = rest.trim_start();
    }
}

/// The parts between semicolons that are outside of quotes and comments.
fn statements(sql: &str) -> Vec<&str> {
    let (mut parts, mut start, mut i) = (Vec::new(), 0, 0);
    while i < sql.len() {
        let rest = &sql.as_bytes()[i..];
        let end = match rest[0] {
            b';' => {
                parts.push(&sql[start..i]);
                start = i + 1;
                ""
            }
            b'\'' => "'",
            b'"' => "\"",
            b'`' => "`",
            b'[' => "]",
            b'-' if rest.starts_with(b"--") => "\n",
            b'/' if rest.starts_with(b"/*") => "*/",
            _ => "",
        };
        i += 1;
        if !end.is_empty() {
            let from = if end == "*/" { i + 1 } else { i };
            i = sql.get(from..).and_then(|rest| rest.find(end)).map_or(sql.len(), |at| from + at + end.len());
        }
    }
    parts.push(&sql[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_one_reading_statement() {
        for good in [
            "SELECT 1",
            " -- x; y\nselect ';' ; ",
            "/* ; */ WITH a AS (SELECT 1) SELECT \";\" FROM a;",
            "PRAGMA table_info(run)",
            "SELECT 'it''s; fine'",
            "SELECT 'µ' -- open",
        ] {
            assert!(question(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            " ; -- nothing",
            "SELECT 1; SELECT 2",
            "DELETE FROM run",
            "/* SELECT */ vacuum into 'x'",
            "ATTACH 'x' AS y",
        ] {
            assert!(matches!(question(bad), Err(Error::NotAQuestion(_))), "{bad}");
        }
    }
}
