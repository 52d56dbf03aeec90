//! Tapbacks: what a phone sends as a text when its owner reacts to a message, such as
//! `Liked “The shop opens at 9.”`.
//!
//! iPhones send these to everybody who has no iMessage, in the language of the phone. Android sends
//! `👍 to “…”`, with zero-width and hair spaces around its parts. Only the form is read here. A sentence
//! that a person writes can have it, too: it is a reaction only if the thread remembers what it quotes
//! (`messaging::quotes`). Sources: the forms that message apps recognise (Quik #533, Fossify Messages #190)
//! and that people reported in English, French and Spanish; for the other languages, the usual words. An
//! unknown form is an ordinary text.

/// A text that has the form of a tapback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tapback {
    /// It quotes one of these texts: a sentence with several quotation marks can be read in several
    /// ways.
    Quotes(Vec<String>),
    /// It is about an image or another file, and quotes nothing.
    File,
}

/// The words around the quoted text, which stands at `_`, or at the end. `*` is an emoji. All in the form
/// of [`folded`].
const WORDS: &[&str] = &[
    // English
    "loved",
    "liked",
    "disliked",
    "laughed at",
    "emphasized",
    "emphasised",
    "questioned",
    "reacted with a sticker to",
    // French
    "a adoré",
    "a aimé",
    "n'a pas aimé",
    "a ri de",
    "a ri à",
    "a trouvé drôle",
    "a mis en évidence",
    "a souligné",
    "a insisté sur",
    "a posé une question sur",
    "a mis en doute",
    "s'interroge sur",
    "s'est interrogé sur",
    "s'est interrogée sur",
    "s'est interrogé(e) sur",
    "a attribué la mention adore à",
    "a attribué la mention j'aime à",
    "a attribué la mention je n'aime pas à",
    "a attribué la mention * à",
    "a ajouté un j'aime à",
    // Spanish
    "le encantó",
    "le gustó",
    "no le gustó",
    "se rió de",
    "se rio de",
    "le dio risa",
    "le pareció gracioso",
    "le hizo gracia",
    "enfatizó",
    "exclamó por",
    "destacó",
    "remarcó",
    "dudó sobre",
    "dudó de",
    "cuestionó",
    "preguntó por",
    "preguntó sobre",
    // Portuguese
    "amou",
    "adorou",
    "gostou de",
    "curtiu",
    "não gostou de",
    "não curtiu",
    "riu de",
    "riu-se de",
    "achou graça de",
    "enfatizou",
    "destacou",
    "questionou",
    // Italian
    "ha adorato",
    "ha amato",
    "ha messo mi piace a",
    "ha messo non mi piace a",
    "ha messo un cuore a",
    "gli è piaciuto",
    "le è piaciuto",
    "ha riso per",
    "ha riso di",
    "ha enfatizzato",
    "ha evidenziato",
    "ha messo in evidenza",
    "ha messo in dubbio",
    "ha dubitato di",
    // German
    "liebt",
    "liebte",
    "hat _ geliebt",
    "gefällt",
    "gefiel",
    "gefällt _ nicht",
    "mag",
    "mag _ nicht",
    "lacht über",
    "lachte über",
    "hat über _ gelacht",
    "betont",
    "betonte",
    "hat _ betont",
    "hebt _ hervor",
    "hinterfragt",
    "hat _ hinterfragt",
    "stellt _ infrage",
    // Dutch
    "vindt _ geweldig",
    "vond _ geweldig",
    "vindt _ leuk",
    "vond _ leuk",
    "vindt _ niet leuk",
    "vond _ niet leuk",
    "lachte om",
    "moest lachen om",
    "benadrukte",
    "benadrukt",
    "zette vraagtekens bij",
    "heeft vragen bij",
];

/// The words around a quoted text that follow or precede an emoji of one's choice, from iOS 18 on.
const WITH_EMOJI: &[&str] = &[
    "reacted * to",
    "reacted with * to",
    "a réagi * à",
    "a réagi avec * à",
    "reaccionó con * a",
    "ha reaccionado con * a",
    "reagiu com * a",
    "ha reagito con * a",
    "hat mit * auf _ reagiert",
    "reagierte mit * auf",
    "reageerde met * op",
    "heeft met * gereageerd op",
];

/// The word between an emoji and a quoted text, on Android.
const TO: &[&str] = &[
    "to", "à", "a", "al", "auf", "zu", "op", "aan", "em", "para", "su",
];

/// The beginnings of the forms that take a reaction back. At most [`MOST_REMOVAL_WORDS`] words follow, such
/// as "a question mark from".
const REMOVED: &[&str] = &[
    "removed",
    "a retiré",
    "a supprimé",
    "a enlevé",
    "eliminó",
    "quitó",
    "ha eliminado",
    "ha quitado",
    "removeu",
    "retirou",
    "ha rimosso",
    "ha tolto",
    "hat",
    "entfernte",
    "verwijderde",
    "heeft",
];

/// The most words between the beginning of a form that takes a reaction back and the quoted text.
const MOST_REMOVAL_WORDS: usize = 6;

/// Tapbacks on images and other files: verbs of [`WORDS`], and what stands for the file.
const FILES: &[&str] = &[
    "an image",
    "a photo",
    "a picture",
    "a video",
    "a movie",
    "a gif",
    "an attachment",
    "a file",
    "an audio message",
    "a voice message",
    "a sticker",
    "a contact",
    "a location",
    "une image",
    "une photo",
    "une vidéo",
    "une pièce jointe",
    "una imagen",
    "una foto",
    "un video",
    "un vídeo",
    "uma imagem",
    "uma foto",
    "um vídeo",
    "un'immagine",
    "ein bild",
    "ein foto",
    "ein video",
    "een afbeelding",
    "een foto",
    "een video",
];

