//! CHAMMI appendix, Table 3: SWAD and MIRO on every adapter, each under two recipes.
//!
//! cargo run --release -- exp chammi_table3
//!
//! What the paper calls SWAD is averaging from epoch 5 on. Rates of the SWAD rows and weights of the MIRO rows were
//! never published; TemplateMixing has its second version under MIRO, which is the only one the release has for it.

use super::chammi::*;
use dichroic::{dsl::Strategy, prelude::*};

/// Whether flat minima or an oracle help an adapter on unseen biology.
#[experiment]
fn chammi_table3() -> impl Experiments {
    let second = TemplateMixing { templates: 24 }.coefficients(Coefficients::Owned);
    let second = pretrained().adapter(second).train_on(Chammi).lr(1e-4).seeds([451_006]);
    let second = Tuned { run: second, proxy: ProxyNca::t(0.05) };
    (
        (
            plain(fixed_channels(pretrained())),
            swad(fixed_channels(pretrained())),
            miro(fixed_channels(pretrained())),
        ),
        (plain(depthwise(pretrained())), swad(depthwise(pretrained())), miro(depthwise(pretrained()))),
        (plain(slice_param(pretrained())), swad(slice_param(pretrained())), miro(slice_param(pretrained()))),
        (
            plain(target_param(pretrained())),
            swad(target_param(pretrained())),
            miro(target_param(pretrained())),
        ),
        (plain(template_mixing(pretrained())), swad(template_mixing(pretrained())), miro(second)),
        (plain(hypernet(pretrained())), swad(hypernet(pretrained())), miro(hypernet(pretrained()))),
    )
}

type FineTuned<A> = Tuned<ImageNet22k, A>;

fn plain<A: StemAdapter>(tuned: FineTuned<A>) -> impl Experiments {
    rows(tuned, Erm)
}

fn swad<A: StemAdapter>(tuned: FineTuned<A>) -> impl Experiments {
    rows(tuned, DenseSwa { start_epoch: 5 })
}

fn miro<A: StemAdapter>(tuned: FineTuned<A>) -> impl Experiments {
    rows(tuned, Miro { lambda: 0.01 })
}

fn rows<A: StemAdapter>(
    tuned: FineTuned<A>,
    strategy: impl Strategy<ImageNet22k, ProxyNca> + Copy,
) -> impl Experiments {
    let Tuned { run, proxy } = tuned;
    RECIPES.map(|recipe| {
        let run = run.clone().loss(proxy).strategy(strategy).recipe(recipe);
        run.evaluate(OneNn::cosine().on(Chammi))
    })
}
