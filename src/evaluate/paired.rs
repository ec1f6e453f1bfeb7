//! Pairs the predictions of two sides for the same images.

use super::{
    Error, Truth,
    answered::{Answered, Interned, TaskImages},
    metrics::{Counts, f1_macro},
    units::Unit,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// One task with the predictions of both sides. A side has one list per seed; every list has the length and
/// order of `truth`, that of the images' keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// `Allen/Task_one`.
    pub task: String,
    /// The unit that groups images.
    pub unit: Unit,
    /// The unit of each image, numbered from 0.
    pub units: Vec<u32>,
    /// The label of each image, numbered from 0.
    pub truth: Vec<u16>,
    /// The first side's predictions, per seed.
    pub a: Vec<Vec<u16>>,
    /// The second side's predictions, per seed.
    pub b: Vec<Vec<u16>>,
    /// Whether labels that are only predicted count in the macro-F1, as where a classifier of other images answers.
    pub predicted_too: bool,
}

/// Names of the tasks in a file of predictions, `Allen/Task_one`, in file order.
pub fn tasks(file: &[Answered]) -> Vec<String> {
    file.iter().map(|one| one.asked.task.clone()).collect()
}

/// Joins one task of several files of predictions by the images' keys; each side has one file per seed.
/// Images are grouped by `unit`, or by the first of the [usual](Unit::USUAL) units of which the task has
/// enough.
///
/// # Errors
/// [`Error::Empty`] for a side without files or a task without images, [`Error::Unpaired`] if the files do
/// not have the same images with the same labels, each once, [`Error::NoUnits`] if none of them records the
/// unit.
pub fn pair(task: &str, unit: Option<Unit>, a: &[&[Answered]], b: &[&[Answered]]) -> Result<Paired, Error> {
    let files = a.iter().chain(b).copied();
    let all: Vec<_> = files.map(|file| file.iter().find(|one| one.asked.task == task)).collect();
    if a.is_empty() || b.is_empty() {
        return Err(Error::Empty { what: "file of predictions on each side" });
    }
    let Some(first) = all[0].map(|one| &one.asked).filter(|asked| !asked.images.is_empty()) else {
        return Err(Error::Empty { what: "image in the task" });
    };
    let all: Vec<&Answered> =
        all.into_iter().map(|one| same_question(first, one)).collect::<Result<_, _>>()?;
    // Files of older versions record no units; the others provide them.
    let known = |unit: Unit| all.iter().find_map(|one| one.asked.units(unit));
    let enough = |units: &Vec<u32>, unit| unit == Unit::Image || count(units) >= Unit::MIN_UNITS;
    let usual =
        || Unit::USUAL.into_iter().find_map(|unit| Some((unit, known(unit).filter(|it| enough(it, unit))?)));
    let (unit, units) = match unit {
        Some(unit) => known(unit).map(|units| (unit, units)),
        None => usual(),
    }
    .ok_or_else(|| Error::NoUnits { task: task.into(), unit: unit.map_or("unit", Unit::name) })?;

    let said = all.iter().flat_map(|one| &one.predicted.names);
    let labels: BTreeSet<&str> = first.truth.names.iter().chain(said).map(String::as_str).collect();
    let number: BTreeMap<&str, u16> = labels.into_iter().zip(0..).collect();
    let numbers = |words: &Interned, by_key: &[u32]| -> Vec<u16> {
        let numbers: Vec<u16> = words.names.iter().map(|name| number[name.as_str()]).collect();
        by_key.iter().map(|place| numbers[words.at[*place as usize] as usize]).collect()
    };
    let predicted = |one: &&Answered| numbers(&one.predicted, &one.asked.by_key);
    let (of_a, of_b) = all.split_at(a.len());
    let (a, b) = (of_a.iter().map(predicted).collect(), of_b.iter().map(predicted).collect());
    Ok(Paired {
        task: task.into(),
        unit,
        units,
        truth: numbers(&first.truth, &first.by_key),
        a,
        b,
        predicted_too: false,
    })
}

impl Paired {
    /// The macro-F1 of a list of predictions for all images.
    pub(super) fn f1_macro(&self, predicted: &[u16]) -> f64 {
        let counts = Counts::of_lists(&self.truth, predicted);
        if !self.predicted_too {
            return f1_macro(&counts);
        }
        let pairs = self.truth.iter().zip(predicted).map(|(a, b)| (Truth::One(*a), Truth::One(*b)));
        f1_macro(&Counts::of_all(pairs))
    }

    /// The number of units.
    pub fn count(&self) -> usize {
        count(&self.units)
    }
}

fn count(units: &[u32]) -> usize {
    units.iter().max().map_or(0, |last| *last as usize + 1)
}

