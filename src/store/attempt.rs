//! An attempt: one process that computes a unit of work, and the only way to store its results.

use super::curves::metric;
use super::db::{Db, now_ms};
use super::error::Error;
use super::lock::{Lock, Locked};
use super::provenance::Provenance;
use super::rows::{ArtifactRow, Floor, Outcome, Owner, ScoreRow, Status};
use super::writer::{LEASE_MS, Writer};
use super::{Store, register, sample};
use crate::panic_text;
use std::path::Path;
use std::sync::Arc;

/// The result of a claim.
pub enum Claim {
    /// The caller has the right to compute the work.
    Yours(Box<Attempt>),
    /// The work is already done.
    Done,
    /// It failed, with this message; registering its run again ([`Store::register_run`]) queues it again.
    Failed(String),
    /// Another running process computes it.
    Busy(Owner),
}

/// The right to compute a unit of work, until [`finish`](Self::finish). If dropped before that, the work goes
/// back to `queued`, or fails if the thread panics, with the panic's message.
pub struct Attempt {
    writer: Arc<Writer>,
    lock: Option<Lock>,
    key: Key,
    checkpoint: Option<ArtifactRow>,
}

/// What identifies an attempt in the database.
#[derive(Clone)]
struct Key {
    work: String,
    work_id: i64,
    id: i64,
    n: u32,
}

/// Receives points of curves and progress from training; cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Metrics {
    writer: Arc<Writer>,
    attempt: i64,
}

impl Metrics {
    /// A point of the curve `name` at `step`. Costs well below a microsecond; on disk within 200 ms. Logging
    /// a step again replaces the earlier value. Errors are returned by the attempt's next call.
    pub fn push(&self, name: &str, step: u64, value: f64) {
        self.writer.push(self.attempt, name, step, value);
    }

    /// The attempt starts something with `total` units: `("training", "step", 4_000)`.
    pub fn begin(&self, what: &str, unit: &str, total: u64) {
        self.writer.progress(|progress| progress.begin(self.attempt, what, unit, total));
    }

    /// `done` units are done, including those of earlier attempts. Costs as little as a point; on disk within
    /// a second.
    pub fn advance(&self, done: u64) {
        self.writer.progress(|progress| progress.advance(self.attempt, done));
    }
}

impl Store {
    /// Claims the right to compute `work`. A previous owner that has died is recorded as `lost`.
    pub fn claim(&self, work: &str, provenance: &Provenance) -> Result<Claim, Error> {
        panic_text::listen();
        let lock = match Lock::try_take(&self.path, work, provenance)? {
            Locked::Ours(lock) => lock,
            Locked::Theirs(owner) => return Ok(Claim::Busy(owner)),
        };
        let (uid, who, exhausted) = (work.to_string(), provenance.clone(), lock.exhausted.clone());
        let claimed = self.writer.ask("claim a work", move |db| begin(db, &uid, &who, exhausted))?;
        let (key, checkpoint) = match claimed {
            Begun::Yours(key, checkpoint) => (key, checkpoint),
            Begun::Done => return Ok(Claim::Done),
            Begun::Failed(text) => return Ok(Claim::Failed(text)),
        };
        lock.hear_of_memory();
        self.writer.keep_alive(key.id, true);
        let writer = Arc::clone(&self.writer);
        Ok(Claim::Yours(Box::new(Attempt { writer, lock: Some(lock), key, checkpoint })))
    }
}

impl Attempt {
    /// `WorkId`.
    pub fn work(&self) -> &str {
        &self.key.work
    }

    /// The number of this attempt at its work, from 1.
    pub fn number(&self) -> u32 {
        self.key.n
    }

    /// The last checkpoint of an earlier attempt: to resume from, if the file is intact.
    pub fn last_checkpoint(&self) -> Option<&ArtifactRow> {
        self.checkpoint.as_ref()
    }

    /// Receives the numbers of the training loop.
    pub fn metrics(&self) -> Metrics {
        Metrics { writer: Arc::clone(&self.writer), attempt: self.key.id }
    }

