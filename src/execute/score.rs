//! Scoring works: scores tasks and floors, writes predictions to a Parquet file and numbers to the store.

use super::{Error, Progress, WorkContext, fit, sets::Part};
use crate::{
    data::{HOLD_OUT_SEED, ImageSet, hold_out},
    evaluate::{
        FeatureFile, FeatureRows, Pieces, SideBySide, TaskInput, TaskScore, floors,
        handmade::{Greys, ZScored},
        predictions,
        protocol::{self, score},
        questions::Questions,
        units::Unit,
    },
    event::Listen,
    papers::{self, Measure},
    plan::{Step, Work},
    seed::Seed,
    spec::{Beside, Condition, Features, Measured, Protocol, Selection},
    store::{Attempt, Floor, ScoreRow},
};
use candle_core::Device;

/// The protocol, the images and the features to score.
pub(super) struct Question<'a> {
    pub(super) protocol: &'a Protocol,
    pub(super) data: &'a Selection,
    pub(super) features: Features,
    /// The part that the model is adapted to, if the models of others answer apart.
    pub(super) adapted_to: Option<&'a Condition>,
    pub(super) beside: &'a [Beside],
    /// What the model was trained on, if that answers.
    pub(super) trained_on: Option<&'a Selection>,
    pub(super) hold_out: f64,
    pub(super) subset: Option<usize>,
}

/// A task's score.
pub(super) struct Scored {
    /// The place of its set among those that are read.
    pub(super) part: usize,
    pub(super) score: TaskScore,
    /// The names of the labels that its predictions are about, if not those of the set.
    pub(super) label_names: Option<Vec<String>>,
}

/// Features of some images of a set, and which they are.
type Piece = (Box<dyn FeatureRows>, Vec<u32>);

