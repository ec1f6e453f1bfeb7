//! A page as one HTML file that needs nothing else: tables that can be sorted, figures, faces, no network.

use super::{
    Cell, Kind, Mark, Row, Table,
    document::{Document, Section},
    font,
    markup::{self, Span},
    table::{number, signed},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("html.css");
const SCRIPT: &str = include_str!("html.js");

/// The text of the file.
pub(super) fn page(document: &Document) -> String {
    let title = document.title();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "dichroic " (env!("CARGO_PKG_VERSION")) };
                title { (markup::plain(title)) }
                style { (PreEscaped(font::rules())) (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (spans(title)) }
                    @for warning in document.origin.warnings() { p.warning { (warning) "." } }
                    @for remark in &document.remarks { p { (spans(remark)) } }
                    @if document.sections.len() > 1 {
                        nav { ul {
                            @for section in &document.sections {
                                li { a href={ "#" (section.name) } { (spans(&section.title)) } }
                            }
                        } }
                    }
                }
                main { @for section in &document.sections { (of_section(section, document.sections.len() > 1)) } }
                footer { (document.origin.line()) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn of_section(section: &Section, titled: bool) -> Markup {
    html! {
        section id=(section.name) {
            @if titled { h2 { (spans(&section.title)) } }
            @if let Some(figure) = &section.figure {
                figure {
                    div.picture role="img" aria-label=(figure.caption) { (PreEscaped(drawing(&figure.svg))) }
                    figcaption { (figure.caption) }
                }
            }
            @for one in &section.tables { (table(one)) }
        }
    }
}

/// The drawing without what only a file of its own needs.
fn drawing(svg: &str) -> &str {
    &svg[svg.find("<svg").unwrap_or(0)..]
}

/// A table with heading and notes. Heads are what a script may sort by; cells carry their numbers as `data-v`.
pub(crate) fn table(table: &Table) -> Markup {
    let groups = table.groups();
    let lines = if groups.is_empty() { 1 } else { 2 };
    let noted = table.rows.iter().any(|row| !row.note.is_empty());
    html! {
        div.table {
            h3 { (spans(&table.title)) }
            div.wide tabindex="0" role="region" aria-label=(markup::plain(&table.title)) {
                table {
                    thead {
                        tr {
                            @for head in &table.stub { th rowspan=(lines) scope="col" { (head) } }
                            @for (group, count) in &groups {
                                th.group colspan=(count) scope="colgroup" { @if !group.is_empty() { span { (group) } } }
                            }
                            @if groups.is_empty() { @for column in &table.columns { (head(&column.head)) } }
                            @if noted { th.note rowspan=(lines) {} }
                        }
                        @if !groups.is_empty() { tr { @for column in &table.columns { (head(&column.head)) } } }
                    }
                    tbody { @for row in &table.rows { (of_row(row, table, noted)) } }
                }
            }
            @for note in &table.notes { p.note { (spans(note)) } }
        }
    }
}

fn head(text: &str) -> Markup {
    html! { th.number scope="col" { (text) } }
}

fn of_row(row: &Row, table: &Table, noted: bool) -> Markup {
    html! {
        tr class=(row.kind.name()) {
            @for (at, name) in row.stub.iter().enumerate() {
                @if at == 0 { th scope="row" { (name) } } @else { td { (name) } }
            }
            @for (cell, column) in row.cells.iter().zip(&table.columns) { (of_cell(cell, row.kind, column.digits)) }
            @if noted { td.note { (spans(&row.note)) } }
        }
    }
}

fn of_cell(cell: &Cell, kind: Kind, digits: usize) -> Markup {
    let Some(value) = cell.value else { return html! { td.number.hole { "·" } } };
    let seeds = (cell.n > 1).then(|| format!("{} seeds", cell.n));
    html! {
        td.number data-v=(value) title=[seeds] {
            @match cell.mark {
                Some(Mark::Best | Mark::Level) => b { (number(value, digits)) },
                Some(Mark::Second) => u { (number(value, digits)) },
                None => (number(value, digits)),
            }
            @if let Some(std) = cell.std { small { " ± " (number(std, digits)) } }
            @if let (Some(paper), Some(difference), true) = (cell.paper, cell.difference(), kind == Kind::Measured) {
                small.print { " " (number(paper, digits)) " "
                    span class=(if difference < 0.0 { "below" } else { "above" }) { (signed(difference, digits)) }
                }
            }
        }
    }
}

/// A text with its marks.
pub(crate) fn spans(text: &str) -> Markup {
    html! {
        @for span in markup::spans(text) {
            @match span {
                Span::Plain(text) => (text),
                Span::Code(text) => code { (text) },
                Span::Emphasis(text) => em { (text) },
            }
        }
    }
}
