//! Parts of a batch: rows that pass through the network together.
//!
//! No layer couples images, so a batch may pass in any parts. Their gradients are added part by part, in
//! order, which fixes the bits: where a batch is cut depends on the batch alone, never on a machine's memory.
//! Memory only decides how many parts keep their tape ([`Keep`](super::Keep)).

use std::ops::Range;

/// Pixels of a part, counted for each pass through the network: 20 images of 224 px, 256 of 64 px. A
/// ConvNeXt-Tiny's tape of such a part takes 2.4 GB.
pub const PIXELS: usize = 1 << 20;

/// The rows of each part of `rows` rows with `pixels` pixels each, as equal as possible. No part has more
/// than `most` pixels, unless a single row has.
pub(super) fn cut(rows: usize, pixels: usize, most: usize) -> Vec<Range<usize>> {
    let together = (most / pixels.max(1)).max(1);
    let count = rows.div_ceil(together);
    (0..count).map(|part| part * rows / count..(part + 1) * rows / count).collect()
}

/// The number of rows in each part of `rows` rows of `pixels` pixels each.
pub fn parts(rows: usize, pixels: usize) -> Vec<usize> {
    cut(rows, pixels, PIXELS).iter().map(Range::len).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_and_are_alike() {
        assert_eq!(parts(32, 64 * 64), [32]);
        assert_eq!(parts(20, 224 * 224), [20]);
        assert_eq!(cut(21, 224 * 224, PIXELS), [0..10, 10..21]);
        assert_eq!(cut(3, 2 * PIXELS, PIXELS), [0..1, 1..2, 2..3]);
        for rows in 1..200 {
            let parts = cut(rows, 224 * 224, PIXELS);
            assert!(parts.iter().all(|part| (1..=20).contains(&part.len())), "{rows}: {parts:?}");
            assert_eq!(parts.into_iter().flatten().collect::<Vec<_>>(), (0..rows).collect::<Vec<_>>());
        }
    }
}
