//! Views against torchvision and SciPy (`tests/golden/transforms.py`) and against the values of specification 2.2.

use super::*;
use crate::{
    data::Norm,
    golden::{device, on_gpus},
    ops::DeviceViews,
    seed::Seed,
    spec::{CropFit, settings},
};
use serde::Deserialize;

mod coda;
mod rotate;

#[derive(Deserialize)]
struct Golden {
    views: Vec<View>,
    offsets: [[f64; 2]; 9],
    splines: Vec<SplineCase>,
}

#[derive(Deserialize)]
struct View {
    size: [usize; 4],
    crop: Option<[usize; 4]>,
    flip: bool,
    step: usize,
    values: Vec<f64>,
    sum: f64,
}

#[derive(Deserialize)]
struct SplineCase {
    size: [usize; 2],
    pixels: Vec<[usize; 2]>,
    from: Vec<[f64; 2]>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../tests/golden/transforms.json")).unwrap()
}

/// The image of `transforms.py`.
fn tape(height: usize, width: usize, channels: usize) -> Tape {
    let pixel = |i: usize| {
        let (r, c, channel) = (i / (width * channels), i % width, i % (width * channels) / width);
        ((r * r + 3 * c + r * c / 7 + 50 * channel) % 251) as u8
    };
    let pixels: Vec<u8> = (0..height * width * channels).map(pixel).collect();
    Tape { height, width, channels, pixels: pixels.into() }
}

fn bytes(tape: &Tape) -> &[u8] {
    tape.pixels.bytes().unwrap()
}

fn norm(channels: usize) -> Statistics {
    let line = |start: f32, step: f32| (0..channels).map(|c| start + step * c as f32).collect();
    Statistics { mean: line(0.1, 0.05), sd: line(0.2, 0.03) }
}

/// The image moved as drawn, before the crop.
fn moved<P: Copy + Into<f32>>(image: &Planes<'_, P>, draw: &Draw) -> Vec<f32> {
    Motion::of(draw, image.height, image.width).expect("something moves").apply(image)
}

fn warp<P: Copy + Into<f32>>(image: &Planes<'_, P>, warp: Warp, by: &Displacements) -> Vec<f32> {
    moved(image, &Draw { warp: Some((warp, by.clone())), ..Draw::default() })
}

/// A random view.
fn train_view(
    tape: &Tape,
    augment: &[Augment],
    side: usize,
    norm: &Statistics,
    stream: &mut Stream,
    out: &mut [f32],
) {
    drawn_view(tape, &draw(tape.channels, tape.height, tape.width, augment, stream), side, norm, out);
}

#[test]
fn views_agree_with_torchvision() {
    for View { size: [height, width, channels, side], crop, flip, step, values, sum } in golden().views {
        let crop = crop.map(|[top, left, height, width]| CropBox { top, left, height, width });
        let mut out = vec![f32::NAN; channels * side * side];
        let draw = Draw { crop, flip, ..Draw::default() };
        drawn_view(&tape(height, width, channels), &draw, side, &norm(channels), &mut out);
        let case = format!("{height} x {width} to {side}, {draw:?}");
        for (found, expected) in out.iter().step_by(step).zip(&values) {
            assert!((f64::from(*found) - expected).abs() < 1e-5, "{case}: {found} for {expected}");
        }
        assert_eq!(out.iter().step_by(step).count(), values.len());
        let total: f64 = out.iter().map(|&x| f64::from(x)).sum();
        assert!((total - sum).abs() < 1e-6 * out.len() as f64, "{case}: sum {total} for {sum}");
    }
}

#[test]
fn an_image_of_the_right_size_is_only_normalised() {
    let plain = Statistics { mean: vec![0.0; 2], sd: vec![1.0; 2] };
    let check = |tape: &Tape, out: &[f32]| {
        let area = tape.height * tape.width;
        for (i, found) in out.iter().enumerate() {
            let (channel, row, column) = (i / area, i % area / tape.width, i % tape.width);
            let stored = f32::from(bytes(tape)[(row * 2 + channel) * tape.width + column]) / 255.0;
            assert!((found - stored).abs() < 1e-6);
        }
    };
    let (square, oblong) = (tape(32, 32, 2), tape(9, 14, 2));
    let mut out = vec![0.0; 2 * 32 * 32];
    eval_view(&square, 32, &plain, &mut out);
    check(&square, &out);
    let mut out = vec![0.0; 2 * 9 * 14];
    native_view(&oblong, &plain, &mut out);
    check(&oblong, &out);
}

