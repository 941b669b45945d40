//! A record and what may become of it: drafted, signed, co-signed, returned, amended.
//!
//! ```text
//! draft ─sign→ signed             ─amend→ signed
//! draft ─sign→ awaiting cosigner  ─amend→ awaiting cosigner
//!              awaiting cosigner ─cosign→ cosigned ─amend→ awaiting cosigner
//!              awaiting cosigner ─return→ draft, unless it was co-signed once: then it goes on awaiting
//!              awaiting cosigner ─sign→   awaiting another, where the one who was named can't sign any more
//! draft ─attach→ draft            what a document holds, unless it was signed once
//! draft ─discard→ nothing, unless it was signed once
//! ```

use model::{AccountId, Confidential, RecordId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::import::Imported;

use crate::attachment::Attachment;
use crate::content::{Kind, MediaType, Written};

/// How far a record has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RecordStatus")]
pub(crate) enum Status {
    /// Its author works on it. Nobody else learns that there is such a record.
    Draft,
    /// Its author stands by it.
    Signed,
    /// Its author stands by it, and her supervisor is to.
    AwaitingCosignature,
    /// Both do.
    Cosigned,
}

/// Who stands by which version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signature {
    pub(crate) account: AccountId,
    /// The version whose content she had before her.
    pub(crate) version: u64,
    pub(crate) signed_at: Timestamp,
}

/// A version of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) id: RecordId,
    pub(crate) author: AccountId,
    pub(crate) created_at: Timestamp,
    /// Who made this version, when, and why: of an amendment, or of a return.
    pub(crate) written_by: AccountId,
    pub(crate) written_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Confidential<String>>,
    pub(crate) status: Status,
    /// Those under the content as it is now: the author's, and then the cosigner's.
    pub(crate) signatures: Vec<Signature>,
    /// Who is to sign beside the author. Once named there is always one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cosigner: Option<AccountId>,
    /// The record of the meeting that it came of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encounter: Option<RecordId>,
    pub(crate) content: Written,
    /// What a document holds, once it was uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attachment: Option<Attachment>,
    /// Where it is from, if it was not written here first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) imported: Option<Imported>,
    /// Whether both have signed a version of it. What others rely upon is not taken from them again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) was_complete: bool,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// What somebody writes.
#[derive(Debug, Clone)]
pub(crate) struct Writing {
    pub(crate) content: Written,
    pub(crate) encounter: Option<RecordId>,
}

/// Who changes a record, when, and the version that she has seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hand {
    pub(crate) account: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) version: u64,
}

/// Why a record does not change so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotAuthor,
    NotCosigner,
    NotSupervisor,
    KindDiffers,
    ReasonMissing,
    AlreadySigned,
    NotAwaiting,
    IsDraft,
    WasSigned,
    NoDocument,
    NoContent,
    ContentWasSigned,
    MediaTypeDiffers,
}

impl Hand {
    /// The version that she makes.
    pub(crate) fn next(self) -> u64 {
        self.version.saturating_add(1)
    }

    fn signature(self, version: u64) -> Signature {
        Signature {
            account: self.account,
            version,
            signed_at: self.at,
        }
    }
}

impl Record {
    /// The first version.
    pub(crate) fn new(
        id: RecordId,
        author: AccountId,
        now: Timestamp,
        writing: Writing,
        is_draft: bool,
        fingerprint: [u8; 16],
    ) -> Self {
        let hand = Hand {
            account: author,
            at: now,
            version: 0,
        };
        let (status, signatures) = match is_draft {
            true => (Status::Draft, Vec::new()),
            false => (Status::Signed, vec![hand.signature(hand.next())]),
        };
        Self {
            id,
            author,
            created_at: now,
            written_by: author,
            written_at: now,
            reason: None,
            status,
            signatures,
            cosigner: None,
            encounter: writing.encounter,
            content: writing.content,
            attachment: None,
            imported: None,
            was_complete: false,
            fingerprint,
        }
    }

    /// This version, as it was made of what came from elsewhere.
    pub(crate) fn imported(self, imported: Imported) -> Self {
        Self {
            imported: Some(imported),
            ..self
        }
    }

