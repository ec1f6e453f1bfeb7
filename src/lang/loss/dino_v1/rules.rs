//! The rules of DinoV1, and the side of its small views in `quick`.

use super::{Clipping, Settings, Span};
use crate::{
    needs::Needs,
    role::Role,
    spec::{Backbone, InStage, Spec, Strategy, VitSize, bounds, check::Found, quick},
};

/// Side of a small view beside a large one: CODA's 96 of 224 px gives too few patches at 64 px.
const SMALL_VIEW: f64 = 0.6;

/// What every self-distillation says of its teacher and its views.
pub(in crate::loss) struct Teacher {
    pub(in crate::loss) word: &'static str,
    pub(in crate::loss) ema: f64,
    pub(in crate::loss) centre_momentum: f64,
    pub(in crate::loss) temperatures: [f64; 3],
    pub(in crate::loss) sizes: [usize; 3],
    pub(in crate::loss) spans: [Span; 2],
    pub(in crate::loss) decay_rise: f64,
    pub(in crate::loss) clip: Clipping,
    pub(in crate::loss) locals: usize,
    pub(in crate::loss) local_side: usize,
}

pub(super) fn check(word: &Settings, at: &InStage<'_>, found: &mut Found) {
    let [first, last] = word.teacher_temperature;
    let teacher = Teacher {
        word: "dino_v1",
        ema: word.ema,
        centre_momentum: word.centre_momentum,
        temperatures: [first, last, word.student_temperature],
        sizes: [word.prototypes, word.hidden, word.bottleneck],
        spans: [word.temperature_over, word.last_layer_frozen],
        decay_rise: word.decay_rise,
        clip: word.clip,
        locals: word.locals,
        local_side: word.local_side,
    };
    of_teacher(&teacher, at, found);
    pairs(word, at, found);
}

/// The rules of any self-distillation.
pub(in crate::loss) fn of_teacher(teacher: &Teacher, at: &InStage<'_>, found: &mut Found) {
    momenta(teacher, found);
    let hint = "CODA: 0.04 to 0.07 for the teacher, 0.1 for the student";
    let what = format!("a temperature for `{}`", teacher.word);
    for temperature in teacher.temperatures {
        found.above_zero("temperature", &what, temperature, hint);
    }
    for size in teacher.sizes {
        found.within(&bounds::DINO_HEAD, size);
    }
    for span in teacher.spans {
        let message = || format!("expected epochs of at least 0, or a share of 0 to 1, found {span:?}");
        found.unless(span.is_one(), "dino_span", message, "CODA: 30 epochs of 300, which are a share of 0.1");
    }
    let hint = "CODA and DINO: 10";
    found.above_zero("dino_decay_rise", "a factor for weight decay", teacher.decay_rise, hint);
    match teacher.clip {
        Clipping::Never => {}
        Clipping::Global(norm) | Clipping::PerTensor(norm) | Clipping::PerNetwork(norm) => {
            let hint = "CODA: 1.0 for all together; DINO: 3.0 for each tensor; DINOv2: 3.0 for each network";
            found.above_zero("dino_clip", "a norm to which gradients are clipped", norm, hint);
        }
    }
    let averages = match at.stage.strategy {
        Strategy::Erm(_) | Strategy::Miro(_) => false,
        Strategy::Swad(_) | Strategy::DenseSwa(_) => true,
    };
    let message = || {
        format!(
            "the teacher of `{}` is what remains, and a strategy averages the student's weights",
            teacher.word
        )
    };
    let hint = "leave the strategy out: the teacher is an average over steps already";
    found.unless(!averages, "dino_averaged", message, hint);
    let others =
        at.stage.objective.iter().map(|term| &term.loss).filter(|loss| loss.needs().locals.is_some());
    let earlier = others.take_while(|loss| loss.kind() != teacher.word).count();
    let message =
        || format!("`{}` is not the only loss with a teacher, and a training has one", teacher.word);
    found.unless(earlier == 0, "dino_twice", message, "leave one of them out");
    views(teacher, at, found);
}

fn momenta(teacher: &Teacher, found: &mut Found) {
    for (what, share) in [("the teacher's weights", teacher.ema), ("the centre", teacher.centre_momentum)] {
        let message = || format!("expected a share of {what} of at least 0 and below 1, found {share}");
        let hint = "CODA: 0.996 of the teacher, 0.9 of the centre; at 1 neither would ever change";
        found.unless((0.0..1.0).contains(&share), "dino_momentum", message, hint);
    }
}

fn views(teacher: &Teacher, at: &InStage<'_>, found: &mut Found) {
    found.within(&bounds::LOCALS, teacher.locals);
    let (side, image) = (teacher.local_side, at.spec.train.image);
    let multiple = multiple(&at.spec.model.backbone);
    let message = || {
        format!(
            "expected small views with a side that is a multiple of {multiple} and at most the image's, {image} px, found \
             {side} px"
        )
    };
    let hint = format!("say `.local_side({})`", side_beside(image, multiple));
    let holds = side >= multiple && side.is_multiple_of(multiple) && side <= image;
    found.unless(holds || teacher.locals == 0, "local_side", message, &hint);
}

fn pairs(word: &Settings, at: &InStage<'_>, found: &mut Found) {
    let Some(across) = word.across.0 else { return };
    let holds = match across {
        Role::Source | Role::Batch | Role::Plate | Role::Well | Role::Site | Role::FieldOfView => true,
        Role::Label
        | Role::Treatment
        | Role::Control
        | Role::CellLine
        | Role::PlateSplit
        | Role::CompoundSplit
        | Role::PositionSplit => false,
    };
    let message =
        || format!("the images of a pair are of one treatment and cannot differ in {}", across.words());
    let hint =
        "say `.across(Role::Plate)`, as CODA's code does, or `.across(Role::Batch)`, as its paper says";
    found.unless(holds, "pairs_across", message, hint);

    let locals = word.locals;
    let message = || format!("half of the small views are of each image of a pair, and there are {locals}");
    found.unless(locals.is_multiple_of(2), "pairs_locals", message, "say an even number, as in `.locals(6)`");

    let others = at.stage.objective.iter().filter(|term| term.loss.needs().pairs.is_none());
    let views = others.map(|term| term.loss.needs().views).max().unwrap_or(1);
    let message =
        || "a loss beside `dino_v1` needs two views of each image, and pairs have one of each".into();
    let hint = "leave that loss out, or `.across(…)`";
    found.unless(views < Needs::IMAGES.views + 1, "pairs_with_views", message, hint);
}

/// What the side of a view must be a multiple of.
fn multiple(backbone: &Backbone) -> usize {
    match backbone {
        Backbone::Vit(word) => word.patch(),
        Backbone::ConvNext(_) => 32,
        Backbone::ResNet(_) | Backbone::DinoV2(_) | Backbone::OffTheShelf(_) => 1,
    }
}

fn side_beside(image: usize, multiple: usize) -> usize {
    let units = SMALL_VIEW * image as f64 / multiple as f64;
    (units.round() as usize).max(1) * multiple
}

/// The side of a small view in the small version of an experiment.
pub(in crate::loss) fn small_side(declared: &Spec) -> usize {
    let multiple = match &declared.model.backbone {
        Backbone::Vit(_) => VitSize::Mini.patch(),
        backbone => multiple(backbone),
    };
    side_beside(declared.train.image.min(quick::side(declared.train.window)), multiple)
}
