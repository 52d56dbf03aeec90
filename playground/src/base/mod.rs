//! Small tools: time, random names, the console, locks, media types, folders of TOML files, voice notes, misheard
//! words and web addresses. They know nothing of the playground.

pub mod address;
pub mod console;
pub mod content_type;
pub mod loopback;
pub mod misheard;
pub mod random;
pub mod shared;
pub mod time;
pub mod toml_folder;
pub mod voice_note;
