//! Mutations: deliberate bugs between the product and the simulation. The invariants must notice each of them.
//!
//! Not here: the tests that say so (`simulation`).

/// A deliberate bug, put between the product and the simulation: the simulation must notice each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Two incarnations of one object work over one storage at the same time.
    LockRemoved,
    /// A repeated delivery is taken for a new message.
    DedupeAfterTheCall,
    /// A reservation is granted first and counted later.
    BudgetCountedAfter,
    /// A message whose creation has an unknown outcome is posted again blindly.
    AmbiguousSendRetried,
    /// Only the first alarm of an object is ever set.
    AlarmNotRearmed,
    /// A failed model request looks like an answer with the apology's text.
    ApologyStored,
    /// A commit says that it is stored before it is.
    CommitNotAwaited,
    /// KV says that it has deleted, and has not.
    DeleteNotDone,
    /// A state that goes takes the opt-out beside it along.
    OptOutLost,
    /// A restarted object does not find the opt-out.
    OptOutKeyIgnored,
    /// A message by REST is reserved without a cap.
    MessageCapIgnored,
    /// A restarted object has forgotten what its sender has cost today.
    ContactCapIgnored,
    /// Twilio lists what webhooks answered as if it had been sent by REST.
    EqualTextTaken,
    /// A stored value that is no text is an error, each time.
    DamageNotMet,
    /// A budget count that cannot be read begins anew.
    DamagedBudgetOpens,
    /// The budget object takes the highest time that a clock has shown for now.
    FarDayBelieved,
}
