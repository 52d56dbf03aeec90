//! What must hold of each transcript, of the pages that the operator reads, and of what is left at the end.
//!
//! Not here: requests and reservations (`checks`).

use std::{collections::BTreeMap, rc::Rc};

use serde_json::Value;
use switchboard::synthetic::{
    api::{BATCHES_NAME, Page, Record},
    disturbance::{Disturbance, disturbances, speaker_of},
    plan::Mode,
    transcript::{EndReason, EndedBy, Line, Mark},
};

use super::{
    checks::{BROKEN, BatchSeen, Checks},
    world::World,
};

impl Checks {
    /// The operator has read a page.
    pub fn page(&mut self, id: &str, after: u32, page: &Page) {
        let Some(mut batch) = self.batches.remove(id) else {
            return;
        };
        for (place, text) in (after as usize..).zip(&page.records) {
            match batch.records.get(place) {
                Some(before) => self.check(before == text, || {
                    format!("record {place} of {id:.9} has changed")
                }),
                None if place == batch.records.len() => {
                    self.record(&mut batch, text);
                    batch.records.push(text.clone());
                }
                None => {}
            }
        }
        self.batches.insert(id.to_owned(), batch);
    }

    fn record(&mut self, batch: &mut BatchSeen, text: &str) {
        self.count("records");
        self.check(!text.contains(BROKEN), || {
            format!("an error is in a record: {text}")
        });
        let record: Record = serde_json::from_str(text).unwrap();
        let number = record.plan.run.number;
        self.check(batch.numbers.insert(number), || {
            format!("run {number} of {:.9} has two records", batch.id.as_str())
        });
        let planned = batch.plan.run(&batch.id, number);
        self.check(planned.as_ref() == Some(&record.plan), || {
            format!("run {number} was not planned like this: {:?}", record.plan)
        });
        self.lines(batch, &record);
        self.end_of(&record);
        self.scores(&record);
        let name = record.plan.run.to_string();
        let (made, most) = (
            self.run(&name).made_since,
            u64::from(record.plan.most_requests()),
        );
        let told = u64::from(record.cost.model_requests);
        self.check(told >= made && told <= most, || {
            format!("{name:.9} has made {made} requests and says {told}, of {most} at most")
        });
    }

    fn lines(&mut self, batch: &BatchSeen, record: &Record) {
        let (plan, lines) = (&record.plan, &record.lines);
        let disturbed = if plan.disturbed {
            disturbances(plan.seed, batch.first, plan.limits.turns)
        } else {
            BTreeMap::new()
        };
        self.check(lines.len() <= plan.limits.turns as usize, || {
            format!("{} lines, of {} at most", lines.len(), plan.limits.turns)
        });
        let mut said: BTreeMap<&str, u64> = BTreeMap::new();
        for (n, line) in (1..).zip(lines) {
            self.check(
                line.n == n && line.speaker == speaker_of(n, batch.first),
                || format!("line {n} is number {} of {:?}", line.n, line.speaker),
            );
            let mut marks = line.marks.clone();
            marks.retain(|mark| !matches!(mark, Mark::Goodbye | Mark::Interrupted));
            let planned: Vec<Mark> = disturbed
                .get(&n)
                .map(|one| one.mark())
                .into_iter()
                .collect();
            self.check(marks == planned, || {
                format!("line {n} has {marks:?}, not {planned:?}")
            });
            let is_interrupted = disturbed.get(&(n + 1)) == Some(&Disturbance::Interruption)
                && lines.len() > n as usize;
            let heard = line.heard.is_some() && line.text.starts_with(line.heard());
            self.check(
                is_interrupted == line.marks.contains(&Mark::Interrupted),
                || format!("line {n}: {:?}", line.marks),
            );
            self.check(is_interrupted == heard, || {
                format!("line {n} was heard as {:?}", line.heard)
            });
            if is_scripted(batch, n, line, planned == [Mark::Silence]) {
                self.count("scripted lines");
            } else {
                *said.entry(&line.text).or_default() += 1;
            }
        }
        let run = self.run(&plan.run.to_string());
        let wrong = said
            .iter()
            .find(|(text, times)| run.texts.get(**text) < Some(times));
        let wrong = wrong.map(|(text, times)| format!("{times} times: {text}"));
        self.check(wrong.is_none(), || format!("nobody has said {wrong:?}"));
        if self.counters.contains_key("clocks that were put") {
            return;
        }
        let begun = lines
            .first()
            .map(|line| line.started_at)
            .unwrap_or_default();
        let seconds = u64::from(plan.limits.seconds);
        let late = lines
            .iter()
            .find(|line| line.started_at.since(begun).as_secs() >= seconds);
        self.check(late.is_none(), || {
            format!("a line after the limit of {seconds} s: {late:?}")
        });
    }

