//! Features as files: NumPy's format, or Parquet with everything that the table says of each image.

use crate::{atomic_file, data::Metadata};
use candle_core::{Device, Tensor};
use parquet::{
    basic::Compression,
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use std::{fs::File, io, path::Path, sync::Arc};

/// Rows of a Parquet row group.
const GROUP: usize = 16_384;

/// Writes (rows, width) 32-bit floats as `.npy`.
///
/// # Errors
/// If the file cannot be written.
pub fn npy(path: &Path, features: &[f32], width: usize) -> io::Result<()> {
    let rows = features.len() / width.max(1);
    let tensor = Tensor::from_slice(features, (rows, width), &Device::Cpu).map_err(io::Error::other)?;
    atomic_file::fill(path, |part| tensor.write_npy(part).map_err(io::Error::other))
}

/// Writes a Parquet file with a column of text for each column of the table and the list `features`.
///
/// # Errors
/// If the file cannot be written.
pub fn parquet(path: &Path, metadata: &Metadata, features: &[f32], width: usize) -> io::Result<()> {
    atomic_file::fill(path, |part| {
        write(File::create(part)?, metadata, features, width).map_err(io::Error::other)
    })
}

fn write(file: File, metadata: &Metadata, features: &[f32], width: usize) -> Result<(), ParquetError> {
    let fields = (0..metadata.names.len()).map(|at| format!("required binary c{at} (UTF8);"));
    let list = "required group features (LIST) { repeated group list { required float element; } }";
    let schema = format!("message features {{ {} {list} }}", fields.collect::<String>());
    // Names may hold anything; the schema's grammar does not take all of it, so they are put in afterwards.
    let schema = named(&parse_message_type(&schema)?, &metadata.names)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("dichroic version ", env!("CARGO_PKG_VERSION")).into())
        .build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
    let rows = features.len() / width.max(1);
    for first in (0..rows).step_by(GROUP) {
        let last = rows.min(first + GROUP);
        let mut group = writer.next_row_group()?;
        for column in &metadata.columns {
            let values: Vec<ByteArray> =
                column[first..last].iter().map(|text| ByteArray::from(text.as_str())).collect();
            let mut column = group.next_column()?.expect("the schema has a column for each of the table's");
            if let ColumnWriter::ByteArrayColumnWriter(writer) = column.untyped() {
                writer.write_batch(&values, None, None)?;
            }
            column.close()?;
        }
        let values = &features[first * width..last * width];
        let there = vec![1; values.len()];
        // 0 begins a list, 1 goes on with it.
        let begins: Vec<i16> = (0..values.len()).map(|at| i16::from(at % width != 0)).collect();
        let mut column = group.next_column()?.expect("the schema ends with the features");
        if let ColumnWriter::FloatColumnWriter(writer) = column.untyped() {
            writer.write_batch(values, Some(&there), Some(&begins))?;
        }
        column.close()?;
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

/// The schema with these names for its first columns.
fn named(
    schema: &parquet::schema::types::Type,
    names: &[String],
) -> Result<parquet::schema::types::Type, ParquetError> {
    use parquet::{basic, schema::types::Type};
    let text = |name: &String| {
        let column = Type::primitive_type_builder(name, basic::Type::BYTE_ARRAY)
            .with_repetition(basic::Repetition::REQUIRED)
            .with_logical_type(Some(basic::LogicalType::String))
            .with_converted_type(basic::ConvertedType::UTF8);
        Ok(Arc::new(column.build()?))
    };
    let mut fields = names.iter().map(text).collect::<Result<Vec<_>, ParquetError>>()?;
    fields.extend(schema.get_fields().last().cloned());
    Type::group_type_builder("features").with_fields(fields).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };

    #[test]
    fn a_parquet_file_holds_the_table_and_a_list_for_each_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.parquet");
        let rows = GROUP + 3;
        let metadata = Metadata {
            names: vec!["file path".into(), "Label".into()],
            columns: vec![(0..rows).map(|row| format!("{row}.png")).collect(), vec!["a \"b\"".into(); rows]],
        };
        let features: Vec<f32> = (0..rows * 2).map(|at| at as f32).collect();
        parquet(&path, &metadata, &features, 2).unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let found: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(found.len(), rows);
        for row in [0, GROUP, rows - 1] {
            let fields: Vec<(String, Field)> =
                found[row].get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect();
            assert_eq!(fields[0], ("file path".into(), Field::Str(format!("{row}.png"))));
            assert_eq!(fields[1], ("Label".into(), Field::Str("a \"b\"".into())));
            let Field::ListInternal(list) = &fields[2].1 else { panic!("a list, found {:?}", fields[2]) };
            let expected = [2 * row, 2 * row + 1].map(|at| Field::Float(at as f32));
            assert_eq!(list.elements(), expected);
        }
    }

    #[test]
    fn numpys_format_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.npy");
        npy(&path, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3).unwrap();
        let found = Tensor::read_npy(&path).unwrap();
        assert_eq!(found.to_vec2::<f32>().unwrap(), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    }
}
