//! Planes: the backbone's own stem for channels that are picked from every set by name; all sets share its parameters.

use super::{
    Convolution, Entry, Images, Replaces, SetChannels, filters::expect_channels, first_layer::OwnStem,
    plain::Plain,
};
use crate::{
    backbone::Stem,
    data::vocabulary,
    params::Params,
    pass::{Entered, Pass},
    spec,
};
use candle_core::{Result, Tensor};

/// The place of each plane among the channels of a set. Synonyms are one name: `dna` is `nucleus`.
///
/// # Errors
/// What is wrong with the set, for a sentence that begins with its name: `lacks …`.
pub fn places(word: &spec::Planes, channels: &[String]) -> std::result::Result<Vec<usize>, String> {
    let canonical = |name: &String| vocabulary::canonical(name).unwrap_or_else(|| name.clone());
    let names: Vec<String> = channels.iter().map(canonical).collect();
    let mut places: Vec<usize> = Vec::new();
    for said in &word.channels {
        let wanted = canonical(said);
        let meant = if wanted == *said { format!("`{said}`") } else { format!("`{said}` (`{wanted}`)") };
        let mut found = (0..names.len()).filter(|at| names[*at] == wanted);
        match (found.next(), found.next()) {
            (Some(place), None) if places.contains(&place) => {
                return Err(format!("has the channel {meant} once, and two planes are to be it"));
            }
            (Some(place), None) => places.push(place),
            (Some(_), Some(_)) => return Err(format!("has two channels named {meant}")),
            (None, _) => return Err(format!("lacks the channel {meant}; it has {}", channels.join(", "))),
        }
    }
    Ok(places)
}

pub(super) struct Planes {
    layer: Plain,
    /// The place of each plane among the channels of each set, and how many channels that set has.
    places: Vec<(Vec<usize>, usize)>,
    own: Stem,
}

impl Planes {
    /// # Panics
    /// If a set lacks a channel, which the plan and `embed` refuse.
    pub(super) fn new<'a>(
        word: &spec::Planes,
        sets: impl Iterator<Item = &'a SetChannels>,
        own: Stem,
        params: &mut Params,
    ) -> Self {
        let places = |SetChannels { set, channels }: &SetChannels| {
            let places = self::places(word, channels)
                .unwrap_or_else(|why| panic!("`{set}` {why}, and it was not refused"));
            (places, channels.len())
        };
        let places = sets.map(places).collect();
        Self { layer: Plain::new(word.channels.len(), own, params), places, own }
    }
}

/// These channels of images (N, C, H, W), in this order.
fn pick(pixels: &Tensor, places: &[usize]) -> Result<Tensor> {
    if places.iter().copied().eq(0..pixels.dim(1)?) {
        return Ok(pixels.clone());
    }
    let planes: Vec<Tensor> =
        places.iter().map(|place| pixels.narrow(1, *place, 1)).collect::<Result<_>>()?;
    Tensor::cat(&planes, 1)?.contiguous()
}

