//! The list of runs: a filter line, sorting by any column, pages, boxes to tick for a comparison.

use super::{
    ask::Ask,
    filter::{Filter, NAMES, SECONDS, SILENT, STALE},
    names::{self, EXPERIMENT, LABEL, MODEL, WORKS_DONE},
    overall,
    page::{self, View},
    scores,
    url::Params,
    words,
};
use crate::{
    report::html::spans,
    spelling::closest,
    store::{Error, Row, Rows, Value},
};
use maud::{Markup, html};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// Runs on one page.
const PAGE: i64 = 200;

/// The name of an order, the heading of its column, and the SQL expression to sort by.
static ORDERS: LazyLock<[(&str, &str, &str); 10]> = LazyLock::new(|| {
    [
        (
            "status",
            "state",
            "CASE r.status WHEN 'running' THEN 0 WHEN 'failed' THEN 1 WHEN 'queued' THEN 2 WHEN 'done' THEN 3 ELSE 4 END",
        ),
        ("run", "run", "r.uid"),
        ("experiment", "experiment", names::EXPERIMENT),
        ("model", "model", MODEL),
        ("seed", "seed", "r.seed"),
        ("scale", "scale", "r.scale"),
        ("works", "works", names::WORKS_DONE),
        ("f1", overall::METRIC.words, overall::sql()),
        ("seconds", "time", SECONDS),
        ("started", "started", "r.started_ms"),
    ]
});

/// Columns of the runs with these numbers. Only for runs that are shown, because each column is a subquery.
fn columns(numbers: &str) -> String {
    format!(
        "SELECT r.id, r.uid AS run, r.status, {STALE} AS stale, {SILENT} AS silent,
          {EXPERIMENT} AS experiment, {LABEL} AS label,
          (SELECT count(*) FROM experiment_run x WHERE x.run_id = r.id) AS experiments,
          {MODEL} AS model, c.uid AS spec, r.seed, r.scale, (SELECT count(*) FROM run_work rw WHERE rw.run_id = r.id) AS works,
          {WORKS_DONE} AS works_done, {} AS {}, {SECONDS} AS seconds,
          strftime('%Y-%m-%d %H:%M', r.started_ms/1000, 'unixepoch') AS started,
          (SELECT group_concat(t.tag, ' ') FROM tag t WHERE t.run_id = r.id) AS tags,
          (SELECT count(*) FROM note n WHERE n.run_id = r.id) AS notes,
          (SELECT a.error FROM run_work rw JOIN work w ON w.id = rw.work_id AND w.status = 'failed' JOIN attempt a ON a.work_id = w.id
           AND a.n = w.attempt WHERE rw.run_id = r.id LIMIT 1) AS error
        FROM run r JOIN spec c ON c.id = r.spec_id WHERE r.id IN ({numbers})",
        overall::sql(),
        overall::METRIC.name
    )
}

/// The page.
pub(super) fn view(ask: &Ask<'_>, params: &Params) -> Result<View, Error> {
    let line = params.get("q").unwrap_or_default();
    let filter = match Filter::of(line) {
        Ok(filter) => match unknown(ask, &filter)? {
            None => filter,
            Some(slip) => return Ok(wrong(params, &slip)),
        },
        Err(slip) => return Ok(wrong(params, &slip)),
    };
    let sort = params.get("sort").and_then(|name| ORDERS.iter().find(|(known, ..)| *known == name));
    let descending = params.get("order") == Some("down");
    let by = sort.map_or("NULL", |(_, _, by)| by);
    let found = Filtered { filter: &filter, by, descending };
    let mut at = params.number("page").unwrap_or(1).max(1);
    // Data contain all rows, a page only a part.
    let all = params.get("format").is_some();
    let part = |at: i64| if all { (-1, 0) } else { (PAGE, (at - 1) * PAGE) };
    let (mut ids, counts) = found.part(ask, part(at))?;
    let total: i64 = counts.values().sum();
    let pages = (total - 1).max(0) / PAGE + 1;
    if at > pages {
        at = pages;
        (ids, _) = found.part(ask, part(at))?;
    }
    let rows = of(ask, &ids)?;
    let prints = scores::overall(ask, &ids)?;
    let body = html! {
        div.head {
            h1 { "Runs" }
            span.mute #count data-live {
                (words::several(total, "run"))
                @for (status, n) in &counts { " · " (words::count(*n)) " " (status) }
            }
            (page::as_data("/runs", params, "runs"))
        }
        @if !line.is_empty() {
            p.asked { "filter " code { (line) } " " a href=(params.href("/runs", &[("q", ""), ("page", "")])) { "remove" } }
        }
        @if total == 0 {
            @if line.is_empty() {
                (page::nothing("This store has no runs yet: dichroic exp NAME"))
            } @else {
                (page::nothing("No run matches the filter."))
                (help())
            }
        } @else {
            form action="/compare" method="get" {
                (table(&rows, &prints, params, sort.map(|(name, ..)| *name), descending))
                div.foot {
                    button type="submit" { "Compare ticked runs" }
                    span.mute { "tick two or more ( c )" }
                    (leaf(params, at, pages))
                }
            }
            (help())
        }
    };
    Ok(View { title: "Runs".into(), body, tables: vec![("runs", data(&rows))] })
}

