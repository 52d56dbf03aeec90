//! Addresses on the command line. Each is an origin (scheme, host and port), most must be on
//! loopback.

use std::net::IpAddr;

use axum::http::Uri;

/// The origin of a loopback address, such as `http://127.0.0.1:8787`.
///
/// # Errors
/// A sentence that names `option` and says why `url` is wrong.
pub fn loopback_origin(option: &str, url: &str) -> Result<String, String> {
    let (origin, host) = origin(option, url)?;
    if !origin.starts_with("http://") {
        return Err(format!("{option} {url}: on loopback use http://"));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    if loopback {
        Ok(origin)
    } else if host.eq_ignore_ascii_case("localhost") {
        // A hosts file can point the name `localhost` to another machine.
        Ok(origin.replacen(&host, "127.0.0.1", 1))
    } else {
        Err(format!(
            "{option} {url}: {host} is not this machine. The playground only talks to loopback, \
             such as http://127.0.0.1:8787"
        ))
    }
}

/// The origin of a web address, and its host.
pub fn origin(option: &str, url: &str) -> Result<(String, String), String> {
    let unusable = |reason: &str| format!("{option} {url}: {reason}");
    let uri: Uri = url.parse().map_err(|_| unusable("not a web address"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(unusable("not a web address such as http://127.0.0.1:8787"));
    };
    if !matches!(scheme, "http" | "https") {
        return Err(unusable("not a web address such as http://127.0.0.1:8787"));
    }
    if authority.as_str().contains('@') {
        return Err(unusable("a user name is not allowed"));
    }
    if uri.path() != "/" && !uri.path().is_empty() || uri.query().is_some() {
        return Err(unusable("give scheme, host and port only, no path"));
    }
    Ok((
        format!("{scheme}://{authority}"),
        authority.host().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_accepted() {
        for (url, origin) in [
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
            ("http://127.0.0.1:8787/", "http://127.0.0.1:8787"),
            ("http://127.8.9.1:1", "http://127.8.9.1:1"),
            ("http://[::1]:8787", "http://[::1]:8787"),
            ("http://localhost:8787", "http://127.0.0.1:8787"),
        ] {
            assert_eq!(loopback_origin("--worker", url).as_deref(), Ok(origin));
        }
    }

    #[test]
    fn addresses_beyond_loopback_are_rejected() {
        for url in [
            "http://example.com",
            "http://0.0.0.0:8787",
            "http://10.0.0.1:8787",
            "http://[::]:8787",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1@example.com",
            "http://example.com@127.0.0.1",
            "http://2130706433",
            "https://127.0.0.1:8787",
            "http://127.0.0.1:8787/other",
            "127.0.0.1:8787",
            "/twilio",
            "",
        ] {
            assert!(loopback_origin("--worker", url).is_err(), "{url}");
        }
    }
}
