//! The URLs of the configuration: an origin, the base of an API, and an operator's web service.
//!
//! They are read strictly, so that every parser agrees on their meaning. Not here: the URLs of
//! requests (`http`).

/// The host of Cloudflare's AI Gateway.
pub const AI_GATEWAY_HOST: &str = "gateway.ai.cloudflare.com";

/// An origin: scheme, host and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Reads an origin.
    ///
    /// # Errors
    /// A sentence that says what it must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const PROBLEM: &str =
            "must be an origin: https://host or https://host:port, without a path";
        let url = BaseUrl::parse(text).map_err(|_| PROBLEM)?;
        if url.path.is_empty() {
            Ok(Self(url.origin))
        } else {
            Err(PROBLEM)
        }
    }

    /// The origin as text, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The URL that an API's paths are appended to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    origin: String,
    host: String,
    path: String,
}

impl BaseUrl {
    /// Reads a base URL: https, or http for this machine.
    ///
    /// # Errors
    /// A sentence that says what it must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const PROBLEM: &str = "must be an https URL without query (http for this machine only)";
        let (scheme, rest) = text.split_once("://").ok_or(PROBLEM)?;
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, path.trim_end_matches('/')),
            None => (rest, ""),
        };
        let host = host_of(authority).ok_or(PROBLEM)?;
        // Others on the network could read a key or a conversation sent over plain http, except on
        // this machine.
        let private = is_loopback(host);
        let path_is_plain = path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~/".contains(&b));
        if !(scheme == "https" || (scheme == "http" && private)) || !path_is_plain {
            return Err(PROBLEM);
        }
        let path = if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        };
        Ok(Self {
            origin: format!("{scheme}://{authority}"),
            host: host.to_owned(),
            path,
        })
    }

    /// Whether the host is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Scheme, host and port, without a slash at its end.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether the host is OpenAI's: `api.openai.com`, or that of a region, such as
    /// `eu.api.openai.com`. Source: OpenAI, "Data residency".
    #[must_use]
    pub fn is_openai_host(&self) -> bool {
        self.host == "api.openai.com" || self.host.ends_with(".api.openai.com")
    }

    /// Whether it is Cloudflare's AI Gateway with OpenAI as the provider. Other paths of the
    /// gateway (`/compat`, `/workers-ai` …) lead to other servers. Source: Cloudflare, "AI
    /// Gateway", provider OpenAI.
    #[must_use]
    pub fn is_gateway_to_openai(&self) -> bool {
        let segments: Vec<_> = self.path.split('/').collect();
        let ["", "v1", account, gateway, "openai"] = segments[..] else {
            return false;
        };
        self.host == AI_GATEWAY_HOST && !account.is_empty() && !gateway.is_empty()
    }

    /// The URL of `path`, which begins with a slash.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.path)
    }
}

/// The URL of a web service of the operator's, with its path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// Reads a URL: https with a public host. `is_local` also allows http for this machine.
    ///
    /// An address in digits is refused whatever it is, and so are the names of private networks. A
    /// public name may still lead to a private address, but the requests of a deployed Worker leave
    /// by Cloudflare's edge, which reaches no private network.
    ///
    /// # Errors
    /// A sentence that says what it must be.
    pub fn parse(text: &str, is_local: bool) -> Result<Self, &'static str> {
        const PROBLEM: &str = "must be an https URL whose host has a public name, such as \
            https://example.com/orders";
        let (scheme, rest) = text.split_once("://").ok_or(PROBLEM)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(PROBLEM)?;
        let host = host_of(authority).ok_or(PROBLEM)?;
        let path_is_plain = path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&b));
        let allowed = match scheme {
            "https" => is_public_name(host),
            "http" => is_local && is_loopback(host),
            _ => false,
        };
        if allowed && path_is_plain && text.len() <= 2000 {
            Ok(Self(text.to_owned()))
        } else {
            Err(PROBLEM)
        }
    }

    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Endings of names that are never public. Sources: RFC 6761, RFC 6762, RFC 8375, and the ICANN
/// resolution of 29 July 2024 on `.internal`.
const PRIVATE_ENDINGS: [&str; 9] = [
    "localhost",
    "local",
    "internal",
    "arpa",
    "test",
    "invalid",
    "onion",
    "lan",
    "intranet",
];

/// Whether a host is a name of at least two labels that may be public. The last label of a name has
/// a letter, that of an address in digits has none.
fn is_public_name(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    labels.len() >= 2
        && labels.iter().all(|label| {
            (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        })
        && last.starts_with(|first: char| first.is_ascii_lowercase())
        && !PRIVATE_ENDINGS.contains(&last)
}

/// Whether a host is this machine.
fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// The host of `host` or `host:port`, when both are well formed.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let name = |host: &str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
    };
    let valid = (name(host) || host == "[::1]")
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0));
    valid.then_some(host)
}
