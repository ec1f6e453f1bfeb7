//! `import`: converts checkpoints released by CHAMMI's authors into files of weights of ours.

use super::{
    failure::{Context, Failure, Result},
    output,
};
use crate::{
    backbone::files,
    model::{Released, released},
    spec::{Adapter, ClassEmbedding, Coefficients, Embeddings, Pooling},
};
use clap::Args;
use std::path::{Path, PathBuf};

/// Convert checkpoints released by CHAMMI's authors, for `embed` and `export`
#[derive(Args, Debug)]
pub(super) struct Import {
    /// Checkpoints in PyTorch format: hypernet.pt
    #[arg(value_name = "FILE.pt", required = true)]
    files: Vec<PathBuf>,
    /// The file to write; for several checkpoints, a folder with one file for each
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// The set that a FixedChannels model was trained on [default: the one with as many channels]
    #[arg(long, value_name = "SET")]
    set: Option<String>,
}

impl Import {
    pub(super) fn run(&self) -> Result {
        if let [file] = self.files.as_slice() {
            return self.import(file, &self.out);
        }
        if self.set.is_some() {
            return Err(Failure::new("`--set` is for one checkpoint").hint("import one file at a time"));
        }
        let targets: Vec<PathBuf> = self.files.iter().map(|file| self.below(file)).collect();
        if let Some(twice) = (1..targets.len()).find(|at| targets[..*at].contains(&targets[*at])) {
            let failure =
                Failure::new(format!("two checkpoints would be written to {}", targets[twice].display()));
            return Err(failure.hint("import one file at a time, each with its own `--out`"));
        }
        std::fs::create_dir_all(&self.out).map_err(|error| {
            Failure::new(format!("cannot make the folder {}: {error}", self.out.display()))
        })?;
        self.files.iter().zip(&targets).try_for_each(|(file, target)| self.import(file, target))
    }

    /// The target path of one of several checkpoints.
    fn below(&self, file: &Path) -> PathBuf {
        self.out.join(file.file_stem().unwrap_or_default()).with_added_extension("safetensors")
    }

    fn import(&self, file: &Path, out: &Path) -> Result {
        let Released { card, params, epoch, rounded, widened, .. } = released(file, self.set.as_deref())?;
        let note = serde_json::to_string(&card).expect("a card is plain data");
        files::save(out, &params, Some(&note), |_| true).at(file.display())?;
        if rounded > 0 {
            output::warn(&format!("{}: {rounded} tensors of 64 bits were rounded to 32", file.display()));
        }
        if widened > 0 {
            output::warn(&format!("{}: {widened} tensors of 16 bits were widened to 32", file.display()));
        }
        let adapter = &card.model.adapter;
        let sets: Vec<&str> = card.sets.iter().map(|set| set.set.as_str()).collect();
        let epoch = epoch.map(|epoch| format!(", epoch {epoch}")).unwrap_or_default();
        output::say(&format!(
            "{}: {}{} on ConvNeXt-Tiny, sets {}, {} parameters{epoch}",
            out.display(),
            adapter.word(),
            sizes(adapter),
            sets.join(" "),
            params.count()
        ))
    }
}

/// The sizes inferred from an adapter's parameters.
fn sizes(adapter: &Adapter) -> String {
    match adapter {
        Adapter::HyperNet(word) => {
            let embeddings = match word.embeddings {
                Embeddings::PerSet => "separate",
                Embeddings::Shared => "shared",
            };
            format!(" (z {}, hidden {}, {embeddings} embeddings)", word.z, word.hidden)
        }
        Adapter::TemplateMixing(word) => {
            let coefficients = match word.coefficients {
                Coefficients::PerSet => "separate",
                Coefficients::Shared => "shared",
                Coefficients::Owned => "owned",
            };
            format!(" ({} templates, {coefficients} coefficients)", word.templates)
        }
        Adapter::SliceParam(word) => {
            let slices = if word.one_slice { "one slice" } else { "a slice for each name" };
            match word.class_embedding {
                ClassEmbedding::None => format!(" ({slices}, no class embedding)"),
                ClassEmbedding::Learned | ClassEmbedding::Noise => format!(" ({slices}, class embedding)"),
            }
        }
        Adapter::Depthwise(word) => {
            let pooling = match word.pooling {
                Pooling::Weighted => "weighted",
                Pooling::Average => "average",
            };
            format!(" ({} kernels, {pooling} pooling)", word.kernels)
        }
        Adapter::Planes(word) => format!(" ({})", word.channels.join(", ")),
        Adapter::ChannelVit(word) => format!(" (up to {} channels)", word.channels),
        Adapter::ChannelReplication(_)
        | Adapter::FixedChannels(_)
        | Adapter::TargetParam(_)
        | Adapter::BagOfChannels(_)
        | Adapter::HierarchicalAttention(_) => String::new(),
    }
}
