//! An answer that is read while it comes: bytes in, words out, and at the end what the whole means.
//!
//! It reads a body that is no stream, too: a server may not stream although it was asked to. Not here:
//! the forms of a body (`body`), of a chunk (`answer`) and of thoughts (`speech`), and what the whole
//! means (`response`). Source: OpenAI API reference, "Streaming".

use serde_json::Value;

use super::{
    Decoded, OpenAiError, Reply,
    answer::Answer,
    body::{Body, Reader},
    content::Joining,
    finish::Finish,
    response::{outcome, text},
    speech::Speech,
};
/// An answer with the status 200 while it comes.
#[derive(Debug)]
pub struct Reading {
    allows_calls: bool,
    body: Reader,
    answer: Answer,
    /// How many pieces of the text were read.
    pieces: usize,
    joining: Joining,
    speech: Speech,
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The model is writing.
    Writing,
    /// The answer is complete. Its cost may follow.
    Complete,
    /// Nothing that follows counts.
    Over,
}

impl Reading {
    /// Nothing has come yet. `allows_calls`: the request allowed to call tools.
    #[must_use]
    pub fn new(allows_calls: bool) -> Self {
        Self {
            allows_calls,
            body: Reader::default(),
            answer: Answer::default(),
            pieces: 0,
            joining: Joining::default(),
            speech: Speech::default(),
        }
    }

    /// Takes the next bytes. Returns the next words, if there are any.
    pub fn take(&mut self, bytes: &[u8]) -> String {
        let chunks = self.body.take(bytes);
        chunks.iter().map(|chunk| self.add(chunk)).collect()
    }

