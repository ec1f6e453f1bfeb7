//! Declarations, and the plain data that they become.

use crate::{
    data::chammi,
    dsl::{
        self, DataSetWord, Declared, Experiments, Having, Meets, Next, No, Only, PlannerDecides, Seen,
        Unseen, Without, Yes, Zero,
    },
    prelude::*,
    spec::{self, Scale, Selection, Spec, id::SpecId, normalise::moments_of, settings},
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
    assert_eq!(spec.train.data, chammi::selection(&["Allen", "CP"]));
    assert_eq!(spec.evaluate[0].data, chammi::selection(&["Allen"]));

    let folder = Folder("mini_real");
    let run =
        model().train_on(folder.only(["Yeast", "Jurkat"])).loss(PROXY).evaluate(OneNn::cosine().on(folder));
    let spec = only(run);
    assert_eq!(spec.train.data.sets, ["Yeast", "Jurkat"]);
    assert_eq!(spec.evaluate[0].data, Selection::new("mini_real", &[]));
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
    let changes = Flip + Rotate.up_to(15.0) + Tps(0.5).warp(Warp::Exact) + Rotate;
    let run = model().train_on(Chammi).loss(PROXY).augment(changes).evaluate(OneNn::cosine().on(Chammi));
    let rotate = |up_to| settings::Rotate { up_to }.into();
    let tps = settings::Tps { p: 0.5, warp: Warp::Exact };
    let changes = [tps.into(), rotate(15.0), rotate(180.0), settings::Flip { p: 0.5 }.into()];
    assert_eq!(only(run).train.stages[0].augment, changes, "between a warp and a crop");
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
    assert_eq!((&first.on, &second.on), (&None, &Some(chammi::selection(&["Allen"]))));
    assert_eq!((spec.train.image, spec.train.hold_out), (64, 0.1));
    assert_eq!(second.objective[0].weight, 0.5);
    let whole = model().train_on(Chammi).loss(SSL).on(Chammi).evaluate(OneNn::cosine().on(Chammi));
    assert_eq!(whole.specs()[0].spec.train.stages[0].on, None, "all of the images are not said twice");
}

#[test]
fn what_a_model_sees_and_what_is_made_of_it_is_in_the_spec_if_it_is_said() {
    let base = model().train_on(Folder("cells")).loss(PROXY).evaluate(OneNn::cosine().on(Folder("cells")));
    let plain = only(base.clone());
    let json = serde_json::to_string(&plain).unwrap();
    assert!(!json.contains("normalise\"") && !json.contains("embedding\""), "no identity moves: {json}");
    let run =
        base.clone().normalise(Image.floor(0.1).on(["Yeast"]) + Image + Image.on(["A", "B"]).floor(0.3));
    let spec = only(run.symmetries().beside(HandMade.standardised(), 0.2).beside(HandMade, 0.3).ensemble(3));
    let floors: Vec<_> =
        ["A", "B", "C", "Yeast"].map(|set| moments_of(&spec.train.normalise, set).unwrap()).into();
    assert_eq!(floors, [0.3, 0.3, 0.02, 0.1].map(|floor| spec::Moments::Image { floor }));
    let beside = vec![
        spec::Beside { features: spec::Measured::HandMade, weight: 0.3 },
        spec::Beside { features: spec::Measured::HandMadeStandardised, weight: 0.2 },
    ];
    assert_eq!(spec.embedding, spec::Embedding { members: 3, symmetries: true, test_time: None, beside });
    assert_eq!(serde_json::from_str::<Spec>(&serde_json::to_string(&spec).unwrap()).unwrap(), spec);
    let order = |rules: dsl::Rules| SpecId::of(&only(base.clone().normalise(rules)));
    let (a, b) = (Image.on(["B", "A"]), Image.floor(0.1));
    assert_eq!(order(a.clone() + b.clone()), order(b + a));
    let views = only(base.clone().normalise(EachView + Image.on(["X"])));
    assert_eq!(moments_of(&views.train.normalise, "Y"), Some(spec::Moments::View));
    assert_eq!(moments_of(&views.train.normalise, "X"), Some(spec::Moments::Image { floor: 0.02 }));
    let some = only(base.clone().normalise(Image.on(["X"])));
    assert_eq!(moments_of(&some.train.normalise, "Y"), None);
}

#[test]
fn a_window_takes_the_place_of_a_resized_image_and_the_last_word_counts() {
    let base = model().train_on(Folder("cells")).loss(PROXY).evaluate(OneNn::cosine().on(Folder("cells")));
    let resized = only(base.clone().image(96));
    assert!(!serde_json::to_string(&resized).unwrap().contains("window"), "no identity moves");
    let window = only(base.clone().window(96).augment(Flips + Intensity));
    assert_eq!((window.train.image, window.train.window), (96, true));
    assert_eq!(window.check(), []);
    assert_eq!(only(base.clone().window(64).image(96)), resized);
    let problems = base.window(96).specs()[0].check();
    assert_eq!(problems.iter().map(|problem| problem.rule).collect::<Vec<_>>(), ["window_rescaled"]);
    assert!(problems[0].message.contains("`Crop`") && problems[0].hint.contains(".augment(Flips)"));
}

#[test]
fn planes_are_a_stem_of_named_channels_that_reads_new_sets() {
    let model = Vit::small().scratch().adapter(Planes(["dna", "er", "mito"]));
    let run = model.train_on(Chammi.without(Cp)).loss(PROXY).evaluate(OneNn::cosine().on(Cp));
    let spec = only(run);
    let channels = ["dna", "er", "mito"].map(String::from).to_vec();
    assert_eq!(spec.model.adapter, settings::Planes { channels }.into());
    assert_eq!(spec.check(), []);
    assert_eq!(spec::quick::quick(&spec).model.adapter, spec.model.adapter);
}

