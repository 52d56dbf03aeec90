//! Which images the mock model accepts, as strictly as the real one, and its description of them.
//!
//! The description names the format and the size: enough for a test to see that an image arrived
//! complete. The model also reads the text of a picture that has [`SAYS`] among its bytes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// An image that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// An image inside the request: its format, its size in bytes, and the text in the picture.
    Inline(&'static str, usize, Option<String>),
    /// The address of an image on the web, which is not fetched.
    Remote,
}

/// Why an image is rejected.
#[derive(Debug, PartialEq, Eq)]
pub struct ImageError {
    /// A sentence for the developer.
    pub message: &'static str,
    /// The code of the API.
    pub code: &'static str,
}

/// Checks an image URL: a `data:` URL in base64 with one of four formats, or a web address.
///
/// # Errors
/// The error of the real API.
pub fn check(url: &str) -> Result<Image, ImageError> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Image::Remote);
    }
    let Some((media_type, data)) = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"))
    else {
        let message =
            "The url of an image must be a web address, or data:image/…;base64, and the image.";
        return Err(ImageError {
            message,
            code: "invalid_image_url",
        });
    };
    let bytes = BASE64_STANDARD.decode(data).map_err(|_| ImageError {
        message: "The image is not valid base64.",
        code: "invalid_base64",
    })?;
    let unsupported = || ImageError {
        message: "The image is not of the formats png, jpeg, gif and webp.",
        code: "invalid_image_format",
    };
    let (name, _) = TYPES
        .iter()
        .find(|(_, known)| *known == media_type)
        .ok_or_else(unsupported)?;
    if is_of(name, &bytes) {
        Ok(Image::Inline(name, bytes.len(), words_in(&bytes)))
    } else {
        Err(unsupported())
    }
}

/// What stands before the text of a picture, which goes on to the picture's last byte.
const SAYS: &[u8] = b"SWITCHBOARD_SAYS=";

fn words_in(bytes: &[u8]) -> Option<String> {
    let at = bytes
        .windows(SAYS.len())
        .position(|window| window == SAYS)?;
    let words = bytes.get(at.checked_add(SAYS.len())?..)?;
    Some(String::from_utf8_lossy(words).into_owned())
}

/// The texts of the pictures, each in lines of its own.
pub fn texts(images: &[Image]) -> String {
    let texts = images.iter().filter_map(|image| match image {
        Image::Inline(_, _, text) => text.as_deref(),
        Image::Remote => None,
    });
    texts.fold(String::new(), |all, text| all + "\n" + text)
}

/// The words with which the model begins when it was shown images.
pub fn describe(images: &[Image]) -> String {
    if images.is_empty() {
        return String::new();
    }
    let each: Vec<String> = images
        .iter()
        .map(|image| match image {
            Image::Inline(name, bytes, _) => format!("{name}, {bytes} bytes"),
            Image::Remote => "on the web".to_owned(),
        })
        .collect();
    let count = if images.len() == 1 {
        "1 picture".to_owned()
    } else {
        format!("{} pictures", images.len())
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

    fn code(url: &str) -> Result<Image, &'static str> {
        check(url).map_err(|error| error.code)
    }

    #[test]
    fn an_image_is_accepted_with_its_type_and_size() {
        assert_eq!(
            code("data:image/gif;base64,R0lGODlhAAA="),
            Ok(Image::Inline("GIF", 8, None))
        );
        assert_eq!(
            code("data:image/jpeg;base64,/9j/"),
            Ok(Image::Inline("JPEG", 3, None))
        );
        assert_eq!(
            code("data:image/png;base64,iVBORw0KGgo="),
            Ok(Image::Inline("PNG", 8, None))
        );
        assert_eq!(
            code("data:image/webp;base64,UklGRgAAAABXRUJQ"),
            Ok(Image::Inline("WebP", 12, None))
        );
        assert_eq!(code("https://example.com/a.png"), Ok(Image::Remote));
    }

    #[test]
    fn an_image_that_the_real_api_rejects_is_rejected() {
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
    fn the_text_of_a_picture_is_read() {
        let file = [b"GIF89a", SAYS, b"Call me"].concat();
        let url = format!("data:image/gif;base64,{}", BASE64_STANDARD.encode(file));
        let read = check(&url).ok().map(|image| texts(&[Image::Remote, image]));
        assert_eq!(read.as_deref(), Some("\nCall me"));
    }

    #[test]
    fn the_model_describes_the_images() {
        assert_eq!(describe(&[]), "");
        assert_eq!(
            describe(&[Image::Inline("JPEG", 12_345, None)]),
            "I see 1 picture (JPEG, 12345 bytes). "
        );
        assert_eq!(
            describe(&[Image::Inline("PNG", 8, None), Image::Remote]),
            "I see 2 pictures (PNG, 8 bytes; on the web). "
        );
    }
}
