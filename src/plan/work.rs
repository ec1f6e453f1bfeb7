//! Units of work, as they are hashed.

use super::Revisions;
use crate::{
    backbone,
    spec::{
        Backbone, Beside, CentreStart, Condition, ConvNextSize, Features, HeadWhileAdapting, KeptStep, Loss,
        Model, Normalise, Precision, PretrainLength, Protocol, Selection, Spec, Stage, StudentStart,
        TestTime, Train, View, Weights, kind, settings,
    },
    train::Continue,
};
use serde::Serialize;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// A backbone's first training, on simulated three-channel images.
    Pretrain {
        /// The backbone.
        size: Pretrained,
        /// How long it lasts.
        #[serde(skip_serializing_if = "PretrainLength::is_short")]
        length: PretrainLength,
        /// Of the code behind it.
        revisions: Revisions,
    },
    /// A model as it starts, or one stage of its training.
    Fit(Fit),
    /// Features of every image, by the model of the parent.
    Embed {
        /// The images.
        data: Selection,
        /// What the model gets to see of an image.
        view: View,
        /// Side of the square that the network sees, in pixels, where images are resized.
        image: usize,
        /// Whether that square is a window at the image's own scale.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        window: bool,
        /// Whether features are the mean over the eight symmetries of a square.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        symmetries: bool,
        /// What becomes of the model in front of each image. The model under the classifier is the second parent then.
        #[serde(skip_serializing_if = "Option::is_none")]
        test_time: Option<TestTime>,
        /// At most this many images of each set and split.
        subset: Option<usize>,
        /// Of the code behind it.
        revisions: Revisions,
    },
    /// How alike images are in each layer of the model of the parent.
    Layers(Layers),
    /// Scores of every task, by the features of the parents, side by side, or by a floor's own.
    Score {
        /// The classifier on top of the features.
        protocol: Protocol,
        /// The images.
        data: Selection,
        /// Whose features.
        features: Features,
        /// The part that the model is adapted to, where the models of several parts are each asked about all images.
        #[serde(skip_serializing_if = "Option::is_none")]
        adapted_to: Option<Condition>,
        /// Others beside those of the parents.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        beside: Vec<Beside>,
        /// The images that the model was trained on, if they answer; none: those of the set's own split `Train` do.
        #[serde(skip_serializing_if = "Option::is_none")]
        trained_on: Option<Selection>,
        /// Share of the training images that were kept back; they are a task of their own.
        hold_out: f64,
        /// At most this many images of each set and split.
        subset: Option<usize>,
        /// Of the code behind it.
        revisions: Revisions,
    },
}

impl Work {
    /// Its kind in the store.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Pretrain { .. } => kind::PRETRAIN,
            Self::Fit(_) => kind::FIT,
            Self::Embed { .. } => kind::EMBED,
            Self::Layers(_) => kind::LAYERS,
            Self::Score { .. } => kind::SCORE,
        }
    }

    /// A line for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Pretrain { size, length, .. } => {
                let longer = if length.is_short() { "" } else { " for longer" };
                format!("pre-train a {} backbone{longer} on simulated three-channel images", size.name())
            }
            Self::Fit(Fit { data, training: None, .. }) => format!("take the model as it starts, for {data}"),
            Self::Fit(Fit { data, classifier: Some(top), training: Some(training), .. }) => {
                let epochs = training.stage.epochs;
                format!(
                    "train a classifier ({}) on the frozen model, {epochs} epochs on {data}",
                    top.backbone
                )
            }
            Self::Fit(Fit { data, training: Some(training), .. }) => {
                let Training { stage, number, adapts, .. } = &**training;
                let on = stage.on.as_ref().unwrap_or(data);
                if adapts.is_some() {
                    return format!("adapt to {on}, {} epochs", stage.epochs);
                }
                let further = if *number > 0 { " more" } else { "" };
                format!("train {}{further} epochs on {on}", stage.epochs)
            }
            Self::Embed { data, view: View::Native, .. } => {
                format!("embed {data} as the backbone was published")
            }
            Self::Embed { data, image, window, symmetries, test_time, .. } => {
                let turned = if *symmetries { ", in eight symmetries" } else { "" };
                let seen = if *window { "in windows of" } else { "at" };
                let trained = test_time.as_ref().map(|way| format!(", each image after {way}"));
                format!("embed {data} {seen} {image} px{turned}{}", trained.unwrap_or_default())
            }
            Self::Layers(Layers { data, images, .. }) => {
                format!("look into each layer at {images} images of {data} at most")
            }
            Self::Score { protocol, data, features: Features::Model, adapted_to: None, .. } => {
                format!("score {data} by {}", protocol.name())
            }
            Self::Score { protocol, data, features: Features::Model, adapted_to: Some(part), .. } => {
                format!("score {data} by {}, adapted to {part}", protocol.name())
            }
            Self::Score { protocol, data, features, .. } => {
                format!("score the floor `{}` of {data} by {}", features.name(), protocol.name())
            }
        }
    }
}

