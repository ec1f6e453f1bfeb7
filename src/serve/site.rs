//! From an address to an answer: selects the view, and whether to return its page or its data.

use super::{
    ask::{Ask, Readers},
    assets, compare, curves, now,
    page::{Found, Frame, View, nothing},
    papers, run, runs, system,
    url::Params,
};
use crate::{report, report::Declaration, store};
use maud::{Markup, html};
use serde_json::Value as Json;
use std::path::Path;

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const CSV: &str = "text/csv; charset=utf-8";

/// The answer to the browser.
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The media type.
    pub(super) kind: &'static str,
    /// The content.
    pub(super) body: Vec<u8>,
    /// Whether the browser may cache it.
    pub(super) kept: bool,
}

/// What pages are made from: the store, and the declared experiments.
pub(super) struct Site {
    readers: Readers,
    fills: papers::Fills,
}

impl Site {
    pub(super) fn new(readers: Readers, declared: &[Declaration]) -> Self {
        let placed = declared.iter().flat_map(|one| {
            report::placements(&one.spec).into_iter().map(|row| (one.experiment.clone(), row))
        });
        Self { readers, fills: papers::Fills::of(placed) }
    }

    /// The store's file.
    pub(super) fn store(&self) -> &Path {
        self.readers.path()
    }

    /// The answer for this address.
    pub(super) fn answer(&self, path: &str, params: &Params) -> Answer {
        if let Some(name) = path.strip_prefix("/a/") {
            return match assets::find(name) {
                Some(asset) => Answer { status: 200, kind: asset.kind, body: asset.bytes.into(), kept: true },
                None => plain(404, "no such file\n".into()),
            };
        }
        match self.readers.with(|ask| self.found(ask, path, params)) {
            Ok(answer) => answer,
            Err(error) => {
                let hint = error.hint().unwrap_or_default();
                let body =
                    html! { h1 { "The store cannot be read" } p.error { (error.to_string()) } p { (hint) } };
                self.page(500, path, params, "error", &body, 0)
            }
        }
    }

    fn found(&self, ask: &Ask<'_>, path: &str, params: &Params) -> Result<Answer, store::Error> {
        let found = match path {
            "/" => Found::View(now::view(ask, params)?),
            "/runs" => Found::View(runs::view(ask, params)?),
            "/compare" => Found::View(compare::view(ask, params)?),
            "/papers" => papers::view(ask, params, &self.fills)?,
            "/system" => Found::View(system::view(ask, params, self.store())?),
            "/curves" => Found::Data(curves::answer(ask, params)?),
            "/samples" => Found::Data(system::samples(ask, params)?),
            path => match path.strip_prefix("/run/") {
                Some(uid) => run::view(ask, uid, params)?,
                None => Found::Absent(format!("There is no page {path}.")),
            },
        };
        Ok(match found {
            Found::Data(data) => json(&data),
            Found::View(view) => match params.get("format") {
                Some(format) => as_data(&view, format, params.get("table")),
                None => {
                    let runs = ask.number("SELECT count(*) FROM run", &[])?.unwrap_or(0.0);
                    self.page(200, path, params, &view.title, &view.body, runs as i64)
                }
            },
            Found::Absent(text) => {
                let body = html! { h1 { "Not found" } (nothing(&text)) p { a href="/runs" { "all runs" } } };
                self.page(404, path, params, "not found", &body, 0)
            }
        })
    }

    fn page(
        &self,
        status: u16,
        path: &str,
        params: &Params,
        title: &str,
        body: &Markup,
        runs: i64,
    ) -> Answer {
        let store = self.store().display().to_string();
        let frame = Frame { path, params, store: &store, runs };
        Answer { status, kind: HTML, body: frame.around(title, body).into_string().into(), kept: false }
    }
}

fn plain(status: u16, body: String) -> Answer {
    Answer { status, kind: "text/plain; charset=utf-8", body: body.into(), kept: false }
}

fn json(data: &Json) -> Answer {
    Answer { status: 200, kind: JSON, body: format!("{data}\n").into(), kept: false }
}

/// One of a view's tables; as JSON also all of them, by name.
fn as_data(view: &View, format: &str, name: Option<&str>) -> Answer {
    let known: Vec<&str> = view.tables.iter().map(|(name, _)| *name).collect();
    let table = match name {
        Some(name) => view.tables.iter().find(|(known, _)| *known == name),
        None => view.tables.first(),
    };
    match (format, table) {
        ("csv" | "json", None) => plain(404, format!("this page has the tables {}\n", known.join(", "))),
        ("csv", Some((_, rows))) => Answer { status: 200, kind: CSV, body: rows.csv().into(), kept: false },
        ("json", Some((_, rows))) if name.is_some() => json(&rows.json()),
        ("json", _) => {
            let tables = view.tables.iter().map(|(name, rows)| ((*name).to_owned(), rows.json()));
            json(&Json::Object(tables.collect()))
        }
        (other, _) => plain(400, format!("expected format=csv or format=json, found `{other}`\n")),
    }
}
