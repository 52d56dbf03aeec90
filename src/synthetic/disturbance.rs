//! Disturbances: what goes wrong in a conversation on purpose, decided by its seed.
//!
//! A data set is more useful when its conversations are not all smooth. Each disturbance belongs to
//! one line, and is marked in the transcript. Not here: how the line is made (`run`).

use oorandom::Rand64;
use serde::{Deserialize, Serialize};

use super::transcript::Mark;
use crate::config::Speaker;

/// Something that goes wrong in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disturbance {
    /// The speaker cuts in before the line before has ended.
    Interruption,
    /// The agent mishears a name.
    MisheardName,
    /// The customer gives a wrong number.
    WrongOrderNumber,
    /// The customer changes the topic.
    TopicChange,
    /// The customer says nothing.
    Silence,
    /// The customer is impatient.
    Impatience,
}

impl Disturbance {
    /// All of them.
    const ALL: [Self; 6] = [
        Self::Interruption,
        Self::MisheardName,
        Self::WrongOrderNumber,
        Self::TopicChange,
        Self::Silence,
        Self::Impatience,
    ];

    /// Whose line it can belong to. `None`: anybody's.
    fn speaker(self) -> Option<Speaker> {
        match self {
            Self::Interruption => None,
            Self::MisheardName => Some(Speaker::Agent),
            Self::WrongOrderNumber | Self::TopicChange | Self::Silence | Self::Impatience => {
                Some(Speaker::Customer)
            }
        }
    }

    /// The mark of the line.
    #[must_use]
    pub fn mark(self) -> Mark {
        match self {
            Self::Interruption => Mark::Interrupts,
            Self::MisheardName => Mark::MisheardName,
            Self::WrongOrderNumber => Mark::WrongOrderNumber,
            Self::TopicChange => Mark::TopicChange,
            Self::Silence => Mark::Silence,
            Self::Impatience => Mark::Impatience,
        }
    }

    /// What the speaker is told. `None`: it is not asked.
    #[must_use]
    pub fn direction(self) -> Option<&'static str> {
        match self {
            Self::Interruption => Some("Interrupt the other person."),
            Self::MisheardName => Some("Mishear the other person's name."),
            Self::WrongOrderNumber => Some("Give a wrong order number, and correct it if asked."),
            Self::TopicChange => Some("Change the topic."),
            Self::Impatience => Some("Show impatience."),
            Self::Silence => None,
        }
    }
}

/// The lines that are disturbed, by their numbers.
pub type Disturbed = std::collections::BTreeMap<u32, Disturbance>;

/// How many of a hundred conversations have a disturbance of one kind.
const PER_CENT: u64 = 20;
/// The first line that can be disturbed. Before it nobody has said anything.
const FIRST: u32 = 3;
/// The last line that can be disturbed. Many conversations are over after it.
const LAST: u32 = 10;

/// The disturbances of a conversation in which `first` speaks first. The same seed gives the same.
#[must_use]
pub fn disturbances(seed: u64, first: Speaker, turns: u32) -> Disturbed {
    let mut random = Rand64::new(u128::from(seed));
    let mut disturbed = Disturbed::new();
    for disturbance in Disturbance::ALL {
        // Both numbers are drawn for each kind, so that one kind does not move the next.
        let (chance, place) = (random.rand_range(0..100), random.rand_u64());
        let fits = |n: &u32| {
            let speaker = speaker_of(*n, first);
            disturbance.speaker().is_none_or(|own| own == speaker) && !disturbed.contains_key(n)
        };
        let lines: Vec<u32> = (FIRST..=turns.min(LAST)).filter(fits).collect();
        let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        let at = place
            .checked_rem(count)
            .and_then(|at| usize::try_from(at).ok());
        if chance < PER_CENT
            && let Some(line) = at.and_then(|at| lines.get(at))
        {
            disturbed.insert(*line, disturbance);
        }
    }
    disturbed
}

/// Who says the line of that number: they take turns.
#[must_use]
pub fn speaker_of(n: u32, first: Speaker) -> Speaker {
    if n % 2 == 1 { first } else { first.other() }
}

/// The part of a line that is heard when the other side cuts in: about half of its words, at least
/// one.
#[must_use]
pub fn heard_before_interruption(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let half = words.len().div_ceil(2);
    words.into_iter().take(half).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_disturbances() {
        for seed in 0..100 {
            let once = disturbances(seed, Speaker::Agent, 20);
            assert_eq!(once, disturbances(seed, Speaker::Agent, 20));
        }
        // Stored data sets name their seeds, so the algorithm must not change.
        let shown = format!("{:?}", disturbances(3, Speaker::Agent, 20));
        assert_eq!(shown, "{4: Impatience}");
    }

    #[test]
    fn every_kind_occurs_and_only_in_lines_of_those_who_can_do_it() {
        let mut seen = std::collections::BTreeSet::new();
        let (mut smooth, mut rough) = (0, 0);
        for seed in 0..1000 {
            for first in [Speaker::Agent, Speaker::Customer] {
                let disturbed = disturbances(seed, first, 20);
                if disturbed.is_empty() {
                    smooth += 1;
                } else {
                    rough += 1;
                }
                for (n, disturbance) in disturbed {
                    assert!((FIRST..=LAST).contains(&n));
                    let speaker = speaker_of(n, first);
                    assert!(disturbance.speaker().is_none_or(|own| own == speaker));
                    seen.insert(disturbance);
                }
            }
        }
        assert_eq!(seen.len(), Disturbance::ALL.len());
        assert!(smooth > 400 && rough > 800, "{smooth} {rough}");
    }

    #[test]
    fn a_short_conversation_has_no_disturbance_after_its_end() {
        for seed in 0..1000 {
            for n in disturbances(seed, Speaker::Agent, 4).into_keys() {
                assert!(n <= 4);
            }
            assert!(disturbances(seed, Speaker::Agent, 2).is_empty());
        }
    }

    #[test]
    fn who_cuts_in_has_heard_about_half() {
        assert_eq!(
            heard_before_interruption("one two three four five"),
            "one two three"
        );
        assert_eq!(heard_before_interruption("one"), "one");
    }
}
