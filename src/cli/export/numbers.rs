//! `export csv|json|parquet|tensorboard|mlflow`: numbers for other programs.

use crate::cli::{failure::Result, options::StoreOption, output, progress::Progress, runs::literal};
use crate::{
    export::{Format, Wanted, Written, export},
    store::Store,
};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(super) enum Numbers {
    /// Tables: runs.csv, scores.csv, floors.csv, curves.csv
    Csv(Options),
    /// The same four lists in one document, dichroic.json
    Json(Options),
    /// The same four tables as Parquet
    Parquet(Options),
    /// Curves and scores for `tensorboard --logdir DIR`
    Tensorboard(Options),
    /// Runs with parameters, tags and metrics for `mlflow`, in DIR/mlruns
    Mlflow(Options),
}

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The folder to write; files of an earlier export there are replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only runs of this experiment; `name*` means all whose names begin with `name`
    #[arg(long, value_name = "NAME")]
    exp: Option<String>,
    /// Only runs whose ids begin with this
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    store: StoreOption,
}

impl Numbers {
    pub(super) fn run(&self, quiet: bool) -> Result {
        let (format, options) = match self {
            Self::Csv(options) => (Format::Csv, options),
            Self::Json(options) => (Format::Json, options),
            Self::Parquet(options) => (Format::Parquet, options),
            Self::Tensorboard(options) => (Format::TensorBoard, options),
            Self::Mlflow(options) => (Format::MlFlow, options),
        };
        let store = Store::open_read_only(options.store.path())?;
        let wanted = Wanted { experiment: options.exp.as_deref().map(literal), run: options.run.clone() };
        let written = export(&store, format, &wanted, &options.out, &mut Progress::new(quiet))?;
        let line = |Written { path, count, unit }: &Written| {
            format!("{}: {count} {unit}{}", path.display(), if *count == 1 { "" } else { "s" })
        };
        output::say(&written.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}
