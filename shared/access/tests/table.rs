//! The decision, held against the policy as people read it: written here a second time, as text, and compared over
//! everything that can be asked.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use access::{
    Asker, Authority, CALLS, Caller, CallingFunction, CareRole, CareTeamMember, Delivery, DenialReason,
    EmergencyAccess, InNameOf, LiveConsent, LiveGround, Need, Permissions, PrivateCall, Recipient, Representative,
    Request, Restriction, Sessions, TABLE, Token, VerifiedDelivery, WebhookSecrets, decide, decide_call,
    decide_webhook, explain,
};
use crypto::{Keyring, KeyringPlan, Secret};
use jiff::SignedDuration;
use model::{
    AccountId, Action, ClientId, ClinicId, ConsentId, DataClass, EmergencyId, Function, Gateway, GroundId, NoticeId,
    Purpose, RestrictionId, Role, SubjectId, Timestamp,
};
use proptest::prelude::*;
use store::Shelf;
use testkit::{World, log_in};

/// Who, which class, what for, what may be done, and what must hold besides:
///
/// `known` the clinic has this client, `self` the caller is she, `subject` she or a participant of a shared file, `team` the caller
/// treats her, `supervises`, `acts` for her, `acts-records` for her records too, `author` of it, `own` account's, `authorized` by name, `glass` broken,
/// `open` not hidden from the caller, `unnamed` not hidden from the caller by name, `unlocked` not hidden from everybody, `consent` she
/// agrees or the law does, `age` she is no minor, `-` nothing. A line more for the same is another way.
const POLICY: &str = "
clinician        health           TREAT     create,read,list,amend    team,open,consent
clinician        health           TREAT     read,list                 supervises,open,consent
clinician        health           TREAT     cosign                    supervises,open,consent
clinician        health           TREAT     export                    team,open,consent
clinician        substance_use    TREAT     create,read,list,amend    team,open,consent
clinician        substance_use    TREAT     read,list                 supervises,open,consent
clinician        substance_use    TREAT     cosign                    supervises,open,consent
clinician        psychotherapy    TREAT     create,read,list,amend    team,author,open,consent
clinician        psychotherapy    TREAT     read,list                 authorized,open
clinician        identity         TREAT     create,read,list,amend,export team,open,consent
clinician        identity         TREAT     read                      supervises,open,consent
clinician        identity         TREAT     search                    -
clinician        identity         PATADMIN  search                    -
clinician        schedule         TREAT     create,read,list,amend,revoke team,open,consent
clinician        client_file      TREAT     create                    -
clinician        client_file      PATADMIN  create                    -
clinician        client_file      TREAT     read,amend                team
clinician        consent          TREAT     create,read,list,revoke   team
clinician        lawful_ground    TREAT     create,read,list,revoke   team
clinician        restriction      TREAT     create,read,list          team
clinician        representative   TREAT     read,list                 team
clinician        care_team        TREAT     create,read,list,amend,revoke team
clinician        care_team        TREAT     search                    own

clinician        emergency_access BTG       create                    known,unnamed
clinician        health           BTG       read,list                 glass,unnamed
clinician        substance_use    BTG       read,list                 glass,unnamed
clinician        identity         BTG       read                      glass,unnamed
clinician        identity         BTG       search                    -

clinic_admin     identity         PATADMIN  create,read,list,amend,export known,open,consent
clinic_admin     identity         PATADMIN  revoke                    known
clinic_admin     identity         HQUALIMP  export                    known,unlocked
clinic_admin     health           HQUALIMP  export                    known,unlocked
clinic_admin     care_team        HQUALIMP  export                    -
clinic_admin     identity         TREAT     search                    -
clinic_admin     identity         PATADMIN  search                    -
clinic_admin     schedule         PATADMIN  create,read,list,amend,revoke known,open,consent
clinic_admin     client_file      TREAT     create                    -
clinic_admin     client_file      PATADMIN  create                    -
clinic_admin     client_file      PATADMIN  read,amend                known
clinic_admin     consent          PATADMIN  create,read,list,revoke   known
clinic_admin     lawful_ground    PATADMIN  create,read,list,revoke   known
clinic_admin     restriction      PATADMIN  create,read,list          known
clinic_admin     representative   PATADMIN  create,read,list,amend,revoke known
clinic_admin     care_team        PATADMIN  create,read,list,amend,revoke known
clinic_admin     care_team        PATADMIN  search                    -
clinic_admin     notice           PATADMIN  create                    -
clinic_admin     account          PATADMIN  create,read,list,amend,revoke -
clinic_admin     account          HSYSADMIN create,read,list,amend,revoke -
clinic_admin     message          PATADMIN  read,list                 -
clinic_admin     message          HSYSADMIN read,list                 -

billing          billing          HPAYMT    create,read,list,amend,export known,open,consent
billing          billing          HPAYMT    search,execute            -

client           health           PATRQT    read,list,export          known,self
client           substance_use    PATRQT    read,list,export          known,self
client           identity         PATRQT    read,list,export          known,self
client           identity         PATRQT    create,amend              known,self,consent
client           schedule         PATRQT    read,list                 known,self
client           billing          PATRQT    read,list,export          known,self
client           client_file      PATRQT    list                      known,self
client           consent          PATRQT    create                    known,subject,age
client           consent          PATRQT    read,list,revoke          known,subject
client           lawful_ground    PATRQT    read,list                 known,subject
client           restriction      PATRQT    create,read,list,revoke   known,subject
client           representative   PATRQT    create,revoke             known,self,age
client           representative   PATRQT    read,list                 known,self
client           care_team        PATRQT    read,list                 known,subject
client           emergency_access PATRQT    read,list                 known,subject
client           access_decision  PATRQT    read                      known,subject

