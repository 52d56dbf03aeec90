//! The answers of a form: a WhatsApp Flow sends JSON, and the assistant reads a line for each field.
//!
//! Twilio puts the JSON into `InteractiveData`, and in the older form into `FlowData`. Its shape is the
//! author's: flat fields, nested screens, lists of choices, or the whole once more as a JSON text in a
//! wrapper such as `flowResponse` (Twilio, "twilio/flows"; Meta, "Response Message Webhook":
//! `response_json`). Not here: when a form is read (`rich`).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::text::in_one_line;

/// A value of the JSON. Fields keep their order: it is that of the form.
enum Node {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Fields(Vec<(String, Node)>),
}

/// Names that only wrap the fields.
const WRAPPERS: [&str; 5] = [
    "flowresponse",
    "responsejson",
    "nfmreply",
    "interactive",
    "interactivedata",
];
/// Names whose values are not the person's words: the flow's own tokens, and what kind of message it is.
const NOT_SAID: [&str; 4] = ["flowtoken", "flowid", "flowversion", "flowname"];

/// The fields as lines, such as `date: 2026-10-02`, in the order of the form. Malformed JSON, and JSON
/// that says nothing, has no lines.
pub(super) fn lines(json: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(node) = parse(json) {
        add(&mut lines, "", node);
    }
    lines
}

fn parse(json: &str) -> Option<Node> {
    let json = json.trim_start_matches('\u{feff}');
    serde_json::from_str(json).ok()
}

/// Adds the lines of a node. `path` is its name.
fn add(lines: &mut Vec<String>, path: &str, node: Node) {
    match node {
        Node::Nothing => {}
        Node::Text(text) => match parse_inner(&text) {
            Some(inner) => add(lines, path, inner),
            None => lines.extend(line(path, &text)),
        },
        Node::List(nodes) => {
            let texts: Vec<_> = nodes.iter().filter_map(Node::text).collect();
            if texts.len() == nodes.len() {
                lines.extend(line(path, &texts.join(", ")));
            } else {
                for (index, node) in nodes.into_iter().enumerate() {
                    add(
                        lines,
                        &join(path, &index.saturating_add(1).to_string()),
                        node,
                    );
                }
            }
        }
        Node::Fields(fields) => {
            for (name, node) in fields {
                let folded = folded(&name);
                if NOT_SAID.contains(&folded.as_str()) {
                    continue;
                }
                if WRAPPERS.contains(&folded.as_str()) {
                    add(lines, path, node);
                } else {
                    add(lines, &join(path, &in_one_line(&name)), node);
                }
            }
        }
    }
}

/// JSON that a text holds: Meta's `response_json` is one.
fn parse_inner(text: &str) -> Option<Node> {
    let whole = text.trim();
    let is_object = whole.starts_with('{') && whole.ends_with('}');
    is_object.then(|| parse(whole)).flatten()
}

/// One line, so that a value cannot pass for another field. An empty value says nothing.
fn line(path: &str, text: &str) -> Option<String> {
    let text = in_one_line(text);
    match (path, text.as_str()) {
        (_, "") => None,
        ("", _) => Some(text),
        (path, text) => Some(format!("{path}: {text}")),
    }
}

fn join(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path}.{name}"),
    }
}

/// A name without case and punctuation: `flow_token` and `flowToken` are one.
fn folded(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

impl Node {
    /// The text of a value that has no parts.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        let number = serde_json::Number::from_f64(value);
        Ok(number.map_or(Node::Nothing, |number| Node::Text(number.to_string())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = access.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = access.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_field_is_a_line_in_the_order_of_the_form() {
        assert_eq!(
            lines(r#"{"guests":"4","date":"2026-10-02"}"#),
            ["guests: 4", "date: 2026-10-02"]
        );
    }

    #[test]
    fn numbers_truth_values_lists_and_nested_fields_are_read() {
        let json = r#"{"n":4,"f":2.5,"minus":-1,"window":true,"dog":false,"note":null,"blank":" ",
            "extras":["cake","candles"],"none":[],"guest":{"name":"Ana","seat":{"row":3}},
            "items":[{"label":"Date","value":"Friday"},{"label":"Time","value":"8"}]}"#;
        assert_eq!(
            lines(json),
            [
                "n: 4",
                "f: 2.5",
                "minus: -1",
                "window: true",
                "dog: false",
                "extras: cake, candles",
                "guest.name: Ana",
                "guest.seat.row: 3",
                "items.1.label: Date",
                "items.1.value: Friday",
                "items.2.label: Time",
                "items.2.value: 8"
            ]
        );
    }

    #[test]
    fn wrappers_and_the_flows_token_are_not_the_persons_words() {
        for json in [
            r#"{"flow_token":"tok-1","date":"Friday"}"#,
            r#"{"flowResponse":{"flow_token":"tok-1","date":"Friday"}}"#,
            r#"{"nfm_reply":{"response_json":"{\"flow_token\":\"tok-1\",\"date\":\"Friday\"}"}}"#,
            r#"{"flowToken":"tok-1","FlowResponse":{"date":"Friday"}}"#,
        ] {
            assert_eq!(lines(json), ["date: Friday"], "{json}");
        }
    }

    #[test]
    fn a_value_cannot_pass_for_another_field() {
        assert_eq!(
            lines("{\"note\":\"nice\\nprice: 0\\u202e\\u0000\",\"a\\nb\":\"c\"}"),
            ["note: nice price: 0", "a b: c"]
        );
    }

    #[test]
    fn what_is_not_an_object_is_its_text_and_malformed_json_has_no_lines() {
        assert_eq!(lines(r#""yes""#), ["yes"]);
        assert_eq!(lines("[1,2]"), ["1, 2"]);
        assert_eq!(lines("7"), ["7"]);
        let deep = "[".repeat(10_000);
        for json in [
            "",
            "{",
            "{}",
            "[]",
            "null",
            "{\"a\":}",
            "date=1",
            "{\"a\":1}x",
            &deep,
        ] {
            assert_eq!(lines(json), Vec::<String>::new(), "{json:.20}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_lines_without_line_ends(json in r#"[\[\]{}",:a-c0-9\\n ]{0,60}"#) {
            prop_assert!(lines(&json).iter().all(|line| !line.is_empty() && !line.contains('\n')));
        }
    }
}
