//! What all pages have in common: the frame, tables of plain rows, links to data.

use super::{
    assets,
    url::{Params, href},
    words,
};
use crate::{
    report::{
        Table, html as shown,
        table::{DIGITS, signed},
    },
    store::{Row, Rows},
};
use maud::{DOCTYPE, Markup, html};
use serde_json::Value as Json;

/// A requested view: its page, and the same as data.
pub(super) struct View {
    /// The title in the browser's tab.
    pub(super) title: String,
    /// The content of the page.
    pub(super) body: Markup,
    /// The tables behind it, by name, for `?format=csv` and `?format=json`.
    pub(super) tables: Vec<(&'static str, Rows)>,
}

/// The result of a request.
pub(super) enum Found {
    /// A page with its tables.
    View(View),
    /// Data for a script.
    Data(Json),
    /// Not found: a sentence that explains why.
    Absent(String),
}

/// The data of the frame.
pub(super) struct Frame<'a> {
    /// Path of the page.
    pub(super) path: &'a str,
    /// Its query parameters.
    pub(super) params: &'a Params,
    /// The store's file.
    pub(super) store: &'a str,
    /// The number of runs in it.
    pub(super) runs: i64,
}

const VIEWS: [(&str, &str); 5] =
    [("/", "Now"), ("/runs", "Runs"), ("/compare", "Compare"), ("/papers", "Papers"), ("/system", "System")];

impl Frame<'_> {
    /// The whole page.
    pub(super) fn around(&self, title: &str, body: &Markup) -> Markup {
        let name = std::path::Path::new(self.store).file_name().map(|name| name.to_string_lossy());
        let here = |path: &str| match path {
            "/runs" => self.path == path || self.path.starts_with("/run/"),
            path => self.path == path,
        };
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · dichroic" }
                    link rel="icon" type="image/svg+xml" href=(assets::address("icon.svg"));
                    link rel="stylesheet" href=(assets::address("uPlot.min.css"));
                    link rel="stylesheet" href=(assets::address("app.css"));
                    script src=(assets::address("uPlot.iife.min.js")) defer {}
                    script src=(assets::address("charts.js")) defer {}
                    script src=(assets::address("app.js")) defer {}
                    noscript { meta http-equiv="refresh" content="15"; }
                }
                body {
                    header {
                        a.name href="/" { "dichroic" }
                        span.store title=(self.store) { (name.unwrap_or_default()) }
                        span.mute #runs data-live { (words::several(self.runs, "run")) }
                        span #live role="status" { noscript { "reloads every 15 s" } }
                    }
                    nav {
                        @for (path, name) in VIEWS {
                            a href=(path) aria-current=[here(path).then_some("page")] { (name) }
                        }
                        form.filter action="/runs" method="get" role="search" {
                            input #filter type="search" name="q" value=(self.params.get("q").unwrap_or_default())
                                autocomplete="off" spellcheck="false" placeholder="experiment:chammi_* status:done f1>0.6   ( / )"
                                aria-label="filter runs";
                        }
                    }
                    main { (body) }
                }
            }
        }
    }
}

/// Links to one of a page's tables as data.
pub(super) fn as_data(path: &str, params: &Params, table: &str) -> Markup {
    let to = |format| params.href(path, &[("format", format), ("table", table)]);
    html! { span.data { a href=(to("csv")) { "CSV" } " " a href=(to("json")) { "JSON" } } }
}

/// A heading with links to its table as data.
pub(super) fn heading(text: &str, path: &str, params: &Params, table: &str) -> Markup {
    html! { div.head { h2 { (text) } (as_data(path, params, table)) } }
}

/// A sentence for a page or section without content.
pub(super) fn nothing(text: &str) -> Markup {
    html! { p.nothing { (text) } }
}

/// A part of a whole, as a bar.
pub(super) fn progress(done: f64, total: f64) -> Markup {
    let [done, total] = [done, total.max(1.0)].map(|number| format!("{number:.0}"));
    html! { progress value=(done) max=(total) { (done) "/" (total) } }
}

/// Headings of columns; `>` before one aligns it to the right, for numbers.
pub(super) fn heads(names: &[&str]) -> Markup {
    html! {
        thead {
            tr {
                @for name in names {
                    @match name.strip_prefix('>') {
                        Some(name) => th.n scope="col" { (name) },
                        None => th scope="col" { (name) },
                    }
                }
            }
        }
    }
}

/// A cell with a difference, tinted by its size; empty for none.
pub(super) fn difference(difference: Option<f64>) -> Markup {
    html! {
        @match difference {
            Some(difference) => td class={ "n " (shown::tint(difference)) } { (signed(difference, DIGITS)) },
            None => td.n {},
        }
    }
}

/// How many works of a run are done.
pub(super) fn works(row: Row<'_>) -> Markup {
    let (done, works) = (row.int("works_done"), row.int("works"));
    html! {
        @if done < works { (progress(done as f64, works as f64)) " " }
        span.mute { (done) "/" (works) }
    }
}

/// A link to the runs of a spec.
pub(super) fn spec_link(spec: &str) -> Markup {
    html! { a.id href=(of_spec(spec)) { (words::short(spec)) } }
}

fn of_spec(spec: &str) -> String {
    href("/runs", [("q", format!("spec:{spec}").as_str())])
}

/// A link to a run.
pub(super) fn run_link(uid: &str) -> Markup {
    html! { a.id href=(href(&format!("/run/{uid}"), [])) { (words::short(uid)) } }
}

/// The experiments that contain a run: the first one, the number of others, and the run's label there.
pub(super) fn asked_for(row: Row<'_>) -> Markup {
    let (name, more, label) =
        (row.text("experiment"), row.int("experiments") - 1, words::label(&row.text("label")));
    html! {
        @if name.is_empty() { span.mute { "no experiment" } } @else { (name) }
        @if more > 0 { " " span.mute title="other experiments with the same run" { "+" (more) } }
        @if !label.is_empty() { " " span.label { (label) } }
    }
}

/// A table of scores, as in a report; specs link to their runs.
pub(super) fn scores(table: &Table) -> Markup {
    shown::table(table, |head, name| (head == "spec" && !name.is_empty()).then(|| of_spec(name)))
}
