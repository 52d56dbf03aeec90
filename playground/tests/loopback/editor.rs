//! The routes by which the page edits the files of assistants, and those between the page and
//! `npm start`. The page itself is tested in a browser, by `tests/browser`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Answer, KEY, Playground};
use crate::page_client::{Watcher, post};

const DEFAULT: &str = "\
# The one that answers.
prompt = \"Be brief.\" # What it is told.
model = \"gpt-6-luna\"
";
const SHOP: &str = "numbers = [\"+15550121\"]\nprompt = \"Sell.\"\n";

/// A folder of assistants, which goes away with the test, and a playground that edits it.
struct Editor {
    folder: PathBuf,
    playground: Playground,
}

impl Drop for Editor {
    fn drop(&mut self) {
        if let Some(parent) = self.folder.parent() {
            let _ = fs::remove_dir_all(parent);
        }
    }
}

impl Editor {
    fn start(test: &str) -> Self {
        let name = format!("switchboard-editor-{}-{test}", std::process::id());
        let folder = std::env::temp_dir().join(name).join("assistants");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("default.toml"), DEFAULT).unwrap();
        fs::write(folder.join("shop.toml"), SHOP).unwrap();
        let path = folder.to_str().unwrap();
        let playground =
            Playground::start_with(&["--quiet", "--openai-api-key", KEY, "--assistants", path]);
        Self { folder, playground }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    fn on_disk(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    fn get(&self, name: &str) -> Answer {
        let path = format!("/playground/assistants/{name}");
        self.playground.send("GET", &path, &[], b"")
    }

    fn check(&self, name: &str, draft: &Value) -> Value {
        let path = format!("/playground/assistants/{name}/check");
        let answer = post(&self.playground, &path, draft);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    fn put(&self, name: &str, save: &Value) -> Answer {
        put(
            &self.playground,
            &format!("/playground/assistants/{name}"),
            save,
        )
    }

    fn version(&self, name: &str) -> Value {
        self.get(name).json()["version"].clone()
    }
}

fn put(playground: &Playground, path: &str, body: &Value) -> Answer {
    let json = [("content-type", "application/json")];
    playground.send("PUT", path, &json, body.to_string().as_bytes())
}

/// The number of files, the hidden ones among them.
fn count(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_text_is_saved_as_it_is_with_the_permissions_of_its_file() {
    let editor = Editor::start("save");
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(editor.path("default.toml"), mode).unwrap();
    let read = editor.get("default").json();
    assert_eq!(read["text"], DEFAULT);
    assert_eq!(read["checked"]["values"]["prompt"], "Be brief.");
    let text = DEFAULT.replace("Be brief.", "Be kind.");
    let saved = editor.put(
        "default",
        &json!({"text": text, "version": read["version"]}),
    );
    assert_eq!(saved.json()["saved"]["text"], text);
    assert_eq!(editor.on_disk("default.toml"), text);
    let mode = fs::metadata(editor.path("default.toml")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o640);
    assert_eq!(count(&editor.folder), 2, "no other file is left behind");
    assert_eq!(saved.json()["saved"]["version"], editor.version("default"));
}

#[test]
fn a_file_that_has_changed_since_it_was_read_is_not_overwritten() {
    let editor = Editor::start("changed");
    let version = editor.version("default");
    let theirs = format!("# Theirs.\n{DEFAULT}");
    fs::write(editor.path("default.toml"), &theirs).unwrap();
    let mine = DEFAULT.replace("Be brief.", "Be kind.");
    let answer = editor.put("default", &json!({"text": mine, "version": version}));
    let changed = answer.json()["changed"].clone();
    assert_eq!(changed["text"], theirs);
    assert_eq!(editor.on_disk("default.toml"), theirs);
    let again = json!({"text": mine, "version": changed["version"]});
    assert_eq!(editor.put("default", &again).json()["saved"]["text"], mine);
}

#[test]
fn a_text_that_the_worker_would_refuse_is_not_saved_and_its_errors_have_lines() {
    let editor = Editor::start("wrong");
    let version = editor.version("default");
    for (text, line, field) in [
        ("prompt = \"Hello\"\nmodle = \"x\"\n", 2, "modle"),
        ("prompt = \"Hello\"\n\nlanguage = \"tlh\"\n", 3, "language"),
        ("\nprompt = \"Hello", 2, ""),
        ("model = \"x\"\n", 1, "prompt"),
    ] {
        let errors = &editor.check("default", &json!({"text": text}))["checked"]["errors"];
        assert_eq!(errors[0]["line"], line, "{errors}");
        assert_eq!(errors[0]["field"], field, "{errors}");
        let save = editor.put("default", &json!({"text": text, "version": version}));
        assert_eq!(&save.json()["wrong"]["errors"], errors);
    }
    assert_eq!(editor.on_disk("default.toml"), DEFAULT);
}

#[test]
fn a_number_that_another_file_has_is_an_error_and_an_older_error_elsewhere_is_told_apart() {
    let editor = Editor::start("clash");
    let other = "numbers = [\"+15550122\"]\nprompt = \"Help.\"\n";
    fs::write(editor.path("desk.toml"), other).unwrap();
    let draft = json!({"text": other.replace("122", "121")});
    let errors = &editor.check("desk", &draft)["checked"]["errors"];
    assert_eq!(errors[0]["file"], "assistants/shop.toml", "{errors}");
    assert_eq!(errors.as_array().unwrap().len(), 1);

    fs::write(editor.path("shop.toml"), "prompt = 1\n").unwrap();
    let checked = editor.check("desk", &json!({"text": other}))["checked"].clone();
    assert_eq!(checked["errors"], json!([]));
    assert_eq!(checked["elsewhere"][0]["file"], "assistants/shop.toml");
}

#[test]
fn a_change_of_one_field_is_put_into_the_text_and_keeps_the_comments() {
    let editor = Editor::start("field");
    let change = json!({"text": DEFAULT, "changes": [{"field": "prompt", "value": "Be kind."}]});
    let changed = editor.check("default", &change);
    assert_eq!(changed["text"], DEFAULT.replace("Be brief.", "Be kind."));
    assert_eq!(editor.on_disk("default.toml"), DEFAULT, "nothing is saved");
    let change = json!({"text": DEFAULT, "changes": [{"field": "numbers", "value": "x"}]});
    let path = "/playground/assistants/default/check";
    assert_eq!(post(&editor.playground, path, &change).status, 400);
}

#[test]
fn line_endings_of_windows_are_kept() {
    let editor = Editor::start("crlf");
    let windows = DEFAULT.replace('\n', "\r\n");
    fs::write(editor.path("default.toml"), &windows).unwrap();
    let read = editor.get("default").json();
    assert_eq!(read["text"], DEFAULT);
    let text = DEFAULT.replace("brief", "kind");
    editor.put(
        "default",
        &json!({"text": text, "version": read["version"]}),
    );
    assert_eq!(
        editor.on_disk("default.toml"),
        windows.replace("brief", "kind")
    );
}

#[test]
fn only_a_plain_file_of_the_folder_can_be_read_or_written() {
    let editor = Editor::start("names");
    let outside = editor.folder.parent().unwrap().join("outside.toml");
    fs::write(&outside, DEFAULT).unwrap();
    symlink(&outside, editor.path("link.toml")).unwrap();
    fs::create_dir(editor.path("inner")).unwrap();
    fs::write(editor.path("inner/deep.toml"), SHOP).unwrap();
    fs::write(editor.path("large.toml"), "#".repeat(300_000)).unwrap();
    let save = json!({"text": SHOP, "version": ""});
    for name in [
        "..%2Foutside",
        "%2E%2E%2Foutside",
        "inner%2Fdeep",
        "default.toml",
        "new",
        "link",
        "large",
        "%00",
    ] {
        assert_eq!(editor.get(name).status, 404, "{name}");
        assert_eq!(editor.put(name, &save).status, 404, "{name}");
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), DEFAULT);
    assert!(!editor.path("new.toml").exists());
    let huge = json!({"text": "#".repeat(300_000), "version": editor.version("default")});
    let errors = editor.put("default", &huge).json()["wrong"]["errors"].clone();
    assert_eq!(errors[0]["problem"], "must have at most 256 kB");
    let without = Playground::start();
    let answer = without.send("GET", "/playground/assistants/default", &[], b"");
    assert_eq!(answer.status, 404);
}

#[test]
fn pages_of_other_sites_can_neither_read_nor_write_a_file() {
    let editor = Editor::start("guard");
    let text = DEFAULT.replace("brief", "evil");
    let save = json!({"text": text, "version": editor.version("default")}).to_string();
    let json = ("content-type", "application/json");
    for headers in [
        [json, ("origin", "https://evil.example")],
        [json, ("sec-fetch-site", "cross-site")],
        [json, ("host", "evil.example:8788")],
    ] {
        for (method, path) in [
            ("GET", "/playground/assistants/default"),
            ("PUT", "/playground/assistants/default"),
            ("PUT", "/playground/openai"),
            ("PUT", "/playground/launcher"),
        ] {
            let answer = editor
                .playground
                .send(method, path, &headers, save.as_bytes());
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}");
        }
    }
    let form = [("content-type", "text/plain")];
    let path = "/playground/assistants/default";
    let answer = editor.playground.send("PUT", path, &form, save.as_bytes());
    assert_eq!(answer.status, 415);
    assert_eq!(editor.on_disk("default.toml"), DEFAULT);
}

#[test]
fn the_page_is_told_what_npm_start_tells_and_asks_it_to_switch_openai() {
    let mut playground = Playground::start();
    let choose = json!({"openai": "real"});
    let answer = put(&playground, "/playground/openai", &choose);
    assert_eq!(answer.status, 409, "nobody would do it");
    let mut feed = Watcher::open(&playground, None);
    let mut told = json!({
        "settings": ["OPENAI_API_KEY"],
        "openai": {"asked": "mock", "can_switch": false, "starting": null, "problem": null}
    });
    let tell = |told: &Value| put(&playground, "/playground/launcher", told).status;
    assert_eq!(tell(&told), 202);
    assert_eq!(feed.next_of("launcher")["told"], told);
    let answer = put(&playground, "/playground/openai", &choose);
    assert!(
        answer.text().contains("set OPENAI_API_KEY"),
        "{}",
        answer.text()
    );
    told["openai"]["can_switch"] = json!(true);
    assert_eq!(tell(&told), 202);
    assert_eq!(put(&playground, "/playground/openai", &choose).status, 202);
    let mut later = Watcher::open(&playground, None);
    later.next_of("launcher");
    assert_eq!(later.next_of("launcher")["told"], told);
    for wrong in [
        json!({"openai": "other"}),
        json!({"openai": {"other": "evil.example"}}),
        json!({}),
    ] {
        let answer = put(&playground, "/playground/openai", &wrong);
        assert_eq!(answer.status, 400, "{wrong}");
    }
    assert_eq!(
        playground.line(),
        "playground: the page chooses the real OpenAI"
    );
}
