//! Nearest class means as a linear classifier.

use super::{Head, Training};
use crate::evaluate::{Error, moments::Moments};

/// Between features z with mean 0 and SD 1 over the training images, minus half the squared distance to the mean of class c
/// is `z · mean_c - |mean_c|² / 2`, up to what all classes have in common. A feature that is constant there says nothing.
pub(super) fn fit(training: &Training<'_>) -> Result<Head, Error> {
    training.check()?;
    let moments = training.moments()?;
    let (classes, width) = (training.classes(), moments.mean.len());
    let (mut sums, mut counts) = (vec![0f64; classes.len() * width], vec![0f64; classes.len()]);
    let labels = training.labels(&classes);
    for (part, labels) in training.parts.iter().zip(&labels) {
        let mut place = labels.iter();
        moments.scaled(part.features()?, &part.rows, |z| {
            let class = usize::from(*place.next().expect("every training image has a class"));
            counts[class] += 1.0;
            sums[class * width..][..width].iter_mut().zip(z).for_each(|(sum, z)| *sum += z);
        })?;
    }
    let means: Vec<f64> = sums
        .chunks_exact(width)
        .zip(&counts)
        .flat_map(|(sums, n)| sums.iter().map(move |sum| sum / n))
        .collect();
    let bias = means
        .chunks_exact(width)
        .map(|mean| -mean.iter().map(|value| value * value).sum::<f64>() / 2.0)
        .collect();
    Ok(Head { classes, weight: means, bias }.of_unscaled(&moments))
}

impl Head {
    /// The same classifier for features before they were centred and scaled.
    pub(in crate::evaluate) fn of_unscaled(mut self, Moments { mean, sd }: &Moments) -> Self {
        for (weight, bias) in self.weight.chunks_exact_mut(mean.len()).zip(&mut self.bias) {
            for ((weight, mean), sd) in weight.iter_mut().zip(mean).zip(sd) {
                *weight = if *sd > 0.0 { *weight / sd } else { 0.0 };
                *bias -= *weight * mean;
            }
        }
        self
    }
}
