//! Progress of this process's works, written to the database about once a second.

use super::{db::Db, error::Error};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The longest time that progress is held back.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// Progress of the attempts of this process.
#[derive(Default)]
pub(super) struct Progress {
    of: BTreeMap<i64, Doing>,
}

/// Current activity of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Doing {
    pub(super) what: String,
    pub(super) unit: String,
    pub(super) total: u64,
    done: u64,
    /// When it started, and how much was done already.
    began: Option<(Instant, u64)>,
    reported: bool,
}

impl Progress {
    /// Starts an activity with `total` units.
    pub(super) fn begin(&mut self, attempt: i64, what: &str, unit: &str, total: u64) {
        let (what, unit) = (what.into(), unit.into());
        self.of.insert(attempt, Doing { what, unit, total, done: 0, began: None, reported: false });
    }

    /// `done` units are done. The rate counts from the first report on: earlier units were done by others.
    pub(super) fn advance(&mut self, attempt: i64, done: u64) {
        if let Some(doing) = self.of.get_mut(&attempt) {
            doing.began.get_or_insert((Instant::now(), done));
            (doing.done, doing.reported) = (done, false);
        }
    }

    /// Forgets an attempt.
    pub(super) fn forget(&mut self, attempt: i64) {
        self.of.remove(&attempt);
    }

    /// Whether something has changed since the last call of [`news`](Self::news).
    pub(super) fn has_news(&self) -> bool {
        self.of.values().any(|doing| !doing.reported)
    }

    /// What has changed since the last call.
    pub(super) fn news(&mut self) -> Vec<(i64, Doing)> {
        let mut news = Vec::new();
        for (attempt, doing) in &mut self.of {
            if !std::mem::replace(&mut doing.reported, true) {
                news.push((*attempt, doing.clone()));
            }
        }
        news
    }
}

impl Doing {
    /// Units per second; `None` while there is nothing to measure.
    fn pace(&self) -> Option<f64> {
        let (began, from) = self.began?;
        let seconds = began.elapsed().as_secs_f64();
        (self.done > from && seconds > 0.0).then(|| (self.done - from) as f64 / seconds)
    }
}

/// Writes the progress of attempts.
pub(super) fn write(db: &mut Db, news: &[(i64, Doing)]) -> Result<(), Error> {
    db.doing = "write how far a work is";
    db.transaction(|db| {
        for (attempt, doing) in news {
            let query = sqlx::query(
                "UPDATE attempt SET doing = ?, unit = ?, done = ?, total = ?, units_per_s = ? WHERE id = ?",
            );
            let query = query.bind(doing.what.clone()).bind(doing.unit.clone());
            let query = query.bind(doing.done as i64).bind(doing.total as i64);
            db.execute(query.bind(doing.pace()).bind(attempt))?;
        }
        Ok(())
    })
}
