//! Writes points of curves in batches.

use super::db::Db;
use super::error::Error;
use sqlx::Row;
use std::fmt::{self, Display, Formatter, Write};

/// A point of a curve, waiting to be written.
pub(super) struct Point {
    pub(super) attempt: i64,
    pub(super) name: u32,
    pub(super) step: u64,
    pub(super) value: f64,
    pub(super) t_ms: i64,
}

/// Writes points in batches.
#[derive(Default)]
pub(super) struct Curves {
    names: Vec<String>,
    metrics: Vec<i64>,
    json: String,
}

impl Curves {
    /// Takes the metric names that points refer to by index.
    pub(super) fn learn(&mut self, names: &[String]) {
        self.names.extend_from_slice(&names[self.names.len()..]);
    }

    /// One statement for all: the values are passed as JSON, as integers, because SQLite does not round every
    /// decimal to the nearest float. It includes the fence: points of an attempt that another has taken over
    /// are not written. Logging a step again replaces it.
    pub(super) fn write(&mut self, db: &mut Db, points: &[Point]) -> Result<(), Error> {
        if points.is_empty() {
            return Ok(());
        }
        db.doing = "write curves";
        while let Some(name) = self.names.get(self.metrics.len()) {
            self.metrics.push(metric(db, name)?);
        }
        self.json.clear();
        for point in points {
            self.json.push(if self.json.is_empty() { '[' } else { ',' });
            let Point { attempt, name, step, value, t_ms } = point;
            let metric = self.metrics[*name as usize];
            let step = (*step).min(i64::MAX as u64);
            let _ = write!(self.json, "[{attempt},{metric},{step},{},{t_ms}]", Exactly(*value)); // into a String
        }
        self.json.push(']');
        db.transaction(|db| {
            db.execute(
                sqlx::query(
                    "INSERT INTO scalar(work_id, metric_id, step, value, t_ms)
                     SELECT a.work_id, e.value->>1, e.value->>2, CAST(e.value->>3 AS REAL) * pow(2.0, e.value->>4), e.value->>5
                     FROM json_each(?) e JOIN attempt a ON a.id = e.value->>0 JOIN work w ON w.id = a.work_id AND w.attempt = a.n
                     WHERE true ON CONFLICT DO UPDATE SET value = excluded.value, t_ms = excluded.t_ms",
                )
                .bind(self.json.as_str()),
            )
        })?;
        Ok(())
    }
}

/// A float as two integers m and e, exactly m * 2^e; NaN is NULL.
struct Exactly(f64);

impl Display for Exactly {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() {
            return f.write_str("null,0");
        }
        let bits = self.0.to_bits();
        let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i64, (bits & ((1 << 52) - 1)) as i64);
        let (m, e) = match exponent {
            0 => (fraction, -1074),
            0x7ff => (1, 1024), // SQLite's pow says infinity, as it should
            _ => (fraction | 1 << 52, exponent - 1075),
        };
        write!(f, "{},{e}", if self.0.is_sign_negative() { -m } else { m })
    }
}

/// The id of a metric; a new name gets one. Losses are better when smaller; for others the goal is unknown.
pub(super) fn metric(db: &mut Db, name: &str) -> Result<i64, Error> {
    let goal = (name == "loss" || name.starts_with("loss/")).then_some("min");
    db.execute(
        sqlx::query("INSERT INTO metric(name, goal) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(goal),
    )?;
    let row = db.one(sqlx::query("SELECT id FROM metric WHERE name = ?").bind(name))?;
    row.try_get(0).map_err(Error::sql(db.doing))
}
