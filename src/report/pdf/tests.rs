//! Whole files: text, structure, heads on every page, the same bytes, names that nobody expects.

use super::{reader::Reader, *};
use crate::report::{Cell, Column, Kind, Mark as Rank, Row, Table, canvas};

const HOSTILE: [&str; 8] = [
    "<&\"'>",
    "*x* `y` #z $a$ @b \\c (d) [e]",
    "שלום",
    "مرحبا",
    "",
    "Ядро",
    "細胞核 🧬",
    "nul\0tab\tturned \u{202e}x",
];

fn row(name: &str, kind: Kind) -> Row {
    let cell = Cell { value: Some(0.5), std: Some(0.1), n: 3, paper: Some(0.6), mark: Some(Rank::Best) };
    Row { stub: vec![name.into(), "fixed".into()], kind, cells: vec![cell; 3], note: String::new() }
}

fn table(rows: Vec<Row>) -> Table {
    Table {
        title: "on *simulated* data".into(),
        stub: vec!["model".into(), "recipe".into()],
        columns: ["WTC T1", "WTC T2", "HPA T1"].map(|head| Column::of_score(head, head)).into(),
        rows,
        ..Table::default()
    }
}

fn section(name: &str, tables: Vec<Table>, drawing: Option<Drawing>) -> Section {
    let figure = drawing.map(|drawing| Figure { drawing, svg: String::new(), caption: "A caption".into() });
    Section { name: name.into(), title: format!("Report {name}"), tables, figure, points: None }
}

fn document(sections: Vec<Section>) -> Document {
    let mut document = Document { sections, remarks: vec!["a `remark`".into()], origin: Default::default() };
    document.origin.store = "mine.db".into();
    document
}

fn drawing() -> Drawing {
    canvas::figure(120.0, 60.0, |canvas| {
        canvas.line((0.0, 0.0), (f64::NAN, f64::INFINITY), canvas::BLUE, 1.0)?;
        canvas.cloud(vec![((3.0, 3.0), canvas::GREEN)], 1.0, ((0.0, 0.0), (50.0, 50.0)))?;
        canvas.text("axis label", 60.0, 30.0, canvas::Type { turned: true, ..canvas::Type::of(7.0) })
    })
    .unwrap()
}

fn read(document: &Document) -> Reader {
    let title = title(document.title());
    Reader::of(&write::bytes(set(document), &title, PdfVersion::Pdf17, false).unwrap())
}

#[test]
fn text_numbers_and_foot_can_be_read_on_every_page() {
    let rows = (0..120).map(|at| row(&format!("model {at}"), Kind::Measured)).collect();
    let pages = read(&document(vec![section("one", vec![table(rows)], Some(drawing()))])).pages();
    assert!(pages.len() > 2, "{}", pages.len());
    let count = pages.len();
    for (at, page) in pages.iter().enumerate() {
        assert!(page.contains("mine.db · 0 finished runs"), "{page}");
        assert!(page.contains(&format!("{} / {count}", at + 1)), "{page}");
    }
    // Heads, in their groups, are above the rows of each page of the table.
    for page in pages.iter().filter(|page| page.contains("model 1")) {
        let first = page.find("0.500").unwrap();
        for head in ["WTC", "HPA", "T1", "T2", "recipe"] {
            assert!(page[..first].contains(head), "{head} in {page}");
        }
    }
    let all = pages.concat();
    assert!((0..120).all(|at| all.matches(&format!("model {at} ")).count() == 1), "{all}");
    for part in ["Report one", "on simulated data", "± 0.100", "−0.100", "axis label", "A caption"] {
        assert!(all.contains(part), "{part} in {all}");
    }
}

