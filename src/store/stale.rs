//! Marks stale results: work of other revisions of the code (data sets whose name now belongs to other data are marked by
//! `dataset`). Such numbers are shown as stale and never averaged with others.

use super::{Store, db::Db, error::Error};

impl Store {
    /// Records the revisions of this program's parts; work of other revisions is stale from now on.
    pub fn note_revisions(&self, revisions: &[(impl AsRef<str>, u32)]) -> Result<(), Error> {
        let known =
            "SELECT json_group_array(json_array(name, number)) FROM (SELECT * FROM revision ORDER BY name)";
        let mut sorted: Vec<(&str, u32)> =
            revisions.iter().map(|(name, number)| (name.as_ref(), *number)).collect();
        sorted.sort_unstable();
        let now = serde_json::to_string(&sorted).expect("names and numbers");
        self.writer.ask("note the revisions of this program", move |db| {
            if db.one(sqlx::query(known))?.get::<&str>(0)? == now {
                return Ok(());
            }
            db.execute(sqlx::query("DELETE FROM revision"))?;
            let query = "INSERT INTO revision SELECT value ->> 0, value ->> 1 FROM json_each(?)";
            db.execute(sqlx::query(query).bind(now))?;
            works(db)
        })
    }
}

/// Updates the flag of every work. Stale is also work that names a part this program no longer has, and, as soon as
/// the schema of specs is among the revisions, work from before it was.
pub(super) fn works(db: &mut Db) -> Result<(), Error> {
    let sql = "UPDATE work SET stale = n.stale FROM (
        SELECT w.id, EXISTS (SELECT 1 FROM json_each(w.json, '$.revisions') e LEFT JOIN revision v ON v.name = e.value ->> 0
          WHERE v.number IS NOT e.value ->> 1)
          OR EXISTS (SELECT 1 FROM revision v WHERE v.name = 'schema'
            AND NOT EXISTS (SELECT 1 FROM json_each(w.json, '$.revisions') e WHERE e.value ->> 0 = v.name)) AS stale
        FROM work w) n
      WHERE n.id = work.id AND n.stale <> work.stale";
    db.execute(sqlx::query(sql)).map(drop)
}
