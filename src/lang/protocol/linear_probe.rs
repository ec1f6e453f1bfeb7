//! LinearProbe: linear classifiers that are trained step by step on each set's training images, and one of them chosen.

use super::{Protocol, ProtocolWord, Reads, Target};
use crate::{
    dsl::{DataWord, Evaluation, OfFeatures, On},
    spec::{Selection, Spec, bounds, check::Found},
    word::{Named, Says, Sentence, With, Word, plain, word},
};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

word! {
    "evaluate.protocol", "linear_probe", revision 1;
    /// A linear probe as Cell-DINO's code trains it: 48 linear classifiers side by side, each with one of 16 rates (1e-5 to 1, times
    /// batch / 256) and one of three weight decays (0, 1e-4, 1e-5), by AdamW on the features of the set's training images as they
    /// are; one of the 48 answers. In a task that leaves groups out, the images of other groups are training images too. Features
    /// are computed once: images are not cropped anew at each step as there.
    settings of LinearProbe {
        /// Which of the classifiers answers.
        select: Select,
        /// How rates change from step to step.
        schedule: ProbeSchedule,
        /// Steps.
        iterations: usize,
        /// Images in a step.
        batch: usize,
    }
}

/// Which of several classifiers answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The one with the largest macro-F1 on a tenth of the training images, which were held out; it is then trained on all.
    HeldOut,
    /// The one with the largest macro-F1 on the images that are asked: what the published launchers do, and no honest score.
    Oracle,
}

/// How the rates of linear classifiers change from step to step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeSchedule {
    /// Half a cosine, to 0 (the code's default).
    Cosine,
    /// Up from a 25th within the first 0.3 of the steps, then down to a 10,000th of that, along cosines, while the first beta falls from
    /// 0.95 to 0.85 and rises again (the paper).
    OneCycle,
}

/// A linear probe as Cell-DINO's code trains it.
#[derive(Clone, Copy, Debug)]
pub struct LinearProbe;

/// What a sentence states of it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Stated {
    select: Option<Select>,
    schedule: Option<ProbeSchedule>,
    iterations: Option<usize>,
    batch: Option<usize>,
}

impl Sentence for LinearProbe {
    type Settings = Settings;
    type Stated = Stated;

    fn said(self, stated: Stated) -> Table {
        let usual = Settings::default();
        let settings = Settings {
            select: stated.select.unwrap_or(usual.select),
            schedule: stated.schedule.unwrap_or(usual.schedule),
            iterations: stated.iterations.unwrap_or(usual.iterations),
            batch: stated.batch.unwrap_or(usual.batch),
        };
        let Value::Table(mut table) = plain(&settings) else { unreachable!("settings are a table") };
        table.insert("kind".into(), Settings::KIND.into());
        table
    }
}

impl LinearProbe {
    /// The classifier that is best on the images that are asked answers: an upper bound, as the published launchers report it.
    pub fn oracle(self) -> With<Self> {
        With::of(self).oracle()
    }

    /// Rates rise and fall in one cycle, as in the paper, instead of falling along a cosine.
    pub fn one_cycle(self) -> With<Self> {
        With::of(self).one_cycle()
    }

    /// Another number of steps than 300. HPA, WTC and JUMP-CP: 4350.
    pub fn iterations(self, iterations: usize) -> With<Self> {
        With::of(self).iterations(iterations)
    }

    /// Another number of images in a step than 128. HPA and WTC: 256; JUMP-CP: 1024.
    pub fn batch(self, batch: usize) -> With<Self> {
        With::of(self).batch(batch)
    }

    /// On all tasks of these images.
    pub fn on<T: DataWord>(self, data: T) -> On<With<Self>, T> {
        With::of(self).on(data)
    }
}

impl With<LinearProbe> {
    /// The classifier that is best on the images that are asked answers: an upper bound, as the published launchers report it.
    pub fn oracle(self) -> Self {
        self.stating(|stated| stated.select = Some(Select::Oracle))
    }

    /// Rates rise and fall in one cycle, as in the paper, instead of falling along a cosine.
    pub fn one_cycle(self) -> Self {
        self.stating(|stated| stated.schedule = Some(ProbeSchedule::OneCycle))
    }

    /// Another number of steps than 300. HPA, WTC and JUMP-CP: 4350.
    pub fn iterations(self, iterations: usize) -> Self {
        self.stating(|stated| stated.iterations = Some(iterations))
    }

    /// Another number of images in a step than 128. HPA and WTC: 256; JUMP-CP: 1024.
    pub fn batch(self, batch: usize) -> Self {
        self.stating(|stated| stated.batch = Some(batch))
    }

    /// On all tasks of these images.
    pub fn on<T: DataWord>(self, data: T) -> On<Self, T> {
        On(self, data)
    }
}

impl<T: DataWord> Evaluation for On<With<LinearProbe>, T> {
    type Data = T;
    type Asks = OfFeatures;

    fn protocol(&self) -> Table {
        self.0.table()
    }

    fn data(&self) -> Selection {
        self.1.data()
    }
}

impl Default for Settings {
    /// Cell-DINO's launcher of CHAMMI, but for the choice.
    fn default() -> Self {
        Self { select: Select::HeldOut, schedule: ProbeSchedule::Cosine, iterations: 300, batch: 128 }
    }
}

/// The title of one by the end of its name: `""`, `"_oracle_one_cycle_4350x256"`.
pub(super) fn title(end: &str) -> Option<String> {
    let (oracle, rest) = end.strip_prefix("_oracle").map_or((false, end), |rest| (true, rest));
    let (cycle, rest) = rest.strip_prefix("_one_cycle").map_or((false, rest), |rest| (true, rest));
    let steps = match rest.strip_prefix('_') {
        None if rest.is_empty() => String::new(),
        None => return None,
        Some(size) => {
            let (iterations, batch) = size.split_once('x')?;
            let (iterations, batch) = (iterations.parse::<usize>().ok()?, batch.parse::<usize>().ok()?);
            format!(", {iterations} steps of {batch}")
        }
    };
    let oracle = if oracle { ", oracle" } else { "" };
    let cycle = if cycle { ", one cycle" } else { "" };
    Some(format!("linear probe{oracle}{cycle}{steps}"))
}

impl Settings {
    fn end(&self) -> String {
        let usual = Self::default();
        let oracle = if self.select == Select::Oracle { "_oracle" } else { "" };
        let cycle = if self.schedule == ProbeSchedule::OneCycle { "_one_cycle" } else { "" };
        let steps = match (self.iterations, self.batch) {
            usual_size if usual_size == (usual.iterations, usual.batch) => String::new(),
            (iterations, batch) => format!("_{iterations}x{batch}"),
        };
        format!("{oracle}{cycle}{steps}")
    }
}

impl ProtocolWord for Settings {
    fn name(&self) -> String {
        format!("{}{}", Self::KIND, self.end())
    }

    fn title(&self) -> String {
        title(&self.end()).unwrap_or_default()
    }

    fn of_standardised(&self) -> Protocol {
        self.clone().into()
    }

    fn of_untrained(&self) -> Protocol {
        self.clone().into()
    }

    fn reads(&self) -> Reads {
        Reads::FEATURES
    }

    fn target(&self) -> Target {
        Target::default()
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, found: &mut Found) {
        found.within(&bounds::PROBE_STEPS, self.iterations);
        found.within(&bounds::BATCH, self.batch);
    }

    fn quick(&mut self, _: &Spec) {
        self.iterations = self.iterations.min(Self::default().iterations);
    }
}
