//! iBOT (Zhou et al. 2022) as in DINOv2: the student's tokens of masked patches learn to say what the teacher, which sees them,
//! says.

use super::{
    STUDENT_HEAD,
    head::{Head, Widths},
    schedule::Schedule,
    targets::Targets,
};
use crate::{
    curve::Clock,
    loss::{Forwarded, Masking, Term, Valued},
    ops::{buffer, distil::Meeting},
    params::{Params, Published},
    spec::{IbotHead, settings},
    state::Lost,
    tape::{Node, Tape},
};
use candle_core::{DType, Result, Tensor};

/// The name of the centre of tokens in a checkpoint.
const CENTRE: &str = "centre";

/// The loss of masked patches, beside that of `Dino`.
pub(in crate::loss) struct Ibot {
    masking: Masking,
    schedule: Schedule,
    student_sharpness: f32,
    targets: Targets,
    /// Its own head; none: that of `Dino`.
    own: Option<Head>,
    /// A running mean of the teacher's logits of tokens; none before a training begins.
    centre: Option<Tensor>,
    prototypes: usize,
}

/// One token for each masked patch learns from one of the teacher's.
const ONE: Meeting = Meeting { teachers: 1, students: 1, same_views: false };

impl Ibot {
    /// Adds the token that masked patches become, 0 at first, to `params`, and a head, if it has one of its own.
    pub(in crate::loss) fn new(
        word: &settings::Ibot,
        dino: &settings::Dino,
        features: usize,
        params: &mut Params,
    ) -> Self {
        let token = params.add_constant(Published::new("mask_token", &[1, features]), 0.0);
        let (own, prototypes) = match word.head {
            IbotHead::Shared => (None, dino.prototypes),
            IbotHead::Separate => {
                let mut params = params.within(&format!("{STUDENT_HEAD}ibot/"));
                let widths = Widths { prototypes: word.prototypes, ..Widths::of(dino, features) };
                (Some(Head::new(widths, dino.gain, &mut params)), word.prototypes)
            }
        };
        Self {
            masking: Masking { views: word.views, masked: word.masked, token },
            schedule: Schedule::v2(dino),
            student_sharpness: (1.0 / dino.student_temperature) as f32,
            targets: Targets::of(dino),
            own,
            centre: None,
            prototypes,
        }
    }

    /// The centre.
    fn centre(&self) -> Result<&Tensor> {
        match &self.centre {
            Some(centre) => Ok(centre),
            None => candle_core::bail!("there is no centre before the training begins"),
        }
    }
}

impl Term for Ibot {
    fn start(&mut self, params: &Params) -> Result<()> {
        if self.centre.is_none() {
            self.centre = Some(Tensor::zeros(self.prototypes, DType::F32, params.device())?);
        }
        Ok(())
    }

    fn masking(&self) -> Option<Masking> {
        Some(self.masking)
    }

    /// The mean over all large views of the mean over the masked patches of each; views without one count as 0.
    fn value(&self, tape: &mut Tape, params: &Params, out: &Forwarded<'_>, at: &Clock) -> Result<Valued> {
        let (Some(distillation), Some(seen)) = (out.distillation, out.teacher.first()) else {
            candle_core::bail!("masked patches need the teacher of `Dino`");
        };
        let tokens = (out.masks, out.student[0].tokens.as_ref(), seen.tokens.as_ref());
        let (Some(masks), Some(student), Some(taught)) = tokens else {
            let nothing = Tensor::zeros(1, DType::F32, params.device())?;
            return Ok(Node::constant(nothing).into());
        };
        let Some(teacher) = distillation.teacher() else {
            candle_core::bail!("a training with a teacher has begun without one");
        };
        let head = self.own.as_ref().unwrap_or(&distillation.head);
        let logits = head.forward(&mut Tape::forgetting_in(params.format()), teacher, taught)?;
        let logits = logits.value().clone();
        let sharpness = (1.0 / self.schedule.temperature.at(at)) as f32;
        let [said, _] = self.targets.said(&logits, self.centre()?, sharpness)?;
        let weights: Vec<f32> = masks.of_crops().flat_map(|count| vec![1.0 / count as f32; count]).collect();
        let factor = 1.0 / masks.of_crops().count() as f32;
        let own = head.forward(tape, params, student)?;
        let node = tape.distil_weighted((&own, self.student_sharpness), &said, ONE, factor, &weights)?;
        Ok(Valued { node, kept: vec![logits], watched: Vec::new() })
    }

    fn after_step(&mut self, kept: &[Tensor], _: &Clock, _: &Params) -> Result<()> {
        self.targets.follow(self.centre()?, kept)
    }

    fn state(&self) -> Result<Vec<(String, Vec<f32>)>> {
        let Some(centre) = &self.centre else { return Ok(Vec::new()) };
        Ok(vec![(CENTRE.to_owned(), buffer::copy(centre)?)])
    }

    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> std::result::Result<(), Lost> {
        let Some(centre) = &self.centre else { return Ok(()) };
        let stored = read(CENTRE).filter(|values| values.len() == self.prototypes);
        let values = stored.ok_or_else(|| Lost(format!("{CENTRE} of {} numbers", self.prototypes)))?;
        buffer::set(centre, &values).map_err(|_| Lost(CENTRE.into()))
    }
}
