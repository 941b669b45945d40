//! The access table: every way in which something is allowed. What no row allows is denied. `docs/access-matrix.md` is printed from it.

use model::Action::{Amend, Cosign, Create, Execute, Export, List, Read, Revoke, Search, Verify};
use model::DataClass::{
    Acceptance, AccessDecision, AccessReview, Account, Audit, Authenticator, Billing, CareTeam, ClientFile, Consent,
    EmergencyAccess, Health, Identity, LawfulGround, Message, Notice, Profile, Psychotherapy, Representative,
    Restriction, Schedule, Session, SubstanceUse,
};
use model::Purpose::{
    BreakGlass, Compliance, FamilyRequest, PatientAdministration, PatientRequest, Payment, QualityImprovement,
    Research, SystemAdministration, Treatment,
};
use model::Role::{Auditor, Client, ClinicAdmin, Clinician, Guardian, Job, PrivacyOfficer, Security};
use model::{Action, DataClass, Function, Purpose, Role};

use crate::{DATA_KEY_CLASSES, DenialReason};

/// What must hold besides role, action, class and purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The clinic has this client.
    KnownClient,
    /// The caller is the client.
    IsClient,
    /// The caller is the client, or one of the participants of a shared file.
    IsSubject,
    /// The caller treats the client.
    CareTeam,
    /// The caller supervises those who treat the client.
    Supervision,
    /// The caller may act for the client.
    Representation,
    /// The caller may act for the client, her records included.
    RecordsRepresentation,
    /// The caller wrote it, or is to.
    Authorship,
    /// It is what there is of the caller's own account.
    OwnAccount,
    /// The client's own authorization lets the caller, by name, have the class for the purpose.
    Authorization,
    /// The caller broke the glass, less than an hour ago.
    EmergencyAccess,
    /// The client's live consent covers the class for the purpose, or another lawful ground does.
    Ground,
    /// The client does not hide the class from the caller.
    NotHidden,
    /// The client does not hide the class from the caller by name.
    NotHiddenFromPerson,
    /// The client does not hide the class from everybody. Whoever asks, the answer is the same.
    NotHiddenFromEverybody,
    /// The client is not a minor.
    OfAge,
}

impl Need {
    /// Every need.
    pub const ALL: [Self; 16] = [
        Self::KnownClient,
        Self::IsClient,
        Self::IsSubject,
        Self::CareTeam,
        Self::Supervision,
        Self::Representation,
        Self::RecordsRepresentation,
        Self::Authorship,
        Self::OwnAccount,
        Self::Authorization,
        Self::EmergencyAccess,
        Self::Ground,
        Self::NotHidden,
        Self::NotHiddenFromPerson,
        Self::NotHiddenFromEverybody,
        Self::OfAge,
    ];

    /// The name in explanations and in the printed table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KnownClient => "known_client",
            Self::IsClient => "is_client",
            Self::IsSubject => "is_subject",
            Self::CareTeam => "care_team",
            Self::Supervision => "supervision",
            Self::Representation => "representation",
            Self::RecordsRepresentation => "records_representation",
            Self::Authorship => "authorship",
            Self::OwnAccount => "own_account",
            Self::Authorization => "authorization",
            Self::EmergencyAccess => "emergency_access",
            Self::Ground => "ground",
            Self::NotHidden => "not_hidden",
            Self::NotHiddenFromPerson => "not_hidden_from_person",
            Self::NotHiddenFromEverybody => "not_hidden_from_everybody",
            Self::OfAge => "of_age",
        }
    }

    /// What it means, in words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::KnownClient => "the clinic has this client",
            Self::IsClient => "it is the client herself",
            Self::IsSubject => "it is the client herself, or a participant of a shared file",
            Self::CareTeam => "the clinician treats the client",
            Self::Supervision => "the clinician supervises those who treat the client",
            Self::Representation => "the guardian may act for the client",
            Self::RecordsRepresentation => "the guardian may act for the client, her records included",
            Self::Authorship => "it is the author",
            Self::OwnAccount => "it is what there is of the own account",
            Self::Authorization => "the client's own authorization names the clinician",
            Self::EmergencyAccess => "the clinician broke the glass, less than an hour ago",
            Self::Ground => "a live consent covers the class for the purpose, or another lawful ground does",
            Self::NotHidden => "the client does not hide the class from whoever asks",
            Self::NotHiddenFromPerson => "the client does not hide the class from whoever asks by name",
            Self::NotHiddenFromEverybody => "the client does not hide the class from everybody",
            Self::OfAge => "the client is not a minor",
        }
    }

    /// Why something is denied that lacks this alone. What only whoever has to do with the client may know has no reason of its own: the
    /// refusal must not tell whether there is such a client. Rows name those needs first, so a reason is told only to
    /// those who meet them.
    #[must_use]
    pub fn reason(self) -> DenialReason {
        match self {
            Self::Ground => DenialReason::NoConsent,
            Self::NotHidden | Self::NotHiddenFromPerson | Self::NotHiddenFromEverybody => DenialReason::Restricted,
            Self::OfAge => DenialReason::Minor,
            _ => DenialReason::NoRule,
        }
    }
}

