//! Finished pages as the bytes of a PDF file, by krilla.

use super::{
    super::drawing::{Rgb, Stroke},
    book::{Book, Child, Content, Entry, Link, Mark, Page},
    face::Face,
    figure,
    text::{Line, Setter},
};
use krilla::{
    Data, Document, SerializeSettings,
    annotation::{Annotation, LinkAnnotation, Target},
    color::rgb,
    configure::{Accessibility, ConfigurationBuilder, PdfVersion},
    destination::{Destination, XyzDestination},
    geom::{Point, Rect},
    metadata::Metadata,
    outline::{Outline, OutlineNode},
    page::PageSettings,
    surface::Surface,
    tagging::{Artifact, ArtifactType, ContentTag, Identifier, Node, TagGroup, TagTree},
    text::{Font, GlyphId, KrillaGlyph},
};

/// The bytes, with the structure that PDF/UA-1 asks for. The same pages give the same bytes.
///
/// # Errors
/// If krilla finds that the file would be invalid.
pub(super) fn bytes(
    book: Book,
    title: &str,
    version: PdfVersion,
    compressed: bool,
) -> Result<Vec<u8>, String> {
    let accessible = ConfigurationBuilder::new().with_accessibility_validator(Accessibility::UA1);
    let configuration = accessible.with_version(version).finish().map_err(|error| format!("{error:?}"))?;
    let settings = SerializeSettings {
        configuration,
        compress_content_streams: compressed,
        ..SerializeSettings::default()
    };
    let mut document = Document::new_with(settings);
    let mut pen = Pen::new(book.setter)?;
    let mut leaves: Vec<Option<Identifier>> = vec![None; book.leaves];
    for page in &book.pages {
        one_page(&mut document, &mut pen, page, &book.entries, &mut leaves)?;
    }
    let mut tree = TagTree::new().with_lang(Some("en".into()));
    for root in &book.roots {
        tree.push(group(&book.nodes, *root, &leaves));
    }
    document.set_tag_tree(tree);
    let mut outline = Outline::new();
    for entry in &book.entries {
        outline.push_child(OutlineNode::new(entry.title.clone(), place(entry)));
    }
    document.set_outline(outline);
    let program = concat!("dichroic ", env!("CARGO_PKG_VERSION"));
    let metadata = Metadata::new().title(title.into()).language("en".into()).creator(program.into());
    document.set_metadata(metadata);
    document.finish().map_err(|error| format!("{error}: {error:?}"))
}

fn one_page(
    document: &mut Document,
    pen: &mut Pen,
    page: &Page,
    entries: &[Entry],
    leaves: &mut [Option<Identifier>],
) -> Result<(), String> {
    let wrong = || format!("a page of {} × {} points cannot be written", page.width, page.height);
    let settings = PageSettings::from_wh(page.width, page.height).ok_or_else(wrong)?;
    let mut sheet = document.start_page_with(settings);
    let mut surface = sheet.surface();
    for Content { leaf, marks } in &page.contents {
        let tag = match leaf {
            Some(_) => ContentTag::Other,
            None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Other)),
        };
        let id = surface.start_tagged(tag);
        marks.iter().for_each(|mark| pen.mark(&mut surface, mark));
        surface.end_tagged();
        if let Some(leaf) = leaf {
            leaves[*leaf] = Some(id);
        }
    }
    surface.finish();
    for Link { from, to, entry, leaf } in &page.links {
        let Some(rectangle) = Rect::from_ltrb(from.0, from.1, to.0, to.1) else { continue };
        let target = Target::Destination(Destination::Xyz(place(&entries[*entry])));
        let text = Some(entries[*entry].title.clone());
        let annotation = Annotation::new_link(LinkAnnotation::new(rectangle, target), text);
        leaves[*leaf] = Some(sheet.add_tagged_annotation(annotation));
    }
    Ok(())
}

fn place(entry: &Entry) -> XyzDestination {
    XyzDestination::new(entry.page, Point::from_xy(0.0, entry.y))
}

fn group(nodes: &[super::book::Node], at: usize, leaves: &[Option<Identifier>]) -> TagGroup {
    let mut group = TagGroup::new(nodes[at].tag.clone());
    for child in &nodes[at].children {
        let child = match child {
            Child::Node(node) => Some(Node::Group(self::group(nodes, *node, leaves))),
            Child::Leaf(leaf) => leaves[*leaf].map(Node::Leaf),
        };
        group.children.extend(child);
    }
    group
}

/// Draws marks with the faces.
pub(super) struct Pen {
    pub(super) setter: Setter,
    fonts: [Font; 5],
}

impl Pen {
    fn new(setter: Setter) -> Result<Self, String> {
        let font = |face: Face| Font::new(Data::from(face.bytes()), 0).ok_or("a face cannot be read");
        let [regular, bold, italic, code, other] = Face::ALL.map(font);
        Ok(Self { setter, fonts: [regular?, bold?, italic?, code?, other?] })
    }

    fn mark(&mut self, surface: &mut Surface<'_>, mark: &Mark) {
        match mark {
            Mark::Text { line, x, y } => self.text(surface, line, *x, *y),
            Mark::Rule { from, to, width, colour } => rule(surface, *from, *to, *width, *colour),
            Mark::Fill { from, to, colour } => {
                figure::fill(surface, figure::rectangle(wide(*from), wide(*to)), *colour, 1.0);
            }
            Mark::Drawing { drawing, at, scale } => figure::draw(surface, self, drawing, *at, *scale),
        }
    }

    /// A line of text from `x`, with its baseline at `y`.
    pub(super) fn text(&self, surface: &mut Surface<'_>, line: &Line, mut x: f32, y: f32) {
        for part in line.parts.iter().filter(|part| !part.glyphs.is_empty()) {
            let style = part.style;
            let glyphs: Vec<KrillaGlyph> = part
                .glyphs
                .iter()
                .map(|(glyph, text)| {
                    let (right, up) = glyph.shift;
                    KrillaGlyph::new(
                        GlyphId::new(glyph.id),
                        glyph.advance,
                        right,
                        up,
                        0.0,
                        text.clone(),
                        None,
                    )
                })
                .collect();
            surface.set_stroke(None);
            surface.set_fill(Some(krilla::paint::Fill {
                paint: colour(style.colour).into(),
                ..Default::default()
            }));
            let font = self.fonts[part.face as usize].clone();
            surface.draw_glyphs(Point::from_xy(x, y), &glyphs, font, &part.text, style.points, false);
            if style.underlined {
                let below = y + 0.16 * style.points;
                rule(surface, (x, below), (x + part.width, below), 0.5, style.colour);
            }
            x += part.width;
        }
    }
}

fn rule(surface: &mut Surface<'_>, from: (f32, f32), to: (f32, f32), width: f32, colour: Rgb) {
    let stroke = Stroke { colour, width: f64::from(width) };
    figure::outline(surface, figure::polygon(&[wide(from), wide(to)], false), stroke);
}

fn wide((x, y): (f32, f32)) -> (f64, f64) {
    (f64::from(x), f64::from(y))
}

pub(super) fn colour(Rgb(red, green, blue): Rgb) -> rgb::Color {
    rgb::Color::new(red, green, blue)
}
