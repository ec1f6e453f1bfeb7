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
        FeatureFile, FeatureRows, TaskScore, chammi,
        features::check,
        metrics::{ACCURACY, F1_MACRO},
        protocol::{OneNn, score},
        questions::Questions,
    },
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

/// Score features: `<set>/features.npy`, one row for each row of `<set>/enriched_meta.csv`
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
        let mut scores = vec![];
        let mut progress = Progress::new(quiet);
        for set in &data.sets {
            scores.extend(self.set(&data.name, set, metric, &mut progress)?);
        }
        progress.rest();
        let f1 =
            |name: &str| scores.iter().find(|score| score.name() == name).map(|score| score.metric(F1_MACRO));
        let cps = chammi::cps(f1);
        if self.json {
            let task = |score: &TaskScore| {
                let class = |class: &crate::evaluate::ClassScore| (class.class.clone(), json!(class));
                let per_class: BTreeMap<_, _> = score.per_class.iter().map(class).collect();
                let mut scores = json!(score.metrics);
                scores["per_class"] = json!(per_class);
                (score.name(), scores)
            };
            let tasks: BTreeMap<_, _> = scores.iter().map(task).collect();
            return output::say_json(&json!({ "metric": metric.name(), "tasks": tasks, "cps": cps }));
        }
        output::say(&grid::write(&table(&scores, cps), Format::Table))
    }

    fn set(
        &self,
        data: &str,
        set: &ImageSet,
        metric: Metric,
        progress: &mut Progress,
    ) -> Result<Vec<TaskScore>> {
        let path = self.features.join(&set.name).join("features.npy");
        let features = open(&path)?;
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
        // All rows are checked, also those that no task uses: the same model computed them.
        check(&features, &(0..set.len() as u32).collect::<Vec<_>>(), metric).at(path.display())?;
        let questions = Questions::of(data, set);
        let mut scores = vec![];
        for task in questions.tasks() {
            let mut score = score(&OneNn { metric }, &task, &features, &Device::Cpu, progress)?;
            // Nothing here asks who the nearest was, and there may be millions.
            score.predictions = vec![];
            scores.push(score);
        }
        Ok(scores)
    }
}

/// A matrix of 32-bit floats.
fn open(path: &Path) -> Result<FeatureFile> {
    if !path.is_file() {
        let hint =
            "each set has a folder of its name with a `features.npy`; `dichroic data info` lists the sets";
        return Err(Failure::new(format!("{}: no such file", path.display())).hint(hint));
    }
    let hint = "in Python: np.save(path, features.astype(np.float32)), with one row for each image";
    let file = FeatureFile::npy(path)
        .map_err(|why| Failure::new(format!("{}: {why}", path.display())).hint(hint))?;
    if file.width() == 0 {
        return Err(Failure::new(format!("{}: expected columns, found none", path.display())).hint(hint));
    }
    Ok(file)
}

fn table(scores: &[TaskScore], cps: Option<f64>) -> Rows {
    let number = |value: f64| Value::Text(format!("{value:.3}"));
    let row = |score: &TaskScore| {
        let images: u32 = score.per_class.iter().map(|class| class.support).sum();
        vec![
            Value::Text(score.name()),
            number(score.metric(ACCURACY)),
            number(score.metric(F1_MACRO)),
            Value::Integer(images.into()),
        ]
    };
    let mut rows: Vec<_> = scores.iter().map(row).collect();
    rows.extend(cps.map(|cps| vec![Value::Text("cps".into()), Value::Null, number(cps), Value::Null]));
    Rows { columns: ["task", "accuracy", "f1_macro", "images"].map(String::from).into(), rows }
}