/// One way in which something is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name in the audit trail. Never reused for another meaning.
    pub id: &'static str,
    /// For whom.
    pub roles: &'static [Role],
    /// To do what.
    pub actions: &'static [Action],
    /// To which data.
    pub classes: &'static [DataClass],
    /// What for.
    pub purposes: &'static [Purpose],
    /// Under which circumstances, all of them.
    pub needs: &'static [Need],
}

/// Every role but that of scheduled jobs, which is no person's.
const PEOPLE: &[Role] = &[
    Client,
    Clinician,
    ClinicAdmin,
    Role::Billing,
    PrivacyOfficer,
    Security,
    Auditor,
    Guardian,
];

/// What people are here for: one or another of them is each role's usual purpose.
const USUAL_PURPOSES: &[Purpose] = &[
    Treatment,
    PatientRequest,
    FamilyRequest,
    PatientAdministration,
    SystemAdministration,
    Compliance,
    Payment,
];

/// The table.
pub const TABLE: &[Rule] = &[
    Rule {
        id: "care.records",
        roles: &[Clinician],
        actions: &[Create, Read, List, Amend],
        classes: &[Health, SubstanceUse],
        purposes: &[Treatment],
        needs: &[Need::CareTeam, Need::NotHidden, Need::Ground],
    },
    // A copy for whoever treats her next (45 CFR 164.506(c)(2)). Not of treatment for substance use: what is passed on of that carries a notice,
    // and needs a consent that names to whom (42 CFR 2.31, 2.32).
    Rule {
        id: "care.records.export",
        roles: &[Clinician],
        actions: &[Export],
        classes: &[Health],
        purposes: &[Treatment],
        needs: &[Need::CareTeam, Need::NotHidden, Need::Ground],
    },
    // What leaves for research has no identifiers (45 CFR 164.514(b)(2)), and needs the client's consent to research all the same. The privacy officer
    // vouches for it, and is shown nothing else.
    Rule {
        id: "research.deidentified",
        roles: &[PrivacyOfficer],
        actions: &[Export],
        classes: &[Identity, Health],
        purposes: &[Research],
        needs: &[Need::KnownClient, Need::NotHidden, Need::Ground],
    },
    // Figures about all clients of the clinic, of which none tells of fewer than eleven people. Care operations (45 CFR 164.501), which no consent
    // is needed for. Whoever asks sees the figures alone. Nothing here may depend on who asks: whoever can hide a client from one account, and administrators and privacy officers
    // can, would ask before and after, or as two people, and the difference would be she. A restriction by name is about who sees her data
    // (45 CFR 164.522(a)), and figures show nobody's (164.502(d)(2), 164.514(a)). One from everybody restricts the use for operations itself, so it counts.
    Rule {
        id: "quality.aggregates",
        roles: &[ClinicAdmin, PrivacyOfficer],
        actions: &[Export],
        classes: &[Identity, Health],
        purposes: &[QualityImprovement],
        needs: &[Need::KnownClient, Need::NotHiddenFromEverybody],
    },
    // Whom they are about, as `exchange` is told it. Another action than that on caseloads, which show who is whose client: figures are about nobody.
    Rule {
        id: "quality.cohort",
        roles: &[ClinicAdmin, PrivacyOfficer],
        actions: &[Export],
        classes: &[CareTeam],
        purposes: &[QualityImprovement],
        needs: &[],
    },
    Rule {
        id: "supervision.records",
        roles: &[Clinician],
        actions: &[Read, List],
        classes: &[Health, SubstanceUse],
        purposes: &[Treatment],
        needs: &[Need::Supervision, Need::NotHidden, Need::Ground],
    },
    // Who supervises answers for what she signs beside its author. She changes nothing of it.
    Rule {
        id: "supervision.cosign",
        roles: &[Clinician],
        actions: &[Cosign],
        classes: &[Health, SubstanceUse],
        purposes: &[Treatment],
        needs: &[Need::Supervision, Need::NotHidden, Need::Ground],
    },
    // Use by their originator for treatment (45 CFR 164.508(a)(2)(i)(A)).
    Rule {
        id: "care.own-psychotherapy-notes",
        roles: &[Clinician],
        actions: &[Create, Read, List, Amend],
        classes: &[Psychotherapy],
        purposes: &[Treatment],
        needs: &[Need::CareTeam, Need::Authorship, Need::NotHidden, Need::Ground],
    },
    // Anybody else needs the client's own authorization, which names her (45 CFR 164.508(a)(2), (b)(3)(ii)).
    Rule {
        id: "authorized.psychotherapy-notes",
        roles: &[Clinician],
        actions: &[Read, List],
        classes: &[Psychotherapy],
        purposes: &[Treatment],
        needs: &[Need::Authorization, Need::NotHidden],
    },
    // A client's right of access does not depend on consent (45 CFR 164.524, GDPR 15, 42 CFR 2.23). It does not reach psychotherapy
    // notes (164.524(a)(1)(i)), nor a shared file, which speaks of others too.
    Rule {
        id: "self.records",
        roles: &[Client],
        actions: &[Read, List, Export],
        classes: &[Health, SubstanceUse],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient],
    },
    Rule {
        id: "guardian.records",
        roles: &[Guardian],
        actions: &[Read, List, Export],
        classes: &[Health, SubstanceUse],
        purposes: &[FamilyRequest],
        needs: &[Need::RecordsRepresentation, Need::NotHidden],
    },
    // Whoever breaks the glass says why; the privacy officer looks at it, and the client is told. From whom the client hides by name
    // it stays shut.
    Rule {
        id: "emergency.break-glass",
        roles: &[Clinician],
        actions: &[Create],
        classes: &[EmergencyAccess],
        purposes: &[BreakGlass],
        needs: &[Need::KnownClient, Need::NotHiddenFromPerson],
    },
    // Vital interests (GDPR 9(2)(c), 45 CFR 164.312(a)(2)(ii), 42 CFR 2.51, PHIPA s.40(1), DPDP Act s.7(f)) need no consent and outweigh what
    // is hidden from everybody. Read only, and never psychotherapy notes.
    Rule {
        id: "emergency.records",
        roles: &[Clinician],
        actions: &[Read, List],
        classes: &[Health, SubstanceUse],
        purposes: &[BreakGlass],
        needs: &[Need::EmergencyAccess, Need::NotHiddenFromPerson],
    },
    Rule {
        id: "emergency.identity",
        roles: &[Clinician],
        actions: &[Read],
        classes: &[Identity],
        purposes: &[BreakGlass],
        needs: &[Need::EmergencyAccess, Need::NotHiddenFromPerson],
    },
    // Whoever is before a person in danger knows her number and not her id. Finds the id alone.
    Rule {
        id: "emergency.search",
        roles: &[Clinician],
        actions: &[Search],
        classes: &[Identity],
        purposes: &[BreakGlass],
        needs: &[],
    },
    Rule {
        id: "care.identity",
        roles: &[Clinician],
        actions: &[Create, Read, List, Amend, Export],
        classes: &[Identity],
        purposes: &[Treatment],
        needs: &[Need::CareTeam, Need::NotHidden, Need::Ground],
    },
    Rule {
        id: "supervision.identity",
        roles: &[Clinician],
        actions: &[Read],
        classes: &[Identity],
        purposes: &[Treatment],
        needs: &[Need::Supervision, Need::NotHidden, Need::Ground],
    },
    Rule {
        id: "administration.identity",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, List, Amend, Export],
        classes: &[Identity],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient, Need::NotHidden, Need::Ground],
    },
    // Taking back what was wrongly said of her identity shows nothing of it. As long as a mistake stands, what is meant for one person goes to
    // another, so it needs no consent of either (GDPR 5(1)(d)).
    Rule {
        id: "administration.identity.unlink",
        roles: &[ClinicAdmin],
        actions: &[Revoke],
        classes: &[Identity],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "self.identity",
        roles: &[Client],
        actions: &[Read, List, Export],
        classes: &[Identity],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient],
    },
    // What a client has consented to be kept she may also correct (GDPR 16). Without a live ground nothing new is collected.
    Rule {
        id: "self.identity.correct",
        roles: &[Client],
        actions: &[Create, Amend],
        classes: &[Identity],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient, Need::Ground],
    },
    Rule {
        id: "guardian.identity",
        roles: &[Guardian],
        actions: &[Read, List, Export],
        classes: &[Identity],
        purposes: &[FamilyRequest],
        needs: &[Need::Representation, Need::NotHidden],
    },
    Rule {
        id: "guardian.identity.correct",
        roles: &[Guardian],
        actions: &[Create, Amend],
        classes: &[Identity],
        purposes: &[FamilyRequest],
        needs: &[Need::Representation, Need::NotHidden, Need::Ground],
    },
    // A search names no client; each client that it finds is then decided upon as a read.
    Rule {
        id: "staff.identity.search",
        roles: &[Clinician, ClinicAdmin],
        actions: &[Search],
        classes: &[Identity],
        purposes: &[Treatment, PatientAdministration],
        needs: &[],
    },
    Rule {
        id: "care.schedule",
        roles: &[Clinician],
        actions: &[Create, Read, List, Amend, Revoke],
        classes: &[Schedule],
        purposes: &[Treatment],
        needs: &[Need::CareTeam, Need::NotHidden, Need::Ground],
    },
    // Administrative staff schedule. No row lets them at a record.
    Rule {
        id: "administration.schedule",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, List, Amend, Revoke],
        classes: &[Schedule],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient, Need::NotHidden, Need::Ground],
    },
    Rule {
        id: "self.schedule",
        roles: &[Client],
        actions: &[Read, List],
        classes: &[Schedule],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient],
    },
    Rule {
        id: "guardian.schedule",
        roles: &[Guardian],
        actions: &[Read, List],
        classes: &[Schedule],
        purposes: &[FamilyRequest],
        needs: &[Need::Representation, Need::NotHidden],
    },
    // Who bills sees no note, and who treats no bill.
    Rule {
        id: "payment.billing",
        roles: &[Role::Billing],
        actions: &[Create, Read, List, Amend, Export],
        classes: &[Billing],
        purposes: &[Payment],
        needs: &[Need::KnownClient, Need::NotHidden, Need::Ground],
    },
    Rule {
        id: "self.billing",
        roles: &[Client],
        actions: &[Read, List, Export],
        classes: &[Billing],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient],
    },
    Rule {
        id: "guardian.billing",
        roles: &[Guardian],
        actions: &[Read, List, Export],
        classes: &[Billing],
        purposes: &[FamilyRequest],
        needs: &[Need::Representation, Need::NotHidden],
    },
    // What payment gateways told and nobody could apply: amounts and the gateways' own numbers, and no client. And which clients have invoices: each is
    // decided about before anything of hers is shown. Other actions than those on invoices, so that this row, which needs no client, opens no client's.
    Rule {
        id: "payment.clinic-book",
        roles: &[Role::Billing],
        actions: &[Search, Execute],
        classes: &[Billing],
        purposes: &[Payment],
        needs: &[],
    },
    // Opening a file collects nothing about anybody: it makes an opaque id to record a consent under.
    Rule {
        id: "staff.client-file",
        roles: &[Clinician, ClinicAdmin],
        actions: &[Create],
        classes: &[ClientFile],
        purposes: &[Treatment, PatientAdministration],
        needs: &[],
    },
    // Until when a client is a minor.
    Rule {
        id: "administration.client-file",
        roles: &[ClinicAdmin],
        actions: &[Read, Amend],
        classes: &[ClientFile],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "care.client-file",
        roles: &[Clinician],
        actions: &[Read, Amend],
        classes: &[ClientFile],
        purposes: &[Treatment],
        needs: &[Need::CareTeam],
    },
    // Which files she shares with others. Hers to know alone: they tell who comes together.
    Rule {
        id: "self.shared-files",
        roles: &[Client],
        actions: &[List],
        classes: &[ClientFile],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient],
    },
    Rule {
        id: "care.consent",
        roles: &[Clinician],
        actions: &[Create, Read, List, Revoke],
        classes: &[Consent],
        purposes: &[Treatment],
        needs: &[Need::CareTeam],
    },
    Rule {
        id: "administration.consent",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, List, Revoke],
        classes: &[Consent],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient],
    },
    // For a minor others agree (DPDP Act s.9, GDPR 8). To withdraw is everybody's own, at any age.
    Rule {
        id: "self.consent.give",
        roles: &[Client],
        actions: &[Create],
        classes: &[Consent],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsSubject, Need::OfAge],
    },
    Rule {
        id: "self.consent",
        roles: &[Client],
        actions: &[Read, List, Revoke],
        classes: &[Consent],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsSubject],
    },
    Rule {
        id: "guardian.consent",
        roles: &[Guardian],
        actions: &[Create, Read, List, Revoke],
        classes: &[Consent],
        purposes: &[FamilyRequest],
        needs: &[Need::Representation],
    },
    Rule {
        id: "compliance.consent",
        roles: &[PrivacyOfficer, Auditor],
        actions: &[Read, List],
        classes: &[Consent, CareTeam, Restriction, Representative, LawfulGround],
        purposes: &[Compliance],
        needs: &[Need::KnownClient],
    },
    // Which grounds there are besides consent says the law of the clinic's jurisdiction.
    Rule {
        id: "care.lawful-ground",
        roles: &[Clinician],
        actions: &[Create, Read, List, Revoke],
        classes: &[LawfulGround],
        purposes: &[Treatment],
        needs: &[Need::CareTeam],
    },
    Rule {
        id: "administration.lawful-ground",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, List, Revoke],
        classes: &[LawfulGround],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "compliance.lawful-ground",
        roles: &[PrivacyOfficer],
        actions: &[Create, Revoke],
        classes: &[LawfulGround],
        purposes: &[Compliance],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "self.lawful-ground",
        roles: &[Client],
        actions: &[Read, List],
        classes: &[LawfulGround],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsSubject],
    },
    Rule {
        id: "guardian.lawful-ground",
        roles: &[Guardian],
        actions: &[Read, List],
        classes: &[LawfulGround],
        purposes: &[FamilyRequest],
        needs: &[Need::Representation],
    },
    // The client hides and shows, or staff hide on her word. Staff who treat or administer don't show again what she hid.
    Rule {
        id: "self.restriction",
        roles: &[Client],
        actions: &[Create, Read, List, Revoke],
        classes: &[Restriction],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsSubject],
    },
    Rule {
        id: "care.restriction",
        roles: &[Clinician],
        actions: &[Create, Read, List],
        classes: &[Restriction],
        purposes: &[Treatment],
        needs: &[Need::CareTeam],
    },
    Rule {
        id: "administration.restriction",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, List],
        classes: &[Restriction],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "compliance.restriction",
        roles: &[PrivacyOfficer],
        actions: &[Create, Revoke],
        classes: &[Restriction],
        purposes: &[Compliance],
        needs: &[Need::KnownClient],
    },
    // Who acts for a client is proven to staff. A client names her nominee herself; that the nominee is needed is found by staff.
    Rule {
        id: "administration.representative",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, List, Amend, Revoke],
        classes: &[Representative],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "compliance.representative",
        roles: &[PrivacyOfficer],
        actions: &[Create, Amend, Revoke],
        classes: &[Representative],
        purposes: &[Compliance],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "care.representative",
        roles: &[Clinician],
        actions: &[Read, List],
        classes: &[Representative],
        purposes: &[Treatment],
        needs: &[Need::CareTeam],
    },
    Rule {
        id: "self.representative",
        roles: &[Client],
        actions: &[Create, Revoke],
        classes: &[Representative],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient, Need::OfAge],
    },
    Rule {
        id: "self.representative.read",
        roles: &[Client],
        actions: &[Read, List],
        classes: &[Representative],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient],
    },
    Rule {
        id: "guardian.representative",
        roles: &[Guardian],
        actions: &[Read, List],
        classes: &[Representative],
        purposes: &[FamilyRequest],
        needs: &[Need::Representation],
    },
    // For whom she acts. A guardian's session names no client, so this is where she begins.
    Rule {
        id: "guardian.own-representations",
        roles: &[Guardian],
        actions: &[Search],
        classes: &[Representative],
        purposes: &[FamilyRequest],
        needs: &[Need::OwnAccount],
    },
    Rule {
        id: "administration.care-team",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, List, Amend, Revoke],
        classes: &[CareTeam],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "care.care-team",
        roles: &[Clinician],
        actions: &[Create, Read, List, Amend, Revoke],
        classes: &[CareTeam],
        purposes: &[Treatment],
        needs: &[Need::CareTeam],
    },
    Rule {
        id: "administration.caseload",
        roles: &[ClinicAdmin],
        actions: &[Search],
        classes: &[CareTeam],
        purposes: &[PatientAdministration],
        needs: &[],
    },
    Rule {
        id: "compliance.caseload",
        roles: &[PrivacyOfficer],
        actions: &[Search],
        classes: &[CareTeam],
        purposes: &[Compliance],
        needs: &[],
    },
    // Whom she treats herself. Whom colleagues treat is theirs to know.
    Rule {
        id: "care.own-caseload",
        roles: &[Clinician],
        actions: &[Search],
        classes: &[CareTeam],
        purposes: &[Treatment],
        needs: &[Need::OwnAccount],
    },
    Rule {
        id: "self.care-team",
        roles: &[Client],
        actions: &[Read, List],
        classes: &[CareTeam],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsSubject],
    },
    Rule {
        id: "guardian.care-team",
        roles: &[Guardian],
        actions: &[Read, List],
        classes: &[CareTeam],
        purposes: &[FamilyRequest],
        needs: &[Need::Representation],
    },
    // Reviews what was taken, whichever client it was.
    Rule {
        id: "compliance.emergency-access",
        roles: &[PrivacyOfficer],
        actions: &[Read, List, Amend],
        classes: &[EmergencyAccess],
        purposes: &[Compliance],
        needs: &[],
    },
    Rule {
        id: "job.emergency-access",
        roles: &[Job],
        actions: &[Execute],
        classes: &[EmergencyAccess],
        purposes: &[SystemAdministration],
        needs: &[],
    },
    Rule {
        id: "oversight.emergency-access",
        roles: &[Auditor, Security],
        actions: &[Read, List],
        classes: &[EmergencyAccess],
        purposes: &[Compliance],
        needs: &[],
    },
    Rule {
        id: "self.emergency-access",
        roles: &[Client],
        actions: &[Read, List],
        classes: &[EmergencyAccess],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsSubject],
    },
    // Why somebody broke the glass says what a record says, so hiding any class of them hides this.
    Rule {
        id: "guardian.emergency-access",
        roles: &[Guardian],
        actions: &[Read, List],
        classes: &[EmergencyAccess],
        purposes: &[FamilyRequest],
        needs: &[Need::RecordsRepresentation, Need::NotHidden],
    },
    Rule {
        id: "self.access-decision",
        roles: &[Client],
        actions: &[Read],
        classes: &[AccessDecision],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsSubject],
    },
    Rule {
        id: "guardian.access-decision",
        roles: &[Guardian],
        actions: &[Read],
        classes: &[AccessDecision],
        purposes: &[FamilyRequest],
        needs: &[Need::Representation],
    },
    Rule {
        id: "compliance.access-decision",
        roles: &[PrivacyOfficer],
        actions: &[Read],
        classes: &[AccessDecision],
        purposes: &[Compliance],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "administration.notices",
        roles: &[ClinicAdmin],
        actions: &[Create],
        classes: &[Notice],
        purposes: &[PatientAdministration],
        needs: &[],
    },
    Rule {
        id: "compliance.notices",
        roles: &[PrivacyOfficer],
        actions: &[Create],
        classes: &[Notice],
        purposes: &[Compliance],
        needs: &[],
    },
    Rule {
        id: "administration.accounts",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, List, Amend, Revoke],
        classes: &[Account],
        purposes: &[SystemAdministration, PatientAdministration],
        needs: &[],
    },
    // Everybody sees and ends sessions, but only their own: the function that holds them looks nowhere else.
    Rule {
        id: "self.sessions",
        roles: &Role::ALL,
        actions: &[Create, Read, List, Amend, Revoke],
        classes: &[Session],
        purposes: USUAL_PURPOSES,
        needs: &[],
    },
    // What an account is proven with is its owner's, and nobody else's: there is no row that lets anybody at another's. A service
    // identity's secret is made and taken away by administrators, with the account.
    Rule {
        id: "self.authenticators",
        roles: PEOPLE,
        actions: &[Create, List, Amend, Revoke],
        classes: &[Authenticator],
        purposes: USUAL_PURPOSES,
        needs: &[],
    },
    // Everybody reads and corrects what her account calls her (GDPR 15, 16), and nobody else's: the function that holds accounts looks
    // nowhere else.
    Rule {
        id: "self.profile",
        roles: PEOPLE,
        actions: &[Read, Amend],
        classes: &[Profile],
        purposes: USUAL_PURPOSES,
        needs: &[],
    },
    // Care teams, authors and whoever broke the glass are named by their accounts. Whoever is shown one may ask who that is; the function
    // that holds accounts answers about staff alone, so that nobody learns who else is a client.
    Rule {
        id: "clinic.staff",
        roles: PEOPLE,
        actions: &[Search],
        classes: &[Profile],
        purposes: USUAL_PURPOSES,
        needs: &[],
    },
    // Who works here is shown to those who do.
    Rule {
        id: "clinic.staff.list",
        roles: &[Clinician, ClinicAdmin, Role::Billing, PrivacyOfficer, Security, Auditor],
        actions: &[List],
        classes: &[Profile],
        purposes: USUAL_PURPOSES,
        needs: &[],
    },
    Rule {
        id: "compliance.audit",
        roles: &[PrivacyOfficer, Security, Auditor],
        actions: &[Search, Verify, Export],
        classes: &[Audit],
        purposes: &[Compliance],
        needs: &[],
    },
    // That a message was sent and what came of it. Never its text, nor whom it went to.
    Rule {
        id: "administration.messages",
        roles: &[ClinicAdmin],
        actions: &[Read, List],
        classes: &[Message],
        purposes: &[PatientAdministration, SystemAdministration],
        needs: &[],
    },
    Rule {
        id: "compliance.messages",
        roles: &[PrivacyOfficer],
        actions: &[Read, List],
        classes: &[Message],
        purposes: &[Compliance],
        needs: &[],
    },
    Rule {
        id: "job.messages",
        roles: &[Job],
        actions: &[Execute],
        classes: &[Message],
        purposes: &[SystemAdministration],
        needs: &[],
    },
    // Everybody accepts policies and agreements, and reads what she has accepted herself: the function that holds them
    // looks nowhere else.
    Rule {
        id: "self.acceptances",
        roles: PEOPLE,
        actions: &[Create, Read],
        classes: &[Acceptance],
        purposes: USUAL_PURPOSES,
        needs: &[],
    },
    // Who has accepted one of them.
    Rule {
        id: "compliance.acceptances",
        roles: &[PrivacyOfficer, Auditor],
        actions: &[List],
        classes: &[Acceptance],
        purposes: &[Compliance],
        needs: &[],
    },
    Rule {
        id: "administration.access-reviews",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, List, Amend],
        classes: &[AccessReview],
        purposes: &[SystemAdministration, PatientAdministration],
        needs: &[],
    },
    // Whoever watches over privacy decides who keeps access, administrators' too. Privileges are only taken away by it: to open an
    // account again takes the administrators' row.
    Rule {
        id: "compliance.access-reviews",
        roles: &[PrivacyOfficer],
        actions: &[Create, Read, List, Amend],
        classes: &[AccessReview],
        purposes: &[Compliance],
        needs: &[],
    },
    Rule {
        id: "audit.access-reviews",
        roles: &[Auditor],
        actions: &[Read, List],
        classes: &[AccessReview],
        purposes: &[Compliance],
        needs: &[],
    },
    Rule {
        id: "job.access-reviews",
        roles: &[Job],
        actions: &[Execute],
        classes: &[AccessReview],
        purposes: &[SystemAdministration],
        needs: &[],
    },
    // Brings the data keys of a class under the current version of their key-encryption key. It is about no client, and the vault gives
    // out no key of a client for it.
    Rule {
        id: "job.data-keys",
        roles: &[Job],
        actions: &[Execute],
        classes: &DATA_KEY_CLASSES,
        purposes: &[SystemAdministration],
        needs: &[],
    },
];

