//! Which patches of large views are masked (DINOv2's `MaskingGenerator`): some of the views, blocks of their patches.

use crate::{params::ParamId, pass::Masks, seed::Stream};

/// How patches are masked, and what is seen in their place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Masking {
    /// Share of the views that have masked patches.
    pub views: f64,
    /// The least and the largest share of a view's patches that are masked.
    pub masked: [f64; 2],
    /// The parameter in the place of each.
    pub token: ParamId,
}

/// Patches of the smallest block.
const LEAST: f64 = 4.0;
/// The ratio of the sides of a block is at least this, and at most its inverse.
const RATIO: f64 = 0.3;
/// A block is at most this share of a view.
const MOST: f64 = 0.5;
/// Tries to place a block before a view is left with fewer masked patches than were wanted.
const TRIES: usize = 10;

impl Masking {
    /// Masks of so many views, each of which has a grid of `side` by `side` patches for each of so many channels. Shares of masked
    /// patches are spread evenly over the masked views, and views are in random order; of a view, the patches of each channel are
    /// masked for themselves (the papers do not say).
    pub fn draw(&self, views: usize, channels: usize, side: usize, stream: &mut Stream) -> Masks {
        let masked = (views as f64 * self.views) as usize;
        let [least, most] = self.masked;
        let edge = |at: usize| least + (most - least) * at as f64 / masked.max(1) as f64;
        let mut crops: Vec<Vec<usize>> = (0..masked)
            .map(|at| {
                let one = |channel: usize| {
                    let share = stream.uniform(edge(at), edge(at + 1));
                    let patches = blocks((share * (side * side) as f64) as usize, side, stream);
                    patches.into_iter().map(move |patch| channel * side * side + patch)
                };
                (0..channels).flat_map(one).collect()
            })
            .collect();
        crops.resize(views, Vec::new());
        stream.shuffle(&mut crops);
        Masks::new(crops, channels * side * side)
    }
}

/// Blocks that cover at most `wanted` patches of a grid: their numbers, in order.
fn blocks(wanted: usize, side: usize, stream: &mut Stream) -> Vec<usize> {
    let largest = (MOST * (side * side) as f64) as usize;
    let mut masked = vec![false; side * side];
    let mut count = 0;
    while count < wanted {
        let most = (wanted - count).min(largest);
        let block = (0..TRIES).find_map(|_| {
            let area = stream.uniform(LEAST.min(most as f64), LEAST.max(most as f64));
            let ratio = stream.uniform(libm::log(RATIO), -libm::log(RATIO));
            let ratio = libm::exp(ratio);
            let (height, width) = (libm::sqrt(area * ratio), libm::sqrt(area / ratio));
            let (height, width) = (height.round_ties_even() as usize, width.round_ties_even() as usize);
            if height >= side || width >= side {
                return None;
            }
            let (top, left) = (stream.below(side - height + 1), stream.below(side - width + 1));
            let patches =
                (top..top + height).flat_map(|row| (left..left + width).map(move |col| row * side + col));
            let new: Vec<usize> = patches.filter(|patch| !masked[*patch]).collect();
            (1..=most).contains(&new.len()).then_some(new)
        });
        let Some(new) = block else { break };
        count += new.len();
        new.into_iter().for_each(|patch| masked[patch] = true);
    }
    (0..side * side).filter(|patch| masked[*patch]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        params::{Params, Published},
        seed::Seed,
    };

    fn masking() -> Masking {
        let token = Params::new(Seed(0)).add_constant(Published::new("mask_token", &[1, 2]), 0.0);
        Masking { views: 0.5, masked: [0.1, 0.5], token }
    }

    /// Conformance list 11: half of the views, and never more patches than were wanted.
    #[test]
    fn half_of_the_views_have_masked_patches() {
        let mut stream = Seed(4).stream("masks");
        for views in [1, 2, 7, 32] {
            let masks = masking().draw(views, 1, 14, &mut stream);
            let counts: Vec<usize> = masks.of_crops().collect();
            assert_eq!(counts.len(), views);
            assert_eq!(counts.iter().filter(|count| **count > 0).count(), views / 2, "{counts:?}");
            assert!(counts.iter().all(|count| *count <= 98), "{counts:?}");
        }
    }

    #[test]
    fn each_channel_of_a_view_has_blocks_of_its_own() {
        let masks = masking().draw(40, 3, 6, &mut Seed(4).stream("masks"));
        let counts: Vec<[usize; 3]> = (0..40)
            .map(|view| [0, 1, 2].map(|channel| masks.of(view..view + 1).of_channels(&[channel], 3).count()))
            .collect();
        assert!(counts.iter().flatten().all(|count| *count <= 18), "{counts:?}");
        assert_eq!(counts.iter().filter(|counts| counts.contains(&0)).count(), 20, "{counts:?}");
        assert!(counts.iter().any(|[a, b, _]| a != b), "{counts:?}");
        assert_eq!(masks.count(), counts.iter().flatten().sum::<usize>());
    }

    /// `mask_statistics.json` of DINOv2's generator: 3,000 draws of a request on a grid.
    #[test]
    fn blocks_are_where_the_published_ones_are() {
        let path = crate::golden::folder().join("reference/dinov2_masks.json");
        let known: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut stream = Seed(5).stream("masks");
        for (name, known) in known.as_object().unwrap() {
            let (grid, wanted) = name.strip_prefix("grid").unwrap().split_once("_request").unwrap();
            let (side, wanted): (usize, usize) = (grid.parse().unwrap(), wanted.parse().unwrap());
            const DRAWS: usize = 3000;
            let (mut total, mut exact) = (0, 0);
            let mut rows = vec![0; side];
            let mut corners = 0;
            for _ in 0..DRAWS {
                let masked = blocks(wanted, side, &mut stream);
                assert!(masked.len() <= wanted && masked.windows(2).all(|two| two[0] < two[1]));
                (total, exact) = (total + masked.len(), exact + usize::from(masked.len() == wanted));
                masked.iter().for_each(|patch| rows[patch / side] += 1);
                corners += usize::from(masked.contains(&0));
            }
            let number = |what: &str| known[what].as_f64().unwrap();
            let near = |what: &str, found: f64, expected: f64, apart: f64| {
                assert!((found - expected).abs() < apart, "{name}, {what}: {found} instead of {expected}");
            };
            near("count", total as f64 / DRAWS as f64, number("count_mean"), 0.05);
            near("whole requests", exact as f64 / DRAWS as f64, number("share_equal_request"), 0.03);
            for (row, count) in rows.iter().enumerate() {
                let found = *count as f64 / (DRAWS * side) as f64;
                near("a row", found, known["row_profile"][row].as_f64().unwrap(), 0.02);
            }
            near("a corner", corners as f64 / DRAWS as f64, number("corner_frequency"), 0.02);
        }
    }
}
