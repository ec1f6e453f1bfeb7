//! A page of reports as data, before any format: sections with tables and figures, and the provenance of all
//! numbers.

use super::{Error, Table, drawing::Drawing};
use crate::store::{Reader, short_fingerprint};
use std::collections::BTreeSet;

/// The structure that every format is written from.
pub(super) struct Document {
    pub(super) sections: Vec<Section>,
    /// Remarks above everything else.
    pub(super) remarks: Vec<String>,
    pub(super) origin: Origin,
}

/// One report.
pub(super) struct Section {
    /// The name by which it is requested: `chammi_table4`.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) tables: Vec<Table>,
    pub(super) figure: Option<Figure>,
    /// The points of the figure as a CSV file, if it is made of points.
    pub(super) points: Option<String>,
}

/// What a report made of the store's numbers.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) title: String,
    pub(super) tables: Vec<Table>,
    /// What the figure shows.
    pub(super) caption: String,
    pub(super) figure: Option<Result<Drawing, String>>,
    /// The points of the figure as a CSV file, if it is made of points.
    pub(super) points: Option<String>,
}

/// A picture with its caption.
pub(super) struct Figure {
    /// The drawing itself, which PDF files are made of.
    #[cfg_attr(not(feature = "pdf"), expect(dead_code))]
    pub(super) drawing: Drawing,
    /// The same as SVG, without embedded fonts.
    pub(super) svg: String,
    pub(super) caption: String,
}

/// Where the numbers come from.
#[derive(Default)]
pub(super) struct Origin {
    /// The store's file.
    pub(super) store: String,
    /// Finished runs in it.
    pub(super) runs: usize,
    /// Commits that computed them, the first twelve digits; `+` means that the tree had changes.
    pub(super) commits: Vec<String>,
    /// Name, kind, simulated world and the first digits of the fingerprint of the data that were read.
    pub(super) data: Vec<[String; 4]>,
    /// `paper`, `quick`.
    pub(super) scales: Vec<String>,
}

impl Document {
    /// The heading: that of the only report, or one for all.
    pub(super) fn title(&self) -> &str {
        match &self.sections[..] {
            [section] => &section.title,
            _ => "Tables and figures",
        }
    }
}

impl Origin {
    /// Reads it from the store.
    pub(super) fn of(store: &Reader) -> Result<Self, Error> {
        let runs = "SELECT count(*) AS runs FROM run WHERE status = 'done'";
        let runs: i64 = store.query(runs)?.iter().map(|row| row.int("runs")).sum();
        let commits = "SELECT DISTINCT coalesce(substr(c.commit_id, 1, 12), 'no commit') ||
              CASE WHEN c.dirty THEN '+' ELSE '' END AS id
            FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id
            JOIN attempt a ON a.work_id = w.id AND a.n = w.attempt JOIN code c ON c.id = a.code_id
            WHERE r.status = 'done' ORDER BY 1";
        let data = "SELECT DISTINCT d.name, d.kind, d.world, d.fingerprint
            FROM run r JOIN run_data t ON t.run_id = r.id JOIN dataset d ON d.id = t.dataset_id
            WHERE r.status = 'done' ORDER BY d.name, d.world, d.fingerprint";
        let scales = "SELECT DISTINCT scale FROM run WHERE status = 'done' ORDER BY scale";
        let file = store.path().file_name().unwrap_or_default();
        Ok(Self {
            store: file.to_string_lossy().into_owned(),
            runs: runs as usize,
            commits: store.query(commits)?.iter().map(|row| row.text("id")).collect(),
            data: store
                .query(data)?
                .iter()
                .map(|row| {
                    let print = short_fingerprint(&row.text("fingerprint"));
                    [row.text("name"), row.text("kind"), row.text("world"), print]
                })
                .collect(),
            scales: store.query(scales)?.iter().map(|row| row.text("scale")).collect(),
        })
    }

    /// What a reader must know before the first number: that cells are simulated, that runs are scaled down.
    pub(super) fn warnings(&self) -> Vec<&'static str> {
        let simulated = self.data.iter().filter(|[_, kind, ..]| kind == "simulated").count();
        let cells = match simulated {
            0 => None,
            all if all == self.data.len() => Some(
                "simulated: all cells here are drawn by a program; the numbers say nothing about real ones",
            ),
            _ => Some("simulated: some of these data are drawn by a program; tables say which"),
        };
        let quick = self.scales.iter().any(|scale| scale == "quick");
        let shrunk = match self.scales.len() {
            1 if quick => Some("quick: every run was scaled down to about a minute"),
            _ if quick => Some("quick: some runs were scaled down to about a minute; tables say which"),
            _ => None,
        };
        cells.into_iter().chain(shrunk).collect()
    }

    /// One line for the foot of a page.
    pub(super) fn line(&self) -> String {
        let mut parts = vec![
            self.store.clone(),
            format!("{} finished run{}", self.runs, if self.runs == 1 { "" } else { "s" }),
        ];
        if !self.commits.is_empty() {
            parts.push(format!("code {}", listed(&self.commits)));
        }
        let data: BTreeSet<String> =
            self.data.iter().map(|[name, _, _, fingerprint]| format!("{name} {fingerprint}")).collect();
        if !data.is_empty() {
            parts.push(format!("data {}", listed(&data.into_iter().collect::<Vec<_>>())));
        }
        if !self.scales.is_empty() {
            parts.push(format!("scale {}", self.scales.join(", ")));
        }
        parts.join(" · ")
    }
}

/// The first few, and the number of the others.
fn listed(all: &[String]) -> String {
    let few = all.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > 3 { format!("{few} and {} more", all.len() - 3) } else { few }
}
