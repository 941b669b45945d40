//! What a consent may say, held against the notice that it is given on and the file that it is given in. Decisions on data alone.

use access::{Permissions, Recipient};
use model::{AccountId, ClientId, ConsentId, ContactChannel, DataClass, NoticeId, Purpose, Role, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use web::{Check, Problem};

use crate::content::{check_selections, is_selection};
use crate::ledger::{GivenBy, Method};
use crate::notice::Notice;

/// The longest name of somebody whom a client lets have something, in characters.
const NAME: usize = 200;

/// What somebody asks to be recorded as agreed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewConsent")]
pub(crate) struct Terms {
    /// What the client was told. The newest of its series, but for what was signed on paper.
    pub(crate) notice_id: NoticeId,
    /// The language of the notice (BCP 47).
    pub(crate) language: String,
    /// Of those of the notice at least one, each once.
    pub(crate) purposes: Vec<Purpose>,
    /// Of those of the notice at least one, each once.
    pub(crate) classes: Vec<DataClass>,
    /// For whom alone, where it is an authorization to share.
    #[serde(default)]
    #[schemars(with = "Option<receipt::Recipient>")]
    pub(crate) recipient: Option<Recipient>,
    /// How she may be written to, each once.
    #[serde(default)]
    pub(crate) channels: Vec<ContactChannel>,
    /// Which participant of a shared file gives it: staff have to say.
    #[serde(default)]
    pub(crate) participant_id: Option<ClientId>,
    #[schemars(with = "receipt::GivenBy")]
    pub(crate) given_by: GivenBy,
    /// Who gives it for her, where `given_by` is `guardian`: staff have to say.
    #[serde(default)]
    pub(crate) representative_id: Option<AccountId>,
    #[schemars(with = "receipt::Method")]
    pub(crate) method: Method,
    /// In the future. Absent where no end is agreed.
    #[serde(default)]
    pub(crate) expires_at: Option<Timestamp>,
    /// The live consent in whose place it comes.
    #[serde(default)]
    pub(crate) supersedes: Option<ConsentId>,
}

/// Who records it.
pub(crate) struct Recorder {
    pub(crate) role: Role,
    pub(crate) account: AccountId,
    /// The client that the account belongs to.
    pub(crate) client: Option<ClientId>,
}

/// Who gives it, as far as the file knows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Giver {
    pub(crate) participant: Option<ClientId>,
    pub(crate) representative: Option<AccountId>,
    /// Whether it ends when the client is of age.
    pub(crate) until_majority: bool,
    /// When the representative's right ends, and with it what she agreed to.
    pub(crate) until: Option<Timestamp>,
}

/// What a consent of a minor's own is refused with.
pub(crate) fn guardian_decides() -> Problem {
    Problem::conflict(
        "guardian-decides",
        "The client is a minor: a parent or guardian has to agree.",
    )
}

/// What a consent is refused with whose giver acts for the client no more, or not for as long as it would hold, before it takes effect.
pub(crate) fn give_anew() -> Problem {
    Problem::conflict(
        "guardian-decides",
        "Whoever gave this acts for the client no more, or no longer than until she is of age, as was said meanwhile. It can be given anew by who acts for her now.",
    )
}

impl Terms {
    /// Whether this can be agreed on this notice. Consent covers what the client was told, in a language that she was told it
    /// in, and no more.
    ///
    /// # Errors
    /// 422 with every field that goes beyond the notice.
    pub(crate) fn check(&self, notice: Option<&Notice>, now: Timestamp) -> Result<(), Problem> {
        let mut check = Check::new();
        check.that(
            notice.is_some(),
            "/notice_id",
            "notice",
            "must be a notice that this clinic has published",
        );
        if let Some(notice) = notice {
            let content = &notice.content;
            check.that(
                content.language.eq_ignore_ascii_case(&self.language),
                "/language",
                "as-notice",
                "must be the language of the notice",
            );
            check.that(
                self.purposes.iter().all(|purpose| content.purposes.contains(purpose)),
                "/purposes",
                "as-notice",
                "must be among the purposes of the notice",
            );
            check.that(
                self.classes.iter().all(|class| content.classes.contains(class)),
                "/classes",
                "as-notice",
                "must be among the classes of the notice",
            );
        }
        check_selections(&mut check, &self.purposes, &self.classes);
        check.that(
            self.channels.is_empty() || is_selection(&self.channels),
            "/channels",
            "selection",
            "must have each channel once",
        );
        if let Some(Recipient::Name(name)) = &self.recipient {
            check.text(name.expose(), "/recipient/name", 1, NAME);
        }
        // 45 CFR 164.508(b)(3)(ii): combined with nothing but another of its kind.
        check.that(
            self.recipient.is_none()
                || !self.classes.contains(&DataClass::Psychotherapy)
                || self.classes == [DataClass::Psychotherapy],
            "/classes",
            "psychotherapy-alone",
            "an authorization to share psychotherapy notes covers nothing else: record another for the rest",
        );
        check.that(
            self.expires_at.is_none_or(|end| now < end),
            "/expires_at",
            "future",
            "must lie in the future",
        );
        check.finish()
    }

