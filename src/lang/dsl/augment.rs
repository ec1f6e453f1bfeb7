//! Augmentations, joined with `+`: `Crop + Flip + Tps(0.5)`.

use std::ops::Add;
use toml::Table;

/// One augmentation, or several in a row.
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
    fn changes(self) -> Vec<Table>;
}

/// Several augmentations in a row; written with `+`.
#[derive(Clone, Debug)]
pub struct Changes(Vec<Table>);

impl Augmentation for Changes {
    fn changes(self) -> Vec<Table> {
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

/// Starts a sum of augmentations with one of them.
pub(crate) fn sum(first: Table, next: impl Augmentation) -> Changes {
    Changes(vec![first]) + next
}

/// Implements, for settings with switches stated and without, that they are augmentations.
macro_rules! change {
    ($($word:ty),*) => {$(
        impl $crate::dsl::Augmentation for $word {
            fn changes(self) -> Vec<toml::Table> {
                vec![$crate::word::Says::table(self)]
            }
        }

        impl<R: $crate::dsl::Augmentation> std::ops::Add<R> for $word {
            type Output = $crate::dsl::Changes;

            fn add(self, next: R) -> Self::Output {
                $crate::dsl::sum($crate::word::Says::table(self), next)
            }
        }
    )*};
}
pub(crate) use change;
