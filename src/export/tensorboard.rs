//! Exports a folder of TensorBoard event files, one per run.

use super::{
    Error, Pace, Written, file, names,
    record::{begin, scalar},
    selection::{Run, Selection},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// TensorBoard reads every file of a folder with `tfevents` in its name. If the name contained a time, as its
/// own writers do it, two exports would leave two files, and each point twice.
const NAME: &str = "events.out.tfevents.0000000000.dichroic";

/// Suffix of a stale run's folder: TensorBoard has no other place to show it.
const STALE: &str = "-stale";

/// Writes `<experiment>/<label>/seed-N-<id>/` for every run with numbers; runs without numbers are skipped.
pub(super) fn write(
    selection: &Selection<'_>,
    out: &Path,
    pace: &mut Pace<'_>,
) -> Result<Vec<Written>, Error> {
    let mut count = 0;
    pace.begin("event files", selection.len());
    for portion in selection.portions() {
        for run in selection.runs(portion)? {
            count += u64::from(events(selection, &run, out, pace)?);
            pace.check()?;
        }
        pace.advance(portion.len())?;
    }
    pace.end();
    Ok(vec![Written { path: out.into(), count, unit: "run" }])
}

/// Returns whether there was anything to write.
fn events(selection: &Selection<'_>, run: &Run, out: &Path, pace: &Pace<'_>) -> Result<bool, Error> {
    let (curves, scores) = (names::curves(selection, run)?, names::scores(selection.scores(run)?));
    if curves.is_empty() && scores.is_empty() {
        return Ok(false);
    }
    let last = selection.last_step(curves.iter().map(|(_, curve)| curve))?;
    let fresh = place(run, out);
    let stale = fresh.with_file_name(format!("{}{STALE}", names::seed(run)));
    let (here, before) = if run.stale { (stale, fresh) } else { (fresh, stale) };
    if fs::remove_file(before.join(NAME)).is_ok() {
        let _ = fs::remove_dir(before); // fails if it holds other files
    }
    file(&here.join(NAME), |out| {
        begin(out)?;
        for (tag, curve) in &curves {
            selection.points(curve, |page| {
                pace.check()?;
                page.iter().try_for_each(|point| scalar(out, tag, point.step, point.value, point.t_ms))
            })?;
        }
        let ended = run.finished_ms.unwrap_or(run.created_ms);
        scores.iter().try_for_each(|(tag, value)| scalar(out, tag, last, *value, ended))
    })?;
    Ok(true)
}

fn place(run: &Run, out: &Path) -> PathBuf {
    let experiment = out.join(names::folder(&run.experiment));
    let label = names::label(run);
    let spec = if label.is_empty() { experiment } else { experiment.join(names::folder(&label)) };
    spec.join(names::seed(run))
}