/// Runs that match a filter, and their order.
struct Filtered<'a> {
    filter: &'a Filter,
    by: &'a str,
    descending: bool,
}

impl Filtered<'_> {
    /// The row numbers of a part of them (length, offset), and the number of runs by status. One query,
    /// because the expressions for filtering and sorting may have to be computed for every run.
    fn part(&self, ask: &Ask<'_>, (limit, offset): (i64, i64)) -> Result<(Vec<i64>, Counts), Error> {
        let Self { filter, by, descending } = self;
        let order = if *descending { "DESC" } else { "ASC" };
        let sql = format!(
            "WITH found AS MATERIALIZED (
               SELECT r.id, r.status, {by} AS sorted FROM run r JOIN spec c ON c.id = r.spec_id WHERE {})
             SELECT NULL AS status, id AS n
             FROM (SELECT id FROM found ORDER BY sorted {order} NULLS LAST, id DESC LIMIT {limit} OFFSET {offset})
             UNION ALL SELECT status, count(*) FROM found GROUP BY status",
            filter.sql
        );
        let (mut ids, mut counts) = (vec![], Counts::new());
        for row in ask.rows(&sql, &filter.values)?.iter() {
            match row.text("status") {
                none if none.is_empty() => ids.push(row.int("n")),
                status => drop(counts.insert(status, row.int("n"))),
            }
        }
        Ok((ids, counts))
    }
}

/// The number of runs by status.
type Counts = BTreeMap<String, i64>;

/// The runs with these row numbers, in this order.
pub(super) fn of(ask: &Ask<'_>, ids: &[i64]) -> Result<Rows, Error> {
    let numbers: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let mut rows = ask.rows(&columns(&numbers.join(",")), &[])?;
    let place: HashMap<i64, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    rows.rows.sort_by_key(|row| match row[0] {
        Value::Integer(id) => place.get(&id).copied(),
        _ => None,
    });
    Ok(rows)
}

/// Without the row number, which means nothing outside this store.
pub(super) fn data(rows: &Rows) -> Rows {
    Rows {
        columns: rows.columns[1..].to_vec(),
        rows: rows.rows.iter().map(|row| row[1..].to_vec()).collect(),
    }
}

/// A name in the filter that the store does not know.
fn unknown(ask: &Ask<'_>, filter: &Filter) -> Result<Option<String>, Error> {
    for axis in &filter.axes {
        let known = "SELECT EXISTS (SELECT 1 FROM experiment_run x, json_each(x.label) j WHERE j.key = ?1)
            OR EXISTS (SELECT 1 FROM param WHERE key = ?1 OR key GLOB '*.' || ?1)";
        if ask.number(known, &[Value::from(axis.as_str())])? == Some(0.0) {
            let keys = "SELECT DISTINCT key FROM param UNION SELECT j.key FROM experiment_run x, json_each(x.label) j";
            let keys = ask.rows(keys, &[])?;
            let keys: Vec<String> = keys.iter().map(|row| row.text("key")).collect();
            let last = |key: &String| key.rsplit('.').next().unwrap_or_default().to_owned();
            let ends: Vec<String> = keys.iter().map(last).collect();
            let names = NAMES
                .into_iter()
                .chain(keys.iter().map(String::as_str))
                .chain(ends.iter().map(String::as_str));
            let meant =
                closest(axis, names).map(|name| format!(" Did you mean `{name}`?")).unwrap_or_default();
            return Ok(Some(format!("no run here has a value called `{axis}`.{meant}")));
        }
    }
    Ok(None)
}

fn wrong(params: &Params, slip: &str) -> View {
    let body = html! {
        h1 { "Runs" }
        p.error { "The filter " code { (params.get("q").unwrap_or_default()) } " is not valid: " (spans(slip)) }
        (help())
    };
    View {
        title: "Runs".into(),
        body,
        tables: vec![("runs", Rows { columns: vec!["run".into()], rows: vec![] })],
    }
}

