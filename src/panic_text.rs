//! Panics: their messages, to record them with the attempt that they ended; and those of libraries that panic where they
//! should refuse a damaged file.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, Once, PoisonError},
};

static SAID: Mutex<Option<String>> = Mutex::new(None);
static LISTEN: Once = Once::new();

thread_local! {
    /// Whether panics of this thread are caught, and therefore not printed.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// From now on, keeps the text and location of panics, in addition to what is printed.
pub(crate) fn listen() {
    LISTEN.call_once(|| {
        let printed = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            *SAID.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic.to_string());
            if !CAUGHT.get() {
                printed(panic);
            }
        }));
    });
}

/// The last panic's text and location.
pub(crate) fn last() -> Option<String> {
    SAID.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Reads with a library that panics on some damaged files; `None` then. Nothing is printed. What `read` changes must not
/// matter after a panic.
pub(crate) fn caught<T>(read: impl FnOnce() -> T) -> Option<T> {
    listen();
    let before = CAUGHT.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    CAUGHT.set(before);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_library_is_no_result() {
        assert_eq!(caught(|| 1), Some(1));
        assert_eq!(caught(|| -> u8 { panic!("damaged") }), None);
        assert_eq!(caught(|| caught(|| -> u8 { panic!("inner") })), Some(None));
        assert!(!CAUGHT.get());
    }
}
