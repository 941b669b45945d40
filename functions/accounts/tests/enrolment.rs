//! How accounts come to be, by the operator's code and by invitations, as callers see it.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use audit_trail::Decision;
use jiff::SignedDuration;
use practicekit::sweep::{outlast, recorded_as};
use practicekit::{ADMIN, ADMIN_PASSWORD, Person, Practice, bootstrap_code, clinic_body, messages, race, send, staff};
use serde_json::{Value, json};
use testkit::{Answer, Call, World};

#[test]
fn a_code_opens_one_clinic_once() {
    let world = World::new(2);
    let code = bootstrap_code(&world, 1);
    let open = |code: &str, email: &str, password: &str| {
        send(
            &world,
            &Call::post("/v1/auth/clinics", &clinic_body(code, email, password)),
        )
    };
    let first = open(&code, ADMIN, ADMIN_PASSWORD);
    assert_eq!(first.status, 201);
    let account = format!("/v1/auth/accounts/{}", first.text("account_id"));
    assert_eq!(first.header("location"), Some(account.as_str()));
    assert_eq!(open(&code, ADMIN, ADMIN_PASSWORD).json, first.json);
    assert_ne!(
        open(&bootstrap_code(&world, 2), ADMIN, ADMIN_PASSWORD).json["clinic_id"],
        first.json["clinic_id"]
    );
    for (code, email, password, status, problem) in [
        ("cfb_", ADMIN, ADMIN_PASSWORD, 401, "invalid-code"),
        (&code[..code.len() - 2], ADMIN, ADMIN_PASSWORD, 401, "invalid-code"),
        (&code, "eve@example.org", ADMIN_PASSWORD, 409, "code-used"),
        (&code, ADMIN, "hill walks 8", 409, "code-used"),
        (&code, "ada", ADMIN_PASSWORD, 422, "invalid-content"),
        (&code, ADMIN, "short", 422, "invalid-content"),
        (&code, ADMIN, "ada okafor", 422, "invalid-content"),
    ] {
        let answer = open(code, email, password);
        assert_eq!(
            (answer.status, answer.problem()),
            (status, Some(problem)),
            "{email} {password}"
        );
    }
    let practice = Practice {
        world,
        clinic: first.text("clinic_id"),
    };
    practice.confirm(&Person::enrolled(ADMIN, ADMIN_PASSWORD, &first));
    let after = practice.send(&Call::post(
        "/v1/auth/clinics",
        &clinic_body(&code, ADMIN, ADMIN_PASSWORD),
    ));
    assert_eq!(after.problem(), Some("code-used"));
}

/// Whoever practises alone treats and bills, too, under one address.
#[test]
fn the_first_administrator_may_be_more_than_that() {
    let world = World::new(22);
    let code = bootstrap_code(&world, 1);
    let open = |roles: Value| {
        let mut body = clinic_body(&code, ADMIN, ADMIN_PASSWORD);
        body["administrator"]["roles"] = roles;
        send(&world, &Call::post("/v1/auth/clinics", &body))
    };
    for (roles, rules) in [
        (json!([]), vec!["count", "administrator"]),
        (json!(["clinician"]), vec!["administrator"]),
        (json!(["clinic_admin", "clinic_admin"]), vec!["unique"]),
        (json!(["clinic_admin", "client"]), vec!["client-alone"]),
        (json!(["clinic_admin", "guardian"]), vec!["client-alone"]),
        (json!(["clinic_admin", "job"]), vec!["person"]),
        (
            json!(["clinic_admin", "clinician", "billing", "privacy_officer", "auditor"]),
            vec!["count"],
        ),
    ] {
        let refused = open(roles.clone());
        let errors = refused.json["errors"].as_array().unwrap();
        let told: Vec<_> = errors.iter().map(|error| error["rule"].as_str().unwrap()).collect();
        assert_eq!((refused.status, told), (422, rules), "{roles}");
        assert!(
            errors.iter().all(|error| error["field"] == "/administrator/roles"),
            "{roles}"
        );
    }
    assert!(world.stores.dump().is_empty(), "what is refused writes nothing");

    let wanted = json!(["clinic_admin", "clinician", "billing"]);
    let opened = open(wanted.clone());
    let ada = Person::enrolled(ADMIN, ADMIN_PASSWORD, &opened);
    assert_eq!(open(wanted.clone()).json, opened.json, "repeated");
    assert_eq!(
        open(json!(["clinic_admin"])).problem(),
        Some("code-used"),
        "the same with other roles is not the same"
    );
    let practice = Practice {
        world,
        clinic: opened.text("clinic_id"),
    };
    practice.confirm(&ada);
    let session = practice.log_in(&ada);
    assert_eq!(session.json["roles"], wanted);
    // She runs the clinic, and stays who does.
    assert_eq!(
        practice
            .invite(&session.text("token"), "ben", &staff("ben@example.org"))
            .status,
        201
    );
    let own = Call::put(
        format!("{}/roles", opened.header("location").unwrap()),
        &json!({"roles": ["clinician"]}),
    );
    assert_eq!(
        practice.send(&own.bearer(&session.text("token"))).problem(),
        Some("own-account")
    );
}