impl WorkContext<'_> {
    pub(super) fn score(
        &self,
        step: &Step,
        question: &Question<'_>,
        attempt: &Attempt,
        listen: &mut dyn Listen,
    ) -> Result<Progress, Error> {
        let parts = self.sets.open(question.data, question.subset, listen)?;
        let scored = match question.trained_on {
            Some(source) => self.learned(step, question, source, &parts, listen)?,
            None => self.by_own(step, question, &parts, listen)?,
        };
        let mut rows: Vec<ScoreRow> =
            scored.iter().flat_map(|task| score_rows(question, &task.score)).collect();
        rows.extend(averages(question, &rows));
        // The prior is a mean over draws: there is no single prediction per image.
        if question.features != Features::Prior {
            self.predictions(&parts, &scored, attempt)?;
        }
        match floor(question.features) {
            None => attempt.scores(&rows)?,
            Some(floor) => attempt.floors(floor, &rows)?,
        }
        Ok(Progress::Done)
    }

    /// Scores by what the training images of each set itself say.
    fn by_own(
        &self,
        step: &Step,
        question: &Question<'_>,
        parts: &[Part<'_>],
        listen: &mut dyn Listen,
    ) -> Result<Vec<Scored>, Error> {
        let mut scored = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let features = self.features(step, question, (question.data, false), part, listen)?;
            let held = hold_out(part.set(), question.hold_out, HOLD_OUT_SEED);
            let questions = Questions::of(&question.data.name, part.set()).holding_out(held);
            let questions = questions.asking(&part.chosen());
            for input in questions.tasks() {
                let score = score_task(question, &input, features.as_deref(), &self.executor.device, listen)?;
                scored.push(Scored { part: number, score, label_names: None });
            }
        }
        Ok(scored)
    }

    /// The features to score, one row per image of a set of `data`; whether that is what a model was trained on, or what is asked.
    pub(super) fn features(
        &self,
        step: &Step,
        question: &Question<'_>,
        data: (&Selection, bool),
        part: &Part<'_>,
        listen: &mut dyn Listen,
    ) -> Result<Option<Box<dyn FeatureRows>>, Error> {
        let set = part.set();
        let mut measured = |greys| match question.trained_on {
            // Of a source and a target on one scale: that of the source's training images.
            Some(_) => {
                let measured = self.sets.hand_made(part, question.subset, greys, listen)?;
                Ok(Box::new(measured) as Box<dyn FeatureRows>)
            }
            None => self.hand_made(part, question.subset, greys, listen),
        };
        Ok(match question.features {
            Features::Constant | Features::Prior => None,
            Features::HandMade => Some(measured(Greys::Stored)?),
            Features::HandMadeStandardised => Some(measured(Greys::Standardised)?),
            Features::Model | Features::Untrained => {
                let mut parts = self.of_models(step, data, set)?;
                if parts.len() == 1 && question.beside.is_empty() {
                    return Ok(parts.pop());
                }
                let each = 1.0 / (parts.len() as f64).sqrt();
                let mut all: Vec<(Box<dyn FeatureRows>, f64)> =
                    parts.into_iter().map(|part| (part, each)).collect();
                for Beside { features, weight } in question.beside {
                    let measured = self.hand_made(part, question.subset, greys(*features), listen)?;
                    all.push((measured, *weight));
                }
                Some(Box::new(SideBySide::new(all)))
            }
        })
    }

    /// What each model left behind of this set, in the order of the parents. A model that was adapted to parts of the images
    /// has a parent for each of them.
    fn of_models(
        &self,
        step: &Step,
        (data, of_source): (&Selection, bool),
        set: &ImageSet,
    ) -> Result<Vec<Box<dyn FeatureRows>>, Error> {
        let (name, none) = (fit::features_file(&set.name), || Error::NoFeatures(set.name.clone()));
        let mut whole: Vec<Box<dyn FeatureRows>> = vec![];
        let mut pieces: Vec<(Option<Seed>, Vec<Piece>)> = vec![];
        for parent in self.plan.embeds(step, (data, of_source), &set.name) {
            let Work::Embed { data, .. } = &parent.work else { continue };
            let (path, rows) = (self.of_parent(&parent.id, &name), set.rows_of(&data.only));
            // With a model less it would be another system.
            if !path.is_file() {
                return Err(none());
            }
            let features: Box<dyn FeatureRows> = Box::new(FeatureFile::plain(&path, rows.len())?);
            if data.only.is_empty() {
                whole.push(features);
                continue;
            }
            match pieces.iter_mut().find(|(seed, _)| *seed == parent.seed) {
                Some((_, parts)) => parts.push((features, rows)),
                None => pieces.push((parent.seed, vec![(features, rows)])),
            }
        }
        whole.extend(
            pieces
                .into_iter()
                .map(|(_, parts)| -> Box<dyn FeatureRows> { Box::new(Pieces::new(set.len(), parts)) }),
        );
        if whole.is_empty() { Err(none()) } else { Ok(whole) }
    }

    /// Hand-made features on the scale of the set's own training images.
    fn hand_made(
        &self,
        part: &Part<'_>,
        subset: Option<usize>,
        greys: Greys,
        listen: &mut dyn Listen,
    ) -> Result<Box<dyn FeatureRows>, Error> {
        let measured = self.sets.hand_made(part, subset, greys, listen)?;
        Ok(Box::new(ZScored::new(measured, &part.set().train_rows())?))
    }

    fn predictions(&self, parts: &[Part<'_>], scored: &[Scored], attempt: &Attempt) -> Result<(), Error> {
        let path = self.folder.join("predictions.parquet");
        let keys: Vec<_> = parts.iter().map(|part| |row: u32| part.set().key(row)).collect();
        let unit = |task: &Scored| {
            let (set, task) = (parts[task.part].set(), task.score.task.clone());
            move |unit: Unit, row: u32| unit.of(set, &task, row)
        };
        let units: Vec<_> = scored.iter().map(unit).collect();
        let named: Vec<predictions::Named<'_>> = scored
            .iter()
            .zip(&units)
            .map(|(Scored { part, score, label_names }, unit)| predictions::Named {
                score,
                key: &keys[*part],
                label_names: label_names.as_ref().unwrap_or(&parts[*part].set().labels),
                unit,
            })
            .collect();
        let digest = predictions::write(&path, &named)?;
        self.note(attempt, "predictions", &path, digest)
    }
}

