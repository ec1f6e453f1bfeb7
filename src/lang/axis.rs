//! The words that fill one place of a sentence: [`axis!`] writes their enum, and what every one of them must answer.

/// Writes an axis: the enum over its words with its tag in JSON, the trait of their facts, and for each fact a method
/// that asks the word. A new word is a line here, a `mod` beside it, and its file.
///
/// ```text
/// axis! {
///     /// Every adapter there is.
///     pub enum Adapter: AdapterWord, Word(Spec) {              facts; rules and small versions, and what they go by
///         HyperNet = hyper_net::{HyperNet; Embeddings},    word = file::{what sentences say; values of its switches}
///     }
///     /// What an adapter answers.
///     facts {
///         /// Whether it can be trained.
///         fn trains(&self) -> bool;
///     }
/// }
/// ```
macro_rules! axis {
    ($(#[$doc:meta])*
     pub enum $Axis:ident: $Trait:ident, $Rules:ident($Place:ty) {
        $($(#[$of:meta])* $Word:ident = $module:ident::{$($said:ident),*; $($value:ident),*},)*
     }
     $(#[$facts_doc:meta])*
     facts {
        $($(#[$fact_doc:meta])* fn $fact:ident(&self $(, $arg:ident: $arg_type:ty)*) -> $answer:ty;)*
     }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum $Axis {
            $(#[doc = concat!("See [`", stringify!($Word), "`](", stringify!($module), ").")] $(#[$of])* $Word($module::Settings),)*
        }

        $(#[$facts_doc])*
        pub trait $Trait {
            $($(#[$fact_doc])* fn $fact(&self $(, $arg: $arg_type)*) -> $answer;)*
        }

        impl $Axis {
            /// Its words, in order.
            pub const WORDS: &'static [$crate::word::Entry] =
                &[$($crate::word::Entry::of::<$module::Settings>()),*];

            /// What the dictionary says of it.
            pub fn entry(&self) -> &'static $crate::word::Entry {
                &Self::WORDS[self.place()]
            }

            /// Its place in the order of words.
            pub fn place(&self) -> usize {
                let kind = match self { $(Self::$Word(_) => <$module::Settings as $crate::word::Named>::KIND,)* };
                Self::WORDS.iter().position(|entry| entry.kind == kind).expect("every word has an entry")
            }

            /// The tag in JSON and in the store.
            pub fn kind(&self) -> &'static str {
                self.entry().kind
            }

            /// The word of the language.
            pub fn word(&self) -> &'static str {
                self.entry().name
            }

            pub(crate) fn check(&self, at: &$Place, found: &mut $crate::spec::check::Found) {
                match self { $(Self::$Word(word) => $crate::word::$Rules::check(word, at, found),)* }
            }

            pub(crate) fn quick(&mut self, at: &$Place) {
                match self { $(Self::$Word(word) => $crate::word::$Rules::quick(word, at),)* }
            }

            fn facts(&self) -> &dyn $Trait {
                match self { $(Self::$Word(word) => word,)* }
            }

            $($(#[$fact_doc])* pub fn $fact(&self $(, $arg: $arg_type)*) -> $answer {
                self.facts().$fact($($arg),*)
            })*
        }

        $(impl From<$module::Settings> for $Axis {
            fn from(word: $module::Settings) -> Self {
                Self::$Word(word)
            }
        })*

        /// The words' resolved settings, by the words' names.
        pub mod settings {
            $(pub use super::$module::Settings as $Word;)*
        }

        /// What sentences say.
        pub mod said {
            $($(pub use super::$module::$said;)*)*
        }

        /// Values of the words' switches.
        pub mod values {
            $($(pub use super::$module::$value;)*)*
        }
    };
}
pub(crate) use axis;
