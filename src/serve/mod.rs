//! A page that shows the runs, curves, comparisons and published tables of one store, live, in a browser on
//! this machine.
//!
//! A request goes one way: [`server`] accepts it, [`site`] finds the view, the view queries the store through
//! [`ask`] and returns a page and its tables as data. [`live`] notifies browsers of changes. Nothing here
//! writes.

mod ask;
mod assets;
mod charts;
mod compare;
mod connections;
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
