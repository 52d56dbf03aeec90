//! Numbers, names and sentences, and how they are misheard and miswritten.

/// The numbers of at least four digits in a text.
pub fn numbers(text: &str) -> Vec<String> {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    let long = runs.filter(|run| run.len() >= LEAST_DIGITS);
    long.map(str::to_owned).collect()
}

const LEAST_DIGITS: usize = 4;

/// A number like this one, which is not this one: the last two digits that differ have changed
/// places.
pub fn wrong(number: &str) -> String {
    let mut digits: Vec<char> = number.chars().collect();
    let pairs = digits.windows(2);
    let differ = pairs
        .enumerate()
        .filter(|(_, pair)| pair.first() != pair.last());
    if let Some(at) = differ.map(|(at, _)| at).next_back() {
        digits.swap(at, at.saturating_add(1));
    } else {
        digits.pop();
        digits.push(if number.ends_with('1') { '7' } else { '1' });
    }
    digits.into_iter().collect()
}

/// Whether one number is the other one with digits in other places.
pub fn is_mixed_up(one: &str, other: &str) -> bool {
    let sorted = |number: &str| {
        let mut digits: Vec<char> = number.chars().collect();
        digits.sort_unstable();
        digits
    };
    one != other && sorted(one) == sorted(other)
}

/// A name that sounds a little like this one.
pub fn misheard(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().unwrap_or('X').to_ascii_uppercase();
    let instead = SOUNDS.iter().find_map(|(one, other)| match first {
        _ if first == *one => Some(*other),
        _ if first == *other => Some(*one),
        _ => None,
    });
    format!("{}{}", instead.unwrap_or('W'), letters.as_str())
}

/// Letters that sound alike on the phone.
const SOUNDS: [(char, char); 10] = [
    ('A', 'E'),
    ('B', 'P'),
    ('D', 'T'),
    ('F', 'V'),
    ('G', 'K'),
    ('I', 'Y'),
    ('J', 'H'),
    ('L', 'R'),
    ('M', 'N'),
    ('O', 'U'),
];

/// The text as a sentence of its own.
pub fn sentence(text: &str) -> String {
    let trimmed = text.trim();
    let mut letters = trimmed.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    let end = if trimmed.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
}

/// How a customer begins to say what it wants.
pub const WISH: &str = "What I want is ";

/// What a customer wants, if this line says so.
pub fn wish_in(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(WISH)?;
    let end = rest.find(['.', '!', '?']).unwrap_or(rest.len());
    rest.get(..end).filter(|wish| !wish.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_number_has_the_same_digits_if_it_can() {
        assert_eq!(wrong("48213"), "48231");
        assert!(is_mixed_up("48213", &wrong("48213")));
        assert_eq!(wrong("48200"), "48020");
        assert_eq!(
            (wrong("5555"), wrong("1111")),
            ("5551".to_owned(), "1117".to_owned())
        );
        assert!(!is_mixed_up("48213", "48213"));
        assert_eq!(
            numbers("Order 48213 of the 4th, +1 555 0147."),
            ["48213", "0147"]
        );
    }

    #[test]
    fn a_name_is_misheard_as_another_one() {
        for (name, wrong) in [
            ("Priya", "Briya"),
            ("Dana", "Tana"),
            ("Siobhan", "Wiobhan"),
            ("", "W"),
        ] {
            assert_eq!(misheard(name), wrong);
        }
    }

    #[test]
    fn a_wish_ends_with_its_sentence() {
        assert_eq!(
            wish_in("It is 48213. What I want is the money back. Today."),
            Some("the money back")
        );
        assert_eq!(wish_in("I want nothing."), None);
        assert_eq!(sentence("the money back"), "The money back.");
    }
}
