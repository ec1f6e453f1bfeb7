//! Features of a target on the scale of its source: statistics re-estimated within each plate (batch, source, …).

use super::{Roles, Training, head::finite};
use crate::{
    data::Role,
    evaluate::{Error, FeatureRows, features::rows_of_a_block},
    spec::Standardised,
};
use std::collections::BTreeMap;

/// Mean and SD of each feature over some images. The SD of a feature that does not vary is 0.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::evaluate) struct Moments {
    pub(in crate::evaluate) mean: Vec<f64>,
    pub(in crate::evaluate) sd: Vec<f64>,
}

/// Rounding alone makes a constant feature vary by a few units in the last place.
const CONSTANT: f64 = 1e-6;

impl Moments {
    /// Over rows of several matrices of equal width; numbers are added in order.
    pub(super) fn of(parts: &[(&dyn FeatureRows, &[u32])]) -> Result<Self, Error> {
        let width = parts.first().map_or(0, |(features, _)| features.width());
        let n = parts.iter().map(|(_, rows)| rows.len()).sum::<usize>().max(1) as f64;
        let sums = |term: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0f64; width];
            for (features, rows) in parts {
                each(*features, rows, |image| {
                    image.iter().enumerate().for_each(|(at, value)| sums[at] += term(at, f64::from(*value)));
                })?;
            }
            Ok::<_, Error>(sums)
        };
        let mean: Vec<f64> = sums(&|_, value| value)?.into_iter().map(|sum| sum / n).collect();
        let squares = sums(&|at, value| (value - mean[at]).powi(2))?;
        let sd = squares.iter().zip(&mean).map(|(sum, mean)| {
            let sd = (sum / n).sqrt();
            if sd > CONSTANT * mean.abs().max(CONSTANT) { sd } else { 0.0 }
        });
        let sd = sd.collect();
        Ok(Self { mean, sd })
    }

    /// Over a source's training images.
    pub(in crate::evaluate) fn of_training(training: &Training<'_>) -> Result<Self, Error> {
        let parts = training.parts.iter().map(|part| Ok((part.features()?, part.rows.as_slice())));
        Self::of(&parts.collect::<Result<Vec<_>, Error>>()?)
    }
}

/// Passes some images to `take`, in order.
fn each(features: &dyn FeatureRows, rows: &[u32], mut take: impl FnMut(&[f32])) -> Result<(), Error> {
    let (width, mut values) = (features.width(), Vec::new());
    for rows in rows.chunks(rows_of_a_block(width)) {
        values.resize(rows.len() * width, 0f32);
        features.read(rows, &mut values)?;
        finite(rows, &values, width)?;
        values.chunks_exact(width).for_each(&mut take);
    }
    Ok(())
}

/// Passes some images to `take`, in order, centred and scaled; a feature without variation is 0.
pub(in crate::evaluate) fn scaled(
    features: &dyn FeatureRows,
    rows: &[u32],
    mean: &[f64],
    sd: &[f64],
    mut take: impl FnMut(&[f64]),
) -> Result<(), Error> {
    let mut z = vec![0f64; mean.len()];
    each(features, rows, |image| {
        for (at, z) in z.iter_mut().enumerate() {
            *z = if sd[at] > 0.0 { (f64::from(image[at]) - mean[at]) / sd[at] } else { 0.0 };
        }
        take(&z);
    })
}

/// What is done to the features of each image before a classifier: `scale · x + shift`, by groups of images.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scales {
    /// The group of each asked image; none: features are as they are.
    pub(super) of_image: Vec<usize>,
    pub(super) groups: Vec<Affine>,
}

/// `scale · x + shift`, feature by feature.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) scale: Vec<f64>,
    pub(super) shift: Vec<f64>,
}

impl Affine {
    /// From the mean and SD of images to those of a source. A feature that varies nowhere here becomes the source's mean.
    fn between(from: &Moments, to: &Moments) -> Self {
        let scale: Vec<f64> =
            from.sd.iter().zip(&to.sd).map(|(from, to)| if *from > 0.0 { to / from } else { 0.0 }).collect();
        let shift =
            scale.iter().zip(from.mean.iter().zip(&to.mean)).map(|(scale, (from, to))| to - scale * from);
        Self { shift: shift.collect(), scale }
    }
}

