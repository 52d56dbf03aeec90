//! The fuzz targets as property tests: every corpus file, and 100 000 cases of each target.
//!
//! The targets, with what they check, are in `fuzz/src/targets`. Half of the cases are corpus files with some of their bytes
//! or JSON values changed; the others are made from parts that lead deep into the parsers. Not here: coverage-guided fuzzing,
//! which needs another toolchain (`fuzz/README.md`).

mod change;
mod inputs;
#[path = "../../../fuzz/src/targets/mod.rs"]
mod targets;

use std::{fs, path::PathBuf, time::Instant};

use proptest::{
    prelude::*,
    test_runner::{TestError, TestRunner},
};

use change::mutated;
use inputs::{answers, bodies, frames, responses, states};

const CASES: u32 = 100_000;

#[test]
fn every_corpus_file_passes_its_target() {
    for (name, target) in targets::TARGETS {
        for (file, data) in corpus(name) {
            println!("{name}/{file}");
            target(&data);
        }
    }
}

#[test]
fn a_form_is_read_as_it_was_signed_or_refused() {
    run("form_signature", bodies());
}

#[test]
fn an_answer_becomes_readable_twiml_within_the_limits_of_twilio() {
    run("twiml_parts", answers());
}

#[test]
fn any_response_of_the_model_is_a_completion_or_a_failure() {
    run("openai_response", responses());
}

#[test]
fn whatever_comes_over_the_socket_of_a_call_what_is_sent_is_valid_and_the_call_ends() {
    run("relay_frames", frames());
}

#[test]
fn whatever_a_store_gives_back_a_contact_is_answered_and_no_budget_is_exceeded() {
    run("stored_state", states());
}

/// Runs the cases. A failing case is shrunk and printed.
fn run(name: &'static str, made: BoxedStrategy<Vec<u8>>) {
    let target = targets::TARGETS
        .iter()
        .find(|(other, _)| *other == name)
        .unwrap()
        .1;
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let started = Instant::now();
    let cases = prop_oneof![mutated(name), made];
    let outcome = TestRunner::new(config).run(&cases, |data| {
        target(&data);
        Ok(())
    });
    println!(
        "{name}: {CASES} cases in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, data)) => {
            panic!("{name}: {reason}\n{:?}", String::from_utf8_lossy(&data))
        }
        Err(TestError::Abort(reason)) => panic!("{name}: {reason}"),
    }
}

/// The corpus files of a target, with their names.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(files.len() >= 10, "the corpus of {name} has been lost");
    files
}
