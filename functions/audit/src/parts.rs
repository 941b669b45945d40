//! The export of a trail of any length, part by part.

use audit_trail::{PART_FORMAT, Part, SHARDS};
use model::{Action, EventId, Function, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply};

use crate::cursor::{CursorOf, Cursors, Position};
use crate::handlers::{UNSIGNED, admit, sign};
use crate::trail::ClinicTrail;
use crate::walk::{Budget, Scope};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartsQuery {
    /// Whose chains; else those of all.
    function: Option<Function>,
    /// One of its chains: 0 to 31, beside `function`.
    #[schemars(range(min = 0, max = SHARDS - 1))]
    shard: Option<u8>,
    /// Leaves out what is older by more than two minutes.
    from: Option<Timestamp>,
    /// The `next` of the part before, alone.
    cursor: Option<String>,
}

/// What was asked for in the run's first request, and how far it has come.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    run: EventId,
    part: u32,
    scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Position>,
}

fn check(query: &PartsQuery) -> Result<(), Problem> {
    if query.cursor.is_some() && (query.function.is_some() || query.shard.is_some() || query.from.is_some()) {
        return Err(Problem::malformed(
            "cursor",
            "alone",
            "goes on with what was asked for and takes nothing beside it",
        ));
    }
    match (query.function, query.shard) {
        (None, Some(_)) => Err(Problem::malformed("shard", "of", "needs the `function` that it is of")),
        (_, Some(shard)) if shard >= SHARDS => Err(Problem::malformed(
            "shard",
            "range",
            format!("must be less than {SHARDS}"),
        )),
        _ => Ok(()),
    }
}

/// `GET /v1/audit/export/parts`
///
/// The next part of a run, or the first of a new one. Each chain is read from where it stands to its first entry, or back to `from`. What is
/// appended meanwhile to a chain that was read is for the next run.
pub(crate) fn export(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let query: PartsQuery = exchange.query()?;
    check(&query)?;
    let recorded = admit(exchange, Action::Export)?;
    let clinic = recorded.clinic();
    let cursors = Cursors::new(exchange, clinic, CursorOf::Export)?;
    let progress: Progress = match &query.cursor {
        Some(cursor) => cursors
            .open(cursor)
            .map_err(|problem| problem.recorded(recorded.event()))?,
        None => Progress {
            run: recorded.event(),
            part: 1,
            scope: Scope {
                function: query.function,
                shard: query.shard,
            },
            from: query.from,
            at: None,
        },
    };
    let Progress {
        run,
        part,
        scope,
        from,
        at,
    } = progress;
    let trail = ClinicTrail::new(exchange, clinic)?;
    let began_at = exchange.platform.clock.now();
    let (chains, at) = trail.stretches(scope, from, at, Budget::new(exchange.platform.clock))?;
    let next = match at {
        Some(at) => Some(cursors.seal(&Progress {
            run,
            part: part.saturating_add(1),
            scope,
            from,
            at: Some(at),
        })?),
        None => None,
    };
    let mut part = Part {
        format: PART_FORMAT.to_owned(),
        clinic,
        began_at: Some(began_at),
        exported_at: exchange.platform.clock.now(),
        run,
        part,
        last: next.is_none(),
        chains,
        next,
        signature: UNSIGNED,
    };
    part.signature = sign(exchange, &part.statement())?;
    Ok(Reply::ok(&part)?.recorded(recorded.event()))
}
