//! A page as a PDF file: everything in memory, no system fonts, no network.
//!
//! [`text`] sets lines in the faces of [`face`]; [`table`] and [`figure`] put what they show onto the pages of a
//! [`book`], which [`write`] writes by krilla. The file is tagged: headings, tables with their heads, and figures with
//! their captions are found by programs that read it aloud.

mod book;
mod cells;
mod columns;
mod face;
mod figure;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod write;

use super::{
    Error,
    document::{Document, Figure, Section},
    drawing::{Drawing, Rgb, Shape},
    font,
    markup::{self, Span},
};
use book::{Book, Entry, Mark, Under, at_top};
use cells::GREY;
use face::Face;
use krilla::{
    configure::PdfVersion,
    geom::Rect,
    tagging::{BBox, Tag},
};
use std::{collections::BTreeSet, num::NonZeroU16};
use text::{Run, Style};

/// With more columns of numbers, the page is landscape.
const UPRIGHT: usize = 9;
const WARNING: Rgb = Rgb(255, 243, 214);
const BODY: f32 = 9.0;
const CAPTION: f32 = 7.5;
const FOOT: f32 = 6.5;

/// The bytes of the file.
///
/// # Errors
/// If it would be invalid.
pub(super) fn page(document: &Document) -> Result<Vec<u8>, Error> {
    let title = title(document.title());
    written("report", write::bytes(set(document), &title, PdfVersion::Pdf17, true))
}

/// A figure as a page of its own size, for LaTeX's `\includegraphics`.
///
/// # Errors
/// If it would be invalid.
pub(super) fn figure(name: &str, figure: &Figure) -> Result<Vec<u8>, Error> {
    written(name, alone(&figure.drawing, &title(&figure.caption), true))
}

/// PDF 1.5, which LaTeX includes without a warning.
fn alone(drawing: &Drawing, caption: &str, compressed: bool) -> Result<Vec<u8>, String> {
    let mut book = Book::new(0.0);
    book.begin(drawing.width as f32, drawing.height as f32);
    book.entries.push(Entry { title: caption.into(), page: 0, y: 0.0 });
    draw(&mut book, drawing, caption, (0.0, 0.0), 1.0, Under::Root);
    write::bytes(book, caption, PdfVersion::Pdf15, compressed)
}

fn written(what: &str, bytes: Result<Vec<u8>, String>) -> Result<Vec<u8>, Error> {
    bytes.map_err(|cause| Error::Draw { figure: format!("{what}.pdf"), cause })
}

/// A text without markup that is not empty.
fn title(text: &str) -> String {
    let plain = font::legible(&markup::plain(text));
    if plain.trim().is_empty() { "(no title)".into() } else { plain }
}

/// All pages of a document.
fn set(document: &Document) -> Book {
    let foot = foot(document);
    let room = Book::room(false) - 40.0;
    let lines = text::Setter::default().wrap(&foot, room).len();
    let mut book = Book::new(34.0 + 9.0 * lines as f32);
    let several = document.sections.len() > 1;
    let wide: Vec<bool> = document.sections.iter().map(|section| is_wide(&mut book, section)).collect();
    book.turn(!several && wide.first() == Some(&true));
    front(&mut book, document);
    let contents = if several { contents(&mut book, document) } else { vec![] };
    for (section, wide) in document.sections.iter().zip(wide) {
        let under = Under::Node(book.node(Under::Root, Tag::Section));
        if several {
            book.turn(wide);
            let (page, y) = (book.pages.len() - 1, book.y);
            book.entries.push(Entry { title: title(&section.title), page, y });
            heading(&mut book, under, 2, &section.title);
        }
        for one in &section.tables {
            table::put(&mut book, one, under, if several { 3 } else { 2 });
        }
        if let Some(figure) = &section.figure {
            with_caption(&mut book, figure, under);
        }
    }
    number_contents(&mut book, contents);
    feet(&mut book, &foot);
    book
}

/// Whether a section needs landscape pages.
fn is_wide(book: &mut Book, section: &Section) -> bool {
    let upright = Book::room(false);
    section.tables.iter().any(|table| {
        let look = cells::Look::of(table);
        table.columns.len() > UPRIGHT || !columns::fit(&mut book.setter, table, &look, upright)
    })
}

