//! Queries on the store: the selected runs in batches, their description, their curves in pages.

use super::{Error, Wanted};
use crate::store::{Reader, ScoreRow, Status, Value};
use std::{collections::BTreeMap, io};

/// Runs per query.
const PORTION: usize = 64;
/// Points per query.
pub(super) const PAGE: i64 = 32_768;

/// A store, and the selected runs.
pub(super) struct Selection<'a> {
    store: &'a Reader,
    experiment: Value,
    runs: Vec<i64>,
}

/// A run, as part of one experiment.
pub(super) struct Run {
    pub(super) id: i64,
    pub(super) uid: String,
    pub(super) experiment: String,
    /// What distinguishes its spec within the experiment.
    pub(super) label: BTreeMap<String, String>,
    pub(super) spec: String,
    pub(super) spec_id: i64,
    pub(super) seed: i64,
    pub(super) scale: String,
    pub(super) data: String,
    pub(super) status: Status,
    /// Whether it is stale: current code or data would give other numbers.
    pub(super) stale: bool,
    /// Its tags.
    pub(super) tags: String,
    pub(super) created_ms: i64,
    pub(super) started_ms: Option<i64>,
    pub(super) finished_ms: Option<i64>,
    /// Commit of the code that computed it last.
    pub(super) commit: Option<String>,
    pub(super) dirty: bool,
}

/// A unit of a run's work.
pub(super) struct Work {
    id: i64,
    pub(super) uid: String,
    pub(super) kind: String,
    /// The sets that it is trained on.
    pub(super) sets: Vec<String>,
}

/// One metric of one work.
pub(super) struct Curve {
    work: i64,
    id: i64,
    pub(super) metric: String,
    /// Whether it differs from machine to machine.
    pub(super) clock: bool,
}

/// A point of a curve.
pub(super) struct Point {
    pub(super) step: i64,
    pub(super) value: f64,
    pub(super) t_ms: i64,
}

impl<'a> Selection<'a> {
    pub(super) fn new(store: &'a Reader, wanted: &Wanted) -> Result<Self, Error> {
        let value = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
        let (experiment, run) = (value(&wanted.experiment), value(&wanted.run));
        let sql = "SELECT r.id FROM run r WHERE (?1 IS NULL OR substr(r.uid, 1, length(?1)) = ?1)
             AND (?2 IS NULL OR EXISTS (SELECT 1 FROM experiment_run x JOIN experiment e ON e.id = x.experiment_id
                                        WHERE x.run_id = r.id AND e.name GLOB ?2)) ORDER BY r.id";
        let rows = store.query_with(sql, &[run, experiment.clone()])?.rows;
        let runs: Vec<i64> = rows.iter().filter_map(|row| whole(&row[0])).collect();
        if runs.is_empty() {
            let of = wanted.experiment.as_ref().map(|name| format!(" of an experiment `{name}`"));
            let begins = wanted.run.as_ref().map(|run| format!(" that begins with `{run}`"));
            let wanted =
                format!("the store has no run{}{}", of.unwrap_or_default(), begins.unwrap_or_default());
            return Err(Error::Nothing { wanted });
        }
        Ok(Self { store, experiment, runs })
    }

    /// The number of selected runs.
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Their numbers, in batches of one query.
    pub(super) fn portions(&self) -> impl Iterator<Item = &[i64]> {
        self.runs.chunks(PORTION)
    }

    /// The result of a query on a batch of runs, in which `?1` is their numbers as JSON and `?2` the pattern
    /// of selected experiments, or NULL.
    pub(super) fn ask(&self, sql: &str, runs: &[i64]) -> Result<Vec<Vec<Value>>, Error> {
        let runs = serde_json::to_string(runs).expect("numbers");
        Ok(self.store.query_with(sql, &[Value::Text(runs), self.experiment.clone()])?.rows)
    }

