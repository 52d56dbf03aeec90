use super::{Next, Reserved, Run, State};
use crate::{
    analytics::{Event, PersonaTraits, Step},
    base::{secret::Secret, time::UnixMillis},
    config::{Limits, Speaker},
    identity::PseudonymKey,
    segment::{Outcome, Reason},
    synthetic::{
        api::Cancelled,
        disturbance::Disturbance,
        plan::{AgentSide, BatchId, Mode, RunId, RunPlan},
        prompt::Spoken,
        transcript::{EndReason, Ended, EndedBy, Mark},
    },
};

fn plan() -> RunPlan {
    RunPlan {
        run: RunId {
            batch: BatchId::new([7; 16]),
            number: 1,
        },
        mode: Mode::Text,
        scenario: "delivery".parse().unwrap(),
        agent: AgentSide::Persona("ada".parse().unwrap()),
        customer: "bo".parse().unwrap(),
        seed: 1,
        limits: Limits {
            turns: 6,
            seconds: 60,
        },
        call: None,
        label: None,
        score: true,
        disturbed: false,
    }
}

fn begun(plan: RunPlan) -> State {
    let mut state = State::new();
    let count = plan.most_requests();
    assert!(state.begin(plan, Speaker::Agent, reserved(count), UnixMillis(0)));
    state
}

fn reserved(count: u32) -> Reserved {
    Reserved {
        minutes: 0,
        count,
        at: UnixMillis(0),
    }
}

fn spoken(text: &str, ends_call: bool) -> Spoken {
    Spoken {
        text: text.to_owned(),
        ends_call,
    }
}

fn say(state: &mut State, text: &str, ends_call: bool) {
    say_at(state, text, ends_call, UnixMillis(1));
}

fn say_at(state: &mut State, text: &str, ends_call: bool, now: UnixMillis) {
    let said = |run: &mut Run| run.said(spoken(text, ends_call), None, now, now);
    state.change(said).expect("the run goes on");
}

fn ended(state: &State) -> Option<Ended> {
    Some(state.run()?.ended?.0)
}

fn end(by: EndedBy, reason: EndReason) -> Ended {
    Ended { by, reason }
}

fn next(state: &State) -> Next {
    state.next(UnixMillis(1))
}

