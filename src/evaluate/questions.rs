//! What is asked of a set of images: its tasks in the form in which they are scored.

use super::TaskInput;
use crate::data::ImageSet;

/// A set with its labels and training images at hand.
pub struct Questions<'a> {
    data: &'a str,
    set: &'a ImageSet,
    labels: Vec<u16>,
    train: Vec<u32>,
}

impl<'a> Questions<'a> {
    /// The questions of a set of the data set called `data`.
    pub fn of(data: &'a str, set: &'a ImageSet) -> Self {
        let labels = (0..set.len() as u32).map(|row| set.label(row)).collect();
        Self { data, set, labels, train: set.train_rows() }
    }

    /// Rows of the training images, ascending.
    pub fn train(&self) -> &[u32] {
        &self.train
    }

    /// Its tasks, in order.
    pub fn tasks(&self) -> impl Iterator<Item = TaskInput<'_>> {
        self.set.tasks.iter().map(|task| TaskInput {
            data: self.data,
            set: &self.set.name,
            task: &task.name,
            labels: &self.labels,
            label_names: &self.set.labels,
            train: &self.train,
            queries: &task.queries,
            groups: task.leave_out.as_ref().map(|leave_out| leave_out.group.as_slice()),
        })
    }
}