/// The predictions of one file, checked for the same images with the same labels.
fn same_question<'a>(first: &Arc<TaskImages>, other: Option<&'a Answered>) -> Result<&'a Answered, Error> {
    let unpaired = |found: String| Error::Unpaired { task: first.task.clone(), found };
    if let Some(other) = other.filter(|other| Arc::ptr_eq(first, &other.asked)) {
        return Ok(other);
    }
    let Some(other) = other.filter(|other| first.keys().eq(other.asked.keys())) else {
        let images = other.map_or(&[][..], |other| &other.asked.images);
        let (one, another): (BTreeSet<_>, BTreeSet<_>) =
            (first.images.iter().collect(), images.iter().collect());
        let image = one.symmetric_difference(&another).next().map_or("", |image| image.as_str());
        let (one, another) = (one.len(), another.len());
        return Err(unpaired(format!("{one} and {another} images, {image} among one of them only")));
    };
    let differs = first.keys().zip(first.labels().zip(other.asked.labels())).find(|(_, (a, b))| a != b);
    match differs {
        None => Ok(other),
        Some((image, (a, b))) => Err(unpaired(format!("{image} labelled `{a}` and `{b}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::answered::tests::answered, *};

    const TASK: &str = "Yeast/Task_two";

    fn file(lines: &[(&str, &str, &str)]) -> [Answered; 1] {
        [answered(TASK, lines)]
    }

    #[test]
    fn images_meet_by_key_and_labels_become_numbers() {
        let a = file(&[("1", "er", "er"), ("2", "golgi", "er")]);
        let b = file(&[("2", "golgi", "vacuole"), ("1", "er", "golgi")]);
        let one = answered("Yeast/Task_one", &[("1", "er", "er")]);
        assert_eq!(tasks(&[a[0].clone(), one]), [TASK, "Yeast/Task_one"]);
        let paired = pair(TASK, None, &[&a, &a], &[&b]).unwrap();
        assert_eq!((paired.truth, paired.b), (vec![0, 1], vec![vec![1, 2]]));
        assert_eq!(paired.a, [[0, 0], [0, 0]]);
    }

    #[test]
    fn different_questions_are_refused() {
        let a = file(&[("1", "er", "er"), ("2", "golgi", "er")]);
        let refused = |b: &[(&str, &str, &str)]| {
            let error = pair(TASK, None, &[&a], &[&file(b)]).unwrap_err();
            assert!(matches!(error, Error::Unpaired { .. }), "{error}");
            error.to_string()
        };
        assert!(refused(&[("1", "er", "er")]).contains("2 and 1 images, 2 among one"));
        assert!(refused(&[("1", "er", "er"), ("3", "er", "er")]).contains("2 among one"));
        assert!(refused(&[("1", "er", "er"), ("2", "er", "er")]).contains("2 labelled `golgi` and `er`"));
        assert!(matches!(pair("Yeast/Task_one", None, &[&a], &[&a]), Err(Error::Empty { .. })));
        assert!(matches!(pair(TASK, None, &[&a], &[]), Err(Error::Empty { .. })));
    }

    #[test]
    fn images_are_put_together_by_the_coarsest_unit_of_which_there_are_enough() {
        let lines: Vec<String> = (0..40).map(|image| format!("{image:02}")).collect();
        let old = file(&lines.iter().map(|image| (image.as_str(), "er", "er")).collect::<Vec<_>>());
        let units = |name: &str, of: usize| -> Option<Interned> {
            let names: Vec<String> = (0..40).map(|at| format!("{name}{}", at % of)).collect();
            Some(names.iter().map(String::as_str).collect())
        };
        // Twelve wells on two plates, and no fields of view.
        let images: Vec<&str> = lines.iter().map(String::as_str).collect();
        let known = [None, units("w", 12), units("p", 2), None];
        let asked = Arc::new(TaskImages::new(TASK, &images, &["er"; 40], known).unwrap());
        let a = [Answered { asked, ..old[0].clone() }];
        let unit = |unit| pair(TASK, unit, &[&old, &a], &[&a]).map(|paired| (paired.unit, paired.count()));
        assert_eq!(unit(None).unwrap(), (Unit::Well, 12));
        assert_eq!(unit(Some(Unit::Plate)).unwrap(), (Unit::Plate, 2));
        assert_eq!(unit(Some(Unit::Image)).unwrap(), (Unit::Image, 40));
        assert!(matches!(unit(Some(Unit::Group)), Err(Error::NoUnits { unit: "group", .. })));
        let paired = pair(TASK, None, &[&old], &[&old]).unwrap();
        assert_eq!((paired.unit, paired.units[39]), (Unit::Image, 39));
    }
}
