//! Plans become results: each unit of work is done once, by the process that claims it first, and its results are
//! recorded in the store. The only place that knows both training and the store.

mod artifacts;
mod cost;
mod each_image;
mod error;
mod fit;
mod judge;
mod kept;
mod learned;
mod room;
mod score;
mod sets;

pub use cost::{Cost, Meter};
pub use error::Error;
pub use sets::row as dataset_row;

use crate::{
    atomic_file::Digest,
    backbone,
    data::DataSet,
    event::{Event, Listen},
    pages,
    plan::{Plan, Step, Work},
    spec::id::WorkId,
    store::{
        self, Attempt, Claim, DatasetRow, ExperimentRow, Metrics, Outcome, Owner, Provenance, RunRow,
        RunState, Scale, Status, Store,
    },
    train::Keep,
};
use candle_core::Device;
use sets::Sets;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

/// Everything that work needs: a store, open data sets, weights.
pub struct Executor<'a> {
    /// Where results go.
    pub store: &'a Store,
    /// The data sets by name.
    pub data: &'a BTreeMap<String, DataSet>,
    /// Where published weights lie: a file or a folder, asked before the usual places.
    pub weights: Option<PathBuf>,
    /// Who computes, for the attempts.
    pub provenance: Provenance,
    /// How much training a kill may cost.
    pub checkpoint_every: Duration,
    /// Where models are trained and embed.
    pub device: Device,
    /// How many parts of a batch keep their tape.
    pub keep: Keep,
}

/// How far a run came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every score is in the store.
    Done,
    /// A listener asked it to stop; the same command goes on from here.
    Stopped,
    /// What is left waits for work that a living process has.
    Waiting {
        /// That work.
        work: WorkId,
        /// What it is.
        what: String,
        /// Who has it.
        owner: Owner,
    },
}

/// How far a work came.
enum Progress {
    Done,
    Stopped,
}

impl Executor<'_> {
    /// Makes the plan's data sets, run and works known to the store; says how far they are.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn register(
        &self,
        plan: &Plan,
        experiment: &ExperimentRow,
        label: &[(String, String)],
        place: u32,
        scale: Scale,
    ) -> Result<RunState, Error> {
        for name in plan.data.keys() {
            let Some(set) = self.data.get(name) else { continue };
            self.store.register_dataset(&DatasetRow { name: name.clone(), ..dataset_row(set) })?;
        }
        let print = |name: &String| plan.data.get(name).cloned().unwrap_or_default();
        let mut data = vec![("train".to_owned(), print(&plan.spec.train.data.name))];
        data.extend(plan.spec.evaluate.iter().map(|e| ("evaluate".to_owned(), print(&e.data.name))));
        data.extend(plan.spec.inspect.iter().map(|images| ("inspect".to_owned(), print(&images.name))));
        data.dedup();
        let row = RunRow {
            uid: plan.run.to_string(),
            spec: plan.spec_id.to_string(),
            spec_json: json(&plan.spec),
            seed: plan.seed.0,
            scale,
            data,
            experiment: experiment.clone(),
            label: label.to_vec(),
            place,
            works: plan.steps.iter().map(work_row).collect(),
        };
        Ok(self.store.register_run(&row)?)
    }

    /// Has a registered plan computed once more, whatever of it is done.
    ///
    /// # Errors
    /// If the store or a checkpoint that must go cannot be written.
    pub fn renew(&self, plan: &Plan) -> Result<(), Error> {
        self.store.renew_run(plan.run.as_str())?;
        let running = self.states(plan)?.into_iter().filter(|(_, status)| *status == Status::Running);
        let running: BTreeSet<String> = running.map(|(work, _)| work).collect();
        for step in plan.steps.iter().filter(|step| !running.contains(step.id.as_str())) {
            fit::forget_checkpoint(&artifacts::folder(self.store.path(), &step.id))?;
        }
        Ok(())
    }

    fn states(&self, plan: &Plan) -> Result<Vec<(String, Status)>, Error> {
        let run = self.store.read()?.run(plan.run.as_str())?;
        Ok(run.map_or(Vec::new(), |run| run.works.into_iter().map(|work| (work.uid, work.status)).collect()))
    }

    /// Does what is left of a registered plan, as far as no other process is at it.
    ///
    /// # Errors
    /// The first that any work meets; it is noted at the attempt, and the run is `failed`.
    pub fn run(&self, plan: &Plan, listen: &mut dyn Listen) -> Result<Ended, Error> {
        backbone::built(&plan.spec.model.backbone)?;
        let sets = Sets::new(self.data, &artifacts::cache(self.store.path()));
        let done = self.states(plan)?.into_iter().filter(|(_, status)| *status == Status::Done);
        let done: BTreeSet<String> = done.map(|(work, _)| work).collect();
        // Before any work is done, not after the work that a training depends on.
        for step in plan.steps.iter().filter(|step| !done.contains(step.id.as_str())) {
            if let Work::Fit(fit) = &step.work {
                fit.fits(&sets.open(&fit.data, fit.subset, listen)?, &self.device)?;
            }
        }
        let mut waiting = None;
        let mut open = BTreeSet::new();
        for step in plan.steps.iter().filter(|step| !done.contains(step.id.as_str())) {
            if listen.stop() {
                return Ok(Ended::Stopped);
            }
            if step.parents.iter().any(|parent| open.contains(parent)) {
                open.insert(&step.id);
                continue;
            }
            let attempt = match self.store.claim(step.id.as_str(), &self.provenance)? {
                Claim::Yours(attempt) => attempt,
                Claim::Done => continue,
                Claim::Failed(reason) => return Err(Error::Failed { work: step.work.describe(), reason }),
                Claim::Busy(owner) => {
                    open.insert(&step.id);
                    let (work, what) = (step.id.clone(), step.work.describe());
                    waiting.get_or_insert(Ended::Waiting { work, what, owner });
                    continue;
                }
            };
            listen.receive(&Event::Note(&step.work.describe()));
            let context = WorkContext { executor: self, plan, sets: &sets, folder: self.folder(&step.id)? };
            match context.work(step, &attempt, listen) {
                Ok(Progress::Done) => {
                    attempt.finish(Outcome::Done)?;
                    // Not before: a kill between the last step and here costs nothing.
                    fit::forget_checkpoint(&context.folder)?;
                }
                Err(error) if !error.is_stop() => {
                    attempt.finish(error.outcome())?;
                    return Err(error);
                }
                Ok(Progress::Stopped) | Err(_) => {
                    let preempted = listen.preempted();
                    attempt.finish(if preempted { Outcome::Preempted } else { Outcome::Signal })?;
                    return Ok(Ended::Stopped);
                }
            }
        }
        Ok(waiting.unwrap_or(Ended::Done))
    }

    /// The folder of a work's files, made if it is not there.
    fn folder(&self, work: &WorkId) -> Result<PathBuf, Error> {
        let folder = artifacts::folder(self.store.path(), work);
        std::fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
        Ok(folder)
    }
}

