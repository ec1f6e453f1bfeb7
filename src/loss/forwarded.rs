//! What a loss term receives of a batch.

use super::{Distillation, Hidden};
use crate::{
    pass::{Masks, Outputs},
    tape::Node,
};

/// What a term receives for the images of one set in a batch.
#[derive(Clone, Copy)]
pub struct Forwarded<'a> {
    /// The outputs of the trained network for each group of crops.
    pub student: &'a [Outputs],
    /// The outputs of the oracle; empty if there is none.
    pub oracle: &'a [Outputs],
    /// The outputs of the teacher for the first group; empty if there is none.
    pub teacher: &'a [Outputs],
    /// What was hidden of the images, if anything was.
    pub hidden: Option<&'a Hidden>,
    /// The teacher with what belongs to it, if there is one.
    pub distillation: Option<&'a Distillation>,
    /// The masked patches of the first group, if some are masked.
    pub masks: Option<&'a Masks>,
    /// The class of each *image*, over all training sets.
    pub classes: &'a [usize],
    /// How many consecutive images belong together.
    pub together: usize,
}

impl<'a> Forwarded<'a> {
    /// Without an oracle, and every image separate.
    pub fn of(student: &'a [Outputs], classes: &'a [usize]) -> Self {
        Self {
            student,
            oracle: &[],
            teacher: &[],
            hidden: None,
            distillation: None,
            masks: None,
            classes,
            together: 1,
        }
    }

    /// Features of the first group of crops.
    ///
    /// # Panics
    /// If there is no group.
    pub fn features(&self) -> &'a Node {
        &self.student[0].features
    }

    /// The class of each row of these features.
    pub fn classes_of_rows(&self) -> Vec<usize> {
        let rows = self.features().dims()[0];
        let each = rows / self.classes.len().max(1);
        self.classes.iter().flat_map(|class| vec![*class; each]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Tensor};

    #[test]
    fn every_crop_of_an_image_has_its_class() {
        let features = Tensor::zeros((6, 2), DType::F32, &Device::Cpu).unwrap();
        let student = [Outputs::of(Node::constant(features))];
        let of = |classes: &[usize]| Forwarded::of(&student, classes).classes_of_rows();
        assert_eq!(of(&[4, 5, 4]), [4, 4, 5, 5, 4, 4]);
        assert_eq!(of(&[0, 1, 2, 3, 4, 5]), [0, 1, 2, 3, 4, 5]);
    }
}
