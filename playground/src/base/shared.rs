//! Shared state: a lock that survives a panic, and a queue that keeps only the newest items.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`. A panic of another thread while it held the lock is ignored: a development tool
/// goes on.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds `item` at the end of `queue`, and removes the oldest item if there are `limit` already.
pub fn push_newest<T>(queue: &mut VecDeque<T>, item: T, limit: usize) {
    if queue.len() >= limit {
        queue.pop_front();
    }
    queue.push_back(item);
}
