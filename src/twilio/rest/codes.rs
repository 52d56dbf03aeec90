//! Twilio's error codes for messages: which of them end a message, which pass, and which one is an
//! opt-out.
//!
//! The same table is in docs/twilio-errors.md, for operators; `tests/it/documents` compares both.
//! Source: Twilio, "Error and Warning Dictionary" (`/docs/api/errors/<code>`). Not here: the
//! outcome of a request, which also depends on its status (`create`).

/// What an error code means for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The message will never be accepted. It is given up at once.
    Never,
    /// The message may be accepted later. It is tried again.
    Later,
    /// The contact has opted out at Twilio.
    OptOut,
}

/// An error code of Twilio.
#[derive(Clone, Copy, Debug)]
pub struct ErrorCode {
    /// The code.
    pub code: u32,
    /// What it means for the message.
    pub disposition: Disposition,
    /// What happened.
    pub meaning: &'static str,
    /// What an operator does.
    pub action: &'static str,
}

/// What a code means for a message. `None`: it is not in [`CODES`].
#[must_use]
pub fn disposition(code: u32) -> Option<Disposition> {
    let known = DISPOSITIONS.iter().find(|(known, _)| *known == code);
    known.map(|(_, disposition)| *disposition)
}

/// Whether a code says that the contact has opted out at Twilio.
#[must_use]
pub fn is_opt_out(code: u32) -> bool {
    disposition(code) == Some(Disposition::OptOut)
}

/// Defines the table, and a short form of it: the Worker does not carry the words.
macro_rules! codes {
    ($($code:literal $disposition:ident $meaning:literal $action:literal)+) => {
        /// The codes that a message can meet, in order. Any other code of a 4xx counts as
        /// [`Disposition::Never`], and of a 429 as [`Disposition::Later`].
        pub const CODES: &[ErrorCode] = &[$(ErrorCode {
            code: $code,
            disposition: Disposition::$disposition,
            meaning: $meaning,
            action: $action,
        },)+];
        const DISPOSITIONS: &[(u32, Disposition)] = &[$(($code, Disposition::$disposition),)+];
    };
}

