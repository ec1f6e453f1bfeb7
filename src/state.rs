//! State that a checkpoint must contain, so that a resumed training ends with the same bits.

/// Has state that changes with steps and that follows neither from the weights nor from the step number.
pub trait Stateful {
    /// The state, by name.
    ///
    /// # Errors
    /// If it cannot be read.
    fn state(&self) -> candle_core::Result<Vec<(String, Vec<f32>)>>;

    /// Restores the state. `read` returns what was stored under a name.
    ///
    /// # Errors
    /// The name that is missing.
    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> Result<(), Lost>;
}

/// A name that the checkpoint lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost(pub String);
