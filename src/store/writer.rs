//! The writer thread, which owns the only writing connection. Training pushes points of curves, which costs
//! well below a microsecond; every other call blocks for its result, and sees everything pushed before.

use super::curves::{Curves, Point};
use super::db::{Db, now_ms};
use super::error::Error;
use super::progress::{self, Progress};
use super::sample;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Maximum number of waiting points; a loop that outruns the disk is held back, so that a kill never loses
/// more than this.
const ROOM: usize = 4096;
/// Number of points that are worth a statement.
const BATCH: usize = 1000;
/// The longest time that a point waits.
const DELAY: Duration = Duration::from_millis(200);
/// Interval of heartbeats of running attempts.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// Interval of samples of resource use.
const SAMPLE: Duration = Duration::from_secs(10);
/// How long a heartbeat is valid.
pub(super) const LEASE_MS: i64 = 5 * 60 * 1000;

/// The thread's handle and result.
pub(super) type Thread = JoinHandle<Result<(), Error>>;
type Request = Box<dyn FnOnce(Result<&mut Db, Error>) + Send>;

#[derive(Default)]
struct Queue {
    points: Vec<Point>,
    /// When the first of `points` was pushed.
    first: Option<Instant>,
    requests: VecDeque<Request>,
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Attempts of this process that have not ended.
    live: Vec<i64>,
    /// Their progress.
    progress: Progress,
    /// The last flush failed: pushing must not block, or training would hang on a full disk.
    failing: bool,
    /// Points that were dropped meanwhile, and why.
    lost: u64,
    cause: String,
    closed: bool,
}

