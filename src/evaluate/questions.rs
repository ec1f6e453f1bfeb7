//! The evaluation tasks of a set of images, in the form in which they are scored.

use super::{Labels, TaskInput};
use crate::data::{Chosen, ImageSet};

/// A set with its labels and training images.
pub struct Questions<'a> {
    data: &'a str,
    set: &'a ImageSet,
    labels: Vec<u16>,
    train: Vec<u32>,
    held_out: Option<(Vec<u32>, Vec<u32>)>,
    /// For each task, the held-out one last, which of its queries count; none: all.
    counted: Option<Vec<Vec<bool>>>,
}

/// The task of the held-out training images; its references are the images trained on.
pub const HELD_OUT: &str = "held_out";

impl<'a> Questions<'a> {
    /// The tasks of a set of the data set called `data`.
    pub fn of(data: &'a str, set: &'a ImageSet) -> Self {
        let labels = (0..set.len() as u32).map(|row| set.label(row)).collect();
        Self { data, set, labels, train: set.train_rows(), held_out: None, counted: None }
    }

    /// Adds a task that queries the rows `held` with the rows `kept` as references; none if `held` is empty.
    #[must_use]
    pub fn holding_out(mut self, (kept, held): (Vec<u32>, Vec<u32>)) -> Self {
        self.held_out = (!held.is_empty()).then_some((kept, held));
        self
    }

    /// Asks for these images only. Who answers stays: all training images and, where a task leaves groups out, all images
    /// of its other groups. Tasks of which nothing is asked are left out. Said last.
    #[must_use]
    pub fn asking(mut self, chosen: &Chosen<'_>) -> Self {
        let of = |queries: &[u32]| queries.iter().map(|row| chosen.has(*row)).collect();
        let queries = self.set.tasks.iter().map(|task| &task.queries);
        let queries = queries.chain(self.held_out.iter().map(|(_, held)| held));
        self.counted = (!chosen.is_all()).then(|| queries.map(|queries| of(queries)).collect());
        self
    }

    /// Rows of the training images, ascending.
    pub fn train(&self) -> &[u32] {
        &self.train
    }

    /// Its tasks, in order; the held-out images come last.
    pub fn tasks(&self) -> impl Iterator<Item = TaskInput<'_>> {
        let own = self.set.tasks.iter().map(|task| {
            let groups = task.leave_out.as_ref().map(|leave_out| leave_out.group.as_slice());
            self.input(&task.name, &self.train, &task.queries, groups)
        });
        let all = own.chain(self.held_out.iter().map(|(kept, held)| self.input(HELD_OUT, kept, held, None)));
        all.enumerate().filter_map(|(at, task)| {
            let counted = self.counted.as_ref().map(|counted| counted[at].as_slice());
            counted.is_none_or(|counted| counted.contains(&true)).then_some(TaskInput { counted, ..task })
        })
    }

    fn input<'q>(
        &'q self,
        task: &'q str,
        train: &'q [u32],
        queries: &'q [u32],
        groups: Option<&'q [u32]>,
    ) -> TaskInput<'q> {
        TaskInput {
            data: self.data,
            set: &self.set.name,
            task,
            labels: Labels::One(&self.labels),
            label_names: &self.set.labels,
            train,
            queries,
            groups,
            counted: None,
        }
    }
}
