//! Barge-in: the caller cuts in, and is heard at once.

use std::time::Duration;

use super::told;
use crate::support::{
    FakePlatform, SECOND, after,
    phone::{Call, broken_off, settle, streamed},
};

/// The caller asks these questions, a second apart.
async fn asks(call: &Call, questions: &[&str]) {
    for question in questions {
        call.says(question).await;
        call.after(SECOND).await;
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn no_word_of_an_answer_goes_out_after_the_caller_has_cut_in() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["One.", " Two.", " Three.", " Four."], 400)]);
    call.says("Count").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "One. Two.");
    call.cuts_in("One.").await;
    assert_eq!(fake.model_at_once(), 1);
    call.after(Duration::from_secs(5)).await;
    assert_eq!(
        call.said(),
        "",
        "the request is aborted, and nothing follows"
    );
    let turn = &fake.events_named("call_turn")[0];
    assert_eq!(turn["outcome"], "interrupted");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_conversation_holds_what_was_heard() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["We have tea", " and coffee", " and juice."], 10)]);
    call.says("What do you have?").await;
    call.after(SECOND).await;
    // All of it was sent, and Twilio still plays it.
    call.cuts_in("We have tea").await;
    call.says("Tea, please").await;
    call.after(SECOND).await;
    let request = &fake.model_requests()[1];
    assert_eq!(
        request["messages"][2]["content"],
        "We have tea [the caller cut in]"
    );
    assert_eq!(request["messages"][3]["content"], "Tea, please");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_that_heard_nothing_is_answered_with_all_it_said() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["Which size?"], 10)]);
    call.says("A coffee").await;
    call.after(SECOND).await;
    call.cuts_in("").await;
    call.says("with milk").await;
    call.after(SECOND).await;
    let request = &fake.model_requests()[1];
    assert_eq!(request["messages"].as_array().unwrap().len(), 2);
    assert_eq!(request["messages"][1]["content"], "A coffee with milk");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn who_interrupts_the_greeting_changes_nothing_of_the_conversation() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    call.cuts_in("Hello! How").await;
    call.says("Hi").await;
    call.after(SECOND).await;
    assert_eq!(
        fake.model_requests()[0]["messages"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_prompt_without_an_interrupt_cuts_an_answer_off_too() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([
        streamed(&["A.", " B.", " C."], 400),
        streamed(&["Yes."], 10),
    ]);
    call.says("Spell").await;
    call.after(Duration::from_millis(500)).await;
    assert_eq!(call.said(), "A.");
    call.says("Stop").await;
    call.after(Duration::from_secs(2)).await;
    settle().await;
    assert_eq!(call.said(), "Yes.");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_interruption_cannot_put_words_into_the_conversation() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["Yes.", " No."], 300)]);
    call.says("Well?").await;
    call.after(Duration::from_millis(400)).await;
    call.cuts_in("Yes. And here is").await;
    call.says("Go on").await;
    call.after(SECOND).await;
    let request = &fake.model_requests()[1];
    assert_eq!(
        request["messages"][2]["content"],
        "Yes. [the caller cut in]"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn clauses_that_were_played_before_count_as_heard() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(
        &["We have tea. ", "We have coffee. ", "We have juice."],
        10,
    )]);
    call.says("What do you have?").await;
    call.after(SECOND).await;
    call.info("tokensPlayed", "We have tea. ").await;
    call.info("tokensPlayed", "We have").await;
    call.cuts_in("We have").await;
    call.says("Tea").await;
    call.after(SECOND).await;
    let request = &fake.model_requests()[1];
    assert_eq!(
        request["messages"][2]["content"],
        "We have tea. We have [the caller cut in]"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_filler_that_was_played_is_no_part_of_what_was_heard() {
    for (fragment, wanted) in [
        (
            "We",
            &["What do you have?", "We [the caller cut in]", "Tea"][..],
        ),
        ("", &["What do you have? Tea"]),
    ] {
        let fake = FakePlatform::new();
        let call = Call::connected(&fake).await;
        let answer = streamed(&["We have tea. ", "We have coffee."], 10);
        fake.model([after(3000, answer)]);
        call.says("What do you have?").await;
        call.after(Duration::from_secs(4)).await;
        call.info("tokensPlayed", "One moment, please.").await;
        call.cuts_in(fragment).await;
        call.says("Tea").await;
        call.after(SECOND).await;
        assert_eq!(fake.model_requests().len(), 2);
        assert_eq!(told(&fake), wanted, "{fragment:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_of_the_answer_before_are_not_taken_for_those_of_the_newest() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([
        streamed(&["We have tea. We have juice."], 10),
        streamed(&["At nine in the morning."], 10),
    ]);
    // The second question comes before the first answer is heard, and its answer waits behind it.
    asks(&call, &["What do you have?", "And when?"]).await;
    call.info("tokensPlayed", "We have tea.").await;
    call.cuts_in("We have").await;
    call.says("Tea").await;
    call.after(SECOND).await;
    let request = fake.model_requests()[2].to_string();
    assert!(!request.contains("nine"), "{request}");
    assert!(request.contains("And when? Tea"), "{request}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_is_cut_off_before_the_excuse_after_it_ends_where_it_was_cut() {
    for leaves_memory in [false, true] {
        let fake = FakePlatform::new();
        let call = Call::connected(&fake).await;
        fake.model([broken_off(&["We have tea", " and coffee"], 10)]);
        call.says("What do you have?").await;
        call.after(SECOND).await;
        assert!(call.said().ends_with("Please say that again."));
        if leaves_memory {
            fake.evict_call(&call.name());
        }
        call.cuts_in("We have").await;
        call.says("Tea").await;
        call.after(SECOND).await;
        let request = &fake.model_requests()[1];
        assert_eq!(
            request["messages"][2]["content"],
            "We have [the caller cut in]"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_sentence_that_is_cut_off_changes_nothing_of_an_answer_that_was_heard() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["We have tea."], 10)]);
    call.says("What do you have?").await;
    call.after(SECOND).await;
    call.played().await;
    call.after(Duration::from_secs(15)).await;
    assert!(call.said().ends_with("Are you still there?"));
    call.cuts_in("Are you").await;
    call.says("Tea").await;
    call.after(SECOND).await;
    let request = &fake.model_requests()[1];
    assert_eq!(request["messages"][2]["content"], "We have tea.");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_is_cut_off_twice_has_one_mark() {
    // The first time it is still being written, or was sent whole.
    for pause in [400, 10] {
        let fake = FakePlatform::new();
        let call = Call::connected(&fake).await;
        fake.model([streamed(&["We have tea", " and coffee."], pause)]);
        call.says("What do you have?").await;
        call.after(SECOND / 2).await;
        call.cuts_in("We have tea").await;
        // Nobody remembers any more what is cut off now.
        call.cuts_in("something that is far longer").await;
        call.says("Tea").await;
        call.after(SECOND).await;
        let request = &fake.model_requests()[1];
        assert_eq!(
            request["messages"][2]["content"],
            "We have tea [the caller cut in]"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_new_words_break_off_is_closed() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([
        streamed(&["A.", " B.", " C."], 400),
        streamed(&["Yes."], 10),
    ]);
    call.says("Spell").await;
    call.after(Duration::from_millis(500)).await;
    call.says("Stop").await;
    call.after(SECOND).await;
    let sent = call.sent();
    let frames: Vec<_> = sent
        .iter()
        .map(|frame| (frame["token"].as_str().unwrap(), frame["last"] == true))
        .collect();
    assert_eq!(
        frames,
        [("A.", false), ("", true), ("Yes.", false), ("", true)]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_clause_of_an_answer_that_was_played_counts_for_no_other() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([
        streamed(&["We have tea. We have juice."], 10),
        streamed(&["At nine in the morning."], 10),
    ]);
    call.says("What do you have?").await;
    call.after(SECOND).await;
    call.played().await;
    call.says("And when?").await;
    call.after(SECOND).await;
    call.cuts_in("We have").await;
    call.says("Tea").await;
    call.after(SECOND).await;
    let request = fake.model_requests()[2].to_string();
    assert!(!request.contains("nine"), "{request}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_that_two_answers_have_are_of_the_one_that_is_played() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([
        streamed(&["Come at nine. The door is open."], 10),
        streamed(&["By bus. The stop is near."], 10),
    ]);
    asks(&call, &["When?", "And how?"]).await;
    // The first answer is played while the second one waits.
    call.info("tokensPlayed", "Come at nine. ").await;
    call.info("tokensPlayed", "The").await;
    call.cuts_in("The").await;
    call.says("Tea").await;
    call.after(SECOND).await;
    let request = fake.model_requests()[2].to_string();
    assert!(!request.contains("bus"), "{request}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_is_cut_off_while_others_wait_behind_it_ends_where_it_was_cut() {
    // The newest answer was sent whole, in part, or has no word yet.
    for newest in [
        streamed(&["By bus."], 10),
        streamed(&["By", " bus."], 700),
        streamed(&["By bus."], 2000),
    ] {
        let fake = FakePlatform::new();
        let call = Call::connected(&fake).await;
        fake.model([
            streamed(&["We have tea. We have juice."], 10),
            streamed(&["At nine."], 10),
            newest,
        ]);
        asks(&call, &["What do you have?", "And when?", "And how?"]).await;
        call.info("tokensPlayed", "We have tea. ").await;
        call.cuts_in("We").await;
        call.says("Tea").await;
        call.after(SECOND).await;
        assert_eq!(
            told(&fake),
            [
                "What do you have?",
                "We have tea. We [the caller cut in]",
                "And when? And how? Tea"
            ]
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_before_the_one_that_is_played_stays_whole() {
    // Twilio tells of the words as they were written, or in another form.
    for played in ["By", "buy"] {
        let fake = FakePlatform::new();
        let call = Call::connected(&fake).await;
        fake.model([
            streamed(&["At nine."], 10),
            streamed(&["By bus. It stops here."], 10),
        ]);
        asks(&call, &["When?", "And how?"]).await;
        call.info("tokensPlayed", "Hello! ").await;
        call.cuts_in(played).await;
        call.says("Thanks").await;
        call.after(SECOND).await;
        let request = &fake.model_requests()[2].to_string();
        assert!(request.contains("\"At nine.\""), "{request}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn no_word_goes_out_after_the_caller_has_cut_in_although_storage_fails() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["One.", " Two.", " Three.", " Four."], 400)]);
    call.says("Count").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "One. Two.");
    // The state is no longer known: the webhook that comes again cannot be stored.
    let disk = fake.call_disk(&call.name());
    disk.fails(true);
    let again = [("CallStatus", "ringing")];
    assert_eq!(call.response("/twilio/voice", &again).await.status, 200);
    call.cuts_in("One.").await;
    disk.fails(false);
    call.after(Duration::from_secs(5)).await;
    assert_eq!(call.said(), "");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_silence_before_the_end_of_an_answer_does_not_count_as_its_end() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    // It breaks off, so that something else is said after it.
    fake.model([broken_off(&["We have tea. ", "We have coffee."], 10)]);
    call.says("What do you have?").await;
    call.after(SECOND).await;
    // Twilio had fallen silent before it got the rest.
    call.info("agentSpeaking", "on").await;
    call.info("tokensPlayed", "We have tea. ").await;
    call.info("agentSpeaking", "off").await;
    call.info("agentSpeaking", "on").await;
    call.cuts_in("").await;
    call.says("Tea").await;
    call.after(SECOND).await;
    let request = &fake.model_requests()[1];
    assert_eq!(
        request["messages"][2]["content"],
        "We have tea. [the caller cut in]"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_that_an_open_answer_left_behind_do_not_count_for_the_next_one() {
    for (clause, fails) in [("Two Red", false), ("TwRed", false), ("Two Red", true)] {
        let fake = FakePlatform::new();
        let call = Call::connected(&fake).await;
        fake.model([
            streamed(&["One. ", clause.strip_suffix("Red").unwrap(), "."], 400),
            // An excuse follows the one that fails.
            if fails { broken_off } else { streamed }(&["Red blue, green."], 10),
        ]);
        call.says("Count").await;
        call.after(SECOND).await;
        // The last word was on its way when the caller cut in, so Twilio speaks it before the next answer.
        call.cuts_in("One.").await;
        call.says("Colours, please").await;
        call.after(SECOND).await;
        call.cuts_in(clause).await;
        call.says("Thanks").await;
        call.after(SECOND).await;
        assert_eq!(told(&fake)[3], "Red [the caller cut in]");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn who_cuts_in_while_the_next_answer_is_awaited_has_not_heard_the_one_before_although_nothing_is_told()
 {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([
        streamed(&["We have tea."], 10),
        streamed(&["Never said."], 60_000),
    ]);
    call.says("What do you have?").await;
    call.after(SECOND).await;
    call.says("And when?").await;
    call.after(SECOND / 2).await;
    call.cuts_in("").await;
    call.says("Hello?").await;
    call.after(SECOND).await;
    let request = fake.model_requests().pop().unwrap().to_string();
    assert!(!request.contains("We have tea"), "{request}");
    assert!(
        request.contains("What do you have? And when? Hello?"),
        "{request}"
    );
}
