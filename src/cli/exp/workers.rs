//! Parallel runs: worker processes of this program that take work from the store, and the process that
//! supervises them.
//!
//! A worker is called with the same arguments and `--worker`. It computes what no other process holds, reports errors only, and
//! ends with the process that started it: its standard input closes then.

use super::{
    super::{
        failure::{Failure, Result},
        interrupt::{self, Who},
        jobs::Job,
        progress::Progress,
    },
    session::{Session, open},
};
use crate::{
    device,
    event::{Event, Listen},
    store::{RunState, Scale, Status, Value},
    train::Keep,
};
use serde_json::json;
use std::{
    env,
    io::{Read, Write},
    process::{self, Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

/// How often their progress is read from the store.
const LOOK: Duration = Duration::from_millis(250);

/// Threads that a quick run can use: its operations are too small to be shared among more.
const QUICK_THREADS: usize = 2;

/// The number of workers: as stated, else one for each of `gpus`, else one per two threads if all runs are quick.
/// Never more than there are open runs.
pub(super) fn count(
    stated: Option<u16>,
    threads: usize,
    gpus: usize,
    jobs: &[Job],
    states: &[RunState],
) -> usize {
    let open = open(jobs, states);
    let small = open.iter().all(|job| job.scale == Scale::Quick);
    let usual = match gpus {
        0 if small => threads / QUICK_THREADS,
        0 => 1,
        gpus => gpus,
    };
    let meant = stated.map_or(usual, usize::from);
    meant.min(open.len()).max(1)
}

/// What each worker has of a machine.
pub(super) struct Share {
    threads: usize,
    /// Bytes of the memory where it computes; none: as it finds it.
    memory: Option<u64>,
}

impl Share {
    /// Of `count` workers, which have a GPU each while there are GPUs.
    pub(super) fn of(count: usize, threads: usize, gpus: usize, keep: Keep) -> Self {
        let memory = match keep {
            Keep::Within(bytes) => Some(bytes / count.div_ceil(gpus.max(1)) as u64),
            Keep::All | Keep::First(_) => None,
        };
        Self { threads: (threads / count).max(1), memory }
    }
}

struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    ended: Option<ExitStatus>,
}

impl Worker {
    /// `gpu`: the only GPU visible to it.
    fn start(share: &Share, gpu: Option<&String>, errors: &Sender<String>) -> std::io::Result<Self> {
        let memory = share.memory.map(|bytes| ["--memory".to_owned(), bytes.to_string()]);
        let mut child = Command::new(env::current_exe()?)
            .envs(gpu.map(|gpu| (device::VISIBLE, gpu)))
            .args(env::args_os().skip(1))
            .args(["--worker", &process::id().to_string(), "--threads", &share.threads.to_string()])
            .args(memory.iter().flatten())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let (input, said) = (child.stdin.take(), child.stderr.take());
        if let Some(said) = said {
            let errors = errors.clone();
            thread::spawn(move || hand_on(said, &errors));
        }
        Ok(Self { child, input, ended: None })
    }

    /// Asks it to stop at the next safe point.
    fn stop(&mut self, who: Who) {
        if let Some(mut input) = self.input.take() {
            // A worker that has already ended needs no stop.
            let _ = input.write_all(interrupt::word(who));
        }
    }
}

/// Forwards a worker's output in the chunks in which it is written: an error and its hint belong together.
fn hand_on(mut said: ChildStderr, errors: &Sender<String>) {
    let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = said.read(&mut piece) {
        heard.extend_from_slice(&piece[..length]);
        let Some(end) = heard.iter().rposition(|byte| *byte == b'\n') else { continue };
        let rest = heard.split_off(end + 1);
        let whole = std::mem::replace(&mut heard, rest);
        if errors.send(String::from_utf8_lossy(&whole).trim_end().to_owned()).is_err() {
            return;
        }
    }
}

/// Computes the open runs with `count` workers.
///
/// # Errors
/// If workers cannot be started, or on an interrupt; failed runs are reported and marked in the store.
pub(super) fn supervise(
    session: &Session<'_>,
    count: usize,
    share: &Share,
    states: &[RunState],
    progress: &mut Progress,
) -> Result {
    let jobs = open(session.jobs, states);
    let (errors, said) = mpsc::channel();
    let gpus = device::shares(session.exp.compute.device, &session.executor.device);
    let start = |number: usize| Worker::start(share, gpus.get(number % gpus.len().max(1)), &errors);
    let workers: std::io::Result<Vec<Worker>> = (0..count).map(start).collect();
    let workers = workers.map_err(|error| {
        Failure::new(format!("cannot start workers: {error}")).hint("`--workers 1` computes in this process")
    })?;
    drop(errors);
    let mut watch = Watch { session, jobs, workers, ended: Vec::new(), began: Instant::now() };
    let total = watch.jobs.len() as u64;
    progress.note(&format!("{count} workers, each with {} of the threads", share.threads));
    progress.receive(&Event::Began { what: "computing", unit: "run", total });
    let watched = watch.until_they_end(&said, progress);
    progress.receive(&Event::Ended);
    watched
}

struct Watch<'a> {
    session: &'a Session<'a>,
    jobs: Vec<&'a Job>,
    workers: Vec<Worker>,
    /// Runs whose end was reported.
    ended: Vec<String>,
    began: Instant,
}

