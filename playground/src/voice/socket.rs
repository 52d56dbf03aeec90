//! The WebSocket of a relay: its upgrade, which is signed as Twilio signs it.

use std::time::Duration;

use axum::http::HeaderValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::target::Target;

/// A WebSocket on this machine.
pub type Socket = WebSocketStream<TcpStream>;

/// How long Twilio waits for the upgrade. The number is not documented.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects to the relay.
///
/// # Errors
/// A sentence that says why there is no connection.
pub async fn connect(target: &Target, signature: &str) -> Result<Socket, String> {
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, upgrade(target, signature)).await;
    connected.unwrap_or_else(|_| Err("there was no answer to the upgrade in 5 s".to_owned()))
}

async fn upgrade(target: &Target, signature: &str) -> Result<Socket, String> {
    let mut request = target
        .url
        .as_str()
        .into_client_request()
        .map_err(|error| error.to_string())?;
    let headers = request.headers_mut();
    // The client that was recorded.
    headers.insert("User-Agent", HeaderValue::from_static("Jetty/11.0.24"));
    let signature = HeaderValue::from_str(signature).map_err(|error| error.to_string())?;
    headers.insert("X-Twilio-Signature", signature);
    let stream = TcpStream::connect(&target.authority)
        .await
        .map_err(|error| format!("nothing is listening at {}: {error}", target.authority))?;
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(format!("the Worker answered {}", answer.status())),
        Err(error) => Err(error.to_string()),
    }
}
