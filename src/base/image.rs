//! An image: its bytes, and its type by those bytes.
//!
//! Not here: fetching images (`twilio::media`), and showing them to the model (`openai`).

use std::fmt;

/// An image. It stays in memory during its turn, and is never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// The type, according to the bytes.
    pub kind: ImageType,
    /// The file.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}

/// The image types that the model can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageType {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

const IMAGE_TYPES: [(ImageType, &str); 4] = [
    (ImageType::Jpeg, "image/jpeg"),
    (ImageType::Png, "image/png"),
    (ImageType::Gif, "image/gif"),
    (ImageType::Webp, "image/webp"),
];

impl ImageType {
    /// Detects the type of a file from its first bytes. Source: WHATWG MIME Sniffing standard,
    /// "Matching an image type pattern".
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::Webp),
            _ => None,
        }
    }

    /// Whether a media type is one of these, in lower case.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        IMAGE_TYPES.iter().any(|(_, other)| *other == name)
    }

    /// The media type.
    #[must_use]
    pub fn name(self) -> &'static str {
        IMAGE_TYPES
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_an_image_is_that_of_its_bytes() {
        assert_eq!(ImageType::of(b"\xFF\xD8\xFF\xE0.."), Some(ImageType::Jpeg));
        assert_eq!(ImageType::of(b"\x89PNG\r\n\x1a\n.."), Some(ImageType::Png));
        assert_eq!(
            (ImageType::of(b"GIF87a"), ImageType::of(b"GIF89a;")),
            (Some(ImageType::Gif), Some(ImageType::Gif))
        );
        assert_eq!(
            ImageType::of(b"RIFF\0\0\0\0WEBPVP8 "),
            Some(ImageType::Webp)
        );
        for other in [
            &b""[..],
            b"\xFF\xD8",
            b"<svg>",
            b"%PDF-1.7",
            b"RIFF\0\0\0\0WAVE",
            b"GIF88a",
            b"<html>",
        ] {
            assert_eq!(ImageType::of(other), None);
        }
        let names: Vec<_> = IMAGE_TYPES.iter().map(|(kind, _)| kind.name()).collect();
        assert_eq!(
            names,
            ["image/jpeg", "image/png", "image/gif", "image/webp"]
        );
    }

    #[test]
    fn the_debug_form_shows_no_image() {
        let image = Image {
            kind: ImageType::Gif,
            bytes: b"GIF89a secret".to_vec(),
        };
        assert_eq!(format!("{image:?}"), "Image(Gif, 13 bytes)");
    }
}
