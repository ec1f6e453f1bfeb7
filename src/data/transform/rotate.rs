//! Rotation by any angle about the centre of an image.

/// Where the pixels of a rotated image come from. Positions are (across, down), in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    sin: f64,
    cos: f64,
    /// Where the first pixel comes from.
    start: [f64; 2],
}

impl Rotation {
    /// Counter-clockwise, as numpy's `rot90`, by an angle in radians, about the middle between the centres of the first
    /// and the last pixel.
    pub(super) fn of(angle: f64, height: usize, width: usize) -> Self {
        let (sin, cos) = (libm::sin(angle), libm::cos(angle));
        let [x, y] = [width, height].map(|length| (length as f64 - 1.0) / 2.0);
        Self { sin, cos, start: [x - cos * x + sin * y, y - sin * x - cos * y] }
    }

    /// As input of [`sample`](super::sample::sample): two multiply-adds for a pixel, in double precision, so that
    /// quarter turns meet pixels.
    pub(super) fn map(self) -> impl Fn(usize, &mut [[f32; 2]]) {
        let Self { sin, cos, start: [x, y] } = self;
        move |row, line| {
            let (x, y) = (x - sin * row as f64, y + cos * row as f64);
            for (column, out) in line.iter_mut().enumerate() {
                let column = f64::from(column as i32);
                *out = [(y + sin * column) as f32, (x + cos * column) as f32];
            }
        }
    }

    /// The way from a pixel to where it comes from: constant, slope along the width, slope down.
    pub(super) fn shift(&self) -> [[f64; 2]; 3] {
        [self.start, [self.cos - 1.0, self.sin], [-self.sin, self.cos - 1.0]]
    }

    /// Where a position of the source gets to.
    pub(super) fn to(&self, from: [f64; 2]) -> [f64; 2] {
        let [x, y] = [from[0] - self.start[0], from[1] - self.start[1]];
        [self.cos * x + self.sin * y, self.cos * y - self.sin * x]
    }
}