impl Watch<'_> {
    fn until_they_end(&mut self, said: &Receiver<String>, progress: &mut Progress) -> Result {
        loop {
            let heard = said.recv_timeout(LOOK);
            if let Ok(text) = &heard {
                progress.tell(text);
                continue;
            }
            let all_silent = matches!(heard, Err(RecvTimeoutError::Disconnected));
            let failed = self.look(progress)?;
            let stop = interrupt::asked().or((failed && self.session.exp.fail_fast).then_some(Who::Person));
            if let Some(who) = stop {
                self.workers.iter_mut().for_each(|worker| worker.stop(who));
            }
            self.reap(progress);
            if self.workers.iter().all(|worker| worker.ended.is_some()) && all_silent {
                self.look(progress)?;
                break;
            }
            if all_silent {
                thread::sleep(LOOK);
            }
        }
        if progress.stop() {
            let (done, all) = (self.ended.len(), self.jobs.len());
            let how = format!("stopped after {done} of {all} runs; run the same command to continue");
            return Err(Failure::Interrupted(how));
        }
        Ok(())
    }

    /// Reports runs that ended since the last check; returns whether any has failed.
    fn look(&mut self, progress: &mut Progress) -> Result<bool> {
        let store = self.session.executor.store.read()?;
        let uids: Vec<&str> = self.jobs.iter().map(|job| job.plan.run.as_str()).collect();
        let list = [Value::Text(json!(uids).to_string())];
        let sql = "SELECT uid, status FROM run WHERE status IN ('done', 'failed')
            AND uid IN (SELECT value FROM json_each(?)) ORDER BY finished_ms";
        let mut failed = false;
        for row in store.query_with(sql, &list)?.rows {
            let (uid, good) = (row[0].to_string(), row[1].to_string() == Status::Done.as_str());
            failed |= !good;
            if self.ended.contains(&uid) {
                continue;
            }
            for job in self.jobs.iter().filter(|job| job.plan.run.as_str() == uid) {
                let state = store.run(&uid)?;
                let took = state.and_then(|state| state.seconds).map(|seconds| format!(" in {seconds:.0} s"));
                let how = if good { format!("done{}", took.unwrap_or_default()) } else { "failed".into() };
                progress.note(&format!("{}: {how}, run {uid}", self.session.title(job)));
            }
            self.ended.push(uid);
        }
        let sql = "SELECT w.kind, (SELECT max(s.step) FROM scalar s JOIN metric m ON m.id = s.metric_id AND m.name = 'loss'
              WHERE s.work_id = w.id) FROM work w WHERE w.status = 'running' ORDER BY w.id";
        let at_work = store.query(sql)?.rows.into_iter().map(|row| match &row[1] {
            Value::Null => row[0].to_string(),
            step => format!("{} step {step}", row[0]),
        });
        let note = at_work.collect::<Vec<_>>().join(", ");
        progress.receive(&Event::Advanced { done: self.ended.len() as u64, note: &note });
        Ok(failed)
    }

    /// Reaps finished workers and warns about any that were killed.
    fn reap(&mut self, progress: &Progress) {
        for worker in self.workers.iter_mut().filter(|worker| worker.ended.is_none()) {
            let Ok(Some(status)) = worker.child.try_wait() else { continue };
            worker.ended = Some(status);
            if status.code().is_none() {
                let after = self.began.elapsed().as_secs();
                progress.tell(&format!(
                    "warning: a worker was killed after {after} s ({status}); the others take over its work, or the same \
                     command. If memory ran out, ask for fewer --workers"
                ));
            }
        }
    }
}