/// Handle to the writer thread.
pub(super) struct Writer {
    queue: Mutex<Queue>,
    wake: Condvar,
    room: Condvar,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(db: Db) -> std::io::Result<(Arc<Self>, Thread)> {
        let writer = Arc::new(Self {
            queue: Mutex::new(Queue::default()),
            wake: Condvar::new(),
            room: Condvar::new(),
        });
        let own = Arc::clone(&writer);
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || {
            let _close = Close(&own); // also when this thread panics: no one may wait for it then
            own.work(db)
        })?;
        Ok((writer, thread))
    }

    /// Queues one point and returns at once, unless the disk is 4096 points behind.
    pub(super) fn push(&self, attempt: i64, name: &str, step: u64, value: f64) {
        let t_ms = now_ms();
        let mut queue = self.lock();
        while queue.points.len() >= ROOM && !queue.failing && !queue.closed {
            queue = self.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.closed || queue.points.len() >= ROOM {
            queue.lost += u64::from(!queue.closed);
            return;
        }
        let name = queue.number(name);
        queue.points.push(Point { attempt, name, step, value, t_ms });
        match queue.points.len() {
            1 => queue.first = Some(Instant::now()),
            BATCH => {}
            _ => return,
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Records the progress of an attempt.
    pub(super) fn progress(&self, change: impl FnOnce(&mut Progress)) {
        let mut queue = self.lock();
        let known = queue.progress.has_news();
        change(&mut queue.progress);
        // Wakes the thread only if it does not know yet.
        if !known {
            drop(queue);
            self.wake.notify_one();
        }
    }

    /// Runs `f` in its own transaction on the writing connection, after everything pushed or asked before.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        f: impl FnOnce(&mut Db) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.ask_alone(doing, move |db| db.transaction(f))
    }

    /// Waits until everything pushed or asked before is written.
    pub(super) fn flush(&self) -> Result<(), Error> {
        self.answer(|_| Ok(()))
    }

    /// Like [`ask`](Self::ask), but returns when the disk has confirmed the result: it survives a power cut.
    pub(super) fn ask_durably<T: Send + 'static>(
        &self,
        doing: &'static str,
        f: impl FnOnce(&mut Db) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.ask_alone(doing, move |db| {
            db.execute(sqlx::query("PRAGMA synchronous = FULL"))?;
            let result = db.transaction(f);
            db.execute(sqlx::query("PRAGMA synchronous = NORMAL"))?;
            result
        })
    }

    /// Like [`ask`](Self::ask), but outside of a transaction, for statements that cannot be in one.
    pub(super) fn ask_alone<T: Send + 'static>(
        &self,
        doing: &'static str,
        f: impl FnOnce(&mut Db) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.answer(move |db| {
            db.doing = doing;
            f(db)
        })
    }

    fn answer<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Db) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.send(Box::new(move |db| {
            let _ = answer.send(db.and_then(f)); // the caller may have stopped waiting
        }))?;
        answered.recv().map_err(|_| Error::Closed)?
    }

    /// Queues `f` without waiting, for destructors.
    pub(super) fn tell(&self, f: impl FnOnce(&mut Db) -> Result<(), Error> + Send + 'static) {
        let _ = self.send(Box::new(move |db| {
            let _ = db.and_then(|db| db.transaction(f));
        }));
    }

    fn send(&self, request: Request) -> Result<(), Error> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(Error::Closed);
        }
        queue.requests.push_back(request);
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    /// Starts or stops the heartbeats of `attempt`.
    pub(super) fn keep_alive(&self, attempt: i64, alive: bool) {
        let mut queue = self.lock();
        queue.live.retain(|&it| it != attempt);
        if alive {
            queue.live.push(attempt);
        } else {
            queue.progress.forget(attempt);
        }
    }

    /// Accepts nothing more; the thread writes what it has and ends.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
        self.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's loop.
    fn work(&self, mut db: Db) -> Result<(), Error> {
        let mut points = Vec::with_capacity(ROOM);
        let mut curves = Curves::default();
        let (mut beat, mut sampled, mut told) = (Instant::now(), Instant::now(), Instant::now());
        loop {
            let mut queue = self.wait(!points.is_empty(), sampled + SAMPLE, told + progress::EVERY);
            points.append(&mut queue.points);
            queue.first = None;
            let requests = std::mem::take(&mut queue.requests);
            let closed = queue.closed;
            curves.learn(&queue.names);
            let live = queue.live.clone();
            let news = if told.elapsed() >= progress::EVERY { queue.progress.news() } else { Vec::new() };
            drop(queue);
            self.room.notify_all();

            if requests.is_empty() {
                let _ = self.write(&mut db, &mut curves, &mut points); // the next request reports it
            }
            for request in requests {
                let flushed = self.write(&mut db, &mut curves, &mut points).and_then(|()| self.confess());
                request(flushed.map(|()| &mut db));
            }
            if !news.is_empty() {
                told = Instant::now();
                let _ = progress::write(&mut db, &news); // a newer report will follow
            }
            if sampled.elapsed() >= SAMPLE {
                sampled = Instant::now();
                if !live.is_empty() {
                    let _ = db.transaction(|db| sample::take(db, &live)); // nothing depends on it
                }
            }
            if beat.elapsed() >= HEARTBEAT {
                beat = Instant::now();
                let _ = heartbeat(&mut db, &live); // the lease outlasts some missed beats
            }
            if closed {
                let flushed = self.write(&mut db, &mut curves, &mut points).and_then(|()| self.confess());
                // Statistics for the query planner, of all tables that have grown, from a few hundred rows of
                // each.
                let _ = db.execute(sqlx::query("PRAGMA analysis_limit = 400"));
                let _ = db.execute(sqlx::query("PRAGMA optimize = 0x10002"));
                let _ = db.execute(sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")); // others may be reading
                return flushed.and(db.close());
            }
        }
    }

    /// Writes `points`; what cannot be written waits for the next try, within bounds.
    fn write(&self, db: &mut Db, curves: &mut Curves, points: &mut Vec<Point>) -> Result<(), Error> {
        let written = curves.write(db, points);
        let mut queue = self.lock();
        queue.failing = written.is_err();
        match &written {
            Ok(()) => points.clear(),
            Err(error) => {
                queue.cause = error.to_string();
                queue.lost += points.len().saturating_sub(ROOM) as u64;
                points.truncate(ROOM);
                self.room.notify_all();
            }
        }
        written
    }

    /// Reports lost points once.
    fn confess(&self) -> Result<(), Error> {
        let mut queue = self.lock();
        match std::mem::take(&mut queue.lost) {
            0 => Ok(()),
            points => Err(Error::Lost { points, cause: queue.cause.clone() }),
        }
    }

    /// Waits until there is something to do: at `due` at the latest, and at `news` if progress has been
    /// reported. `retry`: points of a failed flush are waiting.
    fn wait(&self, retry: bool, due: Instant, news: Instant) -> MutexGuard<'_, Queue> {
        let entered = Instant::now();
        let mut queue = self.lock();
        loop {
            if !queue.requests.is_empty() || queue.closed || queue.points.len() >= BATCH && !retry {
                return queue;
            }
            let mut due = due;
            if retry {
                due = due.min(entered + DELAY);
            }
            if let Some(first) = queue.first {
                due = due.min(first + DELAY);
            }
            if queue.progress.has_news() {
                due = due.min(news);
            }
            let now = Instant::now();
            if now >= due {
                return queue;
            }
            queue = self.wake.wait_timeout(queue, due - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

struct Close<'a>(&'a Writer);

impl Drop for Close<'_> {
    fn drop(&mut self) {
        self.0.close();
        self.0.lock().requests.clear();
    }
}

impl Queue {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_string());
        self.numbers.insert(name.to_string(), number);
        number
    }
}

/// Renews the leases of running attempts.
pub(super) fn heartbeat(db: &mut Db, live: &[i64]) -> Result<(), Error> {
    db.doing = "renew a lease";
    let now = now_ms();
    db.transaction(|db| {
        for &attempt in live {
            db.execute(sqlx::query("UPDATE attempt SET heartbeat_ms = ? WHERE id = ?").bind(now).bind(attempt))?;
            db.execute(
                sqlx::query(
                    "UPDATE work SET lease_until_ms = ?1 FROM attempt a
                     WHERE a.id = ?2 AND work.id = a.work_id AND work.attempt = a.n AND work.status = 'running'",
                )
                .bind(now + LEASE_MS)
                .bind(attempt),
            )?;
        }
        Ok(())
    })
}
