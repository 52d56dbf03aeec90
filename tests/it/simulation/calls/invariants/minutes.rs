//! Minutes and shares: none without a grant, none settled twice, and none over a cap.
//!
//! Not here: the cap of the day's requests, which messages share (`invariants::caps`).

use crate::simulation::state::Simulation;

impl Simulation {
    /// The budget object has counted one minute more.
    pub(in crate::simulation::calls) fn minutes_are_within_the_cap(&self, counted: i64) {
        let days = if self.fault_plan.clock_jumps.is_empty() {
            1
        } else {
            self.openings()
        };
        let cap = i64::try_from(self.calls.plan.minutes * days).unwrap();
        self.check(counted <= cap, || {
            format!("{counted} minutes of calls were granted, over the cap of {cap}")
        });
    }

    pub(in crate::simulation::calls) fn told_minutes_are_granted(&self, name: &str) {
        let minutes = self
            .calls
            .with(name, |call| (call.minutes_told, call.minutes_granted));
        let (told, granted) = minutes.unwrap_or_default();
        self.check(told <= granted, || {
            format!("{name:.6} was told of {told} minutes, and {granted} were granted")
        });
    }

    /// What was granted is used or given back, and not both.
    pub(in crate::simulation::calls) fn minutes_are_settled_once(&self, name: &str) {
        let minutes = self.calls.with(name, |call| {
            let settled = call.minutes_used + call.minutes_given_back;
            (settled, call.minutes_granted, call.is_damaged)
        });
        let (settled, granted, is_damaged) = minutes.unwrap_or_default();
        self.check(settled <= granted || is_damaged, || {
            format!("{name:.6} has settled {settled} minutes, and {granted} were granted")
        });
    }

    /// At the end each minute is settled, where nothing can have been lost.
    pub(in crate::simulation::calls) fn every_minute_is_settled(&self, name: &str) {
        let plan = &self.fault_plan;
        let is_certain = plan.budget_hangs + plan.budget_unreachable + plan.storage_fails == 0
            && plan.object_unreachable + plan.hop_slow == 0
            && self.kills.get() == 0;
        let minutes = self.calls.with(name, |call| {
            let settled = call.minutes_used + call.minutes_given_back;
            let certain = is_certain && !call.is_damaged && !call.was_cancelled;
            (settled, call.minutes_granted, certain)
        });
        let (settled, granted, is_certain) = minutes.unwrap_or_default();
        if is_certain {
            self.count("calls whose minutes were all settled");
        }
        self.check(settled == granted || !is_certain, || {
            format!("{name:.6} has settled {settled} minutes of {granted}")
        });
    }

    /// A caller's object has granted a call, or a request.
    pub(in crate::simulation::calls) fn caller_is_within_its_share(
        &self,
        calls: u64,
        requests: u64,
        is_damaged: bool,
    ) {
        let (most, days) = (self.calls.plan.calls_an_hour, self.openings());
        let is_forward = self.fault_plan.clock_jumps.is_empty();
        self.check(calls <= most || !is_forward || is_damaged, || {
            format!("{calls} calls of one caller within an hour, over the limit of {most}")
        });
        let most = self.fault_plan.contact_cap * days;
        self.check(requests <= most || is_damaged, || {
            format!("{requests} requests of one caller, over its cap of {most}")
        });
    }
}
