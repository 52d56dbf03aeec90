//! The webhook of transcripts: it is told once that one is there, and not again if nobody listens.

use std::sync::Arc;

use crate::base::console::print_line;
use crate::phones::outgoing::Outgoing;
use crate::twilio::intelligence::Notice;
use crate::webhook::client::ANSWER_TIMEOUT;

/// Tells the webhook, when it is time. A failure is printed unless it is `quiet`.
pub async fn tell(outgoing: Arc<Outgoing>, notice: Notice, quiet: bool) {
    tokio::time::sleep(notice.after).await;
    let posted = tokio::task::spawn_blocking(move || {
        let webhook = outgoing.client.json_webhook(&notice.url, &notice.body);
        let webhook = webhook.map_err(|error| error.to_string())?;
        match outgoing.client.post(&webhook, ANSWER_TIMEOUT) {
            Ok(answer) if answer.status < 400 => Ok(()),
            Ok(answer) => Err(format!("the Worker answered {}", answer.status)),
            Err(reason) => Err(format!("no answer: {reason:?}")),
        }
    });
    if let (Ok(Err(reason)), false) = (posted.await, quiet) {
        print_line(&format!("the webhook of a transcript is lost: {reason}"));
    }
}
