//! The words of the log that only phone calls have.
//!
//! Not here: the events that they describe (`calls`).

use serde::{Deserialize, Serialize};

use super::labels::labels;

labels! {
    /// Why a call was refused.
    CallRefusal {
        /// The caller has called too often.
        CallerLimit,
        /// The day's minutes are used up.
        DailyLimit,
        /// What counts calls or minutes did not answer.
        Unavailable,
        /// Whom we would have called has opted out of messages with the number.
        OptedOut,
        /// Where its number is from, it is not within `CALL_HOURS`.
        OutsideHours,
        /// It is not known which time it is where its number is from.
        UnknownHours,
    }
    /// What has come of the request to Twilio to call somebody.
    DialOutcome {
        /// Twilio makes the call.
        Made,
        /// Twilio refused.
        Rejected,
        /// It is not known. Twilio is asked.
        Unknown,
        /// Twilio does not have the call, and it is not made again.
        NotMade,
    }
    /// How a call ended.
    CallEnd {
        /// The caller hung up.
        Caller,
        /// The assistant said goodbye.
        Assistant,
        /// The caller was put through to a person.
        HandedOff,
        /// The caller said nothing any more.
        Silence,
        /// It lasted as long as a call may.
        TimeUp,
        /// A limit of the day was reached.
        DailyLimit,
        /// Two turns in a row failed.
        Failures,
        /// The socket was lost too often.
        SocketLost,
        /// Nobody has told of its end.
        Lost,
        /// Whom we have called was busy.
        Busy,
        /// Whom we have called did not answer.
        NoAnswer,
        /// Whom we have called could not be reached.
        Unreachable,
        /// It was cancelled while it rang.
        Cancelled,
        /// Twilio did not make it.
        NotMade,
    }
    /// What came of the request to Twilio to end a call.
    HangUpOutcome {
        /// Twilio has ended it.
        Ended,
        /// It was over before.
        OverBefore,
        /// Twilio refused. The call may go on.
        Rejected,
        /// Twilio could not be asked. The call may go on.
        Unknown,
        /// The webhook named no account, so nobody could be asked. The call may go on.
        NoAccount,
    }
    /// How a turn of a call ended.
    CallTurnOutcome {
        /// With an answer.
        Answered,
        /// The caller cut in while the answer was being written.
        Interrupted,
        /// Without an answer of the model.
        Failed,
    }
    /// What is wrong with what comes over a call's socket.
    CallFault {
        /// A frame cannot be read.
        UnreadableFrame,
        /// There are too many frames. The socket is closed.
        TooManyFrames,
        /// The first frame is that of another call, or came twice. The socket is closed.
        WrongSetUp,
        /// The first frame did not come. The socket is closed.
        NoSetUp,
        /// Twilio has refused a frame, or could not speak.
        TwilioError,
    }
}
