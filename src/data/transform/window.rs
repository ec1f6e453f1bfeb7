//! Windows: squares of an image at its own scale, never resized; around a smaller image is black. As torchvision's
//! `CenterCrop` and `RandomCrop` (CODA).

use crate::seed::Stream;

/// The first row and column of a square; they are negative, or it ends outside, where the image is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First row.
    pub top: i64,
    /// First column.
    pub left: i64,
}

impl Window {
    /// In the centre: `CenterCrop(side)`.
    pub fn central(height: usize, width: usize, side: usize) -> Self {
        Self { top: start(height, side), left: start(width, side) }
    }

    /// At a place of the central square of side `centre`: `CenterCrop(centre)`, then `RandomCrop` with this draw.
    pub fn within(height: usize, width: usize, centre: usize, [top, left]: [usize; 2]) -> Self {
        let Self { top: above, left: before } = Self::central(height, width, centre);
        Self { top: above + top as i64, left: before + left as i64 }
    }

    /// Any window of this side within the central square of side `centre`, with equal probability. An axis on which the
    /// image is shorter than that is used as a whole, and one on which it is shorter than the window is not drawn.
    pub fn draw(height: usize, width: usize, centre: usize, side: usize, stream: &mut Stream) -> Self {
        let mut axis = |length: usize| {
            let within = length.min(centre);
            match within.checked_sub(side) {
                Some(surplus) => start(length, within) + stream.below(surplus + 1) as i64,
                None => start(length, side),
            }
        };
        let (top, left) = (axis(height), axis(width));
        Self { top, left }
    }
}

/// The first pixel of the central `side` of `length` pixels. Half a pixel is rounded to even where pixels are cut off, and
/// down where they are added before, as in torchvision.
fn start(length: usize, side: usize) -> i64 {
    match length.checked_sub(side) {
        Some(surplus) => (surplus as f64 / 2.0).round_ties_even() as i64,
        None => -(((side - length) / 2) as i64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// torchvision: `CenterCrop(4)` of 4 to 9 pixels, and of 1 to 3, which are padded.
    #[test]
    fn the_centre_is_that_of_torchvision() {
        assert_eq!([4, 5, 6, 7, 8, 9].map(|length| start(length, 4)), [0, 0, 1, 2, 2, 2]);
        assert_eq!([1, 2, 3].map(|length| start(length, 4)), [-1, -1, 0]);
        assert_eq!(Window::within(75, 90, 100, [33, 7]), Window { top: 21, left: 2 });
    }

    #[test]
    fn windows_are_drawn_from_the_centre_of_large_images_and_from_all_of_smaller_ones() {
        let mut stream = Seed(1).stream("windows");
        let mut range = |length: usize| {
            let tops: Vec<i64> =
                (0..2000).map(|_| Window::draw(length, 40, 40, 20, &mut stream).top).collect();
            (tops.iter().min().copied().unwrap(), tops.iter().max().copied().unwrap())
        };
        assert_eq!(range(60), (10, 30), "the central 40 of 60 begin at 10");
        assert_eq!(range(40), (0, 20));
        assert_eq!(range(27), (0, 7), "all of it");
        assert_eq!(range(20), (0, 0));
        assert_eq!(range(13), (-3, -3), "black around it");
    }
}