    /// How far the answer has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        if self.body.is_over() || self.answer.error.is_some() {
            Progress::Over
        } else if self.answer.finish.is_some() {
            Progress::Complete
        } else {
            Progress::Writing
        }
    }

    /// Nothing more comes. Returns the last words, and what the whole means.
    #[must_use]
    pub fn end(mut self) -> (String, Decoded) {
        let mut words = String::new();
        let is_broken_off = match std::mem::take(&mut self.body).end() {
            Err(response) => return (words, OpenAiError::Unexpected(response).into()),
            Ok(Body::Whole(value)) => {
                self.answer.add(&value);
                false
            }
            Ok(Body::Stream { chunks, done }) => {
                words = chunks.iter().map(|chunk| self.add(chunk)).collect();
                !done && self.answer.finish.is_none()
            }
        };
        let decoded = outcome(&self.answer, is_broken_off, self.allows_calls);
        match &decoded.result {
            Ok(Reply::Answer(completion)) => words.push_str(self.speech.last(&completion.text)),
            Ok(Reply::Calls(_)) => words.push_str(self.speech.last(&text(&self.answer))),
            Err(_) => {}
        }
        (words, decoded)
    }

    /// Adds a chunk. Returns its words.
    fn add(&mut self, chunk: &Value) -> String {
        self.answer.add(chunk);
        let is_withheld = matches!(self.answer.finish, Some(Finish::Failed | Finish::Filtered));
        if self.answer.error.is_some() || is_withheld {
            return String::new();
        }
        let pieces = self.answer.streamed();
        let new = pieces.get(self.pieces..).unwrap_or_default();
        self.pieces = pieces.len();
        let (joining, speech) = (&mut self.joining, &mut self.speech);
        new.iter()
            .map(|piece| speech.add(&joining.add(piece)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{super::response::decode, *};
    use crate::{event::UnexpectedResponse, platform::HttpResponse};

    /// An event with a choice that has this delta.
    fn delta(delta: &Value, finish: Option<&str>) -> String {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        format!("data: {}\n\n", json!({ "choices": [choice] }))
    }

    fn text(text: &str) -> String {
        delta(&json!({ "content": text }), None)
    }

    /// What is heard of a body, and what it means.
    fn read(pieces: &[&[u8]]) -> (String, Decoded) {
        let mut reading = Reading::new(true);
        let mut heard: String = pieces.iter().map(|piece| reading.take(piece)).collect();
        let (last, decoded) = reading.end();
        heard.push_str(&last);
        (heard, decoded)
    }

    fn answer_of(decoded: &Decoded) -> &str {
        match &decoded.result {
            Ok(Reply::Answer(completion)) => &completion.text,
            other => panic!("{other:?}"),
        }
    }

    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const COST: &str =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn words_are_heard_as_they_come_and_the_whole_is_the_answer() {
        let mut reading = Reading::new(false);
        let role = delta(
            &json!({ "role": "assistant", "content": "", "refusal": null }),
            None,
        );
        assert_eq!(reading.take(role.as_bytes()), "");
        assert_eq!(reading.take(text("We open").as_bytes()), "We open");
        assert_eq!(reading.take(text(" at nine.").as_bytes()), " at nine.");
        assert_eq!(reading.progress(), Progress::Writing);
        assert_eq!(reading.take(STOP.as_bytes()), "");
        assert_eq!(reading.progress(), Progress::Complete);
        assert_eq!(reading.take(COST.as_bytes()), "");
        assert_eq!(reading.take(DONE.as_bytes()), "");
        assert_eq!(reading.progress(), Progress::Over);
        let (last, decoded) = reading.end();
        assert_eq!(
            (last.as_str(), answer_of(&decoded)),
            ("", "We open at nine.")
        );
        assert_eq!((decoded.tokens.prompt, decoded.tokens.completion), (7, 3));
    }

    #[test]
    fn what_is_said_before_calls_is_heard_whole() {
        let call = json!({ "index": 0, "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } });
        let calls = delta(&json!({ "tool_calls": [call] }), Some("tool_calls"));
        for (pieces, said) in [
            // It could be said in pieces that repeat one another.
            (&["*", "*One moment** "][..], "*One moment** "),
            (&["Let", "Let me", "Let me look."], "Let me look."),
            // It could be a tag.
            (&["Is it 3 <"], "Is it 3 <"),
            (&["<think>Hm.</think>Let me"], "Let me"),
            (&[], ""),
        ] {
            let body: String = pieces.iter().map(|piece| text(piece)).collect();
            let (heard, decoded) = read(&[(body + &calls).as_bytes()]);
            assert!(matches!(decoded.result, Ok(Reply::Calls(_))), "{pieces:?}");
            assert_eq!(heard.trim(), said.trim(), "{pieces:?}");
        }
    }

    #[test]
    fn thoughts_are_never_heard() {
        for events in [
            vec![
                delta(&json!({ "reasoning_content": "They ask." }), None),
                text("Nine."),
            ],
            vec![
                delta(&json!({ "reasoning": "They ask.", "content": "" }), None),
                text("Nine."),
            ],
            vec![
                text("<thi"),
                text("nk>They"),
                text(" ask.</th"),
                text("ink>\n\nNine."),
            ],
            vec![
                delta(
                    &json!({ "content": [{ "type": "thinking", "thinking": "They ask." }] }),
                    None,
                ),
                text("Nine."),
            ],
            vec![delta(
                &json!({ "content": [
                { "type": "thinking", "thinking": [{ "type": "text", "text": "They ask." }] },
                { "type": "text", "text": "Nine." },
            ] }),
                None,
            )],
        ] {
            let body = events.concat() + STOP + DONE;
            let (heard, decoded) = read(&[body.as_bytes()]);
            assert_eq!(
                (heard.as_str(), answer_of(&decoded)),
                ("Nine.", "Nine."),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_no_delta_is_heard_at_the_end() {
        for (body, heard) in [
            (r#"{"choices":[{"message":{"content":"Hi!"}}]}"#.to_owned(), "Hi!"),
            (delta(&json!({ "refusal": "I won" }), None) + &delta(&json!({ "refusal": "'t." }), None) + STOP, "I won't."),
            (text("Half a") + &delta(&json!({}), Some("length")), "Half a…"),
            ("data: {\"choices\":[{\"message\":{\"content\":\"Hi!\"},\"finish_reason\":\"stop\"}]}\n\n".to_owned(), "Hi!"),
        ] {
            let (told, decoded) = read(&[body.as_bytes()]);
            assert_eq!((told.as_str(), answer_of(&decoded)), (heard, heard), "{body}");
        }
    }

    #[test]
    fn calls_are_joined_whatever_is_said_beside_them() {
        let call = |call: Value| delta(&json!({ "tool_calls": [call] }), None);
        let body = text("Let me see.")
            + &call(
                json!({ "index": 0, "id": "a", "function": { "name": "look", "arguments": "" } }),
            )
            + &call(
                json!({ "index": 1, "id": "b", "function": { "name": "hours", "arguments": "{}" } }),
            )
            + &call(json!({ "index": 0, "function": { "arguments": "{\"id\"" } }))
            + &call(json!({ "index": 0, "function": { "arguments": ":7}" } }))
            + &delta(&json!({}), Some("tool_calls"))
            + DONE;
        let (heard, decoded) = read(&[body.as_bytes()]);
        let Ok(Reply::Calls(calls)) = decoded.result else {
            panic!("{body}");
        };
        assert_eq!(heard, "Let me see.");
        let named: Vec<_> = calls.calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(named, ["look", "hours"]);
        assert_eq!(json!(calls.calls[0].arguments), json!({ "id": 7 }));
    }

    #[test]
    fn an_error_in_the_stream_ends_it_and_is_not_heard() {
        let error = "data: {\"error\":{\"code\":429,\"message\":\"Too many\"},\"choices\":[{\"delta\":{\"content\":\"Too many\"}}]}\n\n";
        let mut reading = Reading::new(false);
        assert_eq!(reading.take(text("We open").as_bytes()), "We open");
        assert_eq!(reading.take(error.as_bytes()), "");
        assert_eq!(reading.progress(), Progress::Over);
        let (last, decoded) = reading.end();
        assert_eq!(
            (last.as_str(), decoded.result),
            ("", Err(OpenAiError::Busy))
        );
        let withheld = text("We") + &delta(&json!({ "content": " open" }), Some("content_filter"));
        let (heard, decoded) = read(&[withheld.as_bytes()]);
        assert_eq!(
            (heard.as_str(), decoded.result),
            ("We", Err(OpenAiError::Filtered))
        );
    }

    #[test]
    fn a_stream_that_is_cut_is_no_answer() {
        for cut in [text("We open"), text("We open") + "data: {\"cho"] {
            let (heard, decoded) = read(&[cut.as_bytes()]);
            let broken = OpenAiError::Unexpected(UnexpectedResponse::Streamed);
            assert_eq!(
                (heard.as_str(), decoded.result),
                ("We open", Err(broken)),
                "{cut}"
            );
        }
    }

    fn streams() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            delta(&json!({ "role": "assistant", "content": "" }), None),
            text("Hé "),
            text("😀<"),
            text("think>"),
            text("</think>"),
            text("a\nb"),
            text("Hé Hé "),
            delta(&json!({ "reasoning_content": "x" }), None),
            delta(
                &json!({ "tool_calls": [{ "function": { "name": "look", "arguments": "{}" } }] }),
                None,
            ),
            ": PROCESSING\r\n\r\n".to_owned(),
            "data: {\"choices\":\ndata: []}\n\n".to_owned(),
            "event: error\ndata: overloaded\n\n".to_owned(),
            "data: {\n\n".to_owned(),
            STOP.replace('\n', "\r\n"),
            COST.to_owned(),
            DONE.to_owned(),
        ]);
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_stream_says_the_same_however_it_is_split(stream in streams(), lengths in prop::collection::vec(1usize..40, 1..40)) {
            let whole = read(&[stream.as_bytes()]);
            let mut pieces = Vec::new();
            let mut rest = stream.as_bytes();
            for length in lengths.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at((*length).min(rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            prop_assert_eq!(&read(&pieces), &whole);
            let response = HttpResponse { status: 200, retry_after: None, location: None, body: stream.clone().into_bytes() };
            let unheard = decode(Ok(&response), true);
            if whole.1.result.is_ok() || unheard.result.is_ok() {
                prop_assert_eq!(&whole.1, &unheard, "heard or not, it means the same");
            }
        }

        #[test]
        fn no_bytes_make_it_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..16), 0..6)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let _ = read(&pieces);
        }
    }
}