/// The sentence of the README, in all recipes.
#[test]
fn a_bag_of_channels_learns_by_all_three_terms_of_dinov2() {
    let run = Vit::small()
        .pretrained(ImageNet1k)
        .adapter(BagOfChannels)
        .train_on(Folder("my_screen"))
        .normalise(EachView)
        .augment(Crop.scale(0.4, 1.0) + Flips + Brightness(0.2))
        .loss(Dino::v2() + Ibot + 0.1 * KoLeo)
        .batch(64)
        .lr(1e-4)
        .epochs(20)
        .warmup(2)
        .evaluate(OneNn::cosine().on(Folder("my_screen")));
    for (recipe, expands) in [
        (Recipe::Released, Expands::SecondOnly),
        (Recipe::Paper, Expands::All),
        (Recipe::Fixed, Expands::All),
    ] {
        let spec = only(run.clone().recipe(recipe));
        assert_eq!(spec.check(), []);
        assert_eq!(spec.model.adapter.samples(), spec::Samples::Channels(expands));
        let stage = &spec.train.stages[0];
        let kinds: Vec<&str> = stage.objective.iter().map(|term| term.loss.kind()).collect();
        assert_eq!(kinds, ["dino_v2", "ibot", "koleo"]);
        assert_eq!((stage.objective[2].weight, stage.optimiser.weight_decay), (0.1, 0.04));
        let small = spec::quick::quick(&spec);
        assert_eq!(small.check(), []);
        let spec::Loss::Dino(word) = &small.train.stages[0].objective[0].loss else { panic!("said above") };
        assert!(word.prototypes <= 512 && word.ema <= 0.97, "{word:?}");
    }
    // What is not said is as published.
    let spec = only(run.recipe(Recipe::Released));
    let spec::Loss::Dino(word) = &spec.train.stages[0].objective[0].loss else { panic!("said above") };
    assert_eq!((word.prototypes, word.ema, word.locals, word.decay_rise), (65_536, 0.996, 8, 5.0));
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

#[test]
fn images_are_selected_by_roles_of_columns() {
    let jump = Folder("screen").only(["cells", "nuclei"]);
    let trained = jump.clone().having(Role::Batch, ["B2", "B1"]).having(Role::Control, ["False"]);
    let run = model().train_on(trained).loss(PROXY);
    let plates: Vec<String> = (1..3).map(|plate| format!("P{plate}")).collect();
    let spec = only(run.evaluate(OneNn::cosine().on(jump.having(Role::Plate, plates))));
    assert_eq!(
        spec.train.data.to_string(),
        "screen (cells, nuclei) having batch B1 or B2 and control False",
        "in order"
    );
    assert_eq!(spec.train.data.part(), "batch=B1,B2; control=False");
    assert_eq!(spec.evaluate[0].data.part(), "plate=P1,P2");

    let marks = |values: &[&str]| Folder("x").having(Role::Well, values.iter().copied()).data().part();
    assert_ne!(marks(&["a,b"]), marks(&["a", "b"]));
    assert_ne!(marks(&["a; batch=c"]), marks(&["a"]) + "; batch=c");
}

/// What is known of exposure is known at compile time: these lines are the test.
#[test]
fn the_compiler_knows_the_sets_of_one_data_set_and_leaves_others_to_the_planner() {
    fn met<D: Meets<T, Exposure = E>, T, E>() {}
    type NoWtc = Without<Chammi, Wtc>;
    type NoCp = Without<Chammi, Cp>;
    met::<Chammi, NoCp, Seen>();
    met::<NoWtc, Hpa, Seen>();
    met::<NoWtc, NoWtc, Seen>();
    met::<NoWtc, Wtc, Unseen>();
    met::<NoWtc, NoCp, Unseen>();
    met::<NoCp, Chammi, Unseen>();
    met::<Having<NoCp>, Having<Cp>, Unseen>();
    met::<Having<Chammi>, Cp, Seen>();
    met::<Chammi, Folder, PlannerDecides>();
    met::<Folder, Having<Chammi>, PlannerDecides>();
    met::<Only, Folder, PlannerDecides>();
}

/// Two data sets that a later program might know: each has one word, its sets, and a place.
mod later {
    use super::*;

    #[derive(Clone, Copy)]
    struct Jump;
    #[derive(Clone, Copy)]
    struct Site7;
    #[derive(Clone, Copy)]
    struct Hpa2018;

    impl DataSetWord for Jump {
        type Place = Next<Next<Zero>>;
    }
    impl DataSetWord for Hpa2018 {
        type Place = Next<Next<Next<Zero>>>;
    }
    macro_rules! word {
        ($word:ident of $all:ident: $sets:ty) => {
            impl DataWord for $word {
                type Of = $all;
                type Sets = $sets;

                fn data(&self) -> Selection {
                    Selection::new(stringify!($all), &[])
                }
            }
        };
    }
    word!(Jump of Jump: (Yes, (Yes, ())));
    word!(Site7 of Jump: (No, (Yes, ())));
    word!(Hpa2018 of Hpa2018: (Yes, ()));

    #[test]
    fn they_need_no_line_about_each_other() {
        fn met<D: Meets<T, Exposure = E>, T, E>() {}
        met::<Jump, Site7, Seen>();
        met::<Site7, Jump, Unseen>();
        met::<Jump, Hpa2018, PlannerDecides>();
        met::<Hpa2018, Site7, PlannerDecides>();
        met::<Chammi, Jump, PlannerDecides>();
        met::<Jump, Folder, PlannerDecides>();
        met::<Without<Jump, Site7>, Site7, Unseen>();
    }
}
