//! How long a recording is, read from its container without decoding any sound.
//!
//! Every number in a file is a claim of the sender. A false one only makes a recording look shorter
//! or longer than it is: the limit in bytes holds whatever it says. Sources: RFC 3533 and RFC 7845
//! (Ogg, Opus), RFC 4867 (AMR), ISO 14496-12 (MP4), the Xing header (MP3), RFC 9639 (FLAC). Not
//! here: which format a file has (`audio`).

use std::time::Duration;

use super::AudioFormat;

/// The length of a recording, if its file says so.
pub(super) fn of(format: AudioFormat, bytes: &[u8]) -> Option<Duration> {
    match format {
        AudioFormat::Ogg => ogg(bytes),
        AudioFormat::Mp3 => mp3(bytes),
        AudioFormat::Mp4 | AudioFormat::AmrInMp4 => mp4(bytes),
        AudioFormat::Amr => Some(amr(bytes)),
        AudioFormat::Aac => aac(bytes),
        AudioFormat::Wav => wav(bytes),
        AudioFormat::Flac => flac(bytes),
        AudioFormat::Webm => None,
    }
}

/// Whether an MP4 file has a track of AMR. Its sample entry has this type (3GPP TS 26.244).
pub(super) fn holds_amr(bytes: &[u8]) -> bool {
    let Some(movie) = boxes(bytes).find(|(kind, _)| kind == b"moov") else {
        return false;
    };
    movie
        .1
        .windows(4)
        .any(|four| four == b"samr" || four == b"sawb")
}

/// The last page's position, in samples. Opus counts 48 000 a second, whatever was recorded.
fn ogg(bytes: &[u8]) -> Option<Duration> {
    let head = bytes.get(..bytes.len().min(256))?;
    let opus = find(head, b"OpusHead");
    let vorbis = find(head, b"\x01vorbis");
    let (rate, skip) = match (opus, vorbis) {
        (Some(at), _) => (48_000, u64::from(u16_le(head, at.checked_add(10)?)?)),
        (None, Some(at)) => (u64::from(u32_le(head, at.checked_add(12)?)?), 0),
        (None, None) => return None,
    };
    // A page has at most 65 307 bytes, and packets that end on no page have the position -1.
    let mut tail = bytes;
    while let Some(at) = rfind(tail, b"OggS") {
        let position = u64_le(tail, at.checked_add(6)?);
        if let Some(position) = position.filter(|position| *position < 1 << 62) {
            return duration(position.saturating_sub(skip), rate);
        }
        tail = tail.get(..at)?;
    }
    None
}

/// The frames of an AMR file: 20 ms each, with a size by their mode (RFC 4867, section 5.3).
fn amr(bytes: &[u8]) -> Duration {
    const NARROW: [u8; 16] = [12, 13, 15, 17, 19, 20, 26, 31, 5, 0, 0, 0, 0, 0, 0, 0];
    const WIDE: [u8; 16] = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0];
    let (mut rest, sizes) = match bytes.strip_prefix(b"#!AMR-WB\n") {
        Some(rest) => (rest, WIDE),
        None => (bytes.get(6..).unwrap_or_default(), NARROW),
    };
    let mut frames: u32 = 0;
    while let Some((header, frame)) = rest.split_first() {
        let mode = usize::from(header >> 3 & 0x0F);
        let size = sizes.get(mode).copied().unwrap_or(0);
        frames = frames.saturating_add(1);
        rest = frame.get(usize::from(size)..).unwrap_or_default();
    }
    Duration::from_millis(20).saturating_mul(frames)
}

/// The frames of an ADTS file: 1024 samples each.
fn aac(bytes: &[u8]) -> Option<Duration> {
    const RATES: [u64; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8000, 7350,
    ];
    let rate = RATES.get(usize::from(bytes.get(2)? >> 2 & 0x0F)).copied()?;
    let (mut rest, mut samples) = (bytes, 0u64);
    while let [0xFF, second, _, fourth, fifth, sixth, ..] = rest
        && second & 0xF6 == 0xF0
    {
        let size =
            usize::from(fourth & 0x03) << 11 | usize::from(*fifth) << 3 | usize::from(sixth >> 5);
        samples = samples.saturating_add(1024);
        rest = rest.get(size.max(7)..).unwrap_or_default();
    }
    duration(samples, rate)
}

