//! Tables: heads in groups, repeated on every page, and columns side by side as far as they fit.

use super::{
    super::{Row, Table, drawing::INK, drawing::Rgb},
    book::{Book, Mark, Under, at_top},
    cells::{self, GREY, Look},
    columns::{self, GAP, PAD, Span},
    spans,
    text::{Line, Run, Style},
};
use krilla::tagging::{TableHeaderScope, Tag, TagKind};
use std::num::NonZeroU32;

const HAIR: Rgb = Rgb(150, 150, 150);
/// Above and below a row.
const AIR: f32 = 1.2;
/// A name takes no more than this share of a page's height; the rest is cut off.
const HIGHEST: f32 = 0.4;

/// Puts a table with its heading and notes onto the pages.
pub(super) fn put(book: &mut Book, table: &Table, under: Under, level: u16) {
    let look = Look::of(table);
    let width = book.width();
    let parts = columns::divided(&mut book.setter, table, &look, width);
    let parts = parts.iter().filter(|span| !span.widths.is_empty());
    for (at, span) in parts.enumerate() {
        Setting { table, look: &look, span, first: at == 0 }.put(book, under, level);
    }
    for note in cells::notes(table) {
        let node = book.node(under, Tag::P);
        book.gap(4.0);
        book.paragraph(node, &spans(&note, Style::of(6.8).coloured(GREY)));
    }
    book.gap(6.0);
}

/// Some of a table's columns, with all rows.
struct Setting<'a> {
    table: &'a Table,
    look: &'a Look,
    span: &'a Span,
    /// The columns with which the table begins.
    first: bool,
}

/// What is in a cell, and over how many columns.
struct Cell {
    lines: Vec<Line>,
    from: usize,
    over: usize,
    align: Align,
    tag: TagKind,
}

#[derive(Clone, Copy, PartialEq)]
enum Align {
    Left,
    Middle,
    Right,
}

