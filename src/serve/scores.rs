//! Scores of runs: tasks in the paper's order, floors, and published values for runs that reproduce a
//! published row.

use super::{ask::Ask, filter::STALE, overall as headline, page, words};
use crate::{
    papers::{ACCURACY, MACRO_F1, Measure, order, to_paper},
    report::html::spans,
    spec::Features,
    store::{Error, Floor, Row, Rows, Value},
};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A published number for a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Print {
    /// The published value.
    pub(super) value: f64,
    /// Its metric, by its name in the store.
    pub(super) metric: String,
    /// Why it must not be compared with the run; empty if it may be.
    pub(super) against: String,
}

impl Print {
    fn of(row: Row<'_>) -> Self {
        let value = row.real("value").unwrap_or(f64::NAN);
        Self { value, metric: row.text("metric"), against: row.text("against") }
    }
}

/// Published numbers by the row number of a run.
pub(super) type Prints = HashMap<i64, Print>;

/// The published row that a run reproduces; if there are several, that of the last table, which has the most
/// conditions.
fn printed(task: &str, runs: &str) -> String {
    format!(
        "SELECT r.id, p.task, p.metric, p.value, c.tbl, c.model, c.condition, c.protocol, c.data,
          CASE WHEN NOT EXISTS (SELECT 1 FROM run_data t JOIN dataset d ON d.id = t.dataset_id WHERE t.run_id = r.id)
             OR EXISTS (SELECT 1 FROM run_data t JOIN dataset d ON d.id = t.dataset_id WHERE t.run_id = r.id AND d.kind <> 'real')
             THEN 'the data are simulated'
           WHEN r.scale <> 'paper' THEN 'the scale is ' || r.scale WHEN c.against <> '' THEN c.against
           WHEN {STALE} THEN 'stale' ELSE '' END AS against
         FROM run r JOIN placement c ON c.spec_id = r.spec_id
           AND c.tbl = (SELECT max(l.tbl) FROM placement l WHERE l.spec_id = r.spec_id AND l.paper = c.paper)
         JOIN published p ON p.paper = c.paper AND p.tbl = c.tbl AND p.model = c.model AND p.condition = c.condition
           AND {task} AND p.value IS NOT NULL
         WHERE {runs}"
    )
}

/// The published overall scores of the runs with these row numbers.
pub(super) fn overall(ask: &Ask<'_>, ids: &[i64]) -> Result<Prints, Error> {
    let numbers: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let rows = ask.rows(
        &printed(&headline::is_overall("p.paper", "p.task"), &format!("r.id IN ({})", numbers.join(","))),
        &[],
    )?;
    Ok(rows.iter().map(|row| (row.int("id"), Print::of(row))).collect())
}

/// The scores of one run by one protocol on one data set.
#[derive(Default)]
pub(super) struct Scored {
    tasks: BTreeMap<(String, &'static str), f64>,
    classes: BTreeMap<(String, String), BTreeMap<String, (f64, u64)>>,
    print: BTreeMap<String, Print>,
    row: String,
}

/// By protocol and images: a data set, or a part of it.
pub(super) type OfRun = BTreeMap<(String, String), Scored>;

/// Queries all scores of a run.
pub(super) fn of_run(ask: &Ask<'_>, uid: &str) -> Result<OfRun, Error> {
    let mut found = OfRun::new();
    for score in ask.store().scores(uid)? {
        let images = score.images();
        let scored = found.entry((score.protocol, images)).or_default();
        if !score.class.is_empty() {
            let class = scored.classes.entry((score.task, score.class)).or_default();
            class.insert(score.metric, (score.value, score.n));
        } else if let Some(head) = head_of(&score.metric) {
            scored.tasks.insert((score.task, head), score.value);
        }
    }
    let below = ask
        .store()
        .floors(uid)?
        .into_iter()
        .filter(|(_, score)| (score.class.as_str(), score.metric.as_str()) == ("", MACRO_F1.name));
    for (floor, score) in below {
        // Floors that need no features count under every protocol.
        let own = floor != Floor::Untrained;
        let images = score.images();
        for ((protocol, scored_on), scored) in &mut found {
            if *scored_on == images && (own || *protocol == score.protocol) {
                scored.tasks.insert((score.task.clone(), head(floor)), score.value);
            }
        }
    }
    for row in ask.rows(&printed("p.task <> ''", "r.uid = ?"), &[Value::from(uid)])?.iter() {
        if let Some(scored) = found.get_mut(&(row.text("protocol"), row.text("data"))) {
            scored.print.insert(row.text("task"), Print::of(row));
            scored.row = format!("{} {}, {}", row.text("tbl"), row.text("model"), row.text("condition"));
        }
    }
    Ok(found)
}

const HEADS: [&str; 7] = [
    MACRO_F1.words,
    ACCURACY.words,
    head(Floor::Constant),
    head(Floor::Prior),
    head(Floor::HandMade),
    head(Floor::HandMadeStandardised),
    head(Floor::Untrained),
];

/// The column of a metric.
fn head_of(metric: &str) -> Option<&'static str> {
    Measure::OF_TASKS.into_iter().find(|known| known.name == metric).map(|known| known.words)
}

const fn head(floor: Floor) -> &'static str {
    match floor {
        Floor::Constant => Features::Constant.head(),
        Floor::Prior => Features::Prior.head(),
        Floor::HandMade => Features::HandMade.head(),
        Floor::HandMadeStandardised => Features::HandMadeStandardised.head(),
        Floor::Untrained => Features::Untrained.head(),
    }
}

