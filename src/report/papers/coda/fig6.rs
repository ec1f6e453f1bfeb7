//! The paper's Figure 6: how alike the layers of two models are on images of the target (unbiased linear CKA), before and after CODA
//! adapts, and beside a model that was trained on the target.

use super::{
    inspected::{Models, Wanted, in_a_hole, measured, missing, set_of},
    place::{NOTHING, Place, title},
};
use crate::{
    evaluate::cka::{Layers, MiniBatches, Tokens},
    papers::coda::PAPER,
    report::{
        Error, Table,
        measured::{Measured, Source},
        papers::{Declaration, Shown},
        squares::{Block, Square, Values, draw},
        stored_features,
        table::{Cell, Column, Kind, Row, heads},
    },
};
use std::fmt::Write;

/// The images that layers are looked at with.
const SHOWN: &str = "S5";
const BEFORE: Wanted = Wanted { method: "Dual-model-CB", source: "S3", target: None, shown: SHOWN };
const AFTER: Wanted = Wanted { method: "CODA", source: "S3", target: Some("S5"), shown: SHOWN };
const TARGET: Wanted = Wanted { method: "Dual-model-CB", source: "S5", target: None, shown: SHOWN };
const MODELS: [Wanted; 3] = [BEFORE, AFTER, TARGET];

/// The pairs of [`MODELS`] that are compared, and how a panel calls each.
const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];
const NAMES: [&str; 3] = ["CODA before adapting", "CODA after adapting", "a model trained on S5"];
const HEADINGS: [&str; 3] = ["before × after", "before × trained on S5", "after × trained on S5"];

/// Each layer of one model beside each of another, and the number of the first layer.
struct Beside {
    first: usize,
    pairs: Vec<Vec<MiniBatches>>,
    images: usize,
}

/// A comparison with some tokens, or why there is none.
type Compared = Result<Beside, String>;

/// Builds it from the store and the layers that it refers to.
pub(super) fn report(store: &Source<'_>, declared: &[Declaration]) -> Result<Shown, Error> {
    let measured = measured(store)?;
    let all = Models::of(&measured, &MODELS);
    let (mut tables, mut blocks) = (Vec::new(), Vec::new());
    let mut points = String::from(
        "kind,world,scale,recipe,first,second,tokens,layer_of_first,layer_of_second,ratio_of_sums,mean_of_ratios\n",
    );
    for models in &all {
        let runs = models.find(&MODELS);
        let layers: Vec<Result<Layers, String>> = MODELS
            .iter()
            .zip(&runs)
            .map(|(wanted, run)| match run {
                Some(run) => layers(store, run),
                None => Ok(Err(missing(wanted, declared, Some(models)))),
            })
            .collect::<Result<_, Error>>()?;
        let mut rows = Vec::new();
        let mut squares: Vec<Vec<Square>> = Vec::new();
        for tokens in Tokens::EACH {
            let mut line = Vec::new();
            for (pair, heading) in PAIRS.iter().zip(HEADINGS) {
                let compared = compared([&layers[pair.0], &layers[pair.1]], tokens);
                rows.push(row((heading, tokens), &models.recipe, runs[pair.0], &compared));
                if let Ok(beside) = &compared {
                    add_points(&mut points, models, *pair, tokens, beside);
                }
                line.push(square(heading, *pair, tokens, &compared));
            }
            squares.push(line);
        }
        tables.push(table(Some(models), rows));
        if squares.iter().flatten().any(|square| matches!(square.values, Values::Known(_))) {
            blocks.push(Block { heading: models.place.above(&models.recipe), rows: squares });
        }
    }
    if tables.is_empty() {
        let nothing = |(pair, heading): (&(usize, usize), &'static str)| {
            let second = missing(&MODELS[pair.1], declared, None);
            row((heading, Tokens::All), "", None, &Err(second))
        };
        tables.push(table(None, PAIRS.iter().zip(HEADINGS).map(nothing).collect()));
    }
    let places: Vec<&Place> = all.iter().map(|models| &models.place).collect();
    Ok(Shown {
        title: title("CODA, Figure 6: layers before and after adapting", &places),
        tables,
        caption: "Centred kernel alignment of the layers of two networks on images of S5; above with all tokens, below with the class \
                  token. Layer 0 is the patches; then come, of each block, the output of attention and that of the hidden layer"
            .into(),
        figure: (!blocks.is_empty()).then(|| draw(&blocks, "CKA")),
        points: (!blocks.is_empty()).then_some(points),
    })
}

/// What a run keeps of its layers.
fn layers(store: &Source<'_>, run: &Measured) -> Result<Result<Layers, String>, Error> {
    let path = stored_features::layers(store, run, PAPER.data, set_of(SHOWN))?;
    Ok(match path {
        Some(path) => Layers::read(&path).map_err(|error| error.to_string()),
        None => Err("the file of these layers is gone".into()),
    })
}

