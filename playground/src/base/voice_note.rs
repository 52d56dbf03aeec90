//! Voice notes: a valid Ogg file with Opus, made here, that is silent. The words that somebody would
//! have said are a comment in the file, where the mock model reads them.
//!
//! Sources: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg), RFC 6716 (the frame).

/// The media type of a voice note, as WhatsApp's are sent by Twilio.
pub const MEDIA_TYPE: &str = "audio/ogg";
/// The name of the comment with the words.
const SAYS: &str = "SWITCHBOARD_SAYS=";
/// A frame of silence: 20 ms, one channel.
const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];
/// The samples of a frame. Opus counts 48 000 a second.
const FRAME: u64 = 960;
/// The most frames on a page.
const FRAMES_ON_A_PAGE: usize = 50;
/// The samples before the sound begins.
const SKIP: u16 = 312;

/// A voice note of so many seconds that says these words.
pub fn voice_note(words: &str, seconds: u32) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(SKIP.to_le_bytes());
    head.extend(48_000_u32.to_le_bytes());
    head.extend([0, 0, 0]);
    let mut tags = b"OpusTags".to_vec();
    let comment = format!("{SAYS}{words}");
    for text in ["switchboard playground", &comment] {
        tags.extend(length(text.as_bytes()).to_le_bytes());
        tags.extend(text.as_bytes());
        if text != comment {
            tags.extend(1_u32.to_le_bytes());
        }
    }
    let mut file = page(0, 0, 2, &[&head]);
    file.extend(page(1, 0, 0, &[&tags]));
    let mut left = usize::try_from(seconds)
        .unwrap_or(0)
        .saturating_mul(50)
        .max(1);
    let (mut number, mut position) = (2_u32, u64::from(SKIP));
    while left > 0 {
        let frames = left.min(FRAMES_ON_A_PAGE);
        left = left.saturating_sub(frames);
        let samples = u64::try_from(frames).unwrap_or(0).saturating_mul(FRAME);
        position = position.saturating_add(samples);
        let flags = if left == 0 { 4 } else { 0 };
        file.extend(page(number, position, flags, &vec![&SILENCE[..]; frames]));
        number = number.saturating_add(1);
    }
    file
}

/// The words in a voice note of [`voice_note`].
pub fn words_in(file: &[u8]) -> Option<String> {
    let at = file
        .windows(SAYS.len())
        .position(|window| window == SAYS.as_bytes())?;
    let size = file.get(at.checked_sub(4)?..at)?.try_into().ok()?;
    let size = usize::try_from(u32::from_le_bytes(size)).ok()?;
    // A long comment goes on in the next segments of its page, which have nothing between them.
    let comment = file.get(at..at.checked_add(size)?)?;
    let words = comment.get(SAYS.len()..)?;
    String::from_utf8(words.to_vec()).ok()
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A page with these packets. Its checksum is made over the page with zeros in its place.
fn page(number: u32, position: u64, flags: u8, packets: &[&[u8]]) -> Vec<u8> {
    let mut segments = Vec::new();
    for packet in packets {
        let mut left = packet.len();
        while left >= 255 {
            segments.push(255);
            left = left.saturating_sub(255);
        }
        segments.push(u8::try_from(left).unwrap_or(0));
    }
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(position.to_le_bytes());
    page.extend(*b"sbrd");
    page.extend(number.to_le_bytes());
    let checksum_at = page.len();
    page.extend([0; 4]);
    page.push(u8::try_from(segments.len()).unwrap_or(u8::MAX));
    page.extend(&segments);
    page.extend(packets.concat());
    let checksum = checksum(&page).to_le_bytes();
    for (place, byte) in page.iter_mut().skip(checksum_at).zip(checksum) {
        *place = byte;
    }
    page
}

/// Ogg's CRC-32: the polynomial 0x04C11DB7, not reflected.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum: u32, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 24), |sum, _| {
            let shifted = sum << 1;
            if sum & 0x8000_0000 == 0 {
                shifted
            } else {
                shifted ^ 0x04C1_1DB7
            }
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    #[test]
    fn a_voice_note_says_its_words() {
        for words in [
            "Do you open on Sunday?",
            "",
            "Grüße 👋",
            &"long ".repeat(200),
        ] {
            assert_eq!(words_in(&voice_note(words, 2)).as_deref(), Some(words));
        }
        assert_eq!(words_in(b"OggS"), None);
    }

    #[test]
    fn its_pages_are_whole_and_its_last_position_is_its_length() {
        let file = voice_note("Hello", 3);
        let (mut rest, mut pages, mut position) = (file.as_slice(), 0, 0);
        while let Some(head) = rest.get(..27) {
            assert!(head.starts_with(b"OggS\0"));
            position = u64::from_le_bytes(head.get(6..14).unwrap().try_into().unwrap());
            let segments = usize::from(*head.get(26).unwrap());
            let content: usize = rest
                .get(27..27 + segments)
                .unwrap()
                .iter()
                .map(|size| usize::from(*size))
                .sum();
            let (page, next) = rest.split_at(27 + segments + content);
            let mut blank = page.to_vec();
            blank.get_mut(22..26).unwrap().fill(0);
            let claimed = u32::from_le_bytes(page.get(22..26).unwrap().try_into().unwrap());
            assert_eq!(checksum(&blank), claimed);
            rest = next;
            pages += 1;
        }
        assert!(rest.is_empty());
        assert_eq!((pages, position), (5, 3 * 48_000 + 312));
    }

    #[test]
    fn the_checksum_is_that_of_ogg() {
        // The CRC-32/MPEG-2 family with an initial value of 0 (as in libogg's table).
        assert_eq!(checksum(&[1]), 0x04C1_1DB7);
        assert_eq!(checksum(b""), 0);
    }
}
