//! A block whose residual branches are computed for some images only, as DINOv2 trains on groups of crops.

use super::*;
use crate::{backbone::block::Kind, pass::Drops};

#[test]
fn branches_of_the_images_that_are_kept_agree_with_dinov2() {
    let golden = Golden::open("published");
    let cases = [
        ("list_r03", 1040, true, [(6, 17), (9, 7)]),
        ("list_r01_nols", 1041, false, [(5, 10), (4, 5)]),
        ("list_min1", 1042, true, [(1, 10), (2, 5)]),
    ];
    everywhere(|| {
        for (name, seed, scaled, groups) in cases {
            let key = |what: &str| format!("droppath/{name}/{what}");
            let mut params = Params::new(Seed(0));
            let kind = Kind { heads: 2, scale: scaled.then_some(1e-5), drop: 0.5, hidden: Hidden::Gelu };
            let block = Block::new("block", 64, kind, &mut params);
            recipe::fill(&mut params, seed, |name| name.replace("block.", ""));
            let mut gradients = Gradients::new(&params);
            let mut loss = 0.0;
            for (group, (images, tokens)) in groups.into_iter().enumerate() {
                let keep = |branch: &str| {
                    let kept = golden.labels(&key(&format!("kept.{branch}_{group}")));
                    let scale = images as f32 / kept.len() as f32;
                    let one = |image| if kept.contains(&image) { scale } else { 0.0 };
                    (0..images).map(one).collect::<Vec<f32>>()
                };
                let of = |name: &str| {
                    let values =
                        recipe::recipe(seed, &format!("{name}_{group}"), images * tokens * 64, 0.0, 1.0);
                    Tensor::from_vec(values, (images, tokens, 64), &device()).unwrap()
                };
                let mut tape = Tape::recording(&params);
                let x = tape.leaf(of("tokens"));
                let drops = Drops::given([keep("attn"), keep("mlp")]);
                let y = block.forward(&mut Pass::new(&mut tape, &params).dropping(drops), &x).unwrap();
                let out = key(&format!("out_{group}"));
                assert_close(&out, &thinned(values(&y)), &golden.values(&out), 5e-6);
                let all = images * tokens * 64;
                let weights = Node::constant(of("loss").reshape((1, all)).unwrap());
                let y = tape.reshape(&y, (1, all)).unwrap();
                let sum = tape.linear(&y, &weights, Weight::OutIn, None).unwrap();
                loss += sum.scalar().unwrap();
                let back = tape.backward_to(&sum, &mut gradients, [&x]).unwrap().remove(0).unwrap();
                let found = back.tensor().flatten_all().unwrap().to_vec1().unwrap();
                let tokens = key(&format!("grad.tokens_{group}"));
                assert_close(&tokens, &thinned(found), &golden.values(&tokens), 2e-5);
            }
            assert_close("loss", &[loss], &golden.values(&key("loss")), 1e-5);
            for id in params.ids() {
                let published = params.published(id);
                let found = published.to_published(gradients.of(id).unwrap().tensor()).unwrap();
                let grad = key(&format!("grad.{}", published.name.replace("block.", "")));
                assert_close(&grad, &thinned(found), &golden.values(&grad), 2e-5);
            }
        }
    });
}
