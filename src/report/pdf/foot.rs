//! The foot of every page: where the numbers come from, and the number of the page.

use super::{
    super::document::Document,
    book::{Book, Content, at_top},
    cells::GREY,
    text::{Run, Setter, Style},
};

const POINTS: f32 = 6.5;
/// From line to line.
const LINE: f32 = 9.0;
/// Below the last line.
const BELOW: f32 = 24.0;
/// For the number of the page.
const NUMBER: f32 = 40.0;

/// What is in the foot of every page: where the numbers come from.
pub(super) fn of(document: &Document) -> Vec<Run> {
    let warnings = document.origin.warnings();
    let words = warnings.iter().filter_map(|warning| warning.split(':').next());
    let line =
        [document.origin.line()].into_iter().chain(words.map(String::from)).collect::<Vec<_>>().join(" · ");
    vec![Run::of(line, Style::of(POINTS).coloured(GREY))]
}

/// The height that it takes of every page.
pub(super) fn height(foot: &[Run]) -> f32 {
    let lines = Setter::default().wrap(foot, Book::room(false) - NUMBER).len();
    BELOW + 10.0 + LINE * lines as f32
}

/// Puts it on all pages.
pub(super) fn put(book: &mut Book, foot: &[Run]) {
    let count = book.pages.len();
    let left = book.left();
    for at in 0..count {
        let (width, height) = (book.pages[at].width, book.pages[at].height);
        let number = Run::of(format!("{} / {count}", at + 1), Style::of(POINTS).coloured(GREY));
        let number = book.setter.line(&[number]);
        let lines = book.setter.wrap(foot, width - 2.0 * left - NUMBER);
        let mut y = height - BELOW - LINE * lines.len() as f32;
        let mut marks = vec![at_top(number.clone(), width - left - number.width, y)];
        for line in lines {
            marks.push(at_top(line, left, y));
            y += LINE;
        }
        book.pages[at].contents.push(Content { leaf: None, marks });
    }
}