#[test]
fn the_middle_is_cut_from_what_was_resized() {
    let (image, plain) = (tape(20, 20, 1), norm(1));
    let (mut whole, mut middle) = (vec![0.0; 40 * 40], vec![0.0; 32 * 32]);
    eval_view(&image, 40, &plain, &mut whole);
    central_view(&image, 40, 32, &plain, &mut middle);
    for (row, middle) in middle.chunks_exact(32).enumerate() {
        assert_eq!(middle, &whole[(row + 4) * 40 + 4..][..32]);
    }
}

const OFFSETS: Displacements = Displacements([
    [8.0, -5.0],
    [-3.0, 4.0],
    [6.0, 6.0],
    [-7.0, 2.0],
    [5.0, -9.0],
    [1.0, 3.0],
    [-4.0, -6.0],
    [9.0, 1.0],
    [-2.0, 7.0],
]);

/// Channels that encode where a pixel comes from.
fn positions(height: usize, width: usize) -> Vec<f32> {
    let plane = |f: fn(usize, usize) -> f32| (0..height).flat_map(move |r| (0..width).map(move |c| f(r, c)));
    plane(|r, _| r as f32).chain(plane(|_, c| c as f32)).collect()
}

#[test]
fn the_released_warp_has_its_golden_values() {
    // pixel, where it comes from, values of the two channels
    let square: &[([usize; 2], [f64; 2], [f64; 2])] = &[
        ([10, 20], [10.802179, 18.812999], [1.185763, 0.068249]),
        ([80, 80], [79.643043, 94.994062], [0.611809, 0.501480]),
        ([120, 37], [125.649649, 39.691590], [-0.929674, 0.786861]),
        ([159, 159], [158.845781, 159.667002], [-1.337798, 0.998997]),
    ];
    let oblong: &[([usize; 2], [f64; 2], [f64; 2])] = &[
        ([10, 20], [8.297337, 18.996344], [1.033412, 0.035076]),
        ([80, 80], [73.310497, 81.178945], [-0.537174, 0.308939]),
        ([237, 373], [238.862873, 332.281168], [0.134312, 0.995906]),
    ];
    let cases =
        [([160, 160], square, [-1555.50616, 13213.01434]), ([238, 374], oblong, [4820.77927, 43619.18199])];
    for ([height, width], pixels, sums) in cases {
        let plane = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f32> {
            (0..height * width).map(|i| f((i / width) as f64, (i % width) as f64) as f32).collect()
        };
        let (h, w) = (height as f64, width as f64);
        let waves = plane(&|r, c| (r / 13.0).sin() + (c / 17.0).cos());
        let ramp = plane(&|r, c| (r * w + c) / (h * w));
        let image = [waves, ramp].concat();
        let out = warp(&Planes::planar(&image, height, width, 2), Warp::Released, &OFFSETS);
        let area = height * width;
        for &([row, column], _, values) in pixels {
            for (channel, expected) in values.into_iter().enumerate() {
                let found = f64::from(out[channel * area + row * width + column]);
                assert!(
                    (found - expected).abs() < 2e-6,
                    "{height} x {width} ({row}, {column}): {found}, {expected}"
                );
            }
        }
        for (channel, expected) in sums.into_iter().enumerate() {
            let found: f64 = out[channel * area..][..area].iter().map(|&x| f64::from(x)).sum();
            assert!((found - expected).abs() < 2e-3, "{height} x {width}: sum {found}, {expected}");
        }
        let placed = positions(height, width);
        let from = warp(&Planes::planar(&placed, height, width, 2), Warp::Released, &OFFSETS);
        for &([row, column], map, _) in pixels {
            for (channel, expected) in map.into_iter().enumerate() {
                let found = f64::from(from[channel * area + row * width + column]);
                let last = [h, w][channel] - 1.0;
                let mirrored =
                    if expected > last + 1.0 { 2.0 * last + 1.0 - expected } else { expected.min(last) };
                assert!((found - mirrored).abs() < 1e-4, "({row}, {column}) from {found}, {expected}");
            }
        }
    }
}

#[test]
fn the_exact_warp_agrees_with_scipy() {
    let golden = golden();
    for SplineCase { size: [height, width], pixels, from } in golden.splines {
        let placed = positions(height, width);
        let found =
            warp(&Planes::planar(&placed, height, width, 2), Warp::Exact, &Displacements(golden.offsets));
        let mut inside = 0;
        for ([row, column], expected) in pixels.into_iter().zip(from) {
            let limits = [height as f64 - 1.0, width as f64 - 1.0];
            if expected.iter().zip(limits).any(|(at, limit)| *at < 0.0 || *at > limit) {
                continue; // mirrored
            }
            inside += 1;
            for channel in 0..2 {
                let found = f64::from(found[(channel * height + row) * width + column]);
                assert!(
                    (found - expected[channel]).abs() < 5e-5,
                    "({row}, {column}): {found} for {expected:?}"
                );
            }
        }
        assert!(inside >= 4, "{inside}");
    }
}

