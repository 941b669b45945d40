//! A bundle comes in: taken apart, handed to its owners, and told of without a gap.

use std::collections::BTreeMap;

use fhir::{Bundle, Handling, Import, Invalid, Kind, Line, NotImported, Part, Settings, Source};
use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};
use model::{AddendumId, ClientId, is_language_tag};
use ports::BrokenBody;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::import::Outcome;
use web::{Check, Exchange, Problem, Reply, Violation};

use crate::ids::Ids;
use crate::owners::{Owner, Owners, Refused, Stop};

/// The largest bundle, in bytes.
const LONGEST: usize = 8 * 1024 * 1024;

/// How often a bundle is read anew without what an owner has refused. What refers to a refused resource may lack what it needs then, and be refused too.
const ROUNDS: usize = 8;

/// RFC 7240.
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What the practice says of itself, for what the bundle leaves open.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ImportSettings")]
pub(crate) struct Query {
    /// Of telephone numbers without one: the digits of a country's calling code, such as `49`.
    calling_code: Option<String>,
    /// Of a client of whom the bundle says none: a tag of BCP 47. `en` where there is none here either.
    language: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct ImportedPart {
    source: Source,
    /// The id here, such as `rec_…`.
    id: String,
    kind: Kind,
    outcome: Outcome,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ImportReport")]
pub(crate) struct Answer {
    client_id: ClientId,
    /// How many of what became what: by kind, then by outcome.
    counts: BTreeMap<&'static str, BTreeMap<Outcome, usize>>,
    parts: Vec<ImportedPart>,
    /// Resources that could not be imported.
    not_imported: Vec<NotImported>,
    /// Owners whom the caller may not give anything, and how many parts were theirs.
    denied: BTreeMap<Owner, usize>,
    /// All values that were not carried over, by where they stood.
    not_carried_over: Vec<Line>,
}

/// `POST /v1/exchange/clients/{client}/import`.
///
/// Order: the bundle is read, every owner is asked whether it takes its parts, and only then they are handed over: the client's
/// details, the records in the order of the bundle, what is billed. Nothing is kept here. A crash leaves whole parts with their owners, each of which
/// the same bundle finds again by its source.
pub(crate) fn import(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    take(exchange).or_else(Stop::answer)
}

fn take(exchange: &Exchange<'_>) -> Result<Reply, Stop> {
    let client: ClientId = exchange.parameter("client")?;
    let settings = settings(exchange)?;
    let handling = handling(exchange)?;
    check_media_type(exchange)?;
    let caller = exchange.caller()?;
    let bundle = read(exchange)?;
    let ids = Ids::new(exchange, caller.clinic(), client)?;
    let owners = Owners::to_show(exchange, &caller, client)?;
    let (import, denied) = accepted(&bundle, &settings, handling, &ids, &owners)?;
    let mut parts = Vec::new();
    for owner in Owner::ALL.into_iter().filter(|owner| !denied.contains_key(owner)) {
        let mut theirs = parts_of(&import, owner);
        theirs.retain(|part| !is_addendum(part));
        let outcomes = owners.import(owner, &theirs)?;
        parts.extend(theirs.into_iter().zip(outcomes).map(|(part, outcome)| ImportedPart {
            source: part.source.clone(),
            id: part.id.clone(),
            kind: part.kind,
            outcome,
        }));
    }
    // Each is here, or would have been refused.
    let addenda = import.parts.iter().filter(|part| is_addendum(part));
    parts.extend(
        addenda
            .filter(|part| !denied.contains_key(&Owner::of(part.kind)))
            .map(|part| ImportedPart {
                source: part.source.clone(),
                id: part.id.clone(),
                kind: part.kind,
                outcome: Outcome::Unchanged,
            }),
    );
    let mut counts: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
    for part in &parts {
        let count = counts
            .entry(part.kind.name())
            .or_default()
            .entry(part.outcome)
            .or_default();
        *count = count.saturating_add(1);
    }
    Ok(Reply::ok(&Answer {
        client_id: client,
        counts,
        parts,
        not_imported: import.not_imported,
        denied,
        not_carried_over: import.report.lines().collect(),
    })?)
}

fn settings(exchange: &Exchange<'_>) -> Result<Settings, Problem> {
    let Query { calling_code, language } = exchange.query()?;
    let mut check = Check::new();
    check.that(
        calling_code
            .as_deref()
            .is_none_or(|code| (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit())),
        "calling_code",
        "calling-code",
        "must be the digits of a country\u{2019}s calling code, such as 49",
    );
    let language = language.unwrap_or_else(|| "en".to_owned());
    check.that(
        is_language_tag(&language),
        "language",
        "language",
        "must be a language tag (BCP 47), such as en",
    );
    check.finish()?;
    Ok(Settings { calling_code, language })
}

/// `Prefer: handling=lenient`, as FHIR R4 (RESTful API, 3.1.0.1.11) and RFC 7240 say; strict else.
fn handling(exchange: &Exchange<'_>) -> Result<Handling, Problem> {
    let prefer = exchange.header(&PREFER)?.unwrap_or_default();
    let is_lenient = prefer
        .split([',', ';'])
        .any(|preference| preference.trim().eq_ignore_ascii_case("handling=lenient"));
    Ok(if is_lenient {
        Handling::Lenient
    } else {
        Handling::Strict
    })
}

fn check_media_type(exchange: &Exchange<'_>) -> Result<(), Problem> {
    let said = exchange.header(&CONTENT_TYPE)?.unwrap_or_default();
    let is_json = said
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
    if is_json {
        Ok(())
    } else {
        exchange.check_media_type("application/fhir+json")
    }
}

fn read(exchange: &Exchange<'_>) -> Result<Bundle, Problem> {
    let mut body = Vec::new();
    exchange
        .incoming()
        .read(LONGEST + 1, &mut body)
        .map_err(|BrokenBody| Problem::broken_body())?;
    if body.len() > LONGEST {
        return Err(Problem::body_too_large(LONGEST));
    }
    Bundle::parse(&body).map_err(|Invalid { problems }| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-bundle",
            "It is no bundle that can be imported; see `errors`.",
        )
        .violating(violations("bundle", problems))
    })
}

