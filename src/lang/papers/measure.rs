//! Kinds of scores, by their names in the store: papers publish accuracy, macro-F1, and so on.

/// One kind of score. Higher is better for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The name in the store and in JSON.
    pub name: &'static str,
    /// The name in sentences and headings.
    pub words: &'static str,
}

/// The share of images whose predicted class is right.
pub const ACCURACY: Measure = Measure { name: "accuracy", words: "accuracy" };

/// F1 of each class, mean over classes.
pub const MACRO_F1: Measure = Measure { name: "f1_macro", words: "macro-F1" };

/// F1 of one class.
pub const CLASS_F1: Measure = Measure { name: "f1", words: "F1" };

impl Measure {
    /// The kinds of scores of whole tasks.
    pub const OF_TASKS: [Self; 2] = [MACRO_F1, ACCURACY];

    /// At the start of a sentence: `Macro-F1`.
    pub fn capitalised(&self) -> String {
        capitalised(self.words)
    }
}

/// Words at the start of a sentence.
pub fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_with_a_capital() {
        assert_eq!(MACRO_F1.capitalised(), "Macro-F1");
        assert_eq!(ACCURACY.capitalised(), "Accuracy");
    }
}