/// One way in which a function may ask something of another by a private call. Which one is asked is said by the class:
/// each has one owner.
#[derive(Debug, Clone, Copy)]
pub struct CallRule {
    /// Its name in the audit trail. Never reused for another meaning.
    pub id: &'static str,
    /// Who asks.
    pub caller: Function,
    /// To do what.
    pub actions: &'static [Action],
    /// To which data.
    pub classes: &'static [DataClass],
    /// What for.
    pub purposes: &'static [Purpose],
    /// Under which circumstances, all of them.
    pub needs: &'static [Need],
}

/// What functions may ask of each other. What no row allows is denied.
pub const CALLS: &[CallRule] = &[
    CallRule {
        id: "call.consent.messages",
        caller: Function::Consent,
        actions: &[Create],
        classes: &[Message],
        purposes: &[SystemAdministration],
        needs: &[],
    },
    CallRule {
        id: "call.auth.messages",
        caller: Function::Auth,
        actions: &[Create],
        classes: &[Message],
        purposes: &[SystemAdministration],
        needs: &[],
    },
    // Where to reach a client whom a message is for. It needs no consent: what is sent concerns the security of her own
    // account, or is owed to her by law, also after she has withdrawn everything.
    CallRule {
        id: "call.notify.contact",
        caller: Function::Notify,
        actions: &[Read],
        classes: &[Identity],
        purposes: &[SystemAdministration],
        needs: &[Need::KnownClient],
    },
];

