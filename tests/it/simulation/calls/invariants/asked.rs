//! What the model is asked: words that the caller said on a current socket, and answers as far as they were heard.
//!
//! Not here: what is spoken of its answers (`floor`).

use std::rc::Rc;

use switchboard::conversation::history::Turn as Said;

use crate::simulation::{
    calls::{
        life::is_fixed,
        model::Said as Reply,
        records::{Record, Turn, caller_words, keys_in, model_words, tight, without_keys},
    },
    state::Simulation,
};

/// What follows an answer that was cut off.
const CUT_OFF: &str = " [the caller cut in]";

impl Simulation {
    /// A request has reached the model. `turns` is the conversation in it, `input` the new words.
    pub fn call_asked(self: &Rc<Self>, name: &str, turns: &[Said], input: &str, body: &str) {
        self.count("model requests");
        if keys_in(input).is_some() {
            self.count("keys that the model was told");
        }
        let is_ordered = self.fault_plan.storage_fails == 0;
        let is_exact = is_ordered && self.kills.get() == 0;
        let checked = self.calls.with(name, |call| {
            call.requests += 1;
            let checked = call
                .each_request_is_granted()
                .and_then(|()| call.is_said_by_the_caller(input))
                .and_then(|()| call.nobody_is_named(body))
                .and_then(|()| call.keys_are_told_once(input, body, is_exact))
                .and_then(|()| call.is_not_answered_again(turns, input, self.calls.plan.gathers))
                .and_then(|()| {
                    let mut turns = turns.iter();
                    turns.try_for_each(|turn| call.is_what_was_heard(turn, is_ordered))
                });
            if input.is_empty() {
                return Err("the model was asked nothing".into());
            }
            // A run that begins anew has called nothing yet.
            let goes_on = body.contains(r#""role":"tool""#);
            call.begin_turn(&without_keys(input), goes_on);
            checked
        });
        let checked = checked.unwrap_or_else(|| Err("a request of no call".into()));
        let what = checked.as_ref().err().cloned();
        self.check(checked.is_ok(), || what.unwrap_or_default());
    }

    /// The model answers the newest request of a call.
    pub fn model_answers(&self, name: &str, reply: &Reply) {
        self.calls.with(name, |call| {
            if let Some(turn) = call.turns.last_mut() {
                turn.reply = tight(&reply.spoken);
                turn.is_whole = reply.is_whole;
                turn.calls_tools = reply.calls_tools;
                turn.ends_call |= reply.ends_call;
                turn.may_have_effects = reply.ends_call;
                if let Some((question, most)) =
                    reply.question.as_ref().filter(|_| !turn.has_effects)
                {
                    turn.reply.push_str(question);
                    turn.is_whole = true;
                    call.wants_digits = Some(*most);
                    call.digits_asked += 1;
                    call.question.clone_from(question);
                }
            }
        });
    }
}

impl Record {
    fn each_request_is_granted(&self) -> Result<(), String> {
        let granted = self.requests_granted.min(self.share_granted);
        if self.requests > granted {
            return Err(format!(
                "{} requests to the model, and {granted} were granted",
                self.requests
            ));
        }
        Ok(())
    }

    fn is_said_by_the_caller(&self, words: &str) -> Result<(), String> {
        for word in caller_words(words) {
            match self.said.get(&word) {
                None => return Err(format!("the model is asked what nobody said: {words}")),
                Some(false) => {
                    return Err(format!("words of an old socket were heard: {words}"));
                }
                Some(true) => {}
            }
        }
        Ok(())
    }

    /// What a document has heard is answered once, and asked about twice at most.
    fn is_not_answered_again(
        &self,
        turns: &[Said],
        words: &str,
        gathers: bool,
    ) -> Result<(), String> {
        let new = caller_words(words);
        if !gathers || new.is_empty() || self.is_damaged {
            return Ok(());
        }
        let mut asked = self.turns.iter().filter(|turn| turn.words == words);
        let is_answered = |said: &Said| !caller_words(&said.user).is_disjoint(&new);
        if turns.iter().any(is_answered)
            || asked.clone().count() > 2
            || asked.any(|turn| turn.is_over)
        {
            return Err(format!("words are answered once more: {words}"));
        }
        Ok(())
    }

    fn nobody_is_named(&self, body: &str) -> Result<(), String> {
        if body.contains(&self.digits) {
            return Err("the model is told the caller's number".into());
        }
        Ok(())
    }

    /// An answer in the history is what was spoken of it, and of one that was cut off only what had been heard.
    fn is_what_was_heard(&self, said: &Said, is_ordered: bool) -> Result<(), String> {
        self.is_said_by_the_caller(&said.user)?;
        if is_fixed(&said.assistant) {
            return Err(format!(
                "a fixed sentence is in the history: {}",
                said.assistant
            ));
        }
        let marked = said.assistant.strip_suffix(CUT_OFF);
        let text = marked.unwrap_or(&said.assistant);
        let heard = tight(text);
        let mut starts = (0..self.turns.len()).rev();
        let Some(start) = starts.find(|start| self.spoken(*start, said).starts_with(&heard)) else {
            return Err(format!(
                "the history has words that were not spoken: {text}"
            ));
        };
        let played = self.turns[start].heard.as_ref();
        let Some(played) = played.filter(|_| is_ordered && self.is_honest) else {
            return Ok(());
        };
        let mut unheard = model_words(text).into_iter();
        match unheard.find(|word| !played.contains(word)) {
            Some(word) => Err(format!(
                "{word} is in the history, and was not heard: {text}"
            )),
            None => Ok(()),
        }
    }

    /// What was spoken in the turn of this number, and in those after it for the same words: a prompt that comes twice looks
    /// like the end of a turn.
    fn spoken(&self, start: usize, said: &Said) -> String {
        let turns = self.turns.iter().skip(start);
        let own = turns.take_while(|turn| turn.words == said.user);
        own.map(|turn| turn.spoken.as_str()).collect()
    }

    /// A request for the words of the turn before, with nothing between them, belongs to that turn.
    fn begin_turn(&mut self, words: &str, goes_on: bool) {
        let breaks = self.breaks;
        match self.turns.last_mut() {
            Some(turn) if turn.words == words && turn.breaks == breaks => {
                turn.spoken_before = turn.spoken.len();
                let reply = std::mem::take(&mut turn.reply);
                turn.has_effects |= std::mem::take(&mut turn.may_have_effects);
                turn.has_effects &= goes_on;
                if std::mem::take(&mut turn.calls_tools) {
                    turn.unsaid.push(reply);
                }
                turn.is_whole = false;
            }
            before => {
                // A prompt that came twice looks like the end of a turn.
                let is_same = before.filter(|turn| turn.words == words);
                let ends_call = is_same.is_some_and(|turn| turn.ends_call);
                self.turns.push(Turn {
                    words: words.to_owned(),
                    breaks,
                    reply: String::new(),
                    is_whole: false,
                    is_over: false,
                    ends_call,
                    spoken: String::new(),
                    spoken_before: 0,
                    may_have_effects: false,
                    has_effects: false,
                    calls_tools: false,
                    unsaid: Vec::new(),
                    is_lost: false,
                    heard: None,
                });
            }
        }
    }
}
