//! `status`: progress of experiments, running work, failures.

use super::{
    failure::Result,
    grid::{self, Format},
    interrupt,
    options::StoreOption,
    output,
};
use crate::store::{Error, Reader, Rows, Store};
use clap::Args;
use std::{
    io::{self, IsTerminal},
    thread,
    time::{Duration, Instant},
};

/// Show the progress of all experiments, running work, and failures
#[derive(Args, Debug)]
pub(super) struct Status {
    /// Refresh every two seconds, until Ctrl-C
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    store: StoreOption,
    /// Print one JSON document
    #[arg(long, conflicts_with = "watch")]
    json: bool,
}

const EVERY: Duration = Duration::from_secs(2);
/// How often to check for Ctrl-C.
const LOOK: Duration = Duration::from_millis(100);

const PROGRESS: &str = "SELECT experiment, runs, done, running, queued, failed, skipped,
      (SELECT count(DISTINCT v.id) FROM v_runs v WHERE v.experiment = p.experiment AND v.status = 'done' AND v.stale) AS stale,
      secs_per_run AS 'seconds a run', eta_hours AS 'hours left'
    FROM v_progress p ORDER BY experiment";

/// The rate of this attempt.
const AT_WORK: &str = "SELECT w.kind, w.uid AS work, a.doing, a.done, a.total, a.unit, a.units_per_s,
      round((a.total - a.done) / a.units_per_s, 1) AS seconds_left, round((unixepoch() * 1000 - a.started_ms) / 1000.0, 1) AS seconds,
      w.owner, w.lease_until_ms < unixepoch() * 1000 AS silent,
      (SELECT group_concat(DISTINCT e.name) FROM run_work rw JOIN experiment_run x ON x.run_id = rw.run_id
       JOIN experiment e ON e.id = x.experiment_id WHERE rw.work_id = w.id) AS asked_for_by
    FROM work w JOIN attempt a ON a.work_id = w.id AND a.n = w.attempt
    WHERE w.status = 'running' ORDER BY a.started_ms";

/// The same, formatted for people.
const IN_WORDS: &str = "SELECT kind, substr(work, 1, 8) AS work, doing, done || ' of ' || total || ' ' || unit || 's' AS progress,
      round(units_per_s, 1) AS 'a second', round(seconds_left / 60, 1) AS 'minutes left', round(seconds / 60, 1) AS minutes, owner,
      CASE WHEN silent THEN 'silent' ELSE '' END AS lease, asked_for_by AS 'asked for by'";

const FAILED: &str = "SELECT DISTINCT substr(work, 1, 8) AS work, kind, attempt, outcome, ended, error FROM v_failed ORDER BY ended DESC";

impl Status {
    pub(super) fn run(&self) -> Result {
        if self.watch {
            return self.watch();
        }
        let store = Store::open_read_only(self.store.path())?;
        if self.json {
            let [experiments, at_work, failed] = ask(&store, AT_WORK)?.map(|rows| rows.json());
            let document =
                serde_json::json!({ "experiments": experiments, "at_work": at_work, "failed": failed });
            return output::say_json(&document);
        }
        output::say(&text(&store)?)
    }

    /// Waits for a store that does not exist yet: the experiment may just be starting elsewhere.
    fn watch(&self) -> Result {
        interrupt::watch(false);
        let mut waiting = false;
        let store = loop {
            match Store::open_read_only(self.store.path()) {
                Ok(store) => break store,
                Err(Error::Absent(path)) if !waiting => {
                    output::say(&format!("no store at {} yet; waiting for it", path.display()))?;
                    waiting = true;
                }
                // A store that just appeared may still be initialising.
                Err(Error::Absent(_) | Error::Older { .. }) if waiting => {}
                Err(error) => return Err(error.into()),
            }
            if interrupt::asked().is_some() {
                return Ok(());
            }
            thread::sleep(LOOK);
        };
        while interrupt::asked().is_none() {
            let clear = if io::stdout().is_terminal() { "\x1b[H\x1b[J" } else { "" };
            output::say(&format!("{clear}{}", text(&store)?))?;
            let shown = Instant::now();
            while shown.elapsed() < EVERY && interrupt::asked().is_none() {
                thread::sleep(LOOK);
            }
        }
        Ok(())
    }
}

fn ask(store: &Reader, at_work: &str) -> Result<[Rows; 3]> {
    Ok([store.query(PROGRESS)?, store.query(at_work)?, store.query(FAILED)?])
}

fn text(store: &Reader) -> Result<String> {
    let [progress, at_work, failed] = ask(store, &format!("{IN_WORDS} FROM ({AT_WORK})"))?;
    if progress.rows.is_empty() {
        return Ok("this store has no runs yet: dichroic exp NAME".into());
    }
    let mut text = grid::write(&progress, Format::Table);
    for (head, rows) in [("Running", at_work), ("Failed", failed)] {
        if !rows.rows.is_empty() {
            text += &format!("\n{head}\n{}", grid::write(&rows, Format::Table));
        }
    }
    Ok(text)
}
