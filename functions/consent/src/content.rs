//! What a notice, a policy or an agreement says, and the form that it has to have.

use http::Uri;
use http::uri::Scheme;
use law::notice::LegalBasis;
use model::{DataClass, NoticeId, Purpose, is_language_tag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use web::{Check, Problem};

/// The longest text of a notice, in characters.
const TEXT: usize = 100_000;

/// The longest paragraph beside it, in characters.
const PARAGRAPH: usize = 2_000;

/// The longest title, in characters.
const TITLE: usize = 200;

/// The most items that data are itemised in.
const ITEMS: usize = 100;

/// What a notice is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "NoticeKind")]
pub(crate) enum Kind {
    /// Told before somebody consents.
    #[default]
    Notice,
    /// Binds the practice.
    Policy,
    /// Binds who accepts it, as a confidentiality agreement does.
    Agreement,
}

impl Kind {
    fn is_notice(&self) -> bool {
        *self == Self::Notice
    }
}

/// What a notice says. Texts for which nothing else is said have 1 to 2 000 characters.
// The order of the fields is that of the text that is hashed; a field that is absent or empty is left out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NoticeContent")]
pub(crate) struct Content {
    /// 1 to 200 characters.
    pub(crate) title: String,
    /// BCP 47, such as `en` or `pt-BR`.
    pub(crate) language: String,
    /// 1 to 100 000 characters.
    pub(crate) text: String,
    /// At least one in a notice, each once; none in a policy or an agreement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) purposes: Vec<Purpose>,
    /// At least one in a notice, each once; none in a policy or an agreement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) classes: Vec<DataClass>,
    /// How to withdraw. Needed in a notice.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) withdrawal: String,
    /// To whom to complain, and how. Needed in a notice.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) complaint: String,
    /// How to reach the practice about privacy.
    pub(crate) contact: String,
    /// `notice` where it is absent.
    #[serde(default, skip_serializing_if = "Kind::is_notice")]
    pub(crate) kind: Kind,
    /// Which data enable what. Where there are any, at most 100, they cover every class and every purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) items: Vec<Item>,
    /// Who is answerable for the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) controller: Option<String>,
    /// Each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) legal_basis: Vec<LegalBasis>,
    /// Which interests, where they are the basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) legitimate_interests: Option<String>,
    /// Who receives the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recipients: Option<String>,
    /// Who may disclose the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) discloser: Option<String>,
    /// Whether data leave for other countries or international organisations, and under which safeguards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) transfers: Option<String>,
    /// For how long data are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) storage_period: Option<String>,
    /// When or with what event the permission expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expiry: Option<String>,
    /// Which rights she has, and how to exercise them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rights: Option<String>,
    /// Whether she has to give the data, and what follows if she does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mandatory: Option<String>,
    /// Whether anything is decided by automated means, by which logic, and with which consequences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) automated_decisions: Option<String>,
    /// What her agreeing leads to, and the risk of harm in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) consequences: Option<String>,
    /// Whether treatment, payment, enrolment or eligibility depend on her agreeing, and what follows from refusing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conditioning: Option<String>,
    /// That recipients may disclose the data again, and whether the law still protects them then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redisclosure: Option<String>,
    #[serde(default, skip_serializing_if = "Links::is_empty")]
    pub(crate) links: Links,
    /// The notice that this is the next version of: the newest of its series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<NoticeId>,
    /// The notice that this says in another language. Absent where `replaces` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) translates: Option<NoticeId>,
}

/// Some data, and the goods, services or uses that they enable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NoticeItem")]
pub(crate) struct Item {
    /// 1 to 200 characters.
    pub(crate) data: String,
    /// Of the classes of the notice.
    pub(crate) class: DataClass,
    /// Of the purposes of the notice at least one, each once.
    pub(crate) purposes: Vec<Purpose>,
    /// 1 to 2 000 characters.
    #[serde(rename = "use")]
    pub(crate) enables: String,
}

/// Where a person does online what the notice tells her that she may do: `https` URLs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NoticeLinks")]
pub(crate) struct Links {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) withdrawal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rights: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) complaint: Option<String>,
}