/// Title, warnings and remarks.
fn front(book: &mut Book, document: &Document) {
    let several = document.sections.len() > 1;
    if !several {
        book.entries.push(Entry { title: title(document.title()), page: 0, y: 0.0 });
    }
    heading(book, Under::Root, 1, document.title());
    for warning in document.origin.warnings() {
        let width = book.width();
        let lines = book.setter.wrap(&[Run::of(format!("{warning}."), Style::of(BODY))], width - 12.0);
        let (left, top) = (book.left(), book.y);
        let height = lines.iter().map(text::Line::height).sum::<f32>() + 8.0;
        book.decorate(vec![Mark::Fill { from: (left, top), to: (left + width, top + height), colour: WARNING }]);
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
    for section in &document.sections {
        note(&section.title);
        for table in &section.tables {
            let heads = table.columns.iter().flat_map(|column| [&column.group, &column.head]);
            let rows = table.rows.iter().flat_map(|row| row.stub.iter().chain([&row.note]));
            let texts = [&table.title].into_iter().chain(&table.stub).chain(&table.notes).chain(heads).chain(rows);
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
    let some: Vec<String> = lacking.iter().take(5).map(|letter| format!("U+{:04X}", *letter as u32)).collect();
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
fn contents(book: &mut Book, document: &Document) -> Vec<(usize, usize, f32)> {
    let toc = book.node(Under::Root, Tag::TOC);
    let mut open = vec![];
    book.gap(6.0);
    for (entry, section) in document.sections.iter().enumerate() {
        let item = book.node(Under::Node(toc), Tag::TOCI);
        let node = book.node(Under::Node(item), Tag::Link);
        let width = book.width();
        let lines = book.setter.wrap(&spans(&section.title, Style::of(BODY)), width - 30.0);
        let height: f32 = lines.iter().map(text::Line::height).sum();
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

fn number_contents(book: &mut Book, open: Vec<(usize, usize, f32)>) {
    for (entry, (page, node, bottom)) in open.into_iter().enumerate() {
        let number = (book.entries[entry].page + 1).to_string();
        let line = book.setter.line(&[Run::of(number, Style::of(BODY))]);
        let (right, top) = (book.left() + Book::room(false) - line.width, bottom - line.height());
        book.put_on(page, node, vec![at_top(line, right, top)]);
    }
}

/// What is in the foot of every page: where the numbers come from.
fn foot(document: &Document) -> Vec<Run> {
    let warnings = document.origin.warnings();
    let words = warnings.iter().filter_map(|warning| warning.split(':').next());
    let line = [document.origin.line()].into_iter().chain(words.map(String::from)).collect::<Vec<_>>().join(" · ");
    vec![Run::of(line, Style::of(FOOT).coloured(GREY))]
}

fn feet(book: &mut Book, foot: &[Run]) {
    let count = book.pages.len();
    let left = book.left();
    for at in 0..count {
        let (width, height) = (book.pages[at].width, book.pages[at].height);
        let number = Run::of(format!("{} / {count}", at + 1), Style::of(FOOT).coloured(GREY));
        let number = book.setter.line(&[number]);
        let lines = book.setter.wrap(foot, width - 2.0 * left - 40.0);
        let mut y = height - 24.0 - 9.0 * lines.len() as f32;
        let mut marks = vec![at_top(number.clone(), width - left - number.width, y)];
        for line in lines {
            marks.push(at_top(line, left, y));
            y += 9.0;
        }
        book.pages[at].contents.push(book::Content { leaf: None, marks });
    }
}

/// A heading with space around it.
fn heading(book: &mut Book, under: Under, level: u16, words: &str) {
    let points = match level {
        1 => 15.0,
        2 if matches!(under, Under::Node(_)) && book.entries.len() > 1 => 11.0,
        _ => 8.5,
    };
    let level = NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN);
    let node = book.node(under, Tag::Hn(level, Some(title(words))));
    let bold = |run: Run| Run { style: Style { face: Face::Bold, ..run.style }, ..run };
    let runs: Vec<Run> = spans(words, Style::of(points)).into_iter().map(bold).collect();
    book.paragraph(node, &runs);
    book.y += 0.45 * points;
}

/// A figure, never larger than drawn, with its caption on the same page.
fn with_caption(book: &mut Book, figure: &Figure, under: Under) {
    let Drawing { width, height, .. } = figure.drawing;
    let room = book.width();
    let style = Style::of(CAPTION).coloured(GREY);
    let runs = spans(&figure.caption, style);
    let below: f32 = book.setter.wrap(&runs, room).iter().map(text::Line::height).sum::<f32>() + 6.0;
    let most = (book.height() - below).max(50.0);
    let scale = (room / width as f32).min(most / height as f32).min(1.0);
    let (wide, high) = (width as f32 * scale, height as f32 * scale);
    book.gap(12.0);
    book.need(high + below);
    let at = (book.left() + (room - wide) / 2.0, book.y);
    draw(book, &figure.drawing, &title(&figure.caption), at, scale, under);
    book.y += high + 6.0;
    let node = book.node(under, Tag::P);
    book.paragraph(node, &runs);
}

fn draw(book: &mut Book, drawing: &Drawing, caption: &str, at: (f32, f32), scale: f32, under: Under) {
    let (width, height) = (drawing.width as f32 * scale, drawing.height as f32 * scale);
    let place = Rect::from_xywh(at.0, at.1, width, height).map(|rect| BBox::new(book.pages.len() - 1, rect));
    let node = book.node(under, Tag::Figure(Some(caption.into())).with_bbox(place));
    book.put(node, vec![Mark::Drawing { drawing: drawing.clone(), at, scale }]);
}

/// A text with its markup.
fn spans(text: &str, style: Style) -> Vec<Run> {
    let run = |span| match span {
        Span::Plain(text) => Run::of(text, style),
        Span::Code(text) => Run::of(text, Style { face: Face::Code, points: 0.92 * style.points, ..style }),
        Span::Emphasis(text) => Run::of(text, Style { face: Face::Italic, ..style }),
    };
    markup::spans(text).into_iter().map(run).collect()
}

/// Fails unless a figure can be a PDF file.
#[cfg(test)]
#[track_caller]
pub(super) fn check(what: &str, drawing: &Drawing) {
    let bytes = alone(drawing, what, true).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(bytes.starts_with(b"%PDF-1.5"), "{what}");
}
