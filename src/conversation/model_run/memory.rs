//! What an isolate remembers of the endpoints: which failed, and what they do not take.
//!
//! It lives as long as the isolate and is shared by all its objects. Losing it costs a few
//! requests, so it is stored nowhere. Not here: where it is kept (`runtime`), and the requests
//! (`model_run`).

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    base::time::UnixMillis,
    config::{Endpoint, Endpoints, Fields},
};

/// How long an endpoint that failed is asked last.
const ASKED_LAST_FOR: Duration = Duration::from_mins(1);

/// The memory of the endpoints.
#[derive(Debug, Default)]
pub struct EndpointMemory(BTreeMap<String, Remembered>);

/// The port to the memory of this isolate.
pub trait RemembersEndpoints {
    /// Looks at the memory, or changes it.
    fn endpoint_memory<R>(&self, look: impl FnOnce(&mut EndpointMemory) -> R) -> R;
}

/// What is remembered of one endpoint.
#[derive(Clone, Copy, Debug, Default)]
struct Remembered {
    /// Fields without which it answered.
    refused: Fields,
    /// When it failed, unless it has answered since.
    failed_at: Option<UnixMillis>,
    /// Whether it said that its model takes no images.
    takes_no_images: bool,
}

impl EndpointMemory {
    /// The order in which endpoints are asked, by their numbers: as they are listed, but those that
    /// failed a short time ago come last, and so do those that cannot see the images.
    #[must_use]
    pub fn order(
        &self,
        endpoints: &Endpoints,
        with_images: bool,
        now: UnixMillis,
    ) -> VecDeque<usize> {
        let mut order: Vec<usize> = (0..endpoints.count()).collect();
        let is_last = |number: &usize| {
            let of = self.look_up(endpoints.get(*number));
            // A time in the future comes from a clock that was wrong: it counts as now.
            let failed = of
                .failed_at
                .is_some_and(|at| now.since(at) < ASKED_LAST_FOR);
            (with_images && of.takes_no_images, failed)
        };
        order.sort_by_key(is_last);
        order.into()
    }

    /// The fields that an endpoint is not sent.
    #[must_use]
    pub fn refused(&self, endpoint: &Endpoint) -> Fields {
        self.look_up(endpoint).refused
    }

    /// An endpoint has answered, when these fields were left out because of what it said.
    pub fn answered(&mut self, endpoint: &Endpoint, refused: Fields) {
        let of = self.of(endpoint);
        of.failed_at = None;
        of.refused = of.refused.and(refused);
    }

    /// An endpoint has failed.
    pub fn failed(&mut self, endpoint: &Endpoint, now: UnixMillis) {
        self.of(endpoint).failed_at = Some(now);
    }

    /// The model of an endpoint takes no images.
    pub fn takes_no_images(&mut self, endpoint: &Endpoint) {
        self.of(endpoint).takes_no_images = true;
    }

    fn look_up(&self, endpoint: &Endpoint) -> Remembered {
        self.0.get(&key(endpoint)).copied().unwrap_or_default()
    }

    fn of(&mut self, endpoint: &Endpoint) -> &mut Remembered {
        self.0.entry(key(endpoint)).or_default()
    }
}

/// The same endpoint with another model is another one. Assistants share what is remembered of
/// theirs.
fn key(endpoint: &Endpoint) -> String {
    endpoint.base_url.join(&format!(" {}", endpoint.model))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{secret::Secret, url::BaseUrl},
        config::Field,
    };

    const NOW: UnixMillis = UnixMillis(1_000_000);

    fn endpoint(model: usize) -> Endpoint {
        Endpoint {
            base_url: BaseUrl::parse("https://api.openai.com/v1").unwrap(),
            model: format!("model-{model}"),
            key: Secret::new("sk-test".to_owned()),
            reasoning_effort: None,
            omitted: Fields::default(),
            headers: Vec::new(),
        }
    }

    fn endpoints(count: usize) -> Endpoints {
        Endpoints::new(endpoint(0), (1..count).map(endpoint).collect())
    }

    #[test]
    fn an_endpoint_that_failed_is_asked_last_for_a_minute_or_until_it_answers() {
        let mut memory = EndpointMemory::default();
        let three = endpoints(3);
        assert_eq!(memory.order(&three, false, NOW), [0, 1, 2]);
        memory.failed(&endpoint(0), NOW);
        assert_eq!(memory.order(&three, false, NOW), [1, 2, 0]);
        let later = NOW.plus(ASKED_LAST_FOR);
        assert_eq!(memory.order(&three, false, later), [0, 1, 2]);
        memory.failed(&endpoint(1), NOW);
        assert_eq!(memory.order(&three, false, NOW), [2, 0, 1]);
        memory.answered(&endpoint(0), Fields::default());
        assert_eq!(memory.order(&three, false, NOW), [0, 2, 1]);
        assert_eq!(memory.order(&endpoints(1), false, NOW), [0]);
    }

    #[test]
    fn an_endpoint_without_eyes_comes_last_for_images_only() {
        let mut memory = EndpointMemory::default();
        memory.takes_no_images(&endpoint(0));
        memory.failed(&endpoint(1), NOW);
        assert_eq!(memory.order(&endpoints(2), true, NOW), [1, 0]);
        assert_eq!(memory.order(&endpoints(2), false, NOW), [0, 1]);
    }

    #[test]
    fn the_fields_that_an_endpoint_refused_add_up() {
        let mut memory = EndpointMemory::default();
        memory.answered(&endpoint(1), Field::Stream.into());
        memory.answered(&endpoint(1), Field::MaxTokens.into());
        memory.answered(&endpoint(1), Fields::default());
        let both: Fields = [Field::Stream, Field::MaxTokens].into_iter().collect();
        assert_eq!(memory.refused(&endpoint(1)), both);
        assert_eq!(memory.refused(&endpoint(0)), Fields::default());
        assert_eq!(memory.refused(&endpoint(7)), Fields::default());
    }
}
