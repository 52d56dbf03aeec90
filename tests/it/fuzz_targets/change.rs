//! Changes of corpus files: bytes, words of the formats, and JSON values.
//!
//! Not here: cases that are made from parts (`inputs`).

use proptest::{
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Value, json};

use super::corpus;

/// A corpus file with up to three changes. The longest files are only replayed: changing them costs too much time.
pub(super) fn mutated(name: &str) -> BoxedStrategy<Vec<u8>> {
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

/// Byte strings with a meaning in one of the formats, inserted into corpus files.
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
                drop(data.splice(at.index(len + 1)..at.index(len + 1), word.iter().copied()));
            }
            Self::Remove(from, to) => drop(data.drain(range(from, to, len))),
            Self::Repeat(from, to) => data.extend_from_within(range(from, to, len)),
            Self::Truncate(at) => data.truncate(at.index(len + 1)),
            Self::Json(at, value) => {
                // The JSON is the last line. A file without JSON stays as it is.
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

/// The number of values in a JSON value, itself included.
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
