//! One run: progress, curves, scores, configuration and its differences from another run, who computed it,
//! its files.

use super::{
    ask::Ask,
    charts, compare, names, overall,
    page::{self, Found, View},
    runs, scores, system,
    url::{Params, href},
    words,
};
use crate::{
    report::html::spans,
    store::{Error, Row, Rows, Value},
};
use maud::{Markup, html};

/// Attempts at its works, in the order of computation.
const ATTEMPTS: &str = "SELECT w.kind, w.uid AS work, w.status, a.n AS attempt, a.outcome, datetime(a.started_ms/1000, 'unixepoch') AS started,
      round((coalesce(a.ended_ms, a.heartbeat_ms) - a.started_ms)/1000.0, 1) AS seconds, a.resumed_step, h.name AS host, a.numerics,
      a.mixed, substr(k.commit_id, 1, 10) AS \"commit\", k.dirty, k.version, a.error, a.n = w.attempt AS present,
      (SELECT count(*) FROM run_work o WHERE o.work_id = w.id) AS runs
    FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id LEFT JOIN attempt a ON a.work_id = w.id
    LEFT JOIN host h ON h.id = a.host_id LEFT JOIN code k ON k.id = a.code_id WHERE r.uid = ? ORDER BY rw.place, a.n";

const FILES: &str = "SELECT w.kind, f.name, f.kind AS what, f.bytes, f.step, f.path, f.blake3, w.status = 'done' AS whole
    FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id JOIN artifact f ON f.work_id = w.id
    WHERE r.uid = ? ORDER BY rw.place, f.name";

const REMARKS: &str = "SELECT datetime(n.t_ms/1000, 'unixepoch') AS t, n.text FROM note n JOIN run r ON r.id = n.run_id WHERE r.uid = ? ORDER BY n.id";

/// The first run of its first experiment, which it is compared with by default.
const FIRST: &str = "SELECT q.uid FROM run r JOIN experiment_run x ON x.run_id = r.id JOIN experiment_run y ON y.experiment_id = x.experiment_id
    JOIN run q ON q.id = y.run_id WHERE r.uid = ? ORDER BY (SELECT name FROM experiment WHERE id = x.experiment_id), y.place, q.seed LIMIT 1";

/// The page of the run whose id begins with `word`.
pub(super) fn view(ask: &Ask<'_>, word: &str, params: &Params) -> Result<Found, Error> {
    let (id, uid) = match names::run(ask, word)? {
        Ok(found) => found,
        Err(slip) => return Ok(Found::Absent(slip)),
    };
    let rows = runs::of(ask, &[id])?;
    let Some(row) = rows.first() else { return Ok(Found::Absent("The run is gone.".into())) };
    let path = format!("/run/{uid}");
    let id = [Value::from(uid.as_str())];
    let scored = scores::of_run(ask, &uid)?;
    let (attempts, files, remarks) =
        (ask.rows(ATTEMPTS, &id)?, ask.rows(FILES, &id)?, ask.rows(REMARKS, &id)?);
    let first = ask.rows(FIRST, &id)?;
    let (other, slip) = match params.get("with") {
        Some(word) => match names::run(ask, word)? {
            Ok((_, other)) => (Some(other), None),
            Err(slip) => (None, Some(slip)),
        },
        None => (first.first().map(|row| row.text("uid")), None),
    };
    let lines = compare::lines(ask, &uid)?;
    let other = other.filter(|other| *other != uid);
    let differing = other.as_deref().map(|other| compare::differences(ask, &[other, &uid])).transpose()?;
    let samples = system::samples_of(ask, &uid)?;
    let body = html! {
        div.head {
            h1 { "Run " span.id { (words::short(&uid)) } }
            a href=(href("/compare", [("run", uid.as_str())])) { "compare with…" }
        }
        section #summary data-live { (summary(row, &remarks)) (failure(&attempts)) }
        (charts::of(ask, &[&uid], None)?)
        section #scores data-live {
            (page::heading("Scores", &path, params, "scores"))
            @if scored.is_empty() { (page::nothing("Not scored yet.")) } @else { (scores::shown(&scored)) }
        }
        section {
            (page::heading("Configuration", &path, params, "configuration"))
            @match (&other, &differing) {
                (Some(other), Some(differing)) => {
                    h3 {
                        "Differences from " (page::run_link(other))
                        @if params.get("with").is_none() { span.mute { ", the experiment's first run" } }
                    }
                    (differing.shown(compare::Heads { uids: &[other, &uid], names: &names::apart(ask, &[other, &uid])? }))
                }
                _ => p.mute { "This is its experiment's first run." }
            }
            @if let Some(slip) = &slip { p.error { (spans(slip)) } }
            form.add action=(path) method="get" {
                label {
                    "differences from run "
                    input name="with" value=(params.get("with").unwrap_or_default()) placeholder="first digits of its id" size="20";
                }
                button type="submit" { "Show" }
            }
            details #configuration { summary { "all " (lines.len()) " values" }
                div.wide { table { tbody {
                    @for (name, value) in &lines { tr { td { code { (name) } } td { (value) } } }
                } } }
            }
        }
        section #attempts data-live {
            (page::heading("Attempts", &path, params, "attempts"))
            (attempts_table(&attempts))
        }
        @if !samples.rows.is_empty() {
            section {
                (page::heading("Memory and processors", &path, params, "samples"))
                (system::charts(&uid))
            }
        }
        @if !files.rows.is_empty() {
            section #files data-live {
                (page::heading("Files", &path, params, "files"))
                (files_table(&files))
            }
        }
    };
    let configuration = lines
        .iter()
        .map(|(name, value)| vec![Value::from(name.as_str()), Value::from(value.as_str())])
        .collect();
    let configuration = Rows { columns: vec!["path".into(), "value".into()], rows: configuration };
    let tables = vec![
        ("scores", scores::data(&scored)),
        ("configuration", configuration),
        ("attempts", attempts),
        ("files", files),
        ("remarks", remarks),
        ("samples", samples),
    ];
    Ok(Found::View(View { title: format!("run {}", words::short(&uid)), body, tables }))
}

