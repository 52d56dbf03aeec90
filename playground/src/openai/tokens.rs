//! Token counts. They are rough estimates, but always the same for the same text.

/// The price of an image in low detail, in tokens.
pub const TOKENS_PER_IMAGE: u64 = 85;

/// How many tokens a text has, roughly.
pub fn tokens(text: &str) -> u64 {
    u64::try_from(text.chars().count())
        .unwrap_or(u64::MAX)
        .div_ceil(CHARACTERS_PER_TOKEN)
}

/// The beginning of a text, at most `limit` tokens.
pub fn cut_to_tokens(text: &str, limit: u64) -> String {
    let characters =
        usize::try_from(limit.saturating_mul(CHARACTERS_PER_TOKEN)).unwrap_or(usize::MAX);
    text.chars().take(characters).collect()
}

/// The average length of a token.
const CHARACTERS_PER_TOKEN: u64 = 4;
