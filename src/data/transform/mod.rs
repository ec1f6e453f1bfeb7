//! From a stored tape to network input: warp, crop, resize, flip, normalise (CHAMMI's pipelines), and what
//! microscopes also allow: rotations, quarter turns, brightness, another microscope.
//!
//! Random draws are made first ([`draw`]) and applied afterwards ([`drawn_view`]), so that recorded draws can
//! be replayed. Unfolding the tape, cropping, resizing, flipping and normalising are one pass from stored
//! pixels to floats; only a warp or a rotation needs an intermediate image, one for both.

mod brightness;
mod crop;
mod intensity;
mod microscope;
mod motion;
mod plain;
mod resample;
mod rotate;
mod sample;
mod turn;
mod warp;
mod window;

pub use crop::CropBox;
pub use microscope::OtherMicroscope;
pub use plain::ViewPlan;
pub use warp::Displacements;
pub use window::Window;

use super::{Pixels, Statistics, Tape};
use crate::{
    seed::Stream,
    spec::{Augment, Warp},
};
use motion::Motion;
use resample::{Axis, Planes, resample};

/// Raised when a view of the same tape with the same draws changes; part of the identity of all work that reads images.
pub const REVISION: u32 = 1;

/// The random choices for one view of one image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draw {
    /// The warp, if any.
    pub warp: Option<(Warp, Displacements)>,
    /// The angle of the rotation after it, counter-clockwise, in radians.
    pub angle: f64,
    /// The crop; none: the centre, as in evaluation.
    pub crop: Option<CropBox>,
    /// The window, which takes the place of crop and resizing.
    pub window: Option<Window>,
    /// Whether to flip left and right.
    pub flip: bool,
    /// Whether to flip top and bottom.
    pub upside_down: bool,
    /// Quarter turns, 0 to 3.
    pub quarters: usize,
    /// A brightness factor per channel; none: unchanged.
    pub brightness: Vec<f32>,
    /// The microscope that takes the view again, if another one does.
    pub microscope: Option<OtherMicroscope>,
    /// A shift and an exponent per channel; none: unchanged.
    pub intensity: Vec<[f32; 2]>,
}

/// Draws a view of an image of `channels` channels and `height` by `width` pixels.
///
/// Augmentations are applied in the order of [`Augment`]'s variants, whatever their order in the sum. If one
/// occurs twice, the first counts.
pub fn draw(channels: usize, height: usize, width: usize, augment: &[Augment], stream: &mut Stream) -> Draw {
    let mut words: Vec<&Augment> = augment.iter().collect();
    words.sort_by_key(|word| word.place());
    words.dedup_by_key(|word| word.place());
    let mut draw = Draw::default();
    for word in words {
        match word {
            Augment::Tps(tps) => {
                if stream.chance(tps.p) {
                    draw.warp = Some((tps.warp, Displacements::draw(tps.warp, height, width, stream)));
                }
            }
            Augment::Rotate(rotate) => {
                draw.angle = stream.uniform(-rotate.up_to, rotate.up_to).to_radians();
            }
            Augment::Crop(crop) => {
                let (scale, ratio) = (crop.scale, crop.ratio);
                draw.crop = Some(CropBox::draw(height, width, scale, ratio, crop.fit, stream));
            }
            Augment::Flip(flip) => draw.flip = stream.chance(flip.p),
            Augment::Flips(flips) => {
                draw.upside_down = stream.chance(flips.p);
                draw.flip = stream.chance(flips.p);
            }
            Augment::Turn(_) => draw.quarters = stream.below(4),
            Augment::Brightness(word) => draw.brightness = brightness::factors(channels, word.sd, stream),
            Augment::Microscope(word) => {
                draw.microscope = Some(OtherMicroscope::draw(word, channels, stream));
            }
            Augment::Intensity(word) => {
                if stream.chance(word.p) {
                    draw.intensity = intensity::draws(channels, word, stream);
                }
            }
        }
    }
    draw
}

/// The evaluation view: shorter side resized to `side`, centre cropped, normalised.
///
/// `out` holds channels × side × side.
///
/// # Panics
/// If `out` or `norm` does not fit the tape's channels.
pub fn eval_view(tape: &Tape, side: usize, norm: &Statistics, out: &mut [f32]) {
    central_view(tape, side, side, norm, out);
}

