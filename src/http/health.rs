//! `GET /health`: whether the configuration is right, and what is deployed.
//!
//! Not here: what a setting may be (`config`).

use serde::Serialize;

use super::response::{Response, json};
use crate::{
    config::{Config, ConfigError},
    platform::{Deployed, DeployedVersion},
};

#[derive(Serialize)]
struct Health<'e> {
    #[serde(skip_serializing_if = "<[ConfigError]>::is_empty")]
    errors: &'e [ConfigError],
    status: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployed: Option<DeployedVersion>,
}

/// Names the settings that are wrong, and the lines and fields of files, and tells nothing of their values.
pub(super) fn answer(
    platform: &impl Deployed,
    config: Result<&Config, &[ConfigError]>,
) -> Response {
    let (code, errors, status) = match config {
        Ok(_) => (200, [].as_slice(), "ok"),
        Err(errors) => (503, errors, "misconfigured"),
    };
    let health = Health {
        errors,
        status,
        version: env!("CARGO_PKG_VERSION"),
        deployed: platform.deployed(),
    };
    json(code, &health)
}
