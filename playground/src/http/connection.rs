//! The TCP connection under a request.

use std::sync::Arc;

use axum::response::Response;
use tokio::sync::Notify;

/// A handle with which a handler can reset the TCP connection of its request.
#[derive(Clone, Default)]
pub struct Connection {
    reset: Arc<Notify>,
}

impl Connection {
    /// Completes when a handler asks for a reset.
    pub async fn reset_requested(&self) {
        self.reset.notified().await;
    }

    /// Asks the server to reset the connection. Never returns: the handler is dropped with its
    /// connection.
    pub async fn reset(&self) -> Response {
        self.reset.notify_one();
        std::future::pending().await
    }
}