fn speaker(state: &State) -> Speaker {
    match next(state) {
        Next::Say { speaker, .. } => speaker,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_sides_take_turns_and_only_one_has_the_floor() {
    let mut state = begun(plan());
    for expected in [Speaker::Agent, Speaker::Customer, Speaker::Agent] {
        assert_eq!(speaker(&state), expected);
        let text = format!("Line of {expected:?} {}", state.run().unwrap().lines.len());
        say(&mut state, &text, false);
    }
}

#[test]
fn a_goodbye_is_answered_once_and_then_the_call_is_over() {
    let mut state = begun(plan());
    say(&mut state, "Hello.", false);
    say(&mut state, "Thank you, goodbye.", true);
    assert_eq!(ended(&state), None);
    // The agent answers without saying goodbye itself: there is no endless goodbye.
    say(&mut state, "Anything else?", false);
    assert_eq!(
        ended(&state).unwrap(),
        end(EndedBy::Customer, EndReason::Goodbye)
    );
    assert_eq!(next(&state), Next::Judge);
}

#[test]
fn the_limit_of_lines_holds_for_both_sides_together() {
    let mut state = begun(plan());
    let lines = [
        "one",
        "two thousand",
        "three cats",
        "four horses ran",
        "five",
        "six hundred",
    ];
    for line in lines {
        assert_eq!(ended(&state), None);
        say(&mut state, line, false);
    }
    assert_eq!(
        ended(&state).unwrap(),
        end(EndedBy::Limit, EndReason::Turns)
    );
}

#[test]
fn the_limit_of_time_ends_a_call_after_the_line_that_exceeds_it() {
    let mut state = begun(plan());
    say_at(&mut state, "Hello.", false, UnixMillis(59_999));
    assert_eq!(ended(&state), None);
    say_at(&mut state, "Well.", false, UnixMillis(60_000));
    assert_eq!(
        ended(&state).unwrap(),
        end(EndedBy::Limit, EndReason::Seconds)
    );
}

#[test]
fn sides_that_repeat_themselves_are_stopped() {
    let mut state = begun(plan());
    say(&mut state, "How can I help you today?", false);
    say(&mut state, "My phone is broken.", false);
    say(&mut state, "How can I help you today", false);
    assert_eq!(ended(&state), None);
    say(&mut state, "my phone is broken!", false);
    assert_eq!(
        ended(&state).unwrap(),
        end(EndedBy::Limit, EndReason::Repetition)
    );
}

#[test]
fn two_failures_of_a_line_end_the_call_and_a_line_between_them_forgives() {
    let mut state = begun(plan());
    let fail = |state: &mut State| state.change(|run| run.failed(UnixMillis(1)));
    fail(&mut state);
    say(&mut state, "Hello.", false);
    fail(&mut state);
    assert_eq!(ended(&state), None);
    fail(&mut state);
    assert_eq!(
        ended(&state).unwrap(),
        end(EndedBy::Failure, EndReason::ModelFailed)
    );
    // One line is no conversation, so nobody judges it.
    assert_eq!(next(&state), Next::Report);
}

#[test]
fn two_failures_of_the_judge_leave_the_transcript_without_scores() {
    let mut state = begun(plan());
    say(&mut state, "Hello.", false);
    say(&mut state, "Bye.", true);
    say(&mut state, "Goodbye.", true);
    for _ in 0..2 {
        assert_eq!(next(&state), Next::Judge);
        state.change(|run| run.failed(UnixMillis(1)));
    }
    assert_eq!(next(&state), Next::Report);
    assert_eq!(
        ended(&state).unwrap(),
        end(EndedBy::Customer, EndReason::Goodbye)
    );
}

#[test]
fn no_more_requests_are_taken_than_were_reserved() {
    let mut state = begun(plan());
    let reserved = plan().most_requests();
    assert_eq!(reserved, 6 * 2 + 2);
    let taken = (0..100)
        .filter(|_| state.change(Run::take_request) == Some(true))
        .count();
    assert_eq!(taken, 14);
}

#[test]
fn what_was_not_used_is_given_back_once() {
    let mut state = begun(plan());
    state.change(Run::take_request);
    let settled = state
        .change(|run| run.settle(UnixMillis(1)))
        .flatten()
        .expect("once");
    assert_eq!(settled.unused.count, 13);
    assert_eq!(
        state.change(|run| run.settle(UnixMillis(1))).flatten(),
        None
    );
}

#[test]
fn of_a_line_that_was_cut_off_the_other_side_heard_the_beginning() {
    let mut state = begun(plan());
    say(&mut state, "We are very sorry for that.", false);
    let cut_in = Some(Disturbance::Interruption);
    state.change(|run| run.said(spoken("No!", false), cut_in, UnixMillis(1), UnixMillis(1)));
    let lines = &state.run().unwrap().lines;
    assert_eq!(lines[0].heard.as_deref(), Some("We are very"));
    assert_eq!(lines[0].marks, [Mark::Interrupted]);
    assert_eq!(lines[1].marks, [Mark::Interrupts]);
}

#[test]
fn a_run_that_was_reported_cannot_begin_again_for_a_day() {
    let mut state = begun(plan());
    state.reported(Vec::new(), UnixMillis(5));
    assert!(!state.begin(plan(), Speaker::Agent, reserved(1), UnixMillis(6)));
    state.forget_when_due(UnixMillis(86_400_004));
    assert!(!state.is_new());
    state.forget_when_due(UnixMillis(86_400_005));
    assert!(state.is_new());
}

#[test]
fn events_come_after_the_report_and_a_run_is_not_forgotten_before_they_have_ended() {
    let events = || {
        let customer = Event::Customer(PersonaTraits {
            synthetic: true,
            persona_id: "bo",
        });
        let user = PseudonymKey::new(Secret::new("k".repeat(32))).persona("bo");
        vec![customer.item("run", &user, UnixMillis(5)).unwrap()]
    };
    let mut state = begun(plan());
    state.reported(events(), UnixMillis(5));
    let due = Next::Events(Step::Send(events()));
    assert_eq!(state.next(UnixMillis(5)), due);
    assert_eq!(state.next_wake(UnixMillis(5)), Some(UnixMillis(5)));
    let busy = Outcome::Later {
        reason: Reason::Busy,
        wait: None,
    };
    state.events_mut().ended(1, busy, 1.0, UnixMillis(5));
    assert_eq!(state.next(UnixMillis(5)), Next::Nothing);
    assert_eq!(state.next_wake(UnixMillis(5)), Some(UnixMillis(2005)));
    state.forget_when_due(UnixMillis(86_400_005));
    assert!(!state.is_new());
    let end = state.next(UnixMillis(86_400_005));
    assert_eq!(end, Next::Events(Step::GiveUp));
    state.events_mut().give_up();
    assert!(state.is_new());
}

#[test]
fn a_run_that_is_told_to_end_before_it_begins_never_begins() {
    let mut state = State::new();
    assert_eq!(state.cancel(UnixMillis(5)), Cancelled::Over);
    assert!(!state.is_new(), "it is remembered");
    assert!(!state.begin(plan(), Speaker::Agent, reserved(1), UnixMillis(6)));
    assert_eq!(next(&state), Next::Nothing);
    state.forget_when_due(UnixMillis(86_400_005));
    assert!(state.is_new());
}

#[test]
fn a_run_that_is_told_to_end_takes_no_request_and_no_line_any_more() {
    let mut state = begun(plan());
    say(&mut state, "Hello.", false);
    assert_eq!(state.cancel(UnixMillis(5)), Cancelled::Reports);
    assert_eq!(state.change(Run::take_request), Some(false));
    say(&mut state, "Are you there?", false);
    assert_eq!(state.run().unwrap().lines.len(), 1);
    assert_eq!(
        ended(&state).unwrap(),
        end(EndedBy::Operator, EndReason::Cancelled)
    );
    assert_eq!(next(&state), Next::Report);
}

#[test]
fn what_was_given_back_cannot_be_used_any_more() {
    let mut state = begun(plan());
    state.change(Run::take_request);
    state.change(|run| run.settle(UnixMillis(1)));
    assert_eq!(state.change(Run::take_request), Some(false));
}

#[test]
fn what_is_given_back_belongs_to_the_day_of_the_reservation() {
    let mut state = State::new();
    let before_midnight = UnixMillis(86_399_999);
    let reserved = Reserved {
        minutes: 0,
        count: 9,
        at: before_midnight,
    };
    state.begin(plan(), Speaker::Agent, reserved, UnixMillis(86_400_001));
    let settled = state
        .change(|run| run.settle(UnixMillis(1)))
        .flatten()
        .expect("once");
    assert_eq!(settled.unused, reserved);
}

#[test]
fn a_batch_that_does_not_answer_is_told_again_after_growing_waits() {
    let mut state = begun(plan());
    state.change(|run| run.end(EndedBy::Operator, EndReason::Cancelled, UnixMillis(0)));
    let mut now = UnixMillis(0);
    let mut waits = Vec::new();
    for _ in 0..12 {
        state.change(|run| run.report_failed(now));
        assert_eq!(state.next(now), Next::Nothing);
        let at = state.next_wake(now).unwrap();
        waits.push(at.since(now).as_secs());
        now = at;
        assert_ne!(state.next(now), Next::Nothing);
    }
    assert_eq!(waits[..4], [2, 4, 8, 16]);
    assert_eq!(waits[11], 300);
}