    /// A batch of runs, each once for every selected experiment that contains it.
    pub(super) fn runs(&self, portion: &[i64]) -> Result<Vec<Run>, Error> {
        let sql = "SELECT r.id, r.uid, coalesce(e.name, 'no_experiment'), coalesce(x.label, '{}'), c.uid, c.id, r.seed,
               r.scale, r.data, r.status, r.created_ms, r.started_ms, r.finished_ms, k.commit_id, k.dirty,
               EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id AND w.stale WHERE rw.run_id = r.id)
                 OR EXISTS (SELECT 1 FROM run_data rd JOIN dataset d ON d.id = rd.dataset_id AND d.stale WHERE rd.run_id = r.id),
               (SELECT group_concat(t.tag, ' ') FROM tag t WHERE t.run_id = r.id)
             FROM run r JOIN spec c ON c.id = r.spec_id
             LEFT JOIN experiment_run x ON x.run_id = r.id LEFT JOIN experiment e ON e.id = x.experiment_id
             LEFT JOIN attempt a ON a.id = (SELECT max(b.id) FROM run_work w JOIN attempt b ON b.work_id = w.work_id WHERE w.run_id = r.id)
             LEFT JOIN code k ON k.id = a.code_id
             WHERE r.id IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR e.name GLOB ?2) ORDER BY r.id, e.name";
        let run = |row: Vec<Value>| Run {
            id: whole(&row[0]).unwrap_or_default(),
            uid: row[1].to_string(),
            experiment: row[2].to_string(),
            label: serde_json::from_str(&row[3].to_string()).unwrap_or_default(),
            spec: row[4].to_string(),
            spec_id: whole(&row[5]).unwrap_or_default(),
            seed: whole(&row[6]).unwrap_or_default(),
            scale: row[7].to_string(),
            data: row[8].to_string(),
            status: Status::of(&row[9].to_string()).expect("the schema's checks admit no other word"),
            created_ms: whole(&row[10]).unwrap_or_default(),
            started_ms: whole(&row[11]),
            finished_ms: whole(&row[12]),
            commit: (row[13] != Value::Null).then(|| row[13].to_string()),
            dirty: row[14] == Value::Integer(1),
            stale: row[15] == Value::Integer(1),
            tags: row[16].to_string(),
        };
        Ok(self.ask(sql, portion)?.into_iter().map(run).collect())
    }

    /// The description of an experiment, and when its first run was declared.
    pub(super) fn experiment(&self, name: &str) -> Result<(String, i64), Error> {
        let sql = "SELECT e.about, min(r.created_ms) FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id
             JOIN run r ON r.id = x.run_id WHERE e.name = ? GROUP BY e.id";
        let rows = self.store.query_with(sql, &[Value::Text(name.into())])?.rows;
        Ok(rows
            .first()
            .map_or_else(Default::default, |row| (row[0].to_string(), whole(&row[1]).unwrap_or_default())))
    }

    /// The switches of a spec, flattened.
    pub(super) fn params(&self, run: &Run) -> Result<Vec<(String, String)>, Error> {
        let sql = "SELECT key, txt FROM param WHERE spec_id = ? ORDER BY key";
        let rows = self.store.query_with(sql, &[Value::Integer(run.spec_id)])?.rows;
        Ok(rows.iter().map(|row| (row[0].to_string(), row[1].to_string())).collect())
    }

    /// The scores of whole tasks over all images, if the run is done.
    pub(super) fn scores(&self, run: &Run) -> Result<Vec<ScoreRow>, Error> {
        if run.status != Status::Done {
            return Ok(vec![]);
        }
        let mut scores = self.store.scores(&run.uid)?;
        scores.retain(|score| score.part.is_empty() && score.class.is_empty());
        Ok(scores)
    }

    /// The work units of a run, in order.
    pub(super) fn works(&self, run: i64) -> Result<Vec<Work>, Error> {
        let sql = "SELECT w.id, w.uid, w.kind, coalesce(w.json ->> '$.data.sets', w.json ->> '$.train.data.sets', '[]')
             FROM run_work rw JOIN work w ON w.id = rw.work_id WHERE rw.run_id = ? ORDER BY rw.place";
        let rows = self.store.query_with(sql, &[Value::Integer(run)])?.rows;
        let work = |row: &Vec<Value>| Work {
            id: whole(&row[0]).unwrap_or_default(),
            uid: row[1].to_string(),
            kind: row[2].to_string(),
            sets: serde_json::from_str(&row[3].to_string()).unwrap_or_default(),
        };
        Ok(rows.iter().map(work).collect())
    }

    /// The curves of a work unit; no points are read.
    pub(super) fn curves(&self, work: &Work) -> Result<Vec<Curve>, Error> {
        let sql = "SELECT m.id, m.name, m.clock FROM metric m
             WHERE EXISTS (SELECT 1 FROM scalar s WHERE s.work_id = ? AND s.metric_id = m.id) ORDER BY m.id";
        let rows = self.store.query_with(sql, &[Value::Integer(work.id)])?.rows;
        let curve = |row: &Vec<Value>| Curve {
            work: work.id,
            id: whole(&row[0]).unwrap_or_default(),
            metric: row[1].to_string(),
            clock: row[2] == Value::Integer(1),
        };
        Ok(rows.iter().map(curve).collect())
    }

    /// The last step of any of these curves; 0 without curves.
    pub(super) fn last_step<'c>(&self, curves: impl Iterator<Item = &'c Curve>) -> Result<i64, Error> {
        let sql = "SELECT max(step) FROM scalar WHERE work_id = ? AND metric_id = ?";
        let mut last = 0;
        for curve in curves {
            let rows =
                self.store.query_with(sql, &[Value::Integer(curve.work), Value::Integer(curve.id)])?.rows;
            last = last.max(rows.first().and_then(|row| whole(&row[0])).unwrap_or_default());
        }
        Ok(last)
    }

    /// Passes the points of a curve to `take`, a page at a time.
    pub(super) fn points(
        &self,
        curve: &Curve,
        mut take: impl FnMut(&[Point]) -> io::Result<()>,
    ) -> io::Result<()> {
        let sql = "SELECT step, value, t_ms FROM scalar
             WHERE work_id = ?1 AND metric_id = ?2 AND step > ?3 ORDER BY step LIMIT ?4";
        let mut after = -1;
        loop {
            let values = [curve.work, curve.id, after, PAGE].map(Value::Integer);
            let rows = self.store.query_with(sql, &values).map_err(Error::from)?.rows;
            let point = |row: &Vec<Value>| Point {
                step: whole(&row[0]).unwrap_or_default(),
                value: if let Value::Real(value) = row[1] { value } else { f64::NAN },
                t_ms: whole(&row[2]).unwrap_or_default(),
            };
            let page: Vec<Point> = rows.iter().map(point).collect();
            take(&page)?;
            match page.last() {
                Some(last) if page.len() as i64 == PAGE => after = last.step,
                _ => return Ok(()),
            }
        }
    }
}

fn whole(value: &Value) -> Option<i64> {
    if let Value::Integer(value) = value { Some(*value) } else { None }
}
