//! The description stored with the weights in a file of this program: everything that is needed to use them
//! elsewhere.

use crate::{
    adapter::{self, SetChannels},
    data::{Norm, Statistics, norm::OF_VIEW},
    spec::{self, Adapter, Backbone, Enters, Model, Moments, Normalise, View, bounds, normalise},
};
use serde::{Deserialize, Serialize};

/// A model and the images that it expects, stored as JSON in the metadata of `weights.safetensors`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Backbone, adapter, and where its weights came from.
    pub model: spec::Model,
    /// Side of its square input, in pixels.
    pub image: usize,
    /// Whether that is a window at the image's own scale; otherwise images are resized to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub window: bool,
    /// The sets that it has parameters for, in order.
    pub sets: Vec<CardSet>,
    /// Sets whose images are normalised by themselves; of the others, the mean and deviation is in `sets`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub normalise: Vec<Normalise>,
    /// The classifier on top of the model, which is frozen then: features are the classifier's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<Backbone>,
    /// The classes of its labelled loss, in the order of the classifier's or the proxies' rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

/// A set that a model has parameters for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardSet {
    /// Its name.
    pub set: String,
    /// Its channels, in tape order.
    pub channels: Vec<String>,
    /// Mean of each channel, of pixels in [0, 1]; 0 if images are normalised by themselves.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel; 1 if images are normalised by themselves.
    pub sd: Vec<f32>,
}

impl CardSet {
    fn check(&self) -> Result<(), String> {
        let Self { set, channels, mean, sd } = self;
        bounds::CHANNELS.check(channels.len()).map_err(|wrong| format!("`{set}`: {wrong}"))?;
        for (what, numbers) in [("mean", mean), ("standard deviation", sd)] {
            let (expected, found) = (channels.len(), numbers.len());
            if expected != found {
                return Err(format!(
                    "`{set}`: expected a {what} for each of {expected} channels, found {found}"
                ));
            }
        }
        match mean.iter().chain(sd).find(|value| !value.is_finite()).or(sd.iter().find(|sd| **sd <= 0.0)) {
            Some(wrong) => {
                Err(format!("`{set}`: expected finite means and deviations above 0, found {wrong}"))
            }
            None => Ok(()),
        }
    }

    /// A set whose images are normalised elsewhere.
    pub fn plain(set: SetChannels) -> Self {
        let SetChannels { set, channels } = set;
        let Statistics { mean, sd } = Statistics::none(channels.len());
        Self { set, channels, mean, sd }
    }
}

impl Card {
    /// A model without a classifier, on images that are resized to a square of that side and normalised as `sets` say.
    pub fn of(model: Model, image: usize, sets: Vec<CardSet>) -> Self {
        Self { model, image, window: false, sets, normalise: vec![], classifier: None, classes: vec![] }
    }

