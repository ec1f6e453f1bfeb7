//! Declarations, and the plain data that they become.

use crate::{
    dsl::{Declared, Experiments},
    prelude::*,
    spec::{Scale, Selection, Spec, id::SpecId, settings},
};

fn model() -> Model<ConvNext<size::Tiny>, ImageNet22k, HyperNet> {
    ConvNext::tiny().pretrained(ImageNet22k).adapter(HyperNet { z: 128, hidden: 256 })
}

fn only(experiments: impl Experiments) -> Spec {
    let mut all = experiments.specs();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].check(), []);
    all.remove(0).spec
}

#[test]
fn names_seeds_and_order_are_no_part_of_the_identity() {
    let base = model().train_on(Chammi).evaluate(OneNn::cosine().on(Chammi));
    let plain = base.clone().loss(0.2 * SSL + 0.8 * PROXY);
    let other = base.lr(4e-4).label("row", "a").seeds([1, 2]).recipe(Recipe::Fixed);
    let other = other.loss((0.8 * PROXY + (1.0 - 0.8) * SSL).convex()).strategy(Erm);
    assert_eq!(SpecId::of(&only(plain)), SpecId::of(&only(other)));
}

#[test]
fn a_declaration_keeps_seeds_labels_and_the_recipe() {
    let run = model().train_on(Chammi).frozen().evaluate(OneNn::l2().on(Hpa)).recipe(Recipe::Paper);
    let run = run.label("row", "first").label("column", "x").label("row", "last").seeds(3..5);
    let Declared { seeds, labels, recipe, .. } = run.specs().remove(0);
    assert_eq!((seeds, recipe), (vec![3, 4], Recipe::Paper));
    assert_eq!(
        labels,
        [("column", "x"), ("row", "last")].map(|(axis, name)| (axis.to_string(), name.to_string()))
    );
}

#[test]
fn parts_are_the_folders_of_the_benchmark() {
    let spec = only(model().train_on(Chammi.without(Hpa)).loss(PROXY).evaluate(OneNn::cosine().on(Wtc)));
    assert_eq!(spec.train.data, Selection::chammi(&["Allen", "CP"]));
    assert_eq!(spec.evaluate[0].data, Selection::chammi(&["Allen"]));

    let folder = Folder("mini_real");
    let run =
        model().train_on(folder.only(["Yeast", "Jurkat"])).loss(PROXY).evaluate(OneNn::cosine().on(folder));
    let spec = only(run);
    assert_eq!(spec.train.data.sets, ["Yeast", "Jurkat"]);
    assert_eq!(spec.evaluate[0].data, Selection { name: "mini_real".into(), sets: vec![] });
}

#[test]
fn what_is_said_of_a_word_is_in_the_spec() {
    let adapter = HyperNet { z: 8, hidden: 16 }.shared();
    let run = ConvNext::nano().scratch().adapter(adapter).train_on(Chammi);
    let losses = 0.5 * CrossEntropy + ProxyNca::t(0.1).train_proxies(false) + SimClr::t(0.2);
    let changes =
        Crop.scale(0.5, 1.0).fit(CropFit::Fallback) + Flip.p(0.25) + Tps::default().warp(Warp::Released);
    let spec = only(run.loss(losses).augment(changes).drop_path(0.1).evaluate(OneNn::cosine().on(Chammi)));

    let want = settings::HyperNet { z: 8, hidden: 16, embeddings: Embeddings::Shared };
    assert_eq!(spec.model.adapter, want.into());
    let crop = settings::Crop { scale: [0.5, 1.0], ratio: [0.9, 1.1], fit: CropFit::Fallback };
    let tps = settings::Tps { p: 0.5, warp: Warp::Released };
    let changes = [tps.into(), crop.into(), settings::Flip { p: 0.25 }.into()];
    assert_eq!(spec.train.stages[0].augment, changes, "in the order in which they act");
    let weights: Vec<f64> = spec.train.stages[0].objective.iter().map(|term| term.weight).collect();
    assert_eq!(weights, [0.5, 1.0, 1.0]);
    assert_eq!(
        spec.train.stages[0].objective[1].loss,
        settings::ProxyNca { temperature: 0.1, scale: Scale::Fixed, train_proxies: false }.into()
    );
}

#[test]
fn a_stage_begins_with_its_loss_and_has_values_of_its_own() {
    let run = model().train_on(Chammi).loss(SSL).lr(1e-3).epochs(9).augment(Crop).hold_out(0.1);
    let run = run.then(0.5 * PROXY).lr(1e-4).on(Wtc).image(64).evaluate(OneNn::cosine().on(Chammi));
    let spec = run.specs().remove(0).spec;
    let [first, second] = spec.train.stages.as_slice() else { panic!("{:?}", spec.train.stages) };
    assert_eq!((first.optimiser.lr, first.epochs, first.augment.len()), (1e-3, 9, 1));
    // Nothing is taken over: what is not said is the recipe's.
    assert_eq!((second.optimiser.lr, second.epochs, second.augment.len()), (1e-4, 15, 2));
    assert_eq!((&first.on, &second.on), (&None, &Some(Selection::chammi(&["Allen"]))));
    assert_eq!((spec.train.image, spec.train.hold_out), (64, 0.1));
    assert_eq!(second.objective[0].weight, 0.5);
    let whole = model().train_on(Chammi).loss(SSL).on(Chammi).evaluate(OneNn::cosine().on(Chammi));
    assert_eq!(whole.specs()[0].spec.train.stages[0].on, None, "all of the images are not said twice");
}

#[test]
fn a_grid_is_a_function_that_is_called_often() {
    fn rows<A: StemAdapter>(adapter: A) -> impl Experiments {
        let base = ConvNext::tiny().pretrained(ImageNet22k).adapter(adapter).train_on(Chammi);
        let base = base.evaluate(OneNn::cosine().on(Chammi));
        (
            base.clone().loss(PROXY),
            base.clone().frozen(),
            [1e-4, 2e-4].map(|lr| base.clone().loss(SSL).lr(lr)),
        )
    }
    let hypernet = HyperNet { z: 128, hidden: 256 };
    let all = vec![rows(hypernet), rows(HyperNet { z: 64, ..hypernet })].specs();
    assert_eq!(all.len(), 8);
    assert_eq!(all[3].spec.train.stages[0].optimiser.lr, 2e-4);
    assert!(all[1].spec.train.is_frozen());
}

#[test]
fn a_convex_sum_that_is_no_literal_is_checked_when_it_runs() {
    let run = |weight: f64| {
        let loss = (weight * SSL + 0.8 * PROXY).convex();
        model().train_on(Chammi).loss(loss).evaluate(OneNn::cosine().on(Chammi)).specs().remove(0).check()
    };
    assert_eq!(run(0.2), []);
    assert_eq!(run(0.3)[0].rule, "not_convex");
}
