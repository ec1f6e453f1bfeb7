//! Integers in checkpoints, whose numbers are 32-bit floats.

/// A 64-bit word as floats that represent it exactly.
pub(super) fn floats(word: u64) -> [f32; 4] {
    [48, 32, 16, 0].map(|shift| ((word >> shift) & 0xFFFF) as f32)
}

/// The inverse of [`floats`].
pub(super) fn word(parts: &[f32]) -> u64 {
    parts.iter().fold(0, |word, part| (word << 16) | *part as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_as_floats() {
        for value in [0, 1, u64::MAX, 1.17f64.to_bits(), f64::NAN.to_bits()] {
            assert_eq!(word(&floats(value)), value);
        }
    }
}