impl Setting<'_> {
    fn put(&self, book: &mut Book, under: Under, level: u16) {
        let heads = self.heads(book);
        let above: f32 = heads.iter().map(|row| high(row) + AIR).sum::<f32>() + AIR;
        let two: f32 =
            self.table.rows.iter().take(2).map(|row| high(&self.row(book, row, None)) + 2.0 * AIR).sum();
        let mut title = self.table.title.clone();
        if !self.first {
            title += " (more columns)";
        }
        book.gap(10.0);
        book.need(above + two + 30.0);
        if !title.trim().is_empty() {
            super::heading(book, under, (level, 8.5), &title);
        }
        let node = book.node(under, Tag::Table);
        let head = book.node(Under::Node(node), Tag::THead);
        self.head(book, &heads, Some(head));
        let body = book.node(Under::Node(node), Tag::TBody);
        let mut before: Option<&Row> = None;
        for row in &self.table.rows {
            let mut cells = self.row(book, row, before);
            let mut apart = before.is_some_and(|before| before.kind != row.kind);
            if book.rest() < high(&cells) + 2.0 * AIR && before.is_some() {
                self.rule(book, (0, self.span.widths.len()), 0.4, HAIR);
                let wide = book.page().width > book.page().height;
                book.turn(wide);
                self.head(book, &heads, None);
                // A name that is not repeated below itself is, on a new page.
                (cells, apart) = (self.row(book, row, None), false);
            }
            if apart {
                self.rule(book, (0, self.span.widths.len()), 0.4, HAIR);
            }
            let line = book.node(Under::Node(body), Tag::TR);
            self.draw(book, &cells, Some(line), false);
            before = Some(row);
        }
        self.rule(book, (0, self.span.widths.len()), 0.9, INK);
        book.y += 3.0;
    }

    /// The heads; on all pages but the first they are decoration.
    fn head(&self, book: &mut Book, heads: &[Vec<Cell>], node: Option<usize>) {
        self.rule(book, (0, self.span.widths.len()), 0.9, INK);
        for (at, row) in heads.iter().enumerate() {
            let line = node.map(|node| book.node(Under::Node(node), Tag::TR));
            self.draw(book, row, line, true);
            if at + 1 < heads.len() {
                book.y -= AIR;
                let groups = row.iter().filter(|cell| cell.align == Align::Middle && !empty(&cell.lines));
                groups.for_each(|cell| self.rule(book, (cell.from, cell.from + cell.over), 0.4, HAIR));
            }
        }
        self.rule(book, (0, self.span.widths.len()), 0.5, INK);
    }

    fn heads(&self, book: &mut Book) -> Vec<Vec<Cell>> {
        let bold = Style::of(self.look.points).bold();
        let stub = self.look.stub.len();
        let groups = self.span.groups(self.table);
        let spanned = |rows: u32| NonZeroU32::new(rows).filter(|rows| rows.get() > 1);
        let rows = if groups.is_empty() { 1 } else { 2 };
        let mut upper = vec![];
        let mut lower = vec![];
        for (at, number) in self.look.stub.iter().enumerate() {
            let name = &self.table.stub[*number];
            let lines = self.wrap(book, &[Run::of(cells::name(name), bold)], at, 1);
            let tag = Tag::TH(TableHeaderScope::Column).with_row_span(spanned(rows)).into();
            lower.push(Cell { lines, from: at, over: 1, align: Align::Left, tag });
        }
        let mut from = stub;
        for (name, over) in groups {
            let lines = self.wrap(book, &[Run::of(cells::name(name), bold)], from, over);
            let tag = Tag::TH(TableHeaderScope::Column).with_col_span(spanned(over as u32)).into();
            upper.push(Cell { lines, from, over, align: Align::Middle, tag });
            from += over;
        }
        for (at, column) in self.table.columns[self.span.columns.clone()].iter().enumerate() {
            let lines = self.wrap(book, &[Run::of(cells::name(&column.head), bold)], stub + at, 1);
            let tag = Tag::TH(TableHeaderScope::Column).into();
            lower.push(Cell { lines, from: stub + at, over: 1, align: Align::Right, tag });
        }
        if upper.is_empty() { vec![lower] } else { vec![upper, lower] }
    }

    fn row(&self, book: &mut Book, row: &Row, before: Option<&Row>) -> Vec<Cell> {
        let again = row.continues(before);
        let name = |at: usize| row.stub[self.look.stub[at]].as_str();
        let stub = self.look.stub.len();
        // A floor's name spans the columns that do not apply to it.
        let alone = stub > 0 && (1..stub).all(|at| name(at).is_empty());
        let style = self.look.of_row(row.kind);
        let mut cells = vec![];
        for at in 0..if alone { 1 } else { stub } {
            let shown = if at == 0 && again { "" } else { name(at) };
            let over = if alone { stub } else { 1 };
            let span = NonZeroU32::new(over as u32).filter(|over| over.get() > 1);
            let lines = self.wrap(book, &[Run::of(cells::name(shown), style.name)], at, over);
            let spoken = (at == 0 && again).then(|| name(at).to_owned()).filter(|name| !name.is_empty());
            let tag: TagKind = match at {
                0 => Tag::TH(TableHeaderScope::Row).with_col_span(span).with_actual_text(spoken).into(),
                _ => Tag::TD.into(),
            };
            cells.push(Cell { lines, from: at, over, align: Align::Left, tag });
        }
        for (at, column) in self.span.columns.clone().enumerate() {
            let digits = self.table.columns[column].digits;
            let lines = cells::number_cell(&row.cells[column], digits, self.look, style.number);
            let lines = lines.iter().map(|runs| book.setter.line(runs)).collect();
            cells.push(Cell { lines, from: stub + at, over: 1, align: Align::Right, tag: Tag::TD.into() });
        }
        cells
    }

    fn wrap(&self, book: &mut Book, runs: &[Run], from: usize, over: usize) -> Vec<Line> {
        let room = self.right(from + over - 1) - self.left(from) + 0.05;
        let mut lines = book.setter.wrap(runs, room);
        let height = lines[0].height().max(0.1);
        let most = ((book.height() * HIGHEST / height) as usize).max(1);
        if lines.len() > most {
            lines.truncate(most);
            lines[most - 1] = book.setter.line(&[Run::of("…", runs[0].style)]);
        }
        lines
    }

    /// Draws the cells of a row: from the top, heads from the bottom. On all pages but the first, heads belong to
    /// no element.
    fn draw(&self, book: &mut Book, cells: &[Cell], row: Option<usize>, hang: bool) {
        let height = high(cells);
        let left = book.left();
        book.y += AIR;
        for cell in cells {
            let own: f32 = cell.lines.iter().map(Line::height).sum();
            let mut y = book.y + if hang { height - own } else { 0.0 };
            let mut marks = vec![];
            for line in cell.lines.iter().filter(|line| !line.parts.is_empty()) {
                let (from, to) = (self.left(cell.from), self.right(cell.from + cell.over - 1));
                let x = match cell.align {
                    Align::Left => from,
                    Align::Middle => (from + to - line.width) / 2.0,
                    Align::Right => to - line.width,
                };
                marks.push(at_top(line.clone(), left + x, y));
                y += line.height();
            }
            match row {
                Some(row) => {
                    let node = book.node(Under::Node(row), cell.tag.clone());
                    book.put(node, marks);
                }
                None => book.decorate(marks),
            }
        }
        book.y += height + AIR;
    }

    /// A line below what was drawn, over some columns.
    fn rule(&self, book: &mut Book, (from, to): (usize, usize), width: f32, colour: Rgb) {
        let (left, y) = (book.left(), book.y);
        let from = (left + self.left(from) - PAD, y);
        let to = (left + self.right(to - 1) + PAD, y);
        book.decorate(vec![Mark::Rule { from, to, width, colour }]);
    }

    /// Where the text of a column begins.
    fn left(&self, column: usize) -> f32 {
        let before: f32 = self.span.widths[..column].iter().map(|width| width + 2.0 * PAD).sum();
        let gaps = self.span.begins.iter().filter(|begin| **begin <= column && **begin > 0).count();
        before + PAD + gaps as f32 * GAP
    }

    /// Where it ends.
    fn right(&self, column: usize) -> f32 {
        self.left(column) + self.span.widths[column]
    }
}

fn high(cells: &[Cell]) -> f32 {
    let of = |cell: &Cell| cell.lines.iter().map(Line::height).sum::<f32>();
    cells.iter().map(of).fold(0.0, f32::max)
}

fn empty(lines: &[Line]) -> bool {
    lines.iter().all(|line| line.parts.is_empty())
}
