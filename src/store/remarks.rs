//! User annotations of runs: tags, notes, removal.

use super::{
    Store,
    db::{Db, now_ms},
    error::Error,
    names,
    rows::Removed,
};

impl Store {
    /// Tags a run; idempotent.
    pub fn tag(&self, run: &str, tag: &str) -> Result<(), Error> {
        let tag = tag.to_string();
        self.of_run("tag a run", run, move |db, id| {
            let query = sqlx::query("INSERT INTO tag(run_id, tag) VALUES (?, ?) ON CONFLICT DO NOTHING");
            db.execute(query.bind(id).bind(tag)).map(drop)
        })
    }

    /// Removes a tag; returns whether it existed.
    pub fn untag(&self, run: &str, tag: &str) -> Result<bool, Error> {
        let tag = tag.to_string();
        self.of_run("take a tag away", run, move |db, id| {
            let query = sqlx::query("DELETE FROM tag WHERE run_id = ? AND tag = ?");
            Ok(db.execute(query.bind(id).bind(tag))? > 0)
        })
    }

    /// Adds a note to a run.
    pub fn note(&self, run: &str, text: &str) -> Result<(), Error> {
        let text = text.to_string();
        self.of_run("note something about a run", run, move |db, id| {
            let query = sqlx::query("INSERT INTO note(run_id, text, t_ms) VALUES (?, ?, ?)");
            db.execute(query.bind(id).bind(text).bind(now_ms())).map(drop)
        })
    }

    /// Removes a run, with the work that no other run shares: its attempts, curves and scores. Returns the
    /// folders of that work's files; the caller removes them.
    ///
    /// # Errors
    /// [`Error::AtWork`] if it is being computed.
    pub fn remove_run(&self, run: &str) -> Result<Removed, Error> {
        let uid = run.to_string();
        self.of_run("remove a run", run, move |db, id| {
            let own = "SELECT w.id, w.uid, w.status FROM work w JOIN run_work rw ON rw.work_id = w.id AND rw.run_id = ?1
                WHERE NOT EXISTS (SELECT 1 FROM run_work o WHERE o.work_id = w.id AND o.run_id <> ?1) ORDER BY w.uid";
            let own = db.all(sqlx::query(own).bind(id))?;
            for row in &own {
                if row.get::<&str>(2)? == "running" {
                    return Err(Error::AtWork { run: uid, work: row.get(1)? });
                }
            }
            db.execute(sqlx::query("DELETE FROM run WHERE id = ?").bind(id))?;
            let mut removed = Removed::default();
            for row in own {
                names::id("work", row.get(1)?)?; // the caller removes a folder of this name
                let size = "SELECT coalesce(sum(bytes), 0) FROM artifact WHERE work_id = ?";
                let size = db.one(sqlx::query(size).bind(row.get::<i64>(0)?))?;
                removed.bytes += size.count(0)?;
                db.execute(sqlx::query("DELETE FROM work WHERE id = ?").bind(row.get::<i64>(0)?))?;
                removed.works.push(row.get(1)?);
            }
            let unused = "DELETE FROM spec WHERE NOT EXISTS (SELECT 1 FROM run WHERE run.spec_id = spec.id)";
            db.execute(sqlx::query(unused))?;
            Ok(removed)
        })
    }

    fn of_run<T: Send + 'static>(
        &self,
        doing: &'static str,
        run: &str,
        f: impl FnOnce(&mut Db, i64) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let uid = run.to_string();
        self.writer.ask(doing, move |db| {
            let row = db.first(sqlx::query("SELECT id FROM run WHERE uid = ?").bind(uid.clone()))?;
            f(db, row.ok_or(Error::Unknown { what: "run", uid })?.get(0)?)
        })
    }
}
