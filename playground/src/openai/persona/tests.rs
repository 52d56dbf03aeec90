//! Tests of a persona in a call, line by line.

use super::*;

const AGENT: &str = "Play.\nScenario: There is an appointment.\nYou are: the agent\nName: Ada Byrne\n\
                     Opening: Hello, this is Ada.\nCompetence: COMPETENCE\nAttitude: warm";
const CUSTOMER: &str = "Play.\nScenario: There is an appointment.\nYou are: the customer\n\
                        Name: Ben Okafor\nIssue: The day is impossible.\n\
                        Desired resolution: another day\nDemeanour: angry\nPatience: PATIENCE\n\
                        Expected length: medium\nFacts: The booking number is 10592. | The old day was Tuesday.";

fn said(part: &str, lines: &[(bool, &str)], fault: Option<BodyFault>) -> (String, bool) {
    let spoken: Vec<Spoken> = lines
        .iter()
        .map(|(own, text)| Spoken {
            own: *own,
            text: (*text).to_owned(),
        })
        .collect();
    let line = line(&[part.to_owned()], &spoken, fault);
    let say = line.get("say").unwrap().as_str().unwrap().to_owned();
    (say, line.get("ends_call").unwrap().as_bool().unwrap())
}

fn agent(competence: &str, lines: &[(bool, &str)]) -> (String, bool) {
    said(&AGENT.replace("COMPETENCE", competence), lines, None)
}

fn customer(patience: &str, lines: &[(bool, &str)]) -> (String, bool) {
    said(&CUSTOMER.replace("PATIENCE", patience), lines, None)
}

#[test]
fn an_agent_opens_word_for_word_whoever_speaks_first() {
    for heard in [
        "[The call is connected. You speak first.]",
        "Hello, it is me.",
    ] {
        assert_eq!(
            agent("high", &[(false, heard)]),
            ("Hello, this is Ada.".to_owned(), false)
        );
    }
}

#[test]
fn a_customer_states_its_issue_gives_the_fact_that_was_asked_for_and_says_what_it_wants() {
    let opening = (false, "Hello, this is Ada.");
    let (first, _) = customer("medium", &[opening]);
    assert!(
        first.contains("Ben Okafor") && first.contains("The day is impossible."),
        "{first}"
    );
    for (question, fact) in [
        ("What is the number of the booking?", "10592"),
        ("Which was the old day?", "Tuesday"),
    ] {
        let (second, _) = customer("medium", &[opening, (true, &first), (false, question)]);
        assert!(second.contains(fact), "{question} {second}");
        assert!(second.contains("What I want is another day."), "{second}");
    }
}

#[test]
fn competence_decides_whether_the_customer_gets_what_it_wants() {
    let before = [
        (true, "Hello, this is Ada."),
        (false, "The day is impossible."),
        (true, "Which number?"),
        (false, "10592. What I want is another day."),
        (true, "I see."),
        (false, "Well?"),
    ];
    let (high, _) = agent("high", &before);
    assert!(high.contains("another day"), "{high}");
    let (low, _) = agent("low", &before);
    assert!(!low.contains("another day"), "{low}");
    let vague = [
        before.as_slice(),
        &[(true, "I don't know."), (false, "And now?")],
    ]
    .concat();
    let (low, _) = agent("low", &vague);
    let is_vague = ["not sure", "don't know", "another department"];
    assert!(is_vague.iter().any(|words| low.contains(words)), "{low}");
}

#[test]
fn an_impatient_customer_wants_a_supervisor_and_then_hangs_up() {
    let mut lines = vec![
        (false, "Hello."),
        (true, "The day is impossible."),
        (false, "I'm not sure what to do."),
    ];
    let (asks, ends) = customer("low", &lines);
    assert!(asks.contains("supervisor") && !ends, "{asks}");
    let (stays, _) = customer("high", &lines);
    assert!(!stays.contains("supervisor"), "{stays}");
    lines.extend([(true, asks.as_str()), (false, "There is nothing I can do.")]);
    let (leaves, ends) = customer("low", &lines);
    assert!(leaves.contains("hanging up") && ends, "{leaves}");
    let agent_hears = [(true, "Hello, this is Ada."), (false, leaves.as_str())];
    assert!(agent("low", &agent_hears).1);
}

#[test]
fn a_wrong_number_is_corrected_when_somebody_asks_or_reads_another_one_back() {
    let wrong = "The booking number is 10529.";
    let asked = [
        (false, "Your number?"),
        (true, wrong),
        (false, "Is that the right number?"),
    ];
    assert!(customer("medium", &asked).0.contains("10592"));
    let read_back = [
        (false, "Your number?"),
        (true, "10592"),
        (false, "So it is 15092."),
    ];
    assert!(customer("medium", &read_back).0.contains("10592"));
    let fine = [
        (false, "Your number?"),
        (true, "It is 10592."),
        (false, "I have 10592."),
    ];
    assert!(!customer("medium", &fine).0.contains("10592"));
}

#[test]
fn a_silence_is_noticed_and_counts_as_no_line() {
    let silence = (false, "[The other person says nothing for 6 seconds.]");
    let before = [(false, "Hello."), (true, "The day is impossible."), silence];
    let (asks, _) = customer("medium", &before);
    assert!(asks.ends_with('?'), "{asks}");
    let long: Vec<(bool, &str)> = std::iter::once((false, "Hello."))
        .chain(std::iter::repeat_n([(true, "Hm."), silence], 3).flatten())
        .collect();
    assert!(
        !customer("medium", &long).1,
        "silences do not make a call long"
    );
}

#[test]
fn words_after_a_direction_are_heard_and_the_direction_is_not_said() {
    let hears = (false, "Your number?\n[Direction: Show impatience.]");
    let (say, _) = customer(
        "medium",
        &[(false, "Hello."), (true, "The day is impossible."), hears],
    );
    assert!(say.contains("10592") && !say.contains("Direction"), "{say}");
}

#[test]
fn no_line_comes_twice_however_long_a_call_is() {
    for (part, words) in [(AGENT, "COMPETENCE"), (CUSTOMER, "PATIENCE")] {
        for level in ["low", "medium", "high"] {
            let part = part.replace(words, level);
            let mut lines: Vec<(bool, String)> = Vec::new();
            for _ in 0..30 {
                lines.push((false, "And then?".to_owned()));
                let borrowed: Vec<(bool, &str)> = lines
                    .iter()
                    .map(|(own, text)| (*own, text.as_str()))
                    .collect();
                let (say, ends) = said(&part, &borrowed, Some(BodyFault::NoGoodbye));
                assert!(!ends && !say.to_lowercase().contains("goodbye"), "{say}");
                let is_new = lines.iter().all(|(_, text)| *text != say);
                assert!(is_new, "{level}: {say}");
                lines.push((true, say));
            }
        }
    }
}
