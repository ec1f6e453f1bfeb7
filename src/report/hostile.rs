//! Hostile names in every kind of figure: the file stays valid, and no text leaves the sheet.

use super::{
    bars, boxes, canvas, curves, drawing::Drawing, font, forest, heatmap, levels, maps, matrix, radar,
    scatter, squares, svg,
};
use roxmltree::Document;

/// Names that are long, empty, full of symbols, right to left, of other scripts, or contain characters that a
/// file must not contain.
fn names() -> Vec<String> {
    let long = "a name that goes on and on ".repeat(12);
    let plain = [
        "",
        "   ",
        "&<>\"'",
        "<script>alert(1)</script>",
        "]]>",
        "שלום עולם",
        "مرحبا بالعالم",
        "Ядро",
        "細胞核",
        "🧬",
    ];
    let hidden = ["tab\tnew\nline", "nul\0bell\u{7}", "turned \u{202e}round"];
    plain.into_iter().chain(hidden).map(String::from).chain([long, "x".repeat(400)]).collect()
}

/// This number of them.
fn many(count: usize) -> Vec<String> {
    names().into_iter().cycle().take(count).collect()
}

/// Fails unless the figure's SVG can be parsed and all of its texts are within the sheet.
#[track_caller]
fn check(what: &str, drawing: &Drawing, widest: f64) {
    #[cfg(feature = "pdf")]
    super::pdf::check(what, drawing);
    let svg = svg::of(drawing).unwrap();
    let document = Document::parse(&svg).unwrap_or_else(|error| panic!("{what}: {error}"));
    let root = document.root_element();
    let sheet: Vec<f64> =
        root.attribute("viewBox").unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
    let (width, height) = (sheet[2], sheet[3]);
    assert!(width / 10.0 <= widest, "{what} is {} points wide", width / 10.0);
    let mut texts = 0;
    for node in root.descendants().filter(|node| node.has_tag_name("text")) {
        let text = node.text().unwrap_or_default().trim();
        let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
        let (x, y) = (number("x"), number("y"));
        let bold = node.attribute("font-weight") == Some("bold");
        let long = font::width(text, number("font-size"), bold);
        let before = match node.attribute("text-anchor") {
            Some("end") => long,
            Some("middle") => long / 2.0,
            _ => 0.0,
        };
        // Rotated by a quarter turn to be read from below: the start of the text is lower.
        let turned = node.attribute("transform").is_some();
        let (low, high, room) = if turned {
            (y - (long - before), y + before, height)
        } else {
            (x - before, x - before + long, width)
        };
        assert!(
            low >= -0.5 && high <= room + 0.5,
            "{what}: `{text}` from {low:.0} to {high:.0} of {room:.0}"
        );
        assert!(x >= 0.0 && x <= width && y >= 0.0 && y <= height, "{what}: `{text}` at {x}, {y}");
        assert!(!text.chars().any(char::is_control), "{what}: {text:?}");
        texts += 1;
    }
    assert!(texts > 0, "{what} has texts");
}

#[test]
fn heatmaps() {
    for classes in [1, 15, 200] {
        let column = |(at, name): (usize, String)| heatmap::Column { group: names()[at / 40].clone(), name };
        let columns: Vec<_> = many(classes).into_iter().enumerate().map(column).collect();
        let row = |(at, name): (usize, String)| heatmap::Row {
            name,
            floor: at > 10,
            best: at == 2,
            values: (0..classes)
                .map(|class| (class % 7 > 0).then_some(class as f64 / classes as f64))
                .collect(),
        };
        let rows = || names().into_iter().enumerate().map(row).collect();
        let panels: Vec<_> = ["first", "second"]
            .map(|heading| heatmap::Panel { heading: heading.into(), rows: rows() })
            .into();
        let drawn = heatmap::draw(&panels, &columns, "F1 score").unwrap();
        check(&format!("{classes} classes"), &drawn, 1150.0);
    }
}

#[test]
fn radars() {
    let axes: Vec<_> = names().into_iter().map(|name| radar::Axis { name, colour: canvas::BLUE }).collect();
    let polygon =
        |name: String| radar::Polygon { name, colour: canvas::GREEN, values: vec![Some(0.5); axes.len()] };
    let radar = |name: String| radar::Radar {
        heading: name,
        apart: false,
        polygons: names().into_iter().map(polygon).collect(),
    };
    let radars = names().into_iter().take(4).map(radar).collect();
    let drawn = radar::draw(&[radar::Band { heading: "a world".into(), radars }], &axes).unwrap();
    check("radars", &drawn, 700.0);
}

#[test]
fn bar_charts() {
    let series: Vec<_> = names().into_iter().map(|name| (name, canvas::ORANGE)).collect();
    let bar =
        |name: String| Some(bars::Bar { value: 0.99, std: Some(0.2), label: name.chars().take(4).collect() });
    let group = |name: String| bars::Group {
        name: name.clone(),
        of: name,
        bars: names().into_iter().map(bar).collect(),
    };
    let groups = names().into_iter().take(3).map(group).collect();
    let drawn = bars::draw(
        &[bars::Panel { heading: "a world".into(), groups }],
        &series,
        bars::Axis::whole("macro-F1"),
    )
    .unwrap();
    check("bars", &drawn, 800.0);
}

#[test]
fn forests() {
    let line = |name: String| forest::Line {
        heading: name.clone(),
        name: name.clone(),
        verdict: name,
        grey: false,
        mean: 0.01,
        interval: Some((-0.02, 0.04)),
        dots: vec![0.0, 0.02],
    };
    let lines: Vec<_> = names().into_iter().map(line).collect();
    check("forest", &forest::draw(&lines, "difference").unwrap(), 700.0);
}

