//! What `exchange` hands over and takes, in the name of whoever asks it: a client's clinical records. Those of treatment for
//! substance use and psychotherapy notes are not among them: they are kept under other keys, which no permit of these routes gives out.

use model::{Action, DataClass, RecordId};
use web::import::{self, Export, ExportPage, Handed, Import, Refused};
use web::{Check, Exchange, Problem, Reply};

use crate::chart::{Chart, ImportedPart};
use crate::content::{Content, Kind};
use crate::record::Writing;

const CLASS: DataClass = DataClass::Health;

/// Reads the parts as a request to write each of them would be read.
fn read(exchange: &Exchange<'_>, import: &Import) -> Result<Result<Vec<ImportedPart>, Vec<Refused>>, Problem> {
    let now = exchange.platform.clock.now();
    let key = exchange.keyring.key("index")?;
    import.read(|part: &Handed<RecordId, Kind>| {
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
        let content = content.written()?;
        Ok(ImportedPart {
            id: part.id,
            imported: part.imported(key, part.kind.name(), &content.content)?,
            writing: Writing {
                content,
                encounter: part.encounter,
            },
        })
    })
}

/// `POST /v1/records/private/import/check`, private.
///
/// Order: record, answer. Nothing else is written.
pub(crate) fn check(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let import = Import::receive(exchange)?;
    let refused = read(exchange, &import)?.err().unwrap_or_default();
    let chart = Chart::enter_about(exchange, import.client_id, Action::Create, CLASS, None)?;
    Ok(import::checked(refused)?.recorded(chart.recorded.event()))
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
    let parts = read(exchange, &import)?.map_err(import::invalid)?;
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
