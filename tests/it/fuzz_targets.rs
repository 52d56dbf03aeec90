//! The fuzz targets as property tests: every corpus file, and 100 000 cases of each target.
//!
//! The targets, with what they check, are in `fuzz/src/lib.rs`. Half of the cases are corpus files with some of their bytes
//! or JSON values changed; the others are made from parts that lead deep into the parsers. Not here: coverage-guided fuzzing,
//! which needs another toolchain (`fuzz/README.md`).

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::{fs, path::PathBuf, time::Instant};

use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::{TestError, TestRunner},
};
use serde_json::{Value, json};

const CASES: u32 = 100_000;

#[test]
fn every_corpus_file_passes_its_target() {
    for (name, target) in targets::TARGETS {
        for (file, data) in corpus(name) {
            println!("{name}/{file}");
            target(&data);
        }
    }
}

#[test]
fn a_form_is_read_as_it_was_signed_or_refused() {
    run("form_signature", bodies());
}

#[test]
fn an_answer_becomes_readable_twiml_within_the_limits_of_twilio() {
    run("twiml_parts", answers());
}

#[test]
fn any_response_of_the_model_is_a_completion_or_a_failure() {
    run("openai_response", responses());
}

#[test]
fn whatever_a_store_gives_back_a_sender_is_answered_and_no_budget_is_exceeded() {
    run("stored_state", states());
}

/// Runs the cases; a failing one is made smaller and printed.
fn run(name: &'static str, made: BoxedStrategy<Vec<u8>>) {
    let target = targets::TARGETS
        .iter()
        .find(|(other, _)| *other == name)
        .unwrap()
        .1;
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let started = Instant::now();
    let cases = prop_oneof![mutated(name), made];
    let outcome = TestRunner::new(config).run(&cases, |data| {
        target(&data);
        Ok(())
    });
    println!(
        "{name}: {CASES} cases in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, data)) => {
            panic!("{name}: {reason}\n{:?}", String::from_utf8_lossy(&data))
        }
        Err(TestError::Abort(reason)) => panic!("{name}: {reason}"),
    }
}

/// The corpus files of a target, with their names.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(files.len() >= 10, "the corpus of {name} has been lost");
    files
}

/// A corpus file with up to three changes; not of the longest files, which are for the replay alone, as they cost the most.
fn mutated(name: &str) -> BoxedStrategy<Vec<u8>> {
    let seeds: Vec<Vec<u8>> = corpus(name)
        .into_iter()
        .map(|(_, data)| data)
        .filter(|data| data.len() < 2500)
        .collect();
    (select(seeds), prop::collection::vec(change(), 0..4))
        .prop_map(|(mut data, changes)| {
            for change in changes {
                change.apply(&mut data);
            }
            data
        })
        .boxed()
}

/// What is put into a file that is changed: what the formats give a meaning to.
const WORDS: [&[u8]; 26] = [
    b"&",
    b"=",
    b"%",
    b"%00",
    b"%E2%80%AE",
    b"+",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\"",
    b"\\",
    b"\\ud800",
    b"{",
    b"]",
    b"null",
    b"-1",
    b"1e400",
    b"18446744073709551615",
    b",",
    b":",
    b"<",
    b"]]>",
    "\u{301}".as_bytes(),
    "😀".as_bytes(),
    "\u{ffff}".as_bytes(),
];

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Insert(Index, &'static [u8]),
    Remove(Index, Index),
    Repeat(Index, Index),
    Truncate(Index),
    Json(Index, Value),
}

fn change() -> BoxedStrategy<Change> {
    prop_oneof![
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => (any::<Index>(), select(WORDS.to_vec())).prop_map(|(at, word)| Change::Insert(at, word)),
        1 => any::<(Index, Index)>().prop_map(|(from, to)| Change::Remove(from, to)),
        1 => any::<(Index, Index)>().prop_map(|(from, to)| Change::Repeat(from, to)),
        1 => any::<Index>().prop_map(Change::Truncate),
        4 => (any::<Index>(), odd_value()).prop_map(|(at, value)| Change::Json(at, value)),
    ]
    .boxed()
}

fn odd_value() -> BoxedStrategy<Value> {
    let now = 1_795_348_800_000_u64;
    select(vec![
        json!(null),
        json!(0),
        json!(1),
        json!(2),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(-1),
        json!(now),
        json!(now - 1),
        json!(now + 1),
        json!(now + 30_000),
        json!(now - 4_000_000),
        json!(""),
        json!(" "),
        json!("waiting"),
        json!("nothing"),
        json!({ "answer": 1 }),
        json!({ "notice": "no_text" }),
        json!([]),
        json!({}),
        json!(true),
        json!("x".repeat(300)),
    ])
    .boxed()
}

impl Change {
    fn apply(self, data: &mut Vec<u8>) {
        let range = |from: Index, to: Index, len: usize| {
            let (from, to) = (from.index(len + 1), to.index(len + 1));
            from.min(to)..from.max(to)
        };
        let len = data.len();
        match self {
            Self::Set(at, byte) if len > 0 => data[at.index(len)] = byte,
            Self::Set(_, byte) => data.push(byte),
            Self::Insert(at, word) => {
                drop(data.splice(at.index(len + 1)..at.index(len + 1), word.iter().copied()))
            }
            Self::Remove(from, to) => drop(data.drain(range(from, to, len))),
            Self::Repeat(from, to) => data.extend_from_within(range(from, to, len)),
            Self::Truncate(at) => data.truncate(at.index(len + 1)),
            Self::Json(at, value) => {
                // The JSON is the last line. Where there is none, the change is none.
                let start = data
                    .iter()
                    .rposition(|byte| *byte == b'\n')
                    .map_or(0, |at| at + 1);
                if let Ok(mut json) = serde_json::from_slice::<Value>(&data[start..]) {
                    let chosen = at.index(count_values(&json));
                    *nth_value(&mut json, chosen) = value;
                    data.splice(start.., json.to_string().into_bytes());
                }
            }
        }
    }
}

