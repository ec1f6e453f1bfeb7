//! Pages as they fill: what is where, and what it is for a reader who cannot see it.

use super::{
    super::drawing::{Drawing, Rgb},
    text::{ASCENT, Line, Run, Setter},
};
use krilla::tagging::TagKind;

/// A4, upright.
const SHORT: f32 = 595.28;
const LONG: f32 = 841.89;
const MARGIN: f32 = 45.0;
const TOP: f32 = 45.0;

/// Something drawn, in points from the upper left corner of its page.
pub(super) enum Mark {
    /// A line of text from `x`, with its baseline at `y`.
    Text {
        line: Line,
        x: f32,
        y: f32,
    },
    Rule {
        from: (f32, f32),
        to: (f32, f32),
        width: f32,
        colour: Rgb,
    },
    Fill {
        from: (f32, f32),
        to: (f32, f32),
        colour: Rgb,
    },
    Drawing {
        drawing: Drawing,
        at: (f32, f32),
        scale: f32,
    },
}

/// Marks that are one thing: a part of the text with its number, or decoration.
pub(super) struct Content {
    pub(super) leaf: Option<usize>,
    pub(super) marks: Vec<Mark>,
}

/// A rectangle that leads to an entry.
pub(super) struct Link {
    pub(super) from: (f32, f32),
    pub(super) to: (f32, f32),
    pub(super) entry: usize,
    pub(super) leaf: usize,
}

/// A page.
pub(super) struct Page {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) contents: Vec<Content>,
    pub(super) links: Vec<Link>,
}

/// An element of the structure: a heading, a row, a cell.
pub(super) struct Node {
    pub(super) tag: TagKind,
    pub(super) children: Vec<Child>,
}

#[derive(Clone, Copy)]
pub(super) enum Child {
    Node(usize),
    /// Something on a page, by its number.
    Leaf(usize),
}

/// A line of the table of contents.
pub(super) struct Entry {
    pub(super) title: String,
    pub(super) page: usize,
    pub(super) y: f32,
}

/// A document while it is made.
pub(super) struct Book {
    pub(super) setter: Setter,
    pub(super) pages: Vec<Page>,
    pub(super) nodes: Vec<Node>,
    /// The elements that are in no other.
    pub(super) roots: Vec<usize>,
    pub(super) entries: Vec<Entry>,
    pub(super) leaves: usize,
    /// Space below the text, for the foot.
    foot: f32,
    /// Where the next line begins.
    pub(super) y: f32,
}

/// Where an element belongs.
#[derive(Clone, Copy)]
pub(super) enum Under {
    Root,
    Node(usize),
}

impl Book {
    pub(super) fn new(foot: f32) -> Self {
        Self {
            setter: Setter::default(),
            pages: vec![],
            nodes: vec![],
            roots: vec![],
            entries: vec![],
            leaves: 0,
            foot,
            y: 0.0,
        }
    }

    /// The width of text on a page.
    pub(super) fn room(landscape: bool) -> f32 {
        (if landscape { LONG } else { SHORT }) - 2.0 * MARGIN
    }

    /// Begins a page of A4.
    pub(super) fn turn(&mut self, landscape: bool) {
        let (width, height) = if landscape { (LONG, SHORT) } else { (SHORT, LONG) };
        self.begin(width, height);
        self.y = TOP;
    }

    /// Begins a page of any size.
    pub(super) fn begin(&mut self, width: f32, height: f32) {
        self.pages.push(Page { width, height, contents: vec![], links: vec![] });
        self.y = 0.0;
    }

    pub(super) fn page(&mut self) -> &mut Page {
        self.pages.last_mut().expect("a page was begun")
    }

    pub(super) fn left(&self) -> f32 {
        MARGIN
    }

    pub(super) fn width(&mut self) -> f32 {
        self.page().width - 2.0 * MARGIN
    }

    /// The height of text on this page.
    pub(super) fn height(&mut self) -> f32 {
        self.page().height - TOP - self.foot
    }

    /// What is left of it.
    pub(super) fn rest(&mut self) -> f32 {
        self.page().height - self.foot - self.y
    }

    /// Turns the page unless this height is left. True if it did.
    pub(super) fn need(&mut self, height: f32) -> bool {
        // What is higher than a page is not helped by a new one.
        let turned = self.y > TOP && self.rest() < height;
        if turned {
            let landscape = self.page().width > self.page().height;
            self.turn(landscape);
        }
        turned
    }

    /// Leaves a gap, but not at the top of a page.
    pub(super) fn gap(&mut self, height: f32) {
        if self.y > TOP {
            self.y += height;
        }
    }

    /// A new element of the structure.
    pub(super) fn node(&mut self, under: Under, tag: impl Into<TagKind>) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { tag: tag.into(), children: vec![] });
        match under {
            Under::Root => self.roots.push(node),
            Under::Node(parent) => self.nodes[parent].children.push(Child::Node(node)),
        }
        node
    }

    fn leaf(&mut self, node: usize) -> usize {
        let leaf = self.leaves;
        self.leaves += 1;
        self.nodes[node].children.push(Child::Leaf(leaf));
        leaf
    }

    /// Draws something that belongs to an element, which is a cell without anything if there are no marks.
    pub(super) fn put(&mut self, node: usize, marks: Vec<Mark>) {
        let leaf = Some(self.leaf(node));
        self.page().contents.push(Content { leaf, marks });
    }

    /// The same on an earlier page.
    pub(super) fn put_on(&mut self, page: usize, node: usize, marks: Vec<Mark>) {
        let leaf = Some(self.leaf(node));
        self.pages[page].contents.push(Content { leaf, marks });
    }

    /// Draws something that readers who cannot see the page do not need.
    pub(super) fn decorate(&mut self, marks: Vec<Mark>) {
        self.page().contents.push(Content { leaf: None, marks });
    }

    /// Makes a rectangle of this page a link to an entry.
    pub(super) fn link(&mut self, node: usize, from: (f32, f32), to: (f32, f32), entry: usize) {
        let leaf = self.leaf(node);
        self.page().links.push(Link { from, to, entry, leaf });
    }

    /// Lines below each other, on as many pages as they need.
    pub(super) fn paragraph(&mut self, node: usize, runs: &[Run]) {
        let width = self.width();
        for line in self.setter.wrap(runs, width) {
            self.need(line.height());
            let (x, y, height) = (self.left(), self.y, line.height());
            self.put(node, vec![at_top(line, x, y)]);
            self.y += height;
        }
    }
}

/// A line whose upper edge is at `y`.
pub(super) fn at_top(line: Line, x: f32, y: f32) -> Mark {
    let y = y + line.points * ASCENT;
    Mark::Text { line, x, y }
}
