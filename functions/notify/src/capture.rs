//! What would be sent, kept and shown instead: for development, where nobody wants to set up a provider to see a code. It
//! exists only where the variable `capture` is on.

use base64ct::{Base64, Encoding};
use crypto::{KeySet, Label, Secret, name};
use model::{ClinicId, Confidential, DataClass, MessageId, Timestamp};
use notification::Channel;
use ports::Creation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Doc, Shelf, UpdateError};
use web::{Exchange, Problem, Reply};

use crate::html::Html;
use crate::provider::Letter;
use crate::settings::Settings;

const NAME: Label = Label::new("confide 2026-11 capture name");

/// How many messages are kept.
const MOST: usize = 100;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}\
article{border:1px solid #8888;border-radius:.5rem;padding:0 1rem;margin:1rem 0}\
header,small{color:#777}pre{white-space:pre-wrap;font:inherit}";

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Captured {
    id: MessageId,
    clinic: ClinicId,
    channel: Channel,
    to: Confidential<String>,
    language: String,
    direction: String,
    subject: String,
    paragraphs: Confidential<Vec<String>>,
    at: Timestamp,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The newest first.
    messages: Vec<Captured>,
}

/// The messages of all clinics that would have been sent last.
pub(crate) struct Captures<'a> {
    shelf: Shelf<'a>,
    seal: &'a KeySet,
    index: &'a Secret,
}

impl<'a> Captures<'a> {
    pub(crate) fn open(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            shelf: exchange.shelf("notify")?,
            seal: exchange.keyring.seal(DataClass::Message)?,
            index: exchange.keyring.key("index")?,
        })
    }

    fn doc(&self) -> Doc<'_, Kept, KeySet> {
        self.shelf
            .doc(None, "captured messages", &name(self.index, NAME, &[]), self.seal)
    }

    /// Keeps a message, once.
    pub(crate) fn keep(&self, letter: &Letter<'_>, channel: Channel, now: Timestamp) -> Result<(), Problem> {
        let captured = Captured {
            id: letter.id,
            clinic: letter.clinic,
            channel,
            to: Confidential::new(letter.to.to_owned()),
            language: letter.text.language().to_owned(),
            direction: letter.text.direction().to_owned(),
            subject: match channel {
                Channel::Email => letter.text.subject().to_owned(),
                Channel::Sms => String::new(),
            },
            paragraphs: Confidential::new(match channel {
                Channel::Email => letter.text.paragraphs().to_vec(),
                Channel::Sms => vec![letter.text.short()],
            }),
            at: now,
        };
        let keep = |kept: &mut Kept| {
            if kept.messages.iter().all(|message| message.id != captured.id) {
                kept.messages.insert(0, captured.clone());
                kept.messages.truncate(MOST);
            }
            Ok::<_, Problem>(())
        };
        match self.doc().update(None, keep) {
            Err(UpdateError::Absent) => {}
            updated => return Ok(updated.map(drop)?),
        }
        let mut first = Kept::default();
        keep(&mut first)?;
        if self.doc().create(&first)? == Creation::Exists {
            self.doc().update(None, keep)?;
        }
        Ok(())
    }
}

/// `GET /v1/notify/capture`
///
/// For whoever can reach the deployment: it asks for no session, because what it shows is how to get one. That is why it
/// is off unless it is turned on.
pub(crate) fn show(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    if !Settings(exchange).is_capturing() {
        return Err(Problem::no_such_route());
    }
    let kept = Captures::open(exchange)?.doc().read()?;
    let messages = kept.map(|kept| kept.value.messages).unwrap_or_default();
    let style_sha256 = Base64::encode_string(&Sha256::digest(STYLE));
    Ok(Reply::page(page(&messages), &style_sha256))
}

fn page(messages: &[Captured]) -> String {
    let mut html = Html::default();
    html.markup("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
        .markup("<meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" content=\"5\">")
        .markup("<title>Captured messages</title><style>")
        .markup(STYLE)
        .markup("</style></head><body>\n<h1>Captured messages</h1>\n")
        .markup(
            "<p><small>What would have been sent, newest first, the last hundred. Nothing here was sent to anybody.",
        )
        .markup("</small></p>\n");
    if messages.is_empty() {
        html.markup("<p>None yet.</p>\n");
    }
    for message in messages {
        let channel = match message.channel {
            Channel::Email => "e-mail",
            Channel::Sms => "SMS",
        };
        html.markup("<article>\n<header><small>")
            .text(channel)
            .markup(" to <bdi>")
            .text(message.to.expose())
            .markup("</bdi>, ")
            .text(&message.at.to_string())
            .markup(", ")
            .text(&message.clinic.to_string())
            .markup("</small></header>\n<div lang=\"")
            .text(&message.language)
            .markup("\" dir=\"")
            .text(&message.direction)
            .markup("\">\n");
        if !message.subject.is_empty() {
            html.markup("<h2>").text(&message.subject).markup("</h2>\n");
        }
        for paragraph in message.paragraphs.expose() {
            if paragraph.starts_with("https://") || paragraph.starts_with("http://") {
                html.markup("<p dir=\"ltr\"><a href=\"")
                    .text(paragraph)
                    .markup("\">")
                    .text(paragraph)
                    .markup("</a></p>\n");
            } else {
                html.markup("<pre>").text(paragraph).markup("</pre>\n");
            }
        }
        html.markup("</div>\n</article>\n");
    }
    html.markup("</body></html>\n");
    html.into_string()
}
