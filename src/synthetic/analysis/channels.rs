//! Which side is on which channel of a recording, told by the words.
//!
//! Not here: which line a sentence belongs to (`alignment`).

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::{
    analytics::transcription::Sentence,
    config::Speaker,
    synthetic::{transcript::Line, word_errors::spoken_words},
};

/// The channels of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// The agent's.
    pub agent: u32,
    /// The customer's.
    pub customer: u32,
}

/// Where the sides are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Each has a channel.
    Apart(Sides),
    /// There are not two channels, or their words fit both sides equally well.
    Together,
}

/// How often each word occurs.
type Counts = HashMap<String, u32>;

/// Of the two ways to give two channels to the two sides, the one in which more words are shared.
pub fn channels(lines: &[Line], sentences: &[Sentence]) -> Channels {
    let said = |speaker: Speaker| {
        let own = lines.iter().filter(|line| line.speaker == speaker);
        counts(own.map(Line::heard))
    };
    let mut heard: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for sentence in sentences {
        let channel = heard.entry(sentence.channel).or_default();
        channel.push(&sentence.text);
    }
    let heard: Vec<(u32, Counts)> = heard
        .into_iter()
        .map(|(channel, texts)| (channel, counts(texts)))
        .collect();
    let [(first, one), (second, other)] = heard.as_slice() else {
        return Channels::Together;
    };
    let (agent, customer) = (said(Speaker::Agent), said(Speaker::Customer));
    let straight = shared(&agent, one).saturating_add(shared(&customer, other));
    let crossed = shared(&customer, one).saturating_add(shared(&agent, other));
    let apart = |agent: u32, customer: u32| Channels::Apart(Sides { agent, customer });
    match straight.cmp(&crossed) {
        std::cmp::Ordering::Greater => apart(*first, *second),
        std::cmp::Ordering::Less => apart(*second, *first),
        std::cmp::Ordering::Equal => Channels::Together,
    }
}

fn counts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Counts {
    let mut counts = Counts::new();
    for word in texts.into_iter().flat_map(spoken_words) {
        let count = counts.entry(word).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

/// How many words both have.
fn shared(one: &Counts, other: &Counts) -> u64 {
    let common = one.iter().map(|(word, count)| {
        let other = other.get(word).copied().unwrap_or_default();
        u64::from(other.min(*count))
    });
    common.sum()
}
