//! The minimum of a smooth convex function: L-BFGS with a bisecting line search (weak Wolfe conditions).

use crate::evaluate::vectors::dot;
use std::collections::VecDeque;

/// Steps that are remembered.
const MEMORY: usize = 10;
/// Share of the expected decrease that a step must reach, and share of the slope that must be gone.
const DECREASE: f64 = 1e-4;
const SLOPE: f64 = 0.9;
/// Most bisections of a step; after that, rounding hides any decrease.
const BISECTIONS: usize = 60;
/// Rounding of a value, relative to it.
const ROUNDING: f64 = 1e-15;

/// Where all entries of the gradient are at most `tolerance`, or as near to it as `steps` steps or rounding permit; `None` if
/// `goes_on` says no before a step. `of` returns the value at a point and fills in its gradient.
pub(super) fn minimum(
    start: Vec<f64>,
    of: impl Fn(&[f64], &mut [f64]) -> f64,
    tolerance: f64,
    steps: usize,
    goes_on: &mut dyn FnMut() -> bool,
) -> Option<Vec<f64>> {
    let mut point = Point::at(start, &of);
    let mut past: VecDeque<Step> = VecDeque::new();
    for _ in 0..steps {
        if point.gradient.iter().all(|value| value.abs() <= tolerance) {
            break;
        }
        if !goes_on() {
            return None;
        }
        let mut direction = direction(&point.gradient, &past);
        if dot(&direction, &point.gradient) >= 0.0 {
            past.clear();
            direction = point.gradient.iter().map(|value| -value).collect();
        }
        let first = if past.is_empty() { 1.0 / dot(&direction, &direction).sqrt() } else { 1.0 };
        let Some(next) = along(&point, &direction, first, &of) else { break };
        let step = Step::between(&point, &next);
        point = next;
        if step.curvature > 0.0 {
            past.push_back(step);
            if past.len() > MEMORY {
                past.pop_front();
            }
        }
    }
    Some(point.x)
}

struct Point {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

impl Point {
    fn at(x: Vec<f64>, of: &impl Fn(&[f64], &mut [f64]) -> f64) -> Self {
        let mut gradient = vec![0f64; x.len()];
        let value = of(&x, &mut gradient);
        Self { x, value, gradient }
    }
}

/// A step, the change of the gradient over it, and their product.
struct Step {
    x: Vec<f64>,
    gradient: Vec<f64>,
    curvature: f64,
}

impl Step {
    fn between(from: &Point, to: &Point) -> Self {
        let less = |to: &[f64], from: &[f64]| to.iter().zip(from).map(|(to, from)| to - from).collect();
        let (x, gradient): (Vec<f64>, Vec<f64>) = (less(&to.x, &from.x), less(&to.gradient, &from.gradient));
        let curvature = dot(&x, &gradient);
        Self { x, gradient, curvature }
    }
}

/// Minus the gradient, by the curvature of the past steps.
fn direction(gradient: &[f64], past: &VecDeque<Step>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|value| -value).collect();
    let add = |to: &mut Vec<f64>, times: f64, what: &[f64]| {
        to.iter_mut().zip(what).for_each(|(to, what)| *to += times * what);
    };
    let mut shares = Vec::with_capacity(past.len());
    for step in past.iter().rev() {
        let share = dot(&step.x, &direction) / step.curvature;
        add(&mut direction, -share, &step.gradient);
        shares.push(share);
    }
    if let Some(last) = past.back() {
        let scale = last.curvature / dot(&last.gradient, &last.gradient);
        direction.iter_mut().for_each(|value| *value *= scale);
    }
    for (step, share) in past.iter().zip(shares.into_iter().rev()) {
        let other = dot(&step.gradient, &direction) / step.curvature;
        add(&mut direction, share - other, &step.x);
    }
    direction
}

/// A point along a direction that is low enough and flat enough, found by doubling and bisecting; `None` if rounding hides
/// every decrease.
fn along(
    from: &Point,
    direction: &[f64],
    first: f64,
    of: &impl Fn(&[f64], &mut [f64]) -> f64,
) -> Option<Point> {
    let slope = dot(&from.gradient, direction);
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
    for _ in 0..BISECTIONS {
        let x = from.x.iter().zip(direction).map(|(x, direction)| x + length * direction).collect();
        let next = Point::at(x, of);
        let enough = from.value + DECREASE * length * slope + ROUNDING * from.value.abs();
        if next.value.is_nan() || next.value > enough {
            high = length;
        } else if dot(&next.gradient, direction) < SLOPE * slope {
            low = length;
        } else {
            return Some(next);
        }
        length = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * length };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A valley that is a million times steeper across than along.
    #[test]
    fn the_floor_of_a_narrow_valley_is_found() {
        let scales = [1.0, 1e3, 1e6];
        let of = |x: &[f64], gradient: &mut [f64]| {
            let mut value = 0.0;
            for (at, scale) in scales.iter().enumerate() {
                let off = x[at] - at as f64;
                gradient[at] = scale * off;
                value += scale * off * off / 2.0;
            }
            value
        };
        let mut steps = 0;
        let mut count = || {
            steps += 1;
            true
        };
        let found = minimum(vec![5.0; 3], of, 1e-9, 200, &mut count).unwrap();
        for (at, x) in found.iter().enumerate() {
            assert!((x - at as f64).abs() < 1e-8, "{found:?}");
        }
        assert!(steps < 40, "{steps} steps");
        assert!(minimum(vec![5.0; 3], of, 1e-9, 200, &mut || false).is_none());
    }
}
