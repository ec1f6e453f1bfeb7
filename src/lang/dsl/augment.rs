//! Changes to training images, joined with `+`: `Crop + Flip + Tps(0.5)`.

use crate::spec::{CropFit, Warp, draft::StatedAugment};
use std::ops::Add;

/// One change, or several in a row.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.augment(Crop.scale(0.5, 1.0) + Flip + Tps::default());
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.augment(0.5);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a change to training images",
    label = "expected a sum such as `Crop + Flip + Tps(0.5)`"
)]
pub trait Augmentation {
    /// The same as plain data.
    #[doc(hidden)]
    fn changes(self) -> Vec<StatedAugment>;
}

/// Several changes in a row; said with `+`.
#[derive(Clone, Debug)]
pub struct Changes(Vec<StatedAugment>);

/// torchvision's `RandomResizedCrop`; CHAMMI's area (0.8 to 1) and shape (0.9 to 1.1) unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Crop;

/// A horizontal flip of every second image, or as often as `.p(…)` says.
#[derive(Clone, Copy, Debug)]
pub struct Flip;

/// A random thin-plate spline on this share of the images (CHAMMI, section 3.2).
///
/// The probability behind the published rows is unknown; `Tps::default()` is 0.5, the default of the authors'
/// class, and our choice.
#[derive(Clone, Copy, Debug)]
pub struct Tps(pub f64);

/// One of the four quarter turns, each as often: cells under a microscope have no up. With [`Flip`], all eight
/// symmetries of a square.
#[derive(Clone, Copy, Debug)]
pub struct Turn;

/// Each channel times a factor of its own, normal around 1 with this standard deviation and at least 0.5, as staining
/// and exposure vary (DINO BoC: 0.2).
#[derive(Clone, Copy, Debug)]
pub struct Brightness(pub f64);

impl Default for Tps {
    fn default() -> Self {
        Self(0.5)
    }
}

/// A [`Crop`] with something said about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomCrop {
    scale: Option<[f64; 2]>,
    ratio: Option<[f64; 2]>,
    fit: Option<CropFit>,
}

impl Crop {
    /// Smallest and largest share of the image's area.
    pub fn scale(self, smallest: f64, largest: f64) -> RandomCrop {
        RandomCrop::default().scale(smallest, largest)
    }

    /// Smallest and largest width over height.
    pub fn ratio(self, smallest: f64, largest: f64) -> RandomCrop {
        RandomCrop::default().ratio(smallest, largest)
    }

    /// What happens on images that are too oblong for any such rectangle.
    pub fn fit(self, fit: CropFit) -> RandomCrop {
        RandomCrop::default().fit(fit)
    }
}

impl RandomCrop {
    /// Smallest and largest share of the image's area.
    pub fn scale(self, smallest: f64, largest: f64) -> Self {
        Self { scale: Some([smallest, largest]), ..self }
    }

    /// Smallest and largest width over height.
    pub fn ratio(self, smallest: f64, largest: f64) -> Self {
        Self { ratio: Some([smallest, largest]), ..self }
    }

    /// What happens on images that are too oblong for any such rectangle.
    pub fn fit(self, fit: CropFit) -> Self {
        Self { fit: Some(fit), ..self }
    }
}

/// A [`Flip`] with its probability.
#[derive(Clone, Copy, Debug)]
pub struct RandomFlip(f64);

impl Flip {
    /// How often.
    pub fn p(self, p: f64) -> RandomFlip {
        RandomFlip(p)
    }
}

/// A [`Tps`] with its implementation.
#[derive(Clone, Copy, Debug)]
pub struct RandomTps(f64, Warp);

impl Tps {
    /// Which implementation.
    pub fn warp(self, warp: Warp) -> RandomTps {
        RandomTps(self.0, warp)
    }
}

macro_rules! changes {
    ($($word:ident: $this:ident => $change:expr;)*) => {$(
        impl Augmentation for $word {
            fn changes(self) -> Vec<StatedAugment> {
                let $this = self;
                vec![$change]
            }
        }

        impl<R: Augmentation> Add<R> for $word {
            type Output = Changes;

            fn add(self, next: R) -> Changes {
                Changes(self.changes()) + next
            }
        }
    )*};
}
changes! {
    Crop: _this => StatedAugment::crop();
    RandomCrop: this => StatedAugment::Crop { scale: this.scale, ratio: this.ratio, fit: this.fit };
    Flip: _this => StatedAugment::flip();
    RandomFlip: this => StatedAugment::Flip { p: Some(this.0) };
    Tps: this => StatedAugment::Tps { p: Some(this.0), warp: None };
    RandomTps: this => StatedAugment::Tps { p: Some(this.0), warp: Some(this.1) };
    Turn: _this => StatedAugment::Turn;
    Brightness: this => StatedAugment::Brightness { sd: this.0 };
}

impl Augmentation for Changes {
    fn changes(self) -> Vec<StatedAugment> {
        self.0
    }
}

impl<R: Augmentation> Add<R> for Changes {
    type Output = Self;

    fn add(mut self, next: R) -> Self {
        self.0.extend(next.changes());
        self
    }
}
