//! `score`: the benchmark's scores of any features.

use super::{
    failure::{Context, Failure, Result},
    grid::{self, Format},
    locate,
    options::ThreadsOption,
    output,
    progress::Progress,
};
use crate::{
    data::{DataSet, ImageSet},
    evaluate::{
        FeatureFile, FeatureRows, TaskScore,
        features::{Keyed, check},
        metrics::{Absent, F1_MACRO, f1_macro_of},
        nearest,
        protocol::{Knn, LinearProbe, OneNn, Protocol, score},
        questions::Questions,
    },
    npy::Refusal,
    papers::{ACCURACY, MACRO_F1, PAPERS},
    spec::{self, Metric, Select, settings},
    store::{Rows, Value},
};
use candle_core::Device;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Score features: `<set>/features.npy`, one row for each row of `<set>/enriched_meta.csv`, or `<set>/features.parquet`
/// by key
#[derive(Args, Debug)]
pub(super) struct Score {
    /// Folder of features
    #[arg(long, value_name = "DIR")]
    features: PathBuf,
    /// Folder of the data set's tables; no image is read
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// What answers; repeatable [default: one-nn]
    #[arg(long = "protocol", value_enum, value_name = "WHAT")]
    protocols: Vec<ProtocolWord>,
    /// Of one-nn: distance of the nearest-neighbour search
    #[arg(long, value_enum, default_value_t = MetricWord::Cosine)]
    metric: MetricWord,
    /// Of knn: nearest images that vote
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    k: usize,
    /// Of knn: cosines are divided by this
    #[arg(long, value_name = "T", default_value_t = 0.07)]
    temperature: f64,
    /// Of linear: what chooses one of its 48 classifiers
    #[arg(long, value_enum, default_value_t = SelectWord::HeldOut)]
    select: SelectWord,
    /// Classes that no image that is asked has, in macro-F1 [default: those of the truth count, as in CHAMMI's evaluator]
    #[arg(long, value_enum, value_name = "HOW")]
    absent_classes: Option<AbsentWord>,
    #[command(flatten)]
    threads: ThreadsOption,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MetricWord {
    /// Largest cosine, the paper's
    Cosine,
    /// Smallest Euclidean distance, the published evaluator's default
    L2,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum ProtocolWord {
    /// The nearest training image
    OneNn,
    /// The weighted votes of the k nearest by cosine: DINO, DINOv2
    Knn,
    /// Linear classifiers as Cell-DINO's code trains them, for 300 steps of 128 images
    Linear,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SelectWord {
    /// A tenth of the training images, which are held out
    HeldOut,
    /// The images that are asked: an upper bound, as it was published
    Oracle,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AbsentWord {
    /// Each class of the images that answer counts, an absent one as 0: torchmetrics up to 0.11
    Zero,
    /// A class that is only predicted counts as 0, others not at all: torchmetrics since then
    LeaveOut,
}

/// One of the ways in which features are asked.
struct Asked {
    name: String,
    title: String,
    protocol: Box<dyn Protocol>,
}

impl Score {
    /// What answers, each once, in the order in which it was said.
    fn asked(&self, metric: Metric) -> Result<Vec<Asked>> {
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            let message = format!("--temperature: expected a number above 0, found {}", self.temperature);
            return Err(Failure::new(message).hint("DINO and DINOv2: 0.07"));
        }
        let mut words = self.protocols.clone();
        if words.is_empty() {
            words.push(ProtocolWord::OneNn);
        }
        let mut found: Vec<ProtocolWord> = Vec::new();
        words.into_iter().for_each(|word| {
            if !found.contains(&word) {
                found.push(word);
            }
        });
        let named = |word: spec::Protocol, protocol: Box<dyn Protocol>| Asked {
            name: word.name(),
            title: word.title(),
            protocol,
        };
        let asked = |word: ProtocolWord| match word {
            ProtocolWord::OneNn => {
                named(settings::OneNn { metric }.into(), Box::new(OneNn { metric }) as Box<dyn Protocol>)
            }
            ProtocolWord::Knn => {
                let (k, temperature) = (self.k, self.temperature);
                let word = settings::Knn { k, temperature, standardised: None, pooled: None };
                named(word.into(), Box::new(Knn { k, temperature }))
            }
            ProtocolWord::Linear => {
                let select = match self.select {
                    SelectWord::HeldOut => Select::HeldOut,
                    SelectWord::Oracle => Select::Oracle,
                };
                let word = settings::LinearProbe { select, ..settings::LinearProbe::default() };
                named(word.clone().into(), Box::new(LinearProbe { word }))
            }
        };
        Ok(found.into_iter().map(asked).collect())
    }

    pub(super) fn run(&self, quiet: bool) -> Result {
        self.threads.prepare()?;
        let metric = match self.metric {
            MetricWord::Cosine => Metric::Cosine,
            MetricWord::L2 => Metric::L2,
        };
        let asked = self.asked(metric)?;
        let data = DataSet::open_tables(&locate::own_name(&self.data), &self.data)?;
        data.warnings.iter().for_each(|warning| output::warn(warning));
        if data.sets.iter().all(|set| set.tasks.is_empty()) {
            let failure = Failure::new(format!(
                "`{}` has no task to score: none of its tables asks anything",
                data.name
            ));
            return Err(failure.hint("a task is a column of the table, such as `Task_one`, that is True for the images to recognise"));
        }
        let mut scores: Vec<Vec<Scored>> = asked.iter().map(|_| vec![]).collect();
        let mut progress = Progress::new(quiet);
        for set in &data.sets {
            let of_set = self.set(&data.name, set, (&asked, metric), &mut progress)?;
            scores.iter_mut().zip(of_set).for_each(|(all, own)| all.extend(own));
        }
        progress.rest();
        if let ([one], [scores]) = (&asked[..], &scores[..]) {
            if self.json {
                return output::say_json(&one.document(metric, scores));
            }
            return say(scores);
        }
        if self.json {
            let all: BTreeMap<&str, serde_json::Value> = asked
                .iter()
                .zip(&scores)
                .map(|(one, scores)| (one.name.as_str(), one.document(metric, scores)))
                .collect();
            return output::say_json(&json!({ "protocols": all }));
        }
        for (one, scores) in asked.iter().zip(&scores) {
            output::say(&one.title)?;
            say(scores)?;
        }
        Ok(())
    }
    fn set(
        &self,
        data: &str,
        set: &ImageSet,
        (asked, metric): (&[Asked], Metric),
        progress: &mut Progress,
    ) -> Result<Vec<Vec<Scored>>> {
        let folder = self.features.join(&set.name);
        let [path, keyed] = ["features.npy", "features.parquet"].map(|name| folder.join(name));
        let by_key = !path.is_file() && keyed.is_file();
        let path = if by_key { keyed } else { path };
        let features = if by_key { open_keyed(&path, set)? } else { open(&path)? };
        let features = features.as_ref();
        if features.rows() != set.len() {
            let table = set.table();
            let found = format!(
                "expected {} rows, one for each row of {}, found {}",
                set.len(),
                table.display(),
                features.rows()
            );
            return Err(Failure::new(format!("{}: {found}", path.display())));
        }
        nearest::fits(features.width(), features.rows(), &Device::Cpu).at(path.display())?;
        // All rows are checked, also those that no task uses: the same model computed them.
        check(features, &(0..set.len() as u32).collect::<Vec<_>>(), metric).at(path.display())?;
        let questions = Questions::of(data, set);
        let mut all = vec![];
        for one in asked {
            let mut scores = vec![];
            for task in questions.tasks() {
                let mut score = score(one.protocol.as_ref(), &task, features, &Device::Cpu, progress)?;
                let (tied, lost) = (score.tied(), task.lost());
                if let Some(absent) = self.absent_classes {
                    let pairs = score.predictions.iter().map(|one| (one.truth, one.predicted));
                    let answering = task.train.iter().chain(task.groups.map_or(&[][..], |_| task.queries));
                    let answering = answering.map(|row| task.labels.of(*row));
                    let absent = match absent {
                        AbsentWord::Zero => Absent::Zero,
                        AbsentWord::LeaveOut => Absent::LeftOut,
                    };
                    let f1 = f1_macro_of(pairs, answering, absent);
                    score.metrics.insert(F1_MACRO, f1);
                }
                // Nothing here asks who the nearest was, and there may be millions.
                score.predictions = vec![];
                scores.push(Scored { score, tied, lost });
            }
            all.push(scores);
        }
        Ok(all)
    }
}

/// The averages of papers over tasks. A folder says of no data set which it is: whatever has the tasks of a paper has its overall
/// score.
fn overall(scores: &[Scored]) -> Vec<(&'static str, Option<f64>)> {
    let f1 = |name: &str| {
        let found = scores.iter().find(|scored| scored.score.name() == name);
        found.map(|scored| scored.score.metric(MACRO_F1.name))
    };
    let papers = PAPERS.iter().filter_map(|paper| paper.overall());
    papers.map(|overall| (overall.name, overall.of(f1))).collect()
}

fn say(scores: &[Scored]) -> Result {
    output::say(&grid::write(&table(scores, &overall(scores)), Format::Table))?;
    let notes: Vec<String> = scores.iter().flat_map(Scored::notes).collect();
    if notes.is_empty() { Ok(()) } else { output::say(&format!("\n{}", notes.join("\n"))) }
}

impl Asked {
    fn document(&self, metric: Metric, scores: &[Scored]) -> serde_json::Value {
        let task = |scored: &Scored| {
            let Scored { score, tied, lost } = scored;
            let class = |class: &crate::evaluate::ClassScore| (class.class.clone(), json!(class));
            let per_class: BTreeMap<_, _> = score.per_class.iter().map(class).collect();
            let mut scores = json!(score.metrics);
            scores["per_class"] = json!(per_class);
            scores["tied"] = json!(tied);
            scores["cannot_be_found"] = json!(lost);
            (score.name(), scores)
        };
        let tasks: BTreeMap<_, _> = scores.iter().map(task).collect();
        let mut document = json!({ "protocol": self.name, "tasks": tasks });
        if self.name == spec::Protocol::from(settings::OneNn { metric }).name() {
            document["metric"] = json!(metric.name());
        }
        overall(scores).iter().for_each(|(name, value)| document[*name] = json!(value));
        document
    }
}

/// A task's score, and what it does not say.
struct Scored {
    score: TaskScore,
    /// Images whose nearest has an equal of another label.
    tied: usize,
    /// Images that no reference can answer rightly, by label.
    lost: BTreeMap<String, usize>,
}

impl Scored {
    fn images(&self) -> u32 {
        self.score.per_class.iter().map(|class| class.support).sum()
    }

    fn notes(&self) -> Vec<String> {
        let (name, images) = (self.score.name(), self.images());
        let mut notes = vec![];
        if self.tied > 0 {
            let tied = self.tied;
            notes.push(format!(
                "{name}: {tied} of {images} images are exactly as near to references of other labels; the first was taken"
            ));
        }
        if !self.lost.is_empty() {
            let mut lost: Vec<String> = self
                .lost
                .iter()
                .map(|(label, count)| format!("{count} of `{}`", label.escape_debug()))
                .collect();
            let more = lost.len().saturating_sub(LISTED);
            lost.truncate(LISTED);
            let more = if more > 0 { format!(" and {more} more labels") } else { String::new() };
            let lost = lost.join(", ");
            notes.push(format!(
                "{name}: cannot be found, because no reference that may answer has their label: {lost}{more}"
            ));
        }
        notes
    }
}

/// Most labels in a note.
const LISTED: usize = 5;

/// A matrix of floats.
fn open(path: &Path) -> Result<Box<dyn FeatureRows>> {
    if !path.is_file() {
        let hint = "each set has a folder of its name with a `features.npy` or `features.parquet`; `dichroic data info` lists the sets";
        return Err(Failure::new(format!("{}: no such file", path.display())).hint(hint));
    }
    let file = FeatureFile::npy(path)
        .map_err(|Refusal { why, remedy }| Failure::new(format!("{}: {why}", path.display())).hint(remedy))?;
    if let Some(converted) = file.converted() {
        output::warn(&format!("{}: {converted}", path.display()));
    }
    Ok(Box::new(file))
}

/// Features by the keys of their images.
fn open_keyed(path: &Path, set: &ImageSet) -> Result<Box<dyn FeatureRows>> {
    let found = Keyed::open(path, (0..set.len() as u32).map(|row| set.key(row)));
    let hint = "`embed --format parquet` writes such a file: a column `file_path`, and `features` as lists of floats";
    match found {
        Ok(features) => Ok(Box::new(features)),
        Err(why) => Err(Failure::new(format!("{}: {why}", path.display())).hint(hint)),
    }
}

fn table(scores: &[Scored], overall: &[(&str, Option<f64>)]) -> Rows {
    let number = |value: f64| Value::Text(format!("{value:.3}"));
    let row = |scored: &Scored| {
        let score = &scored.score;
        vec![
            Value::Text(score.name()),
            number(score.metric(ACCURACY.name)),
            number(score.metric(MACRO_F1.name)),
            Value::Integer(scored.images().into()),
        ]
    };
    let mut rows: Vec<_> = scores.iter().map(row).collect();
    let average = |(name, value): &(&str, Option<f64>)| {
        value.map(|value| vec![Value::Text((*name).into()), Value::Null, number(value), Value::Null])
    };
    rows.extend(overall.iter().filter_map(average));
    Rows { columns: ["task", ACCURACY.name, MACRO_F1.name, "images"].map(String::from).into(), rows }
}
