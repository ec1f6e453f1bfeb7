//! Tells browsers that something was written: SQLite counts what other connections commit.

use super::ask::{Identity, identity};
use crate::store::{Reader, Store, Value};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use std::{convert::Infallible, path::Path, thread, time::Duration};
use tokio::sync::watch::{self, Receiver, Sender};

/// How often the store is asked.
const EVERY: Duration = Duration::from_millis(250);

/// Counts commits from now on, as long as anybody holds the receiver. The connection is kept: the count is one of each.
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

/// The connection, the file that it reads, and the count that it saw last.
type Kept = Option<(Reader, Identity, Option<Value>)>;

fn look(path: &Path, kept: &mut Kept, sender: &Sender<u64>) {
    let present = identity(path);
    let Some((reader, file, before)) = kept else {
        // A store that cannot be read now may be there again in a moment.
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

/// An event for each change, the first at once, and a sign of life between them.
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
