//! The eight structures of CHAMMI's channel bank: one light each, drawn from a cell's state.

pub(crate) mod blobs;
pub(crate) mod field;
pub(crate) mod network;
pub(crate) mod ring;

use super::canvas::{Canvas, Frame};
use super::cell::{Cell, Habit, Kind};
use super::world::World;
use blobs::Blob;
use dichroic_ops::seed::Stream;
use field::Field;
use network::{Filament, Network};
use std::f64::consts::PI;

/// A structure that a channel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    /// Endoplasmic reticulum.
    Er,
    /// Golgi apparatus with the actin and membrane that the same stain shows in Cell Painting.
    Golgi,
    /// Cell boundary.
    Membrane,
    /// Microtubules.
    Microtubules,
    /// Mitochondria.
    Mito,
    /// Chromatin.
    Nucleus,
    /// The tagged protein.
    Protein,
    /// RNA in nucleoli and cytoplasm.
    Rna,
}

impl Structure {
    /// The name of its channel.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Er => "er",
            Self::Golgi => "golgi",
            Self::Membrane => "membrane",
            Self::Microtubules => "microtubules",
            Self::Mito => "mito",
            Self::Nucleus => "nucleus",
            Self::Protein => "protein",
            Self::Rna => "rna",
        }
    }

    /// Mean light per area at which a typical cell fills half of the camera's range.
    pub(crate) fn level(self, kind: Kind) -> f64 {
        match self {
            Self::Nucleus => 0.085,
            Self::Er if kind == Kind::Polarised => 0.095,
            Self::Er | Self::Rna => 0.2,
            Self::Golgi => 0.1,
            Self::Membrane => 0.12,
            Self::Microtubules | Self::Mito | Self::Protein => 0.095,
        }
    }
}

/// A cell with everything that drawing its structures needs.
pub(crate) struct Painter<'a> {
    /// The cell.
    pub(crate) cell: &'a Cell,
    /// Its kind.
    pub(crate) kind: Kind,
    /// The morphology of its world's cells.
    pub(crate) habit: &'a Habit,
    /// Its world.
    pub(crate) world: &'a World,
    /// What the tagged protein of a dividing cell marks.
    pub(crate) tagged: Structure,
}

