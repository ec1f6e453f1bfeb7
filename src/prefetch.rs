//! Prefetching: produces the next item on another thread while the current one is used.

use std::{sync::mpsc, thread};

/// Passes everything that `made` yields to `take`, in order and one item ahead: `made` runs on its own
/// thread. Ends early if `take` returns `false`.
///
/// # Errors
/// The first error of `take`.
pub(crate) fn prefetch<T: Send, E>(
    made: impl Iterator<Item = T> + Send,
    mut take: impl FnMut(T) -> Result<bool, E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(1);
        scope.spawn(move || {
            for one in made {
                // There is no receiver any more after an error or a stop.
                if send.send(one).is_err() {
                    break;
                }
            }
        });
        for one in receive {
            if !take(one)? {
                break;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_an_error_or_a_stop_ends_it() {
        let mut seen = vec![];
        let run = |end: u32, seen: &mut Vec<u32>| {
            seen.clear();
            prefetch(0..1000, |number| {
                seen.push(number);
                if number == 7 { Err("seven") } else { Ok(number < end) }
            })
        };
        assert_eq!(run(3, &mut seen), Ok(()));
        assert_eq!(seen, [0, 1, 2, 3]);
        assert_eq!(run(9, &mut seen), Err("seven"));
        assert_eq!(seen.len(), 8);
    }
}
