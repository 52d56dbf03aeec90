//! Reading and writing the file of an assistant. Nothing that somebody else has written is lost.
//!
//! Not here: which file it is, and whether its text is right (`mod.rs`).

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::check::Checked;
use crate::base::random::random_hex;

/// The largest file, as the Worker has it.
const MAX_BYTES: u64 = 256 * 1024;

/// The content of a file.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    /// The text. Lines end with a line feed, whatever they end with in the file.
    pub text: String,
    /// The hash of the file's bytes. It changes with the file.
    pub version: String,
}

/// What became of a text that was to be saved.
pub enum Saved {
    /// It is in the file.
    Written(Content),
    /// The file has changed since it was read. It is as it was.
    Changed(Content),
    /// The text is wrong. The file is as it was.
    Wrong(Checked),
}

/// The content of a file.
///
/// # Errors
/// A sentence that says why it cannot be read.
pub fn read(path: &Path) -> Result<Content, String> {
    Ok(content(&bytes_of(path)?)?.0)
}

/// Writes a file whose content had this version when it was read. It keeps its line endings and its
/// permissions. A reader sees the old file or the new one, and never a part.
///
/// # Errors
/// A sentence that says why it could not be written.
pub fn write(path: &Path, text: &str, version: &str) -> Result<Saved, String> {
    let (stored, has_crlf) = content(&bytes_of(path)?)?;
    if stored.version != version {
        return Ok(Saved::Changed(stored));
    }
    let text = text.replace("\r\n", "\n");
    let bytes = if has_crlf {
        text.replace('\n', "\r\n")
    } else {
        text
    };
    replace(path, bytes.as_bytes())
        .map_err(|error| format!("the file could not be written: {error}"))?;
    Ok(Saved::Written(content(bytes.as_bytes())?.0))
}

/// Puts another file in the place of this one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Not `.toml`: no one takes it for an assistant.
    let temporary = path.with_extension(format!("{}.tmp", random_hex()));
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.set_permissions(fs::metadata(path)?.permissions())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| format!("the file cannot be read: {error}");
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
        return Err("the file has more than 256 kB: edit it with an editor".to_owned());
    }
    fs::read(path).map_err(unreadable)
}

/// The content of these bytes, and whether its lines end as on Windows.
fn content(bytes: &[u8]) -> Result<(Content, bool), String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| "the file is not UTF-8: edit it with an editor".to_owned())?;
    let mut version = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a text cannot fail.
        let _ = write!(version, "{byte:02x}");
    }
    let has_crlf = text.contains("\r\n");
    let text = text.replace("\r\n", "\n");
    Ok((Content { text, version }, has_crlf))
}
