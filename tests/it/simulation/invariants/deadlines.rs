//! Deadlines: how long a turn waits until it runs, and how long a webhook waits for its answer.
//!
//! Not here: how long a turn runs (`stored`).

use super::Invariants;

impl Invariants {
    /// An incarnation of a thread starts to run the open turn: it asks the budget for a request.
    pub fn turn_works(&mut self, name: &str, incarnation: u64, at: u64) {
        let Some(contact) = self.contacts.get_mut(name) else {
            return;
        };
        let Some(turn) = contact.open.and_then(|key| contact.turns.get_mut(&key)) else {
            return;
        };
        if turn.works.is_some_and(|(by, _)| by == incarnation) {
            return;
        }
        turn.works = Some((incarnation, at));
        let waited = at.saturating_sub(turn.waits);
        let holds = waited <= self.patience || !self.forward;
        self.check(holds, || {
            format!("a turn waited for {waited} ms until it ran")
        });
    }

    /// A webhook was answered after this many milliseconds, or Twilio gave up. `hop` is how long the call to the object was
    /// under way.
    pub fn webhook_took(&mut self, took: u64, hop: u64, answered: bool) {
        // After the deadline the object may still wait for the budget and for storage.
        let margin = 500 + if self.slow_storage { 4000 } else { 500 };
        let limit = margin + self.look_up + self.reply_within.max(hop);
        if self.forward && (answered || limit < took) {
            self.check(took <= limit, || {
                format!("a webhook waited for {took} ms, not {limit}")
            });
        }
    }
}
