//! Resizes position embeddings to patch grids other than the trained one: PyTorch's bicubic interpolation, with
//! `antialias=True`, whose kernel (a = -1/2) widens with the reduction, and without (a = -3/4).

use crate::{params::Params, spec::PositionResize};

/// How positions are resized. Published codes combine the same three choices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Added to the number of patches along each side, which moves the places between which is interpolated.
    extra: f64,
    /// Whether the kernel widens where the grid shrinks.
    antialias: bool,
    /// Whether a grid with as many patches as were trained keeps their positions in order, whatever its sides.
    counts: bool,
    /// Whether the trained grid is resized like any other where channels have patches of their own: Channel-ViT's code compares the
    /// number of all channels' patches with that of positions.
    with_channels: bool,
}

impl Rule {
    /// Meta's DINOv2 as it is configured: an offset, and antialiasing or not.
    #[cfg(test)]
    pub(crate) fn configured(extra: f64, antialias: bool) -> Self {
        Self { extra, antialias, counts: false, with_channels: false }
    }

    /// Channel-ViT's code.
    pub(crate) fn channel_vit() -> Self {
        Self { with_channels: true, ..Self::from(PositionResize::Offset) }
    }
}

impl From<PositionResize> for Rule {
    fn from(word: PositionResize) -> Self {
        let (extra, antialias, counts) = match word {
            PositionResize::Antialiased => (0.0, true, false),
            PositionResize::Bicubic => (0.0, false, false),
            PositionResize::Offset => (0.1, false, false),
            PositionResize::OneScale => (0.0, false, true),
        };
        Self { extra, antialias, counts, with_channels: false }
    }
}

/// Fixed positions of a class token, which has none, and of the patches of a grid (He et al. 2022): half of the numbers are of
/// the column, half of the row; of each half, sines and then cosines of the place times 10000^(-j / (width / 4)).
///
/// # Panics
/// If the width is no multiple of 4: a bound of the language forbids that.
pub(crate) fn sin_cos(width: usize, [rows, cols]: [usize; 2]) -> Vec<f32> {
    assert!(width.is_multiple_of(4), "sines and cosines of two axes");
    let quarter = width / 4;
    let rate = |j: usize| libm::pow(10_000.0, -(j as f64) / quarter as f64);
    let along = |place: usize| {
        let angles = move |j: usize| place as f64 * rate(j);
        let sines = (0..quarter).map(move |j| libm::sin(angles(j)) as f32);
        sines.chain((0..quarter).map(move |j| libm::cos(angles(j)) as f32))
    };
    let mut table = vec![0.0; width];
    for row in 0..rows {
        (0..cols).for_each(|col| table.extend(along(col).chain(along(row))));
    }
    table
}

/// Puts the fixed table in the place of a transformer's learned positions, which do not learn from then on.
///
/// # Errors
/// If there are no such parameters, for a square grid and a class token.
pub(crate) fn fix(params: &mut Params) -> candle_core::Result<()> {
    let Some(id) = params.find("pos_embed") else { candle_core::bail!("there are no positions to be fixed") };
    let shape = params.published(id).shape.clone();
    let (rows, width) = (shape[1], shape[2]);
    let side = (rows - 1).isqrt();
    if 1 + side * side != rows {
        candle_core::bail!("expected positions of a square grid and a class token, found {rows}");
    }
    params.import(id, sin_cos(width, [side; 2]))?;
    params.freeze(id);
    Ok(())
}

