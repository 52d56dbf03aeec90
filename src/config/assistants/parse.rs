//! Reads all files of assistants, with the settings that replace what `default.toml` says.
//!
//! Not here: how a field is read (`toml_file`), and the parts with a file of their own (`prompt`,
//! `tools`, `intake`, `hand_off`, `voice`).

use super::{
    super::{
        endpoint::{self, Endpoint, Endpoints, ExtraHeader, Fallback},
        field::Fields,
        parsers,
        reader::{FileError, Reader as Settings},
        texts::{self, Language, Overrides},
        toml_file::{self, Found, Table},
    },
    AssistantFile,
    assistant::{Assistant, Assistants, Claim, offers_tools},
    hand_off, intake,
    prompt::Prompt,
    secrets::Secrets,
    tools, voice,
};
use crate::{
    base::{secret::Secret, url::BaseUrl},
    identity::{Address, ServiceSid},
};

/// The name of the assistant that answers the rest.
const DEFAULT: &str = "default";
/// The model, unless a file or a setting names another.
const MODEL: &str = "gpt-6-luna";
/// `gpt-transcribe` is the model that OpenAI names as the successor of `whisper-1`,
/// `gpt-4o-transcribe` and `gpt-4o-mini-transcribe`, which it shuts down on 26 February 2027.
/// Source: OpenAI, "Deprecations", 26 August 2026.
const TRANSCRIPTION_MODEL: &str = "gpt-transcribe";
/// The most tokens of an answer, unless a file or a setting says otherwise.
const MAX_COMPLETION_TOKENS: u32 = 1000;
/// The longest prompt, in bytes. Each request has it.
const MAX_PROMPT_BYTES: usize = 100_000;
/// The most files.
const MAX_FILES: usize = 100;
/// The longest file, in bytes.
const MAX_FILE_BYTES: usize = 256 * 1024;

/// What the settings say about assistants.
pub struct Given {
    /// The key of the first endpoint.
    pub key: Option<Secret>,
    /// Its base URL.
    pub base_url: Option<BaseUrl>,
    /// The fields that it is not sent.
    pub omitted: Fields,
    /// Its extra headers.
    pub headers: Vec<ExtraHeader>,
    /// Whether the Worker runs on a developer's machine.
    pub is_local: bool,
    /// `ASSISTANT_PROMPT`.
    pub prompt: Option<Prompt>,
    /// `OPENAI_MODEL`.
    pub model: Option<String>,
    /// `OPENAI_REASONING_EFFORT`.
    pub reasoning_effort: Option<String>,
    /// `OPENAI_MAX_COMPLETION_TOKENS`.
    pub max_completion_tokens: Option<u32>,
    /// `OPENAI_TRANSCRIPTION_MODEL`.
    pub transcription_model: Option<String>,
    /// `OPENAI_FALLBACKS`.
    pub fallbacks: Option<Vec<Fallback>>,
    /// `LANGUAGE`.
    pub language: Option<Language>,
    /// `HELP_TEXT` and `TEXTS`.
    pub texts: Overrides,
}

/// What a file says. What it leaves out is `None`.
struct Read {
    name: String,
    local_only: bool,
    numbers: Vec<Claim>,
    prompt: Option<Prompt>,
    model: Option<String>,
    reasoning_effort: Option<String>,
    max_completion_tokens: Option<u32>,
    transcription_model: Option<String>,
    fallbacks: Option<Vec<Endpoint>>,
    language: Option<Language>,
    texts: Overrides,
    tools: Vec<tools::Tool>,
    end_conversation: bool,
    /// The line of the effort, or the first one.
    effort_line: usize,
    intake: Option<intake::Intake>,
    hand_off: Option<hand_off::HandOff>,
    voice: voice::Stated,
}

