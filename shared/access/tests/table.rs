//! The decision, held against the policy as people read it: written here a second time, as text, and compared over
//! everything that can be asked.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use access::{
    CALLS, Caller, CallingFunction, CareTeamMember, DenialReason, LiveConsent, Permissions, PrivateCall, Request,
    Sessions, Token, decide, decide_call,
};
use crypto::{Keyring, KeyringPlan, Secret};
use jiff::SignedDuration;
use model::{
    AccountId, Action, ClientId, ClinicId, ConsentId, DataClass, Function, NoticeId, Purpose, Role, SubjectId,
    Timestamp,
};
use proptest::prelude::*;
use store::Shelf;
use testkit::{World, log_in};

/// Who, which class, what for, what may be done, and what must hold besides: `known` the clinic has this client, `self` the
/// caller is she, `team` the caller treats her, `consent` she agrees, `-` nothing.
const POLICY: &str = "
clinician        health         TREAT     create,read,list,amend    team,consent
clinician        psychotherapy  TREAT     create,read,list,amend    team,consent
clinician        identity       TREAT     create,read,list,amend    team,consent
clinician        identity       TREAT     search                    -
clinician        identity       PATADMIN  search                    -
clinician        client_file    TREAT     create                    -
clinician        client_file    PATADMIN  create                    -
clinician        consent        TREAT     create,read,list,revoke   team
clinician        care_team      TREAT     create,read,revoke        team

clinic_admin     identity       PATADMIN  create,read,list,amend    known,consent
clinic_admin     identity       TREAT     search                    -
clinic_admin     identity       PATADMIN  search                    -
clinic_admin     client_file    TREAT     create                    -
clinic_admin     client_file    PATADMIN  create                    -
clinic_admin     consent        PATADMIN  create,read,list,revoke   known
clinic_admin     care_team      PATADMIN  create,read,revoke        known
clinic_admin     notice         PATADMIN  create                    -
clinic_admin     account        PATADMIN  create,read,list,amend,revoke -
clinic_admin     account        HSYSADMIN create,read,list,amend,revoke -
clinic_admin     message        PATADMIN  read,list                 -
clinic_admin     message        HSYSADMIN read,list                 -

client           health         PATRQT    read,list                 known,self
client           identity       PATRQT    read,list                 known,self
client           identity       PATRQT    create,amend              known,self,consent
client           consent        PATRQT    create,read,list,revoke   known,self
client           care_team      PATRQT    read                      known,self

privacy_officer  consent        HCOMPL    read,list                 known
privacy_officer  care_team      HCOMPL    read,list                 known
privacy_officer  notice         HCOMPL    create                    -
privacy_officer  audit          HCOMPL    search,verify,export      -
privacy_officer  message        HCOMPL    read,list                 -

auditor          consent        HCOMPL    read,list                 known
auditor          care_team      HCOMPL    read,list                 known
auditor          audit          HCOMPL    search,verify,export      -

security         audit          HCOMPL    search,verify,export      -

job              message        HSYSADMIN execute                   -

clinic_admin     access_review  PATADMIN  create,read,list,amend    -
clinic_admin     access_review  HSYSADMIN create,read,list,amend    -
privacy_officer  access_review  HCOMPL    create,read,list,amend    -
auditor          access_review  HCOMPL    read,list                 -
job              access_review  HSYSADMIN execute                   -
";

/// Everybody has sessions, whatever for but research and what is served to nobody.
const SESSION_PURPOSES: [&str; 6] = ["TREAT", "PATRQT", "PATADMIN", "HSYSADMIN", "HCOMPL", "HPAYMT"];
const SESSION_ACTIONS: [&str; 5] = ["create", "read", "list", "amend", "revoke"];

/// And everybody but a job proves with something that an account is theirs.
const AUTHENTICATOR_ACTIONS: [&str; 4] = ["create", "list", "amend", "revoke"];

/// What a request of each role is for when it does not say.
const USUAL_PURPOSE: [(&str, &str); 8] = [
    ("client", "PATRQT"),
    ("clinician", "TREAT"),
    ("clinic_admin", "PATADMIN"),
    ("billing", "HPAYMT"),
    ("privacy_officer", "HCOMPL"),
    ("security", "HCOMPL"),
    ("auditor", "HCOMPL"),
    ("job", "HSYSADMIN"),
];

