//! `embed`: computes features of a folder of images, with a published backbone or a trained model.

mod transformer;

use super::{
    failure::{Failure, Result},
    locate,
    options::{ComputeOptions, StoreOption},
    output,
    progress::Progress,
    saved_model::{SavedModel, of_place, of_run},
};
use crate::{
    adapter::SetChannels,
    backbone::{built, files, published::Transformer},
    data::{DataSet, ImageSet, Norm, statistics},
    embed::{self, Embedder, Layout, Preprocess, Writer},
    model::Card,
    ops,
    spec::{Adapter, Backbone, ChannelReplication, Model, View, bounds},
    spelling::closest,
};
use candle_core::Device;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf};

/// Embed a folder of images: `OUT/<set>/features.npy`, one row for each row of `<set>/enriched_meta.csv`
#[derive(Args, Debug)]
pub(super) struct Embed {
    /// Published backbone: convnext_atto … convnext_base, resnet18, resnet50; vision transformers by timm's names
    /// (vit_small_patch16_224, deit_small_patch16_224, vit_small_patch14_reg4_dinov2) or Meta's (dinov2_vits14,
    /// dinov2_vitb14_reg, dinov2_vits16, dino_vits8) or insitro's (channelvit_small_patch16); built with `--features zoo`, also timm's names of CLIP, SigLIP, EVA-02,
    /// EfficientNet, MobileNetV4 and FastViT
    #[arg(long, value_name = "NAME", conflicts_with = "run")]
    model: Option<String>,
    /// Weights file, or a folder of them; files written by a run or by `import` need no --model
    #[arg(long, value_name = "PATH", conflicts_with = "run")]
    weights: Option<PathBuf>,
    /// How channels are fed to a published backbone
    #[arg(long, value_enum, default_value_t = AdapterWord::ChannelReplication)]
    adapter: AdapterWord,
    #[command(flatten)]
    of_transformers: transformer::Options,
    /// A finished run, by a prefix of its id: use its model, or its models side by side
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Folder of images
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only this set; repeatable [default: every set of the folder]
    #[arg(long = "set", value_name = "SET")]
    sets: Vec<String>,
    /// Output folder
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Resize images to this side and crop the centre; of a model of windows, the window's side [default: as published for a
    /// published backbone, the training side for a trained model]
    #[arg(long, value_name = "N")]
    size: Option<usize>,
    /// Average features over the eight symmetries of a square: eight times as long [default: as the run does]
    #[arg(long)]
    symmetries: bool,
    /// Maximum number of images per batch
    #[arg(long, value_name = "N", default_value_t = embed::BATCH, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    batch: usize,
    /// Format of the features
    #[arg(long, value_enum, default_value_t = Format::Npy)]
    format: Format,
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    compute: ComputeOptions,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum AdapterWord {
    /// Each channel on its own, features concatenated: the published off-the-shelf baseline
    ChannelReplication,
    /// The channels of an image as the planes that a transformer reads, in order
    Planes,
    /// Each channel on its own, with the weights of a transformer of one plane: DINO BoC. Of several tokens, one of all channels
    /// comes before the next one of all
    BagOfChannels,
    /// The patches of all channels in one sequence of tokens: Channel-ViT
    ChannelVit,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Format {
    /// `features.npy`
    Npy,
    /// `features.parquet`, with the columns of the table
    Parquet,
}

/// The files of features by their sets: path, images, features of each.
type Written = BTreeMap<String, (PathBuf, usize, usize)>;

impl Embed {
    pub(super) fn run(&self, quiet: bool) -> Result {
        if let Some(wrong) = self.size.and_then(|size| bounds::EMBED_IMAGE.check(size).err()) {
            return Err(Failure::new(format!("--size: {wrong}")).hint(bounds::EMBED_IMAGE.hint));
        }
        let device = self.compute.prepare()?;
        if let Some(transformer) = self.model.as_deref().and_then(Transformer::named) {
            return self.with_transformer(&transformer, &device, quiet);
        }
        self.of_transformers.refuse_for_others(self.adapter)?;
        let models = self.models()?;
        let data = self.open()?;
        let shares = self.shares(&models, &data)?;
        // Before any image is read.
        shares.iter().flat_map(|(_, sets)| sets).try_for_each(|set| self.make_room(set))?;
        let mut progress = Progress::new(quiet);
        data.measure(&mut progress)?;
        let mut written = Written::new();
        for (saved, sets) in shares {
            let asked: Vec<SetChannels> = sets.iter().map(|set| own(set)).collect();
            let mut embedder = match saved.published {
                true => Embedder::published(&saved.card, &asked, &saved.weights)?,
                false => Embedder::restore(&saved.card, &asked, true, &saved.weights)?,
            };
            for other in &saved.others {
                embedder.beside(other)?;
            }
            for remark in files::remarks(&saved.weights)? {
                output::warn(&remark);
            }
            embedder.symmetries = saved.symmetries;
            let norm = |at: usize, set: &ImageSet, progress: &mut Progress| {
                norm(&saved.card, embedder.known(at), set, progress)
            };
            let norms = norms(&sets, norm, &mut progress)?;
            self.write(embedder, &device, sets.into_iter().zip(norms), &mut progress, &mut written)?;
        }
        progress.rest();
        self.report(written)
    }

    fn open(&self) -> Result<DataSet> {
        let data = DataSet::open_without_fingerprint(&locate::own_name(&self.data), &self.data)?;
        data.warnings.iter().for_each(|warning| output::warn(warning));
        Ok(data)
    }

    /// Embeds sets with a model, as the options say.
    fn write<'a>(
        &self,
        mut embedder: Embedder,
        device: &Device,
        sets: impl Iterator<Item = (&'a ImageSet, Norm)>,
        progress: &mut Progress,
        written: &mut Written,
    ) -> Result {
        embedder.go_to(device, ops::format::Format::F32)?;
        embedder.batch = self.batch;
        embedder.symmetries |= self.symmetries;
        embedder.preprocess = match (self.size, embedder.preprocess) {
            (None, published) => published,
            (Some(side), Preprocess::Window { .. }) => Preprocess::Window { side },
            (Some(side), Preprocess::Square { .. } | Preprocess::Native) => Preprocess::square(side),
        };
        if let Some(size) = self.size.filter(|size| *size < embedder.least_side()) {
            let least = embedder.least_side();
            let failure =
                Failure::new(format!("expected a `--size` of at least {least} for this model, found {size}"));
            return Err(failure.hint(bounds::EMBED_IMAGE.hint));
        }
        for (at, (set, norm)) in sets.enumerate() {
            let (path, mut writer) = self.writer(set)?;
            let mut add = |features: &[f32], width| writer.add(features, width);
            embedder.embed(set, at, &norm, progress, &mut add)?;
            let width = writer.width();
            writer.finish()?;
            written.insert(set.name.clone(), (path, set.len(), width));
        }
        Ok(())
    }

    /// Says what was written.
    fn report(&self, written: Written) -> Result {
        if self.json {
            let one = |(path, rows, width): (PathBuf, usize, usize)| json!({ "path": path, "rows": rows, "width": width });
            let sets: BTreeMap<String, Value> =
                written.into_iter().map(|(set, file)| (set, one(file))).collect();
            return output::say_json(&json!({ "sets": sets }));
        }
        let line = |(path, rows, width): &(PathBuf, usize, usize)| {
            format!("{}: {rows} images, {width} features each", path.display())
        };
        output::say(&written.values().map(line).collect::<Vec<_>>().join("\n"))
    }

    /// The selected sets, by the model that embeds them. A run with one model per set has several.
    fn shares<'a>(
        &self,
        models: &'a [SavedModel],
        data: &'a DataSet,
    ) -> Result<Vec<(&'a SavedModel, Vec<&'a ImageSet>)>> {
        let mut shares: Vec<(&SavedModel, Vec<&ImageSet>)> =
            models.iter().map(|saved| (saved, vec![])).collect();
        for set in data.only(&self.sets)? {
            let mine = shares.iter_mut().find(|(saved, _)| saved.reads(set));
            mine.ok_or_else(|| stranger(set, models))?.1.push(set);
        }
        shares.retain(|(_, sets)| !sets.is_empty());
        Ok(shares)
    }

    /// The file of a set's features.
    fn path(&self, set: &ImageSet) -> PathBuf {
        let name = if self.format == Format::Npy { "features.npy" } else { "features.parquet" };
        self.out.join(&set.name).join(name)
    }

    /// Makes the folder of a set's features, which nothing else may be in the place of.
    fn make_room(&self, set: &ImageSet) -> Result {
        let (path, folder) = (self.path(set), self.out.join(&set.name));
        let refused = |why: String| {
            let hint = "`--out` is a folder, which is made if it does not exist";
            Err(Failure::new(why).hint(hint))
        };
        if let Some(file) = folder.ancestors().find(|place| place.is_file()) {
            return refused(format!("{} is a file, and features are written to a folder", file.display()));
        }
        if path.is_dir() {
            return refused(format!("{} is a folder, and features are written to a file", path.display()));
        }
        std::fs::create_dir_all(&folder)
            .or_else(|source| refused(format!("cannot make {}: {source}", folder.display())))
    }

    /// The file of a set's features, and what writes it.
    fn writer(&self, set: &ImageSet) -> Result<(PathBuf, Writer)> {
        let path = self.path(set);
        let layout = match self.format {
            Format::Npy => Layout::Npy,
            Format::Parquet => Layout::Parquet(set.metadata()?),
        };
        let writer = Writer::new(&path, layout, set.len())?;
        Ok((path, writer))
    }

    fn models(&self) -> Result<Vec<SavedModel>> {
        if let Some(run) = &self.run {
            let models = of_run(&self.store.path(), run)?;
            if models.iter().any(|model| model.trains_on_each) {
                let hint = "ask it in an experiment: `.at_test_time(Ttt).evaluate(Accuracy.on(…))`";
                let message = "the model of this run is trained on each image before it embeds it, which `embed` does not do";
                return Err(Failure::new(message).hint(hint));
            }
            return Ok(models);
        }
        let Some(name) = &self.model else {
            let hint = "use --model convnext_tiny with --weights FILE, --weights FILE of a trained model, or --run RUN";
            let Some(file) = &self.weights else {
                return Err(Failure::new("no model given").hint(hint));
            };
            return of_place(file);
        };
        let backbone = backbone(name)?;
        built(&backbone)?;
        let weights = match &self.weights {
            Some(file) if file.is_file() => file.clone(),
            place => files::find(&files::published(&backbone), place.as_deref())?,
        };
        let adapter = Adapter::ChannelReplication(ChannelReplication { view: View::Native });
        let model = Model { weights: backbone.published(), backbone, adapter };
        let card = Card::of(model, self.size.unwrap_or(0), vec![]);
        Ok(vec![SavedModel {
            card,
            weights,
            others: vec![],
            published: true,
            symmetries: false,
            trains_on_each: false,
        }])
    }
}

/// The normalisation of each set.
fn norms(
    sets: &[&ImageSet],
    one: impl Fn(usize, &ImageSet, &mut Progress) -> Result<Norm>,
    progress: &mut Progress,
) -> Result<Vec<Norm>> {
    sets.iter().enumerate().map(|(at, set)| one(at, set, progress)).collect()
}

fn own(set: &ImageSet) -> SetChannels {
    SetChannels { set: set.name.clone(), channels: set.channels.clone() }
}

/// Normalisation of a set's images: that of training, or their own mean and standard deviation.
fn norm(card: &Card, known: Option<usize>, set: &ImageSet, progress: &mut Progress) -> Result<Norm> {
    Ok(match known {
        _ if card.model.adapter.view() == View::Native => Norm::none(set.channels.len()),
        Some(number) => card.norm(number),
        None => match card.by_image(&set.name) {
            Some(norm) => norm,
            None => statistics(set, &set.train_rows(), progress)?.into(),
        },
    })
}

fn stranger(set: &ImageSet, models: &[SavedModel]) -> Failure {
    let known: Vec<String> = models
        .iter()
        .flat_map(|saved| saved.card.channels())
        .map(|known| format!("{} ({})", known.set, known.channels.join(", ")))
        .collect();
    if let Some(why) = models.iter().find_map(|saved| saved.lacks(set)) {
        let hint = match models.first().map(|saved| &saved.card.model.adapter) {
            Some(Adapter::ChannelVit(_)) => {
                "select sets with `--set NAME`; `BagOfChannels` reads any number of channels"
            }
            _ => {
                "channels are picked by their names, which `dataset.toml` gives them; select sets with `--set NAME`"
            }
        };
        return Failure::new(format!("`{}` {why}", set.name)).hint(hint);
    }
    let word = models.first().map_or("the model", |saved| saved.card.model.adapter.word());
    let message = format!(
        "{word} has no parameters for set `{}` with channels {}; it was trained on {}",
        set.name,
        set.channels.join(", "),
        known.join("; ")
    );
    Failure::new(message)
        .hint("select sets with `--set NAME`; `Depthwise` with `.replicating()` reads new channels")
}

/// The backbone with a published name: `convnext_tiny`.
fn backbone(name: &str) -> Result<Backbone> {
    files::all().into_iter().find(|one| files::name(one) == name).ok_or_else(|| {
        let names: Vec<String> = files::all().iter().map(files::name).collect();
        let known = names.iter().map(String::as_str).chain(Transformer::EXAMPLES);
        let near = closest(name, known);
        let failure = Failure::new(format!("there is no model `{name}`"));
        failure.hint(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("models are {}, {}", names.join(", "), Transformer::USUAL.join(", ")),
        })
    })
}
