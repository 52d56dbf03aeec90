use super::{Job, State};
use crate::{
    base::time::UnixMillis,
    config::{Limits, Personas, Speaker},
    synthetic::{
        api::{BatchStatus, Begun, Cancelled, ControlBatch, Cost, CreateBatch, Record},
        metrics::metrics,
        plan::{AgentSide, BatchId, BatchPlan, Mode, Pairing},
        transcript::{EndReason, Ended, EndedBy, Line},
    },
};

fn plan(count: u32) -> BatchPlan {
    BatchPlan {
        mode: Mode::Text,
        scenario: "delivery".parse().unwrap(),
        pairing: Pairing::Given {
            agent: AgentSide::Persona("ada".parse().unwrap()),
            customer: "bo".parse().unwrap(),
        },
        count,
        per_minute: 60,
        at_once: 2,
        seed: 3,
        limits: Limits::default(),
        call: None,
        label: None,
        score: true,
        disturbed: true,
    }
}

fn created(count: u32) -> State {
    let mut state = State::new();
    let id = BatchId::new([1; 16]);
    let plan = plan(count);
    state.create(CreateBatch { id, plan }, UnixMillis(0));
    state
}

/// Takes the next number, and its run begins.
fn begin(state: &mut State, now: u64) -> u32 {
    assert_eq!(state.next_job(UnixMillis(now)), Some(Job::Take));
    state.take(UnixMillis(now));
    let Some(Job::Begin(number)) = state.next_job(UnixMillis(now)) else {
        panic!("a number that was taken begins");
    };
    state.told(number, Some(Begun::Running), UnixMillis(now));
    number
}

fn record(number: u32) -> Record {
    let batch = BatchId::new([1; 16]);
    let line = Line {
        n: 1,
        speaker: Speaker::Agent,
        text: "Hello.".into(),
        heard: None,
        started_at: UnixMillis(0),
        ended_at: UnixMillis(0),
        marks: Vec::new(),
    };
    Record {
        plan: plan(9).run(&batch, number).unwrap(),
        model: "m".into(),
        metrics: metrics(std::slice::from_ref(&line), Mode::Text),
        lines: vec![line],
        ended: Ended {
            by: EndedBy::Agent,
            reason: EndReason::Goodbye,
        },
        scores: None,
        analysis: None,
        cost: Cost {
            model_requests: 3,
            ..Cost::default()
        },
        ended_at: UnixMillis(9),
    }
}

fn end(state: &mut State, number: u32, now: u64) {
    let text = format!("record {number}");
    state.run_ended(number, &record(number), text, UnixMillis(now));
}

fn status(state: &State) -> BatchStatus {
    state.progress().unwrap().status
}

#[test]
fn runs_begin_at_the_rate_and_no_more_at_once_than_planned() {
    let mut state = created(5);
    assert_eq!(begin(&mut state, 0), 1);
    assert_eq!(state.next_job(UnixMillis(999)), None);
    assert_eq!(state.next_wake(), Some(UnixMillis(1000)));
    assert_eq!(begin(&mut state, 1000), 2);
    // Two run, so the third has to wait.
    assert_eq!(state.next_job(UnixMillis(60_000)), None);
    end(&mut state, 1, 60_000);
    assert_eq!(begin(&mut state, 60_000), 3);
    end(&mut state, 2, 60_000);
    // One of those that were missed is made up for, and no other.
    assert_eq!(begin(&mut state, 60_000), 4);
    end(&mut state, 3, 60_000);
    assert_eq!(state.next_job(UnixMillis(60_000)), None);
}

#[test]
fn every_run_is_accounted_for_once() {
    let mut state = created(2);
    let (first, second) = (begin(&mut state, 0), begin(&mut state, 1000));
    end(&mut state, second, 2000);
    assert_eq!(state.record.take(), Some((1, "record 2".into())));
    end(&mut state, second, 2001);
    assert_eq!(state.record.take(), None, "it was told twice");
    end(&mut state, first, 2002);
    assert_eq!(state.record.take(), Some((2, "record 1".into())));
    let progress = state.progress().unwrap();
    assert_eq!(progress.status, BatchStatus::Finished);
    assert_eq!(progress.ended, 2);
    assert_eq!(progress.reasons[&EndReason::Goodbye], 2);
    assert_eq!(progress.cost.model_requests, 6);
    assert_eq!(progress.ended_at, Some(UnixMillis(2002)));
    assert_eq!(state.next_wake(), None);
}

