//! The predictions for the images of a task, by column; predictions for the same images share the question.

use super::{Error, units::Unit};
use std::{
    collections::{BTreeMap, HashMap},
    iter::zip,
    sync::{Arc, Mutex, PoisonError},
};

/// Texts with many repetitions: each distinct one once, and its index for each position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interned {
    /// Distinct texts, in the order of first occurrence.
    pub names: Vec<String>,
    /// The index of the name at each position.
    pub at: Vec<u32>,
}

impl Interned {
    /// The text at a position.
    pub fn get(&self, place: usize) -> &str {
        &self.names[self.at[place] as usize]
    }

    /// All texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.at.iter().map(|name| self.names[*name as usize].as_str())
    }
}

impl<'a> FromIterator<&'a str> for Interned {
    fn from_iter<T: IntoIterator<Item = &'a str>>(texts: T) -> Self {
        let (mut words, mut known) = (Self::default(), HashMap::new());
        for text in texts {
            let number = *known.entry(text).or_insert_with(|| {
                words.names.push(text.into());
                words.names.len() as u32 - 1
            });
            words.at.push(number);
        }
        words
    }
}

/// The images that a task queries.
#[derive(Debug, PartialEq, Eq)]
pub struct TaskImages {
    /// `Allen/Task_one`.
    pub task: String,
    /// Each image's `file_path`, in the order of the file.
    pub images: Vec<String>,
    /// Indices into that order, sorted by the images' keys: an order that all files have in common.
    pub by_key: Vec<u32>,
    /// Labels.
    pub truth: Interned,
    /// The units that images belong to, in the order of [`Unit::KEPT`]; `None` unless all images have one.
    pub units: [Option<Interned>; 4],
}

impl TaskImages {
    /// A task's images with their labels and units.
    ///
    /// # Errors
    /// [`Error::Unpaired`] for an image that is listed twice.
    pub fn new(
        task: &str,
        images: &[&str],
        truth: &[&str],
        units: [Option<Interned>; 4],
    ) -> Result<Self, Error> {
        let mut by_key: Vec<u32> = (0..images.len() as u32).collect();
        by_key.sort_unstable_by_key(|place| images[*place as usize]);
        let twice = by_key.windows(2).find(|pair| images[pair[0] as usize] == images[pair[1] as usize]);
        if let Some(pair) = twice {
            let found = format!("{} twice in one file", images[pair[0] as usize]);
            return Err(Error::Unpaired { task: task.into(), found });
        }
        Ok(Self {
            task: task.into(),
            images: images.iter().map(|image| (*image).into()).collect(),
            by_key,
            truth: truth.iter().copied().collect(),
            units,
        })
    }

    /// Whether these are the question's images and labels, in this order.
    fn is(&self, images: &[&str], truth: &[&str]) -> bool {
        self.images.len() == images.len()
            && zip(&self.images, images).all(|(one, other)| one == other)
            && zip(self.truth.iter(), truth).all(|(one, other)| one == *other)
    }

    /// The images' keys in the common order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.by_key.iter().map(|place| self.images[*place as usize].as_str())
    }

    /// Their labels in the common order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.by_key.iter().map(|place| self.truth.get(*place as usize))
    }

    /// The unit of each image in the common order, as a number from 0 on in the order of the units' names;
    /// `None` unless every image has one.
    pub fn units(&self, unit: Unit) -> Option<Vec<u32>> {
        if unit == Unit::Image {
            return Some((0..self.images.len() as u32).collect());
        }
        let place = Unit::KEPT.iter().position(|kept| *kept == unit)?;
        let words = self.units[place].as_ref()?;
        let mut sorted: Vec<&String> = words.names.iter().collect();
        sorted.sort_unstable();
        let number = |name| sorted.binary_search(&name).expect("all names are among the sorted") as u32;
        let numbers: Vec<u32> = words.names.iter().map(number).collect();
        Some(self.by_key.iter().map(|place| numbers[words.at[*place as usize] as usize]).collect())
    }
}

/// One model's predictions for a task's images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The question.
    pub asked: Arc<TaskImages>,
    /// The predicted label of each image, in the order of [`TaskImages::images`].
    pub predicted: Interned,
}

/// Known questions, shared between files: many files have the same images, which are then kept once.
#[derive(Debug, Default)]
pub struct PredictionCache(Mutex<BTreeMap<Place, Vec<Arc<TaskImages>>>>);

/// The fingerprint of the data, and a task.
type Place = (String, String);

impl PredictionCache {
    /// The question with these images in a task of `data` (a fingerprint), if it is known.
    pub fn find(&self, data: &str, task: &str, images: &[&str], truth: &[&str]) -> Option<Arc<TaskImages>> {
        let known = {
            let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            cache.get(&(data.into(), task.into())).cloned().unwrap_or_default()
        };
        known.into_iter().find(|asked| asked.is(images, truth))
    }

    /// Stores a question about `data`.
    pub fn put(&self, data: &str, asked: Arc<TaskImages>) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.entry((data.into(), asked.task.clone())).or_default().push(asked);
    }
}

/// Predictions for tests.
#[cfg(test)]
pub mod tests {
    use super::*;

    /// Key, label and prediction of each image in one task, without units.
    pub fn answered(task: &str, lines: &[(&str, &str, &str)]) -> Answered {
        let images: Vec<&str> = lines.iter().map(|line| line.0).collect();
        let truth: Vec<&str> = lines.iter().map(|line| line.1).collect();
        let asked = TaskImages::new(task, &images, &truth, Default::default()).unwrap();
        Answered { asked: Arc::new(asked), predicted: lines.iter().map(|line| line.2).collect() }
    }

    #[test]
    fn words_are_kept_once_and_a_known_question_is_shared() {
        let words: Interned = ["er", "golgi", "er"].into_iter().collect();
        assert_eq!((words.names.len(), &words.at[..], words.get(2)), (2, &[0, 1, 0][..], "er"));
        let asked = answered("Yeast/Task_two", &[("b", "er", "er"), ("a", "golgi", "er")]).asked;
        assert_eq!(asked.keys().zip(asked.labels()).collect::<Vec<_>>(), [("a", "golgi"), ("b", "er")]);
        let twice = TaskImages::new("Yeast/Task_two", &["a", "b", "a"], &["er"; 3], Default::default());
        assert!(twice.unwrap_err().to_string().contains("a twice in one file"));
        let cache = PredictionCache::default();
        cache.put("f1", asked.clone());
        let find = |data, images: [&str; 2], truth: [&str; 2]| {
            cache
                .find(data, "Yeast/Task_two", &images, &truth)
                .is_some_and(|found| Arc::ptr_eq(&found, &asked))
        };
        assert!(find("f1", ["b", "a"], ["er", "golgi"]));
        assert!(!find("f2", ["b", "a"], ["er", "golgi"]), "other data");
        assert!(!find("f1", ["a", "b"], ["er", "golgi"]), "another order");
        assert!(!find("f1", ["b", "a"], ["er", "er"]), "other labels");
        assert!(cache.find("f1", "Yeast/Task_two", &["b"], &["er"]).is_none());
    }
}
