//! A page in Markdown.

use super::document::{Document, Section};
use super::table::{Cell, Kind, Mark, Table, number, signed};
use std::fmt::Write;

/// The text of the file. `pictures`: whether figures are stored next to it.
pub(super) fn page(document: &Document, pictures: bool) -> String {
    let mut page = String::new();
    for remark in &document.remarks {
        page += &format!("> {remark}\n\n");
    }
    for Section { name, title, tables, figure, .. } in &document.sections {
        page += &format!("# {title}\n\n");
        tables.iter().for_each(|one| page += &table(one));
        if let Some(figure) = figure.as_ref().filter(|_| pictures) {
            page += &format!("![{}]({name}.svg)\n\n", figure.caption);
        }
    }
    page + &format!("{}\n", document.origin.line())
}

/// Heading, table, notes. The best of a column and those not significantly worse are bold, the second is
/// underlined, a hole is `·`.
fn table(table: &Table) -> String {
    let mut text = format!("## {}\n\n", table.title);
    let with_notes = table.rows.iter().any(|row| !row.note.is_empty());
    let stub = table.stub.iter().cloned();
    let heads = stub.chain(table.columns.iter().map(|column| column.line.clone()));
    let heads: Vec<String> = heads.chain(with_notes.then(String::new)).collect();
    line(&mut text, &heads);
    let mut rules = vec!["---".to_string(); table.stub.len()];
    rules.extend(table.columns.iter().map(|_| "--:".to_string()));
    rules.extend(with_notes.then(|| "---".to_string()));
    line(&mut text, &rules);
    for row in &table.rows {
        let name = |name: &String| match row.kind {
            Kind::Measured | Kind::Derived => escape(name),
            Kind::Floor | Kind::Print if name.is_empty() => String::new(),
            Kind::Floor | Kind::Print => format!("*{}*", escape(name)),
        };
        let mut cells: Vec<String> = row.stub.iter().map(name).collect();
        cells.extend(row.cells.iter().zip(&table.columns).map(|(one, column)| cell(one, column.digits)));
        cells.extend(with_notes.then(|| row.note.clone()));
        line(&mut text, &cells);
    }
    text.push('\n');
    for note in &table.notes {
        text.push_str(note);
        text.push_str("\n\n");
    }
    text
}

fn line(text: &mut String, cells: &[String]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("writing to a string does not fail");
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('_', "\\_")
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