/// Images that every layer of a model is looked at with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layers {
    /// The images.
    pub data: Selection,
    /// Side of the square that the network sees, in pixels.
    pub image: usize,
    /// Whether that square is a window at the image's own scale.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub window: bool,
    /// At most this many images of each set and split.
    pub subset: Option<usize>,
    /// At most this many of these, drawn at random, the same ones for all models.
    pub images: usize,
    /// Images of a mini-batch: only those of one batch are compared.
    pub batch: usize,
    /// Of the code behind it.
    pub revisions: Revisions,
}

impl Layers {
    /// Images that are looked at.
    pub const IMAGES: usize = 1024;
    /// Images of a mini-batch.
    pub const BATCH: usize = 64;
}

/// A model, and what is trained of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The model.
    pub model: Model,
    /// The sets for whose channels it has parameters.
    pub data: Selection,
    /// Side of the square that the network sees, in pixels.
    pub image: usize,
    /// Whether that square is a window at the image's own scale.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub window: bool,
    /// How pixels are normalised, where not by mean and SD of `Train`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub normalise: Vec<Normalise>,
    /// At most this many images of each set and split.
    pub subset: Option<usize>,
    /// Number format of activations and weights.
    pub precision: Precision,
    /// The classifier on top of the model, which is frozen then; none: the model itself is trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classifier: Option<Top>,
    /// What is trained, from where the parent ended, or from the weights that the model starts from; none: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training: Option<Box<Training>>,
    /// Of the code behind it.
    pub revisions: Revisions,
}

impl Fit {
    /// Of a spec's model, with parameters for all images of these sets, whichever it is trained on.
    pub(super) fn of(
        spec: &Spec,
        data: &Selection,
        classifier: Option<Top>,
        training: Option<Training>,
    ) -> Self {
        let Train { image, window, normalise, subset, precision, .. } = &spec.train;
        let top = classifier.as_ref().map(|top| &top.backbone);
        let stage = training.as_ref().map(|training| &training.stage);
        Self {
            model: spec.model.clone(),
            data: data.all_images(),
            image: *image,
            window: *window,
            normalise: normalise.clone(),
            subset: *subset,
            precision: *precision,
            revisions: Revisions::fit(&spec.model, top, stage),
            classifier,
            training: training.map(Box::new),
        }
    }

    /// How the decoder is made that the model is trained with.
    ///
    /// # Panics
    /// If there is none: the check refuses test-time training of such models.
    pub fn decoder(&self) -> &settings::Mae {
        let terms = self.training.iter().flat_map(|training| &training.stage.objective);
        let mut words = terms.filter_map(|term| match &term.loss {
            Loss::Mae(word) => Some(word),
            _ => None,
        });
        words.next().expect("the check refuses test-time training of models without a decoder")
    }
}

/// A backbone that is trained on simulated images first.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Pretrained {
    /// By its size.
    ConvNext(ConvNextSize),
    /// A vision transformer.
    Vit {
        /// Its shape.
        vit: settings::Vit,
    },
}

impl Pretrained {
    fn name(&self) -> String {
        match self {
            Self::ConvNext(size) => backbone::files::size_name(*size).into(),
            Self::Vit { vit } => Backbone::from(vit.clone()).to_string(),
        }
    }
}

/// A classifier on top of a model, before its training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Top {
    /// The transformer.
    pub backbone: Backbone,
    /// Where its training starts.
    pub weights: Weights,
}

/// What an adaptation takes over from the training before it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TakesOver {
    /// Where the student starts.
    pub student: StudentStart,
    /// Where the centre starts.
    pub centre: CentreStart,
    /// What becomes of the head.
    pub head: HeadWhileAdapting,
    /// The step whose model is kept. Where a classifier decides, it is the second parent.
    #[serde(skip_serializing_if = "KeptStep::is_last")]
    pub keep: KeptStep,
}

impl TakesOver {
    /// The same in the terms of the training.
    pub fn how(self) -> Continue {
        Continue {
            student_from_teacher: self.student == StudentStart::Teacher,
            keep_centre: self.centre == CentreStart::Kept,
            freeze_head: self.head == HeadWhileAdapting::Frozen,
        }
    }
}

/// A stage of a training, as a work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Training {
    /// Its place among the stages, from 0. Each draws from random streams of its own.
    #[serde(skip_serializing_if = "is_first")]
    pub number: usize,
    /// Share of the training images of each class and set that are kept back.
    pub hold_out: f64,
    /// For an adaptation, which reads all images whatever their split: what it takes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapts: Option<TakesOver>,
    /// What is minimised, and how.
    pub stage: Stage,
}

fn is_first(number: &usize) -> bool {
    *number == 0
}