/// Reads all files. Errors are reported to `settings`. `is_time_zone` knows the names of time
/// zones.
pub fn parse(
    settings: &mut Settings<'_>,
    files: &[AssistantFile],
    given: Given,
    is_time_zone: &dyn Fn(&str) -> bool,
) -> Option<Assistants> {
    let mut default = None;
    let mut others = Vec::new();
    let whole = |problem: &str, name: &str| FileError {
        file: AssistantFile::path_of(name),
        line: 1,
        field: String::new(),
        problem: problem.to_owned(),
    };
    if files.len() > MAX_FILES {
        settings.file_errors([whole("is one of more than 100 files", "*")]);
    }
    let mut claimed: Vec<(Claim, String)> = Vec::new();
    for file in files.iter().take(MAX_FILES) {
        if file.text.len() > MAX_FILE_BYTES {
            settings.file_errors([whole("must have at most 256 kB", &file.name)]);
            continue;
        }
        let read = read_file(settings, file, given.is_local, is_time_zone, &mut claimed);
        match read {
            Some(read) if file.name == DEFAULT => default = Some(read),
            Some(read) => others.push(read),
            None => {}
        }
    }
    if !files.iter().any(|file| file.name == DEFAULT) {
        settings.file_errors([whole(
            "is missing: it answers the numbers of no other file",
            DEFAULT,
        )]);
    }
    let first = Endpoint {
        base_url: given.base_url.clone()?,
        model: String::new(),
        key: given.key.clone()?,
        reasoning_effort: None,
        omitted: given.omitted,
        headers: given.headers.clone(),
    };
    let fallbacks = given.fallbacks.clone().map(|fallbacks| {
        let mut secrets = Secrets::new(settings, "OPENAI_FALLBACKS", given.is_local);
        fallbacks
            .into_iter()
            .filter_map(|fallback| secrets.endpoint(fallback))
            .collect()
    });
    let default = with_settings(default?, given, fallbacks);
    let lines = std::iter::once(&default).chain(&others);
    let lines: Vec<usize> = lines.map(|read| read.effort_line).collect();
    let default = default.into_assistant(&first, None)?;
    let others: Vec<Assistant> = others
        .into_iter()
        .filter_map(|read| read.into_assistant(&first, Some(&default)))
        .collect();
    let all = std::iter::once(&default).chain(&others);
    settings.file_errors(all.zip(lines).filter_map(|(assistant, line)| {
        let problem = problem_of_effort(assistant)?;
        Some(FileError {
            line,
            field: "reasoning_effort".to_owned(),
            ..whole(problem, &assistant.name)
        })
    }));
    Some(Assistants::new(default, others))
}

/// What is wrong with the effort of an assistant with tools. At OpenAI, Chat Completions takes no
/// tools with any effort but `none`. Source: the reports that `ItzCrazyKns/Vane` 1173 and
/// `onyx-dot-app/onyx` 15008 make of its error.
fn problem_of_effort(assistant: &Assistant) -> Option<&'static str> {
    let endpoints = &assistant.endpoints;
    let mut all = (0..endpoints.count()).map(|number| endpoints.get(number));
    let is_refused = |endpoint: &Endpoint| {
        let effort = endpoint.reasoning_effort.as_deref();
        endpoint.is_openai() && effort.is_some_and(|effort| effort != "none")
    };
    (assistant.has_tools() && all.any(is_refused))
        .then_some("must be none, because OpenAI takes no tools with another effort")
}

/// `default`, where settings replace what its file says.
fn with_settings(read: Read, given: Given, fallbacks: Option<Vec<Endpoint>>) -> Read {
    let mut texts = match given.language {
        // The file's texts are in the file's language.
        Some(language) if read.language.is_some_and(|other| other != language) => Overrides::new(),
        _ => read.texts,
    };
    texts.extend(given.texts);
    Read {
        prompt: given.prompt.or(read.prompt),
        model: given.model.or(read.model),
        reasoning_effort: given.reasoning_effort.or(read.reasoning_effort),
        max_completion_tokens: given.max_completion_tokens.or(read.max_completion_tokens),
        transcription_model: given.transcription_model.or(read.transcription_model),
        fallbacks: fallbacks.or(read.fallbacks),
        language: given.language.or(read.language),
        texts,
        ..read
    }
}