/// The grey levels of which features beside those of a model are measured.
pub(super) fn greys(features: Measured) -> Greys {
    match features {
        Measured::HandMade => Greys::Stored,
        Measured::HandMadeStandardised => Greys::Standardised,
    }
}

fn score_task(
    question: &Question<'_>,
    input: &TaskInput<'_>,
    features: Option<&dyn FeatureRows>,
    on: &Device,
    listen: &mut dyn Listen,
) -> Result<TaskScore, Error> {
    let mut by = |protocol: &Protocol, features| {
        let protocol = protocol::of(protocol).expect("a protocol that learns from a source has one");
        score(protocol.as_ref(), input, features, on, listen)
    };
    Ok(match (question.features, features) {
        (Features::Constant, _) => floors::constant(input)?,
        (_, Some(features)) => by(&question.protocol.of_features(question.features), features)?,
        (_, None) => floors::prior(input, Seed(0))?,
    })
}

fn score_rows(question: &Question<'_>, score: &TaskScore) -> Vec<ScoreRow> {
    let row = |class: &str, metric: &str, value: f64, n: u64| ScoreRow {
        protocol: question.protocol.name(),
        data: question.data.name.clone(),
        part: question.data.part_by(question.adapted_to),
        task: score.name(),
        class: class.into(),
        metric: metric.into(),
        value,
        n,
    };
    let total: u64 = score.per_class.iter().map(|class| u64::from(class.support)).sum();
    let metrics = score.metrics.iter();
    let mut rows: Vec<ScoreRow> = metrics.map(|(metric, value)| row("", metric, *value, total)).collect();
    for class in &score.per_class {
        let n = u64::from(class.support);
        rows.push(row(&class.class, "precision", class.precision, n));
        rows.push(row(&class.class, "recall", class.recall, n));
        rows.push(row(&class.class, "f1", class.f1, n));
    }
    rows
}

/// The averages of the papers about this data set, in the metrics that they publish, if all of their tasks
/// were scored.
fn averages(question: &Question<'_>, rows: &[ScoreRow]) -> Vec<ScoreRow> {
    let mut averages: Vec<ScoreRow> = vec![];
    for paper in papers::on(&question.data.name) {
        for metric in paper.metrics() {
            let new = |row: &ScoreRow| {
                averages.iter().all(|known| (&known.task, &known.metric) != (&row.task, &row.metric))
            };
            let of = |average| average_row(question, rows, average, metric);
            let found: Vec<ScoreRow> = paper.averages.iter().filter_map(of).filter(new).collect();
            averages.extend(found);
        }
    }
    averages
}

fn average_row(
    question: &Question<'_>,
    rows: &[ScoreRow],
    average: &papers::Average,
    metric: Measure,
) -> Option<ScoreRow> {
    let score =
        |task: &str| Some(rows.iter().find(|row| row.task == task && row.metric == metric.name)?.value);
    Some(ScoreRow {
        protocol: question.protocol.name(),
        data: question.data.name.clone(),
        part: question.data.part_by(question.adapted_to),
        task: average.name.into(),
        class: String::new(),
        metric: metric.name.into(),
        value: average.of(score)?,
        n: average.parts.len() as u64,
    })
}

fn floor(features: Features) -> Option<Floor> {
    match features {
        Features::Model => None,
        Features::Constant => Some(Floor::Constant),
        Features::Prior => Some(Floor::Prior),
        Features::HandMade => Some(Floor::HandMade),
        Features::HandMadeStandardised => Some(Floor::HandMadeStandardised),
        Features::Untrained => Some(Floor::Untrained),
    }
}