/// Where one work is done.
struct WorkContext<'a> {
    executor: &'a Executor<'a>,
    plan: &'a Plan,
    sets: &'a Sets<'a>,
    folder: PathBuf,
}

impl WorkContext<'_> {
    fn work(&self, step: &Step, attempt: &Attempt, listen: &mut dyn Listen) -> Result<Progress, Error> {
        // What this work may take is asked of the system.
        pages::give_back();
        let listen = &mut Recorder { metrics: attempt.metrics(), context: self, attempt, listen };
        match &step.work {
            Work::Pretrain { size, length, .. } => self.pretrain(size, *length, attempt, listen),
            Work::Fit(fit) => self.fit(step, fit, attempt, listen),
            Work::Embed { data, image, window, symmetries, test_time, .. } => {
                let (image, window, symmetries) = (*image, *window, *symmetries);
                let seen = fit::Seen { image, window, symmetries, test_time: test_time.as_ref() };
                self.embed(step, data, &seen, attempt, listen)
            }
            Work::Layers(layers) => self.layers(step, layers, attempt, listen),
            Work::Score {
                protocol,
                data,
                features,
                adapted_to,
                beside,
                trained_on,
                hold_out,
                subset,
                ..
            } => {
                let question = score::Question {
                    protocol,
                    data,
                    features: *features,
                    adapted_to: adapted_to.as_ref(),
                    beside,
                    trained_on: trained_on.as_ref(),
                    hold_out: *hold_out,
                    subset: *subset,
                };
                self.score(step, &question, attempt, listen)
            }
        }
    }

    /// A file that a parent left behind.
    fn of_parent(&self, parent: &WorkId, name: &str) -> PathBuf {
        artifacts::folder(self.executor.store.path(), parent).join(name)
    }

    /// Notes a complete file of this work.
    fn note(&self, attempt: &Attempt, kind: &str, path: &Path, digest: Digest) -> Result<(), Error> {
        attempt.artifact(&artifacts::row(kind, path, digest, self.executor.store.path()))?;
        Ok(())
    }
}

/// Hands curves, progress and checkpoints to the store, and everything on.
struct Recorder<'a> {
    metrics: Metrics,
    context: &'a WorkContext<'a>,
    attempt: &'a Attempt,
    listen: &'a mut dyn Listen,
}

impl Listen for Recorder<'_> {
    fn receive(&mut self, event: &Event<'_>) {
        match *event {
            Event::Metric { name, step, value } => self.metrics.push(name, step, value),
            Event::Began { what, unit, total } => self.metrics.begin(what, unit, total),
            Event::Advanced { done, .. } => self.metrics.advance(done),
            // A store that cannot be written says so at the attempt's next call; training need not end for it.
            Event::Checkpoint { steps, bytes } => {
                drop(self.context.note_checkpoint(self.attempt, steps, bytes));
            }
            Event::Remark(text) => {
                drop(self.context.executor.store.note(self.context.plan.run.as_str(), text));
            }
            _ => {}
        }
        self.listen.receive(event);
    }

    fn stop(&self) -> bool {
        self.listen.stop()
    }

    fn preempted(&self) -> bool {
        self.listen.preempted()
    }
}

fn work_row(step: &Step) -> store::WorkRow {
    store::WorkRow {
        uid: step.id.to_string(),
        kind: step.work.kind().into(),
        json: json(&step.work),
        parents: step.parents.iter().map(ToString::to_string).collect(),
    }
}

fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("specs and works are plain data")
}

#[cfg(test)]
mod tests;
