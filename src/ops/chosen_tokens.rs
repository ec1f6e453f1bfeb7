//! Some of the tokens of each image, chosen one by one, and their return to their places, with one and the same token in
//! the others (masked autoencoders).

use super::{buffer, gpu::Gpu, linear::set_or_add};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Which of `all` tokens of each image are meant, each at most once.
#[derive(Clone, Debug)]
pub struct Places {
    /// For each image, so many places.
    pub(crate) places: Vec<usize>,
    /// Tokens chosen of each image.
    pub(crate) count: usize,
    /// Tokens of each image.
    pub(crate) all: usize,
}

impl Places {
    /// `places` has `count` of each image, one image after the other.
    ///
    /// # Errors
    /// If a place is not there, or is chosen twice.
    pub fn new(places: Vec<usize>, count: usize, all: usize) -> Result<Self> {
        let images = places.len() / count.max(1);
        if count == 0 || images * count != places.len() {
            candle_core::bail!("{} places are not {count} of each image", places.len());
        }
        let mut seen = vec![false; all];
        for image in places.chunks_exact(count) {
            seen.fill(false);
            for place in image {
                if *place >= all || std::mem::replace(&mut seen[*place], true) {
                    candle_core::bail!("expected each place once, below {all}, found {image:?}");
                }
            }
        }
        Ok(Self { places, count, all })
    }

    /// The same for images of each of which these are the first tokens already: places move behind them.
    #[must_use]
    pub fn behind(&self, first: usize) -> Self {
        let own =
            |image: &[usize]| (0..first).chain(image.iter().map(|place| first + place)).collect::<Vec<_>>();
        let places = self.places.chunks_exact(self.count).flat_map(own).collect();
        Self { places, count: first + self.count, all: first + self.all }
    }

    /// Images.
    pub fn images(&self) -> usize {
        self.places.len() / self.count
    }

    /// For each token of each image its number among the chosen ones; `count`: it is not chosen.
    pub fn numbers(&self) -> Vec<usize> {
        let mut numbers = vec![self.count; self.images() * self.all];
        for (at, place) in self.places.iter().enumerate() {
            numbers[at / self.count * self.all + place] = at % self.count;
        }
        numbers
    }

    /// Whether each token of each image is not chosen.
    pub fn left_out(&self) -> Vec<bool> {
        self.numbers().into_iter().map(|number| number == self.count).collect()
    }

    fn fit(&self, what: &str, dims: (usize, usize, usize), tokens: usize) -> Result<()> {
        if (dims.0, dims.1) != (self.images(), tokens) {
            candle_core::bail!(
                "{what}: {dims:?} meets places of {} images and {tokens} tokens",
                self.images()
            );
        }
        Ok(())
    }
}

