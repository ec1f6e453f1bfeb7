//! Adaptation on real cells: to a patient and to a field that the model was not trained on.
//!
//! cargo run --release -- exp real_adapt --data cells=PATH/mini_real --describe cells=experiments/real_adapt.toml
//! cargo run --release -- report real_adapt
//!
//! Each of three patients (imaging mass cytometry, five channels, 322 cells) and of four fields (yeast, two channels, 1,642
//! cells) is held out in turn; three seeds. Small networks that saw simulated cells first, a few hundred steps a stage.
//!
//! `report real_adapt` gives what adaptation, statistics of the plate and the rivals change, with 95 % intervals over the plates
//! that were held out and over seeds.

use dichroic::{
    dsl::{Adapted, Answers, Classified, Evaluated, Having, NoLoss, NotEvaluated, OfClassifier, With},
    prelude::*,
};

/// A small transformer on planes of `N` channels.
type Small<const N: usize> = Model<Vit<size::vit::Mini>, Simulated, Planes<N>>;
/// It, trained towards `O` on some plates of one kind of cells.
type Of<const N: usize, O, E = NotEvaluated> = Run<Small<N>, Having<Only>, O, E>;

/// One kind of cells.
struct Cells<const N: usize, const PLATES: usize> {
    set: &'static str,
    planes: [&'static str; N],
    /// Patients or fields, each of which is held out in turn.
    plates: [&'static str; PLATES],
    /// Sides in pixels: of what the network sees, and of DINO's small views.
    window: usize,
    small_view: usize,
    /// Passes over the training images, with labels, without, and of the classifier; and over those of the target.
    epochs: [usize; 4],
}

/// Cells about 8 px wide, each in the middle of a window of 32 px.
const PANCREAS: Cells<5, 3> = Cells {
    set: "Pancreas",
    planes: ["h3", "cd99", "pin", "cd8a", "cdh"],
    plates: ["E34", "G01", "J02"],
    window: 24,
    small_view: 16,
    epochs: [40, 30, 30, 20],
};

/// Single cells in crops of 64 px.
const YEAST: Cells<2, 4> = Cells {
    set: "Yeast",
    planes: ["protein", "cytosol"],
    plates: ["field1", "field2", "field3", "field4"],
    window: 40,
    small_view: 24,
    epochs: [6, 5, 5, 5],
};

/// Labels only; a dual model as it is; the same adapted without labels.
#[experiment]
fn real_adapt() -> impl Experiments {
    (PANCREAS.systems(), YEAST.systems())
}

impl<const N: usize, const PLATES: usize> Cells<N, PLATES> {
    fn systems(&self) -> impl Experiments + use<N, PLATES> {
        let one = |held_out: &&'static str| {
            let target = self.on([*held_out]);
            (
                asked(self.supervised(held_out), &target)
                    .evaluate(Accuracy.tent().on(target.clone()))
                    .evaluate(NearestMean.on(target.clone()))
                    .label("system", "Supervised"),
                asked(self.dual(held_out), &target).label("system", "Dual-model-DINO"),
                asked(self.oda(held_out), &target).label("system", "ODA"),
            )
        };
        self.plates.iter().map(one).collect::<Vec<_>>()
    }

    /// Some plates of it.
    fn on(&self, plates: impl IntoIterator<Item = &'static str>) -> Having<Only> {
        Folder("cells").only([self.set]).having(Role::Plate, plates)
    }

    /// How the network sees the cells of all plates but one, and how steps are taken.
    fn seen(&self, held_out: &'static str) -> Of<N, NoLoss> {
        let others = self.plates.into_iter().filter(|plate| *plate != held_out);
        Vit::mini()
            .pretrained(Simulated)
            .adapter(Planes(self.planes))
            .train_on(self.on(others))
            .window(self.window)
            .normalise(EachView)
            .augment(Flips + Intensity)
            .recipe(Recipe::Fixed)
            .lr(5e-4)
            .lr_min(1e-6)
            .warmup_lr(1e-8)
            .warmup(1)
            .batch(32)
            .seeds([0, 1, 2])
            .label("cells", self.set)
            .label("held out", held_out)
    }

    fn supervised(&self, held_out: &'static str) -> Of<N, CrossEntropy> {
        self.seen(held_out).loss(CrossEntropy).weight_decay(0.05).epochs(self.epochs[0])
    }

    fn dual(&self, held_out: &'static str) -> Of<N, Classified<With<DinoV1>>> {
        let loss = DinoV1::ema(0.97).prototypes(512).hidden(256).bottleneck(64).locals(4);
        self.seen(held_out)
            .loss(loss.local_side(self.small_view))
            .weight_decay(1e-5)
            .epochs(self.epochs[1])
            .classify(Vit::mini())
            .weight_decay(0.05)
            .epochs(self.epochs[2])
    }

    fn oda(&self, held_out: &'static str) -> Of<N, Adapted<Classified<With<DinoV1>>>> {
        self.dual(held_out).adapt(Oda::per(Source), self.on([held_out])).epochs(self.epochs[3])
    }
}

/// Asks for the label of every cell of the target: as it is; with features on the training plates' scale; and with one vote
/// for all cells of a treatment. Here that is the label itself, so that it is no rival but a ceiling: what it is worth to be told
/// which cells belong together, as CODA's pairs are.
fn asked<const N: usize, O: Answers<OfClassifier>>(
    run: Of<N, O>,
    target: &Having<Only>,
) -> Of<N, O, Evaluated> {
    run.evaluate(Accuracy.on(target.clone()))
        .evaluate(Accuracy.standardised(Role::Plate).on(target.clone()))
        .evaluate(Accuracy.pooled(Role::Treatment).on(target.clone()))
}

/// Scores on real cells by system and answer
///
/// Means over the plates that were held out, each the mean of its seeds; `low` and `high` are the 95 % interval over plates, of
/// Student's t. The last systems are floors.
#[report]
fn real_adapt_scores() -> Report {
    Report::query(&format!(
        "{SCORES}, each AS (SELECT cells, system, answer, metric, plate, avg(value) AS value FROM scores GROUP BY 1, 2, 3, 4, 5),
         over AS (SELECT *, {HALF} FROM (SELECT cells, system, answer, metric, {MEANS} FROM each GROUP BY 1, 2, 3, 4) means)
         SELECT f.cells, f.system, f.answer, f.mean AS f1, f.mean - f.half AS f1_low, f.mean + f.half AS f1_high,
           a.mean AS accuracy, a.mean - a.half AS accuracy_low, a.mean + a.half AS accuracy_high, f.n AS plates
         FROM over f JOIN over a ON a.cells = f.cells AND a.system = f.system AND a.answer = f.answer AND a.metric = 'accuracy'
         WHERE f.metric = 'f1_macro'
         ORDER BY f.cells, f.system LIKE 'floor%', f.system, f.answer"
    ))
}

/// What adaptation, statistics of the plate and the rivals change on real cells
///
/// Differences of macro-F1, paired by plate and seed. `plates`: the 95 % interval over plates that were held out (means of their
/// seeds); `seeds`: over seeds (means of these plates).
#[report]
fn real_adapt_changes() -> Report {
    Report::query(&format!(
        "{SCORES}, changes(place, change, system, answer, than_system, than_answer) AS (VALUES
           (1, 'adaptation', 'ODA', 'as it is', 'Dual-model-DINO', 'as it is'),
           (2, 'adaptation, with plate statistics', 'ODA', 'plate statistics', 'Dual-model-DINO', 'plate statistics'),
           (3, 'plate statistics, supervised', 'Supervised', 'plate statistics', 'Supervised', 'as it is'),
           (4, 'plate statistics, dual model', 'Dual-model-DINO', 'plate statistics', 'Dual-model-DINO', 'as it is'),
           (5, 'entropy minimised, supervised', 'Supervised', 'TENT', 'Supervised', 'as it is'),
           (6, 'nearest class mean, supervised', 'Supervised', 'nearest mean', 'Supervised', 'as it is'),
           (7, 'ODA against supervised', 'ODA', 'as it is', 'Supervised', 'as it is'),
           (8, 'ODA against supervised with plate statistics', 'ODA', 'as it is', 'Supervised', 'plate statistics')),
         paired AS (SELECT c.place, c.change, a.cells, a.plate, a.seed, a.value - b.value AS value
           FROM changes c JOIN scores a ON a.system = c.system AND a.answer = c.answer
           JOIN scores b ON b.system = c.than_system AND b.answer = c.than_answer
             AND b.cells = a.cells AND b.plate = a.plate AND b.seed = a.seed AND b.metric = a.metric
           WHERE a.metric = 'f1_macro'),
         by_plate AS (SELECT *, {HALF} FROM (SELECT place, change, cells, {MEANS}
           FROM (SELECT place, change, cells, avg(value) AS value FROM paired GROUP BY 1, 2, 3, plate) GROUP BY 1, 2, 3) means),
         by_seed AS (SELECT *, {HALF} FROM (SELECT place, change, cells, {MEANS}
           FROM (SELECT place, change, cells, avg(value) AS value FROM paired GROUP BY 1, 2, 3, seed) GROUP BY 1, 2, 3) means)
         SELECT p.cells, p.change, p.mean AS difference, p.mean - p.half AS plates_low, p.mean + p.half AS plates_high,
           s.mean - s.half AS seeds_low, s.mean + s.half AS seeds_high
         FROM by_plate p JOIN by_seed s ON s.place = p.place AND s.cells = p.cells ORDER BY p.cells, p.place"
    ))
}

