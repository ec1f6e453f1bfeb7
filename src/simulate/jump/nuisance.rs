//! What differs between batches, plates and wells, and has nothing to do with compounds.

use super::screen::{Screen, ScreenControl};

/// What all cells of a well share besides their compound.
#[derive(Clone, Debug)]
pub(super) struct Nuisance {
    /// Gain of each channel.
    pub(super) gains: [f64; 5],
    /// Added to the state of each cell.
    pub(super) shift: [f64; 12],
    /// Distance from the focus, in micrometres.
    pub(super) defocus: f64,
    /// Factor on the number of cells.
    pub(super) density: f64,
}

impl Nuisance {
    /// Of a well at `row` and `column` of a plate.
    pub(super) fn draw(screen: &Screen, batch: &str, plate: &str, [row, column]: [usize; 2]) -> Self {
        let well = format!("{plate}/{row}/{column}");
        let within = screen.control == Some(ScreenControl::NuisanceWithinPlate);
        let [of_batch, of_plate] = if within { [&*well, &*well] } else { [batch, plate] };
        let mut batch = screen.stream(&format!("nuisance/batch/{of_batch}"));
        let mut plate = screen.stream(&format!("nuisance/plate/{of_plate}"));
        let mut own = screen.stream(&format!("nuisance/well/{well}"));
        let mut both = |[a, b]: [f64; 2]| {
            let (of_batch, of_plate) = (batch.normal(), plate.normal());
            a * of_batch + b * of_plate
        };
        let gains = std::array::from_fn(|_| libm::exp(both(screen.gain)));
        let mut shift: [f64; 12] = std::array::from_fn(|_| both(screen.shift));
        let defocus = screen.focus * batch.normal();
        let edge = edge(row, column);
        // Cells at the edge are fewer, and of another size and texture; the same in all screens.
        for factor in [0, 2, 8] {
            shift[factor] += 3.0 * screen.edge * edge;
        }
        let density =
            screen.density[0] * batch.normal() + screen.density[1] * own.normal() - screen.edge * edge;
        Self { gains, shift, defocus, density: libm::exp(density) }
    }
}

/// How much a well is at the edge of a plate of 16 x 24 wells: 0 in the middle, 1 in a corner.
fn edge(row: usize, column: usize) -> f64 {
    let off = |at: usize, of: f64| {
        let off = (at as f64 - (of - 1.0) / 2.0) / ((of - 1.0) / 2.0);
        off * off * off * off
    };
    0.5 * (off(row, 16.0) + off(column, 24.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_remove_their_cause_alone() {
        let of = |screen: &Screen, batch, plate, well| Nuisance::draw(screen, batch, plate, well);
        let usual = Screen::new(3);
        let [a, b] = [[3, 4], [7, 9]].map(|well| of(&usual, "b", "p", well));
        assert_eq!((a.gains, a.defocus), (b.gains, b.defocus), "wells of a plate share them");
        assert_ne!(a.density, b.density);
        let other = of(&usual, "b", "q", [3, 4]);
        assert!(a.gains != other.gains && a.defocus == other.defocus);
        let within = usual.clone().under(ScreenControl::NuisanceWithinPlate);
        let [a, b] = [[3, 4], [7, 9]].map(|well| of(&within, "b", "p", well));
        assert!(a.gains != b.gains && a.defocus != b.defocus);
        let still = usual.under(ScreenControl::BatchSdZero);
        let [a, b] = ["b", "c"].map(|batch| of(&still, batch, "p", [3, 4]));
        assert_eq!((a.gains, a.shift, a.defocus, a.density), (b.gains, b.shift, b.defocus, b.density));
        assert_eq!(a.defocus, 0.0);
        assert!((edge(0, 0) - 1.0).abs() < 1e-12 && edge(7, 11) < 1e-4);
    }
}
