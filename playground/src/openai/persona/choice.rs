//! The choice of words: always the same for the same conversation, and never words that the persona
//! has used before.

use super::part::Part;
use crate::openai::messages::Spoken;

/// What a persona says.
pub struct Line {
    /// The words.
    pub say: String,
    /// Whether the persona then hangs up.
    pub ends_call: bool,
}

/// The choices of a persona at one point of a conversation.
pub struct Choice {
    seed: u64,
    own: Vec<String>,
}

impl Choice {
    /// The choices of the persona who plays `part`.
    pub fn new(part: &Part, spoken: &[Spoken]) -> Self {
        let own: Vec<String> = spoken
            .iter()
            .filter(|line| line.own)
            .map(|line| line.text.trim().to_owned())
            .collect();
        let first = spoken.iter().find(|line| !line.own);
        let first = first.map_or("", |line| line.text.as_str());
        let seed = hash(&[part.whole(), first]);
        Self { seed, own }
    }

    /// How many lines the persona has said.
    pub fn turn(&self) -> usize {
        self.own.len()
    }

    /// The persona's last line.
    pub fn last(&self) -> Option<&str> {
        self.own.last().map(String::as_str)
    }

    /// The persona's lines, oldest first.
    pub fn own(&self) -> &[String] {
        &self.own
    }

    /// Whether the persona has said this.
    pub fn has_said(&self, words: &str) -> bool {
        let wanted = words.to_lowercase();
        self.own
            .iter()
            .any(|line| line.to_lowercase().contains(&wanted))
    }

    /// Words of the pool that the persona has not said yet. `{}` in them becomes `about`.
    pub fn fresh(&self, pool: &[&str], about: &str) -> Option<String> {
        let turn = self.turn().to_string();
        let hash = hash(&[&self.seed.to_string(), &turn, pool.first().unwrap_or(&"")]);
        let start = usize::try_from(hash.checked_rem(pool.len().try_into().ok()?)?).ok()?;
        let rotated = pool.iter().cycle().skip(start).take(pool.len());
        let filled = rotated.map(|words| words.replace("{}", about));
        let mut unsaid = filled.filter(|words| !self.has_said(words));
        unsaid.next()
    }
}

/// FNV-1a over texts, with a mark after each.
fn hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xFF]));
    let mixed = bytes.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    mixed ^ mixed.wrapping_shr(29)
}
