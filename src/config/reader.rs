//! Reading the table of settings: own values, defaults, and every error.

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
    /// Nothing: it is an error.
    Required,
    /// What it is for is off.
    Off,
    /// The public origin is the request's own.
    RequestOrigin,
    /// A model of OpenAI's own does not reason. Another server is told nothing.
    NoReasoning,
    /// This value.
    Value(&'static str),
}

/// A setting that is missing or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SettingError {
    /// The setting's name.
    pub setting: &'static str,
    /// What is wrong. It tells nothing of the value.
    pub problem: &'static str,
}

/// Reads settings by name, and collects the errors.
pub(super) struct Reader<'l> {
    lookup: &'l dyn Fn(&str) -> Option<String>,
    settings: &'static [Setting],
    errors: Vec<SettingError>,
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
        }
    }

    /// The value of a setting that must have one: its own, or its default.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Parsed<T>,
    ) -> Option<T> {
        let result = match self.value(name) {
            Some(value) => parse(&value),
            None => Err("is missing"),
        };
        result.map_err(|problem| self.error(name, problem)).ok()
    }

    /// The value of a setting that may be absent.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Parsed<T>,
    ) -> Option<T> {
        if self.is_set(name) {
            self.required(name, parse)
        } else {
            None
        }
    }

    /// The setting's own value, or its default.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let set = (self.lookup)(name).filter(|value| !value.is_empty());
        let setting = self.settings.iter().find(|setting| setting.name == name);
        set.or_else(|| match setting?.default {
            DefaultValue::Value(value) => Some(value.to_owned()),
            _ => None,
        })
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        (self.lookup)(name).is_some_and(|value| !value.is_empty())
    }

    pub(super) fn error(&mut self, setting: &'static str, problem: &'static str) {
        self.errors.push(SettingError { setting, problem });
    }

    /// The errors, in the order of the table.
    pub(super) fn into_errors(self) -> Vec<SettingError> {
        let of = |setting: &'static Setting| {
            let errors = self.errors.iter();
            errors
                .filter(|error| error.setting == setting.name)
                .copied()
        };
        self.settings.iter().flat_map(of).collect()
    }
}
