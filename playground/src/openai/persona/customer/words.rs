//! The words of customers.

use super::super::part::{Level, Tone};

/// How a customer says who calls. `{}` is its name.
pub fn greeting(tone: Tone) -> &'static [&'static str] {
    match tone {
        Tone::Warm => &[
            "Hi, this is {}, how are you?",
            "Hello there, my name is {}.",
        ],
        Tone::Curt => &["{} here.", "Yes, this is {}."],
        Tone::Anxious => &[
            "Oh, hello, this is {}. I hope that I am right with you.",
            "Hello? My name is {}, sorry to trouble you.",
        ],
        Tone::Formal => &["Hello, my name is {}.", "Good day, this is {}."],
    }
}

/// What a customer says before it looks something up.
pub fn before_a_fact(proficiency: Level) -> &'static [&'static str] {
    match proficiency {
        Level::Low => &[
            "Wait, I need my glasses.",
            "I have a paper here somewhere. Yes.",
            "You mean the long number at the top?",
            "Let me ask, no, here it stands.",
        ],
        Level::Medium => &[
            "Yes, one moment.",
            "Let me see.",
            "I think so, yes.",
            "Here it is.",
        ],
        Level::High => &[
            "Sure, I have it open.",
            "From my notes:",
            "Yes, I looked that up before I called.",
            "That is in my list:",
        ],
    }
}

/// What a customer says to an answer.
pub fn reaction(tone: Tone, is_vague: bool) -> &'static [&'static str] {
    match (tone, is_vague) {
        (Tone::Warm, false) => &[
            "Oh, good.",
            "That is kind of you.",
            "Sounds good to me.",
            "Lovely, thank you.",
            "Great, that helps.",
        ],
        (Tone::Warm, true) => &[
            "That is all right, take your time.",
            "Hm, that is a pity.",
            "Well, it is not your fault.",
            "Okay, we will find out somehow.",
            "No problem, let us try something else.",
        ],
        (Tone::Curt, false) => &[
            "Fine.",
            "About time.",
            "Well, finally.",
            "If you say so.",
            "Good.",
        ],
        (Tone::Curt, true) => &[
            "That is not an answer.",
            "You are not serious, are you?",
            "How can you not know that?",
            "This is ridiculous.",
            "Unbelievable.",
        ],
        (Tone::Anxious, false) => &[
            "Oh, thank goodness.",
            "Are you certain?",
            "I hope that it works.",
            "That would be a relief.",
            "Oh, I was so worried.",
        ],
        (Tone::Anxious, true) => &[
            "Oh dear, and who can tell me?",
            "That worries me.",
            "Sorry, but I do not know what to do then.",
            "Did I do something wrong?",
            "Oh no, not that again.",
        ],
        (Tone::Formal, false) => &[
            "Very well.",
            "That sounds reasonable.",
            "I appreciate that.",
            "Thank you, noted.",
            "That is clear.",
        ],
        (Tone::Formal, true) => &[
            "I had expected a clearer answer.",
            "That does not help me.",
            "I am afraid that is not enough.",
            "I do not find that satisfactory.",
            "Please look again.",
        ],
    }
}

/// How a customer ends a call in which it was helped.
pub fn satisfied(tone: Tone) -> &'static [&'static str] {
    match tone {
        Tone::Warm => &[
            "Wonderful, then I agree to that. Thank you so much, goodbye!",
            "You have been a great help, thank you. Bye!",
        ],
        Tone::Curt => &[
            "Fine, I agree. See that it happens. Goodbye.",
            "All right then. Goodbye.",
        ],
        Tone::Anxious => &[
            "Oh, I am so relieved, thank you. Goodbye!",
            "If you are certain, I agree. Thank you, and goodbye.",
        ],
        Tone::Formal => &[
            "Then I agree with that outcome. Thank you, and goodbye.",
            "Thank you, that settles it for me. Goodbye.",
        ],
    }
}

/// How a customer ends a call in which it was not helped.
pub fn disappointed(tone: Tone) -> &'static [&'static str] {
    match tone {
        Tone::Warm => &[
            "Well, thanks for trying. I will call again, goodbye.",
            "It is a pity, but never mind. Bye.",
        ],
        Tone::Curt => &[
            "This was a waste of time. Goodbye.",
            "I do not agree, and you hear from me. Goodbye.",
        ],
        Tone::Anxious => &[
            "Then I still do not know what to do. Goodbye.",
            "I am disappointed, but thank you. Goodbye.",
        ],
        Tone::Formal => &[
            "I cannot agree with that, and I will put it in writing. Goodbye.",
            "That leaves my problem unsolved. Goodbye.",
        ],
    }
}

/// What a customer says to a goodbye.
pub const GOODBYES: [&str; 3] = ["Goodbye.", "Yes, goodbye.", "Thank you, bye."];
/// How a customer hangs up on an agent.
pub const HANGS_UP: [&str; 2] = [
    "That is enough, this leads nowhere. I am hanging up.",
    "You cannot help me, and I have had it. I am hanging up, goodbye.",
];
/// How a customer asks for somebody else.
pub const ESCALATES: [&str; 3] = [
    "Then I want to speak to your supervisor, right now.",
    "Put me through to your supervisor, please. Somebody must know about {}.",
    "I would rather talk to a supervisor about {}.",
];
/// What a customer says into a silence.
pub const SILENCE: [&str; 4] = [
    "Hello? Is anybody there?",
    "Are you still there?",
    "I cannot hear anything. Hello?",
    "Did the line break, or are you looking at {}?",
];
/// How a customer corrects a number. `{}` is the fact.
pub const CORRECTIONS: [&str; 3] = [
    "No, that number is wrong, sorry. {}",
    "I have to correct that number. {}",
    "Wait, the digits are mixed up. {}",
];
/// What a customer says to something that is right.
pub const YES: [&str; 3] = ["Yes, that is right.", "Yes, exactly.", "That is correct."];
/// What a customer wants to know.
pub const QUESTIONS: [&str; 12] = [
    "How long does that take?",
    "Do I get that in writing?",
    "Does that cost me anything?",
    "And what happens if it does not work out?",
    "Do I have to do anything for it?",
    "Who has looked at it before you?",
    "What does that mean for {}?",
    "Can you see in your notes what I was told last time?",
    "Whom do I ask for when I call again?",
    "And you are certain about {}?",
    "Why did nobody tell me that earlier?",
    "Could you say that again in one sentence?",
];
