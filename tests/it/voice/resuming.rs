//! A call goes on when its socket is lost.

use crate::support::{
    FakePlatform, SECOND,
    phone::{Call, streamed},
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_lost_socket_is_replaced_twice_without_a_greeting_and_the_conversation_goes_on() {
    let fake = FakePlatform::new();
    let mut call = Call::connected(&fake).await;
    fake.model([streamed(&["Hi Anna."], 10)]);
    call.says("I am Anna").await;
    call.after(SECOND).await;
    for _ in 0..2 {
        fake.phone(&call.name()).closed(call.session).await;
        let verbs = call.ended("failed", "in-progress").await;
        assert_eq!(verbs[1].attribute("welcomeGreeting"), None);
        call.open(&verbs).await;
        call.set_up().await;
    }
    call.says("Who am I?").await;
    call.after(SECOND).await;
    assert_eq!(
        fake.model_requests()[1]["messages"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    fake.phone(&call.name()).closed(call.session).await;
    let verbs = call.ended("failed", "in-progress").await;
    assert_eq!(
        (verbs[0].name.as_str(), verbs[1].name.as_str()),
        ("Say", "Hangup")
    );
    assert_eq!(fake.events_named("call")[0]["ended_by"], "socket_lost");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_action_that_comes_again_counts_once() {
    let fake = FakePlatform::new();
    let mut call = Call::connected(&fake).await;
    fake.phone(&call.name()).closed(1).await;
    for _ in 0..5 {
        let verbs = call.ended("failed", "in-progress").await;
        assert_eq!(verbs[1].name, "ConversationRelay");
    }
    let verbs = call.ended("failed", "in-progress").await;
    call.open(&verbs).await;
    call.set_up().await;
    call.says("Hello").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "answer to Hello");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_question_that_a_lost_socket_cut_off_is_answered_on_the_next_one() {
    let fake = FakePlatform::new();
    let mut call = Call::connected(&fake).await;
    fake.model([
        streamed(&["Never heard."], 900),
        streamed(&["At nine."], 10),
    ]);
    call.says("When do you open?").await;
    call.after(SECOND / 2).await;
    call.reconnects().await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "At nine.");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_was_sent_whole_ends_where_a_lost_socket_cut_it_off() {
    for (played, said, told) in [
        ("", "At nine. And at ten.", "At nine. And at ten."),
        ("At nine. ", "", "At nine. [the caller cut in]"),
        ("At nine. And at ten.", "", "At nine. And at ten."),
    ] {
        let fake = FakePlatform::new();
        let mut call = Call::connected(&fake).await;
        call.info("tokensPlayed", "Hello! ").await;
        let answer = || streamed(&["At nine. ", "And at ten."], 10);
        fake.model([answer(), answer()]);
        call.says("When do you open?").await;
        call.after(SECOND).await;
        call.info("agentSpeaking", "on").await;
        if !played.is_empty() {
            call.info("tokensPlayed", played).await;
        }
        call.reconnects().await;
        call.after(SECOND).await;
        assert_eq!(call.said(), said, "{played:?}");
        call.played().await;
        fake.model([]);
        call.says("Thanks").await;
        call.after(SECOND).await;
        let request = fake.model_requests().pop().unwrap();
        assert_eq!(request["messages"][2]["content"], told, "{played:?}");
        assert_eq!(request["messages"][3]["content"], "Thanks");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_was_never_played_is_given_anew_although_the_object_left_memory_before_it() {
    let fake = FakePlatform::new();
    let mut call = Call::connected(&fake).await;
    call.info("tokensPlayed", "Hello! ").await;
    call.says("Hello").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "answer to Hello");
    call.played().await;
    fake.evict_call(&call.name());
    let answer = || streamed(&["At nine."], 10);
    fake.model([answer(), answer()]);
    call.says("When do you open?").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "At nine.");
    call.reconnects().await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "At nine.");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_end_of_an_old_socket_does_not_break_an_answer_off() {
    let fake = FakePlatform::new();
    let mut call = Call::connected(&fake).await;
    let verbs = call.ended("failed", "in-progress").await;
    call.open(&verbs).await;
    call.set_up().await;
    fake.model([streamed(&["One.", " Two."], 300)]);
    call.says("Count").await;
    call.after(SECOND / 2).await;
    // Both tell of the first session, late and once more.
    fake.phone(&call.name()).closed(1).await;
    let first = format!("VX{:032x}", 1);
    let late = [
        ("SessionId", first.as_str()),
        ("SessionStatus", "failed"),
        ("CallStatus", "in-progress"),
    ];
    call.webhook("/twilio/voice/ended", &late).await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "One. Two.");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_to_a_socket_whose_loss_nobody_has_told_breaks_off_with_the_next_one() {
    let fake = FakePlatform::new();
    let mut call = Call::connected(&fake).await;
    fake.model([streamed(&["One.", " Two.", " Three."], 600)]);
    call.says("Count").await;
    call.after(SECOND).await;
    let verbs = call.ended("failed", "in-progress").await;
    call.open(&verbs).await;
    let before = fake.frames().len();
    call.set_up().await;
    call.after(SECOND / 2).await;
    let sent = &fake.frames()[before..];
    assert!(sent.iter().all(|(_, session, _)| *session == 2), "{sent:?}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_ends_while_it_has_no_socket_answers_nothing_on_the_next_one() {
    let fake = FakePlatform::with(&[("MAX_CALL_SECONDS", "30")]);
    let mut call = Call::connected(&fake).await;
    fake.model([streamed(&["Never heard."], 900)]);
    call.says("When do you open?").await;
    call.after(SECOND / 2).await;
    fake.phone(&call.name()).closed(1).await;
    let verbs = call.ended("failed", "in-progress").await;
    call.after(30 * SECOND).await;
    call.open(&verbs).await;
    call.set_up().await;
    call.after(SECOND).await;
    assert_eq!(fake.model_requests().len(), 1, "its time is up");
}
