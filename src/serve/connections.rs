//! Accepts connections and serves the site on each; one that does not send its request in time is closed, so that half-open
//! ones do not pile up.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore};

/// Connections that are held at once; further ones wait to be accepted.
const MOST: usize = 256;
/// How long a browser may take to send the head of its request, and to send the next one.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 15 });
/// How long to wait after an error such as too many open files.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves `site` to everyone who connects; ends only with an error of the listener that does not pass.
///
/// # Errors
/// If the listener is broken.
pub(super) async fn serve(listener: TcpListener, site: Router) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
            // A browser that gave up, or too many open files: the next may work.
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(site.clone());
        tokio::spawn(async move {
            let mut server = http1::Builder::new();
            let server = server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            // What a browser does wrong ends its connection and nothing else.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}
