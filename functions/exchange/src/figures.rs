//! Figures about all clients of a clinic, of which none tells of fewer than eleven people.

mod category;
mod facts;

use std::borrow::Cow;
use std::collections::BTreeSet;

use access::Caller;
use deidentification::{Count, NoTable, PublishedList, PublishedResponses, PublishedTable};
use http::StatusCode;
use model::{ClientId, Function, Purpose};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use web::{Check, Exchange, Problem, Reply};

use self::category::Dimension;
use self::facts::Facts;
use crate::day;
use crate::owners::{Owners, Stop, ask};

/// Most clients that are asked about: both owners are asked about each while whoever wants the figures waits, and hosts give a request thirty
/// seconds.
const CLIENTS: usize = 2_000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WantedFigures")]
pub(crate) struct Wanted {
    /// One, or two that differ; `diagnosis` alone.
    #[schemars(length(min = 1, max = 2))]
    by: Vec<By>,
}

/// What clients are counted by.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Category")]
enum By {
    Gender,
    AgeGroup,
    Phq9Severity,
    Gad7Severity,
    Pcl5CutPoint,
    Diagnosis,
}

impl By {
    /// Its categories, or `None` where these are data themselves.
    fn dimension(self) -> Option<Dimension> {
        match self {
            Self::Gender => Some(Dimension::Gender),
            Self::AgeGroup => Some(Dimension::AgeGroup),
            Self::Phq9Severity => Some(Dimension::Phq9Severity),
            Self::Gad7Severity => Some(Dimension::Gad7Severity),
            Self::Pcl5CutPoint => Some(Dimension::Pcl5CutPoint),
            Self::Diagnosis => None,
        }
    }
}

/// A figure, or that it is suppressed: `{"count": 12}`, `{"count": null, "suppressed": true}`.
struct Figure(Count);

impl JsonSchema for Figure {
    fn schema_name() -> Cow<'static, str> {
        "Figure".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["count"],
            "properties": {
                "count": generator.subschema_for::<Count>(),
                "suppressed": { "const": true, "description": "There where `count` is `null`." },
            },
        })
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut figure = serializer.serialize_map(None)?;
        figure.serialize_entry("count", &self.0)?;
        if self.0 == Count::Suppressed {
            figure.serialize_entry("suppressed", &true)?;
        }
        figure.end()
    }
}

#[derive(Serialize, JsonSchema)]
struct CategoryRow {
    category: &'static str,
    #[serde(flatten)]
    figure: Figure,
}

#[derive(Serialize, JsonSchema)]
struct TableRow {
    category: &'static str,
    cells: Vec<Figure>,
    total: Figure,
}

#[derive(Serialize, JsonSchema)]
struct CodeRow {
    system: String,
    code: String,
    #[serde(flatten)]
    figure: Figure,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Figures {
    /// By one.
    List { rows: Vec<CategoryRow>, total: Figure },
    /// By two: `rows` are of the first, `columns` and `cells` of the second, in the same order.
    Table {
        columns: Vec<&'static str>,
        rows: Vec<TableRow>,
        column_totals: Vec<Figure>,
        total: Figure,
    },
    /// By diagnosis.
    Codes {
        rows: Vec<CodeRow>,
        other: Figure,
        total: Figure,
    },
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FiguresBy")]
pub(crate) struct Answer {
    /// The day, in UTC, that ages are counted to.
    #[schemars(with = "jiff::civil::Date")]
    as_of: String,
    by: Vec<By>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Serialize)]
struct RosterQuestion {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<u64>,
}

#[derive(Deserialize)]
struct RosterPage {
    clients: Vec<ClientId>,
    next: Option<u64>,
}

/// `POST /v1/exchange/aggregates`.
///
/// It changes nothing. `consent` decides about the caller and says which clients there are: whoever could choose them could subtract. Of each,
/// `identity` and `records` both decide and record, whatever is counted, and who hides from everybody what either keeps is counted nowhere: so all figures of one time are
/// about the same people, whoever asks.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    count(exchange).or_else(Stop::answer)
}

