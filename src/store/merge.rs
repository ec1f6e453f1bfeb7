//! Merges another store into this one. Runs and works are identified by what they compute, so that merging
//! twice, or merging a store that was merged before, changes nothing.
//!
//! Work done there and not here is copied with its attempts, curves, files and scores. Work done on both
//! sides stays as it is here, and is compared.

use super::{Reader, Store, db::Db, error::Error, files, line::Line, names, register, stale};
use crate::atomic_file;
use std::{fs, path::Path};

/// The result of a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Runs that were new here.
    pub runs: u64,
    /// Works whose results were copied.
    pub works: u64,
    /// Files that were copied, and their size in bytes.
    pub files: (u64, u64),
    /// Works done on both sides.
    pub both: u64,
    /// Files of those that differ: work, file, and the machine of each side.
    pub differing: Vec<[String; 4]>,
}

/// Selects what to copy: their works that are done, or unknown here. Work that is being computed here is
/// skipped.
const TAKEN: &str = "CREATE TEMP TABLE taken AS
    SELECT t.id AS theirs, t.uid, w.id AS ours, coalesce((SELECT max(n) FROM main.attempt a WHERE a.work_id = w.id), 0) AS before
    FROM other.work t LEFT JOIN main.work w ON w.uid = t.uid
    WHERE w.id IS NULL OR t.status = 'done' AND w.status NOT IN ('done', 'running')";

/// In dependency order: a row comes after the rows that it refers to.
const STEPS: [&str; 28] = [
    "INSERT INTO main.spec(uid, json) SELECT uid, json FROM other.spec WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.param SELECT s.id, p.key, p.num, p.txt FROM other.param p JOIN other.spec o ON o.id = p.spec_id
     JOIN main.spec s ON s.uid = o.uid WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.placement SELECT s.id, p.paper, p.tbl, p.model, p.condition, p.protocol, p.data, p.against
     FROM other.placement p JOIN other.spec o ON o.id = p.spec_id JOIN main.spec s ON s.uid = o.uid WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.dataset(name, fingerprint, kind, world, images, contents, info, stale)
     SELECT name, fingerprint, kind, world, images, contents, info, stale FROM other.dataset WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.experiment(name, about, file) SELECT name, about, file FROM other.experiment WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.metric(name, unit, goal, clock) SELECT name, unit, goal, clock FROM other.metric WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.code(hash, version, commit_id, dirty, sources, diff, lock, binary, build, diff_z, diff_bytes)
     SELECT hash, version, commit_id, dirty, sources, diff, lock, binary, build, diff_z, diff_bytes FROM other.code
     WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.host(hash, name, os, cpu, cores, ram_mb) SELECT hash, name, os, cpu, cores, ram_mb FROM other.host
     WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.work(uid, kind, json, status, attempt, created_ms, stale)
     SELECT w.uid, w.kind, w.json, 'queued', 0, w.created_ms, w.stale FROM other.work w JOIN taken t ON t.theirs = w.id AND t.ours IS NULL",
    "UPDATE taken SET ours = (SELECT id FROM main.work w WHERE w.uid = taken.uid)",
    "INSERT INTO main.work_parent SELECT c.id, p.id FROM other.work_parent o JOIN other.work oc ON oc.id = o.work_id
     JOIN other.work op ON op.id = o.parent_id JOIN main.work c ON c.uid = oc.uid JOIN main.work p ON p.uid = op.uid
     WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.attempt(work_id, n, code_id, host_id, pid, args, numerics, mixed, started_ms, heartbeat_ms, ended_ms,
       resumed_step, step, outcome, error)
     SELECT t.ours, t.before + a.n, c.id, h.id, a.pid, a.args, a.numerics, a.mixed, a.started_ms, a.heartbeat_ms,
       coalesce(a.ended_ms, a.heartbeat_ms), a.resumed_step, a.step, coalesce(a.outcome, 'lost'), a.error
     FROM taken t JOIN other.attempt a ON a.work_id = t.theirs JOIN other.code oc ON oc.id = a.code_id
     JOIN main.code c ON c.hash = oc.hash JOIN other.host oh ON oh.id = a.host_id JOIN main.host h ON h.hash = oh.hash",
    "CREATE TEMP TABLE came AS SELECT a.id AS theirs, b.id AS ours, t.ours AS work_id FROM taken t
     JOIN other.attempt a ON a.work_id = t.theirs JOIN main.attempt b ON b.work_id = t.ours AND b.n = t.before + a.n",
    "CREATE INDEX temp.came_theirs ON came(theirs)",
    "UPDATE main.work SET status = CASE o.status WHEN 'running' THEN 'queued' ELSE o.status END, attempt = t.before + o.attempt
     FROM taken t JOIN other.work o ON o.id = t.theirs WHERE main.work.id = t.ours",
    "DELETE FROM main.scalar WHERE work_id IN (SELECT ours FROM taken)",
    "INSERT INTO main.scalar SELECT t.ours, m.id, s.step, s.value, s.t_ms FROM taken t JOIN other.scalar s ON s.work_id = t.theirs
     JOIN other.metric om ON om.id = s.metric_id JOIN main.metric m ON m.name = om.name",
    "DELETE FROM main.artifact WHERE work_id IN (SELECT ours FROM taken)",
    "INSERT INTO main.artifact SELECT c.work_id, f.name, f.kind, f.path, f.bytes, f.blake3, f.step, c.ours, f.t_ms
     FROM other.artifact f JOIN came c ON c.theirs = f.attempt_id WHERE f.kind <> 'checkpoint'",
    "INSERT INTO main.sample SELECT c.ours, s.t_ms, s.cpu_s, s.rss_mb, s.load, s.gpu_mb, s.gpu_busy
     FROM other.sample s JOIN came c ON c.theirs = s.attempt_id",
    "INSERT INTO main.floor SELECT c.work_id, f.floor, f.protocol, f.data, f.part, f.task, f.class, f.metric, f.value, f.n, c.ours
     FROM other.floor f JOIN came c ON c.theirs = f.attempt_id WHERE true ON CONFLICT DO NOTHING",
    "CREATE TEMP TABLE meant AS SELECT t.id AS theirs, r.id AS ours, t.uid, r.id IS NULL AS new FROM other.run t
     LEFT JOIN main.run r ON r.uid = t.uid WHERE r.id IS NULL OR t.status = 'done' AND r.status <> 'done'",
    "INSERT INTO main.run(uid, spec_id, seed, scale, data, created_ms) SELECT o.uid, s.id, o.seed, o.scale, o.data, o.created_ms
     FROM other.run o JOIN meant m ON m.theirs = o.id AND m.new JOIN other.spec os ON os.id = o.spec_id JOIN main.spec s ON s.uid = os.uid",
    "UPDATE meant SET ours = (SELECT id FROM main.run r WHERE r.uid = meant.uid)",
    "INSERT INTO main.run_data SELECT m.ours, o.role, d.id FROM meant m JOIN other.run_data o ON o.run_id = m.theirs
     JOIN other.dataset od ON od.id = o.dataset_id JOIN main.dataset d ON d.fingerprint = od.fingerprint WHERE true ON CONFLICT DO NOTHING",
    // A run done there and not here may have been planned by another revision: its own works come with it.
    "DELETE FROM main.run_work WHERE run_id IN (SELECT ours FROM meant)",
    "INSERT INTO main.run_work SELECT m.ours, w.id, o.place FROM meant m JOIN other.run_work o ON o.run_id = m.theirs
     JOIN other.work ow ON ow.id = o.work_id JOIN main.work w ON w.uid = ow.uid",
    "INSERT INTO main.score SELECT r.id, s.protocol, s.data, s.part, s.task, s.class, s.metric, s.value, s.n, c.ours
     FROM other.score s JOIN came c ON c.theirs = s.attempt_id JOIN other.run o ON o.id = s.run_id JOIN main.run r ON r.uid = o.uid
     WHERE true ON CONFLICT DO UPDATE SET value = excluded.value, n = excluded.n, attempt_id = excluded.attempt_id",
];