#[test]
fn strangers_fill_no_store() {
    let practice = Practice::open(8).0;
    let guess = |number: u32| {
        let body = json!({"code": format!("cfb_{number}"), "clinic": {"name": "x"},
            "administrator": {"email": "eve@example.org", "display_name": "Eve", "password": "quiet little words"}});
        let network = format!("198.51.{}.{}:1", number / 250, number % 250);
        practice
            .send(&Call::post("/v1/auth/clinics", &body).header("spin-client-addr", &network))
            .status
    };
    for number in 0..600 {
        assert_eq!(guess(number), 401);
    }
    let docs = practice
        .world
        .stores
        .dump()
        .iter()
        .filter(|(store, key, _)| store == "accounts" && key.starts_with("doc/"))
        .count();
    assert!(docs <= 256 + 3, "{docs}");
}

#[test]
fn only_administrators_invite() {
    let (practice, ada) = Practice::open(9);
    let token = practice.log_in(&ada).text("token");
    let invited = practice.invite(&token, "ben", &staff("ben@example.org"));
    let accepted = practice.accept(&invited.text("token"), "eight ch");
    let ben = Person::enrolled("ben@example.org", "eight ch", &accepted);
    practice.confirm(&ben);
    let ben_token = practice.log_in(&ben).text("token");
    let account = Call::get(accepted.header("location").unwrap()).bearer(&token);
    assert_eq!(practice.send(&account).text("account_id"), accepted.text("account_id"));
    let path = format!("/v1/auth/invitations/{}", invited.text("invitation_id"));
    for call in [
        Call::post("/v1/auth/invitations", &staff("eve@example.org")).once("eve"),
        Call::get("/v1/auth/invitations"),
        Call::delete(path.clone()),
    ] {
        assert_eq!(
            practice.send(&call.clone().bearer(&ben_token)).problem(),
            Some("access-denied")
        );
        assert_eq!(practice.send(&call).problem(), Some("unauthenticated"));
    }
    assert_eq!(
        practice.send(&Call::delete(path).bearer(&token)).problem(),
        Some("invitation-accepted")
    );
    let unknown = format!("/v1/auth/invitations/{}", model::InvitationId::from_bytes([1; 16]));
    assert_eq!(
        practice.send(&Call::delete(unknown).bearer(&token)).problem(),
        Some("not-found")
    );
    assert_eq!(
        practice
            .invite(&token, "ben-again", &staff("BEN@example.org"))
            .problem(),
        Some("email-taken")
    );
    assert_eq!(
        practice.invite(&token, "ben", &staff("ben@example.org")).json,
        invited.json,
        "the same request"
    );
    let without_key = Call::post("/v1/auth/invitations", &staff("x@example.org")).bearer(&token);
    assert_eq!(practice.send(&without_key).problem(), Some("malformed-request"));
    for body in [
        json!({"email": "x", "roles": ["clinician"]}),
        json!({"email": "x@example.org", "roles": []}),
        json!({"email": "x@example.org", "roles": ["client"]}),
    ] {
        assert_eq!(practice.invite(&token, "wrong", &body).status, 422);
    }
}

#[test]
fn an_invitation_is_mailed_in_the_language_that_is_asked_for() {
    let (practice, ada) = Practice::open(21);
    let token = practice.log_in(&ada).text("token");
    messages();
    for (key, language, mailed) in [
        ("ben", None, "en"),
        ("cem", Some("ar"), "ar"),
        ("dan", Some("de-CH"), "de-CH"),
    ] {
        let mut body = staff("ben@example.org");
        if let Some(language) = language {
            body["language"] = json!(language);
        }
        // Repeated, it is the same message: `notify` takes no other under its key.
        for _ in 0..2 {
            let invited = practice.invite(&token, key, &body);
            assert_eq!((invited.status, &invited.json["mailed"]), (201, &json!(true)));
        }
        let sent: Vec<String> = messages().into_iter().map(|message| message.language).collect();
        assert!(
            sent.iter().all(|language| language == mailed) && !sent.is_empty(),
            "{sent:?}"
        );
        body["language"] = json!("hi");
        assert_eq!(
            practice.invite(&token, key, &body).problem(),
            Some("idempotency-key-reused")
        );
        assert!(messages().is_empty());
    }
    let mut wrong = staff("ben@example.org");
    wrong["language"] = json!("de_CH");
    let refused = practice.invite(&token, "wrong", &wrong);
    assert_eq!(
        (
            refused.status,
            &refused.json["errors"][0]["field"],
            &refused.json["errors"][0]["rule"]
        ),
        (422, &json!("/language"), &json!("language"))
    );
    assert!(messages().is_empty());
}

