//! Effects of labels on cells: three kinds of label, none of which shows in intensities.

use super::cell::State;
use super::world::{Control, World};
use dichroic_ops::seed::Stream;

/// The effect of a label.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// Nothing: interphase, DMSO.
    None,
    /// Shifts factors of the state by these standard deviations: unary if one channel shows them all (the
    /// nucleus of a dividing cell), distributed if several channels show one each (a compound).
    Shift(Vec<(usize, f64)>),
    /// Sets the elongation of nucleus and cell, in standard deviations of other cells: the control in which
    /// nothing else distinguishes labels.
    Elongate(f64),
    /// The protein is aligned with and follows microtubules (0), ER (1), the nucleus (2) or nothing that is
    /// imaged (3): relational, since no single channel distinguishes these.
    Follow(usize),
    /// The protein is opposite to microtubules (0), ER (1) or the nucleus (2): relational, too.
    Avoid(usize),
}

/// The stages of the cell cycle by the factors that they move, in units of [`World::unary`]: eccentricity 1,
/// correlation length 2, nucleoli 3, fragmentation 5, radial centroid 6, compactness 7. Prophase loses its nucleoli and
/// clumps, prometaphase is a rosette, metaphase a bar, anaphase two bars; the last shows one daughter of two.
const STAGES: [(&str, &[(usize, f64)]); 6] = [
    ("M0", &[]),
    ("M1M2", &[(2, 1.2), (3, -1.0), (7, -0.5)]),
    ("M3", &[(7, 1.2), (3, -0.8), (2, -0.3)]),
    ("M4M5", &[(1, 1.2), (3, -0.8), (2, -0.3)]),
    ("M6M7_complete", &[(5, 1.2), (1, 0.7), (3, -0.8)]),
    ("M6M7_single", &[(6, 1.2), (1, 0.6), (3, -0.8)]),
];

const COMPARTMENTS: [(&str, Effect); 7] = [
    ("microtubules", Effect::Follow(0)),
    ("golgi apparatus", Effect::Follow(1)),
    ("nuclear speckles", Effect::Follow(2)),
    ("mitochondria", Effect::Follow(3)),
    ("cytosol", Effect::Avoid(0)),
    ("endoplasmic reticulum", Effect::Avoid(1)),
    ("nucleoplasm", Effect::Avoid(2)),
];

/// Compounds, those known in training first.
pub(super) const COMPOUNDS: [&str; 6] =
    ["BRD-A29260609", "BRD-K04185004", "BRD-K21680192", "BRD-K11129031", "BRD-K62310379", "BRD-K77947974"];

/// The factors that each channel of Cell Painting shows: nucleus, ER, RNA, AGP ("golgi"), mitochondria. A
/// compound shifts one factor of each.
const SHOWN: [&[usize]; 5] = [&[1, 0], &[8], &[3, 2], &[7, 9], &[5, 6]];

/// The smallest and largest elongation of that control: from round to twice as long as wide.
const ELONGATED: (f64, f64) = (-1.6, 5.4);

/// The effects of a set's labels in a world.
pub(super) fn effects(world: &World, set: &str) -> Vec<(&'static str, Effect)> {
    let effects = own_effects(world, set);
    if world.control != Some(Control::Elongation) {
        return effects;
    }
    let (low, high) = ELONGATED;
    let step = (high - low) / (effects.len() - 1) as f64;
    let effect = |at: usize| Effect::Elongate(low + step * at as f64);
    effects.iter().enumerate().map(|(at, (label, _))| (*label, effect(at))).collect()
}

fn own_effects(world: &World, set: &str) -> Vec<(&'static str, Effect)> {
    match set {
        "Allen" => STAGES
            .iter()
            .map(|&(label, moves)| (label, shift(moves.iter().map(|&(f, s)| (f, s * world.unary)).collect())))
            .collect(),
        "HPA" => COMPARTMENTS.to_vec(),
        _ => {
            let mut all = vec![("DMSO", Effect::None)];
            all.extend(COMPOUNDS.iter().copied().zip(compounds(world)));
            all
        }
    }
}

fn shift(moves: Vec<(usize, f64)>) -> Effect {
    if moves.is_empty() { Effect::None } else { Effect::Shift(moves) }
}

/// Draws the compounds' effects, each as different from the previous ones as a hundred draws allow: they
/// differ in four of five channels, in sign or in factor, or in fewer if that is impossible.
fn compounds(world: &World) -> Vec<Effect> {
    let mut stream = world.stream("compounds");
    let mut all: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut tries = 0;
    while all.len() < COMPOUNDS.len() {
        let moves: Vec<(usize, f64)> = SHOWN
            .iter()
            .map(|shown| {
                let sign = if stream.chance(0.5) { 1.0 } else { -1.0 };
                (shown[stream.below(shown.len())], sign * world.distributed)
            })
            .collect();
        let wanted = 4usize.saturating_sub(tries / 100);
        let differs =
            |other: &Vec<(usize, f64)>| moves.iter().zip(other).filter(|(a, b)| a != b).count() >= wanted;
        tries += 1;
        if all.iter().all(differs) {
            all.push(moves);
            tries = 0;
        }
    }
    all.into_iter().map(Effect::Shift).collect()
}

impl Effect {
    /// Applies the label to a cell.
    pub(super) fn apply(&self, state: &mut State, stream: &mut Stream) {
        match self {
            Self::None => {}
            Self::Shift(moves) => {
                for &(factor, by) in moves {
                    state.z[factor] += by;
                }
            }
            // Nucleus (1) and cell (10) together.
            Self::Elongate(by) => (state.z[1], state.z[10]) = (*by, *by),
            Self::Follow(leader) => {
                state.follows = *leader;
                if *leader < 3 {
                    state.leaning[3] = state.leaning[*leader] + 0.1 * stream.normal();
                }
            }
            Self::Avoid(leader) => {
                state.leaning[3] = state.leaning[*leader] + std::f64::consts::PI + 0.1 * stream.normal();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elongation_takes_the_place_of_every_effect() {
        let world = World::new(1).under(Control::Elongation);
        for (set, labels) in [("Allen", 6), ("HPA", 7), ("CP", 7)] {
            let found = effects(&world, set);
            let names = |effects: &[(&'static str, Effect)]| {
                effects.iter().map(|(label, _)| *label).collect::<Vec<_>>()
            };
            assert_eq!(names(&found), names(&effects(&World::new(1), set)));
            assert_eq!(found.len(), labels);
            let ends = [0, labels - 1].map(|at| match found[at].1 {
                Effect::Elongate(by) => by,
                _ => f64::NAN,
            });
            assert!((ends[0] - ELONGATED.0).abs() + (ends[1] - ELONGATED.1).abs() < 1e-9, "{ends:?}");
        }
    }

    #[test]
    fn every_world_has_six_unlike_compounds() {
        for seed in 0..200 {
            let all = compounds(&World::new(seed));
            assert_eq!(all.len(), COMPOUNDS.len());
            for (index, effect) in all.iter().enumerate() {
                assert!(!all[..index].contains(effect), "two compounds of world {seed} do the same");
            }
        }
    }
}
