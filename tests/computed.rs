//! Everything that runs computed, for tests that compare two stores.

use dichroic::store::Store;
use std::path::Path;

/// As text: files by their hashes, curves except wall-clock ones, scores, statuses.
pub fn computed(store: &Path) -> Vec<Vec<String>> {
    let sql = "SELECT w.uid, f.name, f.blake3, f.bytes FROM work w JOIN artifact f ON f.work_id = w.id
        UNION ALL SELECT w.uid, m.name, s.step, s.value FROM work w JOIN scalar s ON s.work_id = w.id
          JOIN metric m ON m.id = s.metric_id AND m.clock = 0
        UNION ALL SELECT r.uid, s.task || s.class, s.metric, s.value FROM run r JOIN score s ON s.run_id = r.id
        UNION ALL SELECT uid, status, '', '' FROM run UNION ALL SELECT uid, status, '', '' FROM work ORDER BY 1, 2, 3, 4";
    let rows = Store::open_read_only(store).unwrap().query(sql).unwrap().rows;
    rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
}