/// How many values there are in a JSON value, itself included.
fn count_values(json: &Value) -> usize {
    1 + match json {
        Value::Array(items) => items.iter().map(count_values).sum(),
        Value::Object(fields) => fields.values().map(count_values).sum(),
        _ => 0,
    }
}

fn nth_value(json: &mut Value, n: usize) -> &mut Value {
    if n == 0 {
        return json;
    }
    let children: Vec<&mut Value> = match json {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    let mut left = n - 1;
    for child in children {
        let within = count_values(child);
        if left < within {
            return nth_value(child, left);
        }
        left -= within;
    }
    panic!("there is no value {n}")
}

/// Well-formed bodies of fields that mean something to us or to signatures, under all kinds of URL.
fn bodies() -> BoxedStrategy<Vec<u8>> {
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

/// Texts of a few kinds of piece, each repeated; one in a hundred is longer than a part.
fn answers() -> BoxedStrategy<Vec<u8>> {
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

/// JSON that is like a completion or an error, under all kinds of status.
fn responses() -> BoxedStrategy<Vec<u8>> {
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
    ];
    let reasons = [
        json!("stop"),
        json!("length"),
        json!("content_filter"),
        json!("tool_calls"),
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
        0..4,
    );
    (select(statuses.to_vec()), select(waits.to_vec()), body)
        .prop_map(|(status, wait, (choices, count, code, kind, form))| {
            let choices = choices.into_iter().map(
                |(content, refusal, reason)| json!({ "message": { "content": content, "refusal": refusal }, "finish_reason": reason }),
            );
            let body = match form {
                0 => json!({ "error": { "code": code, "type": kind } }),
                1 => json!({ "choices": choices.collect::<Vec<_>>() }),
                _ => json!({ "choices": choices.collect::<Vec<_>>(), "usage": { "prompt_tokens": 3, "completion_tokens": count } }),
            };
            format!("{status}\n{wait}\n{body}").into_bytes()
        })
        .boxed()
}

/// States of a sender whose lists are well formed and need not agree with one another.
fn states() -> BoxedStrategy<Vec<u8>> {
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
    let route = json!({
        "sender": "+15550100", "number": "+15550199", "service": null, "account": "AC0123456789abcdef0123456789abcdef",
        "token": "0000000000000000", "origin": "https://example.com",
    });
    let outcomes = [
        json!("waiting"),
        json!("nothing"),
        json!({ "answer": 1 }),
        json!({ "notice": { "too_long": 7 } }),
    ];
    let seen = (sid(), moment(), select(outcomes.to_vec()))
        .prop_map(|(sid, at, outcome)| json!({ "sid": sid, "at": at, "outcome": outcome }));
    let message = {
        let route = route.clone();
        (sid(), moment(), select(vec![json!("one"), json!(null), json!("")]))
            .prop_map(move |(sid, at, text)| json!({ "sid": sid, "at": at, "phone_hash": "00000000", "route": route, "text": text }))
    };
    let turn = (number(), prop::collection::vec(message.clone(), 0..3), 0u32..4)
        .prop_map(|(number, messages, attempt)| json!({ "number": number, "messages": messages, "attempt": attempt }));
    let kept = (prop::option::of(number()), moment())
        .prop_map(|(revision, at)| json!({ "revision": revision, "expires_at": at }));
    let unsaved = number().prop_map(|turn| json!({ "turn": turn, "user": "u", "assistant": "a" }));
    let revision =
        (number(), moment()).prop_map(|(number, at)| json!({ "number": number, "expires_at": at }));
    let late = (prop::collection::vec(select(vec!["one", "", "two"]), 0..3), prop::option::of(moment()), moment(), moment(), number())
        .prop_map(move |(parts, attempt, not_before, give_up_at, tries)| {
            let tries = tries.min(u32::MAX.into());
            json!({
                "route": route, "phone_hash": "00000000", "parts": parts, "attempt": attempt, "tries": tries, "not_before": not_before,
                "give_up_at": give_up_at,
            })
        });
    let lists = (
        prop::collection::vec(moment(), 0..12),
        prop::collection::vec(seen, 0..4),
        prop::collection::vec(message, 0..3),
        prop::collection::vec(unsaved, 0..3),
        prop::collection::vec(revision, 0..3),
        prop::collection::vec(late, 0..3),
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
        .prop_map(|((admitted, seen, pending, unsaved, revisions, late), (turn, turns, conversation, wake_at, save_at, alarm))| {
            let state = json!({
                "v": 1, "admitted": admitted, "refusal": null, "seen": seen, "pending": pending, "turn": turn, "turns": turns,
                "conversation": conversation, "unsaved": unsaved, "revisions": revisions, "sent": [], "late": late, "wake_at": wake_at,
                "save_failures": 0, "save_not_before": save_at, "alarm": alarm,
            });
            state.to_string().into_bytes()
        })
        .boxed()
}
