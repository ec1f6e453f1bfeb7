//! Data sets in the store: known by what they contain, so that other contents under one name are other data.

use super::db::Db;
use super::error::Error;
use super::rows::DatasetRow;
use super::{Reader, Store, Value};

/// A data set whose name, kind and world are those of another, with other contents.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OtherContents {
    /// Its fingerprint.
    pub fingerprint: String,
    /// The number of finished runs that read it.
    pub runs: u64,
}

impl Store {
    /// Registers a data set. The same fingerprint is the same data set; its name and facts are updated.
    pub fn register_dataset(&self, dataset: &DatasetRow) -> Result<(), Error> {
        let row = dataset.clone();
        self.writer.ask("register a data set", move |db| {
            let query = sqlx::query(
                "INSERT INTO dataset(name, fingerprint, kind, world, images, info) VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT(fingerprint) DO UPDATE SET name = excluded.name, world = excluded.world,
                   images = excluded.images, info = excluded.info RETURNING kind",
            );
            let query = query.bind(row.name.clone()).bind(row.fingerprint.clone()).bind(row.kind.as_str());
            let query = query.bind(row.world).bind(row.images as i64).bind(row.info.to_string());
            let stored: String = db.one(query)?.get(0)?;
            if stored == row.kind.as_str() {
                return make_current(db, &row.fingerprint);
            }
            let now = row.kind.to_string();
            Err(Error::DataKind { name: row.name, fingerprint: row.fingerprint, stored, now })
        })
    }
}

impl Reader {
    /// What finished runs read under the name of `dataset` and was something else.
    pub fn other_contents(&self, dataset: &DatasetRow) -> Result<Vec<OtherContents>, Error> {
        let sql = "SELECT d.fingerprint, count(DISTINCT r.id) FROM dataset d JOIN run_data t ON t.dataset_id = d.id
            JOIN run r ON r.id = t.run_id AND r.status = 'done'
            WHERE d.name = ?1 AND d.kind = ?2 AND d.world = ?3 AND (d.kind = 'real' OR d.images = ?4) AND d.fingerprint <> ?5
            GROUP BY d.id ORDER BY d.id";
        let text = |text: &str| Value::Text(text.to_owned());
        let DatasetRow { name, fingerprint, kind, world, images, .. } = dataset;
        let asked =
            [text(name), text(kind.as_str()), text(world), Value::Integer(*images as i64), text(fingerprint)];
        let found = |row: Vec<Value>| OtherContents {
            fingerprint: row[0].to_string(),
            runs: if let Value::Integer(runs) = row[1] { runs as u64 } else { 0 },
        };
        Ok(self.query_with(sql, &asked)?.rows.into_iter().map(found).collect())
    }

    /// Whether `dataset` is what its name means in the store; otherwise it will be once it is registered.
    pub fn is_current(&self, dataset: &DatasetRow) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM dataset WHERE fingerprint = ? AND NOT stale";
        Ok(!self.query_with(sql, &[Value::Text(dataset.fingerprint.clone())])?.rows.is_empty())
    }
}

/// The beginning of a fingerprint, which tells data sets apart; `-sampled` stays.
pub fn short_fingerprint(fingerprint: &str) -> String {
    let (hash, sampled) = fingerprint.split_at(fingerprint.find('-').unwrap_or(fingerprint.len()));
    format!("{}{sampled}", hash.get(..12).unwrap_or(hash))
}

/// Makes the data set with this fingerprint the current one of its name. A simulated world comes in several
/// sizes, which are all current.
fn make_current(db: &mut Db, fingerprint: &str) -> Result<(), Error> {
    let sql = "UPDATE dataset SET stale = dataset.id <> n.id FROM dataset n
      WHERE n.fingerprint = ? AND dataset.name = n.name AND dataset.kind = n.kind AND dataset.world = n.world
        AND (n.kind = 'real' OR dataset.images = n.images)
        AND dataset.stale <> (dataset.id <> n.id)";
    db.execute(sqlx::query(sql).bind(fingerprint.to_string())).map(drop)
}
