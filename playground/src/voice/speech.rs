//! What the relay says to the person: the queue of texts, files and digits, and how far it has been
//! played. A voice says about 15 characters a second.
//!
//! It has no clock. The caller passes the time, in milliseconds.

use std::collections::VecDeque;

use super::verb::Input;

/// What is said, and what is still to be said.
#[derive(Default)]
pub struct Speech {
    queue: VecDeque<Item>,
    state: State,
}

/// Something to say.
pub struct Item {
    /// What it is.
    pub content: Content,
    /// What interrupts it.
    pub interruptible: Input,
    /// Whether a later message cuts it.
    pub preemptible: bool,
    /// Whether more text of the same message may follow.
    pub open: bool,
}

/// What an item is.
pub enum Content {
    /// A text that is read aloud.
    Text(Text),
    /// A file or digits: what is reported when it has been played, and how many milliseconds are left.
    Sound(String, u64),
}

/// A text that is read aloud.
#[derive(Default)]
pub struct Text {
    characters: Vec<char>,
    /// How many characters have been said.
    said: usize,
    /// How many of them have been reported.
    reported: usize,
}

/// What happened to the speech.
#[derive(Debug, PartialEq, Eq)]
pub enum Played {
    /// The voice began.
    On,
    /// This was played: a clause, digits or a file.
    Tokens(String),
    /// The voice is silent.
    Off,
    /// The last message has been said to its end.
    Finished,
}

/// What the person heard of a clause before it was cut, and for how long, in milliseconds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The fragment.
    pub fragment: String,
    /// How long it was.
    pub milliseconds: u64,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Silent,
    /// The voice begins at this time.
    Starting(u64),
    /// Everything up to this time has been played.
    Speaking(u64),
    /// There has been nothing to say since this time.
    Dry(u64),
}

/// From the first text to the voice. Recorded: 320 to 340 ms.
const START_MS: u64 = 330;
/// How long the voice waits for more of a message, before it counts as silent. Not recorded.
const DRY_MS: u64 = 500;
/// How many characters a voice says in a second.
const CHARACTERS_A_SECOND: u64 = 15;

/// How long it takes to say so many characters.
pub fn time_for(characters: usize) -> u64 {
    let characters = u64::try_from(characters).unwrap_or(u64::MAX);
    characters
        .saturating_mul(1000)
        .div_ceil(CHARACTERS_A_SECOND)
}

impl Speech {
    /// Whether there is something to say, or being said.
    pub fn is_busy(&self) -> bool {
        !matches!(self.state, State::Silent)
    }

    /// What interrupts what is being said.
    pub fn interruptible(&self) -> Input {
        let front = self.queue.iter().find(|item| !item.is_played());
        front.map_or_else(Input::default, |item| item.interruptible)
    }

    /// Adds text. It continues the last message, if that is open and of the same kind. Otherwise it
    /// is a new message, which cuts all that is preemptible: `Some` says what was heard of it.
    pub fn text(&mut self, token: &str, item: Item, now: u64) -> Option<Heard> {
        let closes = !item.open;
        if let Some(last) = self.queue.back_mut()
            && last.open
            && last.interruptible == item.interruptible
            && last.preemptible == item.preemptible
            && let Content::Text(text) = &mut last.content
        {
            text.characters.extend(token.chars());
            last.open = item.open;
            self.wake(now, 0);
            return None;
        }
        // A closing marker says nothing by itself.
        if token.is_empty() {
            if let Some(last) = self.queue.back_mut() {
                last.open = last.open && !closes;
            }
            self.wake(now, 0);
            return None;
        }
        self.item(item, now)
    }

    /// Adds a message that is no text, or a text of its own.
    pub fn item(&mut self, item: Item, now: u64) -> Option<Heard> {
        let cut = self.cut();
        if let Some(last) = self.queue.back_mut() {
            last.open = false;
        }
        self.queue.push_back(item);
        self.wake(now, 0);
        cut
    }

    /// Adds a text whose voice begins after a delay.
    pub fn greet(&mut self, item: Item, now: u64, delay: u64) {
        self.queue.push_back(item);
        self.wake(now, delay);
    }

    /// Plays on until `now`.
    pub fn advance(&mut self, now: u64) -> Vec<Played> {
        let mut played = Vec::new();
        loop {
            match self.state {
                State::Silent => break,
                State::Starting(at) if at > now => break,
                State::Starting(at) => {
                    played.push(Played::On);
                    self.state = State::Speaking(at);
                }
                State::Speaking(since) => {
                    let Some(at) = self.play(since, now, &mut played) else {
                        break;
                    };
                    // The end of the queue, at the time `at`.
                    if self.queue.is_empty() {
                        played.extend([Played::Off, Played::Finished]);
                        self.state = State::Silent;
                    } else {
                        self.state = State::Dry(at);
                    }
                }
                State::Dry(since) if since.saturating_add(DRY_MS) > now => {
                    // The message may have been closed meanwhile.
                    if self.queue.iter().all(|item| !item.open) {
                        self.state = State::Speaking(since);
                        continue;
                    }
                    break;
                }
                State::Dry(_) => {
                    let fragment = self.queue.drain(..).filter_map(|mut item| item.report());
                    played.extend(fragment.map(Played::Tokens));
                    played.push(Played::Off);
                    self.state = State::Silent;
                }
            }
        }
        played
    }

