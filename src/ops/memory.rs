//! Memory in use, as counted by the allocator for large allocations.

#[cfg(unix)]
use std::os::fd::AsRawFd;
use std::{
    alloc::{GlobalAlloc, Layout},
    fs::File,
    io::Write,
    path::Path,
    sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed},
};

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Smaller allocations are not counted: tensors are what fills a machine, and counting costs a little.
const LARGE: usize = 4096;

/// Bytes in large allocations; 0 in a program whose allocator is not [`Counted`].
pub fn in_use() -> usize {
    IN_USE.load(Relaxed)
}

/// The peak since [`restart_peak`].
pub fn peak() -> usize {
    PEAK.load(Relaxed)
}

/// Resets the peak.
pub fn restart_peak() {
    PEAK.store(in_use(), Relaxed);
}

/// Bytes that the system can still give to this program: what is free or easily freed, and no more than the
/// control group (a container, a Slurm job) and the limits of the process (`ulimit -v`, `ulimit -d`) allow; `None` if
/// unknown.
pub fn available() -> Option<u64> {
    let system = of_the_system();
    match (system, of_the_process()) {
        (Some(system), Some(process)) => Some(system.min(process)),
        (system, process) => system.or(process),
    }
}

/// What the limits of the process leave of its addresses and its data; `None` without limits.
#[cfg(target_os = "linux")]
fn of_the_process() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: Vec<u64> = pages.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    // SAFETY: a query without arguments that could be wrong.
    let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    // All pages come first, those of data and stack sixth.
    let limits = [(libc::RLIMIT_AS, 0), (libc::RLIMIT_DATA, 5)].map(|(resource, at)| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the pointer is to a local variable.
        let known =
            unsafe { libc::getrlimit(resource, &mut limit) } == 0 && limit.rlim_cur != libc::RLIM_INFINITY;
        known.then(|| limit.rlim_cur.saturating_sub(pages.get(at).map_or(0, |used| used * page)))
    });
    limits.into_iter().flatten().min()
}

#[cfg(not(target_os = "linux"))]
fn of_the_process() -> Option<u64> {
    None
}

fn of_the_system() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let machine = field(&read("/proc/meminfo")?, "MemAvailable:")? * 1024;
    let own = read("/proc/self/cgroup").and_then(|text| {
        let path = text.lines().find_map(|line| line.strip_prefix("0::"))?.trim_end_matches('/').to_owned();
        // The limit may be set on a parent group.
        let groups = Path::new(&path).ancestors().map(|group| format!("/sys/fs/cgroup{}", group.display()));
        groups.filter_map(|group| left(&read, group.trim_end_matches('/'))).min()
    });
    Some(own.map_or(machine, |own| own.min(machine)))
}

/// The remaining memory of a control group; cached files count as free.
fn left(read: &impl Fn(&str) -> Option<String>, group: &str) -> Option<u64> {
    let limit: u64 = read(&format!("{group}/memory.max"))?.trim().parse().ok()?;
    let used: u64 = read(&format!("{group}/memory.current"))?.trim().parse().ok()?;
    let files = read(&format!("{group}/memory.stat")).and_then(|text| field(&text, "inactive_file"));
    Some(limit.saturating_sub(used.saturating_sub(files.unwrap_or(0))))
}

/// The number after a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// File descriptor that records out-of-memory failures; negative if none.
static HEARS: AtomicI32 = AtomicI32::new(-1);

/// The first word of such a record.
pub const EXHAUSTED: &str = "exhausted";

/// From now on, a large allocation that fails is recorded at the end of `file` before the program aborts;
/// nothing else can be done by then.
pub fn tell_exhaustion(file: &File) {
    #[cfg(unix)]
    HEARS.store(file.as_raw_fd(), Relaxed);
}

/// Stops recording, if `file` is the current one.
pub fn hush_exhaustion(file: &File) {
    #[cfg(unix)]
    let _ = HEARS.compare_exchange(file.as_raw_fd(), -1, Relaxed, Relaxed);
}

/// Returns an allocation; records a large one that failed.
fn given(piece: *mut u8, bytes: usize) -> *mut u8 {
    if piece.is_null() && bytes >= LARGE {
        tell(bytes);
    }
    piece
}

#[cfg(unix)]
#[cold]
fn tell(bytes: usize) {
    // Without allocating: there is no memory left.
    let mut text = [0u8; 64];
    let mut rest = &mut text[..];
    let written = writeln!(rest, "{EXHAUSTED} {bytes} bytes with {} in use", in_use());
    let length = 64 - rest.len();
    let file = HEARS.load(Relaxed);
    if written.is_ok() && file >= 0 {
        // SAFETY: the bytes are valid; a file that is closed by now gives an error and nothing else.
        unsafe { libc::write(file, text.as_ptr().cast(), length) };
    }
}

#[cfg(not(unix))]
fn tell(_: usize) {}

/// A global allocator that counts memory in use.
pub struct Counted<A>(pub A);

fn took(bytes: usize) {
    if bytes >= LARGE {
        let now = IN_USE.fetch_add(bytes, Relaxed) + bytes;
        PEAK.fetch_max(now, Relaxed);
    }
}

fn gave(bytes: usize) {
    if bytes >= LARGE {
        IN_USE.fetch_sub(bytes, Relaxed);
    }
}

// SAFETY: every call is forwarded to the inner allocator unchanged.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counted<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller keeps the contract.
        given(unsafe { self.0.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller keeps the contract.
        given(unsafe { self.0.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        gave(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { self.0.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        gave(layout.size());
        took(size);
        // SAFETY: the caller keeps the contract.
        given(unsafe { self.0.realloc(pointer, layout, size) }, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    #[test]
    fn a_control_group_limits_what_is_available() {
        let read = |path: &str| {
            let text = match path {
                "/g/memory.max" => "8000",
                "/g/memory.current" => "5000",
                "/g/memory.stat" => "anon 3500\ninactive_file 1200\nactive_file 300",
                "/free/memory.max" => "max",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(left(&read, "/g"), Some(4200));
        assert_eq!((left(&read, "/free"), left(&read, "/none")), (None, None));
        let meminfo = "MemTotal:       100 kB\nMemAvailable:    42 kB\n";
        assert_eq!(field(meminfo, "MemAvailable:"), Some(42));
        if cfg!(target_os = "linux") {
            assert!(available().unwrap() > 1 << 20);
            // SAFETY: limits of this process, set back at once; what is asked meanwhile needs a few kB.
            unsafe {
                let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &mut before), 0);
                let limit = 1 << 40;
                let lower = libc::rlimit { rlim_cur: limit.min(before.rlim_cur), ..before };
                assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &lower), 0);
                let left = of_the_process();
                assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &before), 0);
                assert!(left.is_some_and(|left| left < limit), "{left:?}");
            }
        }
    }

    #[test]
    fn large_pieces_are_counted_while_they_are_held() {
        let (allocator, layout) = (Counted(System), Layout::from_size_align(1 << 20, 8).unwrap());
        restart_peak();
        let before = in_use();
        // SAFETY: one allocation, freed as it was allocated.
        unsafe {
            let piece = allocator.alloc(layout);
            assert_eq!(in_use() - before, 1 << 20);
            let piece = allocator.realloc(piece, layout, 2 << 20);
            assert_eq!(in_use() - before, 2 << 20);
            allocator.dealloc(piece, Layout::from_size_align(2 << 20, 8).unwrap());
        }
        assert_eq!((in_use(), peak()), (before, before + (2 << 20)));
    }
}
