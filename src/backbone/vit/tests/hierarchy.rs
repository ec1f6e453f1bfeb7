//! Attention in two levels: channels as images of a batch are the same as one sequence under a mask (conformance list 7).

use super::*;
use crate::{
    adapter::{SetChannels, build},
    spec::{FromRgb, settings},
};

const WIDTH: usize = 64;
const HEADS: usize = 2;

/// A matrix of a parameter, in float64.
fn numbers(params: &Params, name: &str) -> Vec<f64> {
    let id = params.find(name).unwrap_or_else(|| panic!("no {name}"));
    params.export(id).unwrap().into_iter().map(f64::from).collect()
}

fn affine(params: &Params, name: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let (weight, bias) =
        (numbers(params, &format!("{name}.weight")), numbers(params, &format!("{name}.bias")));
    let row = |x: &Vec<f64>| {
        let outs = weight.chunks_exact(x.len()).zip(&bias);
        outs.map(|(weights, bias)| bias + weights.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()).collect()
    };
    x.iter().map(row).collect()
}

fn normed(params: &Params, name: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let (scale, shift) =
        (numbers(params, &format!("{name}.weight")), numbers(params, &format!("{name}.bias")));
    let row = |x: &Vec<f64>| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
        let unit = x.iter().map(|x| (x - mean) / (variance + 1e-6).sqrt());
        unit.zip(scale.iter().zip(&shift)).map(|(x, (scale, shift))| x * scale + shift).collect()
    };
    x.iter().map(row).collect()
}

/// A block on one sequence, in which token i sees token j if `sees(i, j)`.
fn block(
    params: &Params,
    name: &str,
    x: Vec<Vec<f64>>,
    sees: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<f64>> {
    let qkv = affine(params, &format!("{name}.attn.qkv"), &normed(params, &format!("{name}.norm1"), &x));
    let mut mixed = vec![vec![0.0; WIDTH]; x.len()];
    let side = WIDTH / HEADS;
    for head in 0..HEADS {
        let part = |token: usize, third: usize| &qkv[token][third * WIDTH + head * side..][..side];
        for (at, mixed) in mixed.iter_mut().enumerate() {
            let dot = |other: usize| part(at, 0).iter().zip(part(other, 1)).map(|(a, b)| a * b).sum::<f64>();
            let seen: Vec<usize> = (0..x.len()).filter(|other| sees(at, *other)).collect();
            let weights: Vec<f64> =
                seen.iter().map(|other| (dot(*other) / (side as f64).sqrt()).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for (other, weight) in seen.iter().zip(&weights) {
                let own = mixed[head * side..].iter_mut().zip(part(*other, 2));
                own.for_each(|(mixed, value)| *mixed += weight / sum * value);
            }
        }
    }
    let plus = |x: Vec<Vec<f64>>, more: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
        x.iter().zip(&more).map(|(x, more)| x.iter().zip(more).map(|(x, more)| x + more).collect()).collect()
    };
    let x = plus(x, affine(params, &format!("{name}.attn.proj"), &mixed));
    let gelu = |x: f64| 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt()));
    let hidden = affine(params, &format!("{name}.mlp.fc1"), &normed(params, &format!("{name}.norm2"), &x));
    let hidden: Vec<Vec<f64>> = hidden.iter().map(|row| row.iter().map(|x| gelu(*x)).collect()).collect();
    let more = affine(params, &format!("{name}.mlp.fc2"), &hidden);
    plus(x, more)
}

#[test]
fn channels_apart_are_one_sequence_under_a_mask() {
    const K: usize = 3;
    const EACH: usize = 1 + 4;
    let shape = Shape { grid: 2, heads: HEADS, ..shape() };
    let mut params = Params::new(Seed(0));
    let word = settings::HierarchicalAttention { from_rgb: FromRgb::Sum, channel_terms: true };
    let sets = [SetChannels { set: "A".into(), channels: vec!["dna".into()] }];
    let entry = build(&word.into(), &sets, &[], shape.stem(), &mut params);
    let vit = Vit::shaped(shape, &mut params);
    let token = params.add_constant(Published::new("mask_token", &[1, WIDTH]), 0.5);
    fill(&mut params, 11, "");
    let images = images(12, "images", [2, K, 32, 32]);
    // The first image has masked patches in its first and last channel, the second none.
    let masks = crate::pass::Masks::new(vec![vec![1, 8, 11], vec![]], 4 * K);
    let mut tape = Tape::forgetting();
    let pass = &mut Pass::new(&mut tape, &params).masking(Some(&masks), Some(token));
    let entered = entry.enter(pass, &images).unwrap();
    let maps = match &entered {
        Entered::Apart(apart) => values(&apart.maps),
        other => panic!("{other:?}"),
    };
    let outputs = vit.run(pass, entered).unwrap();
    assert_eq!(outputs.features.dims(), [2, (1 + K) * WIDTH]);
    let (found, of_masked) = (values(&outputs.features), values(&outputs.tokens.unwrap()));

    let positions = numbers(&params, "pos_embed");
    let [class, channel, filler] = ["cls_token", "ch_token", "mask_token"].map(|name| numbers(&params, name));
    let position = |at: usize| &positions[at * WIDTH..][..WIDTH];
    let plus = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<f64>>();
    let (mut expected, mut expected_masked) = (vec![], vec![]);
    for (image, masked) in [vec![1, 8, 11], vec![]].iter().enumerate() {
        let mut x = vec![plus(&class, position(0))];
        for k in 0..K {
            x.push(channel.clone());
            for patch in 0..4 {
                let at = (image * K + k) * 4 + patch;
                let own: Vec<f64> = maps[at * WIDTH..][..WIDTH].iter().map(|x| f64::from(*x)).collect();
                let own = if masked.contains(&(k * 4 + patch)) { filler.clone() } else { own };
                x.push(plus(&own, position(1 + patch)));
            }
        }
        let of = |token: usize| (token - 1) / EACH;
        let is_channel = |token: usize| token > 0 && (token - 1).is_multiple_of(EACH);
        let sees = |from: usize, to: usize| match (from, to) {
            (0, to) => to == 0 || is_channel(to),
            (_, 0) => false,
            (from, to) => of(from) == of(to),
        };
        for at in 0..2 {
            x = block(&params, &format!("blocks.{at}"), x, sees);
        }
        let x = normed(&params, "norm", &x);
        let as_f32 = |row: &Vec<f64>| row.iter().map(|x| *x as f32).collect::<Vec<_>>();
        expected.extend((0..x.len()).filter(|at| *at == 0 || is_channel(*at)).flat_map(|at| as_f32(&x[at])));
        let places = masked.iter().map(|patch| 1 + patch / 4 * EACH + 1 + patch % 4);
        expected_masked.extend(places.flat_map(|at| as_f32(&x[at])));
    }
    assert_close("tokens", &found, &expected, 2e-6);
    assert_close("masked patches", &of_masked, &expected_masked, 2e-6);
}
