//! Features on two levels: the token of an image, and behind it, of a model that has them, the token of each of its channels.

use crate::tape::{Node, Tape};
use candle_core::Result;

/// What a term reads of a row of features.
#[derive(Clone, Copy, Debug)]
pub(super) struct Levels {
    /// Numbers of a token.
    pub(super) width: usize,
    /// Whether it reads the tokens of channels too.
    pub(super) of_channels: bool,
}

impl Levels {
    /// The tokens of images, (rows, width).
    ///
    /// # Errors
    /// If a row is no whole number of tokens.
    pub(super) fn of_images(self, tape: &mut Tape, features: &Node) -> Result<Node> {
        match self.behind(features)? {
            0 => Ok(features.clone()),
            channels => self.chosen(tape, features, channels, |rows| (0..rows).map(|row| (row, 0)).collect()),
        }
    }

    /// The tokens of channels, (rows · K, width), and K, if they are read. Rows are of `units` images or groups of images, one after
    /// the other; of each unit the tokens of a channel are neighbours.
    ///
    /// # Errors
    /// If a row is no whole number of tokens.
    pub(super) fn of_channels(
        self,
        tape: &mut Tape,
        features: &Node,
        units: usize,
    ) -> Result<Option<(Node, usize)>> {
        let channels = self.behind(features)?;
        if !self.of_channels || channels == 0 {
            return Ok(None);
        }
        let order = |rows: usize| {
            let each = rows / units;
            let of_unit = move |unit: usize| {
                let of_channel =
                    move |channel: usize| (0..each).map(move |at| (unit * each + at, 1 + channel));
                (0..channels).flat_map(of_channel)
            };
            (0..units).flat_map(of_unit).collect()
        };
        Ok(Some((self.chosen(tape, features, channels, order)?, channels)))
    }

    /// Tokens behind that of the image.
    fn behind(self, features: &Node) -> Result<usize> {
        let numbers = features.dims()[1];
        if numbers == 0 || !numbers.is_multiple_of(self.width) {
            candle_core::bail!(
                "features of {numbers} numbers are no whole number of tokens of {}",
                self.width
            );
        }
        Ok(numbers / self.width - 1)
    }

    /// Some tokens of rows, each by its row and its place there, in order.
    fn chosen(
        self,
        tape: &mut Tape,
        features: &Node,
        channels: usize,
        order: impl Fn(usize) -> Vec<(usize, usize)>,
    ) -> Result<Node> {
        let rows = features.dims()[0];
        let all = tape.reshape(features, (rows * (1 + channels), self.width))?;
        let places: Vec<usize> =
            order(rows).into_iter().map(|(row, place)| row * (1 + channels) + place).collect();
        tape.rows(&all, &places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};

    /// Two images of two channels in two crops; a token is 100 · image + 10 · crop + place.
    #[test]
    fn the_tokens_of_a_channel_are_neighbours() {
        let tokens = (0..2).flat_map(|image| {
            (0..2).flat_map(move |crop| (0..3).map(move |place| (100 * image + 10 * crop + place) as f32))
        });
        let features = Tensor::from_vec(tokens.collect::<Vec<_>>(), (4, 3), &Device::Cpu).unwrap();
        let features = Node::constant(features);
        let tape = &mut Tape::forgetting();
        let values = |node: &Node| node.value().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let both = Levels { width: 1, of_channels: true };
        assert_eq!(values(&both.of_images(tape, &features).unwrap()), [0.0, 10.0, 100.0, 110.0]);
        let (found, channels) = both.of_channels(tape, &features, 2).unwrap().unwrap();
        assert_eq!((values(&found), channels), (vec![1.0, 11.0, 2.0, 12.0, 101.0, 111.0, 102.0, 112.0], 2));
        let one = Levels { width: 3, of_channels: true };
        assert_eq!(values(&one.of_images(tape, &features).unwrap()), values(&features));
        assert!(one.of_channels(tape, &features, 2).unwrap().is_none());
        let left_out = Levels { width: 1, of_channels: false };
        assert!(left_out.of_channels(tape, &features, 2).unwrap().is_none());
        assert!(Levels { width: 2, of_channels: true }.of_images(tape, &features).is_err());
    }
}
