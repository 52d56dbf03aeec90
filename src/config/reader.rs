//! Reads settings: the value that is set, or the default, and every error on the way.
//!
//! Not here: which settings there are (`settings`), and what their values must be (`parsers`).

use std::borrow::Cow;

use serde::Serialize;

use super::parsers::Parsed;

/// A setting, as an operator sees it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// How it is set.
    pub kind: Kind,
    /// What holds when it is not set.
    pub default: DefaultValue,
}

/// How a setting is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By `wrangler secret put`.
    Secret,
    /// In `[vars]`.
    Var,
}

/// What holds when a setting is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// Nothing: a missing value is an error.
    Required,
    /// Nothing: the feature is off.
    Off,
    /// The public origin is the request's own.
    RequestOrigin,
    /// OpenAI's own models are told not to reason. Other servers are told nothing.
    NoReasoning,
    /// The text of the assistant's language.
    InLanguage,
    /// What `assistants/default.toml` says.
    InAssistant,
    /// This value.
    Value(&'static str),
}

/// A setting that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingError {
    /// The setting's name, or that of a secret that a setting names.
    pub setting: Cow<'static, str>,
    /// What is wrong. It never contains the value.
    pub problem: Cow<'static, str>,
}

/// Something is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FileError {
    /// The file's path.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The field, such as `tools[0].url`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// What it must be. It never repeats a value.
    pub problem: String,
}

/// Something is wrong in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ConfigError {
    /// A setting is missing or wrong.
    Setting(SettingError),
    /// The file of an assistant is wrong.
    File(FileError),
}

impl ConfigError {
    /// The setting, or the path of the file.
    #[must_use]
    pub fn place(&self) -> Cow<'static, str> {
        match self {
            Self::Setting(error) => error.setting.clone(),
            Self::File(error) => error.file.clone().into(),
        }
    }
}

/// Reads settings, and collects the errors of the whole configuration.
pub(super) struct Reader<'l> {
    lookup: &'l dyn Fn(&str) -> Option<String>,
    settings: &'static [Setting],
    errors: Vec<SettingError>,
    file_errors: Vec<FileError>,
}

impl<'l> Reader<'l> {
    pub(super) fn new(
        lookup: &'l dyn Fn(&str) -> Option<String>,
        settings: &'static [Setting],
    ) -> Self {
        Self {
            lookup,
            settings,
            errors: Vec::new(),
            file_errors: Vec::new(),
        }
    }

    /// The value of a setting that must have one, set or by default.
    pub(super) fn required<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Parsed<T>,
    ) -> Option<T> {
        let result = match self.value(setting) {
            Some(value) => parse(&value),
            None => Err("is missing"),
        };
        result.map_err(|problem| self.error(setting, problem)).ok()
    }

    /// The value of a setting that may be absent.
    pub(super) fn optional<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Parsed<T>,
    ) -> Option<T> {
        let value = self.value(setting)?;
        parse(&value)
            .map_err(|problem| self.error(setting, problem))
            .ok()
    }

    /// The text of a setting, set or by default.
    pub(super) fn value(&self, setting: &Setting) -> Option<String> {
        let default = match setting.default {
            DefaultValue::Value(value) => Some(value),
            _ => None,
        };
        self.set_value(setting)
            .or_else(|| default.map(ToOwned::to_owned))
    }

    /// Whether a setting is set. An empty text counts as unset.
    pub(super) fn is_set(&self, setting: &Setting) -> bool {
        self.set_value(setting).is_some()
    }

    pub(super) fn error(&mut self, setting: &Setting, problem: &'static str) {
        self.errors.push(SettingError {
            setting: setting.name.into(),
            problem: problem.into(),
        });
    }

    /// Whether this is the name of a setting.
    pub(super) fn is_setting(&self, name: &str) -> bool {
        self.settings.iter().any(|setting| setting.name == name)
    }

    /// Reports what is wrong in files.
    pub(super) fn file_errors(&mut self, errors: impl IntoIterator<Item = FileError>) {
        self.file_errors.extend(errors);
    }

    /// The value of a secret that a setting or a file names.
    pub(super) fn named(&self, secret: &str) -> Option<String> {
        (self.lookup)(secret).filter(|value| !value.is_empty())
    }

    /// Reports a secret that a setting or a file names. It is reported once.
    pub(super) fn named_error(&mut self, secret: &str, problem: impl Into<Cow<'static, str>>) {
        let setting = Cow::from(secret.to_owned());
        let problem = problem.into();
        let error = SettingError { setting, problem };
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// All errors: those of settings in the order of the settings, then those of named secrets, then
    /// those of files.
    pub(super) fn into_errors(mut self) -> Vec<ConfigError> {
        let position = |error: &SettingError| {
            self.settings
                .iter()
                .position(|setting| setting.name == error.setting)
                .unwrap_or(self.settings.len())
        };
        self.errors.sort_by_key(position);
        let of_settings = self.errors.into_iter().map(ConfigError::Setting);
        let of_files = self.file_errors.into_iter().map(ConfigError::File);
        of_settings.chain(of_files).collect()
    }

    fn set_value(&self, setting: &Setting) -> Option<String> {
        (self.lookup)(setting.name).filter(|value| !value.is_empty())
    }
}
