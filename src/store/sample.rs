//! Samples resource use: this process's CPU time and memory, system load, and its GPU.

use super::{
    db::{Db, now_ms},
    error::Error,
};
use crate::device;
use std::fs;

/// Stores the current resource use for each of these attempts.
pub(super) fn take(db: &mut Db, attempts: &[i64]) -> Result<(), Error> {
    let (cpu, memory, load, gpu) = (processors(), memory(), load(), device::usage());
    if cpu.is_none() && memory.is_none() {
        return Ok(());
    }
    for attempt in attempts {
        let query = sqlx::query(
            "INSERT INTO sample(attempt_id, t_ms, cpu_s, rss_mb, load, gpu_mb, gpu_busy) VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
        );
        let query = query.bind(*attempt).bind(now_ms()).bind(cpu).bind(memory).bind(load);
        db.execute(query.bind(gpu.map(|gpu| gpu.memory)).bind(gpu.map(|gpu| gpu.busy)))?;
    }
    Ok(())
}

/// CPU seconds since the process began, user and system.
fn processors() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in brackets, may contain blanks.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().map(|at| fields.get(*at)?.parse::<f64>().ok()).sum::<Option<f64>>()?;
    Some(ticks / 100.0) // Linux reports hundredths, whatever its clock tick
}

/// Resident memory in MiB.
fn memory() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
}

/// Load average over the last minute.
fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        assert!(memory().is_some_and(|megabytes| megabytes > 1.0));
        assert!(processors().is_some() && load().is_some());
    }
}