fn compared([first, second]: [&Result<Layers, String>; 2], tokens: Tokens) -> Compared {
    let (first, second) = (first.as_ref().map_err(Clone::clone)?, second.as_ref().map_err(Clone::clone)?);
    let pairs = first.beside(second, tokens).map_err(|error| error.to_string())?;
    Ok(Beside { first: first.numbers(tokens).start, pairs, images: first.batches() * first.batch })
}

fn square(heading: &str, (first, second): (usize, usize), tokens: Tokens, compared: &Compared) -> Square {
    let values = match compared {
        // Without a first layer there is a row and a column that no pair fills.
        Ok(Beside { first, pairs, .. }) => {
            let across = first + pairs.first().map_or(0, Vec::len);
            let empty = || vec![None; across];
            let filled = pairs.iter().map(|row| {
                let found = row.iter().map(|pair| Some(pair.ratio_of_sums()));
                vec![None; *first].into_iter().chain(found).collect()
            });
            Values::Known((0..*first).map(|_| empty()).chain(filled).collect())
        }
        Err(reason) if reason.starts_with('`') => Values::Nothing(in_a_hole(reason)),
        Err(reason) => Values::Nothing(vec![reason.clone()]),
    };
    let axes = [NAMES[first], NAMES[second]].map(|name| format!("layer of {name}"));
    Square { heading: format!("{heading}: {}", words(tokens)), axes, values }
}

fn words(tokens: Tokens) -> &'static str {
    match tokens {
        Tokens::All => "all tokens",
        Tokens::Class => "class token",
    }
}

fn row((heading, tokens): (&str, Tokens), recipe: &str, run: Option<&Measured>, compared: &Compared) -> Row {
    let diagonal = |value: fn(&MiniBatches) -> f64| -> Option<Vec<f64>> {
        let pairs = &compared.as_ref().ok()?.pairs;
        Some(pairs.iter().enumerate().filter_map(|(at, row)| row.get(at).map(value)).collect())
    };
    let mean = |value| {
        let values = diagonal(value)?;
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let sums = diagonal(MiniBatches::ratio_of_sums).unwrap_or_default();
    let cells = [
        sums.first().copied(),
        sums.last().copied(),
        mean(MiniBatches::ratio_of_sums),
        mean(MiniBatches::mean_of_ratios),
    ];
    let images = compared.as_ref().map_or(String::new(), |beside| beside.images.to_string());
    let seed = run.map_or(String::new(), |run| run.seed.to_string());
    Row {
        stub: vec![heading.into(), words(tokens).into(), recipe.into(), seed, images],
        kind: Kind::Measured,
        cells: cells.map(Cell::print).into(),
        note: compared.as_ref().err().cloned().unwrap_or_default(),
    }
}

fn table(models: Option<&Models<'_>>, rows: Vec<Row>) -> Table {
    let place = models.map(|models| &models.place);
    Table {
        title: place.map_or(NOTHING.into(), Place::words),
        facts: Place::facts(place),
        stub: heads(&["models", "tokens", "recipe", "seed", "n"]),
        columns: vec![
            Column::of("first layer", "first_layer"),
            Column::of("last layer", "last_layer"),
            Column::of("mean", "mean"),
            Column::of("mean, by batches", "mean_of_ratios"),
        ],
        rows,
        notes: vec![
            "Centred kernel alignment of each layer of one model with the same layer of the other: unbiased, linear kernel, in float64 \
             (Nguyen et al. 2021); 1 is alike up to rotation and scale, about 0 unrelated. Over mini-batches it is the ratio of summed \
             HSICs; the last column is the mean of the batches' ratios, which the code of the paper's group computes and which is \
             biased where batches are small. The same images, drawn at random, for all models."
                .into(),
            "The paper draws this figure and gives no numbers.".into(),
        ],
    }
}

fn add_points(
    points: &mut String,
    models: &Models<'_>,
    pair: (usize, usize),
    tokens: Tokens,
    beside: &Beside,
) {
    let Place { kind, world, scale } = &models.place;
    let (first, second, recipe, tokens) = (NAMES[pair.0], NAMES[pair.1], &models.recipe, tokens.name());
    for (at, row) in beside.pairs.iter().enumerate() {
        for (of_second, pair) in row.iter().enumerate() {
            let (layer, other) = (beside.first + at, beside.first + of_second);
            let (sums, ratios) = (pair.ratio_of_sums(), pair.mean_of_ratios());
            let line = format!(
                "{kind},{world},{scale},{recipe},{first},{second},{tokens},{layer},{other},{sums:.6},{ratios:.6}"
            );
            writeln!(points, "{line}").expect("memory takes any text");
        }
    }
}
