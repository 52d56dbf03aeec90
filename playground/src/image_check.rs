//! The eyes of the mock model: which pictures it takes, as strictly as the real one, and what it says of them.
//!
//! It looks at a picture's first bytes and its length, which is enough to see from outside that it arrived whole. It knows
//! nothing of requests (`openai.rs`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// A picture that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// One that came with the request: what it is, and its bytes' number.
    Picture(&'static str, usize),
    /// One that is somewhere on the web, where nobody looks.
    Elsewhere,
}

/// Why a picture cannot be looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Blind {
    /// A sentence for people.
    pub message: &'static str,
    /// The API's code.
    pub code: &'static str,
}

/// Looks at what is at `url`: a `data:` URL in base64 of one of four types, or an address on the web.
///
/// # Errors
/// What the real API would refuse too.
pub fn look(url: &str) -> Result<Seen, Blind> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Seen::Elsewhere);
    }
    let Some((media_type, data)) = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"))
    else {
        let message =
            "The url of a picture must be a web address, or data:image/…;base64, and the picture.";
        return Err(Blind {
            message,
            code: "invalid_image_url",
        });
    };
    let bytes = BASE64_STANDARD.decode(data).map_err(|_| Blind {
        message: "The picture is not valid base64.",
        code: "invalid_base64",
    })?;
    let unsupported = || Blind {
        message: "The picture is not of the formats png, jpeg, gif and webp.",
        code: "invalid_image_format",
    };
    let (name, _) = TYPES
        .iter()
        .find(|(_, known)| *known == media_type)
        .ok_or_else(unsupported)?;
    if is_of(name, &bytes) {
        Ok(Seen::Picture(name, bytes.len()))
    } else {
        Err(unsupported())
    }
}

/// What the model says of the pictures that it was shown, before anything else; nothing if there were none.
pub fn described(seen: &[Seen]) -> String {
    if seen.is_empty() {
        return String::new();
    }
    let each: Vec<String> = seen
        .iter()
        .map(|picture| match picture {
            Seen::Picture(name, bytes) => format!("{name}, {bytes} bytes"),
            Seen::Elsewhere => "on the web".to_owned(),
        })
        .collect();
    let count = if seen.len() == 1 {
        "1 picture".to_owned()
    } else {
        format!("{} pictures", seen.len())
    };
    format!("I see {count} ({}). ", each.join("; "))
}

const TYPES: [(&str, &str); 4] = [
    ("JPEG", "image/jpeg"),
    ("PNG", "image/png"),
    ("GIF", "image/gif"),
    ("WebP", "image/webp"),
];

fn is_of(name: &str, bytes: &[u8]) -> bool {
    match name {
        "JPEG" => bytes.starts_with(b"\xFF\xD8\xFF"),
        "PNG" => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "GIF" => bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a"),
        _ => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(url: &str) -> Result<Seen, &'static str> {
        look(url).map_err(|blind| blind.code)
    }

    #[test]
    fn a_picture_is_seen_with_its_type_and_size() {
        assert_eq!(
            code("data:image/gif;base64,R0lGODlhAAA="),
            Ok(Seen::Picture("GIF", 8))
        );
        assert_eq!(
            code("data:image/jpeg;base64,/9j/"),
            Ok(Seen::Picture("JPEG", 3))
        );
        assert_eq!(
            code("data:image/png;base64,iVBORw0KGgo="),
            Ok(Seen::Picture("PNG", 8))
        );
        assert_eq!(
            code("data:image/webp;base64,UklGRgAAAABXRUJQ"),
            Ok(Seen::Picture("WebP", 12))
        );
        assert_eq!(code("https://example.com/a.png"), Ok(Seen::Elsewhere));
    }

    #[test]
    fn what_the_real_api_refuses_is_refused() {
        for (url, reason) in [
            ("", "invalid_image_url"),
            ("file:///a.png", "invalid_image_url"),
            ("data:image/png,abc", "invalid_image_url"),
            ("data:image/gif;base64,R0lGODlhAAA", "invalid_base64"),
            ("data:image/gif;base64,R0lG ODlh", "invalid_base64"),
            ("data:image/gif;base64,%%%%", "invalid_base64"),
            ("data:image/svg+xml;base64,R0lGODlh", "invalid_image_format"),
            ("data:image/png;base64,R0lGODlh", "invalid_image_format"),
            ("data:image/gif;base64,", "invalid_image_format"),
        ] {
            assert_eq!(code(url), Err(reason), "{url}");
        }
    }

    #[test]
    fn the_model_says_what_it_sees() {
        assert_eq!(described(&[]), "");
        assert_eq!(
            described(&[Seen::Picture("JPEG", 12_345)]),
            "I see 1 picture (JPEG, 12345 bytes). "
        );
        assert_eq!(
            described(&[Seen::Picture("PNG", 8), Seen::Elsewhere]),
            "I see 2 pictures (PNG, 8 bytes; on the web). "
        );
    }
}