#[test]
fn without_displacement_the_exact_warp_changes_nothing() {
    for (height, width) in [(31, 47), (160, 160), (1, 1), (2, 9)] {
        let tape = tape(height, width, 3);
        let found = warp(&Planes::of(&tape, bytes(&tape)), Warp::Exact, &Displacements([[0.0; 2]; 9]));
        for (i, found) in found.iter().enumerate() {
            let (channel, row, column) = (i / (height * width), i % (height * width) / width, i % width);
            assert_eq!(*found, f32::from(bytes(&tape)[(row * 3 + channel) * width + column]));
        }
    }
}

#[test]
fn without_displacement_the_released_warp_magnifies() {
    let placed = positions(160, 160);
    let found = warp(&Planes::planar(&placed, 160, 160, 2), Warp::Released, &Displacements([[0.0; 2]; 9]));
    assert!((found[100 * 160 + 50] - 106.43).abs() < 0.01, "{}", found[100 * 160 + 50]);
}

#[test]
fn warps_take_images_of_any_size() {
    let mut stream = Seed(1).stream("small");
    for (height, width) in [(1, 1), (1, 7), (5, 3), (11, 12), (32, 32), (21, 200)] {
        let tape = tape(height, width, 1);
        for kind in [Warp::Released, Warp::Exact] {
            let moved = Displacements::draw(kind, height, width, &mut stream);
            let out = warp(&Planes::of(&tape, bytes(&tape)), kind, &moved);
            assert!(out.iter().all(|x| (-0.01..=255.01).contains(x)), "{height} x {width} {kind:?}");
        }
    }
}

fn words(fit: CropFit, warp: Warp) -> Vec<Augment> {
    let crop = settings::Crop { scale: [0.8, 1.0], ratio: [0.9, 1.1], fit };
    vec![crop.into(), settings::Flip { p: 0.5 }.into(), settings::Tps { p: 0.5, warp }.into()]
}

#[test]
fn draws_have_the_shares_they_should() {
    let mut stream = Seed(3).stream("augment");
    let draws: Vec<Draw> =
        (0..2000).map(|_| draw(3, 238, 374, &words(CropFit::Adapted, Warp::Exact), &mut stream)).collect();
    let share = |f: fn(&Draw) -> bool| draws.iter().filter(|d| f(d)).count() as f64 / 2000.0;
    assert!((share(|d| d.flip) - 0.5).abs() < 0.04);
    assert!((share(|d| d.warp.is_some()) - 0.5).abs() < 0.04);
    let most = |k: usize| {
        let moved = draws.iter().filter_map(|d| d.warp.as_ref()).flat_map(|(_, moved)| moved.0);
        moved.map(|by| by[k].abs()).fold(0.0, f64::max)
    };
    assert!((37.0..37.4).contains(&most(0)) && (23.5..23.8).contains(&most(1)), "{} {}", most(0), most(1));
    assert!(draw(3, 10, 10, &[], &mut stream) == Draw::default());
    let turns = (0..2000).map(|_| draw(3, 10, 10, &[settings::Turn {}.into()], &mut stream).quarters);
    let mut counts = [0; 4];
    turns.for_each(|quarters| counts[quarters] += 1);
    assert!(counts.iter().all(|count| (420..580).contains(count)), "{counts:?}");
    let words = [settings::Brightness { sd: 0.2 }.into()];
    assert!(draw(3, 10, 10, &words, &mut stream).brightness.len() == 3);
}

/// Changed bits need a new [`REVISION`]: stored work is identified by it.
#[test]
fn the_bits_of_views_are_pinned() {
    let mut hash = blake3::Hasher::new();
    let mut stream = Seed(125_617).stream("pinned");
    for (fit, kind) in [(CropFit::Fallback, Warp::Released), (CropFit::Adapted, Warp::Exact)] {
        for (height, width) in [(38, 61), (48, 48)] {
            let mut out = vec![0.0; 3 * 24 * 24];
            for _ in 0..6 {
                train_view(&tape(height, width, 3), &words(fit, kind), 24, &norm(3), &mut stream, &mut out);
                out.iter().for_each(|x| _ = hash.update(&x.to_bits().to_le_bytes()));
            }
        }
    }
    let found = format!("{REVISION} {}", hash.finalize().to_hex());
    assert_eq!(found, include_str!("../../../tests/golden/transforms.revision").trim());
}

