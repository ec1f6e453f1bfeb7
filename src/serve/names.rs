//! Names of runs, and what distinguishes several runs.

use super::{ask::Ask, words};
use crate::{
    spec::lines,
    store::{Error, Row, Value},
};
use std::collections::BTreeSet;

/// The model of a run, as a column: that of the published row that it reproduces, otherwise its adapter.
pub(super) const MODEL: &str = "coalesce(
      (SELECT c.model || ', ' || replace(c.condition, '_', ' ') FROM placement c WHERE c.spec_id = r.spec_id ORDER BY c.tbl DESC LIMIT 1),
      (SELECT p.txt FROM param p WHERE p.spec_id = r.spec_id AND p.key = 'model.adapter.kind'))";

/// The first experiment that contains a run, as a column.
pub(super) const EXPERIMENT: &str =
    "(SELECT e.name FROM experiment_run x JOIN experiment e ON e.id = x.experiment_id
      WHERE x.run_id = r.id ORDER BY e.name LIMIT 1)";

/// The label of the run in that experiment, as a column.
pub(super) const LABEL: &str =
    "(SELECT x.label FROM experiment_run x JOIN experiment e ON e.id = x.experiment_id
      WHERE x.run_id = r.id ORDER BY e.name LIMIT 1)";

/// The number of a run's finished works, as a column.
pub(super) const WORKS_DONE: &str = "(SELECT count(*) FROM run_work rw JOIN work w ON w.id = rw.work_id
      WHERE rw.run_id = r.id AND w.status = 'done')";

/// The number and the id of the only run whose id begins with `word`; otherwise a message.
pub(super) fn run(ask: &Ask<'_>, word: &str) -> Result<Result<(i64, String), String>, Error> {
    let sql = "SELECT id, uid FROM run WHERE uid >= ?1 AND uid < ?1 || 'g' ORDER BY uid LIMIT 2";
    let found = ask.rows(sql, &[Value::from(word.to_lowercase())])?;
    Ok(match (found.first(), found.rows.len()) {
        (Some(row), 1) if !word.is_empty() => Ok((row.int("id"), row.text("uid"))),
        (None, _) => Err(format!("No run in this store has an id that begins with `{word}`.")),
        _ => Err(format!("Several runs in this store have ids that begin with `{word}`.")),
    })
}

/// A short name for each of these runs, made of what differs among them: the label, the model, the
/// experiment, the seed.
pub(super) fn apart(ask: &Ask<'_>, uids: &[&str]) -> Result<Vec<String>, Error> {
    let sql = format!(
        "SELECT {EXPERIMENT} AS experiment, {LABEL} AS label, {MODEL} AS model, r.seed, r.scale FROM run r WHERE r.uid = ?"
    );
    let mut facts = vec![];
    for uid in uids {
        let rows = ask.rows(&sql, &[Value::Text((*uid).into())])?;
        facts.push(rows.first().map(of).unwrap_or_default());
    }
    Ok(shortest(uids, &facts))
}

fn of(row: Row<'_>) -> [String; 5] {
    let label: serde_json::Value = serde_json::from_str(&row.text("label")).unwrap_or_default();
    let values = label.as_object().into_iter().flat_map(|axes| axes.values());
    let values: Vec<String> = values.map(lines::text).collect();
    let seed = format!("seed {}", row.text("seed"));
    [values.join(", "), row.text("model"), row.text("experiment"), seed, row.text("scale")]
}

/// As few of the differing facts as distinguish the runs, followed by their ids.
fn shortest(uids: &[&str], facts: &[[String; 5]]) -> Vec<String> {
    let different = |of: &dyn Fn(&[String; 5]) -> String| facts.iter().map(of).collect::<BTreeSet<_>>().len();
    let mut used: Vec<usize> = vec![];
    let name = |used: &[usize], facts: &[String; 5]| {
        let parts = used.iter().map(|at| facts[*at].as_str()).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(" · ")
    };
    for at in 0..5 {
        let more: Vec<usize> = used.iter().copied().chain([at]).collect();
        if different(&|one| name(&more, one)) > different(&|one| name(&used, one)) {
            used = more;
        }
    }
    let names: Vec<String> = facts.iter().map(|one| name(&used, one)).collect();
    let unclear = |name: &String| name.is_empty() || names.iter().filter(|other| *other == name).count() > 1;
    let named = uids.iter().zip(&names).map(|(uid, name)| match unclear(name) {
        true if name.is_empty() => words::short(uid).to_owned(),
        true => format!("{name} · {}", words::short(uid)),
        false => name.clone(),
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_called_by_what_tells_them_apart() {
        let facts = |label: &str, seed: &str| ["", label, "e", seed, "quick"].map(String::from);
        let two = [facts("HyperNet", "seed 1"), facts("Depthwise", "seed 1")];
        assert_eq!(shortest(&["a", "b"], &two), ["HyperNet", "Depthwise"]);
        let seeds = [facts("HyperNet", "seed 1"), facts("HyperNet", "seed 2")];
        assert_eq!(shortest(&["a", "b"], &seeds), ["seed 1", "seed 2"]);
        let both = [facts("HyperNet", "seed 1"), facts("HyperNet", "seed 2"), facts("Depthwise", "seed 2")];
        assert_eq!(
            shortest(&["a", "b", "c"], &both),
            ["HyperNet · seed 1", "HyperNet · seed 2", "Depthwise · seed 2"]
        );
        let same = [facts("HyperNet", "seed 1"), facts("HyperNet", "seed 1")];
        assert_eq!(shortest(&["0123456789", "abc"], &same), ["01234567", "abc"]);
        assert_eq!(shortest(&["0123456789"], &same[..1]), ["01234567"]);
    }
}
