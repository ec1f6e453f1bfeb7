//! Pairs of images: who may be paired with whom. Two images of a pair belong to the same set and have had the same treatment,
//! and are of different plates (batches): CODA's cross-batch pairs.

use crate::spec::OnMissing;
use std::ops::Range;

/// Indices of items, in two parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partners<'a>([&'a [u32]; 2]);

impl<'a> Partners<'a> {
    /// Those of a list.
    pub fn of(all: &'a [u32]) -> Self {
        Self([all, &[]])
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|part| part.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The one at a place.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn get(&self, at: usize) -> u32 {
        let [first, second] = self.0;
        if at < first.len() { first[at] } else { second[at - first.len()] }
    }
}

/// The partners of all items. Items are sorted by set, treatment and plate, so that an item's partners are those of its
/// treatment without those of its plate.
#[derive(Clone, Debug)]
pub(super) struct Pairing {
    sorted: Vec<u32>,
    /// For each item, the places of its treatment, and of those among them that it is not paired with.
    of: Vec<[Range<u32>; 2]>,
}

/// Images for which there is no partner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// All images.
    pub of: usize,
    /// Paired with another image of their treatment.
    pub same_treatment: usize,
    /// Paired with themselves.
    pub same_image: usize,
    /// Left without a partner, which was said to be an error.
    pub left: usize,
}

impl Pairing {
    /// Of items with a set, a treatment and a plate each.
    pub(super) fn new(keys: &[(u16, u32, u32)], on_missing: OnMissing) -> (Self, Missing) {
        let mut sorted: Vec<u32> = (0..keys.len() as u32).collect();
        sorted.sort_by_key(|item| keys[*item as usize]);
        let key = |place: &u32| keys[*place as usize];
        let mut of = vec![[0..0, 0..0]; keys.len()];
        let mut missing = Missing { of: keys.len(), ..Missing::default() };
        let mut at = 0u32;
        for treatment in sorted.chunk_by(|a, b| (key(a).0, key(a).1) == (key(b).0, key(b).1)) {
            let all = at..at + treatment.len() as u32;
            for plate in treatment.chunk_by(|a, b| key(a) == key(b)) {
                let own = at..at + plate.len() as u32;
                for (place, item) in (at..).zip(plate) {
                    let without = match own == all {
                        false => own.clone(),
                        true => missing.instead(on_missing, place, &all),
                    };
                    of[*item as usize] = [all.clone(), without];
                }
                at = own.end;
            }
        }
        (Self { sorted, of }, missing)
    }

    pub(super) fn of(&self, item: u32) -> Partners<'_> {
        let [all, without] = &self.of[item as usize];
        let part = |range: Range<u32>| &self.sorted[range.start as usize..range.end as usize];
        Partners([part(all.start..without.start), part(without.end..all.end)])
    }
}

impl Missing {
    /// The places that an image is not paired with whose treatment, at the places `all`, is nowhere else.
    fn instead(&mut self, on_missing: OnMissing, place: u32, all: &Range<u32>) -> Range<u32> {
        match on_missing {
            OnMissing::SameTreatment if all.len() > 1 => {
                self.same_treatment += 1;
                return place..place + 1;
            }
            OnMissing::SameTreatment | OnMissing::SameImage => self.same_image += 1,
            OnMissing::Error => self.left += 1,
        }
        all.clone()
    }

    /// A sentence about them, if there are any.
    pub fn remark(&self, across: &str) -> Option<String> {
        let Self { of, same_treatment, same_image, left } = *self;
        let all = same_treatment + same_image + left;
        let mut how = Vec::new();
        for (count, with) in
            [(same_treatment, "another of their treatment there"), (same_image, "themselves")]
        {
            if count > 0 {
                how.push(format!("{count} are paired with {with}"));
            }
        }
        let rest = if how.is_empty() { String::new() } else { format!(": {}", how.join(", ")) };
        (all > 0).then(|| {
            format!("{all} of {of} images have no partner of their treatment in another {across}{rest}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeMap;

    /// The published code's choices for a small table: who was ever drawn as the partner of whom.
    #[test]
    fn partners_are_those_of_codas_code() {
        let path = crate::golden::folder().join("dino_partners.json");
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let trained = golden["train"].as_array().unwrap();
        let rows = golden["table"].as_array().unwrap().iter().filter(|row| trained.contains(&row["paths"]));
        let rows: Vec<&Value> = rows.collect();
        let number = |column: &str| -> Vec<u32> {
            let mut numbers = BTreeMap::new();
            let of = |row: &&Value| {
                let next = numbers.len() as u32;
                *numbers.entry(row[column].to_string()).or_insert(next)
            };
            rows.iter().map(of).collect()
        };
        let (treatments, plates) = (number("JCP2022_id"), number("Metadata_Plate"));
        let keys: Vec<_> = treatments.into_iter().zip(plates).map(|(t, plate)| (0, t, plate)).collect();
        let (pairing, missing) = Pairing::new(&keys, OnMissing::SameImage);
        let expected = golden["partners"].as_object().unwrap();
        assert_eq!((rows.len(), expected.len()), (trained.len(), trained.len()));
        let mut alone = 0;
        for (at, row) in rows.iter().enumerate() {
            let name = |item: u32| rows[item as usize]["paths"].as_str().unwrap().to_owned();
            let partners = pairing.of(at as u32);
            let mut found: Vec<String> = (0..partners.len()).map(|at| name(partners.get(at))).collect();
            found.sort();
            let mut wanted: Vec<String> =
                serde_json::from_value(expected[row["paths"].as_str().unwrap()].clone()).unwrap();
            wanted.sort();
            assert_eq!(found, wanted, "{row}");
            alone += usize::from(wanted.is_empty());
        }
        assert_eq!(missing, Missing { of: rows.len(), same_image: alone, ..Missing::default() });
        assert!(alone > 0);
    }

    #[test]
    fn an_image_without_a_partner_is_paired_as_was_said() {
        // Treatment 0 on plates 0 and 1, treatment 1 twice on plate 0, treatment 2 once; another set has the same numbers.
        let keys = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 0), (0, 2, 1), (1, 0, 2)];
        let of = |on_missing| {
            let (pairing, missing) = Pairing::new(&keys, on_missing);
            let all: Vec<Vec<u32>> = (0..6)
                .map(|item| pairing.of(item))
                .map(|partners| (0..partners.len()).map(|at| partners.get(at)).collect())
                .collect();
            (all, missing)
        };
        let none = vec![];
        let (found, missing) = of(OnMissing::SameTreatment);
        let expected = [vec![1], vec![0], vec![3], vec![2], none.clone(), none.clone()];
        assert_eq!(found, expected);
        assert_eq!((missing.same_treatment, missing.same_image, missing.left), (2, 2, 0));
        let text = missing.remark("plate").unwrap();
        assert!(
            text.starts_with("4 of 6 images have no partner of their treatment in another plate: 2 are"),
            "{text}"
        );
        let (found, missing) = of(OnMissing::SameImage);
        assert_eq!(found[2..], [(); 4].map(|()| none.clone()));
        assert_eq!((missing.same_treatment, missing.same_image), (0, 4));
        assert_eq!(of(OnMissing::Error).1.left, 4);
        assert_eq!(Missing::default().remark("plate"), None);
    }
}