/// `cargo test --release -- --ignored --nocapture speed_of_views`
#[test]
#[ignore = "a measurement"]
fn speed_of_views() {
    for (height, width, channels) in [(64, 64, 3), (160, 160, 5), (512, 512, 5), (238, 374, 3)] {
        let tape = tape(height, width, channels);
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, (width * channels) as u32, height as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(bytes(&tape)).unwrap();
        let mut out = vec![0.0; channels * 224 * 224];
        let mut time = |what: &str, run: &mut dyn FnMut(&mut [f32])| {
            let start = std::time::Instant::now();
            (0..200).for_each(|_| run(&mut out));
            println!(
                "{height} x {width} x {channels} {what}: {:.0} per s",
                200.0 / start.elapsed().as_secs_f64()
            );
        };
        let norm = norm(channels);
        let mut stream = Seed(0).stream("speed");
        time("decode", &mut |_| _ = crate::data::image::one(&png, true).unwrap().decode().unwrap());
        time("eval", &mut |out| eval_view(&tape, 224, &norm, out));
        for (name, warp) in [("released", Warp::Released), ("exact", Warp::Exact)] {
            let mut words = words(CropFit::Fallback, warp);
            words[2] = settings::Tps { p: 1.0, warp }.into();
            time(&format!("train, {name} warp"), &mut |out| {
                train_view(&tape, &words, 224, &norm, &mut stream, out);
            });
            time("train, no warp", &mut |out| train_view(&tape, &words[..2], 224, &norm, &mut stream, out));
        }
        let mut words = words(CropFit::Fallback, Warp::Exact);
        words[2] = settings::Rotate { up_to: 180.0 }.into();
        time("train, rotated", &mut |out| train_view(&tape, &words, 224, &norm, &mut stream, out));
        words.push(settings::Tps { p: 1.0, warp: Warp::Exact }.into());
        time("train, exact warp, rotated", &mut |out| {
            train_view(&tape, &words, 224, &norm, &mut stream, out);
        });
    }
}

/// What kernels compute from plain numbers equals the CPU's result for the same draws.
#[test]
fn a_gpu_sees_the_same() {
    let words: [Augment; 5] = [
        settings::Tps { p: 0.7, warp: Warp::Exact }.into(),
        settings::Crop { scale: [0.3, 1.0], ratio: [0.9, 1.1], fit: CropFit::Adapted }.into(),
        settings::Flip { p: 0.5 }.into(),
        settings::Turn {}.into(),
        settings::Brightness { sd: 0.3 }.into(),
    ];
    let released = [settings::Tps { p: 0.7, warp: Warp::Released }.into()];
    let (side, of_set) = (24, norm(3));
    let rotate: Augment = settings::Rotate { up_to: 180.0 }.into();
    let rotated = [rotate.clone(), words[1].clone(), words[2].clone()];
    let all: Vec<Augment> = words.iter().cloned().chain([rotate]).collect();
    let windows = [
        settings::Flips { p: 0.5 }.into(),
        settings::Turn {}.into(),
        settings::Brightness { sd: 0.3 }.into(),
        settings::Intensity { p: 0.7, shift: 0.2, exponent: 0.4 }.into(),
    ];
    for (name, words) in [
        ("all", &words[..]),
        ("released", &released),
        ("rotated", &rotated),
        ("all, rotated", &all),
        ("none", &[]),
        ("windows", &windows),
    ] {
        for floats in [false, true] {
            let mut stream = Seed(4).stream(name);
            let mut views = ViewPlan::new(side, 3);
            let mut expected = Vec::new();
            for (height, width) in [(40, 57), (31, 24), (24, 24)] {
                let mut tape = tape(height, width, 3);
                // The second image turns the first into floats.
                if floats && height == 31 {
                    let pixels = bytes(&tape).iter().map(|pixel| f32::from(*pixel) + 0.25).collect();
                    tape.pixels = Pixels::Floats(pixels);
                }
                // Images of one batch may be normalised differently: each by itself.
                let norm = if height == 24 { Norm::Image { floor: 0.1 } } else { of_set.clone().into() };
                let norm = norm.of(&tape);
                views.image(&tape, &norm);
                for _ in 0..3 {
                    let mut draw = draw(3, height, width, words, &mut stream);
                    if name == "windows" {
                        draw.window = Some(match height {
                            31 => Window { top: -4, left: 7 },
                            _ => Window::draw(height, width, 36, side, &mut stream),
                        });
                    }
                    views.view(&tape, &draw);
                    let mut out = vec![f32::NAN; 3 * side * side];
                    drawn_view(&tape, &draw, side, &norm, &mut out);
                    expected.extend(out);
                }
            }
            assert_eq!((views.plain().len(), views.plain().floats.is_empty()), (9, !floats));
            on_gpus(|| {
                let found = DeviceViews::to(&device(), views.plain()).unwrap().views().unwrap();
                assert_eq!(found.dims(), [9, 3, side, side]);
                let found = found.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(apart < 2e-3, "{name}, floats {floats}: {apart}");
                let mean =
                    found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).sum::<f32>() / found.len() as f32;
                assert!(mean < 2e-5, "{name}, floats {floats}: {mean} on average");
            });
        }
    }
}
