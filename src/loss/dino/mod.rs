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

use super::{Forwarded, Levels, Report, Term, Valued};
use crate::{
    curve::Clock,
    ops::{
        buffer,
        distil::{self, Meeting},
    },
    params::Params,
    spec::settings,
    state::Lost,
    tape::{Node, Tape},
};
use candle_core::{DType, Result, Tensor};
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
    levels: Levels,
    /// A running mean of the teacher's logits of channels, if they are read; none before a training begins.
    centre_of_channels: Option<Tensor>,
    watch: Watch,
}

/// The name of the centre of channels in a checkpoint.
const CENTRE_OF_CHANNELS: &str = "centre_of_channels";

impl Dino {
    /// Adds the student's head to `params`.
    pub(super) fn v1(word: &settings::DinoV1, levels: Levels, params: &mut Params) -> Self {
        let settings::DinoV1 { hidden, bottleneck, prototypes, gain, .. } = *word;
        let widths = Widths { features: levels.width, hidden, bottleneck, prototypes };
        let head = Head::new(widths, gain, &mut params.within(STUDENT_HEAD));
        Self {
            schedule: Schedule::v1(word),
            student_sharpness: (1.0 / word.student_temperature) as f32,
            targets: Targets::Centred { momentum: word.centre_momentum },
            distillation: Distillation::new(head, prototypes),
            levels,
            centre_of_channels: None,
            watch: Watch::default(),
        }
    }

    /// The same of the second version.
    pub(super) fn v2(word: &settings::Dino, levels: Levels, params: &mut Params) -> Self {
        let head = Head::new(Widths::of(word, levels.width), word.gain, &mut params.within(STUDENT_HEAD));
        Self {
            schedule: Schedule::v2(word),
            student_sharpness: (1.0 / word.student_temperature) as f32,
            targets: Targets::of(word),
            distillation: Distillation::new(head, word.prototypes),
            levels,
            centre_of_channels: None,
            watch: Watch::default(),
        }
    }

    /// What the teacher says of tokens: its logits, its probabilities and their entropies.
    fn taught(&self, teacher: &Params, tokens: &Node, centre: &Tensor, at: &Clock) -> Result<[Tensor; 3]> {
        let head = &self.distillation.head;
        let logits = head.forward(&mut Tape::forgetting_in(teacher.format()), teacher, tokens)?;
        let logits = logits.value().clone();
        let sharpness = (1.0 / self.schedule.temperature.at(at)) as f32;
        let [said, entropies] = self.targets.said(&logits, centre, sharpness)?;
        Ok([logits, said, entropies])
    }
}

/// How the views of each group meet those that the teacher sees, of so many units of images.
fn meetings(out: &Forwarded<'_>, teachers: usize, units: usize) -> Vec<Meeting> {
    (out.student.iter().enumerate())
        .map(|(group, outputs)| {
            let students = outputs.features.dims()[0] / units;
            Meeting { teachers: teachers / units, students, same_views: group == 0 }
        })
        .collect()
}

impl Term for Dino {
    fn start(&mut self, params: &Params) -> Result<()> {
        let centre = || Tensor::zeros(self.distillation.prototypes(), DType::F32, params.device());
        if self.levels.of_channels && self.centre_of_channels.is_none() {
            self.centre_of_channels = Some(centre()?);
        }
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
        let forgetting = &mut Tape::forgetting_in(params.format());
        let tokens = self.levels.of_images(forgetting, &seen.features)?;
        let [logits, said, entropies] = self.taught(teacher, &tokens, self.distillation.centre()?, at)?;
        let mut kept = vec![logits];
        let meetings = meetings(out, seen.features.dims()[0], units);
        let pairs: usize = meetings.iter().map(|meeting| meeting.pairs()).sum();
        let (head, factor) = (&self.distillation.head, 1.0 / (pairs * units) as f32);
        let mut terms = Vec::new();
        for (outputs, meeting) in out.student.iter().zip(&meetings) {
            let tokens = self.levels.of_images(tape, &outputs.features)?;
            let logits = head.forward(tape, params, &tokens)?;
            terms.push((1.0, tape.distil(&logits, self.student_sharpness, &said, *meeting, factor)?));
        }
        if let Some((tokens, _)) = self.levels.of_channels(forgetting, &seen.features, units)? {
            let Some(centre) = &self.centre_of_channels else {
                candle_core::bail!("there is no centre of channels before the training begins");
            };
            let [logits, said, _] = self.taught(teacher, &tokens, centre, at)?;
            kept.push(logits);
            // The sum over channels of the mean over images.
            for (outputs, meeting) in out.student.iter().zip(&meetings) {
                let Some((tokens, _)) = self.levels.of_channels(tape, &outputs.features, units)? else {
                    continue;
                };
                let logits = head.forward(tape, params, &tokens)?;
                terms.push((1.0, tape.distil(&logits, self.student_sharpness, &said, *meeting, factor)?));
            }
        }
        let quiet = &mut Tape::forgetting();
        let rows = entropies.elem_count() as f32;
        let sum = quiet.sum(&Node::constant(entropies))?;
        let entropy = quiet.weighted_sum(&[(1.0 / rows, sum)])?.deferred();
        let of_mean = Node::constant(distil::entropy_of_mean(&said)?).deferred();
        let node = tape.weighted_sum(&terms)?;
        Ok(Valued { node, kept, watched: vec![entropy, of_mean] })
    }

    fn after_step(&mut self, kept: &[Tensor], at: &Clock, params: &Params) -> Result<()> {
        match &self.centre_of_channels {
            None => self.targets.follow(self.distillation.centre()?, kept)?,
            // Of each set, images and then channels.
            Some(centre) => {
                let of = |level: usize| kept.iter().skip(level).step_by(2).cloned().collect::<Vec<_>>();
                self.targets.follow(self.distillation.centre()?, &of(0))?;
                self.targets.follow(centre, &of(1))?;
            }
        }
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
        let mut state = self.distillation.state()?;
        if let Some(centre) = &self.centre_of_channels {
            state.push((CENTRE_OF_CHANNELS.to_owned(), buffer::copy(centre)?));
        }
        Ok(state)
    }

    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> std::result::Result<(), Lost> {
        self.distillation.restore(read)?;
        let Some(centre) = &self.centre_of_channels else { return Ok(()) };
        let values = read(CENTRE_OF_CHANNELS).filter(|values| values.len() == centre.elem_count());
        let values = values.ok_or_else(|| Lost(CENTRE_OF_CHANNELS.into()))?;
        buffer::set(centre, &values).map_err(|_| Lost(CENTRE_OF_CHANNELS.into()))
    }
}
