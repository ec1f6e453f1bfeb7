//! Pairs and crops of a batch.

use super::*;
use crate::{
    adapter::SetChannels,
    data::{
        Error as DataError, Statistics,
        norm::{OF_CROP, OF_VIEW},
    },
    spec::Sampling,
    train::Partners,
};

/// Two sets of four images; images 0 to 2 of each belong together, the last has no partner.
struct Four {
    sets: [SetChannels; 2],
    items: Vec<Item>,
    partners: Vec<Vec<u32>>,
    norm: Norm,
}

impl Four {
    fn new() -> Self {
        let set = |name: &str| SetChannels { set: name.into(), channels: vec!["a".into()] };
        let items = (0..8).map(|number| Item { set: number / 4, class: number, row: u32::from(number % 4) });
        let others = |number: u32| match number % 4 {
            3 => vec![],
            _ => (number / 4 * 4..number / 4 * 4 + 3).filter(|other| *other != number).collect(),
        };
        Self {
            sets: [set("x"), set("y")],
            items: items.collect(),
            partners: (0..8).map(others).collect(),
            norm: Statistics { mean: vec![0.5], sd: vec![0.25] }.into(),
        }
    }
}

impl Source for Four {
    fn sets(&self) -> &[SetChannels] {
        &self.sets
    }
    fn classes(&self) -> &[String] {
        &[]
    }
    fn items(&self) -> &[Item] {
        &self.items
    }
    fn partners(&self, item: u32) -> Partners<'_> {
        Partners::of(&self.partners[item as usize])
    }
    fn norm(&self, _: usize) -> &Norm {
        &self.norm
    }
    fn read(&self, item: Item) -> Result<Tape, DataError> {
        let pixels = (0..64).map(|at| (item.class * 20 + at % 8) as u8).collect::<Vec<u8>>();
        Ok(Tape { height: 8, width: 8, channels: 1, pixels: pixels.into() })
    }
}

fn batches(pairs: bool) -> Batches {
    let group = |count, side, normalise| CropGroup { count, side, augment: vec![], normalise };
    Batches {
        groups: vec![group(2, 8, Normalise::None), group(1, 4, Normalise::Own(OF_CROP))],
        batch: 8,
        stream: AugmentStream::Fresh,
        sampling: Sampling::Shuffled,
        pairs,
        masking: None,
        centre: None,
    }
}

fn epochs(pairs: bool, count: u64) -> Vec<Vec<Batch>> {
    epochs_of(&Four::new(), batches(pairs), count)
}

fn epochs_of(source: &Four, batches: Batches, count: u64) -> Vec<Vec<Batch>> {
    let loader = Loader::new(source, batches, Seed(2), &Params::new(Seed(0)));
    let mut all = vec![];
    let take = |_, batch| {
        all.push(batch);
        Ok(true)
    };
    loader.run(0..count, take).unwrap();
    all
}

#[test]
fn pairs_are_drawn_among_an_images_partners() {
    let (mut met, again) = (std::collections::BTreeSet::new(), epochs(true, 16));
    for (epoch, same) in epochs(true, 16).iter().zip(&again) {
        for (batch, same) in epoch.iter().zip(same) {
            assert_eq!((batch.together, &batch.classes), (2, &same.classes));
            for pair in batch.classes.chunks(2) {
                let alone = pair[0] % 4 == 3;
                assert_eq!(pair[0] == pair[1], alone, "{pair:?}");
                assert!(pair[0] / 4 == pair[1] / 4 && (alone || pair[1] % 4 != 3), "{pair:?}");
                met.insert((pair[0], pair[1]));
            }
        }
    }
    assert_eq!(met.len(), 2 * (3 * 2 + 1), "each pair is met: {met:?}");
}

