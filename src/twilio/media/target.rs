//! Targets: the URLs from which an image may be fetched.
//!
//! Not here: the fetch itself (`media`).

use crate::base::url::BaseUrl;

/// A URL that may be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) url: String,
    origin: String,
    /// Whether its origin is that of the REST API. Only this origin gets credentials.
    pub(super) is_api: bool,
}

impl Target {
    /// Reads an absolute URL in a form on which all parsers agree: visible ASCII, scheme and host
    /// in lower case, without a user and without backslashes. Only the API's own origin may have a
    /// port.
    pub(super) fn parse(url: &str, base: &BaseUrl) -> Option<Self> {
        let plain = url.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let (scheme, rest) = url.split_once("://").filter(|_| plain)?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let origin = format!("{scheme}://{authority}");
        let is_api = origin == base.origin();
        let of_twilio = scheme == "https"
            && authority
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
            && [".twilio.com", ".twiliocdn.com"].iter().any(|domain| {
                authority
                    .strip_suffix(domain)
                    .is_some_and(|name| !name.is_empty())
            });
        (is_api || of_twilio).then(|| Self {
            url: url.to_owned(),
            origin,
            is_api,
        })
    }

    /// The target of a redirect to an absolute URL, or to a path of the same origin.
    pub(super) fn redirected(&self, location: Option<&str>, base: &BaseUrl) -> Option<Self> {
        let location = location?;
        if location.starts_with('/') && !location.starts_with("//") {
            Self::parse(&format!("{}{location}", self.origin), base)
        } else {
            Self::parse(location, base)
        }
    }
}
