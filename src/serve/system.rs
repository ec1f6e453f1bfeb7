//! Failures, and the state of the machines: failed and silent works, memory, processors, accelerators, disk.

use super::{
    ask::Ask,
    page::{self, View},
    url::{Params, href},
    words,
};
use crate::{
    disk,
    store::{Error, Row, Rows, Value},
};
use maud::{Markup, html};
use serde_json::{Value as Json, json};
use std::{
    collections::BTreeMap,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

const FAILED: &str = "SELECT work, kind, attempt, outcome, error, ended, host, min(uid) AS run, count(DISTINCT uid) AS runs,
      group_concat(DISTINCT experiment) AS experiments FROM v_failed GROUP BY work ORDER BY ended IS NOT NULL, ended DESC LIMIT 200";

/// The last sample of every running attempt, with the processors used since the one before.
const LAST: &str = "SELECT w.kind, (SELECT min(r.uid) FROM run_work rw JOIN run r ON r.id = rw.run_id WHERE rw.work_id = w.id) AS run, h.name AS host,
      a.numerics, h.cores, h.ram_mb, s.t_ms, s.rss_mb, s.load, s.gpu_mb, s.gpu_busy, a.heartbeat_ms,
      (s.cpu_s - (SELECT b.cpu_s FROM sample b WHERE b.attempt_id = a.id AND b.t_ms < s.t_ms ORDER BY b.t_ms DESC LIMIT 1)) * 1000.0
        / nullif(s.t_ms - (SELECT max(b.t_ms) FROM sample b WHERE b.attempt_id = a.id AND b.t_ms < s.t_ms), 0) AS processors
    FROM work w JOIN attempt a ON a.work_id = w.id AND a.n = w.attempt JOIN host h ON h.id = a.host_id
    LEFT JOIN sample s ON s.attempt_id = a.id AND s.t_ms = (SELECT max(t_ms) FROM sample WHERE attempt_id = a.id)
    WHERE w.status = 'running' ORDER BY a.started_ms";

const HOSTS: &str = "SELECT h.name, h.os, h.cpu, h.cores, h.ram_mb, count(*) AS attempts, sum(a.outcome IS NOT NULL AND a.outcome <> 'done') AS not_done,
      round(sum(coalesce(a.ended_ms, a.heartbeat_ms) - a.started_ms)/3600000.0, 2) AS hours, max(a.heartbeat_ms) AS last_ms
    FROM host h JOIN attempt a ON a.host_id = h.id GROUP BY h.id ORDER BY last_ms DESC";

/// The page.
pub(super) fn view(ask: &Ask<'_>, params: &Params, store: &Path) -> Result<View, Error> {
    let (failed, last, hosts) = (ask.rows(FAILED, &[])?, ask.rows(LAST, &[])?, ask.rows(HOSTS, &[])?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let size = |path: &Path| std::fs::metadata(path).map_or(0.0, |file| file.len() as f64);
    let folder = store.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let room = disk::free_and_total(folder);
    let body = html! {
        section #failed data-live {
            (page::heading("Failed and silent", "/system", params, "failed"))
            @if failed.rows.is_empty() { (page::nothing("Nothing failed, and every running process reports.")) }
            @for row in failed.iter() { (failure(row)) }
        }
        section #working data-live {
            (page::heading("Running", "/system", params, "at_work"))
            @if last.rows.is_empty() { (page::nothing("Nothing is running.")) } @else { (at_work(&last, now)) }
        }
        section #machines data-live {
            (page::heading("Machines", "/system", params, "machines"))
            @if hosts.rows.is_empty() { (page::nothing("No machine has computed anything yet.")) } @else { (machines(&hosts, now)) }
        }
        section #room data-live {
            h2 { "Disk" }
            p {
                (store.display()) ": " (words::bytes(size(store))) ". "
                @if let Some(room) = room {
                    (page::progress((room.total - room.free) as f64, room.total as f64)) " " (words::bytes(room.free as f64)) " of "
                    (words::bytes(room.total as f64)) " free there."
                }
            }
        }
    };
    Ok(View {
        title: "system".into(),
        body,
        tables: vec![("failed", failed), ("at_work", last), ("machines", hosts)],
    })
}

fn failure(row: Row<'_>) -> Markup {
    let silent = row.text("outcome").is_empty();
    html! {
        div.failure {
            div.head {
                (words::state(if silent { "silent" } else { "failed" }))
                b { (row.text("kind")) } span { (row.text("outcome")) } (page::run_link(&row.text("run")))
                @if row.int("runs") > 1 { span.mute { "and " (words::several(row.int("runs") - 1, "other run")) } }
                span.mute {
                    (row.text("experiments").replace(',', ", ")) " · attempt " (row.int("attempt")) " on " (row.text("host")) " "
                    (row.text("ended"))
                }
            }
            @if silent {
                p { "Its process stopped reporting and its claim has expired; the next command that opens the store releases the work." }
            }
            @else if !row.text("error").is_empty() { pre { (row.text("error")) } }
        }
    }
}

