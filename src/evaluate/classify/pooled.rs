//! Votes of several images as one.

use super::Roles;
use crate::{data::Role, evaluate::vectors::log_softmax};
use std::collections::BTreeMap;

/// The unit of each of these rows, as a number from 0 on. Wells are identified by plate and well. An image whose table says
/// nothing is a unit of its own.
pub fn units(roles: &dyn Roles, rows: &[u32], role: Role) -> Vec<usize> {
    let mut known = BTreeMap::new();
    let mut next = 0;
    let mut number = |row: &u32| {
        let mut new = || {
            next += 1;
            next - 1
        };
        let Some(value) = roles.role(*row, role) else { return new() };
        let within = match role {
            Role::Well => [roles.role(*row, Role::Plate), None],
            Role::Site | Role::FieldOfView => [roles.role(*row, Role::Plate), roles.role(*row, Role::Well)],
            _ => [None; 2],
        };
        *known.entry((within, value)).or_insert_with(new)
    };
    rows.iter().map(&mut number).collect()
}

/// Gives every image the mean log-probabilities of its unit, as log-probabilities.
pub fn pool(votes: &mut [f64], classes: usize, units: &[usize]) {
    let count = units.iter().max().map_or(0, |last| last + 1);
    let (mut sums, mut images) = (vec![0f64; count * classes], vec![0f64; count]);
    for (votes, unit) in votes.chunks_exact(classes).zip(units) {
        images[*unit] += 1.0;
        sums[unit * classes..][..classes].iter_mut().zip(votes).for_each(|(sum, vote)| *sum += vote);
    }
    for (sums, images) in sums.chunks_exact_mut(classes).zip(&images) {
        sums.iter_mut().for_each(|sum| *sum /= images);
        log_softmax(sums);
    }
    for (votes, unit) in votes.chunks_exact_mut(classes).zip(units) {
        votes.copy_from_slice(&sums[unit * classes..][..classes]);
    }
}
