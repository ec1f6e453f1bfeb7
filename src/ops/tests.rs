//! Every operation against PyTorch: value and all gradients (`tests/golden/ops.py`).

use super::{Weight, adamw, buffer};
use crate::{
    golden::{Golden, assert_close, device, everywhere},
    params::{ParamId, Params, Published},
    seed::Seed,
    tape::{Grad, Gradients, Node, Tape},
};
use candle_core::Tensor;

/// NCHW to our channels-last layout.
const IMAGE: [usize; 4] = [0, 2, 3, 1];
const TOLERANCE: f32 = 2e-6;

/// One operation of the golden file, with its inputs as parameters.
struct Case {
    golden: Golden,
    name: &'static str,
    params: Params,
}

impl Case {
    fn new(name: &'static str) -> Self {
        Self { golden: Golden::open("ops"), name, params: Params::new(Seed(0)) }
    }

    fn input(&mut self, name: &str, order: &[usize]) -> ParamId {
        let key = format!("{}.{name}", self.name);
        let published = Published::permuted(name, &self.golden.shape(&key), order);
        let values = self.golden.values(&key);
        self.params.add_with(published, |_, out| out.copy_from_slice(&values))
    }

    /// Runs `op` forwards and backwards from the golden upstream gradient, and compares everything.
    fn check(&self, y_order: &[usize], op: impl Fn(&mut Tape, &dyn Fn(ParamId) -> Node) -> Node) {
        self.check_within(TOLERANCE, y_order, op);
    }

    fn check_within(
        &self,
        tolerance: f32,
        y_order: &[usize],
        op: impl Fn(&mut Tape, &dyn Fn(ParamId) -> Node) -> Node,
    ) {
        everywhere(|| self.compare(tolerance, y_order, &op));
    }

    fn compare(
        &self,
        tolerance: f32,
        y_order: &[usize],
        op: impl Fn(&mut Tape, &dyn Fn(ParamId) -> Node) -> Node,
    ) {
        let golden = |key: &str| self.golden.values(&format!("{}.{key}", self.name));
        let shape = self.golden.shape(&format!("{}.y", self.name));
        let output = Published::permuted("y", &shape, y_order);
        let mut tape = Tape::recording(&self.params);
        let leaves: Vec<Node> = self.params.ids().map(|id| tape.param(&self.params, id)).collect();
        let y = op(&mut tape, &|id| leaves[id.index()].clone());
        assert_close(
            &format!("{} y", self.name),
            &output.to_published(y.value()).unwrap(),
            &golden("y"),
            tolerance,
        );

        let mut upstream = Params::new(Seed(0));
        let gy = upstream.add_with(output, |_, out| out.copy_from_slice(&golden("gy")));
        let gy = upstream.value(gy).flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let input = y.clone();
        let scalar = Tensor::zeros(1, candle_core::DType::F32, &device()).unwrap();
        let root = tape.record(scalar, &[&y], move |_, gradients| {
            let shape = input.value().shape().clone();
            gradients.give(&input, Grad::of(Tensor::from_vec(gy, &shape, &device())?))
        });
        let mut gradients = Gradients::new(&self.params);
        tape.backward(&root, &mut gradients).unwrap();
        for id in self.params.ids() {
            let published = self.params.published(id);
            let found = gradients.of(id).unwrap_or_else(|| panic!("no gradient of {}", published.name));
            let found = published.to_published(found.tensor()).unwrap();
            let key = format!("d{}", published.name);
            assert_close(&format!("{} {key}", self.name), &found, &golden(&key), tolerance);
        }
    }
}

fn depthwise(name: &'static str) {
    let mut case = Case::new(name);
    let (x, w, b) = (case.input("x", &IMAGE), case.input("weight", &[2, 3, 0, 1]), case.input("bias", &[]));
    case.check(&IMAGE, |tape, node| {
        let channels = node(b).dims()[0];
        let w = tape.reshape(&node(w), (7, 7, channels)).unwrap();
        tape.depthwise7(&node(x), &w, &node(b)).unwrap()
    });
}

