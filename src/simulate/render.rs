//! Renders one image: a cell, its neighbours, the light of each channel, the camera.

use super::canvas::{Canvas, Frame};
use super::cell::{Cell, Habit, Kind, State};
use super::optics::{Exposure, Microscope};
use super::structures::{Painter, Structure};
use super::tone;
use super::world::World;
use dichroic_ops::seed::Stream;
use std::f64::consts::PI;

/// How a set is imaged.
#[derive(Clone, Debug)]
pub(super) struct Stage<'a> {
    /// The world.
    pub(super) world: &'a World,
    /// The morphology of its cells.
    pub(super) habit: &'a Habit,
    /// What kind of cells.
    pub(super) kind: Kind,
    /// The channels, in tape order.
    pub(super) channels: &'a [Structure],
    /// Height and width of a channel, pixels.
    pub(super) pixels: [usize; 2],
}

/// The content of one image, apart from how its set is imaged.
#[derive(Clone, Debug)]
pub(super) struct Shot<'a> {
    /// The stream's name: `Allen/cell/17`.
    pub(super) name: String,
    /// The cell in the middle.
    pub(super) state: State,
    /// What the protein of a dividing cell marks.
    pub(super) tagged: Structure,
    /// The microscope.
    pub(super) microscope: &'a Microscope,
    /// Gain of each channel on this plate.
    pub(super) gains: &'a [f64],
    /// Defocus, as a share of the width of the point spread function; at least 0.
    pub(super) defocus: f64,
}

/// An image and the random choices behind it.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// One 8-bit plane per channel.
    pub(super) planes: Vec<Vec<u8>>,
    /// Log of the signal that all channels share.
    pub(super) signal: f64,
    /// Number of neighbouring cells.
    pub(super) neighbours: usize,
}

impl Stage<'_> {
    /// Cell radius in pixels: sets differ in how much of the image a cell fills.
    pub(super) fn radius(&self) -> f64 {
        let share = match self.kind {
            Kind::Dividing => 0.42,
            Kind::Polarised => 0.35,
            Kind::Spread => 0.36,
        };
        share * self.pixels[0] as f64
    }

    /// Renders one image.
    pub(super) fn picture(&self, shot: &Shot<'_>) -> Picture {
        let [height, width] = self.pixels;
        let mut stream = self.world.stream(&shot.name);
        let radius = self.radius();
        let middle = [(width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0];
        let cell = Cell::grow(shot.state.clone(), self.kind, self.habit, shot.name.clone(), &mut stream);
        // Cell Painting crops are centred on the nucleus, the others on the cell.
        let frame = match self.kind {
            Kind::Spread => {
                let [x, y] = cell.nuclei[0].centre;
                Frame { centre: [middle[0] - x * radius, middle[1] - y * radius], radius }
            }
            _ => Frame { centre: middle, radius },
        };
        let signal = self.world.signal_of_cell * stream.normal();
        let seen = self.light(&cell, shot.tagged, frame, signal, &mut stream);
        let crowd = if self.kind == Kind::Dividing { 0 } else { poisson(&mut stream, self.world.neighbours) };
        let mut light = self.neighbours(crowd, shot, frame, &cell, &mut stream);
        for (channel, plane) in light.iter_mut().zip(&seen) {
            plane.paste_into(channel);
        }
        let exposures: Vec<Exposure> =
            shot.gains.iter().map(|&gain| Exposure { gain, defocus: shot.defocus }).collect();
        let mut planes = shot.microscope.expose(&light, &exposures, radius, &mut stream);
        if self.kind == Kind::Dividing {
            cut_out(&mut planes, &cell, frame, width);
        }
        Picture { planes, signal, neighbours: crowd }
    }

    /// The light of one cell in each channel, with an integral drawn independently of the label. It is drawn
    /// on a plane that contains the whole cell, so that cropping does not change the integral.
    pub(super) fn light(
        &self,
        cell: &Cell,
        tagged: Structure,
        frame: Frame,
        signal: f64,
        stream: &mut Stream,
    ) -> Vec<Patch> {
        let painter = Painter { cell, kind: self.kind, habit: self.habit, world: self.world, tagged };
        self.channels
            .iter()
            .map(|&channel| {
                let mut patch = Patch::around(frame);
                painter.paint(channel, patch.frame, &mut patch.canvas);
                let shown = if channel == Structure::Protein { painter.marks() } else { channel };
                tone::redeal(&mut patch.canvas, shown, self.kind, frame.radius);
                let own = signal + self.world.signal_of_channel * stream.normal();
                let area = PI * frame.radius * frame.radius;
                let wanted = channel.level(self.kind) * area * libm::exp(own);
                let found = patch.canvas.sum();
                patch.canvas.scale(if found > 0.0 { wanted / found } else { 0.0 });
                patch
            })
            .collect()
    }

    /// Unlabelled neighbours of the central cell, which is on top.
    fn neighbours(
        &self,
        crowd: usize,
        shot: &Shot<'_>,
        frame: Frame,
        cell: &Cell,
        stream: &mut Stream,
    ) -> Vec<Canvas> {
        let mut light = vec![Canvas::new(self.pixels[0], self.pixels[1]); self.channels.len()];
        for number in 0..crowd {
            let (way, out) = (stream.uniform(0.0, 2.0 * PI), stream.uniform(1.75, 2.3) * frame.radius);
            let centre = [frame.centre[0] + out * libm::cos(way), frame.centre[1] + out * libm::sin(way)];
            let name = format!("{}/neighbour/{number}", shot.name);
            let other = Cell::grow(State::draw(stream), self.kind, self.habit, name, stream);
            let signal = self.world.signal_of_cell * stream.normal();
            let place = Frame { centre, radius: frame.radius };
            for (channel, patch) in
                light.iter_mut().zip(self.light(&other, shot.tagged, place, signal, stream))
            {
                patch.paste_into(channel);
            }
        }
        if crowd > 0 {
            for index in 0..light[0].light.len() {
                let [x, y] = frame.to_radii(index % self.pixels[1], index / self.pixels[1]);
                let outside = 1.0 - cell.outline.inside(x, y, 0.06);
                light.iter_mut().for_each(|channel| channel.light[index] *= outside as f32);
            }
        }
        light
    }
}

