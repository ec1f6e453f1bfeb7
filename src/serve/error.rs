//! What can go wrong with the page.

use crate::store;
use std::{io, net::SocketAddr};

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Another program listens there.
    #[error("{0} is taken by another program")]
    Taken(SocketAddr),
    /// This machine cannot listen there.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The system gives no threads or sockets.
    #[error("cannot serve: {0}")]
    Serve(io::Error),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(source) => source.hint(),
            Self::Taken(address) => {
                let next = SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(0));
                Some(format!(
                    "another `dichroic serve` may show its store there; `--address {next}` listens elsewhere"
                ))
            }
            Self::Listen { .. } => {
                Some("name an address of this machine and a port above 1023: --address 127.0.0.1:7878".into())
            }
            Self::Serve(_) => None,
        }
    }
}
