//! `quick`: the same experiment, shrunk.
