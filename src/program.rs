//! A program of experiments: its `main`, and what is known of how it was built.

use std::{path::Path, sync::OnceLock};

/// What a program's own build noted. The library knows none of it: an edited experiment leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The repository that it was built from.
    pub root: &'static str,
    /// The digest of its sources then.
    pub sources: &'static str,
    /// Its commit then; empty where there was no git.
    pub commit: &'static str,
}

static BUILD: OnceLock<Build> = OnceLock::new();

/// What is known of this program; nothing in a program that does not begin with [`main!`](crate::main).
pub fn build() -> Build {
    *BUILD.get_or_init(|| Build { root: "", sources: "", commit: "" })
}

impl Build {
    /// Says it of this program.
    pub(crate) fn note(self) {
        let _ = BUILD.set(self);
    }

    /// Its repository, while that has the sources that this program was built from.
    pub(crate) fn unchanged_root(&self) -> Option<&'static Path> {
        let root = Path::new(self.root);
        let same =
            !self.sources.is_empty() && dichroic_build::digest(root).is_ok_and(|now| now == self.sources);
        same.then_some(root)
    }
}

/// The whole of a program's `main.rs`: the experiments beside it, under the command line of dichroic.
#[macro_export]
macro_rules! main {
    () => {
        /// Every file in `experiments/`, found by the build script.
        mod experiments {
            include!(concat!(env!("OUT_DIR"), "/experiments.rs"));
        }

        // A fresh page for every activation is what training would otherwise spend a tenth of its time on.
        #[global_allocator]
        static ALLOCATOR: ::dichroic::__private::Counted<::dichroic::__private::MiMalloc> =
            ::dichroic::__private::Counted(::dichroic::__private::MiMalloc);

        fn main() -> ::std::process::ExitCode {
            ::dichroic::cli::main(::dichroic::program::Build {
                root: env!("DICHROIC_ROOT"),
                sources: env!("DICHROIC_SOURCES"),
                commit: env!("DICHROIC_COMMIT"),
            })
        }

        #[cfg(test)]
        #[test]
        fn every_experiment_can_be_planned() {
            ::core::assert_eq!(::dichroic::registry::problems(), [""; 0]);
        }
    };
}
