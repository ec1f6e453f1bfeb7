//! A plane of light intensities, before the camera.

/// `height × width` values, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Canvas {
    /// Columns.
    pub(super) width: usize,
    /// Rows.
    pub(super) height: usize,
    /// The values, row by row.
    pub(super) light: Vec<f32>,
}

impl Canvas {
    /// A dark canvas.
    pub(super) fn new(height: usize, width: usize) -> Self {
        Self { width, height, light: vec![0.0; height * width] }
    }

    /// Adds `mass` at column `x`, row `y` (pixel centres are whole numbers), shared among the four nearest
    /// pixels.
    pub(super) fn splat(&mut self, x: f64, y: f64, mass: f64) {
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        for (dy, wy) in [(0, 1.0 - fy), (1, fy)] {
            for (dx, wx) in [(0, 1.0 - fx), (1, fx)] {
                let (column, row) = (left as i64 + dx, top as i64 + dy);
                if (0..self.width as i64).contains(&column) && (0..self.height as i64).contains(&row) {
                    self.light[row as usize * self.width + column as usize] += (mass * wx * wy) as f32;
                }
            }
        }
    }

    /// Sum of all values, in row order.
    pub(super) fn sum(&self) -> f64 {
        self.light.iter().map(|&v| f64::from(v)).sum()
    }

    /// Multiplies everything by `factor`.
    pub(super) fn scale(&mut self, factor: f64) {
        for value in &mut self.light {
            *value *= factor as f32;
        }
    }

    /// Adds `factor` times another canvas of the same shape.
    pub(super) fn add(&mut self, other: &Self, factor: f64) {
        for (value, more) in self.light.iter_mut().zip(&other.light) {
            *value += *more * factor as f32;
        }
    }
}

/// Placement of a cell on a canvas: its geometry is in units of its own radius, the canvas in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Column and row of the cell's centre.
    pub(super) centre: [f64; 2],
    /// Pixels per cell radius.
    pub(super) radius: f64,
}

impl Frame {
    /// From cell radii to pixels.
    pub(super) fn to_pixels(self, at: [f64; 2]) -> [f64; 2] {
        [self.centre[0] + at[0] * self.radius, self.centre[1] + at[1] * self.radius]
    }

    /// From pixels to cell radii.
    pub(super) fn to_radii(self, column: usize, row: usize) -> [f64; 2] {
        [(column as f64 - self.centre[0]) / self.radius, (row as f64 - self.centre[1]) / self.radius]
    }

    /// Sets every pixel within `reach` radii of the centre to `light(x, y)`, coordinates in radii.
    pub(super) fn paint(self, canvas: &mut Canvas, reach: f64, mut light: impl FnMut(f64, f64) -> f64) {
        let range = |centre: f64, end: usize| {
            let low = (centre - reach * self.radius).floor().clamp(0.0, end as f64);
            let high = (centre + reach * self.radius + 1.0).ceil().clamp(0.0, end as f64);
            low as usize..high as usize
        };
        for row in range(self.centre[1], canvas.height) {
            for column in range(self.centre[0], canvas.width) {
                let [x, y] = self.to_radii(column, row);
                canvas.light[row * canvas.width + column] += light(x, y) as f32;
            }
        }
    }
}