    /// Whether it says what somebody would write.
    pub(crate) fn says(&self, writing: &Writing) -> bool {
        self.encounter == writing.encounter
            && self.content.kind == writing.content.kind
            && self.content.content == writing.content.content
    }

    pub(crate) fn is_draft(&self) -> bool {
        self.status == Status::Draft
    }

    /// A draft is its author's alone, whoever else may read the client's records.
    pub(crate) fn is_visible_to(&self, account: AccountId) -> bool {
        !self.is_draft() || self.author == account
    }

    /// Where it stands in time: when what it tells of was, or when it was written where it does not say.
    pub(crate) fn effective_at(&self) -> Timestamp {
        self.content.effective_at.unwrap_or(self.created_at)
    }

    fn check_author(&self, account: AccountId) -> Result<(), Refusal> {
        if self.author == account {
            Ok(())
        } else {
            Err(Refusal::NotAuthor)
        }
    }

    fn changed(&self, hand: Hand, reason: Option<String>) -> Self {
        Self {
            written_by: hand.account,
            written_at: hand.at,
            reason: reason.map(Confidential::new),
            ..self.clone()
        }
    }

    /// The author writes it anew: a draft freely, what was signed with a reason and under her signature at once. What was given back to her
    /// others have read: it takes a reason too.
    pub(crate) fn amended(&self, hand: Hand, writing: Writing, reason: Option<String>) -> Result<Self, Refusal> {
        self.check_author(hand.account)?;
        if self.content.kind != writing.content.kind {
            return Err(Refusal::KindDiffers);
        }
        // What is attached is of the media type that it was uploaded as.
        if self.attachment.is_some() && self.content.media_type != writing.content.media_type {
            return Err(Refusal::MediaTypeDiffers);
        }
        if (!self.is_draft() || self.was_given_back()) && reason.is_none() {
            return Err(Refusal::ReasonMissing);
        }
        let (status, signatures) = match (self.status, self.cosigner) {
            (Status::Draft, _) => (Status::Draft, Vec::new()),
            (_, None) => (Status::Signed, vec![hand.signature(hand.next())]),
            // Her supervisor's signature was under another text.
            (_, Some(_)) => (Status::AwaitingCosignature, vec![hand.signature(hand.next())]),
        };
        Ok(Self {
            status,
            signatures,
            encounter: writing.encounter,
            content: writing.content,
            ..self.changed(hand, reason)
        })
    }

    /// The author stands by it. `cosigner` is to do so too; whoever was to before a return still is where nobody is named. Who can at
    /// present, `may_cosign` says. Awaiting somebody who can't any more it is signed again, for another to sign: nobody else could ever
    /// end that.
    pub(crate) fn signed(
        &self,
        hand: Hand,
        cosigner: Option<AccountId>,
        may_cosign: &dyn Fn(AccountId) -> bool,
    ) -> Result<Self, Refusal> {
        self.check_author(hand.account)?;
        let awaits_in_vain = self.awaits().is_some_and(|awaited| !may_cosign(awaited));
        if !self.is_draft() && !awaits_in_vain {
            return Err(Refusal::AlreadySigned);
        }
        if self.content.kind == Kind::Document && self.attachment.is_none() {
            return Err(Refusal::NoContent);
        }
        // Of one who was named before it is asked again: she may have left meanwhile.
        let cosigner = cosigner.or(self.cosigner);
        if cosigner.is_some_and(|cosigner| !may_cosign(cosigner)) {
            return Err(Refusal::NotSupervisor);
        }
        // Why it is another text than the one that others have read, the versions of the draft say to nobody but her.
        let reason = self
            .reason
            .as_ref()
            .filter(|_| self.was_given_back() && self.written_by == hand.account);
        Ok(Self {
            status: match cosigner {
                Some(_) => Status::AwaitingCosignature,
                None => Status::Signed,
            },
            signatures: vec![hand.signature(hand.version)],
            cosigner,
            ..self.changed(hand, reason.map(|reason| reason.expose().clone()))
        })
    }

    /// Whether it is a draft again that others have read.
    fn was_given_back(&self) -> bool {
        self.is_draft() && self.cosigner.is_some()
    }

