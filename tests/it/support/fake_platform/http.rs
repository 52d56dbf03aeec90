//! HTTP as an object sees it: which fake service a request goes to, and bodies that come in pieces.
//!
//! Not here: the services.

use std::{collections::VecDeque, time::Duration};

use switchboard::platform::{
    BodyStream, Clock, Http, HttpError, HttpOpened, HttpRequest, HttpResponse,
};
use tokio::task::spawn_local;

use super::{CDN, DESK, Piece, TOOLS_ORIGIN, model::AtOnce, object_ports::ObjectPlatform};
use crate::support::response::response;

impl Http for ObjectPlatform {
    type Body = FakeBody;

    async fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let answer = async {
            if request.url.ends_with("/audio/transcriptions") {
                return self.fake.transcription_answer(request).await;
            }
            if request.url.ends_with("/chat/completions") {
                return self.fake.model_answer(request).await;
            }
            if request.url == "https://messaging.twilio.com/v3/Indicators/Typing.json" {
                self.fake
                    .0
                    .typing
                    .borrow_mut()
                    .push((self.fake.now(), request.body.to_text()));
                let scripted = self.fake.0.typing_answers.borrow_mut().pop_front();
                let (status, body) = scripted.ok_or(HttpError::Connection)?;
                return Ok(response(status, body.to_owned()));
            }
            if request.url == DESK {
                return self.fake.desk_answer(request).await;
            }
            if request.url.starts_with("https://studio.twilio.com/") {
                return self.fake.studio_answer(request).await;
            }
            if request.url == "https://api.segment.io/v1/batch" {
                return self.fake.segment_answer(request).await;
            }
            if request.url.starts_with("https://intelligence.twilio.com/") {
                return self.fake.intelligence_answer(request).await;
            }
            if request.url.starts_with(TOOLS_ORIGIN) {
                return self.fake.tool_answer(request).await;
            }
            if request.url == CDN || request.url.contains("/Media/") {
                return self.fake.media_answer(request).await;
            }
            assert!(
                request.url.starts_with("https://api.twilio.com/"),
                "{}",
                request.url
            );
            // Twilio continues even if nobody waits for its answer any more.
            let (give, take) = tokio::sync::oneshot::channel();
            let (fake, request) = (self.fake.clone(), request.clone());
            spawn_local(async move {
                let _ = give.send(fake.twilio_answer(&request).await);
            });
            take.await.unwrap()
        };
        tokio::time::timeout(timeout, answer)
            .await
            .unwrap_or(Err(HttpError::Timeout))
    }

    async fn open(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpOpened<FakeBody>, HttpError> {
        if !request.url.ends_with("/chat/completions") {
            return Ok(FakeBody::whole(self.send(request, timeout).await?));
        }
        tokio::time::timeout(timeout, self.fake.model_stream(request))
            .await
            .unwrap_or(Err(HttpError::Timeout))
    }
}

/// A body that comes step by step, in virtual time.
pub struct FakeBody {
    steps: VecDeque<Piece>,
    /// The bytes that may still come.
    left: usize,
    /// Counts the request as long as its body is not dropped.
    _at_once: Option<AtOnce>,
}

impl FakeBody {
    /// The answer whose body comes in one piece.
    pub(super) fn whole(response: HttpResponse) -> HttpOpened<Self> {
        let body = vec![Piece::Bytes(response.body.clone())];
        let opened = Self::stream(body, response.body.len(), None);
        HttpOpened {
            status: response.status,
            content_type: None,
            retry_after: response.retry_after,
            location: response.location,
            ..opened
        }
    }

    /// A stream of these steps.
    pub(super) fn stream(
        steps: Vec<Piece>,
        limit: usize,
        at_once: Option<AtOnce>,
    ) -> HttpOpened<Self> {
        HttpOpened {
            status: 200,
            content_type: Some("text/event-stream".to_owned()),
            retry_after: None,
            location: None,
            body: Self {
                steps: steps.into(),
                left: limit,
                _at_once: at_once,
            },
        }
    }
}

impl BodyStream for FakeBody {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        loop {
            match self.steps.pop_front() {
                None => return Ok(None),
                Some(Piece::Silence(milliseconds)) => {
                    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                }
                Some(Piece::Break) => return Err(HttpError::Unreadable),
                Some(Piece::Bytes(bytes)) => {
                    let left = self.left.checked_sub(bytes.len());
                    self.left = left.ok_or(HttpError::TooLarge)?;
                    return Ok(Some(bytes));
                }
            }
        }
    }
}