fn violations(rule: &'static str, problems: impl IntoIterator<Item = fhir::Problem>) -> Vec<Violation> {
    let problems = problems.into_iter();
    problems
        .map(|fhir::Problem { field, detail }| Violation { field, rule, detail })
        .collect()
}

/// Nothing of a bundle is imported.
fn refused(resources: Vec<NotImported>) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "not-importable",
        "Resources of the bundle can\u{2019}t be imported, so nothing of it is; see `errors`. With `Prefer: handling=lenient` the others are, unless it is the Patient.",
    )
    .violating(violations("not-importable", resources.into_iter().flat_map(|resource| resource.problems)))
}

/// An owner's parts, in the order of the bundle but for addenda, which are last: for each call that has some their owner looks through all records, so
/// they go in as few calls as there can be.
fn parts_of(import: &Import, owner: Owner) -> Vec<&Part> {
    let all = std::iter::once(&import.client).chain(&import.parts);
    let theirs = all.filter(|part| Owner::of(part.kind) == owner);
    let (addenda, mut parts): (Vec<_>, Vec<_>) = theirs.partition(|part| is_addendum(part));
    parts.extend(addenda);
    parts
}

/// Whether it is what was added to a record here. Its author alone writes that, so its owner is asked whether it has it, and is not given it.
fn is_addendum(part: &Part) -> bool {
    part.id.parse::<AddendumId>().is_ok()
}

/// What of a bundle every owner takes. Where it is strict, all of it or nothing.
fn accepted(
    bundle: &Bundle,
    settings: &Settings,
    handling: Handling,
    ids: &Ids<'_>,
    owners: &Owners<'_>,
) -> Result<(Import, BTreeMap<Owner, usize>), Stop> {
    let mut refusals: BTreeMap<Source, Vec<String>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let import = Import::of(bundle, settings, handling, &refusals, &|source, kind| {
            ids.of(source, kind)
        })
        .map_err(|fhir::Refused { resources }| refused(resources))?;
        let before = refusals.len();
        let mut denied = BTreeMap::new();
        let (mut asked, mut first_denial) = (0_usize, None);
        for owner in Owner::ALL {
            let parts = parts_of(&import, owner);
            asked += usize::from(!parts.is_empty());
            match owners.check(owner, &parts) {
                Ok(found) => refusals.extend(found.into_iter().filter_map(|Refused { position, details }| {
                    let part = parts.get(position)?;
                    Some((part.source.clone(), details))
                })),
                // Not `identity`: nobody else knows whether the bundle is about the client whose file it would go into.
                Err(stop) if handling == Handling::Lenient && owner != Owner::Identity && stop.is_denial() => {
                    denied.insert(owner, parts.len());
                    first_denial.get_or_insert(stop);
                }
                Err(stop) => return Err(stop),
            }
        }
        // Whoever may give nothing to anybody has not imported anything.
        if let Some(stop) = first_denial.filter(|_| denied.len() == asked) {
            return Err(stop);
        }
        if refusals.len() == before {
            return Ok((import, denied));
        }
    }
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "not-importable",
        "Too many resources of the bundle rest upon others that can\u{2019}t be imported.",
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::{Node, Report};
    use model::RecordId;

    #[test]
    fn addenda_are_the_last_of_their_owners_parts() {
        let part = |kind: Kind, id: String| Part {
            source: Source {
                system: "https://hospital.example".to_owned(),
                id: id.clone(),
            },
            id,
            kind,
            encounter: None,
            content: Node::Nothing,
        };
        let records: Vec<String> = (0..4).map(|n| RecordId::from_bytes([n; 16]).to_string()).collect();
        let addenda: Vec<String> = (0..4).map(|n| AddendumId::from_bytes([n; 16]).to_string()).collect();
        let mut parts = vec![part(Kind::Claim, "claim".to_owned())];
        for (record, addendum) in records.iter().zip(&addenda) {
            parts.push(part(Kind::ProgressNote, addendum.clone()));
            parts.push(part(Kind::Diagnosis, record.clone()));
        }
        let import = Import {
            client: part(Kind::Client, "client".to_owned()),
            parts,
            not_imported: Vec::new(),
            report: Report::default(),
        };
        let of = |owner| -> Vec<&str> { parts_of(&import, owner).iter().map(|part| part.id.as_str()).collect() };
        assert_eq!(of(Owner::Identity), ["client"]);
        assert_eq!(of(Owner::Records), [records, addenda].concat());
        assert_eq!(of(Owner::Billing), ["claim"]);
    }
}