guardian         health           FAMRQT    read,list,export          acts-records,open
guardian         substance_use    FAMRQT    read,list,export          acts-records,open
guardian         identity         FAMRQT    read,list,export          acts,open
guardian         identity         FAMRQT    create,amend              acts,open,consent
guardian         schedule         FAMRQT    read,list                 acts,open
guardian         billing          FAMRQT    read,list,export          acts,open
guardian         consent          FAMRQT    create,read,list,revoke   acts
guardian         lawful_ground    FAMRQT    read,list                 acts
guardian         representative   FAMRQT    read,list                 acts
guardian         representative   FAMRQT    search                    own
guardian         care_team        FAMRQT    read,list                 acts
guardian         emergency_access FAMRQT    read,list                 acts-records,open
guardian         access_decision  FAMRQT    read                      acts

privacy_officer  identity         HRESCH    export                    known,open,consent
privacy_officer  health           HRESCH    export                    known,open,consent
privacy_officer  identity         HQUALIMP  export                    known,unlocked
privacy_officer  health           HQUALIMP  export                    known,unlocked
privacy_officer  care_team        HQUALIMP  export                    -
privacy_officer  consent          HCOMPL    read,list                 known
privacy_officer  care_team        HCOMPL    read,list                 known
privacy_officer  care_team        HCOMPL    search                    -
privacy_officer  restriction      HCOMPL    create,read,list,revoke   known
privacy_officer  representative   HCOMPL    create,read,list,amend,revoke known
privacy_officer  lawful_ground    HCOMPL    create,read,list,revoke   known
privacy_officer  emergency_access HCOMPL    read,list,amend           -
privacy_officer  access_decision  HCOMPL    read                      known
privacy_officer  notice           HCOMPL    create                    -
privacy_officer  audit            HCOMPL    search,verify,export      -
privacy_officer  message          HCOMPL    read,list                 -

auditor          consent          HCOMPL    read,list                 known
auditor          care_team        HCOMPL    read,list                 known
auditor          restriction      HCOMPL    read,list                 known
auditor          representative   HCOMPL    read,list                 known
auditor          lawful_ground    HCOMPL    read,list                 known
auditor          emergency_access HCOMPL    read,list                 -
auditor          audit            HCOMPL    search,verify,export      -

security         emergency_access HCOMPL    read,list                 -
security         audit            HCOMPL    search,verify,export      -

job              message          HSYSADMIN execute                   -
job              emergency_access HSYSADMIN execute                   -

privacy_officer  acceptance       HCOMPL    list                      -
auditor          acceptance       HCOMPL    list                      -

clinic_admin     access_review    PATADMIN  create,read,list,amend    -
clinic_admin     access_review    HSYSADMIN create,read,list,amend    -
privacy_officer  access_review    HCOMPL    create,read,list,amend    -
auditor          access_review    HCOMPL    read,list                 -
job              access_review    HSYSADMIN execute                   -
job              identity         HSYSADMIN execute                   -
job              health           HSYSADMIN execute                   -
job              psychotherapy    HSYSADMIN execute                   -
job              substance_use    HSYSADMIN execute                   -
job              billing          HSYSADMIN execute                   -
";

/// What is served to nobody, whatever anybody agreed to.
const PROHIBITED: [&str; 4] = ["HMARKT", "X-PROFILING", "X-MINING", "X-AUTODECISION"];

/// Everybody has sessions, whatever for but research, emergencies and what is served to nobody.
const SESSION_PURPOSES: [&str; 7] = ["TREAT", "PATRQT", "FAMRQT", "PATADMIN", "HSYSADMIN", "HCOMPL", "HPAYMT"];
const SESSION_ACTIONS: [&str; 5] = ["create", "read", "list", "amend", "revoke"];

/// And everybody but a job proves with something that an account is theirs.
const AUTHENTICATOR_ACTIONS: [&str; 4] = ["create", "list", "amend", "revoke"];

/// And accepts policies and agreements.
const ACCEPTANCE_ACTIONS: [&str; 2] = ["create", "read"];

/// And says what she is called herself.
const OWN_PROFILE_ACTIONS: [&str; 2] = ["read", "amend"];

/// And is told what staff are called; all of them, where she is of staff.
const STAFF: [&str; 6] = [
    "clinician",
    "clinic_admin",
    "billing",
    "privacy_officer",
    "auditor",
    "security",
];

/// What a request of each role is for when it does not say.
const USUAL_PURPOSE: [(&str, &str); 9] = [
    ("client", "PATRQT"),
    ("clinician", "TREAT"),
    ("clinic_admin", "PATADMIN"),
    ("billing", "HPAYMT"),
    ("privacy_officer", "HCOMPL"),
    ("security", "HCOMPL"),
    ("auditor", "HCOMPL"),
    ("job", "HSYSADMIN"),
    ("guardian", "FAMRQT"),
];

/// The needs of each way in the policy, by role, class, purpose and action.
type Policy = BTreeMap<(&'static str, &'static str, &'static str, &'static str), Vec<Vec<&'static str>>>;

fn policy() -> Policy {
    let mut policy = Policy::new();
    for line in POLICY.lines().filter(|line| !line.is_empty()) {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        let [role, class, purpose, actions, needs] = words[..] else {
            panic!("{line}")
        };
        for action in actions.split(',') {
            let needs: Vec<_> = needs.split(',').filter(|need| *need != "-").collect();
            let ways = policy.entry((role, class, purpose, action)).or_default();
            assert!(!ways.contains(&needs), "{line}");
            ways.push(needs);
        }
    }
    for (role, _) in USUAL_PURPOSE {
        for purpose in SESSION_PURPOSES {
            for action in SESSION_ACTIONS {
                policy.insert((role, "session", purpose, action), vec![Vec::new()]);
            }
            for action in AUTHENTICATOR_ACTIONS.into_iter().filter(|_| role != "job") {
                policy.insert((role, "authenticator", purpose, action), vec![Vec::new()]);
            }
            for action in ACCEPTANCE_ACTIONS.into_iter().filter(|_| role != "job") {
                policy.insert((role, "acceptance", purpose, action), vec![Vec::new()]);
            }
            if role != "job" {
                policy.insert((role, "profile", purpose, "search"), vec![Vec::new()]);
            }
            for action in OWN_PROFILE_ACTIONS.into_iter().filter(|_| role != "job") {
                policy.insert((role, "profile", purpose, action), vec![Vec::new()]);
            }
            if STAFF.contains(&role) {
                policy.insert((role, "profile", purpose, "list"), vec![Vec::new()]);
            }
        }
    }
    policy
}

