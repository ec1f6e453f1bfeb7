//! What is before the first report: title, warnings, remarks, contents.

use super::{
    super::{
        document::{Document, Figure},
        drawing::{Rgb, Shape},
        font,
    },
    book::{Book, Entry, Mark, Under, at_top},
    face::{self, Face},
    heading, spans,
    text::{Line, Run, Style},
    title,
};
use krilla::tagging::Tag;
use std::collections::BTreeSet;

const WARNING: Rgb = Rgb(255, 243, 214);
const BODY: f32 = 9.0;

/// Title, warnings and remarks.
pub(super) fn put(book: &mut Book, document: &Document) {
    let several = document.sections.len() > 1;
    if !several {
        book.entries.push(Entry { title: title(document.title()), page: 0, y: 0.0 });
    }
    heading(book, Under::Root, (1, 15.0), document.title());
    for warning in document.origin.warnings() {
        let width = book.width();
        let lines = book.setter.wrap(&[Run::of(format!("{warning}."), Style::of(BODY))], width - 12.0);
        let (left, top) = (book.left(), book.y);
        let height = lines.iter().map(Line::height).sum::<f32>() + 8.0;
        book.decorate(vec![Mark::Fill {
            from: (left, top),
            to: (left + width, top + height),
            colour: WARNING,
        }]);
        let node = book.node(Under::Root, Tag::P);
        book.y += 4.0;
        for line in lines {
            let (y, height) = (book.y, line.height());
            book.put(node, vec![at_top(line, left + 6.0, y)]);
            book.y += height;
        }
        book.y += 9.0;
    }
    for remark in document.remarks.iter().cloned().chain(unknown(document)) {
        let node = book.node(Under::Root, Tag::P);
        book.paragraph(node, &spans(&remark, Style::of(BODY)));
        book.y += 5.0;
    }
}

/// Says which characters no face has.
fn unknown(document: &Document) -> Option<String> {
    let mut lacking: BTreeSet<char> = BTreeSet::new();
    let mut note = |text: &str| {
        let lacks = |letter: &char| Face::Regular.of(*letter).is_none() && !face::is_joiner(*letter);
        lacking.extend(font::legible(text).chars().filter(lacks));
    };
    note(&document.origin.line());
    for section in &document.sections {
        note(&section.title);
        for table in &section.tables {
            let heads = table.columns.iter().flat_map(|column| [&column.group, &column.head]);
            let rows = table.rows.iter().flat_map(|row| row.stub.iter().chain([&row.note]));
            let texts =
                [&table.title].into_iter().chain(&table.stub).chain(&table.notes).chain(heads).chain(rows);
            texts.for_each(|text| note(text));
        }
        if let Some(Figure { drawing, caption, .. }) = &section.figure {
            note(caption);
            for shape in &drawing.shapes {
                if let Shape::Text { text, .. } = shape {
                    note(text);
                }
            }
        }
    }
    let some: Vec<String> =
        lacking.iter().take(5).map(|letter| format!("U+{:04X}", *letter as u32)).collect();
    let more = lacking.len() - some.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!some.is_empty()).then(|| {
        format!(
            "{} is drawn for characters that the fonts of this file lack ({}{more}); `report.html` shows them.",
            face::UNKNOWN,
            some.join(", ")
        )
    })
}

/// The table of contents without page numbers: where they belong.
pub(super) fn contents(book: &mut Book, document: &Document) -> Vec<(usize, usize, f32)> {
    let toc = book.node(Under::Root, Tag::TOC);
    let mut open = vec![];
    book.gap(6.0);
    for (entry, section) in document.sections.iter().enumerate() {
        let item = book.node(Under::Node(toc), Tag::TOCI);
        let node = book.node(Under::Node(item), Tag::Link);
        let width = book.width();
        let lines = book.setter.wrap(&spans(&section.title, Style::of(BODY)), width - 30.0);
        let height: f32 = lines.iter().map(Line::height).sum();
        book.need(height);
        let (left, top) = (book.left(), book.y);
        for line in lines {
            let (y, height) = (book.y, line.height());
            book.put(node, vec![at_top(line, left, y)]);
            book.y += height;
        }
        let (page, bottom) = (book.pages.len() - 1, book.y);
        book.link(node, (left, top), (left + width, bottom), entry);
        open.push((page, node, bottom));
        book.y += 2.0;
    }
    open
}

/// Adds the numbers of the pages, which are known at the end.
pub(super) fn number_contents(book: &mut Book, open: Vec<(usize, usize, f32)>) {
    for (entry, (page, node, bottom)) in open.into_iter().enumerate() {
        let number = (book.entries[entry].page + 1).to_string();
        let line = book.setter.line(&[Run::of(number, Style::of(BODY))]);
        let (right, top) = (book.left() + Book::room(false) - line.width, bottom - line.height());
        book.put_on(page, node, vec![at_top(line, right, top)]);
    }
}
