//! Features of several sources as one: models that differ by their seeds, hand-made features.

use super::FeatureRows;
use crate::{embed::to_length, evaluate::Error};

/// Rows of several parts side by side, each scaled to Euclidean length 1 and then by its weight, so that squared distances
/// add up by the squares of the weights, however wide the parts are. A row of zeros stays one.
pub struct SideBySide {
    parts: Vec<(Box<dyn FeatureRows>, f64)>,
    width: usize,
}

impl SideBySide {
    /// Of parts with equal numbers of rows, and their weights.
    ///
    /// # Panics
    /// If the numbers of rows differ, or there are no parts.
    pub fn new(parts: Vec<(Box<dyn FeatureRows>, f64)>) -> Self {
        assert!(
            parts.windows(2).all(|two| two[0].0.rows() == two[1].0.rows()) && !parts.is_empty(),
            "the parts are about the same images"
        );
        let width = parts.iter().map(|(part, _)| part.width()).sum();
        Self { parts, width }
    }
}

impl FeatureRows for SideBySide {
    fn width(&self) -> usize {
        self.width
    }

    fn rows(&self) -> usize {
        self.parts[0].0.rows()
    }

    fn read(&self, rows: &[u32], out: &mut [f32]) -> Result<(), Error> {
        assert_eq!(out.len(), rows.len() * self.width, "room for as many rows as are asked for");
        let (mut from, mut values) = (0, Vec::new());
        for (part, weight) in &self.parts {
            let width = part.width();
            values.resize(rows.len() * width, 0.0);
            part.read(rows, &mut values)?;
            for (row, out) in values.chunks_exact(width).zip(out.chunks_exact_mut(self.width)) {
                to_length(row, *weight, &mut out[from..from + width]);
            }
            from += width;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::FeatureMatrix;

    const LONG: [f32; 6] = [300.0, 400.0, 0.0, 0.0, 0.0, -1e-20];
    const SHORT: [f32; 3] = [0.0, 7.0, -2.0];

    #[test]
    fn every_part_weighs_what_is_said_however_long_its_rows_are() {
        let side = SideBySide::new(vec![
            (Box::new(FeatureMatrix { width: 2, values: &LONG }), 1.0),
            (Box::new(FeatureMatrix { width: 1, values: &SHORT }), 0.5),
        ]);
        assert_eq!((side.width(), side.rows()), (3, 3));
        let mut out = vec![f32::NAN; 6];
        side.read(&[2, 0], &mut out).unwrap();
        assert_eq!(out, [0.0, -1.0, -0.5, 0.6, 0.8, 0.0]);
        side.read(&[1, 1], &mut out).unwrap();
        assert_eq!(out, [0.0, 0.0, 0.5, 0.0, 0.0, 0.5]);
    }
}
