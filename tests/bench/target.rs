use std::sync::atomic::{AtomicU64, Ordering};

use crate::connection::Connection;
use crate::setting::{Setting, note};

/// The connections of the run with many.
pub(crate) const CONNECTIONS: usize = 16;

/// Stands in a request where each one gets an idempotency key of its own; as long as the key is.
const KEY: &str = "KKKKKKKKKKKKKKKKKKKKKKKK";

/// Stands in a note of a session that was just now, as most are that are written: newer than what there is. As long as the time is.
const NOW: &str = "NNNNNNNNNNNNNNNNNNNNNNNNNNN";

static KEYS: AtomicU64 = AtomicU64::new(0);

/// What is measured.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// The status that it answers.
    pub(crate) status: u16,
    /// What each connection sends.
    requests: Vec<Vec<u8>>,
}

/// A connection's request, as bytes that are ready to be sent.
pub(crate) struct Request {
    bytes: Vec<u8>,
    key: Option<usize>,
    now: Option<usize>,
}

impl Request {
    /// The next request: the same bytes, but for a fresh idempotency key and the time where there are such.
    pub(crate) fn next(&mut self) -> &[u8] {
        if let Some(at) = self.key {
            let number = KEYS.fetch_add(1, Ordering::Relaxed);
            let key = format!("bench-{number:018}");
            self.bytes[at..at + KEY.len()].copy_from_slice(key.as_bytes());
        }
        if let Some(at) = self.now {
            let now = format!("{:.6}", jiff::Timestamp::now());
            self.bytes[at..at + NOW.len()].copy_from_slice(now.as_bytes());
        }
        &self.bytes
    }
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: confide.example\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

impl Target {
    /// The same request from every connection.
    pub(crate) fn same(name: &'static str, status: u16, request: Vec<u8>) -> Self {
        Self {
            name,
            status,
            requests: vec![request; CONNECTIONS],
        }
    }

    /// Everything that is measured, the floor second: ratios are taken to it.
    pub(crate) fn all(setting: &Setting, probes: bool) -> Vec<Self> {
        let bearer = format!("Bearer {}", setting.token);
        let mut of_now = note();
        of_now["content"]["session_at"] = NOW.into();
        let read = setting
            .clients
            .iter()
            .map(|chart| {
                let path = format!("/v1/records/clients/{}/records/{}", chart.client, chart.note);
                request("GET", &path, &[("authorization", &bearer)], "")
            })
            .collect();
        let write = Self::writes(setting, &bearer, &of_now.to_string());
        let mut targets = vec![
            Self::same("empty function", 204, request("GET", "/bench/empty", &[], "")),
            Self::same("floor", 200, request("GET", "/bench/floor", &[], "")),
            Self {
                name: "Confide read",
                status: 200,
                requests: read,
            },
            Self {
                name: "Confide write",
                status: 201,
                requests: write,
            },
        ];
        if probes {
            targets.extend(Self::probes(setting, &bearer));
        }
        targets
    }

    /// A note for each connection's client.
    fn writes(setting: &Setting, bearer: &str, note: &str) -> Vec<Vec<u8>> {
        let headers = [
            ("authorization", bearer),
            ("content-type", "application/json"),
            ("idempotency-key", KEY),
        ];
        let write = |client: &str| request("POST", &format!("/v1/records/clients/{client}/records"), &headers, note);
        setting.clients.iter().map(|chart| write(&chart.client)).collect()
    }

    /// A log-in of a client, and the hash that it costs.
    pub(crate) fn log_in(setting: &Setting) -> [Self; 2] {
        let json = [("content-type", "application/json")];
        [
            Self::same("hash", 204, request("GET", "/bench/hash", &[], "")),
            Self::same(
                "log-in",
                201,
                request("POST", "/v1/auth/sessions", &json, &setting.credentials.to_string()),
            ),
        ]
    }

    /// Notes that do not come in order, and reads that end earlier and earlier.
    fn probes(setting: &Setting, bearer: &str) -> [Self; 5] {
        let chart = &setting.clients[0];
        let records = format!("/v1/records/clients/{}/records", chart.client);
        // An id of the right form that names nothing: the client's own, where a record's is expected.
        let absent = format!("{records}/{}", chart.note.replace(|c: char| c.is_ascii_digit(), "0"));
        let unknown = format!("Bearer cfs_{}", "A".repeat(64));
        [
            Self {
                name: "write of before",
                status: 201,
                requests: Self::writes(setting, bearer, &note().to_string()),
            },
            Self::same("no such path", 404, request("GET", "/v1/records/none", &[], "")),
            Self::same("no token", 401, request("GET", &records, &[], "")),
            Self::same(
                "unknown token",
                401,
                request("GET", &records, &[("authorization", &unknown)], ""),
            ),
            Self::same(
                "no such record",
                404,
                request("GET", &absent, &[("authorization", bearer)], ""),
            ),
        ]
    }

    /// A connection's requests.
    pub(crate) fn request(&self, connection: usize) -> Request {
        let bytes = self.requests[connection].clone();
        let place = |of: &str| bytes.windows(of.len()).position(|window| window == of.as_bytes());
        let (key, now) = (place(KEY), place(NOW));
        Request { bytes, key, now }
    }

    /// Whether the deployment answers it as it should; else why it is left out.
    pub(crate) fn try_once(&self, url: &str) -> Result<(), String> {
        let mut connection = Connection::open(url).map_err(|error| error.to_string())?;
        if self.name == "floor" {
            let set_up = request("POST", "/bench/floor/setup", &[], "{}");
            let _ = connection.exchange(&set_up);
        }
        match connection.exchange(self.request(0).next()) {
            Ok(status) if status == self.status => Ok(()),
            Ok(status) => Err(format!("answers {status} instead of {}", self.status)),
            Err(error) => Err(error.to_string()),
        }
    }
}
