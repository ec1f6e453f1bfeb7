//! `compare`: whether a run beats a floor or another run beyond the luck of which images were asked.

mod files;
mod sides;

use super::{
    failure::{Context, Failure, Result},
    grid::{self, Format},
    options::StoreOption,
    output,
};
use crate::{
    evaluate::{
        bootstrap::{self, Comparison, Difference, Verdict},
        paired,
        predictions::{self, Row},
    },
    spelling::closest,
    store::{Reader, Rows, Store, Value},
};
use clap::Args;
use files::Question;
use serde_json::json;
use sides::{Rival, System};
use std::path::{Path, PathBuf};

/// The task of the images that were kept back from training: no answer to anything that was asked of the benchmark.
const HELD_OUT: &str = "/held_out";

/// Compares stored runs with a floor or another run, image by image
#[derive(Args, Debug)]
pub(super) struct Compare {
    /// Names of experiments, or beginnings of the ids of runs or specs; runs of one spec are its seeds
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// What to compare with: hand_made, untrained, constant, or a run
    #[arg(long, value_name = "FLOOR|RUN", default_value = "hand_made")]
    with: String,
    /// Only this task, as in Jurkat/Task_one; repeatable [default: all but the held-out images of Train]
    #[arg(long, value_name = "SET/TASK")]
    task: Vec<String>,
    #[command(flatten)]
    store: StoreOption,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

/// One system against the other side, under one protocol on one data set.
struct Compared {
    system: System,
    rival: String,
    question: Question,
    found: Comparison,
}

impl Compare {
    pub(super) fn run(&self) -> Result {
        let compared = self.compared()?;
        if self.json {
            let compared: Vec<_> = compared.iter().map(Compared::json).collect();
            return output::say_json(&json!({ "draws": bootstrap::DRAWS, "comparisons": compared }));
        }
        let table = match &compared[..] {
            [one] => one.table(),
            many => summary(many),
        };
        let sentences: Vec<String> = compared.iter().map(Compared::sentence).collect();
        let basis = format!(
            "Intervals: paired bootstrap over images, {} draws; the mean counts every task alike.",
            bootstrap::DRAWS
        );
        output::say(&format!("{}\n{}\n{basis}", grid::write(&table, Format::Table), sentences.join("\n")))
    }

    fn compared(&self) -> Result<Vec<Compared>> {
        let path = self.store.path();
        let store = Store::open_read_only(&path)?;
        let systems = sides::systems(&store, &self.runs)?;
        let rival = sides::rival(&store, &self.with)?;
        let mut compared = vec![];
        for system in systems {
            for question in files::questions(&store, &system)? {
                compared.push(self.compare(&store, &path, system.clone(), &rival, question)?);
            }
        }
        Ok(compared)
    }

    fn compare(
        &self,
        store: &Reader,
        path: &Path,
        system: System,
        rival: &Rival,
        question: Question,
    ) -> Result<Compared> {
        let (runs, features) = match rival {
            Rival::Floor(floor) => (&system, *floor),
            Rival::System(other) => (other, files::MODEL),
        };
        let a = read(&files::of(store, path, &system, files::MODEL, &question)?)?;
        let b = read(&files::of(store, path, runs, features, &question)?)?;
        let (a, b): (Vec<&[Row]>, Vec<&[Row]>) =
            (a.iter().map(Vec::as_slice).collect(), b.iter().map(Vec::as_slice).collect());
        let tasks = self.tasks(&paired::tasks(a[0]), &paired::tasks(b[0]))?;
        let place = format!("{} and {}", system.name(), rival.name(&system));
        let paired: std::result::Result<Vec<_>, _> =
            tasks.iter().map(|task| paired::pair(task, &a, &b)).collect();
        let found = bootstrap::compare(&paired.at(&place)?)?;
        Ok(Compared { rival: rival.name(&system), system, question, found })
    }

