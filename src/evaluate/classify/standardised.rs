//! Features of a target on the scale of its source: statistics re-estimated within each plate (batch, source, …).

use super::{Roles, Training};
use crate::{
    data::Role,
    evaluate::{Error, FeatureRows, moments::Moments},
    spec::Standardised,
};
use std::collections::BTreeMap;

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
    let source = if on_controls { of_controls(training)? } else { training.moments()? };
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
