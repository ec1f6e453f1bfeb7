//! Accepts requests from browsers and passes them to the site, which answers without `await` on a separate
//! thread.

use super::{
    Error,
    ask::Readers,
    connections,
    host::Hosts,
    live,
    site::{Answer, Site},
    url::Params,
};
use crate::{report::Declaration, store::Host};
use axum::{
    Router,
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::{runtime::Builder, sync::watch::Receiver, task::spawn_blocking};

/// How often the caller is asked whether to stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// Pages that are made at once; further requests wait.
const THREADS: usize = 16;

/// Headers of every answer. Nothing is fetched from elsewhere, and no text of a run becomes script or style.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A page server that listens but does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    site: Arc<Site>,
}

impl Server {
    /// Listens on `address` (port 0: any free port) and serves the store at `store`. `declared` is what the
    /// program declares, so that a hole in a published table can name the command that fills it.
    ///
    /// # Errors
    /// If the store is missing, or another program listens on the address.
    pub fn bind(store: &Path, address: SocketAddr, declared: &[Declaration]) -> Result<Self, Error> {
        let site = Arc::new(Site::new(Readers::open(store)?, declared));
        let listen = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => Error::Taken(address),
            _ => Error::Listen { address, source },
        };
        let listener = TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(Error::Serve)?;
        let address = listener.local_addr().map_err(Error::Serve)?;
        Ok(Self { listener, address, site })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` returns true.
    ///
    /// # Errors
    /// If the system cannot start threads or sockets.
    pub fn run(self, stop: impl Fn() -> bool) -> Result<(), Error> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(THREADS)
            .build()
            .map_err(Error::Serve)?;
        // Connections to the store have their own runtimes, which must not be dropped inside this one.
        let site = Arc::clone(&self.site);
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let hosts = Hosts::of(self.address, &Host::here().name);
            let app = router(self.site, hosts);
            tokio::select! {
                served = connections::serve(listener, app) => served,
                () = wait(stop) => Ok(()),
            }
        });
        // Browsers keep their event streams open; do not wait for them.
        runtime.shutdown_background();
        drop(site);
        served.map_err(Error::Serve)
    }
}

async fn wait(stop: impl Fn() -> bool) {
    while !stop() {
        tokio::time::sleep(PATIENCE).await;
    }
}

fn router(site: Arc<Site>, hosts: Hosts) -> Router {
    let changes = live::watch(site.store());
    Router::new()
        .route("/events", get(|State(changes): State<Receiver<u64>>| async { live::events(changes) }))
        .with_state(changes)
        .fallback(move |request: Request| answer(Arc::clone(&site), request))
        .layer(middleware::from_fn_with_state(hosts, guard))
}

async fn answer(site: Arc<Site>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let params = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let params = Params(params.map(|Query(params)| params).unwrap_or_default());
    let answered = spawn_blocking(move || site.answer(&path, &params)).await;
    let Ok(Answer { status, kind, body, kept }) = answered else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "this page failed because of a bug in dichroic")
            .into_response();
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let cache = if kept { "max-age=86400" } else { "no-store" };
    (status, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)], body).into_response()
}

/// Refuses requests for other hosts and requests that would change something; adds the headers of every
/// answer.
async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let named = |headers: &HeaderMap| {
        // Of two names one could be ours and the other foreign.
        let mut named = headers.get_all(header::HOST).iter();
        let only = named.next().filter(|_| named.next().is_none());
        only.and_then(|host| host.to_str().ok()).is_some_and(|host| hosts.admit(host))
    };
    let mut response = if !named(request.headers()) {
        let text = "This server answers under its own address only.\n";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    } else if ![Method::GET, Method::HEAD].contains(request.method()) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        (StatusCode::METHOD_NOT_ALLOWED, allow, "This page is read-only.\n").into_response()
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
