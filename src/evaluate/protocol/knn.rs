//! The weighted votes of the nearest training images of a set (DINO, DINOv2): each of the k nearest by cosine counts
//! `exp(cosine / temperature)`.

use super::{Protocol, folds::folds};
use crate::{
    evaluate::{
        Error, FeatureRows, Prediction, TaskInput, Truth,
        knn::{Unit, nearest, shares},
        vectors::first_largest,
    },
    event::Listen,
};
use candle_core::Device;

/// The votes as they are said.
pub struct Knn {
    /// Nearest images that vote.
    pub k: usize,
    /// Cosines are divided by this.
    pub temperature: f64,
}

impl Protocol for Knn {
    fn answer(
        &self,
        task: &TaskInput<'_>,
        features: &dyn FeatureRows,
        _: &Device,
        listen: &mut dyn Listen,
    ) -> Result<Vec<Prediction>, Error> {
        let mut predictions = Vec::new();
        for fold in folds(task) {
            let truths: Vec<Truth> = fold.known.iter().map(|row| task.labels.of(*row)).collect();
            // Images with the same labels vote for the same.
            let mut kinds = truths.clone();
            kinds.sort_unstable();
            kinds.dedup();
            let kind = |truth: &Truth| kinds.binary_search(truth).expect("it is one of them") as u16;
            let labels: Vec<u16> = truths.iter().map(kind).collect();
            let (known, asked) = (Unit::read(features, &fold.known)?, Unit::read(features, &fold.asked)?);
            for (row, near) in fold.asked.iter().zip(nearest(&known, &asked, self.k, listen)?) {
                let shares = shares(&near, self.k, self.temperature, &labels, kinds.len());
                let best = first_largest(&shares);
                let nearest = near.first().map(|near| fold.known[near.place as usize]);
                predictions.push(Prediction {
                    row: *row,
                    truth: task.labels.of(*row),
                    predicted: kinds[best],
                    nearest,
                    similarity: Some(shares[best] as f32),
                    tied: shares.iter().filter(|share| **share == shares[best]).count() > 1,
                });
            }
        }
        predictions.sort_unstable_by_key(|prediction| prediction.row);
        Ok(predictions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        evaluate::{FeatureMatrix, Labels},
        event::Silence,
    };

    /// Three of one class are near; the nearest is of another. With groups, those of another group vote too.
    #[test]
    fn the_nearest_vote_and_other_groups_with_them() {
        let angles = [0.1f32, 0.2, 0.21, 0.22, 1.5, 0.0, 0.05];
        let features: Vec<f32> = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect();
        let labels = [0, 1, 1, 1, 2, 1, 3];
        let names = ["a", "b", "c", "d"].map(String::from);
        let answer = |k: usize, groups: Option<&[u32]>| -> Vec<Truth> {
            let task = TaskInput {
                data: "d",
                set: "s",
                task: "t",
                labels: Labels::One(&labels),
                label_names: &names,
                train: &[0, 1, 2, 3, 4],
                queries: &[5, 6],
                groups,
                counted: None,
            };
            let matrix = FeatureMatrix::new(2, &features).unwrap();
            let knn = Knn { k, temperature: 0.07 };
            let found = knn.answer(&task, &matrix, &Device::Cpu, &mut Silence).unwrap();
            assert_eq!(found.iter().map(|one| one.row).collect::<Vec<_>>(), [5, 6]);
            found.into_iter().map(|one| one.predicted).collect()
        };
        assert_eq!(answer(1, None), [Truth::One(0), Truth::One(0)]);
        assert_eq!(answer(4, None), [Truth::One(1), Truth::One(1)]);
        assert_eq!(answer(1, Some(&[0, 1])), [Truth::One(3), Truth::One(1)]);
        assert_eq!(answer(1, Some(&[0, 0])), [Truth::One(0), Truth::One(0)]);
        assert_eq!(answer(100, None), answer(5, None), "all of them, if there are fewer");
    }
}
