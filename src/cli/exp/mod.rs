//! `exp`: runs experiments by name and shows what came out.

mod document;
mod dry;

use super::{
    failure::{Context, Failure, Result},
    jobs::{self, Job, Sentence},
    locate,
    options::{ComputeOptions, DataOption, SpecOptions, StoreOption},
    output,
    progress::Progress,
    provenance,
};
use crate::{
    data::{DataSet, Kind},
    execute::{Ended, Lab},
    report,
    store::{RunState, Scale, Status, Store},
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Runs experiments by name; what is done already is shown, not computed again
#[derive(Args, Debug)]
pub(super) struct Exp {
    /// Names of experiments; `name*` means all that begin so
    #[arg(required_unless_present = "spec_file")]
    names: Vec<String>,
    /// Specs instead of names: what `show --json` printed, or one spec alone
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
    /// Published weights: a file, or a folder of them [default: $DICHROIC_WEIGHTS, else the Hugging Face cache]
    #[arg(long, value_name = "PATH")]
    weights: Option<PathBuf>,
    /// Prints the plan with its cost, by a short measurement; runs nothing
    #[arg(long)]
    dry: bool,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

impl Exp {
    pub(super) fn run(&self, quiet: bool) -> Result {
        let sentences = match &self.spec_file {
            Some(file) => jobs::sentences_of(file)?,
            None => jobs::sentences(&self.names)?,
        };
        self.compute.prepare()?;
        // On a thread of the pool: thousands of small operations a second would otherwise be handed over and waited for.
        rayon::scope(|_| self.run_here(&sentences, quiet))
    }

    fn run_here(&self, sentences: &[Sentence], quiet: bool) -> Result {
        let path = self.store.path();
        let mut progress = Progress::new(quiet);
        let data = locate::open(&jobs::data_names(sentences), &self.data, &path, &mut progress)?;
        let jobs = jobs::plan(sentences, &self.spec, &data)?;
        if self.dry {
            return dry::print(self, sentences, &jobs, &data, &mut progress);
        }
        let store = Store::open(&path)?;
        let lab =
            Lab { store: &store, data: &data, weights: self.weights.clone(), provenance: provenance::here() };
        let session = Session { exp: self, sentences, jobs: &jobs, lab: &lab, quiet };
        let ended = session.run_all(&mut progress).and_then(|states| session.show(&states));
        drop(progress);
        let closed = store.close();
        ended?;
        Ok(closed?)
    }
}

/// `hypernet_tps, seed 125617 (quick)`.
fn title(sentences: &[Sentence], job: &Job) -> String {
    let declared = &sentences[job.sentence].declared;
    let axes = declared.labels.iter().map(|(axis, value)| format!(", {axis} {value}"));
    let axes: String = axes.collect();
    format!("{}{axes}, seed {} ({})", sentences[job.sentence].entry.name, job.plan.seed.0, job.scale)
}

/// One call of `exp`, with everything open.
struct Session<'a> {
    exp: &'a Exp,
    sentences: &'a [Sentence],
    jobs: &'a [Job],
    lab: &'a Lab<'a>,
    quiet: bool,
}

impl Session<'_> {
    /// Registers every run, so that the store knows what is to come, then computes one after the other. A run that
    /// fails is told at once, and the others go on.
    fn run_all(&self, progress: &mut Progress) -> Result<Vec<RunState>> {
        let mut states = vec![];
        for job in self.jobs {
            let sentence = &self.sentences[job.sentence];
            let labels = &sentence.declared.labels;
            states.push(self.lab.register(&job.plan, &sentence.row(), labels, sentence.place, job.scale)?);
        }
        if !self.quiet {
            self.banner();
        }
        for (job, state) in self.jobs.iter().zip(&mut states) {
            let title = title(self.sentences, job);
            if state.status == Status::Done {
                self.note(&format!("{title}: already done, run {}", job.plan.run));
                continue;
            }
            self.note(&format!("{title}: run {}", job.plan.run));
            let ended = self.lab.run(&job.plan, progress);
            progress.rest();
            if matches!(ended, Ok(Ended::Stopped)) {
                let at = progress.reached().map(|at| format!(" at {at}")).unwrap_or_default();
                return Err(Failure::Interrupted(format!(
                    "{title}: stopped{at}; run the same command to go on"
                )));
            }
            let told: Result<Ended> = ended.at(&title);
            if let Err(failure) = told {
                failure.tell();
            }
            if let Some(now) = self.lab.store.read()?.run(job.plan.run.as_str())? {
                *state = now;
            }
        }
        Ok(states)
    }

    /// Prints results; fails if a run has.
    fn show(&self, states: &[RunState]) -> Result {
        let store = self.lab.store.read()?;
        if self.exp.json {
            let runs = self.jobs.iter().zip(states);
            let runs: Result<Vec<_>> = runs
                .map(|(job, state)| {
                    let sentence = &self.sentences[job.sentence];
                    document::of(store, sentence, job, state, self.lab.data)
                })
                .collect();
            output::say_json(&json!({ "runs": runs? }))?;
        } else {
            let done = self.jobs.iter().zip(states).filter(|(_, state)| state.status == Status::Done);
            let done: Vec<&str> = done.map(|(job, _)| job.plan.run.as_str()).collect();
            if !done.is_empty() {
                output::say(&format!("\n{}", report::terminal_table(store, &done)?))?;
                output::say(&format!("\n{}", self.where_to_look(done[0])))?;
            }
        }
        let failed = states.iter().filter(|state| state.status != Status::Done).count();
        if failed == 0 {
            return Ok(());
        }
        if states.len() > 1 {
            output::note(&format!("\n{failed} of {} runs failed", states.len()));
        }
        Err(Failure::Said)
    }

    fn where_to_look(&self, run: &str) -> String {
        let store = self.exp.store.repeat();
        let sql = format!("SELECT task, class, metric, value FROM v_results WHERE uid = '{run}'");
        let curve = format!("SELECT step, value FROM v_curve WHERE uid = '{run}' AND metric = 'loss'");
        let mut lines = vec![
            "Where to look next:".to_owned(),
            format!("  dichroic sql{store} \"{sql}\""),
            format!("  dichroic sql{store} \"{curve}\""),
        ];
        let chammi = |job: &Job| job.plan.data.contains_key(crate::spec::DataRef::CHAMMI);
        if self.jobs.iter().any(chammi) {
            lines.push(format!("  dichroic report{store} chammi_table4"));
        }
        lines.join("\n")
    }

    /// What keeps these numbers from standing beside anybody else's.
    fn banner(&self) {
        let quick = self.jobs.iter().any(|job| job.scale == Scale::Quick);
        let read = |(name, set): (&String, &DataSet)| {
            let used =
                set.kind == Kind::Simulated && self.jobs.iter().any(|job| job.plan.data.contains_key(name));
            used.then(|| format!("`{name}` is simulated (world {})", set.world.as_deref().unwrap_or("?")))
        };
        let mut facts: Vec<String> = self.lab.data.iter().filter_map(read).collect();
        if quick {
            facts.push("the experiment is shrunk (--scale quick)".into());
        }
        if !facts.is_empty() {
            output::note(&format!(
                "NOTE: {}. These scores stand beside nothing in print.",
                facts.join(", and ")
            ));
        }
    }

    fn note(&self, text: &str) {
        if !self.quiet {
            output::note(text);
        }
    }
}
