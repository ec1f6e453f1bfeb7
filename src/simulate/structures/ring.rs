//! The membrane: a bright rim with ruffles.

use super::super::canvas::{Canvas, Frame};
use super::super::cell::{Cell, softplus};
use super::field::Field;
use dichroic_ops::seed::Stream;

/// Draws the rim of a cell. Ruffles are places where the rim is thick and folded inwards; the factor `ruffle`
/// sets their depth.
pub(crate) fn paint(cell: &Cell, stream: &mut Stream, frame: Frame, canvas: &mut Canvas) {
    let folds = Field::draw(stream, 0.2);
    let depth = 0.02 + 0.06 * softplus(cell.state.z[9]);
    frame.paint(canvas, 1.6, |x, y| {
        let level = cell.outline.level(x, y);
        if !(0.5..1.1).contains(&level) {
            return 0.0;
        }
        let shift = depth * (1.0 + folds.at(x, y)).max(0.0);
        let off = (level - 0.97 + 0.5 * shift) / (0.035 + 0.5 * shift);
        (1.0 - off * off).max(0.0)
    });
}
