//! Mutations: deliberate bugs between the product and the simulation. The invariants must notice each of them.
//!
//! Not here: the tests that say so (`simulation`).

/// A deliberate bug. The simulation must notice it.
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
    /// Thoughts of the model come without tags, as if they were sent.
    ThoughtsWithoutTags,
    /// A stream that broke off looks as if it had ended.
    CutStreamEnded,
    /// A commit returns before it is durable.
    CommitNotAwaited,
    /// KV confirms a deletion, but keeps the value.
    DeleteNotDone,
    /// Deleting the state deletes the opt-out too.
    OptOutLost,
    /// A restarted object does not find the opt-out.
    OptOutKeyIgnored,
    /// A message by REST is reserved without a cap.
    MessageCapIgnored,
    /// A restarted object has forgotten the contact's usage of today.
    ContactCapIgnored,
    /// A restarted object has forgotten what the contact wrote before.
    LoopForgotten,
    /// A message counts as not sent if Twilio has changed its text.
    OnlyEqualTextsFound,
    /// Twilio's refusal for a contact that has opted out there is taken for any other.
    OptOutAtTwilioIgnored,
    /// A receipt of Twilio's for such a message is taken for any other.
    OptOutReceiptIgnored,
    /// A part goes out as if the one before it was on its way.
    PartsNotAwaited,
    /// Twilio lists what webhooks answered as if it had been sent by REST.
    EqualTextTaken,
    /// A voice note is transcribed twice for one reservation.
    TranscriptionNotReserved,
    /// A stored value that is not a text is an error every time.
    DamageNotMet,
    /// A budget count that cannot be read starts at zero.
    DamagedBudgetOpens,
    /// The thread of a number confirms that it follows the one of the user id, and does not.
    NumberNotFollowing,
    /// The thread of a number confirms a changed consent, and does not store it.
    ConsentNotTold,
    /// A request lacks the newest message of a turn of several.
    JoinForgotten,
    /// While a request is under way, another one is reserved nowhere.
    AskedAgainUnreserved,
    /// A restarted object does not know how often a turn was asked anew.
    AskedAgainForgotten,
    /// The budget object takes the highest time that it has seen as the current time.
    FarDayBelieved,
    /// A request to the second endpoint is granted without being counted.
    FallbackNotReserved,
    /// The first endpoint may take all the time.
    TimeNotShared,
    /// A tool that failed looks as if it had answered.
    ToolResultInvented,
    /// A restarted object has forgotten that its contact is handed over.
    HandOffForgotten,
    /// A restarted object does not know that the contact was told of the hand-off.
    ToldForgotten,
    /// An operator's answer that is repeated after an erasure has another id.
    NewIdAfterAnErasure,
    /// A repeated delivery has another id.
    NewIdForARepeat,
    /// A desk that refuses a message looks as if it had taken it.
    RefusalTakenForAYes,
    /// The id of a call depends on its arguments alone.
    ToolIdOfArguments,
    /// A restarted object has forgotten what its intake was told.
    IntakeForgotten,
    /// The state keeps an intake that it has dropped.
    IntakeKept,
    /// The result of an intake has another id each time it is sent.
    IntakeIdOfATry,
    /// The service of an intake looks as if it had taken a result that is only on its way.
    SavedTooEarly,
    /// A hand-off that the model has begun is not stored.
    HandOffByModelLost,
    /// The next words of an answer go out although its caller has cut in.
    WordLetThrough,
    /// A call is not told that its caller has cut in.
    InterruptDropped,
    /// A call is told that its caller has heard everything.
    HeardIgnored,
    /// A call is not told what was played. Only the newest answer can then be cut off.
    PlayedNotTold,
    /// What a document has said is said by the next one again.
    AnswerSaidAgain,
    /// A request for a document that comes again looks like one for the newest document.
    RepeatTakenForNew,
    /// Each key counts twice.
    KeyCountsTwice,
    /// The conversation has the keys.
    KeysInConversation,
    /// The log has the keys.
    KeysLogged,
    /// Minutes are given back twice.
    MinuteSettledTwice,
    /// A minute is granted without being counted.
    MinuteNotReserved,
    /// A caller has always a request left.
    CallerCapIgnored,
    /// A failed model request looks like an answer in a call.
    ErrorSpoken,
    /// The sentence that excuses a failure is stored as an answer.
    ExcuseStored,
    /// Frames of an old socket look like those of the new one.
    OldSessionAccepted,
    /// A restarted object does not know that the secret of a socket was used.
    SecretKept,
    /// A restarted object does not know that its call has ended.
    EndForgotten,
    /// What is left of a call is not cleared.
    CallKept,
}
