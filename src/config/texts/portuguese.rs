//! The fixed texts in Portuguese. It needs UCS-2, because GSM-7 has no ã, ç, á.

use super::FixedText;

#[allow(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn text(text: FixedText) -> &'static str {
    use FixedText as T;
    match text {
        T::TooLong => "Essa mensagem é longa demais. Por favor, use no máximo {limit} caracteres.",
        T::NoText => "Por favor, envie um texto.",
        T::UnreadableFile => {
            "Consigo ler texto, imagens (JPEG, PNG, GIF, WebP) e mensagens de voz, mas nenhum outro tipo de arquivo."
        }
        T::ImageNotFetched => "Desculpe, não consegui abrir sua imagem. Por favor, envie de novo.",
        T::ImageTooLarge => {
            "Desculpe, é grande demais para mim. Por favor, envie imagens de no máximo 5 MB no total."
        }
        T::NoImages => {
            "Desculpe, não consigo ver imagens por aqui. Por favor, escreva uma mensagem."
        }
        T::NoVoice => {
            "Não consigo ouvir mensagens de voz por aqui. Por favor, escreva uma mensagem."
        }
        T::VoiceFormat => {
            "Desculpe, não consigo ouvir esse tipo de gravação. Por favor, escreva uma mensagem."
        }
        T::VoiceTooLong => {
            "Desculpe, essa mensagem de voz é longa demais. Por favor, fique abaixo de 5 minutos."
        }
        T::VoiceSilent => {
            "Desculpe, não ouvi nenhuma palavra na sua mensagem de voz. Por favor, escreva uma mensagem."
        }
        T::VoiceNotFetched => {
            "Desculpe, não consegui abrir sua mensagem de voz. Por favor, envie de novo."
        }
        T::Heard => "Ouvi: \"{words}\"",
        T::SlowDown => {
            "São mensagens demais de uma vez. Por favor, tente de novo em {seconds} segundos."
        }
        T::SlowDownOneSecond => {
            "São mensagens demais de uma vez. Por favor, tente de novo em 1 segundo."
        }
        T::OptedOut => "Você não receberá mais mensagens nossas. Responda START se mudar de ideia.",
        T::OptedIn => "Você voltou a receber mensagens. Responda STOP para não receber mais.",
        T::Help => {
            "Este é um assistente automático. Responda REINICIAR para recomeçar, APAGAR MEUS DADOS para apagar o que foi dito, STOP para não receber mais mensagens."
        }
        T::Erasing => "Seus dados estão sendo apagados. Isso pode levar alguns minutos.",
        T::Erased => "Seus dados foram apagados.",
        T::Reset => "Pronto: nossa conversa foi apagada. Sobre o que quer falar?",
        T::Apology => {
            "Desculpe, não posso responder agora. Por favor, tente de novo em alguns minutos."
        }
        T::NoBudget => {
            "Desculpe, não posso receber mais perguntas hoje. Por favor, tente de novo amanhã."
        }
        T::NoMoreToday => {
            "Desculpe, por hoje não posso responder mais. Por favor, escreva de novo amanhã."
        }
        T::TokenLimit => {
            "Desculpe, foi demais para uma só resposta. Por favor, pergunte algo mais curto ou mais simples."
        }
        T::Filtered => "Desculpe, não posso ajudar com isso.",
        T::HandedOver => {
            "Uma pessoa vai responder aqui. Até lá o assistente fica em silêncio. Responda ASSISTENTE para voltar a falar com ele."
        }
        T::AssistantAgain => "Está a falar de novo com o assistente automático.",
        T::HandOffNote => "Um contacto ({contact}) espera por uma pessoa.",
        T::IntakeMenu => {
            "Pode escrever RESUMO, VOLTAR, PULAR, RECOMEÇAR ou ESQUECE a qualquer momento."
        }
        T::IntakeSoFar => "Isto é o que tenho até agora:",
        T::IntakeEmpty => "Ainda não tenho nada.",
        T::IntakeConfirm => {
            "Verifique, por favor. Responda SIM se estiver certo, ou escreva o que mudar."
        }
        T::IntakeChange => "O que devo mudar?",
        T::IntakeFirst => "Esta é a primeira pergunta.",
        T::IntakeCancelled => {
            "Cancelado: as suas respostas foram apagadas e nada foi enviado. Escreva RECOMEÇAR para começar outra vez."
        }
        T::IntakeStopHint => "Escreva STOP para não receber mais mensagens.",
        T::IntakeRestarted => "Vamos começar outra vez.",
        T::IntakeRequired => "{field}: é necessário, por isso não se pode pular.",
        T::IntakeUnread => "{field}: não consegui ler isso.",
        T::IntakeTooLong => "{field}: é longo demais para mim.",
        T::IntakeEmail => "{field}: indique um endereço de e-mail, por exemplo ana@example.org.",
        T::IntakePhone => {
            "{field}: indique um telefone com o código do país, por exemplo +15550142."
        }
        T::IntakeUrl => "{field}: indique um endereço web, por exemplo https://example.org.",
        T::IntakeDate => "{field}: indique uma data, por exemplo 2026-12-05.",
        T::IntakeChoice => "{field}: escolha uma das opções da lista.",
        T::IntakePart => "{field}: falta uma parte.",
        T::IntakeDraft => "Este é o rascunho:",
        T::IntakeSaved => "Salvo: temos as suas respostas e o rascunho.",
        T::IntakePending => "Estou a entregar agora e escrevo quando estiver salvo.",
        T::IntakeNotSaved => {
            "Desculpe, não foi possível entregar e nada está salvo. Escreva RECOMEÇAR para tentar outra vez."
        }
        T::CallGreeting => "Olá! Em que posso ajudar?",
        T::CallOutboundGreeting => "Olá! Fala um assistente automático. Tem um momento?",
        T::CallRecorded => "Esta chamada é gravada.",
        T::CallFoundAt => "pode encontrá-lo em {place}",
        T::CallOneMoment => "Um momento, por favor.",
        T::CallFailed => "Desculpe, algo correu mal. Por favor, diga isso outra vez.",
        T::CallGivenUp => "Desculpe, não posso ajudar agora. Por favor, ligue mais tarde. Adeus.",
        T::CallStillThere => "Ainda está aí?",
        T::CallGoodbye => "Obrigado pela sua chamada. Adeus.",
        T::CallTimeUp => "Desculpe, o tempo de uma chamada terminou. Adeus.",
        T::CallNoCapacity => {
            "Desculpe, hoje não podemos atender mais chamadas. Por favor, ligue amanhã. Adeus."
        }
        T::CallTooOften => {
            "Desculpe, já ligou demasiadas vezes. Por favor, ligue daqui a uma hora. Adeus."
        }
        T::CallNotAvailable => "Desculpe, aqui não se atendem chamadas. Adeus.",
        T::CallHandingOver => "Vou passar a chamada a uma pessoa. Por favor, não desligue.",
        T::CallNobodyReached => {
            "Desculpe, não foi possível contactar ninguém. Por favor, ligue mais tarde. Adeus."
        }
    }
}
