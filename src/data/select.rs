//! Images by the roles of their columns: those of one plate, of two batches.

use super::{ImageSet, Role, hold_out};
use crate::spec::Condition;

/// The images of a set for which all of some conditions hold.
#[derive(Clone, Debug)]
pub struct Chosen<'a> {
    conditions: Vec<Holds<'a>>,
}

/// Where one condition holds.
#[derive(Clone, Debug)]
enum Holds<'a> {
    /// For labels with a `true`.
    Label(&'a [u16], Vec<bool>),
    /// For values of a column with a `true`.
    Value(&'a [u32], Vec<bool>),
    /// For no image: the table has no such column.
    Nowhere,
}

impl Chosen<'_> {
    /// Whether a row is one of them.
    pub fn has(&self, row: u32) -> bool {
        let row = row as usize;
        self.conditions.iter().all(|condition| match condition {
            Holds::Label(of, wanted) => wanted[usize::from(of[row])],
            Holds::Value(of, wanted) => wanted[of[row] as usize],
            Holds::Nowhere => false,
        })
    }

    /// Whether nothing was said, so that all images are meant.
    pub fn is_all(&self) -> bool {
        self.conditions.is_empty()
    }
}

impl ImageSet {
    /// The images for which all of these conditions hold. An empty field is no value.
    pub fn chosen(&self, only: &[Condition]) -> Chosen<'_> {
        let holds = |Condition { role, values }: &Condition| {
            let wanted = |names: &[String]| {
                names.iter().map(|name| !name.is_empty() && values.contains(name)).collect()
            };
            match (role, self.role_column(*role)) {
                (Role::Label, _) => Holds::Label(&self.rows.labels, wanted(&self.labels)),
                (_, Some(column)) => Holds::Value(&column.ids, wanted(&column.names)),
                (_, None) => Holds::Nowhere,
            }
        };
        Chosen { conditions: only.iter().map(holds).collect() }
    }

    /// The roles that conditions can be about.
    pub fn roles(&self) -> impl Iterator<Item = Role> + '_ {
        Role::ALL.into_iter().filter(|role| self.values(*role).is_some())
    }

    /// The values of a role, each once; none if the table has no such column.
    pub fn values(&self, role: Role) -> Option<impl Iterator<Item = &str>> {
        let names = match role {
            Role::Label => &self.labels,
            _ => &self.role_column(role)?.names,
        };
        Some(names.iter().map(String::as_str).filter(|name| !name.is_empty()))
    }

    /// The images for which the conditions hold, whatever their split, ascending.
    pub fn rows_of(&self, only: &[Condition]) -> Vec<u32> {
        let chosen = self.chosen(only);
        (0..self.len() as u32).filter(|row| chosen.has(*row)).collect()
    }

    /// The training images for which the conditions hold: those trained on, and those held out, both ascending.
    ///
    /// Images are held out before conditions are asked, so that which they are depends on the data alone: nothing that one
    /// selection trains on is held out from another. A class of which nothing is left to train on has no held-out image
    /// either.
    pub fn training_rows(&self, fraction: f64, only: &[Condition]) -> (Vec<u32>, Vec<u32>) {
        let (mut kept, mut held) = hold_out(self, fraction, hold_out::SEED);
        let chosen = self.chosen(only);
        kept.retain(|row| chosen.has(*row));
        let mut trained = vec![false; self.labels.len()];
        kept.iter().for_each(|row| trained[usize::from(self.label(*row))] = true);
        held.retain(|row| chosen.has(*row) && trained[usize::from(self.label(*row))]);
        (kept, held)
    }
}