#[test]
fn a_run_without_budget_keeps_its_number_and_begins_later() {
    let mut state = created(3);
    state.take(UnixMillis(0));
    state.told(1, Some(Begun::NoBudget), UnixMillis(0));
    assert_eq!(status(&state), BatchStatus::WaitsForBudget);
    assert_eq!(state.next_job(UnixMillis(119_999)), None);
    assert_eq!(begin(&mut state, 120_000), 1);
    assert_eq!(status(&state), BatchStatus::Running);
}

#[test]
fn a_run_that_ends_or_an_operator_who_resumes_ends_the_wait_for_the_budget() {
    let mut state = created(3);
    assert_eq!(begin(&mut state, 0), 1);
    state.take(UnixMillis(1000));
    state.told(2, Some(Begun::NoBudget), UnixMillis(1000));
    end(&mut state, 1, 2000);
    assert_eq!(begin(&mut state, 2000), 2);
    state.take(UnixMillis(3000));
    state.told(3, Some(Begun::NoBudget), UnixMillis(3000));
    state.control(ControlBatch::Resume, UnixMillis(4000));
    assert_eq!(begin(&mut state, 4000), 3);
}

#[test]
fn a_run_that_does_not_answer_is_told_again_and_so_is_one_that_never_reports() {
    let mut state = created(1);
    state.take(UnixMillis(0));
    state.told(1, None, UnixMillis(0));
    assert_eq!(state.next_job(UnixMillis(1999)), None);
    assert_eq!(state.next_job(UnixMillis(2000)), Some(Job::Begin(1)));
    state.told(1, Some(Begun::Running), UnixMillis(2000));
    let at = state.next_wake().unwrap();
    assert_eq!(at, UnixMillis(2000 + 300_000 + 600_000));
    assert_eq!(state.next_job(at), Some(Job::Begin(1)));
}

#[test]
fn a_paused_batch_begins_nothing_and_goes_on_where_it_was() {
    let mut state = created(2);
    begin(&mut state, 0);
    state.control(ControlBatch::Pause, UnixMillis(500));
    assert_eq!(status(&state), BatchStatus::Paused);
    assert_eq!(state.next_job(UnixMillis(5000)), None);
    end(&mut state, 1, 6000);
    state.control(ControlBatch::Resume, UnixMillis(7000));
    assert_eq!(begin(&mut state, 7000), 2);
}

#[test]
fn cancelling_ends_the_runs_that_go_on_and_begins_no_other() {
    let mut state = created(5);
    begin(&mut state, 0);
    state.control(ControlBatch::Cancel, UnixMillis(500));
    assert_eq!(state.next_job(UnixMillis(500)), Some(Job::Cancel(1)));
    state.told_to_end(1, None, UnixMillis(500));
    assert_eq!(state.next_job(UnixMillis(2500)), Some(Job::Cancel(1)));
    state.told_to_end(1, Some(Cancelled::Reports), UnixMillis(2500));
    assert_eq!(state.next_job(UnixMillis(2500)), None);
    end(&mut state, 1, 3000);
    assert_eq!(status(&state), BatchStatus::Cancelled);
    assert_eq!(state.progress().unwrap().ended_at, Some(UnixMillis(3000)));
    state.control(ControlBatch::Resume, UnixMillis(4000));
    assert_eq!(state.next_job(UnixMillis(4000)), None);
}

#[test]
fn a_run_that_answers_after_the_batch_was_cancelled_is_told_to_end_at_once() {
    for begun in [Begun::Running, Begun::NoBudget] {
        let mut state = created(5);
        state.take(UnixMillis(0));
        state.control(ControlBatch::Cancel, UnixMillis(10));
        state.told(1, Some(begun), UnixMillis(20));
        assert_eq!(state.next_job(UnixMillis(20)), Some(Job::Cancel(1)));
    }
}

