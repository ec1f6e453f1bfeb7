//! Features of a set whose images were embedded by several models, each of them some: one adapted model for each plate.

use super::FeatureRows;
use crate::evaluate::Error;

/// Rows of several parts, each of which has some of the set's images.
pub struct Pieces {
    parts: Vec<Box<dyn FeatureRows>>,
    /// For each image of the set, its part and its row there; none: no part has it.
    places: Vec<Option<(u32, u32)>>,
}

impl Pieces {
    /// Parts, each with the images of its rows, of a set of so many images.
    ///
    /// # Panics
    /// If there are no parts, or their widths or their numbers of rows do not fit.
    pub fn new(images: usize, parts: Vec<(Box<dyn FeatureRows>, Vec<u32>)>) -> Self {
        let width = parts.first().map(|(part, _)| part.width());
        let mut places = vec![None; images];
        for (number, (part, rows)) in parts.iter().enumerate() {
            assert!(part.rows() == rows.len() && Some(part.width()) == width, "parts of one kind");
            rows.iter()
                .enumerate()
                .for_each(|(at, row)| places[*row as usize] = Some((number as u32, at as u32)));
        }
        assert!(width.is_some(), "there is a part");
        Self { parts: parts.into_iter().map(|(part, _)| part).collect(), places }
    }
}

impl FeatureRows for Pieces {
    fn width(&self) -> usize {
        self.parts[0].width()
    }

    fn rows(&self) -> usize {
        self.places.len()
    }

    fn read(&self, rows: &[u32], out: &mut [f32]) -> Result<(), Error> {
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width())) {
            let (part, at) = self.places[*row as usize].ok_or(Error::NoPiece { row: *row as usize })?;
            self.parts[part as usize].read(&[at], out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::FeatureMatrix;

    #[test]
    fn each_image_is_read_where_it_was_embedded() {
        let part = |values: &'static [f32]| Box::new(FeatureMatrix { width: 2, values });
        let pieces =
            Pieces::new(4, vec![(part(&[0.0, 1.0, 2.0, 3.0]), vec![3, 0]), (part(&[4.0, 5.0]), vec![2])]);
        assert_eq!((pieces.width(), pieces.rows()), (2, 4));
        let mut out = [0.0; 6];
        pieces.read(&[2, 3, 0], &mut out).unwrap();
        assert_eq!(out, [4.0, 5.0, 0.0, 1.0, 2.0, 3.0]);
        let error = pieces.read(&[1], &mut out[..2]).unwrap_err();
        assert!(matches!(error, Error::NoPiece { row: 1 }));
    }
}
