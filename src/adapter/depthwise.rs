//! Depthwise: each channel is filtered separately, then the channels' maps are pooled into a fixed number of
//! maps (CHAMMI, section 4.1; released `depthwiseconvnext`).
//!
//! A patch convolution per channel, then 3×3 filters per channel from a bank by channel name, a weighted sum
//! over channels, a 1×1 convolution, and an instance norm in place of the stem's normalisation; a transformer's stem has
//! none. Filtering and the sum over channels are one linear map. Always starts from random weights.

use super::{Entry, Images, Replaces, SetChannels, bank::Bank, filters};
use crate::{
    backbone::Stem,
    ops::Weight,
    params::{ParamId, Params, Published},
    pass::{Entered, Pass},
    spec::{self, Pooling},
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};

const EPS: f32 = 1e-5;
/// Weights of a 3×3 filter.
const TAPS: usize = 9;

pub(super) struct Depthwise {
    /// Patch convolutions of the sets trained on: weights (C, 1, patch, patch) and biases (C).
    patches: Vec<(ParamId, ParamId)>,
    sets: Vec<Set>,
    bank: ParamId,
    kernels: usize,
    /// One logit per name of the bank; `None`: all channels have the same weight.
    pooling: Option<ParamId>,
    mix: ParamId,
    /// `None`: the backbone takes maps as they are.
    norm: Option<(ParamId, ParamId)>,
    own: Stem,
}

/// How the channels of a set are read.
struct Set {
    /// Rows of the bank.
    rows: Vec<usize>,
    /// For a set that was not trained on: the trained set and channel whose patch filters each channel uses.
    borrowed: Option<Vec<(usize, usize)>>,
}

impl Depthwise {
    /// `sets` are trained on; `others` are only read.
    pub(super) fn new(
        word: &spec::Depthwise,
        sets: &[SetChannels],
        others: &[SetChannels],
        own: Stem,
        params: &mut Params,
    ) -> Self {
        let names = Bank::of(sets);
        let patches = sets.iter().map(|set| patch_filters(set, own, params)).collect();
        // Released: He's deviation with a fan-in of 3 × 3.
        let bank = Published::new("conv1depthwise_param_bank", &[names.len() * word.kernels, 1, 3, 3]);
        let bank = params.add_normal(bank, filters::he(TAPS));
        let pooling = (word.pooling == Pooling::Weighted)
            .then(|| params.add_normal(Published::new("weighted_sum_pooling", &[names.len()]), 1.0));
        let reach = 1.0 / (word.kernels as f64).sqrt();
        let mix = params.add_with(
            Published::new("conv_1x1.weight", &[own.width, word.kernels, 1, 1]),
            |stream, values| {
                values.iter_mut().for_each(|value| *value = stream.uniform(-reach, reach) as f32);
            },
        );
        let norm = own.norm.map(|_| {
            let mut add = |name: &str, value: f32| {
                let id = params.add_constant(Published::new(name, &[own.width]), value);
                if !word.train_norm {
                    params.freeze(id);
                }
                id
            };
            (add("norm.weight", 1.0), add("norm.bias", 0.0))
        });
        let trained = sets.iter().map(|set| Set { rows: names.rows(set), borrowed: None });
        let borrowed = others.iter().map(|set| replicate(set, sets, &names));
        let sets = trained.chain(borrowed).collect();
        Self { patches, sets, bank, kernels: word.kernels, pooling, mix, norm, own }
    }

    /// The patch filters of a set's channels, (C, patch·patch) and (C).
    fn patch_filters(&self, tape: &mut Tape, params: &Params, set: &Set, number: usize) -> Result<[Node; 2]> {
        let Some(borrowed) = &set.borrowed else {
            let (weight, bias) = self.patches[number];
            let weight = tape.param(params, weight);
            let weight = tape.reshape(&weight, (set.rows.len(), self.own.area()))?;
            return Ok([weight, tape.param(params, bias)]);
        };
        // Filters that a new channel borrows are not trained through it.
        let gather = |of: &dyn Fn(&(ParamId, ParamId)) -> ParamId| -> Result<Tensor> {
            let one =
                |&(set, channel): &(usize, usize)| params.value(of(&self.patches[set])).narrow(0, channel, 1);
            Tensor::cat(&borrowed.iter().map(one).collect::<Result<Vec<_>>>()?, 0)
        };
        let weight = gather(&|(weight, _)| *weight)?.reshape((borrowed.len(), self.own.area()))?;
        Ok([Node::constant(weight), Node::constant(gather(&|(_, bias)| *bias)?)])
    }
}

