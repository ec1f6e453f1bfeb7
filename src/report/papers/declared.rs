//! What this program declares, so that a hole in a table can name the command that fills it.

use super::super::measured::World;
use crate::{papers::Paper, spec::Spec};

/// A spec that an experiment of this program declares.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The experiment's name.
    pub experiment: String,
    /// Its resolved spec, as declared.
    pub spec: Spec,
}

/// The command that runs a declared spec in a world of a paper's data.
pub(super) fn command(
    paper: &Paper,
    declared: &[Declaration],
    world: Option<&World>,
    fits: impl Fn(&Spec) -> bool,
) -> String {
    let Some(declaration) = declared.iter().find(|one| fits(&one.spec)) else {
        return "declared by no experiment".into();
    };
    let mut command = format!("dichroic exp {}", declaration.experiment);
    if let Some(world) = world {
        let real = world.kind == "real";
        if real {
            command += &format!(" --data {}=PATH", paper.data);
        }
        // The default of `--scale`.
        if world.scale != if real { "paper" } else { "quick" } {
            command += &format!(" --scale {}", world.scale);
        }
    }
    format!("`{command}`")
}
