//! Tools: no id is used for two different calls, and no result is told that did not come.
//!
//! Not here: how tools fail (`simulation::tools`).

use serde_json::Value;

use super::{Invariants, records::TurnKey};

/// A call that was made.
pub(super) struct ToolCall {
    contact: String,
    turn: Option<TurnKey>,
    body: Value,
    /// The input of its turn.
    input: String,
    /// The incarnation that has heard its answer.
    answered: Option<u64>,
}

impl Invariants {
    /// A call has left an object.
    pub fn tool_called(&mut self, name: &str, incarnation: u64, id: &str, body: &Value) {
        let contact = self.contacts.get(name);
        let turn = contact.filter(|contact| !contact.untracked);
        // A message that comes again after its id was forgotten is answered again, with the same calls.
        let is_followed = turn.is_some();
        let turn = turn.and_then(|contact| contact.open);
        let input = self.input_of(name);
        let known = self.tool_calls.get(id);
        let is_same = known.is_none_or(|known| {
            let same_turn = known.turn.is_none() || turn.is_none() || known.turn == turn;
            known.contact == name && known.body == *body && same_turn
        });
        let is_answered =
            known.is_some_and(|known| is_followed && known.answered == Some(incarnation));
        let repeated = known.is_some();
        self.check(is_same && !is_answered, || {
            format!("an id is used for two different calls: {body}")
        });
        if repeated {
            self.count("calls of tools that were repeated");
        } else {
            let call = ToolCall {
                contact: name.to_owned(),
                turn,
                body: body.clone(),
                input,
                answered: None,
            };
            self.tool_calls.insert(id.to_owned(), call);
        }
        let order = &body["arguments"]["order"];
        self.check(order.is_u64() && body.get("contact").is_none(), || {
            format!("a call left that the file does not allow: {body}")
        });
    }

    /// An object has heard the answer to a call.
    pub fn tool_answered(&mut self, name: &str, incarnation: u64, id: &str, token: &str) {
        if let Some(call) = self.tool_calls.get_mut(id) {
            call.answered = Some(incarnation);
        }
        let came = (name.to_owned(), incarnation, token.to_owned());
        self.tool_results.insert(came);
    }

    /// The next token that a tool answers.
    pub fn next_token(&mut self) -> String {
        format!("tool#{}", self.next_number())
    }

    /// The model is told these results. Returns the tokens in them, which its answer will have.
    pub fn told_of_tools(
        &mut self,
        name: &str,
        incarnation: u64,
        results: &[Value],
    ) -> Vec<String> {
        if results.is_empty() {
            // The turn begins again, because its end could not be stored. Its calls are repeated, also
            // if a message has joined it.
            let input = self.input_of(name);
            let turn = self.contacts.get(name).and_then(|contact| contact.open);
            let is_of_turn =
                |call: &ToolCall| call.input == input || (turn.is_some() && call.turn == turn);
            let calls = self.tool_calls.values_mut();
            calls
                .filter(|call| call.contact == name && is_of_turn(call))
                .for_each(|call| call.answered = None);
        }
        let is_handed_over = results.iter().any(|one| one["result"] == "handed_over");
        let contact = self.contacts.get_mut(name);
        let turn = contact.and_then(|contact| contact.turns.get_mut(&contact.open?));
        // A contact that is not followed has no turn here.
        let mut wants_person = true;
        if let Some(turn) = turn {
            wants_person = turn.calls_person;
            (turn.is_handed_over, turn.may_begin_again) = (is_handed_over, false);
            turn.calls_person &= !results.is_empty();
        }
        self.check(!is_handed_over || wants_person, || {
            "the model is told of a hand-off that it has not asked for".into()
        });
        let mut tokens = Vec::new();
        for result in results {
            if result["result"] == "handed_over" {
                continue;
            }
            let token = result["result"]["token"].as_str().map(str::to_owned);
            let came = token.as_ref().map_or(result["error"].is_string(), |token| {
                let came = (name.to_owned(), incarnation, token.clone());
                self.tool_results.contains(&came)
            });
            self.check(came, || {
                format!("the model is told a result that did not come: {result}")
            });
            tokens.extend(token);
        }
        tokens
    }

    /// What the model was last asked about the turn that runs.
    fn input_of(&self, name: &str) -> String {
        let contact = self.contacts.get(name);
        let turn = contact.and_then(|contact| contact.turns.get(&contact.open?));
        turn.map(|turn| turn.asked.clone()).unwrap_or_default()
    }

    /// The model has asked for calls: the turn may make one more request.
    pub fn told_of_calls(&mut self, name: &str, calls_person: bool) {
        self.told_mendable(name);
        let contact = self.contacts.get_mut(name);
        if let Some(turn) = contact.and_then(|contact| contact.turns.get_mut(&contact.open?)) {
            turn.calls_person |= calls_person;
        }
    }
}
