//! The mock model as a judge of a conversation between two personas: its criteria, its outcome, and
//! how both felt.
//!
//! It goes by words that the question of a criterion shares with a line, and by words of good and
//! bad temper (`mood`). Not here: the personas (`persona`).

use serde_json::{Map, Value, json};

use super::intake::objects;
use crate::fault::BodyFault;

mod mood;

/// The name of the answer's schema, by which a request for a score is known.
pub const NAME: &str = "conversation_score";

/// The score of the conversation in the newest message, by the criteria of `schema`.
pub fn score(
    schema: &Value,
    instructions: &[String],
    messages: &[String],
    fault: Option<BodyFault>,
) -> Value {
    let lines = lines(messages);
    let properties = schema.pointer("/properties/criteria/properties");
    let names = properties.and_then(Value::as_object).into_iter().flatten();
    let mut results: Vec<(String, Option<String>)> = names
        .map(|(name, _)| (name.clone(), quote(asked(instructions, name), &lines)))
        .collect();
    if let (Some(BodyFault::FalseQuote), Some((_, quote))) = (fault, results.first_mut()) {
        *quote = Some(FALSE_QUOTE.to_owned());
    }
    let of = |speaker: &str| -> Vec<&str> {
        let own = lines.iter().filter(|line| line.speaker == speaker);
        own.map(|line| line.text.as_str()).collect()
    };
    let (agent, customer) = (of("agent"), of("customer"));
    let (agent_start, agent_end) = mood::course(&agent);
    let (start, end) = mood::course(&customer);
    let escalated = customer.iter().any(|line| mood::escalates(line));
    let met = results.iter().filter(|(_, quote)| quote.is_some()).count();
    let is_half_met = met.saturating_mul(2) >= results.len();
    let resolution = match () {
        () if escalated && end < 0 => "unresolved",
        () if end > 0 && is_half_met && !escalated => "resolved",
        () if end < 0 && !is_half_met => "unresolved",
        () if met == 0 => "unresolved",
        () => "partly",
    };
    let share = share(met, results.len());
    let satisfaction = 30_i64
        .saturating_add(share.saturating_mul(4).div_euclid(10))
        .saturating_add(end.saturating_mul(12))
        .saturating_sub(if escalated { 15 } else { 0 })
        .clamp(0, 100);
    let churn = 100_i64
        .saturating_sub(satisfaction)
        .saturating_sub(start.saturating_mul(3));
    let buys = satisfaction.saturating_sub(20).clamp(0, 100);
    let name = |is_met: bool| {
        let found = results.iter().find(|(_, quote)| quote.is_some() == is_met);
        found
            .or(results.first())
            .map_or("", |(name, _)| name.as_str())
    };
    let criteria: Map<String, Value> = results
        .iter()
        .map(|(name, quote)| {
            let quoted = quote.as_deref().unwrap_or_default();
            (
                name.clone(),
                json!({"met": quote.is_some(), "quote": quoted}),
            )
        })
        .collect();
    json!({
        "criteria": criteria,
        "resolution": resolution,
        "escalated": escalated,
        "sentiment": {
            "agent": {"start": agent_start, "end": agent_end},
            "customer": {"start": start, "end": end}
        },
        "churn_risk": {"value": churn.clamp(0, 100), "because": name(false)},
        "propensity_to_buy": {"value": buys, "because": name(true)},
        "satisfaction": {"value": satisfaction, "because": name(satisfaction >= 50)}
    })
}

/// The longest quote, in characters.
const MAX_QUOTE: usize = 200;
/// Words that no conversation has.
const FALSE_QUOTE: &str = "The tide was out, so nobody could hear the lighthouse sneeze.";

/// A line of the transcript.
struct Line {
    speaker: String,
    text: String,
}

/// The lines of the transcript in the newest message, none if it has no transcript.
fn lines(messages: &[String]) -> Vec<Line> {
    let newest = messages.last().map_or("", String::as_str);
    let objects = objects(newest);
    let lines = objects
        .iter()
        .find_map(|object| object.get("lines")?.as_array());
    let text = |line: &Value, name: &str| line.get(name)?.as_str().map(str::to_owned);
    let read = |line: &Value| {
        Some(Line {
            speaker: text(line, "speaker")?,
            text: text(line, "text")?,
        })
    };
    lines.into_iter().flatten().filter_map(read).collect()
}

/// The question of a criterion.
fn asked<'i>(instructions: &'i [String], name: &str) -> &'i str {
    let mut lines = instructions.iter().flat_map(|text| text.lines());
    let found = lines.find_map(|line| {
        let rest = line.trim().strip_prefix("Criterion ")?;
        rest.strip_prefix(name)?.strip_prefix(':')
    });
    found.map_or("", str::trim)
}

