//! The access table: every way in which something is allowed. What no row allows is denied.

use model::Action::{Amend, Create, Execute, Export, List, Read, Revoke, Search, Verify};
use model::DataClass::{
    AccessReview, Account, Audit, Authenticator, CareTeam, ClientFile, Consent, Health, Identity, Message, Notice,
    Psychotherapy, Session,
};
use model::Purpose::{Compliance, PatientAdministration, PatientRequest, Payment, SystemAdministration, Treatment};
use model::Role::{Auditor, Billing, Client, ClinicAdmin, Clinician, Job, PrivacyOfficer, Security};
use model::{Action, DataClass, Function, Purpose, Role};

/// What must hold besides role, action, class and purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The clinic has this client.
    KnownClient,
    /// The caller is the client.
    IsClient,
    /// The caller is in the client's care team.
    CareTeam,
    /// The client's live consent covers the class for the purpose.
    Consent,
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

/// The table.
pub const TABLE: &[Rule] = &[
    Rule {
        id: "care.records",
        roles: &[Clinician],
        actions: &[Create, Read, List, Amend],
        classes: &[Health],
        purposes: &[Treatment],
        needs: &[Need::CareTeam, Need::Consent],
    },
    // Psychotherapy notes are filed by author: who may open the file opens only what he wrote himself
    // (45 CFR 164.508(a)(2)(i)(A): use by the originator for treatment).
    Rule {
        id: "care.own-psychotherapy-notes",
        roles: &[Clinician],
        actions: &[Create, Read, List, Amend],
        classes: &[Psychotherapy],
        purposes: &[Treatment],
        needs: &[Need::CareTeam, Need::Consent],
    },
    // A client's right of access does not depend on consent (45 CFR 164.524, GDPR 15). It does not reach psychotherapy
    // notes (164.524(a)(1)(i)).
    Rule {
        id: "self.records",
        roles: &[Client],
        actions: &[Read, List],
        classes: &[Health],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient],
    },
    Rule {
        id: "care.identity",
        roles: &[Clinician],
        actions: &[Create, Read, List, Amend],
        classes: &[Identity],
        purposes: &[Treatment],
        needs: &[Need::CareTeam, Need::Consent],
    },
    Rule {
        id: "administration.identity",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, List, Amend],
        classes: &[Identity],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient, Need::Consent],
    },
    Rule {
        id: "self.identity",
        roles: &[Client],
        actions: &[Read, List],
        classes: &[Identity],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient],
    },
    // What a client has consented to be kept she may also correct (GDPR 16). Without a live consent nothing new is collected.
    Rule {
        id: "self.identity.correct",
        roles: &[Client],
        actions: &[Create, Amend],
        classes: &[Identity],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient, Need::Consent],
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
    // Opening a file collects nothing about anybody: it makes an opaque id to record a consent under.
    Rule {
        id: "staff.client-file",
        roles: &[Clinician, ClinicAdmin],
        actions: &[Create],
        classes: &[ClientFile],
        purposes: &[Treatment, PatientAdministration],
        needs: &[],
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
    Rule {
        id: "self.consent",
        roles: &[Client],
        actions: &[Create, Read, List, Revoke],
        classes: &[Consent],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient],
    },
    Rule {
        id: "compliance.consent",
        roles: &[PrivacyOfficer, Auditor],
        actions: &[Read, List],
        classes: &[Consent, CareTeam],
        purposes: &[Compliance],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "administration.care-team",
        roles: &[ClinicAdmin],
        actions: &[Create, Read, Revoke],
        classes: &[CareTeam],
        purposes: &[PatientAdministration],
        needs: &[Need::KnownClient],
    },
    Rule {
        id: "care.care-team",
        roles: &[Clinician],
        actions: &[Create, Read, Revoke],
        classes: &[CareTeam],
        purposes: &[Treatment],
        needs: &[Need::CareTeam],
    },
    Rule {
        id: "self.care-team",
        roles: &[Client],
        actions: &[Read],
        classes: &[CareTeam],
        purposes: &[PatientRequest],
        needs: &[Need::KnownClient, Need::IsClient],
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
        purposes: &[
            Treatment,
            PatientRequest,
            PatientAdministration,
            SystemAdministration,
            Compliance,
            Payment,
        ],
        needs: &[],
    },
    // What an account is proven with is its owner's, and nobody else's: there is no row that lets anybody at another's. A service
    // identity's secret is made and taken away by administrators, with the account.
    Rule {
        id: "self.authenticators",
        roles: &[
            Client,
            Clinician,
            ClinicAdmin,
            Billing,
            PrivacyOfficer,
            Security,
            Auditor,
        ],
        actions: &[Create, List, Amend, Revoke],
        classes: &[Authenticator],
        purposes: &[
            Treatment,
            PatientRequest,
            PatientAdministration,
            SystemAdministration,
            Compliance,
            Payment,
        ],
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
