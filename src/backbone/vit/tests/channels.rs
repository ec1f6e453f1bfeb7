//! Channels with patches of their own against Channel-ViT's code (`tests/golden/channel_vit.py`).

use super::*;
use crate::{
    adapter::{SetChannels, build},
    spec::{ChannelVit, FromRgb, SampledChannels},
};

const CHANNELS: usize = 8;
const TABLE: &str = "patch_embed.channel_embed";
/// The patches' mean of each channel, and the class token.
const EVERYTHING: Reading = Reading { class: true, patches: true, blocks: Blocks::Last(1) };

fn shape() -> Shape {
    Shape {
        width: 32,
        patch: 8,
        grid: 4,
        resize: position::Rule::channel_vit(),
        reading: EVERYTHING,
        ..super::shape()
    }
}

/// Its weights are those of the form that stores the table as rows, or, if `plain`, as columns.
fn network(seed: u64, plain: bool) -> (Params, Box<dyn Entry>, Vit) {
    let mut params = Params::new(Seed(0));
    let (from_rgb, sampled) = (FromRgb::Sum, SampledChannels::All);
    let adapter = ChannelVit { channels: CHANNELS, from_rgb, sampled }.into();
    let sets = [SetChannels { set: "A".into(), channels: vec!["dna".into()] }];
    let entry = build(&adapter, &sets, &[], shape().stem(), &mut params);
    let vit = Vit::shaped(shape(), &mut params);
    recipe::fill(&mut params, seed, |name| name.into());
    if plain {
        let columns = recipe::tensor(seed, TABLE, &[1, 32, CHANNELS, 1, 1]);
        let rows = (0..CHANNELS).flat_map(|channel| columns[channel..].iter().step_by(CHANNELS).copied());
        let id = params.find(&format!("{TABLE}.weight")).unwrap();
        params.import(id, rows.collect()).unwrap();
    }
    (params, entry, vit)
}

/// Channels of images, of which there are eight.
fn chosen(seed: u64, name: &str, [height, width]: [usize; 2], channels: &[usize], of: usize) -> Images {
    let all = images(seed, name, [2, of, height, width]).pixels;
    let planes: Vec<Tensor> = channels.iter().map(|channel| all.narrow(1, *channel, 1).unwrap()).collect();
    Images { pixels: Tensor::cat(&planes, 1).unwrap(), set: 0 }
}

/// The sum of `x` times weights of the recipe, over all numbers.
fn weighed(tape: &mut Tape, x: &Node, (seed, name, factor): (u64, &str, f32)) -> Node {
    let count = x.value().elem_count();
    let weights = recipe::recipe(seed, name, count, 0.0, 1.0).into_iter().map(|weight| weight * factor);
    let weights = Node::constant(Tensor::from_vec(weights.collect(), (1, count), &device()).unwrap());
    let x = tape.reshape(x, (1, count)).unwrap();
    tape.linear(&x, &weights, Weight::OutIn, None).unwrap()
}

fn check_gradients(golden: &Golden, key: &str, (params, gradients): (&Params, &Gradients), plain: bool) {
    let mut checked = 0;
    for id in params.ids() {
        let published = params.published(id);
        let mut found = published.to_published(gradients.of(id).unwrap().tensor()).unwrap();
        let mut name = published.name.clone();
        if plain && name.starts_with(TABLE) {
            name = TABLE.into();
            found = (0..32).flat_map(|at| found[at..].iter().step_by(32).copied()).collect();
        }
        let name = format!("{key}.grad.{name}");
        if golden.has(&name) {
            let mut expected = golden.values(&name);
            if name.ends_with("pos_embed") && !key.ends_with("sampled/2") {
                // PyTorch passes the gradient of a resized grid on as it is where the grid has as many rows and columns as before,
                // although its values are others; so it is in the published code whenever an image has several channels. What
                // is passed on, through the resizing, is the gradient.
                let map = position::map(4, [4, 4], 2, position::Rule::channel_vit());
                let passed: Vec<f32> = expected.drain(32..).collect();
                for position in 0..16 {
                    expected.extend((0..32).map(|at| {
                        (0..16).map(|patch| map[patch * 16 + position] * passed[patch * 32 + at]).sum::<f32>()
                    }));
                }
            }
            let found = if name.ends_with("pos_embed") { found } else { thinned(found) };
            assert_close(&name, &found, &expected, 2e-5);
            checked += 1;
        }
    }
    assert!(checked >= 6, "{key}: {checked} gradients");
}

