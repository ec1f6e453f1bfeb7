//! Formats rows of a query result: as a text table, CSV, JSON or Markdown.

use super::output;
use crate::{
    report::{markdown, terminal},
    store::{Rows, Value},
    visible::visible,
};
use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// The output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A text table.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// A list of objects.
    Json,
    /// A Markdown table.
    Md,
}

/// The rows in this format.
pub(super) fn write(rows: &Rows, format: Format) -> String {
    match format {
        Format::Table => fitted(rows, output::width()),
        Format::Md => table(rows, true).trim_fmt(),
        Format::Csv => rows.csv(),
        Format::Json => serde_json::to_string_pretty(&rows.json()).expect("plain data"),
    }
}

/// Characters of a cell that a table shows: it is laid out by the length of its cells.
const LONGEST: usize = 10_000;

/// The beginning of a cell that is too long for a table.
fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => {
            format!("{}… ({} bytes; --format csv and json have all of them)", &text[..end], text.len())
        }
        None => text,
    }
}

/// Minimum column width of a readable table.
const MIN_COLUMN: u16 = 10;

/// A table for a terminal of this width: long cells are wrapped; if there are too many columns even then,
/// each row becomes a list.
fn fitted(rows: &Rows, width: Option<u16>) -> String {
    let mut table = table(rows, false);
    let too_many = width.filter(|width| usize::from(width / MIN_COLUMN) < rows.columns.len());
    if too_many.is_none_or(|width| !terminal::is_wider(&table.trim_fmt(), width)) {
        return terminal::fitted(&mut table, width);
    }
    let longest = rows.columns.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let lines = |(at, row): (usize, &Vec<Value>)| {
        let fields = rows.columns.iter().zip(row).map(|(name, value)| format!("{name:>longest$}  {value}"));
        format!("── row {} of {}\n{}", at + 1, rows.rows.len(), fields.collect::<Vec<_>>().join("\n"))
    };
    rows.rows.iter().enumerate().map(lines).collect::<Vec<_>>().join("\n")
}

fn table(rows: &Rows, markdown: bool) -> Table {
    let mut grid = Table::new();
    grid.load_style(if markdown { presets::ASCII_MARKDOWN } else { terminal::STYLE })
        .set_content_arrangement(ContentArrangement::Disabled);
    grid.set_header(&rows.columns);
    for row in &rows.rows {
        let text = |value: &Value| {
            let text = shortened(value.to_string());
            if markdown { markdown::text(&text) } else { visible(&text).into_owned() }
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
    grid
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
    fn a_table_fits_its_terminal_or_becomes_a_list() {
        let text = |text: &str| Value::Text(text.into());
        let columns = ["name", "why"].map(String::from).into();
        let rows = Rows { columns, rows: vec![vec![text("a"), text(&"many words ".repeat(9))]] };
        assert_eq!(fitted(&rows, None), fitted(&rows, Some(400)));
        let narrow = fitted(&rows, Some(40));
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 40) && narrow.lines().count() > 4,
            "{narrow}"
        );
        let list = fitted(&rows, Some(15));
        assert!(list.starts_with("── row 1 of 1\nname  a\n why  many"), "{list}");
    }

    #[test]
    fn a_cell_without_end_is_cut() {
        let long =
            Rows { columns: vec!["blob".into()], rows: vec![vec![Value::Text("é".repeat(LONGEST + 1))]] };
        let said = write(&long, Format::Table);
        assert!(said.contains("… (20002 bytes; --format csv") && said.chars().count() < 6 * LONGEST);
        assert!(write(&long, Format::Csv).chars().count() > LONGEST);
    }

    #[test]
    fn no_rows_still_have_columns() {
        let empty = Rows { rows: vec![], ..rows() };
        assert_eq!(write(&empty, Format::Csv), "name,f1,cps\n");
        assert_eq!(write(&empty, Format::Json), "[]");
        assert!(write(&empty, Format::Table).contains("cps"));
    }
}
