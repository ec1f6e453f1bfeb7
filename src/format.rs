//! Precisions that a spec names, as the number formats that operations know; neither sees the other.

use crate::{ops::format::Format, spec::Precision};

/// The number format of a precision.
pub fn of(precision: Precision) -> Format {
    match precision {
        Precision::F32 => Format::F32,
        Precision::Tf32 => Format::Tf32,
        Precision::Bf16 => Format::Bf16,
    }
}
