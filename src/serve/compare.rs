//! Several runs side by side: the settings in which they differ, their curves in one chart, their scores.

use super::{
    ask::Ask,
    charts, curves, names, overall,
    page::{self, View},
    runs, scores,
    url::{Params, href},
    words,
};
use crate::{
    report::html::spans,
    spec::lines as spec_lines,
    store::{Error, Rows, Value},
};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// A value of a configuration by its path.
type Line = (String, String);

/// The page for `?run=a&run=b`; with `&by=AXIS`, curves are means over runs with the same value of it.
pub(super) fn view(ask: &Ask<'_>, params: &Params) -> Result<View, Error> {
    let (mut uids, mut ids, mut unknown) = (vec![], vec![], vec![]);
    for word in params.all("run").into_iter().flat_map(|words| words.split([',', ' '])) {
        match names::run(ask, word)? {
            Ok((id, uid)) if !ids.contains(&id) => {
                uids.push(uid);
                ids.push(id);
            }
            Ok(_) => {}
            Err(slip) => unknown.push(slip),
        }
    }
    let dropped = uids.len().saturating_sub(curves::RUNS);
    uids.truncate(curves::RUNS);
    ids.truncate(curves::RUNS);
    let uids: Vec<&str> = uids.iter().map(String::as_str).collect();
    let by = params.get("by");
    let differing = differences(ask, &uids)?;
    let rows = runs::of(ask, &ids)?;
    let scored = uids.iter().map(|uid| scores::of_run(ask, uid)).collect::<Result<Vec<_>, _>>()?;
    let names = names::apart(ask, &uids)?;
    let heads = Heads { uids: &uids, names: &names };
    let sides = Sides::of(heads, &scored);
    let axes = axes(ask, &ids)?;
    let body = html! {
        h1 { "Compare" }
        @for slip in &unknown { p.error { (spans(slip)) } }
        @if dropped > 0 { p.error { "The first " (curves::RUNS) " runs are shown; " (dropped) " more are left out." } }
        form.add action="/compare" method="get" {
            @for uid in &uids { input type="hidden" name="run" value=(uid); }
            label { "add a run " input name="run" placeholder="first digits of its id" size="20"; }
            @if axes.len() > 1 || by.is_some() {
                label { "curves " select name="by" data-submit {
                    option value="" { "one per run" }
                    @for axis in &axes { option value=(axis) selected[by == Some(axis.as_str())] { "mean ± deviation by " (axis) } }
                } }
            }
            button type="submit" { "Show" }
        }
        @if uids.is_empty() {
            (page::nothing("Tick runs in the list and press Compare, or add them by the first digits of their ids."))
        } @else {
            section {
                div.wide { table { tbody { @for row in rows.iter() {
                    @let uid = row.text("run");
                    tr {
                        td { (runs::state(row)) } td { (page::run_link(&uid)) } td { (page::asked_for(row)) }
                        td { (row.text("model")) } td { "seed " (row.int("seed")) }
                        td.mute { (row.text("scale")) } td.n { (words::score(overall::of(row))) }
                        td { a href=(without(&uids, &uid, by)) { "remove" } }
                    }
                } } } }
            }
            (charts::of(ask, &uids, by)?)
            section {
                (page::heading("Scores", "/compare", params, "scores"))
                @if sides.tasks.is_empty() { (page::nothing("None of them has scores yet.")) } @else { (sides.shown()) }
            }
            section {
                (page::heading("Configuration", "/compare", params, "configuration"))
                (differing.shown(heads))
            }
        }
    };
    let tables =
        vec![("scores", sides.data()), ("configuration", differing.data(&uids)), ("runs", runs::data(&rows))];
    Ok(View { title: "compare".into(), body, tables })
}

/// The same page without one run.
fn without(uids: &[&str], uid: &str, by: Option<&str>) -> String {
    let rest = uids.iter().filter(|known| **known != uid).map(|uid| ("run", *uid));
    href("/compare", rest.chain([("by", by.unwrap_or_default())]))
}

/// The axes by which curves can be grouped: the experiment, and the axes of labels.
fn axes(ask: &Ask<'_>, ids: &[i64]) -> Result<Vec<String>, Error> {
    let numbers: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let sql = format!(
        "SELECT DISTINCT j.key FROM experiment_run x, json_each(x.label) j WHERE x.run_id IN ({}) ORDER BY 1",
        numbers.join(",")
    );
    let axes = ask.rows(&sql, &[])?;
    let axes = axes.iter().map(|row| row.text("key"));
    Ok(if ids.len() > 1 { std::iter::once("experiment".to_owned()).chain(axes).collect() } else { vec![] })
}

/// Every setting that determines a run, sorted by path.
pub(super) fn lines(ask: &Ask<'_>, uid: &str) -> Result<Vec<Line>, Error> {
    let sql =
        "SELECT c.json, r.seed, r.scale, r.data FROM run r JOIN spec c ON c.id = r.spec_id WHERE r.uid = ?";
    let rows = ask.rows(sql, &[Value::from(uid)])?;
    let Some(row) = rows.first() else { return Ok(vec![]) };
    let json = serde_json::from_str(&row.text("json")).unwrap_or_default();
    let mut lines: Vec<Line> =
        spec_lines::of(&json).into_iter().map(|line| (line.path, spec_lines::text(line.value))).collect();
    lines.extend(["seed", "scale", "data"].map(|name| (name.to_owned(), row.text(name))));
    Ok(lines)
}

