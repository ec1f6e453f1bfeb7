//! Three-channel images for simulated pretraining: they take the place of natural images, and teach what
//! structures look like, not what CHAMMI's labels are.

use super::cell::{Habit, Kind, State};
use super::labels::Effect;
use super::optics::Microscope;
use super::render::{Shot, Stage};
use super::structures::Structure::{self, Er, Golgi, Membrane, Microtubules, Mito, Nucleus, Protein, Rna};
use super::world::World;
use rayon::prelude::*;

/// Classes of [`three_channel`].
pub const PRETRAIN_CLASSES: usize = 16;

/// Shift of a class's factor, in standard deviations.
const MOVE: f64 = 2.5;

/// Number of microscopes, used in turn.
const MICROSCOPES: usize = 12;

/// Labelled three-channel images in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// Side of an image, in pixels.
    pub side: usize,
    /// n x 3 x side x side: images, planes, rows.
    pub bytes: Vec<u8>,
    /// The class of each, below [`PRETRAIN_CLASSES`].
    pub labels: Vec<u32>,
}

/// `images` images of `side` pixels, classes in turn. A class is one factor of the state shifted up or down,
/// in cells that divide or spread, or one relation between the channels of a polarised cell. Random streams
/// differ from those of CHAMMI's sets, so that no cell is in both.
pub fn three_channel(world: &World, images: usize, side: usize) -> Pictures {
    let habit = Habit::draw(world, "pretrain");
    let microscopes: Vec<Microscope> =
        (0..MICROSCOPES).map(|n| Microscope::draw(world, &format!("pretrain/{n}"), 3, 0.05)).collect();
    let labels: Vec<u32> = (0..images).map(|number| (number % PRETRAIN_CLASSES) as u32).collect();
    let taken: Vec<Vec<u8>> = labels
        .par_iter()
        .enumerate()
        .map(|(number, &label)| {
            let (kind, channels, effect) = class(label);
            let name = format!("pretrain/cell/{number}");
            let mut stream = world.stream(&format!("{name}/state"));
            let mut state = State::draw(&mut stream);
            effect.apply(&mut state, &mut stream);
            let tagged = [Er, Golgi, Membrane, Microtubules, Mito, Rna][stream.below(6)];
            let microscope = &microscopes[stream.below(MICROSCOPES)];
            let shot = Shot { name, state, tagged, microscope, gains: &[1.0; 3], defocus: 0.0 };
            let stage = Stage { world, habit: &habit, kind, channels, pixels: [side, side] };
            stage.picture(&shot).planes.concat()
        })
        .collect();
    Pictures { side, bytes: taken.concat(), labels }
}

/// The content of a class's images.
fn class(label: u32) -> (Kind, &'static [Structure], Effect) {
    let up = |factor| Effect::Shift(vec![(factor, MOVE)]);
    let down = |factor| Effect::Shift(vec![(factor, -MOVE)]);
    let effect = match label {
        0 => up(1),
        1 => up(2),
        2 => up(3),
        3 => up(5),
        4 => up(6),
        5 => up(7),
        6 => up(8),
        7 => down(8),
        8 => up(7),
        9 => up(9),
        10 => up(5),
        11 => down(6),
        12 => Effect::Follow(0),
        13 => Effect::Follow(2),
        14 => Effect::Follow(3),
        _ => Effect::Avoid(0),
    };
    match label {
        0..6 => (Kind::Dividing, &[Nucleus, Membrane, Protein], effect),
        6..12 => (Kind::Spread, &[Er, Golgi, Mito], effect),
        _ => (Kind::Polarised, &[Microtubules, Protein, Nucleus], effect),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_of_all_classes_and_not_alike() {
        let pictures = three_channel(&World::new(5), 2 * PRETRAIN_CLASSES, 32);
        assert_eq!(pictures.bytes.len(), 2 * PRETRAIN_CLASSES * 3 * 32 * 32);
        let all: Vec<&[u8]> = pictures.bytes.chunks(32 * 32).collect();
        for (index, plane) in all.iter().enumerate() {
            assert!(plane.iter().max() > plane.iter().min(), "plane {index} is empty");
            assert!(!all[..index].contains(plane), "plane {index} is there twice");
        }
    }
}