/// Every score of the experiment and its floors, in words.
const SCORES: &str = "WITH answers(protocol, answer) AS (VALUES ('accuracy', 'as it is'),
           ('accuracy_standardised_plate', 'plate statistics'), ('accuracy_pooled_treatment', 'told which cells share a label'),
           ('accuracy_tent', 'TENT'), ('nearest_mean', 'nearest mean')),
         labelled AS (SELECT label, seed, 'model' AS floor, protocol, metric, value FROM v_results
             WHERE experiment = 'real_adapt' AND class = '' AND NOT stale
           UNION SELECT f.label, f.seed, 'floor: ' || replace(f.floor, '_', ' '), f.protocol, f.metric, f.value
             FROM v_floors f WHERE f.experiment = 'real_adapt' AND f.class = ''
               AND json_extract(f.label, '$.system') = 'Supervised'
               AND f.protocol IN ('accuracy', 'accuracy_standardised_plate')),
         scores AS (SELECT json_extract(label, '$.cells') AS cells, json_extract(label, '$.\"held out\"') AS plate, seed, answer,
             metric, value, CASE floor WHEN 'model' THEN json_extract(label, '$.system') ELSE floor END AS system
           FROM labelled JOIN answers USING (protocol) WHERE metric IN ('f1_macro', 'accuracy'))";

/// Mean, number and squared standard error of the values of each group.
const MEANS: &str = "avg(value) AS mean, count(*) AS n,
           max(0.0, avg(value * value) - avg(value) * avg(value)) / (count(*) - 1) AS square";

/// Half of the 95 % interval of a mean of these. Not every SQLite has roots: Newton's steps fall until they are there.
const HALF: &str = "(SELECT t FROM student WHERE freedom = n - 1) * (WITH RECURSIVE root(square, x) AS (
             SELECT means.square, 0.5 * means.square + 0.5 * (means.square > 0)
             UNION ALL SELECT square, (x + square / x) / 2 FROM root WHERE (x + square / x) / 2 < x)
           SELECT min(x) FROM root) AS half";
