//! What of a client's ledger somebody sees. Many may list it, and not everything in it is for all of them. Decisions on data alone.

use access::Permissions;
use model::{AccountId, Role, Timestamp};

use crate::ledger::LedgerEntry;

/// Whose of something a reader sees.
#[derive(Clone, Copy)]
enum Whose {
    Everybodys,
    /// What she recorded herself.
    Own,
    Nobodys,
}

/// Whoever reads a client's file.
pub(crate) struct Reader {
    account: AccountId,
    /// Reasons and justifications: free text, which says what no field is for.
    texts: Whose,
    /// What is hidden, and from whom.
    restrictions: Whose,
    emergencies: bool,
}

impl Reader {
    /// A client sees all of her own file. A shared one speaks of others too, so there a participant sees what she wrote and hid herself. Who acts for a client
    /// sees what is hidden, and who broke the glass, only where she could see it all anyway: a child who hides from a parent hides that too.
    pub(crate) fn of(role: Role, account: AccountId, file: &Permissions, now: Timestamp) -> Self {
        let is_open_to_her = || {
            let acting = file.representative(account, now);
            let is_hidden_from_others = |from: Option<AccountId>| from.is_some_and(|from| from != account);
            acting.is_some_and(|acting| acting.reads_records)
                && file
                    .restrictions
                    .iter()
                    .all(|hidden| is_hidden_from_others(hidden.account))
        };
        let (texts, restrictions) = match role {
            Role::PrivacyOfficer | Role::Auditor => (Whose::Everybodys, Whose::Everybodys),
            Role::Client if file.participants.is_empty() => (Whose::Everybodys, Whose::Everybodys),
            Role::Client => (Whose::Own, Whose::Own),
            Role::Guardian if !is_open_to_her() => (Whose::Own, Whose::Nobodys),
            _ => (Whose::Own, Whose::Everybodys),
        };
        Self {
            account,
            texts,
            restrictions,
            emergencies: !matches!(restrictions, Whose::Nobodys),
        }
    }

    fn sees(&self, whose: Whose, recorder: Option<AccountId>) -> bool {
        match whose {
            Whose::Everybodys => true,
            Whose::Own => recorder == Some(self.account),
            Whose::Nobodys => false,
        }
    }

    /// Whether she sees a restriction, and its end, that this account recorded.
    pub(crate) fn sees_restriction(&self, recorder: Option<AccountId>) -> bool {
        self.sees(self.restrictions, recorder)
    }

    /// Whether she sees who broke the glass.
    pub(crate) fn sees_emergencies(&self) -> bool {
        self.emergencies
    }

    /// Whether she sees, of an emergency that the table shows her, why the glass was broken and what the privacy officer wrote about it. A
    /// participant of a shared file does not.
    pub(crate) fn sees_emergency_texts(&self) -> bool {
        matches!(self.restrictions, Whose::Everybodys)
    }

