//! The command line: what people type, and what comes back. One file per command.
//!
//! Results go to standard output, progress, warnings and errors to standard error. Exit status: 0 done, 1 the work
//! failed, 2 the command was malformed, 130 interrupted.

mod chart;
mod compare;
mod data;
mod db;
mod diff;
mod doctor;
mod embed;
mod exp;
mod export;
mod failure;
mod grid;
mod import;
mod interrupt;
mod jobs;
mod list;
mod locate;
mod missing;
mod new;
mod options;
mod output;
mod placements;
mod prepare;
mod progress;
mod provenance;
mod remarks;
mod report;
mod rerun;
mod run_by_prefix;
mod runs;
mod saved_model;
mod score;
mod serve;
mod set;
mod show;
mod simulate;
mod status;
mod why;
mod words;

use crate::{pages, program::Build};
use clap::{Parser, Subcommand};
use failure::Result;
use std::process::ExitCode;

/// Experiments with channel-adaptive microscopy models: declared as code, stored in SQLite, reported as tables.
#[derive(Parser, Debug)]
#[command(name = "dichroic", version)]
struct Cli {
    /// Print results, warnings and errors only
    #[arg(long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    New(new::New),
    Exp(exp::Exp),
    List(list::List),
    Show(show::Show),
    Diff(diff::Diff),
    Compare(compare::Compare),
    Runs(runs::Runs),
    Status(status::Status),
    Serve(serve::Serve),
    Sql(runs::Sql),
    Why(why::Why),
    Missing(missing::Missing),
    Rerun(rerun::Rerun),
    Tag(remarks::Tag),
    Note(remarks::Note),
    Rm(remarks::Rm),
    Report(report::Report),
    Embed(embed::Embed),
    Export(export::Export),
    Import(import::Import),
    Score(score::Score),
    Data(data::Data),
    Db(db::Db),
    Doctor(doctor::Doctor),
}

impl Cli {
    fn run(&self) -> Result {
        match &self.command {
            Command::New(command) => command.run(),
            Command::Exp(command) => command.run(self.quiet),
            Command::List(command) => command.run(),
            Command::Show(command) => command.run(self.quiet),
            Command::Diff(command) => command.run(),
            Command::Compare(command) => command.run(),
            Command::Runs(command) => command.run(),
            Command::Status(command) => command.run(),
            Command::Serve(command) => command.run(self.quiet),
            Command::Why(command) => command.run(),
            Command::Missing(command) => command.run(),
            Command::Rerun(command) => command.run(self.quiet),
            Command::Tag(command) => command.run(),
            Command::Note(command) => command.run(),
            Command::Rm(command) => command.run(),
            Command::Sql(command) => command.run(),
            Command::Report(command) => command.run(),
            Command::Embed(command) => command.run(self.quiet),
            Command::Export(command) => command.run(self.quiet),
            Command::Import(command) => command.run(),
            Command::Score(command) => command.run(self.quiet),
            Command::Data(command) => command.run(self.quiet),
            Command::Db(command) => command.run(),
            Command::Doctor(command) => command.run(),
        }
    }
}

/// Runs the command line of this process; the whole of a program's `main` (see
/// [`dichroic::main`](crate::main)).
pub fn main(build: Build) -> ExitCode {
    pages::keep();
    build.note();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => {
            // Help and version arrive here too, with status 0. The reader may have closed the pipe.
            let _ = answer.print();
            return ExitCode::from(answer.exit_code() as u8);
        }
    };
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_example_of_the_contract_is_understood() {
        for line in [
            "new my_experiments",
            "new my_experiments --path dichroic",
            "exp hypernet_tps",
            "exp a b* --data chammi=/x --scale paper --device auto --seed 1 --seed 2 --dry --json",
            "exp a --set train.optimiser.lr=3e-4 --set train.epochs=1 --threads 2 --store a.db --quiet",
            "list",
            "show a --json",
            "diff a b",
            "compare a b --with hand_made --task Jurkat/Task_one --json",
            "runs --exp a --status done --where secs>60",
            "sql SELECT --format csv",
            "report all --out x --format md,csv",
            "embed --model convnext_tiny --weights w --adapter channel-replication --data d --out o --size 64 --batch 8",
            "export --run 12ab --set HPA --out hpa.safetensors",
            "export csv --out numbers",
            "export tensorboard --out events --exp hyper* --run 12ab --store a.db --quiet",
            "import hypernet.pt --out hypernet.safetensors",
            "import a.pt b.pt --out fixed",
            "import hpa.pt --set HPA --out hpa.safetensors",
            "embed --run 12ab --data d --out o --format parquet",
            "score --features f --data d --metric l2 --json",
            "data simulate chammi --world 2 --native --out x",
            "data simulate jump --world 2 --sample 1 --layout randomised --control batch-sd-0 --out x",
            "data check",
            "data check x --gates",
            "data check x --contents",
            "data info x",
            "db init",
            "db check --contents",
            "db merge a.db b.db --store c.db",
            "db backup a.db",
            "db vacuum",
            "exp a --workers 4 --fail-fast --fresh --no-wait --checkpoint-every 10",
            "status --watch",
            "serve --store a.db --address 127.0.0.1:0 --open",
            "why chammi_table4 HyperNet/tps OOD_mean",
            "missing chammi_table4 --json",
            "rerun 12ab --exact",
            "tag 12ab good --remove",
            "note 12ab text",
            "rm 12ab 34cd",
            "doctor --json",
        ] {
            let words = std::iter::once("dichroic").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
        for line in
            ["", "exp", "exp a --scale tiny", "exp a --threads 0", "exp a --device gpu", "exp a --set lr"]
        {
            let words = std::iter::once("dichroic").chain(line.split(' ').filter(|word| !word.is_empty()));
            let error = Cli::try_parse_from(words).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
