//! Vectors scaled to a length, so that those of several models count alike.

/// Writes `row` with this Euclidean length to `out`; a row of zeros stays one.
pub(crate) fn to_length(row: &[f32], length: f64, out: &mut [f32]) {
    let square: f64 = row.iter().map(|value| f64::from(*value).powi(2)).sum();
    let scale = if square == 0.0 { 0.0 } else { length / square.sqrt() };
    out.iter_mut().zip(row).for_each(|(out, value)| *out = (f64::from(*value) * scale) as f32);
}
