//! Thin-plate splines: smooth random warps, as in CHAMMI's released code and exact.

use super::{motion::Terms, rotate::Rotation};
use crate::{seed::Stream, spec::Warp};

/// Displacement of each of the nine control points, in pixels: (across the width, down the height). The
/// points are at the left, middle and right (outer loop) of the top, middle and bottom (inner loop).
#[derive(Clone, Debug, PartialEq)]
pub struct Displacements(pub [[f64; 2]; 9]);

impl Displacements {
    /// Uniform within a tenth of the height; [`Warp::Exact`] uses a tenth of the width for displacements
    /// across.
    pub fn draw(warp: Warp, height: usize, width: usize, stream: &mut Stream) -> Self {
        let down = 0.1 * height as f64;
        let across = if warp == Warp::Exact { 0.1 * width as f64 } else { down };
        Self([(); 9].map(|()| [across, down].map(|most| stream.uniform(-most, most))))
    }
}

/// The coarse points of the released warp: the spline on a grid, with its size down and across.
fn coarse(height: usize, width: usize, moved: &Displacements) -> (Vec<[f64; 2]>, [usize; 2]) {
    let (h, w) = (height as f64, width as f64);
    let mut sources = grid([0.0, w / 2.0, w], [0.0, h / 2.0, h]);
    let mut targets: Vec<[f64; 2]> =
        sources.iter().zip(&moved.0).map(|(at, by)| [at[0] + by[0], at[1] + by[1]]).collect();
    for corner in [[0.0, 0.0], [0.0, h], [w, 0.0], [w, h]] {
        sources.push(corner);
        targets.push(corner);
    }
    let spline = Spline::fit(&targets, &sources);
    // Images of less than 21 pixels would have a single point; interpolation needs two.
    let points = |length: usize| (length.saturating_sub(1) / 10).max(2);
    let (down, across) = (points(height), points(width));
    let spread = |i: usize, n: usize, length: f64| (length - 1.0) * i as f64 / (n - 1) as f64;
    let point = |i: usize| spline.at([spread(i / across, down, h), spread(i % across, across, w)]);
    ((0..down * across).map(point).collect(), [down, across])
}

/// The released warp, as input of [`sample`](super::sample::sample).
///
/// Four fixed points at the corners pull the control points back; the spline is evaluated every ten pixels or
/// so and enlarged with an index that does not reach the last point, which magnifies; and its first
/// coordinate, along the width, is used as the row, which swaps the axes of oblong images (specification
/// 2.2).
pub(super) fn released(
    height: usize,
    width: usize,
    moved: &Displacements,
) -> impl Fn(usize, &mut [[f32; 2]]) {
    let (h, w) = (height as f64, width as f64);
    let (coarse, [down, across]) = coarse(height, width, moved);
    // Index of the coarse point for pixel i, and the distance to the next.
    let index = move |i: usize, length: f64, n: usize| {
        let at =
            (((length - 1.0) / 10.0 - 1.0) * i as f64 / (length - 1.0).max(1.0)).clamp(0.0, (n - 1) as f64);
        (at as usize, (at as usize + 1).min(n - 1), at.fract())
    };
    move |row, line| {
        let (above, below, y) = index(row, h, down);
        for (column, out) in line.iter_mut().enumerate() {
            let (left, right, x) = index(column, w, across);
            let mix = |k: usize, row: usize| {
                coarse[row * across + left][k] * (1.0 - x) + coarse[row * across + right][k] * x
            };
            *out = [0, 1].map(|k| (mix(k, above) * (1.0 - y) + mix(k, below) * y) as f32);
        }
    }
}

/// The released warp as numbers for a GPU.
pub(super) fn released_terms(height: usize, width: usize, moved: &Displacements) -> Terms {
    let (points, size) = coarse(height, width, moved);
    Terms::Grid(points.concat().into_iter().map(|value| value as f32).collect(), size)
}

/// The inverse map of the exact warp, in single precision: nine control points, from the centre of the first pixel to
/// that of the last, none fixed; evaluated at every pixel. Without displacements it is the identity to the last bit.
pub(super) struct Back {
    /// Scale of a pixel; splines are invariant to it, and single precision is best near 1.
    unit: f32,
    /// Constant, slope along the width, slope down; each (across, down).
    affine: [[f32; 2]; 3],
    /// Centre and weight, each (across, down).
    terms: Vec<([f32; 2], [f32; 2])>,
}

