//! One call of `exp` with everything open: runs are registered, computed and shown.

use super::{
    super::{
        failure::{Context, Failure, Result},
        jobs::{Declaration, Job},
        output, placements,
        progress::Progress,
    },
    Exp, document,
};
use crate::{
    data::{DataSet, Kind},
    event::Listen,
    execute::{self, Ended, Executor},
    panic_text,
    plan::Revisions,
    report,
    spec::id::WorkId,
    store::{Owner, RunState, Scale, Status, Value},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};

/// How often to check whether another process has finished something.
const LOOK: Duration = Duration::from_millis(200);
/// How long a claim of another process is trusted without a heartbeat.
const BELIEVE: Duration = Duration::from_secs(2);

/// `hypernet_tps, seed 125617 (quick)`.
pub(super) fn title(declarations: &[Declaration], job: &Job) -> String {
    let Declaration { declared, entry, .. } = &declarations[job.declaration];
    let axes: String = declared.labels.iter().map(|(axis, value)| format!(", {axis} {value}")).collect();
    format!("{}{axes}, seed {} ({})", entry.name, job.plan.seed.0, job.scale)
}

/// The runs that are not done yet.
pub(super) fn open<'a>(jobs: &'a [Job], states: &[RunState]) -> Vec<&'a Job> {
    let open = jobs.iter().zip(states).filter(|(_, state)| state.status != Status::Done);
    open.map(|(job, _)| job).collect()
}

pub(super) struct Session<'a> {
    pub(super) exp: &'a Exp,
    pub(super) declarations: &'a [Declaration],
    pub(super) jobs: &'a [Job],
    pub(super) executor: &'a Executor<'a>,
    pub(super) quiet: bool,
}

