use http::{HeaderName, HeaderValue, Method, Request, Response};
use serde_json::Value;

/// Marks a request whose body breaks off after what there is of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrokenOff;

/// A request in the making.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
    is_broken_off: bool,
}

impl Call {
    /// A request.
    #[must_use]
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
            is_broken_off: false,
        }
    }

    /// `GET`.
    #[must_use]
    pub fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    /// `POST` with a JSON body.
    #[must_use]
    pub fn post(target: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::POST, target).json(body)
    }

    /// `PUT` with a JSON body.
    #[must_use]
    pub fn put(target: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::PUT, target).json(body)
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(target: impl Into<String>) -> Self {
        Self::new(Method::DELETE, target)
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// With a body as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a body that breaks off after what there is of it: whoever sends it is gone.
    #[must_use]
    pub fn broken_off(mut self) -> Self {
        self.is_broken_off = true;
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((
            HeaderName::try_from(name).unwrap(),
            HeaderValue::try_from(value).unwrap(),
        ));
        self
    }

    /// With a session token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With an idempotency key, padded to the least length.
    #[must_use]
    pub fn once(self, key: &str) -> Self {
        self.header("idempotency-key", &format!("{key:-<16}"))
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> Request<Vec<u8>> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.parse().unwrap();
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        if self.is_broken_off {
            request.extensions_mut().insert(BrokenOff);
        }
        request
    }
}

/// An answer, taken apart.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The JSON body, or null.
    pub json: Value,
    response: Response<Vec<u8>>,
}

impl Answer {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.response.body()
    }

    /// The body as text.
    #[must_use]
    pub fn body(&self) -> String {
        String::from_utf8(self.response.body().clone()).unwrap()
    }

    /// The stable part of the problem's type.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.json["type"].as_str()?.strip_prefix("urn:problem-type:confide:")
    }

    /// A text field of the body.
    #[must_use]
    pub fn text(&self, field: &str) -> String {
        self.json[field]
            .as_str()
            .unwrap_or_else(|| panic!("no `{field}` in {} {}", self.status, self.json))
            .to_owned()
    }
}

impl From<Response<Vec<u8>>> for Answer {
    fn from(response: Response<Vec<u8>>) -> Self {
        Self {
            status: response.status().as_u16(),
            json: serde_json::from_slice(response.body()).unwrap_or(Value::Null),
            response,
        }
    }
}
