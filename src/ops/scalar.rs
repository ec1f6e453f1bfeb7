//! Scalars that a GPU may still be computing.

use super::buffer;
use candle_core::{Result, Tensor};

/// One number.
#[derive(Clone, Debug)]
pub enum Scalar {
    /// A known value.
    Host(f64),
    /// The only element of a tensor; on a GPU, reading it waits for everything launched before.
    Device(Tensor),
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
                Self::Host(_) => None,
                Self::Device(tensor) => Some(tensor.flatten_all()),
            })
            .collect::<Result<_>>()?;
        let mut there = match there.as_slice() {
            [] => vec![],
            [one] => buffer::copy(one)?,
            several => buffer::copy(&Tensor::cat(several, 0)?)?,
        }
        .into_iter();
        let number = |scalar: &&Self| match scalar {
            Self::Host(number) => *number,
            Self::Device(_) => f64::from(there.next().expect("each tensor has one number")),
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
        let device = |number: f32| Scalar::Device(Tensor::new(&[number], &Device::Cpu).unwrap());
        let all = [device(1.5), Scalar::Host(0.1), device(2.5)];
        assert_eq!(Scalar::read(&all.iter().collect::<Vec<_>>()).unwrap(), [1.5, 0.1, 2.5]);
        assert!(Scalar::read(&[]).unwrap().is_empty());
    }
}
