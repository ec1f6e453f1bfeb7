//! Exports the four tables as Parquet.

use super::{
    Error, Pace, Written, file,
    selection::Selection,
    tables::{Kind, TABLES, Table},
};
use crate::store::Value;
use parquet::{
    basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};
use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
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
            let mut writer = writer(table, out)?;
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
            writer.close()?;
            Ok(count)
        })?;
        written.push(Written { path, count, unit: "row" });
    }
    Ok(written)
}

fn writer<W: Write + Send>(table: &Table, out: W) -> Result<SerializedFileWriter<W>, ParquetError> {
    let column = |(name, kind): &(&str, Kind)| {
        let field = match kind {
            Kind::Text | Kind::Json => Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
                .with_logical_type(Some(LogicalType::String))
                .with_converted_type(ConvertedType::UTF8),
            Kind::Whole => Type::primitive_type_builder(name, Physical::INT64),
            Kind::Real | Kind::Measured => Type::primitive_type_builder(name, Physical::DOUBLE),
        };
        Ok(Arc::new(field.with_repetition(Repetition::OPTIONAL).build()?))
    };
    let fields = table.columns.iter().map(column).collect::<Result<_, ParquetError>>()?;
    let schema = Type::group_type_builder(table.name).with_fields(fields).build()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("dichroic version ", env!("CARGO_PKG_VERSION")).into())
        .build();
    SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
}

/// Writes a row group, if there are rows.
fn group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    table: &Table,
    rows: &[Vec<Value>],
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut group = writer.next_row_group()?;
    for (at, (_, kind)) in table.columns.iter().enumerate() {
        let cells = rows.iter().map(|row| &row[at]);
        let mut column = group.next_column()?.expect("the schema has a column for each of the table's");
        match column.untyped() {
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let (values, there) = present(cells.map(text));
                writer.write_batch(&values, Some(&there), None)?;
            }
            ColumnWriter::Int64ColumnWriter(writer) => {
                let (values, there) = present(cells.map(whole));
                writer.write_batch(&values, Some(&there), None)?;
            }
            ColumnWriter::DoubleColumnWriter(writer) => {
                let nan = (*kind == Kind::Measured).then_some(f64::NAN);
                let (values, there) = present(cells.map(|cell| real(cell).or(nan)));
                writer.write_batch(&values, Some(&there), None)?;
            }
            _ => unreachable!("the schema has text, whole numbers and numbers"),
        }
        column.close()?;
    }
    group.close()?;
    Ok(())
}

/// The non-empty cells, and for each cell 1 if it is not empty.
fn present<T>(cells: impl Iterator<Item = Option<T>>) -> (Vec<T>, Vec<i16>) {
    let (mut values, mut there) = (vec![], vec![]);
    for cell in cells {
        there.push(cell.is_some().into());
        values.extend(cell);
    }
    (values, there)
}

fn text(value: &Value) -> Option<ByteArray> {
    (*value != Value::Null).then(|| ByteArray::from(value.to_string().into_bytes()))
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
