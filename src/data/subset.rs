//! Thins a set: at most `n` images of each split, drawn evenly over the labels.

use super::{
    ImageSet, LeaveOut, Task,
    set::{Column, Rows},
};
use crate::seed::Seed;
use std::sync::OnceLock;

impl ImageSet {
    /// A set with at most `max` images of Train and of each task; `None` if it is small enough already.
    /// Within a split, labels get equal shares as far as they have images; the draw has its own random
    /// stream, so that every run and machine gets the same images.
    pub fn subset(&self, max: usize) -> Option<Self> {
        let small = self.tasks.iter().all(|task| task.queries.len() <= max);
        if small && self.train_rows().len() <= max {
            return None;
        }
        let mut keep = vec![false; self.len()];
        for row in self.draw("Train", self.train_rows(), max) {
            keep[row as usize] = true;
        }
        let chosen: Vec<Vec<u32>> =
            self.tasks.iter().map(|task| self.draw(&task.name, task.queries.clone(), max)).collect();
        chosen.iter().flatten().for_each(|row| keep[*row as usize] = true);

        let old: Vec<u32> = (0..self.len() as u32).filter(|row| keep[*row as usize]).collect();
        let new = |row: u32| old.binary_search(&row).map_or(0, |at| at as u32);
        let tasks = self.tasks.iter().zip(&chosen).map(|(task, rows)| Task {
            name: task.name.clone(),
            queries: rows.iter().map(|row| new(*row)).collect(),
            leave_out: task.leave_out.as_ref().map(|left| LeaveOut {
                column: left.column.clone(),
                group: rows
                    .iter()
                    .filter_map(|row| Some(left.group[task.queries.binary_search(row).ok()?]))
                    .collect(),
                names: left.names.clone(),
            }),
        });
        let tasks = tasks.collect();
        let mut rows = Rows::default();
        for row in &old {
            rows.keys.push(self.key(*row));
            if self.rows.templates.len() > 0 {
                rows.templates.push(self.rows.templates.get(*row as usize));
            }
        }
        let pick = |row: &u32| *row as usize;
        rows.labels = old.iter().map(|row| self.rows.labels[pick(row)]).collect();
        let some = |all: &Column| -> Vec<u32> {
            old.iter().filter_map(|row| all.ids.get(pick(row)).copied()).collect()
        };
        rows.groups = Column { ids: some(&self.rows.groups), names: self.rows.groups.names.clone() };
        rows.channel_widths =
            old.iter().filter_map(|row| self.rows.channel_widths.get(pick(row)).copied()).collect();
        rows.lines = old.iter().filter_map(|row| self.rows.lines.get(pick(row)).copied()).collect();
        rows.flags = old.iter().map(|row| self.rows.flags[pick(row)]).collect();
        rows.roles = self
            .rows
            .roles
            .iter()
            .map(|(role, column)| (*role, Column { ids: some(column), names: column.names.clone() }))
            .collect();
        Some(Self {
            name: self.name.clone(),
            channels: self.channels.clone(),
            spelled: self.spelled.clone(),
            labels: self.labels.clone(),
            tasks,
            printed_statistics: self.printed_statistics.clone(),
            pixel_size_um: self.pixel_size_um,
            root: self.root.clone(),
            table: self.table.clone(),
            unlabelled: self.unlabelled,
            layout: self.layout.clone(),
            intensity: self.intensity.clone(),
            measured: OnceLock::new(),
            rows,
        })
    }

    fn draw(&self, split: &str, rows: Vec<u32>, max: usize) -> Vec<u32> {
        if rows.len() <= max {
            return rows;
        }
        let mut by_label = vec![Vec::new(); self.labels.len()];
        for row in rows {
            by_label[usize::from(self.label(row))].push(row);
        }
        for (rows, label) in by_label.iter_mut().zip(&self.labels) {
            Seed(0).stream(&format!("subset/{}/{split}/{label}", self.name)).shuffle(rows);
        }
        let mut drawn = Vec::with_capacity(max);
        let most = by_label.iter().map(Vec::len).max().unwrap_or(0);
        let rounds = (0..most).flat_map(|round| by_label.iter().filter_map(move |rows| rows.get(round)));
        drawn.extend(rounds.take(max));
        drawn.sort_unstable();
        drawn
    }
}
