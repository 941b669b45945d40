//! Who is behind an account, for whoever is shown one.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use audit_trail::Decision;
use model::{AccountId, ClientId, ClinicId, Role};
use practicekit::sweep::recorded_as;
use practicekit::{ADMIN, ADMIN_PASSWORD, Person, Practice, ZOE_PASSWORD, bootstrap_code, clinic_body};
use serde_json::json;
use testkit::{Answer, Call, log_in};

const STAFF: &str = "/v1/auth/staff";

/// A practice with staff, a client, a guardian and a service identity, and a clinic beside it in the same deployment.
struct Clinics {
    practice: Practice,
    ada: Person,
    ids: [String; 6],
}

const BEN: usize = 0;
const CYD: usize = 1;
const ZOE: usize = 2;
const PAT: usize = 3;
const JOB: usize = 4;
const FOREIGN: usize = 5;

fn clinics(seed: u64) -> Clinics {
    let (practice, ada) = Practice::open(seed);
    let token = practice.log_in(&ada).text("token");
    let client = ClientId::from_bytes([5; 16]).to_string();
    let [ben, cyd, zoe, pat] = [
        ("ben@example.org", json!(["clinician"])),
        ("cyd@example.org", json!(["billing", "auditor"])),
        ("zoe@example.org", json!(["client"])),
        ("pat@example.org", json!(["guardian"])),
    ]
    .map(|(email, roles)| {
        let mut body = json!({"email": email, "roles": roles});
        if email.starts_with("zoe") {
            body["client_id"] = json!(client);
        }
        let invited = practice.invite(&token, email, &body).text("token");
        practice.accept(&invited, ZOE_PASSWORD).text("account_id")
    });
    let job = Call::post(
        "/v1/auth/service-identities",
        &json!({"name": "nightly jobs", "role": "job"}),
    );
    let job = practice
        .send(&job.bearer(&token).once("job"))
        .text("service_identity_id");
    let other = clinic_body(&bootstrap_code(&practice.world, 2), ADMIN, ADMIN_PASSWORD);
    let foreign = practice
        .send(&Call::post("/v1/auth/clinics", &other))
        .text("account_id");
    Clinics {
        practice,
        ada,
        ids: [ben, cyd, zoe, pat, job, foreign],
    }
}

impl Clinics {
    /// A session of somebody with this role.
    fn session(&self, role: Role) -> String {
        let clinic: ClinicId = self.practice.clinic.parse().unwrap();
        let account = AccountId::from_bytes([8; 16]);
        let client = (role == Role::Client).then(|| ClientId::from_bytes([5; 16]));
        log_in(&self.practice.world, &[role], clinic, account, client)
    }

    fn ask(&self, token: &str, query: &str) -> Answer {
        self.practice.send(&Call::get(format!("{STAFF}{query}")).bearer(token))
    }
}

fn names(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.json);
    let staff = answer.json["staff"].as_array().unwrap();
    staff
        .iter()
        .map(|colleague| colleague["account_id"].as_str().unwrap())
        .collect()
}

#[test]
fn everybody_learns_who_of_staff_is_behind_an_account() {
    let clinics = clinics(401);
    let [ben, cyd, ..] = &clinics.ids;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Job) {
        let answer = clinics.ask(&clinics.session(role), &format!("?ids={cyd},{ben}"));
        assert_eq!(
            answer.json,
            json!({"staff": [
                {"account_id": cyd, "display_name": "Somebody Else", "roles": ["billing", "auditor"]},
                {"account_id": ben, "display_name": "Somebody Else", "roles": ["clinician"]},
            ]}),
            "{role}"
        );
        assert_eq!(
            recorded_as(&clinics.practice, &answer),
            ("clinic.staff".to_owned(), Decision::Allowed)
        );
    }
    let job = clinics.ask(&clinics.session(Role::Job), &format!("?ids={ben}"));
    assert_eq!(job.problem(), Some("access-denied"));
    let nobody = clinics.practice.send(&Call::get(format!("{STAFF}?ids={ben}")));
    assert_eq!(nobody.problem(), Some("unauthenticated"));
}

