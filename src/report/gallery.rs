//! One picture of each kind, compared byte by byte: if you change a drawing, look at it before you accept it.
//!
//! `UPDATE_FIGURES=1 cargo test gallery` writes `tests/golden/figures/*.svg` again.

use super::{
    bars, boxes, canvas, curves, drawing::Drawing, forest, heatmap, levels, maps, matrix, radar, scatter,
    squares, svg,
};
use std::{env, fs, path::Path};

#[track_caller]
fn kept(name: &str, drawn: Result<Drawing, String>) {
    let drawn = svg::of(&drawn.unwrap()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/figures").join(format!("{name}.svg"));
    if env::var_os("UPDATE_FIGURES").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    let differs = known.lines().zip(drawn.lines()).position(|(known, drawn)| known != drawn);
    let line = differs.unwrap_or(known.lines().count().min(drawn.lines().count())) + 1;
    assert!(
        known == drawn,
        "{name} differs from {} from line {line} on; look at it, and if it is better, accept it: \
         UPDATE_FIGURES=1 cargo test gallery",
        path.display()
    );
}

const MODELS: [&str; 3] = ["HyperNet", "Depthwise", "FixedChannels"];

/// A pseudo-random number between 0 and 1.
fn some(at: usize) -> f64 {
    (at * 37 % 101) as f64 / 100.0
}

#[test]
fn heatmap() {
    let column = |(group, name): (&str, &str)| heatmap::Column { group: group.into(), name: name.into() };
    let columns = [("WTC T1", "M0"), ("WTC T1", "M4M5"), ("HPA T3", "cytosol"), ("HPA T3", "nucleoplasm")];
    let row = |(at, name): (usize, &str)| heatmap::Row {
        name: name.into(),
        floor: at == 3,
        best: at == 0,
        values: (0..4).map(|class| (at + class != 4).then(|| some(5 * at + class))).collect(),
    };
    let rows = MODELS.into_iter().chain(["hand-made features"]).enumerate().map(row).collect();
    let panel = heatmap::Panel { heading: "real cells, scale paper, 1-NN cosine".into(), rows };
    kept("heatmap", heatmap::draw(&[panel], &columns.map(column), "F1 score"));
}

#[test]
fn radar() {
    let axes = ["WTC T2", "HPA T2", "HPA T3", "CP T2", "CP T3"];
    let colours = [canvas::BLUE, canvas::VERMILLION, canvas::GREY];
    let polygon = |(at, name): (usize, &str)| radar::Polygon {
        name: name.into(),
        colour: colours[at],
        values: (0..axes.len()).map(|axis| (at + axis != 6).then(|| some(7 * at + axis))).collect(),
    };
    let radar = |heading: &str, apart: bool| radar::Radar {
        heading: heading.into(),
        apart,
        polygons: MODELS.into_iter().enumerate().map(polygon).collect(),
    };
    let radars = vec![radar("fine-tuned, fixed", false), radar("published", true)];
    let band = radar::Band { heading: "real cells, scale paper, 1-NN cosine".into(), radars };
    let axes = axes.map(|name| radar::Axis { name: name.into(), colour: canvas::GREEN });
    kept("radar", radar::draw(&[band], &axes));
}

#[test]
fn bars() {
    let series = [("off the shelf", canvas::GREY), ("Depthwise", canvas::ORANGE)];
    let bar = |at: usize| bars::Bar {
        value: some(at),
        std: (at.is_multiple_of(2)).then_some(0.04),
        label: "+9 %".into(),
    };
    let group = |(at, name): (usize, &str)| bars::Group {
        name: name.into(),
        of: "trained on the others".into(),
        bars: vec![Some(bar(3 * at + 1)), (at != 2).then(|| bar(3 * at + 2))],
    };
    let groups = ["WTC", "HPA", "CP"].into_iter().enumerate().map(group).collect();
    let panel = bars::Panel { heading: "real cells, scale paper, 1-NN cosine".into(), groups };
    let series = series.map(|(name, colour)| (name.into(), colour));
    kept("bars", bars::draw(&[panel], &series, bars::Axis::whole("macro-F1")));
}

#[test]
fn forest() {
    let line = |(at, name): (usize, &str)| forest::Line {
        heading: "overall macro-F1".into(),
        name: name.into(),
        verdict: ["holds", "undecided", "single world: no interval"][at].into(),
        grey: at == 2,
        mean: 0.04 - 0.03 * at as f64,
        interval: (at != 2).then_some((0.01 - 0.04 * at as f64, 0.07 - 0.02 * at as f64)),
        dots: vec![0.03 - 0.03 * at as f64, 0.05 - 0.03 * at as f64],
    };
    let lines: Vec<_> = ["TPS", "0.2 SSL under TPS", "SWAD"].into_iter().enumerate().map(line).collect();
    kept("forest", forest::draw(&lines, "difference in macro-F1"));
}

#[test]
fn scatter() {
    let points =
        |shift: usize| (0..24).map(|at| ([some(at + shift), some(3 * at + shift)], at % 3)).collect();
    let picture =
        || scatter::Picture { panels: [points(1), points(4)], below: "trustworthiness 0.97".into() };
    let row = |(at, name): (usize, &str)| scatter::Row {
        name: (name.into(), "fine-tuned, fixed".into()),
        pictures: vec![Some(picture()), (at == 0).then(picture)],
    };
    let rows = MODELS[..2].iter().copied().enumerate().map(row).collect();
    let block = scatter::Block { heading: "real cells, scale paper".into(), rows };
    let classes = || ["golgi apparatus", "mitochondria", "cytosol"].map(String::from).into();
    let set = |name: &str| scatter::Set { name: name.into(), panels: ["Train", "tasks"], classes: classes() };
    kept("scatter", scatter::draw(&[block], &[set("HPA"), set("CP")]));
}

#[test]
fn boxes() {
    let row = |(at, name): (usize, &str)| boxes::Row {
        name: name.into(),
        floor: at == 3,
        values: (0..[5, 3, 1, 1][at]).map(|seed| 0.4 + some(at + seed) / 4.0).collect(),
    };
    let rows = MODELS.into_iter().chain(["constant guess"]).enumerate().map(row).collect();
    let panel = boxes::Panel { heading: "mini_real: real cells, scale quick".into(), rows };
    kept("boxes", boxes::draw(&[panel], "mean macro-F1"));
}

#[test]
fn curves() {
    let line = |(at, name): (usize, &str)| curves::Line {
        name: name.into(),
        points: (1..=30)
            .map(|step| {
                (
                    f64::from(step) * 50.0,
                    4.0 / f64::from(step) + at as f64 / 4.0 + 0.1,
                    0.1 + at as f64 / 10.0,
                )
            })
            .collect(),
    };
    let lines = MODELS.into_iter().enumerate().map(line).collect();
    kept("curves", curves::draw(&[curves::Panel { heading: "hypernet_tps".into(), lines }], "loss"));
}

#[test]
fn matrix() {
    let classes = ["G1", "S_phase", "Metaphase"];
    let shares = vec![0.8, 0.15, 0.05, 0.3, 0.7, 0.0, f64::NAN, f64::NAN, f64::NAN];
    let one = |heading: &str| matrix::Matrix {
        heading: heading.into(),
        classes: classes.map(String::from).into(),
        shares: shares.clone(),
    };
    let matrices = vec![one("Jurkat one"), one("Jurkat two")];
    kept(
        "matrix",
        matrix::draw(&[matrix::Line { heading: "real_cells, 1-NN cosine on mini_real".into(), matrices }]),
    );
}

#[test]
fn levels() {
    let place = |(name, of)| levels::Place { name, of };
    let places = [("source", ""), ("all", "plate"), ("single", "plate")].map(place);
    let level = |(colour, value, std)| levels::Level { colour, value, std };
    let panel = |(at, heading): (usize, &str)| levels::Panel {
        heading: heading.into(),
        levels: [(canvas::GREY, 0.11, None), (canvas::SKY, 0.07, Some(0.01))].map(level).into(),
        points: (0..3)
            .map(|place| {
                (at != 1 || place != 1).then(|| levels::Point {
                    colour: canvas::BLUE,
                    value: 0.15 + 0.02 * place as f64,
                    std: (place == 2).then_some(0.02),
                    dots: if place == 2 { vec![0.17, 0.19, 0.21] } else { vec![] },
                })
            })
            .collect(),
        empty: vec![],
    };
    let panels = ["S3 → S11", "S5 → S11"].into_iter().enumerate().map(panel).collect();
    let band = levels::Band { heading: "simulated microscopes (world 1), scale quick".into(), panels };
    let series = [("Supervised", canvas::GREY), ("Dual-model-DINO", canvas::SKY), ("ODA", canvas::BLUE)];
    let series = series.map(|(name, colour)| (name.to_owned(), colour));
    let axis = bars::Axis::for_values("accuracy", [0.21].into_iter());
    kept("levels", levels::draw(&[band], &places, &series, axis));
}

#[test]
fn maps() {
    let classes: Vec<String> = (0..54).map(|class| format!("mechanism {class}")).collect();
    let points = (0..108).map(|at| ([some(at), some(7 * at + 3)], at % 54)).collect();
    let full = maps::Panel {
        heading: "CODA, S3 → S5, on S5".into(),
        map: maps::Map::Points(points, "n = 108, trustworthiness 0.97".into()),
    };
    let hole = maps::Panel {
        heading: "ODA, S3 → S5, on S5".into(),
        map: maps::Map::Nothing(["not in the store yet:", "dichroic exp coda_fig5"].map(String::from).into()),
    };
    let block = maps::Block { heading: "real images, scale paper".into(), rows: vec![vec![full, hole]] };
    kept("maps", maps::draw(&[block], &classes));
}

#[test]
fn squares() {
    let value = |row: usize, column: usize| Some(1.0 - 0.12 * row.abs_diff(column) as f64);
    let known = |first: usize| {
        let row =
            |row| (0..9).map(|column| value(row, column).filter(|_| row.min(column) >= first)).collect();
        squares::Values::Known((0..9).map(row).collect())
    };
    let square = |(heading, values): (&str, squares::Values)| squares::Square {
        heading: heading.into(),
        axes: ["layer before adapting", "layer after adapting"].map(String::from),
        values,
    };
    let hole = squares::Values::Nothing(
        ["not in the store yet:", "dichroic exp coda_fig6"].map(String::from).into(),
    );
    let row = [("all tokens", known(0)), ("class token", known(1)), ("missing", hole)].map(square).into();
    let block = squares::Block { heading: "real images, scale paper".into(), rows: vec![row] };
    kept("squares", squares::draw(&[block], "CKA"));
}
