//! The fixed texts in Dutch.

use super::FixedText;

#[allow(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn text(text: FixedText) -> &'static str {
    use FixedText as T;
    match text {
        T::TooLong => "Dat bericht is te lang voor mij. Gebruik hoogstens {limit} tekens.",
        T::NoText => "Stuur alstublieft tekst.",
        T::UnreadableFile => {
            "Ik kan tekst, foto's (JPEG, PNG, GIF, WebP) en spraakberichten lezen, maar geen andere bestanden."
        }
        T::ImageNotFetched => {
            "Sorry, ik kon uw foto niet openen. Stuur hem alstublieft nog een keer."
        }
        T::ImageTooLarge => {
            "Sorry, dat is te groot voor mij. Stuur foto's van samen hoogstens 5 MB."
        }
        T::NoImages => "Sorry, ik kan hier geen foto's bekijken. Schrijf me alstublieft.",
        T::NoVoice => {
            "Sorry, ik kan hier geen spraakberichten beluisteren. Schrijf me alstublieft."
        }
        T::VoiceFormat => {
            "Sorry, ik kan dit soort opname niet beluisteren. Schrijf me alstublieft."
        }
        T::VoiceTooLong => {
            "Sorry, dat spraakbericht is te lang voor mij. Blijf alstublieft onder 5 minuten."
        }
        T::VoiceSilent => {
            "Sorry, ik hoorde geen woorden in uw spraakbericht. Schrijf me alstublieft."
        }
        T::VoiceNotFetched => {
            "Sorry, ik kon uw spraakbericht niet openen. Stuur het alstublieft nog een keer."
        }
        T::Heard => "Ik hoorde: \"{words}\"",
        T::SlowDown => {
            "Dat zijn te veel berichten voor mij. Probeer het over {seconds} seconden opnieuw."
        }
        T::SlowDownOneSecond => {
            "Dat zijn te veel berichten voor mij. Probeer het over 1 seconde opnieuw."
        }
        T::OptedOut => "U krijgt geen berichten meer van ons. Antwoord START als u zich bedenkt.",
        T::OptedIn => "U krijgt weer berichten van ons. Antwoord STOP om u af te melden.",
        T::Help => {
            "Dit is een automatische assistent. Antwoord OPNIEUW BEGINNEN om opnieuw te beginnen, WIS MIJN GEGEVENS om te wissen wat er gezegd is, STOP om geen berichten meer te krijgen."
        }
        T::Erasing => "Uw gegevens worden gewist. Dit kan een paar minuten duren.",
        T::Erased => "Uw gegevens zijn gewist.",
        T::Reset => "Klaar: ons gesprek is gewist. Waarover wilt u praten?",
        T::Apology => {
            "Sorry, ik kan nu niet antwoorden. Probeer het over een paar minuten opnieuw."
        }
        T::NoBudget => {
            "Sorry, ik kan vandaag geen vragen meer aannemen. Probeer het morgen opnieuw."
        }
        T::NoMoreToday => "Sorry, meer kan ik vandaag niet beantwoorden. Schrijf morgen weer.",
        T::TokenLimit => {
            "Sorry, dat was te veel voor één antwoord. Vraag iets korters of eenvoudigers."
        }
        T::Filtered => "Sorry, daar kan ik niet bij helpen.",
        T::HandedOver => {
            "Een medewerker antwoordt u hier. Tot dan zwijgt de assistent. Antwoord ASSISTENT om er weer mee te praten."
        }
        T::AssistantAgain => "U praat weer met de automatische assistent.",
        T::HandOffNote => "Een contact ({contact}) wacht op een medewerker.",
        T::IntakeMenu => {
            "U kunt altijd OVERZICHT, TERUG, OVERSLAAN, OPNIEUW BEGINNEN of ANNULEREN schrijven."
        }
        T::IntakeSoFar => "Dit heb ik tot nu toe:",
        T::IntakeEmpty => "Ik heb nog niets.",
        T::IntakeConfirm => {
            "Controleer dit alstublieft. Antwoord JA als het klopt, of schrijf wat er anders moet."
        }
        T::IntakeChange => "Wat moet ik veranderen?",
        T::IntakeFirst => "Dit is de eerste vraag.",
        T::IntakeCancelled => {
            "Geannuleerd: uw antwoorden zijn gewist en er is niets verstuurd. Schrijf OPNIEUW BEGINNEN om opnieuw te starten."
        }
        T::IntakeStopHint => "Schrijf STOP om geen berichten meer te krijgen.",
        T::IntakeRestarted => "We beginnen opnieuw.",
        T::IntakeRequired => "{field}: dit is nodig en kan niet worden overgeslagen.",
        T::IntakeUnread => "{field}: dat kon ik niet lezen.",
        T::IntakeTooLong => "{field}: dat is te lang voor mij.",
        T::IntakeEmail => "{field}: geef een e-mailadres, bijvoorbeeld ana@example.org.",
        T::IntakePhone => {
            "{field}: geef een telefoonnummer met landnummer, bijvoorbeeld +15550142."
        }
        T::IntakeUrl => "{field}: geef een webadres, bijvoorbeeld https://example.org.",
        T::IntakeDate => "{field}: geef een datum, bijvoorbeeld 2026-12-05.",
        T::IntakeChoice => "{field}: kies een van de mogelijkheden in de lijst.",
        T::IntakePart => "{field}: er ontbreekt een deel.",
        T::IntakeDraft => "Hier is het concept:",
        T::IntakeSaved => "Opgeslagen: we hebben uw antwoorden en het concept.",
        T::IntakePending => "Ik lever het nu in en schrijf u zodra het is opgeslagen.",
        T::IntakeNotSaved => {
            "Sorry, het inleveren is niet gelukt en er is niets opgeslagen. Schrijf OPNIEUW BEGINNEN om het nog eens te proberen."
        }
        T::CallGreeting => "Hallo! Waarmee kan ik u helpen?",
        T::CallOutboundGreeting => {
            "Goedendag! U spreekt met een automatische assistent. Heeft u een moment?"
        }
        T::CallRecorded => "Dit gesprek wordt opgenomen.",
        T::CallFoundAt => "u vindt het op {place}",
        T::CallOneMoment => "Een ogenblik, alstublieft.",
        T::CallFailed => "Sorry, er ging iets mis. Kunt u dat herhalen?",
        T::CallGivenUp => "Sorry, ik kan u nu niet helpen. Bel later opnieuw. Tot ziens.",
        T::CallStillThere => "Bent u er nog?",
        T::CallGoodbye => "Bedankt voor uw telefoontje. Tot ziens.",
        T::CallTimeUp => "Sorry, de tijd voor een gesprek is om. Tot ziens.",
        T::CallNoCapacity => {
            "Sorry, we kunnen vandaag geen gesprekken meer aannemen. Bel morgen opnieuw. Tot ziens."
        }
        T::CallTooOften => "Sorry, u hebt te vaak gebeld. Bel over een uur opnieuw. Tot ziens.",
        T::CallNotAvailable => "Sorry, hier worden geen gesprekken aangenomen. Tot ziens.",
        T::CallHandingOver => "Ik verbind u door met een medewerker. Blijf aan de lijn.",
        T::CallNobodyReached => "Sorry, er was niemand bereikbaar. Bel later opnieuw. Tot ziens.",
    }
}