    /// An entry as she sees it, if she does. `hidden_by` recorded the restriction that it ends, where it ends one.
    pub(crate) fn redact(&self, mut entry: LedgerEntry, hidden_by: Option<AccountId>) -> Option<LedgerEntry> {
        let (text, recorder) = match &mut entry {
            LedgerEntry::Given(_) => return Some(entry),
            LedgerEntry::Restricted(restricted) => {
                let recorder = restricted.restriction.recorded_by;
                return self.sees_restriction(Some(recorder)).then_some(entry);
            }
            LedgerEntry::Lifted(_) => return self.sees_restriction(hidden_by).then_some(entry),
            LedgerEntry::BrokeGlass(_) if !self.emergencies => return None,
            LedgerEntry::BrokeGlass(broken) => (&mut broken.reason, broken.account_id),
            LedgerEntry::Withdrawn(withdrawal) => (&mut withdrawal.reason, withdrawal.recorded_by),
            LedgerEntry::Established(established) => {
                let ground = &mut established.ground;
                (&mut ground.justification, ground.recorded_by)
            }
            LedgerEntry::GroundEnded(end) => (&mut end.reason, end.recorded_by),
            LedgerEntry::Changed(change) => (&mut change.entered.reason, change.entered.recorded_by),
        };
        if !self.sees(self.texts, Some(recorder)) {
            *text = None;
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use access::{Authority, Representative, Restriction};
    use model::{ClientId, ClinicId, Confidential, ConsentId, EmergencyId, GroundId, RestrictionId, SubjectId};

    use super::*;
    use crate::ledger::{
        BrokenGlass, Change, Entered, Established, GroundEnd, Hidden, Lifting, OtherGround, Restricted, Standing,
        Withdrawal,
    };

    fn now() -> Timestamp {
        "2026-12-01T08:00:00Z".parse().unwrap()
    }

    fn account(number: u8) -> AccountId {
        AccountId::from_bytes([number; 16])
    }

    fn text() -> Option<Confidential<String>> {
        Some(Confidential::new("because".to_owned()))
    }

    /// One of each kind that not everybody sees, recorded by this account.
    fn entries(recorded_by: AccountId) -> [LedgerEntry; 7] {
        let restriction_id = RestrictionId::from_bytes([1; 16]);
        let ground_id = GroundId::from_bytes([2; 16]);
        [
            LedgerEntry::Withdrawn(Withdrawal {
                consent_id: ConsentId::from_bytes([3; 16]),
                withdrawn_at: now(),
                recorded_by,
                reason: text(),
            }),
            LedgerEntry::Established(Established {
                ground: OtherGround {
                    ground_id,
                    basis: "vital_interests".to_owned(),
                    citations: Vec::new(),
                    purposes: Vec::new(),
                    classes: Vec::new(),
                    justification: text(),
                    established_at: now(),
                    recorded_by,
                    expires_at: None,
                },
                fingerprint: [0; 16],
            }),
            LedgerEntry::GroundEnded(GroundEnd {
                ground_id,
                ended_at: now(),
                recorded_by,
                reason: text(),
            }),
            LedgerEntry::Changed(Change {
                standing: Standing::Minority(None),
                at: now(),
                entered: Entered {
                    reason: text(),
                    ..Entered::by(recorded_by)
                },
            }),
            LedgerEntry::BrokeGlass(BrokenGlass {
                emergency_id: EmergencyId::from_bytes([4; 16]),
                account_id: recorded_by,
                reason: text(),
                taken_at: now(),
                until: now(),
            }),
            LedgerEntry::Restricted(Restricted {
                restriction: Hidden {
                    restriction_id,
                    class: None,
                    account_id: None,
                    restricted_at: now(),
                    recorded_by,
                },
                fingerprint: [0; 16],
            }),
            LedgerEntry::Lifted(Lifting {
                restriction_id,
                lifted_at: now(),
                // Whose the restriction was counts, and not who ended it.
                recorded_by: account(9),
            }),
        ]
    }

    /// What a reader sees of the entries of an account: `+` all of it, `-` all but the text, `.` nothing.
    fn seen(reader: &Reader, recorder: AccountId) -> String {
        let look = |entry: LedgerEntry| match reader.redact(entry.clone(), Some(recorder)) {
            None => '.',
            Some(seen) if seen == entry => '+',
            Some(_) => '-',
        };
        entries(recorder).into_iter().map(look).collect()
    }

    #[test]
    fn everybody_sees_what_is_for_her() {
        let (reader, another, parent) = (account(1), account(2), account(3));
        let file = Permissions::of(
            ClinicId::from_bytes([1; 16]),
            ClientId::from_bytes([1; 16]),
            SubjectId::from_bytes([1; 16]),
        );
        let shared = Permissions {
            participants: vec![ClientId::from_bytes([2; 16]), ClientId::from_bytes([3; 16])],
            ..file.clone()
        };
        let acting = |reads_records| Representative {
            account: reader,
            authority: Authority::Guardian,
            reads_records,
            since: Some(now()),
            until: None,
        };
        let represented = |reads_records| Permissions {
            representatives: vec![acting(reads_records)],
            ..file.clone()
        };
        let hiding = |from| Permissions {
            restrictions: vec![Restriction {
                id: RestrictionId::from_bytes([1; 16]),
                class: None,
                account: from,
            }],
            ..represented(true)
        };
        // What others recorded, and what she recorded herself.
        for (role, file, others, own) in [
            (Role::Client, &file, "+++++++", "+++++++"),
            (Role::Client, &shared, "-----..", "+++++++"),
            (Role::Clinician, &file, "-----++", "+++++++"),
            (Role::ClinicAdmin, &file, "-----++", "+++++++"),
            (Role::ClinicAdmin, &shared, "-----++", "+++++++"),
            (Role::PrivacyOfficer, &shared, "+++++++", "+++++++"),
            (Role::Auditor, &shared, "+++++++", "+++++++"),
            (Role::Guardian, &represented(false), "----...", "++++..."),
            (Role::Guardian, &represented(true), "-----++", "+++++++"),
            (Role::Guardian, &hiding(Some(parent)), "-----++", "+++++++"),
            (Role::Guardian, &hiding(Some(reader)), "----...", "++++..."),
            (Role::Guardian, &hiding(None), "----...", "++++..."),
        ] {
            let reader = Reader::of(role, reader, file, now());
            let looks = [another, account(1)].map(|recorder| seen(&reader, recorder));
            assert_eq!(looks, [others, own], "{role:?} {file:?}");
        }
    }
}