impl Links {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One to all of a closed list, each once. A list that is longer than what it is of has something twice near its beginning, and
/// the search ends there.
pub(crate) fn is_selection<T: PartialEq>(values: &[T]) -> bool {
    let is_new = |(index, value): (usize, &T)| values.iter().take(index).all(|earlier| earlier != value);
    !values.is_empty() && values.iter().enumerate().all(is_new)
}

/// Notes where purposes or classes are not one to all of them, each once.
pub(crate) fn check_selections(check: &mut Check, purposes: &[Purpose], classes: &[DataClass]) {
    check.that(
        is_selection(purposes),
        "/purposes",
        "selection",
        "must have at least one purpose, and each once",
    );
    check.that(
        is_selection(classes),
        "/classes",
        "selection",
        "must have at least one class, and each once",
    );
}

/// What a consent can cover, by name.
fn consentable_classes() -> String {
    let classes = DataClass::ALL.into_iter().filter(|class| class.is_consentable());
    classes.map(DataClass::name).collect::<Vec<_>>().join(", ")
}

/// A link that leads where it says: over TLS, and without a user's name in front of the host, which would pass for one.
fn is_https(link: &str) -> bool {
    link.parse::<Uri>().is_ok_and(|uri| {
        uri.scheme() == Some(&Scheme::HTTPS)
            && uri.host().is_some_and(|host| !host.is_empty())
            && !uri
                .authority()
                .is_some_and(|authority| authority.as_str().contains('@'))
    })
}

impl Content {
    /// Whether it has the form of what it is. Whether it tells what the law wants told is another question: see
    /// [`crate::duties`].
    ///
    /// # Errors
    /// 422 with every field that breaks a rule.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let mut check = Check::new();
        check.text(&self.title, "/title", 1, TITLE);
        check.that(
            is_language_tag(&self.language),
            "/language",
            "bcp-47",
            "must be a language tag such as en or pt-BR",
        );
        check.text(&self.text, "/text", 1, TEXT);
        check.text(&self.contact, "/contact", 1, PARAGRAPH);
        let least = usize::from(self.kind.is_notice());
        check.text(&self.withdrawal, "/withdrawal", least, PARAGRAPH);
        check.text(&self.complaint, "/complaint", least, PARAGRAPH);
        if self.kind.is_notice() {
            self.check_use(&mut check);
        } else {
            for (is_empty, field) in [
                (self.purposes.is_empty(), "/purposes"),
                (self.classes.is_empty(), "/classes"),
                (self.items.is_empty(), "/items"),
            ] {
                check.that(
                    is_empty,
                    field,
                    "notice-only",
                    "must be absent: nobody consents to anything by a policy or an agreement",
                );
            }
        }
        check.that(
            self.legal_basis.is_empty() || is_selection(&self.legal_basis),
            "/legal_basis",
            "selection",
            "must have each basis once",
        );
        for (text, field) in [
            (&self.controller, "/controller"),
            (&self.legitimate_interests, "/legitimate_interests"),
            (&self.recipients, "/recipients"),
            (&self.discloser, "/discloser"),
            (&self.transfers, "/transfers"),
            (&self.storage_period, "/storage_period"),
            (&self.expiry, "/expiry"),
            (&self.rights, "/rights"),
            (&self.mandatory, "/mandatory"),
            (&self.automated_decisions, "/automated_decisions"),
            (&self.consequences, "/consequences"),
            (&self.conditioning, "/conditioning"),
            (&self.redisclosure, "/redisclosure"),
        ] {
            if let Some(text) = text {
                check.text(text, field, 1, PARAGRAPH);
            }
        }
        for (link, field) in [
            (&self.links.withdrawal, "/links/withdrawal"),
            (&self.links.rights, "/links/rights"),
            (&self.links.complaint, "/links/complaint"),
        ] {
            if let Some(link) = link {
                check.text(link, field, 1, PARAGRAPH);
                check.that(
                    is_https(link),
                    field,
                    "https",
                    "must be an https URL without a user's name in it",
                );
            }
        }
        check.that(
            self.replaces.is_none() || self.translates.is_none(),
            "/translates",
            "either",
            "must be absent where /replaces is there: a translation goes with the notice that it translates",
        );
        check.finish()
    }

    /// What a notice asks to use, and for what.
    fn check_use(&self, check: &mut Check) {
        check.that(
            is_selection(&self.purposes),
            "/purposes",
            "selection",
            "must have at least one purpose, and each once",
        );
        check.that(
            !self.purposes.iter().any(|purpose| purpose.is_prohibited()),
            "/purposes",
            "prohibited-purpose",
            "has a purpose that no consent can serve",
        );
        check.that(
            is_selection(&self.classes),
            "/classes",
            "selection",
            "must have at least one class, and each once",
        );
        check.that(
            self.classes.iter().all(|class| class.is_consentable()),
            "/classes",
            "consentable",
            format!("must be among {}", consentable_classes()),
        );
        check.that(
            self.items.len() <= ITEMS,
            "/items",
            "length",
            format!("must have at most {ITEMS} items"),
        );
        for (index, item) in self.items.iter().enumerate() {
            let at = |field: &str| format!("/items/{index}/{field}");
            check.text(&item.data, &at("data"), 1, TITLE);
            check.text(&item.enables, &at("use"), 1, PARAGRAPH);
            check.that(
                self.classes.contains(&item.class),
                at("class"),
                "as-notice",
                "must be among the classes of the notice",
            );
            check.that(
                is_selection(&item.purposes) && item.purposes.iter().all(|purpose| self.purposes.contains(purpose)),
                at("purposes"),
                "as-notice",
                "must be among the purposes of the notice, at least one, and each once",
            );
        }
        let covers_class = |class: &DataClass| self.items.iter().any(|item| item.class == *class);
        let covers_purpose = |purpose: &Purpose| self.items.iter().any(|item| item.purposes.contains(purpose));
        check.that(
            self.items.is_empty()
                || (self.classes.iter().all(covers_class) && self.purposes.iter().all(covers_purpose)),
            "/items",
            "covering",
            "must itemise every class and every purpose of the notice",
        );
    }

    /// SHA-256, in hexadecimal, over the content as compact JSON in UTF-8 with its fields in their order. In JavaScript,
    /// `JSON.stringify` of an object with these fields in this order gives the same bytes.
    pub(crate) fn sha256(&self) -> Result<String, Problem> {
        let json = serde_json::to_vec(self).map_err(|_| Problem::defect("a notice does not serialise"))?;
        Ok(base16ct::lower::encode_string(&Sha256::digest(json)))
    }
}
