//! The errors of the page server.

use crate::store;
use std::{io, net::SocketAddr};

/// Why the server cannot run or answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Another program listens on this address.
    #[error("{0} is in use by another program")]
    Taken(SocketAddr),
    /// This machine cannot listen on this address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The system could not start threads or sockets.
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
                Some(format!("it may be another `dichroic serve`; try `--address {next}`"))
            }
            Self::Listen { .. } => {
                Some("use an address of this machine and a port above 1023: --address 127.0.0.1:7878".into())
            }
            Self::Serve(_) => None,
        }
    }
}
