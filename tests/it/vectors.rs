//! The signature vectors that Twilio's official libraries and those of Standard Webhooks publish in their own test suites.
//!
//! Each of Twilio's comes out as marked (`valid`). Where libraries disagree, `DISAGREEMENTS` says which way we go and why; a vector on
//! which they disagree without a line there fails.

use serde_json::Value;
use switchboard::{
    base::secret::Secret,
    twilio::{
        form::Form,
        signature::{SignatureError, verify_form, verify_json, verify_upgrade},
        voice::relay_url::RelayUrl,
    },
    webhooks,
};

/// Vectors on which the libraries disagree: id, our verdict, and the reason.
const DISAGREEMENTS: [(&str, bool, &str); 7] = [
    (
        "null-sig",
        false,
        "python raises where node refuses: we refuse",
    ),
    (
        "body-without-bodySHA256",
        false,
        "python raises where node refuses: we refuse a JSON body without its hash",
    ),
    (
        "body-without-query",
        false,
        "python raises where node refuses: we refuse a JSON body without its hash",
    ),
    (
        "query-apostrophe-plus",
        true,
        "node also tries the normalised URL (' is %27), as some of Twilio's contacts sign it; so do we",
    ),
    (
        "upper-scheme-creds",
        true,
        "python lower-cases the scheme before it signs; we take the URL raw first, as node does",
    ),
    (
        "mixed-case-host-wrong",
        false,
        "node lower-cases the host as well; we keep it, as C# does: the runtime has lower-cased the host of a request already, \
         and a configured host is signed as it was configured",
    ),
    (
        "mixed-case-host-port-wrong",
        false,
        "as mixed-case-host-wrong, with a port",
    ),
];

#[test]
fn every_published_vector_comes_out_as_marked() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 44);
    for vector in &vectors {
        let id = vector["id"].as_str().unwrap();
        assert_eq!(
            verify(vector).is_ok(),
            vector["valid"].as_bool().unwrap(),
            "{id}"
        );
    }
}

#[test]
fn where_the_libraries_disagree_the_choice_is_stated() {
    for vector in vectors() {
        let id = vector["id"].as_str().unwrap();
        let libraries = vector["libraries"].as_object().unwrap();
        let verdicts: Vec<&Value> = libraries.values().collect();
        let agreed =
            verdicts.windows(2).all(|pair| pair[0] == pair[1]) && verdicts[0] == &vector["valid"];
        match DISAGREEMENTS.iter().find(|(other, ..)| *other == id) {
            None => assert!(
                agreed,
                "{id}: the libraries disagree, and no choice is stated"
            ),
            Some((_, choice, _)) => {
                assert!(!agreed, "{id}: the libraries agree");
                assert_eq!(verify(&vector).is_ok(), *choice, "{id}");
            }
        }
    }
}

#[test]
fn a_vector_with_another_token_or_signature_is_refused() {
    for mut vector in vectors()
        .into_iter()
        .filter(|vector| vector["valid"] == true)
    {
        let token = vector["token"].clone();
        vector["token"] = "another".into();
        assert_eq!(
            verify(&vector),
            Err(SignatureError::Mismatch),
            "{}",
            vector["id"]
        );
        vector["token"] = token;
        let reversed: String = vector["expected"]
            .as_str()
            .unwrap()
            .trim_end_matches('=')
            .chars()
            .rev()
            .collect();
        vector["expected"] = format!("{reversed}=").into();
        assert!(verify(&vector).is_err(), "{}", vector["id"]);
    }
}

/// Made with Twilio's library: its signer signs a URL, and its validator is asked about the URL that our code builds.
#[test]
fn the_upgrade_of_a_relay_verifies_for_exactly_the_url_that_the_library_signed() {
    let text = include_str!("../vectors/twilio_relay_signatures.json");
    let vectors: Vec<Value> = serde_json::from_str(text).unwrap();
    assert_eq!(vectors.len(), 11);
    for vector in &vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let (scheme, rest) = text("url").split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let origin = format!("{}://{host}", if scheme == "ws" { "http" } else { "https" });
        let url = RelayUrl::parse_path(&format!("/{path}"))
            .unwrap()
            .url(&origin);
        assert_eq!(url, text("url"), "the URL is the one that our code builds");
        let tokens = [Secret::new(text("token").to_owned())];
        let verified = verify_upgrade(&url, Some(text("expected")), &tokens).is_ok();
        assert_eq!(verified, vector["valid"], "{}", vector["id"]);
        // The validator also tries the URL without its port. A relay's URL is signed as it stands in the TwiML.
        let by_library = &vector["libraries"]["twilio-node@6.2.0"];
        let is_about_port = text("id") == "signed-without-port";
        assert_eq!(
            by_library == &vector["valid"],
            !is_about_port,
            "{}",
            vector["id"]
        );
    }
}

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../vectors/twilio_signatures.json")).unwrap()
}

fn verify(vector: &Value) -> Result<(), SignatureError> {
    let url = vector["url"].as_str().unwrap();
    let signature = vector["expected"].as_str();
    let tokens = [Secret::new(vector["token"].as_str().unwrap().to_owned())];
    match vector["body"].as_str() {
        Some(json) if json.starts_with('{') => {
            verify_json(url, json.as_bytes(), signature, &tokens).map(drop)
        }
        Some(form) => verify_form(
            url,
            Form::parse(form.as_bytes()).unwrap(),
            signature,
            &tokens,
        )
        .map(drop),
        None => verify_form(url, params(&vector["params"]), signature, &tokens).map(drop),
    }
}

/// Parameters are an object, or a list of pairs where a key is repeated.
fn params(value: &Value) -> Form {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pairs: Vec<(String, String)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), text(value)))
            .collect(),
        Value::Array(pairs) => pairs
            .iter()
            .map(|pair| (text(&pair[0]), text(&pair[1])))
            .collect(),
        _ => Vec::new(),
    };
    Form::from_pairs(
        &pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect::<Vec<_>>(),
    )
}

#[test]
fn webhooks_are_signed_as_the_libraries_of_the_scheme_sign_them() {
    let text = std::fs::read_to_string("tests/vectors/standard_webhooks.json").unwrap();
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(vectors.len(), 2);
    for vector in &vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let key = Secret::new(text("secret").trim_start_matches("whsec_").to_owned());
        let timestamp = vector["timestamp"].as_u64().unwrap();
        let signature = webhooks::signature(&key, text("id"), timestamp, text("body"));
        assert_eq!(signature, text("signature"), "{}", vector["source"]);
    }
}
