//! The `main` of a program of experiments, and what is recorded about its build.

use std::{path::Path, sync::OnceLock};

/// Recorded by the program's own build. The library does not contain it, so an edited experiment does not
/// rebuild it.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The repository that it was built from.
    pub root: &'static str,
    /// The digest of its sources at build time.
    pub sources: &'static str,
    /// Its commit at build time; empty without git.
    pub commit: &'static str,
}

static BUILD: OnceLock<Build> = OnceLock::new();

/// The build of this program; empty if the program does not use [`main!`](crate::main).
pub fn build() -> Build {
    *BUILD.get_or_init(|| Build { root: "", sources: "", commit: "" })
}

impl Build {
    /// Records the build of this program.
    pub(crate) fn note(self) {
        let _ = BUILD.set(self);
    }

    /// Its repository, if the sources there are still those that this program was built from.
    pub(crate) fn unchanged_root(&self) -> Option<&'static Path> {
        let root = Path::new(self.root);
        let same =
            !self.sources.is_empty() && dichroic_build::digest(root).is_ok_and(|now| now == self.sources);
        same.then_some(root)
    }
}

/// The whole of a program's `main.rs`: the experiments next to it, with dichroic's command line.
#[macro_export]
macro_rules! main {
    () => {
        /// Every file in `experiments/`, found by the build script.
        mod experiments {
            include!(concat!(env!("OUT_DIR"), "/experiments.rs"));
        }

        // Otherwise training would spend a tenth of its time on page faults of fresh activations; `pages` does the rest.
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
