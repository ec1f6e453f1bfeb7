//! How pixels are normalised: `Image` or `EachView`, for all sets or for some, joined with `+`.

use crate::spec::{Moments, Normalise};
use std::ops::Add;

/// Each channel of each image by its own mean and standard deviation: (x − mean) / (SD + floor), pixels in [0, 1], before any
/// augmentation. The floor is 0.02 unless another is said.
///
/// Brightness that changes with the field or the patient disappears; so does what brightness says. Otherwise the mean and the
/// standard deviation of each channel over `Train` normalise a set.
#[derive(Clone, Copy, Debug)]
pub struct Image;

/// Each channel of each view by its own mean and standard deviation: (x − mean) / (SD + 1e-6), with the unbiased standard
/// deviation of the view as the network sees it, after cropping and augmentation (CODA, where it is the only normalisation).
///
/// Two views of an image are normalised differently; an evaluated image by its only view. An empty channel becomes 0.
#[derive(Clone, Copy, Debug)]
pub struct EachView;

/// Views of some sets, each normalised by itself; written `EachView.on(["Pancreas"])`.
#[derive(Clone, Debug)]
pub struct ByView(Normalise);

/// Images of some sets, each normalised by itself; written `Image.floor(0.1).on(["Pancreas"])`.
#[derive(Clone, Debug)]
pub struct ByImage(Normalise);

/// Several rules; written with `+`.
#[derive(Clone, Debug)]
pub struct Rules(Vec<Normalise>);

/// The floor that is not said.
const FLOOR: f64 = 0.02;

/// One rule, or several.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 });
/// let run = model.train_on(Folder("mini_real")).loss(PROXY);
/// let _ = run.clone().normalise(Image);
/// let _ = run.clone().normalise(Image.on(["Yeast"]) + Image.floor(0.1).on(["Pancreas"]));
/// let _ = run.normalise(EachView + Image.on(["Yeast"]));
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 });
/// let _ = model.train_on(Folder("mini_real")).loss(PROXY).normalise("image");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a normalisation of images",
    label = "expected `Image`, `EachView`, or a sum such as `Image.on([\"Yeast\"]) + Image.floor(0.1).on([\"Pancreas\"])`"
)]
pub trait Normalisation {
    /// The same as plain data.
    #[doc(hidden)]
    fn rules(self) -> Vec<Normalise>;
}

impl Image {
    /// What is added to the standard deviation, of pixels in [0, 1].
    pub fn floor(self, floor: f64) -> ByImage {
        ByImage::from(self).floor(floor)
    }

    /// Only the images of these sets.
    pub fn on<S: Into<String>>(self, sets: impl IntoIterator<Item = S>) -> ByImage {
        ByImage::from(self).on(sets)
    }
}

impl From<Image> for ByImage {
    fn from(_: Image) -> Self {
        Self(Normalise { sets: vec![], by: Moments::Image { floor: FLOOR } })
    }
}

impl ByImage {
    /// What is added to the standard deviation, of pixels in [0, 1].
    #[must_use]
    pub fn floor(self, floor: f64) -> Self {
        Self(Normalise { by: Moments::Image { floor }, ..self.0 })
    }

    /// Only the images of these sets.
    #[must_use]
    pub fn on<S: Into<String>>(self, sets: impl IntoIterator<Item = S>) -> Self {
        Self(Normalise { sets: sets.into_iter().map(Into::into).collect(), ..self.0 })
    }
}

impl EachView {
    /// Only the views of these sets.
    pub fn on<S: Into<String>>(self, sets: impl IntoIterator<Item = S>) -> ByView {
        ByView(Normalise { sets: sets.into_iter().map(Into::into).collect(), by: Moments::View })
    }
}

impl Normalisation for Image {
    fn rules(self) -> Vec<Normalise> {
        ByImage::from(self).rules()
    }
}

impl Normalisation for EachView {
    fn rules(self) -> Vec<Normalise> {
        self.on([""; 0]).rules()
    }
}

impl Normalisation for ByImage {
    fn rules(self) -> Vec<Normalise> {
        vec![self.0]
    }
}

impl Normalisation for ByView {
    fn rules(self) -> Vec<Normalise> {
        vec![self.0]
    }
}

impl Normalisation for Rules {
    fn rules(self) -> Vec<Normalise> {
        self.0
    }
}

/// Sums of rules.
macro_rules! joined {
    ($($rule:ty),*) => {$(
        impl<R: Normalisation> Add<R> for $rule {
            type Output = Rules;

            fn add(self, next: R) -> Rules {
                let mut rules = self.rules();
                rules.extend(next.rules());
                Rules(rules)
            }
        }
    )*};
}
joined!(Image, ByImage, EachView, ByView, Rules);
