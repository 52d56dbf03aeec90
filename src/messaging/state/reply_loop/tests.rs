use proptest::prelude::*;

use super::*;
use crate::messaging::state::tests::config;

const AWAY: &str = "I'm driving right now. I'll get back to you later.";

struct Thread {
    state: ReplyLoop,
    config: Config,
    now: UnixMillis,
}

impl Thread {
    fn new() -> Self {
        Self {
            state: ReplyLoop::default(),
            config: config(),
            now: UnixMillis(1_000_000_000),
        }
    }

    /// A message comes after some seconds, and is answered at once unless it is in a loop.
    fn hears(&mut self, text: &str, seconds: u64) -> bool {
        let silent = self.hears_only(text, seconds);
        if !silent {
            self.state.answer(self.now);
        }
        !silent
    }

    fn hears_only(&mut self, text: &str, seconds: u64) -> bool {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.state.hear(text, &self.config, self.now)
    }

    /// How many of these messages are answered.
    fn answers(&mut self, texts: impl IntoIterator<Item = String>, seconds: u64) -> usize {
        texts
            .into_iter()
            .filter(|text| self.hears(text, seconds))
            .count()
    }
}

fn times(text: &str, times: usize) -> Vec<String> {
    vec![text.to_owned(); times]
}

#[test]
fn an_automatic_reply_is_answered_three_times_and_then_not_until_something_else_comes() {
    let mut thread = Thread::new();
    assert_eq!(thread.answers(times(AWAY, 40), 8), 3);
    assert!(thread.hears("Sorry, I'm back. Do you open on Sunday?", 8));
    assert_eq!(thread.answers(times(AWAY, 40), 8), 2, "and again");
}

#[test]
fn replies_that_take_turns_or_count_are_a_loop_too() {
    let two = [
        "Thanks for your message! We are closed.",
        "Our office opens on Monday at nine.",
    ];
    let alternating = (0..40).map(|i| two[i % 2].to_owned());
    assert!(Thread::new().answers(alternating, 8) <= 5);
    let three = [AWAY, two[0], two[1]];
    let rotating = (0..60).map(|i| three[i % 3].to_owned());
    assert!(Thread::new().answers(rotating, 8) <= 6);
    let tickets = (0..40).map(|i| format!("Ticket #{} received at 10:{i:02}.", 1234 + i));
    assert_eq!(Thread::new().answers(tickets, 8), 8);
    let shouting = (0..40).map(|i| {
        if i % 2 == 0 {
            AWAY.to_uppercase()
        } else {
            format!(" {AWAY} ")
        }
    });
    assert_eq!(Thread::new().answers(shouting, 8), 3);
}

#[test]
fn a_slower_loop_is_one_too() {
    assert_eq!(Thread::new().answers(times(AWAY, 40), 100), 3);
    assert_eq!(Thread::new().answers(times("Out of office", 40), 8), 10);
    assert_eq!(
        Thread::new().answers(times("I am away right now.", 40), 8),
        5
    );
}

#[test]
fn a_person_who_asks_again_because_no_answer_comes_is_answered() {
    let mut thread = Thread::new();
    for _ in 0..20 {
        assert!(!thread.hears_only("hello? is anybody there? I need an answer", 6));
    }
    thread.state.answer(thread.now);
    assert!(thread.hears("hello? is anybody there? I need an answer", 6));
}

#[test]
fn a_person_who_repeats_short_words_is_answered() {
    for word in ["yes", "ok", "next", "1", "👍"] {
        assert_eq!(Thread::new().answers(times(word, 10), 8), 10, "{word}");
        assert_eq!(
            Thread::new().answers(times(word, 30), 1),
            30,
            "{word}, in haste"
        );
    }
    let quiz = (0..60).map(|i| ["A", "B", "C", "D"][(i * i + i / 3) % 4].to_owned());
    assert_eq!(Thread::new().answers(quiz, 8), 60);
    let sums = (2..22).map(|i| format!("What is {i} times 7?"));
    assert_eq!(Thread::new().answers(sums, 20), 20);
    let numbers = (0..60).map(|i| format!("room {i}"));
    assert_eq!(Thread::new().answers(numbers, 8), 60);
}

#[test]
fn a_question_that_comes_again_much_later_is_answered() {
    let question = "What time do you open on Sunday, please?";
    assert_eq!(Thread::new().answers(times(question, 20), 130), 20);
    let mut thread = Thread::new();
    assert_eq!(thread.answers(times(AWAY, 10), 8), 3);
    assert!(thread.hears(AWAY, 600), "after ten silent minutes");
}

#[test]
fn nothing_is_kept_but_marks_and_for_ten_minutes() {
    let mut thread = Thread::new();
    thread.answers(
        (0..9).map(|i| format!("{AWAY} {}", ["a", "b", "c"][i % 3])),
        8,
    );
    let stored = serde_json::to_string(&thread.state).unwrap();
    assert!(
        !stored.contains("driving") && stored.len() < 400,
        "{stored}"
    );
    let ends = thread.state.ends(Duration::from_hours(1)).unwrap();
    assert_eq!(ends, thread.now.plus(FORGOTTEN_AFTER));
    thread.state.forget(ends, Duration::from_hours(1));
    assert_eq!(thread.state, ReplyLoop::default());
}

proptest! {
    // Short texts that come sooner do not count: people write so. The rate limit bounds them.
    #[test]
    fn any_loop_of_a_few_texts_is_bounded(texts in prop::collection::vec("[a-z]{4,9} [a-z]{4,9} [a-z][a-z 0-9]{7,58}[a-z]", 1..4), seconds in 2u64..110) {
        let rotating: Vec<_> = (0..120).map(|i| texts[i % texts.len()].clone()).collect();
        prop_assert!(Thread::new().answers(rotating, seconds) <= 24);
    }

    #[test]
    fn whoever_writes_something_new_is_answered(texts in prop::collection::vec("[a-z ]{0,40}", 1..40)) {
        let mut thread = Thread::new();
        thread.answers(texts, 8);
        prop_assert!(thread.hears("this is something else altogether", 8));
    }
}
