//! The limits of a day: requests of one contact, requests in all, fixed sentences, messages by REST.
//!
//! Not here: the rate limit (`messaging::admission`).

use futures_util::future::{join, join_all};
use switchboard::messaging::MAX_CANNED_REPLIES_PER_DAY;
use switchboard::messaging::canned_replies::{APOLOGY, NO_BUDGET, NO_MORE_TODAY};

use super::{answers, limits};
use crate::support::{
    ANNA, Act, BEN, CARL, DAY, FakePlatform, HOUR, NOTHING, SECOND, after, fresh_sid,
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn one_contact_cannot_use_up_everybodys_day() {
    let platform = FakePlatform::with(&[
        ("MAX_DAILY_CALLS_PER_CONTACT", "3"),
        ("MAX_DAILY_CALLS", "10"),
    ]);
    let said = answers(&platform, ANNA, "Hello", 8).await;
    assert!(
        said[..3].iter().all(|said| said == &["answer to Hello"]),
        "{said:?}"
    );
    assert_eq!(said[3], [NO_MORE_TODAY], "said once");
    assert!(said[4..].iter().all(Vec::is_empty), "{said:?}");
    assert_eq!(platform.model_requests().len(), 3);
    let expected = [
        ("calls_per_contact".to_owned(), true),
        ("calls_per_contact".to_owned(), false),
    ];
    assert_eq!(limits(&platform)[..2], expected);
    assert_eq!(limits(&platform).len(), 5, "each message is logged");
    assert_eq!(
        platform.text(BEN, "Hello").await,
        ["answer to Hello"],
        "others are answered"
    );
    platform.pass(DAY).await;
    assert_eq!(
        platform.text(ANNA, "Hello").await,
        ["answer to Hello"],
        "and so is the contact the next day"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn neither_an_erasure_nor_a_restart_nor_an_expired_conversation_gives_a_contact_more_requests()
 {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "2")]);
    platform.step_clock(-8 * 3600 * 1000);
    platform.text(ANNA, "one").await;
    platform.text(ANNA, "delete my data").await;
    platform.kill(ANNA);
    platform.pass(2 * HOUR).await;
    platform.text(ANNA, "two").await;
    platform.text(ANNA, "reset").await;
    platform.pass(2 * HOUR).await;
    assert_eq!(platform.text(ANNA, "three").await, [NO_MORE_TODAY]);
    assert_eq!(platform.model_requests().len(), 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn retries_count_for_the_contact_and_end_with_its_share() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "2")]);
    platform.model([
        Act::Status(500, ""),
        Act::Status(500, ""),
        Act::Say("too many"),
    ]);
    assert_eq!(platform.text(ANNA, "Hello").await, [APOLOGY]);
    assert_eq!(platform.model_requests().len(), 2);
    assert_eq!(platform.events_named("turn")[0]["failure"], "server_error");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_goes_on_after_the_object_has_vanished_counts_again_for_the_contact() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "1")]);
    platform.model([after(5000, Act::Say("lost")), Act::Say("too many")]);
    let killed = async {
        platform.pass(2 * SECOND).await;
        platform.kill(ANNA);
    };
    let sid = fresh_sid();
    let (response, ()) = join(platform.try_message(ANNA, "Hello", &sid), killed).await;
    assert_eq!(response.status, 503);
    assert_eq!(
        platform.message(ANNA, "Hello", &sid).await,
        [APOLOGY],
        "it may have been asked, and there is no second request"
    );
    assert_eq!(
        platform.text(ANNA, "Hello again").await,
        [NO_MORE_TODAY],
        "nothing is given back"
    );
    assert_eq!(platform.model_requests().len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_that_was_not_made_is_given_back_to_the_contact() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "1")]);
    platform.budget_fails(true);
    assert_eq!(platform.text(ANNA, "Hello").await, [APOLOGY]);
    platform.budget_fails(false);
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn no_limit_for_a_contact_is_a_choice() {
    let platform = FakePlatform::with(&[
        ("MAX_DAILY_CALLS_PER_CONTACT", "0"),
        ("RATE_LIMIT_PER_MINUTE", "1000"),
    ]);
    for _ in 0..150 {
        assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn when_the_days_budget_is_used_up_each_contact_is_told_once() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS", "0")]);
    for from in [ANNA, BEN] {
        let said = answers(&platform, from, "Hello", 5).await;
        assert_eq!(said.concat(), [NO_BUDGET], "{said:?}");
    }
    assert!(platform.model_requests().is_empty() && platform.sent().is_empty());
    assert_eq!(limits(&platform).len(), 10);
    assert!(limits(&platform).iter().all(|(limit, _)| limit == "calls"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_budget_that_ends_between_two_tries_is_told_once_too() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS", "1")]);
    platform.model([Act::Status(500, "")]);
    let said = answers(&platform, ANNA, "Hello", 3).await;
    assert_eq!(said.concat(), [NO_BUDGET]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn fixed_sentences_are_bounded_by_the_day_whatever_they_are() {
    let allowed = usize::try_from(MAX_CANNED_REPLIES_PER_DAY).unwrap();
    for (from, text) in [
        (ANNA, "HELP"),
        (ANNA, ""),
        (ANNA, "reset"),
        (CARL, "START"),
        (CARL, "delete my data"),
    ] {
        let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "1000")]);
        let mut said = 0;
        for _ in 0..allowed + 20 {
            said += platform.text(from, text).await.len();
        }
        assert_eq!(said, allowed, "{text}");
        assert_eq!(
            limits(&platform).is_empty(),
            ["START", "delete my data"].contains(&text),
            "{text}"
        );
        assert_eq!(
            platform.text(from, "Hello").await,
            ["answer to Hello"],
            "{text}: the model is another matter"
        );
        platform.pass(DAY).await;
        assert_eq!(
            platform.text(from, text).await.len(),
            1,
            "{text}: the next day"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn being_told_of_the_rate_limit_and_apologies_that_nothing_was_paid_for_are_bounded_too() {
    let allowed = usize::try_from(MAX_CANNED_REPLIES_PER_DAY).unwrap();
    {
        let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "1000")]);
        platform.step_clock(-8 * 3600 * 1000);
        platform.budget_fails(true);
        let mut said = 0;
        for _ in 0..allowed + 10 {
            said += platform.text(ANNA, "Hello").await.len();
        }
        assert_eq!(said, allowed);
    }
    let platform = FakePlatform::with(&[
        ("RATE_LIMIT_PER_MINUTE", "1"),
        ("MAX_DAILY_CALLS_PER_CONTACT", "0"),
    ]);
    platform.step_clock(-8 * 3600 * 1000);
    let mut told = 0;
    for _ in 0..allowed + 10 {
        platform.text(ANNA, "Hello").await;
        told += platform.text(ANNA, "Hello").await.len();
        platform.pass(61 * SECOND).await;
    }
    assert_eq!(told, allowed);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn messages_by_rest_have_a_cap_for_all_contacts_decided_before_they_are_sent() {
    let platform = FakePlatform::with(&[("MAX_DAILY_MESSAGES", "2")]);
    platform.model((0..8).map(|_| after(12_000, Act::Say("slow"))));
    let said =
        join_all([ANNA, BEN, CARL, "+15550103"].map(|from| platform.text(from, "Hello"))).await;
    assert!(
        said.iter().all(Vec::is_empty),
        "there was room when they waited: {said:?}"
    );
    platform.pass(30 * SECOND).await;
    assert_eq!(platform.sent().len(), 2);
    let outcomes = platform
        .events_named("outbox_part")
        .into_iter()
        .filter(|event| event["outcome"] == "daily_limit")
        .count();
    assert_eq!(outcomes, 2);
    // From now on the webhook says so, once.
    assert_eq!(platform.text(ANNA, "Hello").await, [NO_MORE_TODAY]);
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.text(ANNA, "Hello").await, NOTHING);
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent().len(), 2);
    assert!(
        limits(&platform)
            .iter()
            .filter(|(limit, _)| limit == "messages")
            .count()
            >= 2
    );
    platform.pass(DAY).await;
    platform.model([after(12_000, Act::Say("slow"))]);
    platform.text(ANNA, "Hello").await;
    platform.pass(30 * SECOND).await;
    assert_eq!(platform.sent().len(), 3, "the next day");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_part_that_twilio_did_not_process_is_reserved_once() {
    let platform = FakePlatform::with(&[("MAX_DAILY_MESSAGES", "1")]);
    platform.model([after(12_000, Act::Say("slow"))]);
    platform.twilio([Act::Status(429, ""), Act::Status(429, "")]);
    platform.text(ANNA, "Hello").await;
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent(), ["slow"]);
}
