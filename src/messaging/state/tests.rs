use super::{
    hand_off::{Running, Target},
    *,
};
use crate::{
    base::usage::UsageCounters,
    config::tests::parse,
    conversation::outbox::ReplyTarget,
    event::HandOffBy,
    identity::{Address, Pseudonym, PseudonymKey, TokenId},
    messaging::{
        api::{HandOffSpan, Receive, Said},
        inbound::{Input, Unread},
        keywords::Keyword,
    },
};

const NOW: UnixMillis = UnixMillis(1_795_348_800_000);

pub(super) fn config() -> Config {
    parse(&[]).unwrap()
}

pub(super) fn thread() -> Pseudonym {
    Pseudonym::from_object_name("a thread".into())
}

pub(super) fn call(sid: &str, input: Input, config: &Config) -> Receive {
    let address = |text: &str| text.parse::<Address>().unwrap();
    let key: &PseudonymKey = &config.pseudonym_key;
    let token: TokenId = key.token_id(&config.twilio_tokens[0]);
    let (contact, number) = (address("+15550100"), address("+15550199"));
    let phone_hash = key.phone_hash(&contact);
    let reply_to = ReplyTarget {
        contact,
        number,
        service: None,
        account: None,
        token,
        origin: "https://a.example".into(),
    };
    Receive {
        sid: sid.parse().unwrap(),
        input,
        images: Vec::new(),
        voice_notes: Vec::new(),
        unread: Unread::default(),
        number_thread: None,
        quoted: None,
        quoted_text: None,
        quoted_as_of: 0,
        phone_hash,
        reply_to,
        arrived: NOW,
        usage: UsageCounters::EMPTY,
    }
}

/// A turn was answered on the webhook of `first`, and the reset behind it ends while `waiting`.
fn reset_behind_a_turn(waiting: &[MessageSid]) -> (Option<MessageStatus>, Option<AnswerLocation>) {
    let (config, mut state) = (config(), State::default());
    let first = call(
        "SM0000000000000000000000000000000a",
        Input::Text("Hello".into()),
        &config,
    );
    let reset = Input::Keyword {
        keyword: Keyword::Reset,
        by_twilio: false,
    };
    state.admit(&first, &thread(), NOW, &config);
    state.admit(
        &call("SM0000000000000000000000000000000b", reset, &config),
        &thread(),
        NOW,
        &config,
    );
    let answered = TurnResult::Answered {
        input: "Hello".into(),
        text: "answer".into(),
        sent: "answer".into(),
    };
    let requests = Some(Requests {
        completions: 1,
        ..Requests::default()
    });
    let waits = std::slice::from_ref(&first.sid);
    assert_eq!(
        state.end_turn(1, &answered, requests, waits, NOW, &config),
        TurnReply::Webhook
    );
    state.end_turn(
        2,
        &TurnResult::Reset {
            text: "cleared".into(),
            intake: None,
        },
        Some(Requests::default()),
        waiting,
        NOW,
        &config,
    );
    state.spill_answers();
    (state.status(&first.sid), state.answer(1))
}

#[test]
fn a_reset_keeps_the_answer_of_a_webhook_that_is_about_to_fetch_it() {
    let first = "SM0000000000000000000000000000000a".parse().unwrap();
    assert_eq!(
        reset_behind_a_turn(&[first]),
        (
            Some(MessageStatus::Answer(1)),
            Some(AnswerLocation::State("answer".into()))
        )
    );
    assert_eq!(
        reset_behind_a_turn(&[]),
        (Some(MessageStatus::Nothing), None)
    );
}

/// What the assistant reads of a message that quotes, after `change`.
fn read_behind_a_quote(change: impl FnOnce(&mut State, &Config)) -> Option<String> {
    let (config, mut state) = (config(), State::default());
    let sid = "SM0000000000000000000000000000000a";
    let mut message = call(sid, Input::Text("that one".into()), &config);
    message.quoted_text = Some("The red one?".into());
    message.quoted_as_of = state.forgotten();
    change(&mut state, &config);
    state.admit(&message, &thread(), NOW, &config);
    let mut messages = state.turns.messages();
    messages.next().and_then(|message| message.text.clone())
}

#[test]
fn a_quote_that_is_erased_while_it_is_looked_up_is_left_out() {
    let kept = read_behind_a_quote(|_, _| {});
    assert_eq!(kept.as_deref(), Some("> The red one?\nthat one"));
    let erased = read_behind_a_quote(|state, config| {
        state.erase(NOW, config);
    });
    assert_eq!(erased.as_deref(), Some("that one"));
}

/// The contact of `first` is handed over, and has written.
fn handed_over(state: &mut State, first: &Receive) {
    state.hand_off.running = Some(Running {
        span: HandOffSpan {
            since: NOW,
            until: NOW.plus(Duration::from_hours(1)),
            by: HandOffBy::Contact,
        },
        told: true,
        target: Some(Target {
            reply_to: first.reply_to.clone(),
            phone_hash: first.phone_hash.clone(),
        }),
        noted_at: None,
        flow: None,
    });
}

/// An operator has said "Hi" to the contact of the message, under "an id".
fn answered_by_an_operator() -> (Config, State, Receive) {
    let (config, mut state) = (config(), State::default());
    let sid = "SM0000000000000000000000000000000a";
    let first = call(sid, Input::Text("agent".into()), &config);
    handed_over(&mut state, &first);
    assert_eq!(state.say("Hi", "an id", NOW), Said::Queued);
    (config, state, first)
}

#[test]
fn an_operators_answer_that_is_repeated_after_its_hand_off_has_ended_is_sent_once() {
    let (config, mut state, first) = answered_by_an_operator();
    assert!(state.end_hand_off(NOW, &config).is_some());
    assert_eq!(state.say("Hi", "an id", NOW), Said::Queued);
    assert_eq!(state.say("Hi", "another", NOW), Said::NoConversation);
    handed_over(&mut state, &first);
    assert_eq!(state.say("Hi", "an id", NOW), Said::Queued);
    assert_eq!(state.outbox.waiting_parts(), 1);
}

#[test]
fn an_operators_answer_that_is_repeated_after_an_erasure_is_not_sent_again() {
    let (config, mut state, first) = answered_by_an_operator();
    state.erase(NOW, &config);
    assert!(!state.is_handed_over());
    assert_eq!(state.outbox.waiting_parts(), 0);
    handed_over(&mut state, &first);
    assert_eq!(state.say("Hi", "an id", NOW), Said::Queued);
    assert_eq!(state.outbox.waiting_parts(), 0);
    assert_eq!(state.say("Hi", "another", NOW), Said::Queued);
    assert_eq!(state.outbox.waiting_parts(), 1);
}

#[test]
fn the_ids_of_an_operators_answers_alone_keep_no_state() {
    let (config, mut state) = (config(), State::default());
    state.hand_off.sent.push("an id".into());
    assert!(state.is_blank());
    assert!(state.end_hand_off(NOW, &config).is_none());
}
