//! What is done about an error: the same endpoint once more in another way, another endpoint, or
//! nothing.
//!
//! Not here: the wait before a retry (`retry`), and making the requests (`conversation::model_run`).

use super::OpenAiError;
use crate::{
    config::{Field, Fields},
    event::UnexpectedResponse,
};

/// The most requests of a turn that leave out a field which the one before had.
pub const MAX_OMISSIONS: u32 = 4;

/// A request that failed, and what was tried before it in the same turn.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The optional fields that it had.
    pub sent: Fields,
    /// Whether it had images.
    pub had_images: bool,
    /// The turns of the conversation in it.
    pub turns: usize,
    /// Whether the conversation was shortened before.
    pub shortened: bool,
    /// How often a field was left out before.
    pub omissions: u32,
}

/// The next step after a failed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same endpoint once more, without these fields.
    Without(Fields),
    /// The same endpoint once more, without the older half of the conversation.
    Shorter,
    /// Another endpoint. This one is asked last for a while. If there is no other, an error that
    /// may pass is tried again.
    AnotherEndpoint,
    /// Another endpoint may be able to do what this one cannot. This one has not failed.
    AbleEndpoint,
    /// Nothing helps.
    GiveUp,
}

/// The error as it is known from the request: only a field that was sent can be refused, and only
/// images that were shown.
#[must_use]
pub fn in_view_of(error: OpenAiError, attempt: &Attempt) -> OpenAiError {
    match error {
        OpenAiError::Unsupported(named) => match refused(named, attempt.sent) {
            fields if fields.is_empty() => OpenAiError::Rejected,
            fields => OpenAiError::Unsupported(fields),
        },
        OpenAiError::NoImages if !attempt.had_images => OpenAiError::Rejected,
        error => error,
    }
}

/// The next step after `error`, which is known from the request (see [`in_view_of`]).
#[must_use]
pub fn next(error: OpenAiError, attempt: &Attempt) -> Next {
    match error {
        // Such an answer was made and paid for.
        OpenAiError::Unexpected(UnexpectedResponse::TooLarge | UnexpectedResponse::Streamed)
        | OpenAiError::Unreadable
        | OpenAiError::Rejected
        | OpenAiError::NoChoice
        | OpenAiError::Empty
        | OpenAiError::TokenLimit
        | OpenAiError::Filtered => Next::GiveUp,
        OpenAiError::Unsupported(fields) if attempt.omissions < MAX_OMISSIONS => {
            Next::Without(fields)
        }
        OpenAiError::ContextTooLong if attempt.turns > 0 && !attempt.shortened => Next::Shorter,
        OpenAiError::Timeout
        | OpenAiError::Connection
        | OpenAiError::Busy
        | OpenAiError::ServerError
        | OpenAiError::InsufficientQuota
        | OpenAiError::Unauthorized
        | OpenAiError::ModelNotFound
        | OpenAiError::NotFound
        | OpenAiError::Unexpected(_) => Next::AnotherEndpoint,
        OpenAiError::Unsupported(_)
        | OpenAiError::ContextTooLong
        | OpenAiError::NoImages
        | OpenAiError::NotRepeated => Next::AbleEndpoint,
    }
}

/// The fields to leave out: those that the endpoint names and was sent. Some endpoints know the
/// token limit by one name, and call it so however it was sent.
fn refused(named: Fields, sent: Fields) -> Fields {
    let limits: Fields = [Field::MaxCompletionTokens, Field::MaxTokens]
        .into_iter()
        .collect();
    let of_limit = match named.shared_with(limits) {
        named if named.is_empty() => named,
        _ => sent.shared_with(limits),
    };
    named.without(limits).shared_with(sent).and(of_limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTEMPT: fn() -> Attempt = || Attempt {
        sent: [Field::MaxCompletionTokens, Field::Stream]
            .into_iter()
            .collect(),
        had_images: false,
        turns: 4,
        shortened: false,
        omissions: 0,
    };

    fn after(error: OpenAiError, attempt: Attempt) -> (OpenAiError, Next) {
        let error = in_view_of(error, &attempt);
        (error, next(error, &attempt))
    }

    #[test]
    fn a_field_is_left_out_if_it_was_sent_and_a_few_times_only() {
        let unsupported = |field: Field| OpenAiError::Unsupported(field.into());
        let without = |field: Field| (unsupported(field), Next::Without(field.into()));
        assert_eq!(
            after(unsupported(Field::Stream), ATTEMPT()),
            without(Field::Stream)
        );
        assert_eq!(
            after(unsupported(Field::MaxTokens), ATTEMPT()),
            without(Field::MaxCompletionTokens),
            "the limit by another name"
        );
        assert_eq!(
            after(unsupported(Field::ReasoningEffort), ATTEMPT()),
            (OpenAiError::Rejected, Next::GiveUp),
            "it was not sent"
        );
        let worn = Attempt {
            omissions: MAX_OMISSIONS,
            ..ATTEMPT()
        };
        assert_eq!(
            after(unsupported(Field::Stream), worn).1,
            Next::AbleEndpoint
        );
    }

    #[test]
    fn a_conversation_is_shortened_once_and_only_if_there_is_one() {
        let error = OpenAiError::ContextTooLong;
        assert_eq!(after(error, ATTEMPT()).1, Next::Shorter);
        for attempt in [
            Attempt {
                turns: 0,
                ..ATTEMPT()
            },
            Attempt {
                shortened: true,
                ..ATTEMPT()
            },
        ] {
            assert_eq!(after(error, attempt).1, Next::AbleEndpoint);
        }
    }

    #[test]
    fn an_endpoint_is_blind_only_to_images_that_it_was_shown() {
        let error = OpenAiError::NoImages;
        let shown = Attempt {
            had_images: true,
            ..ATTEMPT()
        };
        assert_eq!(after(error, shown), (error, Next::AbleEndpoint));
        assert_eq!(
            after(error, ATTEMPT()),
            (OpenAiError::Rejected, Next::GiveUp)
        );
    }

    #[test]
    fn an_endpoint_that_misses_what_another_said_leaves_the_turn_to_that_one() {
        let error = OpenAiError::NotRepeated;
        assert_eq!(after(error, ATTEMPT()), (error, Next::AbleEndpoint));
    }

    #[test]
    fn what_was_paid_for_or_forbidden_is_asked_nowhere_else() {
        for error in [
            OpenAiError::Unreadable,
            OpenAiError::Rejected,
            OpenAiError::NoChoice,
            OpenAiError::Empty,
            OpenAiError::TokenLimit,
            OpenAiError::Filtered,
            OpenAiError::Unexpected(UnexpectedResponse::Streamed),
        ] {
            assert_eq!(after(error, ATTEMPT()).1, Next::GiveUp, "{}", error.label());
        }
    }
}
