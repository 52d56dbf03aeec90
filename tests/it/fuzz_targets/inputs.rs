//! Cases that are made from parts which lead deep into the parsers, for each target.
//!
//! Not here: changed corpus files (`change`).

use proptest::{prelude::*, sample::select};
use serde_json::json;

/// Well-formed bodies with fields that the Worker or a signature reads, under all kinds of URL.
pub(super) fn bodies() -> BoxedStrategy<Vec<u8>> {
    let urls = [
        "https://example.com/twilio/messages",
        "https://example.com:443/a'b?c='d'",
        "http://[::1]:8080",
        "wss://u:p@h?x#y",
        "",
        "é",
    ];
    let headers = ["", "AAAA", "hYBlZNTtE9nhDZLM3rPeKbdzOuY=", "not base64"];
    let keys = [
        "MessageSid",
        "From",
        "To",
        "Body",
        "NumMedia",
        "a",
        "b",
        "",
        "é",
    ];
    let values = [
        "SM0123456789abcdef0123456789abcdef",
        "+15550100",
        "whatsapp:+15550100",
        "55501",
        "",
        "1",
        "RESET",
        "a\u{202e}b\r\nc\0",
        "😀",
        "\u{ffff}",
        "&=+%",
        "x",
    ];
    let pairs = prop::collection::vec((select(keys.to_vec()), select(values.to_vec())), 0..8);
    (select(urls.to_vec()), select(headers.to_vec()), pairs)
        .prop_map(|(url, header, pairs)| {
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish();
            format!("{url}\n{header}\n{body}").into_bytes()
        })
        .boxed()
}

/// Texts made of repeated pieces. One piece in a hundred is longer than a part.
pub(super) fn answers() -> BoxedStrategy<Vec<u8>> {
    let pieces = [
        "word ",
        "A sentence. ",
        "Why? ",
        "(So!) ",
        "\n\n",
        "\n",
        "\r\n",
        "\t",
        "x",
        "é",
        "e\u{301}",
        "😀",
        "👩‍👩‍👧‍👦",
        "&amp;",
        "<Message>",
        "]]>",
        "\u{0}",
        "\u{b}",
        "\u{ffff}",
        "\u{a0}",
        "…",
        "。",
        "שלום ",
        "\u{200d}",
    ];
    let times = prop_oneof![99 => 1usize..8, 1 => 200usize..900];
    prop::collection::vec((select(pieces.to_vec()), times), 0..8)
        .prop_map(|pieces| {
            pieces
                .into_iter()
                .map(|(piece, times)| piece.repeat(times))
                .collect::<String>()
                .into_bytes()
        })
        .boxed()
}

/// JSON like a completion or an error, with all kinds of status.
pub(super) fn responses() -> BoxedStrategy<Vec<u8>> {
    let statuses = [
        "200", "200", "200", "200", "400", "401", "403", "408", "409", "429", "429", "500", "503",
        "302", "0", "65535", "none",
    ];
    let waits = [
        "",
        "5",
        "0",
        "4294967296",
        "Sun, 22 Nov 2026 12:00:07 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "soon",
        "-1",
    ];
    let said = [
        json!(null),
        json!(""),
        json!(" \n"),
        json!("Hello."),
        json!(" Hello\u{0} "),
        json!(5),
        json!(["Hello"]),
        json!("<think>\nHm.\n</think>\n\nHello."),
        json!("Hm.</think>Hello."),
        json!("<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>Hello."),
        json!([{ "type": "thinking", "thinking": "Hm." }, { "type": "text", "text": "Hello." }]),
        json!([{ "type": "refusal", "refusal": "No." }]),
    ];
    let reasons = [
        json!("stop"),
        json!("length"),
        json!("content_filter"),
        json!("tool_calls"),
        json!("error"),
        json!("MAX_TOKENS"),
        json!(null),
        json!(1),
    ];
    let counts = [
        json!(0),
        json!(7),
        json!(u64::MAX),
        json!(-1),
        json!(null),
        json!(1.5),
    ];
    let labels = [
        json!("insufficient_quota"),
        json!("rate_limit_exceeded"),
        json!(null),
        json!(429),
        json!("502"),
    ];
    let body = (
        prop::collection::vec(
            (
                select(said.to_vec()),
                select(said.to_vec()),
                select(reasons.to_vec()),
            ),
            0..3,
        ),
        select(counts.to_vec()),
        select(labels.to_vec()),
        select(labels.to_vec()),
        0..8,
    );
    (select(statuses.to_vec()), select(waits.to_vec()), body)
        .prop_map(|(status, wait, (choices, count, code, kind, form))| {
            let choices = choices.into_iter().map(
                |(content, refusal, reason)| json!({ "message": { "content": content, "refusal": refusal }, "finish_reason": reason }),
            );
            let choices: Vec<_> = choices.collect();
            let usage = json!({ "prompt_tokens": 3, "completion_tokens": count });
            let whole = json!({ "choices": choices, "usage": usage });
            let chunks = choices.iter().map(|choice| {
                let delta = json!({ "delta": choice["message"], "finish_reason": choice["finish_reason"] });
                format!("data: {}\r\n\r\n", json!({ "choices": [delta], "usage": usage }))
            });
            let body = match form {
                0 => json!({ "error": { "code": code, "type": kind } }).to_string(),
                1 => json!({ "choices": choices }).to_string(),
                2 => format!("\u{FEFF}{whole}"),
                3 => format!(": PROCESSING\n\n{whole}\n\ndata: [DONE]\n\n"),
                4 => chunks.collect(),
                5 => chunks.chain(["data: [DONE]\n\n".to_owned()]).collect(),
                _ => whole.to_string(),
            };
            format!("{status}\n{wait}\n{body}").into_bytes()
        })
        .boxed()
}