/// Rows that belong to runs, whether these were known or not.
const REMARKS: [&str; 3] = [
    "INSERT INTO main.experiment_run SELECT e.id, r.id, x.label, x.place, x.declared_ms FROM other.experiment_run x
     JOIN other.experiment oe ON oe.id = x.experiment_id JOIN main.experiment e ON e.name = oe.name
     JOIN other.run o ON o.id = x.run_id JOIN main.run r ON r.uid = o.uid WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.tag SELECT r.id, t.tag FROM other.tag t JOIN other.run o ON o.id = t.run_id JOIN main.run r ON r.uid = o.uid
     WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO main.note(run_id, text, t_ms) SELECT r.id, n.text, n.t_ms FROM other.note n JOIN other.run o ON o.id = n.run_id
     JOIN main.run r ON r.uid = o.uid WHERE NOT EXISTS (SELECT 1 FROM main.note k WHERE k.run_id = r.id AND k.text = n.text AND k.t_ms = n.t_ms)",
];

impl Store {
    /// Copies what `other` has and this store lacks. `other` may be in use meanwhile; it is not changed.
    ///
    /// # Errors
    /// If one of the two cannot be read or written, or a data set is real on one side and simulated on the
    /// other. Nothing is changed then, but files that were already copied may be left next to the store
    /// (`vacuum` removes them).
    pub fn merge(&self, other: &Path) -> Result<Merged, Error> {
        let theirs = Self::open_read_only(other)?;
        let copy = files(&self.path).join(format!("merge-{}.db", std::process::id()));
        let io = |what: &'static str| {
            let path = copy.clone();
            move |source| Error::Io { what, path, source }
        };
        fs::create_dir_all(files(&self.path)).map_err(io("create the folder of"))?;
        let merged = theirs.copy(&copy).and_then(|()| self.take(&theirs, &copy));
        for ending in ["", "-wal", "-shm"] {
            let mut name = copy.clone().into_os_string();
            name.push(ending);
            let _ = fs::remove_file(name); // only the first always exists
        }
        let _ = fs::remove_dir(files(&self.path)); // if it is empty, because nothing came
        merged
    }

    fn take(&self, theirs: &Reader, copy: &Path) -> Result<Merged, Error> {
        let name = copy.to_string_lossy().into_owned();
        let (from, to) = (theirs.path().to_owned(), self.path.clone());
        self.writer.ask_alone("merge a store", move |db| {
            db.execute(sqlx::query("ATTACH ? AS other").bind(name))?;
            let merged = db.transaction(|db| {
                names::all(db, &to)?;
                same_kinds(db)?;
                db.execute(sqlx::query(TAKEN))?;
                let mut merged = Merged { files: bring(db, &from, &to)?, ..both(db)? };
                for step in STEPS.iter().chain(&REMARKS) {
                    db.execute(sqlx::query(*step))?;
                }
                let count = |db: &mut Db, sql| db.one(sqlx::query(sql))?.count(0);
                merged.runs = count(db, "SELECT count(*) FROM meant WHERE new")?;
                let came = "SELECT count(*) FROM taken t JOIN main.work w ON w.id = t.ours WHERE w.status = 'done'";
                merged.works = count(db, came)?;
                let touched = "SELECT ours FROM meant UNION SELECT rw.run_id FROM main.run_work rw JOIN taken t ON t.ours = rw.work_id";
                for row in db.all(sqlx::query(touched))? {
                    register::share_scores(db, row.get(0)?)?;
                    register::settle_run(db, row.get(0)?)?;
                }
                stale::works(db)?;
                Ok(merged)
            });
            for table in ["taken", "came", "meant"] {
                let drop_it = format!("DROP TABLE IF EXISTS temp.{table}");
                db.execute(sqlx::query(sqlx::AssertSqlSafe(drop_it)))?;
            }
            db.execute(sqlx::query("DETACH other"))?;
            merged
        })
    }
}

