//! What a model costs: parameters, and passes through its backbone.

use super::Extractor;
use crate::{
    adapter::SetChannels,
    data::chammi_channels,
    loss::Objective,
    params::Params,
    seed::Seed,
    spec::{Adapter, Spec},
};

/// Costs of one model, or of the models of an adapter that makes one for each set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Numbers in all parameters, those of the losses included.
    pub parameters: usize,
    /// Passes through a backbone for one image, mean over the sets.
    pub passes: f64,
}

impl Costs {
    /// Of a spec's model on these sets of CHAMMI.
    pub fn on_chammi(spec: &Spec, sets: &[&str]) -> Self {
        let sets: Vec<(SetChannels, usize)> = sets
            .iter()
            .filter_map(|set| {
                let (channels, classes) = chammi_channels(set)?;
                let channels = channels.iter().map(|name| (*name).to_owned()).collect();
                Some((SetChannels { set: (*set).to_owned(), channels }, classes))
            })
            .collect();
        let groups: Vec<&[(SetChannels, usize)]> =
            if spec.model.adapter.is_one_model_per_set() { sets.chunks(1).collect() } else { vec![&sets] };
        let parameters = groups.into_iter().map(|group| parameters(spec, group)).sum();
        let passes = |set: &SetChannels| match &spec.model.adapter {
            Adapter::ChannelReplication(_) => set.channels.len(),
            Adapter::FixedChannels(_)
            | Adapter::Depthwise(_)
            | Adapter::TargetParam(_)
            | Adapter::SliceParam(_)
            | Adapter::TemplateMixing(_)
            | Adapter::HyperNet(_) => 1,
        };
        let total: usize = sets.iter().map(|(set, _)| passes(set)).sum();
        Self { parameters, passes: total as f64 / sets.len().max(1) as f64 }
    }
}

fn parameters(spec: &Spec, sets: &[(SetChannels, usize)]) -> usize {
    let channels: Vec<SetChannels> = sets.iter().map(|(set, _)| set.clone()).collect();
    let classes = sets.iter().map(|(_, classes)| classes).sum();
    let mut params = Params::new(Seed(0));
    let model = Extractor::new(&spec.model, &channels, &[], &mut params);
    Objective::new(&spec.train.objective, model.width(), classes, &mut params);
    params.count()
}
