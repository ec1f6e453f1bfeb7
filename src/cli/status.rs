//! `status`: progress of experiments, running work, failures; the curves of a run.

use super::{
    chart,
    failure::Result,
    grid::{self, Format},
    interrupt,
    options::StoreOption,
    output, run_by_prefix,
};
use crate::{
    store::{Error, Reader, Rows, Store, Value},
    visible::visible,
};
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
    /// Draw the curves of this run instead: loss, rates and whatever else training reported
    #[arg(long, value_name = "RUN")]
    curves: Option<String>,
    #[command(flatten)]
    store: StoreOption,
    /// Print one JSON document
    #[arg(long, conflicts_with_all = ["watch", "curves"])]
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
      round((a.total - a.done) / a.units_per_s, 1) AS seconds_left, round(max(0, unixepoch() * 1000 - a.started_ms) / 1000.0, 1) AS seconds,
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
        output::say(&self.text(&store)?)
    }

    fn text(&self, store: &Reader) -> Result<String> {
        match &self.curves {
            Some(run) => curves(store, run),
            None => text(store),
        }
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
            output::say_exactly(&format!("{clear}{}", visible(&self.text(&store)?)))?;
            let shown = Instant::now();
            while shown.elapsed() < EVERY && interrupt::asked().is_none() {
                thread::sleep(LOOK);
            }
        }
        Ok(())
    }
}

/// Curves in the order of interest: the loss and its terms, what was measured on images held out, the rate, the rest.
const CURVES: &str = "SELECT w.kind || ' ' || substr(w.uid, 1, 8) AS work, m.name AS metric, s.step, s.value
    FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id
    JOIN scalar s ON s.work_id = w.id JOIN metric m ON m.id = s.metric_id WHERE r.uid = ?
    ORDER BY rw.place, m.name <> 'loss', m.name NOT LIKE 'loss/%', m.name NOT LIKE 'held_out%', m.name <> 'lr', m.name, s.step";

/// Letters of a line if the reader is no terminal.
const WIDTH: u16 = 80;

/// The curves of a run, each under its work, its name and its last value.
fn curves(store: &Reader, run: &str) -> Result<String> {
    let run = run_by_prefix::find(store, run)?;
    let rows = store.query_with(CURVES, &[Value::from(run.as_str())])?;
    let width = usize::from(output::width().unwrap_or(WIDTH));
    let rows: Vec<_> = rows.iter().map(|row| (row.text("work"), row.text("metric"), row)).collect();
    let mut parts = vec![];
    for curve in rows.chunk_by(|one, next| (&one.0, &one.1) == (&next.0, &next.1)) {
        // NaN is stored as NULL.
        let point = |row: &crate::store::Row<'_>| (row.int("step"), row.real("value").unwrap_or(f64::NAN));
        let points: Vec<(i64, f64)> = curve.iter().map(|(.., row)| point(row)).collect();
        let (work, metric, _) = &curve[0];
        let last = points.last().map_or(f64::NAN, |(_, value)| *value);
        parts.push(format!(
            "{metric} of {work}: {last:.6} at step {}\n{}",
            points[points.len() - 1].0,
            chart::curve(&points, width)
        ));
    }
    match parts.is_empty() {
        true => Ok(format!("run {run} has reported no numbers yet")),
        false => Ok(parts.join("\n\n")),
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
