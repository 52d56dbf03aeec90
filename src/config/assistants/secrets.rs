//! The secrets that files and settings name: keys of endpoints and of signatures.
//!
//! A file names a secret, and the Worker has its value. Not here: where names stand (`parse`,
//! `tools`).

use base64::{Engine, prelude::BASE64_STANDARD};

use super::super::{
    endpoint::{self, Endpoint, Fallback},
    parsers,
    reader::Reader as Settings,
    toml_file::Found,
};
use crate::base::secret::Secret;

/// The secrets that files may name.
pub(super) struct Secrets<'s, 'l> {
    settings: &'s mut Settings<'l>,
    /// Who names them: a setting, or the path of a file.
    named_by: String,
    is_local: bool,
}

/// The settings that a fallback may name as its key and its headers.
const SHARED_SECRETS: [&str; 2] = ["OPENAI_API_KEY", "OPENAI_EXTRA_HEADERS"];

impl<'s, 'l> Secrets<'s, 'l> {
    /// The secrets that `named_by` may name.
    pub(super) fn new(settings: &'s mut Settings<'l>, named_by: &str, is_local: bool) -> Self {
        Self {
            settings,
            named_by: named_by.to_owned(),
            is_local,
        }
    }

    /// Whether the Worker runs on a developer's machine.
    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    /// The key that signs calls, from the secret that a file names. Source: Standard Webhooks,
    /// "Signature scheme": 24 to 64 bytes in base64, with the prefix `whsec_`.
    pub(super) fn signing_key(&mut self, name: &Found<'_, '_, &str>) -> Option<Secret> {
        const PROBLEM: &str = "must be a signing secret of Standard Webhooks: whsec_ and 24 to 64 \
            bytes in base64";
        let name = name.parse(|text| endpoint::secret_name(text))?;
        self.secret(&name, None, |text| {
            let encoded = text.strip_prefix("whsec_").unwrap_or(text);
            let key = BASE64_STANDARD.decode(encoded).map_err(|_| PROBLEM)?;
            if (24..=64).contains(&key.len()) {
                Ok(Secret::new(encoded.to_owned()))
            } else {
                Err(PROBLEM)
            }
        })
    }

    /// A fallback with the secrets that it names.
    pub(super) fn endpoint(&mut self, fallback: Fallback) -> Option<Endpoint> {
        let [key_setting, headers_setting] = SHARED_SECRETS;
        let key = self.secret(&fallback.key, Some(key_setting), parsers::header_secret);
        let headers = match &fallback.headers {
            Some(name) => self.secret(name, Some(headers_setting), endpoint::headers),
            None => Some(Vec::new()),
        };
        let key = key?;
        if !endpoint::key_fits(&key, &fallback.base_url) {
            let problem = format!(
                "must start with sk-, because {} sends it to OpenAI",
                self.named_by
            );
            self.settings.named_error(&fallback.key, problem);
            return None;
        }
        Some(Endpoint {
            base_url: fallback.base_url,
            model: fallback.model,
            key,
            reasoning_effort: fallback.reasoning_effort,
            omitted: fallback.omitted,
            headers: headers?,
        })
    }

    /// The secret of that name. It is one of its own, or `shared`: no other setting is for anybody
    /// else to see.
    fn secret<T>(
        &mut self,
        name: &str,
        shared: Option<&str>,
        parse: impl Fn(&str) -> parsers::Parsed<T>,
    ) -> Option<T> {
        let named_by = &self.named_by;
        let parsed = if self.settings.is_setting(name) && Some(name) != shared {
            Err(format!("must not be named by {named_by}"))
        } else {
            match self.settings.named(name) {
                Some(value) => parse(&value).map_err(str::to_owned),
                None => Err(format!("is missing, but {named_by} names it")),
            }
        };
        parsed
            .map_err(|problem| self.settings.named_error(name, problem))
            .ok()
    }
}
