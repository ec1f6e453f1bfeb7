//! Which column of a table has which role where `dataset.toml` does not say.

pub use crate::spec::Role;

/// The columns that have a role if `dataset.toml` names none; the first that exists: CHAMMI's names, then the role's
/// own. (WTC's `Structure` is the tagged protein; each one is its own clonal line.)
pub(super) fn default_columns(role: Role) -> &'static [&'static str] {
    match role {
        Role::Label => &["Label", "label"],
        Role::Treatment => &["Treatment", "treatment"],
        Role::Control => &["control"],
        Role::Source => &["source"],
        Role::Batch => &["batch"],
        Role::Plate => &["Plate", "plate"],
        Role::Well => &["Well", "well"],
        Role::Site => &["site"],
        Role::FieldOfView => &["FOVId", "field_of_view"],
        Role::CellLine => &["cell_type", "Structure", "cell_line"],
        Role::PlateSplit => &["plate_split"],
        Role::CompoundSplit => &["compound_split"],
        Role::PositionSplit => &["position_split"],
    }
}
