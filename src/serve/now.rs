//! What is happening now: running works, the progress of experiments, and the runs that finished last.

use super::{
    ask::Ask,
    names::{EXPERIMENT, LABEL, WORKS_DONE},
    overall,
    page::{self, View},
    runs, sparkline,
    url::{Params, href},
    words,
};
use crate::store::{Error, Row, Rows, Value};
use maud::{Markup, html};

/// Most points of a small curve.
const SPARKLINE_POINTS: i64 = 60;

/// Running works.
fn question() -> String {
    format!("WITH one AS (
    SELECT w.id, w.uid AS work, w.kind, w.owner, w.lease_until_ms < unixepoch()*1000 AS silent, a.n AS attempt, a.started_ms,
      a.numerics, a.doing, a.unit, a.done, a.total, a.units_per_s, (SELECT id FROM metric WHERE name = 'loss') AS loss,
      (SELECT max(rw.run_id) FROM run_work rw WHERE rw.work_id = w.id) AS run_id,
      (SELECT count(*) FROM run_work rw WHERE rw.work_id = w.id) AS runs
    FROM work w JOIN attempt a ON a.work_id = w.id AND a.n = w.attempt WHERE w.status = 'running')
  SELECT o.work, o.kind, o.owner, o.silent, o.attempt, o.numerics, o.runs, o.id, o.loss,
    round(max(0, unixepoch('subsec')*1000 - o.started_ms)/1000.0, 1) AS seconds,
    o.doing, o.unit, o.done, o.total, o.units_per_s, round((o.total - o.done) / o.units_per_s, 1) AS seconds_left,
    (SELECT max(step) FROM scalar s WHERE s.work_id = o.id AND s.metric_id = o.loss) AS step,
    (SELECT value FROM scalar s WHERE s.work_id = o.id AND s.metric_id = o.loss ORDER BY step DESC LIMIT 1) AS value,
    r.uid AS run, r.seed, r.scale, {EXPERIMENT} AS experiment, {LABEL} AS label,
    (SELECT count(*) FROM experiment_run x WHERE x.run_id = r.id) AS experiments,
    (SELECT count(*) FROM run_work rw WHERE rw.run_id = r.id) AS works,
    {WORKS_DONE} AS works_done
  FROM one o LEFT JOIN run r ON r.id = o.run_id ORDER BY o.started_ms")
}

const RECENT: &str = "SELECT id FROM run WHERE finished_ms IS NOT NULL AND status IN ('done', 'failed')
    ORDER BY finished_ms DESC LIMIT 8";

/// The page.
pub(super) fn view(ask: &Ask<'_>, params: &Params) -> Result<View, Error> {
    let at_work = ask.rows(&question(), &[])?;
    let curves = at_work.iter().map(|row| small(ask, row)).collect::<Result<Vec<_>, _>>()?;
    let progress =
        ask.rows("SELECT * FROM v_progress ORDER BY running DESC, queued > 0 DESC, experiment", &[])?;
    let recent: Vec<i64> = ask.rows(RECENT, &[])?.iter().map(|row| row.int("id")).collect();
    let recent = runs::of(ask, &recent)?;
    let failed = ask.number("SELECT count(DISTINCT work) FROM v_failed", &[])?.unwrap_or(0.0) as i64;
    let body = html! {
        section #at-work data-live {
            (page::heading("Running", "/", params, "at_work"))
            @if failed > 0 { p.error { a href="/system" { (words::several(failed, "work")) " failed or stopped reporting" } } }
            @if at_work.rows.is_empty() {
                (page::nothing("Nothing is running. Start an experiment with dichroic exp NAME; it appears here within a second."))
            }
            div.cards { @for (row, points) in at_work.iter().zip(&curves) { (card(row, points)) } }
        }
        section #experiments data-live {
            (page::heading("Experiments", "/", params, "experiments"))
            @if progress.rows.is_empty() { (page::nothing("This store has no experiments yet.")) } @else { (experiments(&progress)) }
        }
        @if !recent.rows.is_empty() {
            section #recent data-live {
                div.head { h2 { "Finished last" } a href="/runs" { "all runs" } (page::as_data("/", params, "ended_last")) }
                div.wide { table { tbody { @for row in recent.iter() {
                    tr {
                        td { (runs::state(row)) } td { (page::run_link(&row.text("run"))) } td { (page::asked_for(row)) }
                        td { (row.text("model")) } td { "seed " (row.int("seed")) }
                        td.n { @if let Some(score) = overall::of(row) { span.mute { (overall::METRIC.words) " " } (words::score(Some(score))) } }
                        td.n.mute { @if let Some(seconds) = row.real("seconds") { (words::time(seconds)) } }
                    }
                } } } }
            }
        }
    };
    Ok(View {
        title: "now".into(),
        body,
        tables: vec![
            ("at_work", shown(at_work)),
            ("experiments", progress),
            ("ended_last", runs::data(&recent)),
        ],
    })
}

