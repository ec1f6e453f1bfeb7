//! Patches that the mask token takes the place of, as DINOv2 trains: gradients of all parameters.

use super::*;
use crate::pass::Entered;

/// Patches (N, T, width) of which some are the mask token: those that stay, by a diagonal, plus the token wherever one does not.
fn masked(pass: &mut Pass<'_>, patches: &Node, token: ParamId, masks: &[f32]) -> Node {
    let (n, rows, cols, width) = patches.value().dims4().unwrap();
    let all = n * rows * cols;
    let stay: Vec<f32> =
        (0..all * all).map(|at| if at % (all + 1) == 0 { 1.0 - masks[at / all] } else { 0.0 }).collect();
    let map = |values: Vec<f32>, shape: (usize, usize)| {
        Node::constant(Tensor::from_vec(values, shape, &device()).unwrap())
    };
    let (stay, go) = (map(stay, (all, all)), map(masks.to_vec(), (all, 1)));
    let flat = pass.tape.reshape(patches, (all, width)).unwrap();
    let stay = pass.tape.linear(&stay, &flat, Weight::InOut, None).unwrap();
    let token = pass.tape.param(pass.params, token);
    let go = pass.tape.linear(&go, &token, Weight::InOut, None).unwrap();
    let sum = pass.tape.add(&stay, &go).unwrap();
    pass.tape.reshape(&sum, (n, rows, cols, width)).unwrap()
}

#[test]
fn gradients_of_masked_and_of_small_images_agree_with_dinov2() {
    let golden = Golden::open("published");
    let shape =
        Shape { grid: 6, layer_scale: Some(1e-5), resize: position::Rule::configured(0.1, false), ..shape() };
    for (name, seed, [n, side]) in [("dv2_native_masked", 1030, [2, 96]), ("dv2_interpolated", 1031, [3, 64])]
    {
        let key = |what: &str| format!("grad/{name}/{what}");
        let mut params = Params::new(Seed(0));
        let stem = plain(3, shape.stem(), &mut params);
        let mut vit = Vit::shaped(shape, &mut params);
        let token = params.add_constant(Published::new("mask_token", &[1, 64]), 0.0);
        recipe::fill(&mut params, seed, |name| name.into());
        let images = images(seed, &format!("images_{side}x{side}"), [n, 3, side, side]);
        let mut gradients = Gradients::new(&params);
        let mut loss = 0.0;
        for (features, what) in BOTH {
            vit.shape.reading = features.into();
            let mut tape = Tape::recording(&params);
            let pass = &mut Pass::new(&mut tape, &params);
            let mut patches = stem.enter(pass, &images).unwrap().maps().unwrap();
            if name.ends_with("masked") {
                patches = masked(pass, &patches, token, &golden.values(&key("masks")));
            }
            let found = vit.run(pass, Entered::Maps(patches)).unwrap().features;
            assert_close(&key(what), &values(&found), &golden.values(&key(what)), 5e-6);
            let weights = golden.values(&key(&format!("loss_{}", what.trim_end_matches("_mean"))));
            let weights: Vec<f32> = weights.into_iter().map(|weight| weight / n as f32).collect();
            let weights = Node::constant(Tensor::from_vec(weights, (1, n * 64), &device()).unwrap());
            let found = tape.reshape(&found, (1, n * 64)).unwrap();
            let sum = tape.linear(&found, &weights, Weight::OutIn, None).unwrap();
            loss += sum.scalar().unwrap();
            tape.backward(&sum, &mut gradients).unwrap();
        }
        assert_close("loss", &[loss], &golden.values(&key("loss")), 1e-5);
        for id in params.ids() {
            let published = params.published(id);
            let expected = golden.values(&key(&format!("grad.{}", published.name)));
            match gradients.of(id) {
                Some(grad) => {
                    let found = thinned(published.to_published(grad.tensor()).unwrap());
                    assert_close(&published.name, &found, &expected, 2e-5);
                }
                None => assert!(expected.iter().all(|slope| *slope == 0.0), "{}", published.name),
            }
        }
    }
}
