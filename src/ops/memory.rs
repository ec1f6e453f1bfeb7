//! Memory in use, as counted by the allocator for large allocations.

#[cfg(unix)]
use std::os::fd::AsRawFd;
use std::{
    alloc::{GlobalAlloc, Layout},
    fs::File,
    io::Write,
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
