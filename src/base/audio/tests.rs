use proptest::prelude::*;

use super::*;

/// A page of an Ogg file with this position and content. The checksum is not made: no reader here
/// looks at it.
fn page(position: i64, content: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0\0".to_vec();
    page.extend(position.to_le_bytes());
    page.extend([0; 12]);
    page.extend([1, u8::try_from(content.len()).unwrap()]);
    page.extend(content);
    page
}

/// An Ogg file with Opus of this length.
pub(crate) fn ogg(seconds: i64) -> Vec<u8> {
    let head = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
    let last = 48_000 * seconds + 312;
    [page(0, head), page(0, b"OpusTags"), page(last, b"sound")].concat()
}

/// An AMR file of this length, narrow band at 12.2 kbit/s.
pub(crate) fn amr(seconds: usize) -> Vec<u8> {
    let mut file = b"#!AMR\n".to_vec();
    for _ in 0..seconds * 50 {
        file.push(0x3C);
        file.extend([0; 31]);
    }
    file
}

/// A WAV file of this length: 8000 samples a second of one byte each.
pub(crate) fn wav(seconds: u32, claimed: u32) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend(8000u32.to_le_bytes());
    file.extend(8000u32.to_le_bytes());
    file.extend(*b"\x01\0\x08\0data");
    file.extend(claimed.to_le_bytes());
    file.extend(vec![0x80; 8000 * usize::try_from(seconds).unwrap()]);
    file
}

fn mp4_box(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut made = u32::try_from(content.len() + 8)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    made.extend(kind);
    made.extend(content);
    made
}

/// An MP4 file of this length, whose movie box comes after the sound.
fn mp4(units: u32, entry: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 12];
    header.extend(1000u32.to_be_bytes());
    header.extend(units.to_be_bytes());
    let movie = [mp4_box(*b"mvhd", &header), mp4_box(*b"trak", entry)].concat();
    [
        mp4_box(*b"ftyp", b"M4A \0\0\0\0"),
        mp4_box(*b"mdat", &[7; 100]),
        mp4_box(*b"moov", &movie),
    ]
    .concat()
}

fn length(bytes: &[u8]) -> Option<Duration> {
    Audio {
        format: AudioFormat::of(bytes).unwrap(),
        bytes: bytes.to_vec(),
    }
    .length()
}

#[test]
fn the_format_of_a_recording_is_that_of_its_bytes() {
    for (bytes, format, extension) in [
        (ogg(1), AudioFormat::Ogg, "ogg"),
        (amr(1), AudioFormat::Amr, "amr"),
        (b"#!AMR-WB\n\x04".to_vec(), AudioFormat::Amr, "amr"),
        (wav(1, 8000), AudioFormat::Wav, "wav"),
        (mp4(1, b"mp4a"), AudioFormat::Mp4, "m4a"),
        (mp4(1, b"samr"), AudioFormat::AmrInMp4, "3gp"),
        (b"ID3\x04".to_vec(), AudioFormat::Mp3, "mp3"),
        (b"\xFF\xFB\x90\x64".to_vec(), AudioFormat::Mp3, "mp3"),
        (b"\xFF\xF3\x90\x64".to_vec(), AudioFormat::Mp3, "mp3"),
        (b"\xFF\xF1\x50\x80".to_vec(), AudioFormat::Aac, "aac"),
        (b"\xFF\xF9\x50\x80".to_vec(), AudioFormat::Aac, "aac"),
        (b"fLaC\0".to_vec(), AudioFormat::Flac, "flac"),
        (b"\x1A\x45\xDF\xA3".to_vec(), AudioFormat::Webm, "webm"),
    ] {
        assert_eq!(AudioFormat::of(&bytes), Some(format));
        assert_eq!(format.extension(), extension);
    }
    for other in [
        &b""[..],
        b"<html>",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"\xFF\xD8\xFF\xE0",
        b"\xFF",
        b"#!AMX\n",
        b"caff\0\x01",
        b"%PDF-1.7",
        b"GIF89a",
    ] {
        assert_eq!(AudioFormat::of(other), None, "{other:?}");
    }
}

#[test]
fn the_length_is_read_from_the_container() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(length(&ogg(7)), seconds(7));
    let unfinished = [ogg(7), page(-1, b"begun")].concat();
    assert_eq!(length(&unfinished), seconds(7));
    assert_eq!(length(&amr(3)), seconds(3));
    assert_eq!(length(&wav(5, 40_000)), seconds(5));
    for unknown in [0, u32::MAX] {
        assert_eq!(length(&wav(5, unknown)), seconds(5), "{unknown}");
    }
    assert_eq!(length(&mp4(90_000, b"mp4a")), seconds(90));
    assert_eq!(length(&mp4(0, b"mp4a")), None, "fragmented");
    let vorbis = page(0, b"\x01vorbis\0\0\0\0\x01\x44\xac\0\0");
    assert_eq!(
        length(&[vorbis, page(44_100 * 2, b"x")].concat()),
        seconds(2)
    );
    let mut flac = b"fLaC\0\0\0\x22".to_vec();
    flac.extend([0; 10]);
    flac.extend((44_100u64 << 44 | 0x6_BAA8).to_be_bytes());
    assert_eq!(length(&flac), seconds(10));
    assert_eq!(length(b"\x1A\x45\xDF\xA3"), None);
}

#[test]
fn the_length_of_an_mp3_is_that_of_its_frames_or_of_its_bit_rate() {
    // 128 kbit/s: 16 000 bytes a second.
    let mut constant = b"\xFF\xFB\x90\x64".to_vec();
    constant.resize(32_000, 0);
    assert_eq!(length(&constant), Some(Duration::from_secs(2)));
    let mut tagged = b"ID3\x04\0\0\0\0\0\x05.....".to_vec();
    tagged.extend(&constant);
    assert_eq!(length(&tagged), Some(Duration::from_secs(2)));
    let mut counted = b"\xFF\xFB\x90\x64".to_vec();
    counted.resize(36, 0);
    counted.extend(b"Xing\0\0\0\x01");
    counted.extend(1000u32.to_be_bytes());
    counted.resize(2000, 0);
    assert_eq!(length(&counted), Some(Duration::from_millis(26_122)));
}

#[test]
fn the_length_of_aac_is_that_of_its_frames() {
    let mut frame = vec![0xFF, 0xF1, 0x50, 0x80, 0x02, 0x1F, 0xFC];
    frame.resize(16, 0);
    let file = frame.repeat(43);
    assert_eq!(length(&file), Some(Duration::from_millis(998)));
}

#[test]
fn the_debug_form_shows_no_sound() {
    let audio = Audio {
        format: AudioFormat::Ogg,
        bytes: b"OggS secret".to_vec(),
    };
    assert_eq!(format!("{audio:?}"), "Audio(Ogg, 11 bytes)");
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd_to_be_measured(
        head in prop::sample::select(vec![
            &b"OggS"[..], b"OggS OpusHead", b"#!AMR\n", b"#!AMR-WB\n", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x10ftyp",
            b"\0\0\0\x08ftyp\0\0\0\0moov", b"ID3\x04\0\0\0\0\0\x05", b"\xFF\xFB\x90", b"\xFF\xF1\x50", b"fLaC",
        ]),
        tail in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [head, &tail].concat();
        if let Some(format) = AudioFormat::of(&bytes) {
            let _ = Audio { format, bytes }.length();
        }
    }
}
