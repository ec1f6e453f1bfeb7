//! The images of an epoch, and their order.

use super::Item;
use crate::{seed::Stream, spec::Sampling};
use std::collections::BTreeMap;

/// Indices of items, as many of each set as there are, in random order.
pub(super) fn order(items: &[Item], sampling: Sampling, stream: &mut Stream) -> Vec<u32> {
    let mut order = match sampling {
        Sampling::Shuffled => (0..items.len() as u32).collect(),
        Sampling::Root | Sampling::Balanced => {
            let mut sets: BTreeMap<u16, BTreeMap<u16, Vec<u32>>> = BTreeMap::new();
            for (number, item) in (0..).zip(items) {
                sets.entry(item.set).or_default().entry(item.class).or_default().push(number);
            }
            sets.into_values().flat_map(|classes| of_set(classes, sampling, stream)).collect::<Vec<_>>()
        }
    };
    stream.shuffle(&mut order);
    order
}

/// The images of a set: each class as often as its weight requires, its images in turn, in random order.
fn of_set(classes: BTreeMap<u16, Vec<u32>>, sampling: Sampling, stream: &mut Stream) -> Vec<u32> {
    let total: usize = classes.values().map(Vec::len).sum();
    let weight = |images: &Vec<u32>| match sampling {
        Sampling::Root => libm::sqrt(images.len() as f64),
        Sampling::Shuffled | Sampling::Balanced => 1.0,
    };
    let weights: f64 = classes.values().map(weight).sum();
    let (mut drawn, mut due) = (Vec::with_capacity(total), 0.0);
    for mut images in classes.into_values() {
        due += total as f64 * weight(&images) / weights;
        // Rounded over all classes so far, so that the epoch keeps its length.
        let wanted = (due.round() as usize).min(total) - drawn.len();
        for at in 0..wanted {
            if at % images.len() == 0 {
                stream.shuffle(&mut images);
            }
            drawn.push(images[at % images.len()]);
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// 90, 9 and 1 images of three classes of a set, 20 of one class of another.
    fn items() -> Vec<Item> {
        let of = |set: u16, class: u16, count: u32| (0..count).map(move |row| Item { set, class, row });
        of(0, 0, 90).chain(of(0, 1, 9)).chain(of(0, 2, 1)).chain(of(1, 3, 20)).collect()
    }

    fn counts(sampling: Sampling) -> Vec<usize> {
        let items = items();
        let order = order(&items, sampling, &mut Seed(1).stream("order"));
        assert_eq!(order.len(), items.len());
        let of = |class| order.iter().filter(|number| items[**number as usize].class == class).count();
        (0..4).map(of).collect()
    }

    #[test]
    fn rare_classes_come_as_often_as_is_said_and_sets_keep_their_share() {
        assert_eq!(counts(Sampling::Shuffled), [90, 9, 1, 20]);
        assert_eq!(counts(Sampling::Balanced), [33, 34, 33, 20]);
        // Roots 9.487, 3 and 1 of 13.487.
        assert_eq!(counts(Sampling::Root), [70, 23, 7, 20]);
    }

    #[test]
    fn images_of_a_class_come_in_turn() {
        let items = items();
        let order = order(&items, Sampling::Balanced, &mut Seed(1).stream("order"));
        let mut seen = [0; 9];
        for number in order.iter().filter(|number| items[**number as usize].class == 1) {
            seen[items[*number as usize].row as usize] += 1;
        }
        assert!(seen.iter().all(|count| (3..=4).contains(count)), "{seen:?}");
    }
}