#[test]
fn the_structure_has_headings_heads_of_tables_and_captions() {
    let floor = Row { stub: vec!["a constant guess".into(), String::new()], ..row("", Kind::Floor) };
    let tables = vec![table(vec![row("a", Kind::Measured), row("a", Kind::Measured), floor])];
    let file = read(&document(vec![section("one", tables, Some(drawing())), section("two", vec![], None)]));
    let count = |part: &str| file.with(part).len();
    assert_eq!((count("/S/H1"), count("/S/H2"), count("/S/H3")), (1, 2, 1));
    assert_eq!((count("/S/Table"), count("/S/THead"), count("/S/TBody"), count("/S/TR")), (1, 1, 1, 2 + 3));
    // Two groups, two names of columns of names, three of numbers; one name for each row.
    assert_eq!(count("/Scope/Column"), 2 + 2 + 3);
    assert_eq!(count("/Scope/Row"), 3);
    assert_eq!((count("/ColSpan 2"), count("/RowSpan 2")), (1 + 1, 2));
    assert_eq!(count("/ActualText(a)"), 1, "a name that is not repeated is still read aloud");
    assert!(file.with("/S/Figure")[0].contains("/Alt(A caption)"));
    assert_eq!((count("/S/TOCI"), count("/S/Link"), count("/Subtype/Link")), (2, 2, 2));
    let catalog = &file.with("/Type/Catalog")[0];
    assert!(catalog.contains("/Lang(en)") && catalog.contains("/Marked true"), "{catalog}");
    assert_eq!(file.with("pdfuaid").len(), 1);
    assert!(file.with("/Title(Tables and figures)").len() == 1);
}

#[test]
fn any_names_make_the_same_bytes_twice() {
    let hostile = || {
        let mut rows: Vec<Row> = HOSTILE.iter().map(|name| row(name, Kind::Measured)).collect();
        rows.push(row(&"x".repeat(400), Kind::Floor));
        rows.push(row(&"a name that goes on ".repeat(600), Kind::Print));
        let mut wide = table(rows);
        let heads = HOSTILE.iter().cycle().take(40).enumerate();
        wide.columns = heads
            .map(|(at, name)| Column { group: HOSTILE[at / 7].into(), ..Column::of(*name, "c") })
            .collect();
        wide.rows.iter_mut().for_each(|row| row.cells = vec![row.cells[0].clone(); 40]);
        wide.notes = HOSTILE.map(String::from).into();
        let empty = Table { rows: vec![], columns: vec![], stub: vec![], ..wide.clone() };
        let names_only = Table { columns: vec![], ..wide.clone() };
        let names_only = Table {
            rows: names_only.rows.iter().map(|row| Row { cells: vec![], ..row.clone() }).collect(),
            ..names_only
        };
        document(
            HOSTILE
                .iter()
                .map(|name| {
                    section(name, vec![wide.clone(), empty.clone(), names_only.clone()], Some(drawing()))
                })
                .collect(),
        )
    };
    let first = page(&hostile()).unwrap();
    assert!(first.starts_with(b"%PDF-1.7"));
    assert!(page(&hostile()).unwrap() == first, "the same bytes");
    let file = read(&hostile());
    let all = file.pages().concat();
    assert!(all.contains(
        "□ is drawn for characters that the fonts of this file lack (U+6838, U+7D30, U+80DE, U+1F9EC)"
    ));
    assert!(all.contains("Ядро") && all.contains("(d) [e]"), "{all}");
    assert!(!all.contains('\u{202e}') && !all.contains('\0'));
    assert!(all.contains("(more columns)"), "forty columns are not beside each other");
}

#[test]
fn all_faces_are_ours_and_embedded() {
    let file =
        read(&document(vec![section("one", vec![table(vec![row("שלום", Kind::Floor)])], Some(drawing()))]));
    let fonts = file.with("/FontName");
    assert!(fonts.len() >= 4, "{fonts:?}");
    for font in fonts {
        let name = font.split_once("/FontName/").unwrap().1.split('/').next().unwrap();
        let face = name.split_once('+').expect("a part of a face").1;
        assert!(face.starts_with("Inter-") || face.starts_with("DejaVuSans"), "{name}");
        assert!(font.contains("/FontFile"), "{font}");
    }
}

#[test]
fn a_figure_is_a_page_of_its_own_size_without_pictures() {
    let bytes = alone(&drawing(), "What it shows", false).unwrap();
    let file = Reader::of(&bytes);
    assert!(bytes.starts_with(b"%PDF-1.5"));
    assert!(file.with("/Type/Page/")[0].contains("/MediaBox[0 0 120 60]"));
    assert_eq!(file.pages(), ["axis label "]);
    assert!(file.with("/S/Figure")[0].contains("/Alt(What it shows)"));
    assert!(file.with("/Subtype/Image").is_empty());
    assert_eq!(alone(&drawing(), "What it shows", false).unwrap(), bytes);
}
