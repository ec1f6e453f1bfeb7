//! What a teacher says of its logits: probabilities that are sharp, and not the same for everything.

use crate::{
    ops::distil,
    spec::{Centering, settings},
};
use candle_core::{D, Result, Tensor};

/// Rounds of Sinkhorn-Knopp.
const ROUNDS: usize = 3;

/// How probabilities are kept from becoming all the same.
#[derive(Clone, Copy, Debug)]
pub(super) enum Targets {
    /// A centre is subtracted from logits, which follows their mean.
    Centred {
        /// Share of the centre that is kept in a step.
        momentum: f64,
    },
    /// Each prototype is meant as often as the others in the batch.
    Balanced,
}

impl Targets {
    /// As declared.
    pub(super) fn of(word: &settings::Dino) -> Self {
        match word.centering {
            Centering::Centre => Self::Centred { momentum: word.centre_momentum },
            Centering::SinkhornKnopp => Self::Balanced,
        }
    }

    /// Probabilities (rows, prototypes), and the entropy of each row.
    ///
    /// # Errors
    /// If the centre has another width.
    pub(super) fn said(self, logits: &Tensor, centre: &Tensor, sharpness: f32) -> Result<[Tensor; 2]> {
        match self {
            Self::Centred { .. } => distil::sharpened(logits, centre, sharpness),
            Self::Balanced => {
                let p = balanced(logits, sharpness)?;
                let entropies = (p.maximum(f32::MIN_POSITIVE)?.log()? * &p)?.sum(D::Minus1)?.neg()?;
                Ok([p, entropies])
            }
        }
    }

    /// Moves the centre towards the mean of the logits of a step.
    ///
    /// # Errors
    /// If they have another width.
    pub(super) fn follow(self, centre: &Tensor, logits: &[Tensor]) -> Result<()> {
        match self {
            Self::Centred { momentum } => distil::follow_rows(centre, logits, momentum),
            Self::Balanced => Ok(()),
        }
    }
}

/// Sinkhorn-Knopp on the softmax of all logits (rows, prototypes) together: prototypes, then rows, are scaled to sum to the same,
/// three times. In 32 bits; the largest logit is subtracted, which changes nothing else.
fn balanced(logits: &Tensor, sharpness: f32) -> Result<Tensor> {
    let (rows, prototypes) = logits.dims2()?;
    let logits = logits.to_dtype(candle_core::DType::F32)?;
    let top = logits.flatten_all()?.max(0)?.reshape((1, 1))?;
    let mut q = (logits.broadcast_sub(&top)? * f64::from(sharpness))?.exp()?;
    q = q.broadcast_div(&q.sum_all()?.reshape((1, 1))?)?;
    for _ in 0..ROUNDS {
        q = (q.broadcast_div(&q.sum_keepdim(0)?.maximum(f32::MIN_POSITIVE)?)? / prototypes as f64)?;
        q = (q.broadcast_div(&q.sum_keepdim(1)?.maximum(f32::MIN_POSITIVE)?)? / rows as f64)?;
    }
    q * rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, assert_close, device, everywhere};

    /// `sinkhorn_knopp_teacher` of DINOv2 on [[1, 2, 3], [2, 1, 0.5]] at a temperature of 0.5.
    #[test]
    fn prototypes_are_meant_alike() {
        everywhere(|| {
            let logits = Tensor::new(&[[1f32, 2.0, 3.0], [2.0, 1.0, 0.5]], &device()).unwrap();
            let centre = Tensor::zeros(3, candle_core::DType::F32, &device()).unwrap();
            let [p, entropies] = Targets::Balanced.said(&logits, &centre, 2.0).unwrap();
            let expected =
                [0.023_999_328, 0.407_475_45, 0.568_525_2, 0.750_426_23, 0.233_363_24, 0.016_210_533];
            let found: Vec<f32> = p.flatten_all().unwrap().to_vec1().unwrap();
            assert_close("probabilities", &found, &expected, 1e-6);
            let entropy = |p: &[f32]| -p.iter().map(|p| p * p.ln()).sum::<f32>();
            let expected: Vec<f32> = expected.chunks(3).map(entropy).collect();
            assert_close("entropies", &entropies.to_vec1().unwrap(), &expected, 1e-5);
            let golden = Golden::open("dino_v2");
            for (case, rows, temperature) in [("0", 10, 0.07), ("1", 10, 0.04), ("ibot", 11, 0.06)] {
                let of = |what: &str| golden.values(&format!("sinkhorn/{case}.{what}"));
                let logits = Tensor::from_vec(of("teacher"), (rows, 30), &device()).unwrap();
                let [p, _] = Targets::Balanced.said(&logits, &centre, 1.0 / temperature).unwrap();
                let found: Vec<f32> = p.flatten_all().unwrap().to_vec1().unwrap();
                assert_close(case, &found, &of("targets"), 1e-5);
            }
            // Where the published code overflows.
            let large = (logits * 15.0).unwrap();
            let [p, _] = Targets::Balanced.said(&large, &centre, 2.0).unwrap();
            let sums = p.sum(1).unwrap().to_vec1::<f32>().unwrap();
            assert_close("rows", &sums, &[1.0, 1.0], 1e-5);
        });
    }
}