/// The sentence of the transcript that answers a question with yes, word for word.
fn quote(question: &str, lines: &[Line]) -> Option<String> {
    let plain = question.to_lowercase();
    let (agent, customer) = (plain.find("agent"), plain.find("customer"));
    let speaker = match (agent, customer) {
        (Some(agent), Some(customer)) if customer < agent => "customer",
        (None, Some(_)) => "customer",
        _ => "agent",
    };
    let wanted = stems(question);
    let needed = wanted.len().div_ceil(3).max(1);
    let own = lines.iter().filter(|line| line.speaker == speaker);
    let sentences = own.flat_map(|line| line.text.split_inclusive(['.', '!', '?']));
    let shared = |sentence: &str| {
        let said = stems(sentence);
        wanted.iter().filter(|stem| said.contains(stem)).count()
    };
    let best = sentences.map(|sentence| (shared(sentence), sentence.trim()));
    // Of equals the first one.
    let best = best.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.filter(|(count, _)| *count >= needed)
        .map(|(_, sentence)| sentence.chars().take(MAX_QUOTE).collect())
}

/// The beginnings of the words that carry a meaning.
fn stems(text: &str) -> Vec<String> {
    let plain = text.to_lowercase();
    let words = plain.split(|c: char| !c.is_alphanumeric());
    let telling = words.filter(|word| word.chars().count() > 3 && !EMPTY_WORDS.contains(word));
    let mut stems: Vec<String> = telling.map(|word| word.chars().take(5).collect()).collect();
    stems.sort_unstable();
    stems.dedup();
    stems
}

const EMPTY_WORDS: [&str; 19] = [
    "agent", "before", "clearly", "customer", "does", "from", "have", "here", "into", "that",
    "their", "then", "they", "this", "what", "when", "where", "which", "with",
];

/// How much of the whole a part is, in percent.
fn share(part: usize, whole: usize) -> i64 {
    let percent = part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    i64::try_from(percent).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    fn schema(names: &[&str]) -> Value {
        let criteria: Map<String, Value> = names
            .iter()
            .map(|name| ((*name).to_owned(), json!({})))
            .collect();
        json!({"properties": {"criteria": {"properties": criteria}}})
    }

    fn scored(lines: &[(&str, &str)], fault: Option<BodyFault>) -> Value {
        let lines: Vec<Value> = lines
            .iter()
            .map(|(speaker, text)| json!({"speaker": speaker, "text": text}))
            .collect();
        let asks = "Score it.\nCriterion found_it: Did the agent ask for the number of the order?\n\
                    Criterion thanked: Did the customer thank the agent?";
        score(
            &schema(&["found_it", "thanked"]),
            &[asks.to_owned()],
            &[json!({ "lines": lines }).to_string()],
            fault,
        )
    }

    const GOOD: [(&str, &str); 4] = [
        ("agent", "Hello! What is the number of the order, please?"),
        ("customer", "It is 48213, and I am annoyed."),
        ("agent", "I have sent it again."),
        (
            "customer",
            "Wonderful. I thank you, that is great. Goodbye.",
        ),
    ];

    #[test]
    fn a_criterion_is_met_by_a_sentence_of_the_speaker_whom_it_is_about() {
        let value = scored(&GOOD, None);
        let quoted = |name: &str| {
            value
                .pointer(&format!("/criteria/{name}/quote"))
                .unwrap()
                .clone()
        };
        assert_eq!(
            quoted("found_it"),
            "What is the number of the order, please?"
        );
        assert_eq!(quoted("thanked"), "I thank you, that is great.");
        assert_eq!(value.get("resolution").unwrap(), "resolved");
        let swapped: Vec<(&str, &str)> = GOOD
            .iter()
            .map(|(speaker, text)| {
                (
                    if *speaker == "agent" {
                        "customer"
                    } else {
                        "agent"
                    },
                    *text,
                )
            })
            .collect();
        let value = scored(&swapped, None);
        assert_eq!(value.pointer("/criteria/found_it/met").unwrap(), false);
    }

    #[test]
    fn the_values_depend_on_the_conversation() {
        let bad = [
            ("agent", "What do you want?"),
            ("customer", "My order is late, and I am angry."),
            ("agent", "I don't know."),
            (
                "customer",
                "This is ridiculous. Your supervisor, now. I am hanging up.",
            ),
        ];
        let (good, bad) = (scored(&GOOD, None), scored(&bad, None));
        let number = |value: &Value, path: &str| value.pointer(path).unwrap().as_i64().unwrap();
        assert_eq!(bad.get("resolution").unwrap(), "unresolved");
        assert_eq!(bad.get("escalated").unwrap(), true);
        for (path, is_more) in [
            ("/satisfaction/value", true),
            ("/propensity_to_buy/value", true),
            ("/churn_risk/value", false),
            ("/sentiment/customer/end", true),
        ] {
            assert_eq!(number(&good, path) > number(&bad, path), is_more, "{path}");
        }
    }

    #[test]
    fn nothing_is_met_without_a_transcript_and_a_false_quote_is_nowhere() {
        let none = scored(&[], None);
        assert_eq!(none.pointer("/criteria/found_it/met").unwrap(), false);
        assert_eq!(none.get("resolution").unwrap(), "unresolved");
        let value = scored(&GOOD, Some(BodyFault::FalseQuote));
        let quote = value
            .pointer("/criteria/found_it/quote")
            .unwrap()
            .as_str()
            .unwrap();
        assert!(!quote.is_empty() && GOOD.iter().all(|(_, text)| !text.contains(quote)));
    }
}