fn client() -> ClientId {
    ClientId::from_bytes([1; 16])
}

fn other_client() -> ClientId {
    ClientId::from_bytes([2; 16])
}

fn third_client() -> ClientId {
    ClientId::from_bytes([10; 16])
}

fn clinic() -> ClinicId {
    ClinicId::from_bytes([3; 16])
}

fn other_clinic() -> ClinicId {
    ClinicId::from_bytes([4; 16])
}

fn account() -> AccountId {
    AccountId::from_bytes([5; 16])
}

fn other_account() -> AccountId {
    AccountId::from_bytes([6; 16])
}

fn now() -> Timestamp {
    "2026-12-01T08:00:00Z".parse().unwrap()
}

/// Somebody with these roles who has logged in.
fn caller(world: &World, roles: &[Role], client: Option<ClientId>) -> Caller {
    let token = log_in(world, roles, clinic(), account(), client);
    let text = world.keyrings.get(&Function::Records).map(String::as_str);
    let keyring = Keyring::parse(Function::Records, text).unwrap();
    world.with_platform(Function::Records, |platform| {
        let shelf = Shelf::open(&platform, "sessions").unwrap();
        let sessions = Sessions::new(shelf, keyring.reads("sessions").unwrap(), platform.clock);
        sessions.authenticate(&Token::parse(&token).unwrap()).unwrap()
    })
}

fn consent(classes: Vec<DataClass>, purposes: Vec<Purpose>, expires_at: Option<Timestamp>) -> LiveConsent {
    LiveConsent {
        id: ConsentId::from_bytes([7; 16]),
        notice: NoticeId::from_bytes([8; 16]),
        purposes,
        classes,
        recipient: None,
        channels: Vec::new(),
        participant: None,
        until_majority: false,
        expires_at,
    }
}

fn member(account: AccountId, role: CareRole) -> CareTeamMember {
    CareTeamMember {
        account,
        role,
        since: now(),
        until: None,
    }
}

fn permissions(team: &[AccountId], consents: Vec<LiveConsent>) -> Permissions {
    Permissions {
        care_team: team
            .iter()
            .map(|account| member(*account, CareRole::Treating))
            .collect(),
        consents,
        ..Permissions::of(clinic(), client(), SubjectId::from_bytes([9; 16]))
    }
}

fn a_second_from_now() -> Timestamp {
    now() + SignedDuration::from_secs(1)
}

/// How something of the file is, to the request that looks at it: as it is wanted, or one of the ways in which it is not quite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Circumstances {
    own: Own,
    care: Option<CareRole>,
    agreed: Agreed,
    hidden: Hidden,
    glass: bool,
    acting: Option<bool>,
    minor: bool,
    author: bool,
}

/// Whose account the caller's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    Nobody,
    TheClient,
    AnotherClient,
    AParticipant,
}

impl Own {
    const ALL: [Self; 4] = [Self::Nobody, Self::TheClient, Self::AnotherClient, Self::AParticipant];

