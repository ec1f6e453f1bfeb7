//! A table on a terminal.

use super::table::{Cell, Kind, Table, number, signed};
use crate::visible::one_line;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table as Grid, TableStyle};

/// Three rules, as in papers.
pub(crate) const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// Heading, table, notes, and a final line break, in lines of at most `width` characters if given. A hole is
/// `·`. There are no colours, so that the text can be stored in a file.
pub(super) fn table(table: &Table, width: Option<u16>) -> String {
    let mut grid = Grid::new();
    grid.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    let with_notes = table.rows.iter().any(|row| !row.note.is_empty());
    let stub = table.stub.iter().cloned();
    let heads = stub.chain(table.columns.iter().map(|column| column.line.clone()));
    grid.set_header(heads.chain(with_notes.then(String::new)));
    for row in &table.rows {
        let mark = |name: &String| match row.kind {
            Kind::Print => format!("({})", one_line(name)),
            _ => one_line(name).into_owned(),
        };
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
    let mut text = format!("{}\n{}\n", table.title, fitted(&mut grid, width));
    for note in &table.notes {
        text.push_str(&note.replace('`', ""));
        text.push('\n');
    }
    text
}

/// A table as text. If it is wider than `width` characters, its columns are closer, and if that is not
/// enough, cells are wrapped.
pub(crate) fn fitted(grid: &mut Grid, width: Option<u16>) -> String {
    let natural = grid.trim_fmt();
    let Some(width) = width.filter(|width| is_wider(&natural, *width)) else { return natural };
    for column in grid.column_iter_mut() {
        column.set_padding((1, 0));
    }
    let close = grid.trim_fmt();
    if !is_wider(&close, width) {
        return close;
    }
    grid.set_content_arrangement(ContentArrangement::Dynamic).set_width(width).trim_fmt()
}

/// Whether a line of a text has more than `width` characters.
pub(crate) fn is_wider(text: &str, width: u16) -> bool {
    text.lines().any(|line| line.chars().count() > usize::from(width))
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
