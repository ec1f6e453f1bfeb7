//! Revisions of the code that a work's result depends on: one for each word, and one for each part that words share.

use crate::{
    data, embed, evaluate, ops, seed, simulate,
    spec::{
        Backbone, Entry, Features, Model, PretrainLength, Protocol, SCHEMA, Stage, TestTime, recipe::AXES,
    },
    train::{self, Pretraining},
};
use serde::Serialize;

/// Revisions by name, sorted: `loss.proxy_nca`, `ops`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revisions(Vec<(String, u32)>);

/// What the meaning of specs and works is called among the revisions; part of all of them.
pub const SCHEMA_NAME: &str = "schema";

const SEED: (&str, u32) = ("seed", seed::REVISION);
const OPS: (&str, u32) = ("ops", ops::REVISION);
const TRANSFORM: (&str, u32) = ("transform", data::TRANSFORM_REVISION);
const TRAIN: (&str, u32) = ("train", train::REVISION);
const SIMULATE: (&str, u32) = ("simulate", simulate::REVISION);
const EMBED: (&str, u32) = ("embed", embed::REVISION);
const LAYERS: (&str, u32) = ("layers", embed::LAYERS_REVISION);
const EVALUATE: (&str, u32) = ("evaluate", evaluate::REVISION);

impl Revisions {
    /// Of everything in this program.
    pub fn all() -> Vec<(String, u32)> {
        let words = AXES.iter().flat_map(|axis| axis.words.iter().map(|entry| word(axis.name, entry)));
        Self::of(words, &[SEED, OPS, TRANSFORM, TRAIN, SIMULATE, EMBED, LAYERS, EVALUATE]).0
    }

    pub(super) fn pretrain(length: PretrainLength, backbone: &Backbone) -> Self {
        let stage = Pretraining::stage(length);
        let words = of_stage(&stage).chain([word("backbone", backbone.entry())]);
        Self::of(words, &[SEED, OPS, TRANSFORM, TRAIN, SIMULATE])
    }

    /// Of a model as it starts, or of a stage of its training, maybe of a classifier on top of it.
    pub(crate) fn fit(model: &Model, top: Option<&Backbone>, stage: Option<&Stage>) -> Self {
        let top = top.map(|backbone| word("backbone", backbone.entry()));
        let words = [word("adapter", model.adapter.entry()), word("backbone", model.backbone.entry())];
        let words = words.into_iter().chain(top);
        match stage {
            None => Self::of(words, &[SEED]),
            Some(stage) => Self::of(words.chain(of_stage(stage)), &[SEED, OPS, TRANSFORM, TRAIN]),
        }
    }

    pub(super) fn embed(test_time: Option<&TestTime>) -> Self {
        match test_time {
            None => Self::of([].into_iter(), &[EMBED, OPS, TRANSFORM]),
            Some(way) => {
                Self::of([word("test_time", way.entry())].into_iter(), &[EMBED, OPS, TRANSFORM, SEED])
            }
        }
    }

    pub(super) fn layers() -> Self {
        Self::of([].into_iter(), &[EMBED, LAYERS, OPS, TRANSFORM])
    }

    pub(super) fn score(protocol: &Protocol, features: Features) -> Self {
        let by = protocol.of_features(features);
        let words = [protocol, &by].map(|by| word("protocol", by.entry())).into_iter();
        match features {
            Features::Prior => Self::of(words, &[EVALUATE, SEED]),
            Features::Model
            | Features::Constant
            | Features::HandMade
            | Features::HandMadeStandardised
            | Features::Untrained => Self::of(words, &[EVALUATE]),
        }
    }

    /// Of what a protocol learns from a source.
    pub(crate) fn learned(by: &Protocol) -> Self {
        Self::of([word("protocol", by.entry())].into_iter(), &[EVALUATE])
    }

    fn of(words: impl Iterator<Item = (String, u32)>, parts: &[(&str, u32)]) -> Self {
        let parts =
            parts.iter().chain(&[(SCHEMA_NAME, SCHEMA)]).map(|(name, number)| (name.to_string(), *number));
        let mut all: Vec<_> = words.chain(parts).collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }
}

fn word(axis: &str, entry: &Entry) -> (String, u32) {
    (format!("{axis}.{}", entry.kind), entry.revision)
}

fn of_stage(stage: &Stage) -> impl Iterator<Item = (String, u32)> {
    let losses = stage.objective.iter().map(|term| word("loss", term.loss.entry()));
    let changes = stage.augment.iter().map(|change| word("augment", change.entry()));
    losses.chain(changes).chain([word("strategy", stage.strategy.entry())])
}
