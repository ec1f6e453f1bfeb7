//! Exports the four tables as Parquet.

use super::{
    Error, Pace, Written, file,
    selection::Selection,
    tables::{Kind, TABLES, Table},
};
use crate::{
    parquet_table::{self, Column, ParquetTable},
    store::Value,
};
use std::{
    io::{self, Write},
    path::Path,
};

/// Approximate rows per row group.
const GROUP: usize = 131_072;

/// Writes `runs.parquet`, `scores.parquet`, `floors.parquet` and `curves.parquet`.
pub(super) fn write(
    selection: &Selection<'_>,
    out: &Path,
    pace: &mut Pace<'_>,
) -> Result<Vec<Written>, Error> {
    let mut written = vec![];
    for table in &TABLES {
        let path = out.join(format!("{}.parquet", table.name));
        let count = file(&path, |out| {
            let column =
                |(name, kind): &(&'static str, Kind)| Column { name, kind: stored(*kind), optional: true };
            let columns: Vec<Column<'_>> = table.columns.iter().map(column).collect();
            let mut writer = ParquetTable::new(out, table.name, &columns)?;
            let mut waiting = vec![];
            let count = table.rows(selection, pace, |rows| {
                waiting.extend(rows);
                if waiting.len() >= GROUP {
                    group(&mut writer, table, &waiting)?;
                    waiting.clear();
                }
                Ok(())
            })?;
            group(&mut writer, table, &waiting)?;
            writer.finish()?;
            Ok(count)
        })?;
        written.push(Written { path, count, unit: "row" });
    }
    Ok(written)
}

fn stored(kind: Kind) -> parquet_table::Kind {
    match kind {
        Kind::Text | Kind::Json => parquet_table::Kind::Text,
        Kind::Whole => parquet_table::Kind::Whole,
        Kind::Real | Kind::Measured => parquet_table::Kind::Real,
    }
}

/// Writes a row group, if there are rows.
fn group<W: Write + Send>(
    writer: &mut ParquetTable<W>,
    table: &Table,
    rows: &[Vec<Value>],
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let written = writer.group(|group| {
        for (at, (_, kind)) in table.columns.iter().enumerate() {
            let cells = rows.iter().map(|row| &row[at]);
            match kind {
                Kind::Text | Kind::Json => group.cells(cells.map(text))?,
                Kind::Whole => group.cells(cells.map(whole))?,
                Kind::Real => group.cells(cells.map(real))?,
                Kind::Measured => group.cells(cells.map(|cell| real(cell).or(Some(f64::NAN))))?,
            }
        }
        Ok(())
    });
    Ok(written?)
}

fn text(value: &Value) -> Option<String> {
    (*value != Value::Null).then(|| value.to_string())
}

fn whole(value: &Value) -> Option<i64> {
    if let Value::Integer(value) = value { Some(*value) } else { None }
}

fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Real(value) => Some(*value),
        Value::Integer(value) => Some(*value as f64),
        _ => None,
    }
}
