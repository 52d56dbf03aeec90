//! `<Say>`: words that Twilio reads aloud without a relay.
//!
//! Sources: Twilio, "`<Say>`", "Text-to-Speech" (the names of voices) and error 13521 (the longest text). Not here: what
//! surrounds it (`twiml`, `gather`).

use std::io;

use quick_xml::{Writer, events::BytesText};

use crate::{
    config::{TtsProvider, Voice},
    twilio::twiml::allowed,
};

/// Words to say.
#[derive(Clone, Copy, Debug)]
pub struct Sentence<'a> {
    /// What is said. Of blank words, nothing is said.
    pub text: &'a str,
    /// In which language (BCP 47).
    pub language: &'a str,
    /// The voice, as [`say_voice`] names it. Without one, it is Twilio's for the language.
    pub voice: Option<&'a str>,
}

/// The longest text of one `<Say>`, URL-encoded. Twilio takes 3000 characters with Amazon's voices and more with others,
/// and 4500 of any once they are encoded.
const LONGEST: usize = 3000;

/// The name that `<Say>` has for a voice of a relay. ElevenLabs speaks in relays alone.
#[must_use]
pub fn say_voice(voice: &Voice) -> Option<String> {
    let (prefix, name) = match voice.tts_provider {
        TtsProvider::Amazon => ("Polly.", &voice.name),
        TtsProvider::Google => ("Google.", &voice.name),
        TtsProvider::ElevenLabs => return None,
    };
    let is_whole = name.starts_with(prefix);
    Some(if is_whole {
        name.clone()
    } else {
        format!("{prefix}{name}")
    })
}

/// Writes the words, in as many elements as they need.
pub(super) fn say(writer: &mut Writer<Vec<u8>>, sentence: Sentence<'_>) -> io::Result<()> {
    for piece in pieces(&allowed(sentence.text)) {
        let mut element = writer
            .create_element("Say")
            .with_attribute(("language", allowed(sentence.language).as_ref()));
        if let Some(voice) = sentence.voice {
            element = element.with_attribute(("voice", allowed(voice).as_ref()));
        }
        element.write_text_content(BytesText::new(piece))?;
    }
    Ok(())
}

/// A text in pieces that one `<Say>` takes, cut after sentences, or else between words.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at_checked(piece_end(rest)).unwrap_or((rest, ""));
        pieces.push(piece);
        rest = behind;
    }
    // An element without words is refused (Twilio error 13510).
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// Where the first piece of a text ends.
fn piece_end(text: &str) -> usize {
    let mut length: usize = 0;
    let too_far = text.char_indices().find_map(|(at, c)| {
        length = length.saturating_add(encoded_length(c));
        (length > LONGEST).then_some(at)
    });
    let Some(too_far) = too_far else {
        return text.len();
    };
    let fits = text.get(..too_far).unwrap_or_default();
    let sentence = [". ", "! ", "? "].iter().filter_map(|end| fits.rfind(end));
    let sentence = sentence.max().map(|at| at.saturating_add(1));
    let word = || fits.rfind(' ').filter(|at| *at > 0);
    sentence.or_else(word).unwrap_or(too_far)
}

/// The length of a character in a URL.
fn encoded_length(c: char) -> usize {
    if c.is_ascii_alphanumeric() || "-_.~".contains(c) {
        1
    } else {
        c.len_utf8().saturating_mul(3)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::twilio::voice::twiml::tests::voice;

    fn encoded(text: &str) -> usize {
        text.chars().map(encoded_length).sum()
    }

    #[test]
    fn a_voice_has_its_providers_name_before_it() {
        let named = |provider, name: &str| {
            let voice = Voice {
                tts_provider: provider,
                name: name.to_owned(),
                ..voice()
            };
            say_voice(&voice)
        };
        for (provider, name, said) in [
            (
                TtsProvider::Amazon,
                "Joanna-Neural",
                Some("Polly.Joanna-Neural"),
            ),
            (
                TtsProvider::Google,
                "en-US-Chirp3-HD-Aoede",
                Some("Google.en-US-Chirp3-HD-Aoede"),
            ),
            (
                TtsProvider::Google,
                "Google.en-US-Neural2-A",
                Some("Google.en-US-Neural2-A"),
            ),
            (TtsProvider::ElevenLabs, "UgBBYS2sOqTuMpoF3BR0", None),
        ] {
            assert_eq!(named(provider, name).as_deref(), said, "{name}");
        }
    }

    #[test]
    fn a_long_text_is_cut_after_a_sentence() {
        let sentence = "We open at nine in the morning. ";
        let text = sentence.repeat(200);
        let pieces = pieces(&text);
        assert!(pieces.len() > 1);
        for piece in pieces {
            assert!(piece.trim_end().ends_with("morning."), "{piece}");
        }
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_no_piece_is_too_long(text in "([a-zé😀]{1,12}[ .]){0,900}", solid in "[a-z]{0,4000}") {
            let text = format!("{text}{solid}");
            let cut = pieces(&text);
            prop_assert!(cut.iter().all(|piece| encoded(piece) <= LONGEST));
            let whole = cut.concat();
            prop_assert_eq!(whole.trim_end(), text.trim_end());
        }
    }
}
