//! What a store gives back: a conversation within its limits, a budget never exceeded, and a contact who is answered.
//!
//! Not here: damage in the middle of a run (`tests/it/simulation`).

use serde_json::Value;
use switchboard::{
    base::usage::UsageCounters,
    conversation::{
        budget::{Budget, Item, Reservation, Reserve},
        history::{Conversation, MAX_CHARS, MAX_TURNS},
    },
    messaging::api::Reply,
    object::Engine as _,
};

use super::{
    NOW,
    object::{Object, at_once},
};

/// What a store gives back. The bytes are the text of a conversation, of a thread's state and of the budget alike.
pub fn stored_state(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    stored_conversation(&text);
    stored_budget(&text);
    stored_thread(&text);
}

fn stored_conversation(text: &str) {
    let Ok(conversation) = Conversation::decode(text) else {
        return;
    };
    let chars = conversation
        .turns()
        .iter()
        .map(|turn| turn.user.chars().count() + turn.assistant.chars().count());
    assert!(conversation.turns().len() <= MAX_TURNS && chars.sum::<usize>() <= MAX_CHARS);
    let encoded = conversation.encode().expect("writing to memory");
    assert_eq!(Conversation::decode(&encoded), Ok(conversation));
}

fn stored_budget(text: &str) {
    const CAP: u32 = 3;
    let object = Object::holding("used", text);
    let budget = Budget::new(object.clone());
    let outcomes = (0..5)
        .map(|_| {
            at_once(budget.reserve(
                Reserve {
                    item: Item::ModelRequest,
                    count: 1,
                    cap: CAP,
                    usage: UsageCounters::EMPTY,
                },
                NOW,
            ))
        })
        .collect::<Vec<_>>();
    let granted = outcomes
        .iter()
        .filter(|outcome| **outcome == Ok(Reservation::Granted))
        .count();
    assert!(granted <= CAP as usize, "never beyond the cap");
    let stored = object.value("used");
    assert!(outcomes.iter().all(Result::is_ok), "damage is no error");
    if object.logged("budget_unreadable") {
        assert!(
            granted == 0 && stored.contains(r#""exhausted":true"#),
            "a count that cannot be read is used up, durably"
        );
    }
    if granted > 0 {
        let json: Value = serde_json::from_str(&stored).expect("the count is JSON");
        assert!(
            json["calls"]
                .as_u64()
                .is_some_and(|calls| (granted as u64..=CAP.into()).contains(&calls)),
            "what is granted is counted"
        );
    }
    let before: Value = serde_json::from_str(text).unwrap_or_default();
    let number = |name: &str| before[name].as_u64().unwrap_or_default();
    if number("day") >= NOW.utc_day() && number("calls") >= CAP.into() {
        assert_eq!(granted, 0, "a day that is used up stays so");
    }
}

fn stored_thread(text: &str) {
    let object = Object::holding("state", text);
    let thread = object.start();
    let reply = object.receive(&thread, FRESH);
    let unreadable = object.logged("state_unreadable");
    if unreadable {
        assert_eq!(
            (&reply, object.0.asked.get()),
            (&Reply::Text("answer".into()), 1),
            "met as a stranger, who is answered"
        );
    }
    let asked = object.0.asked.get();
    let again = object.receive(&thread, FRESH);
    if let Reply::Text(text) = &reply {
        assert!(!text.is_empty());
        assert_eq!(again, reply, "a copy gets the same");
    }
    assert_eq!(object.0.asked.get(), asked, "a copy asks nobody");
    if !unreadable {
        // Ids in the corpus, so that the state's entries for them are used.
        for known in KNOWN {
            object.receive(&thread, known);
        }
    }
    // As often as an ordinary conversation needs it, and more.
    object.fire_until_quiet(12, async || thread.alarm().await);
    assert!(
        object.0.asked.get() <= object.0.reserved.get(),
        "no request that is not reserved"
    );
    if unreadable {
        return assert!(
            object.0.values.borrow().is_empty(),
            "nothing is left after the conversation's time"
        );
    }
    object.0.log.borrow_mut().clear();
    object.receive(&object.start(), AFTER_RESTART);
    assert!(
        !object.logged("state_unreadable"),
        "what it stores it can read"
    );
}

const FRESH: &str = "SM0000000000000000000000000000f001";
const AFTER_RESTART: &str = "SM0000000000000000000000000000f002";
const KNOWN: [&str; 3] = [
    "SM000000000000000000000000000000aa",
    "SM000000000000000000000000000000ab",
    "SM000000000000000000000000000000ac",
];
