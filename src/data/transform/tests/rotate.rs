//! Rotations against SciPy (`tests/golden/rotate.py`), against quarter turns, and together with warps.

use super::*;
use crate::data::transform::{motion::Motion, turn::turn};
use std::f64::consts::{FRAC_PI_2, PI};

#[derive(Deserialize)]
struct Rotations {
    size: [usize; 3],
    step: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    angle: f64,
    values: Vec<f32>,
}

fn rotated(tape: &Tape, angle: f64) -> Vec<f32> {
    moved(&Planes::of(tape, bytes(tape)), &Draw { angle, ..Draw::default() })
}

fn every_angle() -> Augment {
    settings::Rotate { up_to: 180.0 }.into()
}

#[test]
fn rotations_agree_with_scipy() {
    let Rotations { size: [height, width, channels], step, cases } =
        serde_json::from_str(include_str!("../../../../tests/golden/rotate.json")).unwrap();
    assert_eq!(cases.len(), 5);
    for Case { angle, values } in cases {
        let found = rotated(&tape(height, width, channels), angle.to_radians());
        assert_eq!(found.iter().step_by(step).count(), values.len());
        for (found, expected) in found.iter().step_by(step).zip(&values) {
            assert!((found - expected).abs() < 1e-3, "{angle} degrees: {found} for {expected}");
        }
    }
}

#[test]
fn rotations_by_quarters_are_quarter_turns() {
    for side in [1, 2, 9, 64, 223] {
        let image = tape(side, side, 2);
        let pixel = |i: usize| (i / side % side * 2 + i / side / side) * side + i % side; // in a tape
        let stored: Vec<f32> = (0..2 * side * side).map(|i| f32::from(bytes(&image)[pixel(i)])).collect();
        for (quarters, angle) in [(0, 2.0 * PI), (1, FRAC_PI_2), (2, PI), (2, -PI), (3, -FRAC_PI_2)] {
            let mut expected = stored.clone();
            turn(&mut expected, side, quarters);
            for (found, expected) in rotated(&image, angle).iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-3, "{side}, {quarters} quarters: {found}, {expected}");
            }
        }
    }
}

/// Quantiles of the angles, and nothing beyond the largest.
#[test]
fn all_angles_are_equally_probable() {
    let mut stream = Seed(6).stream("rotate");
    for up_to in [180.0, 15.0] {
        let words = [settings::Rotate { up_to }.into()];
        let mut angles: Vec<f64> =
            (0..4000).map(|_| draw(3, 20, 30, &words, &mut stream).angle.to_degrees() / up_to).collect();
        angles.sort_by(f64::total_cmp);
        // Kolmogorov and Smirnov: the largest distance from the uniform distribution, exceeded once in a thousand.
        let apart = |(at, angle): (usize, &f64)| ((at as f64 + 0.5) / 4000.0 - (angle + 1.0) / 2.0).abs();
        let most = angles.iter().enumerate().map(apart).fold(0.0, f64::max);
        assert!(most < 1.95 / 4000f64.sqrt(), "up to {up_to} degrees: {most}");
    }
}

/// The order of words is that of draws, and a word that is not there draws nothing.
#[test]
fn a_rotation_draws_after_a_warp_and_before_a_crop() {
    let (height, width) = (40, 57);
    let mut words = words(CropFit::Adapted, Warp::Exact);
    words.push(every_angle());
    let (mut stream, mut same) = (Seed(7).stream("order"), Seed(7).stream("order"));
    for _ in 0..20 {
        let found = draw(3, height, width, &words, &mut stream);
        let warp = same.chance(0.5).then(|| Displacements::draw(Warp::Exact, height, width, &mut same));
        assert_eq!(found.warp, warp.map(|moved| (Warp::Exact, moved)));
        assert_eq!(found.angle, same.uniform(-180.0, 180.0).to_radians());
        let crop = CropBox::draw(height, width, [0.8, 1.0], [0.9, 1.1], CropFit::Adapted, &mut same);
        assert_eq!((found.crop, found.flip), (Some(crop), same.chance(0.5)));
    }
}

#[test]
fn images_of_any_size_are_rotated() {
    let mut stream = Seed(8).stream("small");
    for (height, width) in [(1, 1), (1, 9), (9, 1), (1, 200), (2, 2), (5, 3), (21, 200)] {
        for words in
            [vec![every_angle()], { vec![settings::Tps { p: 1.0, warp: Warp::Exact }.into(), every_angle()] }]
        {
            let tape = tape(height, width, 2);
            let draw = draw(2, height, width, &words, &mut stream);
            let out = moved(&Planes::of(&tape, bytes(&tape)), &draw);
            assert_eq!(out.len(), 2 * height * width);
            assert!(out.iter().all(|x| (-0.01..=255.01).contains(x)), "{height} x {width}");
        }
    }
}

/// A warp and a rotation, each with its own interpolation, differ from one with both only by what the second
/// interpolation blurs, and by what is beyond the edge; of a smooth image nearly nothing is blurred.
#[test]
fn a_warp_and_a_rotation_are_one_interpolation_of_both() {
    let (height, width) = (120, 160);
    let wave =
        |i: usize| ((i / width) as f32 / 19.0).sin() * 100.0 + ((i % width) as f32 / 23.0).cos() * 100.0;
    let image: Vec<f32> = (0..height * width).map(wave).collect();
    fn planes(image: &[f32]) -> Planes<'_, f32> {
        Planes::planar(image, 120, 160, 1)
    }
    for angle in [0.3, 1.9, -2.8] {
        let warp = Some((Warp::Exact, OFFSETS));
        let warped = moved(&planes(&image), &Draw { warp: warp.clone(), ..Draw::default() });
        let twice = moved(&planes(&warped), &Draw { angle, ..Draw::default() });
        let once = moved(&planes(&image), &Draw { warp, angle, ..Draw::default() });
        let rotated = moved(&planes(&image), &Draw { angle, ..Draw::default() });
        let (mut compared, mut bent) = (0, 0.0f32);
        for (i, (once, twice)) in once.iter().zip(&twice).enumerate() {
            let (row, column) = ((i / width) as f64 - 59.5, (i % width) as f64 - 79.5);
            // As far from the edge as a rotation and a warp take no pixel across it.
            if row.hypot(column) < 48.0 {
                assert!((once - twice).abs() < 0.3, "{angle}, ({row}, {column}): {once}, {twice}");
                bent = bent.max((once - rotated[i]).abs());
                compared += 1;
            }
        }
        assert!(compared > 7000 && bent > 20.0, "{compared} {bent}");
    }
}

#[test]
fn a_rotated_warp_without_displacement_is_the_rotation() {
    let tape = tape(31, 47, 3);
    let warp = Some((Warp::Exact, Displacements([[0.0; 2]; 9])));
    for angle in [0.4, FRAC_PI_2, -3.0] {
        let found =
            moved(&Planes::of(&tape, bytes(&tape)), &Draw { warp: warp.clone(), angle, ..Draw::default() });
        let expected = rotated(&tape, angle);
        let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 0.02, "{angle}: {apart}");
    }
}

#[test]
#[should_panic(expected = "a warp as released is not rotated")]
fn a_released_warp_is_not_rotated_silently() {
    let draw = Draw { warp: Some((Warp::Released, OFFSETS)), angle: 1.0, ..Draw::default() };
    let _ = Motion::of(&draw, 40, 57);
}