impl Read {
    /// The assistant. `first` is the endpoint that is asked first, without its model. What the file
    /// leaves out is as in `default`.
    fn into_assistant(self, first: &Endpoint, default: Option<&Assistant>) -> Option<Assistant> {
        let inherited = default.map(|default| default.endpoints.get(0));
        let model = self
            .model
            .or_else(|| inherited.map(|endpoint| endpoint.model.clone()));
        let (hand_off, on_the_phone) = (self.hand_off.as_ref(), self.voice.offers_tools());
        let has_tools = offers_tools(&self.tools, self.end_conversation, hand_off, on_the_phone);
        // OpenAI takes no tools with another effort than `none`, see [`problem_of_effort`].
        let reasoning_effort = self.reasoning_effort.or_else(|| {
            let inherited = inherited.filter(|_| !has_tools)?;
            inherited.reasoning_effort.clone()
        });
        let fallbacks = self
            .fallbacks
            .or_else(|| default.map(|default| default.endpoints.fallbacks().to_vec()));
        let (language, texts) = match (self.language, default) {
            // The default's own texts are in the default's language.
            (None, Some(default)) => {
                let mut texts = default.texts.clone();
                texts.extend(self.texts);
                (default.language, texts)
            }
            (language, _) => (language.unwrap_or(Language::English), self.texts),
        };
        let first = Endpoint {
            model: model.unwrap_or_else(|| MODEL.to_owned()),
            reasoning_effort,
            ..first.clone()
        };
        Some(Assistant {
            name: self.name,
            local_only: self.local_only,
            numbers: self.numbers,
            prompt: self.prompt?,
            endpoints: Endpoints::new(first, fallbacks.unwrap_or_default()),
            max_completion_tokens: self
                .max_completion_tokens
                .or_else(|| default.map(|default| default.max_completion_tokens))
                .unwrap_or(MAX_COMPLETION_TOKENS),
            transcription_model: self
                .transcription_model
                .or_else(|| default.map(|default| default.transcription_model.clone()))
                .unwrap_or_else(|| TRANSCRIPTION_MODEL.to_owned()),
            language,
            texts,
            tools: self.tools,
            end_conversation: self.end_conversation,
            intake: self.intake,
            hand_off: self.hand_off,
            voice: self.voice.in_language(language),
        })
    }
}

/// Reads a file. `None` if it has errors, which are reported, or is for local use and this is no
/// developer's machine.
fn read_file(
    settings: &mut Settings<'_>,
    file: &AssistantFile,
    is_local: bool,
    is_time_zone: &dyn Fn(&str) -> bool,
    claimed: &mut Vec<(Claim, String)>,
) -> Option<Read> {
    let reader = toml_file::Reader::new(AssistantFile::path_of(&file.name), &file.text);
    let read = reader.parse().and_then(|table| {
        let mut table = Table::of_file(&reader, &table);
        let mut secrets = Secrets::new(settings, &AssistantFile::path_of(&file.name), is_local);
        let local_only = table.flag("local_only") == Some(true);
        if local_only && !is_local {
            return None;
        }
        let read = read_fields(&mut table, file, &mut secrets, is_time_zone, claimed);
        table.finish();
        Some(Read { local_only, ..read })
    });
    let errors = reader.into_errors();
    let is_right = errors.is_empty();
    settings.file_errors(errors);
    read.filter(|_| is_right)
}

