//! What a document holds, as it comes and goes: never in memory as a whole.

use crypto::CHUNK;
use http::header::CONTENT_LENGTH;
use model::{Action, DataClass, RecordId};
use ports::BrokenBody;
use web::{CardSearch, Exchange, Problem, Reply};

use super::changed;
use crate::answer::PART_2;
use crate::attachment::LONGEST;
use crate::chart::Chart;
use crate::content::MediaType;

fn too_large() -> Problem {
    Problem::body_too_large(usize::try_from(LONGEST).unwrap_or(usize::MAX))
}

/// What the sender says of the body's length.
fn declared_length(exchange: &Exchange<'_>) -> Result<Option<u64>, Problem> {
    let Some(text) = exchange.header(&CONTENT_LENGTH)? else {
        return Ok(None);
    };
    let length = text
        .parse()
        .map_err(|_| Problem::malformed("content-length", "length", "must be a number of bytes"))?;
    if length > LONGEST {
        return Err(too_large());
    }
    Ok(Some(length))
}

/// The author uploads what her draft holds. For the order of effects see [`OpenChart::attach`](crate::chart::OpenChart::attach).
pub(super) fn upload(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let version = exchange.if_match()?;
    let length = declared_length(exchange)?;
    let chart = Chart::enter(exchange, Action::Amend, class, Some(id), None)?.open()?;
    let event = chart.recorded().event();
    let draft = chart.read(id)?;
    if draft.version != version {
        return Err(Problem::stale().recorded(event));
    }
    let media_type = draft
        .value
        .check_attach(chart.recorded().account())
        .map_err(|refusal| chart.refused(refusal))?;
    exchange
        .check_media_type(media_type.name())
        .map_err(|problem| problem.recorded(event))?;
    let mut arrived = 0_u64;
    let mut cards = (media_type == MediaType::PlainText).then(CardSearch::new);
    let attached = chart.attach(&draft, length, exchange.platform.clock, |chunk| {
        let read = exchange.incoming().read(CHUNK, chunk);
        read.map_err(|BrokenBody| Problem::broken_body())?;
        // Counted all the same: a length may be wrong, or not be said.
        arrived = arrived.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if arrived > LONGEST {
            return Err(too_large());
        }
        cards.as_mut().map_or(Ok(()), |cards| cards.look_at(chunk))
    })?;
    changed(&chart, class, &attached)
}

/// Sends what a document holds to whoever may read its record. There is no file name: it may be about somebody, and headers are written down.
pub(super) fn download(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let chart = Chart::enter(exchange, Action::Read, class, Some(id), None)?.open()?;
    let event = chart.recorded().event();
    let record = chart.read(id)?;
    let (Some(media_type), Some(attachment)) = (record.value.content.media_type, &record.value.attachment) else {
        return Err(Problem::not_found(event));
    };
    let mut reply = Reply::attachment(media_type.name())
        .etag(record.version)
        .recorded(event);
    if class == DataClass::SubstanceUse {
        reply = reply.part_2_notice(PART_2);
    }
    exchange.stream(reply, attachment.size, |send| chart.send_attached(id, attachment, send))
}
