//! The rules of the language once more, for specs that have no types.
