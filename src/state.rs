//! Whatever has to be in a checkpoint, so that a training that goes on ends with the same bits.

/// Has a state that steps change and that neither weights nor the step's number say.
pub trait Stateful {
    /// The state, by name.
    ///
    /// # Errors
    /// If it cannot be read.
    fn state(&self) -> candle_core::Result<Vec<(String, Vec<f32>)>>;

    /// Takes it up again. `read` finds what was stored under a name.
    ///
    /// # Errors
    /// What is missing.
    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> Result<(), Lost>;
}

/// A checkpoint lacks this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost(pub String);
