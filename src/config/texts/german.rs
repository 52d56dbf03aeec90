//! The fixed texts in German.

use super::FixedText;

#[allow(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn text(text: FixedText) -> &'static str {
    use FixedText as T;
    match text {
        T::TooLong => {
            "Diese Nachricht ist mir zu lang. Bitte schreiben Sie höchstens {limit} Zeichen."
        }
        T::NoText => "Bitte senden Sie Text.",
        T::UnreadableFile => {
            "Ich kann Text, Bilder (JPEG, PNG, GIF, WebP) und Sprachnachrichten lesen, aber keine anderen Dateien."
        }
        T::ImageNotFetched => {
            "Leider konnte ich Ihr Bild nicht öffnen. Bitte senden Sie es noch einmal."
        }
        T::ImageTooLarge => {
            "Das ist mir leider zu groß. Bitte senden Sie Bilder von zusammen höchstens 5 MB."
        }
        T::NoImages => "Bilder kann ich hier leider nicht ansehen. Bitte schreiben Sie mir.",
        T::NoVoice => {
            "Sprachnachrichten kann ich hier leider nicht anhören. Bitte schreiben Sie mir."
        }
        T::VoiceFormat => {
            "Diese Art von Aufnahme kann ich leider nicht anhören. Bitte schreiben Sie mir."
        }
        T::VoiceTooLong => {
            "Diese Sprachnachricht ist mir leider zu lang. Bitte bleiben Sie unter 5 Minuten."
        }
        T::VoiceSilent => {
            "In Ihrer Sprachnachricht habe ich leider keine Worte gehört. Bitte schreiben Sie mir."
        }
        T::VoiceNotFetched => {
            "Leider konnte ich Ihre Sprachnachricht nicht öffnen. Bitte senden Sie sie noch einmal."
        }
        T::Heard => "Verstanden habe ich: \"{words}\"",
        T::SlowDown => {
            "Das sind mir zu viele Nachrichten. Bitte versuchen Sie es in {seconds} Sekunden wieder."
        }
        T::SlowDownOneSecond => {
            "Das sind mir zu viele Nachrichten. Bitte versuchen Sie es in 1 Sekunde wieder."
        }
        T::OptedOut => {
            "Sie bekommen keine Nachrichten mehr von uns. Antworten Sie START, wenn Sie es sich anders überlegen."
        }
        T::OptedIn => {
            "Sie bekommen wieder Nachrichten von uns. Antworten Sie STOP, um sich abzumelden."
        }
        T::Help => {
            "Dies ist ein automatischer Assistent. Antworten Sie NEUSTART, um neu zu beginnen, MEINE DATEN LÖSCHEN, um das Gesagte zu löschen, STOP, um keine Nachrichten mehr zu bekommen."
        }
        T::Erasing => "Ihre Daten werden gelöscht. Das kann einige Minuten dauern.",
        T::Erased => "Ihre Daten sind gelöscht.",
        T::Reset => "Erledigt: Unser Gespräch ist gelöscht. Worüber möchten Sie sprechen?",
        T::Apology => {
            "Leider kann ich gerade nicht antworten. Bitte versuchen Sie es in ein paar Minuten wieder."
        }
        T::NoBudget => {
            "Leider kann ich heute keine Fragen mehr annehmen. Bitte versuchen Sie es morgen wieder."
        }
        T::NoMoreToday => {
            "Leider kann ich heute nicht mehr antworten. Bitte schreiben Sie morgen wieder."
        }
        T::TokenLimit => {
            "Das war leider zu viel für eine Antwort. Bitte fragen Sie etwas Kürzeres oder Einfacheres."
        }
        T::Filtered => "Dabei kann ich leider nicht helfen.",
        T::HandedOver => {
            "Hier antwortet Ihnen jetzt ein Mensch. Bis dahin schweigt der Assistent. Antworten Sie ASSISTENT, um wieder mit ihm zu sprechen."
        }
        T::AssistantAgain => "Sie sprechen wieder mit dem automatischen Assistenten.",
        T::HandOffNote => "Ein Kontakt ({contact}) wartet auf einen Menschen.",
        T::IntakeMenu => {
            "Sie können jederzeit ZUSAMMENFASSUNG, ZURÜCK, ÜBERSPRINGEN, NEUSTART oder ABBRECHEN schreiben."
        }
        T::IntakeSoFar => "Das habe ich bisher:",
        T::IntakeEmpty => "Ich habe noch nichts.",
        T::IntakeConfirm => {
            "Bitte prüfen Sie das. Antworten Sie JA, wenn es stimmt, oder schreiben Sie, was zu ändern ist."
        }
        T::IntakeChange => "Was soll ich ändern?",
        T::IntakeFirst => "Das ist die erste Frage.",
        T::IntakeCancelled => {
            "Abgebrochen: Ihre Antworten sind gelöscht, und nichts wurde gesendet. Schreiben Sie NEUSTART, um neu zu beginnen."
        }
        T::IntakeStopHint => "Schreiben Sie STOP, um keine Nachrichten mehr zu bekommen.",
        T::IntakeRestarted => "Wir beginnen noch einmal.",
        T::IntakeRequired => "{field}: Das wird gebraucht und lässt sich nicht überspringen.",
        T::IntakeUnread => "{field}: Das konnte ich nicht lesen.",
        T::IntakeTooLong => "{field}: Das ist mir zu lang.",
        T::IntakeEmail => "{field}: Bitte nennen Sie eine E-Mail-Adresse, etwa ana@example.org.",
        T::IntakePhone => {
            "{field}: Bitte nennen Sie eine Telefonnummer mit Landesvorwahl, etwa +15550142."
        }
        T::IntakeUrl => "{field}: Bitte nennen Sie eine Webadresse, etwa https://example.org.",
        T::IntakeDate => "{field}: Bitte nennen Sie ein Datum, etwa 2026-12-05.",
        T::IntakeChoice => "{field}: Bitte wählen Sie eine der Möglichkeiten in der Liste.",
        T::IntakePart => "{field}: Ein Teil fehlt.",
        T::IntakeDraft => "Hier ist der Entwurf:",
        T::IntakeSaved => "Gespeichert: Wir haben Ihre Antworten und den Entwurf.",
        T::IntakePending => "Ich gebe es jetzt ab und schreibe Ihnen, sobald es gespeichert ist.",
        T::IntakeNotSaved => {
            "Leider ließ es sich nicht abgeben, also ist nichts gespeichert. Schreiben Sie NEUSTART, um es noch einmal zu versuchen."
        }
        T::CallGreeting => "Guten Tag! Wie kann ich Ihnen helfen?",
        T::CallOutboundGreeting => {
            "Guten Tag! Hier spricht ein automatischer Assistent. Haben Sie einen Moment Zeit?"
        }
        T::CallRecorded => "Dieses Gespräch wird aufgezeichnet.",
        T::CallFoundAt => "Sie finden es auf {place}",
        T::CallOneMoment => "Einen Moment, bitte.",
        T::CallFailed => "Leider ist etwas schiefgegangen. Bitte sagen Sie das noch einmal.",
        T::CallGivenUp => {
            "Leider kann ich Ihnen gerade nicht helfen. Bitte rufen Sie später wieder an. Auf Wiederhören."
        }
        T::CallStillThere => "Sind Sie noch da?",
        T::CallGoodbye => "Danke für Ihren Anruf. Auf Wiederhören.",
        T::CallTimeUp => "Leider ist die Zeit für ein Gespräch jetzt um. Auf Wiederhören.",
        T::CallNoCapacity => {
            "Leider können wir heute keine Anrufe mehr annehmen. Bitte rufen Sie morgen wieder an. Auf Wiederhören."
        }
        T::CallTooOften => {
            "Leider haben Sie zu oft angerufen. Bitte rufen Sie in einer Stunde wieder an. Auf Wiederhören."
        }
        T::CallNotAvailable => "Leider werden hier keine Anrufe angenommen. Auf Wiederhören.",
        T::CallHandingOver => "Ich verbinde Sie mit einem Menschen. Bitte bleiben Sie am Apparat.",
        T::CallNobodyReached => {
            "Leider war niemand zu erreichen. Bitte rufen Sie später wieder an. Auf Wiederhören."
        }
    }
}