/// An old session opens nothing that outlives it: neither an account of staff nor one of a client's file.
#[test]
fn to_invite_somebody_takes_a_recent_proof() {
    let (practice, ada) = Practice::open(20);
    let token = practice.log_in(&ada).text("token");
    practice.world.clock.advance(SignedDuration::from_mins(6));
    for role in ["clinic_admin", "clinician", "auditor", "guardian", "client"] {
        let mut body = json!({"email": format!("{role}@example.org"), "roles": [role]});
        if role == "client" {
            body["client_id"] = json!(model::ClientId::from_bytes([5; 16]).to_string());
        }
        let invited = practice.invite(&token, role, &body);
        assert_eq!(invited.problem(), Some("step-up-required"), "{role}: {}", invited.json);
    }
    let listed = practice.send(&Call::get("/v1/auth/invitations").bearer(&token));
    assert_eq!(listed.json["invitations"], json!([]), "and nothing is kept");
    let again = practice.log_in(&ada).text("token");
    assert_eq!(practice.invite(&again, "fresh", &staff("ben@example.org")).status, 201);
}

#[test]
fn invitations_are_accepted_once_or_not_at_all() {
    let (practice, ada) = Practice::open(10);
    let token = practice.log_in(&ada).text("token");
    let invite = |key: &str, email: &str| practice.invite(&token, key, &staff(email));
    let first = invite("one", "ben@example.org");
    assert_eq!(invite("one", "ben@example.org").json, first.json);
    assert_eq!(
        invite("one", "eve@example.org").problem(),
        Some("idempotency-key-reused")
    );
    let rival = invite("two", "ben@example.org");
    let revoked = invite("three", "cyd@example.org");
    let expired = invite("four", "dan@example.org");
    let path = format!("/v1/auth/invitations/{}", revoked.text("invitation_id"));
    for _ in 0..2 {
        assert_eq!(practice.send(&Call::delete(path.clone()).bearer(&token)).status, 204);
    }

    let accepted = practice.accept(&first.text("token"), "eight ch");
    assert_eq!(
        practice.accept(&first.text("token"), "eight ch").json,
        accepted.json,
        "repeated"
    );
    let taken = practice.accept(&rival.text("token"), "eight ch");
    assert_eq!(taken.problem(), Some("email-taken"));
    let weak = practice.accept(&expired.text("token"), "password1");
    assert_eq!(weak.problem(), Some("invalid-content"));
    for refused in [taken, weak] {
        assert_eq!(
            recorded_as(&practice, &refused),
            ("enrolment.refused".to_owned(), Decision::Denied)
        );
    }
    let other_password = practice.accept(&first.text("token"), "eight cx");
    let unknown = practice.accept("cfi_unknown", "eight ch");
    let taken_back = practice.accept(&revoked.text("token"), "eight ch");
    practice.confirm(&Person::enrolled("ben@example.org", "eight ch", &accepted));
    let used = practice.accept(&first.text("token"), "eight ch");

    let listed = practice.send(&Call::get("/v1/auth/invitations?limit=3").bearer(&token));
    let states = |answer: &Answer| -> Vec<(String, String)> {
        let invitations = answer.json["invitations"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        invitations
            .iter()
            .map(|item| (text(&item["email"]), text(&item["state"])))
            .collect()
    };
    let pair = |email: &str, state: &str| (email.to_owned(), state.to_owned());
    assert_eq!(
        states(&listed),
        [
            pair("dan@example.org", "pending"),
            pair("cyd@example.org", "revoked"),
            pair("ben@example.org", "pending")
        ]
    );
    let next = listed.text("next");
    let rest = practice.send(&Call::get(format!("/v1/auth/invitations?limit=3&cursor={next}")).bearer(&token));
    assert_eq!(states(&rest), [pair("ben@example.org", "accepted")]);
    assert_eq!(rest.json.get("next"), None);

    practice.world.clock.advance(SignedDuration::from_hours(7 * 24));
    let too_late = practice.accept(&expired.text("token"), "eight ch");
    for answer in [&other_password, &taken_back, &used, &too_late] {
        assert_eq!((answer.status, &answer.json), (401, &unknown.json));
    }
    assert_eq!(unknown.problem(), Some("invalid-token"));
}

#[test]
fn an_invitation_is_revoked_or_accepted_and_never_both() {
    let prepare = |practice: &Practice, ada: &Person| {
        let token = practice.log_in(ada).text("token");
        let invited = practice.invite(&token, "ben", &staff("ben@example.org"));
        let body = json!({"token": invited.text("token"), "display_name": "Ben", "password": "eight ch"});
        let path = format!("/v1/auth/invitations/{}", invited.text("invitation_id"));
        (
            Call::post("/v1/auth/invitations/accept", &body),
            Call::delete(path).bearer(&token),
        )
    };
    race(18, prepare, |nth, accepted, revoked| {
        let statuses = [accepted.status, revoked.map_or(409, |revoked| revoked.status)];
        assert!(matches!(statuses, [201, 409] | [401, 204]), "{nth}: {statuses:?}");
    });
}

#[test]
fn of_two_invitations_to_one_address_one_becomes_an_account() {
    let prepare = |practice: &Practice, ada: &Person| {
        let token = practice.log_in(ada).text("token");
        let accept = |key: &str| {
            let invited = practice.invite(&token, key, &staff("ben@example.org")).text("token");
            let body = json!({"token": invited, "display_name": "Ben", "password": "eight ch"});
            Call::post("/v1/auth/invitations/accept", &body)
        };
        (accept("one"), accept("two"))
    };
    race(19, prepare, |nth, one, other| {
        let statuses = [one.status, other.map_or(409, |other| other.status)];
        // 503: the other one is just being written, and has to be asked for again.
        assert!(
            matches!(statuses, [201, 409 | 503] | [409 | 503, 201]),
            "{nth}: {statuses:?}"
        );
    });
}

/// Who acts for a client logs in as that, as a client does. For whom she acts is in the files of those, and not in her account.
#[test]
fn a_guardian_is_invited_like_a_client() {
    let (practice, ada) = Practice::open(15);
    let token = practice.log_in(&ada).text("token");
    let client = model::ClientId::from_bytes([5; 16]).to_string();
    for (body, field, rule) in [
        (json!({"roles": ["guardian", "clinician"]}), "/roles", "client-alone"),
        (
            json!({"roles": ["guardian"], "client_id": client}),
            "/client_id",
            "client",
        ),
        (json!({"roles": ["guardian", "client"]}), "/client_id", "client"),
        (json!({"roles": ["guardian", "guardian"]}), "/roles", "unique"),
    ] {
        let mut body = body;
        body["email"] = json!("pat@example.org");
        let refused = practice.invite(&token, "wrong", &body);
        assert_eq!(
            (refused.status, refused.problem()),
            (422, Some("invalid-content")),
            "{body}"
        );
        let error = &refused.json["errors"][0];
        assert_eq!(
            (&error["field"], &error["rule"]),
            (&json!(field), &json!(rule)),
            "{body}"
        );
    }
    let password = "grey heron by the weir";
    for (key, email, body) in [
        ("pat", "pat@example.org", json!({"roles": ["guardian"]})),
        (
            "both",
            "both@example.org",
            json!({"roles": ["client", "guardian"], "client_id": client}),
        ),
    ] {
        let mut body = body;
        body["email"] = json!(email);
        let invited = practice.invite(&token, key, &body).text("token");
        // A password that stands alone is longer.
        assert_eq!(practice.accept(&invited, "fourteen chars").status, 422);
        assert_eq!(practice.accept(&invited, password).status, 201);
        let session = practice.send(&practice.credentials(email, password, None));
        assert_eq!(session.status, 201, "{}", session.json);
        let current = practice.send(&Call::get("/v1/auth/sessions/current").bearer(&session.text("token")));
        assert_eq!(current.json["roles"], body["roles"]);
        assert_eq!(current.json.get("client_id"), body.get("client_id"));
    }
}

/// An outage of ours is no failure of whoever has the right token, code or link.
#[test]
fn an_outage_locks_nobody_out_of_enrolment() {
    let (practice, ada) = Practice::open(131);
    let body = clinic_body(&bootstrap_code(&practice.world, 2), "eve@example.org", ADMIN_PASSWORD);
    outlast(&practice, "audit", || {
        practice.send(&Call::post("/v1/auth/clinics", &body))
    });
    let token = practice.log_in(&ada).text("token");
    let invited = practice.invite(&token, "ben", &staff("ben@example.org")).text("token");
    outlast(&practice, "audit", || practice.accept(&invited, "eight ch"));
}