impl Tape {
    /// (N, all, C) to (N, count, C).
    ///
    /// # Errors
    /// If there are other images or tokens.
    pub fn chosen_tokens(&mut self, x: &Node, places: &Places) -> Result<Node> {
        let dims = x.value().dims3()?;
        places.fit("chosen tokens", dims, places.all)?;
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.chosen_tokens_on(gpu, x, places);
        }
        let (images, _, width) = dims;
        let Places { places, count, all } = places.clone();
        let value = {
            let x = buffer::read(x.value())?;
            let mut y = buffer::uninit(images * count * width);
            choose(&x, (&places, count, all, width), &mut y, false);
            y
        };
        let value = Tensor::from_vec(value, (images, count, width), x.value().device())?;
        let input = x.clone();
        Ok(self.record(value, &[x], move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            let places = Places { places, count, all };
            gradients.contribute(&input, |dx, add| {
                spread(&grad, None, (&places.numbers(), count, all, width), dx, add);
            })
        }))
    }

    /// (N, count, C) at their places among (N, all, C); every other token is `filler`, of C numbers.
    ///
    /// # Errors
    /// If there are other images or tokens, or the filler has another width.
    pub fn spread_tokens(&mut self, x: &Node, filler: &Node, places: &Places) -> Result<Node> {
        let dims = x.value().dims3()?;
        places.fit("spread tokens", dims, places.count)?;
        let (images, _, width) = dims;
        if filler.value().elem_count() != width {
            candle_core::bail!("spread tokens: tokens of width {width} meet a filler {:?}", filler.dims());
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.spread_tokens_on(gpu, x, filler, places);
        }
        let (numbers, Places { places, count, all }) = (places.numbers(), places.clone());
        let value = {
            let (x, filler) = (buffer::read(x.value())?, buffer::read(filler.value())?);
            let mut y = buffer::uninit(images * all * width);
            spread(&x, Some(&filler), (&numbers, count, all, width), &mut y, false);
            y
        };
        let value = Tensor::from_vec(value, (images, all, width), x.value().device())?;
        let inputs = (x.clone(), filler.clone());
        Ok(self.record(value, &[x, filler], move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            // A sum for each image, added in their order.
            let one = |(image, grad): (usize, &[f32])| {
                let mut sum = vec![0f32; width];
                let numbers = &numbers[image * all..][..all];
                let left_out = grad.chunks_exact(width).zip(numbers).filter(|(_, number)| **number == count);
                left_out.for_each(|(grad, _)| sum.iter_mut().zip(grad).for_each(|(sum, x)| *sum += x));
                sum
            };
            let sums: Vec<Vec<f32>> = grad.par_chunks(all * width).enumerate().map(one).collect();
            let mut sum = vec![0f32; width];
            sums.iter().for_each(|one| sum.iter_mut().zip(one).for_each(|(sum, x)| *sum += x));
            gradients.contribute(&inputs.1, |dx, add| set_or_add(dx, &sum, add))?;
            gradients.contribute(&inputs.0, |dx, add| choose(&grad, (&places, count, all, width), dx, add))
        }))
    }
}

/// Sets `to`, or adds to it.
fn put(to: &mut [f32], from: &[f32], add: bool) {
    match add {
        true => to.iter_mut().zip(from).for_each(|(to, from)| *to += from),
        false => to.copy_from_slice(from),
    }
}

fn choose(x: &[f32], (places, count, all, width): (&[usize], usize, usize, usize), y: &mut [f32], add: bool) {
    let images = y.par_chunks_mut(count * width).zip(x.par_chunks(all * width)).zip(places.par_chunks(count));
    images.for_each(|((y, x), places)| {
        for (y, place) in y.chunks_exact_mut(width).zip(places) {
            put(y, &x[place * width..][..width], add);
        }
    });
}

