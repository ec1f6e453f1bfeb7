//! How much memory is in use: what an allocator counts when it hands out large pieces.

use std::{
    alloc::{GlobalAlloc, Layout},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Smaller pieces are not counted: tensors are what fills a machine, and counting costs a little.
const LARGE: usize = 4096;

/// Bytes in large pieces; 0 in a program whose allocator is not [`Counted`].
pub fn in_use() -> usize {
    IN_USE.load(Relaxed)
}

/// The most that was in use since [`restart_peak`].
pub fn peak() -> usize {
    PEAK.load(Relaxed)
}

/// Forgets the peak.
pub fn restart_peak() {
    PEAK.store(in_use(), Relaxed);
}

/// An allocator that counts.
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

// SAFETY: everything is handed on to the inner allocator as it came.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counted<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { self.0.alloc_zeroed(layout) }
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
        unsafe { self.0.realloc(pointer, layout, size) }
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
        // SAFETY: one piece, given back as it was taken.
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
