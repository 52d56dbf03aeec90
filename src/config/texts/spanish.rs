//! The fixed texts in Spanish. Only GSM-7 letters: no á, í, ó, ú.

use super::FixedText;

#[allow(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn text(text: FixedText) -> &'static str {
    use FixedText as T;
    match text {
        T::TooLong => "Ese mensaje es demasiado largo. Por favor, no pase de {limit} caracteres.",
        T::NoText => "Por favor, escriba un texto.",
        T::UnreadableFile => {
            "Solo puedo leer texto, fotos (JPEG, PNG, GIF, WebP) y notas de voz, no otros archivos."
        }
        T::ImageNotFetched => {
            "Lo siento, no he podido abrir su foto. Por favor, vuelva a enviarla."
        }
        T::ImageTooLarge => {
            "Lo siento, es demasiado grande. Por favor, mande fotos que no pasen de 5 MB en total."
        }
        T::NoImages => {
            "Lo siento, no puedo ver fotos por este medio. Por favor, escriba un mensaje."
        }
        T::NoVoice => {
            "No puedo escuchar notas de voz por este medio. Por favor, escriba un mensaje."
        }
        T::VoiceFormat => {
            "Lo siento, no puedo escuchar ese tipo de audio. Por favor, escriba un mensaje."
        }
        T::VoiceTooLong => {
            "Lo siento, esa nota de voz es demasiado larga. Por favor, no pase de 5 minutos."
        }
        T::VoiceSilent => {
            "Lo siento, no he entendido palabras en su nota de voz. Por favor, escriba un mensaje."
        }
        T::VoiceNotFetched => {
            "Lo siento, no he podido abrir su nota de voz. Por favor, vuelva a enviarla."
        }
        T::Heard => "He entendido: \"{words}\"",
        T::SlowDown => {
            "No puedo leer tantos mensajes a la vez. Vuelva a intentarlo en {seconds} segundos."
        }
        T::SlowDownOneSecond => {
            "No puedo leer tantos mensajes a la vez. Vuelva a intentarlo en 1 segundo."
        }
        T::OptedOut => "Ya no le enviaremos mensajes. Responda START si cambia de idea.",
        T::OptedIn => "Vuelve a recibir nuestros mensajes. Responda STOP para no recibirlos.",
        T::Help => {
            "Soy un asistente virtual. Responda REINICIAR para empezar de nuevo, BORRAR MIS DATOS para borrar lo que se ha dicho, STOP para no recibir mensajes."
        }
        T::Erasing => "Estamos borrando sus datos. Puede tardar unos minutos.",
        T::Erased => "Sus datos se han borrado.",
        T::Reset => "Listo: hemos empezado de nuevo. ¿De qué quiere hablar?",
        T::Apology => "Lo siento, ahora no puedo responder. Vuelva a intentarlo en unos minutos.",
        T::NoBudget => {
            "Lo siento, hoy no puedo atender otras preguntas. Vuelva a intentarlo mañana."
        }
        T::NoMoreToday => {
            "Lo siento, hoy ya no puedo responder. Por favor, escriba de nuevo mañana."
        }
        T::TokenLimit => {
            "Lo siento, era demasiado para una sola respuesta. Por favor, pregunte algo corto o sencillo."
        }
        T::Filtered => "Lo siento, no puedo ayudar con eso.",
        T::HandedOver => {
            "Le va a responder una persona. Hasta entonces el asistente no responde. Responda ASISTENTE para volver al asistente."
        }
        T::AssistantAgain => "Vuelve a hablar con el asistente.",
        T::HandOffNote => "Un contacto ({contact}) espera a una persona.",
        T::IntakeMenu => {
            "Puede escribir RESUMEN, VOLVER, OMITIR, REINICIAR o ANULAR en cualquier momento."
        }
        T::IntakeSoFar => "Esto es lo que tengo hasta ahora:",
        T::IntakeEmpty => "De momento no tengo nada.",
        T::IntakeConfirm => {
            "Compruebe esto, por favor. Responda VALE si es correcto, o escriba lo que hay que cambiar."
        }
        T::IntakeChange => "¿Qué debo cambiar?",
        T::IntakeFirst => "Esta es la primera pregunta.",
        T::IntakeCancelled => {
            "Cancelado: sus respuestas se han borrado y no se ha enviado nada. Escriba REINICIAR para empezar otra vez."
        }
        T::IntakeStopHint => "Escriba STOP para dejar de recibir mensajes.",
        T::IntakeRestarted => "Empezamos otra vez.",
        T::IntakeRequired => "{field}: hace falta, y no se puede omitir.",
        T::IntakeUnread => "{field}: no he podido leerlo.",
        T::IntakeTooLong => "{field}: es demasiado largo.",
        T::IntakeEmail => "{field}: indique un correo, por ejemplo ana@example.org.",
        T::IntakePhone => {
            "{field}: indique el prefijo internacional y el resto, por ejemplo +15550142."
        }
        T::IntakeUrl => "{field}: indique una web, por ejemplo https://example.org.",
        T::IntakeDate => "{field}: indique una fecha, por ejemplo 2026-12-05.",
        T::IntakeChoice => "{field}: elija una de las opciones de la lista.",
        T::IntakePart => "{field}: falta una parte.",
        T::IntakeDraft => "Este es el borrador:",
        T::IntakeSaved => "Guardado: tenemos sus respuestas y el borrador.",
        T::IntakePending => "Lo estoy entregando y le escribiré cuando esté guardado.",
        T::IntakeNotSaved => {
            "Lo siento, no se ha podido entregar y no hay nada guardado. Escriba REINICIAR para intentarlo otra vez."
        }
        T::CallGreeting => "¡Hola! ¿En qué puedo ayudarle?",
        T::CallOutboundGreeting => "¡Hola! Le habla un asistente automático. ¿Tiene un momento?",
        T::CallRecorded => "Esta llamada se graba.",
        T::CallFoundAt => "puede encontrarlo en {place}",
        T::CallOneMoment => "Un momento, por favor.",
        T::CallFailed => "Lo siento, algo ha fallado. Por favor, repítalo.",
        T::CallGivenUp => "Lo siento, ahora no puedo ayudarle. Por favor, llame más tarde. Adiós.",
        T::CallStillThere => "¿Sigue ahí?",
        T::CallGoodbye => "Gracias por llamar. Adiós.",
        T::CallTimeUp => "Lo siento, se ha acabado el tiempo de una llamada. Adiós.",
        T::CallNoCapacity => {
            "Lo siento, hoy no podemos atender más llamadas. Por favor, llame mañana. Adiós."
        }
        T::CallTooOften => {
            "Lo siento, ha llamado demasiadas veces. Por favor, llame dentro de una hora. Adiós."
        }
        T::CallNotAvailable => "Lo siento, aquí no se atienden llamadas. Adiós.",
        T::CallHandingOver => "Le paso con una persona. Por favor, no cuelgue.",
        T::CallNobodyReached => {
            "Lo siento, no hemos podido localizar a nadie. Por favor, llame más tarde. Adiós."
        }
    }
}