/// PyTorch's default initialisation of a convolution over patches of one channel.
fn patch_filters(set: &SetChannels, own: Stem, params: &mut Params) -> (ParamId, ParamId) {
    let count = set.channels.len();
    let reach = 1.0 / (own.area() as f64).sqrt();
    let mut add = |name: &str, shape: &[usize]| {
        let published = Published::new(format!("get_patch_emb.{}.{name}", set.set), shape);
        params.add_with(published, |stream, values| {
            values.iter_mut().for_each(|value| *value = stream.uniform(-reach, reach) as f32);
        })
    };
    (add("weight", &[count, 1, own.patch, own.patch]), add("bias", &[count]))
}

/// New channels use the filters of the trained channel with the same name (from the first set that has it),
/// or otherwise those of the trained channels in turn.
fn replicate(set: &SetChannels, trained: &[SetChannels], names: &Bank) -> Set {
    let mut turn = 0;
    let mut rows = Vec::new();
    let mut borrowed = Vec::new();
    for name in &set.channels {
        let row = names.row(name).unwrap_or_else(|| {
            turn += 1;
            (turn - 1) % names.len()
        });
        let owner = trained.iter().enumerate().find_map(|(set, known)| {
            let channel = known.channels.iter().position(|name| names.row(name) == Some(row))?;
            Some((set, channel))
        });
        rows.push(row);
        borrowed.push(owner.expect("every name of the bank belongs to a trained set"));
    }
    Set { rows, borrowed: Some(borrowed) }
}

impl Entry for Depthwise {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let Pass { tape, params, .. } = pass;
        let set = &self.sets[images.set];
        filters::expect_channels("Depthwise", set.rows.len(), images)?;
        let [weight, bias] = self.patch_filters(tape, params, set, images.set)?;
        let maps = tape.channel_patches(&images.pixels, &weight, &bias, self.own.patch)?;

        let bank = tape.param(params, self.bank);
        let names = bank.dims()[0] / self.kernels;
        let bank = tape.reshape(&bank, (names, self.kernels * TAPS))?;
        let bank = tape.rows(&bank, &set.rows)?;
        let logits = match self.pooling {
            None => None,
            Some(id) => {
                let logits = tape.param(params, id);
                let logits = tape.reshape(&logits, (names, 1))?;
                Some(tape.rows(&logits, &set.rows)?)
            }
        };
        let pooled = tape.pooled_filters(&bank, logits.as_ref(), TAPS)?;
        let around = tape.neighbourhoods(&maps)?;
        let maps = tape.linear(&around, &pooled, Weight::InOut, None)?;

        let mix = tape.param(params, self.mix);
        let mix = tape.reshape(&mix, (mix.dims()[0], self.kernels))?;
        let maps = tape.linear(&maps, &mix, Weight::OutIn, None)?;
        let Some((scale, shift)) = self.norm else { return Ok(Entered::Maps(maps)) };
        let (scale, shift) = (tape.param(params, scale), tape.param(params, shift));
        Ok(Entered::Maps(tape.instance_norm(&maps, &scale, &shift, EPS)?))
    }

    fn replaces(&self) -> Replaces {
        Replaces::Whole
    }

    fn normalises(&self) -> bool {
        self.norm.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn set(name: &str, channels: &[&str]) -> SetChannels {
        SetChannels { set: name.into(), channels: channels.iter().map(|c| (*c).to_owned()).collect() }
    }

    #[test]
    fn new_channels_borrow_by_name_and_else_in_turn() {
        let trained = [set("A", &["nucleus", "er"]), set("B", &["rna", "er"])];
        let found = replicate(&set("C", &["er", "actin", "rna", "golgi"]), &trained, &Bank::of(&trained));
        assert_eq!(found.rows, [0, 0, 2, 1], "er, er in turn, rna, nucleus in turn");
        assert_eq!(found.borrowed.unwrap(), [(0, 1), (0, 1), (1, 0), (0, 0)]);
    }

    #[test]
    fn a_set_read_by_names_alone_is_the_trained_set_of_those_names() {
        let trained = [set("A", &["nucleus", "er"])];
        let word = spec::Depthwise {
            kernels: 3,
            pooling: Pooling::Weighted,
            train_norm: true,
            new_channels: spec::NewChannels::Replicate,
        };
        let mut params = Params::new(Seed(1));
        let stem =
            Depthwise::new(&word, &trained, &[set("C", &["er", "nucleus"])], Stem::conv_next(8), &mut params);
        let planes: Vec<f32> = (0..2 * 64).map(|i| (i as f32 * 0.3).sin()).collect();
        let swapped = [&planes[64..], &planes[..64]].concat();
        let run = |planes: Vec<f32>, set| {
            let pixels = Tensor::from_vec(planes, (1, 2, 8, 8), &candle_core::Device::Cpu).unwrap();
            let mut tape = Tape::forgetting();
            let y = stem.enter(&mut Pass::new(&mut tape, &params), &Images { pixels, set }).unwrap();
            y.maps().unwrap().value().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        crate::golden::assert_close("y", &run(swapped, 1), &run(planes, 0), 1e-5);
    }
}
