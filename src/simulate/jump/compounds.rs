//! Compounds and what they do to cells: those of one mechanism do nearly the same, none shows in intensities.

use super::screen::Screen;

/// Mechanisms of action, some of those of the real data set, in the order of their numbers.
pub(crate) const MECHANISMS: [&str; 8] = [
    "Aurora kinase inhibitor",
    "CDK inhibitor",
    "HDAC inhibitor",
    "HMGCR inhibitor",
    "HSP inhibitor",
    "glucocorticoid receptor agonist",
    "phosphodiesterase inhibitor",
    "protein synthesis inhibitor",
];

/// The factors that each channel of Cell Painting shows: nucleus, ER, RNA, AGP, mitochondria.
const SHOWN: [&[usize]; 5] = [&[1, 0], &[8], &[3, 2], &[7, 9], &[5, 6]];

/// Factors with which compounds may differ.
const OWN: [usize; 9] = [0, 1, 2, 3, 5, 6, 7, 8, 9];

/// A compound.
#[derive(Clone, Debug)]
pub(super) struct Compound {
    /// `JCP2022_901100`: a number that no compound of JUMP has.
    pub(super) id: String,
    /// Its mechanism, an index into [`MECHANISMS`].
    pub(super) moa: usize,
    /// What it adds to the state of a cell.
    pub(super) shift: [f64; 12],
}

/// The compounds of a screen, mechanism by mechanism.
pub(super) fn compounds(screen: &Screen) -> Vec<Compound> {
    let mut all = Vec::new();
    for (moa, moves) in mechanisms(screen).into_iter().enumerate() {
        for number in 0..screen.size.compounds {
            let mut stream = screen.stream(&format!("compound/{moa}/{number}"));
            let strength = stream.uniform(0.8, 1.2);
            let mut shift = [0.0; 12];
            for &(factor, by) in &moves {
                shift[factor] += strength * by;
            }
            for factor in OWN {
                shift[factor] += screen.compound * stream.normal();
            }
            // Ids in another order than mechanisms, as they are in JUMP.
            let id = format!("JCP2022_9{:02}{:03}", 1 + (7 * number + 3 * moa) % 17, 100 + 29 * moa + number);
            all.push(Compound { id, moa, shift });
        }
    }
    all
}

/// The factors that each mechanism moves: one in each of three to five channels, and no two mechanisms nearly the same.
fn mechanisms(screen: &Screen) -> Vec<Vec<(usize, f64)>> {
    let mut stream = screen.stream("mechanisms");
    let mut all: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut tries = 0;
    while all.len() < MECHANISMS.len() {
        let mut channels = [0, 1, 2, 3, 4];
        stream.shuffle(&mut channels);
        let mut shown = channels[..3 + stream.below(3)].to_vec();
        shown.sort_unstable();
        let moves: Vec<(usize, f64)> = shown
            .into_iter()
            .map(|channel| {
                let factors = SHOWN[channel];
                let sign = if stream.chance(0.5) { 1.0 } else { -1.0 };
                (factors[stream.below(factors.len())], sign * screen.mechanism)
            })
            .collect();
        let wanted = 5usize.saturating_sub(tries / 100);
        let apart = |other: &Vec<(usize, f64)>| {
            let lacks =
                |a: &[(usize, f64)], b: &[(usize, f64)]| a.iter().filter(|of| !b.contains(of)).count();
            lacks(&moves, other) + lacks(other, &moves) >= wanted
        };
        tries += 1;
        if all.iter().all(apart) {
            all.push(moves);
            tries = 0;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn mechanisms_differ_and_their_compounds_do_not_much() {
        for seed in 0..50 {
            let all = compounds(&Screen::new(seed));
            assert_eq!(all.len(), 24);
            assert_eq!(all.iter().map(|compound| &compound.id).collect::<BTreeSet<_>>().len(), 24);
            let far = |a: &Compound, b: &Compound| -> f64 {
                a.shift.iter().zip(b.shift).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
            };
            for of in &all {
                let own: Vec<&Compound> = all.iter().filter(|other| other.moa == of.moa).collect();
                let centre: [f64; 12] =
                    std::array::from_fn(|at| own.iter().map(|c| c.shift[at]).sum::<f64>() / own.len() as f64);
                let centre = Compound { id: String::new(), moa: 0, shift: centre };
                let others = all.iter().filter(|other| other.moa != of.moa);
                let nearest = others.map(|other| far(&centre, other)).fold(f64::INFINITY, f64::min);
                assert!(far(&centre, of) < nearest, "world {seed}: {} is nearer to another mechanism", of.id);
            }
        }
    }
}
