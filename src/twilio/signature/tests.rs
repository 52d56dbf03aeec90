use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const URL: &str = "https://example.com/twilio/messages?a=1";

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// Signs as Twilio's documentation says, without using the code under test.
fn sign(token: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (key, value) in sorted {
        mac.update(key.as_bytes());
        mac.update(value.as_bytes());
    }
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

fn verify(
    url: &str,
    fields: &[(&str, &str)],
    signature: &str,
    tokens: &[&str],
) -> Result<usize, SignatureError> {
    let tokens: Vec<Secret> = tokens.iter().map(|token| secret(token)).collect();
    verify_form(url, Form::from_pairs(fields), Some(signature), &tokens)
        .map(|verified| verified.token())
}

#[test]
fn a_missing_a_malformed_and_a_wrong_signature_are_told_apart() {
    let tokens = [secret("token")];
    let check = |signature: Option<&str>| {
        verify_form(URL, Form::default(), signature, &tokens).unwrap_err()
    };
    assert_eq!(check(None), SignatureError::Missing);
    assert_eq!(check(Some("")), SignatureError::Missing);
    assert_eq!(check(Some("not base64!")), SignatureError::Malformed);
    assert_eq!(check(Some("AAAA")), SignatureError::Malformed);
    assert_eq!(
        check(Some(&format!("{0}, {0}", sign("token", URL, &[])))),
        SignatureError::Malformed
    );
    assert_eq!(
        check(Some(&sign("other", URL, &[]))),
        SignatureError::Mismatch
    );
}

#[test]
fn without_a_token_nothing_verifies() {
    assert_eq!(
        verify(URL, &[], &sign("", URL, &[]), &[]),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn each_of_several_tokens_verifies_and_is_told() {
    let fields = [("Body", "Hello")];
    for (index, token) in ["first", "second", "third"].iter().enumerate() {
        assert_eq!(
            verify(
                URL,
                &fields,
                &sign(token, URL, &fields),
                &["first", "second", "third"]
            ),
            Ok(index)
        );
    }
}

#[test]
fn a_repeated_key_counts_equal_values_once_and_sorts_the_others() {
    let signature = sign("token", URL, &[("A", "1"), ("A", "2"), ("B", "")]);
    for fields in [
        &[("A", "1"), ("A", "2"), ("B", "")][..],
        &[("B", ""), ("A", "2"), ("A", "1"), ("A", "2")],
    ] {
        assert_eq!(verify(URL, fields, &signature, &["token"]), Ok(0));
    }
    assert!(
        verify(URL, &[("A", "1"), ("B", "")], &signature, &["token"]).is_err(),
        "a dropped repeat is a change"
    );
}

#[test]
fn a_dropped_empty_parameter_is_a_change() {
    let signature = sign("token", URL, &[("A", "1"), ("Empty", "")]);
    assert!(verify(URL, &[("A", "1"), ("Empty", "")], &signature, &["token"]).is_ok());
    assert!(verify(URL, &[("A", "1")], &signature, &["token"]).is_err());
}

#[test]
fn the_port_may_have_been_left_out_or_added() {
    for (signed, seen) in [
        ("https://example.com/a", "https://example.com:8443/a"),
        ("https://example.com:443/a?b", "https://example.com/a?b"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("wss://example.com:443/relay", "wss://example.com/relay"),
        ("https://[::1]:443/a", "https://[::1]/a"),
        ("https://[::1]/a", "https://[::1]:8787/a"),
        ("https://u:p@example.com/a", "https://u:p@example.com:444/a"),
    ] {
        assert_eq!(
            verify(seen, &[], &sign("token", signed, &[]), &["token"]),
            Ok(0),
            "{signed} seen as {seen}"
        );
    }
    let other_port = sign("token", "https://example.com:444/a", &[]);
    assert!(verify("https://example.com/a", &[], &other_port, &["token"]).is_err());
}

#[test]
fn the_raw_form_and_the_normalised_form_both_verify() {
    let raw = "https://example.com/a?name=O'Brien&x=a b";
    let normal = "https://example.com/a?name=O%27Brien&x=a%20b";
    for signed in [raw, normal] {
        assert_eq!(
            verify(raw, &[], &sign("token", signed, &[]), &["token"]),
            Ok(0)
        );
    }
}

#[test]
fn a_json_body_must_have_the_hash_that_was_signed() {
    let body = br#"{"a":1}"#;
    let mut hash = String::new();
    for byte in Sha256::digest(body) {
        write!(hash, "{byte:02x}").unwrap();
    }
    let url = format!("https://example.com/json?x=1&bodySHA256={hash}");
    let tokens = [secret("token")];
    let good = sign("token", &url, &[]);
    assert_eq!(
        verify_json(&url, body, Some(&good), &tokens).unwrap().get(),
        body
    );
    assert_eq!(
        verify_json(&url, b"{}", Some(&good), &tokens),
        Err(SignatureError::Mismatch)
    );
    let plain = "https://example.com/json";
    assert_eq!(
        verify_json(plain, body, Some(&sign("token", plain, &[])), &tokens),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn an_upgrade_verifies_for_exactly_the_url_that_was_signed() {
    let url = "wss://example.com/twilio/relay/a/b";
    let tokens = [secret("first"), secret("second")];
    let verify = |url: &str, signature: &str| {
        verify_upgrade(url, Some(signature), &tokens).map(|verified| verified.token())
    };
    assert_eq!(verify(url, &sign("second", url, &[])), Ok(1));
    for other in [
        "https://example.com/twilio/relay/a/b",
        "http://example.com/twilio/relay/a/b",
        "ws://example.com/twilio/relay/a/b",
        "wss://example.com/twilio/relay/a/b/",
        "wss://example.com/twilio/relay/a/b?x=1",
        "wss://example.com:443/twilio/relay/a/b",
        "wss://example.com/twilio/relay/a/c",
    ] {
        let signature = sign("second", other, &[]);
        assert_eq!(
            verify(url, &signature),
            Err(SignatureError::Mismatch),
            "{other}"
        );
    }
    assert_eq!(
        verify_upgrade(url, None, &tokens),
        Err(SignatureError::Missing)
    );
}

#[test]
fn no_error_tells_what_was_sent() {
    for error in [
        SignatureError::Missing,
        SignatureError::Malformed,
        SignatureError::Mismatch,
    ] {
        assert!(error.to_string().bytes().all(|b| b.is_ascii_lowercase()));
    }
}

/// Field names and values as they come, without a name twice (a repeat is tested above).
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::btree_map("[A-Za-z][A-Za-z0-9]{0,8}", ".{0,12}", 1..6)
        .prop_map(|map| map.into_iter().collect())
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

proptest! {
    #[test]
    fn the_order_of_parameters_does_not_matter(fields in fields().prop_shuffle(), token in "[0-9a-f]{32}") {
        let signature = sign(&token, URL, &borrowed(&fields));
        prop_assert_eq!(verify(URL, &borrowed(&fields), &signature, &[&token]), Ok(0));
    }

    #[test]
    fn a_changed_parameter_is_rejected(fields in fields(), at in any::<prop::sample::Index>(), token in "[0-9a-f]{32}", added in ".") {
        let signature = sign(&token, URL, &borrowed(&fields));
        let mut longer = fields.clone();
        longer[at.index(fields.len())].1.push_str(&added);
        prop_assume!(!added.is_empty());
        prop_assert_eq!(verify(URL, &borrowed(&longer), &signature, &[&token]), Err(SignatureError::Mismatch));
        let mut fewer = fields.clone();
        fewer.remove(at.index(fields.len()));
        prop_assert_eq!(verify(URL, &borrowed(&fewer), &signature, &[&token]), Err(SignatureError::Mismatch));
        let mut more = borrowed(&fields);
        more.push(("AddedByAnAttacker", ""));
        prop_assert_eq!(verify(URL, &more, &signature, &[&token]), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_changed_url_is_rejected(fields in fields(), at in 8usize..URL.len(), letter in "[b-y2-9]", token in "[0-9a-f]{32}") {
        let signature = sign(&token, URL, &borrowed(&fields));
        let mut changed = URL.to_owned();
        changed.insert_str(at, &letter);
        prop_assert_eq!(verify(&changed, &borrowed(&fields), &signature, &[&token]), Err(SignatureError::Mismatch));
    }

    #[test]
    fn another_token_or_signature_is_rejected(fields in fields(), token in "[0-9a-f]{32}", other in "[0-9a-f]{32}", bit in 0usize..160) {
        prop_assume!(token != other);
        let signature = sign(&token, URL, &borrowed(&fields));
        prop_assert_eq!(verify(URL, &borrowed(&fields), &signature, &[&other]), Err(SignatureError::Mismatch));
        let mut bytes = BASE64_STANDARD.decode(&signature).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verify(URL, &borrowed(&fields), &BASE64_STANDARD.encode(bytes), &[&token]), Err(SignatureError::Mismatch));
    }

    /// The `url` crate implements the WHATWG standard.
    #[test]
    fn the_normalised_form_is_the_url_standards(path in "[!-~&&[^?#\\\\.%]]{0,12}", query in "[ -~&&[^#\\\\]]{0,16}é?") {
        let raw = format!("https://example.com/{path}?{}", query.trim());
        prop_assert_eq!(normalised(&raw), url::Url::parse(&raw).unwrap().to_string());
    }

    #[test]
    fn any_url_and_header_give_an_answer(url in ".{0,60}", header in ".{0,40}") {
        let _ = verify(&url, &[], &header, &["token"]);
        let _ = verify_json(&url, b"{}", Some(&header), &[secret("token")]);
    }
}
