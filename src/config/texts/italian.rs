//! The fixed texts in Italian.

use super::FixedText;

#[allow(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn text(text: FixedText) -> &'static str {
    use FixedText as T;
    match text {
        T::TooLong => {
            "Questo messaggio è troppo lungo per me. Per favore, non superi {limit} caratteri."
        }
        T::NoText => "Per favore, invii un testo.",
        T::UnreadableFile => {
            "Posso leggere testo, immagini (JPEG, PNG, GIF, WebP) e messaggi vocali, ma nessun altro tipo di file."
        }
        T::ImageNotFetched => {
            "Mi dispiace, non sono riuscito ad aprire la foto. Per favore, la invii di nuovo."
        }
        T::ImageTooLarge => {
            "Mi dispiace, è troppo grande per me. Per favore, invii foto di 5 MB al massimo in tutto."
        }
        T::NoImages => "Mi dispiace, qui non posso guardare foto. Per favore, mi scriva.",
        T::NoVoice => {
            "Mi dispiace, qui non posso ascoltare messaggi vocali. Per favore, mi scriva."
        }
        T::VoiceFormat => {
            "Mi dispiace, non posso ascoltare questo tipo di registrazione. Per favore, mi scriva."
        }
        T::VoiceTooLong => {
            "Mi dispiace, questo messaggio vocale è troppo lungo per me. Resti sotto i 5 minuti."
        }
        T::VoiceSilent => {
            "Mi dispiace, non ho sentito parole nel Suo messaggio vocale. Per favore, mi scriva."
        }
        T::VoiceNotFetched => {
            "Mi dispiace, non sono riuscito ad aprire il messaggio vocale. Per favore, lo invii di nuovo."
        }
        T::Heard => "Ho sentito: \"{words}\"",
        T::SlowDown => "Sono troppi messaggi per me. Riprovi tra {seconds} secondi.",
        T::SlowDownOneSecond => "Sono troppi messaggi per me. Riprovi tra 1 secondo.",
        T::OptedOut => "Non riceverà più messaggi da noi. Risponda START se cambia idea.",
        T::OptedIn => "Riceve di nuovo i nostri messaggi. Risponda STOP per non riceverne più.",
        T::Help => {
            "Questo è un assistente automatico. Risponda RICOMINCIA per ricominciare, CANCELLA I MIEI DATI per cancellare ciò che è stato detto, STOP per non ricevere più messaggi."
        }
        T::Erasing => "I Suoi dati sono in corso di cancellazione. Può richiedere qualche minuto.",
        T::Erased => "I Suoi dati sono stati cancellati.",
        T::Reset => "Fatto: la nostra conversazione è cancellata. Di che cosa vuole parlare?",
        T::Apology => "Mi dispiace, ora non posso rispondere. Riprovi tra qualche minuto.",
        T::NoBudget => "Mi dispiace, oggi non posso ricevere altre domande. Riprovi domani.",
        T::NoMoreToday => "Mi dispiace, per oggi non posso più rispondere. Scriva di nuovo domani.",
        T::TokenLimit => {
            "Mi dispiace, era troppo per una sola risposta. Chieda qualcosa di più breve o più semplice."
        }
        T::Filtered => "Mi dispiace, non posso aiutare in questo.",
        T::HandedOver => {
            "Qui le risponderà una persona. Fino ad allora l'assistente tace. Risponda ASSISTENTE per parlare di nuovo con lui."
        }
        T::AssistantAgain => "Sta parlando di nuovo con l'assistente automatico.",
        T::HandOffNote => "Un contatto ({contact}) aspetta una persona.",
        T::IntakeMenu => {
            "Può scrivere RIEPILOGO, INDIETRO, SALTA, RICOMINCIA o ANNULLA in qualsiasi momento."
        }
        T::IntakeSoFar => "Ecco che cosa ho finora:",
        T::IntakeEmpty => "Non ho ancora niente.",
        T::IntakeConfirm => {
            "Controlli, per favore. Risponda OK se è giusto, o scriva che cosa cambiare."
        }
        T::IntakeChange => "Che cosa devo cambiare?",
        T::IntakeFirst => "Questa è la prima domanda.",
        T::IntakeCancelled => {
            "Annullato: le Sue risposte sono cancellate e niente è stato inviato. Scriva RICOMINCIA per cominciare da capo."
        }
        T::IntakeStopHint => "Scriva STOP per non ricevere più messaggi.",
        T::IntakeRestarted => "Cominciamo da capo.",
        T::IntakeRequired => "{field}: serve, quindi non si può saltare.",
        T::IntakeUnread => "{field}: non sono riuscito a leggerlo.",
        T::IntakeTooLong => "{field}: è troppo lungo per me.",
        T::IntakeEmail => "{field}: indichi un indirizzo e-mail, per esempio ana@example.org.",
        T::IntakePhone => {
            "{field}: indichi un numero di telefono con il prefisso del paese, per esempio +15550142."
        }
        T::IntakeUrl => "{field}: indichi un indirizzo web, per esempio https://example.org.",
        T::IntakeDate => "{field}: indichi una data, per esempio 2026-12-05.",
        T::IntakeChoice => "{field}: scelga una delle voci dell'elenco.",
        T::IntakePart => "{field}: manca una parte.",
        T::IntakeDraft => "Ecco la bozza:",
        T::IntakeSaved => "Salvato: abbiamo le Sue risposte e la bozza.",
        T::IntakePending => "La sto consegnando e Le scriverò quando sarà salvata.",
        T::IntakeNotSaved => {
            "Purtroppo la consegna non è riuscita e niente è salvato. Scriva RICOMINCIA per riprovare."
        }
        T::CallGreeting => "Buongiorno! Come posso aiutarla?",
        T::CallOutboundGreeting => "Buongiorno! Parla un assistente automatico. Ha un momento?",
        T::CallRecorded => "Questa chiamata viene registrata.",
        T::CallFoundAt => "può trovarlo su {place}",
        T::CallOneMoment => "Un momento, per favore.",
        T::CallFailed => "Mi dispiace, qualcosa è andato storto. Può ripetere, per favore?",
        T::CallGivenUp => "Mi dispiace, ora non posso aiutarla. Richiami più tardi. Arrivederci.",
        T::CallStillThere => "È ancora in linea?",
        T::CallGoodbye => "Grazie per la chiamata. Arrivederci.",
        T::CallTimeUp => "Mi dispiace, il tempo per una chiamata è finito. Arrivederci.",
        T::CallNoCapacity => {
            "Mi dispiace, oggi non possiamo ricevere altre chiamate. Richiami domani. Arrivederci."
        }
        T::CallTooOften => {
            "Mi dispiace, ha chiamato troppe volte. Richiami tra un'ora. Arrivederci."
        }
        T::CallNotAvailable => "Mi dispiace, qui nessuno risponde alle chiamate. Arrivederci.",
        T::CallHandingOver => "La metto in contatto con una persona. Resti in linea, per favore.",
        T::CallNobodyReached => {
            "Mi dispiace, non è stato possibile raggiungere nessuno. Richiami più tardi. Arrivederci."
        }
    }
}
