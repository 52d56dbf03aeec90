//! Targets: the URLs from which a file may be fetched.
//!
//! Three kinds of host are known, by name: the REST API's, Twilio's others, and Amazon S3 where the
//! path names Twilio's bucket. Everything else is rejected before any request. Not here: the fetch
//! itself (`media`).

use crate::{base::url::BaseUrl, identity::AccountSid};

/// A URL that may be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) url: String,
    origin: String,
    /// What the paths of the REST API begin with on this host, if it is one of its hosts.
    api: Option<String>,
}

/// The bucket in which Twilio keeps media. Accounts without HTTP authentication on media, which is
/// the default, are redirected there. A bucket's name is unique in all of S3, so in each of its
/// endpoints this path leads to Twilio's. Seen in public code and issues, also with the bucket in
/// the host's name.
const BUCKET: &str = "media.twiliocdn.com";
/// S3's endpoints in the regions in which Twilio works, and those without a region.
const S3_HOSTS: [&str; 22] = [
    "s3.amazonaws.com",
    "s3-external-1.amazonaws.com",
    "s3.us-east-1.amazonaws.com",
    "s3.us-east-2.amazonaws.com",
    "s3.us-west-1.amazonaws.com",
    "s3.us-west-2.amazonaws.com",
    "s3.eu-west-1.amazonaws.com",
    "s3.eu-central-1.amazonaws.com",
    "s3.ap-southeast-1.amazonaws.com",
    "s3.ap-southeast-2.amazonaws.com",
    "s3.ap-northeast-1.amazonaws.com",
    "s3.sa-east-1.amazonaws.com",
    "s3-us-east-1.amazonaws.com",
    "s3-us-east-2.amazonaws.com",
    "s3-us-west-1.amazonaws.com",
    "s3-us-west-2.amazonaws.com",
    "s3-eu-west-1.amazonaws.com",
    "s3-eu-central-1.amazonaws.com",
    "s3-ap-southeast-1.amazonaws.com",
    "s3-ap-southeast-2.amazonaws.com",
    "s3-ap-northeast-1.amazonaws.com",
    "s3-sa-east-1.amazonaws.com",
];

impl Target {
    /// Reads an absolute URL in a form on which all parsers agree: visible ASCII, scheme and host
    /// in lower case, without a user, without backslashes and without dot segments. Only the
    /// configured origin may have a port.
    pub(super) fn parse(url: &str, base: &BaseUrl) -> Option<Self> {
        let plain = url.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let (scheme, rest) = url.split_once("://").filter(|_| plain)?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let after = rest.strip_prefix(authority)?;
        let path = after.split(['?', '#']).next()?;
        if has_dot_segment(path) {
            return None;
        }
        let origin = format!("{scheme}://{authority}");
        let target = |url: String, api| Self { url, origin, api };
        if format!("{scheme}://{authority}") == base.origin() {
            return Some(target(url.to_owned(), Some(base.join(ACCOUNTS))));
        }
        let is_name = authority
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        if scheme != "https" || !is_name {
            return None;
        }
        if is_api(authority) {
            let api = format!("https://{authority}{ACCOUNTS}");
            Some(target(url.to_owned(), Some(api)))
        } else if is_of_twilio(authority) {
            Some(target(url.to_owned(), None))
        } else {
            // In a host's name the bucket has more labels than S3's certificate covers. So it is
            // always asked for by path.
            let query = after.strip_prefix(path)?;
            let (host, object) = in_bucket(authority, path)?;
            Some(Self {
                url: format!("https://{host}/{BUCKET}/{object}{query}"),
                origin: format!("https://{host}"),
                api: None,
            })
        }
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

    /// Whether it belongs to this account: the only one whose credentials it may get.
    pub(super) fn belongs_to(&self, account: &AccountSid) -> bool {
        let below = |api: &String| {
            let rest = self.url.strip_prefix(api.as_str())?;
            rest.strip_prefix(account.as_str())?.strip_prefix('/')
        };
        self.api.as_ref().and_then(below).is_some()
    }
}

/// What the path of an account's resources begins with.
const ACCOUNTS: &str = "/2010-04-01/Accounts/";

/// Whether a parser could take a part of the path as "here" or "up".
fn has_dot_segment(path: &str) -> bool {
    path.split('/').any(|segment| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        segment == "." || segment == ".."
    })
}

/// Whether a host is the REST API's: `api.twilio.com`, or that of a region, such as
/// `api.dublin.ie1.twilio.com` and `api.us1.twilio.com`. Source: Twilio, "Using the Twilio REST API
/// in a non-US Region".
fn is_api(host: &str) -> bool {
    let Some(labels) = host
        .strip_prefix("api.")
        .and_then(|rest| rest.strip_suffix("twilio.com"))
    else {
        return false;
    };
    let is_edge = |edge: &str| {
        edge.starts_with(|c: char| c.is_ascii_lowercase())
            && edge.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    };
    let is_region = |region: &str| {
        let digits = region.trim_start_matches(|c: char| c.is_ascii_lowercase());
        region.len().saturating_sub(digits.len()) == 2
            && (1..=2).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
    };
    match labels.split('.').collect::<Vec<_>>()[..] {
        [""] => true,
        [region, ""] => is_region(region),
        [edge, region, ""] => is_edge(edge) && is_region(region),
        _ => false,
    }
}

fn is_of_twilio(host: &str) -> bool {
    [".twilio.com", ".twiliocdn.com"].iter().any(|domain| {
        host.strip_suffix(domain)
            .is_some_and(|name| !name.is_empty())
    })
}

/// The endpoint of S3 and the object of a URL in Twilio's bucket: an account, and below it names of
/// letters, digits and `._-`.
fn in_bucket<'u>(host: &'u str, path: &'u str) -> Option<(&'u str, &'u str)> {
    let path = path.strip_prefix('/')?;
    let (host, object) = match host
        .strip_prefix(BUCKET)
        .and_then(|host| host.strip_prefix('.'))
    {
        Some(host) => (host, path),
        None => (host, path.strip_prefix(BUCKET)?.strip_prefix('/')?),
    };
    let (account, names) = object.split_once('/')?;
    let is_account = account
        .strip_prefix("AC")
        .is_some_and(|number| number.len() == 32 && number.bytes().all(|b| b.is_ascii_hexdigit()));
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let known = S3_HOSTS.contains(&host) && is_account && names.split('/').all(is_name);
    known.then_some((host, object))
}

#[cfg(test)]
mod tests;