    /// Declares where this attempt starts: after `step`, read from
    /// [`last_checkpoint`](Self::last_checkpoint), or at the beginning. Points of curves after that are
    /// removed, since they will be computed again. An attempt that resumes on another numerics class than the
    /// one that wrote the checkpoint is marked `mixed`.
    pub fn resume_at(&self, step: Option<u64>) -> Result<(), Error> {
        let key = self.key.clone();
        self.writer.ask("begin an attempt", move |db| {
            key.fence(db)?;
            let after = step.map_or(-1, |step| step as i64);
            db.execute(
                sqlx::query("DELETE FROM scalar WHERE work_id = ? AND step > ?").bind(key.work_id).bind(after),
            )?;
            db.execute(
                sqlx::query(
                    "UPDATE attempt SET resumed_step = ?1, mixed = ?1 IS NOT NULL AND EXISTS (
                       SELECT 1 FROM artifact f JOIN attempt b ON b.id = f.attempt_id
                       WHERE f.work_id = attempt.work_id AND f.kind = 'checkpoint' AND (b.mixed OR b.numerics <> attempt.numerics))
                     WHERE id = ?2",
                )
                .bind(step.map(|step| step as i64))
                .bind(key.id),
            )?;
            Ok(())
        })
    }

    /// Records a checkpoint that is complete on disk, replacing the previous one; curves up to it are
    /// committed with it.
    pub fn checkpoint(&self, step: u64, path: &Path, bytes: u64) -> Result<(), Error> {
        self.artifact(&ArtifactRow {
            name: "checkpoint".into(),
            kind: "checkpoint".into(),
            path: path.into(),
            bytes,
            blake3: String::new(), // not hashed: resuming reads all of it anyway
            step: Some(step),
        })
    }

    /// Records a file that is complete on disk; one of the same name is replaced.
    pub fn artifact(&self, artifact: &ArtifactRow) -> Result<(), Error> {
        let (key, row) = (self.key.clone(), artifact.clone());
        self.writer.ask("note a file", move |db| {
            key.fence(db)?;
            db.execute(
                sqlx::query(
                    "INSERT INTO artifact(work_id, name, kind, path, bytes, blake3, step, attempt_id, t_ms)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET kind = excluded.kind, path = excluded.path,
                       bytes = excluded.bytes, blake3 = excluded.blake3, step = excluded.step,
                       attempt_id = excluded.attempt_id, t_ms = excluded.t_ms",
                )
                .bind(key.work_id)
                .bind(row.name)
                .bind(row.kind)
                .bind(row.path.to_string_lossy().into_owned())
                .bind(row.bytes as i64)
                .bind(row.blake3)
                .bind(row.step.map(|step| step as i64))
                .bind(key.id)
                .bind(now_ms()),
            )?;
            if let Some(step) = row.step {
                let query = sqlx::query("UPDATE attempt SET step = ? WHERE id = ?");
                db.execute(query.bind(step as i64).bind(key.id))?;
            }
            Ok(())
        })
    }

    /// Stores an evaluation, for every run that includes this work. Scores with the same key are replaced,
    /// and those left by an older revision of the run's work are removed.
    pub fn scores(&self, scores: &[ScoreRow]) -> Result<(), Error> {
        let (key, rows) = (self.key.clone(), scores.to_vec());
        self.writer.ask("store scores", move |db| {
            key.fence(db)?;
            db.execute(
                sqlx::query(
                    "DELETE FROM score WHERE run_id IN (SELECT run_id FROM run_work WHERE work_id = ?) AND attempt_id NOT IN (
                       SELECT a.id FROM attempt a JOIN run_work w ON w.work_id = a.work_id WHERE w.run_id = score.run_id)",
                )
                .bind(key.work_id),
            )?;
            for row in rows {
                metric(db, &row.metric)?;
                let query = sqlx::query(
                    "INSERT INTO score(run_id, protocol, data, part, task, class, metric, value, n, attempt_id)
                     SELECT run_id, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM run_work WHERE work_id = ?10
                     ON CONFLICT DO UPDATE SET value = excluded.value, n = excluded.n, attempt_id = excluded.attempt_id",
                );
                db.execute(row.bind(query).bind(key.id).bind(key.work_id))?;
            }
            Ok(())
        })
    }

    /// Stores a floor's scores in the same evaluation. Floors belong to the work that scored them, so runs on
    /// the same data share them if they share that work.
    pub fn floors(&self, floor: Floor, scores: &[ScoreRow]) -> Result<(), Error> {
        let (key, rows) = (self.key.clone(), scores.to_vec());
        self.writer.ask("store floors", move |db| {
            key.fence(db)?;
            for row in rows {
                metric(db, &row.metric)?;
                let query = sqlx::query(
                    "INSERT INTO floor(protocol, data, part, task, class, metric, value, n, attempt_id, work_id, floor)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET value = excluded.value, n = excluded.n, attempt_id = excluded.attempt_id",
                );
                db.execute(row.bind(query).bind(key.id).bind(key.work_id).bind(floor.as_str()))?;
            }
            Ok(())
        })
    }

    /// Ends the attempt. `Done` is durable, with everything stored before. If curves could not be written,
    /// the work fails with that error instead, and the error is returned.
    pub fn finish(mut self, outcome: Outcome) -> Result<(), Error> {
        let result = self.end(&outcome);
        if let (Err(error), Outcome::Done) = (&result, &outcome) {
            // If even this fails, `Drop` sends the work back to `queued`.
            let _ = self.end(&Outcome::Error(error.to_string()));
        }
        result
    }

    fn end(&mut self, outcome: &Outcome) -> Result<(), Error> {
        let (key, outcome) = (self.key.clone(), outcome.clone());
        let end = move |db: &mut Db| {
            key.fence(db)?;
            key.end(db, outcome.as_str(), outcome.text(), outcome.status())
        };
        self.writer.ask_durably("finish a work", end)?;
        self.writer.keep_alive(self.key.id, false);
        self.lock = None;
        Ok(())
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let Some(lock) = self.lock.take() else { return };
        self.writer.keep_alive(self.key.id, false);
        let key = self.key.clone();
        let (outcome, text, status) = match std::thread::panicking() {
            true => ("panic", panic_text::last(), Status::Failed),
            false => ("lost", None, Status::Queued),
        };
        self.writer.tell(move |db| {
            let _held_until_it_is_written = lock;
            key.fence(db)?;
            key.end(db, outcome, text.as_deref(), status)
        });
    }
}

