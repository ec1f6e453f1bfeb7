//! Holds out a part of the training images, for model selection without looking at a task.

use super::ImageSet;
use crate::seed::{Seed, Stream};

/// Held-out images belong to the data, not to a run: they are the same for every seed.
pub const SEED: Seed = Seed(0);

/// Splits the training rows of `set` into those trained on and those held out, both ascending.
///
/// For each label, `fraction` of its rows (rounded, half to even) is held out, but at least one row stays for
/// training. The choice depends on the seed and on the names of set and label, not on other labels or sets.
pub fn hold_out(set: &ImageSet, fraction: f64, seed: Seed) -> (Vec<u32>, Vec<u32>) {
    let mut of_label = vec![Vec::new(); set.labels.len()];
    for row in set.train_rows() {
        of_label[usize::from(set.label(row))].push(row);
    }
    by_label(of_label, fraction, |label| seed.stream(&format!("hold_out/{}/{}", set.name, set.labels[label])))
}

/// The same of the rows of each label, given the stream of each label's draws.
pub fn by_label(
    of_label: impl IntoIterator<Item = Vec<u32>>,
    fraction: f64,
    stream: impl Fn(usize) -> Stream,
) -> (Vec<u32>, Vec<u32>) {
    let (mut kept, mut held) = (Vec::new(), Vec::new());
    for (label, mut rows) in of_label.into_iter().enumerate() {
        stream(label).shuffle(&mut rows);
        let wanted = (rows.len() as f64 * fraction).round_ties_even().max(0.0) as usize;
        let back = wanted.min(rows.len().saturating_sub(1));
        held.extend(rows.drain(..back));
        kept.extend(rows);
    }
    kept.sort_unstable();
    held.sort_unstable();
    (kept, held)
}