fn at_work(last: &Rows, now: i64) -> Markup {
    html! {
        div.wide { table {
            (page::heads(&["work", "run", "machine", "numerics", ">memory", ">processors", ">load", ">GPU", ">GPU memory", "seen"]))
            tbody { @for row in last.iter() {
                tr { td { (row.text("kind")) } td { (page::run_link(&row.text("run"))) } td { (row.text("host")) } td.mute { (row.text("numerics")) }
                    td.n { (mebibytes(row.real("rss_mb"))) span.mute { " of " (mebibytes(row.real("ram_mb"))) } }
                    td.n { (tenths(row.real("processors"))) span.mute { " of " (row.int("cores")) } }
                    td.n { (tenths(row.real("load"))) }
                    td.n { (row.real("gpu_busy").map_or("·".into(), |busy| format!("{:.0} %", 100.0 * busy))) }
                    td.n { (mebibytes(row.real("gpu_mb"))) }
                    td.mute { (words::ago(row.real("t_ms").map_or(row.int("heartbeat_ms"), |t| t as i64), now)) } }
            } }
        } }
    }
}

fn machines(hosts: &Rows, now: i64) -> Markup {
    html! {
        div.wide { table {
            (page::heads(&["machine", "processor", ">cores", ">memory", ">attempts", ">not done", ">time", "last seen"]))
            tbody { @for row in hosts.iter() {
                tr { td { (row.text("name")) } td.mute { (row.text("cpu")) ", " (row.text("os")) } td.n { (row.int("cores")) } td.n { (mebibytes(row.real("ram_mb"))) }
                    td.n { (words::count(row.int("attempts"))) } td.n { (row.int("not_done")) } td.n { (words::time(row.real("hours").unwrap_or(0.0) * 3600.0)) }
                    td.mute { (words::ago(row.int("last_ms"), now)) } }
            } }
        } }
    }
}

fn tenths(value: Option<f64>) -> String {
    value.map_or("·".into(), |value| format!("{value:.1}"))
}

fn mebibytes(value: Option<f64>) -> String {
    value.map_or("·".into(), |value| words::bytes(value * 1024.0 * 1024.0))
}

/// Samples of a run's attempts, ordered by time.
pub(super) fn samples_of(ask: &Ask<'_>, uid: &str) -> Result<Rows, Error> {
    let sql = "SELECT w.kind, w.uid AS work, a.n AS attempt, s.t_ms, s.cpu_s, s.rss_mb, s.load, s.gpu_mb, s.gpu_busy
        FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id JOIN attempt a ON a.work_id = w.id
        JOIN sample s ON s.attempt_id = a.id WHERE r.uid = ? ORDER BY s.t_ms";
    ask.rows(sql, &[Value::from(uid)])
}

/// The samples that are drawn.
const DRAWN: [(&str, &str); 4] = [
    ("memory", "memory, MiB"),
    ("processors", "processors in use"),
    ("gpu", "GPU use, %"),
    ("gpu_memory", "GPU memory, MiB"),
];

/// Charts of a run's samples.
pub(super) fn charts(uid: &str) -> Markup {
    html! {
        div.charts { @for (name, head) in DRAWN {
            figure.chart.small data-curves=(href("/samples", [("run", uid), ("of", name)])) data-x="seconds" {
                figcaption { (head) }
                div.plot {}
            }
        } }
    }
}

/// The points of one chart: seconds since the first sample, one curve per kind of work.
pub(super) fn samples(ask: &Ask<'_>, params: &Params) -> Result<Json, Error> {
    let rows = samples_of(ask, params.get("run").unwrap_or_default())?;
    Ok(of_samples(&rows, params.get("of").unwrap_or("memory")))
}

fn of_samples(rows: &Rows, what: &str) -> Json {
    let start = rows.iter().map(|row| row.int("t_ms")).min().unwrap_or(0);
    let mut before: BTreeMap<String, (i64, f64)> = BTreeMap::new();
    let mut series: BTreeMap<String, (Vec<f64>, Vec<Option<f64>>)> = BTreeMap::new();
    for row in rows.iter() {
        let (t, cpu) = (row.int("t_ms"), row.real("cpu_s"));
        let value = match what {
            "memory" => row.real("rss_mb"),
            "gpu" => row.real("gpu_busy").map(|busy| 100.0 * busy),
            "gpu_memory" => row.real("gpu_mb"),
            _ => {
                let attempt = format!("{} {}", row.text("work"), row.int("attempt"));
                let earlier = cpu.and_then(|cpu| before.insert(attempt, (t, cpu)));
                earlier
                    .filter(|(then, _)| t > *then)
                    .zip(cpu)
                    .map(|((then, used), cpu)| (cpu - used) * 1000.0 / (t - then) as f64)
            }
        };
        if value.is_some() {
            let (x, y) = series.entry(row.text("kind")).or_default();
            x.push((t - start) as f64 / 1000.0);
            y.push(value);
        }
    }
    let last = rows.iter().map(|row| row.int("t_ms")).max().unwrap_or(0);
    let series: Vec<Json> = series
        .into_iter()
        .map(|(name, (x, y))| json!({ "name": name, "x": x, "y": y, "whole": true }))
        .collect();
    json!({ "key": "samples", "last": last, "fresh": true, "series": series })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Value;

    #[test]
    fn processors_are_differences_of_one_attempt() {
        let row = |attempt, t, cpu| {
            vec![
                Value::from(crate::spec::kind::FIT),
                Value::from("w"),
                Value::Integer(attempt),
                Value::Integer(t),
                Value::Real(cpu),
            ]
        };
        let rows = Rows {
            columns: ["kind", "work", "attempt", "t_ms", "cpu_s"].map(String::from).into(),
            rows: vec![row(1, 1000, 5.0), row(1, 11_000, 25.0), row(2, 21_000, 1.0), row(2, 31_000, 11.0)],
        };
        let found = of_samples(&rows, "processors");
        assert_eq!(found["series"][0]["x"], json!([10.0, 30.0]));
        assert_eq!(found["series"][0]["y"], json!([2.0, 1.0]));
    }
}