impl Entry for Planes {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let pixels = self.seen(images)?;
        self.layer.enter(pass, &Images { pixels, set: images.set })
    }

    fn planes(&self) -> Option<usize> {
        self.layer.planes()
    }

    fn seen(&self, images: &Images) -> Result<Tensor> {
        let (places, channels) = &self.places[images.set];
        expect_channels("Planes", *channels, images)?;
        pick(&images.pixels, places)
    }

    fn start(&self, stem: &OwnStem, params: &mut Params) -> Result<()> {
        self.layer.start_as_planes(stem, params)
    }

    /// With zeros for the channels that are not picked.
    fn as_convolution(&self, params: &Params, set: usize) -> Result<Option<Convolution>> {
        let Some(Convolution { weight, bias }) = self.layer.convolution(params)? else { return Ok(None) };
        let (places, channels) = &self.places[set];
        let (area, planes) = (self.own.area(), places.len());
        let mut whole = vec![0.0; self.own.width * channels * area];
        for (at, slice) in weight.chunks_exact(area).enumerate() {
            let (out, place) = (at / planes, places[at % planes]);
            whole[(out * channels + place) * area..][..area].copy_from_slice(slice);
        }
        Ok(Some(Convolution { weight: whole, bias }))
    }

    fn replaces(&self) -> Replaces {
        Replaces::Convolution
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
    use candle_core::Device;

    fn names(names: &str) -> Vec<String> {
        names.split(' ').map(String::from).collect()
    }

    /// As a folder gives them: by the names of the vocabulary.
    fn sets() -> [SetChannels; 3] {
        [("JUMP", "nucleus er rna agp mito"), ("Other", "mito nucleus er"), ("Same", "nucleus er mito")]
            .map(|(set, channels)| SetChannels { set: set.into(), channels: names(channels) })
    }

    fn planes(said: &str, own: Stem, params: &mut Params) -> Planes {
        let word = spec::Planes { channels: names(said) };
        let sets = sets();
        let able = sets.iter().filter(|set| places(&word, &set.channels).is_ok());
        Planes::new(&word, able, own, params)
    }

    #[test]
    fn planes_are_found_by_name_or_synonym_whatever_the_order_of_a_set() {
        let word = spec::Planes { channels: names("dna er mito") };
        let places = |channels: &str| places(&word, &names(channels));
        assert_eq!(places("nucleus er rna agp mito"), Ok(vec![0, 1, 4]));
        assert_eq!(places("mito nucleus er"), Ok(vec![1, 2, 0]));
        assert_eq!(
            places("rna rna Hoechst er mito"),
            Ok(vec![2, 3, 4]),
            "what is not asked for may be twice"
        );
        assert_eq!(places("nucleus mito").unwrap_err(), "lacks the channel `er`; it has nucleus, mito");
        assert_eq!(places("er").unwrap_err(), "lacks the channel `dna` (`nucleus`); it has er");
        assert_eq!(places("dna er mito er").unwrap_err(), "has two channels named `er`");
        let twice = spec::Planes { channels: names("dna dapi") };
        let why = super::places(&twice, &names("nucleus er")).unwrap_err();
        assert!(why.contains("`dapi` (`nucleus`) once, and two planes"), "{why}");
        let own = spec::Planes { channels: names("spores") };
        assert_eq!(super::places(&own, &names("er spores")), Ok(vec![1]));
    }

    fn enter(entry: &Planes, params: &Params, images: &Images) -> Vec<f32> {
        let mut tape = Tape::forgetting();
        let maps = entry.enter(&mut Pass::new(&mut tape, params), images).unwrap().maps().unwrap();
        maps.value().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn planes_are_picked_by_name_and_all_sets_share_the_parameters() {
        everywhere(|| {
            let mut params = Params::new(Seed(3));
            let own = Stem::vit(6, 4);
            let entry = planes("dna er mito", own, &mut params);
            let mut stream = Seed(4).stream("pixels");
            let mut plane = || -> Vec<f32> { (0..2 * 64).map(|_| stream.normal() as f32).collect() };
            let [dna, er, rna, agp, mito] = std::array::from_fn(|_| plane());
            // Two images of 8 px.
            let images = |set: usize, planes: &[&Vec<f32>]| {
                let of = |at: usize| planes.iter().flat_map(move |plane| plane[at * 64..][..64].to_vec());
                let pixels: Vec<f32> = (0..2).flat_map(of).collect();
                let pixels = Tensor::from_vec(pixels, (2, planes.len(), 8, 8), &device()).unwrap();
                Images { pixels, set }
            };
            let jump = enter(&entry, &params, &images(0, &[&dna, &er, &rna, &agp, &mito]));
            assert_eq!(jump, enter(&entry, &params, &images(1, &[&mito, &dna, &er])));
            assert_eq!(jump, enter(&entry, &params, &images(2, &[&dna, &er, &mito])));
            assert_ne!(jump, enter(&entry, &params, &images(2, &[&er, &dna, &mito])));
            assert_eq!(params.count(), 3 * 16 * 6 + 6, "whatever the sets");
            let wrong = images(1, &[&dna, &er, &rna, &agp, &mito]);
            let mut tape = Tape::forgetting();
            let refused = entry.enter(&mut Pass::new(&mut tape, &params), &wrong).unwrap_err().to_string();
            assert!(refused.contains("3 channels of this set, found 5"), "{refused}");
        });
    }

    #[test]
    fn three_planes_start_as_rgb_and_others_keep_the_sum() {
        let own = Stem::conv_next(4);
        let area = own.area();
        let start = |names: &str| {
            let mut params = Params::new(Seed(3));
            let stem = OwnStem::random(own, &params);
            let entry = planes(names, own, &mut params);
            entry.start(&stem, &mut params).unwrap();
            let Convolution { weight, bias } = entry.layer.convolution(&params).unwrap().unwrap();
            (weight, bias, own.random_rgb(&params))
        };
        let (three, bias, [rgb, own_bias]) = start("dna er mito");
        assert_eq!((&three, &bias), (&rgb, &own_bias));
        for names in ["er", "dna mito", "dna er mito rna agp"] {
            let (weight, _, _) = start(names);
            let count = names.split(' ').count();
            let sum = |weight: &[f32], count: usize, out: usize, at: usize| -> f32 {
                (0..count).map(|channel| weight[(out * count + channel) * area + at]).sum()
            };
            for (out, at) in (0..4).flat_map(|out| (0..area).map(move |at| (out, at))) {
                let (found, expected) = (sum(&weight, count, out, at), sum(&rgb, 3, out, at));
                assert!((found - expected).abs() < 1e-6, "{names}: {found} for {expected}");
            }
            assert_eq!(weight[..area], weight[(count - 1) * area..][..area], "each plane starts alike");
        }
    }

    #[test]
    fn as_a_convolution_of_a_whole_set_it_ignores_the_other_channels() {
        let mut params = Params::new(Seed(3));
        let own = Stem::vit(2, 1);
        let entry = planes("dna er mito", own, &mut params);
        let all = entry.as_convolution(&params, 0).unwrap().unwrap().weight;
        let own = entry.layer.convolution(&params).unwrap().unwrap().weight;
        assert_eq!(all, [own[0], own[1], 0.0, 0.0, own[2], own[3], own[4], 0.0, 0.0, own[5]]);
        let pixels = Tensor::zeros((1, 5, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert_eq!(pick(&pixels, &[0, 1, 4]).unwrap().dims(), [1, 3, 1, 1]);
    }
}
