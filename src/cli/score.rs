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
        nearest,
        protocol::{OneNn, score},
        questions::Questions,
    },
    npy::Refusal,
    papers::{ACCURACY, MACRO_F1, PAPERS},
    spec::Metric,
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
    /// Distance of the nearest-neighbour search
    #[arg(long, value_enum, default_value_t = MetricWord::Cosine)]
    metric: MetricWord,
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

impl Score {
    pub(super) fn run(&self, quiet: bool) -> Result {
        self.threads.prepare()?;
        let metric = match self.metric {
            MetricWord::Cosine => Metric::Cosine,
            MetricWord::L2 => Metric::L2,
        };
        let data = DataSet::open_tables(&locate::own_name(&self.data), &self.data)?;
        data.warnings.iter().for_each(|warning| output::warn(warning));
        if data.sets.iter().all(|set| set.tasks.is_empty()) {
            let failure = Failure::new(format!(
                "`{}` has no task to score: none of its tables asks anything",
                data.name
            ));
            return Err(failure.hint("a task is a column of the table, such as `Task_one`, that is True for the images to recognise"));
        }
        let mut scores = vec![];
        let mut progress = Progress::new(quiet);
        for set in &data.sets {
            scores.extend(self.set(&data.name, set, metric, &mut progress)?);
        }
        progress.rest();
        let f1 = |name: &str| {
            let found = scores.iter().find(|scored| scored.score.name() == name);
            found.map(|scored| scored.score.metric(MACRO_F1.name))
        };
        // A folder says of no data set which it is: whatever has the tasks of a paper has its overall score.
        let overall: Vec<_> = PAPERS
            .iter()
            .filter_map(|paper| paper.overall())
            .map(|overall| (overall.name, overall.of(f1)))
            .collect();
        if self.json {
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
            let mut document = json!({ "metric": metric.name(), "tasks": tasks });
            overall.iter().for_each(|(name, value)| document[*name] = json!(value));
            return output::say_json(&document);
        }
        output::say(&grid::write(&table(&scores, &overall), Format::Table))?;
        let notes: Vec<String> = scores.iter().flat_map(Scored::notes).collect();
        if notes.is_empty() { Ok(()) } else { output::say(&format!("\n{}", notes.join("\n"))) }
    }

    fn set(
        &self,
        data: &str,
        set: &ImageSet,
        metric: Metric,
        progress: &mut Progress,
    ) -> Result<Vec<Scored>> {
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
        let mut scores = vec![];
        for task in questions.tasks() {
            let mut score = score(&OneNn { metric }, &task, features, &Device::Cpu, progress)?;
            let (tied, lost) = (score.tied(), task.lost());
            // Nothing here asks who the nearest was, and there may be millions.
            score.predictions = vec![];
            scores.push(Scored { score, tied, lost });
        }
        Ok(scores)
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
