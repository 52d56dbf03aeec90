use super::*;

#[test]
fn every_text_has_its_own_name_and_its_placeholder_in_every_language() {
    for text in FixedText::ALL {
        let names = FixedText::ALL
            .iter()
            .filter(|other| other.name() == text.name());
        assert_eq!(names.count(), 1);
        for language in Language::ALL {
            let own = text.in_language(language);
            assert!(!own.trim().is_empty() && own.trim() == own, "{own}");
            let found: Vec<&str> = placeholders(own).collect();
            assert_eq!(
                found,
                text.placeholder().into_iter().collect::<Vec<_>>(),
                "{own}"
            );
            let others = FixedText::ALL
                .iter()
                .filter(|other| other.in_language(language) == own);
            assert_eq!(others.count(), 1, "{own}");
        }
    }
}

#[test]
fn a_text_of_the_operator_replaces_that_of_the_language() {
    let own = overrides(r#"{"apology":"Oops!","slow_down":"Wait {seconds} s."}"#).unwrap();
    assert_eq!(own[&FixedText::Apology], "Oops!");
    assert_eq!(own[&FixedText::SlowDown], "Wait {seconds} s.");
    assert!(overrides("{}").unwrap().is_empty());
}

#[test]
fn what_texts_must_be_is_said_with_the_nearest_name() {
    for (text, problem) in [
        ("", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        (r#"{"apolgy":"x"}"#, "the nearest is apology"),
        (r#"{"opt_out":"x"}"#, "the nearest is opted_out"),
        (r#"{"apology":""}"#, "1 to 1600"),
        (r#"{"apology":null}"#, "1 to 1600"),
        (r#"{"apology":"in {seconds}"}"#, "braces"),
        (r#"{"too_long":"{limits}"}"#, "braces"),
        (r#"{"too_long":"{limit"}"#, "braces"),
    ] {
        let found = overrides(text).unwrap_err();
        assert!(found.contains(problem), "{text}: {found}");
    }
    let long = format!(r#"{{"apology":"{}"}}"#, "x".repeat(1601));
    assert!(overrides(&long).is_err());
}

#[test]
fn a_language_is_its_code() {
    for language in Language::ALL {
        assert_eq!(language_of(language.code()), Some(language));
    }
    for text in ["EN", "en-US", "english", " de", "xx"] {
        assert_eq!(language_of(text), None, "{text}");
    }
}

fn language_of(text: &str) -> Option<Language> {
    language(text).ok()
}
