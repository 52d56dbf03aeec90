//! The storage of a thread: the state under one key, an opt-out under its own key, and older
//! answers in rows.
//!
//! Not here: when something is stored (`object::Steps`).

use serde::Serialize;

use super::{Inner, ThreadPlatform};
use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    messaging::state::{Answer, AnswerRow, Decoded, State},
    object::{StepHost, Steps},
    platform::{PlatformError, Storage, WriteBatch},
};

const STATE_KEY: &str = "state";
/// The key exists while the contact has opted out. It is separate, so that an opt-out survives any
/// damage to the state.
const OPTED_OUT_KEY: &str = "opted_out";

impl<P: ThreadPlatform> StepHost for Inner<P> {
    type State = State;
    type Platform = P;

    fn platform(&self) -> &P {
        &self.platform
    }

    fn steps(&self) -> &Steps<State> {
        &self.steps
    }

    async fn load(&self) -> Result<(State, bool), PlatformError> {
        // Any value means an opt-out: in doubt nothing is sent.
        let opted_out = Storage::get(&self.platform, OPTED_OUT_KEY).await?;
        let now = self.platform.now();
        let stored = Storage::get(&self.platform, STATE_KEY).await?;
        let is_stored = stored.is_some();
        let (mut state, problem) = match stored {
            None => (State::default(), None),
            Some(stored) => match stored.text().as_deref().map(State::decode) {
                Some(Decoded::Whole(state)) => (state, None),
                Some(Decoded::Salvaged(state)) => (state, Some(InternalProblem::StateSalvaged)),
                // Perhaps another release wrote it. Starting with an empty state is better than
                // never answering again.
                Some(Decoded::Unreadable) | None => {
                    (State::unknown(now), Some(InternalProblem::StateUnreadable))
                }
            },
        };
        state.set_opted_out(opted_out.is_some());
        state
            .revisions
            .expect_late_writes(now, self.config.conversation_ttl);
        if let Some(reason) = problem {
            event::log(&self.platform, &Event::InternalError { reason });
        }
        // A damaged state can have lost all that would ever be forgotten. The next alarm clears it.
        let is_left_over = is_stored && state.is_blank();
        Ok((state, problem.is_some() || is_left_over))
    }

    fn refresh(&self, state: &mut State, now: UnixMillis) -> bool {
        let counted = self.counted.take();
        state.distrust_future(now, &self.config);
        state.usage.count(&counted, now);
        !counted.is_empty()
    }

    fn normalize(&self, state: &mut State, now: UnixMillis) {
        state.drop_needless_checks(now);
    }

    async fn batch(
        &self,
        before: &State,
        state: &mut State,
        now: UnixMillis,
    ) -> Result<WriteBatch, PlatformError> {
        if state.is_blank() && !state.is_opted_out() {
            *state = State::default();
            return Ok(WriteBatch::clear());
        }
        state.drop_needless_checks(now);
        let mut batch = WriteBatch::default();
        match (before.is_opted_out(), state.is_opted_out()) {
            (false, true) => batch
                .puts
                .push((OPTED_OUT_KEY.to_owned(), "true".to_owned())),
            (true, false) => batch.deletes.push(OPTED_OUT_KEY.to_owned()),
            _ => {}
        }
        let spilled = state.spill_answers();
        for AnswerRow { number, turns } in state.thinned_rows(before) {
            let mut answers = Vec::new();
            if !turns.is_empty() {
                answers = self.answers_in(number).await?;
            }
            answers.retain(|answer| turns.contains(&answer.turn));
            if answers.is_empty() {
                batch.deletes.push(answers_key(number));
            } else {
                batch.puts.push((answers_key(number), encode(&answers)?));
            }
        }
        if state.is_idle() && !state.is_blank() {
            *state = state.links_alone();
        }
        if let Some((number, answers)) = spilled {
            batch.puts.push((answers_key(number), encode(&answers)?));
        }
        if state.is_blank() {
            batch.deletes.push(STATE_KEY.to_owned());
        } else {
            batch.puts.push((STATE_KEY.to_owned(), encode(state)?));
        }
        Ok(batch)
    }

    fn new_alarm(
        &self,
        state: &State,
        set: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Option<UnixMillis> {
        state.new_alarm(set, now, &self.config)
    }

    fn stored(&self, before: &State, after: &State) {
        let begins = after.turn_number();
        let begins = begins.filter(|number| before.turn_number() != Some(*number));
        self.begun.set(begins.or(self.begun.get()));
    }
}

impl<P: ThreadPlatform> Inner<P> {
    /// The answers in a row beside the state. A row that cannot be read holds none.
    pub(super) async fn answers_in(&self, row: u64) -> Result<Vec<Answer>, PlatformError> {
        let Some(stored) = Storage::get(&self.platform, &answers_key(row)).await? else {
            return Ok(Vec::new());
        };
        let text = stored.text();
        let answers = text.and_then(|text| serde_json::from_str(&text).ok());
        if answers.is_none() {
            let reason = InternalProblem::AnswersUnreadable;
            event::log(&self.platform, &Event::InternalError { reason });
        }
        Ok(answers.unwrap_or_default())
    }
}

fn answers_key(row: u64) -> String {
    format!("answers/{row}")
}

fn encode(value: &impl Serialize) -> Result<String, PlatformError> {
    serde_json::to_string(value).map_err(|_| PlatformError::new("encode"))
}
