//! `exp --dry`: the plan and its estimated cost on this machine.

use super::{Exp, session::title};
use crate::{
    backbone::files,
    cli::{
        failure::Result,
        jobs::{Declaration, Job},
        options::labels,
        output,
        progress::Progress,
    },
    data::DataSet,
    disk,
    event::{Event, Listen},
    execute::{Cost, Meter},
    plan::{Step, Work},
    spec::Weights,
    store::{Reader, Status, Store},
};
use candle_core::Device;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// A unit of the plan, with its cost unless it is done already or an earlier run of the plan does it.
struct Priced<'a> {
    step: &'a Step,
    state: State,
}

enum State {
    Done,
    Shared,
    Open(Cost),
}

/// Prints the plans of all jobs.
pub(super) fn print(
    exp: &Exp,
    declarations: &[Declaration],
    jobs: &[Job],
    data: &BTreeMap<String, DataSet>,
    device: &Device,
    progress: &mut Progress,
) -> Result {
    let path = exp.store.path();
    let store = path.exists().then(|| Store::open_read_only(&path)).transpose()?;
    let mut meter = Meter::new(data, &path, device, exp.memory.keep(device));
    let mut seen = BTreeSet::new();
    let mut priced: Vec<Vec<Priced<'_>>> = vec![];
    progress.receive(&Event::Began { what: "measuring costs", unit: "run", total: jobs.len() as u64 });
    for (done, job) in jobs.iter().enumerate() {
        let mut steps = vec![];
        for step in &job.plan.steps {
            let state = match () {
                () if !seen.insert(step.id.to_string()) => State::Shared,
                () if is_done(store.as_ref(), step)? => State::Done,
                () => State::Open(meter.cost(&job.plan, step, progress)?),
            };
            steps.push(Priced { step, state });
        }
        priced.push(steps);
        progress.receive(&Event::Advanced {
            done: done as u64 + 1,
            note: declarations[job.declaration].entry.name,
        });
    }
    progress.receive(&Event::Ended);
    progress.rest();
    weights(exp, &priced);
    let total = priced.iter().flatten().filter_map(Priced::cost).fold(Cost::default(), Cost::then);
    if exp.json {
        let plans: Vec<Value> =
            jobs.iter().zip(&priced).map(|(job, steps)| plan(declarations, job, steps)).collect();
        return output::say_json(&json!({ "plans": plans, "cost": cost(&total) }));
    }
    let memory = if device.is_cpu() { "memory" } else { "the GPU's memory" };
    let mut lines = vec![];
    for (job, steps) in jobs.iter().zip(&priced) {
        lines.push(format!("{}: run {}, spec {}", title(declarations, job), job.plan.run, job.plan.spec_id));
        lines.extend(steps.iter().map(|step| step.line(memory)));
    }
    let open = priced.iter().filter(|steps| steps.iter().any(|step| step.cost().is_some())).count();
    lines.push(String::new());
    let runs = if jobs.len() == 1 { "1 run".into() } else { format!("{} runs", jobs.len()) };
    lines.push(format!("{runs}, {open} with work to do: {}{}", words(&total, memory), room(&path)));
    output::say(&lines.join("\n"))
}

/// Says which published weights the open work starts from, and where they are or would be looked for.
fn weights(exp: &Exp, priced: &[Vec<Priced<'_>>]) {
    let open = priced.iter().flatten().filter(|priced| priced.cost().is_some());
    let names: BTreeSet<String> = open.filter_map(|priced| published(&priced.step.work)).collect();
    for name in names {
        match files::find(&name, exp.weights.as_deref()) {
            Ok(file) => output::note(&format!("weights `{name}`: {}", file.display())),
            Err(error) => {
                output::warn(&error.to_string());
                error.hint().iter().for_each(|hint| output::note(&format!("hint: {hint}")));
            }
        }
    }
}

/// The published weights that a unit of work reads.
fn published(work: &Work) -> Option<String> {
    let Work::Fit(fit) = work else { return None };
    let first = fit.training.as_ref().is_none_or(|training| training.number == 0);
    match fit.model.weights {
        Weights::ImageNet22k | Weights::ImageNet1k | Weights::Lvd142m | Weights::Published if first => {
            Some(files::of(&fit.model.backbone, &fit.model.weights))
        }
        _ => None,
    }
}

fn is_done(store: Option<&Reader>, step: &Step) -> Result<bool> {
    let Some(store) = store else { return Ok(false) };
    Ok(store.work(step.id.as_str())?.is_some_and(|work| work.status == Status::Done))
}

impl Priced<'_> {
    fn cost(&self) -> Option<Cost> {
        match self.state {
            State::Open(cost) => Some(cost),
            State::Done | State::Shared => None,
        }
    }

    fn line(&self, memory: &str) -> String {
        let state = match &self.state {
            State::Done => "done".into(),
            State::Shared => "as above".into(),
            State::Open(cost) => words(cost, memory),
        };
        format!("  {}  {}: {state}", self.step.id, self.step.work.describe())
    }
}

/// `about 43 s, 310 MB of memory, 8 MB of disk`.
fn words(cost: &Cost, memory: &str) -> String {
    format!("about {}, {} of {memory}, {} of disk", time(cost.seconds), bytes(cost.memory), bytes(cost.disk))
}

/// Two digits: a short measurement is no more accurate.
fn time(seconds: f64) -> String {
    match seconds {
        ..0.95 => "a second".into(),
        ..100.0 => format!("{seconds:.0} s"),
        ..6000.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.0} h", seconds / 3600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}

fn bytes(bytes: u64) -> String {
    match bytes as f64 / 1e6 {
        ..1.0 => "1 MB".into(),
        mb @ ..1000.0 => format!("{mb:.0} MB"),
        mb => format!("{:.1} GB", mb / 1e3),
    }
}

/// Free disk space.
fn room(store: &Path) -> String {
    let folder = store.ancestors().skip(1).find(|folder| folder.is_dir());
    let disk = disk::free_and_total(folder.unwrap_or(Path::new(".")));
    disk.map_or(String::new(), |disk| format!(" ({} free)", bytes(disk.free)))
}

fn plan(declarations: &[Declaration], job: &Job, steps: &[Priced<'_>]) -> Value {
    let step = |priced: &Priced<'_>| {
        let state = match priced.state {
            State::Done => "done",
            State::Shared => "shared",
            State::Open(_) => "open",
        };
        json!({
            "work": priced.step.id, "kind": priced.step.work.kind(), "does": priced.step.work.describe(),
            "state": state, "cost": priced.cost().map(|found| cost(&found)),
        })
    };
    json!({
        "experiment": declarations[job.declaration].entry.name,
        "label": labels(&declarations[job.declaration].declared.labels),
        "spec": job.plan.spec_id, "run": job.plan.run, "seed": job.plan.seed.0, "scale": job.scale.as_str(),
        "data": job.plan.data, "steps": steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn cost(cost: &Cost) -> Value {
    json!({ "seconds": cost.seconds, "memory_bytes": cost.memory, "disk_bytes": cost.disk })
}
