//! Keeps the message of a panic, to record it with the attempt that it ended.

use std::{
    panic,
    sync::{Mutex, Once, PoisonError},
};

static SAID: Mutex<Option<String>> = Mutex::new(None);
static LISTEN: Once = Once::new();

/// From now on, keeps the text and location of panics, in addition to what is printed.
pub(crate) fn listen() {
    LISTEN.call_once(|| {
        let printed = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            *SAID.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic.to_string());
            printed(panic);
        }));
    });
}

/// The last panic's text and location.
pub(crate) fn last() -> Option<String> {
    SAID.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
