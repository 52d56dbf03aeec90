//! One request whose answer is heard while the model writes it.
//!
//! Here are the limits on waiting, and who hears what. Not here: what is asked, and what is done about
//! an error (`exchange`), and the reading of a stream (`openai::Reading`).

use std::time::Duration;

use super::{Listener, ModelRun};
use crate::{
    base::time::{UnixMillis, millis},
    event::UnexpectedResponse,
    object::within,
    openai::{self, Decoded, OpenAiError, Progress, Reading},
    platform::{BodyStream, Clock, Http, HttpError, HttpRequest, HttpResponse},
};

/// The longest wait for the headers of an answer that is heard, and between its pieces. A person on
/// the phone waits no longer, and a stream that is silent for so long seldom goes on.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);
/// The longest wait for the cost of an answer that is complete.
const WAIT_FOR_COST: Duration = Duration::from_secs(1);

/// What came of one request.
pub(super) struct Answered {
    pub(super) decoded: Decoded,
    pub(super) retry_after: Option<String>,
    /// Whether words of it were passed on.
    pub(super) was_heard: bool,
}

impl Answered {
    /// A response that nobody has heard.
    pub(super) fn of(response: Result<HttpResponse, HttpError>, allows_calls: bool) -> Self {
        let decoded = openai::decode(response.as_ref().map_err(|error| *error), allows_calls);
        Self {
            decoded,
            retry_after: response.ok().and_then(|response| response.retry_after),
            was_heard: false,
        }
    }
}

/// Who hears an answer, and in which time.
pub(super) struct Hearing<'a, P> {
    pub(super) platform: &'a P,
    pub(super) listener: &'a dyn Listener,
    /// When the run began.
    pub(super) started: UnixMillis,
    /// When the time of the turn ends.
    pub(super) ends: UnixMillis,
}

impl<P: Clock + Http> Hearing<'_, P> {
    /// Makes a request, and passes the words of its answer on as they come. The first words must come
    /// within `share`, and the last within the time of the turn.
    pub(super) async fn ask(
        &self,
        request: &HttpRequest,
        share: Duration,
        allows_calls: bool,
        run: &mut ModelRun,
    ) -> Answered {
        let until = self.platform.now().plus(share);
        let opened = self.platform.open(request, share.min(LONGEST_SILENCE));
        let mut opened = match opened.await {
            Ok(opened) if opened.status == 200 => opened,
            Ok(opened) => {
                let limit = until.since(self.platform.now()).min(LONGEST_SILENCE);
                let whole = within(self.platform, limit, opened.read()).await;
                return Answered::of(whole.unwrap_or(Err(HttpError::Timeout)), allows_calls);
            }
            Err(error) => return Answered::of(Err(error), allows_calls),
        };
        let mut reading = Reading::new(allows_calls);
        let mut ear = Ear::new(self.listener, run.was_heard());
        let error = loop {
            let silence = match reading.progress() {
                Progress::Writing => LONGEST_SILENCE,
                Progress::Complete => WAIT_FOR_COST,
                Progress::Over => break None,
            };
            let until = if ear.heard { self.ends } else { until };
            let left = until.since(self.platform.now());
            let piece = within(self.platform, silence.min(left), opened.body.next()).await;
            match piece.unwrap_or(Err(HttpError::Timeout)) {
                Ok(Some(bytes)) => self.pass_on(&reading.take(&bytes), &mut ear, run),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        // Dropping it ends the request, whatever else the server would send.
        drop(opened);
        let is_complete = reading.progress() != Progress::Writing;
        let (words, mut decoded) = reading.end();
        match error.filter(|_| !is_complete) {
            Some(error) => decoded.result = openai::decode(Err(error), allows_calls).result,
            None => self.pass_on(&words, &mut ear, run),
        }
        let is_cut = matches!(
            decoded.result,
            Err(OpenAiError::Unreadable | OpenAiError::Unexpected(UnexpectedResponse::Streamed))
        );
        if is_cut && !ear.heard {
            // Nothing of it is known, so it may be asked for anew.
            decoded.result = Err(OpenAiError::Connection);
        }
        Answered {
            decoded,
            retry_after: None,
            was_heard: ear.heard,
        }
    }

    /// Says words that are no part of a reply.
    pub(super) fn say(&self, words: &str, run: &mut ModelRun) {
        let mut ear = Ear::new(self.listener, run.was_heard());
        self.pass_on(words, &mut ear, run);
    }

    fn pass_on(&self, words: &str, ear: &mut Ear<'_>, run: &mut ModelRun) {
        if words.is_empty() {
            return;
        }
        ear.hear(words);
        let now = self.platform.now();
        let since_start = || millis(now.since(self.started));
        run.first_words_ms.get_or_insert_with(since_start);
    }
}

/// Who hears the words of one reply.
struct Ear<'a> {
    listener: &'a dyn Listener,
    /// Whether words of an earlier reply were heard, before a round of tools.
    is_later: bool,
    /// Whether words were heard.
    heard: bool,
}

impl<'a> Ear<'a> {
    fn new(listener: &'a dyn Listener, is_later: bool) -> Self {
        Self {
            listener,
            is_later,
            heard: false,
        }
    }

    fn hear(&mut self, words: &str) {
        let is_first = !std::mem::replace(&mut self.heard, true);
        if is_first && self.is_later {
            // Two replies do not run into each other.
            self.listener.words(&format!(" {words}"));
        } else {
            self.listener.words(words);
        }
    }
}
