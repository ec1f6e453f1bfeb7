//! An image sampled at any positions: bilinear, mirrored at its edge.

use super::resample::Planes;

/// Interpolates the image at the positions given by `map`, which fills in the source (row, column) of a row's
/// pixels. The result is channels × height × width, in the units of the source.
pub(super) fn sample<P: Copy + Into<f32>>(
    image: &Planes<'_, P>,
    map: impl Fn(usize, &mut [[f32; 2]]),
) -> Vec<f32> {
    let (height, width) = (image.height, image.width);
    let mut out = vec![0.0; image.channels * height * width];
    let mut line = vec![[0.0f32; 2]; width];
    // Offsets within a channel and weights of the four pixels around a position: the same for all channels.
    let mut corners = Vec::with_capacity(width);
    for row in 0..height {
        map(row, &mut line);
        corners.clear();
        corners.extend(line.iter().map(|&[down, across]| {
            let (above, below, y) = between(down, height);
            let (left, right, x) = between(across, width);
            let at = [(above, left), (above, right), (below, left), (below, right)];
            let weights = [(1.0 - y) * (1.0 - x), (1.0 - y) * x, y * (1.0 - x), y * x];
            (at.map(|(row, column)| (row * image.to_next_row + column) as u32), weights)
        }));
        for channel in 0..image.channels {
            let source = image.channel(channel);
            let out = &mut out[(channel * height + row) * width..][..width];
            for (out, (at, weights)) in out.iter_mut().zip(&corners) {
                let part = |k: usize| source[at[k] as usize].into() * weights[k];
                *out = (part(0) + part(1)) + (part(2) + part(3));
            }
        }
    }
    out
}

/// The two pixels around a position and the second one's weight. Outside, the image is mirrored at its edge,
/// repeating the last pixel (SciPy's `reflect`).
#[inline]
fn between(at: f32, length: usize) -> (usize, usize, f32) {
    let whole = at as i32; // towards 0; `floor` is a call without SSE 4.1
    let first = if whole as f32 > at { whole - 1 } else { whole };
    let part = at - first as f32;
    if first >= 0 && (first as usize) + 1 < length {
        return (first as usize, first as usize + 1, part);
    }
    let mirror = |i: i32| {
        let (i, length) = (i64::from(i), length as i64);
        // Rotated by any angle, an image has many pixels from outside, nearly all of them from less than a length away:
        // they are spared the division.
        let i = match i {
            _ if i < -length || i >= 2 * length => i.rem_euclid(2 * length),
            _ if i < 0 => -1 - i,
            _ => i,
        };
        (if i < length { i } else { 2 * length - 1 - i }) as usize
    };
    (mirror(first), mirror(first + 1), part)
}