/// Quotation marks, in pairs. Phones and carriers exchange one kind for another, so any of them opens and
/// any of them closes.
const OPENING: &[char] = &[
    '“', '”', '„', '"', '«', '‘', '’', '‚', '\'', '「', '『', '‟',
];
const CLOSING: &[char] = &['”', '“', '"', '»', '’', '‘', '\'', '」', '』'];

/// The most ways in which a text is read.
const MOST_READINGS: usize = 8;

impl Tapback {
    /// Reads a text as a tapback, if it has the form of one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = visible(text);
        if is_about_a_file(&text) {
            return Some(Self::File);
        }
        let openings = text.char_indices().filter(|(_, c)| OPENING.contains(c));
        let quotes: Vec<String> = openings
            .take(MOST_READINGS)
            .filter_map(|(at, mark)| {
                let before = text.get(..at)?;
                let after = text.get(at.saturating_add(mark.len_utf8())..)?;
                let end = after.rfind(CLOSING)?;
                let closing = after.get(end..)?.chars().next()?;
                let rest = after.get(end.saturating_add(closing.len_utf8())..)?;
                let quoted = after.get(..end)?.trim();
                (!quoted.is_empty() && are_reaction_words(before, rest)).then(|| quoted.to_owned())
            })
            .chain(without_marks(&text))
            .collect();
        (!quotes.is_empty()).then_some(Self::Quotes(quotes))
    }
}

/// What follows an emoji and one short word: some phones send `😂 to Good morning` without quotation marks.
fn without_marks(text: &str) -> Option<String> {
    let mut words = text.splitn(3, ' ');
    let before = format!("{} {}", words.next()?, words.next()?);
    let quoted = words.next()?.trim();
    let before = folded(&before);
    let is_form = before.contains(' ') && is_emoji_and_to(&before);
    let is_form = is_form && !quoted.starts_with(OPENING);
    is_form.then(|| quoted.to_owned())
}

/// The text without characters that nobody sees, and with plain spaces.
fn visible(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_invisible(*c));
    let spaced = seen.map(|c| if c.is_whitespace() { ' ' } else { c });
    spaced.collect::<String>().trim().to_owned()
}

/// Zero-width spaces and joiners, word joiners, and the marks that choose an emoji's form.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' | '\u{FE0E}' | '\u{FE0F}'
    )
}

/// Whether these words stand around a quoted text in a tapback.
fn are_reaction_words(before: &str, after: &str) -> bool {
    let (before, after) = (folded(before), folded(after));
    let whole = format!("{before} _ {after}");
    let is_form = |form: &&str| {
        if form.contains('_') {
            whole == *form
        } else {
            after.is_empty() && before == *form
        }
    };
    let mut forms = WORDS.iter().chain(WITH_EMOJI).copied();
    forms.any(|form| is_form(&form))
        || (after.is_empty() && is_emoji_and_to(&before))
        || takes_back(&before, &after)
}

/// Android's form: an emoji, and "to" in the language of the phone.
fn is_emoji_and_to(before: &str) -> bool {
    before.strip_prefix('*').is_some_and(|word| {
        let word = word.trim();
        word.is_empty() || TO.contains(&word)
    })
}

fn takes_back(before: &str, after: &str) -> bool {
    REMOVED.iter().any(|verb| {
        let rest = before
            .strip_prefix(verb)
            .filter(|rest| rest.starts_with(' '));
        // German and Dutch put the verb at the end.
        let ends = match *verb {
            "hat" => matches!(after, "entfernt" | "zurückgenommen"),
            "heeft" => after == "verwijderd",
            _ => after.is_empty(),
        };
        ends && rest
            .is_some_and(|rest| (2..=MOST_REMOVAL_WORDS).contains(&rest.split_whitespace().count()))
    })
}

fn is_about_a_file(text: &str) -> bool {
    let text = folded(text);
    let verbs = WORDS.iter().chain(WITH_EMOJI);
    let mut objects = verbs.filter_map(|verb| text.strip_prefix(verb)?.strip_prefix(' '));
    objects.any(|object| FILES.contains(&object))
        || text.strip_prefix("removed ").is_some_and(|rest| {
            let object = rest.split_once(" from ").map(|(_, object)| object);
            object.is_some_and(|object| FILES.contains(&object))
        })
}

/// Words in lower case, without quotation marks, with plain apostrophes and single spaces, and with `*` for
/// each run of emoji.
fn folded(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let mut kept = String::new();
        for c in word.chars() {
            match c {
                '’' | '\'' | '‘' => kept.push('\''),
                c if is_emoji(c) && kept.ends_with('*') => {}
                c if is_emoji(c) => kept.push('*'),
                c if OPENING.contains(&c) || CLOSING.contains(&c) => {}
                c => kept.extend(c.to_lowercase()),
            }
        }
        let kept = kept.trim_matches('\'');
        let is_again = kept == "*" && words.last().is_some_and(|last| last == "*");
        if !kept.is_empty() && !is_again {
            words.push(kept.to_owned());
        }
    }
    words.join(" ")
}

/// Emoji, their skin tones and parts of flags; not letters, digits and plain punctuation.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{2BFF}' | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}' | '\u{20E3}' | '\u{1F000}'..='\u{1FAFF}' | '\u{E0020}'..='\u{E007F}')
}

#[cfg(test)]
mod tests;
