//! What researchers get: clients' details and records without what identifies anybody.

use access::Caller;
use deidentification::{Client, Deidentified, Entry, Finding, Identifiers, LeftOut, ReleasedText, Review, THRESHOLD};
use fhir::{Export, Exported, Node};
use http::StatusCode;
use model::{ClientId, Confidential, Purpose};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use web::{Check, Exchange, Problem, Reply, Violation};

use crate::day;
use crate::download::download;
use crate::ids::Ids;
use crate::owners::{MOST, Owner, Owners, Stop};

/// Most clients of one export: as many as can be asked for within a request.
const CLIENTS: usize = 50;

/// Most texts of one export.
const TEXTS: usize = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WantedExport")]
pub(crate) struct Wanted {
    /// 11 to 50, each once.
    #[schemars(length(min = THRESHOLD, max = CLIENTS))]
    clients: Vec<ClientId>,
    /// At most 100, each of a client who is included.
    #[serde(default)]
    #[schemars(length(max = TEXTS))]
    released_texts: Vec<Text>,
}

/// A free text of a client's, which the caller has read and releases.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReviewedText")]
struct Text {
    client_id: ClientId,
    text: Confidential<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ClientCounts")]
struct Clients {
    /// How many of those who were asked for are in it.
    included: usize,
    /// How many of them are not.
    left_out: usize,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ResearchExport")]
pub(crate) struct Answer<'a> {
    /// The day, in UTC, that ages are counted to.
    #[schemars(with = "jiff::civil::Date")]
    as_of: String,
    clients: Clients,
    left_out: LeftOut,
    /// Resources of FHIR R4.
    resources: &'a [Value],
    /// What was released, without whose it is.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    texts: &'a [&'a str],
}

/// A client whom both owners hand over.
struct Subject {
    client: ClientId,
    resources: Vec<Value>,
    identifiers: Identifiers,
}

/// `POST /v1/exchange/research-exports`.
///
/// It changes nothing. Of each client first `identity` and then `records` decide about the caller, for research, and record it; whom either denies
/// is left out whole. Where fewer than [`THRESHOLD`] are left nothing leaves: whoever names one client, or one and others whom she knows not to be included, would have that client's coded
/// record, without a name that she does not need. Texts are looked at last, when it is known what to look for, and nothing leaves where one of them can't.
pub(crate) fn export(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    give(exchange).or_else(Stop::answer)
}

fn give(exchange: &Exchange<'_>) -> Result<Reply, Stop> {
    exchange.check_purpose(Purpose::Research)?;
    let wanted: Wanted = exchange.json()?;
    wanted.check()?;
    let caller = exchange.caller()?;
    let mut room = MOST;
    let mut subjects = Vec::new();
    for client in &wanted.clients {
        subjects.extend(subject(exchange, &caller, *client, &mut room)?);
    }
    if are_too_few(subjects.len()) {
        return Err(too_few_included().into());
    }
    let asked = wanted.clients.len();
    let texts = released(exchange, &caller, wanted.released_texts, &subjects)?;
    // In an order of their own, which is not that of the clients.
    let mut texts: Vec<&str> = texts.iter().map(ReleasedText::text).collect();
    texts.sort_unstable();

    let included = subjects.len();
    let today = day::of(exchange);
    let clients: Vec<Client<'_>> = subjects.iter().map(Subject::as_client).collect();
    let export = Deidentified::of(&clients, today, exchange.platform.entropy);
    let answer = Answer {
        as_of: today.to_string(),
        clients: Clients {
            included,
            left_out: asked.saturating_sub(included),
        },
        left_out: export.left_out(),
        resources: export.resources(),
        texts: &texts,
    };
    let body = serde_json::to_vec(&answer).map_err(|_| Problem::defect("an export does not serialise"))?;
    Ok(download(exchange, "application/json", &body)?)
}

impl Wanted {
    fn check(&self) -> Result<(), Problem> {
        let mut check = Check::new();
        check.that(
            !are_too_few(self.clients.len()) && self.clients.len() <= CLIENTS,
            "/clients",
            "count",
            format!("must name {THRESHOLD} to {CLIENTS} clients"),
        );
        for (position, client) in self.clients.iter().enumerate().take(CLIENTS) {
            check.that(
                !self.clients.iter().take(position).any(|before| before == client),
                format!("/clients/{position}"),
                "unique",
                "must not be there twice",
            );
        }
        check.that(
            self.released_texts.len() <= TEXTS,
            "/released_texts",
            "count",
            format!("must have at most {TEXTS} texts"),
        );
        check.finish()
    }
}

/// Whether an export of so many would tell of few people.
fn are_too_few(clients: usize) -> bool {
    u64::try_from(clients).is_ok_and(|clients| clients < THRESHOLD)
}

/// The same words whether few agreed or nobody, whether they are there, and whether the caller may export of anybody: so it does not tell who
/// agreed.
fn too_few_included() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "too-few-included",
        format!("Of fewer than {THRESHOLD} of these clients you may export anything for research."),
    )
}

