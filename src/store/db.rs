//! One blocking connection: sqlx's asynchronous interface is confined to this file.

use super::{error::Error, line::Line};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor, Row, Sqlite, query::Query};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// A statement with its values.
pub(super) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A connection, its runtime, and its current activity (for error messages).
pub(super) struct Db {
    runtime: Runtime,
    conn: SqliteConnection,
    path: PathBuf,
    pub(super) doing: &'static str,
}

impl Db {
    /// Opens `path` for writing, creating it.
    pub(super) fn write(path: &Path) -> Result<Self, Error> {
        Self::open(
            path,
            SqliteConnectOptions::new()
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .optimize_on_close(true, 400),
        )
    }

    /// Opens `path` read-only.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        Self::open(path, SqliteConnectOptions::new().read_only(true).pragma("query_only", "1"))
    }

    fn open(path: &Path, options: SqliteConnectOptions) -> Result<Self, Error> {
        let options = options
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(30))
            .disable_statement_logging();
        if path.is_dir() {
            return Err(Error::Folder(path.into()));
        }
        let io = |source| Error::Io { what: "start a runtime for", path: path.into(), source };
        let runtime = Builder::new_current_thread().enable_time().build().map_err(io)?;
        let conn = runtime.block_on(options.connect()).map_err(|error| not_a_database(path, error))?;
        let mut db = Self { runtime, conn, path: path.into(), doing: "open the store" };
        db.check_names()?;
        Ok(db)
    }

    /// Refuses a schema that is not UTF-8: where a column has such a name, sqlx panics in a thread of its own. In a database of
    /// UTF-16 it would misread all text.
    fn check_names(&mut self) -> Result<(), Error> {
        let mut rows = |sql| {
            let rows = self.runtime.block_on(self.conn.fetch_all(sqlx::query(sql)));
            rows.map_err(|error| not_a_database(&self.path, error))
        };
        let encoding = rows("PRAGMA encoding")?;
        if !encoding.iter().all(|row| row.try_get::<&str, _>(0).is_ok_and(|found| found == "UTF-8")) {
            return Err(Error::NotAStore(self.path.clone()));
        }
        let schema = rows("SELECT name || char(10) || sql FROM sqlite_schema")?;
        match schema.iter().all(|row| row.try_get::<Option<&str>, _>(0).is_ok()) {
            true => Ok(()),
            false => Err(Error::Corrupt(self.path.clone())),
        }
    }

    /// Runs one statement; returns the number of changed rows.
    pub(super) fn execute(&mut self, statement: Statement<'_>) -> Result<u64, Error> {
        let result = self.runtime.block_on(self.conn.execute(statement));
        result.map(|done| done.rows_affected()).map_err(|error| self.failed(error))
    }

    /// All rows of a query.
    pub(super) fn all(&mut self, statement: Statement<'_>) -> Result<Vec<Line>, Error> {
        let rows =
            self.runtime.block_on(self.conn.fetch_all(statement)).map_err(|error| self.failed(error))?;
        Ok(rows.into_iter().map(|row| Line::of(row, self.doing)).collect())
    }

    /// The first row of a query, if any.
    pub(super) fn first(&mut self, statement: Statement<'_>) -> Result<Option<Line>, Error> {
        let row =
            self.runtime.block_on(self.conn.fetch_optional(statement)).map_err(|error| self.failed(error))?;
        Ok(row.map(|row| Line::of(row, self.doing)))
    }

    /// The only row of a query that always has one.
    pub(super) fn one(&mut self, statement: Statement<'_>) -> Result<Line, Error> {
        let row =
            self.runtime.block_on(self.conn.fetch_one(statement)).map_err(|error| self.failed(error))?;
        Ok(Line::of(row, self.doing))
    }

    /// The column names of a query, without running it.
    pub(super) fn columns(&mut self, sql: &str) -> Result<Vec<String>, Error> {
        use sqlx::{AssertSqlSafe, Column, SqlSafeStr, Statement};
        let prepare = self.conn.prepare(AssertSqlSafe(sql).into_sql_str());
        let prepared = self.runtime.block_on(prepare).map_err(|error| self.failed(error))?;
        Ok(prepared.columns().iter().map(|column| column.name().to_string()).collect())
    }

    /// All of `f` or nothing. The lock is taken at once: a transaction that first reads and then writes would
    /// be refused without waiting if another process had written in between.
    pub(super) fn transaction<T>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.execute(sqlx::query("BEGIN IMMEDIATE"))?;
        let result = f(self).and_then(|value| {
            self.execute(sqlx::query("COMMIT"))?;
            Ok(value)
        });
        if result.is_err() {
            // After some errors (a full disk) SQLite has already rolled back, and refuses to do so again.
            let _ = self.execute(sqlx::query("ROLLBACK"));
        }
        result
    }

    fn failed(&self, error: sqlx::Error) -> Error {
        match is_damaged(&error) {
            true => Error::Corrupt(self.path.clone()),
            false => Error::sql(self.doing)(error),
        }
    }

    /// Applies migrations.
    pub(super) fn migrate(
        &mut self,
        migrator: &sqlx::migrate::Migrator,
    ) -> Result<(), sqlx::migrate::MigrateError> {
        self.runtime.block_on(migrator.run(&mut self.conn))
    }

    /// Closes the connection.
    pub(super) fn close(self) -> Result<(), Error> {
        self.runtime.block_on(self.conn.close()).map_err(Error::sql("close the store"))
    }
}

/// Opening reads the file's header, so a file of another kind is noticed here.
fn not_a_database(path: &Path, error: sqlx::Error) -> Error {
    if is_damaged(&error) {
        return Error::Corrupt(path.into());
    }
    match error.as_database_error().and_then(|error| error.code()).as_deref() {
        Some("26") => Error::NotADatabase(path.into()),
        Some("14") if !path.exists() => Error::Absent(path.into()),
        _ => Error::sql("open the store")(error),
    }
}

/// Whether SQLite finds the file itself damaged; other codes of the kind are in the upper bits.
fn is_damaged(error: &sqlx::Error) -> bool {
    const CORRUPT: u32 = 11;
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == CORRUPT)
}

/// Milliseconds since 1970 UTC. Within a process it never goes back: a clock that is set back in the middle of an attempt is
/// followed by the time that really passes, so that durations are true. A clock that is set forwards is followed, because a
/// computer that slept looks the same.
pub(super) fn now_ms() -> i64 {
    static LAST: Mutex<Option<(Instant, i64)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let now = later(*last, Instant::now(), chrono::Utc::now().timestamp_millis());
    *last = Some(now);
    now.1
}

/// The next reading of the clock: what it says, but never less than the last reading and the time since.
fn later(last: Option<(Instant, i64)>, at: Instant, clock: i64) -> (Instant, i64) {
    let least = last.map_or(i64::MIN, |(before, said)| {
        said + i64::try_from(at.saturating_duration_since(before).as_millis()).unwrap_or(0)
    });
    (at, clock.max(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_does_not_turn_time_around() {
        let start = Instant::now();
        let first = later(None, start, 7_200_000);
        assert_eq!(first, (start, 7_200_000));
        let next = start + Duration::from_secs(3);
        let second = later(Some(first), next, 3_603_000); // an hour back
        assert_eq!(second, (next, 7_203_000));
        assert_eq!(later(Some(second), next, 20_000_000).1, 20_000_000, "forwards");
    }
}
