//! What a model costs: parameters, and passes through its backbone.

use super::Extractor;
use crate::{
    adapter::SetChannels,
    data::known,
    loss::Objective,
    params::Params,
    seed::Seed,
    spec::{Backbone, Spec, chammi},
};

/// Costs of one model, or of the models of an adapter with one model per set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Numbers in all parameters, including those of the losses.
    pub parameters: usize,
    /// Passes through a backbone per image, mean over the sets.
    pub passes: f64,
}

impl Costs {
    /// The costs of a spec's model on the three sets of CHAMMI.
    pub fn on_chammi(spec: &Spec) -> Self {
        let sets = chammi::SETS.map(|set| {
            let (channels, classes) = known::chammi::channels(set).expect("the sets of CHAMMI are known");
            let channels = channels.iter().map(|name| (*name).to_owned()).collect();
            (SetChannels { set: set.to_owned(), channels }, classes)
        });
        let together = if spec.model.adapter.is_one_model_per_set() { 1 } else { sets.len() };
        let (mut parameters, mut passes) = (0, 0);
        for sets in sets.chunks(together) {
            if let Backbone::OffTheShelf(word) = &spec.model.backbone {
                // Known without building it, which this build may be unable to do.
                parameters += word.model.facts().parameters;
                passes += sets.iter().map(|(set, _)| set.channels.len()).sum::<usize>();
                continue;
            }
            let channels: Vec<SetChannels> = sets.iter().map(|(set, _)| set.clone()).collect();
            let classes = sets.iter().map(|(_, classes)| classes).sum();
            let mut params = Params::new(Seed(0));
            let model = Extractor::new(&spec.model, &channels, &[], &mut params);
            // What the last stage leaves behind.
            let terms = spec.train.stages.last().map_or(&[][..], |stage| &stage.objective);
            Objective::new(terms, model.read(), classes, &mut params);
            parameters += params.count();
            passes += channels.iter().map(|set| model.passes(set.channels.len())).sum::<usize>();
        }
        Self { parameters, passes: passes as f64 / sets.len() as f64 }
    }
}
