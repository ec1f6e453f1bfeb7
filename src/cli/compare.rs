//! `compare`: is a run better than a floor or another run, beyond the sampling error of the test images?

mod sides;

use super::{
    failure::{Context, Failure, Result},
    grid::{self, Format},
    options::StoreOption,
    output,
};
use crate::{
    evaluate::{
        answered::PredictionCache,
        bootstrap::{self, Average, Comparison, Difference, Verdict},
        paired,
        units::Unit,
    },
    papers,
    report::answers::{self, Question},
    spec::{Features, Protocol},
    spelling::closest,
    store::{Reader, Rows, Store, Value},
};
use clap::Args;
use serde_json::json;
use sides::{Rival, System};

/// The task of the images held out of training; not part of the benchmark.
const HELD_OUT: &str = "/held_out";

/// Compare stored runs with a floor or another run, image by image
#[derive(Args, Debug)]
pub(super) struct Compare {
    /// Names of experiments, or prefixes of ids of runs or specs; runs of one spec are its seeds
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// What to compare with: hand_made, hand_made_standardised, untrained, constant, or a run
    #[arg(long, value_name = "FLOOR|RUN", default_value = "hand_made")]
    with: String,
    /// Only this task, as in Jurkat/Task_one; repeatable [default: all except the held-out images of Train]
    #[arg(long, value_name = "SET/TASK")]
    task: Vec<String>,
    /// What the bootstrap resamples [default, for each task: the first of group (in leave-one-group-out tasks), well, field
    /// of view and image of which there are at least ten]
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    unit: Option<Unit>,
    #[command(flatten)]
    store: StoreOption,
    /// Print one JSON document
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

/// A unit by its name.
fn unit(word: &str) -> std::result::Result<Unit, String> {
    let all = Unit::KEPT.into_iter().chain([Unit::Image]);
    let names: Vec<&str> = all.clone().map(Unit::name).collect();
    let found = all.into_iter().find(|unit| unit.name() == word.replace('-', "_"));
    found.ok_or_else(|| format!("expected one of {}", names.join(", ")))
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
            "95 % intervals. Over images: paired bootstrap, {} draws of the units named; over seeds: Student's t. \
             Detectable: the least true difference that the interval over images would show in four of five cases.",
            bootstrap::DRAWS
        );
        output::say(&format!("{}\n{}\n{basis}", grid::write(&table, Format::Table), sentences.join("\n")))
    }

    fn compared(&self) -> Result<Vec<Compared>> {
        let store = Store::open_read_only(self.store.path())?;
        let systems = sides::systems(&store, &self.runs)?;
        let rival = sides::rival(&store, &self.with)?;
        let mut compared = vec![];
        for system in systems {
            let questions = answers::questions(&store, &system.runs[0].0)?;
            if questions.is_empty() {
                let message = format!("{} was not scored: there is nothing to compare", system.name());
                return Err(Failure::new(message));
            }
            for question in questions {
                compared.push(self.compare(&store, system.clone(), &rival, question)?);
            }
        }
        Ok(compared)
    }

    fn compare(&self, store: &Reader, system: System, rival: &Rival, question: Question) -> Result<Compared> {
        let (other, features) = match rival {
            Rival::Floor(floor) => (&system, *floor),
            Rival::System(other) => (other, Features::Model),
        };
        let cache = PredictionCache::default();
        let a = answers::read(store, &cache, &system.name(), &system.runs, Features::Model, &question)?;
        let b = answers::read(store, &cache, &other.name(), &other.runs, features, &question)?;
        let (of_a, of_b) = (a.lists(), b.lists());
        let tasks = self.tasks(&paired::tasks(of_a[0]), &paired::tasks(of_b[0]))?;
        let place = format!("{} and {}", system.name(), rival.name(&system));
        let paired: std::result::Result<Vec<_>, _> =
            tasks.iter().map(|task| paired::pair(task, self.unit, &of_a, &of_b)).collect();
        let mut paired = paired.at(&place)?;
        let predicted_too = Protocol::is_of_source(&question.protocol);
        paired.iter_mut().for_each(|task| task.predicted_too = predicted_too);
        let mut averages = vec![Average::of(&paired)];
        // Papers average over all images.
        let papers = papers::on(&question.data).filter(|_| question.part.is_empty());
        let of_papers = papers.flat_map(|paper| paper.averages);
        averages.extend(of_papers.filter(|average| average.parts.len() > 1).map(Average::from));
        let found = bootstrap::compare(&paired, &averages, a.seeds_beside(&b))?;
        Ok(Compared { rival: rival.name(&system), system, question, found })
    }

    /// The selected tasks, among those that both sides have.
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
            let hint = "name it with --task to compare it anyway";
            let failure =
                Failure::new(format!("expected a task besides the held-out images, found `{}`", list()));
            return Err(failure.hint(hint));
        }
        Ok(tasks)
    }
}

