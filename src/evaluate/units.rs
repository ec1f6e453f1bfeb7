//! Sampling units: images that share a field of view or a well are not independent evidence.

use crate::data::{ImageSet, Role};
use serde::Serialize;

/// What a bootstrap draws with replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// One image.
    Image,
    /// All images cut from one picture.
    FieldOfView,
    /// All images of one well; wells are identified by plate and well.
    Well,
    /// All images of one plate.
    Plate,
    /// All images of one of the groups that the task leaves out in turn.
    Group,
}

impl Unit {
    /// The units that are stored with predictions.
    pub const KEPT: [Self; 4] = [Self::FieldOfView, Self::Well, Self::Plate, Self::Group];

    /// The default units: the first of which the task has [`MIN_UNITS`](Self::MIN_UNITS).
    pub const USUAL: [Self; 4] = [Self::Group, Self::Well, Self::FieldOfView, Self::Image];

    /// With fewer units than this, resampling says little about the variation between units.
    pub const MIN_UNITS: usize = 10;

    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::FieldOfView => "field_of_view",
            Self::Well => "well",
            Self::Plate => "plate",
            Self::Group => "group",
        }
    }

    /// `240 wells`.
    pub fn count(self, n: usize) -> String {
        let (one, many) = match self {
            Self::Image => ("image", "images"),
            Self::FieldOfView => ("field of view", "fields of view"),
            Self::Well => ("well", "wells"),
            Self::Plate => ("plate", "plates"),
            Self::Group => ("group", "groups"),
        };
        format!("{n} {}", if n == 1 { one } else { many })
    }

    /// The unit to which an image of a task belongs; `None` if the table does not state it.
    pub fn of(self, set: &ImageSet, task: &str, row: u32) -> Option<String> {
        let role = |role| set.role(row, role).map(String::from);
        match self {
            Self::Image => Some(set.key(row).into()),
            Self::FieldOfView => role(Role::FieldOfView),
            Self::Plate => role(Role::Plate),
            Self::Well => {
                let well = role(Role::Well)?;
                Some(role(Role::Plate).map_or(well.clone(), |plate| format!("{plate}/{well}")))
            }
            Self::Group => {
                let task = set.task(task)?;
                let groups = task.leave_out.as_ref()?;
                let place = task.queries.binary_search(&row).ok()?;
                Some(groups.names[groups.group[place] as usize].clone())
            }
        }
    }
}
