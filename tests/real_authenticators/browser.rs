use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use confide::client::Client;
use http::{Method, Request};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Chromium without a window, driven over WebDriver (W3C), with a virtual authenticator (WebAuthn Level 3, section 11) in the
/// place of a person's.
pub(crate) struct Browser {
    driver: Child,
    client: Client,
    session: String,
    _profile: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver is installed (Debian: chromium-driver)");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port: u16 = lines
            .find_map(|line| {
                let line = line.ok()?;
                line.split("successfully on port ")
                    .nth(1)?
                    .trim_end_matches('.')
                    .parse()
                    .ok()
            })
            .expect("chromedriver says where it listens");
        // Whatever else it says is of no interest, and must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = TempDir::new().unwrap();
        let mut browser = Self {
            driver,
            client: Client::new(&format!("http://127.0.0.1:{port}")),
            session: String::new(),
            _profile: profile,
        };
        let data = format!("--user-data-dir={}", browser._profile.path().display());
        // The sandbox of a browser that opens nothing but our own page cannot be had by root.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            &data,
        ];
        let created = browser.command(
            "",
            &json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {"args": arguments}}}}),
        );
        browser.session = format!("/{}", created["sessionId"].as_str().unwrap());
        browser.command(
            "/webauthn/authenticator",
            &json!({
                "protocol": "ctap2_1", "transport": "internal", "hasResidentKey": true,
                "hasUserVerification": true, "isUserVerified": true,
            }),
        );
        browser
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/session{}{path}", self.session))
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes())
            .unwrap();
        let response = self.client.send(request).unwrap();
        let mut answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(response.status(), 200, "{path}: {answer}");
        answer["value"].take()
    }

    pub(crate) fn open(&self, url: &str) {
        self.command("/url", &json!({ "url": url }));
    }

    /// Calls an asynchronous function of the page.
    pub(crate) fn call(&self, function: &str, arguments: &[&str]) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             window.{function}(...Array.from(arguments).slice(0, -1)).then(done, error => done({{ error: String(error) }}));"
        );
        self.command("/execute/async", &json!({"script": script, "args": arguments}))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let request = Request::builder()
            .method(Method::DELETE)
            .uri(format!("/session{}", self.session))
            .body(Vec::new())
            .unwrap();
        let _ = self.client.send(request);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