/// Resizing as a matrix: a row for each of `rows` × `cols` patches of an image, or of one of so many channels with patches of
/// their own, with the weights of the `from` × `from` positions.
pub(super) fn map(from: usize, [rows, cols]: [usize; 2], channels: usize, rule: Rule) -> Vec<f32> {
    let own = [rows, cols] == [from, from] && !(rule.with_channels && channels > 1);
    if rule.counts && rows * cols == from * from {
        let all = rows * cols;
        return (0..all * all).map(|at| f32::from(u8::from(at % (all + 1) == 0))).collect();
    }
    let along = |to: usize| -> Vec<Vec<f64>> { (0..to).map(|at| weights(at, from, to, rule, own)).collect() };
    let (down, across) = (along(rows), along(cols));
    let mut map = Vec::with_capacity(rows * cols * from * from);
    for down in &down {
        for across in &across {
            map.extend(down.iter().flat_map(|y| across.iter().map(move |x| (y * x) as f32)));
        }
    }
    map
}

/// The weight of each of `from` positions at one of `to`. The trained grid (`own`) is not resized.
fn weights(at: usize, from: usize, to: usize, rule: Rule, own: bool) -> Vec<f64> {
    let mut all = vec![0.0; from];
    if own {
        all[at] = 1.0;
        return all;
    }
    let scale = from as f64 / (to as f64 + rule.extra);
    if rule.antialias {
        let Taps { first, weights } = Taps::new(at, from, scale);
        all[first..first + weights.len()].copy_from_slice(&weights);
        return all;
    }
    let centre = scale * (at as f64 + 0.5) - 0.5;
    let first = centre.floor() - 1.0;
    for tap in 0..4 {
        let place = first + f64::from(tap);
        // Beyond the border, the last position is repeated.
        all[place.clamp(0.0, (from - 1) as f64) as usize] += cubic(place - centre, -0.75);
    }
    all
}

/// Resizes a grid of vectors of `width` numbers, `from` × `from`, row by row, to `rows` × `cols`, antialiased, as in
/// DINOv2's own code.
pub(super) fn resized(grid: &[f32], width: usize, from: usize, [rows, cols]: [usize; 2]) -> Vec<f32> {
    assert_eq!(grid.len(), from * from * width, "a square grid of vectors");
    let along = |to: usize| (0..to).map(move |at| Taps::new(at, from, from as f64 / to as f64));
    let mut narrow = vec![0f32; from * cols * width];
    for (line, out) in grid.chunks_exact(from * width).zip(narrow.chunks_exact_mut(cols * width)) {
        for (taps, out) in along(cols).zip(out.chunks_exact_mut(width)) {
            taps.sum(line, out);
        }
    }
    let mut found = vec![0f32; rows * cols * width];
    for (taps, out) in along(rows).zip(found.chunks_exact_mut(cols * width)) {
        taps.sum(&narrow, out);
    }
    found
}

/// The source positions of each target position, with their weights.
struct Taps {
    first: usize,
    weights: Vec<f64>,
}

impl Taps {
    /// At the `at`-th of positions that are `scale` of the `from` trained ones apart.
    fn new(at: usize, from: usize, scale: f64) -> Self {
        let stretch = scale.max(1.0);
        let centre = scale * (at as f64 + 0.5);
        let low = (centre - 2.0 * stretch + 0.5).max(0.0) as usize;
        let high = ((centre + 2.0 * stretch + 0.5) as usize).min(from);
        let weights: Vec<f64> =
            (low..high).map(|place| cubic((place as f64 + 0.5 - centre) / stretch, -0.5)).collect();
        let sum: f64 = weights.iter().sum();
        Self { first: low, weights: weights.into_iter().map(|weight| weight / sum).collect() }
    }

    /// The weighted sum of consecutive vectors with the length of `out`.
    fn sum(&self, vectors: &[f32], out: &mut [f32]) {
        let vectors = vectors.chunks_exact(out.len()).skip(self.first);
        for (vector, &weight) in vectors.zip(&self.weights) {
            out.iter_mut().zip(vector).for_each(|(out, x)| *out += weight as f32 * x);
        }
    }
}