    /// When it has to play on.
    pub fn next_wake(&self) -> Option<u64> {
        match self.state {
            State::Silent => None,
            State::Starting(at) => Some(at),
            State::Speaking(since) => {
                let wait = self.queue.front().map_or(0, Item::next);
                Some(since.saturating_add(wait))
            }
            State::Dry(since) => Some(since.saturating_add(DRY_MS)),
        }
    }

    /// Stops everything. Says what was heard of the current clause.
    pub fn interrupt(&mut self) -> Heard {
        let heard = self.queue.front().map(Item::heard).unwrap_or_default();
        self.queue.clear();
        self.state = State::Silent;
        heard
    }

    /// Removes what a later message cuts.
    fn cut(&mut self) -> Option<Heard> {
        let front = self.queue.front();
        let heard = front
            .filter(|item| item.preemptible && !item.is_played())
            .map(Item::heard);
        self.queue.retain(|item| !item.preemptible);
        heard
    }

    /// Something was added.
    fn wake(&mut self, now: u64, delay: u64) {
        self.state = match self.state {
            State::Silent if self.queue.iter().any(|item| !item.is_played()) => {
                State::Starting(now.saturating_add(START_MS).saturating_add(delay))
            }
            State::Dry(_) => State::Speaking(now),
            other => other,
        };
    }

    /// Plays the queue from the time `since` until `now`. `Some`: it ended at this time.
    fn play(&mut self, since: u64, now: u64, played: &mut Vec<Played>) -> Option<u64> {
        let mut at = since;
        loop {
            let more = self.queue.len() > 1;
            let Some(front) = self.queue.front_mut() else {
                return Some(at);
            };
            at = front.play(at, now);
            if front.is_at_boundary() {
                played.extend(front.report().map(Played::Tokens));
            }
            if !front.is_played() {
                if front.can_play(now.saturating_sub(at)) {
                    continue;
                }
                self.state = State::Speaking(at);
                return None;
            }
            if front.open && !more {
                return Some(at);
            }
            played.extend(front.report().map(Played::Tokens));
            self.queue.pop_front();
        }
    }
}

impl Item {
    fn is_played(&self) -> bool {
        match &self.content {
            Content::Text(text) => text.said >= text.characters.len(),
            Content::Sound(_, left) => *left == 0,
        }
    }

    /// How many milliseconds it takes to the end of the clause or of the sound.
    fn next(&self) -> u64 {
        match &self.content {
            Content::Text(text) => time_for(text.clause_end().saturating_sub(text.said)),
            Content::Sound(_, left) => *left,
        }
    }

    /// Whether any of it can be played in this time.
    fn can_play(&self, time: u64) -> bool {
        match &self.content {
            Content::Text(_) => time >= time_for(1),
            Content::Sound(..) => time > 0,
        }
    }

    /// Plays from the time `at` up to `now`, but not beyond the end of a clause. Returns the time that
    /// it has come to.
    fn play(&mut self, at: u64, now: u64) -> u64 {
        let time = now.saturating_sub(at);
        match &mut self.content {
            Content::Text(text) => {
                let characters = time.saturating_mul(CHARACTERS_A_SECOND).div_euclid(1000);
                let characters = usize::try_from(characters).unwrap_or(usize::MAX);
                let left = text.clause_end().saturating_sub(text.said);
                let characters = characters.min(left);
                text.said = text.said.saturating_add(characters);
                at.saturating_add(time_for(characters))
            }
            Content::Sound(_, left) => {
                let part = time.min(*left);
                *left = left.saturating_sub(part);
                at.saturating_add(part)
            }
        }
    }

    fn is_at_boundary(&self) -> bool {
        match &self.content {
            Content::Text(text) => text.ends_clause(text.said),
            Content::Sound(_, left) => *left == 0,
        }
    }

    /// What was played since the last report.
    fn report(&mut self) -> Option<String> {
        let words = match &mut self.content {
            Content::Text(text) => {
                let words = text.between(text.reported, text.said);
                text.reported = text.said;
                words
            }
            Content::Sound(name, 0) => std::mem::take(name),
            Content::Sound(..) => String::new(),
        };
        let words = words.trim();
        (!words.is_empty()).then(|| words.to_owned())
    }

    /// What was heard since the last report.
    fn heard(&self) -> Heard {
        match &self.content {
            Content::Text(text) => Heard {
                fragment: text.between(text.reported, text.said).trim().to_owned(),
                milliseconds: time_for(text.said.saturating_sub(text.reported)),
            },
            Content::Sound(..) => Heard::default(),
        }
    }
}

impl Text {
    /// A text.
    pub fn new(text: &str) -> Self {
        Self {
            characters: text.chars().collect(),
            said: 0,
            reported: 0,
        }
    }

    fn between(&self, start: usize, end: usize) -> String {
        self.characters
            .get(start..end)
            .unwrap_or_default()
            .iter()
            .collect()
    }

    /// Where the current clause ends, or the text.
    fn clause_end(&self) -> usize {
        let next = self.said.saturating_add(1);
        (next..self.characters.len())
            .find(|&end| self.ends_clause(end))
            .unwrap_or(self.characters.len())
    }

    /// Whether a clause ends before the character `end`: with a mark and a space.
    fn ends_clause(&self, end: usize) -> bool {
        let mark = end
            .checked_sub(1)
            .and_then(|last| self.characters.get(last));
        mark.is_some_and(|mark| ",.;:?!".contains(*mark))
            && self
                .characters
                .get(end)
                .is_some_and(|next| next.is_whitespace())
    }
}
