//! The object's storage: what it holds, when it fails, and how many rows are written.
//!
//! Not here: damaged values (`faults::damage`).

use switchboard::platform::Clock;

use super::{
    hand_off::{desk, with_hand_off},
    users,
};
use crate::support::{ANNA, Act, FakePlatform, HOUR, SECOND, after, fresh_sid, webhook};

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_alarm_that_fails_sets_one_of_its_own_before_the_runtime_rings_no_more() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "Hello").await;
    platform.pass(SECOND).await;
    let due = platform.alarm(ANNA).unwrap();
    platform.commits_fail(ANNA, 1);
    platform.pass(due.since(platform.now())).await;
    platform.pass(SECOND).await;
    assert_eq!(platform.alarm(ANNA), Some(due.plus(10 * SECOND)));
    assert_eq!(platform.events_named("object_failed").len(), 1);
    platform.pass(25 * HOUR).await;
    assert!(platform.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_that_could_not_be_stored_is_not_taken_in() {
    let platform = FakePlatform::new();
    let sid = fresh_sid();
    platform.storage_fails(ANNA, true);
    let response = platform.post(&webhook(ANNA, "Hello", &sid)).await;
    assert_eq!(response.status, 503);
    assert!(
        platform.model_requests().is_empty(),
        "nothing is sent before the message is stored"
    );
    platform.storage_fails(ANNA, false);
    assert_eq!(
        platform.message(ANNA, "Hello", &sid).await,
        ["answer to Hello"]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_stored_state_that_cannot_be_read_is_logged_and_does_not_lock_the_contact_out() {
    // The last is readable, and would have a copy of its message wait for ever.
    let torn = include_str!("../../vectors/thread_state_v1.json")
        .trim()
        .replace("{\"answer\":1}", "\"waiting\"");
    for (value, reason) in [
        ("", "state_unreadable"),
        ("{}", "state_unreadable"),
        ("{\"v\":2}", "state_unreadable"),
        ("[1]", "state_unreadable"),
        (&torn, "state_salvaged"),
    ] {
        let platform = FakePlatform::new();
        platform.overwrite_storage(ANNA, "state", value);
        assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
        assert_eq!(platform.events_named("internal_error")[0]["reason"], reason);
        assert!(!platform.log_text().contains(ANNA));
    }
}

/// Pinned, because a deploy meets the state that the previous release stored.
#[tokio::test(flavor = "local", start_paused = true)]
async fn the_stored_state_is_version_1_and_is_still_read() {
    let platform = FakePlatform::new();
    let pinned = include_str!("../../vectors/thread_state_v1.json").trim();
    platform.overwrite_storage(ANNA, "state", pinned);
    let seen = "SM000000000000000000000000000000aa";
    assert_eq!(
        platform.message(ANNA, "one", seen).await,
        ["answer to one"],
        "a copy gets the stored answer"
    );
    platform.text(ANNA, "three").await;
    assert_eq!(
        users(&platform.model_requests()[0]),
        ["two", "three"],
        "with the turn that KV does not have"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn five_messages_of_one_contact_write_no_more_rows_than_the_promises_need() {
    // `npm run bench` measures with a lifetime of one minute.
    for ttl in ["3600", "60"] {
        let platform = FakePlatform::with(&[("CONVERSATION_TTL_SECONDS", ttl)]);
        platform.objects_last(10 * SECOND);
        let mut rows = Vec::new();
        let (mut written, mut rung) = (0, 0);
        let mut note = |what: &'static str| {
            rows.push((
                what,
                platform.rows(ANNA) - written,
                platform.alarms(ANNA) - rung,
            ));
            (written, rung) = (platform.rows(ANNA), platform.alarms(ANNA));
        };
        for (gap, text) in [
            (0, "one"),
            (3, "two"),
            (3, "three"),
            (25, "four"),
            (25, "five"),
        ] {
            platform.pass(gap * SECOND).await;
            note("meanwhile");
            assert_eq!(
                platform.text(ANNA, text).await,
                [format!("answer to {text}")]
            );
            note(text);
        }
        platform.pass(40 * SECOND).await;
        note("meanwhile");
        platform.pass(25 * HOUR).await;
        note("until expired");
        assert!(platform.stored(ANNA).is_empty());
        let expected = [
            ("meanwhile", 0, 0),
            // The message, the alarm for the turn, the end of the turn.
            ("one", 3, 0),
            ("meanwhile", 0, 0),
            ("two", 2, 0),
            ("meanwhile", 0, 0),
            ("three", 2, 0),
            // KV has the turns, so their texts are deleted; the alarm for the counts.
            ("meanwhile", 2, 1),
            ("four", 3, 0),
            ("meanwhile", 2, 1),
            ("five", 3, 0),
            ("meanwhile", 2, 1),
            // The counts move to the budget object; the alarm for the end. Emptying the storage is not billed as a row.
            // The day's usage stays until midnight: one write, and its alarm.
            ("until expired", 4, 3),
        ];
        assert_eq!(rows, expected);
        assert_eq!(
            (platform.budget_rows(), platform.kv_reads()),
            (6, 2),
            "five reservations and a report; two that found no object"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_alarm_after_which_the_state_is_stored_already_writes_nothing_but_the_next_alarm() {
    let platform = FakePlatform::new();
    platform.model([after(11_000, Act::Say("by REST"))]);
    platform.twilio([Act::Later("1"), Act::Later("1")]);
    platform.text(ANNA, "Hello").await;
    platform.pass(2 * SECOND).await;
    let (rows, alarms) = (platform.rows(ANNA), platform.alarms(ANNA));
    platform.pass(3 * SECOND).await;
    assert_eq!(
        (platform.rows(ANNA) - rows, platform.alarms(ANNA) - alarms),
        (3, 1),
        "before it is sent, after it was not, the alarm"
    );
    platform.pass(5 * SECOND).await;
    assert_eq!(platform.sent(), ["by REST"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn addresses_are_stored_only_while_a_turn_needs_them() {
    let platform = FakePlatform::new();
    platform.model([after(1000, Act::Say("answer"))]);
    let during = async {
        platform.pass(SECOND / 2).await;
        assert!(
            platform.stored(ANNA)["state"].contains(ANNA),
            "an answer by REST would need it"
        );
    };
    futures_util::join!(platform.text(ANNA, "Hello"), during);
    platform.pass(SECOND).await;
    assert!(!holds_address(&platform));
}

/// Whether something that the thread stores has the contact's address.
fn holds_address(platform: &FakePlatform) -> bool {
    let stored = platform.stored(ANNA);
    stored.values().any(|value| value.contains(ANNA))
}

/// A person must be able to answer as long as it lasts.
#[tokio::test(flavor = "local", start_paused = true)]
async fn a_hand_off_keeps_the_contacts_address_until_it_ends() {
    let platform = with_hand_off(&[], &desk());
    platform.text(ANNA, "agent").await;
    platform.pass(HOUR).await;
    assert!(platform.stored(ANNA)["state"].contains(ANNA));
    platform.text(ANNA, "Assistant").await;
    platform.pass(SECOND).await;
    assert!(!holds_address(&platform));
}
