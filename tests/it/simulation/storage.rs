//! The storage of an object. What was written can be read at once and is durable later; a kill loses the rest.
//!
//! Not here: damage (`damage`), and which faults come (`object_ports`).

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use switchboard::{
    base::time::UnixMillis,
    platform::{Stored, WriteBatch},
};

use super::{
    calls::STATE as CALL_STATE,
    executor::OUTSIDE,
    hand_off::without_hand_off,
    intake::with_intakes_of,
    mutation::Mutation,
    objects::{BUDGET, Kind},
    state::Simulation,
};

/// The keys of a thread.
pub const STATE: &str = "state";
pub const OPTED_OUT: &str = "opted_out";

/// The storage of an object. Writes can be read at once and are durable later. A kill loses the others.
#[derive(Default)]
pub struct Disk {
    pub visible: Rows,
    pub durable: Rows,
    pub writes: VecDeque<Write>,
    pub next: u64,
    /// How often the alarm was set.
    pub alarms: u64,
}

#[derive(Clone, Default)]
pub struct Rows {
    pub values: BTreeMap<String, Stored>,
    pub alarm: Option<UnixMillis>,
}

pub struct Write {
    pub number: u64,
    pub at: u64,
    pub due: u64,
    pub batch: WriteBatch,
}

impl Rows {
    /// The text under a key, if it is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key) {
            Some(Stored::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub fn apply(&mut self, batch: &WriteBatch) {
        if batch.clear {
            *self = Self::default();
        }
        self.values.extend(
            batch
                .puts
                .iter()
                .map(|(key, value)| (key.clone(), Stored::Text(value.clone()))),
        );
        batch
            .deletes
            .iter()
            .for_each(|key| drop(self.values.remove(key)));
        self.alarm = batch.alarm.or(self.alarm);
    }
}

impl Simulation {
    pub fn write(self: &Rc<Self>, name: &str, mut batch: WriteBatch) -> (u64, u64) {
        let slow = self.fault(self.fault_plan.storage_slow, "slow commits");
        let takes = if slow {
            self.random.between(50, 400)
        } else {
            self.random.below(12)
        };
        let (now, kind) = (self.executor.now(), self.kind(name));
        if batch
            .puts
            .iter()
            .any(|(key, _)| key.starts_with("answers/"))
        {
            self.count("rows of answers written");
        }
        if !batch.deletes.is_empty() {
            self.count("rows of answers deleted");
        }
        let (number, due, alarm) = {
            let mut objects = self.objects.borrow_mut();
            let disk = &mut objects.entry(name.to_owned()).or_default().disk;
            if self.is(Mutation::AlarmNotRearmed) && disk.alarms > 0 {
                batch.alarm = None;
            }
            if self.is(Mutation::OptOutLost) && batch.deletes.iter().any(|key| key == STATE) {
                batch.deletes.push(OPTED_OUT.to_owned());
            }
            let before = disk.visible.text(STATE).unwrap_or_default().to_owned();
            for (_, state) in batch.puts.iter_mut().filter(|(key, _)| key == STATE) {
                self.mutate_state(&before, state);
            }
            let before = disk.visible.text(CALL_STATE).unwrap_or_default().to_owned();
            for (_, state) in batch.puts.iter_mut().filter(|(key, _)| key == CALL_STATE) {
                self.mutate_call_state(&before, state);
            }
            if self.is(Mutation::CallKept) && kind == Kind::Call {
                batch.clear = false;
            }
            disk.visible.apply(&batch);
            if batch.clear || batch.alarm.is_some() {
                disk.alarms += 1;
            }
            disk.next += 1;
            let due = disk
                .writes
                .back()
                .map_or(0, |write| write.due)
                .max(now + takes);
            let (number, alarm) = (disk.next, batch.alarm);
            disk.writes.push_back(Write {
                number,
                at: now,
                due,
                batch,
            });
            (number, due, alarm)
        };
        if let Some(at) = alarm {
            self.arm(name, at);
        }
        let (sim, name) = (Rc::clone(self), name.to_owned());
        self.executor.spawn(OUTSIDE, async move {
            sim.sleep(due - now).await;
            loop {
                let write = {
                    let mut objects = sim.objects.borrow_mut();
                    let Some(object) = objects.get_mut(&name) else {
                        return;
                    };
                    if object
                        .disk
                        .writes
                        .front()
                        .is_none_or(|write| write.number > number)
                    {
                        return;
                    }
                    let Some(write) = object.disk.writes.pop_front() else {
                        return;
                    };
                    object.disk.durable.apply(&write.batch);
                    write
                };
                sim.became_durable(&name, &write);
            }
        });
        (number, due)
    }

    /// A mutation of what is stored.
    fn mutate_state(&self, before: &str, state: &mut String) {
        if self.is(Mutation::IntakeKept) {
            *state = with_intakes_of(before, state);
        }
        if self.is(Mutation::HandOffByModelLost) && state.contains("\"by\":\"assistant\"") {
            *state = without_hand_off(state);
        }
    }

    pub fn became_durable(&self, name: &str, write: &Write) {
        if self.kind(name) == Kind::Call {
            self.call_stored(name, &write.batch);
        } else if name != BUDGET {
            self.invariants
                .borrow_mut()
                .stored(name, &write.batch, write.at);
        }
    }

    /// Returns once all writes up to now are durable.
    pub async fn durable(&self, name: &str) {
        if self.is(Mutation::CommitNotAwaited) {
            return;
        }
        loop {
            let due = self
                .objects
                .borrow()
                .get(name)
                .and_then(|object| object.disk.writes.back().map(|write| write.due));
            let Some(due) = due else { return };
            self.sleep(due.saturating_sub(self.executor.now()).max(1))
                .await;
        }
    }
}