/// One thing that a payment gateway's signed delivery may do, in the clinic that it was signed for.
#[derive(Debug, Clone, Copy)]
pub struct WebhookRule {
    /// Its name in the audit trail. Never reused for another meaning.
    pub id: &'static str,
    /// To do what.
    pub actions: &'static [Action],
    /// To which data.
    pub classes: &'static [DataClass],
    /// What for.
    pub purposes: &'static [Purpose],
    /// Under which circumstances, all of them. Without any it is about no client.
    pub needs: &'static [Need],
}

/// What payment gateways may do. What no row allows is denied.
pub const WEBHOOKS: &[WebhookRule] = &[
    // That something was told, before anybody knows whom it is about.
    WebhookRule {
        id: "webhook.events",
        actions: &[Create],
        classes: &[Billing],
        purposes: &[Payment],
        needs: &[],
    },
    // To settle the invoice that was paid. It needs no consent: the money has moved already, at the client's own instruction, and an
    // account that denied it would be wrong. Payment is what 45 CFR 164.506(c)(1) and GDPR 6(1)(b) and (c) let a practice do
    // without one; and nobody is told anything by it.
    WebhookRule {
        id: "webhook.settlement",
        actions: &[Amend],
        classes: &[Billing],
        purposes: &[Payment],
        needs: &[Need::KnownClient],
    },
];