    fn end_of(&mut self, record: &Record) {
        let (lines, ended) = (&record.lines, record.ended);
        let turns = record.plan.limits.turns as usize;
        self.count(match ended.reason {
            EndReason::Goodbye => "ends by goodbye",
            EndReason::Turns => "ends by the limit of lines",
            EndReason::Seconds => "ends by the limit of time",
            EndReason::Requests => "ends by used up requests",
            EndReason::Repetition => "ends by repetition",
            EndReason::ModelFailed => "ends by failures of the model",
            EndReason::Cancelled => "ends by the operator",
            EndReason::HandedOff
            | EndReason::Configuration
            | EndReason::CallFailed
            | EndReason::OneLeg
            | EndReason::LegLost => "ends that cannot be",
        });
        let goodbye = lines
            .iter()
            .position(|line| line.marks.contains(&Mark::Goodbye));
        self.check(goodbye.is_none_or(|at| lines.len() <= at + 2), || {
            format!("{} lines, with a goodbye in {goodbye:?}", lines.len())
        });
        let said_goodbye = goodbye.map(|at| EndedBy::from(lines[at].speaker));
        let holds = match ended.reason {
            EndReason::Goodbye => said_goodbye == Some(ended.by),
            EndReason::Turns => lines.len() == turns && ended.by == EndedBy::Limit,
            EndReason::Seconds | EndReason::Requests | EndReason::Repetition => {
                ended.by == EndedBy::Limit
            }
            EndReason::ModelFailed => ended.by == EndedBy::Failure,
            EndReason::Cancelled => ended.by == EndedBy::Operator,
            EndReason::HandedOff
            | EndReason::Configuration
            | EndReason::CallFailed
            | EndReason::OneLeg
            | EndReason::LegLost => false,
        };
        self.check(holds, || format!("{ended:?} after {} lines", lines.len()));
    }

    fn scores(&mut self, record: &Record) {
        let Some(scores) = &record.scores else { return };
        self.count("scores");
        self.check(record.plan.score, || "scores that nobody wanted".into());
        let heard: Vec<Vec<String>> = record
            .lines
            .iter()
            .map(|line| words(line.heard()))
            .collect();
        for verdict in scores.criteria.values() {
            if verdict.met.is_none() {
                self.count("quotes that were refused");
            }
            let quote = words(verdict.quote.as_deref().unwrap_or_default());
            let is_there = || {
                heard
                    .iter()
                    .any(|line| line.windows(quote.len()).any(|own| own == quote))
            };
            let holds = verdict.met != Some(true) || (!quote.is_empty() && is_there());
            self.check(holds, || format!("nobody has said {:?}", verdict.quote));
        }
        let ratings = [
            &scores.churn_risk,
            &scores.propensity_to_buy,
            &scores.satisfaction,
        ];
        self.check(ratings.iter().all(|rating| rating.value <= 100), || {
            format!("{ratings:?}")
        });
    }
}

/// Whether no model has to say the line.
fn is_scripted(batch: &BatchSeen, n: u32, line: &Line, is_silence: bool) -> bool {
    let opens = n == 1 && EndedBy::from(line.speaker) == EndedBy::Agent;
    let opening = match batch.plan.mode {
        Mode::Text | Mode::Call => line.text.starts_with("Hello, this is"),
        Mode::Assistant => !line.text.contains("zebra"),
    };
    (is_silence && line.text.is_empty()) || (opens && opening)
}

fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

impl World {
    /// Everything has settled: all runs have ended and are accounted for, and nothing is left that nobody needs.
    pub fn check_end(self: &Rc<Self>) {
        let mut checks = self.checks.borrow_mut();
        let ids: Vec<String> = checks.batches.keys().cloned().collect();
        for id in ids {
            let name = ("BATCH", id.clone());
            let state = self.stored(&name, "batch").unwrap_or_default();
            let state: Value = serde_json::from_str(&state).unwrap_or_default();
            let batch = &checks.batches[&id];
            if batch.deleted_at.is_some() {
                checks.count("batches that were deleted");
                checks.check(state.is_null(), || {
                    format!("{id:.9} was deleted, and is there")
                });
                continue;
            }
            let (count, left_paused) = (batch.plan.count, batch.left_paused);
            let ended =
                u32::try_from(state["batch"]["ended"].as_u64().unwrap_or_default()).unwrap();
            let records =
                (1..=ended).filter_map(|place| self.stored(&name, &format!("record:{place:010}")));
            let page = Page {
                records: records.collect(),
                last: ended,
                more: false,
            };
            checks.page(&id, 0, &page);
            let batch = &checks.batches[&id];
            let (read, numbers) = (batch.records.len(), batch.numbers.len());
            checks.check(read == ended as usize && numbers == read, || {
                format!("{id:.9} has {read} records of {ended} runs that have ended")
            });
            let running = state["batch"]["running"]
                .as_object()
                .map(serde_json::Map::len);
            checks.check(running == Some(0), || {
                format!("runs of {id:.9} never end: {state}")
            });
            let is_cancelled = state["batch"]["control"] == "cancel";
            let is_over = ended == count || is_cancelled || left_paused;
            checks.check(is_over, || {
                format!("{id:.9} has {ended} of {count} records, and does not go on")
            });
            checks.count(if is_cancelled {
                "batches that were cancelled"
            } else {
                "batches that have ended"
            });
        }
        let left = self.left("RUN");
        let left: Vec<_> = left
            .iter()
            .filter(|(_, values, alarm)| *values > 0 || *alarm)
            .collect();
        checks.check(left.is_empty(), || {
            format!("runs that hold something after their time: {left:?}")
        });
        let list = self
            .stored(&("BATCHES", BATCHES_NAME.to_owned()), "batches")
            .unwrap_or_default();
        let list: Value = serde_json::from_str(&list).unwrap_or_default();
        let listed = list["batches"].as_array().map_or(0, Vec::len);
        let kept = checks
            .batches
            .values()
            .filter(|batch| batch.deleted_at.is_none())
            .count();
        checks.check(listed == kept, || {
            format!("{listed} batches are listed, and {kept} kept")
        });
        checks.end();
    }
}
