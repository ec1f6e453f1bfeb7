//! The canonical form: equal work has equal bytes.

use super::{Augment, AugmentStream, Sampling, Spec, Strategy, Term};

impl Spec {
    /// The same work, spelt in the one canonical way: equal loss terms merged, terms sorted by kind, weights
    /// rounded to 1e-9, augmentations in the order in which they act, CHAMMI's sets written out, and no training settings on a model that is not trained.
    ///
    /// Specs of the language are canonical; call this after reading one from elsewhere or changing a value.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.train.objective = merged(self.train.objective);
        self.train.augment.sort_by_key(|change| match change {
            Augment::Tps { .. } => 0,
            Augment::Crop { .. } => 1,
            Augment::Flip { .. } => 2,
            Augment::Turn => 3,
            Augment::Brightness { .. } => 4,
        });
        let evaluated = self.evaluate.iter_mut().map(|evaluate| &mut evaluate.data);
        for data in evaluated.chain([&mut self.train.data]) {
            data.write_out();
        }
        if self.train.objective.is_empty() {
            self.stand_still();
        }
        self
    }

    /// Nothing of this is read when nothing is trained.
    fn stand_still(&mut self) {
        let train = &mut self.train;
        train.epochs = 0;
        train.augment.clear();
        train.strategy = Strategy::Erm;
        train.augment_stream = AugmentStream::Fresh;
        train.sampling = Sampling::Shuffled;
        (train.optimiser.lr, train.optimiser.weight_decay) = (0.0, 0.0);
        (train.optimiser.betas, train.optimiser.eps) = ([0.0, 0.0], 0.0);
        (train.schedule.warmup, train.schedule.warmup_lr, train.schedule.lr_min) = (0, 0.0, 0.0);
    }
}

fn merged(terms: Vec<Term>) -> Vec<Term> {
    let mut merged: Vec<Term> = vec![];
    for term in terms {
        match merged.iter_mut().find(|known| known.loss == term.loss) {
            Some(known) => known.weight += term.weight,
            None => merged.push(term),
        }
    }
    for term in &mut merged {
        term.weight = (term.weight * 1e9).round() / 1e9;
    }
    merged.sort_by_key(|term| (term.loss.name(), format!("{:?}", term.loss)));
    merged
}

#[cfg(test)]
mod tests {
    use crate::spec::{
        DataRef, Spec,
        draft::{Draft, StatedLoss, sample},
        id::SpecId,
        recipe::Recipe,
    };

    fn of(objective: Vec<(f64, StatedLoss)>) -> Spec {
        Draft { objective, ..sample() }.resolve(Recipe::Fixed)
    }

    #[test]
    fn the_order_and_the_rounding_of_terms_change_nothing() {
        let (ssl, proxy) = (StatedLoss::sim_clr(0.07), StatedLoss::proxy_nca(0.07));
        let one = of(vec![(0.2, ssl), (0.8, proxy)]);
        let other = of(vec![(0.8, proxy), (1.0 - 0.8, ssl)]);
        let split = of(vec![(0.1, ssl), (0.8, proxy), (0.1, ssl)]);
        assert_eq!(SpecId::of(&one), SpecId::of(&other));
        assert_eq!(SpecId::of(&one), SpecId::of(&split));
        assert_ne!(SpecId::of(&one), SpecId::of(&of(vec![(0.3, ssl), (0.7, proxy)])));
    }

    #[test]
    fn a_model_that_is_not_trained_forgets_how_it_would_be() {
        let frozen = Draft { objective: vec![], lr: Some(0.1), epochs: Some(3), ..sample() };
        let other = Draft { objective: vec![], ..sample() };
        assert_eq!(frozen.resolve(Recipe::Released), other.resolve(Recipe::Paper));
    }

    #[test]
    fn all_of_chammi_is_written_out_and_the_form_is_stable() {
        let mut spec = of(vec![(1.0, StatedLoss::CrossEntropy)]);
        let id = SpecId::of(&spec);
        spec.train.data = DataRef { name: "chammi".into(), sets: vec![] };
        let spec = spec.canonical();
        assert_eq!(SpecId::of(&spec), id);
        assert_eq!(SpecId::of(&spec.canonical()), id);
    }

    #[test]
    fn a_spec_survives_json() {
        for recipe in Recipe::ALL {
            let spec = of(vec![(0.2, StatedLoss::sim_clr(0.07)), (0.8, StatedLoss::proxy_nca(0.07))]);
            let spec = Spec { evaluate: spec.evaluate.clone(), ..sample().resolve(recipe) };
            let text = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec);
            assert!(serde_json::from_str::<Spec>(&text.replace("\"epochs\"", "\"epocks\"")).is_err());
        }
    }
}
