//! Names of runs and curves in other programs' folders: legal there, stable, and sortable.

use super::Error;
use super::selection::{Curve, Run, Selection, Work};
use crate::{spec::kind::FIT, store::ScoreRow};
use std::collections::BTreeSet;

/// Maximum number of letters in a name; file systems allow 255 bytes.
const MAX_NAME: usize = 120;

/// A folder name that any file system accepts: everything but letters, digits and `._-+=,` becomes `_`.
pub(super) fn folder(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-+=,".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).take(MAX_NAME).collect();
    // A leading dot hides a file, and `.` and `..` are reserved.
    match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None if name.is_empty() => "_".into(),
        None => name,
    }
}

/// What distinguishes a run's spec: `adapter=hypernet,epochs=15`; empty if nothing does.
pub(super) fn label(run: &Run) -> String {
    let words: Vec<String> = run.label.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
    words.join(",")
}

/// `seed-007-0123abcd`: sorts by seed, with enough of the run's id to find it.
pub(super) fn seed(run: &Run) -> String {
    format!("seed-{:03}-{}", run.seed, run.uid.get(..8).unwrap_or(&run.uid))
}

/// Unique names for the curves of a run. Those of its training are named after the metric; those of other
/// work are prefixed by its kind and, if a run has several trainings, by the sets of each.
pub(super) fn curves(selection: &Selection<'_>, run: &Run) -> Result<Vec<(String, Curve)>, Error> {
    let mut drawn = vec![];
    for work in selection.works(run.id)? {
        let curves = selection.curves(&work)?;
        if !curves.is_empty() {
            drawn.push((work, curves));
        }
    }
    let trainings: Vec<&Work> = drawn.iter().map(|(work, _)| work).filter(|work| work.kind == FIT).collect();
    let sets: BTreeSet<&[String]> = trainings.iter().map(|work| work.sets.as_slice()).collect();
    let told_apart = sets.len() == trainings.len();
    let fronts: Vec<String> = drawn
        .iter()
        .map(|(work, _)| match work.kind.as_str() {
            FIT if trainings.len() == 1 => String::new(),
            FIT if told_apart => format!("{}/", work.sets.join("+")),
            FIT => format!("{}/", work.uid),
            kind => format!("{kind}/"),
        })
        .collect();
    let named = drawn.into_iter().zip(fronts).flat_map(|((_, curves), front)| {
        curves.into_iter().map(move |curve| (format!("{front}{}", curve.metric), curve))
    });
    Ok(named.collect())
}

/// Unique names for scores: `score/HPA/Task_one/f1_macro`, with protocol and images in front of the task if a
/// run has several.
pub(super) fn scores(scores: Vec<ScoreRow>) -> Vec<(String, f64)> {
    let question = |score: &ScoreRow| (score.protocol.clone(), score.images());
    let several = scores.iter().map(question).collect::<BTreeSet<_>>().len() > 1;
    let name = |score: &ScoreRow| match (several, question(score), &score.task, &score.metric) {
        (true, (protocol, images), task, metric) => format!("score/{protocol}/{images}/{task}/{metric}"),
        (false, _, task, metric) => format!("score/{task}/{metric}"),
    };
    scores.iter().map(|score| (name(score), score.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_word_becomes_a_folder() {
        assert_eq!(folder("adapter=hypernet,epochs=15"), "adapter=hypernet,epochs=15");
        assert_eq!(folder("a/b \\ µ"), "a_b____");
        assert_eq!((folder(".."), folder(""), folder(".git")), ("_.".into(), "_".into(), "_git".into()));
        assert_eq!(folder(&"x".repeat(1000)).len(), MAX_NAME);
    }

    #[test]
    fn scores_are_called_by_their_task_until_that_is_not_enough() {
        let score = |protocol: &str| ScoreRow {
            protocol: protocol.into(),
            data: "chammi".into(),
            part: String::new(),
            task: "HPA/Task_one".into(),
            class: String::new(),
            metric: "f1_macro".into(),
            value: 0.5,
            n: 9,
        };
        assert_eq!(scores(vec![score("a")]), [("score/HPA/Task_one/f1_macro".into(), 0.5)]);
        let two = scores(vec![score("a"), score("b")]);
        assert_eq!(two[1].0, "score/b/chammi/HPA/Task_one/f1_macro");
        let part = ScoreRow { part: "plate=P1".into(), ..score("a") };
        let names: Vec<String> = scores(vec![score("a"), part]).into_iter().map(|(name, _)| name).collect();
        assert_ne!(names[0], names[1], "{names:?}");
    }
}
