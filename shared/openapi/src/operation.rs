use http::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::schemas::{Schemas, simplify};

/// The schema of one type.
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

const JSON: &str = "application/json";

#[derive(Debug, Clone)]
struct Header {
    name: &'static str,
    is_required: bool,
    description: &'static str,
}

impl Header {
    fn parameter(&self) -> Value {
        json!({
            "name": self.name, "in": "header", "required": self.is_required,
            "schema": { "type": "string" }, "description": self.description,
        })
    }

    fn document(&self) -> Value {
        json!({ "schema": { "type": "string" }, "required": self.is_required, "description": self.description })
    }
}

/// A body: of a media type, and of what form where that is known.
#[derive(Debug, Clone)]
struct Content {
    media_type: &'static str,
    form: Option<SchemaOf>,
}

impl Content {
    fn json<T: JsonSchema>() -> Self {
        Self::json_as::<T>(JSON)
    }

    fn json_as<T: JsonSchema>(media_type: &'static str) -> Self {
        Self {
            media_type,
            form: Some(SchemaGenerator::subschema_for::<T>),
        }
    }

    fn opaque(media_type: &'static str) -> Self {
        Self { media_type, form: None }
    }

    /// The media type, and what is said of it.
    fn document(&self, generator: &mut SchemaGenerator) -> (String, Value) {
        let described = self.form.map(|form| json!({ "schema": form(generator) }));
        (self.media_type.to_owned(), described.unwrap_or_else(|| json!({})))
    }
}

#[derive(Debug, Clone)]
struct Answer {
    status: StatusCode,
    content: Option<Content>,
    headers: Vec<Header>,
}

/// One method of one path: what it is for, takes and answers. Problems need not be named: every route can answer them.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    summary: &'static str,
    headers: Vec<Header>,
    query: Option<SchemaOf>,
    /// One for each media type that is taken.
    bodies: Vec<Content>,
    is_body_required: bool,
    answers: Vec<Answer>,
    is_open: bool,
    is_of_several: bool,
}

