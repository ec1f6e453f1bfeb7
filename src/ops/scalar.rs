//! Scalars that a GPU may still be computing.

use super::buffer;
use candle_core::{Result, Tensor};

/// One number.
#[derive(Clone, Debug)]
pub enum Scalar {
    /// A known value.
    Here(f64),
    /// The only element of a tensor; on a GPU, reading it waits for everything launched before.
    There(Tensor),
}

impl Scalar {
    /// The values of all, with a single wait.
    ///
    /// # Errors
    /// If one cannot be computed.
    pub fn read(all: &[&Self]) -> Result<Vec<f64>> {
        let there: Vec<Tensor> = all
            .iter()
            .filter_map(|scalar| match scalar {
                Self::Here(_) => None,
                Self::There(tensor) => Some(tensor.flatten_all()),
            })
            .collect::<Result<_>>()?;
        let mut there = match there.as_slice() {
            [] => vec![],
            [one] => buffer::copy(one)?,
            several => buffer::copy(&Tensor::cat(several, 0)?)?,
        }
        .into_iter();
        let number = |scalar: &&Self| match scalar {
            Self::Here(number) => *number,
            Self::There(_) => f64::from(there.next().expect("each tensor has one number")),
        };
        Ok(all.iter().map(number).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn numbers_come_back_in_their_order() {
        let there = |number: f32| Scalar::There(Tensor::new(&[number], &Device::Cpu).unwrap());
        let all = [there(1.5), Scalar::Here(0.1), there(2.5)];
        assert_eq!(Scalar::read(&all.iter().collect::<Vec<_>>()).unwrap(), [1.5, 0.1, 2.5]);
        assert!(Scalar::read(&[]).unwrap().is_empty());
    }
}