    /// The tasks that are meant, among those that both sides have.
    fn tasks(&self, a: &[String], b: &[String]) -> Result<Vec<String>> {
        let common: Vec<&String> = a.iter().filter(|task| b.contains(task)).collect();
        let list = || common.iter().map(|task| task.as_str()).collect::<Vec<_>>().join(", ");
        for task in &self.task {
            if !common.contains(&task) {
                let near = closest(task, common.iter().map(|task| task.as_str()));
                let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
                let failure =
                    Failure::new(format!("there are no predictions for a task `{task}` on both sides"));
                return Err(failure.hint(format!("{near}both have {}", list())));
            }
        }
        let wanted = |task: &&&String| match self.task.is_empty() {
            true => !task.ends_with(HELD_OUT),
            false => self.task.contains(**task),
        };
        let tasks: Vec<String> = common.iter().filter(wanted).map(|task| (*task).clone()).collect();
        if tasks.is_empty() {
            let hint = "name it with --task to compare it all the same";
            let failure =
                Failure::new(format!("expected a task besides the held-out images, found `{}`", list()));
            return Err(failure.hint(hint));
        }
        Ok(tasks)
    }
}

fn read(files: &[PathBuf]) -> Result<Vec<Vec<Row>>> {
    files.iter().map(|file| predictions::read(file).map_err(Failure::from)).collect()
}

impl Compared {
    /// A line for each task, and one for their mean.
    fn table(&self) -> Rows {
        let line = |name: &str, found: &Difference| {
            let mut line = vec![Value::Text(name.into())];
            line.extend(numbers(found));
            line
        };
        let mut rows: Vec<_> = self.found.tasks.iter().map(|(task, found)| line(task, found)).collect();
        rows.push(line("mean", &self.found.mean));
        let head = [
            &self.question.protocol,
            &self.system.name(),
            &self.rival,
            "difference",
            "95 % interval",
            "images",
        ];
        Rows { columns: head.map(String::from).into(), rows }
    }

    fn sentence(&self) -> String {
        let Difference { difference, low, high, images, .. } = self.found.mean;
        let verdict = match self.found.mean.verdict() {
            Verdict::Above => "is above",
            Verdict::Below => "is below",
            Verdict::Undecided => "cannot be told from",
        };
        let (a, seeds, b, data) = (self.system.name(), self.system.seeds(), &self.rival, &self.question.data);
        let tasks = match self.found.tasks.len() {
            1 => "1 task".into(),
            tasks => format!("{tasks} tasks"),
        };
        format!(
            "{a} ({seeds}) {verdict} {b} on {data}: {difference:+.3} macro-F1, 95 % interval {low:+.3} to {high:+.3}, \
             over {images} images in {tasks}."
        )
    }

    fn json(&self) -> serde_json::Value {
        let task = |(task, found): &(String, Difference)| {
            let mut line = json!(found);
            line["task"] = json!(task);
            line["verdict"] = json!(found.verdict());
            line
        };
        json!({
            "run": self.system.json(), "with": self.rival,
            "protocol": self.question.protocol, "data": self.question.data,
            "tasks": self.found.tasks.iter().map(task).collect::<Vec<_>>(),
            "mean": self.found.mean, "verdict": self.found.mean.verdict(),
        })
    }
}

/// A line for each comparison.
fn summary(compared: &[Compared]) -> Rows {
    let line = |one: &Compared| {
        let words = [&one.system.name(), &one.system.spec, &one.question.data, &one.question.protocol];
        let mut line: Vec<Value> = words.map(|word| Value::Text(word.clone())).into();
        line.push(Value::Integer(one.system.runs.len() as i64));
        line.extend(numbers(&one.found.mean));
        line
    };
    let rival = compared.first().map_or("", |one| one.rival.as_str());
    let head = [
        "run",
        "spec",
        "data",
        "protocol",
        "seeds",
        "mean F1",
        rival,
        "difference",
        "95 % interval",
        "images",
    ];
    Rows { columns: head.map(String::from).into(), rows: compared.iter().map(line).collect() }
}

fn numbers(found: &Difference) -> [Value; 5] {
    let Difference { a, b, difference, low, high, images } = found;
    let text = |text: String| Value::Text(text);
    [
        text(format!("{a:.3}")),
        text(format!("{b:.3}")),
        text(format!("{difference:+.3}")),
        text(format!("{low:+.3} to {high:+.3}")),
        Value::Integer(*images as i64),
    ]
}

#[cfg(test)]
mod tests;
