//! The files of the pages. They load nothing from other hosts. All are compiled in but the library
//! of the charts, which npm installs.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;

use crate::http::control::control_error;
use crate::playground::Playground;

/// The routes of the files.
pub fn routes() -> Router<Arc<Playground>> {
    let own = FILES.iter().fold(Router::new(), |router, file| {
        router.route(file.path, get(|| async { file.response() }))
    });
    PACKAGED.iter().fold(own, |router, file| {
        router.route(
            file.path,
            get(|State(playground)| async { file.response(playground).await }),
        )
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
        Self::new(path, SCRIPT, content)
    }

    fn response(&self) -> Response {
        typed(Body::from(self.content), self.content_type)
    }
}

/// A file of one of npm's packages.
struct Packaged {
    path: &'static str,
    content_type: &'static str,
    /// Where it is in the folder of the packages.
    place: &'static str,
}

impl Packaged {
    async fn response(&self, playground: Arc<Playground>) -> Response {
        let missing = || control_error(StatusCode::NOT_FOUND, "npm has not installed this file");
        let Some(folder) = playground.packages.as_deref() else {
            return missing();
        };
        let place = folder.join(self.place);
        let read = tokio::task::spawn_blocking(move || std::fs::read(place)).await;
        let Ok(Ok(content)) = read else {
            return missing();
        };
        typed(Body::from(content), self.content_type)
    }
}

fn typed(body: Body, content_type: &'static str) -> Response {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

const CSS: &str = "text/css; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

static PACKAGED: [Packaged; 2] = [
    Packaged {
        path: "/web/uplot.js",
        content_type: SCRIPT,
        place: "uplot/dist/uPlot.esm.js",
    },
    Packaged {
        path: "/web/uplot.css",
        content_type: CSS,
        place: "uplot/dist/uPlot.min.css",
    },
];

static FILES: &[File] = &[
    File::new("/", HTML, include_str!("../../web/index.html")),
    File::new("/runs", HTML, include_str!("../../web/runs.html")),
    File::new("/web/style.css", CSS, include_str!("../../web/style.css")),
    File::new(
        "/web/phones-page.css",
        CSS,
        include_str!("../../web/phones-page.css"),
    ),
    File::new("/web/thread.css", CSS, include_str!("../../web/thread.css")),
    File::new("/web/phones.css", CSS, include_str!("../../web/phones.css")),
    File::new(
        "/web/inspector.css",
        CSS,
        include_str!("../../web/inspector.css"),
    ),
    File::new("/web/runs.css", CSS, include_str!("../../web/runs.css")),
    File::new(
        "/web/icon.svg",
        "image/svg+xml",
        include_str!("../../web/icon.svg"),
    ),
    File::new("/web/editor.css", CSS, include_str!("../../web/editor.css")),
    File::script(
        "/web/page-tools.js",
        include_str!("../../web/page-tools.js"),
    ),
    File::script(
        "/web/assistant-editor.js",
        include_str!("../../web/assistant-editor.js"),
    ),
    File::script(
        "/web/assistant-wording.js",
        include_str!("../../web/assistant-wording.js"),
    ),
    File::script(
        "/web/line-editor.js",
        include_str!("../../web/line-editor.js"),
    ),
    File::script(
        "/web/openai-switch.js",
        include_str!("../../web/openai-switch.js"),
    ),
    File::script("/web/export.js", include_str!("../../web/export.js")),
    File::script("/web/main.js", include_str!("../../web/main.js")),
    File::script("/web/asks.js", include_str!("../../web/asks.js")),
    File::script("/web/feed.js", include_str!("../../web/feed.js")),
    File::script("/web/header.js", include_str!("../../web/header.js")),
    File::script("/web/reasons.js", include_str!("../../web/reasons.js")),
    File::script("/web/rich.js", include_str!("../../web/rich.js")),
    File::script("/web/shelf.js", include_str!("../../web/shelf.js")),
    File::script(
        "/web/thread-view.js",
        include_str!("../../web/thread-view.js"),
    ),
    File::script("/web/threads.js", include_str!("../../web/threads.js")),
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
    File::script("/web/runs/main.js", include_str!("../../web/runs/main.js")),
    File::script("/web/runs/api.js", include_str!("../../web/runs/api.js")),
    File::script(
        "/web/runs/store.js",
        include_str!("../../web/runs/store.js"),
    ),
    File::script(
        "/web/runs/filters.js",
        include_str!("../../web/runs/filters.js"),
    ),
    File::script(
        "/web/runs/filter-bar.js",
        include_str!("../../web/runs/filter-bar.js"),
    ),
    File::script(
        "/web/runs/batches.js",
        include_str!("../../web/runs/batches.js"),
    ),
    File::script("/web/runs/head.js", include_str!("../../web/runs/head.js")),
    File::script("/web/runs/form.js", include_str!("../../web/runs/form.js")),
    File::script(
        "/web/runs/confirm.js",
        include_str!("../../web/runs/confirm.js"),
    ),
    File::script(
        "/web/runs/numbers.js",
        include_str!("../../web/runs/numbers.js"),
    ),
    File::script(
        "/web/runs/charts.js",
        include_str!("../../web/runs/charts.js"),
    ),
    File::script("/web/runs/heat.js", include_str!("../../web/runs/heat.js")),
    File::script(
        "/web/runs/table.js",
        include_str!("../../web/runs/table.js"),
    ),
    File::script(
        "/web/runs/download.js",
        include_str!("../../web/runs/download.js"),
    ),
    File::script(
        "/web/runs/transcript.js",
        include_str!("../../web/runs/transcript.js"),
    ),
    File::script(
        "/web/runs/lanes.js",
        include_str!("../../web/runs/lanes.js"),
    ),
    File::script(
        "/web/runs/scores.js",
        include_str!("../../web/runs/scores.js"),
    ),
    File::script(
        "/web/runs/wording.js",
        include_str!("../../web/runs/wording.js"),
    ),
];