fn help() -> Markup {
    html! {
        details.help {
            summary { "Filter syntax" }
            p { "Words, and names with values; all must match. " code { "-" } " before a term negates it, " code { "*" }
                " matches any text, a comma separates alternatives, text with blanks goes into " code { "\"double quotes\"" } "." }
            table {
                tbody {
                    @for (example, meaning) in [
                        ("chammi_table4", "a word in the experiment, label, tag or data, or the first digits of an id"),
                        ("experiment:chammi_* seed:1,2", "names and numbers; also run, spec, scale, data, kind, tag, host, label"),
                        ("status:done -status:stale", "queued, running, done, failed, skipped, stale, silent"),
                        ("f1>0.6 seconds<60", "overall macro-F1 (CPS, or the mean over tasks); time of all attempts"),
                        ("HPA/Task_two>=0.5", "macro-F1 of a task"),
                        ("system:\"TPS + 0.2 SSL\"", "an axis of the label"),
                        ("lr<1e-3 train.epochs:15", "a setting, by its path or the end of it"),
                    ] { tr { td { code { (example) } } td { (meaning) } } }
                }
            }
        }
    }
}

fn table(
    rows: &Rows,
    prints: &scores::Prints,
    params: &Params,
    sort: Option<&str>,
    descending: bool,
) -> Markup {
    let head = |name: &str, text: &str, right: bool| {
        let sorted = sort == Some(name);
        // Scores and times are sorted in descending order first, names in ascending order.
        let down = if sorted { !descending } else { ["f1", "seconds", "started", "works"].contains(&name) };
        let to =
            params.href("/runs", &[("sort", name), ("order", if down { "down" } else { "" }), ("page", "")]);
        let direction = if descending { "descending" } else { "ascending" };
        html! { th.n[right] scope="col" aria-sort=[sorted.then_some(direction)] { a href=(to) { (text) } } }
    };
    html! {
        div.wide {
            table.runs #list data-live {
                thead {
                    tr {
                        th { span.hidden { "tick" } }
                        @for (name, text, _) in ORDERS.iter().take(7) { (head(name, text, ["seed"].contains(name))) }
                        (head("f1", overall::METRIC.words, true))
                        th.n scope="col" { "published" } th.n scope="col" { "Δ" }
                        (head("seconds", "time", true))
                        (head("started", "started (UTC)", false))
                        th {}
                    }
                }
                tbody { @for row in rows.iter() { (line(row, prints)) } }
            }
        }
    }
}

fn line(row: Row<'_>, prints: &scores::Prints) -> Markup {
    let (uid, error) = (row.text("run"), row.text("error"));
    let print = prints.get(&row.int("id"));
    let against = print.map(|print| &print.against).filter(|why| !why.is_empty());
    let against = against.map(|why| format!("not comparable: {why}"));
    let difference = print
        .filter(|print| print.against.is_empty() && print.metric == overall::METRIC.name)
        .and_then(|print| Some(overall::of(row)? - print.value));
    html! {
        tr {
            td { input type="checkbox" name="run" value=(uid) aria-label={ "tick run " (words::short(&uid)) }; }
            td { (state(row)) }
            td { (page::run_link(&uid)) }
            td { (page::asked_for(row)) }
            td.model { (row.text("model")) }
            td.n { (row.int("seed")) }
            td.mute { (row.text("scale")) }
            td.works { (page::works(row)) }
            td.n { (words::score(overall::of(row))) }
            td.n.apart[against.is_some()] title=[&against] {
                @if let Some(print) = print { (words::score(Some(print.value))) }
            }
            (page::difference(difference))
            td.n { @if let Some(seconds) = row.real("seconds") { (words::time(seconds)) } }
            td.mute { (row.text("started")) }
            td.remark {
                @for tag in row.text("tags").split_whitespace() { span.tag { (tag) } " " }
                @if row.int("notes") > 0 { span.mute { (words::several(row.int("notes"), "note")) } " " }
                @if !error.is_empty() { span.bad title=(error) { (error.lines().next().unwrap_or_default()) } }
            }
        }
    }
}

/// The state of a run, with its qualifications.
pub(super) fn state(row: Row<'_>) -> Markup {
    html! {
        @if row.is("silent") { (words::state("silent")) } @else { (words::state(&row.text("status"))) }
        @if row.is("stale") && row.text("status") == "done" { " " span.mute title="computed by other revisions of the code, or from data that have changed" { "stale" } }
    }
}

fn leaf(params: &Params, at: i64, pages: i64) -> Markup {
    let to = |page: i64| params.href("/runs", &[("page", &page.to_string())]);
    html! {
        @if pages > 1 {
            span.leaf {
                @if at > 1 { a href=(to(at - 1)) rel="prev" { "← previous" } } " page " (at) " of " (words::count(pages)) " "
                @if at < pages { a href=(to(at + 1)) rel="next" { "next →" } }
            }
        }
    }
}