fn read_fields(
    table: &mut Table<'_, '_>,
    file: &AssistantFile,
    secrets: &mut Secrets<'_, '_>,
    is_time_zone: &dyn Fn(&str) -> bool,
    claimed: &mut Vec<(Claim, String)>,
) -> Read {
    let is_default = file.name == DEFAULT;
    let numbers = table.texts("numbers");
    if is_default && numbers.as_ref().is_some_and(|numbers| !numbers.is_empty()) {
        table.error("default has no numbers: it answers those of no other file");
    }
    if !is_default && numbers.as_ref().is_none_or(Vec::is_empty) {
        table.missing("numbers");
    }
    let numbers: Vec<Claim> = numbers
        .unwrap_or_default()
        .iter()
        .filter_map(|number| claim(number, &file.name, claimed))
        .collect();
    let time_zone = table.text("time_zone").and_then(|zone| {
        zone.parse(|name| {
            is_time_zone(name)
                .then(|| (*name).to_owned())
                .ok_or("must be the IANA name of a time zone, such as Europe/Berlin")
        })
    });
    let prompt = table.required_text("prompt").and_then(|prompt| {
        prompt.parse(|text| {
            if text.len() > MAX_PROMPT_BYTES {
                return Err("must have at most 100 kB".to_owned());
            }
            Prompt::parse(text)
        })
    });
    let model = table
        .text("model")
        .and_then(|model| model.parse(|text| parsers::non_blank(text)));
    let effort = table.text("reasoning_effort");
    let effort_line = effort.as_ref().map_or(1, Found::line);
    let reasoning_effort = effort.and_then(|effort| effort.parse(|text| parsers::effort(text)));
    let transcription_model = table
        .text("transcription_model")
        .and_then(|model| model.parse(|text| parsers::non_blank(text)));
    let fallbacks = table.json("fallbacks").and_then(|found| {
        let fallbacks = found.parse(|value| endpoint::fallbacks(&value.to_string()))?;
        let endpoints = fallbacks.into_iter();
        Some(
            endpoints
                .filter_map(|fallback| secrets.endpoint(fallback))
                .collect(),
        )
    });
    let language = table
        .text("language")
        .and_then(|language| language.parse(|code| texts::language(code)));
    Read {
        name: file.name.clone(),
        local_only: false,
        numbers,
        prompt: prompt.map(|prompt| prompt.in_time_zone(time_zone)),
        model,
        reasoning_effort,
        max_completion_tokens: table.number("max_completion_tokens", 1..=128_000),
        transcription_model,
        fallbacks,
        language,
        texts: own_texts(table),
        tools: tools::parse(table, secrets),
        end_conversation: table.flag("end_conversation").unwrap_or(false),
        effort_line,
        intake: intake::parse(table, secrets),
        hand_off: hand_off::parse(table, secrets),
        voice: voice::parse(table),
    }
}

/// What a number of a file claims, if no other assistant has it.
fn claim(
    number: &Found<'_, '_, &str>,
    name: &str,
    claimed: &mut Vec<(Claim, String)>,
) -> Option<Claim> {
    let claim = number.parse(|text| {
        let service = || text.parse::<ServiceSid>().map(Claim::Service).ok();
        let address = text.parse::<Address>().ok();
        address
            .filter(Address::can_be_written_to)
            .map(Claim::Address)
            .or_else(service)
            .ok_or(
                "must be a number such as +15550100, an address such as whatsapp:+15550100, or \
                 the SID of a Messaging Service",
            )
    })?;
    if let Some((_, other)) = claimed.iter().find(|(other, _)| *other == claim) {
        let other = AssistantFile::path_of(other);
        number.error(format!("is claimed by {other}, too"));
        return None;
    }
    claimed.push((claim.clone(), name.to_owned()));
    Some(claim)
}

/// The texts of `[texts]`.
fn own_texts(table: &mut Table<'_, '_>) -> Overrides {
    let mut own = Overrides::new();
    for (name, found) in table.table("texts").iter().flat_map(Table::entries) {
        let parsed = found.parse(|value| texts::own_text(name, value.as_str()));
        own.extend(parsed);
    }
    own
}
