//! What is in the cells of a table, and how it looks.

use super::{
    super::{
        Cell, Kind, Mark, Table,
        drawing::Rgb,
        table::{number, signed},
    },
    face::Face,
    text::{Run, Style},
};

/// Secondary text.
pub(super) const GREY: Rgb = Rgb(107, 107, 107);
const ABOVE: Rgb = Rgb(0, 117, 90);
/// Characters of a name.
const LONGEST: usize = 1_000;
const BELOW: Rgb = Rgb(166, 58, 0);

/// How a table looks.
pub(super) struct Look {
    /// The columns of the stub that are shown.
    pub(super) stub: Vec<usize>,
    pub(super) points: f32,
    /// The deviation is below the value, for tables with many columns.
    stacked: bool,
}

/// How the name and the numbers of a row look.
pub(super) struct OfRow {
    pub(super) name: Style,
    pub(super) number: Style,
}

impl Look {
    pub(super) fn of(table: &Table) -> Self {
        let points = match table.columns.len() {
            10.. => 6.4,
            7.. => 6.8,
            _ => 7.6,
        };
        Self { stub: table.printed_stub(), points, stacked: table.columns.len() > 9 }
    }

    pub(super) fn of_row(&self, kind: Kind) -> OfRow {
        let plain = Style { tabular: true, ..Style::of(self.points) };
        let number = if kind == Kind::Measured { plain } else { plain.coloured(GREY) };
        let face = if matches!(kind, Kind::Floor | Kind::Print) { Face::Italic } else { Face::Regular };
        OfRow { name: Style { face, ..number }, number }
    }
}

/// A name as a table shows it: CSV and HTML files have the rest of an endless one.
pub(super) fn name(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The lines of a cell with a number, its deviation, and the published value with the difference from it.
pub(super) fn number_cell(cell: &Cell, digits: usize, look: &Look, style: Style) -> Vec<Vec<Run>> {
    let Some(value) = cell.value else { return vec![vec![Run::of("·", style.coloured(GREY))]] };
    let small = Style { points: 0.85 * style.points, ..style }.coloured(GREY);
    let marked = match cell.mark {
        Some(Mark::Best | Mark::Level) => style.bold(),
        Some(Mark::Second) => Style { underlined: true, ..style },
        None => style,
    };
    let mut lines = vec![vec![Run::of(number(value, digits), marked)]];
    if let Some(std) = cell.std {
        let std = format!("± {}", number(std, digits));
        if look.stacked {
            lines.push(vec![Run::of(std, small)]);
        } else {
            lines[0].push(Run::of(format!(" {std}"), small));
        }
    }
    if let Some((paper, difference)) = cell.paper.zip(cell.difference()) {
        let colour = if difference < 0.0 { BELOW } else { ABOVE };
        lines.push(vec![
            Run::of(format!("{} ", number(paper, digits)), small),
            Run::of(signed(difference, digits), small.coloured(colour)),
        ]);
    }
    lines
}

/// The notes of a table, and those of its rows: one for all rows that have the same.
pub(super) fn notes(table: &Table) -> Vec<String> {
    let mut said: Vec<(&str, Vec<String>)> = vec![];
    for row in table.rows.iter().filter(|row| !row.note.is_empty()) {
        let named = row.stub.iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>().join(", ");
        match said.iter_mut().find(|(note, _)| *note == row.note) {
            Some((_, rows)) => rows.push(named),
            None => said.push((&row.note, vec![named])),
        }
    }
    let said = said.into_iter().map(|(note, rows)| format!("{}: {note}", rows.join("; ")));
    table.notes.iter().cloned().chain(said).collect()
}
