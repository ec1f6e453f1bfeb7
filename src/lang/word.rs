//! A word is one file: what is said, its switches, its settings, its rules and its small version. [`word!`] writes what
//! follows from the first two.

use crate::spec::{InStage, Spec, check::Found, recipe::Switch};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;
use toml::{Table, Value};

/// What is known of a word by its name; [`word!`] writes it.
pub trait Named: Serialize + DeserializeOwned + Clone + PartialEq + Debug + 'static {
    /// Its tag in JSON, and its step of a switch's path: `hyper_net`.
    const KIND: &'static str;
    /// What a person writes: `HyperNet`.
    const NAME: &'static str;
    /// Its documentation.
    const ABOUT: &'static str;
    /// Raised when the code behind it computes something else.
    const REVISION: u32;
    /// The settings that a sentence may leave to its recipe.
    const SWITCHES: &'static [Switch];
}

/// The settings of a word of the model or of an evaluation, resolved. Both methods are required: a word says so where it
/// has no rules, and where it is as small as it gets.
pub trait Word: Named {
    /// Its rules.
    fn check(&self, spec: &Spec, found: &mut Found);

    /// Shrinks it for the small version of `spec`.
    fn quick(&mut self, spec: &Spec);
}

/// The settings of a word of a stage of training, resolved; see [`Word`].
pub trait StageWord: Named {
    /// Its rules.
    fn check(&self, at: &InStage<'_>, found: &mut Found);

    /// Shrinks it for the small version of the stage.
    fn quick(&mut self, at: &InStage<'_>);
}

/// A line of the dictionary: a word, as `list words` shows it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// [`Named::KIND`].
    pub kind: &'static str,
    /// [`Named::NAME`].
    pub name: &'static str,
    /// [`Named::ABOUT`].
    pub about: &'static str,
    /// [`Named::REVISION`].
    pub revision: u32,
    /// [`Named::SWITCHES`].
    pub switches: &'static [Switch],
}

impl Entry {
    /// The entry of a word.
    pub const fn of<W: Named>() -> Self {
        Self { kind: W::KIND, name: W::NAME, about: W::ABOUT, revision: W::REVISION, switches: W::SWITCHES }
    }

    /// The first sentence of its documentation.
    pub fn summary(&self) -> String {
        let lines: Vec<&str> =
            self.about.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let text = lines.join(" ");
        // `et al.` ends no sentence.
        let end = text.match_indices(". ").find(|(at, _)| !text[..*at].ends_with("et al"));
        end.map_or(text.trim_end_matches('.'), |(at, _)| &text[..at]).into()
    }
}

/// All words that fill one place of a sentence.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// `adapter`.
    pub name: &'static str,
    /// Its words, in order.
    pub words: &'static [Entry],
}

/// The short struct of a word, which sentences say.
pub trait Sentence: Copy + Debug {
    /// What it becomes.
    type Settings: Named;
    /// Its switches, each with a gap where nothing was stated.
    type Stated: Copy + Debug + Default;

    /// What was said, as plain data.
    #[doc(hidden)]
    fn said(self, stated: Self::Stated) -> Table;
}

/// A word of which a switch was stated, whatever the recipe says.
#[derive(Clone, Copy, Debug)]
pub struct With<W: Sentence> {
    pub(crate) word: W,
    pub(crate) stated: W::Stated,
}

impl<W: Sentence> With<W> {
    /// A word, and nothing stated yet.
    pub(crate) fn of(word: W) -> Self {
        Self { word, stated: W::Stated::default() }
    }

    /// States a switch.
    pub(crate) fn stating(mut self, state: impl FnOnce(&mut W::Stated)) -> Self {
        state(&mut self.stated);
        self
    }
}

/// A word in a sentence, with switches stated or without.
pub trait Says: Copy {
    /// What was said, as plain data.
    #[doc(hidden)]
    fn table(self) -> Table;
}

impl<W: Sentence> Says for With<W> {
    fn table(self) -> Table {
        self.word.said(self.stated)
    }
}

/// A value as plain data. Numbers that are not finite stay what they are, so that rules can name them.
pub(crate) fn plain(value: &impl Serialize) -> Value {
    let json = || serde_json::to_value(value).expect("what a sentence says is plain data");
    Value::try_from(value).unwrap_or_else(|_| saturated(json()))
}

