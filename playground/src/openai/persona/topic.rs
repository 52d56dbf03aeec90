//! What a scenario adds to the customer's issue, and the words for it.

/// The topic of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A charge on the bill.
    Charge,
    /// Something that was sent.
    Delivery,
    /// Something that does not work.
    Fault,
    /// The end of the contract.
    Cancellation,
    /// A date.
    Appointment,
    /// A complaint without an answer.
    Complaint,
    /// Anything else.
    Other,
}

/// Words of a scenario, the most telling first.
const TELLING: [(&str, Topic); 11] = [
    ("cancel", Topic::Cancellation),
    ("complain", Topic::Complaint),
    ("appointment", Topic::Appointment),
    ("booking", Topic::Appointment),
    ("deliver", Topic::Delivery),
    ("parcel", Topic::Delivery),
    ("error", Topic::Fault),
    ("fault", Topic::Fault),
    ("charge", Topic::Charge),
    ("bill", Topic::Charge),
    ("payment", Topic::Charge),
];

/// The words for a topic.
pub struct Words {
    /// Its name in a sentence.
    pub noun: &'static str,
    /// How the customer puts it.
    pub stated: [&'static str; 2],
    /// What the agent asks about it.
    pub asked: [&'static str; 2],
    /// How an agent who knows explains it.
    pub explained: [&'static str; 2],
    /// What an agent who knows does about it.
    pub settled: [&'static str; 2],
}

impl Topic {
    /// The topic of a scenario.
    pub fn of(setting: &str) -> Self {
        let plain = setting.to_lowercase();
        let found = TELLING.iter().find(|(word, _)| plain.contains(word));
        found.map_or(Self::Other, |(_, topic)| *topic)
    }

    /// Its words.
    pub fn words(self) -> &'static Words {
        match self {
            Self::Charge => &CHARGE,
            Self::Delivery => &DELIVERY,
            Self::Fault => &FAULT,
            Self::Cancellation => &CANCELLATION,
            Self::Appointment => &APPOINTMENT,
            Self::Complaint => &COMPLAINT,
            Self::Other => &OTHER,
        }
    }
}

const CHARGE: Words = Words {
    noun: "the charge",
    stated: [
        "And now there is an extra charge for it on my bill, which I do not accept.",
        "On top of that, the newest bill has a charge that I never agreed to.",
    ],
    asked: [
        "Which charge on the bill do you mean, and when did you first see it?",
        "Is it only this one charge, or has it been on an earlier bill too?",
    ],
    explained: [
        "The charge on the bill comes from our system, which added it by itself when your issue was noted.",
        "I can explain it: that charge comes from a rule that should not have applied to your bill.",
    ],
    settled: [
        "The charge is taken off the bill today, and you see it on the next one.",
        "I have taken the charge off, so you pay the bill without it.",
    ],
};
const DELIVERY: Words = Words {
    noun: "the delivery",
    stated: [
        "And what you sent me to settle it has never arrived, although the tracking says so.",
        "The tracking says that the delivery came on Friday. Nothing came on Friday.",
    ],
    asked: [
        "Which address was the delivery to go to?",
        "Could a neighbour have taken the delivery for you?",
    ],
    explained: [
        "I see the delivery here: the driver scanned it on Friday, at an address that is not yours.",
        "The tracking shows one scan and no signature, so the delivery went astray.",
    ],
    settled: [
        "We send it again today, and the new delivery arrives on Thursday.",
        "A second delivery leaves our house tonight, and it is with you on Thursday.",
    ],
};
const FAULT: Words = Words {
    noun: "the error",
    stated: [
        "I tried it in your app, and the app stops with an error each time.",
        "Your app is no help either, it shows an error and that is all.",
    ],
    asked: [
        "When exactly does the error appear in the app?",
        "Where in the app are you when the error appears?",
    ],
    explained: [
        "That error means that the app and our system disagree about your account, so it stops.",
        "The error is ours: the app asks for something that your account does not have yet.",
    ],
    settled: [
        "I settle your issue here without the app, and I report the error to a technician.",
        "I have done it from my side, without the app, and a technician gets the report of the error.",
    ],
};
const CANCELLATION: Words = Words {
    noun: "the cancellation",
    stated: [
        "I have had enough, and I am thinking of leaving you.",
        "If this goes on, I want to cancel.",
    ],
    asked: [
        "May I ask for the reason why you think of a cancellation?",
        "Is there one reason to leave us, or did several things come together?",
    ],
    explained: [
        "A cancellation is possible right now, and it takes effect at the end of the month.",
        "You are free to leave: the cancellation takes effect at the end of the month, without a fee.",
    ],
    settled: [
        "Here is my offer: we settle the issue this week, and you decide about the cancellation then.",
        "I make you one offer to settle the issue. If you do not like it, I cancel today.",
    ],
};
const APPOINTMENT: Words = Words {
    noun: "the appointment",
    stated: [
        "You gave me an appointment on Wednesday for it, and I cannot come on Wednesday.",
        "There is an appointment on Wednesday at ten for this, but I need another time.",
    ],
    asked: [
        "Which day and which time would suit you for the appointment?",
        "Is the appointment in your own name?",
    ],
    explained: [
        "I see the appointment on Wednesday at ten, and it can be moved without any cost.",
        "Wednesday at ten was the first free appointment, but there are others by now.",
    ],
    settled: [
        "I can offer you another time: Friday at two. I confirm the new appointment for that day.",
        "Thursday at four is free. I have moved the appointment, and the new day and time are confirmed.",
    ],
};
const COMPLAINT: Words = Words {
    noun: "the complaint",
    stated: [
        "I complained about it two weeks ago, and nobody has answered.",
        "You promised me an answer to my complaint within three days. That was two weeks ago.",
    ],
    asked: [
        "On which date did you send the complaint, and does it have a number?",
        "Who promised you an answer to the complaint?",
    ],
    explained: [
        "Your complaint has been with us since that day, and nobody was told to answer it. I apologise.",
        "I apologise for the silence: the complaint was closed by mistake, and it is open again now.",
    ],
    settled: [
        "I promise you the next step myself: you get our answer on Monday.",
        "The next step is a call from the head of the team, and I promise that it happens on Monday.",
    ],
};
const OTHER: Words = Words {
    noun: "the matter",
    stated: [
        "That is the whole story, and it cannot stay like that.",
        "I hope that you are the right person for it.",
    ],
    asked: [
        "Since when has it been like that?",
        "Have you spoken about it with one of my colleagues before?",
    ],
    explained: [
        "I see what happened: a step was left out on our side.",
        "The record shows a mistake of ours, so let me put it right.",
    ],
    settled: [
        "I put it right today, and you get a message when it is done.",
        "It is settled from our side now, and I have written that down.",
    ],
};