/// Averages first, then tasks.
pub(super) fn in_order(names: BTreeSet<&str>) -> Vec<&str> {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by_key(|name| order(name));
    names
}

impl Scored {
    fn names(&self) -> Vec<&str> {
        in_order(self.tasks.keys().map(|(task, _)| task.as_str()).collect())
    }

    /// Macro-F1 of a task.
    pub(super) fn f1(&self, task: &str) -> Option<f64> {
        self.tasks.get(&(task.to_owned(), MACRO_F1.words)).copied()
    }

    /// The tasks that were scored.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &str> {
        self.tasks.keys().filter(|(_, head)| *head == MACRO_F1.words).map(|(task, _)| task.as_str())
    }

    /// Measured minus published, if the two may be compared.
    fn difference(&self, task: &str) -> Option<f64> {
        let print = self.print.get(task).filter(|print| print.against.is_empty())?;
        let measured = self.tasks.get(&(task.to_owned(), head_of(&print.metric)?))?;
        Some(measured - print.value)
    }

    /// As data: one line per task.
    fn rows(&self, protocol: &str, data: &str) -> Vec<Vec<Value>> {
        let real = |value: Option<f64>| value.map_or(Value::Null, Value::Real);
        let row = |task: &str| {
            let mut row = vec![Value::from(protocol), Value::from(data), Value::from(task)];
            row.extend(HEADS.map(|head| real(self.tasks.get(&(task.to_owned(), head)).copied())));
            let print = self.print.get(task);
            row.push(real(print.map(|print| print.value)));
            row.push(real(self.difference(task)));
            row.push(Value::from(print.map(|print| print.against.clone()).unwrap_or_default()));
            row
        };
        self.names().into_iter().map(row).collect()
    }

    fn table(&self) -> Markup {
        let names = self.names();
        let some = |head: &str| {
            names.iter().any(|name| self.tasks.keys().any(|(task, known)| task == name && *known == head))
        };
        let heads: Vec<&str> = HEADS.into_iter().filter(|head| some(head)).collect();
        let with_print = !self.print.is_empty();
        let against =
            self.print.values().find(|print| !print.against.is_empty()).map(|print| print.against.as_str());
        html! {
            div.wide {
                table.scores {
                    thead { tr {
                        th scope="col" { "task" } th scope="col" { "published name" }
                        @for head in &heads { th.n scope="col" { (head) } }
                        @if with_print { th.n scope="col" { "published" } @if against.is_none() { th.n scope="col" { "Δ" } } }
                    } }
                    tbody { @for task in &names {
                        tr.average[!task.contains('/')] {
                            td { (task) } td.mute { (to_paper(task).unwrap_or_default()) }
                            @for head in &heads {
                                td.n.floor[![MACRO_F1.words, ACCURACY.words].contains(head)].main[*head == MACRO_F1.words] {
                                    (words::score(self.tasks.get(&((*task).to_owned(), *head)).copied()))
                                }
                            }
                            @if with_print {
                                td.n.apart[against.is_some()] {
                                    @if let Some(print) = self.print.get(*task) { (words::score(Some(print.value))) }
                                }
                                @if against.is_none() { (page::difference(self.difference(task))) }
                            }
                        }
                    } }
                }
            }
            p.mute { "Columns to the right of accuracy are floors: macro-F1 without training."
                @if heads.contains(&head(Floor::HandMadeStandardised)) {
                    " Standardised: hand-made features of images whose channels were each standardised."
                }
                @if with_print { " Published row: " (self.row) @if let Some(against) = against { "; not comparable: " (spans(against)) } "." } }
            @if !self.classes.is_empty() {
                details #classes {
                    summary { "by class" }
                    (self.by_class())
                }
            }
        }
    }

    fn by_class(&self) -> Markup {
        let metrics: BTreeSet<&str> =
            self.classes.values().flat_map(|class| class.keys()).map(String::as_str).collect();
        html! {
            div.wide { table.scores {
                thead { tr { th { "task" } th { "class" } @for metric in &metrics { th.n { (metric) } } th.n { "images" } } }
                tbody { @for ((task, class), found) in &self.classes {
                    tr { td { (task) } td { (class) }
                        @for metric in &metrics { td.n { (words::score(found.get(*metric).map(|(value, _)| *value))) } }
                        td.n.mute { (found.values().map(|(_, n)| *n).max().unwrap_or(0)) } }
                } }
            } }
        }
    }
}

/// All scores of a run as a page.
pub(super) fn shown(of_run: &OfRun) -> Markup {
    html! {
        @for ((protocol, data), scored) in of_run {
            // Of a part, which; a data set's name has no spaces.
            @if of_run.len() > 1 || data.contains(' ') { h3 { (protocol) " on " (data) } }
            (scored.table())
        }
    }
}

/// All scores of a run, as data.
pub(super) fn data(of_run: &OfRun) -> Rows {
    let columns = [
        "protocol",
        "data",
        "task",
        MACRO_F1.name,
        ACCURACY.name,
        "constant",
        "prior",
        "hand_made",
        "hand_made_standardised",
        "untrained",
        "published",
        "difference",
        "not_comparable",
    ];
    let rows = of_run.iter().flat_map(|((protocol, data), scored)| scored.rows(protocol, data));
    Rows { columns: columns.map(String::from).into(), rows: rows.collect() }
}