#[test]
fn points_of_many_classes() {
    let classes = many(200);
    let set = |name: String| scatter::Set { name, panels: ["Train", "tasks"], classes: classes.clone() };
    let points: Vec<([f64; 2], usize)> =
        (0..400).map(|at| ([libm::sin(at as f64), libm::cos(at as f64 * 1.7)], at % 200)).collect();
    let picture = || {
        Some(scatter::Picture {
            panels: [points.clone(), points.clone()],
            below: "trustworthiness 0.9".into(),
        })
    };
    let row = |name: String| scatter::Row {
        name: (name.clone(), name),
        pictures: vec![picture(), None, picture()],
    };
    let block = scatter::Block { heading: "a world".into(), rows: names().into_iter().map(row).collect() };
    let sets: Vec<_> = ["HPA", "", "a very long name of a set that has no room above its panels"]
        .map(|name| set(name.into()))
        .into();
    check("points", &scatter::draw(&[block], &sets).unwrap(), 800.0);
}

#[test]
fn maps_of_many_classes() {
    let classes = many(200);
    let points =
        || (0..400).map(|at| ([f64::from(at % 20), f64::from(at / 20)], at as usize % 210)).collect();
    let panel = |(at, name): (usize, String)| maps::Panel {
        heading: name.clone(),
        map: if at == 1 {
            maps::Map::Nothing(vec![name.clone(), name])
        } else {
            maps::Map::Points(points(), name)
        },
    };
    let row = || names().into_iter().enumerate().take(3).map(panel).collect();
    let block = |heading: String| maps::Block { heading, rows: vec![row(), row()] };
    let blocks: Vec<_> = names().into_iter().take(2).map(block).collect();
    check("maps", &maps::draw(&blocks, &classes).unwrap(), 900.0);
}

#[test]
fn levels_and_points() {
    let places = ["source", "all", "single"].map(|name| levels::Place { name, of: "plate" });
    let point =
        |value: f64| levels::Point { colour: canvas::BLUE, value, std: Some(0.5), dots: vec![value; 40] };
    let panel = |heading: String| levels::Panel {
        levels: vec![levels::Level { colour: canvas::GREY, value: f64::NAN, std: Some(f64::NAN) }],
        points: if heading.is_empty() {
            vec![None, None, None]
        } else {
            vec![Some(point(2.0)), None, Some(point(-1.0))]
        },
        empty: vec![heading.clone(), "x".repeat(400)],
        heading,
    };
    let names = names();
    let bands = names.chunks(4).map(|names| levels::Band {
        heading: "a world".into(),
        panels: names.iter().cloned().map(panel).collect(),
    });
    let bands: Vec<_> = bands.collect();
    let series: Vec<_> = names.into_iter().map(|name| (name, canvas::SKY)).collect();
    let drawn = levels::draw(&bands, &places, &series, bars::Axis::whole("accuracy")).unwrap();
    check("levels", &drawn, 700.0);
}

#[test]
fn squares_of_any_size() {
    let square = |(at, name): (usize, String)| squares::Square {
        heading: name.clone(),
        axes: [name.clone(), name.clone()],
        values: match at {
            0 => squares::Values::Known(vec![]),
            1 => squares::Values::Nothing(vec![name]),
            _ => squares::Values::Known(vec![vec![Some(f64::NAN), None, Some(-2.0)]; 7 * at]),
        },
    };
    let row = names().into_iter().enumerate().take(5).map(square).collect();
    let blocks = [squares::Block { heading: "a world".into(), rows: vec![row] }];
    check("squares", &squares::draw(&blocks, "CKA").unwrap(), 900.0);
}

#[test]
fn boxes_of_systems() {
    let row = |(at, name): (usize, String)| boxes::Row {
        name,
        floor: at > 8,
        values: (0..at).map(|seed| 0.4 + seed as f64 / 40.0).collect(),
    };
    let rows = || names().into_iter().enumerate().map(row).collect();
    let panels: Vec<_> =
        names().into_iter().take(4).map(|heading| boxes::Panel { heading, rows: rows() }).collect();
    check("boxes", &boxes::draw(&panels, "mean macro-F1").unwrap(), 700.0);
}

#[test]
fn curves_of_any_values() {
    let line = |(at, name): (usize, String)| {
        let value = |step: i32| match at {
            0 => f64::NAN,
            1 => -1e-9,
            _ => 10f64.powi(at as i32 % 5) / f64::from(step + 1),
        };
        curves::Line { name, points: (0..50).map(|step| (f64::from(step), value(step), 0.3)).collect() }
    };
    let lines = || names().into_iter().enumerate().map(line).collect();
    let none = curves::Panel { heading: String::new(), lines: vec![] };
    let panels = [curves::Panel { heading: "a world".into(), lines: lines() }, none];
    check("curves", &curves::draw(&panels, "<loss>").unwrap(), 600.0);
}

#[test]
fn matrices_of_many_classes() {
    let matrix = |count: usize| matrix::Matrix {
        heading: names()[count % 10].clone(),
        classes: many(count),
        shares: vec![0.3; count * count],
    };
    let line = |heading: String| matrix::Line { heading, matrices: [1, 4, 30].map(matrix).into() };
    let lines: Vec<_> = names().into_iter().take(12).map(line).collect();
    check("matrices", &matrix::draw(&lines).unwrap(), 700.0);
    let one = matrix::Line { heading: "two hundred".into(), matrices: vec![matrix(200)] };
    check("a large matrix", &matrix::draw(&[one]).unwrap(), 1500.0);
}
