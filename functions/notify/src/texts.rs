//! The words of messages, in every language there is, from the data files in `templates`.
//!
//! No text says anything about health, names a practice, or shows what a person typed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use notification::{Channel, Content, Template};
use serde::Deserialize;

use crate::app_origin::AppOrigin;
use crate::html::Html;

/// The languages, by the tags that texts are looked up by (RFC 4647). English is what is left where nothing matches.
const LANGUAGES: [(&str, &str); 5] = [
    ("en", include_str!("../templates/en.json")),
    ("ar", include_str!("../templates/ar.json")),
    ("de", include_str!("../templates/de.json")),
    ("es", include_str!("../templates/es.json")),
    ("hi", include_str!("../templates/hi.json")),
];

/// Left-to-right in a right-to-left text (Unicode UAX #9, section 2.4.2), so that a date keeps its order.
const ISOLATE: [char; 2] = ['\u{2066}', '\u{2069}'];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    Ltr,
    Rtl,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Ltr => "ltr",
            Self::Rtl => "rtl",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    direction: Direction,
    factors: BTreeMap<String, String>,
    templates: BTreeMap<String, Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    subject: String,
    /// Paragraphs. A link or a code is a paragraph of its own, so that nothing sticks to it when it is copied.
    body: Vec<String>,
    /// The text by SMS, for the templates that are sent that way. It never has a link: people must not learn to follow
    /// links that come by SMS.
    #[serde(default)]
    sms: Option<String>,
}

/// A message in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    language: &'static str,
    direction: Direction,
    subject: String,
    paragraphs: Vec<String>,
    sms: Option<String>,
}

/// The language that comes nearest to what is wanted: the longest tag that it begins with (RFC 4647, section 3.4).
fn look_up(wanted: &str) -> (&'static str, &'static str) {
    let wanted = wanted.to_ascii_lowercase();
    let mut range = wanted.as_str();
    loop {
        if let Some(found) = LANGUAGES.iter().find(|(tag, _)| *tag == range) {
            return *found;
        }
        let Some((shorter, _)) = range.rsplit_once('-') else {
            let [english, ..] = LANGUAGES;
            return english;
        };
        // A single letter or digit introduces what was cut off, and goes with it.
        range = match shorter.rsplit_once('-') {
            Some((before, last)) if last.len() == 1 => before,
            _ => shorter,
        };
    }
}

/// Whether a template can be sent by a channel.
pub(crate) fn is_sent_by(template: Template, channel: Channel) -> bool {
    match channel {
        Channel::Email => true,
        Channel::Sms => matches!(
            template,
            Template::SignInCode
                | Template::FactorAdded
                | Template::FactorRemoved
                | Template::PasswordChanged
                | Template::NewDevice
        ),
    }
}

/// The page of the front end that a token belongs to.
fn page(template: Template) -> &'static str {
    match template {
        Template::Invitation => "/invitation",
        Template::Registration => "/registration",
        Template::PasswordReset => "/password-reset",
        Template::EmailChangeOld | Template::EmailChangeNew => "/email-change",
        Template::RecoveryApproved => "/recovery",
        Template::SignInCode
        | Template::EmailChanged
        | Template::FactorAdded
        | Template::FactorRemoved
        | Template::PasswordChanged
        | Template::NewDevice
        | Template::AccountDisabled
        | Template::AccountChanged
        | Template::UrgentAccess
        | Template::UrgentAccessReview
        | Template::AccessReview => "/",
    }
}