    /// Whose signature it awaits beside the author's.
    pub(crate) fn awaits(&self) -> Option<AccountId> {
        self.cosigner.filter(|_| self.status == Status::AwaitingCosignature)
    }

    fn check_awaits(&self, account: AccountId) -> Result<(), Refusal> {
        match self.awaits() {
            Some(cosigner) if cosigner == account => Ok(()),
            Some(_) => Err(Refusal::NotCosigner),
            None => Err(Refusal::NotAwaiting),
        }
    }

    /// The supervisor stands by it too.
    pub(crate) fn cosigned(&self, hand: Hand) -> Result<Self, Refusal> {
        self.check_awaits(hand.account)?;
        let mut signatures = self.signatures.clone();
        signatures.push(hand.signature(hand.version));
        Ok(Self {
            status: Status::Cosigned,
            signatures,
            was_complete: true,
            ..self.changed(hand, None)
        })
    }

    /// The supervisor gives it back, as a draft. An amendment of what was complete stays before everybody's eyes and awaits her signature still: as a
    /// draft the whole record would vanish for the client and for whoever treats her.
    pub(crate) fn returned(&self, hand: Hand, reason: String) -> Result<Self, Refusal> {
        self.check_awaits(hand.account)?;
        let changed = self.changed(hand, Some(reason));
        Ok(match self.was_complete {
            true => changed,
            false => Self {
                status: Status::Draft,
                signatures: Vec::new(),
                ..changed
            },
        })
    }

    /// Of which media type its author may attach something to it. What was signed once stays as it was signed: whoever has seen it must not
    /// find something else in its place.
    pub(crate) fn check_attach(&self, account: AccountId) -> Result<MediaType, Refusal> {
        self.check_author(account)?;
        let media_type = self.content.media_type.ok_or(Refusal::NoDocument)?;
        match (self.status, self.cosigner) {
            (Status::Draft, None) => Ok(media_type),
            _ => Err(Refusal::ContentWasSigned),
        }
    }

    /// What the content is named by that a document holds.
    pub(crate) fn attached_name(&self) -> Option<&str> {
        self.attachment.as_ref().map(|attachment| attachment.name.as_str())
    }

    /// The author attaches what the document holds, instead of what was attached before.
    pub(crate) fn attached(&self, hand: Hand, attachment: Attachment) -> Result<Self, Refusal> {
        self.check_attach(hand.account)?;
        Ok(Self {
            attachment: Some(attachment),
            ..self.changed(hand, None)
        })
    }