impl Scales {
    /// The features of the asked image with this number, as the classifier reads them.
    pub(super) fn read(&self, image: usize, features: &[f32], x: &mut Vec<f64>) {
        x.clear();
        match self.of_image.get(image) {
            None => x.extend(features.iter().map(|value| f64::from(*value))),
            Some(group) => {
                let Affine { scale, shift } = &self.groups[*group];
                let both = scale.iter().zip(shift);
                x.extend(
                    features
                        .iter()
                        .zip(both)
                        .map(|(value, (scale, shift))| scale * f64::from(*value) + shift),
                );
            }
        }
    }
}

/// The scale of each asked image.
pub(super) fn scales(
    said: Option<Standardised>,
    roles: &dyn Roles,
    features: &dyn FeatureRows,
    rows: &[u32],
    training: &Training<'_>,
) -> Result<Scales, Error> {
    let Some(Standardised { within, on_controls }) = said else { return Ok(Scales::default()) };
    training.check()?;
    let source = if on_controls { of_controls(training)? } else { Moments::of_training(training)? };
    if source.mean.len() != features.width() {
        let (expected, found) = (source.mean.len(), features.width());
        return Err(Error::Mismatch {
            what: "features for each image, as those of the source",
            expected,
            found,
        });
    }
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut of_image = Vec::with_capacity(rows.len());
    for row in rows {
        let next = places.len();
        of_image.push(*places.entry(roles.role(*row, within).unwrap_or("")).or_insert(next));
    }
    let mut statistics: Vec<Vec<u32>> = vec![Vec::new(); places.len()];
    if on_controls {
        // Controls of a plate need not be among the images that are asked: they may have no label.
        for row in controls(roles, features.rows()) {
            if let Some(place) = places.get(roles.role(row, within).unwrap_or("")) {
                statistics[*place].push(row);
            }
        }
    } else {
        rows.iter().zip(&of_image).for_each(|(row, group)| statistics[*group].push(*row));
    }
    let mut groups = vec![Affine { scale: vec![], shift: vec![] }; places.len()];
    for (name, place) in places {
        if statistics[place].is_empty() {
            return Err(Error::NoControls { within: within.words(), of: name.into() });
        }
        let own = Moments::of(&[(features, statistics[place].as_slice())])?;
        groups[place] = Affine::between(&own, &source);
    }
    Ok(Scales { of_image, groups })
}

/// Mean and SD over the controls of a source: those it was trained on; if controls have no label, all of its sets.
fn of_controls(training: &Training<'_>) -> Result<Moments, Error> {
    let mut parts: Vec<(&dyn FeatureRows, Vec<u32>)> = Vec::new();
    for part in &training.parts {
        let features = part.features()?;
        let all = controls(part.roles, features.rows());
        let trained: Vec<u32> =
            all.iter().copied().filter(|row| part.rows.binary_search(row).is_ok()).collect();
        parts.push((features, if trained.is_empty() { all } else { trained }));
    }
    if parts.iter().all(|(_, rows)| rows.is_empty()) {
        return Err(Error::NoControls { within: "data set".into(), of: training.data.into() });
    }
    let parts: Vec<(&dyn FeatureRows, &[u32])> =
        parts.iter().map(|(features, rows)| (*features, rows.as_slice())).collect();
    Moments::of(&parts)
}

/// Rows that the table calls untreated controls.
fn controls(roles: &dyn Roles, rows: usize) -> Vec<u32> {
    let is = |row: &u32| roles.role(*row, Role::Control).is_some_and(is_control);
    (0..rows as u32).filter(is).collect()
}

/// Whether a field of the column of controls says so: `True`, `negcon`.
fn is_control(field: &str) -> bool {
    ["true", "yes", "1", "control", "negcon", "dmso"].contains(&field.trim().to_ascii_lowercase().as_str())
}
