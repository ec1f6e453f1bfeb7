//! The canonical form: equal work has equal bytes.

use super::{Augment, Selection, Spec, Term, Train};

impl Spec {
    /// The same work, spelt in the one canonical way: equal loss terms merged, terms sorted by kind, weights
    /// rounded to 1e-9, augmentations in the order in which they act, rules of normalisation by their sets, the sets of known data sets written out, conditions in
    /// order, and no stage without an objective.
    ///
    /// Specs of the language are canonical; call this after reading one from elsewhere or changing a value.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        let evaluated = self.evaluate.iter_mut().map(|evaluate| &mut evaluate.data);
        for data in evaluated.chain([&mut self.train.data]).chain(&mut self.inspect) {
            data.write_out();
        }
        self.inspect.sort();
        self.inspect.dedup();
        self.embedding.beside.sort_by_key(|beside| beside.features);
        for rule in &mut self.train.normalise {
            rule.sets.sort();
        }
        self.train.normalise.sort_by(|a, b| a.sets.cmp(&b.sets));
        // A stage that minimises nothing is none.
        self.train.stages.retain(|stage| !stage.objective.is_empty());
        for stage in self.stages_mut() {
            stage.objective = merged(std::mem::take(&mut stage.objective));
            stage.augment.sort_by_key(Augment::place);
            stage.on.iter_mut().for_each(Selection::write_out);
        }
        let Train { data: all, stages, .. } = &mut self.train;
        stages.iter_mut().for_each(|stage| _ = stage.on.take_if(|some| some == all));
        self.adapt.iter_mut().for_each(|adapt| adapt.data.write_out());
        if self.train.is_frozen() {
            // No image is read for training.
            self.train.data.only.clear();
        }
        self
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
    merged.sort_by_key(|term| (term.loss.kind(), format!("{:?}", term.loss)));
    merged
}

#[cfg(test)]
mod tests {
    use crate::{
        dsl::{Having, Towards, Trains},
        prelude::*,
        sample::{self, hyper_net},
        spec::{Condition, Selection, Spec, id::SpecId},
    };

    fn of(loss: impl Trains<ConvNext<size::Tiny>, HyperNet> + Towards) -> Spec {
        sample::spec(hyper_net().loss(loss), Recipe::Fixed)
    }

    #[test]
    fn the_order_and_the_rounding_of_terms_change_nothing() {
        let one = of(0.2 * SSL + 0.8 * PROXY);
        let other = of(0.8 * PROXY + (1.0 - 0.8) * SSL);
        let split = of(0.1 * SSL + 0.8 * PROXY + 0.1 * SSL);
        assert_eq!(SpecId::of(&one), SpecId::of(&other));
        assert_eq!(SpecId::of(&one), SpecId::of(&split));
        assert_ne!(SpecId::of(&one), SpecId::of(&of(0.3 * SSL + 0.7 * PROXY)));
    }

    #[test]
    fn a_model_that_is_not_trained_forgets_how_it_would_be() {
        let frozen = sample::spec(hyper_net().frozen().lr(0.1).epochs(3), Recipe::Released);
        assert_eq!(frozen, sample::spec(hyper_net().frozen(), Recipe::Paper));
    }

    #[test]
    fn all_of_chammi_is_written_out_and_the_form_is_stable() {
        let mut spec = of(CrossEntropy);
        let id = SpecId::of(&spec);
        spec.train.data = Selection::new("chammi", &[]);
        let spec = spec.canonical();
        assert_eq!(SpecId::of(&spec), id);
        assert_eq!(SpecId::of(&spec.canonical()), id);
    }

    #[test]
    fn equal_conditions_have_equal_bytes() {
        let with = |only: &[(Role, &[&str])]| {
            let mut spec = of(CrossEntropy);
            let condition = |(role, values): &(Role, &[&str])| Condition {
                role: *role,
                values: values.iter().map(ToString::to_string).collect(),
            };
            spec.evaluate[0].data.only = only.iter().map(condition).collect();
            spec.canonical()
        };
        let one = with(&[(Role::Well, &["B10", "A1", "B10"]), (Role::Batch, &["b", "a"])]);
        let other = with(&[(Role::Batch, &["a", "b"]), (Role::Well, &["A1", "B10"])]);
        assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
        assert_eq!(one.evaluate[0].data.part(), "batch=a,b; well=A1,B10");
        let without = with(&[]);
        assert!(!serde_json::to_string(&without).unwrap().contains("only"), "no condition is not written");
        assert_eq!(SpecId::of(&without), SpecId::of(&of(CrossEntropy)));
        assert_ne!(SpecId::of(&one), SpecId::of(&without));
        assert_ne!(SpecId::of(&one), SpecId::of(&with(&[(Role::Batch, &["a", "b"])])));
    }

    #[test]
    fn a_model_that_is_not_trained_reads_no_condition_of_its_training() {
        let model = || ConvNext::tiny().scratch().adapter(HyperNet { z: 8, hidden: 8 });
        let frozen = |data: Having<Folder>| {
            let run = model().train_on(data).frozen().evaluate(OneNn::cosine().on(Folder("x")));
            sample::spec(run, Recipe::Fixed)
        };
        let [one, other] = ["P1", "P2"].map(|plate| frozen(Folder("x").having(Role::Plate, [plate])));
        assert_eq!(one, other);
    }

    #[test]
    fn a_spec_survives_json() {
        for recipe in Recipe::ALL {
            let spec = sample::spec(hyper_net().loss(0.2 * SSL + 0.8 * PROXY), recipe);
            let text = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec);
            assert!(serde_json::from_str::<Spec>(&text.replace("\"epochs\"", "\"epocks\"")).is_err());
            assert!(serde_json::from_str::<Spec>(&text.replace("\"positives\"", "\"positive\"")).is_err());
        }
    }
}
