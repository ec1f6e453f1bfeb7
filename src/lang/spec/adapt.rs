//! Adaptation to unlabelled images of another laboratory: the third step of ODA and CODA.

use super::{Role, Selection, Stage};
use serde::{Deserialize, Serialize};

/// The model goes on with its own last stage of training on other images; a classifier on top of it stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adapt {
    /// The images that it adapts to. Their labels are not read.
    pub data: Selection,
    /// One adapted model for each value of this role, which is asked about its own images; none: one for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Role>,
    /// Whether each of these models is asked about all images, not only about its own: what adapting to one part is worth for
    /// the rest. Each has scores of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_one: bool,
    /// Where the student starts.
    pub student: StudentStart,
    /// Where the centre of the teacher's outputs starts.
    pub centre: CentreStart,
    /// What becomes of the projection head.
    pub head: HeadWhileAdapting,
    /// What the learning rates of the stage are multiplied by.
    pub rate: f64,
    /// The step whose model is kept.
    #[serde(default, skip_serializing_if = "KeptStep::is_last")]
    pub keep: KeptStep,
    /// How it is trained.
    pub stage: Stage,
}

/// Where the student of an adaptation starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudentStart {
    /// As the student of the stage before was at its end, as released. After a short stage it is another network than the
    /// teacher, and the teacher becomes it within a few steps.
    Saved,
    /// As the teacher.
    Teacher,
}

/// Where the centre of an adaptation starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CentreStart {
    /// At zero, as released.
    Restarted,
    /// Where the stage before left it.
    Kept,
}

/// What becomes of the projection head of an adaptation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadWhileAdapting {
    /// It is trained, as released.
    Trained,
    /// It stays as it is.
    Frozen,
}

/// The step of an adaptation whose model is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptStep {
    /// The last one, as published.
    #[default]
    LastStep,
    /// That after which the classifier says each class about as often as the source has it: of the start and ten steps at equal
    /// distances, the one where the two distributions are nearest (Kullback-Leibler divergence), the earlier among equals. No
    /// label of the target is read, but its classes are taken to be as frequent as the source's, as on TARGET2 they are by
    /// design. If no step is better than the start, nothing was adapted. Ours.
    LabelFreeStop,
}

impl KeptStep {
    /// What was said where nothing was: not written.
    pub fn is_last(&self) -> bool {
        *self == Self::LastStep
    }
}

impl Adapt {
    /// The stage with its rates multiplied.
    pub fn scaled_stage(&self) -> Stage {
        let mut stage = self.stage.clone();
        stage.optimiser.lr *= self.rate;
        stage.schedule.lr_min *= self.rate;
        stage.schedule.warmup_lr *= self.rate;
        stage
    }
}
