//! Registers what is declared: experiments, runs and their work. Idempotent.

use super::db::{Db, Statement, now_ms};
use super::error::Error;
use super::provenance::{Code, Host};
use super::query::run_state;
use super::rows::{RunRow, RunState, ScoreRow, WorkRow};
use super::{Store, dataset::short_fingerprint};
use crate::spec::lines;
use flate2::{Compression, write::ZlibEncoder};
use serde_json::Value;
use std::io::Write;

impl Store {
    /// Queues all work of a run again, except what is being computed already. Until it is done, its numbers
    /// are not those of a finished run. Checkpoints of earlier attempts are forgotten; the caller removes
    /// their files.
    pub fn renew_run(&self, run: &str) -> Result<(), Error> {
        let uid = run.to_string();
        self.writer.ask("renew a run", move |db| {
            let row = db.first(sqlx::query("SELECT id FROM run WHERE uid = ?").bind(uid.clone()))?;
            let run_id = row.ok_or(Error::Unknown { what: "run", uid })?.get(0)?;
            queue(db, run_id, "w.status NOT IN ('running', 'queued')")?;
            let query = sqlx::query(
                "DELETE FROM artifact WHERE kind = 'checkpoint' AND work_id IN (
                   SELECT w.id FROM work w JOIN run_work rw ON rw.work_id = w.id WHERE rw.run_id = ? AND w.status = 'queued')",
            );
            db.execute(query.bind(run_id)).map(drop)
        })
    }

    /// Registers a run, its experiment and its work, all or nothing, and returns its state. Work already done
    /// for another run is done, and its scores become this run's too. Failed work is queued again.
    pub fn register_run(&self, run: &RunRow) -> Result<RunState, Error> {
        let row = run.clone();
        self.writer.ask("register a run", move |db| {
            let run_id = self::run(db, &row)?;
            experiment(db, &row, run_id)?;
            works(db, &row.works, run_id)?;
            queue(db, run_id, "w.status = 'failed'")?;
            run_state(db, &row.uid)?.ok_or(Error::Unknown { what: "run", uid: row.uid })
        })
    }
}

/// Queues the works of a run again for which `which` holds.
fn queue(db: &mut Db, run_id: i64, which: &str) -> Result<(), Error> {
    let sql = format!(
        "UPDATE work SET status = 'queued' WHERE id IN (
           SELECT w.id FROM work w JOIN run_work rw ON rw.work_id = w.id WHERE rw.run_id = ? AND {which}) RETURNING id"
    );
    for work in db.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(run_id))? {
        settle(db, work.get(0)?)?;
    }
    Ok(())
}