/// Runs as heads of columns.
#[derive(Clone, Copy)]
pub(super) struct Heads<'a> {
    /// Their ids.
    pub(super) uids: &'a [&'a str],
    /// Names that distinguish them.
    pub(super) names: &'a [String],
}

impl Heads<'_> {
    fn shown(&self, right: bool) -> Markup {
        html! {
            @for (uid, name) in self.uids.iter().zip(self.names) {
                th.n[right] scope="col" { (page::run_link(uid)) @if name != words::short(uid) { br; (name) } }
            }
        }
    }
}

/// The settings in which runs differ.
pub(super) struct Differences(Vec<(String, Vec<Option<String>>)>);

/// Queries them; one column per run.
pub(super) fn differences(ask: &Ask<'_>, uids: &[&str]) -> Result<Differences, Error> {
    let sides = uids.iter().map(|uid| lines(ask, uid)).collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<&String> = vec![];
    let mut known = BTreeSet::new();
    for (path, _) in sides.iter().flatten() {
        if known.insert(path) {
            paths.push(path);
        }
    }
    let value = |side: &Vec<Line>, path: &str| {
        side.iter().find(|(known, _)| known == path).map(|(_, value)| value.clone())
    };
    let values = paths
        .into_iter()
        .map(|path| (path.clone(), sides.iter().map(|side| value(side, path)).collect::<Vec<_>>()));
    Ok(Differences(values.filter(|(_, values)| values.windows(2).any(|pair| pair[0] != pair[1])).collect()))
}

impl Differences {
    /// A row per setting, a column per run.
    pub(super) fn shown(&self, heads: Heads<'_>) -> Markup {
        html! {
            @if self.0.is_empty() { (page::nothing("Their configurations are equal.")) } @else {
                div.wide { table.differences {
                    thead { tr { th scope="col" { "value" } (heads.shown(false)) } }
                    tbody { @for (path, values) in &self.0 {
                        tr {
                            td { code { (path) } }
                            @for value in values {
                                td { @match value { Some(value) => (value), None => span.mute { "absent" } } }
                            }
                        }
                    } }
                } }
            }
        }
    }

    fn data(&self, uids: &[&str]) -> Rows {
        let columns = std::iter::once("path").chain(uids.iter().copied()).map(String::from).collect();
        let value = |value: &Option<String>| value.clone().map_or(Value::Null, Value::Text);
        let row = |(path, values): &(String, Vec<Option<String>>)| {
            std::iter::once(Value::from(path.as_str())).chain(values.iter().map(value)).collect()
        };
        Rows { columns, rows: self.0.iter().map(row).collect() }
    }
}

/// Macro-F1 of every task and run.
struct Sides<'a> {
    heads: Heads<'a>,
    /// Protocol, data set, task, and each run's score.
    tasks: Vec<(String, String, String, Vec<Option<f64>>)>,
}

impl<'a> Sides<'a> {
    fn of(heads: Heads<'a>, scored: &[scores::OfRun]) -> Self {
        let asked: BTreeSet<&(String, String)> = scored.iter().flat_map(|one| one.keys()).collect();
        let mut tasks = vec![];
        for asked in asked {
            let of_all: Vec<_> = scored.iter().map(|one| one.get(asked)).collect();
            let names = of_all.iter().flatten().flat_map(|scored| scored.tasks()).collect();
            for task in scores::in_order(names) {
                let values = of_all.iter().map(|scored| scored.and_then(|scored| scored.f1(task)));
                tasks.push((asked.0.clone(), asked.1.clone(), task.to_owned(), values.collect()));
            }
        }
        Self { heads, tasks }
    }

    fn shown(&self) -> Markup {
        let several = self.tasks.windows(2).any(|pair| (&pair[0].0, &pair[0].1) != (&pair[1].0, &pair[1].1));
        html! {
            div.wide { table.scores {
                thead { tr { @if several { th { "by" } } th scope="col" { (overall::METRIC.words) } (self.heads.shown(true))
                    @if self.heads.uids.len() == 2 { th.n scope="col" { "second − first" } } } }
                tbody { @for (protocol, data, task, values) in &self.tasks {
                    @let best = values.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
                    tr.average[!task.contains('/')] {
                        @if several { td.mute { (protocol) ", " (data) } }
                        td { (task) }
                        @for value in values { td.n.best[values.len() > 1 && *value == Some(best)] { (words::score(*value)) } }
                        @if let [Some(first), Some(second)] = values[..] {
                            (page::difference(Some(second - first)))
                        }
                    }
                } }
            } }
            p.mute {
                "Bold: the highest of a row. " code { "dichroic compare A --with B" }
                " tests whether a difference is significant."
            }
        }
    }

    fn data(&self) -> Rows {
        let heads = ["protocol", "data", "task"].into_iter().chain(self.heads.uids.iter().copied());
        let value = |value: &Option<f64>| value.map_or(Value::Null, Value::Real);
        let row = |(protocol, data, task, values): &(String, String, String, Vec<Option<f64>>)| {
            [protocol, data, task]
                .map(|one| Value::from(one.as_str()))
                .into_iter()
                .chain(values.iter().map(value))
                .collect()
        };
        Rows { columns: heads.map(String::from).collect(), rows: self.tasks.iter().map(row).collect() }
    }
}
