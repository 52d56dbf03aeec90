//! The values that everything else is made of: moments, secrets, URLs, images, counts.
//!
//! This folder imports nothing from the rest of the crate.

pub mod audio;
pub mod hex;
pub mod image;
pub mod percentile;
pub mod retry_after;
pub mod secret;
pub mod time;
pub mod url;
pub mod usage;