    /// Whether this recorder may record it. An authorization takes the client's word to somebody else (45 CFR 164.508(a)(2)): no account that it lets at
    /// her data is the one that says that it was given. Whose second account that is, as of a clinician who acts for a client under a guardian's, is not known here.
    ///
    /// # Errors
    /// 409 where it names the account that records it.
    pub(crate) fn check_recorder(&self, recorder: &Recorder) -> Result<(), Problem> {
        if self.recipient == Some(Recipient::Account(recorder.account)) {
            return Err(Problem::conflict(
                "own-authorization",
                "Nobody records an authorization that names her own account. Ask a colleague.",
            ));
        }
        Ok(())
    }

    /// Which participant of a shared file gives this: the caller where she is a client, else whom the body names.
    pub(crate) fn participant(&self, file: &Permissions, recorder: &Recorder) -> Option<ClientId> {
        match (file.participants.is_empty(), recorder.role.is_staff()) {
            (false, false) => recorder.client,
            (_, true) => self.participant_id,
            (true, false) => None,
        }
    }

    /// Who gives this: the client, whichever participant of a shared file, or somebody who may act for her. Clients and those who act for
    /// them give for themselves, whatever the body says; staff say who gave it. Whether a participant is a minor, and who may act for
    /// her, is in a file of her own, `person`: a shared file has no age and no representatives.
    ///
    /// # Errors
    /// 422 where somebody is named who can't give it, 409 where the client is a minor.
    pub(crate) fn giver(
        &self,
        file: &Permissions,
        person: &Permissions,
        recorder: &Recorder,
        now: Timestamp,
    ) -> Result<Giver, Problem> {
        let is_staff = recorder.role.is_staff();
        let is_guardian = recorder.role == Role::Guardian;
        let mut check = Check::new();
        check.that(
            is_staff || (self.given_by == GivenBy::Guardian) == is_guardian,
            "/given_by",
            "caller",
            "must be client where the client gives it herself, and guardian where somebody does who acts for her",
        );
        let representative = match self.given_by {
            GivenBy::Client => None,
            GivenBy::Guardian if is_staff => self.representative_id,
            GivenBy::Guardian => Some(recorder.account),
        };
        check.that(
            self.representative_id.is_none_or(|named| Some(named) == representative),
            "/representative_id",
            "caller",
            "must be whoever gives it, and be left out where the client does",
        );
        let acting = representative.and_then(|account| person.representative(account, now));
        check.that(
            self.given_by == GivenBy::Client || acting.is_some(),
            "/representative_id",
            "representative",
            "must be somebody who may act for the client now",
        );
        let participant = self.participant(file, recorder);
        check.that(
            match participant {
                Some(client) => file.participants.contains(&client),
                None => file.participants.is_empty(),
            },
            "/participant_id",
            "participant",
            "must be a participant where the file is shared, and be left out where it is not",
        );
        check.that(
            self.participant_id.is_none_or(|named| Some(named) == participant),
            "/participant_id",
            "caller",
            "must be whoever gives it",
        );
        check.finish()?;
        if self.given_by == GivenBy::Client && person.is_minor(now) {
            return Err(guardian_decides());
        }
        let is_for_a_minor = acting.is_some_and(|acting| person.ends_with_minority(acting));
        // A shared file does not know when its participants are of age, so what is agreed to there for a minor gets its end here.
        let majority = person.minor_until.filter(|_| is_for_a_minor && participant.is_some());
        Ok(Giver {
            participant,
            representative,
            until_majority: is_for_a_minor && participant.is_none(),
            until: [acting.and_then(|acting| acting.until), majority]
                .into_iter()
                .flatten()
                .min(),
        })
    }
}
