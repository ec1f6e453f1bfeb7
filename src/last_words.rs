//! What the program said when it panicked, for the attempt that a defect ended.

use std::{
    panic,
    sync::{Mutex, Once, PoisonError},
};

static SAID: Mutex<Option<String>> = Mutex::new(None);
static LISTEN: Once = Once::new();

/// From now on the text and place of a panic are kept, beside what is printed of it.
pub(crate) fn listen() {
    LISTEN.call_once(|| {
        let printed = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            *SAID.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic.to_string());
            printed(panic);
        }));
    });
}

/// The last of them.
pub(crate) fn last() -> Option<String> {
    SAID.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
