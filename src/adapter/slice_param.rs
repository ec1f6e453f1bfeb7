//! SliceParam: a bank with one slice of the stem per channel name (CHAMMI, section 4.1; released
//! `sliceparamconvnext`). No bias.
//!
//! The release adds random filters to each channel of each set, which its optimiser does not receive: noise
//! as large as the random initialisation ([`spec::ClassEmbedding::Noise`]).

use super::{
    SetChannels,
    bank::{Bank, slots},
    filters::{self, Generated},
    first_layer::{self, OwnStem},
};
use crate::{
    backbone::Stem,
    params::{ParamId, Params},
    spec::{self, ClassEmbedding, FirstLayer},
    tape::{Node, Tape},
};
use candle_core::Result;

pub(super) struct SliceParam {
    bank: ParamId,
    /// Rows of the bank for each set.
    rows: Vec<Vec<usize>>,
    /// Filters that are added to them, and their rows for each set.
    added: Option<(ParamId, Vec<Vec<usize>>)>,
    start: FirstLayer,
    own: Stem,
}

impl SliceParam {
    pub(super) fn new(word: &spec::SliceParam, sets: &[SetChannels], own: Stem, params: &mut Params) -> Self {
        let names = Bank::of(sets);
        let rows = |set| if word.one_slice { vec![0; set_len(set)] } else { names.rows(set) };
        let count = if word.one_slice { 1 } else { names.len() };
        let bank = params
            .add_normal(filters::published("conv1_param_bank", own, count), filters::he(count * own.area()));
        let slots = slots(sets);
        let total = slots.iter().map(Vec::len).sum();
        let wanted = !word.one_slice && word.class_embedding != ClassEmbedding::None;
        let added = wanted.then(|| {
            let id = params.add_normal(filters::published("class_emb", own, total), 1.0 / 8.0);
            if word.class_embedding == ClassEmbedding::Noise {
                params.freeze(id);
            }
            (id, slots)
        });
        Self { bank, rows: sets.iter().map(rows).collect(), added, start: word.first_layer, own }
    }
}

fn set_len(set: &SetChannels) -> usize {
    set.channels.len()
}

impl Generated for SliceParam {
    const WORD: &'static str = "SliceParam";

    fn own(&self) -> Stem {
        self.own
    }

    fn channels(&self, set: usize) -> usize {
        self.rows[set].len()
    }

    fn filters(&self, tape: &mut Tape, params: &Params, set: usize) -> Result<Node> {
        let slices = |tape: &mut Tape, id: ParamId, rows: &[usize]| {
            let bank = filters::table(tape, &tape.param(params, id))?;
            tape.rows(&bank, rows)
        };
        let found = slices(tape, self.bank, &self.rows[set])?;
        let Some((id, slots)) = &self.added else { return Ok(found) };
        let added = slices(tape, *id, &slots[set])?;
        tape.add(&found, &added)
    }

    fn start(&self, stem: &OwnStem, params: &mut Params) -> Result<()> {
        let count = params.published(self.bank).shape[1];
        // Released: He's deviation with the fan-in of the whole bank.
        first_layer::start(self.start, self.bank, stem, filters::he(count * self.own.area()), params)
    }
}
