//! A real Chromium, driven by ChromeDriver: WebDriver for the session, and Chrome's own protocol for everything else.
//!
//! One process for all pages of a test. What the page itself may not do by its policy, the driver may.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{http, skip_without, tool};

/// The start of the browser, and axe-core on a long page, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the browser is told: no window, no sandbox (which root cannot have), and nothing over the network by itself.
const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
];

/// A browser with one window, which goes with its value.
pub(crate) struct Browser {
    driver: Child,
    // The driver writes into it until it ends.
    _stdout: BufReader<ChildStdout>,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// A browser with an empty profile; says so where there is none and may be none.
    pub(crate) fn start() -> Option<Self> {
        let (driver, chromium) = (tool("chromedriver")?, tool("chromium")?);
        let profile = TempDir::new().expect("a temporary folder");
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut stdout = BufReader::new(driver.stdout.take().expect("its standard output"));
        let address = SocketAddr::from(([127, 0, 0, 1], port(&mut stdout)));
        let mut browser =
            Self { driver, _stdout: stdout, address, session: String::new(), _profile: profile };
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        let arguments: Vec<&str> = FLAGS.into_iter().chain([&*profile]).collect();
        let options = json!({ "args": arguments, "binary": chromium });
        let wanted = json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let answer = browser.post("/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = answer["sessionId"].as_str().expect("a session").to_owned();
        Some(browser)
    }

    /// Opens a page and waits until it is there.
    pub(crate) fn open(&self, url: &str) {
        self.in_session("url", &json!({ "url": url }));
    }

    /// Lets the page be so wide, in this colour scheme, from now on.
    pub(crate) fn look(&self, width: u32, scheme: &str) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.command("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// The value of an expression; a promise is waited for.
    pub(crate) fn evaluate(&self, expression: &str) -> Value {
        let answer = self.command(
            "Runtime.evaluate",
            &json!({ "expression": expression, "awaitPromise": true, "returnByValue": true }),
        );
        let failed = answer.get("exceptionDetails");
        assert!(failed.is_none(), "{}: {failed:?}", expression.chars().take(200).collect::<String>());
        answer["result"]["value"].clone()
    }

    /// Presses and releases a key.
    pub(crate) fn press(&self, key: &str, code: u32) {
        // Enter acts on what it writes, and Tab writes nothing.
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.command("Input.dispatchKeyEvent", &event);
        }
    }

    /// What the console has said since this was last asked, as `LEVEL: message`.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.in_session("se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().expect("a list of messages");
        let line = |entry: &Value| format!("{}: {}", entry["level"], entry["message"]);
        entries.iter().map(line).collect()
    }

    /// Writes a picture of the page from its top, at most so high.
    pub(crate) fn screenshot(&self, file: &Path, highest: u32) {
        let layout = self.command("Page.getLayoutMetrics", &json!({}));
        let side = |name: &str| layout["cssContentSize"][name].as_f64().expect("a length");
        let clip = json!({ "x": 0, "y": 0, "width": side("width"), "height": side("height").min(highest.into()), "scale": 1 });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let picture = self.command("Page.captureScreenshot", &wanted);
        let picture = STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder of the pictures");
        std::fs::write(file, picture).expect("the picture is written");
    }

    /// A command of Chrome's own protocol.
    fn command(&self, command: &str, parameters: &Value) -> Value {
        self.in_session("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn in_session(&self, command: &str, body: &Value) -> Value {
        self.post(&format!("/session/{}/{command}", self.session), body)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = http::send("POST", self.address, path, &[], body.to_string().as_bytes(), PATIENCE);
        let answer = answer.unwrap_or_else(|error| panic!("POST {path}: {error}"));
        let told = answer.json();
        assert_eq!(answer.status, 200, "POST {path}: {told:#}");
        told["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser with the session; killed it would leave it behind.
        if !self.session.is_empty() {
            let path = format!("/session/{}", self.session);
            drop(http::send("DELETE", self.address, &path, &[], b"", PATIENCE));
        }
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

/// The port that the driver has chosen, from what it says.
fn port(stdout: &mut impl BufRead) -> u16 {
    let mut said = String::new();
    while stdout.read_line(&mut said).expect("what chromedriver says") > 0 {
        let port = said.lines().last().and_then(|line| line.split("on port ").nth(1));
        if let Some(port) = port.and_then(|port| port.trim_end_matches('.').parse().ok())
            && port > 0
        {
            return port;
        }
    }
    panic!("chromedriver ended early: {said}");
}

/// The text of axe-core, which finds what keeps people from using a page; says so where it is missing and may be.
pub(crate) fn axe() -> Option<String> {
    let Some(file) = std::env::var_os("AXE_CORE") else {
        skip_without("AXE_CORE, the file axe.min.js of axe-core,");
        return None;
    };
    Some(std::fs::read_to_string(file).expect("the text of axe-core"))
}
