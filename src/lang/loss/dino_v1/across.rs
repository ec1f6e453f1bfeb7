//! Pairs of images: what they differ in, and what is done where an image has no partner.

use crate::role::Role;
use serde::{Deserialize, Serialize};

/// What the two images of a pair differ in; `none` in JSON where there are no pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Across(pub Option<Role>);

const NONE: &str = "none";

impl From<Across> for String {
    fn from(across: Across) -> Self {
        across.0.map_or(NONE, Role::name).into()
    }
}

impl TryFrom<String> for Across {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let role = Role::ALL.into_iter().find(|role| role.name() == name);
        match role {
            None if name != NONE => {
                let names: Vec<&str> = Role::ALL.into_iter().map(Role::name).collect();
                Err(format!("expected `{NONE}` or a role ({}), found `{name}`", names.join(", ")))
            }
            role => Ok(Self(role)),
        }
    }
}

/// What is done with an image that has no partner: none of its treatment elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// Another image of its treatment, wherever it is; if there is none, the image itself.
    SameTreatment,
    /// The image itself: as without pairs.
    SameImage,
    /// Nothing is trained.
    Error,
}
