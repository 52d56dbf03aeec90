//! Small tools without any knowledge of the playground: time, random names, the console, locks, web addresses.

pub mod console;
pub mod content_type;
pub mod loopback;
pub mod random;
pub mod shared;
pub mod time;
