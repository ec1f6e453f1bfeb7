//! A page in Markdown.

use super::document::{Document, Section};
use super::table::{Cell, Kind, Mark, Table, number, signed};
use crate::visible::one_line;
use std::fmt::Write;

/// The text of the file. `pictures`: whether figures are stored next to it.
pub(super) fn page(document: &Document, pictures: bool) -> String {
    let mut page = String::new();
    for remark in &document.remarks {
        page += &format!("> {}\n\n", sentence(remark));
    }
    for Section { name, title, tables, figure, .. } in &document.sections {
        page += &format!("# {}\n\n", sentence(title));
        tables.iter().for_each(|one| page += &table(one));
        if let Some(figure) = figure.as_ref().filter(|_| pictures) {
            page += &format!("![{}]({name}.svg)\n\n", sentence(&figure.caption));
        }
    }
    page + &format!("{}\n", sentence(&document.origin.line()))
}

/// Heading, table, notes. The best of a column and those not significantly worse are bold, the second is
/// underlined, a hole is `·`.
fn table(table: &Table) -> String {
    let mut page = format!("## {}\n\n", sentence(&table.title));
    let with_notes = table.rows.iter().any(|row| !row.note.is_empty());
    let stub = table.stub.iter().map(|name| text(name));
    let heads = stub.chain(table.columns.iter().map(|column| text(&column.line)));
    let heads: Vec<String> = heads.chain(with_notes.then(String::new)).collect();
    line(&mut page, &heads);
    let mut rules = vec!["---".to_string(); table.stub.len()];
    rules.extend(table.columns.iter().map(|_| "--:".to_string()));
    rules.extend(with_notes.then(|| "---".to_string()));
    line(&mut page, &rules);
    for row in &table.rows {
        let name = |name: &String| match row.kind {
            Kind::Measured | Kind::Derived => text(name),
            Kind::Floor | Kind::Print if name.is_empty() => String::new(),
            Kind::Floor | Kind::Print => format!("*{}*", text(name)),
        };
        let mut cells: Vec<String> = row.stub.iter().map(name).collect();
        cells.extend(row.cells.iter().zip(&table.columns).map(|(one, column)| cell(one, column.digits)));
        cells.extend(with_notes.then(|| sentence(&row.note)));
        line(&mut page, &cells);
    }
    page.push('\n');
    for note in &table.notes {
        page.push_str(&sentence(note));
        page.push_str("\n\n");
    }
    page
}

fn line(text: &mut String, cells: &[String]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("writing to a string does not fail");
}

/// A name or a label as Markdown: one line that shows what it says, and no HTML.
pub(crate) fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in one_line(text).chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' => safe.extend(['\\', letter]),
            letter => safe.push(letter),
        }
    }
    safe
}

/// A sentence of ours, with its own marks and names from elsewhere: one line, and no HTML.
fn sentence(text: &str) -> String {
    one_line(text).replace('<', "&lt;").replace('|', "\\|")
}

fn cell(cell: &Cell, digits: usize) -> String {
    let Some(value) = cell.value else { return "·".into() };
    let mut text = match cell.mark {
        Some(Mark::Best | Mark::Level) => format!("**{}**", number(value, digits)),
        Some(Mark::Second) => format!("<u>{}</u>", number(value, digits)),
        None => number(value, digits),
    };
    if let Some(std) = cell.std {
        text += &format!(" ± {}", number(std, digits));
    }
    if let (Some(paper), Some(difference)) = (cell.paper, cell.difference()) {
        text += &format!(" (published {}, {})", number(paper, digits), signed(difference, digits));
    }
    text
}
