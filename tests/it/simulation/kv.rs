//! The fake KV: slow, stale, failing, and writes that come late.
//!
//! Not here: what must hold of a value (`invariants::conversation`).

use switchboard::platform::PlatformError;

use super::state::Simulation;

pub struct KvEntry {
    pub value: String,
    pub written: u64,
    pub expires_at: u64,
}

impl Simulation {
    pub async fn kv_put(&self, key: String, value: String, ttl: u64) -> Result<(), PlatformError> {
        self.sleep(if self.fault(self.fault_plan.kv_slow, "slow KV") {
            self.random.between(100, 12_000)
        } else {
            self.random.between(5, 60)
        })
        .await;
        if self.fault(self.fault_plan.kv_hangs, "KV that hangs") {
            self.hang(300_000).await;
        }
        let fails = self.fault(self.fault_plan.kv_write_fails, "KV writes that failed");
        if !fails || self.random.chance(300) {
            let now = self.executor.now();
            let expires_at = now + ttl * 1000;
            self.trace(|| {
                format!(
                    "KV stores {key:.25}…/{}",
                    key.rsplit('/').next().unwrap_or_default()
                )
            });
            let mut kv = self.kv.borrow_mut();
            kv.insert(
                key,
                KvEntry {
                    value,
                    written: now,
                    expires_at,
                },
            );
        }
        if fails {
            Err(PlatformError::new("429 too many requests"))
        } else {
            Ok(())
        }
    }

    pub async fn kv_get(&self, name: &str, key: &str) -> Result<Option<String>, PlatformError> {
        self.count("KV reads");
        self.sleep(if self.fault(self.fault_plan.kv_slow, "slow KV") {
            self.random.between(100, 12_000)
        } else {
            self.random.between(2, 40)
        })
        .await;
        if self.fault(self.fault_plan.kv_hangs, "KV that hangs") {
            self.hang(300_000).await;
        }
        if self.fault(self.fault_plan.kv_read_fails, "KV reads that failed") {
            self.invariants.borrow_mut().kv_read_failed(name);
            return Err(PlatformError::new("kv is down"));
        }
        let now = self.executor.now();
        let expired = self
            .kv
            .borrow()
            .get(key)
            .is_some_and(|entry| entry.expires_at <= now);
        if expired {
            self.count("revisions that expired before the next was saved");
            self.invariants.borrow_mut().kv_read_failed(name);
        }
        let (value, fresh) = match self.kv.borrow().get(key) {
            Some(entry) if now < entry.expires_at => {
                (Some(entry.value.clone()), now < entry.written + 60_000)
            }
            _ => (None, false),
        };
        if fresh && self.fault(self.fault_plan.kv_stale, "stale KV reads") {
            // Keys are written only once, so a stale read can only miss the value.
            self.invariants.borrow_mut().kv_read_failed(name);
            return Ok(None);
        }
        Ok(value)
    }

    /// The answer to this message said that the contact's data is erased.
    pub fn told_erased(&self, sid: &str) {
        let mut invariants = self.invariants.borrow_mut();
        let Some((name, erased_at)) = invariants.erasure(sid) else {
            return;
        };
        let prefix = format!("conversation/{name}/");
        let (kv, now) = (self.kv.borrow(), self.executor.now());
        // A late write of a vanished object may come after the deletion.
        let before = kv.iter().filter(|(key, entry)| {
            key.starts_with(&prefix) && entry.written < erased_at && now < entry.expires_at
        });
        let values: Vec<String> = before.map(|(_, entry)| entry.value.clone()).collect();
        invariants.told_erased(&name, &values);
    }
}