#[test]
fn each_group_has_crops_of_its_own_size_and_normalisation() {
    for batch in &epochs(false, 1)[0] {
        assert_eq!((batch.together, batch.classes.len()), (1, 4));
        let [large, small] = [0, 1].map(|group| batch.groups[group].images(batch.set).unwrap().pixels);
        assert_eq!((large.dims(), small.dims()), (&[8, 1, 8, 8][..], &[4, 1, 4, 4][..]));
        assert_eq!(batch.size(), 8 * 64 + 4 * 16);
        let rows = large.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let first = (batch.classes[0] * 20) as f32 / 255.0;
        assert!((rows[0] - first).abs() < 1e-6 && rows[..64] == rows[64..128], "{} {first}", rows[0]);
        let crop = small.flatten_all().unwrap().to_vec1::<f32>().unwrap()[..16].to_vec();
        let (sum, squares) = crop.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
        assert!(sum.abs() < 1e-4 && (squares / 16.0 - 1.0).abs() < 1e-3, "{crop:?}");
    }
}

/// Image columns are 0 to 7; the central six are 1 to 6.
#[test]
fn windows_of_all_groups_come_from_the_same_centre_and_each_is_normalised_by_itself() {
    let mut batches = batches(false);
    batches.centre = Some(6);
    for (group, side) in batches.groups.iter_mut().zip([4, 2]) {
        (group.side, group.normalise) = (side, Normalise::None);
    }
    let mut lefts = [[0; 8]; 2];
    for batch in epochs_of(&Four::new(), batches.clone(), 40).iter().flatten() {
        for (group, side) in [4, 2].into_iter().enumerate() {
            let pixels = batch.groups[group].images(batch.set).unwrap().pixels;
            let views = pixels.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let count = views.len() / (side * side) / batch.classes.len();
            for (number, view) in views.chunks_exact(side * side).enumerate() {
                let class = (batch.classes[number / count] * 20) as f32;
                let columns: Vec<f32> = view.iter().map(|x| x * 255.0 - class).collect();
                let left = columns[0].round();
                let expected = |at: usize| left + (at % side) as f32;
                assert!(
                    columns.iter().enumerate().all(|(at, x)| (x - expected(at)).abs() < 1e-3),
                    "{columns:?}"
                );
                lefts[group][left as usize] += 1;
            }
        }
    }
    assert!(
        lefts[0][1..4].iter().all(|count| *count > 100) && lefts[1][1..6].iter().all(|count| *count > 30)
    );
    assert_eq!((lefts[0][0], lefts[0][4], lefts[1][0], lefts[1][6]), (0, 0, 0, 0), "{lefts:?}");

    let source = Four { norm: Norm::View(OF_VIEW), ..Four::new() };
    batches.groups[0].normalise = Normalise::Set;
    for batch in &epochs_of(&source, batches, 1)[0] {
        let pixels = batch.groups[0].images(batch.set).unwrap().pixels;
        let views = pixels.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for view in views.chunks_exact(16) {
            let (sum, squares) = view.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
            assert!(sum.abs() < 1e-3 && (squares / 15.0 - 1.0).abs() < 1e-3, "unbiased: {view:?}");
        }
    }
}

/// An image without a partner is shown twice, each time differently; so is one that is the partner of several.
#[test]
fn a_partner_has_views_of_its_own() {
    let source = Four::new();
    let mut batches = batches(true);
    batches.groups.truncate(1);
    batches.groups[0].count = 1;
    batches.groups[0].augment = vec![crate::spec::settings::Brightness { sd: 0.5 }.into()];
    let loader = Loader::new(&source, batches, Seed(2), &Params::new(Seed(0)));
    let mut differ = 0;
    let look = |_, sets: Vec<Batch>| {
        for batch in sets {
            let pixels = batch.groups[0].images(batch.set)?.pixels.flatten_all()?.to_vec1::<f32>()?;
            for (pair, views) in batch.classes.chunks(2).zip(pixels.chunks(2 * 64)) {
                differ += usize::from(pair[0] == pair[1] && views[..64] != views[64..]);
            }
        }
        Ok(true)
    };
    loader.run(0..1, look).unwrap();
    assert_eq!(differ, 2, "the last image of each set");
}
