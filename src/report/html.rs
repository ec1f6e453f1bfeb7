//! A page as one HTML file that needs nothing else: sortable tables, figures and fonts, no network.

use super::{
    Cell, Kind, Mark, Table,
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
            @for one in &section.tables { (table(one, |_, _| None)) }
        }
    }
}

/// The drawing without its header, which only a separate file needs.
fn drawing(svg: &str) -> &str {
    &svg[svg.find("<svg").unwrap_or(0)..]
}

/// A table with heading and notes. A script can sort by the heads; cells have their numbers as `data-v`;
/// `link` returns the target of the link on a name in the column with the given head.
pub(crate) fn table(table: &Table, link: impl Fn(&str, &str) -> Option<String>) -> Markup {
    let groups = table.groups();
    let lines = if groups.is_empty() { 1 } else { 2 };
    let noted = table.rows.iter().any(|row| !row.note.is_empty());
    html! {
        div.table {
            @if !table.title.is_empty() { h3 { (spans(&table.title)) } }
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
                    tbody {
                        @for row in &table.rows {
                            tr class=(row.kind.name()) {
                                @for (at, (head, name)) in table.stub.iter().zip(&row.stub).enumerate() {
                                    @let name = linked(name, link(head, name));
                                    @if at == 0 { th scope="row" { (name) } } @else { td { (name) } }
                                }
                                @for (cell, column) in row.cells.iter().zip(&table.columns) {
                                    (of_cell(cell, row.kind, column.digits))
                                }
                                @if noted { td.note { (spans(&row.note)) } }
                            }
                        }
                    }
                }
            }
            @for note in &table.notes { p.note { (spans(note)) } }
        }
    }
}

fn linked(name: &str, to: Option<String>) -> Markup {
    html! { @match to { Some(to) => a href=(to) { (name) }, None => (name) } }
}

fn head(text: &str) -> Markup {
    html! { th.number scope="col" { (text) } }
}

fn of_cell(cell: &Cell, kind: Kind, digits: usize) -> Markup {
    let Some(value) = cell.value else { return html! { td.number.hole { "·" } } };
    let seeds = (kind == Kind::Measured).then(|| match cell.n {
        1 => "one seed".into(),
        n => format!("{n} seeds"),
    });
    let beside = cell.paper.zip(cell.difference()).filter(|_| kind == Kind::Measured);
    let tint = beside.map_or("", |(_, difference)| tint(difference));
    html! {
        td class={ "number " (tint) } data-v=(value) title=[seeds] {
            @match cell.mark {
                Some(Mark::Best | Mark::Level) => b { (number(value, digits)) },
                Some(Mark::Second) => u { (number(value, digits)) },
                None => (number(value, digits)),
            }
            @if let Some(std) = cell.std { small { " ± " (number(std, digits)) } }
            @if let Some((paper, difference)) = beside {
                small.print { " " (number(paper, digits)) " " (signed(difference, digits)) }
            }
        }
    }
}

/// The class of a cell by its difference from the published value: how far, and to which side.
pub(crate) fn tint(difference: f64) -> &'static str {
    match difference {
        _ if difference.abs() < 0.005 => "tint same",
        _ if difference >= 0.05 => "tint above-far",
        _ if difference >= 0.02 => "tint above",
        _ if difference > 0.0 => "tint above-near",
        _ if difference <= -0.05 => "tint below-far",
        _ if difference <= -0.02 => "tint below",
        _ => "tint below-near",
    }
}

/// A text with its markup.
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
