//! Splits that no table has: plates that are held out, compounds and positions that are not trained on.

use super::super::super::Column;
use crate::spec::jump::{selection_plate, split};
use std::collections::{BTreeMap, BTreeSet};

/// What each plate of a source is for. The strict plate is, of plates in other batches than the selection plate, one of
/// those whose batches have the fewest plates, the last by name; a source keeps a plate to train on.
pub(super) fn plates<'a>(
    source: &str,
    batch_of: &BTreeMap<&'a str, &'a str>,
) -> BTreeMap<&'a str, &'static str> {
    let selection = selection_plate(source).and_then(|plate| batch_of.get_key_value(plate));
    let training = |plate: &str| selection.is_none_or(|(own, _)| *own != plate);
    let plates: Vec<&str> = batch_of.keys().copied().filter(|plate| training(plate)).collect();
    let size = |batch: &str| batch_of.values().filter(|of| **of == batch).count();
    let others = plates.iter().filter(|plate| selection.is_none_or(|(_, batch)| batch_of[*plate] != *batch));
    let strict = others.max_by_key(|plate| (std::cmp::Reverse(size(batch_of[*plate])), **plate));
    let strict = strict.filter(|_| plates.len() > 1);
    let of = |plate: &'a str| {
        let is = if !training(plate) {
            split::SELECTION
        } else if strict == Some(&plate) {
            split::STRICT
        } else {
            split::TRAIN
        };
        (plate, is)
    };
    batch_of.keys().map(|plate| of(plate)).collect()
}

/// The compounds that are not trained on: of every mechanism with several compounds the last by its id.
pub(super) fn unseen_compounds<'a>(compounds: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeSet<&'a str> {
    let mut of_moa: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (moa, compound) in compounds {
        of_moa.entry(moa).or_default().insert(compound);
    }
    let several = of_moa.values().filter(|compounds| compounds.len() > 1);
    several.filter_map(|compounds| compounds.last()).copied().collect()
}

/// Whether a well is one that is not trained on: on every fourth diagonal of the plate. None if it is no well, as `B02`.
pub(super) fn is_unseen_position(well: &str) -> Option<bool> {
    let letters = well.find(|c: char| !c.is_ascii_alphabetic())?;
    let (row, column) = well.split_at(letters);
    let row = row.bytes().fold(0u32, |row, letter| {
        row.saturating_mul(26).saturating_add(u32::from(letter.to_ascii_uppercase() - b'A') + 1)
    });
    let column: u32 = column.parse().ok().filter(|column| *column > 0)?;
    (row > 0).then(|| row.wrapping_add(column).is_multiple_of(4))
}

/// A column of few values, by the values of another.
pub(super) fn by<'a>(column: &Column, of: impl Fn(&str) -> &'a str) -> Column {
    let mut names: Vec<String> = Vec::new();
    let mut place = |value: &str| {
        names.iter().position(|name| name == value).unwrap_or_else(|| {
            names.push(value.to_owned());
            names.len() - 1
        }) as u32
    };
    let places: Vec<u32> = column.names.iter().map(|name| place(of(name))).collect();
    Column { ids: column.ids.iter().map(|id| places[*id as usize]).collect(), names }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_plate_is_held_out_in_a_batch_of_its_own_if_there_is_one() {
        let of = |source, plates: &[(&'static str, &'static str)]| {
            let found = self::plates(source, &plates.iter().copied().collect());
            let named =
                |is| -> Vec<&str> { found.iter().filter(|(_, of)| **of == is).map(|(p, _)| *p).collect() };
            (named("selection"), named("strict"), named("train"))
        };
        let three =
            [("JCPQC013", "a"), ("JCPQC016", "b"), ("JCPQC017", "b"), ("JCPQC020", "c"), ("JCPQC021", "c")];
        assert_eq!(
            of("source_3", &three),
            (vec!["JCPQC016"], vec!["JCPQC013"], vec!["JCPQC017", "JCPQC020", "JCPQC021"])
        );
        assert_eq!(of("source_3", &three[1..3]), (vec!["JCPQC016"], vec![], vec!["JCPQC017"]));
        assert_eq!(of("source_7", &[("p", "a"), ("q", "b")]), (vec![], vec!["q"], vec!["p"]));
        assert_eq!(of("source_7", &[("p", "a")]), (vec![], vec![], vec!["p"]));
    }

    #[test]
    fn each_mechanism_loses_one_compound() {
        let table = [("a", "2"), ("a", "1"), ("b", "3"), ("a", "2"), ("c", "9"), ("c", "10")];
        assert_eq!(unseen_compounds(table.into_iter()), ["2", "9"].into());
    }

    #[test]
    fn wells_are_read_as_people_write_them() {
        for (well, unseen) in [
            ("A01", Some(false)),
            ("A03", Some(true)),
            ("A3", Some(true)),
            ("p16", Some(true)),
            ("AA01", Some(true)),
            ("A00", None),
            ("7", None),
            ("A", None),
            ("", None),
            ("A1b", None),
        ] {
            assert_eq!(is_unseen_position(well), unseen, "{well}");
        }
        let quarter = (1..=16).flat_map(|row| (1..=24).map(move |column| (row, column)));
        let name = |(row, column): (u8, u8)| format!("{}{column:02}", char::from(b'A' - 1 + row));
        assert_eq!(quarter.filter(|at| is_unseen_position(&name(*at)) == Some(true)).count(), 96);
    }
}
