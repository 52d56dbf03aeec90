//! Media types: read from a header, or guessed from the name of a file.

/// The media type in a `Content-Type` header, in lower case and without its parameters.
pub fn essence(header: &str) -> String {
    header
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// The media type that belongs to the extension of a file name or URL.
pub fn of_path(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let extension = file
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("mp4") => "video/mp4",
        Some("3gp") => "video/3gpp",
        Some("mp3") => "audio/mpeg",
        Some("m4a") => "audio/mp4",
        Some("aac") => "audio/aac",
        Some("wav") => "audio/wav",
        Some("heic") => "image/heic",
        Some("ogg" | "opus") => "audio/ogg",
        Some("amr") => "audio/amr",
        Some("pdf") => "application/pdf",
        Some("vcf") => "text/vcard",
        _ => "application/octet-stream",
    }
}
