//! Features on a common scale, that of the training images.

use super::super::{Error, FeatureRows, moments::Moments};

/// Features whose columns have mean 0 and SD 1 over the training rows. A column that is constant there
/// becomes 0.
pub struct ZScored<F> {
    of: F,
    moments: Moments,
}

impl<F: FeatureRows> ZScored<F> {
    /// Computes mean and SD of the training rows.
    ///
    /// # Errors
    /// If they cannot be read, or are no numbers.
    pub fn new(of: F, train: &[u32]) -> Result<Self, Error> {
        let moments = Moments::of(&[(&of, train)])?;
        Ok(Self { of, moments })
    }
}

impl<F: FeatureRows> FeatureRows for ZScored<F> {
    fn width(&self) -> usize {
        self.of.width()
    }

    fn rows(&self) -> usize {
        self.of.rows()
    }

    fn read(&self, rows: &[u32], out: &mut [f32]) -> Result<(), Error> {
        self.of.read(rows, out)?;
        for row in out.chunks_exact_mut(self.width()) {
            row.iter_mut().enumerate().for_each(|(at, value)| *value = self.moments.scale(at, *value) as f32);
        }
        Ok(())
    }
}
