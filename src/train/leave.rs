//! What a finished training leaves: the weights of the model under its own names. Where there is a teacher, those are the
//! teacher's, and the student, both heads and the centre are beside them, so that a later training can go on.

use crate::{
    backbone::files::{self, bytes, is_head},
    loss::{
        Objective,
        dino::{CENTRE, STUDENT, STUDENT_HEAD, TEACHER_HEAD},
    },
    ops::buffer,
    params::{ParamId, Params},
};
use std::{collections::BTreeSet, path::Path};

/// Writes the weights after a training, with a note.
///
/// # Errors
/// If the file cannot be written.
pub fn leave(
    path: &Path,
    params: &Params,
    objective: &Objective,
    note: Option<&str>,
) -> Result<(), files::Error> {
    let Some((distillation, teacher)) =
        objective.distillation().and_then(|distillation| Some((distillation, distillation.teacher()?)))
    else {
        return files::save(path, params, note, |_| true);
    };
    let heads: BTreeSet<ParamId> = distillation.head().collect();
    let mut tensors = Vec::new();
    let mut put = |name: String, of: &Params, id: ParamId| -> Result<(), files::Error> {
        tensors.push((name, of.published(id).shape.clone(), bytes(&of.export(id)?)));
        Ok(())
    };
    for id in params.ids() {
        let name = &params.published(id).name;
        match name.strip_prefix(STUDENT_HEAD) {
            Some(part) if heads.contains(&id) => {
                put(name.clone(), params, id)?;
                put(format!("{TEACHER_HEAD}{part}"), teacher, id)?;
            }
            // Of another loss.
            _ if is_head(name) => put(name.clone(), params, id)?,
            _ => {
                put(name.clone(), teacher, id)?;
                put(format!("{STUDENT}{name}"), params, id)?;
            }
        }
    }
    let centre = buffer::copy(distillation.centre()?)?;
    tensors.push((CENTRE.to_owned(), vec![centre.len()], bytes(&centre)));
    files::write(path, &tensors, note)
}
