//! A table on a terminal.

use super::table::{Cell, Kind, Table, number, signed};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table as Grid, TableStyle};

/// Three rules, as in print.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// Heading, table, notes, and a last line break. A hole is `·`; no colours, so that it can be kept in a file.
pub(super) fn table(table: &Table) -> String {
    let mut grid = Grid::new();
    grid.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    let with_notes = table.rows.iter().any(|row| !row.note.is_empty());
    let stub = table.stub.iter().cloned();
    let heads = stub.chain(table.columns.iter().map(|column| column.line.clone()));
    grid.set_header(heads.chain(with_notes.then(String::new)));
    for row in &table.rows {
        let mark = |name: &String| if row.kind == Kind::Print { format!("({name})") } else { name.clone() };
        let cells = row
            .stub
            .iter()
            .map(mark)
            .chain(row.cells.iter().zip(&table.columns).map(|(one, column)| cell(one, column.digits)));
        grid.add_row(cells.chain(with_notes.then(|| row.note.clone())));
    }
    for column in grid.column_iter_mut().skip(table.stub.len()).take(table.columns.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!("{}\n{}\n", table.title, grid.trim_fmt());
    for note in &table.notes {
        text.push_str(&note.replace('`', ""));
        text.push('\n');
    }
    text
}

fn cell(cell: &Cell, digits: usize) -> String {
    let Some(value) = cell.value else { return "·".into() };
    let std = cell.std.map_or(String::new(), |std| format!(" ± {}", number(std, digits)));
    let paper = match (cell.paper, cell.difference()) {
        (Some(paper), Some(difference)) => {
            format!(" ({}, {})", number(paper, digits), signed(difference, digits))
        }
        _ => String::new(),
    };
    number(value, digits) + &std + &paper
}