impl Back {
    /// The warp, and the rotation that follows it.
    pub(super) fn of(
        height: usize,
        width: usize,
        moved: &Displacements,
        rotation: Option<&Rotation>,
    ) -> Self {
        let (spline, unit) = Spline::back(height, width, moved);
        let spline = match rotation {
            Some(rotation) => spline.rotated(rotation, unit),
            None => spline,
        };
        let small = |pair: [f64; 2]| pair.map(|value| value as f32);
        let terms = spline.centres.iter().zip(&spline.weights);
        Self {
            unit: unit as f32,
            affine: spline.affine.map(small),
            terms: terms.map(|(&at, &weight)| (small(at), small(weight))).collect(),
        }
    }

    /// As numbers for a GPU, (row, column) except for centres.
    pub(super) fn terms(&self) -> Terms {
        let mut numbers = vec![self.unit];
        numbers.extend(self.affine.iter().flat_map(|[across, down]| [down, across]));
        for ([x, y], [across, down]) in &self.terms {
            numbers.extend([x, y, down, across]);
        }
        Terms::Spline(numbers, self.terms.len())
    }

    /// As input of [`sample`](super::sample::sample).
    pub(super) fn map(&self) -> impl Fn(usize, &mut [[f32; 2]]) {
        let Self { unit, affine: [constant, along, down], terms } = self;
        move |row, line| {
            let y = row as f32 * unit;
            for (column, out) in line.iter_mut().enumerate() {
                let x = column as f32 * unit;
                // row first from here on
                *out = [1, 0].map(|k| constant[k] + along[k] * x + down[k] * y);
            }
            for &([cx, cy], [across, down]) in terms {
                let dy = (y - cy) * (y - cy);
                for (column, out) in line.iter_mut().enumerate() {
                    let dx = column as f32 * unit - cx;
                    let square = dx * dx + dy;
                    let bend = 0.5 * square * ln(square); // r² ln r
                    out[0] += down * bend;
                    out[1] += across * bend;
                }
            }
            for (column, out) in line.iter_mut().enumerate() {
                out[0] += row as f32;
                out[1] += column as f32;
            }
        }
    }
}

/// All pairs, the first coordinate in the outer loop.
fn grid(first: [f64; 3], second: [f64; 3]) -> Vec<[f64; 2]> {
    first.into_iter().flat_map(|a| second.map(|b| [a, b])).collect()
}

/// A thin-plate spline in two dimensions with two values.
struct Spline {
    centres: Vec<[f64; 2]>,
    weights: Vec<[f64; 2]>,
    /// Constant, slope along the first coordinate, slope along the second.
    affine: [[f64; 2]; 3],
}

impl Spline {
    /// The inverse map of the exact warp: displacements in pixels, at positions in the unit that is returned too.
    fn back(height: usize, width: usize, moved: &Displacements) -> (Self, f64) {
        let (h, w) = (height as f64 - 1.0, width as f64 - 1.0);
        let unit = 1.0 / h.max(w).max(1.0);
        let sources = grid([0.0, w / 2.0, w], [0.0, h / 2.0, h]);
        let targets: Vec<[f64; 2]> = sources
            .iter()
            .zip(&moved.0)
            .map(|(at, by)| [(at[0] + by[0]) * unit, (at[1] + by[1]) * unit])
            .collect();
        // The inverse map is interpolated, in pixels.
        let back: Vec<[f64; 2]> = moved.0.iter().map(|by| [-by[0], -by[1]]).collect();
        (Self::fit(&targets, &back), unit)
    }

    /// The displacements of an image that is rotated after this map: those from a pixel to where the rotation takes it
    /// from, and of this spline from there. Distances from a centre are those from the rotated centre, so it is a spline
    /// again.
    fn rotated(self, rotation: &Rotation, unit: f64) -> Self {
        let Self { centres, weights, affine } = self;
        let turned = |slopes: [f64; 2]| [0, 1].map(|k| affine[1][k] * slopes[0] + affine[2][k] * slopes[1]);
        let [start, along, down] = rotation.shift();
        let [own_start, own_along, own_down] = [
            turned(start.map(|x| x * unit)),
            turned([along[0] + 1.0, along[1]]),
            turned([down[0], down[1] + 1.0]),
        ];
        let sum = |a: [f64; 2], b: [f64; 2]| [a[0] + b[0], a[1] + b[1]];
        Self {
            centres: centres.iter().map(|at| rotation.to(at.map(|x| x / unit)).map(|x| x * unit)).collect(),
            weights,
            affine: [
                sum(sum(start, affine[0]), own_start),
                sum(along.map(|x| x / unit), own_along),
                sum(down.map(|x| x / unit), own_down),
            ],
        }
    }

