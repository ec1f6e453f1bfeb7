//! HyperNet: one small network generates the stem filter of each channel (CHAMMI, section 4.1; Ha et al.
//! 2016).
//!
//! As released (`hyperconvnext`): an embedding per channel, two linear maps with no activation between them,
//! no bias in the generated convolution, and always random initial weights, whether or not the backbone is
//! pretrained.

use super::{
    SetChannels,
    bank::Bank,
    filters::{self, Generated},
};
use crate::{
    backbone::Stem,
    ops::Weight,
    params::{ParamId, Params, Published},
    spec::{self, Embeddings},
    tape::{Node, Tape},
};
use candle_core::Result;

pub(super) struct HyperNet {
    /// For each set, its table of embeddings and the rows of its channels.
    channels: Vec<(ParamId, Vec<usize>)>,
    inner: (ParamId, ParamId),
    outer: (ParamId, ParamId),
    own: Stem,
}

impl HyperNet {
    pub(super) fn new(word: &spec::HyperNet, sets: &[SetChannels], own: Stem, params: &mut Params) -> Self {
        let (z, hidden) = (word.z, word.hidden);
        let channels = match word.embeddings {
            Embeddings::PerSet => sets
                .iter()
                .map(|set| {
                    let count = set.channels.len();
                    let name = format!("conv1_emb.{}", set.set);
                    (params.add_normal(Published::new(name, &[count, z]), 1.0), (0..count).collect())
                })
                .collect(),
            Embeddings::Shared => {
                let bank = Bank::of(sets);
                let table = params.add_normal(Published::new("conv1_emb", &[bank.len(), z]), 1.0);
                sets.iter().map(|set| (table, bank.rows(set))).collect()
            }
        };
        // Released: He initialisation with the fan-in that PyTorch computes from these shapes; biases have
        // standard deviation 1. The release is for ConvNeXts, whose stem normalises what the filters make.
        let Stem { width, patch, .. } = own;
        let filter = [width, patch, patch];
        let inner = (
            params.add_normal(Published::new("hypernet.W", &[z, 1, hidden]), filters::he(hidden)),
            params.add_normal(Published::new("hypernet.b", &[1, hidden]), 1.0),
        );
        let outer = (
            params.add_normal(
                Published::permuted("hypernet.W_out", &[hidden, width, patch, patch], &[0, 2, 3, 1]),
                filters::he(width * patch * patch) * own.gain(),
            ),
            params.add_normal(Published::permuted("hypernet.b_out", &filter, &[1, 2, 0]), own.gain()),
        );
        Self { channels, inner, outer, own }
    }
}

impl Generated for HyperNet {
    const WORD: &'static str = "HyperNet";

    fn own(&self) -> Stem {
        self.own
    }

    fn channels(&self, set: usize) -> usize {
        self.channels[set].1.len()
    }

    fn filters(&self, tape: &mut Tape, params: &Params, set: usize) -> Result<Node> {
        let (table, rows) = &self.channels[set];
        let embeddings = tape.rows(&tape.param(params, *table), rows)?;
        let affine = |tape: &mut Tape, x: &Node, (weight, bias): (ParamId, ParamId)| {
            let (weight, bias) = (tape.param(params, weight), tape.param(params, bias));
            let outs = bias.value().elem_count();
            let weight = tape.reshape(&weight, (x.dims()[1], outs))?;
            let bias = tape.reshape(&bias, outs)?;
            tape.linear(x, &weight, Weight::InOut, Some(&bias))
        };
        let hidden = affine(tape, &embeddings, self.inner)?;
        affine(tape, &hidden, self.outer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapter::{Entry, Images},
        golden::assert_close,
        pass::Pass,
        seed::Seed,
    };
    use candle_core::{Device, Tensor};

    #[test]
    fn shared_embeddings_are_one_row_for_each_name() {
        let sets = [("Allen", ["nucleus", "protein"]), ("HPA", ["protein", "er"])].map(|(set, channels)| {
            SetChannels { set: set.into(), channels: channels.map(String::from).to_vec() }
        });
        let word = spec::HyperNet { z: 4, hidden: 6, embeddings: Embeddings::Shared };
        let mut params = Params::new(Seed(0));
        let stem = HyperNet::new(&word, &sets, Stem::conv_next(8), &mut params);
        assert_eq!(params.published(params.find("conv1_emb").unwrap()).shape, [3, 4]);
        assert_eq!(stem.channels[0].1, [1, 2]);
        assert_eq!(stem.channels[1].1, [2, 0]);
    }

    #[test]
    fn permuting_channels_and_their_names_together_changes_nothing() {
        let word = spec::HyperNet { z: 4, hidden: 6, embeddings: Embeddings::Shared };
        let features = |names: [&str; 2], planes: [f32; 2]| {
            let channels = names.map(String::from).to_vec();
            let mut params = Params::new(Seed(3));
            let sets = [SetChannels { set: "s".into(), channels }];
            let stem = HyperNet::new(&word, &sets, Stem::conv_next(8), &mut params);
            let pixels: Vec<f32> = planes.iter().flat_map(|plane| vec![*plane; 64]).collect();
            let pixels = Tensor::from_vec(pixels, (1, 2, 8, 8), &Device::Cpu).unwrap();
            let mut tape = Tape::forgetting();
            let y = stem.enter(&mut Pass::new(&mut tape, &params), &Images { pixels, set: 0 }).unwrap();
            y.maps().unwrap().value().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_close("y", &features(["a", "b"], [0.3, 0.9]), &features(["b", "a"], [0.9, 0.3]), 1e-6);
    }
}
