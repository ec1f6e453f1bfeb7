//! A page as a PDF file, set by typst as a library: everything in memory, no system fonts, no network.
//!
//! Everything that depends on typst's version is in this file.

use super::{
    Cell, Error, Mark, Row, Table,
    document::{Document, Section},
    font,
    markup::{self, Span},
    table::{number, signed},
};
use serde_json::{Value, json};
use std::collections::HashMap;
use typst::{
    Library, LibraryExt, World,
    diag::{FileError, FileResult, SourceDiagnostic},
    foundations::{Bytes, Datetime, Duration},
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::LazyHash,
};
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

/// The layout of a page.
const TEMPLATE: &str = include_str!("report.typ");
/// With more columns of numbers, the page is landscape.
const UPRIGHT: usize = 9;

/// The embedded fonts.
const FACES: [&[u8]; 5] = [
    font::REGULAR,
    font::BOLD,
    include_bytes!("fonts/Inter-Italic.otf"),
    include_bytes!("fonts/DejaVuSans.ttf"),
    include_bytes!("fonts/DejaVuSansMono.ttf"),
];

/// The bytes of the file.
///
/// # Errors
/// If typst cannot set it.
pub(super) fn page(document: &Document) -> Result<Vec<u8>, Error> {
    let mut files = vec![
        ("report.typ".to_owned(), TEMPLATE.into()),
        ("report.json".to_owned(), data(document).to_string().into_bytes()),
    ];
    for Section { name, figure, .. } in &document.sections {
        files.extend(figure.as_ref().map(|figure| (format!("{name}.svg"), figure.svg.clone().into_bytes())));
    }
    compiled("report", files)
}

/// A figure as a page of its own size, for LaTeX's `\includegraphics`.
///
/// # Errors
/// If typst cannot set it.
pub(super) fn figure(name: &str, svg: &str) -> Result<Vec<u8>, Error> {
    let page = "#set document(date: none)\n#set page(width: auto, height: auto, margin: 0pt)\n#image(\"figure.svg\")";
    compiled(name, vec![("report.typ".into(), page.into()), ("figure.svg".into(), svg.into())])
}

fn compiled(what: &str, files: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>, Error> {
    let told = |errors: &[SourceDiagnostic]| {
        let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        Error::Draw { figure: format!("{what}.pdf"), cause: messages.join("; ") }
    };
    let done = typst::compile::<PagedDocument>(&Memory::of(files));
    let document = done.output.map_err(|errors| told(&errors))?;
    // The only possible warning is about our own template: a font that it names and that is missing.
    debug_assert!(done.warnings.is_empty(), "{:?}", done.warnings);
    typst_pdf::pdf(&document, &PdfOptions::default()).map_err(|errors| told(&errors))
}

/// The data that the template reads.
fn data(document: &Document) -> Value {
    let origin = &document.origin;
    json!({
        "title": markup::plain(document.title()),
        "heading": spans(document.title()),
        "warnings": origin.warnings(),
        "remarks": document.remarks.iter().map(|remark| spans(remark)).collect::<Vec<_>>(),
        "foot": origin.line(),
        "several": document.sections.len() > 1,
        "sections": document.sections.iter().map(section).collect::<Vec<_>>(),
    })
}

fn section(section: &Section) -> Value {
    let figure = section
        .figure
        .as_ref()
        .map(|figure| json!({ "file": format!("{}.svg", section.name), "caption": figure.caption }));
    json!({
        "heading": spans(&section.title),
        "wide": section.tables.iter().any(|table| table.columns.len() > UPRIGHT),
        "figure": figure,
        "tables": section.tables.iter().map(table).collect::<Vec<_>>(),
    })
}

/// A name equal to that of the row above is left out, as is usual in print.
fn table(table: &Table) -> Value {
    let stub = table.printed_stub();
    let mut before: Option<&Row> = None;
    let mut rows = vec![];
    for row in &table.rows {
        let again = row.continues(before);
        let names = stub.iter().map(|at| if *at == 0 && again { "" } else { row.stub[*at].as_str() });
        rows.push(json!({
            "kind": row.kind.name(),
            "first": before.is_some_and(|before| before.kind != row.kind),
            "stub": names.collect::<Vec<_>>(),
            "cells": row.cells.iter().zip(&table.columns).map(|(one, column)| cell(one, column.digits)).collect::<Vec<_>>(),
        }));
        before = Some(row);
    }
    let said = table.rows.iter().filter(|row| !row.note.is_empty());
    let said = said.map(|row| format!("{}: {}", row.stub.join(", ").trim_end_matches(", "), row.note));
    json!({
        "title": spans(&table.title),
        "stub": stub.iter().map(|at| &table.stub[*at]).collect::<Vec<_>>(),
        "groups": table.groups(),
        "columns": table.columns.iter().map(|column| &column.head).collect::<Vec<_>>(),
        "rows": rows,
        "notes": table.notes.iter().cloned().chain(said).map(|note| spans(&note)).collect::<Vec<_>>(),
    })
}

fn cell(cell: &Cell, digits: usize) -> Value {
    let Some(value) = cell.value else { return Value::Null };
    json!({
        "value": number(value, digits),
        "std": cell.std.map(|std| number(std, digits)),
        "paper": cell.paper.map(|paper| number(paper, digits)),
        "difference": cell.difference().map(|difference| signed(difference, digits)),
        "below": cell.difference().is_some_and(|difference| difference < 0.0),
        "mark": cell.mark.map(Mark::name),
    })
}

/// Spans of a text with their kinds.
fn spans(text: &str) -> Value {
    let span = |span: Span<'_>| match span {
        Span::Plain(text) => json!(["plain", text]),
        Span::Code(text) => json!(["code", text]),
        Span::Emphasis(text) => json!(["emphasis", text]),
    };
    markup::spans(text).into_iter().map(span).collect()
}

