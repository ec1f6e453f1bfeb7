//! A small curve within a line of text, drawn by the server, so that it needs no JavaScript.

use maud::{Markup, html};

/// Width and height in pixels.
const SIZE: (f64, f64) = (120.0, 28.0);

/// The values from left to right; nothing for fewer than two.
pub(super) fn draw(points: &[(f64, f64)], what: &str) -> Markup {
    let finite = || points.iter().filter(|(_, y)| y.is_finite());
    let range = |of: fn(&(f64, f64)) -> f64| {
        let low = finite().map(of).fold(f64::INFINITY, f64::min);
        let high = finite().map(of).fold(f64::NEG_INFINITY, f64::max);
        (low, if high > low { high - low } else { 1.0 })
    };
    let ((left, width), (bottom, height)) = (range(|point| point.0), range(|point| point.1));
    let place = |(x, y): &(f64, f64)| {
        let (x, y) = ((x - left) / width * SIZE.0, (1.0 - (y - bottom) / height) * (SIZE.1 - 3.0) + 1.5);
        format!("{x:.1},{y:.1}")
    };
    let line: Vec<String> = finite().map(place).collect();
    html! {
        @if line.len() > 1 {
            svg.spark viewBox={ "0 0 " (SIZE.0) " " (SIZE.1) } preserveAspectRatio="none" role="img" aria-label=(what) {
                polyline points=(line.join(" ")) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_left_out() {
        let drawn = draw(&[(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)], "loss").into_string();
        assert!(drawn.contains(r#"points="0.0,26.5 120.0,1.5""#), "{drawn}");
        assert_eq!(draw(&[(0.0, 1.0)], "loss").into_string(), "");
    }
}
