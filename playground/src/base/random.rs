//! Random names for messages, files and requests. They are unique, but not secret.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// 32 hex digits, different in every call and every run.
pub fn random_hex() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_names_differ() {
        let names: std::collections::HashSet<String> = (0..1000).map(|_| random_hex()).collect();
        assert_eq!(names.len(), 1000);
    }
}