    /// The spline with `values` at `centres`.
    fn fit(centres: &[[f64; 2]], values: &[[f64; 2]]) -> Self {
        let n = centres.len();
        let mut system = vec![vec![0.0; n + 5]; n + 3];
        for (i, at) in centres.iter().enumerate() {
            for (j, other) in centres.iter().enumerate() {
                system[i][j] = bend(*at, *other);
            }
            for (k, value) in [1.0, at[0], at[1]].into_iter().enumerate() {
                system[i][n + k] = value;
                system[n + k][i] = value;
            }
            system[i][n + 3..].copy_from_slice(&values[i]);
        }
        let solution = solve(system);
        let affine = [solution[n], solution[n + 1], solution[n + 2]];
        Self { centres: centres.to_vec(), weights: solution[..n].to_vec(), affine }
    }

    fn at(&self, at: [f64; 2]) -> [f64; 2] {
        let bends: Vec<f64> = self.centres.iter().map(|centre| bend(at, *centre)).collect();
        [0, 1].map(|k| {
            let affine = self.affine[0][k] + self.affine[1][k] * at[0] + self.affine[2][k] * at[1];
            self.weights.iter().zip(&bends).fold(affine, |sum, (weight, bend)| sum + weight[k] * bend)
        })
    }
}

/// r² ln r of the distance r.
fn bend(a: [f64; 2], b: [f64; 2]) -> f64 {
    let square = (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
    if square == 0.0 { 0.0 } else { 0.5 * square * libm::log(square) }
}

/// Solves n equations with two right-hand sides by elimination with full pivoting. An undetermined unknown
/// (control points that coincide and agree) is 0, which gives the same spline as the original's
/// pseudo-inverse.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<[f64; 2]> {
    let n = rows.len();
    let mut order: Vec<usize> = (0..n).collect(); // of the unknowns
    let mut rank = n;
    let mut largest = 0.0f64;
    for step in 0..n {
        let (mut pivot, mut at) = (0.0, (step, step));
        for (i, row) in rows.iter().enumerate().skip(step) {
            for (j, value) in row[..n].iter().enumerate().skip(step) {
                if value.abs() > pivot {
                    (pivot, at) = (value.abs(), (i, j));
                }
            }
        }
        largest = largest.max(pivot);
        if pivot <= 1e-14 * largest {
            rank = step;
            break;
        }
        rows.swap(step, at.0);
        order.swap(step, at.1);
        rows.iter_mut().for_each(|row| row.swap(step, at.1));
        let (done, rest) = rows.split_at_mut(step + 1);
        for row in rest {
            let factor = row[step] / done[step][step];
            row.iter_mut().zip(&done[step]).skip(step).for_each(|(value, pivot)| *value -= factor * pivot);
        }
    }
    let mut solution = vec![[0.0; 2]; n];
    for step in (0..rank).rev() {
        for k in 0..2 {
            let known: f64 = (step + 1..n).map(|j| rows[step][j] * solution[order[j]][k]).sum();
            solution[order[step]][k] = (rows[step][n + k] - known) / rows[step][step];
        }
    }
    solution
}

/// Natural logarithm in single precision, without a function call, so that loops over it are vectorised, and
/// the same on every machine. ln(0) is something finite.
#[inline]
fn ln(x: f32) -> f32 {
    let bits = x.max(f32::MIN_POSITIVE).to_bits() as i32;
    let exponent = (bits - 0x3f35_04f3) >> 23; // so that the mantissa is within √½ … √2
    let mantissa = f32::from_bits((bits - (exponent << 23)) as u32);
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let zz = z * z;
    2.0 * z * (1.0 + zz * (1.0 / 3.0 + zz * (0.2 + zz * (1.0 / 7.0 + zz / 9.0))))
        + exponent as f32 * std::f32::consts::LN_2
}
