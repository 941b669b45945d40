//! Why somebody would be let at something of a client's, or would not: for the client about herself, for whoever acts for her, and for the
//! privacy officer.

use access::{Asker, DenialReason, Explanation, Need, Request, explain};
use model::{AccountId, Action, DataClass, Purpose, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply};

use crate::file::ClientFile;
use crate::redaction::Reader;

/// The request that would be made, and by whom.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AccessQuestion")]
pub(crate) struct Question {
    /// Who would make it.
    account_id: AccountId,
    /// In which role: which roles an account has is not looked up.
    role: Role,
    /// What would be done.
    action: Action,
    /// With which data.
    class: DataClass,
    /// What for, where it is not the usual purpose of the role.
    purpose: Option<Purpose>,
    /// Who wrote it, where that decides. As `account_id` where this is absent.
    author_id: Option<AccountId>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccessExplanation")]
pub(crate) struct ExplanationAnswer {
    #[schemars(extend("enum" = ["allowed", "denied"]))]
    decision: &'static str,
    /// The rule that allows it, or by which it is denied.
    rule: &'static str,
    /// What it would be for.
    purpose: Purpose,
    /// The rules that could allow it, and what each of them needs.
    considered: Vec<ConsideredAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConsideredRule")]
struct ConsideredAnswer {
    rule: &'static str,
    needs: Vec<NeedAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RuleNeed")]
struct NeedAnswer {
    /// Stable, for programs.
    need: &'static str,
    /// In words, for people.
    meaning: &'static str,
    met: bool,
}

/// `GET …/access/explain`: the decision as it would be taken now, by the same rows over the same permissions, as far as whoever asks sees them.
/// What is hidden from her, and who broke the glass where she does not see that, counts as if it were not there: neither the decision nor
/// any need may tell her what the ledger does not.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let question: Question = exchange.query()?;
    let caller = exchange.caller()?;
    let (file, recorded, mut permissions) =
        ClientFile::enter(exchange, &caller, Action::Read, DataClass::AccessDecision, None)?;
    let reader = Reader::of(recorded.role(), recorded.account(), &permissions, file.now);
    file.redact(&reader, &mut permissions)?;
    let roles = [question.role];
    // As a client she would ask about herself: somebody else's account is nobody to this file. A shared file is nobody's own, so there she
    // would be one of the participants, to whom the table says all the same.
    let herself = *permissions.participants.first().unwrap_or(&permissions.client);
    let asker = Asker {
        account: question.account_id,
        clinic: recorded.clinic(),
        roles: &roles,
        client: (question.role == Role::Client).then_some(herself),
    };
    let request = Request::new(question.action, question.class)
        .about(permissions.client)
        .by(question.author_id.unwrap_or(question.account_id))
        .purpose(question.purpose);
    let explanation = explain(&asker, &request, Some(&permissions), file.now);
    Ok(Reply::ok(&ExplanationAnswer::from(explanation))?.recorded(recorded.event()))
}

impl From<Explanation> for ExplanationAnswer {
    fn from(explanation: Explanation) -> Self {
        Self {
            decision: if explanation.decision.is_ok() {
                "allowed"
            } else {
                "denied"
            },
            rule: explanation.decision.unwrap_or_else(DenialReason::rule),
            purpose: explanation.purpose,
            considered: explanation
                .considered
                .into_iter()
                .map(|row| ConsideredAnswer {
                    rule: row.rule,
                    needs: row.needs.into_iter().map(NeedAnswer::from).collect(),
                })
                .collect(),
        }
    }
}

impl From<(Need, bool)> for NeedAnswer {
    fn from((need, met): (Need, bool)) -> Self {
        Self {
            need: need.name(),
            meaning: need.meaning(),
            met,
        }
    }
}
