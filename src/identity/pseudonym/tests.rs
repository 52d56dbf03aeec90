use super::*;

fn key(text: &str) -> PseudonymKey {
    PseudonymKey::new(Secret::new(text.into()))
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// Pinned: with another derivation, an update would lose every thread.
#[test]
fn the_name_of_a_pair_does_not_change_between_releases() {
    let name =
        key("0123456789abcdef0123456789abcdef").pair(&address("+15550100"), &address("+15550199"));
    assert_eq!(
        name.as_str(),
        "95ff7921ae2d0cb45d0bdb285b43c26e081e46c75036ac40dd97cbf3682bf67c"
    );
}

#[test]
fn names_differ_by_key_direction_channel_and_pair() {
    let (a, b) = (address("+15550100"), address("+15550199"));
    let key_1 = key("0123456789abcdef0123456789abcdef");
    let names = [
        key_1.pair(&a, &b),
        key_1.pair(&b, &a),
        key_1.pair(
            &address("whatsapp:+15550100"),
            &address("whatsapp:+15550199"),
        ),
        key_1.pair(&a, &address("+15550198")),
        key("another key of thirty-two letters").pair(&a, &b),
    ];
    for (i, name) in names.iter().enumerate() {
        assert_eq!(name.as_str().len(), 64);
        assert!(!names[..i].contains(name));
    }
}

#[test]
fn the_id_of_a_webhook_changes_with_each_of_its_parts_and_with_nothing_else() {
    let thread = |name: &str| Pseudonym::from_object_name(name.to_owned());
    let key_1 = key("0123456789abcdef0123456789abcdef");
    let id = |name: &str, turn, purpose: &str, content: &str| {
        key_1.webhook_id(&thread(name), turn, purpose, content)
    };
    let ids = [
        id("a", 1, "tool", "x"),
        id("b", 1, "tool", "x"),
        id("a", 2, "tool", "x"),
        id("a", 1, "tools", "x"),
        id("a", 1, "tool", "xy"),
        id("a", 1, "tool\0x", ""),
        id("a", 1, "tool", "\0x"),
        key("another key of thirty-two letters").webhook_id(&thread("a"), 1, "tool", "x"),
    ];
    for (at, one) in ids.iter().enumerate() {
        assert_eq!(one.as_str().len(), 32);
        assert!(!ids[..at].contains(one), "{at}");
    }
    assert_eq!(ids[0], id("a", 1, "tool", "x"));
}

#[test]
fn a_contact_has_one_phone_hash_on_every_channel() {
    let key = key("0123456789abcdef0123456789abcdef");
    let sms = key.phone_hash(&address("+15550100"));
    assert_eq!(sms, key.phone_hash(&address("whatsapp:+15550100")));
    assert_ne!(sms, key.phone_hash(&address("+15550101")));
    assert_eq!(sms.to_string().len(), 8);
}

/// Pinned: with another derivation, an update would lose the calls that are running.
#[test]
fn the_name_of_a_call_is_its_own_and_does_not_change_between_releases() {
    let key = key("0123456789abcdef0123456789abcdef");
    let sid = "CA0123456789abcdef0123456789abcdef";
    let name = key.call(&sid.parse().unwrap());
    assert_eq!(
        name.as_str(),
        "9fe218a972259a90e9a563ac46cd8b2f45fc4b5b20c8cb1d35a1f0db00410bb9"
    );
    assert_eq!(name.as_str().parse(), Ok(name.clone()));
    assert_ne!(name.as_str(), key.client(sid).as_str());
    let other = key.call(&"CA0123456789abcdef0123456789abcdee".parse().unwrap());
    assert_ne!(name, other);
}

#[test]
fn a_text_that_is_no_name_is_malformed() {
    for text in [
        "",
        &"a".repeat(63),
        &"a".repeat(65),
        &"A".repeat(64),
        &"g".repeat(64),
        &"\u{e9}".repeat(32),
    ] {
        assert_eq!(text.parse::<Pseudonym>(), Err(Malformed), "{text}");
    }
}

#[test]
fn a_caller_has_one_name_whatever_it_calls_and_who_withholds_its_number_one_for_each() {
    let key = key("one");
    let (a, b) = (address("+15550199"), address("+15550198"));
    let name = |caller: &str, called: Option<&Address>| key.caller(&Caller::read(caller), called);
    assert_eq!(name("+15550100", Some(&a)), name("+15550100", Some(&b)));
    assert_ne!(name("+15550100", Some(&a)), name("+15550101", Some(&a)));
    assert_ne!(name("client:ana", None), name("sip:ana", None));
    let withheld = name("anonymous", Some(&a));
    assert_eq!(withheld, name("+266696687", Some(&a)));
    assert_ne!(withheld, name("anonymous", Some(&b)));
    assert_ne!(
        withheld,
        name("+15550199", Some(&a)),
        "that number itself calls"
    );
    assert_ne!(withheld, name("anonymous", None));
}

#[test]
fn the_log_has_one_hash_for_calls_and_messages_of_a_number() {
    let key = key("one");
    let hash = |caller: &str| key.caller_hash(&Caller::read(caller));
    let number = key.phone_hash(&address("+15550100"));
    assert_eq!(hash("+15550100"), number);
    assert_eq!(hash("whatsapp:+15550100"), number);
    assert_eq!(hash("Restricted"), PhoneHash::nobody());
    assert_ne!(hash("client:ana"), hash("client:bea"));
    assert_ne!(hash("client:ana"), PhoneHash::nobody());
}

#[test]
fn a_client_is_its_address_or_its_ipv6_network() {
    let key = key("one");
    assert_eq!(key.client("192.0.2.1"), key.client("192.0.2.1"));
    assert_ne!(key.client("192.0.2.1"), key.client("192.0.2.2"));
    assert_eq!(
        key.client("2001:db8:1:2:3::4"),
        key.client("2001:db8:1:2::1")
    );
    assert_ne!(key.client("2001:db8:1:2::1"), key.client("2001:db8:1:3::1"));
    assert_eq!(key.client(""), key.client("unknown"));
}

#[test]
fn only_the_whole_secret_is_accepted() {
    let (key, secret) = (key("one"), Secret::new("the whole secret".into()));
    assert!(key.is_secret(&secret, "the whole secret"));
    for wrong in [
        "",
        "the whole secre",
        "the whole secret ",
        "The whole secret",
    ] {
        assert!(!key.is_secret(&secret, wrong), "{wrong}");
    }
}
