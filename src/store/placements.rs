//! Which published rows each spec reproduces, and a view for each published table with a column for each task.

use super::{Store, db::Db, error::Error, rows::PlacementRow};
use sqlx::AssertSqlSafe;

impl Store {
    /// Records which published rows specs reproduce; replaces what was recorded of them before. `by`: the program that
    /// does so, if it does it for all specs that there are.
    pub fn place(&self, specs: Vec<(String, Vec<PlacementRow>)>, by: Option<&str>) -> Result<(), Error> {
        let by = by.map(str::to_string);
        self.writer.ask("record which published rows specs reproduce", move |db| {
            for (spec, rows) in specs {
                place(db, &spec, rows)?;
            }
            let Some(by) = by else { return Ok(()) };
            let query =
                "INSERT INTO store VALUES ('placed', ?) ON CONFLICT DO UPDATE SET value = excluded.value";
            db.execute(sqlx::query(query).bind(by)).map(drop)
        })
    }
}

fn place(db: &mut Db, spec: &str, rows: Vec<PlacementRow>) -> Result<(), Error> {
    let query = "DELETE FROM placement WHERE spec_id = (SELECT id FROM spec WHERE uid = ?)";
    db.execute(sqlx::query(query).bind(spec.to_string()))?;
    for row in rows {
        let query = sqlx::query(
            "INSERT INTO placement(spec_id, paper, tbl, model, condition, protocol, data, against)
             SELECT id, ?, ?, ?, ?, ?, ?, ? FROM spec WHERE uid = ?",
        );
        let query = query.bind(row.paper).bind(row.tbl).bind(row.model).bind(row.condition);
        db.execute(query.bind(row.protocol).bind(row.data).bind(row.against).bind(spec.to_string()))?;
    }
    Ok(())
}

/// Makes a view `v_<paper>_<table>` of each published table that has scores of tasks: its rows, and below each the systems
/// of ours that reproduce it.
pub(super) fn views(db: &mut Db) -> Result<(), Error> {
    db.doing = "make the views of published tables";
    let tables = "SELECT paper, tbl, json_group_array(task) FROM (
        SELECT paper, tbl, task, min(place) AS place FROM published WHERE task <> ''
        GROUP BY paper, tbl, task ORDER BY paper, tbl, place) GROUP BY paper, tbl";
    for row in db.all(sqlx::query(tables))? {
        let (paper, table) = (row.get::<&str>(0)?, row.get::<&str>(1)?);
        let tasks: Vec<String> = serde_json::from_str(row.get(2)?).unwrap_or_default();
        let name = format!("v_{paper}_{table}");
        let sql = view(&name, paper, table, &tasks);
        let known =
            db.first(sqlx::query("SELECT sql FROM sqlite_schema WHERE name = ?").bind(name.clone()))?;
        if known.is_some_and(|known| known.get::<&str>(0).is_ok_and(|known| known == sql)) {
            continue;
        }
        db.transaction(|db| {
            db.execute(sqlx::query(AssertSqlSafe(format!("DROP VIEW IF EXISTS {name}"))))?;
            db.execute(sqlx::query(AssertSqlSafe(sql))).map(drop)
        })?;
    }
    Ok(())
}

/// Papers, tables and tasks are names of the program's own: no quotes are in them.
fn view(name: &str, paper: &str, table: &str, tasks: &[String]) -> String {
    let columns = |value: &str| {
        let column =
            |task: &String| format!(", max(CASE WHEN task = '{task}' THEN {value} END) AS \"{task}\"");
        tasks.iter().map(column).collect::<String>()
    };
    let these = format!("paper = '{paper}' AND tbl = '{table}' AND task <> ''");
    format!(
        "CREATE VIEW {name} AS SELECT * FROM (SELECT model, condition, 'print' AS source, '' AS spec, NULL AS seeds{}, min(place) AS place
 FROM published WHERE {these} GROUP BY model, condition
 UNION ALL SELECT model, condition, kind || CASE world WHEN '' THEN '' ELSE ' (world ' || world || ')' END || ', ' || scale,
 spec, max(n){}, min(place) FROM v_paper WHERE {these} AND measured IS NOT NULL
 GROUP BY model, condition, spec, kind, world, scale)
 ORDER BY place, source <> 'print', source, spec",
        columns("value"),
        columns("measured")
    )
}
