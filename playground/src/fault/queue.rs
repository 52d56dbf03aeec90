//! The faults that the control route has ordered, until they are used up.

use std::sync::{Mutex, MutexGuard};

use super::kinds::Service;
use super::order::Fault;
use crate::base::shared::lock;

/// The faults that are not used up, oldest first.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Adds a fault at the end.
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// All faults.
    pub fn list(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Takes the oldest fault that matches a request to `service`. `contains` says whether a text
    /// occurs in the request.
    pub fn take(&self, service: Service, contains: impl Fn(&str) -> bool) -> Option<Fault> {
        let mut faults = self.lock();
        let position = faults.iter().position(|fault| {
            fault.service == service && fault.contains.as_deref().is_none_or(&contains)
        })?;
        let fault = faults.get_mut(position)?;
        fault.times = fault.times.saturating_sub(1);
        let taken = fault.clone();
        if taken.times == 0 {
            faults.remove(position);
        }
        Some(taken)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        lock(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_taken_as_often_as_ordered_and_only_for_matching_requests() {
        let faults = Faults::default();
        let order = |json: &str| faults.add(Fault::from_json(json.as_bytes()).unwrap());
        order(r#"{"service":"openai","status":503,"times":2}"#);
        order(r#"{"service":"twilio","status":500,"contains":"needle"}"#);
        assert!(faults.take(Service::Twilio, |_| false).is_none());
        assert!(
            faults
                .take(Service::Twilio, |text| text == "needle")
                .is_some()
        );
        assert!(faults.take(Service::Openai, |_| false).is_some());
        assert_eq!(faults.list().len(), 1);
        assert!(faults.take(Service::Openai, |_| false).is_some());
        assert!(faults.take(Service::Openai, |_| false).is_none());
        assert!(faults.list().is_empty());
    }
}
