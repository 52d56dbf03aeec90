//! An object's own storage, and KV.
//!
//! Not here: which values are stored.

use std::time::Duration;

use worker::wasm_bindgen_futures::JsFuture;

use super::{ObjectServices, error::failed};
use crate::platform::{Kv, PlatformError, Storage, Stored, WriteBatch};

impl Storage for ObjectServices {
    /// The runtime throws the same error for an unreadable value and for failing storage. If
    /// storage answers for another key but still fails for this one, the value is unreadable.
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        let kv = self.0.storage.kv();
        let value = match kv.get(key) {
            Err(error) if kv.get(NO_KEY).is_err() => return Err(failed(error)),
            Err(_) => kv.get(key),
            read => read,
        };
        Ok(match value {
            Ok(value) if value.is_undefined() => None,
            Ok(value) => Some(value.as_string().map_or(Stored::Unreadable, Stored::Text)),
            Err(_) => Some(Stored::Unreadable),
        })
    }

    /// Writes without an `await` between them commit together. Nothing leaves the object afterwards
    /// until they are durable.
    async fn commit(&self, batch: WriteBatch) -> Result<(), PlatformError> {
        if batch.clear {
            return self.0.state.storage().delete_all().await.map_err(failed);
        }
        let storage = &self.0.storage;
        let kv = storage.kv();
        let mut write = || {
            batch
                .puts
                .iter()
                .try_for_each(|(key, value)| kv.put(key, value))?;
            batch.deletes.iter().try_for_each(|key| kv.delete(key))
        };
        // One write needs no transaction.
        if batch.puts.len().saturating_add(batch.deletes.len()) > 1 {
            storage.transaction(&mut write)
        } else {
            write()
        }
        .map_err(failed)?;
        match batch.alarm {
            Some(at) => JsFuture::from(storage.set_alarm(as_f64(at.0)).map_err(failed)?)
                .await
                .map(drop)
                .map_err(failed),
            None => Ok(()),
        }
    }
}

/// A key under which nothing is ever stored.
const NO_KEY: &str = "none";

impl Kv for ObjectServices {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        self.conversations()?.get(key).text().await.map_err(failed)
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        self.conversations()?
            .put(key, value)
            .map_err(failed)?
            .expiration_ttl(ttl.as_secs())
            .execute()
            .await
            .map_err(failed)
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        self.conversations()?.delete(key).await.map_err(failed)
    }
}

/// A time as `f64`, exact up to the year 287396.
#[allow(
    clippy::cast_precision_loss,
    reason = "a time in milliseconds is far below 2^53"
)]
fn as_f64(number: u64) -> f64 {
    number as f64
}
