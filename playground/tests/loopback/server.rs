//! The process: where it listens, how it starts and how it ends.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Playground, TOKENS, command, raw_chat, wait_until};

#[test]
fn it_is_reachable_at_127_0_0_1_and_at_no_other_address() {
    let playground = Playground::start();
    TcpStream::connect(("127.0.0.1", playground.port)).unwrap();
    // A server on every address would listen here too.
    for other in ["127.0.0.2", "[::1]"] {
        let address = format!("{other}:{}", playground.port).parse().unwrap();
        assert!(
            TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_err(),
            "{other}"
        );
    }
}

#[test]
fn settings_of_the_environment_do_not_change_the_address() {
    let mut child = command()
        .args(["serve", "--port", "0", "--quiet"])
        .env("TWILIO_AUTH_TOKEN", TOKENS[0])
        .env("HOST", "0.0.0.0")
        .env("BIND", "0.0.0.0")
        .env("PORT", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.take().unwrap()),
        &mut line,
    )
    .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        line.starts_with("playground listening on http://127.0.0.1:"),
        "{line}"
    );
}

#[test]
fn another_address_is_rejected_on_the_command_line() {
    for arguments in [
        ["--host", "0.0.0.0"],
        ["--bind", "0.0.0.0"],
        ["--port", "0.0.0.0:0"],
    ] {
        let output = command()
            .args(["serve", "--twilio-auth-token", "t"])
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_port_in_use_is_named_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = command()
        .args(["serve", "--port", &port, "--twilio-auth-token", "t"])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error.contains(&format!("port {port}")) && error.lines().count() == 1,
        "{error}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn it_does_not_start_without_a_token() {
    for arguments in [vec![], vec!["--twilio-auth-token", " , "]] {
        let output = command()
            .args(["serve", "--port", "0"])
            .args(&arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(
            String::from_utf8(output.stderr)
                .unwrap()
                .contains("twilio-auth-token")
        );
    }
}

#[cfg(unix)]
#[test]
fn sigterm_and_ctrl_c_end_it_at_once_even_while_it_is_busy() {
    for signal in ["TERM", "INT"] {
        let mut playground = Playground::start();
        playground.fault(&json!({"service": "openai", "delay_ms": 30_000}));
        let mut stream = TcpStream::connect(("127.0.0.1", playground.port)).unwrap();
        std::io::Write::write_all(&mut stream, raw_chat("Hello").as_bytes()).unwrap();
        wait_until("the request has come in", || {
            !playground.requests().is_empty()
        });
        let clock = Instant::now();
        let sent = Command::new("kill")
            .args(["-s", signal, &playground.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let status = playground.child.wait().unwrap();
        assert!(status.success(), "{signal}: {status}");
        assert!(clock.elapsed() < Duration::from_secs(2), "{signal}");
    }
}

#[test]
fn unknown_paths_and_methods_get_an_error() {
    let playground = Playground::start();
    let unknown = playground.send("GET", "/nothing", &[], b"");
    assert_eq!(
        (unknown.status, unknown.json()),
        (404, json!({"error": "there is nothing at /nothing"}))
    );
    assert_eq!(
        playground.control("PUT", "faults", &Value::Null).status,
        405
    );
}
