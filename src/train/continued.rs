//! A training with a teacher, or with a decoder, that goes on where another one, on other images, has ended: CODA's third
//! step.

use crate::{
    backbone::files::{self, is_head},
    loss::{
        Autoencoder, Objective,
        dino::{CENTRE, STUDENT, STUDENT_HEAD, TEACHER_HEAD},
    },
    params::{ParamId, Params},
};
use std::path::Path;

/// How it goes on. CODA's own step carries student and teacher over and begins with a centre of 0; all schedules begin anew
/// in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Continue {
    /// The student (backbone and head) begins as the teacher, instead of where it was. Where the student had gone ahead, the
    /// teacher otherwise jumps to it in the first steps.
    pub student_from_teacher: bool,
    /// The centre is the one of the training before, instead of 0.
    pub keep_centre: bool,
    /// The heads do not learn, of student and teacher, nor does a decoder.
    pub freeze_head: bool,
}

/// Takes over what a finished training with a decoder has left: encoder and decoder.
fn with_decoder(path: &Path, params: &mut Params, freeze: bool) -> Result<(), files::Error> {
    let ours = |name: &str| Autoencoder::is_decoder(name) || !is_head(name);
    files::load_named(path, params, |name| ours(name).then(|| name.to_owned()))?;
    let decoder = |params: &Params, id: &ParamId| Autoencoder::is_decoder(&params.published(*id).name);
    let decoder: Vec<ParamId> = params.ids().filter(|id| freeze && decoder(params, id)).collect();
    decoder.into_iter().for_each(|id| params.freeze(id));
    Ok(())
}

/// Takes over what a finished training with a teacher has left in `path` (see [`leave`](super::leave)): backbones and heads of
/// student and teacher, and the centre; or, of a masked autoencoder, encoder and decoder. `params` are those of the model and of `objective`; call it before
/// [`Job::run`](super::Job::run).
///
/// # Errors
/// If the file cannot be read, is that of a training without a teacher, or has a head of another size.
pub fn continue_from(
    path: &Path,
    params: &mut Params,
    objective: &mut Objective,
    how: Continue,
) -> Result<(), files::Error> {
    if objective.autoencoder().is_some() {
        return with_decoder(path, params, how.freeze_head);
    }
    let Some(distillation) = objective.distillation_mut() else { return Ok(()) };
    let Continue { student_from_teacher, keep_centre, freeze_head } = how;
    let of_teacher = |name: &str| match name.strip_prefix(STUDENT_HEAD) {
        Some(part) => Some(format!("{TEACHER_HEAD}{part}")),
        None => (!is_head(name)).then(|| name.to_owned()),
    };
    let of_student = |name: &str| match name.strip_prefix(STUDENT_HEAD) {
        Some(_) => Some(name.to_owned()),
        None => (!is_head(name)).then(|| format!("{STUDENT}{name}")),
    };
    let heads: Vec<ParamId> = distillation.head().collect();
    if freeze_head {
        heads.iter().for_each(|id| params.freeze(*id));
    }
    match student_from_teacher {
        true => files::load_named(path, params, of_teacher)?,
        false => files::load_named(path, params, of_student)?,
    }
    distillation.start(params)?;
    if let Some(teacher) = distillation.teacher_mut() {
        files::load_named(path, teacher, of_teacher)?;
    }
    if keep_centre {
        let shape = [distillation.centre()?.elem_count()];
        let [centre] = files::tensors(path, &[(CENTRE, &shape)])?;
        distillation.set_centre(&centre)?;
    }
    Ok(())
}
