//! Which networks this build contains: those of the zoo need the feature `zoo`.

use crate::{
    params::Params,
    spec::{Backbone, NetworkModel},
};

/// A network that this build does not contain.
#[derive(Debug, thiserror::Error)]
#[error("this program was built without `{model}`")]
pub struct NotBuilt {
    /// timm's name of it.
    pub model: String,
}

impl NotBuilt {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some("build with `--features zoo`: `cargo run --release --features zoo -- …`".into())
    }
}

/// Refuses a network that this build does not contain.
///
/// # Errors
/// If it is from the zoo, and the program was built without it.
pub fn built(backbone: &Backbone) -> Result<(), NotBuilt> {
    match backbone {
        Backbone::OffTheShelf(word) if !cfg!(any(test, feature = "zoo")) => {
            Err(NotBuilt { model: word.model.facts().name.into() })
        }
        Backbone::OffTheShelf(_)
        | Backbone::ConvNext(_)
        | Backbone::Vit(_)
        | Backbone::ResNet(_)
        | Backbone::DinoV2(_) => Ok(()),
    }
}

/// A network of the zoo.
#[cfg(any(test, feature = "zoo"))]
pub(crate) fn of_the_zoo(
    model: NetworkModel,
    normalises: bool,
    params: &mut Params,
) -> Box<dyn super::Backbone> {
    Box::new(super::zoo::Zoo::new(model, normalises, params))
}

/// A network of the zoo: unreachable, because [`built`] refuses it first.
#[cfg(not(any(test, feature = "zoo")))]
pub(crate) fn of_the_zoo(model: NetworkModel, _: bool, _: &mut Params) -> Box<dyn super::Backbone> {
    panic!("`{}` is refused before anything is computed", model.facts().name)
}
