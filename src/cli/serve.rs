//! `serve`: a page that shows the store, live.

use super::{failure::Result, interrupt, options::StoreOption, output, report::declared};
use crate::{serve::Server, store::Host};
use clap::Args;
use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

/// Show runs, curves and tables in a browser, live, until Ctrl-C
#[derive(Args, Debug)]
pub(super) struct Serve {
    #[command(flatten)]
    store: StoreOption,
    /// Address of the page; the default is reachable from this machine only, port 0 picks a free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7878", value_parser = address)]
    address: SocketAddr,
    /// Open it in a browser
    #[arg(long)]
    open: bool,
}

/// An address as people write it: `127.0.0.1:7878`, `localhost:7878`, or a port of this machine.
fn address(word: &str) -> std::result::Result<SocketAddr, String> {
    let word = word.strip_prefix("localhost").map_or(word.to_owned(), |port| format!("127.0.0.1{port}"));
    let port = word.strip_prefix(':').unwrap_or(&word).parse().map(|port: u16| ([127, 0, 0, 1], port).into());
    port.or_else(|_| word.parse()).map_err(|_| {
        "expected an address and a port, as in 127.0.0.1:7878, or a port of this machine alone".into()
    })
}

impl Serve {
    pub(super) fn run(&self, quiet: bool) -> Result {
        let store = self.store.path();
        let server = Server::bind(&store, self.address, &declared()?)?;
        interrupt::watch(false);
        let address = server.address();
        if !address.ip().is_loopback() {
            output::warn(&format!(
                "anyone who can reach {address} can read this store: there is no password and no encryption"
            ));
        }
        // A wildcard address is not one that a browser can open.
        let url = match address.ip().is_unspecified() {
            true => format!("http://{}:{}/", Host::here().name, address.port()),
            false => format!("http://{address}/"),
        };
        output::say(&url)?;
        if !quiet {
            output::note(&format!("shows {}; Ctrl-C ends it", store.display()));
        }
        if self.open && !open(&url) {
            output::note("no browser could be started here; open the address by hand");
        }
        Ok(server.run(|| interrupt::asked().is_some())?)
    }
}

/// Starts the desktop's browser; returns whether that worked.
fn open(url: &str) -> bool {
    let (program, arguments): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/C", "start", ""]),
        _ => ("xdg-open", &[]),
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_as_people_write_them() {
        for word in ["127.0.0.1:7878", "localhost:7878", ":7878", "7878"] {
            assert_eq!(address(word).unwrap().to_string(), "127.0.0.1:7878", "{word}");
        }
        assert_eq!(address("0.0.0.0:80").unwrap().to_string(), "0.0.0.0:80");
        assert_eq!(address("[::1]:80").unwrap().to_string(), "[::1]:80");
        for word in ["", "nonsense", "127.0.0.1", "70000", "localhost"] {
            assert!(address(word).unwrap_err().contains("127.0.0.1:7878"), "{word}");
        }
    }
}
