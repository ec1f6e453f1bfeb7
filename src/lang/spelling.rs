//! Suggestions for misspelt names.

pub use strsim::osa_distance as distance;

/// The candidate most similar to `name`, if at most a third of it differs.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &'a str| (distance(name, candidate), candidate);
    let near = candidates.into_iter().map(near).min()?;
    (near.0 <= name.chars().count().max(3) / 3).then_some(near.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_meant_and_a_far_one_is_not() {
        assert_eq!(closest("tsp", ["hyper", "tps"]), Some("tps"));
        assert_eq!(closest("x", ["hypernet_tps"]), None);
    }
}
