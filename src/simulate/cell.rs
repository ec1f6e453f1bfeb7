//! A cell: twelve standardised factors, and the geometry that follows from them.

use super::outline::Outline;
use super::world::World;
use dichroic_ops::seed::Stream;
use std::f64::consts::PI;

/// Names of the factors of a cell's state, in the order of [`State::z`].
pub const FACTORS: [&str; 12] = [
    "nuclear_size",
    "eccentricity",
    "correlation_length",
    "nucleoli",
    "persistence",
    "fragmentation",
    "radial_centroid",
    "compactness",
    "decay",
    "ruffle",
    "elongation",
    "coupling",
];

/// The kind of cells in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Allen: nuclei may divide; the cell is cut out of its surroundings.
    Dividing,
    /// HPA: structures have their own directions, and areas carry no information.
    Polarised,
    /// CP: spread cells around a central nucleus.
    Spread,
}

/// The true state of one cell.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The twelve factors: standard normal, plus the effects of batch, plate and label.
    pub(super) z: [f64; 12],
    /// Whether the label is visible.
    pub(super) penetrant: bool,
    /// Directions (radians) of microtubules, ER, nucleus and the tagged protein, in polarised cells.
    pub(super) leaning: [f64; 4],
    /// What the tagged protein follows: 0 microtubules, 1 ER, 2 the nucleus, 3 nothing that is imaged.
    pub(super) follows: usize,
}

impl State {
    /// A cell without a label. Its four directions are a right-angled cross with a little jitter, in random
    /// order, so that no channel's direction is informative without another's.
    pub(super) fn draw(stream: &mut Stream) -> Self {
        let z = std::array::from_fn(|_| stream.normal());
        let start = stream.uniform(0.0, 2.0 * PI);
        let mut order = [0, 1, 2, 3];
        stream.shuffle(&mut order);
        let leaning = order.map(|quarter| start + f64::from(quarter) * PI / 2.0 + 0.2 * stream.normal());
        Self { z, penetrant: true, leaning, follows: 3 }
    }
}

/// Morphology of a world's cells, beyond the state of each: one draw per simulated world.
#[derive(Clone, Debug)]
pub(super) struct Habit {
    /// Spacing of chromatin texture, in cell radii.
    pub(super) chromatin: f64,
    /// Spacing of texture in the cytoplasm, in cell radii.
    pub(super) cytoplasm: f64,
    /// SD of the change of direction per step of a filament, radians.
    pub(super) wander: f64,
    /// Filaments in a network.
    pub(super) filaments: usize,
    /// Length of a filament, in cell radii.
    pub(super) length: f64,
    /// Radius of a nucleus, in cell radii.
    pub(super) nucleus: f64,
    /// Spread of the Golgi apparatus, in cell radii.
    pub(super) golgi: f64,
}

impl Habit {
    /// The morphology shared by all sets, or that of one set where generators are not shared.
    pub(super) fn draw(world: &World, set: &str) -> Self {
        let name = if world.shared_generators { "habit".to_owned() } else { format!("habit/{set}") };
        let mut stream = world.stream(&name);
        let mut about = |typical: f64| typical * libm::exp(0.12 * stream.normal());
        Self {
            chromatin: about(0.15),
            cytoplasm: about(0.22),
            wander: about(0.25),
            filaments: about(34.0).round() as usize,
            length: about(0.9),
            nucleus: about(0.43).clamp(0.36, 0.5),
            golgi: about(0.2),
        }
    }
}

/// One cell, ready to be drawn; lengths in cell radii, origin at the cell's centre.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// Its state.
    pub(super) state: State,
    /// Its boundary.
    pub(super) outline: Outline,
    /// Its nucleus, or the two of a cell that has just divided.
    pub(super) nuclei: Vec<Outline>,
    /// The random stream of its structures.
    pub(super) name: String,
}

/// Softplus, ln(1 + e^z).
pub(super) fn softplus(z: f64) -> f64 {
    libm::log1p(libm::exp(z))
}

impl Cell {
    /// The geometry of a cell in this state.
    pub(super) fn grow(state: State, kind: Kind, habit: &Habit, name: String, stream: &mut Stream) -> Self {
        let z = &state.z;
        let size = libm::exp(0.1 * stream.normal());
        let along = stream.uniform(0.0, PI);
        let ratio = libm::exp((0.16 + 0.1 * z[10]).clamp(0.0, 0.7));
        let outline = Outline::draw(stream, [0.0; 2], size, ratio, along, 0.08);

        let axis = stream.uniform(0.0, PI);
        let own = stream.normal();
        let growth = if kind == Kind::Spread { 0.6 * z[0] + 0.4 * own } else { own };
        let share = if kind == Kind::Dividing { 1.2 } else { 1.0 };
        let radius = share * habit.nucleus * libm::exp(0.12 * growth);
        let ratio = libm::exp(match kind {
            Kind::Polarised => 0.15,
            Kind::Dividing => (0.42 * softplus(z[1] - 0.7)).min(1.25),
            Kind::Spread => (0.32 + 0.13 * z[1]).clamp(0.0, 0.9),
        });
        let centre = match kind {
            Kind::Polarised => {
                let lean = state.leaning[2];
                [0.36 * libm::cos(lean), 0.36 * libm::sin(lean)]
            }
            Kind::Dividing => {
                let (off, way) = ((0.16 * softplus(z[6] - 1.0)).min(0.5), stream.uniform(0.0, 2.0 * PI));
                [off * libm::cos(way), off * libm::sin(way)]
            }
            Kind::Spread => [0.08 * stream.normal(), 0.08 * stream.normal()],
        };
        let apart = if kind == Kind::Dividing { 0.18 * (z[5] - 0.8).clamp(0.0, 2.8) } else { 0.0 };
        let nuclei = if apart > 0.1 {
            let step = [-apart * libm::sin(axis), apart * libm::cos(axis)];
            let half = radius * std::f64::consts::FRAC_1_SQRT_2;
            let middle = [0.5 * centre[0], 0.5 * centre[1]];
            [1.0, -1.0]
                .map(|side| [middle[0] + side * step[0], middle[1] + side * step[1]])
                .map(|at| Outline::draw(stream, at, half, ratio, axis, 0.06))
                .to_vec()
        } else {
            vec![Outline::draw(stream, centre, radius, ratio, axis, 0.06)]
        };
        Self { state, outline, nuclei, name }
    }

    /// Distance of a point from the nearest nucleus: 1 on its boundary.
    pub(super) fn nuclear_level(&self, x: f64, y: f64) -> f64 {
        self.nuclei.iter().map(|nucleus| nucleus.level(x, y)).fold(f64::INFINITY, f64::min)
    }
}