impl Operation {
    /// `GET` of a path, and what it is for, in a few words.
    #[must_use]
    pub fn get(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::GET, path, summary)
    }

    /// `POST`.
    #[must_use]
    pub fn post(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::POST, path, summary)
    }

    /// `PUT`.
    #[must_use]
    pub fn put(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::PUT, path, summary)
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(path: &'static str, summary: &'static str) -> Self {
        Self::new(Method::DELETE, path, summary)
    }

    fn new(method: Method, path: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            summary,
            headers: Vec::new(),
            query: None,
            bodies: Vec::new(),
            is_body_required: true,
            answers: Vec::new(),
            is_open: false,
            is_of_several: false,
        }
    }

    /// Needs no session.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Is about several, though its path ends with a parameter: that says whose they are.
    #[must_use]
    pub fn several(mut self) -> Self {
        self.is_of_several = true;
        self
    }

    /// Takes the fields of this type as parameters of the query.
    #[must_use]
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(T::json_schema);
        self
    }

    /// Takes a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, is_required: bool, description: &'static str) -> Self {
        self.headers.push(Header {
            name,
            is_required,
            description,
        });
        self
    }

    /// Needs an `Idempotency-Key`.
    #[must_use]
    pub fn idempotent(self) -> Self {
        self.header(
            "Idempotency-Key",
            true,
            "16 to 128 visible ASCII characters of your own, such as a UUID: the same for every try of one request",
        )
    }

    /// Needs an `If-Match`.
    #[must_use]
    pub fn if_match(self) -> Self {
        self.header("If-Match", true, "The `ETag` of the version that is to be changed")
    }

    /// Takes a `Purpose-Of-Use`.
    #[must_use]
    pub fn purpose(self) -> Self {
        self.header(
            "Purpose-Of-Use",
            false,
            "What for, where it is not what somebody of the role usually asks for: a code of HL7's PurposeOfUse, or one that begins with `X-`",
        )
    }

    /// Takes a body of this type.
    #[must_use]
    pub fn body<T: JsonSchema>(mut self) -> Self {
        self.bodies.push(Content::json::<T>());
        self
    }

    /// Takes a body of this type, or none.
    #[must_use]
    pub fn optional_body<T: JsonSchema>(mut self) -> Self {
        self.bodies.push(Content::json::<T>());
        self.is_body_required = false;
        self
    }

    /// Takes a body of a form that nothing is said of here.
    #[must_use]
    pub fn opaque_body(mut self, media_type: &'static str) -> Self {
        self.bodies.push(Content::opaque(media_type));
        self
    }

    /// Answers this type.
    #[must_use]
    pub fn answers<T: JsonSchema>(self, status: StatusCode) -> Self {
        self.answering(status, Some(Content::json::<T>()))
    }

    /// Answers this type, as a media type of its own.
    #[must_use]
    pub fn answers_as<T: JsonSchema>(self, status: StatusCode, media_type: &'static str) -> Self {
        self.answering(status, Some(Content::json_as::<T>(media_type)))
    }

    /// Answers 200 with something of which nothing is said here.
    #[must_use]
    pub fn answers_opaque(self, media_type: &'static str) -> Self {
        self.answering(StatusCode::OK, Some(Content::opaque(media_type)))
    }

    /// Answers without a body.
    #[must_use]
    pub fn answers_nothing(self, status: StatusCode) -> Self {
        self.answering(status, None)
    }

    fn answering(mut self, status: StatusCode, content: Option<Content>) -> Self {
        self.answers.push(Answer {
            status,
            content,
            headers: Vec::new(),
        });
        self
    }

    /// The answer that was named last always has this header.
    #[must_use]
    pub fn with_header(self, name: &'static str, description: &'static str) -> Self {
        self.answer_header(name, true, description)
    }

    /// The answer that was named last has this header where the description says so.
    #[must_use]
    pub fn with_optional_header(self, name: &'static str, description: &'static str) -> Self {
        self.answer_header(name, false, description)
    }

    fn answer_header(mut self, name: &'static str, is_required: bool, description: &'static str) -> Self {
        let answer = self.answers.last_mut().expect("a header is said of an answer");
        answer.headers.push(Header {
            name,
            is_required,
            description,
        });
        self
    }

    /// The answer that was named last has an `ETag`.
    #[must_use]
    pub fn etag(self) -> Self {
        self.with_header("ETag", "The version, for `If-Match`")
    }

    /// The answer that was named last is a download: `web::Reply::attachment`, sent with its length.
    #[must_use]
    pub fn download(self) -> Self {
        self.with_header("Content-Disposition", "`attachment`: it is never shown in place")
            .with_header("Content-Length", "What is shorter was broken off, and is nothing")
    }

    /// The answer that was named last has a `Location`.
    #[must_use]
    pub fn located(self) -> Self {
        self.with_header("Location", "The path of the new thing")
    }

    /// The answer that was named last says how much is left of a limit, where there is one.
    #[must_use]
    pub fn rate_limited(self) -> Self {
        let form =
            "How many more requests may be made, and for how many seconds (draft-ietf-httpapi-ratelimit-headers-11)";
        self.with_optional_header("RateLimit", form)
            .with_optional_header("RateLimit-Policy", "The limit that `RateLimit` is about")
    }

    pub(crate) fn takes_query(&self) -> bool {
        self.query.is_some()
    }

    /// `post_billing_clients_invoices`: of the method and the words of the path, whatever the parameters are called.
    pub(crate) fn id(&self) -> String {
        let words = self.path.split('/').skip(2).filter(|word| !word.starts_with('{'));
        let words: Vec<String> = words.map(|word| word.replace('-', "_")).collect();
        let is_of_one = self.path.ends_with('}') && !self.is_of_several;
        let one = if is_of_one { "_one" } else { "" };
        format!("{}_{}{one}", self.method.as_str().to_lowercase(), words.join("_"))
    }

    pub(crate) fn document(&self, schemas: &mut Schemas) -> Value {
        let mut document = json!({ "operationId": self.id(), "summary": self.summary });
        let names = self.path.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
        let in_path = names
            .map(|(name, _)| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
        let in_query = self.query.map(|query| query_parameters(query(&mut schemas.taken)));
        let parameters: Vec<Value> = in_path
            .chain(in_query.unwrap_or_default())
            .chain(self.headers.iter().map(Header::parameter))
            .collect();
        let mut responses = json!({ "default": { "$ref": "#/components/responses/Problem" } });
        for answer in &self.answers {
            let status = answer.status.as_str();
            assert!(responses.get(status).is_none(), "{} answers {status} twice", self.id());
            responses[status] = answer.document(&mut schemas.answered);
        }
        document["responses"] = responses;
        if !parameters.is_empty() {
            document["parameters"] = Value::Array(parameters);
        }
        if !self.bodies.is_empty() {
            let contents = self.bodies.iter().map(|content| content.document(&mut schemas.taken));
            document["requestBody"] =
                json!({ "required": self.is_body_required, "content": contents.collect::<Map<_, _>>() });
        }
        if self.is_open {
            document["security"] = json!([]);
        } else if self.method.is_safe() {
            // A page that was loaded anew has the cookie alone, and asks for the token that goes with it.
            document["security"] = json!([{ "bearer": [] }, { "cookie": [] }]);
        }
        document
    }
}

impl Answer {
    fn document(&self, generator: &mut SchemaGenerator) -> Value {
        let mut document = json!({ "description": self.status.canonical_reason().unwrap_or("Answer") });
        if let Some(content) = &self.content {
            let (media_type, described) = content.document(generator);
            document["content"] = json!({ media_type: described });
        }
        for header in &self.headers {
            document["headers"][header.name] = header.document();
        }
        document
    }
}

/// The `next` of an answer, handed back as it is: that some are numbers is nobody's to know.
const CURSOR: &str = "cursor";

/// How long a page is at most: the same everywhere (`web::page_size`).
const LIMIT: &str = "limit";

/// One parameter for each property of an object.
fn query_parameters(fields: Schema) -> Vec<Value> {
    let mut fields = fields.to_value();
    simplify(&mut fields);
    let is_required = |name: &str| {
        let required = fields.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|required| required == name))
    };
    assert!(fields.get("properties").is_some(), "a query has parameters");
    let properties = fields.get("properties").and_then(Value::as_object);
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        match name.as_str() {
            CURSOR => schema = json!({ "type": "string" }),
            LIMIT => schema = json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 }),
            _ => {}
        }
        let mut parameter = json!({ "name": name, "in": "query", "required": is_required(name), "schema": schema });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        parameter
    };
    properties.into_iter().flatten().map(parameter).collect()
}
