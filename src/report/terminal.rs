//! A table on a terminal.

use super::table::{Cell, Kind, Table, number, signed};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table as Grid, TableStyle};

/// Three rules, as in print.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// Heading, table, notes, and a last line break, in lines of at most so many letters if that is said. A hole is `·`; no
/// colours, so that it can be kept in a file.
pub(super) fn table(table: &Table, width: Option<u16>) -> String {
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
    let natural = grid.trim_fmt();
    let widest = natural.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let fitted = match width {
        Some(width) if usize::from(width) < widest => {
            grid.set_content_arrangement(ContentArrangement::Dynamic).set_width(width).trim_fmt()
        }
        _ => natural,
    };
    let mut text = format!("{}\n{fitted}\n", table.title);
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