#[rustfmt::skip]
codes! {
    14107 Later "Too many messages between these two numbers within 30 seconds" "Nothing. If it stays, look for a machine that answers each answer"
    20003 Never "Twilio does not accept the auth token" "Set `TWILIO_AUTH_TOKEN` to the token of the account that owns the number"
    20005 Never "The account is not active" "Look at the account in Twilio's console"
    20404 Never "There is no such account" "Check which account owns the number"
    20429 Later "Too many requests at once" "Nothing. If it stays, ask Twilio for a higher limit"
    20500 Later "Twilio failed" "Nothing. See Twilio's status page"
    20503 Later "Twilio is not available" "Nothing. See Twilio's status page"
    21211 Never "The contact's number is not valid" "Nothing"
    21212 Never "The own number is not valid" "Check the number's configuration at Twilio"
    21408 Never "The account may not send to the contact's region" "Enable the region: Messaging, Settings, Geo permissions"
    21606 Never "The own number cannot send messages, or not to this destination" "Check the number's capabilities at Twilio"
    21608 Never "A trial account, or one without an approved compliance profile, sends only to verified numbers" "Verify the number, or upgrade the account and have its profile approved"
    21610 OptOut "The contact has opted out at Twilio" "Nothing. Only the contact can opt in again, with START"
    21611 Later "The own number's queue is full" "Spread the load over more numbers with a Messaging Service"
    21612 Never "No way leads from the own number to the contact" "Use another number for the contact's country"
    21614 Never "The contact's number takes no messages" "Nothing"
    21617 Never "The message is longer than 1600 characters" "Report it: Switchboard splits longer answers"
    21635 Never "The contact's number is a landline" "Nothing"
    21659 Never "The own number is not a number of Twilio, or a short code of another country" "Check the number's configuration at Twilio"
    21660 Never "The own number belongs to another account" "Check which account owns the number"
    21701 Never "There is no such Messaging Service" "Check the Messaging Service at Twilio"
    21703 Never "The Messaging Service has no number for this message" "Add a sender to the Messaging Service"
    21704 Never "The Messaging Service has no senders" "Add a sender to the Messaging Service"
    30001 Later "The queue was full" "Spread the load over more numbers with a Messaging Service"
    30002 Never "The account is suspended" "Look at the account in Twilio's console"
    30003 Never "The phone cannot be reached: switched off, or without a network" "Nothing"
    30004 Never "The message was blocked, for example by the contact's carrier" "Nothing"
    30005 Never "The contact's number is unknown or not in use any more" "Nothing"
    30006 Never "The contact's number is a landline, or its carrier cannot be reached" "Nothing"
    30007 Never "A carrier or Twilio filtered the message as unwanted" "Read Twilio's messaging policy. If it stays, ask Twilio's support"
    30008 Never "The carrier did not say why the message did not arrive" "Nothing. If it stays, ask Twilio's support"
    30022 Later "Too many messages a second for the registered campaign" "Nothing. If it stays, register a campaign with a higher limit"
    30023 Never "The day's messages of the registered brand are used up" "Wait for the next day, or raise the brand's limit"
    30034 Never "The own number is not registered for messages in the US (A2P 10DLC)" "Register the number at Twilio"
    30044 Never "A trial account's message has too many segments" "Set `MAX_SEGMENTS` lower, or upgrade the account"
    30410 Never "A carrier's network did not answer in time" "Nothing. If it stays, ask Twilio's support"
    30450 Never "Twilio's protection against fraud blocks the number, usually for 15 to 30 minutes" "Nothing. If it is wrong, put the number on the Global Safe List"
    30453 Never "Twilio's protection against fraud blocks the number, usually for some hours" "Nothing. If it is wrong, put the number on the Global Safe List"
    30454 Never "The trial account's messages are used up" "Upgrade the account"
    63003 Never "The channel does not know the contact" "Nothing"
    63007 Never "The channel does not know the own address" "Check the sender in Twilio's console"
    63010 Later "The channel failed inside Twilio" "Nothing. See Twilio's status page"
    63012 Later "The channel's provider failed" "Nothing. See Twilio's and Meta's status pages"
    63013 Never "The message breaks the channel's rules" "Read the channel's policy"
    63014 Never "The contact has blocked the own address on the channel, or has opted out there" "Nothing"
    63015 Never "The contact has not joined the sandbox" "Have the contact join, or use a real sender"
    63016 Never "The channel's window of 24 hours after the contact's last message is over" "Nothing. The next message of the contact opens it again"
    63017 Later "The account sends too many messages a second" "Nothing. If it stays, ask Twilio for a higher limit"
    63018 Later "The channel takes no more messages at the moment" "Nothing. If it stays, look at the sender's limits"
    63024 Never "The contact does not use WhatsApp, has not accepted its terms, or has too old a version" "Nothing"
    63032 Never "WhatsApp lets no business write to the contact, whose number is part of an experiment" "Nothing"
    63033 Never "The contact has blocked the own address. WhatsApp does not tell so any more" "Nothing"
    63038 Never "The account's messages of 24 hours are used up" "Upgrade the account, or ask Twilio for a higher limit"
    63049 Never "Meta chose not to deliver a message that it takes for marketing" "Nothing"
    572_002 Never "A trial account has another number for this contact" "Use the number that Twilio's console names, or upgrade the account"
    572_005 Never "A trial account sends only to verified numbers, and this one is not verified yet" "Verify the number, or upgrade the account"
    572_006 Never "A trial account sends only Twilio's own templates" "Upgrade the account"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once_and_in_order() {
        assert!(CODES.windows(2).all(|two| two[0].code < two[1].code));
    }

    #[test]
    fn only_one_code_is_an_opt_out() {
        let opt_outs: Vec<u32> = CODES
            .iter()
            .filter(|known| known.disposition == Disposition::OptOut)
            .map(|known| known.code)
            .collect();
        assert_eq!(opt_outs, [21610]);
        assert!(is_opt_out(21610) && !is_opt_out(63033) && !is_opt_out(1));
    }
}
