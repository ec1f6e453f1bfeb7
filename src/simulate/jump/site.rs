//! One image: a field of cells that had one compound.

use super::{nuisance::Nuisance, scope::Scope, screen::Screen};
use crate::{
    canvas::{Canvas, Frame},
    cell::{Cell, Habit, Kind, State},
    render::{Stage, poisson},
    structures::Structure,
};

/// Channels in tape order.
pub(super) const CHANNELS: &[Structure] =
    &[Structure::Nucleus, Structure::Er, Structure::Rna, Structure::Golgi, Structure::Mito];

/// Radius of a typical cell, in micrometres.
const RADIUS_UM: f64 = 17.0;
/// Area of the plate that a cell has for itself, in areas of a cell.
const ROOM: f64 = 2.7;
/// Nearest that two cells come, in radii.
const NEAREST: f64 = 1.6;

/// A cell of an image.
pub(super) struct Seen {
    /// Column and row of its centre.
    pub(super) at: [f64; 2],
    pub(super) state: State,
    /// Log of the signal that all its channels share.
    pub(super) signal: f64,
}

/// The content of one image.
pub(super) struct Site<'a> {
    pub(super) screen: &'a Screen,
    pub(super) habit: &'a Habit,
    pub(super) scope: &'a Scope,
    pub(super) nuisance: &'a Nuisance,
    /// What the compound adds to the state of a cell.
    pub(super) shift: &'a [f64; 12],
    /// The name of its random streams: `jump/site/JCPQC016/B02/1`.
    pub(super) name: String,
}

impl Site<'_> {
    /// The planes, and the cells on them.
    pub(super) fn picture(&self) -> (Vec<Vec<u8>>, Vec<Seen>) {
        let world = &self.screen.world;
        let side = self.screen.size.pixels;
        let mut stream = world.stream(&self.name);
        let stage =
            Stage { world, habit: self.habit, kind: Kind::Spread, channels: CHANNELS, pixels: [side, side] };
        let radius = RADIUS_UM / self.scope.pixel_um;
        let mut light = vec![Canvas::new(side, side); CHANNELS.len()];
        let mut seen: Vec<Seen> = Vec::new();
        // Cells reach into the image from outside.
        let (low, high) = (-0.7 * radius, side as f64 + 0.7 * radius);
        let room = ROOM * std::f64::consts::PI * radius * radius;
        let count = poisson(&mut stream, self.nuisance.density * (high - low) * (high - low) / room).max(1);
        for number in 0..count {
            let free = (0..12).find_map(|_| {
                let at = [stream.uniform(low, high), stream.uniform(low, high)];
                let far = |other: &Seen| {
                    let [dx, dy] = [at[0] - other.at[0], at[1] - other.at[1]];
                    dx * dx + dy * dy > NEAREST * NEAREST * radius * radius
                };
                seen.iter().all(far).then_some(at)
            });
            let Some(at) = free else { continue };
            let mut state = State::draw(&mut stream);
            state.penetrant = stream.chance(world.penetrance);
            for factor in 0..12 {
                state.z[factor] += self.nuisance.shift[factor];
                if state.penetrant {
                    state.z[factor] += self.shift[factor];
                }
            }
            let signal = world.signal_of_cell * stream.normal();
            let name = format!("{}/cell/{number}", self.name);
            let cell = Cell::grow(state.clone(), Kind::Spread, self.habit, name, &mut stream);
            let frame = Frame { centre: at, radius };
            for (channel, patch) in
                light.iter_mut().zip(stage.light(&cell, Structure::Protein, frame, signal, &mut stream))
            {
                patch.paste_into(channel);
            }
            seen.push(Seen { at, state, signal });
        }
        let planes = self.scope.expose(&light, &self.nuisance.gains, self.nuisance.defocus, &mut stream);
        (planes, seen)
    }
}