#[test]
fn a_run_of_a_cancelled_batch_is_never_told_to_begin() {
    let mut state = created(5);
    begin(&mut state, 0);
    state.control(ControlBatch::Cancel, UnixMillis(500));
    state.told_to_end(1, Some(Cancelled::Reports), UnixMillis(500));
    let at = state.next_wake().unwrap();
    assert_eq!(state.next_job(at), Some(Job::Cancel(1)));
    // It has never begun, so no record comes, and the batch is over.
    state.told_to_end(1, Some(Cancelled::Over), at);
    let progress = state.progress().unwrap();
    assert_eq!((progress.running, progress.ended), (0, 0));
    assert_eq!(progress.ended_at, Some(at));
    assert_eq!(state.next_wake(), None);
}

#[test]
fn no_number_is_taken_after_the_operator_has_paused_the_batch() {
    let mut state = created(5);
    assert_eq!(state.next_job(UnixMillis(0)), Some(Job::Take));
    state.control(ControlBatch::Pause, UnixMillis(0));
    state.take(UnixMillis(0));
    assert_eq!(state.progress().unwrap().running, 0);
    assert_eq!(state.next_job(UnixMillis(0)), None);
}

#[test]
fn the_record_of_a_run_that_began_by_a_late_call_is_stored() {
    let mut state = created(2);
    state.take(UnixMillis(0));
    state.told(1, Some(Begun::NoBudget), UnixMillis(0));
    end(&mut state, 1, 5000);
    assert_eq!(state.record.take(), Some((1, "record 1".into())));
    assert_eq!(begin(&mut state, 5000), 2, "1 does not begin again");
}

#[test]
fn a_run_without_budget_is_told_to_end_with_the_others() {
    let mut state = created(2);
    state.take(UnixMillis(0));
    state.told(1, Some(Begun::NoBudget), UnixMillis(0));
    state.control(ControlBatch::Cancel, UnixMillis(10));
    assert_eq!(state.next_job(UnixMillis(10)), Some(Job::Cancel(1)));
}

#[test]
fn a_pairing_of_nobody_is_not_begun() {
    let nobody = BatchPlan {
        pairing: Pairing::All {
            agents: Vec::new(),
            customers: Vec::new(),
        },
        ..plan(1)
    };
    let unknown = nobody.unknown(&Personas::default(), |_| true);
    assert!(unknown.contains(&"personas/agents/*.toml".to_owned()));
    assert!(unknown.contains(&"personas/customers/*.toml".to_owned()));
    assert_eq!(nobody.run(&BatchId::new([1; 16]), 1), None);
}

#[test]
fn the_same_seed_gives_the_same_pairs_and_all_pairs_each_with_each() {
    let batch = BatchId::new([1; 16]);
    let agents = ["a", "b"].map(|id| AgentSide::Persona(id.parse().unwrap()));
    let customers = ["x", "y", "z"].map(|id| id.parse().unwrap());
    let all = BatchPlan {
        pairing: Pairing::All {
            agents: agents.to_vec(),
            customers: customers.to_vec(),
        },
        ..plan(12)
    };
    let pairs = |plan: &BatchPlan| -> Vec<String> {
        let runs = (1..=plan.count).filter_map(|number| plan.run(&batch, number));
        runs.map(|run| format!("{}{}", run.agent.as_str(), run.customer))
            .collect()
    };
    let once = ["ax", "ay", "az", "bx", "by", "bz"];
    assert_eq!(pairs(&all)[..6], once);
    assert_eq!(pairs(&all)[6..], once);
    let random = BatchPlan {
        pairing: Pairing::Random {
            agents: agents.to_vec(),
            customers: customers.to_vec(),
        },
        ..plan(12)
    };
    assert_eq!(pairs(&random), pairs(&random));
    let other = BatchPlan {
        seed: 4,
        ..random.clone()
    };
    assert_ne!(pairs(&random), pairs(&other));
    let seeds: std::collections::BTreeSet<u64> = (1..=12)
        .filter_map(|number| Some(random.run(&batch, number)?.seed))
        .collect();
    assert_eq!(seeds.len(), 12);
}
