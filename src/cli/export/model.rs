//! `export`: the model of one set, as a file that timm loads.

use crate::cli::{
    failure::{Failure, Result},
    options::StoreOption,
    output,
    saved_model::{SavedModel, of_place, of_run},
};
use crate::{
    backbone::files,
    model::Extractor,
    params::Params,
    seed::Seed,
    spec::{Backbone, Samples, VitFeatures},
};
use clap::Args;
use std::path::PathBuf;

const NO_PLAIN_ONE: &str = "there is no plain network that computes the same; `embed` writes its features";

#[derive(Args, Debug)]
pub(super) struct Model {
    /// A finished run, by a prefix of its id
    #[arg(long, value_name = "RUN", required_unless_present = "weights", conflicts_with = "weights")]
    run: Option<String>,
    /// A weights file written by a run or by `import`, or a folder of them
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// The training set whose generated or chosen first layer becomes `stem.0`
    #[arg(long, value_name = "SET", required = true)]
    set: Option<String>,
    /// The file to write
    #[arg(long, value_name = "FILE", required = true)]
    out: Option<PathBuf>,
    #[command(flatten)]
    store: StoreOption,
}

impl Model {
    pub(super) fn run(&self) -> Result {
        // Both are required, unless a first word says that it is not about a model.
        let (Some(wanted), Some(out)) = (&self.set, &self.out) else { return Ok(()) };
        let models = match (&self.run, &self.weights) {
            (Some(run), _) => of_run(&self.store.path(), run)?,
            (None, Some(file)) => of_place(file)?,
            (None, None) => vec![],
        };
        let place = |saved: &SavedModel| saved.card.sets.iter().position(|set| set.set == *wanted);
        let Some((saved, number)) = models.iter().find_map(|saved| Some((saved, place(saved)?))) else {
            let sets = models.iter().flat_map(|saved| &saved.card.sets).map(|set| set.set.as_str());
            let failure = Failure::new(format!("the model was not trained on a set `{wanted}`"));
            return Err(failure.hint(format!("its sets are {}", sets.collect::<Vec<_>>().join(", "))));
        };
        if !saved.others.is_empty() {
            let files: Vec<String> = [&saved.weights]
                .into_iter()
                .chain(&saved.others)
                .map(|file| file.display().to_string())
                .collect();
            let failure =
                Failure::new(format!("expected one model, found {} that are taken as one", files.len()));
            return Err(failure.hint(format!("export one of them: --weights {}", files.join(", or "))));
        }
        let mut params = Params::new(Seed(0));
        let model = Extractor::new(&saved.card.model, &saved.card.channels(), &[], &mut params);
        files::restore(&saved.weights, &mut params)?;
        let backbone = &saved.card.model.backbone;
        if !model.export(&params, number, out)? {
            let word = saved.card.model.adapter.word();
            let (message, hint) = match backbone {
                Backbone::ConvNext(_) | Backbone::Vit(_) => {
                    (format!("the first layer of {word} is more than a convolution"), NO_PLAIN_ONE)
                }
                Backbone::ResNet(_) | Backbone::DinoV2(_) | Backbone::OffTheShelf(_) => (
                    format!("{backbone} is evaluated off the shelf: its published file is what there is"),
                    NO_PLAIN_ONE,
                ),
            };
            return Err(Failure::new(message).hint(hint));
        }
        let channels = &saved.card.sets[number].channels;
        let (count, which) = match saved.card.model.adapter.samples() {
            Samples::Images => (channels.len(), format!("channels {}", channels.join(", "))),
            Samples::Channels(_) => (1, format!("each of the channels {} by itself", channels.join(", "))),
        };
        output::say(&format!(
            "{}: {}, {which}; features are {}",
            out.display(),
            in_timm(backbone, count, saved.card.image),
            features(backbone)
        ))
    }
}

/// How timm makes the network that loads the file.
fn in_timm(backbone: &Backbone, channels: usize, side: usize) -> String {
    let Backbone::Vit(word) = backbone else {
        return format!(
            "timm.create_model(\"{}\", in_chans={channels}, num_classes=0)",
            files::name(backbone)
        );
    };
    let (size, patch) = (word.size, word.patch());
    let own = size.side() / patch * patch;
    let mut said = vec![
        format!("img_size={own}, patch_size={patch}, in_chans={channels}, num_classes=0"),
        format!("embed_dim={}, depth={}, num_heads={}", size.width(), size.depth(), size.heads()),
    ];
    if own != side {
        said.push("dynamic_img_size=True".into());
    }
    if word.registers > 0 {
        said.push(format!("reg_tokens={}, no_embed_class=True", word.registers));
    }
    if let Some(scale) = word.layer_scale {
        said.push(format!("init_values={scale}"));
    }
    match word.features {
        VitFeatures::ClassToken => {}
        VitFeatures::MeanOfPatches => said.push("global_pool=\"avg\", fc_norm=False".into()),
    }
    format!("timm.models.VisionTransformer({})", said.join(", "))
}

/// What of that network the features are.
fn features(backbone: &Backbone) -> &'static str {
    match backbone {
        Backbone::Vit(_) => "its output",
        Backbone::ConvNext(_) | Backbone::ResNet(_) | Backbone::DinoV2(_) | Backbone::OffTheShelf(_) => {
            "the mean of forward_features over pixels"
        }
    }
}
