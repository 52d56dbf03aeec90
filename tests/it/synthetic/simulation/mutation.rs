//! Deliberate mistakes, so that it is known that the checks notice them.
//!
//! Not here: where each is made (`world`, `ports`, `model`).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A request is stored with the line that it brought, and not before it is made.
    CountedAfter,
    /// A batch that has stored a record does not know it after a restart.
    RecordForgotten,
    /// The budget object gives back twice what it is told once.
    ReleasedTwice,
    /// A goodbye is stored as any other line.
    GoodbyeIgnored,
    /// The first half of an answer looks as if it were all of it.
    HalfALine,
    /// The budget object grants all requests of a run when it has one.
    CapPerLine,
    /// A failure of the model looks as if it were a line.
    ErrorSpoken,
    /// Only the first alarm of an object is ever set.
    AlarmNotRearmed,
    /// A run that was told to end before it began has forgotten that after a restart.
    CancelForgotten,
    /// A run gives back what another day has counted.
    ReleasedOnAnyDay,
    /// A quote is stored that nobody said.
    FalseQuoteStored,
    /// A line is stored twice.
    LineTwice,
}