/// Shorter side resized to `shorter`, centre crop of `side`, normalised: torchvision's evaluation on ImageNet
/// uses 256 and 224. `out` holds channels × side × side.
///
/// # Panics
/// If `out` or `norm` does not fit the tape's channels, or `side` is above `shorter`.
pub fn central_view(tape: &Tape, shorter: usize, side: usize, norm: &Statistics, out: &mut [f32]) {
    let [rows, columns] = centre(tape.height, tape.width, shorter, side);
    match &tape.pixels {
        Pixels::Bytes(pixels) => resample(&Planes::of(tape, pixels), &rows, &columns, norm, out),
        Pixels::Floats(pixels) => resample(&Planes::of(tape, pixels), &rows, &columns, norm, out),
    }
}

/// The evaluation view of a network that sees windows: the one in the centre, at the image's own scale, normalised. `out`
/// holds channels × side × side.
///
/// # Panics
/// If `out` or `norm` does not fit the tape's channels.
pub fn window_view(tape: &Tape, side: usize, norm: &Statistics, out: &mut [f32]) {
    let window = Some(Window::central(tape.height, tape.width, side));
    drawn_view(tape, &Draw { window, ..Draw::default() }, side, norm, out);
}

/// The image at native size, normalised: the input of off-the-shelf extractors. `out` holds channels × height
/// × width.
///
/// # Panics
/// If `out` or `norm` does not fit the tape's channels.
pub fn native_view(tape: &Tape, norm: &Statistics, out: &mut [f32]) {
    let [rows, columns] = [tape.height, tape.width].map(|length| Axis::new(0, length, length, 0, length));
    match &tape.pixels {
        Pixels::Bytes(pixels) => resample(&Planes::of(tape, pixels), &rows, &columns, norm, out),
        Pixels::Floats(pixels) => resample(&Planes::of(tape, pixels), &rows, &columns, norm, out),
    }
}

/// Applies a draw: a random training view, resized to `side` unless it is a window, and normalised. Without a crop it is
/// resized as in evaluation. `out` holds channels × side × side.
///
/// # Panics
/// If `out` or `norm` does not fit the tape's channels, or a warp as released is rotated.
pub fn drawn_view(tape: &Tape, draw: &Draw, side: usize, norm: &Statistics, out: &mut [f32]) {
    let [rows, columns] = axes(tape, draw, side);
    let motion = Motion::of(draw, tape.height, tape.width);
    match &tape.pixels {
        Pixels::Bytes(pixels) => seen(&Planes::of(tape, pixels), motion, &rows, &columns, norm, out),
        Pixels::Floats(pixels) => seen(&Planes::of(tape, pixels), motion, &rows, &columns, norm, out),
    }
    turn::turn(out, side, draw.quarters);
    brightness::brighten(out, &draw.brightness, norm);
    if let Some(microscope) = &draw.microscope {
        microscope.take(out, side, norm);
    }
    intensity::change(out, &draw.intensity, norm);
}

/// The source pixels of each pixel of a view.
fn axes(tape: &Tape, draw: &Draw, side: usize) -> [Axis; 2] {
    let [mut rows, mut columns] = match (draw.window, draw.crop) {
        (Some(at), _) => [Axis::window(at.top, tape.height, side), Axis::window(at.left, tape.width, side)],
        (None, Some(at)) => {
            [Axis::new(at.top, at.height, side, 0, side), Axis::new(at.left, at.width, side, 0, side)]
        }
        (None, None) => centre(tape.height, tape.width, side, side),
    };
    if draw.upside_down {
        rows.flip();
    }
    if draw.flip {
        columns.flip();
    }
    [rows, columns]
}

/// Warped and rotated, if it is either, and resampled.
fn seen<P: Copy + Into<f32>>(
    stored: &Planes<'_, P>,
    motion: Option<Motion>,
    rows: &Axis,
    columns: &Axis,
    norm: &Statistics,
    out: &mut [f32],
) {
    match motion {
        None => resample(stored, rows, columns, norm, out),
        Some(motion) => {
            let moved = motion.apply(stored);
            let moved = Planes::planar(&moved, stored.height, stored.width, stored.channels);
            resample(&moved, rows, columns, norm, out);
        }
    }
}

/// Shorter side to `shorter`, the longer one in proportion and rounded down, then the central square of
/// `side`. If the surplus is odd, half a pixel is rounded to even, as in Python.
fn centre(height: usize, width: usize, shorter: usize, side: usize) -> [Axis; 2] {
    let stored = height.min(width);
    [height, width].map(|length| {
        let resized = shorter * length / stored;
        let offset = ((resized - side) as f64 / 2.0).round_ties_even() as usize;
        Axis::new(0, length, resized, offset, side)
    })
}

#[cfg(test)]
mod tests;
