//! Rows of an answer, written down: as a table for people, or as CSV, JSON or Markdown.

use crate::store::{Rows, Value};
use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets};

/// Three rules, as in the tables of results.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// A list of objects.
    Json,
    /// A Markdown table.
    Md,
}

/// The rows in that format.
pub(super) fn write(rows: &Rows, format: Format) -> String {
    match format {
        Format::Table => table(rows, false),
        Format::Md => table(rows, true),
        Format::Csv => rows.csv(),
        Format::Json => serde_json::to_string_pretty(&rows.json()).expect("plain data"),
    }
}

fn table(rows: &Rows, markdown: bool) -> String {
    let mut grid = Table::new();
    grid.load_style(if markdown { presets::ASCII_MARKDOWN } else { STYLE })
        .set_content_arrangement(ContentArrangement::Disabled);
    grid.set_header(&rows.columns);
    for row in &rows.rows {
        let text = |value: &Value| {
            let text = value.to_string();
            if markdown { text.replace('|', "\\|").replace('\n', " ") } else { text }
        };
        grid.add_row(row.iter().map(text));
    }
    for (at, column) in grid.column_iter_mut().enumerate() {
        let number =
            |row: &Vec<Value>| matches!(row.get(at), Some(Value::Integer(_) | Value::Real(_) | Value::Null));
        if !rows.rows.is_empty() && rows.rows.iter().all(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        let row = vec![Value::Text("a, \"b\" | c".into()), Value::Real(0.5), Value::Null];
        Rows { columns: ["name", "f1", "cps"].map(String::from).into(), rows: vec![row] }
    }

    #[test]
    fn every_format_keeps_what_is_in_the_rows() {
        assert_eq!(write(&rows(), Format::Csv), "name,f1,cps\n\"a, \"\"b\"\" | c\",0.5,\n");
        let json: serde_json::Value = serde_json::from_str(&write(&rows(), Format::Json)).unwrap();
        assert_eq!(json, serde_json::json!([{ "name": "a, \"b\" | c", "f1": 0.5, "cps": null }]));
        let markdown = write(&rows(), Format::Md);
        assert!(markdown.starts_with("| name ") && markdown.contains("a, \"b\" \\| c"), "{markdown}");
        assert!(write(&rows(), Format::Table).contains("a, \"b\" | c"));
    }

    #[test]
    fn no_rows_still_have_columns() {
        let empty = Rows { rows: vec![], ..rows() };
        assert_eq!(write(&empty, Format::Csv), "name,f1,cps\n");
        assert_eq!(write(&empty, Format::Json), "[]");
        assert!(write(&empty, Format::Table).contains("cps"));
    }
}
