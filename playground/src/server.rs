//! The server: it listens on loopback, gives each request to its service, and serves the control routes.
//!
//! There is no way to bind another address: [`serve`] takes a port and nothing else. Connections are served by hand,
//! because a fault must be able to reset one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::{any, get, post};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::exchange::{Connection, Playground, handle};
use crate::fault::{Fault, Service};
use crate::media_store::MAX_FILE;
use crate::page;
use crate::print_line;

/// Why the server could not start.
#[derive(Debug)]
pub enum StartError {
    /// Another program listens on the port.
    PortInUse(u16),
    /// Anything else.
    Other(anyhow::Error),
}

/// Serves on 127.0.0.1 until the process is told to end. Prints one line when it is ready; port 0 takes any free port.
///
/// # Errors
/// When the port cannot be had.
pub async fn serve(port: u16, playground: Playground) -> Result<(), StartError> {
    let ended = shutdown_signal().map_err(StartError::Other)?;
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
    playground.media.listens_at(format!("http://{address}"));
    let router = router(Arc::new(playground));
    print_line(&format!("playground listening on http://{address}"));
    tokio::select! {
        () = accept(listener, router) => {}
        () = ended => {}
    }
    Ok(())
}

/// All routes.
fn router(playground: Arc<Playground>) -> Router {
    Router::new()
        .route("/v1/{*rest}", any(openai))
        .route("/2010-04-01/{*rest}", any(twilio))
        .route("/v1/Services", any(twilio))
        .route("/v1/Services/{*rest}", any(twilio))
        .route("/v2/{*rest}", any(twilio))
        .route("/media/{sid}", any(twilio))
        .route(
            "/playground/media",
            post(add_media).layer(DefaultBodyLimit::max(MAX_FILE)),
        )
        .route(
            "/playground/faults",
            post(add_fault).get(list_faults).delete(clear_faults),
        )
        .route(
            "/playground/requests",
            get(list_requests).delete(clear_requests),
        )
        .route("/playground/messages", get(list_messages))
        .route(
            "/playground/numbers",
            get(list_numbers).delete(reset_numbers),
        )
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
            // Out of file descriptors, or a connection that is gone already: others may still come.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    let client_connection = Connection::default();
    let routes = TowerToHyperService::new(router);
    let service = service_fn({
        let client_connection = client_connection.clone();
        move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(client_connection.clone());
            routes.call(request)
        }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // An error here is a peer that went away or a body that was cut short on purpose; the journal has both.
        _ = &mut connection => {}
        () = client_connection.reset_wanted() => {
            let stream = connection.into_parts().io.into_inner();
            // Without lingering, closing sends a reset. If that cannot be set, it is an ordinary close.
            let _ = stream.set_zero_linger();
        }
    }
}

/// A future that ends with Ctrl-C or SIGTERM.
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

async fn add_fault(State(playground): State<Arc<Playground>>, body: Bytes) -> Response {
    match Fault::from_json(&body) {
        Ok(fault) => {
            let shown = json!(fault);
            playground.faults.add(fault);
            answer(StatusCode::CREATED, &shown)
        }
        Err(reason) => control_error(StatusCode::BAD_REQUEST, &reason),
    }
}

async fn add_media(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match playground
        .media
        .keep(headers.get(header::CONTENT_TYPE), body)
    {
        Ok(kept) => answer(StatusCode::CREATED, &kept),
        Err(reason) => control_error(StatusCode::BAD_REQUEST, reason),
    }
}

async fn list_faults(State(playground): State<Arc<Playground>>) -> Response {
    answer(StatusCode::OK, &json!({"faults": playground.faults.list()}))
}

async fn clear_faults(State(playground): State<Arc<Playground>>) -> Response {
    playground.faults.clear();
    answer(StatusCode::OK, &json!({"faults": []}))
}

async fn list_requests(State(playground): State<Arc<Playground>>) -> Response {
    answer(
        StatusCode::OK,
        &json!({"requests": playground.request_log.list()}),
    )
}

async fn clear_requests(State(playground): State<Arc<Playground>>) -> Response {
    playground.request_log.clear();
    answer(StatusCode::OK, &json!({"requests": []}))
}

async fn list_messages(State(playground): State<Arc<Playground>>, uri: Uri) -> Response {
    let mut since = 0;
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match (name.as_ref(), value.parse()) {
            ("since", Ok(milliseconds)) => since = milliseconds,
            ("since", Err(_)) => {
                return control_error(
                    StatusCode::BAD_REQUEST,
                    "`since` must be a number of milliseconds since 1970",
                );
            }
            _ => {
                return control_error(
                    StatusCode::BAD_REQUEST,
                    &format!("there is no parameter `{name}`, only `since`"),
                );
            }
        }
    }
    answer(
        StatusCode::OK,
        &json!({"messages": playground.outbox.list(since)}),
    )
}

async fn list_numbers(State(playground): State<Arc<Playground>>) -> Response {
    answer(
        StatusCode::OK,
        &json!({"accounts": playground.numbers.show()}),
    )
}

async fn reset_numbers(State(playground): State<Arc<Playground>>) -> Response {
    playground.numbers.reset();
    answer(StatusCode::OK, &json!({"accounts": {}}))
}

/// An error of a control route: `reason` in JSON.
pub fn control_error(status: StatusCode, reason: &str) -> Response {
    answer(status, &json!({"error": reason}))
}

/// A JSON answer of a control route.
pub fn answer(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        axum::http::HeaderValue::from_static("application/json"),
    );
    response
}
