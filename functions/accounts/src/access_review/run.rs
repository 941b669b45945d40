//! The job: begins a review every quarter, tells those who decide, and lets lapse what nobody has decided about.

use access::{Caller, Recorded, Request};
use account::session::admit;
use account::{Account, AccountState, Accounts};
use crypto::{Label, name};
use jiff::SignedDuration;
use model::{AccessReviewId, AccountId, Action, ClinicId, DataClass, Role, Timestamp};
use notification::{Content, Message, Recipient, Urgency};
use ports::EntropyExt;
use schemars::JsonSchema;
use serde::Serialize;
use web::{Exchange, Problem, Reply};

use crate::access_review::begin::{change, clinic_of, latest_review, leave, start};
use crate::access_review::campaign::{Campaign, is_next_due};
use crate::access_review::evidence::enter;
use crate::access_review::settle::Matter;
use crate::access_review::verdict::{Claim, Decision, Outcome, lapse};
use crate::documents::Documents;
use crate::upon_account::note;

const MESSAGE: Label = Label::new("confide 2026-11 access review message");

/// How long a run goes on to look at another account. A request has thirty seconds.
const LONGEST: SignedDuration = SignedDuration::from_secs(15);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccessReviewRun")]
pub(crate) struct RunAnswer {
    /// Whether this run began a review.
    began: bool,
    /// The review that is open after it. Absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<AccessReviewId>,
    /// Whether there is more to do at once.
    more: bool,
}

struct Run<'r, 'a> {
    exchange: &'r Exchange<'a>,
    accounts: &'r Accounts<'a>,
    clinic: ClinicId,
    recorded: &'r Recorded,
    caller: &'r Caller,
    ends_at: Timestamp,
}

/// How a pass over the accounts ended.
enum Passed {
    /// All are decided about.
    Whole,
    /// Some wait.
    Waiting,
    /// It ran out of time.
    Unfinished,
}

/// `POST /v1/auth/access-reviews/jobs/run`
///
/// Safe to run at any time and twice at once: a review is begun by one compare-and-swap, messages have names, and an account is
/// claimed before it lapses.
///
/// Order: record; what a review that begins writes (see [`begin`](super::begin())); messages, that they were sent; of each account that lapses
/// record, verdict (claimed), account, evidence, verdict (standing); evidence (closed), review, latest review. A crash at any point leaves to
/// the next run what this one did not come to; messages that it repeats have the names that they had.
///
/// What `notify` does not take is said to the operator, and keeps nobody in: messages are tried again by the next run, and the
/// review stays open until those whose accounts have lapsed were told.
pub(crate) fn run(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, caller) = admit(exchange, Request::new(Action::Execute, DataClass::AccessReview))?;
    let accounts = Accounts::open(exchange)?;
    let now = exchange.platform.clock.now();
    let run = Run {
        exchange,
        accounts: &accounts,
        clinic: recorded.clinic(),
        recorded: &recorded,
        caller: &caller,
        ends_at: now.saturating_add(LONGEST).unwrap_or(now),
    };
    let answer = run.run(now).map_err(|problem| problem.or_recorded(recorded.event()))?;
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

impl Run<'_, '_> {
    fn run(&self, now: Timestamp) -> Result<RunAnswer, Problem> {
        let latest = latest_review(self.accounts, self.clinic, now)?;
        let (began, campaign) = match latest {
            Some(campaign) if campaign.closed_at.is_none() => (false, campaign),
            latest => {
                let clinic = clinic_of(self.accounts, self.clinic)?;
                if !is_next_due(latest.as_ref(), clinic.created_at, now) {
                    return Ok(RunAnswer {
                        began: false,
                        open: None,
                        more: false,
                    });
                }
                let id = self.exchange.platform.entropy.id();
                let begun = Campaign::new(id, self.caller.account(), clinic.undecided_stay, None, now);
                let request = Request::new(Action::Create, DataClass::AccessReview).of(id);
                self.note(&request, "access-review.begun")?;
                (true, start(self.accounts, self.clinic, &begun, now)?)
            }
        };
        let review = campaign.id;
        self.tell_what_is_due(&campaign, now)?;
        let is_open = match self.pass(&campaign, now)? {
            Passed::Whole => {
                self.close(review, now)?;
                false
            }
            Passed::Waiting => true,
            Passed::Unfinished => {
                return Ok(RunAnswer {
                    began,
                    open: Some(review),
                    more: true,
                });
            }
        };
        Ok(RunAnswer {
            began,
            open: is_open.then_some(review),
            more: false,
        })
    }

    fn note(&self, request: &Request, rule: &'static str) -> Result<(), Problem> {
        note(self.exchange, self.caller, self.recorded.role(), request, rule).map(drop)
    }

    fn account(&self, id: [u8; 16]) -> Result<Account, Problem> {
        let account = self.accounts.account(self.clinic, AccountId::from_bytes(id)).read()?;
        let account = account.ok_or_else(|| Problem::defect("the staff log names an account that does not exist"))?;
        Ok(account.value)
    }

