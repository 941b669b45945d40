//! The job that brings a function's data keys under the current key-encryption keys.

use access::{Request, Rewrap, RewrapState, Vault};
use model::{Action, DataClass};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Exchange, Problem, Reply};

/// How far a job has come.
#[derive(Serialize, JsonSchema)]
pub struct RewrapAnswer {
    /// How far each class is.
    classes: Vec<Rewrap>,
    /// Whether there is more to do at once.
    more: bool,
}

/// `POST …/jobs/rewrap` of a function that keeps data keys of these classes in a vault: one part of the work for each class. The keys of
/// all clinics are rewrapped, whichever clinic's job it is: the answer tells it how far the deployment is, and not how large.
///
/// Order: for each class record, then what [`Vault::rewrap`] does. A crash leaves what the next run goes on from.
///
/// # Errors
/// 401 and 403 where the caller is no job, 503 where the store does not answer.
pub fn rewrap(exchange: &Exchange<'_>, vault: &Vault<'_>, classes: &[DataClass]) -> Result<Reply, Problem> {
    let caller = exchange.caller()?;
    let purpose = exchange.purpose()?;
    let mut answer = RewrapAnswer {
        classes: Vec::with_capacity(classes.len()),
        more: false,
    };
    let mut event = None;
    for class in classes {
        let request = Request::new(Action::Execute, *class).purpose(purpose);
        let recorded = exchange.gate()?.admit(&caller, &request, None)?;
        let done = vault
            .rewrap(&recorded, exchange.platform.clock)
            .map_err(|error| Problem::from(error).recorded(recorded.event()))?;
        if done.state == RewrapState::Blocked {
            exchange.platform.log.write(&format!(
                "rewrapping {class}: {} wrapped keys do not open; no version of this class may be destroyed until they are repaired or removed",
                done.unreadable
            ));
        }
        answer.more |= done.more;
        answer.classes.push(done);
        event = Some(recorded.event());
    }
    let reply = Reply::ok(&answer)?;
    Ok(match event {
        Some(event) => reply.recorded(event),
        None => reply,
    })
}