#[test]
fn depthwise_with_channels_that_do_not_fill_a_vector() {
    depthwise("depthwise");
}

#[test]
fn depthwise_on_images_smaller_than_the_kernel() {
    depthwise("depthwise_small");
}

#[test]
fn layer_norm() {
    let mut case = Case::new("layer_norm");
    let (x, w, b) = (case.input("x", &[]), case.input("weight", &[]), case.input("bias", &[]));
    case.check(&[], |tape, node| tape.layer_norm(&node(x), &node(w), &node(b), 1e-6).unwrap());
}

#[test]
fn linear() {
    let mut case = Case::new("linear");
    let (x, w, b) = (case.input("x", &[]), case.input("weight", &[]), case.input("bias", &[]));
    case.check(&[], |tape, node| tape.linear(&node(x), &node(w), Weight::OutIn, Some(&node(b))).unwrap());
}

#[test]
fn linear_with_weights_the_other_way_round() {
    let mut case = Case::new("linear");
    let (x, w, b) = (case.input("x", &[]), case.input("weight", &[1, 0]), case.input("bias", &[]));
    case.check(&[], |tape, node| tape.linear(&node(x), &node(w), Weight::InOut, Some(&node(b))).unwrap());
}

#[test]
fn matrix_product() {
    let mut case = Case::new("matmul_nt");
    let (a, b) = (case.input("a", &[]), case.input("b", &[]));
    case.check(&[], |tape, node| tape.linear(&node(a), &node(b), Weight::OutIn, None).unwrap());
}

#[test]
fn gelu() {
    let mut case = Case::new("gelu");
    let x = case.input("x", &[]);
    case.check(&[], |tape, node| tape.gelu(&node(x)).unwrap());
}

fn convolution(name: &'static str, side: usize) {
    let mut case = Case::new(name);
    let (x, w, b) = (case.input("x", &IMAGE), case.input("weight", &IMAGE), case.input("bias", &[]));
    case.check(&IMAGE, |tape, node| {
        let patches = tape.patches(&node(x), side).unwrap();
        let (out, len) = (node(b).dims()[0], *patches.dims().last().unwrap());
        let w = tape.reshape(&node(w), (out, len)).unwrap();
        tape.linear(&patches, &w, Weight::OutIn, Some(&node(b))).unwrap()
    });
}

#[test]
fn convolution_of_four_by_four_patches_floors_the_sides() {
    convolution("conv4x4", 4);
}

#[test]
fn convolution_of_two_by_two_patches() {
    convolution("conv2x2", 2);
}

#[test]
fn planar_patches_are_the_same_convolution() {
    everywhere(|| {
        let golden = Golden::open("ops");
        let tensor = |key: &str, shape: &[usize]| {
            Tensor::from_vec(golden.values(&format!("conv4x4.{key}")), shape, &device()).unwrap()
        };
        let images = tensor("x", &golden.shape("conv4x4.x"));
        let patches = Tape::forgetting().planar_patches(&images, 4).unwrap();
        let (w, b) = (Node::constant(tensor("weight", &[8, 48])), Node::constant(tensor("bias", &[8])));
        let y = Tape::forgetting().linear(&patches, &w, Weight::OutIn, Some(&b)).unwrap();
        let output = Published::permuted("y", &golden.shape("conv4x4.y"), &IMAGE);
        assert_close("y", &output.to_published(y.value()).unwrap(), &golden.values("conv4x4.y"), TOLERANCE);
    });
}

#[test]
fn scaled_residual() {
    let mut case = Case::new("scale_residual");
    let (x, z, gamma) = (case.input("x", &IMAGE), case.input("z", &IMAGE), case.input("gamma", &[]));
    case.check(&IMAGE, |tape, node| tape.scale_residual(&node(x), &node(z), &node(gamma), None).unwrap());
}

