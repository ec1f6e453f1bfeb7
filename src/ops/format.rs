//! Number formats in which networks are computed.

use candle_core::DType;

/// Number format of activations and of the factors of products; weights and sums are always 32-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 32-bit floats.
    F32,
    /// 32-bit floats, of which matrix products use ten bits of mantissa; on a GPU.
    Tf32,
    /// bfloat16; on a GPU.
    Bf16,
}

impl Format {
    /// Its name in files and on the command line: `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }

    /// The data type of activations.
    pub(crate) fn dtype(self) -> DType {
        match self {
            Self::F32 | Self::Tf32 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }
}