impl Session<'_> {
    /// Registers every run, so that the store knows what is to come, and reports those that are done.
    pub(super) fn register(&self) -> Result<Vec<RunState>> {
        self.executor.store.note_revisions(&Revisions::all())?;
        placements::place_all(self.executor.store)?;
        let mut states = vec![];
        let mut placed = BTreeMap::new();
        for job in self.jobs {
            let declaration = &self.declarations[job.declaration];
            let labels = &declaration.declared.labels;
            states.push(self.executor.register(
                &job.plan,
                &declaration.row(),
                labels,
                declaration.place,
                job.scale,
            )?);
            let spec = job.plan.spec_id.to_string();
            placed.entry(spec).or_insert_with(|| report::placements(&job.plan.spec));
        }
        self.executor.store.place(placed.into_iter().collect(), None)?;
        if self.exp.fresh {
            self.jobs.iter().try_for_each(|job| self.executor.renew(&job.plan))?;
            states = self.states()?;
        }
        if !self.quiet {
            self.banner();
        }
        for (job, _) in self.jobs.iter().zip(&states).filter(|(_, state)| state.status == Status::Done) {
            self.note(&format!("{}: already done, run {}", self.title(job), job.plan.run));
        }
        Ok(states)
    }

    /// The states of the runs.
    pub(super) fn states(&self) -> Result<Vec<RunState>> {
        let store = self.executor.store.read()?;
        let state = |job: &Job| {
            let known = store.run(job.plan.run.as_str())?;
            known.ok_or_else(|| Failure::new(format!("the store has lost run {}", job.plan.run)))
        };
        self.jobs.iter().map(state).collect()
    }

    /// Computes the remaining runs in turn. Failures are reported immediately and do not stop the others. A run that
    /// another process holds is retried when that process finishes.
    pub(super) fn compute(&self, states: &[RunState], progress: &mut Progress) -> Result {
        let mut left = open(self.jobs, states);
        let mut told = BTreeSet::new();
        let mut again = false;
        while !left.is_empty() {
            let mut waiting = Vec::new();
            for job in left {
                let title = self.title(job);
                if !again {
                    self.note(&format!("{title}: run {}", job.plan.run));
                }
                match self.run_job(job, progress).at(&title) {
                    Ok(Ended::Done) => {}
                    Ok(Ended::Stopped) => {
                        let at = progress.reached().map(|at| format!(" at {at}")).unwrap_or_default();
                        return Err(Failure::Interrupted(format!(
                            "{title}: stopped{at}; run the same command to continue"
                        )));
                    }
                    Ok(Ended::Waiting { work, what, owner }) => {
                        let leave = self.leaves_to(&owner);
                        let does = if leave { "skipped, held by" } else { "waiting for" };
                        if told.insert((work.clone(), owner.pid)) {
                            self.note(&format!("{title}: {does} {owner}, which is computing: {what}"));
                        }
                        if !leave {
                            waiting.push((job, work));
                        }
                    }
                    Err(failure) => {
                        failure.tell();
                        if self.exp.fail_fast {
                            return Ok(());
                        }
                    }
                }
            }
            self.wait(&waiting, progress)?;
            left = waiting.into_iter().map(|(job, _)| job).collect();
            again = true;
        }
        Ok(())
    }

    /// Whether to skip what that process holds: with `--no-wait`, unless it is a worker of the same call.
    fn leaves_to(&self, owner: &Owner) -> bool {
        let known = owner.caller != 0;
        let who = &self.executor.provenance;
        self.exp.no_wait && known && (owner.caller != who.caller || owner.host != who.host.name)
    }

    /// One run. A panic in it does not end the others.
    fn run_job(&self, job: &Job, progress: &mut Progress) -> Result<Ended> {
        let ended = catch_unwind(AssertUnwindSafe(|| self.executor.run(&job.plan, progress)));
        progress.rest();
        match ended {
            // The worker that met it has reported it.
            Ok(Err(execute::Error::Failed { .. })) if self.exp.worker.is_some() => Ok(Ended::Done),
            Ok(ended) => Ok(ended?),
            Err(_) => {
                let said = panic_text::last().unwrap_or_default();
                let failure = Failure::new(format!("a bug in dichroic: {said}"));
                Err(failure.hint("please report it with this text; the other runs continue"))
            }
        }
    }

    /// Waits until one of these works is no longer being computed elsewhere.
    fn wait(&self, waiting: &[(&Job, WorkId)], progress: &Progress) -> Result {
        let works: BTreeSet<&str> = waiting.iter().map(|(_, work)| work.as_str()).collect();
        let running =
            "SELECT count(*) FROM work WHERE status = 'running' AND uid IN (SELECT value FROM json_each(?))";
        let all = Value::Integer(works.len() as i64);
        let list = [Value::Text(json!(works).to_string())];
        let began = Instant::now();
        while !works.is_empty() && began.elapsed() < BELIEVE && !progress.stop() {
            if self.executor.store.read()?.query_with(running, &list)?.rows[0][0] != all {
                break;
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Prints results; fails if a run has.
    pub(super) fn show(&self, states: &[RunState]) -> Result {
        let store = self.executor.store.read()?;
        if self.exp.json {
            let runs = self.jobs.iter().zip(states);
            let runs: Result<Vec<_>> = runs
                .map(|(job, state)| {
                    let declaration = &self.declarations[job.declaration];
                    document::of(store, declaration, job, state, self.executor.data)
                })
                .collect();
            output::say_json(&json!({ "runs": runs? }))?;
        } else {
            let done = self.jobs.iter().zip(states).filter(|(_, state)| state.status == Status::Done);
            let name = |job: &Job| self.declarations[job.declaration].entry.name;
            let done: Vec<(&str, &str)> = done.map(|(job, _)| (name(job), job.plan.run.as_str())).collect();
            if !done.is_empty() {
                output::say(&format!("\n{}", report::terminal_table(store, &done, output::width())?))?;
                output::say(&format!("\n{}", self.where_to_look(done[0].1)))?;
            }
        }
        let count = |status| states.iter().filter(|state| state.status == status).count();
        let (all, failed) = (states.len(), count(Status::Failed));
        let open = all - failed - count(Status::Done) - count(Status::Skipped);
        if failed > 0 && all > 1 {
            output::note(&format!("\n{failed} of {all} runs failed"));
        }
        if open > 0 && self.exp.no_wait {
            output::note(&format!("{open} of {all} runs are held by other processes"));
        } else if open > 0 {
            output::note(&format!("{open} of {all} runs are not finished; run the same command to continue"));
        }
        if failed == 0 && (open == 0 || self.exp.no_wait) { Ok(()) } else { Err(Failure::Said) }
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
        let chammi = |job: &Job| job.plan.data.contains_key(crate::spec::chammi::NAME);
        if self.jobs.iter().any(chammi) {
            lines.push(format!("  dichroic report{store} chammi_table4"));
        }
        lines.join("\n")
    }

    pub(super) fn title(&self, job: &Job) -> String {
        title(self.declarations, job)
    }

    /// Why these numbers must not be compared with anyone else's.
    fn banner(&self) {
        let quick = self.jobs.iter().any(|job| job.scale == Scale::Quick);
        let read = |(name, set): (&String, &DataSet)| {
            let used =
                set.kind == Kind::Simulated && self.jobs.iter().any(|job| job.plan.data.contains_key(name));
            used.then(|| format!("`{name}` is simulated (world {})", set.world.as_deref().unwrap_or("?")))
        };
        let mut facts: Vec<String> = self.executor.data.iter().filter_map(read).collect();
        if quick {
            facts.push("the experiment is shrunk (--scale quick)".into());
        }
        if !facts.is_empty() {
            output::note(&format!(
                "NOTE: {}. These scores are not comparable with published ones.",
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