/// The files that typst can see.
struct Memory {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    files: HashMap<FileId, Bytes>,
}

fn id(path: &str) -> FileId {
    let path = VirtualPath::new(path).expect("a name without folders");
    RootedPath::new(VirtualRoot::Project, path).intern()
}

impl Memory {
    fn of(files: Vec<(String, Vec<u8>)>) -> Self {
        let fonts: Vec<Font> = FACES.into_iter().flat_map(|face| Font::iter(Bytes::new(face))).collect();
        Self {
            library: LazyHash::new(Library::builder().build()),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
            files: files.into_iter().map(|(name, bytes)| (id(&name), Bytes::new(bytes))).collect(),
        }
    }
}

impl World for Memory {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    fn main(&self) -> FileId {
        id("report.typ")
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let bytes = self.file(id)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| FileError::InvalidUtf8)?;
        Ok(Source::new(id, text.into()))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let none = || FileError::NotFound(id.vpath().get_without_slash().into());
        self.files.get(&id).cloned().ok_or_else(none)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Column, Kind, document::Figure};

    /// A report with a table and a figure with hostile names.
    fn document() -> Document {
        let names = ["<&\"'>", "*x* `y` #z $a$ @b \\c", "שלום", "", "Ядро"];
        let row = |name: &&str| Row {
            stub: vec![name.to_string()],
            kind: Kind::Measured,
            cells: vec![
                Cell {
                    value: Some(0.5),
                    std: Some(0.1),
                    n: 3,
                    paper: Some(0.6),
                    mark: Some(Mark::Best)
                };
                2
            ],
            note: format!("`dichroic exp {name}`"),
        };
        let table = Table {
            title: "on *simulated* data".into(),
            stub: vec!["model".into()],
            columns: ["WTC T1", "WTC T2"].map(|head| Column::of_score(head, head)).into(),
            rows: names.iter().map(row).collect(),
            ..Table::default()
        };
        let svg = crate::report::canvas::figure(120.0, 60.0, |canvas| {
            canvas.text("שלום & <figure>", 60.0, 30.0, crate::report::canvas::Type::of(7.0))
        });
        let section = Section {
            name: "one".into(),
            title: "One report".into(),
            tables: vec![table],
            figure: Some(Figure { svg: svg.unwrap(), caption: "A caption".into() }),
            points: None,
        };
        Document { sections: vec![section], remarks: vec!["`code`".into()], origin: Default::default() }
    }

    #[test]
    fn any_names_make_the_same_bytes_twice() {
        let first = page(&document()).unwrap();
        assert!(first.starts_with(b"%PDF-"));
        assert_eq!(page(&document()).unwrap(), first);
        assert_eq!(
            figure("one", &document().sections[0].figure.as_ref().unwrap().svg).unwrap()[..5],
            *b"%PDF-"
        );
    }

    /// typst silently substitutes a font that is missing.
    #[test]
    fn only_our_own_faces_are_used() {
        let bytes = page(&document()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let names: Vec<&str> =
            text.split("/FontName/").skip(1).filter_map(|rest| rest.split(['/', '\n', ' ']).next()).collect();
        assert!(!names.is_empty(), "font descriptors are there to be read");
        for name in names {
            let face = name.split('+').next_back().unwrap();
            assert!(face.starts_with("Inter-") || face.starts_with("DejaVuSans"), "{name}");
        }
    }
}
