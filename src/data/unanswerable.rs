//! Images of tasks whose label no reference has: they are wrong by construction, whatever the features.

use super::{
    ImageSet, Task,
    text::{many, plain},
};

/// Labels that are said.
const LISTED: usize = 5;

/// A warning for each task with such images.
pub(super) fn remarks(set: &ImageSet) -> Vec<String> {
    let mut trained = vec![false; set.labels.len()];
    set.train_rows().into_iter().for_each(|row| trained[usize::from(set.label(row))] = true);
    set.tasks.iter().filter_map(|task| remark(set, task, &trained)).collect()
}

fn remark(set: &ImageSet, task: &Task, trained: &[bool]) -> Option<String> {
    // For each label, its images, and its group if that is the only one.
    let mut of_label: Vec<(u64, Option<u32>, bool)> = vec![(0, None, false); trained.len()];
    for (at, row) in task.queries.iter().enumerate() {
        let group = task.leave_out.as_ref().map(|out| out.group[at]);
        let (count, first, several) = &mut of_label[usize::from(set.label(*row))];
        *several |= *count > 0 && group.is_some() && *first != group;
        *first = group;
        *count += 1;
    }
    // References are the training images and, where groups are left out, the task's images of other groups.
    let lost = |label: &usize| {
        let (count, _, several) = of_label[*label];
        count > 0 && !trained[*label] && !(task.leave_out.is_some() && several)
    };
    let lost: Vec<usize> = (0..trained.len()).filter(lost).collect();
    let images: u64 = lost.iter().map(|label| of_label[*label].0).sum();
    if images == 0 {
        return None;
    }
    if images == task.queries.len() as u64 {
        return Some(match &task.leave_out {
            Some(out) if out.names.len() == 1 => format!(
                "{}: {} leaves out values of `{}`, and all its images have `{}`: none of its labels can be found",
                set.name,
                task.name,
                out.column,
                plain(&out.names[0])
            ),
            _ => format!(
                "{}: none of the labels of {} can be found: no reference has them",
                set.name, task.name
            ),
        });
    }
    let more = lost.len().saturating_sub(LISTED);
    let named =
        |label: &usize| format!("{} of `{}`", many(of_label[*label].0, "image"), plain(&set.labels[*label]));
    let mut named: Vec<String> = lost.iter().take(LISTED).map(named).collect();
    named.extend((more > 0).then(|| format!("and of {more} more labels")));
    Some(format!(
        "{}: of {}, {} cannot be found by construction: no reference has their label",
        set.name,
        task.name,
        named.join(", ")
    ))
}
