//! Many points as one picture inside an SVG file: one element each would make it megabytes large.

use super::drawing::{Point, Rgb};
use base64::{Engine, prelude::BASE64_STANDARD};

/// Pixels per point: 288 dpi.
const PIXELS: f64 = 4.0;
/// Opacity of a dot. Where many dots overlap, the picture is darker.
pub(super) const OPAQUE: f32 = 0.6;

/// Dots on a rectangle whose upper left corner is at `from` and whose sides are `size`, all in points: an
/// `<image>` of SVG in units of `units` per point. Dots outside the rectangle are cut off.
pub(super) fn image(
    dots: &[(Point, Rgb)],
    radius: f64,
    from: Point,
    size: Point,
    units: f64,
) -> Result<String, String> {
    let (width, height) = ((size.0 * PIXELS).ceil() as usize, (size.1 * PIXELS).ceil() as usize);
    let mut sheet = Sheet { width, height, pixels: vec![[0.0; 4]; width * height] };
    for ((x, y), colour) in dots {
        sheet.dot(((x - from.0) * PIXELS, (y - from.1) * PIXELS), radius * PIXELS, *colour);
    }
    let place = [from.0, from.1, width as f64 / PIXELS, height as f64 / PIXELS].map(|length| length * units);
    let [x, y, width, height] = place;
    let file = BASE64_STANDARD.encode(sheet.png().map_err(|error| error.to_string())?);
    Ok(format!(
        "<image x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" href=\"data:image/png;base64,{file}\"/>\n"
    ))
}

/// Colours with their opacity, premultiplied.
struct Sheet {
    width: usize,
    height: usize,
    pixels: Vec<[f32; 4]>,
}

impl Sheet {
    /// A filled circle with a soft edge.
    fn dot(&mut self, (x, y): Point, radius: f64, colour: Rgb) {
        let reach = |middle: f64, end: usize| {
            let low = (middle - radius - 1.0).floor().max(0.0) as usize;
            low..((middle + radius + 1.0).ceil().max(0.0) as usize).min(end)
        };
        let colour = [colour.0, colour.1, colour.2].map(|part| f32::from(part) / 255.0);
        for row in reach(y, self.height) {
            for column in reach(x, self.width) {
                let (across, down) = (column as f64 + 0.5 - x, row as f64 + 0.5 - y);
                let covered = (radius + 0.5 - across.hypot(down)).clamp(0.0, 1.0) as f32 * OPAQUE;
                let below = &mut self.pixels[row * self.width + column];
                for (part, colour) in below.iter_mut().zip(colour.into_iter().chain([1.0])) {
                    *part = colour * covered + *part * (1.0 - covered);
                }
            }
        }
    }

    fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        // These few shades are enough for the eye, and make a file a third smaller than 256 of each.
        let byte = |part: f32, shades: f32| ((part * shades).round() * 255.0 / shades).round() as u8;
        let plain = |[red, green, blue, opaque]: &[f32; 4]| match opaque {
            0.0 => [0; 4],
            _ => {
                let [red, green, blue] = [red, green, blue].map(|part| byte(part / opaque, 31.0));
                [red, green, blue, byte(*opaque, 15.0)]
            }
        };
        let bytes: Vec<u8> = self.pixels.iter().flat_map(plain).collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_filter(png::Filter::NoFilter);
        encoder.write_header()?.write_image_data(&bytes)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_lie_where_they_belong_and_are_dense_where_they_are_many() {
        let mut sheet = Sheet { width: 20, height: 10, pixels: vec![[0.0; 4]; 200] };
        sheet.dot((5.0, 5.0), 2.0, Rgb(255, 0, 0));
        (0..5).for_each(|_| sheet.dot((15.0, 5.0), 2.0, Rgb(0, 0, 255)));
        sheet.dot((-50.0, 500.0), 2.0, Rgb(0, 255, 0));
        let at = |x: usize, y: usize| sheet.pixels[y * 20 + x];
        assert_eq!(at(5, 5), [OPAQUE, 0.0, 0.0, OPAQUE]);
        assert!(at(15, 5)[2] > 0.98 && at(15, 5)[3] > 0.98);
        assert_eq!(at(10, 5), [0.0; 4]);
        assert!(sheet.pixels.iter().all(|pixel| pixel[1] == 0.0), "dots outside are cut off");
        let dots = [((3.0, 3.0), Rgb(255, 0, 0))];
        let text = image(&dots, 1.0, (2.0, 2.0), (4.0, 3.0), 10.0).unwrap();
        assert!(text.starts_with(
            "<image x=\"20.0\" y=\"20.0\" width=\"40.0\" height=\"30.0\" href=\"data:image/png"
        ));
    }
}
