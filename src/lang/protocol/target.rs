//! What is done to the images of a target around a classifier: their features are put on the source's scale before it,
//! and votes are pooled after it. Said of every word that was, or is, fitted on the source's images.

use crate::{
    dsl::{DataWord, Evaluation, On},
    role::Role,
    spec::{Selection, Spec, check::Found},
    word::{Says, Sentence, With},
};
use serde::{Deserialize, Serialize};
use toml::Table;

/// Features of each plate (batch, source, …) of the target are centred and scaled to the mean and SD of the source's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardised {
    /// Images with the same value of this role have statistics of their own.
    pub within: Role,
    /// Whether the statistics of both are those of their untreated controls.
    pub on_controls: bool,
}

/// What is done to a target's features before a classifier, and to its votes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// How its features are standardised, if they are.
    pub standardised: Option<Standardised>,
    /// Images with the same value of this role are given one label: that of the largest mean log-probability.
    pub pooled: Option<Role>,
}

/// Roles within which statistics are re-estimated. Those of a treatment or a well would remove what is asked.
const WITHIN: [Role; 5] = [Role::Source, Role::Batch, Role::Plate, Role::CellLine, Role::FieldOfView];

/// Roles whose images have one label: all of a well, of a treatment.
const POOLED: [Role; 4] = [Role::Treatment, Role::Well, Role::Site, Role::FieldOfView];

impl Target {
    /// Every one that can be said.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let standardised = WITHIN.iter().flat_map(|within| {
            [false, true].map(|on_controls| Some(Standardised { within: *within, on_controls }))
        });
        let standardised = [None].into_iter().chain(standardised);
        standardised.flat_map(|standardised| {
            let pooled = [None].into_iter().chain(POOLED.map(Some));
            pooled.map(move |pooled| Self { standardised, pooled })
        })
    }

    /// The end of a protocol's name in the store: `_standardised_plate_pooled_well`.
    pub(super) fn suffix(&self) -> String {
        let standardised = self.standardised.map(|Standardised { within, on_controls }| {
            format!("_standardised{}_{}", if on_controls { "_on_controls" } else { "" }, within.name())
        });
        let pooled = self.pooled.map(|role| format!("_pooled_{}", role.name()));
        standardised.unwrap_or_default() + &pooled.unwrap_or_default()
    }

    /// The end of its title: `, standardised by plate, votes pooled by well`.
    pub(super) fn words(&self) -> String {
        let standardised = self.standardised.map(|Standardised { within, on_controls }| {
            format!(", standardised by {}{}", within.words(), if on_controls { " on controls" } else { "" })
        });
        let pooled = self.pooled.map(|role| format!(", votes pooled by {}", role.words()));
        standardised.unwrap_or_default() + &pooled.unwrap_or_default()
    }

    /// The roles that the target's table must have columns for.
    pub fn roles(&self) -> Vec<Role> {
        let of = |one: Standardised| [Some(one.within), one.on_controls.then_some(Role::Control)];
        self.standardised.map_or([None; 2], of).into_iter().chain([self.pooled]).flatten().collect()
    }

    /// Refuses roles that make no sense, and models of which several are meant.
    pub(super) fn check(&self, word: &str, spec: &Spec, found: &mut Found) {
        if let Some(Standardised { within, .. }) = self.standardised {
            let message = || format!("features cannot be standardised within one {}", within.words());
            let hint = "statistics are re-estimated within a source, a batch, a plate, a cell line or a field of view: \
                        `.standardised(Role::Plate)`";
            found.unless(WITHIN.contains(&within), "standardised_within", message, hint);
        }
        if let Some(role) = self.pooled {
            let message = || format!("images of one {} are not known to have one label", role.words());
            let hint =
                "votes are pooled over a treatment, a well, a site or a field of view: `.pooled(Role::Well)`";
            found.unless(POOLED.contains(&role), "pooled_over", message, hint);
        }
        let message = || {
            format!(
                "{word} learns from the source's features, and features are beside them: {}",
                spec.embedding
            )
        };
        let hint = "leave `.beside(…)` out: hand-made features on their own are a floor of every table";
        found.unless(spec.embedding.beside.is_empty(), "classifier_beside", message, hint);
        let adapter = &spec.model.adapter;
        let message = || {
            let trains = adapter.word();
            format!(
                "{trains} is a model for each set, and {word} compares images of one set with those of others"
            )
        };
        let hint = "take an adapter that reads all sets with one model, or score by `OneNn`";
        found.unless(!adapter.is_one_model_per_set(), "classifier_per_set", message, hint);
    }
}

