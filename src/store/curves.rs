//! Writes points of curves in batches.

use super::db::Db;
use super::error::Error;
use sqlx::AssertSqlSafe;

/// A point of a curve, waiting to be written.
pub(super) struct Point {
    pub(super) attempt: i64,
    pub(super) name: u32,
    pub(super) step: u64,
    pub(super) value: f64,
    pub(super) t_ms: i64,
}

/// Rows of a statement: one length that fits a usual second of training, one for bursts. Only two, so that both stay
/// prepared; unused rows are empty and match no attempt.
const ROWS: [usize; 2] = [16, 512];

/// Writes points in batches.
pub(super) struct Curves {
    names: Vec<String>,
    metrics: Vec<i64>,
    statements: [String; 2],
}

impl Default for Curves {
    fn default() -> Self {
        Self { names: Vec::new(), metrics: Vec::new(), statements: ROWS.map(statement) }
    }
}

impl Curves {
    /// Takes the metric names that points refer to by index.
    pub(super) fn learn(&mut self, names: &[String]) {
        self.names.extend_from_slice(&names[self.names.len()..]);
    }

    /// All points or none. Values are bound and not written as text, because SQLite does not round every decimal to the
    /// nearest float.
    pub(super) fn write(&mut self, db: &mut Db, points: &[Point]) -> Result<(), Error> {
        if points.is_empty() {
            return Ok(());
        }
        db.doing = "write curves";
        while let Some(name) = self.names.get(self.metrics.len()) {
            self.metrics.push(metric(db, name)?);
        }
        db.transaction(|db| {
            for points in points.chunks(ROWS[1]) {
                let length = usize::from(points.len() > ROWS[0]);
                let mut query = sqlx::query(AssertSqlSafe(self.statements[length].as_str()));
                for Point { attempt, name, step, value, t_ms } in points {
                    let step = (*step).min(i64::MAX as u64) as i64;
                    let metric = self.metrics[*name as usize];
                    query = query.bind(attempt).bind(metric).bind(step).bind(value).bind(t_ms); // NaN becomes NULL
                }
                for _ in points.len() * 5..ROWS[length] * 5 {
                    query = query.bind(None::<i64>);
                }
                db.execute(query)?;
            }
            Ok(())
        })
    }
}

/// Writes `rows` points. The fence is in it: points of an attempt that another process has taken over are not written.
/// Logging a step again replaces it, which is why the points are the outer loop, in their order.
fn statement(rows: usize) -> String {
    let points = vec!["(?,?,?,?,?)"; rows].join(",");
    format!(
        "INSERT INTO scalar(work_id, metric_id, step, value, t_ms)
         SELECT a.work_id, e.column2, e.column3, e.column4, e.column5
         FROM (VALUES {points}) e CROSS JOIN attempt a ON a.id = e.column1 JOIN work w ON w.id = a.work_id AND w.attempt = a.n
         WHERE true ON CONFLICT DO UPDATE SET value = excluded.value, t_ms = excluded.t_ms"
    )
}

/// The id of a metric; a new name gets one. Losses are better when smaller; for others the goal is unknown.
pub(super) fn metric(db: &mut Db, name: &str) -> Result<i64, Error> {
    let goal = (name == "loss" || name.starts_with("loss/")).then_some("min");
    db.execute(
        sqlx::query("INSERT INTO metric(name, goal) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(goal),
    )?;
    db.one(sqlx::query("SELECT id FROM metric WHERE name = ?").bind(name))?.get(0)
}