/// A plane that contains one whole cell, and where its first pixel is in the image.
pub(super) struct Patch {
    canvas: Canvas,
    frame: Frame,
    corner: [i64; 2],
}

impl Patch {
    fn around(frame: Frame) -> Self {
        let reach = 1.7 * frame.radius;
        let corner = frame.centre.map(|centre| (centre - reach).floor());
        let side = (2.0 * reach).ceil() as usize + 2;
        let inner =
            Frame { centre: [0, 1].map(|axis| frame.centre[axis] - corner[axis]), radius: frame.radius };
        Self { canvas: Canvas::new(side, side), frame: inner, corner: corner.map(|v| v as i64) }
    }

    /// Adds it to the image.
    pub(super) fn paste_into(&self, picture: &mut Canvas) {
        let side = self.canvas.width as i64;
        let rows = self.corner[1].max(0)..(self.corner[1] + side).min(picture.height as i64);
        let columns = self.corner[0].max(0)..(self.corner[0] + side).min(picture.width as i64);
        for row in rows {
            for column in columns.clone() {
                let from = (row - self.corner[1]) * side + column - self.corner[0];
                picture.light[row as usize * picture.width + column as usize] +=
                    self.canvas.light[from as usize];
            }
        }
    }
}

/// Blackens everything outside the cell, as in crops masked by a segmentation.
fn cut_out(planes: &mut [Vec<u8>], cell: &Cell, frame: Frame, width: usize) {
    for (index, _) in planes[0].clone().iter().enumerate() {
        let [x, y] = frame.to_radii(index % width, index / width);
        if cell.outline.level(x, y) > 1.06 {
            for plane in planes.iter_mut() {
                plane[index] = 0;
            }
        }
    }
}

/// A Poisson number (Knuth's product of uniforms; the mean is small).
pub(super) fn poisson(stream: &mut Stream, mean: f64) -> usize {
    let limit = libm::exp(-mean);
    let (mut count, mut product) = (0, stream.unit());
    while product > limit {
        count += 1;
        product *= stream.unit();
    }
    count
}
