use super::*;

const NOW: UnixMillis = UnixMillis(1_795_348_800_000);

fn line(by_operator: bool, text: &str) -> Line {
    Line {
        at: NOW,
        by_operator,
        text: text.to_owned(),
    }
}

fn turns(lines: &[(bool, &str)]) -> Vec<(String, String)> {
    let said = lines.iter().map(|(by, text)| line(*by, text)).collect();
    let mut hand_off = HandOffs {
        said,
        ..HandOffs::default()
    };
    let turns = hand_off.take_turns();
    turns
        .into_iter()
        .map(|turn| (turn.user, turn.assistant))
        .collect()
}

#[test]
fn what_was_said_becomes_turns_in_order() {
    let pair = |user: &str, assistant: &str| (user.to_owned(), assistant.to_owned());
    assert_eq!(turns(&[]), []);
    assert_eq!(turns(&[(true, "Hi")]), [pair("", "Hi")]);
    assert_eq!(turns(&[(false, "a"), (false, "b")]), [pair("a\nb", "")]);
    assert_eq!(
        turns(&[(false, "a"), (true, "b"), (true, "c"), (false, "d")]),
        [pair("a", "b\nc"), pair("d", "")]
    );
}

#[test]
fn what_is_kept_of_a_hand_off_is_bounded_and_expires() {
    let mut hand_off = HandOffs::default();
    let long = "x".repeat(MAX_SAID_BYTES / 4);
    for hour in 0..8 {
        hand_off.say(false, long.clone(), NOW.plus(Duration::from_hours(hour)));
    }
    assert_eq!(hand_off.said.len(), 4);
    let now = NOW.plus(Duration::from_hours(7));
    hand_off.forget(now, Duration::from_hours(2));
    assert_eq!(hand_off.said.len(), 2);
    hand_off.say(true, "x".repeat(MAX_SAID_BYTES + 1), now);
    assert!(hand_off.said.is_empty());
}