/// What there is of a client, unless an owner denies it or has no entry of her.
fn subject(
    exchange: &Exchange<'_>,
    caller: &Caller,
    client: ClientId,
    room: &mut usize,
) -> Result<Option<Subject>, Stop> {
    let owners = Owners::unseen(exchange, caller, client, Purpose::Research)?;
    let mut identifiers = Identifiers::default();
    identifiers.add_number(&client.to_string());
    let mut look = |id: &str, content: &Node| {
        identifiers.add_number(id);
        identifiers.add_days(&json(content)?);
        Ok(())
    };
    let mut ask = |owner, room: &mut usize| match owners.export(owner, room, &mut look) {
        Ok(handed_over) => Ok(Some(handed_over)),
        Err(stop) if stop.is_denial() => Ok(None),
        Err(stop) => Err(stop),
    };
    // One person is one subject: she is in the entry that the other one was merged into.
    let Some(mut details) = ask(Owner::Identity, room)?.filter(|entry| entry.replaced_by.is_none()) else {
        return Ok(None);
    };
    let Some(details) = details.parts.pop() else {
        return Ok(None);
    };
    let Some(records) = ask(Owner::Records, room)? else {
        return Ok(None);
    };
    let ids = Ids::new(exchange, caller.clinic(), client)?;
    Ok(Some(Subject::new(
        client,
        identifiers,
        details,
        records.parts,
        ids.base(),
    )?))
}

fn json(node: &Node) -> Result<Value, Problem> {
    serde_json::to_value(node).map_err(|_| Problem::defect("a part does not serialise"))
}

impl Subject {
    /// The identifiers are those of what the owners hand over: days stand in that as days, and some of them in FHIR in words alone.
    fn new(
        client: ClientId,
        mut identifiers: Identifiers,
        details: Exported,
        records: Vec<Exported>,
        base: &str,
    ) -> Result<Self, Problem> {
        let mut resources = Vec::new();
        for resource in Export::of(details, records, base).into_resources() {
            let resource = json(&resource)?;
            identifiers.add_people(&resource);
            resources.push(resource);
        }
        Ok(Self {
            client,
            resources,
            identifiers,
        })
    }

    fn as_client(&self) -> Client<'_> {
        let entry = |resource| Entry {
            full_url: None,
            resource,
        };
        Client {
            entries: self.resources.iter().map(entry).collect(),
            identifiers: self.identifiers.clone(),
        }
    }
}

/// The texts, with the caller as their reviewer.
fn released(
    exchange: &Exchange<'_>,
    caller: &Caller,
    texts: Vec<Text>,
    subjects: &[Subject],
) -> Result<Vec<ReleasedText>, Problem> {
    let review = Review {
        reviewer: caller.account(),
        decided_at: exchange.platform.clock.now(),
    };
    let mut released = Vec::with_capacity(texts.len());
    let mut refused = Vec::new();
    for (position, Text { client_id, text }) in texts.into_iter().enumerate() {
        let Some(subject) = subjects.iter().find(|subject| subject.client == client_id) else {
            refused.push(Violation {
                field: format!("/released_texts/{position}/client_id"),
                rule: "included",
                detail: "must be a client who is included".to_owned(),
            });
            continue;
        };
        match ReleasedText::new(text.into_inner(), review, &subject.identifiers) {
            Ok(text) => released.push(text),
            Err(findings) => refused.extend(findings.into_iter().map(|finding| Violation {
                field: format!("/released_texts/{position}/text"),
                rule: rule(finding),
                detail: "must not hold it".to_owned(),
            })),
        }
    }
    if refused.is_empty() {
        return Ok(released);
    }
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "not-released",
        "Texts can\u{2019}t be released, so nothing is exported; see `errors`, whose `rule` says what was found.",
    )
    .violating(refused))
}

fn rule(finding: Finding) -> &'static str {
    match finding {
        Finding::NothingToLookFor => "nothing-to-look-for",
        Finding::TooLong => "too-long",
        Finding::Name => "name",
        Finding::Place => "place",
        Finding::Number => "number",
        Finding::Telecom => "telecom",
        Finding::Date => "date",
        Finding::Email => "email",
        Finding::Url => "url",
        Finding::IpAddress => "ip-address",
        Finding::LongNumber => "long-number",
        Finding::AgeOver89 => "age-over-89",
    }
}
