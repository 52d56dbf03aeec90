//! Messages of unknown outcome: found in Twilio's list by whose they are, and sent at most once.
//!
//! Not here: the list itself (`twilio::rest::list`), and equal texts (`faults::equal_texts`).

use crate::support::{ANNA, Act, Alteration, FakePlatform, NUMBER, SECOND, after};

const ALTERATIONS: [Alteration; 4] = [
    Alteration::None,
    Alteration::Trial,
    Alteration::Redacted,
    Alteration::SmartEncoded,
];

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_is_not_sent_again_whatever_twilio_did_to_its_text() {
    for alteration in ALTERATIONS {
        // The connection breaks, or Twilio says that it failed, and the message was created.
        for unknown in [Act::ThenDrop, after(12_000, Act::Say(""))] {
            let platform = FakePlatform::new();
            platform.alters_texts(alteration);
            platform.model([after(11_000, Act::Say("“REST” answer – see you…"))]);
            platform.twilio([unknown]);
            platform.text(ANNA, "Hello").await;
            platform.pass(120 * SECOND).await;
            assert_eq!(platform.sent().len(), 1, "{alteration:?}");
            let parts = platform.events_named("outbox_part");
            assert_eq!((parts.len(), &parts[0]["outcome"]), (1, &"sent".into()));
        }
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn each_of_several_parts_of_unknown_outcome_goes_out_once_and_in_order() {
    for alteration in ALTERATIONS {
        let platform = FakePlatform::with(&[("MAX_SEGMENTS", "100")]);
        platform.alters_texts(alteration);
        let long: &'static str = Box::leak(
            (0..400)
                .map(|i| format!("Sentence {i}. "))
                .collect::<String>()
                .into_boxed_str(),
        );
        platform.model([after(12_000, Act::Say(long))]);
        // Creates and look-ups alternate; the look-ups answer.
        let answered = after(50, Act::Say(""));
        platform.twilio([
            Act::ThenDrop,
            answered.clone(),
            Act::ThenDrop,
            answered.clone(),
            answered.clone(),
            Act::ThenDrop,
        ]);
        platform.text(ANNA, "Hello").await;
        platform.pass(200 * SECOND).await;
        assert_eq!(platform.sent().join(" "), long.trim(), "{alteration:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_of_another_program_is_taken_for_ours_rather_than_ours_sent_twice() {
    let platform = FakePlatform::new();
    platform.model([after(11_000, Act::Say("by REST"))]);
    platform.twilio([Act::Drop]);
    let other = async {
        platform.pass(11 * SECOND).await;
        platform.foreign_message(ANNA, NUMBER, "Your parcel has arrived.");
    };
    let (answer, ()) = futures_util::join!(platform.text(ANNA, "Hello"), other);
    assert!(answer.is_empty());
    platform.pass(120 * SECOND).await;
    assert!(
        platform.sent().is_empty(),
        "documented: lost rather than twice"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_webhook_and_an_earlier_part_are_no_message_of_unknown_outcome() {
    let platform = FakePlatform::new();
    platform.alters_texts(Alteration::Redacted);
    platform.model([
        after(11_000, Act::Say("first")),
        Act::Say("by webhook"),
        after(11_000, Act::Say("second")),
    ]);
    platform.text(ANNA, "one").await;
    platform.pass(2 * SECOND).await;
    assert_eq!(platform.text(ANNA, "two").await, ["by webhook"]);
    platform.twilio([Act::Drop]);
    platform.text(ANNA, "three").await;
    platform.pass(120 * SECOND).await;
    assert_eq!(platform.sent(), ["first", "second"]);
}
