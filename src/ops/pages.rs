//! Pages of memory that a program keeps for what it will need next.
//!
//! A training step frees its activations and needs as much again a moment later. Given back to the system in between, their
//! pages must be cleared each time: a seventh of a step of a small transformer.

use std::ffi::{c_int, c_long};

/// `mi_option_purge_delay`, which the bindings do not name: milliseconds until freed pages are given back.
const PURGE_DELAY: c_int = 15;

/// Longer than a step takes.
const KEPT_FOR: c_long = 5 * 60 * 1000;

/// Keeps freed pages for five minutes, in a program whose allocator is mimalloc. Call it before anything large is allocated.
pub fn keep() {
    // SAFETY: an option that exists (a test), and any number of milliseconds is a value of it.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, KEPT_FOR) }
}

/// Gives all free pages back, so that [`available`](crate::memory::available) counts them.
pub fn give_back() {
    // SAFETY: it may be called at any time from any thread.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use mimalloc::MiMalloc;
    use std::alloc::{GlobalAlloc, Layout};

    const BYTES: usize = 256 << 20;
    const PAGE: usize = 4096;

    /// The share of the pages there that are in memory; other tests take memory elsewhere at the same time.
    fn resident(at: *mut u8) -> f64 {
        let mut pages = vec![0u8; BYTES / PAGE];
        // SAFETY: it only asks about these addresses, and has room for an answer about each page.
        let known = unsafe { libc::mincore(at.cast(), BYTES, pages.as_mut_ptr().cast()) } == 0;
        let there = pages.iter().filter(|page| **page & 1 == 1).count();
        if known { there as f64 / pages.len() as f64 } else { 0.0 }
    }

    /// Takes 256 MiB, writes to each page, and frees them; where they were.
    fn used() -> *mut u8 {
        let layout = Layout::from_size_align(BYTES, PAGE).unwrap();
        // SAFETY: one allocation, written to inside its bounds, and freed as it was allocated.
        unsafe {
            let piece = MiMalloc.alloc(layout);
            for at in (0..BYTES).step_by(PAGE) {
                piece.add(at).write_volatile(1);
            }
            MiMalloc.dealloc(piece, layout);
            piece
        }
    }

    #[test]
    fn pages_are_kept_until_they_are_given_back() {
        // SAFETY: it reads a number.
        let delay = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(delay(), 1000, "this option is another one");
        keep();
        assert_eq!(delay(), KEPT_FOR);
        let first = used();
        std::thread::sleep(std::time::Duration::from_millis(1500));
        let again = used();
        assert_eq!(first, again, "memory that was kept is used again");
        assert!(resident(again) > 0.99);
        give_back();
        assert!(resident(again) < 0.01);
    }
}
