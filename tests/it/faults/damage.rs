//! Stored values are damaged: an opt-out holds, the rest is salvaged or begun anew, and it is logged.
//!
//! Not here: any damage at all, as a property (`fuzz_targets`).

use serde_json::Value;

use crate::support::{ANNA, Act, CARL, DAY, FakePlatform, NOTHING, SECOND, after, fresh_sid};

/// Damaged states: another version, a missing field, a torn text, another type.
const DAMAGES: [Option<&str>; 6] = [
    Some(r#"{"v":2,"opted_out":false}"#),
    Some("{}"),
    Some(r#"{"v":1,"seen":["#),
    Some("null"),
    Some(""),
    None,
];

fn damage(platform: &FakePlatform, from: &str, key: &str, value: Option<&str>) {
    match value {
        Some(text) => platform.overwrite_storage(from, key, text),
        None => platform.damage_storage(from, key),
    }
    platform.kill(from);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_opt_out_is_never_forgotten_whatever_becomes_of_the_state() {
    for value in DAMAGES {
        let platform = FakePlatform::new();
        platform.text(CARL, "Hello").await;
        platform.text(CARL, "STOP").await;
        damage(&platform, CARL, "state", value);
        assert_eq!(platform.text(CARL, "Hello").await, NOTHING, "{value:?}");
        assert_eq!(
            platform.events_named("internal_error")[0]["reason"],
            "state_unreadable",
            "{value:?}"
        );
        platform.kill(CARL);
        platform.pass(3 * DAY).await;
        assert_eq!(
            platform.text(CARL, "Hello again").await,
            NOTHING,
            "{value:?}"
        );
        platform.text(CARL, "START").await;
        assert_eq!(
            platform.text(CARL, "Back").await,
            ["answer to Back"],
            "{value:?}"
        );
        platform.kill(CARL);
        assert_eq!(
            platform.text(CARL, "Still").await,
            ["answer to Still"],
            "{value:?}"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_opt_out_that_cannot_be_read_counts_as_one() {
    for value in [Some("false"), Some(""), None] {
        let platform = FakePlatform::new();
        platform.text(CARL, "STOP").await;
        damage(&platform, CARL, "opted_out", value);
        assert_eq!(platform.text(CARL, "Hello").await, NOTHING, "{value:?}");
        platform.text(CARL, "START").await;
        assert_eq!(
            platform.text(CARL, "Hello").await,
            ["answer to Hello"],
            "{value:?}"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_contact_whose_state_cannot_be_read_is_answered_like_a_stranger_and_it_is_logged() {
    for value in DAMAGES {
        let platform = FakePlatform::new();
        platform.text(ANNA, "Hello").await;
        platform.pass(SECOND).await;
        damage(&platform, ANNA, "state", value);
        assert_eq!(
            platform.text(ANNA, "Hello again").await,
            ["answer to Hello again"],
            "{value:?}"
        );
        assert_eq!(
            platform.events_named("internal_error").len(),
            1,
            "{value:?}"
        );
        platform.pass(SECOND).await;
        platform.kill(ANNA);
        assert_eq!(
            platform.text(ANNA, "And again").await,
            ["answer to And again"],
            "{value:?}"
        );
        platform.pass(SECOND).await;
        assert_eq!(
            platform.events_named("internal_error").len(),
            1,
            "it is written anew: {value:?}"
        );
        assert_eq!(
            platform.kv_keys().len(),
            3,
            "no revision's number is given twice: {value:?}"
        );
    }
}

/// Sets the value at a path, such as `/outbox/entries`.
fn set(state: &mut Value, path: &str, value: Value) {
    let mut place = state;
    for name in path.split('/').skip(1) {
        place = &mut place[name];
    }
    *place = value;
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_can_be_read_of_a_damaged_state_is_kept() {
    for (field, value) in [
        ("/outbox/entries", "5"),
        ("/rate_window/admitted", "[\"soon\"]"),
        ("/revisions/conversation", "[]"),
        ("/revisions/unsaved", "{}"),
        ("/rate_window/notice", "1"),
        ("/share", "7"),
        ("/usage", "true"),
    ] {
        let platform = FakePlatform::new();
        let sid = fresh_sid();
        platform.message(ANNA, "Hello", &sid).await;
        platform.pass(20 * SECOND).await;
        let mut state: Value = serde_json::from_str(&platform.stored(ANNA)["state"]).unwrap();
        set(&mut state, field, serde_json::from_str(value).unwrap());
        damage(&platform, ANNA, "state", Some(&state.to_string()));
        assert_eq!(
            platform.message(ANNA, "Hello", &sid).await,
            ["answer to Hello"],
            "{field}: a copy is still known"
        );
        assert_eq!(platform.model_requests().len(), 1, "{field}");
        assert_eq!(
            platform.events_named("internal_error")[0]["reason"],
            "state_salvaged",
            "{field}"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn one_damaged_entry_of_a_list_takes_no_other_with_it() {
    let platform = FakePlatform::new();
    let sid = fresh_sid();
    platform.message(ANNA, "Hello", &sid).await;
    platform.pass(20 * SECOND).await;
    let mut state: Value = serde_json::from_str(&platform.stored(ANNA)["state"]).unwrap();
    state["records"]
        .as_array_mut()
        .unwrap()
        .insert(0, serde_json::json!({ "sid": 5 }));
    damage(&platform, ANNA, "state", Some(&state.to_string()));
    assert_eq!(
        platform.message(ANNA, "Hello", &sid).await,
        ["answer to Hello"]
    );
    assert_eq!(platform.model_requests().len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_that_waited_in_a_damaged_state_is_answered_or_given_up_and_holds_up_nobody() {
    let platform = FakePlatform::new();
    platform.model([after(20_000, Act::Say("slow"))]);
    platform.text(ANNA, "Hello").await;
    let mut state: Value = serde_json::from_str(&platform.stored(ANNA)["state"]).unwrap();
    assert!(state["turns"]["active"].is_object());
    state["turns"]["active"]["messages"] = Value::from("?");
    damage(&platform, ANNA, "state", Some(&state.to_string()));
    assert_eq!(
        platform.text(ANNA, "Are you there?").await,
        ["answer to Are you there?"]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_row_of_answers_that_cannot_be_read_is_logged_and_holds_none() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "100")]);
    let long: &'static str = Box::leak("word ".repeat(700).into_boxed_str());
    platform.model((0..4).map(|_| Act::Say(long)));
    let sid = fresh_sid();
    platform.message(CARL, "one", &sid).await;
    for text in ["two", "three", "four"] {
        platform.text(CARL, text).await;
    }
    let row = platform
        .stored(CARL)
        .into_keys()
        .find(|key| key.starts_with("answers/"))
        .unwrap();
    damage(&platform, CARL, &row, None);
    assert_eq!(platform.message(CARL, "one", &sid).await, NOTHING);
    assert_eq!(
        platform.events_named("internal_error")[0]["reason"],
        "answers_unreadable"
    );
}
