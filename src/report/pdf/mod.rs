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
mod foot;
mod front;
#[cfg(test)]
mod reader;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod write;

use super::{
    Error,
    document::{Document, Figure, Section},
    drawing::Drawing,
    font,
    markup::{self, Span},
};
use book::{Book, Entry, Mark, Under};
use cells::GREY;
use face::Face;
use krilla::{
    configure::PdfVersion,
    geom::Rect,
    tagging::{BBox, Tag},
};
use std::num::NonZeroU16;
use text::{Run, Style};

const CAPTION: f32 = 7.5;

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
    let foot = foot::of(document);
    let mut book = Book::new(foot::height(&foot));
    let several = document.sections.len() > 1;
    let wide: Vec<bool> = document.sections.iter().map(|section| is_wide(&mut book, section)).collect();
    book.turn(!several && wide.first() == Some(&true));
    front::put(&mut book, document);
    let contents = if several { front::contents(&mut book, document) } else { vec![] };
    for (section, wide) in document.sections.iter().zip(wide) {
        let under = Under::Node(book.node(Under::Root, Tag::Section));
        if several {
            book.turn(wide);
            let (page, y) = (book.pages.len() - 1, book.y);
            book.entries.push(Entry { title: title(&section.title), page, y });
            heading(&mut book, under, (2, 11.0), &section.title);
        }
        for one in &section.tables {
            table::put(&mut book, one, under, if several { 3 } else { 2 });
        }
        if let Some(figure) = &section.figure {
            with_caption(&mut book, figure, under);
        }
    }
    front::number_contents(&mut book, contents);
    foot::put(&mut book, &foot);
    book
}

/// Whether a section needs landscape pages.
fn is_wide(book: &mut Book, section: &Section) -> bool {
    let upright = Book::room(false);
    let fits = |table| columns::fit(&mut book.setter, table, &cells::Look::of(table), upright);
    !section.tables.iter().all(fits)
}

/// A heading of a level and size, with space below it.
fn heading(book: &mut Book, under: Under, (level, points): (u16, f32), words: &str) {
    let level = NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN);
    let node = book.node(under, Tag::Hn(level, Some(title(words))));
    let bold = |run: Run| Run { style: Style { face: Face::Bold, points, ..run.style }, ..run };
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
