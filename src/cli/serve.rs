//! `serve`: a page that shows the store, live.

use super::{failure::Result, interrupt, options::StoreOption, output, report::declared};
use crate::{serve::Server, store::Host};
use clap::Args;
use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

/// Shows runs, curves and tables in a browser, live, until Ctrl-C
#[derive(Args, Debug)]
pub(super) struct Serve {
    #[command(flatten)]
    store: StoreOption,
    /// Where the page is; only this machine reaches the default, port 0 means any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7878")]
    address: SocketAddr,
    /// Opens it in a browser
    #[arg(long)]
    open: bool,
}

impl Serve {
    pub(super) fn run(&self, quiet: bool) -> Result {
        let store = self.store.path();
        let server = Server::bind(&store, self.address, &declared()?)?;
        interrupt::watch(false);
        let address = server.address();
        if !address.ip().is_loopback() {
            output::warn(&format!(
                "whoever can reach {address} can read this store: there is no password and no encryption"
            ));
        }
        // "All addresses" is none that a browser could be sent to.
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

/// Starts the desktop's browser; says whether that worked.
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
