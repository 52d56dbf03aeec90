//! The fixed texts in French. Only GSM-7 letters: no ç, ê, ô.

use super::FixedText;

#[allow(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn text(text: FixedText) -> &'static str {
    use FixedText as T;
    match text {
        T::TooLong => {
            "Ce message est trop long pour moi. Merci de ne pas dépasser {limit} caractères."
        }
        T::NoText => "Merci d'envoyer du texte.",
        T::UnreadableFile => {
            "Je peux lire du texte, des images (JPEG, PNG, GIF, WebP) et des messages vocaux, mais aucun autre type de fichier."
        }
        T::ImageNotFetched => "Désolé, je n'ai pas pu ouvrir votre image. Merci de la renvoyer.",
        T::ImageTooLarge => {
            "Désolé, c'est trop lourd pour moi. Merci d'envoyer des images de 5 Mo au plus en tout."
        }
        T::NoImages => "Désolé, je ne peux pas regarder d'images ici. Merci de m'écrire.",
        T::NoVoice => "Je ne peux pas écouter de messages vocaux ici. Merci de m'écrire.",
        T::VoiceFormat => {
            "Désolé, je ne peux pas écouter ce type d'enregistrement. Merci de m'écrire."
        }
        T::VoiceTooLong => {
            "Désolé, ce message vocal est trop long pour moi. Merci de rester sous 5 minutes."
        }
        T::VoiceSilent => {
            "Désolé, je n'ai entendu aucun mot dans votre message vocal. Merci de m'écrire."
        }
        T::VoiceNotFetched => {
            "Désolé, je n'ai pas pu ouvrir votre message vocal. Merci de le renvoyer."
        }
        T::Heard => "J'ai entendu : \"{words}\"",
        T::SlowDown => {
            "Cela fait trop de messages pour moi. Merci de réessayer dans {seconds} secondes."
        }
        T::SlowDownOneSecond => {
            "Cela fait trop de messages pour moi. Merci de réessayer dans 1 seconde."
        }
        T::OptedOut => {
            "Vous ne recevrez plus de messages de notre part. Répondez START si vous changez d'avis."
        }
        T::OptedIn => {
            "Vous recevez de nouveau nos messages. Répondez STOP pour ne plus en recevoir."
        }
        T::Help => {
            "Ceci est un assistant automatique. Répondez RECOMMENCER pour repartir de zéro, EFFACER MES DONNÉES pour effacer ce qui a été dit, STOP pour ne plus recevoir de messages."
        }
        T::Erasing => "Vos données sont en cours d'effacement. Cela peut prendre quelques minutes.",
        T::Erased => "Vos données sont effacées.",
        T::Reset => "C'est fait : notre conversation est effacée. De quoi voulez-vous parler ?",
        T::Apology => {
            "Désolé, je ne peux pas répondre pour le moment. Merci de réessayer dans quelques minutes."
        }
        T::NoBudget => {
            "Désolé, je ne peux plus prendre de questions aujourd'hui. Merci de réessayer demain."
        }
        T::NoMoreToday => {
            "Désolé, je ne peux plus répondre aujourd'hui. Merci d'écrire à nouveau demain."
        }
        T::TokenLimit => {
            "Désolé, c'était trop pour une seule réponse. Merci de poser une question plus courte ou plus simple."
        }
        T::Filtered => "Désolé, je ne peux pas vous aider sur ce point.",
        T::HandedOver => {
            "Une personne va vous répondre ici. D'ici là, l'assistant se tait. Répondez ASSISTANT pour lui parler à nouveau."
        }
        T::AssistantAgain => "Vous parlez à nouveau à l'assistant automatique.",
        T::HandOffNote => "Un contact ({contact}) attend une personne.",
        T::IntakeMenu => {
            "Vous pouvez écrire RÉSUMÉ, RETOUR, PASSER, RECOMMENCER ou ANNULER à tout moment."
        }
        T::IntakeSoFar => "Voici ce que j'ai jusqu'ici :",
        T::IntakeEmpty => "Je n'ai encore rien.",
        T::IntakeConfirm => {
            "Merci de vérifier. Répondez OUI si c'est juste, ou écrivez ce qu'il faut changer."
        }
        T::IntakeChange => "Que dois-je changer ?",
        T::IntakeFirst => "C'est la première question.",
        T::IntakeCancelled => {
            "Annulé : vos réponses sont supprimées et rien n'a été envoyé. Écrivez RECOMMENCER pour reprendre du début."
        }
        T::IntakeStopHint => "Écrivez STOP pour ne plus recevoir de messages.",
        T::IntakeRestarted => "Nous reprenons du début.",
        T::IntakeRequired => "{field} : cette réponse est nécessaire, on ne peut pas la passer.",
        T::IntakeUnread => "{field} : je n'ai pas pu lire cela.",
        T::IntakeTooLong => "{field} : c'est trop long pour moi.",
        T::IntakeEmail => "{field} : indiquez une adresse e-mail, par exemple ana@example.org.",
        T::IntakePhone => {
            "{field} : indiquez un numéro de téléphone avec l'indicatif du pays, par exemple +15550142."
        }
        T::IntakeUrl => "{field} : indiquez une adresse web, par exemple https://example.org.",
        T::IntakeDate => "{field} : indiquez une date, par exemple 2026-12-05.",
        T::IntakeChoice => "{field} : choisissez l'une des réponses de la liste.",
        T::IntakePart => "{field} : il manque une partie.",
        T::IntakeDraft => "Voici le projet de texte :",
        T::IntakeSaved => "Enregistré : nous avons vos réponses et le texte.",
        T::IntakePending => "Je le transmets maintenant et vous écrirai quand ce sera enregistré.",
        T::IntakeNotSaved => {
            "Désolé, la transmission a échoué et rien n'est enregistré. Écrivez RECOMMENCER pour réessayer."
        }
        T::CallGreeting => "Bonjour ! Comment puis-je vous aider ?",
        T::CallOutboundGreeting => "Bonjour ! Ici un assistant automatique. Avez-vous un instant ?",
        T::CallRecorded => "Cet appel est enregistré.",
        T::CallFoundAt => "vous le trouverez sur {place}",
        T::CallOneMoment => "Un instant, s'il vous plaît.",
        T::CallFailed => {
            "Désolé, une erreur s'est produite. Pouvez-vous répéter, s'il vous plaît ?"
        }
        T::CallGivenUp => {
            "Désolé, je ne peux pas vous aider pour le moment. Merci de rappeler plus tard. Au revoir."
        }
        T::CallStillThere => "Êtes-vous toujours là ?",
        T::CallGoodbye => "Merci de votre appel. Au revoir.",
        T::CallTimeUp => "Désolé, nous avons atteint la durée maximale d'un appel. Au revoir.",
        T::CallNoCapacity => {
            "Désolé, nous ne pouvons plus prendre d'appels aujourd'hui. Merci de rappeler demain. Au revoir."
        }
        T::CallTooOften => {
            "Désolé, vous avez appelé trop souvent. Merci de rappeler dans une heure. Au revoir."
        }
        T::CallNotAvailable => "Désolé, personne ne répond aux appels ici. Au revoir.",
        T::CallHandingOver => "Je vous mets en relation avec une personne. Ne quittez pas.",
        T::CallNobodyReached => {
            "Désolé, personne n'a pu être joint. Merci de rappeler plus tard. Au revoir."
        }
    }
}
