//! One blocking connection: sqlx's asynchronous interface is confined to this file.

use super::error::Error;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor, Sqlite, query::Query};
use std::path::Path;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A statement with its values.
pub(super) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A connection, its runtime, and its current activity (for error messages).
pub(super) struct Db {
    runtime: Runtime,
    conn: SqliteConnection,
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
        let io = |source| Error::Io { what: "start a runtime for", path: path.into(), source };
        let runtime = Builder::new_current_thread().enable_time().build().map_err(io)?;
        let conn = runtime.block_on(options.connect()).map_err(|error| not_a_database(path, error))?;
        Ok(Self { runtime, conn, doing: "open the store" })
    }

    /// Runs one statement; returns the number of changed rows.
    pub(super) fn execute(&mut self, statement: Statement<'_>) -> Result<u64, Error> {
        let result = self.runtime.block_on(self.conn.execute(statement));
        result.map(|done| done.rows_affected()).map_err(Error::sql(self.doing))
    }

    /// All rows of a query.
    pub(super) fn all(&mut self, statement: Statement<'_>) -> Result<Vec<SqliteRow>, Error> {
        self.runtime.block_on(self.conn.fetch_all(statement)).map_err(Error::sql(self.doing))
    }

    /// The first row of a query, if any.
    pub(super) fn first(&mut self, statement: Statement<'_>) -> Result<Option<SqliteRow>, Error> {
        self.runtime.block_on(self.conn.fetch_optional(statement)).map_err(Error::sql(self.doing))
    }

    /// The only row of a query that always has one.
    pub(super) fn one(&mut self, statement: Statement<'_>) -> Result<SqliteRow, Error> {
        self.runtime.block_on(self.conn.fetch_one(statement)).map_err(Error::sql(self.doing))
    }

    /// The column names of a query, without running it.
    pub(super) fn columns(&mut self, sql: &str) -> Result<Vec<String>, Error> {
        use sqlx::{AssertSqlSafe, Column, SqlSafeStr, Statement};
        let prepare = self.conn.prepare(AssertSqlSafe(sql).into_sql_str());
        let prepared = self.runtime.block_on(prepare).map_err(Error::sql(self.doing))?;
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
    match error.as_database_error().and_then(|error| error.code()).as_deref() {
        Some("26") => Error::NotADatabase(path.into()),
        Some("14") if !path.exists() => Error::Absent(path.into()),
        _ => Error::sql("open the store")(error),
    }
}

/// Milliseconds since 1970 UTC.
pub(super) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
