//! CODA's transforms against its released code with given draws (`tests/golden/reference/coda_transforms.*`).

use super::*;
use crate::{data::norm::OF_VIEW, golden::folder};
use safetensors::SafeTensors;

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    center_crop: usize,
    crop: usize,
    top: usize,
    left: usize,
    hflip: bool,
    vflip: bool,
    intensity_op: bool,
}

struct Reference(Vec<u8>);

impl Reference {
    fn open() -> Self {
        Self(std::fs::read(folder().join("reference/coda_transforms.safetensors")).unwrap())
    }

    fn bytes(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        (tensor.shape().to_vec(), tensor.data().to_vec())
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let (_, bytes) = self.bytes(name);
        bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    /// The image, whose channels are interleaved.
    fn image(&self) -> Tape {
        let (shape, pixels) = self.bytes("image_hwc");
        let [height, width, channels] = shape[..] else { panic!("an image has three axes") };
        let place = |at: usize| {
            let (row, channel, column) =
                (at / (width * channels), at % (width * channels) / width, at % width);
            pixels[(row * width + column) * channels + channel]
        };
        let pixels: Vec<u8> = (0..height * width * channels).map(place).collect();
        Tape { height, width, channels, pixels: pixels.into() }
    }
}

/// Planes as interleaved bytes.
fn interleaved(planes: &[f32], channels: usize) -> Vec<u8> {
    let size = planes.len() / channels;
    (0..planes.len()).map(|at| (planes[at % channels * size + at / channels] * 255.0).round() as u8).collect()
}

fn close(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let apart = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart <= tolerance, "{name}: {apart}");
}

#[test]
fn views_of_training_are_those_of_the_release() {
    let reference = Reference::open();
    let text = std::fs::read_to_string(folder().join("reference/coda_transforms.json")).unwrap();
    let Cases { cases } = serde_json::from_str(&text).unwrap();
    let (tape, norm) = (reference.image(), Norm::View(OF_VIEW));
    assert_eq!(cases.len(), 4);
    let mut seen = 0;
    for (number, case) in cases.into_iter().enumerate() {
        let Case { center_crop, crop, top, left, hflip, vflip, intensity_op } = case;
        let of = |what: &str| reference.floats(&format!("{number}.{what}"));
        let window = Some(Window::within(tape.height, tape.width, center_crop, [top, left]));
        let mut draw = Draw { window, flip: hflip, upside_down: vflip, ..Draw::default() };
        let view = |draw: &Draw| {
            let mut out = vec![f32::NAN; 3 * crop * crop];
            drawn_view(&tape, draw, crop, &norm.of(&tape), &mut out);
            out
        };
        close("before", &view(&draw), &of("before_intensity"), 1e-7);
        if intensity_op {
            let changes = of("intensity_shift").into_iter().zip(of("exponent"));
            draw.intensity = changes.map(|(shift, exponent)| [shift, exponent]).collect();
            seen += 1;
        }
        let mut out = view(&draw);
        close("after", &out, &of("after_intensity"), 3e-7);
        norm.finish(3, &mut out);
        close("out", &out, &of("out"), 3e-6);
    }
    assert_eq!(seen, 3);
}

#[test]
fn evaluated_is_the_window_in_the_centre_with_black_around_small_images() {
    let (reference, plain) = (Reference::open(), Statistics::none(3));
    for side in [56, 112] {
        let mut out = vec![f32::NAN; 3 * side * side];
        window_view(&reference.image(), side, &plain, &mut out);
        let (shape, expected) = reference.bytes(&format!("center_crop_{side}"));
        assert_eq!(shape, [side, side, 3]);
        assert_eq!(interleaved(&out, 3), expected, "{side}");
    }
}

#[test]
fn a_tape_of_five_planes_is_split_as_the_loader_of_the_release_does() {
    let reference = Reference::open();
    let (shape, pixels) = reference.bytes("tape");
    let (height, width) = (shape[0], shape[1] / 5);
    let tape = Tape { height, width, channels: 5, pixels: pixels.into() };
    let mut out = vec![f32::NAN; 5 * height * width];
    native_view(&tape, &Statistics::none(5), &mut out);
    let names = |names: &str| names.split(' ').map(String::from).collect::<Vec<_>>();
    let places = crate::spec::Planes { channels: names("dna er mito") };
    let places = crate::adapter::places_of_planes(&places, &names("dna er rna agp mito")).unwrap();
    let picked: Vec<f32> =
        places.iter().flat_map(|place| out[place * height * width..][..height * width].to_vec()).collect();
    assert_eq!(interleaved(&picked, 3), reference.bytes("tape_loaded_hwc").1);
}

/// A window has the stored pixels, whatever the image, and only those outside of it are black.
#[test]
fn windows_are_never_resized() {
    let mut stream = Seed(9).stream("windows");
    for _ in 0..60 {
        let [height, width, side, centre] =
            [5..40, 5..40, 4..24, 4..50].map(|range| range.start + stream.below(range.len()));
        let centre = centre.max(side);
        let tape = tape(height, width, 2);
        let window = Window::draw(height, width, centre, side, &mut stream);
        let words: [Augment; 1] = [settings::Flips { p: 0.5 }.into()];
        let mut draw = draw(2, height, width, &words, &mut stream);
        draw.window = Some(window);
        let mut out = vec![f32::NAN; 2 * side * side];
        drawn_view(&tape, &draw, side, &Statistics::none(2), &mut out);
        for (at, found) in out.iter().enumerate() {
            let (channel, row, column) = (at / (side * side), at / side % side, at % side);
            let row = if draw.upside_down { side - 1 - row } else { row } as i64 + window.top;
            let column = if draw.flip { side - 1 - column } else { column } as i64 + window.left;
            let inside = (0..height as i64).contains(&row) && (0..width as i64).contains(&column);
            let stored = match inside {
                true => bytes(&tape)[(row as usize * 2 + channel) * width + column as usize],
                false => 0,
            };
            assert!((found * 255.0 - f32::from(stored)).abs() < 1e-4, "{height} x {width}, {draw:?}: {at}");
        }
        let inside = |at: i64, length: usize| length < side || (at >= 0 && at as usize + side <= length);
        assert!(inside(window.top, height) && inside(window.left, width), "{window:?} of {height} x {width}");
    }
}

#[test]
fn flips_are_drawn_for_both_axes_each_by_itself() {
    let mut stream = Seed(2).stream("flips");
    let words: [Augment; 1] = [settings::Flips { p: 0.5 }.into()];
    let mut counts = [0; 4];
    for _ in 0..4000 {
        let draw = draw(1, 8, 8, &words, &mut stream);
        counts[usize::from(draw.flip) + 2 * usize::from(draw.upside_down)] += 1;
    }
    assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
}
