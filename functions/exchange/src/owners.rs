//! The owners of what passes through here, and what is asked of them by private calls: always in the name of whoever asks, so that they
//! decide about her and nobody else.

use std::collections::BTreeSet;
use std::ops::Range;

use access::Caller;
use fhir::{Exported, Kind, Node, Part};
use http::{Response, StatusCode};
use model::{ClientId, Function, Purpose};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::import::{Outcome, PARTS};
use web::{BODY_LIMIT, Exchange, Problem, Reply};

/// The most that the parts of one call come to, in bytes; what stands around them is far less than the rest.
const BYTES: usize = BODY_LIMIT - 64 * 1024;

/// The most that the owners hand over for one answer, in bytes. The bundle that is made of it is larger, since FHIR wants texts in base64: an instance has
/// room for both.
pub(crate) const MOST: usize = 7 * 1024 * 1024;

/// Who keeps what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Owner {
    Identity,
    Records,
    Billing,
}

/// Why nothing more is done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// This function says so.
    Here(Problem),
    /// An owner does: its answer is the answer.
    There(Response<Vec<u8>>),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Here(problem)
    }
}

impl Stop {
    /// The answer to whoever asked.
    pub(crate) fn answer(self) -> Result<Reply, Problem> {
        match self {
            Self::Here(problem) => Err(problem),
            Self::There(response) => Ok(Reply::passed_on(response)),
        }
    }

    /// Whether the owner denied it.
    pub(crate) fn is_denial(&self) -> bool {
        matches!(self, Self::There(response) if response.status() == StatusCode::FORBIDDEN)
    }
}

#[derive(Deserialize)]
struct Violation {
    field: String,
    detail: String,
}

#[derive(Deserialize)]
struct RefusedPart {
    part: usize,
    errors: Vec<Violation>,
}

#[derive(Deserialize)]
struct Checked {
    refused: Vec<RefusedPart>,
}

#[derive(Deserialize)]
struct Imported {
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct ExportedPart {
    id: String,
    kind: String,
    encounter: Option<String>,
    content: Node,
    appends: Option<String>,
    replaced_by: Option<ClientId>,
    #[serde(default)]
    replaces: Vec<ClientId>,
}

#[derive(Deserialize)]
struct Page<P> {
    parts: Vec<P>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Parts<'p> {
    client_id: ClientId,
    parts: &'p [&'p Part],
}

#[derive(Serialize)]
struct Wanted<'p> {
    client_id: ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinds: Option<&'p [&'p str]>,
}

/// A part that its owner does not take, and why.
pub(crate) struct Refused {
    pub(crate) position: usize,
    pub(crate) details: Vec<String>,
}

/// What an owner hands over of a client.
#[derive(Default)]
pub(crate) struct HandedOver {
    pub(crate) parts: Vec<Exported>,
    /// The kinds of what has no form in FHIR, one for each.
    pub(crate) formless: Vec<String>,
    /// Where the client's entry was merged into another: whose that is.
    pub(crate) replaced_by: Option<ClientId>,
    /// Whose entries were merged into the client's.
    pub(crate) replaces: Vec<ClientId>,
}

impl Owner {
    pub(crate) const ALL: [Self; 3] = [Self::Identity, Self::Records, Self::Billing];

    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Client => Self::Identity,
            Kind::Claim | Kind::ExplanationOfBenefit => Self::Billing,
            _ => Self::Records,
        }
    }

    pub(crate) fn function(self) -> Function {
        match self {
            Self::Identity => Function::Identity,
            Self::Records => Function::Records,
            Self::Billing => Function::Billing,
        }
    }

    fn check(self) -> &'static str {
        match self {
            Self::Identity => "/v1/identity/private/import/check",
            Self::Records => "/v1/records/private/import/check",
            Self::Billing => "/v1/billing/private/import/check",
        }
    }

    fn import(self) -> &'static str {
        match self {
            Self::Identity => "/v1/identity/private/import",
            Self::Records => "/v1/records/private/import",
            Self::Billing => "/v1/billing/private/import",
        }
    }

    fn export(self) -> &'static str {
        match self {
            Self::Identity => "/v1/identity/private/export",
            Self::Records => "/v1/records/private/export",
            Self::Billing => "/v1/billing/private/export",
        }
    }
}

/// For these purposes owners hand over what nobody may be shown: whoever asks gets what is left of it without those whom it is about. The owners can't tell
/// for which answer they are asked.
const UNSEEN: [Purpose; 2] = [Purpose::Research, Purpose::QualityImprovement];

/// The owners, asked in the name of somebody about a client.
pub(crate) struct Owners<'e> {
    exchange: &'e Exchange<'e>,
    caller: &'e Caller,
    client: ClientId,
}

/// Asks a function in the name of the caller.
pub(crate) fn ask<T: for<'de> Deserialize<'de>>(
    exchange: &Exchange<'_>,
    caller: &Caller,
    function: Function,
    path: &'static str,
    body: &impl Serialize,
) -> Result<T, Stop> {
    let response = exchange.call_in_name_of(caller, function, path, body)?;
    if response.status() != StatusCode::OK {
        return Err(Stop::There(response));
    }
    serde_json::from_slice(response.body()).map_err(|_| {
        let line = format!("an answer of {function} has another form than it is to have");
        Stop::Here(Problem::defect(line))
    })
}

impl<'e> Owners<'e> {
    /// For an answer that shows what they hand over.
    pub(crate) fn to_show(exchange: &'e Exchange<'e>, caller: &'e Caller, client: ClientId) -> Result<Self, Problem> {
        match exchange.purpose()? {
            Some(purpose) if UNSEEN.contains(&purpose) => Err(Problem::malformed(
                "purpose-of-use",
                "purpose",
                "is served without whom it is about, by other routes",
            )),
            _ => Ok(Self {
                exchange,
                caller,
                client,
            }),
        }
    }