    /// Announces the review, and reminds of it. A review is not kept waiting by that.
    fn tell_what_is_due(&self, campaign: &Campaign, now: Timestamp) -> Result<(), Problem> {
        let reminds = campaign.is_time_to_remind(now);
        for (is_due, is_told, occasion) in [
            (true, campaign.is_announced, "begun"),
            (reminds, campaign.is_reminded, "due"),
        ] {
            if !is_due || is_told || campaign.is_due(now) {
                continue;
            }
            match self.tell(campaign, occasion) {
                Ok(()) => {
                    change(&self.accounts.campaign(self.clinic, campaign.id), &mut |campaign| {
                        match occasion {
                            "begun" => campaign.is_announced = true,
                            _ => campaign.is_reminded = true,
                        }
                        Ok(())
                    })?;
                }
                Err(problem) => {
                    if let Some(line) = problem.operator_line() {
                        self.exchange.platform.log.write(line);
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells everybody who decides.
    fn tell(&self, campaign: &Campaign, occasion: &str) -> Result<(), Problem> {
        for entry in self.accounts.staff(self.clinic).newest_first(None) {
            let account = self.account(entry?.value.id())?;
            let decides = account.roles.contains(&Role::ClinicAdmin) || account.roles.contains(&Role::PrivacyOfficer);
            if !decides || account.state != AccountState::Active {
                continue;
            }
            let parts: [&[u8]; 5] = [
                campaign.id.as_bytes(),
                account.id.as_bytes(),
                occasion.as_bytes(),
                // Whoever changes her address or language between two tries has another message, and not a refused one.
                account.email.expose().as_bytes(),
                account.language.as_bytes(),
            ];
            let message = Message {
                key: name(self.accounts.index, MESSAGE, &parts),
                clinic_id: self.clinic,
                recipient: Recipient::Email(account.email.clone()),
                content: Content::AccessReview,
                language: account.language.clone(),
                urgency: Urgency::Queued,
                expires_at: Some(campaign.due_at),
            };
            message.send(self.exchange)?;
        }
        Ok(())
    }

    /// Looks at the accounts: finishes what was claimed, and lets lapse what nobody has decided about once it is due. What fails at one
    /// account keeps no other one open.
    fn pass(&self, campaign: &Campaign, now: Timestamp) -> Result<Passed, Problem> {
        let (mut seen_down_to, mut has_waiting) = (campaign.seen_down_to, campaign.has_waiting);
        let (mut failed, mut is_over) = (None, true);
        for entry in self.accounts.staff(self.clinic).newest_first(seen_down_to) {
            if self.exchange.platform.clock.now() >= self.ends_at {
                is_over = false;
                break;
            }
            let entry = entry?;
            match self.visit(campaign, entry.value.id(), now) {
                Ok(is_decided) => has_waiting |= !is_decided,
                Err(problem) => {
                    has_waiting = true;
                    failed.get_or_insert(problem);
                }
            }
            seen_down_to = Some(entry.sequence);
        }
        let kept = if is_over {
            (None, false)
        } else {
            (seen_down_to, has_waiting)
        };
        if kept != (campaign.seen_down_to, campaign.has_waiting) {
            let doc = self.accounts.campaign(self.clinic, campaign.id);
            change(&doc, &mut |campaign| {
                (campaign.seen_down_to, campaign.has_waiting) = kept;
                Ok(())
            })?;
        }
        match failed {
            Some(problem) => Err(problem),
            None if !is_over => Ok(Passed::Unfinished),
            None if has_waiting => Ok(Passed::Waiting),
            None => Ok(Passed::Whole),
        }
    }

    /// Looks at one account, and says whether it is decided about.
    fn visit(&self, campaign: &Campaign, id: [u8; 16], now: Timestamp) -> Result<bool, Problem> {
        let account = self.account(id)?;
        if !campaign.asks_about(&account) {
            return Ok(true);
        }
        let matter = Matter {
            exchange: self.exchange,
            accounts: self.accounts,
            clinic: self.clinic,
            review: campaign.id,
            account: account.id,
            event: self.recorded.event(),
        };
        let verdict = matter.verdict()?;
        if let Some(pending) = verdict.pending {
            matter.settle(Claim::Resumed(pending))?;
            return Ok(true);
        }
        if verdict.standing.is_some() {
            return Ok(true);
        }
        if !campaign.is_due(now) {
            return Ok(false);
        }
        let wanted = lapse(&account, campaign.undecided_stay, self.caller.account(), now);
        if wanted.outcome == Outcome::Lapsed {
            let request = Request::new(Action::Amend, DataClass::Account).of(account.id);
            self.note(&request, "access-review.lapsed")?;
        }
        matter.settle(matter.claim(&wanted, 0, false)?)?;
        Ok(true)
    }

    fn close(&self, review: AccessReviewId, now: Timestamp) -> Result<(), Problem> {
        let request = Request::new(Action::Amend, DataClass::AccessReview).of(review);
        self.note(&request, "access-review.closed")?;
        let closed = Decision::of_review(Outcome::Closed, self.caller.account(), now);
        enter(self.accounts, self.clinic, review, &closed, true)?;
        let mut close = |campaign: &mut Campaign| {
            campaign.closed_at.get_or_insert(now);
            Ok(())
        };
        change(&self.accounts.campaign(self.clinic, review), &mut close)?;
        leave(self.accounts, self.clinic, review, now)
    }
}
