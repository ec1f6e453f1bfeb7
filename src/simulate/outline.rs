//! Closed curves: an ellipse with Fourier waves of order 2 to 6.

use dichroic_ops::seed::Stream;

/// The outline of a cell or a nucleus, in cell radii.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    /// Its centre.
    pub(super) centre: [f64; 2],
    axes: [f64; 2],
    turn: [f64; 2],
    waves: [[f64; 2]; 5],
}

impl Outline {
    /// A curve of the area of a circle of `radius`, `ratio` times as long as wide, its long axis at `angle`
    /// (radians), with waves of SD `roughness / n` in order n.
    pub(super) fn draw(
        stream: &mut Stream,
        centre: [f64; 2],
        radius: f64,
        ratio: f64,
        angle: f64,
        roughness: f64,
    ) -> Self {
        let root = libm::sqrt(ratio);
        let mut waves = [[0.0; 2]; 5];
        for (order, wave) in (2..).zip(&mut waves) {
            let sd = roughness / f64::from(order);
            *wave = [stream.normal() * sd, stream.normal() * sd];
        }
        let turn = [libm::cos(angle), libm::sin(angle)];
        Self { centre, axes: [radius * root, radius / root], turn, waves }
    }

    /// Radial position of a point: 0 in the centre, 1 on the curve. Cosines of multiples of the angle come
    /// from products, so that no transcendental function is called per pixel.
    pub(super) fn level(&self, x: f64, y: f64) -> f64 {
        let (dx, dy) = (x - self.centre[0], y - self.centre[1]);
        let u = (dx * self.turn[0] + dy * self.turn[1]) / self.axes[0];
        let v = (dy * self.turn[0] - dx * self.turn[1]) / self.axes[1];
        let radius = (u * u + v * v).sqrt();
        if radius < 1e-9 {
            return 0.0;
        }
        let (c, s) = (u / radius, v / radius);
        let (mut cn, mut sn, mut wave) = (c, s, 1.0);
        for [a, b] in self.waves {
            (cn, sn) = (cn * c - sn * s, sn * c + cn * s);
            wave += a * cn + b * sn;
        }
        radius / wave.max(0.3)
    }

    /// 1 inside, 0 outside, falling over `soft` of the way to the curve.
    pub(super) fn inside(&self, x: f64, y: f64, soft: f64) -> f64 {
        ((1.0 + soft - self.level(x, y)) / (2.0 * soft)).clamp(0.0, 1.0)
    }
}