fn summary(row: Row<'_>, remarks: &Rows) -> Markup {
    html! {
        p.summary {
            (runs::state(row)) " " (page::asked_for(row))
            @if !row.text("model").is_empty() { span { (row.text("model")) } }
            span { "seed " (row.int("seed")) } span { "scale " (row.text("scale")) }
            span { "spec " (page::spec_link(&row.text("spec"))) }
            span { (page::works(row)) " works done" }
            @if let Some(seconds) = row.real("seconds") { span { (words::time(seconds)) } }
            @if let Some(score) = overall::of(row) { span { (overall::METRIC.words) " " b { (words::score(Some(score))) } } }
            @for tag in row.text("tags").split_whitespace() { span.tag { (tag) } }
        }
        @for remark in remarks.iter() { p.remark { span.mute { (remark.text("t")) } " " (remark.text("text")) } }
    }
}

/// Why its current attempt failed, at the top of the page.
fn failure(attempts: &Rows) -> Markup {
    html! {
        @for row in attempts.iter().filter(|row| row.is("present") && row.text("status") == "failed") {
            div.failure { b { (row.text("kind")) " " (row.text("outcome")) } pre { (row.text("error")) } }
        }
    }
}

fn attempts_table(attempts: &Rows) -> Markup {
    html! {
        div.wide { table {
            (page::heads(&["work", "", "state", ">attempt", "outcome", "started (UTC)", ">time", "machine", "numerics", "code"]))
            tbody { @for row in attempts.iter() {
                tr.old[!row.is("present") && row.real("attempt").is_some()] {
                    td { (row.text("kind")) @if row.int("runs") > 1 { " " span.mute title="runs that need this work" { "×" (row.int("runs")) } } }
                    td.id.mute { (words::short(&row.text("work"))) }
                    td { (words::state(&row.text("status"))) }
                    td.n { (row.text("attempt")) }
                    td title=[Some(row.text("error")).filter(|error| !error.is_empty())] {
                        (row.text("outcome")) @if let Some(step) = row.real("resumed_step") { span.mute { " from step " (step) } } }
                    td.mute { (row.text("started")) }
                    td.n { @if let Some(seconds) = row.real("seconds") { (words::time(seconds)) } }
                    td { (row.text("host")) }
                    td.mute { (row.text("numerics")) @if row.is("mixed") { ", mixed" } }
                    td { span.id { (row.text("commit")) } @if row.is("dirty") { span.mute { " with changes" } } }
                }
            } }
        } }
    }
}

fn files_table(files: &Rows) -> Markup {
    html! {
        div.wide { table {
            (page::heads(&["work", "file", "what", ">size", ">step", "BLAKE3"]))
            tbody { @for row in files.iter() {
                tr { td.mute { (row.text("kind")) } td title=(row.text("path")) { (row.text("name")) } td.mute { (row.text("what")) }
                    td.n { (words::bytes(row.real("bytes").unwrap_or(0.0))) } td.n { (row.text("step")) }
                    td.id.mute { (row.text("blake3").get(..12).unwrap_or_default()) } }
            } }
        } }
    }
}