/// Frames of a call, in any order.
pub(super) fn frames() -> BoxedStrategy<Vec<u8>> {
    let texts = [
        "xyzzy",
        "",
        " ",
        "answer",
        "ans",
        "answer answer",
        "é",
        "😀",
        "\u{0}",
        "a\nb",
    ];
    let text = || select(texts.to_vec());
    let flags = || {
        select(vec![
            json!(true),
            json!(false),
            json!("on"),
            json!("off"),
            json!("true"),
            json!(null),
            json!(1),
        ])
    };
    let prompt = (text(), flags()).prop_map(
        |(text, last)| json!({ "type": "prompt", "voicePrompt": text, "lang": "en", "last": last }),
    );
    let interrupt = (text(), flags()).prop_map(|(text, after)| {
        json!({ "type": "interrupt", "utteranceUntilInterrupt": text, "durationUntilInterruptMs": after })
    });
    let names = vec![
        "agentSpeaking",
        "clientSpeaking",
        "roundTripDelayMs",
        "tomorrow",
    ];
    let speaks = (select(names), flags())
        .prop_map(|(name, value)| json!({ "type": "info", "name": name, "value": value }));
    let played =
        text().prop_map(|text| json!({ "type": "info", "name": "tokensPlayed", "value": text }));
    let set_up = select(vec![1, 1, 1, 2]).prop_map(
        |call| json!({ "type": "setup", "sessionId": "VX1", "callSid": format!("CA{call:032x}") }),
    );
    let digit = text().prop_map(|text| json!({ "type": "dtmf", "digit": text }));
    let frame = prop_oneof![
        6 => prompt,
        3 => interrupt,
        3 => speaks,
        3 => played,
        1 => set_up,
        1 => digit,
        1 => text().prop_map(|text| json!({ "type": text })),
    ];
    prop::collection::vec(frame, 0..10)
        .prop_map(|frames| {
            let lines: Vec<String> = frames.iter().map(ToString::to_string).collect();
            lines.join("\n").into_bytes()
        })
        .boxed()
}

/// States of a contact. Each list is well formed, but the lists may contradict each other.
pub(super) fn states() -> BoxedStrategy<Vec<u8>> {
    let now = 1_795_348_800_000_u64;
    let moment = || {
        select(vec![
            0,
            now - 4_000_000,
            now - 61_000,
            now - 1,
            now,
            now + 1,
            now + 5_000,
            now + 3_600_000,
            u64::MAX,
        ])
    };
    let number = || select(vec![0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
    let sid = || {
        select(vec!["aa", "ab", "ac", "ad"]).prop_map(|end| format!("SM{}{end}", "0".repeat(30)))
    };
    let reply_to = json!({
        "contact": "+15550100", "number": "+15550199", "service": null, "account": "AC0123456789abcdef0123456789abcdef",
        "token": "0000000000000000", "origin": "https://example.com",
    });
    let statuses = [
        json!("waiting"),
        json!("nothing"),
        json!({ "answer": 1 }),
        json!({ "canned_reply": { "too_long": 7 } }),
    ];
    let seen = (sid(), moment(), select(statuses.to_vec()))
        .prop_map(|(sid, at, status)| json!({ "sid": sid, "at": at, "status": status }));
    let message = {
        let reply_to = reply_to.clone();
        (sid(), moment(), select(vec![json!("one"), json!(null), json!("")]))
            .prop_map(move |(sid, at, text)| json!({ "sid": sid, "at": at, "phone_hash": "00000000", "reply_to": reply_to, "text": text }))
    };
    let turn = (number(), prop::collection::vec(message.clone(), 0..3), 0u32..4)
        .prop_map(|(number, messages, attempt)| json!({ "number": number, "messages": messages, "attempt": attempt }));
    let kept = (prop::option::of(number()), moment())
        .prop_map(|(revision, at)| json!({ "revision": revision, "expires_at": at }));
    let unsaved =
        number().prop_map(|turn| json!({ "number": turn, "user": "u", "assistant": "a" }));
    let revision =
        (number(), moment()).prop_map(|(number, at)| json!({ "number": number, "expires_at": at }));
    let entry = (prop::collection::vec(select(vec!["one", "", "two"]), 0..3), prop::option::of(moment()), moment(), moment(), number())
        .prop_map(move |(parts, attempt, not_before, give_up_at, tries)| {
            let tries = tries.min(u32::MAX.into());
            json!({
                "reply_to": reply_to, "phone_hash": "00000000", "parts": parts, "attempt": attempt, "tries": tries, "not_before": not_before,
                "give_up_at": give_up_at,
            })
        });
    let lists = (
        prop::collection::vec(moment(), 0..12),
        prop::collection::vec(seen, 0..4),
        prop::collection::vec(message, 0..3),
        prop::collection::vec(unsaved, 0..3),
        prop::collection::vec(revision, 0..3),
        prop::collection::vec(entry, 0..3),
    );
    let others = (
        prop::option::of(turn),
        number(),
        prop::option::of(kept),
        prop::option::of(moment()),
        moment(),
        prop::option::of(moment()),
    );
    (lists, others)
        .prop_map(|((admitted, seen, pending, unsaved, revisions, entries), (turn, turns, conversation, wake_at, save_at, alarm))| {
            let state = json!({
                "v": 1,
                "rate_window": { "admitted": admitted, "notice": null },
                "records": seen,
                "turns": { "pending": pending, "active": turn, "newest": turns, "check_at": wake_at },
                "revisions": {
                    "conversation": conversation, "unsaved": unsaved, "stored": revisions,
                    "save_failures": 0, "save_not_before": save_at, "check_at": alarm,
                },
                "outbox": { "entries": entries, "sent": [] },
            });
            state.to_string().into_bytes()
        })
        .boxed()
}
