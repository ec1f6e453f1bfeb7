//! Converts a spec's precision to a number format of the operations; the two crates do not depend on each
//! other.

use crate::{ops::format::Format, spec::Precision};

/// The number format of a precision.
pub fn of(precision: Precision) -> Format {
    match precision {
        Precision::F32 => Format::F32,
        Precision::Tf32 => Format::Tf32,
        Precision::Bf16 => Format::Bf16,
    }
}
