//! Bags of channels: single channels of a source's images as training images of their own, all sets mixed.

use super::{Item, Source};
use crate::{
    adapter::SetChannels,
    data::{self, Norm, Tape},
};
use std::ops::Range;

/// The channels of another source's images. Each channel of a set is a set of its own.
pub struct Bag<S> {
    images: S,
    sets: Vec<SetChannels>,
    norms: Vec<Norm>,
    /// The set of images and the channel that each set here has.
    of: Vec<(u16, usize)>,
    items: Vec<Item>,
}

impl<S: Source> Bag<S> {
    /// Those channels of `images` that `samples` names, given how many there are.
    pub fn new(images: S, samples: impl Fn(usize) -> Range<usize>) -> Self {
        let (mut sets, mut norms, mut of) = (Vec::new(), Vec::new(), Vec::new());
        let mut first_of_set = Vec::new();
        for (number, SetChannels { set, channels }) in images.sets().iter().enumerate() {
            let (range, first) = (samples(channels.len()), sets.len());
            for channel in range {
                let name = &channels[channel];
                sets.push(SetChannels { set: format!("{set}/{name}"), channels: vec![name.clone()] });
                norms.push(images.norm(number).channel(channel));
                of.push((number as u16, channel));
            }
            first_of_set.push(first as u16..sets.len() as u16);
        }
        let channels = |item: &Item| first_of_set[usize::from(item.set)].clone();
        let samples_of = |item: &Item| channels(item).map(|set| Item { set, ..*item }).collect::<Vec<_>>();
        let mut items: Vec<Item> = images.items().iter().flat_map(samples_of).collect();
        items.sort_by_key(|item| item.set);
        Self { sets, norms, of, items, images }
    }
}

impl<S: Source> Source for Bag<S> {
    fn sets(&self) -> &[SetChannels] {
        &self.sets
    }

    fn classes(&self) -> &[String] {
        self.images.classes()
    }

    fn items(&self) -> &[Item] {
        &self.items
    }

    fn mixes_sets(&self) -> bool {
        true
    }

    fn norm(&self, set: usize) -> &Norm {
        &self.norms[set]
    }

    fn read(&self, item: Item) -> Result<Tape, data::Error> {
        let (set, channel) = self.of[usize::from(item.set)];
        Ok(self.images.read(Item { set, ..item })?.channel(channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Pixels, Statistics};

    /// Two sets of two and three channels; the grey level of a pixel is 100 · set + 10 · row + channel.
    struct Two(Vec<SetChannels>, Vec<Item>, Vec<Norm>);

    fn two() -> Two {
        let set = |set: &str, channels: &[&str]| SetChannels {
            set: set.into(),
            channels: channels.iter().map(ToString::to_string).collect(),
        };
        let items = [(0, 0), (0, 1), (1, 4)];
        let norm = |channels: usize| {
            let mean: Vec<f32> = (0..channels).map(|channel| channel as f32).collect();
            Norm::Set(Statistics { sd: mean.iter().map(|mean| 1.0 + mean).collect(), mean })
        };
        Two(
            vec![set("A", &["dna", "er"]), set("B", &["er", "rna", "dna"])],
            items.map(|(set, row)| Item { set, class: 0, row }).to_vec(),
            vec![norm(2), norm(3)],
        )
    }

    impl Source for Two {
        fn sets(&self) -> &[SetChannels] {
            &self.0
        }

        fn classes(&self) -> &[String] {
            &[]
        }

        fn items(&self) -> &[Item] {
            &self.1
        }

        fn norm(&self, set: usize) -> &Norm {
            &self.2[set]
        }

        fn read(&self, item: Item) -> Result<Tape, data::Error> {
            let channels = self.0[usize::from(item.set)].channels.len();
            let level = |channel: usize| (100 * item.set + 10 * item.row as u16) as u8 + channel as u8;
            let row = (0..channels).flat_map(|channel| [level(channel); 2]);
            let pixels = Pixels::Bytes(row.cycle().take(2 * 2 * channels).collect());
            Ok(Tape { pixels, height: 2, width: 2, channels })
        }
    }

    /// Conformance list 18: sum of K samples, and each channel as often as it occurs. The published data set has as many
    /// samples as images, all of one channel.
    #[test]
    fn an_image_of_k_channels_is_k_samples() {
        let bag = Bag::new(two(), |channels| 0..channels);
        assert_eq!(bag.items().len(), 2 * 2 + 3);
        let names: Vec<&str> = bag.sets().iter().map(|set| set.set.as_str()).collect();
        assert_eq!(names, ["A/dna", "A/er", "B/er", "B/rna", "B/dna"]);
        let counts = (0..5).map(|set| bag.items().iter().filter(|item| item.set == set).count());
        assert_eq!(counts.collect::<Vec<_>>(), [2, 2, 1, 1, 1]);
        let levels: Vec<u8> = (bag.items().iter())
            .map(|item| {
                let tape = bag.read(*item).unwrap();
                assert_eq!((tape.channels, tape.height, tape.width), (1, 2, 2));
                let bytes = tape.pixels.bytes().unwrap().to_vec();
                assert!(bytes.len() == 4 && bytes.iter().all(|byte| *byte == bytes[0]), "{bytes:?}");
                bytes[0]
            })
            .collect();
        assert_eq!(levels, [0, 10, 1, 11, 140, 141, 142]);
        let expected = Norm::Set(Statistics { mean: vec![2.0], sd: vec![3.0] });
        assert_eq!(bag.norm(4), &expected);

        let published = Bag::new(two(), |_| 1..2);
        let sets: Vec<u16> = published.items().iter().map(|item| item.set).collect();
        assert_eq!((sets, &published.sets()[1].set[..]), (vec![0, 0, 1], "B/rna"));
    }
}