/// The needs of the policy, by role, class, purpose and action.
type Policy = BTreeMap<(&'static str, &'static str, &'static str, &'static str), Vec<&'static str>>;

fn policy() -> Policy {
    let mut policy = Policy::new();
    for line in POLICY.lines().filter(|line| !line.is_empty()) {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        let [role, class, purpose, actions, needs] = words[..] else {
            panic!("{line}")
        };
        for action in actions.split(',') {
            let needs = needs.split(',').filter(|need| *need != "-").collect();
            let twice = policy.insert((role, class, purpose, action), needs);
            assert!(twice.is_none(), "{line}");
        }
    }
    for (role, _) in USUAL_PURPOSE {
        for purpose in SESSION_PURPOSES {
            for action in SESSION_ACTIONS {
                policy.insert((role, "session", purpose, action), Vec::new());
            }
            for action in AUTHENTICATOR_ACTIONS.into_iter().filter(|_| role != "job") {
                policy.insert((role, "authenticator", purpose, action), Vec::new());
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
        expires_at,
    }
}

fn permissions(team: &[AccountId], consents: Vec<LiveConsent>) -> Permissions {
    Permissions {
        client: client(),
        clinic: clinic(),
        subject: SubjectId::from_bytes([9; 16]),
        care_team: team
            .iter()
            .map(|account| CareTeamMember {
                account: *account,
                since: now(),
            })
            .collect(),
        consents,
    }
}

/// What the client agreed to, as one request sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreed {
    Nothing,
    This,
    ThisForASecond,
    ThisUntilNow,
    /// To every class but this, for this purpose.
    OtherClasses,
    /// To this class, for every purpose but this.
    OtherPurposes,
}

impl Agreed {
    const ALL: [Self; 6] = [
        Self::Nothing,
        Self::This,
        Self::ThisForASecond,
        Self::ThisUntilNow,
        Self::OtherClasses,
        Self::OtherPurposes,
    ];

    fn covers(self) -> bool {
        matches!(self, Self::This | Self::ThisForASecond)
    }

    fn consents(self, class: DataClass, purpose: Purpose) -> Vec<LiveConsent> {
        let this = |end| vec![consent(vec![class], vec![purpose], end)];
        match self {
            Self::Nothing => Vec::new(),
            Self::This => this(None),
            Self::ThisForASecond => this(Some(now() + SignedDuration::from_secs(1))),
            Self::ThisUntilNow => this(Some(now())),
            Self::OtherClasses => {
                let classes = DataClass::ALL.into_iter().filter(|other| *other != class).collect();
                vec![consent(classes, vec![purpose], None)]
            }
            Self::OtherPurposes => {
                let purposes = Purpose::ALL.into_iter().filter(|other| *other != purpose).collect();
                vec![consent(vec![class], purposes, None)]
            }
        }
    }
}

/// What the policy says: nothing where it allows, else why not.
fn expected(
    policy: &Policy,
    role: Role,
    action: Action,
    class: DataClass,
    purpose: Purpose,
    holds: impl Fn(&str) -> bool,
) -> Option<DenialReason> {
    if purpose == Purpose::Marketing {
        return Some(DenialReason::ProhibitedPurpose);
    }
    let Some(needs) = policy.get(&(role.name(), class.name(), purpose.code(), action.name())) else {
        return Some(DenialReason::NoRule);
    };
    if needs.iter().all(|need| holds(need)) {
        None
    } else if needs.iter().all(|need| *need == "consent" || holds(need)) {
        Some(DenialReason::NoConsent)
    } else {
        Some(DenialReason::NoRule)
    }
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

/// Compares everything that somebody of one role can ask, as nobody's client, as the client, and as another one.
fn compare(role: Role) {
    let world = World::new(1);
    let policy = policy();
    for own in [None, Some(client()), Some(other_client())] {
        let caller = caller(&world, &[role], own);
        let is_self = own == Some(client());
        for action in Action::ALL {
            for class in DataClass::ALL {
                for named in Purpose::ALL.into_iter().map(Some).chain([None]) {
                    let purpose = named.unwrap_or(usual(role));
                    let check = |request: &Request, given: Option<&Permissions>, holds: &dyn Fn(&str) -> bool| {
                        let wanted = expected(&policy, role, action, class, purpose, holds);
                        let found = reason(decide(&caller, request, given, now()));
                        assert_eq!(
                            found, wanted,
                            "{role} {action} {class} {named:?}, client {own:?}, {given:?}"
                        );
                    };
                    // About nobody, also where somebody's permissions lie at hand.
                    let request = Request::new(action, class).purpose(named);
                    let full = permissions(&[account()], Agreed::This.consents(class, purpose));
                    check(&request, None, &|_| false);
                    check(&request, Some(&full), &|_| false);
                    // About a client whom the clinic does not have.
                    let request = request.about(client());
                    check(&request, None, &|need| need == "self" && is_self);
                    for team in [vec![], vec![other_account()], vec![other_account(), account()]] {
                        for agreed in Agreed::ALL {
                            let given = permissions(&team, agreed.consents(class, purpose));
                            check(&request, Some(&given), &|need| match need {
                                "known" => true,
                                "self" => is_self,
                                "team" => team.contains(&account()),
                                "consent" => agreed.covers(),
                                other => panic!("{other}"),
                            });
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn every_decision_is_the_policys() {
    for role in Role::ALL {
        compare(role);
    }
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
const CALL_POLICY: [(&str, &str, &str, &str, bool); 2] = [
    ("auth", "create", "message", "HSYSADMIN", false),
    ("notify", "read", "identity", "HSYSADMIN", true),
];

fn calling(function: Function) -> CallingFunction {
    let call = PrivateCall {
        caller: function,
        callee: Function::Audit,
        method: "POST",
        target: "/",
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
                            _ if purpose == Purpose::Marketing => Some(DenialReason::ProhibitedPurpose),
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

/// Who may ask for something has a key to ask with, and who has a key may ask for something.
#[test]
fn the_pairs_with_keys_are_those_of_the_table() {
    for caller in Function::ALL {
        let has_key = Function::ALL
            .into_iter()
            .any(|callee| KeyringPlan::has_calls(caller, callee));
        let has_rule = CALLS.iter().any(|rule| rule.caller == caller);
        assert_eq!(has_key, has_rule, "{caller}");
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
    )
        .prop_map(|(action, class, purpose, is_about_her)| {
            let request = Request::new(action, class).purpose(purpose);
            if is_about_her { request.about(client()) } else { request }
        })
}

fn given() -> impl Strategy<Value = Permissions> {
    let consent = (
        proptest::sample::subsequence(&DataClass::ALL, 0..=DataClass::ALL.len()),
        proptest::sample::subsequence(&Purpose::ALL, 0..=Purpose::ALL.len()),
        proptest::option::of(-1_i64..2),
    )
        .prop_map(|(classes, purposes, seconds)| {
            let end = seconds.map(|seconds| now() + SignedDuration::from_secs(seconds));
            consent(classes, purposes, end)
        });
    let team = proptest::sample::subsequence(vec![account(), other_account()], 0..=2);
    (team, proptest::collection::vec(consent, 0..4)).prop_map(|(team, consents)| permissions(&team, consents))
}

fn is_allowed(caller: &Caller, request: &Request, given: Option<&Permissions>) -> bool {
    decide(caller, request, given, now()).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn less_never_allows_more(set in 0_usize..1 << Role::ALL.len(), own in 0_usize..3, request in requests(), given in given()) {
        CALLERS.with(|callers| {
            let caller = &callers[set][own];
            if is_allowed(caller, &request, Some(&given)) {
                return Ok(());
            }
            for consent in 0..given.consents.len() {
                let mut less = given.clone();
                less.consents.remove(consent);
                prop_assert!(!is_allowed(caller, &request, Some(&less)), "without consent {consent}");
            }
            for member in 0..given.care_team.len() {
                let mut less = given.clone();
                less.care_team.remove(member);
                prop_assert!(!is_allowed(caller, &request, Some(&less)), "without member {member}");
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
    ) {
        CALLERS.with(|callers| {
            let request = request.purpose(Some(Purpose::Marketing));
            let denied = reason(decide(&callers[set][own], &request, Some(&given), now()));
            prop_assert_eq!(denied, Some(DenialReason::ProhibitedPurpose));
            Ok(())
        })?;
    }
}
