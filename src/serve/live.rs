//! Notifies browsers of changes: SQLite counts the commits of other connections.

use super::ask::{Identity, identity};
use crate::store::{Reader, Store, Value};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use std::{convert::Infallible, path::Path, thread, time::Duration};
use tokio::sync::watch::{self, Receiver, Sender};

/// How often the store is polled.
const EVERY: Duration = Duration::from_millis(250);

/// Counts commits until the last receiver is dropped. The connection is kept because the count belongs to it.
pub(super) fn watch(path: &Path) -> Receiver<u64> {
    let (sender, receiver) = watch::channel(0);
    let path = path.to_owned();
    thread::spawn(move || {
        let mut kept = None;
        while !sender.is_closed() {
            look(&path, &mut kept, &sender);
            thread::sleep(EVERY);
        }
    });
    receiver
}

/// The connection, the file that it reads, and its last count.
type Kept = Option<(Reader, Identity, Option<Value>)>;

fn look(path: &Path, kept: &mut Kept, sender: &Sender<u64>) {
    let present = identity(path);
    let Some((reader, file, before)) = kept else {
        // A store that cannot be read now may be readable again in a moment.
        *kept = Store::open_read_only(path).ok().map(|reader| (reader, present, None));
        return;
    };
    let count = reader.query("PRAGMA data_version").ok().and_then(|rows| rows.rows.first()?.first().cloned());
    if count.is_none() || *file != present {
        *kept = None;
        return sender.send_modify(|version| *version += 1);
    }
    if before.is_some() && *before != count {
        sender.send_modify(|version| *version += 1);
    }
    *before = count;
}

/// An event for each change, the first one immediately, with keep-alive messages in between.
pub(super) fn events(changes: Receiver<u64>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold((changes, true), |(mut changes, first)| async move {
        if !first {
            changes.changed().await.ok()?;
        }
        let version = *changes.borrow_and_update();
        let name = if first { "hello" } else { "change" };
        Some((Ok(Event::default().event(name).data(version.to_string())), (changes, false)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