fn count(exchange: &Exchange<'_>) -> Result<Reply, Stop> {
    exchange.check_purpose(Purpose::QualityImprovement)?;
    let Wanted { by } = exchange.json()?;
    let dimensions = dimensions(&by)?;
    let caller = exchange.caller()?;
    let today = day::of(exchange);
    let kinds = facts::kinds(&dimensions);
    let mut people = Vec::new();
    for client in roster(exchange, &caller)? {
        let owners = Owners::unseen(exchange, &caller, client, Purpose::QualityImprovement)?;
        people.extend(Facts::of(&owners, kinds, today)?);
    }
    let figures = figures(&dimensions, people).map_err(|error| Problem::defect(format!("no figures: {error}")))?;
    Ok(Reply::ok(&Answer {
        as_of: today.to_string(),
        by,
        figures,
    })?)
}

/// What is to be counted by: one dimension or two, or none for diagnoses.
fn dimensions(by: &[By]) -> Result<Vec<Dimension>, Problem> {
    let mut check = Check::new();
    check.that(
        (1..=2).contains(&by.len()),
        "/by",
        "count",
        "must name one dimension or two",
    );
    if let [first, second] = by {
        check.that(first != second, "/by/1", "unique", "must be another one than the first");
        check.that(
            ![first, second].contains(&&By::Diagnosis),
            "/by",
            "alone",
            "must have diagnosis alone: one client has several",
        );
    }
    check.finish()?;
    Ok(by.iter().filter_map(|by| by.dimension()).collect())
}

/// All clients of the caller's clinic, each once.
fn roster(exchange: &Exchange<'_>, caller: &Caller) -> Result<BTreeSet<ClientId>, Stop> {
    let mut clients = BTreeSet::new();
    let mut cursor = None;
    loop {
        let question = RosterQuestion { cursor };
        let RosterPage { clients: page, next } = ask(
            exchange,
            caller,
            Function::Consent,
            "/v1/consent/private/clients",
            &question,
        )?;
        // Who was listed twice is one client.
        clients.extend(page);
        if clients.len() > CLIENTS {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "clinic-too-large",
                format!("Figures are made for clinics of at most {CLIENTS} clients."),
            )
            .into());
        }
        match next {
            // An owner that has no more to say says so; one that says the same again would be asked for ever.
            Some(next) if cursor != Some(next) => cursor = Some(next),
            _ => return Ok(clients),
        }
    }
}

/// All categories are there, whether anybody is in them or not: one that were missing would tell that nobody is, as a zero does, and one that
/// appeared that somebody is.
fn figures(dimensions: &[Dimension], people: Vec<Facts>) -> Result<Figures, NoTable> {
    let figures = |counts: &[Count]| counts.iter().copied().map(Figure).collect();
    match dimensions {
        [] => {
            let codes: Vec<_> = people.into_iter().map(Facts::into_codes).collect();
            let published = PublishedResponses::new(&codes);
            let rows = published.named().iter().cloned();
            Ok(Figures::Codes {
                rows: rows
                    .map(|(coding, count)| CodeRow {
                        system: coding.system,
                        code: coding.code,
                        figure: Figure(count),
                    })
                    .collect(),
                other: Figure(published.other()),
                total: Figure(published.total()),
            })
        }
        [one] => {
            let mut counts = vec![0; one.categories().len()];
            for person in &people {
                add_to(counts.get_mut(person.category(*one)));
            }
            let published = PublishedList::new(&counts)?;
            let rows = one.categories().iter().zip(published.cells());
            Ok(Figures::List {
                rows: rows
                    .map(|(category, count)| CategoryRow {
                        category,
                        figure: Figure(*count),
                    })
                    .collect(),
                total: Figure(published.total()),
            })
        }
        [down, across, ..] => {
            let mut counts = vec![vec![0; across.categories().len()]; down.categories().len()];
            for person in &people {
                let row = counts.get_mut(person.category(*down));
                add_to(row.and_then(|row| row.get_mut(person.category(*across))));
            }
            let published = PublishedTable::new(&counts)?;
            let lines = published.rows().iter().zip(published.row_totals());
            let rows = down.categories().iter().zip(lines);
            Ok(Figures::Table {
                columns: across.categories().to_vec(),
                rows: rows
                    .map(|(category, (cells, total))| TableRow {
                        category,
                        cells: figures(cells),
                        total: Figure(*total),
                    })
                    .collect(),
                column_totals: figures(published.column_totals()),
                total: Figure(published.total()),
            })
        }
    }
}

fn add_to(count: Option<&mut u64>) {
    if let Some(count) = count {
        *count = count.saturating_add(1);
    }
}