/// The bytes of sound, and how many a second has. Files that were written while they were recorded
/// do not know their size: then it is what is left of the file.
fn wav(bytes: &[u8]) -> Option<Duration> {
    let mut rate = None;
    let mut at: usize = 12;
    loop {
        let kind = bytes.get(at..at.checked_add(4)?)?;
        let size = usize::try_from(u32_le(bytes, at.checked_add(4)?)?).ok()?;
        let content = at.checked_add(8)?;
        match kind {
            b"fmt " => rate = u32_le(bytes, content.checked_add(8)?),
            b"data" => {
                let left = bytes.len().saturating_sub(content);
                let size = if size == 0 { left } else { size.min(left) };
                return duration(u64::try_from(size).ok()?, u64::from(rate?));
            }
            _ => {}
        }
        // A piece of odd size is followed by a byte that fills it up.
        at = content.checked_add(size)?.checked_add(size & 1)?;
    }
}

/// The duration in the header of the movie. A fragmented file says 0 there.
fn mp4(bytes: &[u8]) -> Option<Duration> {
    let (_, movie) = boxes(bytes).find(|(kind, _)| kind == b"moov")?;
    let (_, header) = boxes(movie).find(|(kind, _)| kind == b"mvhd")?;
    let (rate, units) = if *header.first()? == 1 {
        (u32_be(header, 20)?, u64_be(header, 24)?)
    } else {
        (u32_be(header, 12)?, u64::from(u32_be(header, 16)?))
    };
    let known = units > 0 && units < u64::from(u32::MAX);
    duration(units, u64::from(rate)).filter(|_| known)
}

/// The number of frames that the first frame claims (`Xing`, `Info`), or the size of the file by the
/// first frame's bit rate.
fn mp3(bytes: &[u8]) -> Option<Duration> {
    /// kbit/s by layer III's index, for MPEG 1 and for MPEG 2 and 2.5.
    const RATES: [[u64; 15]; 2] = [
        [
            0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
        ],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let sound = bytes.get(tag(bytes)..)?;
    let start = sound.windows(2).take(MAX_SEARCH).position(
        |two| matches!(two, [0xFF, second] if second & 0xE0 == 0xE0 && second & 0x06 == 0x02),
    )?;
    let frame = sound.get(start..)?;
    let [_, second, third, ..] = *frame else {
        return None;
    };
    let version = second >> 3 & 0x03;
    let hertz = match third >> 2 & 0x03 {
        0 => 44_100,
        1 => 48_000,
        2 => 32_000,
        _ => return None,
    };
    let (rates, hertz, samples) = match version {
        3 => (&RATES[0], hertz, 1152),
        2 => (&RATES[1], hertz / 2, 576),
        0 => (&RATES[1], hertz / 4, 576),
        _ => return None,
    };
    let head = frame.get(..frame.len().min(64))?;
    if let Some(at) = find(head, b"Xing").or_else(|| find(head, b"Info"))
        && u32_be(frame, at.checked_add(4)?)? & 1 == 1
    {
        let frames = u64::from(u32_be(frame, at.checked_add(8)?)?);
        return duration(frames.saturating_mul(samples), hertz);
    }
    let kilobits = rates.get(usize::from(third >> 4)).copied()?;
    let bits = u64::try_from(frame.len()).ok()?.saturating_mul(8);
    duration(bits, kilobits.saturating_mul(1000))
}

/// The size of the tag before the sound of an MP3 file (ID3v2: seven bits of each byte).
fn tag(bytes: &[u8]) -> usize {
    let [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] = *bytes else {
        return 0;
    };
    let size = [a, b, c, d]
        .into_iter()
        .fold(0, |size, byte| size << 7 | usize::from(byte & 0x7F));
    size.saturating_add(10)
}

/// The samples and their rate, in the first block of the file.
fn flac(bytes: &[u8]) -> Option<Duration> {
    // Four bytes of the format, four of the block's header, ten of block and frame sizes.
    let packed = u64_be(bytes, 18)?;
    let (rate, samples) = (packed >> 44, packed & 0xF_FFFF_FFFF);
    duration(samples, rate).filter(|_| samples > 0)
}

/// The boxes of an MP4 file, each with its type and its content.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let short = u32_be(rest, 0)?;
        let kind: [u8; 4] = rest.get(4..8)?.try_into().ok()?;
        let (start, size) = match short {
            // To the end of the file.
            0 => (8, rest.len()),
            1 => (16, usize::try_from(u64_be(rest, 8)?).ok()?),
            _ => (8, usize::try_from(short).ok()?),
        };
        let content = rest.get(start..size.min(rest.len()))?;
        rest = rest.get(size..).unwrap_or_default();
        Some((kind, content))
    })
}

/// How far the first frame of an MP3 file is looked for.
const MAX_SEARCH: usize = 64 * 1024;

/// `units` at `rate` units a second.
fn duration(units: u64, rate: u64) -> Option<Duration> {
    let millis = u128::from(units)
        .saturating_mul(1000)
        .checked_div(u128::from(rate))?;
    Some(Duration::from_millis(
        u64::try_from(millis).unwrap_or(u64::MAX),
    ))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn rfind(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .rposition(|window| window == wanted)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_le(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

fn u64_be(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}
