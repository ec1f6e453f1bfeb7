//! BagOfChannels: the backbone's own stem for one channel; each channel of an image passes by itself.

use super::{Convolution, Entry, Images, Replaces, first_layer::OwnStem, plain::Plain};
use crate::{
    backbone::Stem,
    params::Params,
    pass::{Entered, Pass},
    spec::{self, FromRgb},
};
use candle_core::{Result, Tensor};

pub(super) struct BagOfChannels {
    layer: Plain,
    from_rgb: FromRgb,
}

impl BagOfChannels {
    pub(super) fn new(word: &spec::BagOfChannels, own: Stem, params: &mut Params) -> Self {
        Self { layer: Plain::new(1, own, params), from_rgb: word.from_rgb }
    }
}

impl Entry for BagOfChannels {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let pixels = self.seen(images)?;
        self.layer.enter(pass, &Images { pixels, set: images.set })
    }

    fn planes(&self) -> Option<usize> {
        Some(1)
    }

    /// (N · C, 1, H, W): the channels of an image are neighbours.
    fn seen(&self, images: &Images) -> Result<Tensor> {
        let (n, channels, height, width) = images.pixels.dims4()?;
        images.pixels.reshape((n * channels, 1, height, width))
    }

    fn start(&self, stem: &OwnStem, params: &mut Params) -> Result<()> {
        self.layer.start_as_grey(self.from_rgb, stem, params)
    }

    /// Of one channel, whatever the set.
    fn as_convolution(&self, params: &Params, _: usize) -> Result<Option<Convolution>> {
        self.layer.convolution(params)
    }

    fn replaces(&self) -> Replaces {
        Replaces::Convolution
    }

    fn takes_channels_apart(&self) -> bool {
        true
    }

    fn puts_channels_last(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        golden::{device, everywhere},
        seed::Seed,
        tape::Tape,
    };

    fn word(from_rgb: FromRgb) -> spec::BagOfChannels {
        spec::BagOfChannels { expands: spec::Expands::All, from_rgb }
    }

    #[test]
    fn each_channel_passes_by_itself_in_the_order_of_the_image() {
        everywhere(|| {
            let mut params = Params::new(Seed(3));
            let entry = BagOfChannels::new(&word(FromRgb::Sum), Stem::vit(6, 4), &mut params);
            let mut stream = Seed(4).stream("pixels");
            let pixels: Vec<f32> = (0..2 * 3 * 64).map(|_| stream.normal() as f32).collect();
            let maps = |pixels: &[f32], n: usize, channels: usize| -> Vec<f32> {
                let pixels = Tensor::from_slice(pixels, (n, channels, 8, 8), &device()).unwrap();
                let mut tape = Tape::forgetting();
                let pass = &mut Pass::new(&mut tape, &params);
                let maps = entry.enter(pass, &Images { pixels, set: 7 }).unwrap().maps().unwrap();
                assert_eq!(maps.dims(), [n * channels, 2, 2, 6]);
                maps.value().flatten_all().unwrap().to_vec1().unwrap()
            };
            let together = maps(&pixels, 2, 3);
            let apart: Vec<f32> = pixels.chunks_exact(64).flat_map(|plane| maps(plane, 1, 1)).collect();
            assert_eq!(together, apart);
            assert_eq!(params.count(), 16 * 6 + 6, "whatever the sets");
        });
    }

    /// Of a grey image the sum says what red, green and blue say together.
    #[test]
    fn one_channel_starts_with_the_sum_or_the_mean_of_three() {
        let own = Stem::vit(4, 3);
        for (from_rgb, factor) in [(FromRgb::Sum, 1.0), (FromRgb::Mean, 1.0 / 3.0)] {
            let mut params = Params::new(Seed(3));
            let stem = OwnStem::random(own, &params);
            let entry = BagOfChannels::new(&word(from_rgb), own, &mut params);
            entry.start(&stem, &mut params).unwrap();
            let Convolution { weight, bias } = entry.as_convolution(&params, 0).unwrap().unwrap();
            let [rgb, own_bias] = own.random_rgb(&params);
            assert_eq!(bias, own_bias);
            let area = own.area();
            for (at, found) in weight.iter().enumerate() {
                let (out, pixel) = (at / area, at % area);
                let sum: f32 = (0..3).map(|plane| rgb[(out * 3 + plane) * area + pixel]).sum();
                assert!((found - factor * sum).abs() < 1e-6, "{found} for {sum}");
            }
        }
    }
}