impl Key {
    /// Nothing may be written after another attempt has taken over.
    fn fence(&self, db: &mut Db) -> Result<(), Error> {
        let row = db.first(sqlx::query("SELECT attempt FROM work WHERE id = ?").bind(self.work_id))?;
        match row.map(|row| row.get::<u32>(0)).transpose()? {
            Some(current) if current == self.n => Ok(()),
            Some(current) => Err(Error::Fenced { work: self.work.clone(), attempt: self.n, current }),
            None => Err(Error::Unknown { what: "work", uid: self.work.clone() }),
        }
    }

    fn end(&self, db: &mut Db, outcome: &str, text: Option<&str>, status: Status) -> Result<(), Error> {
        db.execute(
            sqlx::query(
                "UPDATE attempt SET ended_ms = ?1, heartbeat_ms = ?1, outcome = ?2, error = ?3 WHERE id = ?4",
            )
            .bind(now_ms())
            .bind(outcome.to_string())
            .bind(text.map(str::to_string))
            .bind(self.id),
        )?;
        db.execute(
            sqlx::query("UPDATE work SET status = ?, owner = NULL, lease_until_ms = NULL WHERE id = ?")
                .bind(status.as_str())
                .bind(self.work_id),
        )?;
        sample::take(db, &[self.id])?;
        if status == Status::Done {
            // No one resumes from it any more.
            let query = sqlx::query("DELETE FROM artifact WHERE work_id = ? AND kind = 'checkpoint'");
            db.execute(query.bind(self.work_id))?;
        }
        register::settle(db, self.work_id)
    }
}

/// The database's reply to a claim.
enum Begun {
    Yours(Key, Option<ArtifactRow>),
    Done,
    Failed(String),
}