    /// Refuses what no file of ours says, before anything is computed by it. A file may come from anywhere.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn check(&self) -> Result<(), String> {
        let Model { backbone, adapter, .. } = &self.model;
        let whole = backbone.is_off_the_shelf() && adapter.view() == View::Native;
        if whole {
            bounds::EMBED_IMAGE.check(self.image.max(1))?;
        } else {
            bounds::image(backbone).check(self.image)?;
        }
        backbone.exists()?;
        adapter.sizes().iter().try_for_each(|(bound, size)| bound.check(*size))?;
        bounds::SETS.check(self.sets.len())?;
        let keeps_stem = match adapter.enters() {
            Enters::Images => true,
            Enters::Maps => false,
        };
        if backbone.is_off_the_shelf() && !keeps_stem {
            return Err(format!("expected {backbone} with its own stem, found {}", adapter.word()));
        }
        let transformer = |backbone: &Backbone| matches!(backbone, Backbone::Vit(_));
        if let Some(top) = self.classifier.as_ref().filter(|top| !transformer(top) || !transformer(backbone))
        {
            return Err(format!(
                "expected a transformer on the tokens of another, found {top} on {backbone}"
            ));
        }
        if !keeps_stem && self.sets.is_empty() {
            return Err(format!("expected the sets that {} has parameters for, found none", adapter.word()));
        }
        if adapter.is_one_model_per_set() && self.sets.len() != 1 {
            return Err(format!("expected one set for {}, found {}", adapter.word(), self.sets.len()));
        }
        self.sets.iter().try_for_each(CardSet::check)?;
        if let Adapter::Planes(word) = adapter {
            let places = |set: &CardSet| {
                adapter::places_of_planes(word, &set.channels).map_err(|why| {
                    format!("expected the planes of {}, which `{}` {why}", adapter.word(), set.set)
                })
            };
            self.sets.iter().try_for_each(|set| places(set).map(drop))?;
        }
        if let Adapter::ChannelVit(word) = adapter
            && let Some(set) = self.sets.iter().find(|set| set.channels.len() > word.channels)
        {
            let (most, found) = (word.channels, set.channels.len());
            return Err(format!("expected at most {most} channels in `{}`, found {found}", set.set));
        }
        if self.window && adapter.view() == View::Native {
            return Err(format!("expected resized images for {}, found windows", adapter.word()));
        }
        for floor in self.normalise.iter().filter_map(|rule| rule.by.floor()) {
            if !(floor > 0.0 && floor.is_finite()) {
                return Err(format!("expected a floor of deviations above 0, found {floor}"));
            }
        }
        match self
            .sets
            .iter()
            .enumerate()
            .find(|(at, set)| self.sets[..*at].iter().any(|one| one.set == set.set))
        {
            Some((_, set)) => Err(format!("expected each set once, found `{}` twice", set.set)),
            None => Ok(()),
        }
    }

    /// The sets' channels.
    pub fn channels(&self) -> Vec<SetChannels> {
        let one = |set: &CardSet| SetChannels { set: set.set.clone(), channels: set.channels.clone() };
        self.sets.iter().map(one).collect()
    }

    /// What the images of a set are normalised by.
    pub fn norm(&self, set: usize) -> Norm {
        let CardSet { set, mean, sd, .. } = &self.sets[set];
        self.by_image(set).unwrap_or_else(|| Statistics { mean: mean.clone(), sd: sd.clone() }.into())
    }

    /// What images are normalised by, if it is themselves; for sets that the model never saw, too.
    pub fn by_image(&self, set: &str) -> Option<Norm> {
        Some(match normalise::moments_of(&self.normalise, set)? {
            Moments::Image { floor } => Norm::Image { floor: floor as f32 },
            Moments::View => Norm::View(OF_VIEW),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sample,
        spec::{VitSize, recipe::Recipe, settings},
    };

    fn card() -> Card {
        let spec = sample::spec(sample::hyper_net().frozen(), Recipe::Fixed);
        let channels = ["er", "golgi"].map(String::from).to_vec();
        let set = CardSet { set: "HPA".into(), channels, mean: vec![0.1; 2], sd: vec![0.2; 2] };
        Card::of(spec.model, 64, vec![set])
    }

    #[test]
    fn a_note_that_no_model_can_have_is_refused_in_a_sentence() {
        assert_eq!(card().check(), Ok(()));
        let wrong = |change: &dyn Fn(&mut Card)| {
            let mut card = card();
            change(&mut card);
            card.check().unwrap_err()
        };
        for side in [0, 33, 1 << 40, usize::MAX] {
            assert!(wrong(&|card| card.image = side).starts_with("expected an image side"), "{side}");
        }
        let z = wrong(&|card| {
            if let Adapter::HyperNet(word) = &mut card.model.adapter {
                word.z = 1 << 40;
            }
        });
        assert_eq!(z, "expected a width z of HyperNet's embeddings of 1 to 16384, found 1099511627776");
        let vit = |change: fn(&mut settings::Vit)| {
            wrong(&|card| {
                let mut word = settings::Vit::plain(VitSize::Mini);
                change(&mut word);
                card.model.backbone = word.into();
            })
        };
        assert!(
            vit(|word| word.patch = Some(0)).starts_with("expected a side of patches that divides the 64 px")
        );
        assert!(
            vit(|word| word.registers = usize::MAX)
                .starts_with("expected a number of registers of 0 to 1024")
        );
        let sd = wrong(&|card| card.sets[0].sd = vec![0.2]);
        assert_eq!(sd, "`HPA`: expected a standard deviation for each of 2 channels, found 1");
        assert!(wrong(&|card| card.sets[0].mean[1] = f32::NAN).ends_with("found NaN"));
        assert!(wrong(&|card| card.sets[0].sd[1] = 0.0).ends_with("found 0"));
        assert!(wrong(&|card| card.sets[0].channels.clear()).contains("number of channels"));
        assert!(wrong(&|card| card.sets.clear()).contains("found none"));
        let planes = |names: [&str; 2]| spec::Planes { channels: names.map(String::from).to_vec() }.into();
        let lacks = wrong(&|card| card.model.adapter = planes(["golgi", "dna"]));
        assert_eq!(
            lacks,
            "expected the planes of Planes, which `HPA` lacks the channel `dna` (`nucleus`); it has er, golgi"
        );
        let mut good = card();
        good.model.adapter = planes(["golgi", "er"]);
        assert_eq!(good.check(), Ok(()));
        let floor = |floor| Normalise { sets: vec![], by: Moments::Image { floor } };
        assert!(wrong(&|card| card.normalise = vec![floor(0.0)]).ends_with("found 0"));
        assert!(wrong(&|card| card.normalise = vec![floor(f64::NAN)]).ends_with("found NaN"));
        assert_eq!(
            wrong(&|card| card.sets.push(card.sets[0].clone())),
            "expected each set once, found `HPA` twice"
        );
    }
}