fn run(db: &mut Db, row: &RunRow) -> Result<i64, Error> {
    let seed = i64::try_from(row.seed).map_err(|_| Error::Seed(row.seed))?;
    let mut names = Vec::new();
    for (role, fingerprint) in &row.data {
        let query = sqlx::query("SELECT id, name FROM dataset WHERE fingerprint = ?");
        let found = db.first(query.bind(fingerprint.clone()))?;
        let found = found.ok_or_else(|| Error::Unknown { what: "data set", uid: fingerprint.clone() })?;
        let short = short_fingerprint(fingerprint);
        names.push((format!("{role}={}@{short}", found.get::<&str>(1)?), role, found.get::<i64>(0)?));
    }
    names.sort();
    names.dedup();
    let data: Vec<&str> = names.iter().map(|(name, ..)| name.as_str()).collect();
    let spec = spec(db, &row.spec, &row.spec_json)?;
    let query = sqlx::query(
        "INSERT INTO run(uid, spec_id, seed, scale, data, created_ms) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(uid) DO NOTHING",
    );
    let query = query.bind(row.uid.clone()).bind(spec).bind(seed).bind(row.scale.as_str());
    db.execute(query.bind(data.join(" ")).bind(now_ms()))?;
    let id = db.one(sqlx::query("SELECT id FROM run WHERE uid = ?").bind(row.uid.clone()))?.get(0)?;
    for (_, role, dataset) in &names {
        let query = sqlx::query(
            "INSERT INTO run_data(run_id, role, dataset_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        );
        db.execute(query.bind(id).bind(role.to_string()).bind(*dataset))?;
    }
    Ok(id)
}

fn spec(db: &mut Db, uid: &str, json: &Value) -> Result<i64, Error> {
    let query = sqlx::query("INSERT INTO spec(uid, json) VALUES (?, ?) ON CONFLICT(uid) DO NOTHING");
    let new = db.execute(query.bind(uid.to_string()).bind(json.to_string()))? == 1;
    let id = db.one(sqlx::query("SELECT id FROM spec WHERE uid = ?").bind(uid.to_string()))?.get(0)?;
    let mut leaves = Vec::new();
    if new {
        flatten(json, &mut String::new(), &mut leaves);
    }
    for (key, value) in leaves {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        let query = sqlx::query("INSERT INTO param(spec_id, key, num, txt) VALUES (?, ?, ?, ?)");
        db.execute(query.bind(id).bind(key).bind(value.as_f64()).bind(text))?;
    }
    Ok(id)
}

/// The leaves of `json` under the paths that `--set` uses: `train.optimiser.lr`, `evaluate.0.protocol`.
fn flatten<'a>(json: &'a Value, path: &mut String, leaves: &mut Vec<(String, &'a Value)>) {
    match json {
        Value::Object(fields) => {
            for (key, value) in fields {
                match lines::only_stage(key, value) {
                    Some(stage) => flatten(stage, path, leaves),
                    None => down(key, value, path, leaves),
                }
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| down(&i.to_string(), value, path, leaves));
        }
        leaf => leaves.push((path.clone(), leaf)),
    }
}

fn down<'a>(key: &str, value: &'a Value, path: &mut String, leaves: &mut Vec<(String, &'a Value)>) {
    let length = path.len();
    if length > 0 {
        path.push('.');
    }
    path.push_str(key);
    flatten(value, path, leaves);
    path.truncate(length);
}

fn experiment(db: &mut Db, row: &RunRow, run_id: i64) -> Result<(), Error> {
    let declared = &row.experiment;
    let query = sqlx::query(
        "INSERT INTO experiment(name, about, file) VALUES (?, ?, ?)
         ON CONFLICT(name) DO UPDATE SET about = excluded.about, file = excluded.file RETURNING id",
    );
    let query = query.bind(declared.name.clone()).bind(declared.about.clone()).bind(declared.file.clone());
    let experiment_id: i64 = db.one(query)?.get(0)?;
    // Written by hand, because the axes keep the order of the declaration.
    let text = |text: &String| Value::from(text.as_str()).to_string();
    let label: Vec<String> =
        row.label.iter().map(|(axis, value)| format!("{}:{}", text(axis), text(value))).collect();
    let query = sqlx::query(
        "INSERT INTO experiment_run(experiment_id, run_id, label, place, declared_ms) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET label = excluded.label, place = excluded.place, declared_ms = excluded.declared_ms",
    );
    let query = query.bind(experiment_id).bind(run_id).bind(format!("{{{}}}", label.join(",")));
    db.execute(query.bind(row.place).bind(now_ms())).map(drop)
}

fn works(db: &mut Db, works: &[WorkRow], run_id: i64) -> Result<(), Error> {
    db.execute(sqlx::query("DELETE FROM run_work WHERE run_id = ?").bind(run_id))?;
    for (place, work) in works.iter().enumerate() {
        let query = sqlx::query(
            "INSERT INTO work(uid, kind, json, created_ms) VALUES (?, ?, ?, ?) ON CONFLICT(uid) DO UPDATE SET uid = excluded.uid RETURNING id",
        );
        let query = query.bind(work.uid.clone()).bind(work.kind.clone()).bind(work.json.to_string());
        let work_id: i64 = db.one(query.bind(now_ms()))?.get(0)?;
        let query = sqlx::query(
            "INSERT INTO run_work(run_id, work_id, place) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        );
        db.execute(query.bind(run_id).bind(work_id).bind(place as i64))?;
        for parent in &work.parents {
            let query = sqlx::query(
                "INSERT INTO work_parent(work_id, parent_id) SELECT ?, id FROM work WHERE uid = ? ON CONFLICT DO UPDATE SET parent_id = parent_id RETURNING parent_id",
            );
            if db.first(query.bind(work_id).bind(parent.clone()))?.is_none() {
                return Err(Error::Unknown { what: "work", uid: parent.clone() });
            }
        }
    }
    share_scores(db, run_id)?;
    settle_run(db, run_id)
}

/// Copies to a run the scores that its works have for other runs.
pub(super) fn share_scores(db: &mut Db, run_id: i64) -> Result<(), Error> {
    db.execute(
        sqlx::query(
            "INSERT INTO score(run_id, protocol, data, part, task, class, metric, value, n, attempt_id)
             SELECT ?1, s.protocol, s.data, s.part, s.task, s.class, s.metric, s.value, s.n, s.attempt_id
             FROM run_work rw JOIN work w ON w.id = rw.work_id AND w.status = 'done' JOIN attempt a ON a.work_id = w.id
             JOIN score s ON s.attempt_id = a.id AND s.run_id <> ?1 WHERE rw.run_id = ?1
             ON CONFLICT DO UPDATE SET value = excluded.value, n = excluded.n, attempt_id = excluded.attempt_id",
        )
        .bind(run_id),
    )
    .map(drop)
}

/// Updates the status of every run that contains the work: a run's status follows from its works'.
pub(super) fn settle(db: &mut Db, work_id: i64) -> Result<(), Error> {
    settle_runs(db, "IN (SELECT run_id FROM run_work WHERE work_id = ?)", work_id)
}

/// Updates the status of a run.
pub(super) fn settle_run(db: &mut Db, run_id: i64) -> Result<(), Error> {
    settle_runs(db, "= ?", run_id)
}

fn settle_runs(db: &mut Db, which: &str, id: i64) -> Result<(), Error> {
    let sql = format!(
        "UPDATE run SET status = s.status, started_ms = s.started_ms, finished_ms = CASE WHEN s.status = 'done' THEN s.ended_ms END
         FROM (SELECT r.id, min(a.started_ms) AS started_ms, max(a.ended_ms) AS ended_ms, CASE
                 WHEN sum(w.status = 'running') > 0 THEN 'running' WHEN sum(w.status = 'failed') > 0 THEN 'failed'
                 WHEN sum(w.status <> 'done') = 0 THEN 'done' ELSE 'queued' END AS status
               FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id
               LEFT JOIN attempt a ON a.work_id = w.id WHERE r.id {which} GROUP BY r.id) s
         WHERE run.id = s.id AND run.status <> 'skipped'"
    );
    db.execute(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id)).map(drop)
}

/// The row of a version of the code, inserted if new.
pub(super) fn code(db: &mut Db, code: &Code) -> Result<i64, Error> {
    let hash = digest(&format!("{code:?}"));
    let query = sqlx::query(
        "INSERT INTO code(hash, version, commit_id, dirty, sources, diff_z, diff_bytes, lock, binary, build)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let query =
        query.bind(hash.clone()).bind(code.version.clone()).bind(code.commit.clone()).bind(code.dirty);
    let query = query.bind(code.sources.clone()).bind(code.diff.as_deref().map(deflated));
    let query = query.bind(code.diff.as_ref().map(|diff| diff.len() as i64)).bind(code.lock.clone());
    db.execute(query.bind(code.binary.clone()).bind(code.build.clone()))?;
    db.one(sqlx::query("SELECT id FROM code WHERE hash = ?").bind(hash))?.get(0)
}

/// The row of a computer, inserted if new.
pub(super) fn host(db: &mut Db, host: &Host) -> Result<i64, Error> {
    let hash = digest(&format!("{host:?}"));
    let query = sqlx::query(
        "INSERT INTO host(hash, name, os, cpu, cores, ram_mb) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let query = query.bind(hash.clone()).bind(host.name.clone()).bind(host.os.clone()).bind(host.cpu.clone());
    db.execute(query.bind(host.cores).bind(host.ram_mb as i64))?;
    db.one(sqlx::query("SELECT id FROM host WHERE hash = ?").bind(hash))?.get(0)
}

/// Compressed as `sqlar_uncompress` of the stock shell expects it.
fn deflated(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("memory takes any text")
}

fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_string()
}

impl ScoreRow {
    /// Binds the eight values of a score in the order of its key, value and number of images.
    pub(super) fn bind<'q>(self, query: Statement<'q>) -> Statement<'q> {
        let query =
            query.bind(self.protocol).bind(self.data).bind(self.part).bind(self.task).bind(self.class);
        query.bind(self.metric).bind(self.value).bind(self.n as i64)
    }
}