    /// For an answer that does not show whom it is about, for this purpose and no other.
    pub(crate) fn unseen(
        exchange: &'e Exchange<'e>,
        caller: &'e Caller,
        client: ClientId,
        purpose: Purpose,
    ) -> Result<Self, Problem> {
        exchange.check_purpose(purpose)?;
        Ok(Self {
            exchange,
            caller,
            client,
        })
    }

    fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        owner: Owner,
        path: &'static str,
        body: &impl Serialize,
    ) -> Result<T, Stop> {
        ask(self.exchange, self.caller, owner.function(), path, body)
    }

    /// Asks an owner whether it takes these parts, and returns those that it doesn't by their positions. Changes nothing.
    pub(crate) fn check(&self, owner: Owner, parts: &[&Part]) -> Result<Vec<Refused>, Stop> {
        let mut refused = Vec::new();
        for Batch { positions, too_large } in batches(parts) {
            if too_large {
                refused.push(Refused {
                    position: positions.start,
                    details: vec![format!("must come to at most {BYTES} bytes")],
                });
                continue;
            }
            let body = Parts {
                client_id: self.client,
                parts: parts.get(positions.clone()).unwrap_or_default(),
            };
            let Checked { refused: found } = self.ask(owner, owner.check(), &body)?;
            refused.extend(found.into_iter().map(|RefusedPart { part, errors }| {
                Refused {
                    position: positions.start.saturating_add(part),
                    details: errors
                        .into_iter()
                        .map(|Violation { field, detail }| format!("{field} {detail}"))
                        .collect(),
                }
            }));
        }
        Ok(refused)
    }

    /// Hands parts that were checked to their owner, and returns what became of each.
    pub(crate) fn import(&self, owner: Owner, parts: &[&Part]) -> Result<Vec<Outcome>, Stop> {
        let mut outcomes = Vec::with_capacity(parts.len());
        for Batch { positions, .. } in batches(parts) {
            let parts = parts.get(positions).unwrap_or_default();
            let body = Parts {
                client_id: self.client,
                parts,
            };
            let Imported { outcomes: batch } = self.ask(owner, owner.import(), &body)?;
            if batch.len() != parts.len() {
                let line = format!("{} says nothing of some parts", owner.function());
                return Err(Problem::defect(line).into());
            }
            outcomes.extend(batch);
        }
        Ok(outcomes)
    }

    /// All that an owner hands over of the client, as long as it comes to no more than `most` bytes. Of each part, also of what has no form in FHIR
    /// and is not returned, `look` is shown the id and the content.
    pub(crate) fn export(
        &self,
        owner: Owner,
        most: &mut usize,
        look: &mut dyn FnMut(&str, &Node) -> Result<(), Problem>,
    ) -> Result<HandedOver, Stop> {
        let (mut all, mut seen) = (HandedOver::default(), BTreeSet::new());
        self.pages(owner, None, |part| {
            let ExportedPart {
                id,
                kind,
                encounter,
                content,
                appends,
                replaced_by,
                replaces,
            } = part;
            look(&id, &content)?;
            all.replaced_by = all.replaced_by.or(replaced_by);
            all.replaces.extend(replaces);
            let Some(kind) = Kind::named(&kind) else {
                all.formless.push(kind);
                return Ok(());
            };
            // Where it was moved in time while the owner turned the page, it comes twice.
            if !seen.insert(id.clone()) {
                return Ok(());
            }
            *most = most.checked_sub(content.size()).ok_or_else(too_much)?;
            all.parts.push(Exported {
                id,
                kind,
                encounter,
                content,
                appends,
            });
            Ok(())
        })?;
        Ok(all)
    }

    /// Takes, one by one, what an owner hands over of the client: of these kinds, or all.
    pub(crate) fn pages<P: for<'de> Deserialize<'de>>(
        &self,
        owner: Owner,
        kinds: Option<&[&str]>,
        mut take: impl FnMut(P) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut cursor = None;
        loop {
            let wanted = Wanted {
                client_id: self.client,
                cursor: cursor.as_deref(),
                kinds,
            };
            let Page { parts, next } = self.ask(owner, owner.export(), &wanted)?;
            parts.into_iter().try_for_each(&mut take)?;
            match next {
                // An owner that has no more to say says so; one that says the same again would be asked for ever.
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => return Ok(()),
            }
        }
    }
}

fn too_much() -> Stop {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "export-too-large",
        "There is more than one answer can hold. Ask for fewer clients, or read the records one by one.",
    )
    .into()
}

/// Parts that go in one call.
struct Batch {
    positions: Range<usize>,
    /// Whether it is one part, and that too large for any call.
    too_large: bool,
}

/// As many parts together as a call takes, in their order.
fn batches(parts: &[&Part]) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut bytes = 0_usize;
    for (position, part) in parts.iter().enumerate() {
        let size = part
            .content
            .size()
            .saturating_add(part.source.system.len() + part.source.id.len() + 200);
        bytes = bytes.saturating_add(size);
        match batches.last_mut() {
            Some(batch) if bytes <= BYTES && !batch.too_large && batch.positions.len() < PARTS => {
                batch.positions.end = position + 1;
            }
            _ => {
                bytes = size;
                batches.push(Batch {
                    positions: position..position + 1,
                    too_large: size > BYTES,
                });
            }
        }
    }
    batches
}
