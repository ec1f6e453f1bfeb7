//! DINO (Caron et al. 2021) and its second version (Oquab et al. 2024): a student's views learn to say what the teacher says
//! of another, large view of the same image, or of the other image of a pair.
//!
//! The teacher sees the first group of crops. Its logits are centred by a running mean, or balanced over the batch; the centre and
//! the teacher change after each step.

mod head;
mod ibot;
mod schedule;
mod targets;
mod teacher;
#[cfg(test)]
mod tests;
mod watch;

pub(super) use ibot::Ibot;
pub(crate) use schedule::Schedule;
pub use teacher::{CENTRE, Distillation, STUDENT, STUDENT_HEAD, TEACHER_HEAD};

use super::{Forwarded, Report, Term, Valued};
use crate::{
    curve::Clock,
    ops::distil::{self, Meeting},
    params::Params,
    spec::settings,
    state::Lost,
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};
use head::{Head, Widths};
use targets::Targets;
use watch::Watch;

/// The curves of what the teacher says, as they are published.
const CURVES: [&str; 6] = [
    "teacher/entropy",
    "teacher/entropy_of_mean",
    "teacher/information",
    "teacher/kl",
    "teacher/momentum",
    "teacher/temperature",
];

/// The loss with its teacher.
pub(super) struct Dino {
    schedule: Schedule,
    student_sharpness: f32,
    targets: Targets,
    distillation: Distillation,
    watch: Watch,
}

impl Dino {
    /// Adds the student's head to `params`.
    pub(super) fn v1(word: &settings::DinoV1, features: usize, params: &mut Params) -> Self {
        let settings::DinoV1 { hidden, bottleneck, prototypes, gain, .. } = *word;
        let widths = Widths { features, hidden, bottleneck, prototypes };
        let head = Head::new(widths, gain, &mut params.within(STUDENT_HEAD));
        Self {
            schedule: Schedule::v1(word),
            student_sharpness: (1.0 / word.student_temperature) as f32,
            targets: Targets::Centred { momentum: word.centre_momentum },
            distillation: Distillation::new(head, prototypes),
            watch: Watch::default(),
        }
    }

    /// The same of the second version.
    pub(super) fn v2(word: &settings::Dino, features: usize, params: &mut Params) -> Self {
        let head = Head::new(Widths::of(word, features), word.gain, &mut params.within(STUDENT_HEAD));
        Self {
            schedule: Schedule::v2(word),
            student_sharpness: (1.0 / word.student_temperature) as f32,
            targets: Targets::of(word),
            distillation: Distillation::new(head, word.prototypes),
            watch: Watch::default(),
        }
    }
}

impl Term for Dino {
    fn start(&mut self, params: &Params) -> Result<()> {
        self.distillation.start(params)
    }

    fn teacher(&self) -> Option<&Params> {
        self.distillation.teacher()
    }

    fn distillation(&self) -> Option<&Distillation> {
        Some(&self.distillation)
    }

    fn distillation_mut(&mut self) -> Option<&mut Distillation> {
        Some(&mut self.distillation)
    }

    fn value(&self, tape: &mut Tape, params: &Params, out: &Forwarded<'_>, at: &Clock) -> Result<Valued> {
        let (Some(teacher), Some(seen)) = (self.distillation.teacher(), out.teacher.first()) else {
            candle_core::bail!("a training with a teacher has begun without one");
        };
        let units = (out.classes.len() / out.together.max(1)).max(1);
        let head = &self.distillation.head;
        let logits = head.forward(&mut Tape::forgetting_in(params.format()), teacher, &seen.features)?;
        let logits = logits.value().clone();
        let sharpness = (1.0 / self.schedule.temperature.at(at)) as f32;
        let [said, entropies] = self.targets.said(&logits, self.distillation.centre()?, sharpness)?;

        let teachers = logits.dims()[0] / units;
        let meetings: Vec<Meeting> = (out.student.iter().enumerate())
            .map(|(group, outputs)| {
                let students = outputs.features.dims()[0] / units;
                Meeting { teachers, students, same_views: group == 0 }
            })
            .collect();
        let pairs: usize = meetings.iter().map(|meeting| meeting.pairs()).sum();
        let factor = 1.0 / (pairs * units) as f32;
        let mut terms = Vec::new();
        for (outputs, meeting) in out.student.iter().zip(meetings) {
            let logits = head.forward(tape, params, &outputs.features)?;
            terms.push((1.0, tape.distil(&logits, self.student_sharpness, &said, meeting, factor)?));
        }
        let quiet = &mut Tape::forgetting();
        let rows = entropies.elem_count() as f32;
        let sum = quiet.sum(&Node::constant(entropies))?;
        let entropy = quiet.weighted_sum(&[(1.0 / rows, sum)])?.deferred();
        let of_mean = Node::constant(distil::entropy_of_mean(&said)?).deferred();
        let node = tape.weighted_sum(&terms)?;
        Ok(Valued { node, kept: vec![logits], watched: vec![entropy, of_mean] })
    }

    fn after_step(&mut self, kept: &[Tensor], at: &Clock, params: &Params) -> Result<()> {
        self.targets.follow(self.distillation.centre()?, kept)?;
        self.distillation.follow(params, self.schedule.momentum_at(at))
    }

    fn report(&mut self, loss: f64, watched: &[f64], at: &Clock) -> Report {
        let [entropy, of_mean] = *watched else { return Report::default() };
        let information = of_mean - entropy;
        let values = [
            entropy,
            of_mean,
            information,
            loss - entropy,
            self.schedule.momentum_at(at),
            self.schedule.temperature.at(at),
        ];
        let ready = at.step >= self.schedule.warmup(at);
        let remark = self.watch.look(information, of_mean, ready, at.step);
        Report { curves: CURVES.into_iter().zip(values).collect(), remark }
    }

    fn state(&self) -> Result<Vec<(String, Vec<f32>)>> {
        self.distillation.state()
    }

    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> std::result::Result<(), Lost> {
        self.distillation.restore(read)
    }
}