/// Without the columns that only this page needs.
fn shown(mut rows: Rows) -> Rows {
    for name in ["id", "loss"] {
        if let Some(at) = rows.columns.iter().position(|column| column == name) {
            rows.columns.remove(at);
            rows.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
    }
    rows
}

/// About sixty points of a work's loss.
fn small(ask: &Ask<'_>, work: Row<'_>) -> Result<Vec<(f64, f64)>, Error> {
    let width = work.int("step") / SPARKLINE_POINTS + 1;
    let sql = "SELECT step / ?3 * ?3 AS step, avg(value) AS value FROM scalar
        WHERE work_id = ?1 AND metric_id = ?2 GROUP BY 1 ORDER BY 1";
    let rows = ask.rows(sql, &[work.int("id"), work.int("loss"), width].map(Value::Integer))?;
    Ok(rows.iter().filter_map(|row| Some((row.real("step")?, row.real("value")?))).collect())
}

fn card(row: Row<'_>, points: &[(f64, f64)]) -> Markup {
    let (done, total, pace) = (row.real("done"), row.real("total"), row.real("units_per_s"));
    html! {
        article.card {
            div.head {
                @if row.is("silent") { (words::state("silent")) } @else { (words::state("running")) }
                b { (row.text("kind")) }
                (page::run_link(&row.text("run")))
                @if row.int("runs") > 1 { span.mute { "for " (words::several(row.int("runs"), "run")) } }
            }
            p { (page::asked_for(row)) span.mute { " · seed " (row.int("seed")) " · " (row.text("scale")) } }
            @if let Some((done, total)) = done.zip(total) {
                div.step {
                    (page::progress(done, total)) " " (row.text("doing")) " " (words::count(done as i64)) " of "
                    (words::several(total as i64, &row.text("unit")))
                    @if let Some(pace) = pace { span.mute { (words::number(pace)) " " (row.text("unit")) "s/s" } }
                    @if let Some(left) = row.real("seconds_left") { span.mute { (words::time(left)) " left" } }
                }
            }
            @if row.real("step").is_some() {
                div.loss {
                    (sparkline::draw(points, "loss so far"))
                    " loss " b { (row.real("value").map_or("NaN".into(), words::number)) }
                }
            }
            p.mute {
                "work " (row.int("works_done") + 1) " of " (row.int("works")) " · since " (words::time(row.real("seconds").unwrap_or(0.0))) " · "
                (row.text("owner")) " · " (row.text("numerics"))
            }
        }
    }
}

fn experiments(progress: &Rows) -> Markup {
    let states = ["done", "running", "queued", "failed", "skipped"];
    html! {
        div.wide { table {
            (page::heads(&["experiment", "", ">runs", ">done", ">running", ">queued", ">failed", ">skipped", ">silent", ">a run", ">left"]))
            tbody { @for row in progress.iter() {
                @let name = row.text("experiment");
                @let to = |state: &str| href("/runs", [("q", format!("experiment:{name}{state}").as_str())]);
                tr {
                    td { a href=(to("")) { (name) } }
                    td { (shares(row, &states)) }
                    td.n { (words::count(row.int("runs"))) }
                    @for state in states.into_iter().chain(["silent"]) {
                        td.n.mute[row.int(state) == 0].bad[row.int(state) > 0 && ["failed", "silent"].contains(&state)] {
                            @if row.int(state) > 0 { a href=(to(&format!(" status:{state}"))) { (words::count(row.int(state))) } } @else { "·" }
                        }
                    }
                    td.n.mute { @if let Some(seconds) = row.real("secs_per_run") { (words::time(seconds)) } }
                    td.n { @if let Some(hours) = row.real("eta_hours").filter(|hours| *hours > 0.0) { (words::time(hours * 3600.0)) } }
                }
            } }
        } }
    }
}

/// A bar with the share of each state.
fn shares(row: Row<'_>, states: &[&str]) -> Markup {
    let total = row.int("runs").max(1) as f64;
    let mut from = 0.0;
    let parts = states.iter().map(|state| {
        let width = 100.0 * row.int(state) as f64 / total;
        from += width;
        (*state, from - width, width)
    });
    let parts: Vec<_> = parts.filter(|(.., width)| *width > 0.0).collect();
    html! {
        svg.shares viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
            @for (state, from, width) in parts {
                rect class=(state) x=(format!("{from:.2}")) width=(format!("{width:.2}")) height="6" {}
            }
        }
    }
}