/// Without a filler, the other tokens are 0.
fn spread(
    x: &[f32],
    filler: Option<&[f32]>,
    (numbers, count, all, width): (&[usize], usize, usize, usize),
    y: &mut [f32],
    add: bool,
) {
    let images = y.par_chunks_mut(all * width).zip(x.par_chunks(count * width)).zip(numbers.par_chunks(all));
    images.for_each(|((y, x), numbers)| {
        for (y, number) in y.chunks_exact_mut(width).zip(numbers) {
            match (*number < count, filler) {
                (true, _) => put(y, &x[number * width..][..width], add),
                (false, Some(filler)) => put(y, filler, add),
                (false, None) if !add => y.fill(0.0),
                (false, None) => {}
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Weight,
        golden::{assert_close, device, everywhere},
        params::{ParamId, Params, Published},
        seed::Seed,
        tape::Gradients,
    };

    const COUNT: usize = 2;
    const ALL: usize = 5;
    const WIDTH: usize = 3;

    fn places() -> Places {
        Places::new(vec![3, 1, 0, 4, 2, 3], COUNT, ALL).unwrap()
    }

    fn values(params: &Params, tensor: &candle_core::Tensor) -> Vec<f32> {
        let _ = params;
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// A scalar in which every number of `y` has its own weight twice, and the gradient of each parameter.
    fn slopes(
        params: &Params,
        ids: &[ParamId],
        work: impl Fn(&mut Tape, &[Node]) -> Node,
    ) -> (Vec<f32>, Vec<Vec<f32>>) {
        let mut tape = Tape::recording(params);
        let nodes: Vec<Node> = ids.iter().map(|id| tape.param(params, *id)).collect();
        // Read twice, so that gradients are also added.
        let (one, two) = (work(&mut tape, &nodes), work(&mut tape, &nodes));
        let both = tape.add(&one, &two).unwrap();
        let count = both.value().elem_count();
        let flat = tape.reshape(&both, (1, count)).unwrap();
        let weights = (0..count).map(|at| (at as f32 * 0.7).sin()).collect();
        let weights = Node::constant(Tensor::from_vec(weights, (1, count), &device()).unwrap());
        let sum = tape.linear(&flat, &weights, Weight::OutIn, None).unwrap();
        let mut gradients = Gradients::new(params);
        tape.backward(&sum, &mut gradients).unwrap();
        let of = |id: &ParamId| values(params, gradients.of(*id).unwrap().tensor());
        (values(params, one.value()), ids.iter().map(of).collect())
    }

    fn weight(at: usize) -> f32 {
        2.0 * (at as f32 * 0.7).sin()
    }

    #[test]
    fn chosen_tokens_keep_their_order_and_give_their_gradients_back() {
        everywhere(|| {
            let mut params = Params::new(Seed(5));
            let x = params.add_normal(Published::new("x", &[3, ALL, WIDTH]), 1.0);
            let (found, slopes) =
                slopes(&params, &[x], |tape, nodes| tape.chosen_tokens(&nodes[0], &places()).unwrap());
            let tokens = params.export(x).unwrap();
            let (mut expected, mut slope) = (vec![], vec![0.0; tokens.len()]);
            for (at, place) in places().places.iter().enumerate() {
                for channel in 0..WIDTH {
                    let from = (at / COUNT * ALL + place) * WIDTH + channel;
                    slope[from] += weight(expected.len());
                    expected.push(tokens[from]);
                }
            }
            assert_eq!(found, expected);
            assert_close("tokens", &slopes[0], &slope, 1e-6);
        });
    }

    #[test]
    fn spread_tokens_are_at_their_places_and_the_filler_learns_from_all_others() {
        everywhere(|| {
            let mut params = Params::new(Seed(5));
            let x = params.add_normal(Published::new("x", &[3, COUNT, WIDTH]), 1.0);
            let filler = params.add_normal(Published::new("filler", &[1, 1, WIDTH]), 1.0);
            let (found, slopes) = slopes(&params, &[x, filler], |tape, nodes| {
                tape.spread_tokens(&nodes[0], &nodes[1], &places()).unwrap()
            });
            let (tokens, fill) = (params.export(x).unwrap(), params.export(filler).unwrap());
            let (mut dx, mut dfiller) = (vec![0.0; tokens.len()], vec![0.0; WIDTH]);
            let mut expected = vec![];
            for (at, number) in places().numbers().into_iter().enumerate() {
                for channel in 0..WIDTH {
                    let slope = weight(expected.len());
                    if number == COUNT {
                        dfiller[channel] += slope;
                        expected.push(fill[channel]);
                    } else {
                        let from = (at / ALL * COUNT + number) * WIDTH + channel;
                        dx[from] += slope;
                        expected.push(tokens[from]);
                    }
                }
            }
            assert_eq!(found, expected);
            assert_close("tokens", &slopes[0], &dx, 1e-6);
            assert_close("filler", &slopes[1], &dfiller, 1e-6);
        });
    }

    #[test]
    fn places_behind_other_tokens_choose_these_as_well() {
        let behind = places().behind(1);
        assert_eq!(behind.places, [0, 4, 2, 0, 1, 5, 0, 3, 4]);
        assert_eq!((behind.count, behind.all, behind.images()), (3, 6, 3));
        assert_eq!(places().left_out()[..ALL], [true, false, true, false, true]);
    }

    #[test]
    fn places_that_are_not_there_are_refused() {
        for places in [vec![0, 5], vec![1, 1], vec![0, 1, 2], vec![]] {
            assert!(Places::new(places.clone(), 2, 5).is_err() || places.is_empty(), "{places:?}");
        }
        let x = Node::constant(Tensor::zeros((3, 4, 2), candle_core::DType::F32, &device()).unwrap());
        let message = Tape::forgetting().chosen_tokens(&x, &places()).unwrap_err().to_string();
        assert!(message.contains("places of 3 images and 5 tokens"), "{message}");
        assert!(Tape::forgetting().spread_tokens(&x, &x, &places()).is_err());
    }
}
