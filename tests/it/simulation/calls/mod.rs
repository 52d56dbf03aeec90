//! The simulation of phone calls: the real engine of a call over the same world, with Twilio's relay on the other side.
//!
//! It shares the executor, the clock, the objects, the storage, the alarms, the budget and the kills with the simulation of
//! messages. Not here: single scenarios (`voice`), and the runtime itself (`tests/e2e`).

mod callers;
mod frames;
mod gather;
mod invariants;
mod keys;
mod life;
mod model;
mod mutants;
mod plan;
mod ports;
mod records;
mod relay;
mod requests;
mod speaker;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use plan::CallPlan;
use records::{CallerRecord, Minutes, Record};
use relay::Session;

use super::{
    coverage::EVERYTHING_OF_CALLS,
    must_break, must_come_about, must_hold, must_replay,
    mutation::Mutation,
    random::Random,
    state::{Simulation, World},
};

pub use callers::begin;

/// The key of a call's state in storage.
pub const STATE: &str = "call";

/// Everything about the calls of one run.
#[derive(Default)]
pub struct Calls {
    pub plan: CallPlan,
    /// By the names of their objects.
    records: RefCell<BTreeMap<String, Record>>,
    /// By the names of their objects.
    callers: RefCell<BTreeMap<String, CallerRecord>>,
    /// By the name of the call and the number of the session.
    sessions: RefCell<BTreeMap<(String, u32), Rc<Session>>>,
    /// Minutes that the budget has counted, less those that were given back, by UTC day.
    minutes: RefCell<Minutes>,
}

impl Calls {
    pub fn new(random: &Random) -> Self {
        Self {
            plan: CallPlan::new(random),
            ..Self::default()
        }
    }

    /// Looks at what is known of a call, if it is one.
    fn with<R>(&self, name: &str, look: impl FnOnce(&mut Record) -> R) -> Option<R> {
        self.records.borrow_mut().get_mut(name).map(look)
    }

    fn session(&self, name: &str, number: u32) -> Option<Rc<Session>> {
        let sessions = self.sessions.borrow();
        sessions.get(&(name.to_owned(), number)).cloned()
    }
}

impl Simulation {
    /// Checks an invariant of calls.
    fn check(&self, holds: bool, words: impl FnOnce() -> String) {
        self.invariants.borrow_mut().check(holds, words);
    }
}

#[test]
fn every_call_is_heard_and_ends_once_whatever_fails() {
    must_hold(World::Calls);
}

#[test]
fn every_kind_of_fault_of_calls_and_of_end_comes_about() {
    must_come_about(World::Calls, &EVERYTHING_OF_CALLS);
}

#[test]
fn a_seed_of_calls_replays_exactly() {
    must_replay(World::Calls);
}

#[test]
fn a_word_that_goes_out_after_an_interruption_is_noticed() {
    must_break(World::Calls, Mutation::WordLetThrough, 400);
}

#[test]
fn an_interruption_that_is_not_heard_is_noticed() {
    must_break(World::Calls, Mutation::InterruptDropped, 200);
}

#[test]
fn unheard_words_in_the_history_are_noticed() {
    must_break(World::Calls, Mutation::HeardIgnored, 200);
}

#[test]
fn an_answer_that_is_cut_off_before_another_and_kept_whole_is_noticed() {
    must_break(World::Calls, Mutation::PlayedNotTold, 400);
}

#[test]
fn a_minute_that_is_settled_twice_is_noticed() {
    must_break(World::Calls, Mutation::MinuteSettledTwice, 200);
}

#[test]
fn a_minute_that_is_not_reserved_is_noticed() {
    must_break(World::Calls, Mutation::MinuteNotReserved, 200);
}

#[test]
fn a_caller_who_has_always_a_request_left_is_noticed() {
    must_break(World::Calls, Mutation::CallerCapIgnored, 200);
}

#[test]
fn half_an_answer_that_is_taken_for_whole_is_noticed() {
    must_break(World::Calls, Mutation::CutStreamEnded, 200);
}

#[test]
fn an_error_that_is_spoken_is_noticed() {
    must_break(World::Calls, Mutation::ErrorSpoken, 200);
}

#[test]
fn an_excuse_in_the_history_is_noticed() {
    must_break(World::Calls, Mutation::ExcuseStored, 200);
}

#[test]
fn a_call_that_never_ends_is_noticed() {
    must_break(World::Calls, Mutation::AlarmNotRearmed, 200);
}

#[test]
fn words_of_an_old_socket_that_are_heard_are_noticed() {
    must_break(World::Calls, Mutation::OldSessionAccepted, 400);
}

#[test]
fn a_secret_that_opens_a_socket_twice_is_noticed() {
    must_break(World::Calls, Mutation::SecretKept, 1000);
}

#[test]
fn an_end_that_a_restart_forgets_is_noticed() {
    must_break(World::Calls, Mutation::EndForgotten, 400);
}

#[test]
fn a_call_of_which_something_is_left_is_noticed() {
    must_break(World::Calls, Mutation::CallKept, 50);
}

#[test]
fn an_answer_that_two_documents_say_is_noticed() {
    must_break(World::Calls, Mutation::AnswerSaidAgain, 400);
}

#[test]
fn a_request_for_a_document_that_is_answered_twice_is_noticed() {
    must_break(World::Calls, Mutation::RepeatTakenForNew, 400);
}

#[test]
fn a_key_that_counts_twice_is_noticed() {
    must_break(World::Calls, Mutation::KeyCountsTwice, 200);
}

#[test]
fn keys_in_the_conversation_are_noticed() {
    must_break(World::Calls, Mutation::KeysInConversation, 200);
}

#[test]
fn keys_in_the_log_are_noticed() {
    must_break(World::Calls, Mutation::KeysLogged, 200);
}
