//! What `exchange` hands over and takes, in the name of whoever asks it: a client's clinical records. Those of treatment for
//! substance use and psychotherapy notes are not among them: they are kept under other keys, which no permit of these routes gives out.

use model::{Action, AddendumId, DataClass, IdError, RecordId};
use serde::Deserialize;
use web::import::{self, Export, ExportPage, Handed, Import, Refused};
use web::{Check, Exchange, Problem, Reply, Violation};

use crate::chart::{Chart, ImportedPart, ReturnedAddendum};
use crate::content::{Content, Kind};
use crate::record::Writing;

const CLASS: DataClass = DataClass::Health;

/// What a part is called here.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
enum PartId {
    Record(RecordId),
    /// What was added to a record, as the note that it went out as.
    Addendum(AddendumId),
}

impl TryFrom<String> for PartId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        let addendum = text.parse().map(Self::Addendum);
        addendum.or_else(|_| text.parse().map(Self::Record))
    }
}

/// A part that was read.
enum Part {
    Record(Box<ImportedPart>),
    Addendum(ReturnedAddendum),
}

impl Part {
    /// What can be written.
    fn into_record(self) -> Result<ImportedPart, Problem> {
        match self {
            Self::Record(part) => Ok(*part),
            Self::Addendum(_) => Err(Problem::malformed(
                "/parts",
                "id",
                "must be records: addenda are their authors\u{2019}",
            )),
        }
    }

    fn into_addendum(self) -> Option<ReturnedAddendum> {
        match self {
            Self::Record(_) => None,
            Self::Addendum(addendum) => Some(addendum),
        }
    }
}

/// Reads the parts as a request to write each of them would be read.
fn read(exchange: &Exchange<'_>, import: &Import) -> Result<Result<Vec<Part>, Vec<Refused>>, Problem> {
    let now = exchange.platform.clock.now();
    let key = exchange.keyring.key("index")?;
    import.read(|part: &Handed<PartId, Kind>| {
        let refused = match part.kind {
            Kind::PsychotherapyNote => Some("psychotherapy notes are kept apart, and are not imported"),
            Kind::Document => Some("a document without what it holds is none: it is uploaded"),
            _ => None,
        };
        if let Some(detail) = refused {
            return Err(Problem::malformed("/kind", "kind", detail));
        }
        let content = Content::read(part.kind, &part.content, "/content")?;
        let mut check = Check::new();
        content.check(&mut check, "", now);
        check.finish()?;
        let id = match (part.id, &content) {
            (PartId::Record(id), _) => id,
            (PartId::Addendum(id), Content::ProgressNote(note)) => {
                let text = note.text().clone();
                return Ok(Part::Addendum(ReturnedAddendum { id, text }));
            }
            (PartId::Addendum(_), _) => {
                let detail = "an addendum goes out as a progress note";
                return Err(Problem::malformed("/kind", "kind", detail));
            }
        };
        let content = content.written()?;
        Ok(Part::Record(Box::new(ImportedPart {
            id,
            imported: part.imported(key, part.kind.name(), &content.content)?,
            writing: Writing {
                content,
                encounter: part.encounter,
            },
        })))
    })
}

/// `POST /v1/records/private/import/check`, private.
///
/// Order: record, addenda that come back are looked for, answer. Nothing else is written.
pub(crate) fn check(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let import = Import::receive(exchange)?;
    let (mut refused, parts) = match read(exchange, &import)? {
        Ok(parts) => (Vec::new(), parts),
        Err(refused) => (refused, Vec::new()),
    };
    let chart = Chart::enter_about(exchange, import.client_id, Action::Create, CLASS, None)?;
    let event = chart.recorded.event();
    let addenda = parts.into_iter().enumerate();
    let mut addenda: Vec<_> = addenda
        .filter_map(|(position, part)| Some((position, part.into_addendum()?)))
        .collect();
    if !addenda.is_empty()
        && let Ok(chart) = chart.open_if_begun()?
    {
        let found = chart.retain_missing(&mut addenda);
        found.map_err(|problem| problem.or_recorded(event))?;
    }
    refused.extend(addenda.iter().map(|(part, _)| missing(*part)));
    Ok(import::checked(refused)?.recorded(event))
}

fn missing(part: usize) -> Refused {
    let detail = "must be an addendum that is here, in the same words: its author adds one that is not";
    let violation = Violation {
        field: "/id".to_owned(),
        rule: "addendum",
        detail: detail.to_owned(),
    };
    Refused {
        part,
        errors: vec![violation],
    }
}

/// `POST /v1/records/private/import`, private. Each part is decided and recorded as what it is, a record that is written, and the trail says
/// which.
///
/// Order: the first part is recorded, the chart is opened or begun, and the part is written as [`OpenChart::import`] does; then the next one
/// is recorded and written. A crash leaves the parts before it whole, and of the one that it met what a crash leaves of writing or amending; the
/// repeated request finds the former as they are and finishes the latter.
///
/// [`OpenChart::import`]: crate::chart::OpenChart::import
pub(crate) fn import(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let import = Import::receive(exchange)?;
    let parts = read(exchange, &import)?.map_err(import::invalid)?.into_iter();
    let parts: Vec<ImportedPart> = parts.map(Part::into_record).collect::<Result<_, _>>()?;
    let first = parts.first().map(|part| part.id);
    let chart = Chart::enter_about(exchange, import.client_id, Action::Create, CLASS, first)?;
    let mut chart = chart.open_or_begin()?;
    let mut outcomes = Vec::with_capacity(parts.len());
    for part in &parts {
        // The first one was decided upon before the chart was opened.
        if !outcomes.is_empty() {
            chart.admit(Action::Create, part.id)?;
        }
        outcomes.push(chart.import(part, exchange.platform.clock.now())?);
    }
    Ok(import::imported(outcomes)?.recorded(chart.recorded().event()))
}

/// `POST /v1/records/private/export`, private.
///
/// Order: record, read, answer. It changes nothing.
pub(crate) fn export(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Export::receive(exchange)?;
    let chart = Chart::enter_about(exchange, wanted.client_id, Action::Export, CLASS, None)?;
    let event = chart.recorded.event();
    let (page, next) = match chart.open_if_begun()? {
        Ok(chart) => chart.export(&wanted).map_err(|problem| problem.or_recorded(event))?,
        Err(_) => (ExportPage::default(), None),
    };
    Ok(page.finish(next.as_deref())?.recorded(event))
}