#[test]
fn scaled_residual_with_dropped_paths() {
    let mut case = Case::new("scale_residual_drop_path");
    let keep = case.golden.values("scale_residual_drop_path.factor");
    let (x, z, gamma) = (case.input("x", &IMAGE), case.input("z", &IMAGE), case.input("gamma", &[]));
    case.check(&IMAGE, |tape, node| {
        tape.scale_residual(&node(x), &node(z), &node(gamma), Some(keep.clone())).unwrap()
    });
}

#[test]
fn mean_over_pixels() {
    let mut case = Case::new("spatial_mean");
    let x = case.input("x", &IMAGE);
    case.check(&[], |tape, node| tape.mean_pixels(&node(x)).unwrap());
}

#[test]
fn rows_of_unit_length() {
    let mut case = Case::new("l2_normalise");
    let x = case.input("x", &[]);
    case.check(&[], |tape, node| tape.normalise_rows(&node(x)).unwrap());
}

#[test]
fn cross_entropy() {
    let mut case = Case::new("cross_entropy");
    let labels = case.golden.labels("cross_entropy.labels");
    let x = case.input("logits", &[]);
    case.check(&[], |tape, node| tape.cross_entropy(&node(x), 1.0, &labels, None).unwrap());
}

#[test]
fn attention() {
    for (name, heads) in [("attention", 3), ("attention_long", 2)] {
        let mut case = Case::new(name);
        let x = case.input("qkv", &[]);
        case.check(&[], |tape, node| tape.attention(&node(x), heads).unwrap());
    }
}

#[test]
fn rows_of_a_table_collect_their_gradients() {
    everywhere(|| {
        let mut params = Params::new(Seed(0));
        let table = params.add_normal(Published::new("table", &[4, 3]), 1.0);
        let mut tape = Tape::recording(&params);
        let rows = tape.param(&params, table);
        let rows = tape.rows(&rows, &[2, 0, 2]).unwrap();
        let sum = tape.sum(&rows).unwrap();
        let mut gradients = Gradients::new(&params);
        tape.backward(&sum, &mut gradients).unwrap();
        let found = gradients.of(table).unwrap().tensor().to_vec2::<f32>().unwrap();
        assert_eq!(found, [[1.0; 3], [0.0; 3], [2.0; 3], [0.0; 3]]);
    });
}

#[test]
fn three_steps_of_adamw() {
    everywhere(|| {
        let golden = Golden::open("ops");
        let tensor = |key: &str| Tensor::from_vec(golden.values(key), (3, 7), &device()).unwrap();
        let weights = tensor("adamw.p.0");
        let zeros = || Tensor::zeros((3, 7), candle_core::DType::F32, &device()).unwrap();
        let (mean, square) = (zeros(), zeros());
        for (t, lr) in [(1, 0.1), (2, 0.05), (3, 0.02)] {
            let step = adamw::Step::new(t, lr, 0.3, [0.9, 0.999], 1e-8);
            let gradient = tensor(&format!("adamw.g.{t}"));
            let line =
                adamw::Line { weights: &weights, gradient: &gradient, mean: &mean, square: &square, step };
            adamw::update(&[line]).unwrap();
            assert_close(
                "weights",
                &buffer::copy(&weights).unwrap(),
                &golden.values(&format!("adamw.p.{t}")),
                TOLERANCE,
            );
        }
        assert_close("mean", &buffer::copy(&mean).unwrap(), &golden.values("adamw.m.3"), TOLERANCE);
        assert_close("square", &buffer::copy(&square).unwrap(), &golden.values("adamw.v.3"), TOLERANCE);
    });
}