/// Inserts the attempt's row; the caller holds the lock.
fn begin(db: &mut Db, uid: &str, who: &Provenance, exhausted: Option<String>) -> Result<Begun, Error> {
    let query = sqlx::query(
        "SELECT w.id, w.status, w.attempt, a.error FROM work w
         LEFT JOIN attempt a ON a.work_id = w.id AND a.n = w.attempt WHERE w.uid = ?",
    );
    let row = db.first(query.bind(uid))?;
    let row = row.ok_or_else(|| Error::Unknown { what: "work", uid: uid.into() })?;
    if let (Some(text), "running") = (exhausted, row.get(1)?) {
        lose(db, row.get(0)?, Some(&text))?;
        register::settle(db, row.get(0)?)?;
        return Ok(Begun::Failed(text));
    }
    match Status::of(row.get(1)?) {
        Some(Status::Done) => return Ok(Begun::Done),
        Some(Status::Failed) => {
            return Ok(Begun::Failed(row.get::<Option<String>>(3)?.unwrap_or_default()));
        }
        _ => {}
    }
    let (work_id, n, now) = (row.get::<i64>(0)?, row.get::<u32>(2)?.saturating_add(1), now_ms());
    lose(db, work_id, None)?;
    let (code, host) = (register::code(db, &who.code)?, register::host(db, &who.host)?);
    let args = serde_json::Value::from(who.args.clone()).to_string();
    let query = sqlx::query(
        "INSERT INTO attempt(work_id, n, code_id, host_id, pid, args, numerics, started_ms, heartbeat_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    );
    let query = query.bind(work_id).bind(n).bind(code).bind(host).bind(std::process::id()).bind(args);
    let id = db.one(query.bind(who.numerics.clone()).bind(now).bind(now))?.get(0)?;
    db.execute(
        sqlx::query(
            "UPDATE work SET status = 'running', attempt = ?, owner = ?, lease_until_ms = ? WHERE id = ?",
        )
        .bind(n)
        .bind(format!("{}:{}", who.host.name, std::process::id()))
        .bind(now + LEASE_MS)
        .bind(work_id),
    )?;
    sample::take(db, &[id])?;
    register::settle(db, work_id)?;
    let query = sqlx::query(
        "SELECT name, kind, path, bytes, blake3, step FROM artifact WHERE work_id = ? AND kind = 'checkpoint' ORDER BY step DESC",
    );
    let checkpoint = db.first(query.bind(work_id))?.as_ref().map(super::query::artifact).transpose()?;
    Ok(Begun::Yours(Key { work: uid.into(), work_id, id, n }, checkpoint))
}

/// Records that an attempt ended without a result. If it ran out of memory, the work has failed, since it
/// would do so again; otherwise it is queued. The caller holds the work's lock.
fn lose(db: &mut Db, work_id: i64, exhausted: Option<&str>) -> Result<(), Error> {
    let (outcome, status) = if exhausted.is_some() { ("oom", "failed") } else { ("lost", "queued") };
    let query = sqlx::query(
        "UPDATE attempt SET outcome = ?, error = ?, ended_ms = heartbeat_ms WHERE work_id = ? AND outcome IS NULL",
    );
    db.execute(query.bind(outcome).bind(exhausted.map(str::to_string)).bind(work_id))?;
    let query = sqlx::query(
        "UPDATE work SET status = ?, owner = NULL, lease_until_ms = NULL WHERE id = ? AND status = 'running'",
    );
    db.execute(query.bind(status).bind(work_id)).map(drop)
}

/// Requeues work of dead processes, so that no run stays `running` for ever.
pub(super) fn recover(db: &mut Db, store: &Path) -> Result<(), Error> {
    for row in db.all(sqlx::query("SELECT id, uid FROM work WHERE status = 'running'"))? {
        let Locked::Ours(lock) = Lock::try_take(store, row.get(1)?, &Provenance::default())? else {
            continue;
        };
        let work_id: i64 = row.get(0)?;
        db.transaction(|db| {
            lose(db, work_id, lock.exhausted.as_deref())?;
            register::settle(db, work_id)
        })?;
    }
    Ok(())
}