#[test]
fn features_and_gradients_of_any_channels_agree_with_channel_vit() {
    let golden = Golden::open("channel_vit");
    for (case, seed, plain) in [("plain", 5001, true), ("hcs", 5002, false)] {
        let (params, entry, mut vit) = network(seed, plain);
        let mut found = 0;
        for size in [[32, 32], [24, 48]] {
            let name = format!("{}x{}", size[0], size[1]);
            let all: [&[usize]; 5] =
                [&[0, 1, 2], &[0, 1, 2, 3, 4], &[0, 1, 2, 3, 4, 5, 6, 7], &[4, 0, 6], &[5]];
            for channels in all {
                let numbers = channels.iter().map(ToString::to_string).collect::<Vec<_>>().join("_");
                let key = format!("{case}/{name}.ch{numbers}");
                if !golden.has(&format!("{key}.cls")) {
                    continue;
                }
                found += 1;
                let images = chosen(seed, &format!("images_{name}"), size, channels, CHANNELS);
                vit.shape.reading = EVERYTHING;
                let mut tape = Tape::forgetting();
                let pass = &mut Pass::new(&mut tape, &params).having(Some(channels));
                let entered = entry.enter(pass, &images).unwrap();
                let both = values(&vit.run(pass, entered).unwrap().features);
                let (mut class, mut means) = (Vec::new(), Vec::new());
                for row in both.chunks_exact((1 + channels.len()) * 32) {
                    class.extend_from_slice(&row[..32]);
                    means.extend_from_slice(&row[32..]);
                }
                assert_close(&key, &class, &golden.values(&format!("{key}.cls")), 5e-6);
                let expected = golden.values(&format!("{key}.patch_mean_per_channel"));
                assert_close(&key, &means, &expected, 5e-6);
                if !golden.has(&format!("{key}.loss")) {
                    continue;
                }
                let mut tape = Tape::recording(&params);
                let pass = &mut Pass::new(&mut tape, &params).having(Some(channels));
                let entered = entry.enter(pass, &images).unwrap();
                let tokens = vit.tokens(pass, entered).unwrap();
                if golden.has(&format!("{key}.tokens")) {
                    let expected = golden.values(&format!("{key}.tokens"));
                    assert_close(&key, &thinned(values(&tokens)), &expected, 5e-6);
                }
                let count = tokens.value().elem_count();
                let class = tape.token_range(&tokens, 0..1).unwrap();
                let of_class = weighed(&mut tape, &class, (seed, "loss_cls", 1.0));
                let of_all = weighed(&mut tape, &tokens, (seed, "loss_tokens", 1.0 / count as f32));
                let loss = tape.add(&of_class, &of_all).unwrap();
                assert_close(&key, &values(&loss), &golden.values(&format!("{key}.loss")), 2e-5);
                let mut gradients = Gradients::new(&params);
                tape.backward(&loss, &mut gradients).unwrap();
                check_gradients(&golden, &key, (&params, &gradients), plain);
            }
        }
        assert_eq!(found, if plain { 10 } else { 5 }, "{case}");
    }
}

/// The drawn channels keep their order, and the vectors of those that were not drawn learn nothing.
#[test]
fn sampled_channels_train_as_in_channel_vit() {
    let golden = Golden::open("channel_vit");
    let (params, entry, mut vit) = network(5003, false);
    vit.shape.reading = VitFeatures::ClassToken.into();
    everywhere(|| {
        let draws: [(usize, &[usize]); 3] = [(5, &[2, 0, 1]), (8, &[6, 1, 7, 3, 0]), (4, &[3])];
        for (number, (of, channels)) in draws.into_iter().enumerate() {
            let key = format!("sampled/{number}");
            let images = chosen(5003, &format!("images_{number}"), [32, 32], channels, of);
            let mut tape = Tape::recording(&params);
            let pass = &mut Pass::new(&mut tape, &params).having(Some(channels));
            let entered = entry.enter(pass, &images).unwrap();
            let class = vit.run(pass, entered).unwrap().features;
            assert_close(&key, &values(&class), &golden.values(&format!("{key}.cls")), 5e-6);
            let loss = weighed(&mut tape, &class, (5003, &format!("loss_{number}"), 1.0));
            let mut gradients = Gradients::new(&params);
            tape.backward(&loss, &mut gradients).unwrap();
            check_gradients(&golden, &key, (&params, &gradients), false);
            let table = params.find(&format!("{TABLE}.weight")).unwrap();
            let slopes: Vec<f32> =
                gradients.of(table).unwrap().tensor().flatten_all().unwrap().to_vec1().unwrap();
            for (channel, slopes) in slopes.chunks_exact(32).enumerate() {
                let learns = slopes.iter().any(|slope| *slope != 0.0);
                assert_eq!(learns, channels.contains(&channel), "{key}: channel {channel}");
            }
        }
    });
}