fn same_kinds(db: &mut Db) -> Result<(), Error> {
    let sql = "SELECT o.name, o.fingerprint, d.kind, o.kind FROM other.dataset o JOIN main.dataset d ON d.fingerprint = o.fingerprint
      WHERE d.kind <> o.kind";
    let Some(row) = db.first(sqlx::query(sql))? else { return Ok(()) };
    Err(Error::DataKind {
        name: row.get(0)?,
        fingerprint: row.get(1)?,
        stored: row.get(2)?,
        now: row.get(3)?,
    })
}

/// Compares the works that both sides have done.
fn both(db: &mut Db) -> Result<Merged, Error> {
    let sql = "SELECT count(*) FROM other.work o JOIN main.work w ON w.uid = o.uid AND w.status = 'done' WHERE o.status = 'done'";
    let both = db.one(sqlx::query(sql))?.count(0)?;
    let sql = "SELECT w.uid, f.name, a.numerics, b.numerics FROM other.artifact g JOIN other.work o ON o.id = g.work_id AND o.status = 'done'
      JOIN main.work w ON w.uid = o.uid AND w.status = 'done' JOIN main.artifact f ON f.work_id = w.id AND f.name = g.name
      JOIN main.attempt a ON a.id = f.attempt_id JOIN other.attempt b ON b.id = g.attempt_id
      WHERE f.blake3 <> g.blake3 ORDER BY w.uid, f.name";
    let row = |row: &Line| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
    let differing: Result<_, Error> = db.all(sqlx::query(sql))?.iter().map(row).collect();
    Ok(Merged { both, differing: differing?, ..Merged::default() })
}

/// Copies the files of what is merged, before the database refers to them.
fn bring(db: &mut Db, from: &Path, to: &Path) -> Result<(u64, u64), Error> {
    let sql = "SELECT f.path FROM other.artifact f JOIN taken t ON t.theirs = f.work_id WHERE f.kind <> 'checkpoint'";
    let mut brought = (0, 0);
    for row in db.all(sqlx::query(sql))? {
        let (path, target) = (names::existing(from, row.get(0)?)?, names::file(to, row.get(0)?)?);
        let io = |source| Error::Io { what: "copy", path: path.clone(), source };
        fs::create_dir_all(target.parent().unwrap_or(to)).map_err(io)?;
        atomic_file::fill(&target, |part| fs::copy(&path, part).map(drop)).map_err(io)?;
        brought = (brought.0 + 1, brought.1 + fs::metadata(&target).map_or(0, |found| found.len()));
    }
    Ok(brought)
}
