//! `embed`: features of a folder of images, by a published backbone or by a model of ours.

use super::{
    failure::{Failure, Result},
    kept::{Kept, of_place, of_run},
    locate,
    options::{StoreOption, ThreadsOption},
    output,
    progress::Progress,
};
use crate::{
    adapter::SetChannels,
    backbone::files,
    data::{DataSet, ImageSet, Statistics, statistics},
    embed::{self, Embedder, See},
    model::{Card, Extractor},
    params::Params,
    seed::Seed,
    spec::{Adapter, Backbone, ChannelReplication, ConvNextSize, Model, View, Weights},
    spelling::closest,
};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf};

/// Embeds a folder of images: `OUT/<set>/features.npy`, one row for each row of `<set>/enriched_meta.csv`
#[derive(Args, Debug)]
pub(super) struct Embed {
    /// A published backbone: convnext_atto … convnext_base
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
    /// Resizes images to this side and cuts the middle out [default: their own size for a published backbone, the
    /// training side for a model of ours]
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
    threads: ThreadsOption,
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
        self.threads.prepare()?;
        let models = self.models()?;
        let data = DataSet::open(&locate::own_name(&self.data), &self.data)?;
        data.warnings.iter().for_each(|warning| output::warn(warning));
        let mut progress = Progress::new(quiet);
        data.measure(&mut progress)?;
        let mut written = BTreeMap::new();
        for set in data.only(&self.sets)? {
            let kept = models.iter().find(|kept| kept.reads(set)).ok_or_else(|| stranger(set, &models))?;
            let (features, width) = self.set(kept, set, &mut progress)?;
            let folder = self.out.join(&set.name);
            let path =
                folder.join(if self.format == Format::Npy { "features.npy" } else { "features.parquet" });
            let io =
                |source: std::io::Error| Failure::new(format!("cannot write {}: {source}", path.display()));
            std::fs::create_dir_all(&folder).map_err(io)?;
            match self.format {
                Format::Npy => embed::npy(&path, &features, width).map_err(io)?,
                Format::Parquet => embed::parquet(&path, &set.metadata()?, &features, width).map_err(io)?,
            }
            written.insert(set.name.clone(), (path, set.len(), width));
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

    fn set(&self, kept: &Kept, set: &ImageSet, progress: &mut Progress) -> Result<(Vec<f32>, usize)> {
        let trained = kept.card.channels();
        let own = SetChannels { set: set.name.clone(), channels: set.channels.clone() };
        let known = trained.iter().position(|known| *known == own);
        let others: Vec<SetChannels> = known.is_none().then_some(own).into_iter().collect();
        let mut params = Params::new(Seed(0));
        let model = Extractor::new(&kept.card.model, &trained, &others, &mut params);
        match kept.published {
            true => model.load(&kept.weights, &mut params)?,
            false => files::restore(&kept.weights, &mut params)?,
        }
        let see = match (self.size, kept.card.model.adapter.view()) {
            (Some(side), _) => See::Square(side),
            (None, View::Native) => See::Native,
            (None, View::Resized) => See::Square(kept.card.image),
        };
        let norm = match known {
            _ if kept.card.model.adapter.view() == View::Native => Statistics::none(set.channels.len()),
            Some(number) => kept.card.statistics(number),
            None => statistics(set, &set.train_rows(), progress)?,
        };
        let embedder = Embedder { model: &model, params: &params, see, batch: self.batch };
        let features = embedder.embed(set, known.unwrap_or(trained.len()), &norm, progress)?;
        let width = features.len() / set.len().max(1);
        Ok((features, width))
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
        let size = size(name)?;
        let AdapterWord::ChannelReplication = self.adapter;
        let weights = match &self.weights {
            Some(file) if file.is_file() => file.clone(),
            place => files::find(&files::imagenet22k(size), place.as_deref())?,
        };
        let adapter = Adapter::ChannelReplication(ChannelReplication { view: View::Native });
        let backbone = Backbone::ConvNext { size, drop_path: 0.0 };
        let model = Model { backbone, weights: Weights::ImageNet22k, adapter };
        let card = Card { model, image: self.size.unwrap_or(0), sets: vec![] };
        Ok(vec![Kept { card, weights, published: true }])
    }
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

/// The size of a published name: `convnext_tiny`.
fn size(name: &str) -> Result<ConvNextSize> {
    use ConvNextSize::{Atto, Base, Femto, Mini, Nano, Pico, Small, Tiny};
    let sizes = [Mini, Atto, Femto, Pico, Nano, Tiny, Small, Base];
    let called = |size: &ConvNextSize| format!("convnext_{}", files::size_name(*size));
    sizes.into_iter().find(|size| called(size) == name).ok_or_else(|| {
        let names: Vec<String> = sizes.iter().map(called).collect();
        let near = closest(name, names.iter().map(String::as_str));
        let failure = Failure::new(format!("there is no model `{name}`"));
        failure.hint(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("models are {}", names.join(", ")),
        })
    })
}
