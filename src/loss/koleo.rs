//! KoLeo as in DINOv2: the features of each large view keep away from their nearest neighbours in the step.

use super::{Forwarded, Levels, Term, Valued};
use crate::{
    curve::Clock,
    params::Params,
    tape::{Node, Tape},
};
use candle_core::{DType, Result, Tensor};

pub(super) struct KoLeo {
    pub(super) levels: Levels,
}

impl Term for KoLeo {
    /// The sum over the views of an image; of a model with tokens of channels, plus the same of all channels of all images together.
    /// A set with one image in a step has no neighbours and counts as 0.
    fn value(&self, tape: &mut Tape, _: &Params, out: &Forwarded<'_>, _: &Clock) -> Result<Valued> {
        let features = out.features();
        let images = out.classes.len().max(1);
        let views = (features.dims()[0] / images).max(1);
        let of_images = self.levels.of_images(tape, features)?;
        let of_channels = self.levels.of_channels(tape, features, images)?.map(|(tokens, _)| tokens);
        let mut terms = Vec::new();
        for tokens in [Some(of_images), of_channels].into_iter().flatten() {
            if tokens.dims()[0] / views >= 2 {
                let unit = tape.normalise_rows(&tokens)?;
                terms.push((1.0, tape.koleo(&unit, views)?));
            }
        }
        match terms.as_slice() {
            [] => {
                let device = features.value().device();
                Ok(Node::constant(Tensor::zeros(1, DType::F32, device)?).into())
            }
            [(_, one)] => Ok(one.clone().into()),
            several => Ok(tape.weighted_sum(several)?.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        golden::{Golden, assert_close, everywhere},
        params::{Params, Published},
        pass::Outputs,
        seed::Seed,
        tape::Gradients,
    };

    /// `KoLeoLoss` of DINOv2 on three batches, as one view of each image: conformance list 10.
    #[test]
    fn features_keep_away_as_in_dinov2() {
        everywhere(|| {
            let golden = Golden::open("dino_v2");
            for (case, shape) in [(0, [5, 8]), (1, [12, 16]), (2, [2, 4])] {
                let of = |what: &str| golden.values(&format!("koleo/{case}.{what}"));
                let mut params = Params::new(Seed(0));
                let id = params.add_constant(Published::new("x", &shape), 0.0);
                params.import(id, of("x")).unwrap();
                let mut tape = Tape::recording(&params);
                let outputs = [Outputs::of(tape.param(&params, id))];
                let classes = vec![0; shape[0]];
                let out = Forwarded::of(&outputs, &classes);
                let levels = Levels { width: shape[1], of_channels: false };
                let node = KoLeo { levels }.value(&mut tape, &params, &out, &Clock::START).unwrap().node;
                assert_close("loss", &[node.scalar().unwrap()], &of("loss"), 2e-5);
                let mut gradients = Gradients::new(&params);
                tape.backward(&node, &mut gradients).unwrap();
                let found = gradients.of(id).unwrap().tensor().flatten_all().unwrap().to_vec1().unwrap();
                assert_close("slopes", &found, &of("grad"), 1e-4);
            }
        });
    }
}
