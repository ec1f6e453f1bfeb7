//! Tables as Parquet files for pandas, polars and DuckDB: columns of text, integers, floats and lists of
//! floats.
//!
//! The caller declares the columns; row groups are written column by column, each from an iterator, so that
//! no column has to be in memory twice.

use parquet::{
    basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical},
    column::writer::ColumnWriterImpl,
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type},
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::{parser::parse_message_type, types::Type},
};
use std::{io::Write, sync::Arc};

/// Cells that are buffered before they are written. A multiple of the library's batch, so that page
/// boundaries do not depend on it.
const PORTION: usize = 1 << 16;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Whole,
    Real,
    /// Lists of 32-bit numbers.
    Floats,
}

/// A column of a table.
pub(crate) struct Column<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    /// Whether cells may be null.
    pub(crate) optional: bool,
}

/// A value of a cell.
pub(crate) trait Cell {
    type Stored: DataType;

    fn stored(self) -> <Self::Stored as DataType>::T;
}

macro_rules! cells {
    ($($cell:ty: $stored:ty, $value:ident => $made:expr;)+) => {$(
        impl Cell for $cell {
            type Stored = $stored;

            fn stored(self) -> <Self::Stored as DataType>::T {
                let $value = self;
                $made
            }
        }
    )+};
}

cells! {
    bool: BoolType, value => value;
    f32: FloatType, value => value;
    f64: DoubleType, value => value;
    i64: Int64Type, value => value;
    &str: ByteArrayType, value => ByteArray::from(value);
    String: ByteArrayType, value => ByteArray::from(value.into_bytes());
}

/// A table that is being written.
pub(crate) struct ParquetTable<W: Write + Send>(SerializedFileWriter<W>);

impl<W: Write + Send> ParquetTable<W> {
    /// A table with the name `name`.
    ///
    /// # Errors
    /// If its beginning cannot be written.
    pub(crate) fn new(out: W, name: &str, columns: &[Column<'_>]) -> Result<Self, ParquetError> {
        let fields = columns.iter().map(Column::field).collect::<Result<_, _>>()?;
        Self::with(out, Type::group_type_builder(name).with_fields(fields).build()?)
    }

    /// A table whose columns are given as a Parquet schema.
    ///
    /// # Errors
    /// If its beginning cannot be written.
    pub(crate) fn of_schema(out: W, schema: &str) -> Result<Self, ParquetError> {
        Self::with(out, parse_message_type(schema)?)
    }

    fn with(out: W, schema: Type) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("dichroic version ", env!("CARGO_PKG_VERSION")).into())
            .build();
        SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map(Self)
    }

    /// Writes a row group: `write` must write every column once, in order.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn group(
        &mut self,
        write: impl FnOnce(&mut Group<'_, W>) -> Result<(), ParquetError>,
    ) -> Result<(), ParquetError> {
        let mut group = Group(self.0.next_row_group()?);
        write(&mut group)?;
        group.0.close().map(drop)
    }

    /// Ends the file and returns the underlying writer.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn finish(self) -> Result<W, ParquetError> {
        self.0.into_inner()
    }
}

impl Column<'_> {
    fn field(&self) -> Result<Arc<Type>, ParquetError> {
        let name = self.name;
        let field = match self.kind {
            Kind::Text => Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
                .with_logical_type(Some(LogicalType::String))
                .with_converted_type(ConvertedType::UTF8),
            Kind::Whole => Type::primitive_type_builder(name, Physical::INT64),
            Kind::Real => Type::primitive_type_builder(name, Physical::DOUBLE),
            Kind::Floats => return Self::list(name),
        };
        let repetition = if self.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        Ok(Arc::new(field.with_repetition(repetition).build()?))
    }

    fn list(name: &str) -> Result<Arc<Type>, ParquetError> {
        let element = Type::primitive_type_builder("element", Physical::FLOAT);
        let element = element.with_repetition(Repetition::REQUIRED).build()?;
        let list = Type::group_type_builder("list").with_repetition(Repetition::REPEATED);
        let list = list.with_fields(vec![Arc::new(element)]).build()?;
        let field = Type::group_type_builder(name)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::List))
            .with_converted_type(ConvertedType::LIST)
            .with_fields(vec![Arc::new(list)]);
        Ok(Arc::new(field.build()?))
    }
}

/// A row group that is being written.
pub(crate) struct Group<'a, W: Write + Send>(SerializedRowGroupWriter<'a, W>);

