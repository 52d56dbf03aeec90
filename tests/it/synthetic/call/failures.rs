//! What fails in synthetic calls, and what comes of it: every leg ends, and every minute is accounted for.
//!
//! Not here: what works (`conversation`).

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::{http::Upgrade, synthetic::plan::Leg, twilio::voice::relay_url::RelaySecret};

use super::{
    CALLEE, CALLER, calls,
    twilio::{Line, Omits},
    with,
};
use crate::{
    support::{
        Act, FakePlatform,
        operator::ACCOUNT,
        phone::{post, verbs},
        signature::sign_text,
    },
    synthetic::{begin, progress, request, transcripts},
};

async fn transcript(fake: &FakePlatform, batch: &str) -> Value {
    fake.pass(Duration::from_mins(5)).await;
    let mut all = transcripts(fake, batch).await;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn ended(run: &Value) -> (&str, &str) {
    let of = |name: &str| run["ended"][name].as_str().unwrap();
    (of("by"), of("reason"))
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_whose_other_leg_does_not_come_ends_after_twenty_seconds() {
    for leg in Leg::ALL {
        let fake = with(&[]);
        let batch = begin(&fake, &calls(1)).await;
        let mut line = Line::made(&fake).await;
        let verbs = line.answers(leg).await;
        line.opens(leg, &verbs).await;
        line.sets_up(leg).await;
        line.talk_for(Duration::from_secs(19)).await;
        assert!(line.ended.is_empty() && fake.calls_ended().is_empty());
        line.omits.status = true;
        line.talk_for(Duration::from_secs(3)).await;
        assert_eq!(line.ended, [leg]);
        // The other leg may still be on its way: Twilio is asked to end the call.
        let run = transcript(&fake, &batch).await;
        assert_eq!(ended(&run), ("failure", "one_leg"));
        if leg == Leg::Callee {
            assert_eq!(fake.calls_ended(), [line.made.sid.clone()]);
        }
        assert_eq!(run["cost"]["call_minutes"], 1, "{leg:?}");
        assert_eq!(fake.call_minutes().await, 1);
        // It comes late, and is told to hang up.
        let other = Leg::of(leg.speaker().other());
        let late = line.answers(other).await;
        assert_eq!(late[0].name, "Hangup");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_nobody_answers_ends_and_costs_no_minute() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let line = Line::made(&fake).await;
    fake.pass(Duration::from_mins(1)).await;
    line.is_over("no-answer").await;
    line.is_over("no-answer").await;
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run), ("failure", "call_failed"));
    assert_eq!(fake.call_minutes().await, 0);
    assert_eq!(run["cost"].get("call_minutes"), None);
    assert_eq!(run["turns"], json!([]));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_of_which_nothing_is_told_is_ended_by_rest() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let line = Line::made(&fake).await;
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run), ("failure", "call_failed"));
    assert_eq!(fake.calls_ended(), [line.made.sid]);
    assert_eq!(fake.events_named("call_hung_up")[0]["outcome"], "ended");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_twilio_refuses_ends_its_run_and_frees_the_line() {
    let fake = with(&[]);
    fake.twilio([
        Act::Say(""),
        Act::Say(""),
        Act::Status(400, r#"{"code":21210}"#),
    ]);
    let batch = begin(&fake, &calls(2)).await;
    let mut line = Line::connected(&fake).await;
    line.talk().await;
    fake.pass(Duration::from_mins(2)).await;
    let all = transcripts(&fake, &batch).await;
    assert_eq!(ended(&all[0]), ("failure", "call_failed"));
    assert_eq!(ended(&all[1]).1, "goodbye");
    let dialled = fake.events_named("call_dialled");
    assert_eq!(
        (&dialled[0]["outcome"], &dialled[0]["code"]),
        (&json!("rejected"), &json!(21210))
    );
    assert_eq!(fake.call_minutes().await, 2, "those of the second call");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_that_does_not_have_the_line_any_more_makes_no_call() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    while fake.run_calls("take_line") == 0 {
        fake.pass(Duration::from_millis(1)).await;
    }
    fake.run_call_fails("take_line", false);
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run), ("failure", "call_failed"));
    assert!(fake.calls_made().is_empty());
    assert_eq!(fake.call_minutes().await, 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_whose_making_is_not_known_is_looked_for_and_never_made_again() {
    // Twilio makes the call, and its answer is lost. It is found, and the conversation goes on.
    let fake = with(&[]);
    fake.twilio([Act::Say(""), Act::Say(""), Act::ThenDrop]);
    let batch = begin(&fake, &calls(1)).await;
    let mut line = Line::made(&fake).await;
    fake.pass(Duration::from_secs(6)).await;
    assert_eq!(fake.call_lists(), 1);
    line.connect().await;
    line.talk().await;
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run).1, "goodbye");
    assert_eq!(fake.calls_made().len(), 1);
    let outcomes: Vec<_> = fake.events_named("call_dialled");
    let outcomes: Vec<&str> = outcomes
        .iter()
        .map(|event| event["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["unknown", "made"]);
    // Twilio has not made it: it is certain after half a minute.
    let fake = with(&[]);
    fake.twilio([Act::Say(""), Act::Say(""), Act::Drop]);
    let batch = begin(&fake, &calls(1)).await;
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run), ("failure", "call_failed"));
    assert!(fake.calls_made().is_empty());
    assert_eq!(fake.call_minutes().await, 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn callbacks_that_come_twice_and_late_change_nothing() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let mut line = Line::made(&fake).await;
    // Each webhook of a leg comes twice. The second secret opens the socket.
    for leg in [Leg::Callee, Leg::Caller] {
        let first = line.answers(leg).await;
        let second = line.answers(leg).await;
        let stale = line.leg_url(&first).secret;
        assert!(!fake.runner(&line.run).connect(leg, &stale).await.unwrap());
        line.opens(leg, &second).await;
        line.sets_up(leg).await;
        let third = line.answers(leg).await;
        assert_eq!(third[0].name, "Hangup", "it is connected already");
    }
    line.talk().await;
    for _ in 0..2 {
        for leg in Leg::ALL {
            fake.runner(&line.run).closed(leg.socket()).await;
            line.action(leg, "completed", "completed").await;
        }
        line.is_over("completed").await;
    }
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run).1, "goodbye");
    // And when the run has been reported.
    for leg in Leg::ALL {
        assert_eq!(
            line.action(leg, "completed", "completed").await[0].name,
            "Hangup"
        );
    }
    line.is_over("completed").await;
    assert_eq!(transcripts(&fake, &batch).await.len(), 1);
    assert_eq!(fake.call_minutes().await, 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn legs_that_tell_nothing_of_their_end_are_ended_by_rest() {
    for omits in [
        Omits {
            action: true,
            status: true,
            ..Omits::default()
        },
        Omits {
            action: true,
            ..Omits::default()
        },
        Omits {
            status: true,
            ..Omits::default()
        },
    ] {
        let fake = with(&[]);
        let batch = begin(&fake, &calls(1)).await;
        let mut line = Line::connected(&fake).await;
        line.omits = omits;
        if omits.action && omits.status {
            // Twilio does not answer at first.
            fake.twilio([Act::Status(503, "{}")]);
        }
        line.talk().await;
        let run = transcript(&fake, &batch).await;
        assert_eq!(ended(&run).1, "goodbye");
        let by_rest = usize::from(omits.action && omits.status);
        assert_eq!(fake.calls_ended().len(), by_rest);
        assert_eq!(fake.call_minutes().await, 2);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_model_that_fails_twice_ends_both_legs_and_no_error_is_spoken() {
    let fake = with(&[]);
    fake.model([
        Act::Say("I am sorry, an error."),
        Act::Say("I am sorry, an error."),
    ]);
    let batch = begin(&fake, &calls(1)).await;
    let mut line = Line::connected(&fake).await;
    line.talk().await;
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run), ("failure", "model_failed"));
    let spoken: Vec<&str> = line
        .spoken
        .iter()
        .map(|(_, _, words)| words.as_str())
        .collect();
    assert_eq!(spoken, ["Hello, this is Ada."]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_limit_of_time_cuts_a_line_off_and_ends_both_legs() {
    let fake = with(&[]);
    fake.personas_never_say_goodbye();
    let mut body = calls(1);
    body["limits"] = json!({ "seconds": 30, "turns": 60 });
    let batch = begin(&fake, &body).await;
    let mut line = Line::connected(&fake).await;
    let began = fake.frames().len();
    line.talk().await;
    assert!(began <= 1);
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run), ("limit", "seconds"));
    assert!(run["metrics"]["duration_ms"].as_u64().unwrap() <= 30_000);
    let last = run["turns"].as_array().unwrap().last().unwrap();
    let marks = last["marks"].as_array().unwrap();
    assert!(
        marks.is_empty() || marks.contains(&json!("cut_off")),
        "{last}"
    );
    assert_eq!(fake.calls_made()[0].form["TimeLimit"], "90");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_leg_that_is_lost_ends_the_run_and_the_other_leg() {
    for leg in Leg::ALL {
        let fake = with(&[]);
        let batch = begin(&fake, &calls(1)).await;
        let mut line = Line::connected(&fake).await;
        line.talk_for(Duration::from_secs(6)).await;
        // Its socket dies, and the call goes on until the action is answered.
        line.ends(leg, "failed", "in-progress").await;
        // Nothing that still comes over the dead socket counts.
        let prompt = json!({ "type": "prompt", "voicePrompt": "xyzzy", "last": true });
        line.frame(leg, prompt).await;
        line.talk_for(Duration::from_secs(20)).await;
        assert_eq!(line.ended.len(), 2, "the other leg is told to end");
        let run = transcript(&fake, &batch).await;
        assert_eq!(ended(&run), ("failure", "leg_lost"));
        assert!(!run["turns"].as_array().unwrap().is_empty());
        assert!(!run.to_string().contains("xyzzy"), "{run}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_minutes_of_the_day_are_reserved_for_a_whole_call_before_it_is_made() {
    // A call of 300 seconds may have six minutes on each leg.
    let fake = with(&[("MAX_DAILY_CALL_MINUTES", "13")]);
    let batch = begin(&fake, &calls(3)).await;
    let mut line = Line::connected(&fake).await;
    assert_eq!(fake.call_minutes().await, 12);
    line.talk().await;
    fake.pass(Duration::from_mins(30)).await;
    assert_eq!(fake.calls_made().len(), 1, "eleven minutes are not enough");
    assert_eq!(fake.call_minutes().await, 2);
    assert_eq!(progress(&fake, &batch).await["status"], "waits_for_budget");
    assert_eq!(
        fake.model_requests_reserved().await as usize,
        fake.model_requests().len()
    );
    // The next day has minutes of its own. Nobody answers the other two calls.
    fake.pass(Duration::from_hours(12)).await;
    assert_eq!(fake.calls_made().len(), 3);
    assert_eq!(fake.call_minutes().await, 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_object_that_vanishes_again_and_again_says_each_line_once() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let mut line = Line::connected(&fake).await;
    for round in 0..60 {
        line.talk_for(Duration::from_millis(900 + round * 37)).await;
        fake.kill_runs();
    }
    line.talk().await;
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run).1, "goodbye", "{run}");
    let turns = run["turns"].as_array().unwrap();
    // A line whose object vanished between storing and sending it was not spoken: the floor passed later.
    assert!(line.spoken.len() <= turns.len());
    let mut spoken = line.spoken.iter().map(|(_, _, words)| words.as_str());
    for turn in turns {
        if Some(turn["text"].as_str().unwrap()) == spoken.clone().next() {
            spoken.next();
        }
    }
    assert_eq!(spoken.next(), None, "in order, and none twice");
    assert_eq!(fake.calls_made().len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_object_that_vanishes_while_it_dials_makes_no_second_call() {
    let fake = with(&[]);
    fake.twilio([
        Act::Say(""),
        Act::Say(""),
        Act::After(4000, Box::new(Act::Say(""))),
    ]);
    let batch = begin(&fake, &calls(1)).await;
    fake.pass(Duration::from_secs(2)).await;
    fake.kill_runs();
    let mut line = Line::made(&fake).await;
    line.connect().await;
    line.talk().await;
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run).1, "goodbye");
    assert_eq!(fake.calls_made().len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_cancelled_batch_ends_its_call() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(2)).await;
    let mut line = Line::connected(&fake).await;
    line.talk_for(Duration::from_secs(6)).await;
    request(&fake, "POST", &format!("{batch}/cancel"), Some(&json!({}))).await;
    line.talk_for(Duration::from_secs(20)).await;
    assert_eq!(line.ended.len(), 2);
    let run = transcript(&fake, &batch).await;
    assert_eq!(ended(&run), ("operator", "cancelled"));
    assert_eq!(fake.calls_made().len(), 1);
    assert_eq!(fake.call_minutes().await, 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn sockets_without_twilios_signature_or_with_another_secret_are_refused() {
    let fake = with(&[]);
    begin(&fake, &calls(1)).await;
    let line = Line::made(&fake).await;
    let verbs = line.answers(Leg::Callee).await;
    let url = line.leg_url(&verbs).url("https://example.com");
    let other_token = sign_text("ffffffffffffffffffffffffffffffff", &url);
    for signature in ["", "AAAA", &other_token] {
        let Upgrade::Rejected(refused) = line.upgrade(&url, signature) else {
            panic!("{signature}");
        };
        assert_eq!(refused.status, 403);
    }
    // A signature for the other leg's URL does not fit, and a signed URL needs the secret.
    let swapped = url.replace("/callee/", "/caller/");
    let signature = sign_text(crate::support::TOKEN, &url);
    assert!(matches!(
        line.upgrade(&swapped, &signature),
        Upgrade::Rejected(_)
    ));
    let runner = fake.runner(&line.run);
    let secret = line.leg_url(&verbs).secret;
    let forged = RelaySecret::new([9; 16]);
    assert!(!runner.connect(Leg::Callee, &forged).await.unwrap());
    assert!(!runner.connect(Leg::Caller, &secret).await.unwrap());
    assert!(runner.connect(Leg::Callee, &secret).await.unwrap());
    assert!(
        !runner.connect(Leg::Callee, &secret).await.unwrap(),
        "it opens one socket"
    );
    // The first frame must be that of the leg's call.
    let frame = json!({ "type": "setup", "sessionId": "VX1", "callSid": line.sid(Leg::Caller) });
    line.frame(Leg::Callee, frame).await;
    assert_eq!(fake.closed_sockets(), [(Leg::Callee.socket(), 1008)]);
    assert_eq!(fake.events_named("call_fault")[0]["fault"], "wrong_set_up");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_secret_opens_nothing_after_a_minute() {
    let fake = with(&[]);
    begin(&fake, &calls(1)).await;
    let line = Line::made(&fake).await;
    let verbs = line.answers(Leg::Callee).await;
    let secret = line.leg_url(&verbs).secret;
    fake.pass(Duration::from_mins(1)).await;
    assert!(
        !fake
            .runner(&line.run)
            .connect(Leg::Callee, &secret)
            .await
            .unwrap()
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn webhooks_of_a_run_that_are_not_signed_are_refused_before_anything_happens() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let mut line = Line::connected(&fake).await;
    for path in ["voice", "caller/ended", "status", "recording"] {
        let mut forged =
            crate::support::Incoming::signed(&[("CallSid".to_owned(), line.made.sid.clone())]);
        forged.url = format!("https://example.com/twilio/synthetic/{}/{path}", line.run);
        assert_eq!(fake.handle(&mut forged).await.status, 403, "{path}");
    }
    line.talk().await;
    assert_eq!(ended(&transcript(&fake, &batch).await).1, "goodbye");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_between_the_two_numbers_without_a_run_is_hung_up_and_no_assistant_answers_it() {
    let fake = with(&[]);
    let call = |from: &'static str| {
        let fields = [
            ("CallSid", "CA00000000000000000000000000000001"),
            ("AccountSid", ACCOUNT),
            ("From", from),
            ("To", CALLEE),
            ("Direction", "inbound"),
            ("CallStatus", "ringing"),
        ];
        let fake = fake.clone();
        async move { verbs(&post(&fake, "/twilio/voice", &fields).await.body) }
    };
    let names = |verbs: Vec<crate::support::phone::Verb>| -> Vec<String> {
        verbs.into_iter().map(|verb| verb.name).collect()
    };
    assert_eq!(names(call(CALLER).await), ["Hangup"]);
    assert_eq!(fake.call_minutes().await, 0);
    // Anybody else reaches the assistant.
    assert_eq!(
        names(call("+15550101").await),
        ["Connect", "ConversationRelay"]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn too_many_frames_close_the_socket() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let line = Line::connected(&fake).await;
    for _ in 0..1001 {
        line.info(Leg::Caller, "roundTripDelayMs", "1").await;
    }
    assert_eq!(fake.closed_sockets(), [(Leg::Caller.socket(), 1008)]);
    assert_eq!(
        ended(&transcript(&fake, &batch).await),
        ("failure", "leg_lost")
    );
}
