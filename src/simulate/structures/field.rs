//! Gaussian random fields: chromatin, ER, RNA.

use dichroic_ops::seed::Stream;

/// A smooth random surface of mean 0 and SD 1 over [-1.6, 1.6]², the same at any resolution.
pub(crate) struct Field {
    spacing: f64,
    side: usize,
    knots: Vec<f32>,
}

const REACH: f64 = 1.6;

/// Mean over all phases of the sum of squared weights of a cubic B-spline in two dimensions, rooted: 151/315.
const SPREAD: f64 = 151.0 / 315.0;

impl Field {
    /// A field whose bumps are about `spacing` wide.
    pub(crate) fn draw(stream: &mut Stream, spacing: f64) -> Self {
        let side = (2.0 * REACH / spacing).ceil() as usize + 4;
        let knots = (0..side * side).map(|_| stream.normal() as f32).collect();
        Self { spacing, side, knots }
    }

    /// Its value; points outside get the value of the border.
    pub(crate) fn at(&self, x: f64, y: f64) -> f64 {
        let place = |v: f64| {
            let t = (v.clamp(-REACH, REACH) + REACH) / self.spacing;
            let cell = t.floor();
            (cell as usize, weights(t - cell))
        };
        let ((column, wx), (row, wy)) = (place(x), place(y));
        let mut total = 0.0;
        for (dy, wy) in wy.iter().enumerate() {
            let start = (row + dy) * self.side + column;
            let line: f64 = wx.iter().zip(&self.knots[start..]).map(|(w, &k)| w * f64::from(k)).sum();
            total += wy * line;
        }
        total / SPREAD
    }
}

/// The four weights of a uniform cubic B-spline at phase `t` in [0, 1).
fn weights(t: f64) -> [f64; 4] {
    let s = 1.0 - t;
    [
        s * s * s / 6.0,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
        t * t * t / 6.0,
    ]
}
