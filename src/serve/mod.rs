//! A page to look at: runs, curves, comparisons and printed tables of one store, live, in a browser on this machine.
//!
//! A request goes one way: [`server`] takes it, [`site`] finds the view, the view [`ask`]s the store and answers with a
//! page and with its tables as data. [`live`] tells browsers when something was written. Nothing here writes.

mod ask;
mod assets;
mod charts;
mod compare;
mod curves;
mod error;
mod filter;
mod host;
mod live;
mod names;
mod now;
mod overall;
mod page;
mod papers;
mod run;
mod runs;
mod scores;
mod server;
mod site;
mod sparkline;
mod system;
mod url;
mod words;

pub use error::Error;
pub use server::Server;

#[cfg(test)]
mod tests;
