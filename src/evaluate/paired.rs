//! Predictions of two sides for the same images, side by side.

use super::{Error, predictions::Row};
use std::collections::{BTreeMap, BTreeSet};

/// One task with what each side predicted. A side has one list for each of its seeds; every list is as long as `truth`
/// and in the same order, that of the images' keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// `Allen/Task_one`.
    pub task: String,
    /// The label of each image, as a number from 0 on.
    pub truth: Vec<u16>,
    /// What the first side predicted, for each seed.
    pub a: Vec<Vec<u16>>,
    /// What the second side predicted, for each seed.
    pub b: Vec<Vec<u16>>,
}

/// (truth, prediction) by image.
type Answers<'a> = BTreeMap<&'a str, (&'a str, &'a str)>;

/// Names of the tasks in a file of predictions, `Allen/Task_one`, in its order.
pub fn tasks(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<(&str, &str)> = vec![];
    for row in rows {
        // The images of a task stand together, so that the last name is mostly the right one.
        let name = (row.set.as_str(), row.task.as_str());
        if names.last() != Some(&name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().map(|(set, task)| format!("{set}/{task}")).collect()
}

/// Joins one task of several files of predictions by the images' keys; each side has one file for each of its seeds.
///
/// # Errors
/// [`Error::Empty`] for a side without files or a task without images, [`Error::Unpaired`] if the files do not have the
/// same images with the same labels, each once.
pub fn pair(task: &str, a: &[&[Row]], b: &[&[Row]]) -> Result<Paired, Error> {
    let a = a.iter().map(|rows| answers(task, rows)).collect::<Result<Vec<_>, _>>()?;
    let b = b.iter().map(|rows| answers(task, rows)).collect::<Result<Vec<_>, _>>()?;
    let (Some(first), false) = (a.first(), b.is_empty()) else {
        return Err(Error::Empty { what: "file of predictions on each side" });
    };
    if first.is_empty() {
        return Err(Error::Empty { what: "image in the task" });
    }
    for other in a.iter().chain(&b) {
        same_questions(task, first, other)?;
    }
    let everybody = a.iter().chain(&b).flat_map(|side| side.values());
    let labels: BTreeSet<&str> = everybody.flat_map(|(truth, predicted)| [*truth, *predicted]).collect();
    let number: BTreeMap<&str, u16> = labels.into_iter().zip(0..).collect();
    let predicted = |side: &[Answers<'_>]| {
        side.iter().map(|one| one.values().map(|(_, label)| number[label]).collect()).collect()
    };
    let truth = first.values().map(|(label, _)| number[label]).collect();
    Ok(Paired { task: task.into(), truth, a: predicted(&a), b: predicted(&b) })
}

fn answers<'a>(task: &str, rows: &'a [Row]) -> Result<Answers<'a>, Error> {
    let mut answers = Answers::new();
    for row in rows.iter().filter(|row| task.split_once('/') == Some((&row.set, &row.task))) {
        if answers.insert(&row.image, (&row.truth, &row.predicted)).is_some() {
            let found = format!("{} twice in one file", row.image);
            return Err(Error::Unpaired { task: task.into(), found });
        }
    }
    Ok(answers)
}

fn same_questions(task: &str, one: &Answers<'_>, other: &Answers<'_>) -> Result<(), Error> {
    let unpaired = |found: String| Err(Error::Unpaired { task: task.into(), found });
    let lonely = one.keys().find(|image| !other.contains_key(*image));
    if let Some(image) = lonely.or_else(|| other.keys().find(|image| !one.contains_key(*image))) {
        return unpaired(format!("{} and {} images, {image} among one of them only", one.len(), other.len()));
    }
    for ((image, (truth, _)), (other, _)) in one.iter().zip(other.values()) {
        if truth != other {
            return unpaired(format!("{image} labelled `{truth}` and `{other}`"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lines: &[(&str, &str, &str)]) -> Vec<Row> {
        let row = |(image, truth, predicted): &(&str, &str, &str)| Row {
            set: "Yeast".into(),
            task: "Task_two".into(),
            image: (*image).into(),
            truth: (*truth).into(),
            predicted: (*predicted).into(),
            ..Row::default()
        };
        lines.iter().map(row).collect()
    }

    #[test]
    fn images_meet_by_key_and_labels_become_numbers() {
        let a = rows(&[("1", "er", "er"), ("2", "golgi", "er")]);
        let b = rows(&[("2", "golgi", "vacuole"), ("1", "er", "golgi")]);
        let one = [Row { task: "Task_one".into(), ..a[0].clone() }];
        assert_eq!(tasks(&[&a[..], &one, &a].concat()), ["Yeast/Task_two", "Yeast/Task_one"]);
        let paired = pair("Yeast/Task_two", &[&a, &a], &[&b]).unwrap();
        assert_eq!((paired.truth, paired.b), (vec![0, 1], vec![vec![1, 2]]));
        assert_eq!(paired.a, [[0, 0], [0, 0]]);
    }

    #[test]
    fn different_questions_are_refused() {
        let a = rows(&[("1", "er", "er"), ("2", "golgi", "er")]);
        let refused = |b: &[(&str, &str, &str)]| {
            let error = pair("Yeast/Task_two", &[&a], &[&rows(b)]).unwrap_err();
            assert!(matches!(error, Error::Unpaired { .. }), "{error}");
            error.to_string()
        };
        assert!(refused(&[("1", "er", "er")]).contains("2 and 1 images, 2 among one"));
        assert!(refused(&[("1", "er", "er"), ("3", "er", "er")]).contains("2 among one"));
        assert!(refused(&[("1", "er", "er"), ("2", "er", "er")]).contains("2 labelled `golgi` and `er`"));
        assert!(refused(&[("1", "er", "er"), ("1", "er", "er")]).contains("1 twice"));
        assert!(matches!(pair("Yeast/Task_one", &[&a], &[&a]), Err(Error::Empty { .. })));
        assert!(matches!(pair("Yeast/Task_two", &[&a], &[]), Err(Error::Empty { .. })));
    }
}
