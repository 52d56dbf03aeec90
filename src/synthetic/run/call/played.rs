//! How much of a line was played.
//!
//! It is in memory only: when it is lost, the line's end is told in another way. Not here: what follows
//! (`state::call`).

/// How much of a line was played.
#[derive(Clone, Copy, Debug, Default)]
pub struct Played {
    /// The number of the line.
    line: u32,
    /// Its characters that were played, without spaces.
    characters: usize,
}

impl Played {
    /// With these words of a line, too.
    pub fn with(self, line: u32, words: &str) -> Self {
        let before = if self.line == line {
            self.characters
        } else {
            0
        };
        Self {
            line,
            characters: before.saturating_add(count(words)),
        }
    }

    /// Whether these are all words of the line.
    pub fn is_all_of(self, words: &str) -> bool {
        self.characters >= count(words)
    }
}

/// The characters of a text, without spaces.
fn count(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}
