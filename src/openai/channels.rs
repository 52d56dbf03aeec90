//! The final channel of an answer of gpt-oss, whose server left the channel markers in the text.
//!
//! A message has a header and a body:
//! `<|start|>assistant<|channel|>analysis<|message|>…<|end|>`. Only the channel `final` is for the
//! contact. Source: openai/harmony, "Format".
//!
//! Not here: tags around thoughts (`thoughts`).

use std::borrow::Cow;

/// The body of the final channel. A text without markers is not changed.
pub(super) fn answer(text: &str) -> Cow<'_, str> {
    let text = without_control_tokens(text);
    if is_marked(text) {
        return final_channel(text).into();
    }
    without_names(text).unwrap_or(text).into()
}

/// Whether a text that is not complete begins with a marker, so that only the whole of it can tell the
/// answer. `None` if only more of it can tell. `is_first`: nothing of the answer comes before it.
pub(super) fn begins_marked(text: &str, is_first: bool) -> Option<bool> {
    let markers = [START, CHANNEL, MESSAGE]
        .into_iter()
        .chain(ENDS)
        .chain(TOKENS);
    let first = BEGINNINGS.into_iter().filter(|_| is_first);
    let markers = markers.chain(first);
    if markers.clone().any(|marker| text.starts_with(marker)) {
        return Some(true);
    }
    if markers.clone().any(|marker| marker.starts_with(text)) {
        return None;
    }
    if !is_first {
        return Some(false);
    }
    if NAMES.iter().any(|name| name.starts_with(text)) {
        return None;
    }
    // A sentence has a space or a comma behind the word.
    let behind = NAMES.iter().find_map(|name| text.strip_prefix(name));
    Some(behind.is_some_and(|behind| behind.starts_with(char::is_alphanumeric)))
}

const START: &str = "<|start|>";
const CHANNEL: &str = "<|channel|>";
const MESSAGE: &str = "<|message|>";
/// The markers that end a body.
const ENDS: [&str; 5] = ["<|end|>", "<|return|>", "<|call|>", START, CHANNEL];

/// The tokens with which models of several makers begin a message.
const BEGINNINGS: [&str; 2] = [
    "<|im_start|>assistant",
    "<|start_header_id|>assistant<|end_header_id|>",
];
/// The tokens with which they end it.
const TOKENS: [&str; 6] = [
    "<|return|>",
    "<|end|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
];
/// The names of channels that a server has left without their markers.
const NAMES: [&str; 2] = ["analysis", "commentary"];

/// The text without the tokens that begin and end a message.
fn without_control_tokens(text: &str) -> &str {
    let begun = text.trim_start();
    let begun = BEGINNINGS
        .iter()
        .find_map(|token| begun.strip_prefix(token));
    let mut kept = begun.unwrap_or(text);
    while let Some(shorter) = TOKENS
        .iter()
        .find_map(|token| kept.trim_end().strip_suffix(token))
    {
        kept = shorter;
    }
    kept
}

/// Whether the text is written in channels: it begins with a marker, or a message ends in it and
/// the final one begins. A sentence about the markers is not.
fn is_marked(text: &str) -> bool {
    let beginning = text.trim_start();
    if beginning.starts_with(CHANNEL) || beginning.starts_with(START) {
        return true;
    }
    let Some((before, _)) = text.split_once("<|channel|>final") else {
        return false;
    };
    let before = before.strip_suffix("<|start|>assistant").unwrap_or(before);
    before.ends_with("<|end|>") && before.matches('`').count() % 2 == 0
}