/// Keys' cubic kernel with the parameter `a`.
fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    match x {
        x if x < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
        x if x < 2.0 => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix of DeiT-S for 96-pixel views: 14 positions to 6, without antialiasing or offset.
    #[test]
    fn positions_of_small_views_are_codas() {
        let rows: [&[(usize, f64)]; 6] = [
            &[(0, 0.314_815), (1, 0.796_296), (2, -0.111_111)],
            &[(3, 1.0)],
            &[(4, -0.111_111), (5, 0.796_296), (6, 0.370_370), (7, -0.055_556)],
            &[(6, -0.055_556), (7, 0.370_370), (8, 0.796_296), (9, -0.111_111)],
            &[(10, 1.0)],
            &[(11, -0.111_111), (12, 0.796_296), (13, 0.314_815)],
        ];
        for (at, expected) in rows.iter().enumerate() {
            for (place, found) in
                weights(at, 14, 6, PositionResize::OneScale.into(), false).into_iter().enumerate()
            {
                let expected = expected.iter().find(|(known, _)| *known == place).map_or(0.0, |(_, w)| *w);
                assert!((found - expected).abs() < 1e-6, "{at} {place}: {found}, expected {expected}");
            }
        }
    }

    /// The table of the authors, and two tokens of a large one (token 1: row 0, column 1).
    #[test]
    fn fixed_positions_are_those_of_masked_autoencoders() {
        let reference = crate::golden::Golden::open("reference/mae_sincos");
        for (name, width, grid) in [("dim24_grid4", 24, 4), ("dim64_grid6", 64, 6)] {
            crate::golden::assert_close(name, &sin_cos(width, [grid; 2]), &reference.values(name), 1e-6);
        }
        let table = sin_cos(1024, [14, 14]);
        let at = |token: usize| [0, 256, 512, 768].map(|number| table[(1 + token) * 1024 + number]);
        let close = |found: [f32; 4], expected: [f32; 4]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        };
        close(at(1), [0.841_471, 0.540_302, 0.0, 1.0]);
        close(at(14), [0.0, 1.0, 0.841_471, 0.540_302]);
        let oblong = sin_cos(8, [2, 3]);
        assert_eq!((oblong.len(), &oblong[..8]), (7 * 8, &[0.0; 8][..]));
        assert_eq!(oblong[3 * 8..4 * 8][4..], [0.0, 0.0, 1.0, 1.0], "row 0, column 2");
    }

    #[test]
    fn a_map_is_the_resizing_and_leaves_the_trained_grid() {
        let grid: Vec<f32> = (0..36).map(|at| (at as f32 * 0.9).sin()).collect();
        for to in [[5, 7], [6, 6], [9, 4]] {
            let map = map(6, to, 1, PositionResize::Antialiased.into());
            let found: Vec<f32> =
                map.chunks_exact(36).map(|row| row.iter().zip(&grid).map(|(w, x)| w * x).sum()).collect();
            crate::golden::assert_close("positions", &found, &resized(&grid, 1, 6, to), 1e-5);
        }
        let all = [
            PositionResize::Antialiased,
            PositionResize::Bicubic,
            PositionResize::Offset,
            PositionResize::OneScale,
        ];
        for rule in all {
            let own = map(3, [3, 3], 1, rule.into());
            assert!(own.iter().enumerate().all(|(at, w)| *w == f32::from(u8::from(at % 10 == 0))));
        }
    }

    /// CODA's code compares numbers of patches, not sides.
    #[test]
    fn one_scale_keeps_the_positions_of_as_many_patches() {
        let same = map(4, [2, 8], 1, PositionResize::OneScale.into());
        assert!(same.iter().enumerate().all(|(at, w)| *w == f32::from(u8::from(at % 17 == 0))));
        assert_ne!(map(4, [2, 8], 1, PositionResize::Bicubic.into()), same);
        for to in [[6, 6], [20, 20]] {
            assert_eq!(
                map(14, to, 1, PositionResize::OneScale.into()),
                map(14, to, 1, PositionResize::Bicubic.into())
            );
        }
    }
}