impl Compared {
    /// The average over all tasks.
    fn mean(&self) -> &Difference {
        &self.found.averages[0].1
    }

    /// A line for each task, and one for each average.
    fn table(&self) -> Rows {
        let line = |(name, found): &(String, Difference)| {
            let mut line = vec![Value::Text(name.clone())];
            line.extend(numbers(found));
            line
        };
        let system = self.system.name();
        let head = [&self.question.protocol, &system, &self.rival].map(String::as_str);
        let columns = head.into_iter().chain(NUMBERS).map(String::from).collect();
        Rows { columns, rows: self.found.tasks.iter().chain(&self.found.averages).map(line).collect() }
    }

    fn sentence(&self) -> String {
        let mean = self.mean();
        let Difference { difference, low, high, images, detectable, .. } = mean;
        let (a, seeds, b, data) =
            (self.system.name(), self.system.seeds(), &self.rival, self.question.images());
        let tasks = match self.found.tasks.len() {
            1 => "1 task".into(),
            tasks => format!("{tasks} tasks"),
        };
        let mut sentence = format!(
            "{a} ({seeds}) {} {b} on {data}: {difference:+.3} macro-F1, 95 % interval {low:+.3} to {high:+.3}, over \
             {images} images in {tasks}.",
            words(mean.verdict())
        );
        match &mean.seeds {
            Some(found) if found.verdict() == mean.verdict() => {
                sentence += " The interval over seeds agrees.";
            }
            Some(found) => {
                let (low, high) = (found.low, found.high);
                sentence += &format!(
                    " Over seeds it {} it ({low:+.3} to {high:+.3}): retraining may change the result.",
                    words(found.verdict())
                );
            }
            None => sentence += " The variation between seeds is unknown.",
        }
        if mean.verdict() == Verdict::Undecided {
            sentence += &format!(" A difference below {detectable:.3} would go undetected.");
        }
        sentence
    }

    fn json(&self) -> serde_json::Value {
        let line = |(name, found): &(String, Difference)| {
            let mut line = json!(found);
            line["task"] = json!(name);
            line["verdict"] = json!(found.verdict());
            line
        };
        json!({
            "run": self.system.json(), "with": self.rival,
            "protocol": self.question.protocol, "data": self.question.data, "part": self.question.part,
            "tasks": self.found.tasks.iter().map(line).collect::<Vec<_>>(),
            "averages": self.found.averages.iter().map(line).collect::<Vec<_>>(),
            "mean": self.mean(), "verdict": self.mean().verdict(),
        })
    }
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Above => "is above",
        Verdict::Below => "is below",
        Verdict::Undecided => "is not significantly different from",
    }
}

/// A line for each comparison.
fn summary(compared: &[Compared]) -> Rows {
    let line = |one: &Compared| {
        let words = [&one.system.name(), &one.system.spec, &one.question.images(), &one.question.protocol];
        let mut line: Vec<Value> = words.map(|word| Value::Text(word.clone())).into();
        line.push(Value::Integer(one.system.runs.len() as i64));
        line.extend(numbers(one.mean()));
        line
    };
    let rival = compared.first().map_or("", |one| one.rival.as_str());
    let head = ["run", "spec", "data", "protocol", "seeds", "mean F1", rival];
    let columns = head.into_iter().chain(NUMBERS).map(String::from).collect();
    Rows { columns, rows: compared.iter().map(line).collect() }
}

/// The runs behind the two scores.
const NUMBERS: [&str; 5] = ["difference", "over images", "over seeds", "detectable", "drawn"];

fn numbers(found: &Difference) -> [Value; 7] {
    let Difference { a, b, difference, low, high, detectable, seeds, unit, units, .. } = found;
    let text = |text: String| Value::Text(text);
    let interval = |low: f64, high: f64| format!("{low:+.3} to {high:+.3}");
    [
        text(format!("{a:.3}")),
        text(format!("{b:.3}")),
        text(format!("{difference:+.3}")),
        text(interval(*low, *high)),
        text(seeds.as_ref().map_or("·".into(), |seeds| interval(seeds.low, seeds.high))),
        text(format!("{detectable:.3}")),
        text(unit.map_or(format!("{units} units"), |unit| unit.count(*units))),
    ]
}

#[cfg(test)]
mod tests;
