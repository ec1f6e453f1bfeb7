//! How wide the columns of a table are, and which of them are beside each other.

use super::{
    super::Table,
    cells::{Look, name, number_cell},
    text::{Run, Setter, Style},
};
use std::ops::Range;

/// Left and right of a column.
pub(super) const PAD: f32 = 2.6;
/// Between groups of columns.
pub(super) const GAP: f32 = 4.0;
/// A longer word of a name or a head is broken where there is no room.
const LONGEST: f32 = 84.0;
/// The share of the width that names may take from numbers.
const NAMES: f32 = 0.6;

/// Columns beside each other.
pub(super) struct Span {
    /// The columns of numbers.
    pub(super) columns: Range<usize>,
    /// Widths of all columns, those of the stub first.
    pub(super) widths: Vec<f32>,
    /// The columns before which there is a gap.
    pub(super) begins: Vec<usize>,
}

impl Span {
    /// Groups of columns with their heading and length; none if no column has one.
    pub(super) fn groups<'a>(&self, table: &'a Table) -> Vec<(&'a str, usize)> {
        grouped(table, self.columns.clone())
    }
}

fn grouped(table: &Table, columns: Range<usize>) -> Vec<(&str, usize)> {
    if table.groups().is_empty() {
        return vec![];
    }
    let groups = table.columns[columns].chunk_by(|a, b| a.group == b.group);
    groups.map(|group| (group[0].group.as_str(), group.len())).collect()
}

/// The least and the best width of a column.
#[derive(Clone, Copy)]
struct Need {
    least: f32,
    best: f32,
}

/// Whether all columns fit beside each other, names wrapped if need be.
pub(super) fn fit(setter: &mut Setter, table: &Table, look: &Look, room: f32) -> bool {
    divided(setter, table, look, room).len() < 2
}

/// Divides the columns into as few parts as a width allows, at the beginning of a group where that is possible.
pub(super) fn divided(setter: &mut Setter, table: &Table, look: &Look, room: f32) -> Vec<Span> {
    let stub = stub(setter, table, look, room);
    let numbers = numbers(setter, table, look);
    let (mut parts, mut start) = (vec![], 0);
    loop {
        let mut end = (start + 1).min(numbers.len());
        while end < numbers.len() && least(table, &stub, &numbers, start..end + 1) <= room {
            end += 1;
        }
        if end < numbers.len() {
            let group = &table.columns[end].group;
            let first = (start..end).rev().take_while(|at| table.columns[*at].group == *group).last();
            end = first.filter(|first| *first > start && !group.is_empty()).unwrap_or(end);
        }
        parts.push(span(table, &stub, &numbers, start..end, room));
        start = end;
        if start >= numbers.len() {
            return parts;
        }
    }
}

fn span(table: &Table, stub: &[Need], numbers: &[Need], columns: Range<usize>, room: f32) -> Span {
    let needs: Vec<Need> = stub.iter().chain(&numbers[columns.clone()]).copied().collect();
    let begins = begins(table, stub.len(), columns.clone());
    let rest = room - around(needs.len(), &begins) - needs.iter().map(|need| need.least).sum::<f32>();
    let wish: f32 = needs.iter().map(|need| need.best - need.least).sum();
    let share = if wish > 0.0 { (rest / wish).clamp(0.0, 1.0) } else { 0.0 };
    let widths = needs.iter().map(|need| need.least + share * (need.best - need.least)).collect();
    Span { columns, widths, begins }
}

fn least(table: &Table, stub: &[Need], numbers: &[Need], columns: Range<usize>) -> f32 {
    let needs = stub.iter().chain(&numbers[columns.clone()]).map(|need| need.least);
    let count = stub.len() + columns.len();
    needs.sum::<f32>() + around(count, &begins(table, stub.len(), columns))
}

fn around(columns: usize, begins: &[usize]) -> f32 {
    let gaps = begins.iter().filter(|begin| **begin > 0).count();
    2.0 * PAD * columns as f32 + GAP * gaps as f32
}

fn begins(table: &Table, stub: usize, columns: Range<usize>) -> Vec<usize> {
    let mut at = stub;
    let mut begins = vec![];
    for (_, length) in grouped(table, columns) {
        begins.push(at);
        at += length;
    }
    begins
}

fn stub(setter: &mut Setter, table: &Table, look: &Look, room: f32) -> Vec<Need> {
    let bold = Style::of(look.points).bold();
    let mut needs = vec![];
    for (at, number) in look.stub.iter().enumerate() {
        let (mut best, mut least) = setter.widths(&[Run::of(name(&table.stub[*number]), bold)]);
        for row in &table.rows {
            // A name alone may extend over the other columns of names.
            if at == 0
                && look.stub[1..].iter().all(|other| row.stub[*other].is_empty())
                && look.stub.len() > 1
            {
                continue;
            }
            let style = look.of_row(row.kind).name;
            let (whole, word) = setter.widths(&[Run::of(name(&row.stub[*number]), style)]);
            (best, least) = (best.max(whole), least.max(word));
        }
        needs.push(Need { least: least.min(LONGEST), best });
    }
    let all: f32 = needs.iter().map(|need| need.least + 2.0 * PAD).sum();
    let most = if table.columns.is_empty() { room } else { NAMES * room };
    if all > most {
        let narrow = ((most - 2.0 * PAD * needs.len() as f32) / all).max(0.01);
        needs.iter_mut().for_each(|need| need.least *= narrow);
    }
    needs
}

fn numbers(setter: &mut Setter, table: &Table, look: &Look) -> Vec<Need> {
    let bold = Style::of(look.points).bold();
    let mut needs = vec![];
    for (at, column) in table.columns.iter().enumerate() {
        let (best, word) = setter.widths(&[Run::of(name(&column.head), bold)]);
        let mut need = Need { least: word.min(LONGEST), best: best.min(2.0 * LONGEST) };
        for row in &table.rows {
            for line in number_cell(&row.cells[at], column.digits, look, look.of_row(row.kind).number) {
                need.least = need.least.max(setter.line(&line).width);
            }
        }
        need.best = need.best.max(need.least);
        needs.push(need);
    }
    // A group is as wide as the longest word of its heading.
    let mut at = 0;
    for (group, length) in grouped(table, 0..table.columns.len()) {
        let (_, word) = setter.widths(&[Run::of(name(group), bold)]);
        let columns = &mut needs[at..at + length];
        let own: f32 = columns.iter().map(|need| need.least + 2.0 * PAD).sum();
        let lacks = ((word.min(LONGEST) + 2.0 * PAD - own) / length as f32).max(0.0);
        for need in columns {
            need.least += lacks;
            need.best = need.best.max(need.least);
        }
        at += length;
    }
    needs
}
