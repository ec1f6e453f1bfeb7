//! Labels and other values of a column that look alike, or look like gaps: classes of their own that no one meant.

use super::text::{alike, difference, many, means_nothing, plain, short};
use std::collections::HashMap;

/// Pairs that are said.
const LISTED: usize = 5;
/// Columns of more values are names of images, not of classes.
const MOST: usize = 20_000;

/// A warning for each two values of a column that look alike, and for words for a gap, with how many images have them.
pub(super) fn remarks(
    set: &str,
    what: &str,
    names: &[String],
    ids: impl Iterator<Item = usize>,
) -> Vec<String> {
    if names.len() > MOST {
        return Vec::new();
    }
    let mut counts = vec![0u64; names.len()];
    ids.for_each(|id| counts[id] += 1);
    let shown = |at: usize| format!("`{}` ({})", short(&plain(&names[at]), 80), many(counts[at], "image"));
    let mut remarks = Vec::new();
    let mut first: HashMap<String, usize> = HashMap::new();
    for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if means_nothing(name) {
            remarks.push(format!(
                "{set}: among the {what}, {} looks like an empty field, and is a value of its own",
                shown(at)
            ));
        }
        match first.get(&alike(name)) {
            None => _ = first.insert(alike(name), at),
            Some(&other) => remarks.push(format!(
                "{set}: the {what} {} and {} differ only in {}, and are told apart",
                shown(other),
                shown(at),
                difference(&names[other], name)
            )),
        }
    }
    let more = remarks.len().saturating_sub(LISTED);
    if more > 0 {
        remarks.truncate(LISTED);
        remarks.push(format!("{set}: and {more} more such {what}"));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_labels_and_gaps_are_named() {
        let names = ["a", "a ", "A", "nan", "b"].map(String::from).to_vec();
        assert_eq!(
            remarks("Screen", "labels", &names, [0, 0, 1, 2, 3, 4].into_iter()),
            [
                "Screen: the labels `a` (2 images) and `a ` (1 image) differ only in blanks, and are told apart",
                "Screen: the labels `a` (2 images) and `A` (1 image) differ only in case, and are told apart",
                "Screen: among the labels, `nan` (1 image) looks like an empty field, and is a value of its own",
            ]
        );
    }
}
