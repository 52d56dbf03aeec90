//! Targets: the URLs from which an image may be fetched.
//!
//! Not here: the fetch itself (`media`).

use crate::base::url::BaseUrl;

/// An address that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) url: String,
    origin: String,
    /// Whether its origin is that of the REST API, which is the only one that gets to see credentials.
    pub(super) is_api: bool,
}

impl Target {
    /// Reads an absolute URL of a form that all parsers understand alike: visible ASCII, the scheme and the host in lower case,
    /// no user, no backslash, no port but the API's own.
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

    /// Where a redirect leads: to an absolute URL, or to a path of the same origin.
    pub(super) fn redirected(&self, location: Option<&str>, base: &BaseUrl) -> Option<Self> {
        let location = location?;
        if location.starts_with('/') && !location.starts_with("//") {
            Self::parse(&format!("{}{location}", self.origin), base)
        } else {
            Self::parse(location, base)
        }
    }
}
