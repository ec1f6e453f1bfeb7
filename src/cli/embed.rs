//! `embed`: features of a folder of images, by a published backbone or by a model of ours.

use super::{
    failure::{Failure, Result},
    kept::{Kept, of_place, of_run},
    locate,
    options::{ComputeOptions, StoreOption},
    output,
    progress::Progress,
};
use crate::{
    adapter::SetChannels,
    backbone::files,
    data::{DataSet, ImageSet, Statistics, statistics},
    embed::{self, Embedder, Layout, See, Writer},
    model::Card,
    ops,
    spec::{Adapter, Backbone, ChannelReplication, Model, View},
    spelling::closest,
};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf};

/// Embeds a folder of images: `OUT/<set>/features.npy`, one row for each row of `<set>/enriched_meta.csv`
#[derive(Args, Debug)]
pub(super) struct Embed {
    /// A published backbone: convnext_atto … convnext_base, resnet18, resnet50, dinov2_vits14_reg
    #[arg(long, value_name = "NAME", conflicts_with = "run")]
    model: Option<String>,
    /// A file of weights, or a folder of them; what a run or `import` left behind needs no --model
    #[arg(long, value_name = "PATH", conflicts_with = "run")]
    weights: Option<PathBuf>,
    /// How channels come into a published backbone
    #[arg(long, value_enum, default_value_t = AdapterWord::ChannelReplication)]
    adapter: AdapterWord,
    /// A finished run, by the beginning of its id: its model embeds
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// The folder of images
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only this set; repeatable [default: every set of the folder]
    #[arg(long = "set", value_name = "SET")]
    sets: Vec<String>,
    /// Where the features go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Resizes images to this side and cuts the middle out [default: as it was published for a published backbone,
    /// the training side for a model of ours]
    #[arg(long, value_name = "N")]
    size: Option<usize>,
    /// Images that pass through the model together, at most
    #[arg(long, value_name = "N", default_value_t = embed::BATCH, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    batch: usize,
    /// How features are written
    #[arg(long, value_enum, default_value_t = Format::Npy)]
    format: Format,
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    compute: ComputeOptions,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AdapterWord {
    /// Each channel passes through on its own, features side by side: the published off-the-shelf baseline
    ChannelReplication,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Format {
    /// `features.npy`
    Npy,
    /// `features.parquet`, with the columns of the table
    Parquet,
}

impl Embed {
    pub(super) fn run(&self, quiet: bool) -> Result {
        let device = self.compute.prepare()?;
        let models = self.models()?;
        let data = DataSet::open(&locate::own_name(&self.data), &self.data)?;
        data.warnings.iter().for_each(|warning| output::warn(warning));
        let mut progress = Progress::new(quiet);
        data.measure(&mut progress)?;
        let mut written = BTreeMap::new();
        for (kept, sets) in self.shares(&models, &data)? {
            let asked: Vec<SetChannels> = sets.iter().map(|set| own(set)).collect();
            let mut embedder = match kept.published {
                true => Embedder::published(&kept.card, &asked, &kept.weights)?,
                false => Embedder::restore(&kept.card, &asked, true, &kept.weights)?,
            };
            embedder.go_to(&device, ops::format::Format::F32)?;
            embedder.batch = self.batch;
            embedder.see = self.size.map_or(embedder.see, See::square);
            for (at, set) in sets.into_iter().enumerate() {
                let norm = norm(&kept.card, embedder.known(at), set, &mut progress)?;
                let (path, mut writer) = self.writer(set)?;
                let mut add = |features: &[f32], width| writer.add(features, width);
                embedder.embed(set, at, &norm, &mut progress, &mut add)?;
                let width = writer.width();
                writer.finish()?;
                written.insert(set.name.clone(), (path, set.len(), width));
            }
        }
        progress.rest();
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

    /// The sets that are meant, by the model that embeds them. A run of one model for each set has several.
    fn shares<'a>(
        &self,
        models: &'a [Kept],
        data: &'a DataSet,
    ) -> Result<Vec<(&'a Kept, Vec<&'a ImageSet>)>> {
        let mut shares: Vec<(&Kept, Vec<&ImageSet>)> = models.iter().map(|kept| (kept, vec![])).collect();
        for set in data.only(&self.sets)? {
            let mine = shares.iter_mut().find(|(kept, _)| kept.reads(set));
            mine.ok_or_else(|| stranger(set, models))?.1.push(set);
        }
        shares.retain(|(_, sets)| !sets.is_empty());
        Ok(shares)
    }

    /// The file of a set's features, and what writes it.
    fn writer(&self, set: &ImageSet) -> Result<(PathBuf, Writer)> {
        let folder = self.out.join(&set.name);
        let path = folder.join(if self.format == Format::Npy { "features.npy" } else { "features.parquet" });
        let io = |source: std::io::Error| Failure::new(format!("cannot write {}: {source}", path.display()));
        std::fs::create_dir_all(&folder).map_err(io)?;
        let layout = match self.format {
            Format::Npy => Layout::Npy,
            Format::Parquet => Layout::Parquet(set.metadata()?),
        };
        let writer = Writer::new(&path, layout, set.len())?;
        Ok((path, writer))
    }

    fn models(&self) -> Result<Vec<Kept>> {
        if let Some(run) = &self.run {
            return of_run(&self.store.path(), run);
        }
        let Some(name) = &self.model else {
            let hint = "say --model convnext_tiny with --weights FILE, --weights FILE of ours, or --run RUN";
            let Some(file) = &self.weights else {
                return Err(Failure::new("nothing says which model embeds").hint(hint));
            };
            return of_place(file);
        };
        let backbone = backbone(name)?;
        let AdapterWord::ChannelReplication = self.adapter;
        let weights = match &self.weights {
            Some(file) if file.is_file() => file.clone(),
            place => files::find(&files::published(&backbone), place.as_deref())?,
        };
        let adapter = Adapter::ChannelReplication(ChannelReplication { view: View::Native });
        let model = Model { weights: backbone.published(), backbone, adapter };
        let card = Card { model, image: self.size.unwrap_or(0), sets: vec![] };
        Ok(vec![Kept { card, weights, published: true }])
    }
}

fn own(set: &ImageSet) -> SetChannels {
    SetChannels { set: set.name.clone(), channels: set.channels.clone() }
}

/// What the images of a set are normalised by: what they were in training, or their own mean and deviation.
fn norm(card: &Card, known: Option<usize>, set: &ImageSet, progress: &mut Progress) -> Result<Statistics> {
    Ok(match known {
        _ if card.model.adapter.view() == View::Native => Statistics::none(set.channels.len()),
        Some(number) => card.statistics(number),
        None => statistics(set, &set.train_rows(), progress)?,
    })
}

fn stranger(set: &ImageSet, models: &[Kept]) -> Failure {
    let known: Vec<String> = models
        .iter()
        .flat_map(|kept| kept.card.channels())
        .map(|known| format!("{} ({})", known.set, known.channels.join(", ")))
        .collect();
    let word = models.first().map_or("the model", |kept| kept.card.model.adapter.word());
    let message = format!(
        "{word} has no parameters for set `{}` with channels {}; it was trained on {}",
        set.name,
        set.channels.join(", "),
        known.join("; ")
    );
    Failure::new(message)
        .hint("`--set NAME`, once for each, embeds some sets only; `Depthwise` that is `.replicating()` reads new channels")
}

/// The backbone of a published name: `convnext_tiny`.
fn backbone(name: &str) -> Result<Backbone> {
    files::all().into_iter().find(|one| files::name(one) == name).ok_or_else(|| {
        let names: Vec<String> = files::all().iter().map(files::name).collect();
        let near = closest(name, names.iter().map(String::as_str));
        let failure = Failure::new(format!("there is no model `{name}`"));
        failure.hint(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("models are {}", names.join(", ")),
        })
    })
}
