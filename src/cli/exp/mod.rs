//! `exp`: runs experiments by name and shows their results.

mod document;
mod dry;
mod session;
mod workers;

use super::{
    failure::{Context, Failure, Result},
    jobs::{self, Declaration},
    locate,
    options::{ComputeOptions, DataOption, MemoryOption, SpecOptions, StoreOption},
    output,
    progress::Progress,
    provenance,
};
use crate::{
    backbone,
    data::DataSet,
    device,
    execute::{self, Executor},
    format,
    store::{Store, short_fingerprint},
    train::CHECKPOINT_EVERY,
};
use candle_core::Device;
use clap::Args;
use session::Session;
use std::{path::PathBuf, time::Duration};

/// Run experiments by name; finished work is shown, not computed again
#[derive(Args, Debug)]
pub(super) struct Exp {
    /// Names of experiments; `name*` means all whose names begin with `name`
    #[arg(required_unless_present = "spec_file")]
    names: Vec<String>,
    /// Specs instead of names: the output of `show --json`, or a single spec
    #[arg(long = "spec", value_name = "FILE", conflicts_with = "names")]
    spec_file: Option<PathBuf>,
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    data: DataOption,
    #[command(flatten)]
    spec: SpecOptions,
    #[command(flatten)]
    compute: ComputeOptions,
    #[command(flatten)]
    memory: MemoryOption,
    /// Published weights: a file, or a folder of them [default: $DICHROIC_WEIGHTS, else the Hugging Face cache]
    #[arg(long, value_name = "PATH")]
    weights: Option<PathBuf>,
    /// Runs computed at once, each in its own process; they share the threads [default: one per two threads for quick runs, else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    workers: Option<u16>,
    /// Stop everything when a run fails; running work stops at its next safe point
    #[arg(long, conflicts_with = "keep_going")]
    fail_fast: bool,
    /// Continue with the other runs when one fails (the default)
    #[arg(long)]
    keep_going: bool,
    /// Skip work held by another process instead of waiting for it
    #[arg(long)]
    no_wait: bool,
    /// Recompute finished work as new attempts
    #[arg(long)]
    fresh: bool,
    /// Seconds of training that a kill may cost: the time between checkpoints [default: 4]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    checkpoint_every: Option<f64>,
    /// The process that this one is a worker of
    #[arg(long, hide = true)]
    worker: Option<u32>,
    /// Print the plan with its estimated cost, from a short measurement; run nothing
    #[arg(long)]
    dry: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// The process that asked a worker to stop has already reported it.
fn quietly(failure: Failure) -> Result {
    if matches!(failure, Failure::Interrupted(_)) { Ok(()) } else { Err(failure) }
}

fn seconds(text: &str) -> std::result::Result<f64, String> {
    let wrong = || format!("expected seconds, 0 to 3600, found `{text}`");
    text.parse().ok().filter(|seconds| (0.0..=3600.0).contains(seconds)).ok_or_else(wrong)
}

/// What to say if finished runs read other contents under the name of `data`, once.
fn changed(store: &Store, data: &DataSet) -> Result<Option<String>> {
    let (reader, row) = (store.read()?, execute::dataset_row(data));
    let others = reader.other_contents(&row)?;
    if others.is_empty() || reader.is_current(&row)? {
        return Ok(None);
    }
    let runs: u64 = others.iter().map(|other| other.runs).sum();
    let prints: Vec<String> = others.iter().map(|other| short_fingerprint(&other.fingerprint)).collect();
    Ok(Some(format!(
        "`{}` ({}) has other contents than what {runs} finished run{} read under this name ({}): these are stale from \
         now on, and averaged with nothing",
        data.name,
        short_fingerprint(&data.fingerprint),
        if runs == 1 { "" } else { "s" },
        prints.join(", ")
    )))
}

impl Exp {
    pub(super) fn run(&self, quiet: bool) -> Result {
        let declarations = match &self.spec_file {
            Some(file) => jobs::declarations_in(file)?,
            None => jobs::declarations(&self.names)?,
        };
        let remarks = jobs::check(&declarations, &self.spec)?;
        if self.worker.is_none() && !quiet {
            remarks.iter().for_each(|text| output::note(text));
        }
        let device = self.compute.prepare()?;
        // On a thread of the pool: otherwise thousands of small operations per second would each be handed
        // over and waited for.
        rayon::scope(|_| self.run_here(&declarations, device, quiet))
    }

    fn run_here(&self, declarations: &[Declaration], device: Device, quiet: bool) -> Result {
        let path = self.store.path();
        let mut progress = if self.worker.is_some() { Progress::of_worker() } else { Progress::new(quiet) };
        let data = locate::open(&jobs::data_names(declarations), &self.data, &path, &mut progress)?;
        let jobs = jobs::plan(declarations, &self.spec, &data, self.weights.as_deref())?;
        for job in &jobs {
            backbone::built(&job.plan.spec.model.backbone).at(session::title(declarations, job))?;
            device::computes(&device, format::of(job.plan.spec.train.precision))
                .at(session::title(declarations, job))?;
        }
        if self.dry {
            return dry::print(self, declarations, &jobs, &data, &device, &mut progress);
        }
        let store = Store::open(&path)?;
        for set in data.values() {
            self::changed(&store, set)?.iter().for_each(|text| progress.warn(text));
        }
        let executor = Executor {
            store: &store,
            data: &data,
            weights: self.weights.clone(),
            provenance: provenance::here(self.worker, &device),
            checkpoint_every: self.checkpoint_every.map_or(CHECKPOINT_EVERY, Duration::from_secs_f64),
            keep: self.memory.keep(&device),
            device,
        };
        let session = Session {
            exp: self,
            declarations,
            jobs: &jobs,
            executor: &executor,
            quiet: quiet || self.worker.is_some(),
        };
        let ended = match self.worker.is_some() {
            true => {
                session.states().and_then(|states| session.compute(&states, &mut progress)).or_else(quietly)
            }
            false => self.have_computed(&session, &mut progress),
        };
        drop(progress);
        let closed = store.close();
        ended?;
        Ok(closed?)
    }

    /// Computes here or with workers, then shows the results.
    fn have_computed(&self, session: &Session<'_>, progress: &mut Progress) -> Result {
        let states = session.register()?;
        let threads = self.compute.threads.count();
        let gpus = device::shares(self.compute.device, &session.executor.device).len();
        match workers::count(self.workers, threads, gpus, session.jobs, &states) {
            1 => session.compute(&states, progress)?,
            count => {
                let share = workers::Share::of(count, threads, gpus, session.executor.keep);
                workers::supervise(session, count, &share, &states, progress)?;
            }
        }
        session.show(&session.states()?)
    }
}