    fn client(self) -> Option<ClientId> {
        match self {
            Self::Nobody => None,
            Self::TheClient => Some(client()),
            Self::AnotherClient | Self::AParticipant => Some(other_client()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    Nothing,
    FromEverybody,
    ByName,
}

/// What the client agreed to, as one request sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreed {
    Nothing,
    This,
    ThisByName,
}

impl Circumstances {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for own in Own::ALL {
            for care in [None, Some(CareRole::Treating), Some(CareRole::Supervising)] {
                for agreed in [Agreed::Nothing, Agreed::This, Agreed::ThisByName] {
                    for hidden in [Hidden::Nothing, Hidden::FromEverybody, Hidden::ByName] {
                        for acting in [None, Some(false), Some(true)] {
                            for bits in 0..8_u8 {
                                all.push(Self {
                                    own,
                                    care,
                                    agreed,
                                    hidden,
                                    acting,
                                    glass: bits & 1 != 0,
                                    minor: bits & 2 != 0,
                                    author: bits & 4 != 0,
                                });
                            }
                        }
                    }
                }
            }
        }
        all
    }

    fn file(self, class: DataClass, purpose: Purpose) -> Permissions {
        let mut file = permissions(&[other_account()], Vec::new());
        file.care_team.extend(self.care.map(|role| member(account(), role)));
        let agreed = |recipient| LiveConsent {
            recipient,
            ..consent(vec![class], vec![purpose], None)
        };
        match self.agreed {
            Agreed::Nothing => {}
            Agreed::This => file.consents.push(agreed(None)),
            Agreed::ThisByName => file.consents.push(agreed(Some(Recipient::Account(account())))),
        }
        if self.own == Own::AParticipant {
            file.participants = vec![third_client(), other_client()];
            for consent in std::mem::take(&mut file.consents) {
                for participant in &file.participants {
                    file.consents.push(LiveConsent {
                        participant: Some(*participant),
                        ..consent.clone()
                    });
                }
            }
        }
        let restriction = |account| Restriction {
            id: RestrictionId::from_bytes([1; 16]),
            class: Some(class),
            account,
        };
        match self.hidden {
            Hidden::Nothing => {}
            Hidden::FromEverybody => file.restrictions.push(restriction(None)),
            Hidden::ByName => file.restrictions.push(restriction(Some(account()))),
        }
        if self.glass {
            file.emergencies.push(EmergencyAccess {
                id: EmergencyId::from_bytes([2; 16]),
                account: account(),
                until: a_second_from_now(),
            });
        }
        if let Some(reads_records) = self.acting {
            file.representatives.push(Representative {
                account: account(),
                authority: Authority::Guardian,
                reads_records,
                since: Some(now()),
                until: Some(a_second_from_now()),
            });
        }
        file.minor_until = self.minor.then(a_second_from_now);
        file
    }

    /// Whether what a word of the policy says holds.
    fn hold(self, need: &str) -> bool {
        match need {
            "known" => true,
            "self" => self.own == Own::TheClient,
            "subject" => matches!(self.own, Own::TheClient | Own::AParticipant),
            "team" => self.care == Some(CareRole::Treating),
            "supervises" => self.care == Some(CareRole::Supervising),
            "acts" => self.acting.is_some(),
            "acts-records" => self.acting == Some(true),
            "author" => self.author,
            "own" => false,
            "authorized" => self.agreed == Agreed::ThisByName,
            "glass" => self.glass,
            "open" => self.hidden == Hidden::Nothing,
            "unnamed" => self.hidden != Hidden::ByName,
            "unlocked" => self.hidden != Hidden::FromEverybody,
            "consent" => self.agreed == Agreed::This,
            "age" => !self.minor,
            other => panic!("{other}"),
        }
    }
}

/// What is told to whoever would be let in but for this; nothing else is told to anybody.
const TOLD: [(&str, DenialReason); 5] = [
    ("open", DenialReason::Restricted),
    ("unnamed", DenialReason::Restricted),
    ("unlocked", DenialReason::Restricted),
    ("consent", DenialReason::NoConsent),
    ("age", DenialReason::Minor),
];

/// What the policy says: nothing where it allows, else why not.
fn expected(
    policy: &Policy,
    role: Role,
    action: Action,
    class: DataClass,
    purpose: Purpose,
    holds: impl Fn(&str) -> bool,
) -> Option<DenialReason> {
    if PROHIBITED.contains(&purpose.code()) {
        return Some(DenialReason::ProhibitedPurpose);
    }
    let cell = (role.name(), class.name(), purpose.code(), action.name());
    let mut reason = DenialReason::NoRule;
    for needs in policy.get(&cell).into_iter().flatten() {
        let missing: Vec<&str> = needs.iter().copied().filter(|need| !holds(need)).collect();
        if missing.is_empty() {
            return None;
        }
        let is_told = |need: &str| TOLD.iter().any(|(told, _)| *told == need);
        if reason == DenialReason::NoRule && missing.iter().all(|need| is_told(need)) {
            let told = TOLD.iter().find(|(told, _)| missing.contains(told));
            reason = told.map_or(reason, |(_, told)| *told);
        }
    }
    Some(reason)
}

fn reason(decision: Result<access::Permit, access::Denial>) -> Option<DenialReason> {
    decision.err().map(|denial| denial.reason)
}

fn usual(role: Role) -> Purpose {
    let (_, code) = USUAL_PURPOSE
        .into_iter()
        .find(|(name, _)| *name == role.name())
        .unwrap();
    Purpose::from_code(code).unwrap()
}

/// Compares everything that somebody of one role can ask, in every circumstance.
fn compare(role: Role) {
    let world = World::new(1);
    let policy = policy();
    let callers = Own::ALL.map(|own| caller(&world, &[role], own.client()));
    let circumstances = Circumstances::all();
    for class in DataClass::ALL {
        for named in Purpose::ALL.into_iter().map(Some).chain([None]) {
            let purpose = named.unwrap_or(usual(role));
            let files: Vec<Permissions> = circumstances
                .iter()
                .map(|circumstance| circumstance.file(class, purpose))
                .collect();
            for action in Action::ALL {
                let request = Request::new(action, class).purpose(named);
                let check =
                    |caller: &Caller, request: &Request, file: Option<&Permissions>, holds: &dyn Fn(&str) -> bool| {
                        let wanted = expected(&policy, role, action, class, purpose, holds);
                        let found = reason(decide(caller, request, file, now()));
                        assert_eq!(
                            found,
                            wanted,
                            "{role} {action} {class} {named:?}, client {:?}, {file:?}",
                            caller.client()
                        );
                    };
                for (own, caller) in Own::ALL.into_iter().zip(&callers) {
                    // About nobody, also where somebody's permissions lie at hand; about an account; and about a client whom the clinic does not have.
                    check(caller, &request, None, &|_| false);
                    for (holder, is_own) in [(account(), true), (other_account(), false)] {
                        let of_account = request.clone().of_account(holder);
                        check(caller, &of_account, None, &|need| is_own && need == "own");
                    }
                    check(caller, &request, files.last(), &|_| false);
                    let about = request.clone().about(client());
                    check(caller, &about, None, &|need| need == "self" && own == Own::TheClient);
                }
                let [by_her, by_another] =
                    [account(), other_account()].map(|author| request.clone().about(client()).by(author));
                for (circumstance, file) in circumstances.iter().zip(&files) {
                    let caller = Own::ALL.iter().position(|own| *own == circumstance.own).unwrap();
                    let request = if circumstance.author { &by_her } else { &by_another };
                    check(&callers[caller], request, Some(file), &|need| circumstance.hold(need));
                }
            }
        }
    }
}

#[test]
fn every_decision_is_the_policys() {
    std::thread::scope(|scope| {
        for role in Role::ALL {
            scope.spawn(move || compare(role));
        }
    });
}

#[test]
fn the_policy_names_what_there_is() {
    for (role, class, purpose, action) in policy().keys() {
        assert!(Role::ALL.iter().any(|known| known.name() == *role), "{role}");
        assert!(DataClass::ALL.iter().any(|known| known.name() == *class), "{class}");
        assert!(Purpose::from_code(purpose).is_some(), "{purpose}");
        assert!(Action::ALL.iter().any(|known| known.name() == *action), "{action}");
    }
    for role in Role::ALL {
        assert_eq!(usual(role), role.usual_purpose());
    }
}

/// Everybody who can be: every set of roles, as nobody's client, as the client, and as another one.
fn callers() -> Vec<[Caller; 3]> {
    let world = World::new(2);
    (0..1_u16 << Role::ALL.len())
        .map(|set| {
            let roles: Vec<Role> = (0..Role::ALL.len())
                .filter(|index| set & (1 << index) != 0)
                .map(|index| Role::ALL[index])
                .collect();
            [None, Some(client()), Some(other_client())].map(|own| caller(&world, &roles, own))
        })
        .collect()
}

/// What functions may ask of each other, a second time: caller, action, class, purpose, and whether of known clients only.
const CALL_POLICY: [(&str, &str, &str, &str, bool); 3] = [
    ("consent", "create", "message", "HSYSADMIN", false),
    ("auth", "create", "message", "HSYSADMIN", false),
    ("notify", "read", "identity", "HSYSADMIN", true),
];

fn calling(function: Function) -> CallingFunction {
    let call = PrivateCall {
        caller: function,
        callee: Function::Audit,
        method: "POST",
        target: "/",
        in_name_of: InNameOf::default(),
        body: b"",
    };
    let key = Secret::from_bytes([1; 32]);
    call.verify(&key, &call.prove(&key, now()), now()).unwrap()
}

#[test]
fn every_decision_about_a_call_is_the_policys() {
    let theirs = permissions(&[account()], Vec::new());
    let others = [
        Permissions {
            client: other_client(),
            ..theirs.clone()
        },
        Permissions {
            clinic: other_clinic(),
            ..theirs.clone()
        },
    ];
    for function in Function::ALL {
        for action in Action::ALL {
            for class in DataClass::ALL {
                for named in Purpose::ALL.into_iter().map(Some).chain([None]) {
                    let purpose = named.unwrap_or(Purpose::SystemAdministration);
                    let row = CALL_POLICY.iter().find(|row| {
                        (row.0, row.1, row.2, row.3) == (function.name(), action.name(), class.name(), purpose.code())
                    });
                    let check = |request: &Request, given: Option<&Permissions>, is_known: bool| {
                        let found = decide_call(calling(function), clinic(), request, given).err();
                        let wanted = match row {
                            _ if PROHIBITED.contains(&purpose.code()) => Some(DenialReason::ProhibitedPurpose),
                            Some((.., false)) => None,
                            Some((.., true)) if is_known => None,
                            _ => Some(DenialReason::NoRule),
                        };
                        assert_eq!(found, wanted, "{function} {action} {class} {named:?} {given:?}");
                    };
                    let request = Request::new(action, class).purpose(named);
                    check(&request, None, false);
                    check(&request, Some(&theirs), false);
                    let request = request.about(client());
                    check(&request, None, false);
                    check(&request, Some(&theirs), true);
                    for other in &others {
                        check(&request, Some(other), false);
                    }
                }
            }
        }
    }
}

/// What payment gateways may do, a second time: action, class, purpose, and whether it is about a known client, or about none.
const WEBHOOK_POLICY: [(&str, &str, &str, bool); 2] = [
    ("create", "billing", "HPAYMT", false),
    ("amend", "billing", "HPAYMT", true),
];

fn delivered(gateway: Gateway) -> VerifiedDelivery {
    let setting = format!("{}:{}", clinic(), "k".repeat(16));
    let secrets = WebhookSecrets::parse(&setting, clinic()).unwrap();
    // HMAC-SHA-256 of the empty body, and of the time in front of it, under that secret (Python's `hmac`).
    let signature = match gateway {
        Gateway::Razorpay => "096c046398d3ba3907b1b88cf757fcad92eacbe1e8c11fff5af0c52f0138fb7b".to_owned(),
        Gateway::Stripe => format!(
            "t={},v1=5199bf511df61e5ae8ec636afcc20e036333eb9c870c4b84cf563359da73b2ed",
            now().as_second()
        ),
    };
    let delivery = Delivery {
        gateway,
        clinic: clinic(),
        body: b"",
        signature: &signature,
    };
    delivery.verify(&secrets, now()).unwrap()
}

#[test]
fn every_decision_about_a_webhook_is_the_policys() {
    let theirs = permissions(&[], Vec::new());
    let elsewhere = Permissions {
        clinic: other_clinic(),
        ..theirs.clone()
    };
    for gateway in Gateway::ALL {
        for action in Action::ALL {
            for class in DataClass::ALL {
                for named in Purpose::ALL.into_iter().map(Some).chain([None]) {
                    let purpose = named.unwrap_or(Purpose::Payment);
                    let row = WEBHOOK_POLICY
                        .iter()
                        .find(|row| (row.0, row.1, row.2) == (action.name(), class.name(), purpose.code()));
                    let check = |request: &Request, given: Option<&Permissions>, is_known: bool| {
                        let found = decide_webhook(delivered(gateway), request, given).err();
                        let wanted = match row {
                            _ if PROHIBITED.contains(&purpose.code()) => Some(DenialReason::ProhibitedPurpose),
                            Some((.., false)) if request.client.is_none() => None,
                            Some((.., true)) if is_known => None,
                            _ => Some(DenialReason::NoRule),
                        };
                        assert_eq!(found, wanted, "{gateway} {action} {class} {named:?} {given:?}");
                    };
                    let request = Request::new(action, class).purpose(named);
                    check(&request, None, false);
                    check(&request, Some(&theirs), false);
                    let about_her = request.clone().about(client());
                    check(&about_her, None, false);
                    check(&about_her, Some(&theirs), true);
                    check(&about_her, Some(&elsewhere), false);
                    check(&request.about(other_client()), Some(&theirs), false);
                }
            }
        }
    }
}

/// Who may ask for something has a key to ask with, and who has a key may ask for something: in its own name, or, as `exchange` alone does,
/// in people's.
#[test]
fn the_pairs_with_keys_are_those_of_the_table() {
    for caller in Function::ALL {
        let has_key = Function::ALL
            .into_iter()
            .any(|callee| KeyringPlan::has_calls(caller, callee));
        let has_rule = CALLS.iter().any(|rule| rule.caller == caller);
        assert_eq!(has_key, has_rule || caller == Function::Exchange, "{caller}");
        assert!(!has_rule || caller != Function::Exchange);
    }
}

thread_local! {
    static CALLERS: Vec<[Caller; 3]> = callers();
}

fn any_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn requests() -> impl Strategy<Value = Request> {
    (
        any_of(&Action::ALL),
        any_of(&DataClass::ALL),
        proptest::option::of(any_of(&Purpose::ALL)),
        proptest::bool::weighted(0.8),
        proptest::sample::select(vec![account(), other_account()]),
    )
        .prop_map(|(action, class, purpose, is_about_her, holder)| {
            let request = Request::new(action, class).purpose(purpose);
            let request = request.by(account()).of_account(holder);
            if is_about_her { request.about(client()) } else { request }
        })
}

/// Files in which everything is there in every state.
fn given() -> impl Strategy<Value = Permissions> {
    let classes = || proptest::sample::subsequence(&DataClass::ALL, 0..=DataClass::ALL.len());
    let purposes = || proptest::sample::subsequence(&Purpose::ALL, 0..=Purpose::ALL.len());
    let moments = || -1_i64..3;
    let moment = |seconds: i64| now() + SignedDuration::from_secs(seconds);
    let accounts = || proptest::sample::select(vec![account(), other_account()]);
    let participant =
        || proptest::option::weighted(0.3, proptest::sample::select(vec![other_client(), third_client()]));
    let recipient = proptest::option::weighted(0.3, accounts());
    let consent = (
        classes(),
        purposes(),
        proptest::option::of(moments()),
        recipient,
        participant(),
    )
        .prop_map(move |(classes, purposes, end, recipient, participant)| LiveConsent {
            recipient: recipient.map(Recipient::Account),
            participant,
            ..consent(classes, purposes, end.map(moment))
        });
    let ground =
        (classes(), purposes(), proptest::option::of(moments())).prop_map(move |(classes, purposes, end)| LiveGround {
            id: GroundId::from_bytes([3; 16]),
            classes,
            purposes,
            expires_at: end.map(moment),
        });
    let member =
        (accounts(), any::<bool>(), proptest::option::of(moments())).prop_map(move |(account, treats, until)| {
            let role = if treats {
                CareRole::Treating
            } else {
                CareRole::Supervising
            };
            CareTeamMember {
                until: until.map(moment),
                ..member(account, role)
            }
        });
    let representative = (
        accounts(),
        any::<bool>(),
        proptest::option::of(moments()),
        proptest::option::of(moments()),
    )
        .prop_map(move |(account, reads_records, since, until)| Representative {
            account,
            authority: if reads_records {
                Authority::Guardian
            } else {
                Authority::Parent
            },
            reads_records,
            since: since.map(moment),
            until: until.map(moment),
        });
    let emergency = (accounts(), moments()).prop_map(move |(account, until)| EmergencyAccess {
        id: EmergencyId::from_bytes([4; 16]),
        account,
        until: moment(until),
    });
    let several = 0..3_usize;
    (
        proptest::collection::vec(consent, several.clone()),
        proptest::collection::vec(ground, several.clone()),
        proptest::collection::vec(member, several.clone()),
        proptest::collection::vec(representative, several.clone()),
        proptest::collection::vec(restriction(), several.clone()),
        proptest::collection::vec(emergency, several),
        proptest::option::of(moments()),
        any::<bool>(),
    )
        .prop_map(
            move |(
                consents,
                grounds,
                care_team,
                representatives,
                restrictions,
                emergencies,
                minor_until,
                is_shared,
            )| {
                let mut file = Permissions {
                    participants: if is_shared {
                        vec![other_client(), third_client()]
                    } else {
                        Vec::new()
                    },
                    minor_until: minor_until.map(moment),
                    care_team,
                    representatives,
                    consents,
                    grounds,
                    restrictions,
                    emergencies,
                    ..permissions(&[], Vec::new())
                };
                // Nobody is in a team, or acts, twice.
                file.care_team.sort_by_key(|member| member.account);
                file.care_team.dedup_by_key(|member| member.account);
                file.representatives
                    .sort_by_key(|representative| representative.account);
                file.representatives
                    .dedup_by_key(|representative| representative.account);
                file
            },
        )
}

fn restriction() -> impl Strategy<Value = Restriction> {
    (
        proptest::option::of(any_of(&DataClass::ALL)),
        proptest::option::of(proptest::sample::select(vec![account(), other_account()])),
    )
        .prop_map(|(class, account)| Restriction {
            id: RestrictionId::from_bytes([5; 16]),
            class,
            account,
        })
}

fn is_allowed(caller: &Caller, request: &Request, given: Option<&Permissions>) -> bool {
    decide(caller, request, given, now()).is_ok()
}

/// Everything that is the file with one thing less in it, or one restriction more.
fn with_less(given: &Permissions, restriction: Restriction) -> Vec<Permissions> {
    let mut all = Vec::new();
    let mut less = |count: usize, remove: &dyn Fn(&mut Permissions, usize)| {
        for index in 0..count {
            let mut file = given.clone();
            remove(&mut file, index);
            all.push(file);
        }
    };
    less(given.consents.len(), &|file, index| {
        file.consents.remove(index);
    });
    less(given.grounds.len(), &|file, index| {
        file.grounds.remove(index);
    });
    less(given.care_team.len(), &|file, index| {
        file.care_team.remove(index);
    });
    less(given.representatives.len(), &|file, index| {
        file.representatives.remove(index);
    });
    less(given.emergencies.len(), &|file, index| {
        file.emergencies.remove(index);
    });
    less(1, &|file, _| file.restrictions.push(restriction.clone()));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Withdrawing a consent, ending a ground, leaving a care team, ending a representation or an emergency, hiding something, having a role less: none of these ever turns a denial into a permission.
    #[test]
    fn less_never_allows_more(
        set in 0_usize..1 << Role::ALL.len(),
        own in 0_usize..3,
        request in requests(),
        given in given(),
        restriction in restriction(),
    ) {
        CALLERS.with(|callers| {
            let caller = &callers[set][own];
            if is_allowed(caller, &request, Some(&given)) {
                return Ok(());
            }
            for less in with_less(&given, restriction) {
                prop_assert!(!is_allowed(caller, &request, Some(&less)), "{less:?}");
            }
            for index in 0..Role::ALL.len() {
                let fewer = &callers[set & !(1 << index)][own];
                prop_assert!(!is_allowed(fewer, &request, Some(&given)), "only as {:?}", fewer.roles());
            }
            prop_assert!(!is_allowed(caller, &request, None), "without any permissions");
            prop_assert!(!is_allowed(&callers[set][0], &request, Some(&given)), "as nobody's client");
            Ok(())
        })?;
    }

    /// An explanation is that of the decision.
    #[test]
    fn an_explanation_comes_to_the_same(
        set in 0_usize..1 << Role::ALL.len(),
        own in 0_usize..3,
        request in requests(),
        given in proptest::option::weighted(0.9, given()),
    ) {
        CALLERS.with(|callers| {
            let caller = &callers[set][own];
            let decision = decide(caller, &request, given.as_ref(), now());
            let explanation = explain(&Asker::from(caller), &request, given.as_ref(), now());
            prop_assert_eq!(decision.as_ref().err().map(|denial| denial.reason), explanation.decision.err());
            if let Ok(rule) = explanation.decision {
                let row = explanation.considered.iter().find(|row| row.rule == rule).unwrap();
                prop_assert!(row.needs.iter().all(|(_, is_met)| *is_met));
            }
            Ok(())
        })?;
    }

    #[test]
    fn permissions_of_another_client_or_clinic_count_as_none(
        set in 0_usize..1 << Role::ALL.len(),
        own in 0_usize..3,
        request in requests(),
        given in given(),
    ) {
        CALLERS.with(|callers| {
            let caller = &callers[set][own];
            let none = decide(caller, &request, None, now());
            for other in [
                Permissions { client: other_client(), ..given.clone() },
                Permissions { clinic: other_clinic(), ..given.clone() },
            ] {
                prop_assert_eq!(&decide(caller, &request, Some(&other), now()), &none);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_prohibited_purpose_is_denied_whoever_asks(
        set in 0_usize..1 << Role::ALL.len(),
        own in 0_usize..3,
        request in requests(),
        given in given(),
        code in proptest::sample::select(&PROHIBITED),
    ) {
        CALLERS.with(|callers| {
            let request = request.purpose(Purpose::from_code(code));
            let denied = reason(decide(&callers[set][own], &request, Some(&given), now()));
            prop_assert_eq!(denied, Some(DenialReason::ProhibitedPurpose));
            Ok(())
        })?;
    }
}

/// Consents that are not quite the one that is wanted are none.
#[test]
fn a_consent_covers_what_it_says_until_it_ends() {
    let (class, purpose) = (DataClass::Health, Purpose::Treatment);
    let this = consent(vec![class], vec![purpose], None);
    let others = |class| DataClass::ALL.into_iter().filter(|other| *other != class).collect();
    for (given, covers) in [
        (vec![], false),
        (vec![this.clone()], true),
        (
            vec![LiveConsent {
                expires_at: Some(a_second_from_now()),
                ..this.clone()
            }],
            true,
        ),
        (
            vec![LiveConsent {
                expires_at: Some(now()),
                ..this.clone()
            }],
            false,
        ),
        (
            vec![LiveConsent {
                classes: others(class),
                ..this.clone()
            }],
            false,
        ),
        (
            vec![LiveConsent {
                purposes: vec![Purpose::Research, Purpose::Payment],
                ..this.clone()
            }],
            false,
        ),
        (
            vec![LiveConsent {
                recipient: Some(Recipient::Account(account())),
                ..this.clone()
            }],
            false,
        ),
        (
            vec![LiveConsent {
                recipient: Some(Recipient::Name(model::Confidential::new("Dr Roe".to_owned()))),
                ..this.clone()
            }],
            false,
        ),
        (
            vec![LiveConsent {
                participant: Some(client()),
                ..this.clone()
            }],
            false,
        ),
        (
            vec![
                LiveConsent {
                    expires_at: Some(now()),
                    ..this.clone()
                },
                this.clone(),
            ],
            true,
        ),
    ] {
        let file = permissions(&[], given);
        assert_eq!(file.ground(class, purpose, now()).is_some(), covers, "{file:?}");
    }
}

/// What opens a shared file is that all of its participants agree, each for herself.
#[test]
fn the_consents_of_all_participants_count() {
    let (class, purpose) = (DataClass::Health, Purpose::Treatment);
    let by = |participant| LiveConsent {
        participant,
        ..consent(vec![class], vec![purpose], None)
    };
    let (first, second) = (other_client(), third_client());
    for (given, opens) in [
        (vec![], false),
        (vec![by(None)], false),
        (vec![by(Some(first))], false),
        (vec![by(Some(second))], false),
        (vec![by(Some(first)), by(Some(first))], false),
        (vec![by(Some(first)), by(Some(client()))], false),
        (vec![by(Some(second)), by(Some(first))], true),
    ] {
        let file = Permissions {
            participants: vec![first, second],
            ..permissions(&[], given)
        };
        assert_eq!(file.ground(class, purpose, now()).is_some(), opens, "{file:?}");
    }
}

#[test]
fn memberships_representations_and_emergencies_end() {
    let over = [Some(now()), Some(a_second_from_now()), None];
    for (until, holds) in over.into_iter().zip([false, true, true]) {
        let mut file = permissions(&[], Vec::new());
        file.care_team.push(CareTeamMember {
            until,
            ..member(account(), CareRole::Treating)
        });
        assert_eq!(file.treats(account(), now()), holds);
        for (since, holds) in [(None, false), (Some(now()), holds)] {
            file.representatives = vec![Representative {
                account: account(),
                authority: Authority::Nominee,
                reads_records: true,
                since,
                until,
            }];
            assert_eq!(file.representative(account(), now()).is_some(), holds);
        }
        if let Some(until) = until {
            file.emergencies = vec![EmergencyAccess {
                id: EmergencyId::from_bytes([4; 16]),
                account: account(),
                until,
            }];
            assert_eq!(file.emergency(account(), now()).is_some(), holds);
            file.minor_until = Some(until);
            assert_eq!(file.is_minor(now()), holds);
        }
    }
}

/// Why somebody broke the glass says what records say: a parent from whom any of them are hidden is not told it.
#[test]
fn what_is_hidden_from_a_parent_no_emergency_tells_her() {
    let question = Request::new(Action::List, DataClass::EmergencyAccess);
    let guardian = caller(&World::new(7), &[Role::Guardian], None);
    for (class, from, is_told) in [
        (Some(DataClass::Health), Some(account()), false),
        (Some(DataClass::Billing), None, false),
        (None, None, false),
        (Some(DataClass::Health), Some(other_account()), true),
    ] {
        let mut file = permissions(&[], Vec::new());
        file.representatives.push(Representative {
            account: account(),
            authority: Authority::Guardian,
            reads_records: true,
            since: Some(now()),
            until: None,
        });
        file.restrictions.push(Restriction {
            id: RestrictionId::from_bytes([1; 16]),
            class,
            account: from,
        });
        let request = question.clone().about(file.client);
        let decision = decide(&guardian, &request, Some(&file), now());
        assert_eq!(
            decision.map(drop).map_err(|denial| denial.reason),
            if is_told { Ok(()) } else { Err(DenialReason::Restricted) },
            "{class:?} {from:?}"
        );
    }
}

/// A reason is told only to those who meet everything that must not be told: so it comes last.
#[test]
fn rows_name_first_what_is_not_told() {
    for rule in TABLE {
        let is_told = |need: &Need| need.reason() != DenialReason::NoRule;
        let first_told = rule.needs.iter().position(is_told).unwrap_or(rule.needs.len());
        assert!(rule.needs[first_told..].iter().all(is_told), "{}", rule.id);
    }
    let ids: std::collections::BTreeSet<_> = TABLE.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), TABLE.len(), "a rule's name is its own");
}

/// A guardian who came to act while the client was a minor does so as a parent does; one who came later, or whose right is said to go beyond, is an
/// adult's.
#[test]
fn at_majority_the_guardians_of_a_minor_end() {
    let a_second_ago = now() - SignedDuration::from_secs(1);
    let (sooner, later) = (a_second_from_now(), now() + SignedDuration::from_secs(2));
    let mut file = permissions(&[], Vec::new());
    for (since, until, minor_until, [acts_before, ends_with_minority]) in [
        (a_second_ago, None, Some(sooner), [true, true]),
        (a_second_ago, None, Some(now()), [false, true]),
        (now(), None, Some(now()), [true, false]),
        (a_second_ago, None, None, [true, false]),
        (a_second_ago, Some(sooner), Some(sooner), [true, true]),
        (a_second_ago, Some(sooner), Some(later), [true, true]),
        (a_second_ago, Some(later), Some(sooner), [true, false]),
        (a_second_ago, Some(sooner), Some(now()), [true, false]),
    ] {
        file.minor_until = minor_until;
        let representative = Representative {
            account: account(),
            authority: Authority::Guardian,
            reads_records: true,
            since: Some(since),
            until,
        };
        file.representatives = vec![representative.clone()];
        let case = format!("{since} {until:?} {minor_until:?}");
        assert_eq!(file.representative(account(), now()).is_some(), acts_before, "{case}");
        assert_eq!(file.ends_with_minority(&representative), ends_with_minority, "{case}");
    }
}

/// What a parent decided, and that she decides, ends in the moment in which the child is of age.
#[test]
fn at_majority_parents_and_their_consents_end() {
    let (class, purpose) = (DataClass::Health, Purpose::Treatment);
    let mut file = permissions(&[], vec![consent(vec![class], vec![purpose], None)]);
    file.consents[0].until_majority = true;
    file.representatives = [Authority::Parent, Authority::Guardian, Authority::Nominee]
        .into_iter()
        .zip([account(), other_account(), AccountId::from_bytes([11; 16])])
        .map(|(authority, account)| Representative {
            account,
            authority,
            reads_records: true,
            since: Some(now()),
            until: None,
        })
        .collect();
    let acting = |file: &Permissions| {
        let accounts = file.representatives.iter().map(|representative| representative.account);
        accounts
            .filter(|account| file.representative(*account, now()).is_some())
            .count()
    };
    for (minor_until, parents_decide) in [(Some(a_second_from_now()), true), (Some(now()), false), (None, false)] {
        file.minor_until = minor_until;
        assert_eq!(file.ground(class, purpose, now()).is_some(), parents_decide);
        assert_eq!(acting(&file), if parents_decide { 3 } else { 2 });
    }
}
