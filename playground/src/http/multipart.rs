//! The parts of a `multipart/form-data` body.

use axum::body::Bytes;
use futures_util::FutureExt;
use futures_util::stream::once;

/// One part of a form.
pub struct Part {
    /// The name of the field.
    pub name: String,
    /// The name of the file, if it is one.
    pub file_name: Option<String>,
    /// The content.
    pub bytes: Bytes,
}

impl Part {
    /// The content as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Reads the parts of a body with this `Content-Type`.
///
/// # Errors
/// A sentence that says what is wrong with the form.
pub fn parts(content_type: &str, body: Bytes) -> Result<Vec<Part>, String> {
    let boundary = multer::parse_boundary(content_type).map_err(|error| error.to_string())?;
    let whole = once(async move { Ok::<_, std::convert::Infallible>(body) });
    let read = async {
        let mut form = multer::Multipart::new(whole, boundary);
        let mut parts = Vec::new();
        while let Some(field) = form.next_field().await? {
            parts.push(Part {
                name: field.name().unwrap_or_default().to_owned(),
                file_name: field.file_name().map(str::to_owned),
                bytes: field.bytes().await?,
            });
        }
        Ok(parts)
    };
    // The whole body is there, so that nothing has to be waited for.
    let read = Box::pin(read).now_or_never();
    let read = read.unwrap_or(Err(multer::Error::IncompleteStream));
    read.map_err(|error| error.to_string())
}
