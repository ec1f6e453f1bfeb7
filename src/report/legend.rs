//! The legend: a row of keys with their names, on as many lines as needed.

use super::canvas::{Canvas, Type, named, width_of};
use super::drawing::{Across, Rgb};

const TYPE: f64 = 6.5;
const KEY: f64 = 9.0;
const GAP: f64 = 10.0;
const LINE: f64 = 11.0;

/// Keys and names, laid out for a width.
pub(super) struct Legend {
    /// The width of the longest name that is not cut.
    room: f64,
    lines: Vec<Vec<Key>>,
}

struct Key {
    /// Where the item begins.
    x: f64,
    name: String,
    colour: Rgb,
}

impl Legend {
    /// Lays out, each line centred in `width` points.
    pub(super) fn new(items: &[(String, Rgb)], width: f64) -> Self {
        let room = width - KEY - 3.0;
        let mut lines: Vec<(f64, Vec<Key>)> = vec![(0.0, Vec::new())];
        for (name, colour) in items {
            let name = named(name);
            let wide = KEY + 3.0 + width_of(name, TYPE).min(room) + GAP;
            if lines.last().is_some_and(|(used, line)| !line.is_empty() && used + wide - GAP > width) {
                lines.push((0.0, Vec::new()));
            }
            let (used, line) = lines.last_mut().expect("there is a first line");
            line.push(Key { x: *used, name: name.to_owned(), colour: *colour });
            *used += wide;
        }
        let centred = |(used, line): (f64, Vec<Key>)| {
            let left = ((width - used + GAP) / 2.0).max(0.0);
            line.into_iter().map(|key| Key { x: left + key.x, ..key }).collect()
        };
        Self { room, lines: lines.into_iter().map(centred).collect() }
    }

    /// The height in points.
    pub(super) fn height(&self) -> f64 {
        self.lines.len() as f64 * LINE
    }

    /// Draws it with this upper left corner.
    pub(super) fn draw(&self, canvas: &Canvas, (left, top): (f64, f64)) -> Result<(), String> {
        for (number, line) in self.lines.iter().enumerate() {
            let y = top + (number as f64 + 0.5) * LINE;
            for Key { x, name, colour } in line {
                let x = left + x;
                let room = self.room.min(Type::of(TYPE).room);
                canvas.fill((x, y - 2.2), (x + KEY, y + 2.2), *colour)?;
                canvas.text(name, x + KEY + 3.0, y, Type { across: Across::Left, room, ..Type::of(TYPE) })?;
            }
        }
        Ok(())
    }
}
