//! The files of the page. They are compiled in, and load nothing from other hosts.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;

/// The routes of the files.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().fold(Router::new(), |router, file| {
        router.route(file.path, get(|| async { file.response() }))
    })
}

/// Whether there is a file at `path`.
pub fn is_file(path: &str) -> bool {
    FILES.iter().any(|file| file.path == path)
}

struct File {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

impl File {
    const fn new(path: &'static str, content_type: &'static str, content: &'static str) -> Self {
        Self {
            path,
            content_type,
            content,
        }
    }

    const fn script(path: &'static str, content: &'static str) -> Self {
        Self::new(path, "text/javascript; charset=utf-8", content)
    }

    fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.content));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        response
    }
}

static FILES: [File; 15] = [
    File::new(
        "/",
        "text/html; charset=utf-8",
        include_str!("../../web/index.html"),
    ),
    File::new(
        "/web/style.css",
        "text/css; charset=utf-8",
        include_str!("../../web/style.css"),
    ),
    File::new(
        "/web/icon.svg",
        "image/svg+xml",
        include_str!("../../web/icon.svg"),
    ),
    File::script("/web/main.js", include_str!("../../web/main.js")),
    File::script("/web/call.js", include_str!("../../web/call.js")),
    File::script(
        "/web/call-wording.js",
        include_str!("../../web/call-wording.js"),
    ),
    File::script("/web/phone.js", include_str!("../../web/phone.js")),
    File::script("/web/composer.js", include_str!("../../web/composer.js")),
    File::script(
        "/web/next-phone.js",
        include_str!("../../web/next-phone.js"),
    ),
    File::script("/web/inspector.js", include_str!("../../web/inspector.js")),
    File::script("/web/faults.js", include_str!("../../web/faults.js")),
    File::script("/web/dom.js", include_str!("../../web/dom.js")),
    File::script("/web/details.js", include_str!("../../web/details.js")),
    File::script("/web/phones.js", include_str!("../../web/phones.js")),
    File::script("/web/wording.js", include_str!("../../web/wording.js")),
];
