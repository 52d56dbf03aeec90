//! The storage of one object. It outlives the object.
//!
//! Not here: the alarm's ringing (`objects`).

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use switchboard::{
    base::time::UnixMillis,
    platform::{PlatformError, Storage, Stored, WriteBatch},
};

/// The storage of one object. It outlives the object.
#[derive(Clone, Default)]
pub struct Disk(pub(super) Rc<DiskInner>);

#[derive(Default)]
pub(super) struct DiskInner {
    pub(super) values: RefCell<BTreeMap<String, Stored>>,
    pub(super) alarm: Cell<Option<UnixMillis>>,
    pub(super) fails: Cell<bool>,
    /// How many of the next commits fail.
    pub(super) commits_fail: Cell<usize>,
    pub(super) takes: Cell<Duration>,
    pub(super) commits: Cell<usize>,
    pub(super) rows: Cell<usize>,
}

impl Disk {
    /// The text under a key.
    pub fn text(&self, key: &str) -> Option<String> {
        let values = self.0.values.borrow();
        values.get(key).cloned().and_then(Stored::text)
    }

    /// Replaces a value.
    pub fn set(&self, key: &str, value: Stored) {
        self.0.values.borrow_mut().insert(key.to_owned(), value);
    }

    /// Whether it fails from now on.
    pub fn fails(&self, fails: bool) {
        self.0.fails.set(fails);
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.0.values.borrow().is_empty()
    }
}

impl Storage for Disk {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        tokio::task::yield_now().await;
        if self.0.fails.get() {
            Err(PlatformError::new("storage is down"))
        } else {
            Ok(self.0.values.borrow().get(key).cloned())
        }
    }

    async fn commit(&self, batch: WriteBatch) -> Result<(), PlatformError> {
        let fails_once = self.0.commits_fail.get() > 0;
        self.0
            .commits_fail
            .set(self.0.commits_fail.get().saturating_sub(1));
        if self.0.fails.get() || fails_once {
            return Err(PlatformError::new("storage is down"));
        }
        self.0.commits.set(self.0.commits.get() + 1);
        let alarms = usize::from(batch.alarm.is_some());
        self.0
            .rows
            .set(self.0.rows.get() + batch.puts.len() + batch.deletes.len() + alarms);
        {
            let mut values = self.0.values.borrow_mut();
            if batch.clear {
                values.clear();
                self.0.alarm.set(None);
            }
            values.extend(
                batch
                    .puts
                    .into_iter()
                    .map(|(key, text)| (key, Stored::Text(text))),
            );
            batch
                .deletes
                .iter()
                .for_each(|key| drop(values.remove(key)));
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(self.0.takes.get()).await;
        Ok(())
    }
}
