//! A row of a query. Another program may have changed the database, so reading a value can fail: a value that dichroic never
//! writes means that the store is damaged.

use super::{answer::Value, error::Error, query};
use sqlx::{Column, Decode, Row, Sqlite, Type, sqlite::SqliteRow};

/// A row, and what it was asked for.
pub(super) struct Line {
    row: SqliteRow,
    doing: &'static str,
}

/// What a column may hold.
pub(super) trait Held<'r>: Decode<'r, Sqlite> + Type<Sqlite> {
    /// In words.
    const EXPECTED: &'static str;
}

impl Held<'_> for i64 {
    const EXPECTED: &'static str = "a whole number";
}

impl Held<'_> for u32 {
    const EXPECTED: &'static str = "a whole number from 0 to 4,294,967,295";
}

impl Held<'_> for f64 {
    const EXPECTED: &'static str = "a number";
}

impl Held<'_> for String {
    const EXPECTED: &'static str = "text";
}

impl<'r> Held<'r> for &'r str {
    const EXPECTED: &'static str = "text";
}

impl<'r, T: Held<'r>> Held<'r> for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
}

impl Line {
    pub(super) fn of(row: SqliteRow, doing: &'static str) -> Self {
        Self { row, doing }
    }

    /// The value of a column, counted from 0.
    pub(super) fn get<'r, T: Held<'r>>(&'r self, column: usize) -> Result<T, Error> {
        self.row.try_get(column).map_err(|_| self.damaged(column, T::EXPECTED))
    }

    /// A number of things.
    pub(super) fn count(&self, column: usize) -> Result<u64, Error> {
        let count: i64 = self.get(column)?;
        u64::try_from(count).map_err(|_| self.damaged(column, "a number from 0 on"))
    }

    /// A word that `of` knows.
    pub(super) fn word<T>(
        &self,
        column: usize,
        expected: &'static str,
        of: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        of(self.get(column)?).ok_or_else(|| self.damaged(column, expected))
    }

    /// The values of all columns, as they are.
    pub(super) fn values(&self, columns: usize) -> Vec<Value> {
        (0..columns).map(|column| query::value(&self.row, column)).collect()
    }

    fn damaged(&self, column: usize, expected: &'static str) -> Error {
        let name = self.row.try_column(column).map_or_else(|_| column.to_string(), |it| it.name().to_owned());
        let found = query::value(&self.row, column).to_string();
        Error::Damaged { doing: self.doing, column: name, expected, found }
    }
}
