//! The tokens that a response was charged for, from its `usage`.
//!
//! Not here: what they cost (`config`), and who adds them up (`base::usage`).

use serde_json::Value;

/// The tokens that OpenAI charges for, from the `usage` of a response. An answer without a usable
/// text costs tokens, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens of the request.
    pub prompt: u64,
    /// Tokens of the answer, including its reasoning.
    pub completion: u64,
}

impl Tokens {
    /// Adds the tokens of another response.
    pub fn add(&mut self, other: Self) {
        self.prompt = self.prompt.saturating_add(other.prompt);
        self.completion = self.completion.saturating_add(other.completion);
    }

    /// The tokens that a `usage` names, whatever it holds. A count that cannot be read is zero.
    ///
    /// Some servers name the counts as OpenAI's Responses API does.
    pub(super) fn read(usage: &Value) -> Self {
        let either = |name, other| {
            let counted = usage.get(name).filter(|count| !count.is_null());
            counted.or_else(|| usage.get(other)).map_or(0, count)
        };
        Self {
            prompt: either("prompt_tokens", "input_tokens"),
            completion: either("completion_tokens", "output_tokens"),
        }
    }
}

/// A count in any form that means a number: 12, 11.7 (rounded), or "12".
fn count(value: &Value) -> u64 {
    match value {
        Value::Number(number) => number
            .as_u64()
            .or_else(|| number.as_f64().and_then(rounded)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .unwrap_or(0)
}

/// The nearest whole number, if that is a possible count.
fn rounded(number: f64) -> Option<u64> {
    /// Beyond this, a float does not hold every whole number.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked"
    )]
    (0.0..=LARGEST)
        .contains(&number)
        .then(|| number.round() as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(usage: &Value) -> (u64, u64) {
        let Tokens { prompt, completion } = Tokens::read(usage);
        (prompt, completion)
    }

    #[test]
    fn each_count_is_read_or_zero() {
        for (written, read_as) in [
            (json!(7), 7),
            (json!(u64::MAX), u64::MAX),
            (json!(10.5), 11),
            (json!(7.0), 7),
            (json!("12"), 12),
            (json!(" 12 "), 12),
            (json!(-35), 0),
            (json!(-0.4), 0),
            (json!(1e300), 0),
            (json!("many"), 0),
            (json!("NaN"), 0),
            (json!(null), 0),
            (json!(true), 0),
            (json!([7]), 0),
            (json!({ "total": 7 }), 0),
        ] {
            let usage = json!({ "prompt_tokens": written, "completion_tokens": 3 });
            assert_eq!(read(&usage), (read_as, 3), "{written}");
            let usage = json!({ "prompt_tokens": 3, "completion_tokens": written });
            assert_eq!(read(&usage), (3, read_as), "{written}");
        }
    }

    #[test]
    fn a_usage_of_any_kind_is_read() {
        for silent in [
            json!(null),
            json!({}),
            json!([]),
            json!("none"),
            json!(5),
            json!(false),
        ] {
            assert_eq!(read(&silent), (0, 0), "{silent}");
        }
        assert_eq!(
            read(&json!({ "input_tokens": 7, "output_tokens": 3 })),
            (7, 3)
        );
        assert_eq!(
            read(&json!({ "prompt_tokens": null, "input_tokens": 7 })),
            (7, 0)
        );
    }

    #[test]
    fn a_sum_does_not_overflow() {
        let mut sum = Tokens {
            prompt: 1,
            completion: u64::MAX,
        };
        sum.add(Tokens {
            prompt: 7,
            completion: 3,
        });
        assert_eq!((sum.prompt, sum.completion), (8, u64::MAX));
    }

    proptest! {
        #[test]
        fn a_float_is_at_most_half_a_token_off(number in 0.0..1e15f64) {
            let (prompt, _) = read(&json!({ "prompt_tokens": number }));
            #[allow(clippy::cast_precision_loss, reason = "the numbers are small")]
            let difference: f64 = (prompt as f64 - number).abs();
            prop_assert!(difference <= 0.5, "{number}: {prompt}");
        }
    }
}