    /// Whether its author may let it vanish. What others could read once stays: a record that was relied upon is not unmade.
    pub(crate) fn check_discard(&self, account: AccountId) -> Result<(), Refusal> {
        self.check_author(account)?;
        match (self.status, self.cosigner) {
            (Status::Draft, None) => Ok(()),
            (Status::Draft, Some(_)) => Err(Refusal::WasSigned),
            _ => Err(Refusal::AlreadySigned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHOR: u8 = 1;
    const COSIGNER: u8 = 2;
    const COLLEAGUE: u8 = 3;

    fn account(of: u8) -> AccountId {
        AccountId::from_bytes([of; 16])
    }

    fn hand(of: u8, version: u64) -> Hand {
        Hand {
            account: account(of),
            at: "2026-12-01T08:00:00Z".parse().unwrap(),
            version,
        }
    }

    fn writing(kind: &str) -> Writing {
        let content =
            serde_json::json!({"kind": kind, "content": {"session_at": "2026-11-30T10:00:00Z", "text": kind}});
        Writing {
            content: serde_json::from_str(&content.to_string()).unwrap(),
            encounter: None,
        }
    }

    fn reason() -> String {
        "a slip".to_owned()
    }

    /// A record in each state that there is, and its version.
    fn states() -> [(&'static str, u64, Record); 8] {
        let id = RecordId::from_bytes([4; 16]);
        let new = |is_draft| {
            let Hand { account, at, .. } = hand(AUTHOR, 0);
            Record::new(id, account, at, writing("progress_note"), is_draft, [5; 16])
        };
        let draft = new(true);
        let awaiting = draft
            .signed(hand(AUTHOR, 1), Some(account(COSIGNER)), &|_| true)
            .unwrap();
        let cosigned = awaiting.cosigned(hand(COSIGNER, 2)).unwrap();
        let returned = awaiting.returned(hand(COSIGNER, 2), reason()).unwrap();
        let amended = new(false).amended(hand(AUTHOR, 1), writing("progress_note"), Some(reason()));
        let revised = cosigned.amended(hand(AUTHOR, 3), writing("progress_note"), Some(reason()));
        let revised = revised.unwrap();
        let objected = revised.returned(hand(COSIGNER, 4), reason()).unwrap();
        [
            ("draft", 1, draft),
            ("signed", 1, new(false)),
            ("amended", 2, amended.unwrap()),
            ("awaiting", 2, awaiting),
            ("cosigned", 3, cosigned),
            ("returned", 3, returned),
            ("revised", 4, revised),
            ("objected", 5, objected),
        ]
    }

    /// A record that was not imported has no trace of it, in whatever state, and one that was keeps it.
    #[test]
    fn where_a_record_is_from_stays_with_it() {
        let source = web::import::Source {
            system: Confidential::new("https://other.example".to_owned()),
            id: Confidential::new("Condition/1".to_owned()),
        };
        let imported = Imported {
            source,
            fingerprint: [7; 16],
            version: 1,
        };
        for (name, version, record) in states() {
            assert!(!serde_json::to_string(&record).unwrap().contains("import"), "{name}");
            let amended = record.imported(imported.clone()).amended(
                hand(AUTHOR, version),
                writing("progress_note"),
                Some(reason()),
            );
            assert_eq!(amended.unwrap().imported.as_ref(), Some(&imported), "{name}");
        }
    }

    /// What comes of everything that anybody does to a record in any state: a status, or why not.
    #[test]
    fn every_step_from_every_state() {
        use Refusal::{AlreadySigned, NotAuthor, NotAwaiting, NotCosigner, NotSupervisor, ReasonMissing, WasSigned};
        use Status::{AwaitingCosignature, Cosigned, Draft, Signed};
        for (name, version, record) in states() {
            let is_draft = matches!(name, "draft" | "returned");
            let has_cosigner = !matches!(name, "draft" | "signed" | "amended");
            let awaits = matches!(name, "awaiting" | "revised" | "objected");
            for who in [AUTHOR, COSIGNER, COLLEAGUE] {
                let hand = hand(who, version);
                let status = |changed: Result<Record, Refusal>| changed.map(|changed| changed.status);
                let by_author = |wanted| if who == AUTHOR { wanted } else { Err(NotAuthor) };
                let case = format!("{name} by {who}");

                let amended = match (is_draft, has_cosigner) {
                    (true, _) => Draft,
                    (false, true) => AwaitingCosignature,
                    (false, false) => Signed,
                };
                let text = writing("progress_note");
                assert_eq!(
                    status(record.amended(hand, text.clone(), Some(reason()))),
                    by_author(Ok(amended)),
                    "{case}"
                );
                let without_reason = if name == "draft" { Ok(Draft) } else { Err(ReasonMissing) };
                assert_eq!(
                    status(record.amended(hand, text, None)),
                    by_author(without_reason),
                    "{case}"
                );
                assert_eq!(
                    status(record.amended(hand, writing("psychotherapy_note"), Some(reason()))),
                    by_author(Err(Refusal::KindDiffers)),
                    "{case}"
                );

                let alone = match (is_draft, has_cosigner) {
                    (false, _) => Err(AlreadySigned),
                    (true, true) => Ok(AwaitingCosignature),
                    (true, false) => Ok(Signed),
                };
                assert_eq!(status(record.signed(hand, None, &|_| true)), by_author(alone), "{case}");
                let together = if is_draft {
                    Ok(AwaitingCosignature)
                } else {
                    Err(AlreadySigned)
                };
                let signed = record.signed(hand, Some(account(COLLEAGUE)), &|_| true);
                assert_eq!(status(signed), by_author(together), "{case}");

                // Where the one who was named has left, another is named, and nobody is let off.
                let but_cosigner = |other: AccountId| other != account(COSIGNER);
                let alone = match name {
                    "draft" => Ok(Signed),
                    "returned" => Err(NotSupervisor),
                    _ if awaits => Err(NotSupervisor),
                    _ => Err(AlreadySigned),
                };
                assert_eq!(
                    status(record.signed(hand, None, &but_cosigner)),
                    by_author(alone),
                    "{case}"
                );
                let signed = record.signed(hand, Some(account(COLLEAGUE)), &but_cosigner);
                let together = match name {
                    "draft" | "returned" => Ok(AwaitingCosignature),
                    _ if awaits => Ok(AwaitingCosignature),
                    _ => Err(AlreadySigned),
                };
                let awaited = signed.as_ref().ok().and_then(Record::awaits);
                assert!(awaited.is_none_or(|awaited| awaited == account(COLLEAGUE)), "{case}");
                assert_eq!(status(signed), by_author(together), "{case}");
                let signed = record.signed(hand, Some(account(COLLEAGUE)), &|_| false);
                assert_eq!(status(signed), by_author(together.and(Err(NotSupervisor))), "{case}");

                let by_cosigner = |wanted| match (awaits, who) {
                    (true, COSIGNER) => Ok(wanted),
                    (true, _) => Err(NotCosigner),
                    (false, _) => Err(NotAwaiting),
                };
                assert_eq!(status(record.cosigned(hand)), by_cosigner(Cosigned), "{case}");
                // What both have signed once is not taken from anybody's eyes.
                let returned = if name == "awaiting" { Draft } else { AwaitingCosignature };
                assert_eq!(status(record.returned(hand, reason())), by_cosigner(returned), "{case}");

                let discarded = match name {
                    "draft" => Ok(()),
                    "returned" => Err(WasSigned),
                    _ => Err(AlreadySigned),
                };
                assert_eq!(
                    record.check_discard(account(who)),
                    by_author_of(who, discarded),
                    "{case}"
                );
                assert_eq!(record.is_visible_to(account(who)), !is_draft || who == AUTHOR, "{case}");
            }
        }
    }

    fn by_author_of(who: u8, wanted: Result<(), Refusal>) -> Result<(), Refusal> {
        if who == AUTHOR { wanted } else { Err(Refusal::NotAuthor) }
    }

    /// A signature names the version whose content its giver had before her, and goes where the content changes.
    #[test]
    fn signatures_are_under_what_was_signed() {
        let signed: Vec<Vec<(u8, u64)>> = states()
            .into_iter()
            .map(|(_, _, record)| {
                let signatures = record.signatures.iter();
                signatures
                    .map(|signature| (signature.account.as_bytes()[0], signature.version))
                    .collect()
            })
            .collect();
        let wanted: [&[(u8, u64)]; 8] = [
            &[],
            &[(AUTHOR, 1)],
            &[(AUTHOR, 2)],
            &[(AUTHOR, 1)],
            &[(AUTHOR, 1), (COSIGNER, 2)],
            &[],
            &[(AUTHOR, 4)],
            &[(AUTHOR, 4)],
        ];
        assert_eq!(signed, wanted);
    }

    /// Others see the version that they had read and the one that is signed again, and why it says something else.
    #[test]
    fn why_what_was_given_back_was_rewritten_stands_in_what_is_signed() {
        let [.., (_, version, returned), _, _] = states();
        let signed = |draft: &Record, version| draft.signed(hand(AUTHOR, version), None, &|_| true).unwrap();
        // Her supervisor's reason is not hers.
        assert_eq!(signed(&returned, version).reason, None);
        let rewritten = returned.amended(
            hand(AUTHOR, version),
            writing("progress_note"),
            Some("clearer".to_owned()),
        );
        let again = signed(&rewritten.unwrap(), version + 1);
        assert_eq!(again.reason.unwrap().expose(), "clearer");
        // Of a draft that nobody else has read, nobody reads reasons.
        let [(_, _, draft), ..] = states();
        let redrafted = draft.amended(hand(AUTHOR, 1), writing("progress_note"), Some(reason()));
        assert_eq!(signed(&redrafted.unwrap(), 2).reason, None);
    }
}
