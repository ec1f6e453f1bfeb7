//! TemplateMixing: each channel's filters are a learned mixture of templates that all channels share (CHAMMI,
//! section 4.1; released `templatemixingconvnext`). No bias; always starts from random weights.

use super::{
    SetChannels,
    bank::{Bank, slots},
    filters::{self, Generated},
};
use crate::{
    backbone::Stem,
    ops::Weight,
    params::{ParamId, Params, Published},
    seed::Stream,
    spec::{self, Coefficients},
    tape::{Node, Tape},
};
use candle_core::Result;

/// The initial coefficient of a channel's own templates (released, second version).
const OWN: f32 = 0.9;
/// The initial coefficient of the templates of equal channels in other sets.
const AKIN: f32 = 0.1;

pub(super) struct TemplateMixing {
    templates: ParamId,
    /// For each set, its table of mixtures and the rows of its channels.
    mixtures: Vec<(ParamId, Vec<usize>)>,
    own: Stem,
}

impl TemplateMixing {
    pub(super) fn new(
        word: &spec::TemplateMixing,
        sets: &[SetChannels],
        own: Stem,
        params: &mut Params,
    ) -> Self {
        let count = word.templates;
        let templates = params
            .add_normal(filters::published("conv1_param_bank", own, count), filters::he(count * own.area()));
        let table = |name: String, rows: usize| Published::new(name, &[rows, count]);
        let mixtures = match word.coefficients {
            Coefficients::PerSet => sets
                .iter()
                .map(|set| {
                    let rows = set.channels.len();
                    let name = format!("conv1_coefs.{}", set.set);
                    let id = params.add_with(table(name, rows), |stream, out| orthonormal(stream, rows, out));
                    (id, (0..rows).collect())
                })
                .collect(),
            Coefficients::Shared => {
                let bank = Bank::of(sets);
                let rows = bank.len();
                let id = params.add_with(table("conv1_coefs".into(), rows), |stream, out| {
                    orthonormal(stream, rows, out);
                });
                sets.iter().map(|set| (id, bank.rows(set))).collect()
            }
            Coefficients::Owned => {
                let slots = slots(sets);
                let names: Vec<&String> = sets.iter().flat_map(|set| &set.channels).collect();
                let id = params
                    .add_with(table("conv1_coefs".into(), names.len()), |_, out| owned(&names, count, out));
                slots.into_iter().map(|slots| (id, slots)).collect()
            }
        };
        Self { templates, mixtures, own }
    }
}

impl Generated for TemplateMixing {
    const WORD: &'static str = "TemplateMixing";

    fn own(&self) -> Stem {
        self.own
    }

    fn channels(&self, set: usize) -> usize {
        self.mixtures[set].1.len()
    }

    fn filters(&self, tape: &mut Tape, params: &Params, set: usize) -> Result<Node> {
        let (table, rows) = &self.mixtures[set];
        let templates = filters::table(tape, &tape.param(params, self.templates))?;
        let mixtures = tape.rows(&tape.param(params, *table), rows)?;
        tape.linear(&mixtures, &templates, Weight::InOut, None)
    }
}

/// Orthonormal rows, uniformly distributed (Gram-Schmidt on normal rows). If there are more rows than
/// columns, the columns are orthonormal instead, as in PyTorch's `orthogonal_`.
fn orthonormal(stream: &mut Stream, rows: usize, out: &mut [f32]) {
    let cols = out.len() / rows;
    let (many, long) = (rows.min(cols), rows.max(cols));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(many);
    while basis.len() < many {
        let mut next: Vec<f64> = (0..long).map(|_| stream.normal()).collect();
        // Twice is enough (Kahan, Parlett).
        for _ in 0..2 {
            for known in &basis {
                let along: f64 = known.iter().zip(&next).map(|(a, b)| a * b).sum();
                next.iter_mut().zip(known).for_each(|(x, known)| *x -= along * known);
            }
        }
        let length = next.iter().map(|x| x * x).sum::<f64>().sqrt();
        basis.push(next.into_iter().map(|x| x / length).collect());
    }
    for (at, out) in out.iter_mut().enumerate() {
        let (row, col) = (at / cols, at % cols);
        *out = if rows <= cols { basis[row][col] } else { basis[col][row] } as f32;
    }
}

/// Each channel owns an equal share of the templates; the remaining ones are owned by no channel and start at
/// 0.
fn owned(names: &[&String], templates: usize, out: &mut [f32]) {
    let share = templates / names.len();
    for (channel, row) in out.chunks_exact_mut(templates).enumerate() {
        for (owner, name) in names.iter().enumerate() {
            let value = if owner == channel {
                OWN
            } else if *name == names[channel] {
                AKIN
            } else {
                0.0
            };
            row[owner * share..][..share].fill(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn mixtures_start_at_right_angles() {
        for (rows, cols) in [(3, 7), (4, 4), (5, 2)] {
            let mut values = vec![0.0; rows * cols];
            orthonormal(&mut Seed(1).stream("x"), rows, &mut values);
            let at = |row: usize, col: usize| f64::from(values[row * cols + col]);
            let small = rows.min(cols);
            for a in 0..small {
                for b in 0..small {
                    let dot: f64 = match rows <= cols {
                        true => (0..cols).map(|col| at(a, col) * at(b, col)).sum(),
                        false => (0..rows).map(|row| at(row, a) * at(row, b)).sum(),
                    };
                    assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-6, "{rows} x {cols}: {dot}");
                }
            }
        }
    }

    /// CHAMMI's twelve channels and 24 templates: the release lists which channels are equal.
    #[test]
    fn owned_templates_are_akin_where_the_release_says() {
        let names = "nucleus membrane protein microtubules protein nucleus er nucleus er rna golgi mito";
        let names: Vec<String> = names.split(' ').map(String::from).collect();
        let mut values = vec![f32::NAN; 12 * 24];
        owned(&names.iter().collect::<Vec<_>>(), 24, &mut values);
        let akin: [&[usize]; 12] =
            [&[5, 7], &[], &[4], &[], &[2], &[0, 7], &[8], &[0, 5], &[6], &[], &[], &[]];
        for channel in 0..12 {
            for owner in 0..12 {
                let expected = match owner {
                    _ if owner == channel => OWN,
                    _ if akin[channel].contains(&owner) => AKIN,
                    _ => 0.0,
                };
                assert_eq!(values[channel * 24 + owner * 2..][..2], [expected; 2], "{channel} {owner}");
            }
        }
    }
}