impl Painter<'_> {
    /// Appearance of the tagged protein.
    pub(crate) fn marks(&self) -> Structure {
        if self.kind == Kind::Polarised { Structure::Protein } else { self.tagged }
    }

    /// Each structure has its own random stream, so that adding one does not change the others.
    fn stream(&self, structure: Structure) -> Stream {
        self.world.stream(&format!("{}/{}", self.cell.name, structure.name()))
    }

    /// Draws one structure; its integral is arbitrary and is set afterwards.
    pub(crate) fn paint(&self, structure: Structure, frame: Frame, canvas: &mut Canvas) {
        match structure {
            Structure::Nucleus => self.chromatin(frame, canvas),
            Structure::Membrane => ring::paint(self.cell, &mut self.stream(structure), frame, canvas),
            Structure::Er if self.kind == Kind::Polarised => {
                network::paint(&self.leaning(structure), frame, canvas);
            }
            Structure::Er => self.reticulum(frame, canvas),
            Structure::Rna => self.rna(frame, canvas),
            Structure::Golgi => self.golgi(frame, canvas),
            Structure::Mito => network::paint(&self.mitochondria(), frame, canvas),
            Structure::Microtubules => network::paint(&self.leaning(structure), frame, canvas),
            Structure::Protein if self.kind == Kind::Polarised => {
                network::paint(&self.protein(), frame, canvas);
            }
            Structure::Protein => self.paint(self.tagged, frame, canvas),
        }
    }

    /// Dark spots in chromatin, bright ones in RNA; at the same positions in both channels.
    fn nucleoli(&self) -> Vec<Blob> {
        let mut stream = self.world.stream(&format!("{}/nucleoli", self.cell.name));
        let count = (2.2 + 0.9 * self.cell.state.z[3]).round().clamp(0.0, 6.0) as usize;
        let mut spots = Vec::new();
        for nucleus in &self.cell.nuclei {
            for _ in 0..count {
                let (way, out) = (stream.uniform(0.0, 2.0 * PI), 0.24 * stream.unit());
                let at = [nucleus.centre[0] + out * libm::cos(way), nucleus.centre[1] + out * libm::sin(way)];
                spots.push((at, stream.uniform(0.1, 0.15)));
            }
        }
        spots
    }

    fn chromatin(&self, frame: Frame, canvas: &mut Canvas) {
        let z = &self.cell.state.z;
        let texture = if self.kind == Kind::Polarised { 0.0 } else { z[2] };
        let spacing = (self.habit.chromatin * libm::exp(0.28 * texture)).clamp(0.05, 0.6);
        let field = Field::draw(&mut self.stream(Structure::Nucleus), spacing);
        let spots = self.nucleoli();
        let dividing = self.kind == Kind::Dividing;
        let contrast = if dividing { 0.6 } else { 0.42 };
        let hole = if dividing { (0.24 * (z[7] - 1.0)).clamp(0.0, 0.65) } else { 0.0 };
        frame.paint(canvas, 1.5, |x, y| {
            let level = self.cell.nuclear_level(x, y);
            if level > 1.1 {
                return 0.0;
            }
            let edge = ((1.1 - level) / 0.2).clamp(0.0, 1.0);
            let dark: f64 = spots.iter().map(|spot| blobs::profile(spot, x, y)).sum();
            let rosette = if hole > 0.0 { ((level - hole) / 0.15).clamp(0.0, 1.0) } else { 1.0 };
            edge * rosette * (1.0 + contrast * field.at(x, y)).max(0.05) * (1.0 - 0.85 * dark.min(1.0))
        });
    }

    fn reticulum(&self, frame: Frame, canvas: &mut Canvas) {
        let cell = self.cell;
        let z = &cell.state.z;
        let spacing = (self.habit.cytoplasm * libm::exp(-0.25 * z[8])).clamp(0.08, 0.6);
        let field = Field::draw(&mut self.stream(Structure::Er), spacing);
        let reach = (1.5 * libm::exp(-0.35 * z[8])).clamp(0.5, 5.0);
        frame.paint(canvas, 1.7, |x, y| {
            let inside = cell.outline.inside(x, y, 0.05);
            if inside == 0.0 {
                return 0.0;
            }
            let level = cell.nuclear_level(x, y);
            let hollow = ((level - 0.6) / 0.5).clamp(0.35, 1.0);
            let far = ((level - 1.0).max(0.0)) / reach;
            inside * hollow * (1.0 + 0.45 * field.at(x, y)).max(0.05) / (1.0 + far * far)
        });
    }

    fn rna(&self, frame: Frame, canvas: &mut Canvas) {
        let cell = self.cell;
        let spacing = (self.habit.cytoplasm * libm::exp(0.25 * cell.state.z[2])).clamp(0.08, 0.7);
        let field = Field::draw(&mut self.stream(Structure::Rna), spacing);
        let spots = self.nucleoli();
        frame.paint(canvas, 1.7, |x, y| {
            let inside = cell.outline.inside(x, y, 0.05);
            if inside == 0.0 {
                return 0.0;
            }
            let bright: f64 = spots.iter().map(|spot| blobs::profile(spot, x, y)).sum();
            let nuclear = if cell.nuclear_level(x, y) < 1.0 { 0.8 } else { 1.0 };
            inside * (nuclear * (1.0 + 0.35 * field.at(x, y)).max(0.05) + 2.2 * bright.min(1.0))
        });
    }

    fn golgi(&self, frame: Frame, canvas: &mut Canvas) {
        let z = &self.cell.state.z;
        let mut stream = self.stream(Structure::Golgi);
        let way = stream.uniform(0.0, 2.0 * PI);
        let middle = [0.55 * libm::cos(way), 0.55 * libm::sin(way)];
        let spread = (self.habit.golgi * libm::exp(-0.35 * z[7])).clamp(0.05, 0.6);
        let stacks: Vec<Blob> = (0..16)
            .map(|_| {
                let at = [middle[0] + spread * stream.normal(), middle[1] + spread * stream.normal()];
                (at, stream.uniform(0.07, 0.12))
            })
            .filter(|(at, _)| self.cell.outline.level(at[0], at[1]) < 0.95)
            .collect();
        blobs::paint(&stacks, frame, canvas);
        if self.kind == Kind::Spread {
            let mut rim = Canvas::new(canvas.height, canvas.width);
            ring::paint(self.cell, &mut stream, frame, &mut rim);
            let share = 1.3 * canvas.sum() / rim.sum().max(1e-9);
            canvas.add(&rim, share.min(2.0));
        }
    }

    fn mitochondria(&self) -> Vec<Filament> {
        let z = &self.cell.state.z;
        // A fragmented network has more and shorter pieces: as much light, as many micrometres.
        let length = (self.habit.length * libm::exp(-0.45 * z[5])).clamp(0.08, 2.5);
        let filaments = (self.habit.filaments as f64 * self.habit.length / length).round() as usize;
        Network {
            filaments: filaments.clamp(8, 300),
            length,
            wander: (self.habit.wander * libm::exp(-0.3 * z[4])).clamp(0.05, 1.0),
            focus: self.cell.nuclei[0].centre,
            ring: (0.6 + 0.1 * z[6]).clamp(0.25, 0.95),
            spread: 0.1,
        }
        .draw(&mut self.stream(Structure::Mito), &self.cell.outline)
    }

    /// A network with a preferred direction; the same generator for every structure of a polarised cell.
    fn network(&self, towards: f64) -> Network {
        let out = if self.kind == Kind::Polarised { 0.55 } else { 0.1 };
        Network {
            filaments: self.habit.filaments,
            length: 0.65 * self.habit.length,
            wander: (self.habit.wander * libm::exp(-0.2 * self.cell.state.z[4])).clamp(0.05, 1.0),
            focus: [out * libm::cos(towards), out * libm::sin(towards)],
            ring: 0.0,
            spread: 0.14,
        }
    }

    fn leaning(&self, structure: Structure) -> Vec<Filament> {
        let towards = self.cell.state.leaning[usize::from(structure == Structure::Er)];
        self.network(towards).draw(&mut self.stream(structure), &self.cell.outline)
    }

    /// The protein of a polarised cell: its own filaments around a focus, some of them replaced by those of
    /// the network that it follows. The factor `coupling` sets how many.
    fn protein(&self) -> Vec<Filament> {
        let state = &self.cell.state;
        let mut own =
            self.network(state.leaning[3]).draw(&mut self.stream(Structure::Protein), &self.cell.outline);
        let leader = match state.follows {
            0 => self.leaning(Structure::Microtubules),
            1 => self.leaning(Structure::Er),
            _ => return own,
        };
        let shared = (0.7 + 0.1 * state.z[11]).clamp(0.3, 0.95);
        let count = (shared * own.len() as f64).round() as usize;
        for (mine, theirs) in own.iter_mut().zip(leader).take(count) {
            *mine = theirs;
        }
        own
    }
}
