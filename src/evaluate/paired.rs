//! Predictions of two sides for the same images, side by side.

use super::{Error, predictions::Row, units::Unit};
use std::collections::{BTreeMap, BTreeSet};

/// One task with what each side predicted. A side has one list for each of its seeds; every list is as long as `truth`
/// and in the same order, that of the images' keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// `Allen/Task_one`.
    pub task: String,
    /// What the images were put together by.
    pub unit: Unit,
    /// The unit of each image, as a number from 0 on.
    pub units: Vec<u32>,
    /// The label of each image, as a number from 0 on.
    pub truth: Vec<u16>,
    /// What the first side predicted, for each seed.
    pub a: Vec<Vec<u16>>,
    /// What the second side predicted, for each seed.
    pub b: Vec<Vec<u16>>,
}

/// What was said of each image.
type Answers<'a> = BTreeMap<&'a str, &'a Row>;

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
/// Images are put together by `unit`, or by the first of the [usual](Unit::USUAL) of which the task has enough.
///
/// # Errors
/// [`Error::Empty`] for a side without files or a task without images, [`Error::Unpaired`] if the files do not have the
/// same images with the same labels, each once, [`Error::NoUnits`] if none of them knows the unit.
pub fn pair(task: &str, unit: Option<Unit>, a: &[&[Row]], b: &[&[Row]]) -> Result<Paired, Error> {
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
    // A file of an older program knows no units; the others then speak for it.
    let known = |unit: Unit| a.iter().chain(&b).find_map(|side| numbers(side, unit));
    let enough = |units: &Vec<u32>, unit| unit == Unit::Image || count(units) >= Unit::FEW;
    let usual =
        || Unit::USUAL.into_iter().find_map(|unit| Some((unit, known(unit).filter(|it| enough(it, unit))?)));
    let (unit, units) = match unit {
        Some(unit) => known(unit).map(|units| (unit, units)),
        None => usual(),
    }
    .ok_or_else(|| Error::NoUnits { task: task.into(), unit: unit.map_or("unit", Unit::name) })?;

    let everybody = a.iter().chain(&b).flat_map(|side| side.values());
    let labels: BTreeSet<&str> = everybody.flat_map(|row| [row.truth.as_str(), &row.predicted]).collect();
    let number: BTreeMap<&str, u16> = labels.into_iter().zip(0..).collect();
    let predicted = |side: &[Answers<'_>]| {
        side.iter().map(|one| one.values().map(|row| number[row.predicted.as_str()]).collect()).collect()
    };
    let truth = first.values().map(|row| number[row.truth.as_str()]).collect();
    Ok(Paired { task: task.into(), unit, units, truth, a: predicted(&a), b: predicted(&b) })
}

impl Paired {
    /// How many units there are.
    pub fn count(&self) -> usize {
        count(&self.units)
    }
}

fn count(units: &[u32]) -> usize {
    units.iter().max().map_or(0, |last| *last as usize + 1)
}

/// The unit of each image by number, in the order of their names; none unless all images have one.
fn numbers(answers: &Answers<'_>, unit: Unit) -> Option<Vec<u32>> {
    let names: Vec<&str> = answers.values().map(|row| row.unit(unit)).collect::<Option<_>>()?;
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    let number: BTreeMap<&str, u32> = distinct.into_iter().zip(0..).collect();
    Some(names.into_iter().map(|name| number[name]).collect())
}

fn answers<'a>(task: &str, rows: &'a [Row]) -> Result<Answers<'a>, Error> {
    let mut answers = Answers::new();
    for row in rows.iter().filter(|row| task.split_once('/') == Some((&row.set, &row.task))) {
        if answers.insert(&row.image, row).is_some() {
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
    for ((image, row), other) in one.iter().zip(other.values()) {
        if row.truth != other.truth {
            return unpaired(format!("{image} labelled `{}` and `{}`", row.truth, other.truth));
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
        let paired = pair("Yeast/Task_two", None, &[&a, &a], &[&b]).unwrap();
        assert_eq!((paired.truth, paired.b), (vec![0, 1], vec![vec![1, 2]]));
        assert_eq!(paired.a, [[0, 0], [0, 0]]);
    }

    #[test]
    fn different_questions_are_refused() {
        let a = rows(&[("1", "er", "er"), ("2", "golgi", "er")]);
        let refused = |b: &[(&str, &str, &str)]| {
            let error = pair("Yeast/Task_two", None, &[&a], &[&rows(b)]).unwrap_err();
            assert!(matches!(error, Error::Unpaired { .. }), "{error}");
            error.to_string()
        };
        assert!(refused(&[("1", "er", "er")]).contains("2 and 1 images, 2 among one"));
        assert!(refused(&[("1", "er", "er"), ("3", "er", "er")]).contains("2 among one"));
        assert!(refused(&[("1", "er", "er"), ("2", "er", "er")]).contains("2 labelled `golgi` and `er`"));
        assert!(refused(&[("1", "er", "er"), ("1", "er", "er")]).contains("1 twice"));
        assert!(matches!(pair("Yeast/Task_one", None, &[&a], &[&a]), Err(Error::Empty { .. })));
        assert!(matches!(pair("Yeast/Task_two", None, &[&a], &[]), Err(Error::Empty { .. })));
    }

    #[test]
    fn images_are_put_together_by_the_coarsest_unit_of_which_there_are_enough() {
        let lines: Vec<String> = (0..40).map(|image| format!("{image:02}")).collect();
        let mut a = rows(&lines.iter().map(|image| (image.as_str(), "er", "er")).collect::<Vec<_>>());
        let old = a.clone();
        for (at, row) in a.iter_mut().enumerate() {
            // Twelve wells on two plates, and no fields of view.
            row.units = [None, Some(format!("w{}", at % 12)), Some(format!("p{}", at % 2)), None];
        }
        let unit = |unit| {
            pair("Yeast/Task_two", unit, &[&old, &a], &[&a]).map(|paired| (paired.unit, paired.count()))
        };
        assert_eq!(unit(None).unwrap(), (Unit::Well, 12));
        assert_eq!(unit(Some(Unit::Plate)).unwrap(), (Unit::Plate, 2));
        assert_eq!(unit(Some(Unit::Image)).unwrap(), (Unit::Image, 40));
        assert!(matches!(unit(Some(Unit::Group)), Err(Error::NoUnits { unit: "group", .. })));
        let paired = pair("Yeast/Task_two", None, &[&old], &[&old]).unwrap();
        assert_eq!((paired.unit, paired.units[39]), (Unit::Image, 39));
    }
}
