//! The signer, TwiML reader, settings and responses of the integration tests, under the same path as there.

#[path = "../../tests/it/support/response.rs"]
pub mod response;
#[path = "../../tests/it/support/settings.rs"]
pub mod settings;
#[path = "../../tests/it/support/signature.rs"]
pub mod signature;
#[path = "../../tests/it/support/twiml.rs"]
pub mod twiml;