/// A small network through every operation, trained on one thread and on three: the same bits.
#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut params = Params::new(Seed(7));
            let x = params.add_normal(Published::new("x", &[5, 24, 22, 40]), 1.0);
            let taps = params.add_normal(Published::new("taps", &[7, 7, 40]), 0.1);
            let bias = params.add_normal(Published::new("bias", &[40]), 0.1);
            let w = params.add_normal(Published::new("w", &[160, 40]), 0.1);
            let back = params.add_normal(Published::new("back", &[40, 160]), 0.1);
            let mut tape = Tape::recording(&params);
            let node = |tape: &Tape, id| tape.param(&params, id);
            let (x, taps, bias) = (node(&tape, x), node(&tape, taps), node(&tape, bias));
            let (w, back) = (node(&tape, w), node(&tape, back));
            let y = tape.depthwise7(&x, &taps, &bias).unwrap();
            let y = tape.layer_norm(&y, &bias, &bias, 1e-6).unwrap();
            let y = tape.linear(&y, &w, Weight::OutIn, None).unwrap();
            let y = tape.gelu(&y).unwrap();
            let y = tape.linear(&y, &back, Weight::OutIn, Some(&bias)).unwrap();
            let y = tape.scale_residual(&x, &y, &bias, None).unwrap();
            let y = tape.patches(&y, 2).unwrap();
            let y = tape.mean_pixels(&y).unwrap();
            let loss = tape.cross_entropy(&y, 1.0, &[0, 1, 2, 3, 4], None).unwrap();
            let mut gradients = Gradients::new(&params);
            tape.backward(&loss, &mut gradients).unwrap();
            let mut bits = vec![loss.scalar().unwrap().to_bits()];
            for id in params.ids() {
                let grad = gradients.of(id).unwrap().tensor().flatten_all().unwrap();
                bits.extend(grad.to_vec1::<f32>().unwrap().iter().map(|x| x.to_bits()));
            }
            bits
        })
    };
    let one = run(1);
    assert!(run(2) == one && run(3) == one);
}

/// `tests/golden/miro.py`.
#[test]
fn variance_penalty() {
    everywhere(penalties);
    let start = super::raw_of_variance(0.1);
    assert!((start + 2.252_273_55).abs() < 1e-7, "{start}");
}

fn penalties() {
    let golden = Golden::open("miro");
    for kind in ["initial", "random"] {
        for tap in 0..2 {
            let mut params = Params::new(Seed(0));
            let values = |key: &str| golden.values(key);
            let (f, f0) = (format!("{tap}.f"), format!("{tap}.f0"));
            let published = |key: &str| Published::permuted("f", &golden.shape(key), &IMAGE);
            let x = params.add_with(published(&f), |_, out| out.copy_from_slice(&values(&f)));
            let around = params.add_with(published(&f0), |_, out| out.copy_from_slice(&values(&f0)));
            let b = format!("{kind}.{tap}.b");
            let raw = params
                .add_with(Published::new("b", &golden.shape(&b)), |_, out| out.copy_from_slice(&values(&b)));
            let mut tape = Tape::recording(&params);
            let (node, raws) = (tape.param(&params, x), tape.param(&params, raw));
            let y = tape.variance_penalty(&node, params.value(around), &raws).unwrap();
            let expected = values(&format!("{kind}.values"))[tap];
            assert_close(&format!("{kind} {tap}"), &[y.scalar().unwrap()], &[expected], TOLERANCE);
            let mut gradients = Gradients::new(&params);
            tape.backward(&y, &mut gradients).unwrap();
            for (id, key) in [(x, "df"), (raw, "db")] {
                let found = params.published(id).to_published(gradients.of(id).unwrap().tensor()).unwrap();
                let key = format!("{kind}.{tap}.{key}");
                assert_close(&key, &found, &values(&key), TOLERANCE);
            }
        }
    }
}

/// On its own thread, because others must not be changed.
#[test]
fn subnormal_numbers_are_flushed_where_that_is_asked() {
    let tiny = std::hint::black_box(1e-38f32);
    let product = move |()| std::hint::black_box(tiny) * std::hint::black_box(0.1);
    assert!(product(()) > 0.0);
    let flushed = std::thread::spawn(move || {
        super::flush_subnormals();
        product(())
    });
    assert_eq!(flushed.join().unwrap(), 0.0);
    assert!(product(()) > 0.0, "this thread is unchanged");
}
