//! Ttt: test-time training.

use super::TestTimeWord;
use crate::{
    dsl::AtTestTime,
    spec::{Loss, Spec, bounds, check::Found},
    word::{Says, With, Word, word},
};
use toml::Table;

word! {
    "embedding.test_time", "ttt", revision 1;
    /// Test-time training (Gandelsman et al. 2022; CODA's TTT): in front of each image, the encoder of a masked autoencoder is
    /// trained for a few steps to draw hidden patches of this image alone. Then the classifier answers, and for the next image
    /// the encoder is as it was.
    ///
    /// Each step hides other patches of some copies of the image, as many as the autoencoder was trained with. Steps are those
    /// of gradient descent with momentum and no weight decay. The decoder and the classifier stay as they are. CODA's authors
    /// published nothing of theirs but that it flips images and, by default, takes five steps.
    pub struct Ttt;
    switches {
        /// Steps on each image.
        steps: usize = (5, 20, 20), "CODA's code: 5 by default; its paper refers to TTT-MAE: 20",
            guessed "how many steps are behind CODA's numbers is not published";
        /// Copies of the image in a step, each with other hidden patches.
        copies: usize = 128, "TTT-MAE's code", guessed "not published by CODA's authors";
        /// The learning rate, whatever the number of copies. At 0 nothing changes: a control.
        lr: f64 = 5e-3, "TTT-MAE's code: 1e-2 for 256 copies", guessed "not published by CODA's authors";
        /// Share of the velocity that is kept in a step.
        momentum: f64 = 0.9, "TTT-MAE's code", guessed "not published by CODA's authors";
        /// Whether each copy is flipped at random, along both axes.
        flips: bool = (true, false, true), "CODA's code: flips; TTT-MAE's code: none";
    }
}

impl AtTestTime for Ttt {
    fn way(self) -> Table {
        self.table()
    }
}

impl AtTestTime for With<Ttt> {
    fn way(self) -> Table {
        self.table()
    }
}

/// Steps and copies of the small version.
const SMALL: [usize; 2] = [2, 4];

impl TestTimeWord for Settings {
    fn passes(&self) -> usize {
        self.steps * self.copies
    }

    fn words(&self) -> String {
        let flipped = if self.flips { ", flipped at random" } else { "" };
        format!("{} steps on {} copies of itself{flipped}", self.steps, self.copies)
    }
}

impl Word for Settings {
    fn check(&self, spec: &Spec, found: &mut Found) {
        let last = spec.train.stages.last().map_or(&[][..], |stage| &stage.objective);
        let message = || {
            let losses: Vec<&str> = last.iter().map(|term| term.loss.word()).collect();
            let trained = if losses.is_empty() { "nothing".into() } else { losses.join(" and ") };
            format!("Ttt draws hidden patches of an image, and the model was trained by {trained}")
        };
        let hint = "train the model by `.loss(Mae::mask(0.75))`, whose decoder draws them";
        let draws = last.iter().all(|term| matches!(term.loss, Loss::Mae(_))) && !last.is_empty();
        found.unless(draws, "ttt_without_decoder", message, hint);

        let message = || "Ttt changes the model under a classifier, and there is none".into();
        let hint = "say `.classify(Vit::small())` before `.at_test_time(Ttt)`";
        found.unless(spec.classifier.is_some(), "ttt_without_classifier", message, hint);

        let message = || "a model adapts to all images of a target, or to each by itself".into();
        let hint = "leave `.adapt(…)` or `.at_test_time(…)` out";
        found.unless(spec.adapt.is_none(), "ttt_adapted", message, hint);

        found.within(&bounds::TTT_STEPS, self.steps);
        found.within(&bounds::TTT_COPIES, self.copies);
        found.not_negative("ttt_lr", "a learning rate of test-time training", self.lr);
        let momentum = self.momentum;
        let message = || format!("expected a momentum of at least 0 and below 1, found {momentum}");
        found.unless((0.0..1.0).contains(&momentum), "ttt_momentum", message, "TTT-MAE: 0.9");
    }

    fn quick(&mut self, _: &Spec) {
        let [steps, copies] = SMALL;
        (self.steps, self.copies) = (self.steps.min(steps), self.copies.min(copies));
    }
}