/// The bodies of the final channel, or nothing.
fn final_channel(text: &str) -> String {
    let mut bodies = Vec::new();
    let mut rest = text;
    while let Some((header, behind)) = rest.split_once(MESSAGE) {
        let end = ENDS.iter().filter_map(|end| behind.find(end)).min();
        let (body, next) = behind
            .split_at_checked(end.unwrap_or(behind.len()))
            .unwrap_or((behind, ""));
        let channel = header.rsplit_once(CHANNEL).map(|(_, name)| {
            // A recipient or a format may follow the name.
            let end = name
                .trim_start()
                .find(|c: char| c.is_whitespace() || c == '<');
            let name = name.trim_start();
            end.and_then(|end| name.get(..end)).unwrap_or(name)
        });
        if matches!(channel, None | Some("final")) {
            bodies.push(body.trim());
        }
        rest = next;
    }
    // Some servers remove the markers of the final message only.
    let tail = ["<|end|>", "<|return|>"]
        .into_iter()
        .find_map(|end| rest.strip_prefix(end))
        .filter(|tail| bodies.is_empty() && !tail.contains("<|"));
    bodies.extend(tail);
    bodies.join("\n")
}

/// The answer of a text from which a server has removed the markers, but not the names between
/// them: `analysisThe user says hi.assistantfinalHi!`.
fn without_names(text: &str) -> Option<&str> {
    let beginning = text.trim_start();
    let behind = NAMES.iter().find_map(|name| beginning.strip_prefix(name))?;
    match behind.split_once("assistantfinal") {
        Some((_, answer)) => Some(answer),
        // No other text begins like this.
        None if behind.starts_with(char::is_uppercase) => Some(""),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_final_channel_is_the_answer() {
        for text in [
            "<|channel|>analysis<|message|>Say hi.<|end|><|start|>assistant<|channel|>final<|message|>Hi!",
            "<|start|>assistant<|channel|>analysis<|message|>Say hi.<|end|>\n<|start|>assistant<|channel|>final<|message|>Hi!<|return|>",
            "Say hi.<|end|><|start|>assistant<|channel|>final<|message|>Hi!<|end|>",
            "<|channel|>analysis<|message|>Say hi.<|end|><|channel|>final<|message|>Hi!",
            "<|channel|>analysis<|message|>Say hi.<|channel|>final <|constrain|>text<|message|>Hi!",
            "<|channel|>commentary to=functions.x <|constrain|>json<|message|>{}<|call|><|channel|>final<|message|>Hi!",
            "<|channel|>analysis<|message|>a<|end|><|channel|>commentary<|message|>b<|end|><|channel|>analysis<|message|>c<|end|><|start|>assistant<|channel|>final<|message|>Hi!",
            "<|channel|>final<|message|>Hi!",
            "<|channel|>analysis<|message|>Say hi.<|end|><|start|>assistant<|message|>Hi!",
            "<|channel|>analysis<|message|>Say hi.<|end|>Hi!",
            "analysisThe user says hi.assistantfinalHi!",
            "Hi!<|im_end|>\n<|endoftext|>",
            "Hi!<|return|>",
            "<|im_start|>assistant\nHi!<|im_end|>",
            "<|start_header_id|>assistant<|end_header_id|>\n\nHi!<|eot_id|>",
            "Hi!",
        ] {
            assert_eq!(answer(text).trim(), "Hi!", "{text}");
        }
    }

    #[test]
    fn without_a_final_channel_there_is_no_answer() {
        for text in [
            "<|channel|>analysis<|message|>The user says",
            "<|channel|>analysis<|message|>The user says hi.<|end|>",
            "<|channel|>ana",
            "<|start|>assistant",
            "<|channel|>commentary<|message|>Let me see.<|end|>",
            "analysisThe user says hi",
        ] {
            assert_eq!(answer(text).trim(), "", "{text}");
        }
    }

    #[test]
    fn a_text_about_channels_is_not_changed() {
        for text in [
            "gpt-oss writes <|channel|>final<|message|> before its answer.",
            "Use `<|end|><|start|>assistant<|channel|>final<|message|>` there.",
            "analysis of the text: fine",
            "analysis",
            "The word assistantfinal is odd.",
            "",
        ] {
            assert_eq!(answer(text), text);
        }
    }
}
