//! Recipes: what the authors released, what the paper says, what we repaired.