/// Puts values in the place of `{names}`. What is put in is not looked at again.
fn fill(template: &str, values: &[(&str, String)]) -> Option<String> {
    let mut filled = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        let (_, value) = values.iter().find(|(known, _)| *known == name)?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// A moment as everybody can read it: RFC 3339 to the minute. Cut out of the text, because formatting by a pattern would
/// bring time zones along, which are a tenth of the whole function.
fn moment(at: Timestamp) -> Option<String> {
    let text = at.to_string();
    let (date, time) = text.split_once('T')?;
    Some(format!("{date} {} UTC", time.get(..5)?))
}

impl Text {
    /// A content in words, in the nearest language. `None` where the texts lack something: a defect, which a test finds.
    pub(crate) fn render(
        content: &Content,
        language: &str,
        accepted_at: Timestamp,
        expires_at: Option<Timestamp>,
        app: &AppOrigin,
    ) -> Option<Self> {
        let (language, data) = look_up(language);
        let Texts {
            direction,
            factors,
            templates,
        } = serde_json::from_str(data).ok()?;
        let template = content.template();
        let words = templates.get(template.name())?;
        let isolated = |text: String| match direction {
            Direction::Ltr => text,
            Direction::Rtl => {
                let [first, last] = ISOLATE;
                format!("{first}{text}{last}")
            }
        };
        let mut values = vec![("at", isolated(moment(accepted_at)?))];
        if let Some(expires_at) = expires_at {
            values.push(("until", isolated(moment(expires_at)?)));
        }
        if let Some(factor) = content.factor() {
            values.push(("factor", factors.get(factor.name())?.clone()));
        }
        if let Some(token) = content.token() {
            values.push((
                "link",
                format!("{}{}#token={}", app.as_str(), page(template), token.expose()),
            ));
        }
        let code = content.code().map(|code| code.expose().clone());
        if let Some(code) = &code {
            values.push(("code", code.clone()));
        }
        let sms = match (&words.sms, code) {
            (None, _) => None,
            (Some(sms), None) => Some(fill(sms, &values)?),
            // Bound to the origin, so that a browser offers the code there and nowhere else (Web Incubator Community Group,
            // "Origin-bound one-time codes delivered via SMS": the last line is `@host #code`).
            (Some(sms), Some(code)) => Some(format!("{}\n\n@{} #{code}", fill(sms, &values)?, app.host())),
        };
        Some(Self {
            language,
            direction,
            subject: fill(&words.subject, &values)?,
            paragraphs: words
                .body
                .iter()
                .map(|paragraph| fill(paragraph, &values))
                .collect::<Option<_>>()?,
            sms,
        })
    }

    pub(crate) fn language(&self) -> &'static str {
        self.language
    }

    pub(crate) fn direction(&self) -> &'static str {
        self.direction.name()
    }

    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    pub(crate) fn paragraphs(&self) -> &[String] {
        &self.paragraphs
    }

    /// The text by SMS. Templates that have none are not accepted for SMS.
    pub(crate) fn short(&self) -> String {
        self.sms.clone().unwrap_or_default()
    }

    /// The body as plain text.
    pub(crate) fn plain(&self) -> String {
        let mut plain = self.paragraphs.join("\n\n");
        plain.push('\n');
        plain
    }

    /// The body as HTML: no style, no image, nothing that tells anybody that it was read.
    pub(crate) fn html(&self) -> String {
        let mut html = Html::default();
        html.markup("<!doctype html>\n<html lang=\"")
            .text(self.language)
            .markup("\" dir=\"")
            .text(self.direction())
            .markup("\"><head><meta charset=\"utf-8\"><title>")
            .text(&self.subject)
            .markup("</title></head><body>\n");
        for paragraph in &self.paragraphs {
            if paragraph.starts_with("https://") || paragraph.starts_with("http://") {
                html.markup("<p dir=\"ltr\"><a href=\"")
                    .text(paragraph)
                    .markup("\">")
                    .text(paragraph)
                    .markup("</a></p>\n");
            } else {
                html.markup("<p>").text(paragraph).markup("</p>\n");
            }
        }
        html.markup("</body></html>\n");
        html.into_string()
    }

    #[cfg(test)]
    pub(crate) fn sample(words: &str) -> Self {
        Self {
            language: "de",
            direction: Direction::Ltr,
            subject: "Betreff".to_owned(),
            paragraphs: vec![words.to_owned(), "https://app.example.org/".to_owned()],
            sms: Some(words.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Confidential;
    use notification::Factor;
    use std::collections::BTreeSet;

    fn app() -> AppOrigin {
        AppOrigin::parse("https://app.example.org").unwrap()
    }

    fn at() -> Timestamp {
        "2026-12-01T08:00:00Z".parse().unwrap()
    }

    fn until() -> Timestamp {
        "2026-12-01T08:10:00Z".parse().unwrap()
    }

    /// One content of each template.
    fn contents() -> Vec<Content> {
        let token = || Confidential::new("t0k-en_.~".to_owned());
        vec![
            Content::Invitation { token: token() },
            Content::Registration { token: token() },
            Content::SignInCode {
                code: Confidential::new("123456".to_owned()),
            },
            Content::PasswordReset { token: token() },
            Content::EmailChangeOld { token: token() },
            Content::EmailChangeNew { token: token() },
            Content::EmailChanged,
            Content::FactorAdded { factor: Factor::Sms },
            Content::FactorRemoved {
                factor: Factor::Passkey,
            },
            Content::PasswordChanged,
            Content::NewDevice,
            Content::AccountDisabled,
            Content::AccountChanged,
            Content::RecoveryApproved { token: token() },
            Content::UrgentAccess,
            Content::UrgentAccessReview,
            Content::AccessReview,
        ]
    }

    /// What each template must say: no more can be filled in, and no less may be said.
    fn placeholders(content: &Content) -> BTreeSet<&'static str> {
        let mut names = BTreeSet::new();
        match (content.token(), content.code(), content.factor()) {
            (Some(_), ..) => names.extend(["link", "until"]),
            (_, Some(_), _) => names.extend(["code", "until"]),
            (.., Some(_)) => names.extend(["factor", "at"]),
            // What matters is when it is due.
            _ if content.template() == Template::AccessReview => names.extend(["until"]),
            _ => names.extend(["at"]),
        }
        names
    }

    fn named(text: &str) -> BTreeSet<String> {
        text.split('{')
            .skip(1)
            .map(|rest| rest.split_once('}').unwrap().0.to_owned())
            .collect()
    }

    fn owned(names: &BTreeSet<&'static str>) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_language_says_everything() {
        let contents = contents();
        let templates: Vec<_> = contents.iter().map(Content::template).collect();
        assert_eq!(templates, Template::ALL);
        for (tag, data) in LANGUAGES {
            let texts: Texts = serde_json::from_str(data).unwrap();
            let names: Vec<&str> = texts.templates.keys().map(String::as_str).collect();
            let expected: BTreeSet<&str> = Template::ALL.iter().map(|template| template.name()).collect();
            assert_eq!(names, expected.into_iter().collect::<Vec<_>>(), "{tag}");
            let factors: Vec<&str> = texts.factors.keys().map(String::as_str).collect();
            let expected: BTreeSet<&str> = Factor::ALL.iter().map(|factor| factor.name()).collect();
            assert_eq!(factors, expected.into_iter().collect::<Vec<_>>(), "{tag}");
            for content in &contents {
                let (template, wanted) = (content.template(), placeholders(content));
                let words = &texts.templates[template.name()];
                let what = format!("{tag} {}", template.name());
                // What must not be seen on a locked screen or in a list of messages is not in the subject.
                assert!(named(&words.subject).is_empty(), "{what}");
                assert_eq!(named(&words.body.concat()), owned(&wanted), "{what}");
                // What is copied or followed stands alone.
                for alone in ["{link}", "{code}"] {
                    let paragraphs: Vec<_> = words.body.iter().filter(|text| text.contains(alone)).collect();
                    assert!(paragraphs.iter().all(|text| *text == alone), "{what}");
                }
                assert_eq!(words.sms.is_some(), is_sent_by(template, Channel::Sms), "{what}");
                if let Some(sms) = &words.sms {
                    let named = named(sms);
                    assert!(named.is_subset(&owned(&wanted)) && !named.contains("link"), "{what}");
                    assert_eq!(named.contains("code"), wanted.contains("code"), "{what}");
                }
            }
        }
    }

    #[test]
    fn every_text_renders_by_itself() {
        for (tag, _) in LANGUAGES {
            for content in contents() {
                let text = Text::render(&content, tag, at(), Some(until()), &app()).unwrap();
                assert_eq!(text.language(), tag);
                let all = format!("{}{}{}{}", text.subject(), text.plain(), text.html(), text.short());
                assert!(!all.contains(['{', '}']), "{all}");
                assert!(text.plain().contains("2026-12-01 08:"), "{all}");
                if content.token().is_some() {
                    let page = page(content.template());
                    let link = format!("https://app.example.org{page}#token=t0k-en_.~");
                    assert!(text.paragraphs().contains(&link), "{all}");
                    assert!(text.html().contains(&format!("<a href=\"{link}\">{link}</a>")), "{all}");
                }
            }
        }
    }

    /// A message tells whoever sees it that there is an account, and nothing else.
    #[test]
    fn no_text_speaks_of_health() {
        let words = [
            "health",
            "therap",
            "clinic",
            "patient",
            "appointment",
            "session with",
            "counsel",
            "treatment",
            "doctor",
            "gesundheit",
            "praxis",
            "klinik",
            "termin",
            "behandlung",
            "arzt",
            "ärzt",
            "beratung",
            "salud",
            "clínica",
            "paciente",
            "cita",
            "médic",
            "tratamiento",
            "consulta",
            "स्वास्थ्य",
            "चिकित्स",
            "रोगी",
            "क्लिनिक",
            "उपचार",
            "डॉक्टर",
            "صحة",
            "صحي",
            "عيادة",
            "مريض",
            "علاج",
            "طبيب",
            "موعد",
        ];
        for (tag, data) in LANGUAGES {
            let data = data.to_lowercase();
            for word in words {
                // "Felicita" and the like would be no reason: there are none, so the plain search is enough.
                assert!(!data.contains(word), "{tag} {word}");
            }
        }
    }

    #[test]
    fn scripts_and_directions_are_their_own() {
        let content = Content::FactorAdded { factor: Factor::Totp };
        let render = |tag: &str| Text::render(&content, tag, at(), None, &app()).unwrap();
        let arabic = render("ar-EG");
        assert_eq!((arabic.language(), arabic.direction()), ("ar", "rtl"));
        assert!(arabic.html().contains("<html lang=\"ar\" dir=\"rtl\">"));
        assert!(arabic.plain().contains("\u{2066}2026-12-01 08:00 UTC\u{2069}"));
        assert!(arabic.plain().contains("تطبيق مصادقة"));
        let hindi = render("hi-IN");
        assert_eq!((hindi.language(), hindi.direction()), ("hi", "ltr"));
        assert!(hindi.plain().contains("प्रमाणक ऐप") && !hindi.plain().contains('\u{2066}'));
        assert!(render("de-AT").plain().contains("Authentifizierungs-App"));
    }

    #[test]
    fn languages_are_looked_up_by_rfc_4647() {
        for (wanted, found) in [
            ("de", "de"),
            ("DE-at", "de"),
            ("es-419", "es"),
            ("hi-Latn-IN-x-foo", "hi"),
            ("ar-a-bbb-x-a-ccc", "ar"),
            ("zh-Hant-CN-x-private1-private2", "en"),
            ("fr", "en"),
            ("deu", "en"),
            ("", "en"),
        ] {
            assert_eq!(look_up(wanted).0, found, "{wanted}");
        }
    }

    /// The form of the WICG specification, section 4: the last line, host and code and nothing else.
    #[test]
    fn a_code_by_sms_is_bound_to_the_origin() {
        let contents = contents();
        let code = contents
            .iter()
            .find(|content| matches!(content, Content::SignInCode { .. }))
            .unwrap();
        for (tag, _) in LANGUAGES {
            let sms = Text::render(code, tag, at(), Some(until()), &app()).unwrap().short();
            let last = sms.lines().last().unwrap();
            assert_eq!(last, "@app.example.org #123456");
            assert_eq!(sms.matches("123456").count(), 2, "{sms}");
            assert_eq!(sms.lines().rev().nth(1), Some(""), "{sms}");
        }
        let local = AppOrigin::parse("http://localhost:3000").unwrap();
        let sms = Text::render(code, "en", at(), Some(until()), &local).unwrap().short();
        assert!(sms.ends_with("\n@localhost #123456"), "{sms}");
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let values = [("a", "{b}".to_owned()), ("b", "no".to_owned())];
        assert_eq!(fill("x {a} y", &values).as_deref(), Some("x {b} y"));
        assert_eq!(fill("{c}", &values), None);
        assert_eq!(fill("{a", &values), None);
    }
}
