//! A curve as text: dots in Braille letters, two by four a letter, with its extremes at the side and its steps below.

/// Letters of the widest number beside a chart.
const BESIDE: usize = 10;
/// Lines of a chart.
const LINES: usize = 8;

/// A curve through `points` (step and value, by step) in lines of at most `width` letters. Values that are no number leave
/// gaps; of several points in a column, all are drawn.
pub(super) fn curve(points: &[(i64, f64)], width: usize) -> String {
    let finite = || points.iter().filter(|(_, value)| value.is_finite());
    let Some((first, last)) = finite().next().zip(finite().next_back()) else {
        return "no numbers yet".into();
    };
    let (low, high) = finite().fold((f64::MAX, f64::MIN), |(low, high), (_, v)| (low.min(*v), high.max(*v)));
    let columns = width.saturating_sub(BESIDE + 2).clamp(10, 120);
    let mut dots = Dots::new(columns);
    let part = |value: f64, from: f64, to: f64| if to > from { (value - from) / (to - from) } else { 0.5 };
    let place = |&(step, value): &(i64, f64)| {
        let x = part(step as f64, first.0 as f64, last.0 as f64) * (2 * columns - 1) as f64;
        let y = (1.0 - part(value, low, high)) * (4 * LINES - 1) as f64;
        (x.round() as usize, y.round() as usize)
    };
    for pair in points.windows(2).filter(|pair| pair.iter().all(|(_, value)| value.is_finite())) {
        dots.line(place(&pair[0]), place(&pair[1]));
    }
    let (x, y) = place(last);
    dots.set(x, y);

    let mut text = String::new();
    for (at, line) in dots.lines().enumerate() {
        let beside = match at {
            0 => number(high),
            at if at == LINES - 1 => number(low),
            _ => String::new(),
        };
        text += &format!("{beside:>BESIDE$} ┤{}\n", line.trim_end_matches('\u{2800}'));
    }
    let steps = (first.0.to_string(), last.0.to_string());
    let gap = columns.saturating_sub(steps.0.len() + steps.1.len()).max(1);
    text + &format!("{:BESIDE$}  {}{}{}", "", steps.0, " ".repeat(gap), steps.1)
}

/// At most four significant digits: `0.8123`, `1.2e-5`.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if (1e-3..1e6).contains(&size) => {
            let digits = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
            format!("{value:.digits$}")
        }
        _ => format!("{value:.2e}"),
    }
}

/// A picture of dots.
struct Dots {
    columns: usize,
    letters: Vec<u8>,
}

impl Dots {
    fn new(columns: usize) -> Self {
        Self { columns, letters: vec![0; columns * LINES] }
    }

    fn set(&mut self, x: usize, y: usize) {
        // The numbers of a Braille letter's dots go down its left side, then its right; the last row came later.
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        self.letters[y / 4 * self.columns + x / 2] |= BITS[y % 4][x % 2];
    }

    fn line(&mut self, (x0, y0): (usize, usize), (x1, y1): (usize, usize)) {
        let steps = x0.abs_diff(x1).max(y0.abs_diff(y1)).max(1);
        let between = |a: usize, b: usize, at: usize| {
            (a as f64 + (b as f64 - a as f64) * at as f64 / steps as f64).round() as usize
        };
        (0..=steps).for_each(|at| self.set(between(x0, x1, at), between(y0, y1, at)));
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        let letter = |bits: &u8| char::from_u32(0x2800 + u32::from(*bits)).unwrap_or(' ');
        self.letters.chunks(self.columns).map(move |line| line.iter().map(letter).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_falling_line_falls() {
        let points: Vec<(i64, f64)> = (0..=100).map(|step| (step, 1.0 - step as f64 / 100.0)).collect();
        let text = curve(&points, 42);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), LINES + 1);
        assert!(
            lines[0].starts_with("     1.000 ┤⠙") && lines[LINES - 1].starts_with("         0 ┤"),
            "{text}"
        );
        let drawn = |line: &str| {
            line.chars()
                .collect::<Vec<_>>()
                .iter()
                .rposition(|c| ('\u{2801}'..='\u{28ff}').contains(c))
                .unwrap()
        };
        assert!(lines[..LINES].windows(2).all(|pair| drawn(pair[0]) < drawn(pair[1])), "{text}");
        assert!(lines[LINES].trim_start().starts_with("0 ") && lines[LINES].ends_with(" 100"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= 42), "{text}");
    }

    #[test]
    fn one_point_a_level_line_and_gaps_are_drawn() {
        for points in [&[(5, 2.0)][..], &[(1, 2.0), (2, 2.0)], &[(1, 1.0), (2, f64::NAN), (3, 4.0)]] {
            let text = curve(points, 20);
            assert!(text.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{text}");
        }
        assert_eq!(curve(&[(1, f64::NAN)], 40), "no numbers yet");
        assert_eq!(curve(&[], 40), "no numbers yet");
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [0.81234, -12.5, 123_456.0, 4e-4, 0.0, 3.2e7];
        assert_eq!(numbers.map(number), ["0.8123", "-12.50", "123456", "4.00e-4", "0", "3.20e7"]);
    }
}
