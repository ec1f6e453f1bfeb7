//! Labels of TARGET2: which compounds have one mechanism of action that another compound has too.

use std::collections::{BTreeMap, BTreeSet};

/// Compounds (full InChIKeys) and their mechanisms by [`rule_a`], from public tables: `JUMP-Target-2_compound_metadata.tsv`
/// of jump-cellpainting/JUMP-Target, and `compound_rephub_annot.csv.gz` of jump-cellpainting/datasets at commit 9e6febb
/// (annotations of the Drug Repurposing Hub). 54 mechanisms, as the paper says; it does not list them.
const LISTED: &str = include_str!("mechanisms.csv");

/// The listed compounds and their mechanisms.
pub fn listed() -> impl Iterator<Item = (&'static str, &'static str)> {
    LISTED.lines().skip(1).filter_map(|line| line.split_once(','))
}

/// The listed mechanisms, sorted: the place of one is its `moa_id`.
pub fn names() -> Vec<&'static str> {
    listed().map(|(_, moa)| moa).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The labels of compounds. `annotations` are InChIKeys with mechanisms, separated by `|`: of several rows of one key the
/// last counts. `compounds` are InChIKeys with their kinds of control: those of kind `poscon_diverse` have no label. Of the
/// others, those with one mechanism have a label if another of them has the same.
pub fn rule_a<'a>(
    annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
    compounds: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<&'a str, &'a str> {
    let moa_of: BTreeMap<&str, &str> = annotations.into_iter().collect();
    let (mut all, mut left_out) = (BTreeSet::new(), BTreeSet::new());
    for (key, control) in compounds {
        all.insert(key);
        if control == "poscon_diverse" {
            left_out.insert(key);
        }
    }
    let one = |key: &&'a str| {
        let moa = moa_of.get(key).filter(|moa| !moa.is_empty() && !moa.contains('|'))?;
        Some((*key, *moa))
    };
    let labelled: Vec<(&str, &str)> = all.difference(&left_out).filter_map(one).collect();
    let mut compounds_of: BTreeMap<&str, usize> = BTreeMap::new();
    labelled.iter().for_each(|(_, moa)| *compounds_of.entry(moa).or_default() += 1);
    labelled.into_iter().filter(|(_, moa)| compounds_of[moa] > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_the_published_numbers() {
        let mut compounds_of: BTreeMap<&str, usize> = BTreeMap::new();
        listed().for_each(|(_, moa)| *compounds_of.entry(moa).or_default() += 1);
        assert_eq!((compounds_of.len(), compounds_of.values().sum::<usize>()), (54, 135));
        let of_size = |size| compounds_of.values().filter(|of| **of == size).count();
        assert_eq!([2, 3, 4, 7].map(of_size), [36, 12, 5, 1]);
        assert_eq!(listed().map(|(key, _)| key).collect::<BTreeSet<_>>().len(), 135);
        assert!(listed().all(|(key, _)| key.len() == 27));
        assert_eq!((names()[0], names().len()), ("ALK tyrosine kinase receptor inhibitor", 54));
    }

    #[test]
    fn compounds_with_a_mechanism_of_their_own_or_several_have_no_label() {
        let annotations = [
            ("a1", "x"),
            ("a1", "a"), // the last counts
            ("a2", "a"),
            ("a3", "a|b"),
            ("b1", "b"),
            ("b2", "b"),
            ("c1", "c"),
            ("d1", "a"), // not on the plates
            ("e1", ""),
        ];
        let compounds = [
            ("a1", "NA"),
            ("a2", "poscon_cp"),
            ("a3", "NA"),
            ("b1", "NA"),
            ("b1", "poscon_diverse"), // left out, and b2 is then alone
            ("b2", "NA"),
            ("c1", "NA"),
            ("e1", "negcon"),
            ("f1", "NA"),
        ];
        let expected: BTreeMap<&str, &str> = [("a1", "a"), ("a2", "a")].into();
        assert_eq!(rule_a(annotations, compounds), expected);
        assert_eq!(rule_a(annotations, compounds.map(|(key, _)| (key, "NA"))).len(), 4);
    }
}
