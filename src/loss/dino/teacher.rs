//! The teacher's weights and the centre of its logits: what follows the student, and what a training with a teacher leaves
//! besides the student.

use super::head::Head;
use crate::{
    ops::buffer,
    params::{ParamId, Params},
    state::Lost,
};
use candle_core::{DType, Result, Tensor};

/// Prefix of the student's weights in a file, which has the teacher's under the model's own names.
pub const STUDENT: &str = "student/";
/// Prefix of the student's head, in files and in a training.
pub const STUDENT_HEAD: &str = "student_head/";
/// Prefix of the teacher's head in a file.
pub const TEACHER_HEAD: &str = "teacher_head/";
/// The name of the centre in a file.
pub const CENTRE: &str = "centre";

/// A student's head, its teacher and the centre.
pub struct Distillation {
    pub(super) head: Head,
    prototypes: usize,
    /// What follows the student; none before a training begins.
    follows: Option<(Params, Tensor)>,
}

impl Distillation {
    pub(super) fn new(head: Head, prototypes: usize) -> Self {
        Self { head, prototypes, follows: None }
    }

    /// Begins with a teacher like the student, and a centre of 0; no more if there is one already.
    pub(crate) fn start(&mut self, student: &Params) -> Result<()> {
        if self.follows.is_none() {
            let centre = Tensor::zeros(self.prototypes, DType::F32, student.device())?;
            self.follows = Some((student.duplicate()?, centre));
        }
        Ok(())
    }

    /// Backbone and head of the teacher, under the student's names.
    pub fn teacher(&self) -> Option<&Params> {
        self.follows.as_ref().map(|(teacher, _)| teacher)
    }

    pub(crate) fn teacher_mut(&mut self) -> Option<&mut Params> {
        self.follows.as_mut().map(|(teacher, _)| teacher)
    }

    /// The running mean of the teacher's logits.
    ///
    /// # Errors
    /// If the training has not begun.
    pub fn centre(&self) -> Result<&Tensor> {
        match &self.follows {
            Some((_, centre)) => Ok(centre),
            None => candle_core::bail!("there is no centre before the training begins"),
        }
    }

    /// Prototypes of the head.
    pub(super) fn prototypes(&self) -> usize {
        self.prototypes
    }

    /// The parameters of the student's head.
    pub fn head(&self) -> impl Iterator<Item = ParamId> + '_ {
        self.head.ids()
    }

    /// Moves the teacher towards the student, which has learned; what does not learn stays what it is in both.
    pub(super) fn follow(&self, student: &Params, keep: f64) -> Result<()> {
        let Some(teacher) = self.teacher() else { return Ok(()) };
        let (keep, share) = (keep as f32, (1.0 - keep) as f32);
        // Terms that come later have added parameters of their own.
        for id in teacher.ids().filter(|id| student.is_trained(*id)) {
            buffer::blend(teacher.value(id), student.value(id), keep, share)?;
        }
        Ok(())
    }

    pub(super) fn state(&self) -> Result<Vec<(String, Vec<f32>)>> {
        let Some((teacher, centre)) = &self.follows else { return Ok(Vec::new()) };
        let one = |id| Ok((format!("teacher/{}", teacher.published(id).name), teacher.export(id)?));
        let centre = Ok((CENTRE.to_owned(), buffer::copy(centre)?));
        teacher.ids().map(one).chain([centre]).collect()
    }

    pub(super) fn restore(
        &mut self,
        read: &dyn Fn(&str) -> Option<Vec<f32>>,
    ) -> std::result::Result<(), Lost> {
        let Some((teacher, centre)) = &mut self.follows else { return Ok(()) };
        let of = |name: String, count: usize| {
            let found = read(&name).filter(|values| values.len() == count);
            found.ok_or_else(|| Lost(format!("{name} of {count} numbers")))
        };
        let ids: Vec<ParamId> = teacher.ids().collect();
        for id in ids {
            let published = teacher.published(id);
            let name = format!("teacher/{}", published.name);
            let values = of(name.clone(), published.count())?;
            teacher.import(id, values).map_err(|_| Lost(name))?;
        }
        let values = of(CENTRE.into(), self.prototypes)?;
        buffer::set(centre, &values).map_err(|_| Lost(CENTRE.into()))
    }

    /// Replaces the centre.
    pub(crate) fn set_centre(&self, values: &[f32]) -> Result<()> {
        buffer::set(self.centre()?, values)
    }
}