impl<W: Write + Send> Group<'_, W> {
    /// Writes the next column.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn cells<C: Cell>(
        &mut self,
        cells: impl Iterator<Item = Option<C>>,
    ) -> Result<(), ParquetError> {
        let mut column = self.next()?;
        let writer = column.typed::<C::Stored>();
        // Parquet stores the values that are present, and separately which ones are.
        let (mut values, mut there) = (Vec::new(), Vec::new());
        for cell in cells {
            there.push(i16::from(cell.is_some()));
            values.extend(cell.map(Cell::stored));
            if there.len() == PORTION {
                write(writer, &mut values, &mut there, None)?;
            }
        }
        write(writer, &mut values, &mut there, None)?;
        column.close()
    }

    /// Writes the next column, of lists.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn lists<C: Cell>(
        &mut self,
        lists: impl Iterator<Item = impl IntoIterator<Item = C>>,
    ) -> Result<(), ParquetError> {
        let mut column = self.next()?;
        let writer = column.typed::<C::Stored>();
        // 0 begins a list, 1 continues it; an empty list has one entry without a value.
        let (mut values, mut there, mut goes_on) = (Vec::new(), Vec::new(), Vec::new());
        for list in lists {
            let before = values.len();
            values.extend(list.into_iter().map(Cell::stored));
            let count = values.len() - before;
            there.resize(there.len() + count.max(1), i16::from(count > 0));
            goes_on.push(0);
            goes_on.resize(there.len(), 1);
            if there.len() >= 16 * PORTION {
                write(writer, &mut values, &mut there, Some(&mut goes_on))?;
            }
        }
        write(writer, &mut values, &mut there, Some(&mut goes_on))?;
        column.close()
    }

    fn next(&mut self) -> Result<SerializedColumnWriter<'_>, ParquetError> {
        let none = || ParquetError::General("more columns are written than the schema has".into());
        self.0.next_column()?.ok_or_else(none)
    }
}

/// Writes the buffered cells, and clears the buffer.
fn write<D: DataType>(
    writer: &mut ColumnWriterImpl<'_, D>,
    values: &mut Vec<D::T>,
    there: &mut Vec<i16>,
    goes_on: Option<&mut Vec<i16>>,
) -> Result<(), ParquetError> {
    writer.write_batch(values, Some(there), goes_on.as_deref().map(Vec::as_slice))?;
    values.clear();
    there.clear();
    goes_on.into_iter().for_each(Vec::clear);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };

    #[test]
    fn what_is_written_is_read_by_the_row() {
        let columns = [("a \"name\"", Kind::Text, false), ("n", Kind::Whole, true), ("x", Kind::Real, true)];
        let mut columns: Vec<Column<'_>> =
            columns.map(|(name, kind, optional)| Column { name, kind, optional }).into();
        columns.push(Column { name: "features", kind: Kind::Floats, optional: false });
        let mut table = ParquetTable::new(tempfile::tempfile().unwrap(), "cells", &columns).unwrap();
        let rows = PORTION + 3;
        for _ in 0..2 {
            let written = table.group(|group| {
                group.cells((0..rows).map(|row| Some(format!("{row}.png"))))?;
                group.cells((0..rows).map(|row| (row % 2 == 1).then_some(row as i64)))?;
                group.cells((0..rows).map(|row| (row % 3 == 1).then_some(row as f64)))?;
                group.lists((0..rows).map(|row| vec![row as f32; row % 40]))
            });
            written.unwrap();
        }
        let file = table.finish().unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let found: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(found.len(), 2 * rows);
        for (at, row) in found.iter().enumerate() {
            let row_number = at % rows;
            let fields: Vec<(&String, &Field)> = row.get_column_iter().collect();
            assert_eq!(fields[0], (&columns[0].name.to_owned(), &Field::Str(format!("{row_number}.png"))));
            let whole = if row_number % 2 == 1 { Field::Long(row_number as i64) } else { Field::Null };
            let real = if row_number % 3 == 1 { Field::Double(row_number as f64) } else { Field::Null };
            assert_eq!((fields[1].1, fields[2].1), (&whole, &real));
            let Field::ListInternal(list) = fields[3].1 else { panic!("a list, found {:?}", fields[3]) };
            assert_eq!(list.elements(), vec![Field::Float(row_number as f32); row_number % 40], "row {at}");
        }
    }

    #[test]
    fn a_column_too_many_is_an_error() {
        let columns = [Column { name: "n", kind: Kind::Whole, optional: false }];
        let mut table = ParquetTable::new(Vec::new(), "cells", &columns).unwrap();
        let written = table.group(|group| {
            group.cells([1i64].map(Some).into_iter())?;
            group.cells([1i64].map(Some).into_iter())
        });
        assert!(written.unwrap_err().to_string().contains("more columns"));
    }
}