/// Whether there is such an account, and whose it is, the answer does not say of anybody but staff.
#[test]
fn everybody_else_is_left_out_without_a_word() {
    let clinics = clinics(402);
    let ids = &clinics.ids;
    let unknown = AccountId::from_bytes([9; 16]).to_string();
    for token in [clinics.session(Role::Client), clinics.session(Role::ClinicAdmin)] {
        let nothing = clinics.ask(&token, &format!("?ids={unknown}"));
        assert_eq!((nothing.status, &nothing.json), (200, &json!({"staff": []})));
        for other in [ZOE, PAT, JOB, FOREIGN] {
            let answer = clinics.ask(&token, &format!("?ids={}", ids[other]));
            assert_eq!((answer.status, &answer.json), (200, &nothing.json));
        }
        let all = [ids.as_slice(), &[unknown.clone(), ids[BEN].clone()]].concat();
        let among = clinics.ask(&token, &format!("?ids={}", all.join(",")));
        assert_eq!(names(&among), [&ids[BEN], &ids[CYD]], "each once");
    }
}

#[test]
fn staff_see_who_works_here_and_nobody_else_does() {
    let clinics = clinics(403);
    let (ids, practice) = (&clinics.ids, &clinics.practice);
    let admin = practice.log_in(&clinics.ada);
    let ada = admin.text("account_id");
    for role in Role::ALL
        .into_iter()
        .filter(|role| role.is_staff() && *role != Role::Job)
    {
        let all = clinics.ask(&clinics.session(role), "");
        assert_eq!(names(&all), [&ids[CYD], &ids[BEN], &ada], "{role}: newest first");
        assert_eq!(all.json.get("next"), None);
        assert_eq!(
            recorded_as(practice, &all),
            ("clinic.staff.list".to_owned(), Decision::Allowed)
        );
    }
    for role in [Role::Client, Role::Guardian, Role::Job] {
        let refused = clinics.ask(&clinics.session(role), "");
        assert_eq!(refused.problem(), Some("access-denied"), "{role}");
        assert_eq!(
            recorded_as(practice, &refused),
            ("deny.no-rule".to_owned(), Decision::Denied)
        );
    }
    let token = clinics.session(Role::Auditor);
    // The service identity is an entry, too, and the page that it would be on is shorter.
    let (mut pages, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = clinics.ask(&token, &query);
        pages.extend(names(&page).into_iter().map(str::to_owned));
        match page.json.get("next") {
            Some(next) => query = format!("?limit=2&cursor={}", next.as_str().unwrap()),
            None => break,
        }
    }
    assert_eq!(pages, [ids[CYD].clone(), ids[BEN].clone(), ada.clone()]);

    // Who has left works here no more; what she wrote still has her name.
    let leave = |what: &str| {
        let call = Call::post(
            format!("/v1/auth/accounts/{}/{what}", ids[BEN]),
            &json!({"reason": "left"}),
        );
        assert_eq!(practice.send(&call.bearer(&admin.text("token"))).status, 204);
        assert_eq!(names(&clinics.ask(&token, "")), [&ids[CYD], &ada], "{what}");
        assert_eq!(
            names(&clinics.ask(&token, &format!("?ids={}", ids[BEN]))),
            [&ids[BEN]],
            "{what}"
        );
    };
    leave("disable");
    leave("deactivate");
}

#[test]
fn a_query_says_what_it_wants() {
    let clinics = clinics(404);
    let token = clinics.session(Role::Clinician);
    let many = |count: u8| {
        let ids: Vec<String> = (0..count)
            .map(|number| AccountId::from_bytes([number; 16]).to_string())
            .collect();
        format!("?ids={}", ids.join(","))
    };
    let ben = &clinics.ids[BEN];
    assert_eq!(clinics.ask(&token, &many(50)).status, 200);
    for (query, field, rule) in [
        (many(51), "ids", "account-ids"),
        ("?ids=".to_owned(), "ids", "account-ids"),
        (format!("?ids={ben},"), "ids", "account-ids"),
        (format!("?ids={ben},ada"), "ids", "account-ids"),
        (format!("?ids={}", clinics.practice.clinic), "ids", "account-ids"),
        (format!("?ids={ben}&limit=3"), "ids", "alone"),
        (format!("?ids={ben}&cursor=3"), "ids", "alone"),
        ("?limit=0".to_owned(), "limit", "range"),
        ("?name=ben".to_owned(), "name", "unknown-field"),
    ] {
        let refused = clinics.ask(&token, &query);
        let error = &refused.json["errors"][0];
        assert_eq!(
            (refused.status, &error["field"], &error["rule"]),
            (400, &json!(field), &json!(rule)),
            "{query}"
        );
        assert!(!refused.json.to_string().contains(ben.as_str()), "{query}");
    }
}
