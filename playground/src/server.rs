//! The server. It listens on loopback and passes each request to its service or route.
//!
//! It cannot bind another address, because [`serve`] only takes a port. It serves each connection
//! itself, because a fault must be able to reset one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::any;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

use crate::base::console::print_line;
use crate::exchange::handle;
use crate::fault::Service;
use crate::http::connection::Connection;
use crate::http::control::control_error;
use crate::playground::Playground;
use crate::{control, page};

/// Why the server could not start.
#[derive(Debug)]
pub enum StartError {
    /// Another program is listening on the port.
    PortInUse(u16),
    /// Another error.
    Other(anyhow::Error),
}

/// Serves on 127.0.0.1 until Ctrl-C or SIGTERM. Prints one line when it is ready. Port 0 means any
/// free port.
///
/// # Errors
/// If it cannot listen on the port.
pub async fn serve(port: u16, playground: Playground) -> Result<(), StartError> {
    let shutdown = shutdown_signal().map_err(StartError::Other)?;
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => StartError::PortInUse(port),
            _ => StartError::Other(
                anyhow::Error::new(error).context(format!("cannot listen on 127.0.0.1:{port}")),
            ),
        })?;
    let address = listener
        .local_addr()
        .context("the listener has no address")
        .map_err(StartError::Other)?;
    playground
        .twilio
        .media
        .set_origin(format!("http://{address}"));
    let router = router(Arc::new(playground));
    print_line(&format!("playground listening on http://{address}"));
    tokio::select! {
        () = accept(listener, router) => {}
        () = shutdown => {}
    }
    Ok(())
}

/// All routes.
fn router(playground: Arc<Playground>) -> Router {
    Router::new()
        .route("/v1/{*rest}", any(openai))
        .route("/v1/batch", any(segment))
        .route("/v1/track", any(segment))
        .route("/v1/identify", any(segment))
        .route("/fallback/v1/{*rest}", any(openai))
        .route("/2010-04-01/{*rest}", any(twilio))
        .route("/v1/Services", any(twilio))
        .route("/v1/Services/{*rest}", any(twilio))
        .route("/v2/{*rest}", any(twilio))
        .route("/v3/{*rest}", any(twilio))
        .route("/media/{sid}", any(twilio))
        .route("/tools/{*rest}", any(shop))
        .merge(control::routes())
        .merge(page::routes())
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move {
            control_error(
                StatusCode::METHOD_NOT_ALLOWED,
                &format!("{method} is not possible at {}", uri.path()),
            )
        })
        .fallback(|uri: Uri| async move {
            control_error(
                StatusCode::NOT_FOUND,
                &format!("there is nothing at {}", uri.path()),
            )
        })
        .layer(axum::middleware::from_fn(page::guard))
        .with_state(playground)
}

async fn accept(listener: TcpListener, router: Router) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve_connection(stream, router.clone()));
            }
            // The connection is gone already, or there are too many. The next one may succeed.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    let client = Connection::default();
    let app = TowerToHyperService::new(router);
    let service = service_fn({
        let client = client.clone();
        move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(client.clone());
            app.call(request)
        }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // An error means that the client went away, or that a fault broke the body off.
        _ = &mut connection => {}
        () = client.reset_requested() => {
            let stream = connection.into_parts().io.into_inner();
            // Without lingering, closing sends a reset. If that fails, it is an ordinary close.
            let _ = stream.set_zero_linger();
        }
    }
}

/// Completes with Ctrl-C or SIGTERM.
fn shutdown_signal() -> anyhow::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("cannot wait for SIGTERM")?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

async fn openai(
    State(playground): State<Arc<Playground>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    handle(&playground, Service::Openai, connection, request).await
}

async fn twilio(
    State(playground): State<Arc<Playground>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    handle(&playground, Service::Twilio, connection, request).await
}

async fn segment(
    State(playground): State<Arc<Playground>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    handle(&playground, Service::Segment, connection, request).await
}

async fn shop(
    State(playground): State<Arc<Playground>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    handle(&playground, Service::Shop, connection, request).await
}
