//! Planes: some channels by name, the same ones of every set.

use super::{AdapterWord, Enters, Models, Samples, View};
use crate::{
    dsl::{Adapts, ExtendsToNewChannels, KeepsLabels, LearnsHere, StemAdapter, Trainable},
    spec::{
        Spec,
        bounds::{self, Bound},
        check::{Found, twice},
    },
    word::{Named, Word, plain, word},
};
use toml::Table;

word! {
    "model.adapter", "planes", revision 1;
    /// The backbone's own stem for these channels, picked from every set by name and put in this order, as the planes of an
    /// RGB image (CODA: three of the five stains of a Cell Painting image).
    ///
    /// All sets share its parameters, so it reads sets that it was not trained on if they have these channels. Pre-trained
    /// weights of three planes are those of red, green and blue; of another number C, each plane starts with the mean of
    /// the three times 3/C, so that a grey image has the same maps.
    settings of Planes {
        /// The names of the channels, in the order of the planes.
        channels: Vec<String>,
    }
}

/// The backbone's own stem for these channels, picked from every set by name and put in this order:
/// `Planes(["dna", "er", "mito"])`. Synonyms are one name (`dna` is `nucleus`). A set that lacks one of them is refused.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let model = Vit::small().scratch().adapter(Planes(["dna", "er", "mito"]));
/// let _ = model.train_on(Chammi.without(Cp)).loss(PROXY).evaluate(OneNn::cosine().on(Cp));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Planes<const N: usize>(
    /// The names of the channels, in the order of the planes.
    pub [&'static str; N],
);

impl<B: LearnsHere, const N: usize> Adapts<B> for Planes<N> {
    fn adapter(self) -> Table {
        let channels = self.0.map(String::from).to_vec();
        Table::from_iter([("kind".into(), Settings::KIND.into()), ("channels".into(), plain(&channels))])
    }
}

impl<const N: usize> Trainable for Planes<N> {}
impl<const N: usize> KeepsLabels for Planes<N> {}
impl<const N: usize> StemAdapter for Planes<N> {}
impl<const N: usize> ExtendsToNewChannels for Planes<N> {}

impl AdapterWord for Settings {
    fn enters(&self) -> Enters {
        Enters::Maps
    }

    fn reads_unseen_sets(&self) -> bool {
        true
    }

    fn sizes(&self) -> Vec<(Bound, usize)> {
        vec![(bounds::PLANES, self.channels.len())]
    }

    fn trains(&self) -> bool {
        true
    }

    fn models(&self) -> Models<'_> {
        Models::One
    }

    fn view(&self) -> View {
        View::Resized
    }

    fn has_the_same_planes(&self) -> bool {
        true
    }

    fn samples(&self) -> Samples {
        Samples::Images
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, found: &mut Found) {
        let twice = twice(&self.channels);
        let message = || format!("`Planes` names the channel `{}` twice", twice.map_or("", String::as_str));
        found.unless(twice.is_none(), "plane_twice", message, "name each channel once");
        let nameless = self.channels.iter().any(String::is_empty);
        let message = || "`Planes` names a channel without a name".into();
        let hint = "`dichroic data info` lists the channels of a folder";
        found.unless(!nameless, "plane_without_a_name", message, hint);
    }

    fn quick(&mut self, _: &Spec) {}
}