/// What a sentence states of a classifier beside what must be said.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Stated {
    pub(super) standardised: Option<Standardised>,
    pub(super) pooled: Option<Role>,
    /// Of [`Accuracy`](super::said::Accuracy).
    pub(super) tent: bool,
    /// Of [`Logistic`](super::said::Logistic).
    pub(super) c: Option<f64>,
    /// Of [`Knn`](super::said::Knn).
    pub(super) temperature: Option<f64>,
}

/// A word that classifies the images of a target by what was learned on the source's.
#[doc(hidden)]
pub trait Classifies: Sentence<Stated = Stated> {
    /// As in [`Evaluation`].
    type Asks;

    /// What it becomes.
    fn settings(self, stated: Stated) -> Self::Settings;
}

impl<W: Classifies> With<W> {
    /// Puts the target's features on the source's scale: those of each plate (batch, source, …) are centred and scaled to
    /// the mean and SD of the source's training images. No label of the target is read.
    pub fn standardised(self, within: Role) -> Self {
        self.stating(|stated| stated.standardised = Some(Standardised { within, on_controls: false }))
    }

    /// The same by the statistics of the untreated controls, of each plate and of the source.
    pub fn standardised_on_controls(self, within: Role) -> Self {
        self.stating(|stated| stated.standardised = Some(Standardised { within, on_controls: true }))
    }

    /// Gives all images of a well (treatment, …) the label with the largest mean log-probability over them.
    pub fn pooled(self, over: Role) -> Self {
        self.stating(|stated| stated.pooled = Some(over))
    }

    /// On all tasks of these images.
    pub fn on<T: DataWord>(self, data: T) -> On<Self, T> {
        On(self, data)
    }
}

impl<W: Classifies, T: DataWord> Evaluation for On<With<W>, T> {
    type Data = T;
    type Asks = W::Asks;

    fn protocol(&self) -> Table {
        self.0.table()
    }

    fn data(&self) -> Selection {
        self.1.data()
    }
}

/// Writes what follows from [`Classifies`]: the sentence as plain data, and the methods of [`With`] for the bare word.
macro_rules! classifies {
    ($Word:ident) => {
        impl $crate::word::Sentence for $Word {
            type Settings = Settings;
            type Stated = $crate::protocol::target::Stated;

            fn said(self, stated: Self::Stated) -> toml::Table {
                let settings = $crate::protocol::target::Classifies::settings(self, stated);
                let toml::Value::Table(mut table) = $crate::word::plain(&settings) else {
                    unreachable!("settings are a table")
                };
                table.insert("kind".into(), <Settings as $crate::word::Named>::KIND.into());
                table
            }
        }

        impl $Word {
            /// Puts the target's features on the source's scale: those of each plate (batch, source, …) are centred and
            /// scaled to the mean and SD of the source's training images. No label of the target is read.
            pub fn standardised(self, within: $crate::role::Role) -> $crate::word::With<Self> {
                $crate::word::With::of(self).standardised(within)
            }

            /// The same by the statistics of the untreated controls, of each plate and of the source.
            pub fn standardised_on_controls(self, within: $crate::role::Role) -> $crate::word::With<Self> {
                $crate::word::With::of(self).standardised_on_controls(within)
            }

            /// Gives all images of a well (treatment, …) the label with the largest mean log-probability over them.
            pub fn pooled(self, over: $crate::role::Role) -> $crate::word::With<Self> {
                $crate::word::With::of(self).pooled(over)
            }

            /// On all tasks of these images.
            pub fn on<T: $crate::dsl::DataWord>(
                self,
                data: T,
            ) -> $crate::dsl::On<$crate::word::With<Self>, T> {
                $crate::word::With::of(self).on(data)
            }
        }
    };
}
pub(super) use classifies;
