//! The fuzz targets: each takes any bytes, gives them to one parser, and checks what must hold of the outcome.
//!
//! Included by the fuzz crate and by the property tests (`tests/it/fuzz_targets`). A broken property is a panic. Not here:
//! where the bytes come from.

mod form_signature;
mod object;
mod openai_response;
mod relay_frames;
mod stored_state;
mod twiml_parts;

use switchboard::base::time::UnixMillis;

pub use form_signature::form_signature;
pub use openai_response::openai_response;
pub use relay_frames::relay_frames;
pub use stored_state::stored_state;
pub use twiml_parts::twiml_parts;

/// A target: its name, which its binary and its corpus share, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 5] = [
    ("form_signature", form_signature),
    ("twiml_parts", twiml_parts),
    ("openai_response", openai_response),
    ("relay_frames", relay_frames),
    ("stored_state", stored_state),
];

/// 2026-11-22T12:00:00Z.
const NOW: UnixMillis = UnixMillis(1_795_348_800_000);

/// The first line, the second line, and the rest.
fn lines(data: &[u8]) -> [&[u8]; 3] {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    [(); 3].map(|()| lines.next().unwrap_or_default())
}