/// The same for numbers above 2^63 - 1, which TOML does not have: they become that one, which no rule admits either.
fn saturated(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Float(f64::NAN),
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Integer(number),
            (None, Some(_)) => Value::Integer(i64::MAX),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(text),
        Json::Array(values) => Value::Array(values.into_iter().map(saturated).collect()),
        Json::Object(fields) => {
            let stated = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Table(stated.map(|(name, value)| (name, saturated(value))).collect())
        }
    }
}

/// Writes a word: the struct of the sentence, a method for each of its switches, `Settings`, the table of switches.
///
/// ```text
/// word! {
///     "model.adapter", "hyper_net", revision 1;   place in a spec, kind, revision
///     /// What it is.
///     pub struct HyperNet {                       what must be said: `struct X;`, `struct X { … }`, `struct X(p: f64);`,
///         pub z: usize,                           or `settings of X { … }` where the sentence's struct is written by hand
///     }
///     switches {                                  value of all recipes, or (released, paper, fixed); source; what is guessed
///         embeddings: Embeddings = per_set, "code: …";
///     }
///     by_hand { … }                               switches whose methods are written below in the file
///     elsewhere { … }                             switches that another part of the sentence states
///     rows [ … ]                                  further switches
/// }
/// ```
macro_rules! word {
    ($at:literal, $kind:literal, revision $revision:literal;
     $(#[doc = $about:literal])*
     pub struct $Word:ident;
     $($sections:tt)*) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Word;

        $crate::word::word!(@settings ($at, $kind, $revision, $Word) [$($about)*] {} $($sections)*);
        $crate::word::word!(@sentence $Word {} $($sections)*);
    };

    ($at:literal, $kind:literal, revision $revision:literal;
     $(#[doc = $about:literal])*
     pub struct $Word:ident($(#[$doc:meta])* $said:ident: $type:ty);
     $($sections:tt)*) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Word($(#[$doc])* pub $type);

        $crate::word::word!(@settings ($at, $kind, $revision, $Word) [$($about)*]
            { $(#[$doc])* $said: [$type], } $($sections)*);
        $crate::word::word!(@sentence $Word { $said: 0, } $($sections)*);
    };

    ($at:literal, $kind:literal, revision $revision:literal;
     $(#[doc = $about:literal])*
     pub struct $Word:ident { $($(#[$doc:meta])* $vis:vis $said:ident: $type:ty $(as $settled:ty)?,)* }
     $($sections:tt)*) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Word { $($(#[$doc])* $vis $said: $type,)* }

        $crate::word::word!(@settings ($at, $kind, $revision, $Word) [$($about)*]
            { $($(#[$doc])* $said: [$type $(, $settled)?],)* } $($sections)*);
        $crate::word::word!(@sentence $Word { $($said: $said,)* } $($sections)*);
    };

    ($at:literal, $kind:literal, revision $revision:literal;
     $(#[doc = $about:literal])*
     settings of $Word:ident { $($(#[$doc:meta])* $said:ident: $type:ty,)* }
     $($sections:tt)*) => {
        $crate::word::word!(@settings ($at, $kind, $revision, $Word) [$($about)*]
            { $($(#[$doc])* $said: [$type],)* } $($sections)*);
    };

    (@settings ($at:literal, $kind:literal, $revision:literal, $Word:ident) [$($about:literal)*]
     { $($(#[$said_doc:meta])* $said:ident: [$type:ty $(, $settled:ty)?],)* }
     $(switches { $($(#[$a_doc:meta])* $a:ident: $a_type:ty = $a_values:tt, $a_source:literal $(, guessed $a_why:literal)?;)* })?
     $(by_hand { $($(#[$b_doc:meta])* $b:ident: $b_type:ty = $b_values:tt, $b_source:literal $(, guessed $b_why:literal)?;)* })?
     $(elsewhere { $($(#[$c_doc:meta])* $c:ident: $c_type:ty = $c_values:tt, $c_source:literal $(, guessed $c_why:literal)?;)* })?
     $(rows [$($row:expr),* $(,)?])?) => {
        #[doc = concat!("Settings of ", stringify!($Word), ".")]
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Settings {
            $($(#[$said_doc])* pub $said: $crate::word::word!(@type $type $(, $settled)?),)*
            $($($(#[$a_doc])* pub $a: $a_type,)*)?
            $($($(#[$b_doc])* pub $b: $b_type,)*)?
            $($($(#[$c_doc])* pub $c: $c_type,)*)?
        }

        impl $crate::word::Named for Settings {
            const KIND: &'static str = $kind;
            const NAME: &'static str = stringify!($Word);
            const ABOUT: &'static str = concat!($($about, "\n"),*);
            const REVISION: u32 = $revision;
            const SWITCHES: &'static [$crate::spec::recipe::Switch] = &[
                $($($crate::spec::recipe::switch!(
                    concat!($at, ".", $kind, ".", stringify!($a)), $a_values, $a_source $(, $a_why)?
                ),)*)?
                $($($crate::spec::recipe::switch!(
                    concat!($at, ".", $kind, ".", stringify!($b)), $b_values, $b_source $(, $b_why)?
                ),)*)?
                $($($crate::spec::recipe::switch!(
                    concat!($at, ".", $kind, ".", stringify!($c)), $c_values, $c_source $(, $c_why)?
                ),)*)?
                $($($row,)*)?
            ];
        }

        #[cfg(test)]
        #[test]
        fn values_of_switches_have_the_types_of_their_fields() {
            for _recipe in $crate::spec::recipe::Recipe::ALL {
                let mut _switches = <Settings as $crate::word::Named>::SWITCHES.iter();
                $($(let _: $a_type = _switches.next().unwrap().value(_recipe);)*)?
                $($(let _: $b_type = _switches.next().unwrap().value(_recipe);)*)?
                $($(let _: $c_type = _switches.next().unwrap().value(_recipe);)*)?
            }
        }
    };

    (@type $type:ty) => { $type };
    (@type $type:ty, $settled:ty) => { $settled };

    (@sentence $Word:ident { $($said:ident: $field:tt,)* }
     $(switches { $($(#[$a_doc:meta])* $a:ident: $a_type:ty = $a_values:tt, $a_source:literal $(, guessed $a_why:literal)?;)* })?
     $(by_hand { $($(#[$b_doc:meta])* $b:ident: $b_type:ty = $b_values:tt, $b_source:literal $(, guessed $b_why:literal)?;)* })?
     $(elsewhere $elsewhere:tt)?
     $(rows $rows:tt)?) => {
        /// Its switches as a sentence states them.
        #[doc(hidden)]
        #[derive(Clone, Copy, Debug, Default)]
        pub struct Stated {
            $($($a: Option<$a_type>,)*)?
            $($($b: Option<$b_type>,)*)?
        }

        impl $crate::word::Sentence for $Word {
            type Settings = Settings;
            type Stated = Stated;

            fn said(self, stated: Stated) -> toml::Table {
                let Stated { $($($a,)*)? $($($b,)*)? } = stated;
                let said: &[(&str, Option<toml::Value>)] = &[
                    ("kind", Some(toml::Value::from(<Settings as $crate::word::Named>::KIND))),
                    $((stringify!($said), Some($crate::word::plain(&self.$field))),)*
                    $($((stringify!($a), $a.as_ref().map($crate::word::plain)),)*)?
                    $($((stringify!($b), $b.as_ref().map($crate::word::plain)),)*)?
                ];
                said.iter().filter_map(|(name, value)| Some((name.to_string(), value.clone()?))).collect()
            }
        }

        impl $crate::word::Says for $Word {
            fn table(self) -> toml::Table {
                $crate::word::With::of(self).table()
            }
        }

        $($crate::word::word!(@methods $Word $($(#[$a_doc])* $a: $a_type;)*);)?
    };

    (@methods $Word:ident $($(#[$doc:meta])* $switch:ident: $type:ty;)*) => {
        impl $Word {
            $($(#[$doc])* pub fn $switch(self, $switch: $type) -> $crate::word::With<Self> {
                $crate::word::With::of(self).$switch($switch)
            })*
        }

        impl $crate::word::With<$Word> {
            $($(#[$doc])* pub fn $switch(self, $switch: $type) -> Self {
                self.stating(|stated| stated.$switch = Some($switch))
            })*
        }
    };
}
pub(crate) use word;
