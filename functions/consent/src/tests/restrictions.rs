//! What clients hide, as whole requests.

use super::*;

impl Practice {
    /// A client who agreed to be treated by the clinician and her colleague.
    pub(super) fn treated(&self) -> String {
        let (client, notice) = (self.open("open"), self.publish("notice"));
        self.accepted(
            &self.admin.token,
            Call::put(self.member(&client, self.colleague.account), &json!({})),
        );
        assert_eq!(self.give(&client, "give", &terms(&notice)).status, 201);
        client
    }
}

fn path(client: &str) -> String {
    format!("/v1/consent/clients/{client}/restrictions")
}

fn hiding(client: &str, key: &str, body: &Value) -> Call {
    Call::post(path(client), body).once(key)
}

#[test]
fn what_a_client_hides_is_hidden_until_she_shows_it() {
    let practice = Practice::new();
    let client = practice.treated();
    let her = practice.own(&client);
    let colleague = json!(practice.colleague.account.to_string());
    // Whether each of these is hidden: health and identity from the clinician, and the same from the colleague.
    for (number, (body, hidden)) in [
        (json!({"class": "health"}), [true, false, true, false]),
        (json!({"account_id": colleague}), [false, false, true, true]),
        (
            json!({"class": "identity", "account_id": colleague}),
            [false, false, false, true],
        ),
        (json!({}), [true, true, true, true]),
    ]
    .into_iter()
    .enumerate()
    {
        let look = || {
            [&practice.clinician, &practice.colleague].map(|staff| {
                ["health", "identity"].map(|class| {
                    let question = format!("role=clinician&action=read&class={class}");
                    practice.rule(&client, staff.account, &question)
                })
            })
        };
        let open = [["care.records", "care.identity"]; 2];
        assert_eq!(look(), open);
        let made = practice.accepted(&her.token, hiding(&client, &format!("hide-{number}"), &body));
        let id = made.text("restriction_id");
        let mut expected = body.clone();
        expected["restriction_id"] = json!(id);
        assert_eq!(practice.file(&client)["restrictions"], json!([expected]));
        expected["restricted_at"] = json!("2026-12-01T08:00:00Z");
        expected["recorded_by"] = json!(her.account.to_string());
        assert_eq!((made.status, &made.json), (201, &expected));
        assert_eq!(made.header("location"), None);
        let mut hidden = hidden.into_iter();
        let wanted = open.map(|rules| {
            rules.map(|rule| {
                if hidden.next().unwrap() {
                    "deny.restricted"
                } else {
                    rule
                }
            })
        });
        assert_eq!(look(), wanted, "{body}");
        // She hides nothing from herself.
        assert_eq!(
            practice.rule(&client, her.account, "role=client&action=read&class=health"),
            "self.records"
        );
        for _ in 0..2 {
            let lifted = practice.accepted(&her.token, Call::delete(format!("{}/{id}", path(&client))));
            assert_eq!(lifted.status, 204);
        }
        assert_eq!(look(), open);
        // A late retry of hiding hides nothing again.
        let again = practice.accepted(&her.token, hiding(&client, &format!("hide-{number}"), &body));
        assert_eq!(again.json, made.json);
        assert_eq!(practice.file(&client)["restrictions"], json!([]));
    }
    let events = practice.events(&client);
    assert_eq!(events[3..], ["restricted", "restriction_lifted"].repeat(4));
}

#[test]
fn staff_enter_what_a_client_hides_and_do_not_lift_it() {
    let practice = Practice::new();
    let client = practice.treated();
    for (number, staff) in [&practice.clinician, &practice.admin, &practice.officer]
        .into_iter()
        .enumerate()
    {
        let body = json!({"class": "billing"});
        let made = practice.accepted(&staff.token, hiding(&client, &format!("hide-{number}"), &body));
        let lift = Call::delete(format!("{}/{}", path(&client), made.text("restriction_id")));
        for token in [&practice.clinician.token, &practice.admin.token] {
            practice.refused(token, lift.clone(), 403, "access-denied");
        }
        assert_eq!(practice.file(&client)["restrictions"].as_array().unwrap().len(), 1);
        practice.accepted(&practice.officer.token, lift);
        assert_eq!(practice.file(&client)["restrictions"], json!([]));
    }
    for token in [
        &practice.somebody(Role::Clinician).token,
        &practice.somebody(Role::Auditor).token,
        &practice.somebody(Role::Guardian).token,
    ] {
        practice.refused(token, hiding(&client, "hide", &json!({})), 403, "access-denied");
    }
}

/// What names somebody she does not lift herself, as an officer; the client does, and so does another officer.
#[test]
fn nobody_lifts_what_is_hidden_from_her_by_name() {
    let practice = Practice::new();
    let client = practice.treated();
    let her = practice.own(&client).token;
    let account = practice.colleague.account;
    let roles = [Role::Clinician, Role::PrivacyOfficer];
    let both = log_in(&practice.world, &roles, practice.clinic, account, None);
    let named = json!({"account_id": account.to_string()});
    for (key, lifter) in [("one", &her), ("other", &practice.officer.token)] {
        let made = practice.accepted(&her, hiding(&client, key, &named));
        let lift = Call::delete(format!("{}/{}", path(&client), made.text("restriction_id")));
        let own = lift.clone().header("purpose-of-use", "HCOMPL");
        practice.refused(&both, own, 409, "own-restriction");
        practice.refused(&both, lift.clone(), 409, "own-restriction");
        assert_eq!(practice.reading(&client, &practice.colleague), "deny.restricted");
        practice.accepted(lifter, lift);
        assert_eq!(practice.reading(&client, &practice.colleague), "care.records");
    }
    // What is hidden from all names nobody.
    let made = practice.accepted(&her, hiding(&client, "all", &json!({"class": "health"})));
    let lift = Call::delete(format!("{}/{}", path(&client), made.text("restriction_id")));
    practice.accepted(&both, lift.header("purpose-of-use", "HCOMPL"));
}

#[test]
fn a_restriction_keeps_its_rules() {
    let practice = Practice::new();
    let client = practice.treated();
    let her = practice.own(&client).token;
    for class in ["consent", "audit", "account"] {
        let call = hiding(&client, "hide", &json!({"class": class}));
        practice.violated(&her, call, "/class", "consentable");
    }
    for body in [
        json!({"class": "SECRET"}),
        json!({"mood": "SECRET"}),
        json!({"account_id": "acc_SECRET"}),
        json!([]),
    ] {
        practice.refused(&her, hiding(&client, "hide", &body), 400, "malformed-request");
    }
    practice.refused(&her, Call::post(path(&client), &json!({})), 400, "malformed-request");
    let made = practice.accepted(&her, hiding(&client, "hide", &json!({"class": "health"})));
    let other = hiding(&client, "hide", &json!({"class": "identity"}));
    practice.refused(&her, other, 422, "idempotency-key-reused");
    let lift = format!("{}/{}", path(&client), made.text("restriction_id"));
    let body = Call::delete(&lift).json(&json!({"why": "SECRET"}));
    practice.refused(&her, body, 400, "malformed-request");
    let missing = practice.world.entropy.id::<model::kind::Restriction>();
    let missing = Call::delete(format!("{}/{missing}", path(&client)));
    practice.refused(&her, missing, 404, "not-found");

    for number in 1..64 {
        practice.accepted(
            &her,
            hiding(&client, &format!("hide-{number}"), &json!({"class": "billing"})),
        );
    }
    practice.refused(
        &her,
        hiding(&client, "one-more", &json!({})),
        409,
        "too-many-restrictions",
    );
    // What is there already is told again all the same.
    let again = practice.accepted(&her, hiding(&client, "hide", &json!({"class": "health"})));
    assert_eq!(again.json, made.json);
    practice.accepted(&her, Call::delete(lift));
    practice.accepted(&her, hiding(&client, "one-more", &json!({})));
}

#[test]
fn hiding_and_lifting_are_finished_by_a_repeated_request() {
    let hide = |practice: &Practice| {
        let client = practice.treated();
        let officer = &practice.officer.token;
        (
            client.clone(),
            hiding(&client, "hide", &json!({"class": "health"})).bearer(officer),
        )
    };
    at_every_crash(
        |practice| hide(practice).1,
        |practice, is_acknowledged| {
            let rule = practice.reading(&practice.open("open"), &practice.clinician);
            assert!(!is_acknowledged || rule == "deny.restricted");
        },
        |practice, _| {
            let client = practice.open("open");
            assert_eq!(practice.reading(&client, &practice.clinician), "deny.restricted");
            assert_eq!(practice.events(&client)[3..], ["restricted"]);
        },
    );
    at_every_crash_point(
        |practice| {
            let (client, hide) = hide(practice);
            let id = practice.send(&hide).text("restriction_id");
            Call::delete(format!("{}/{id}", path(&client))).bearer(&practice.officer.token)
        },
        |practice, _| {
            let client = practice.open("open");
            assert_eq!(practice.reading(&client, &practice.clinician), "care.records");
            assert_eq!(practice.events(&client)[3..], ["restricted", "restriction_lifted"]);
        },
    );
}

#[test]
fn what_was_lifted_stays_so_however_it_meets_a_request_that_hides() {
    let prepare = |practice: &Practice| {
        let client = practice.treated();
        let hide = hiding(&client, "hide", &json!({"class": "health"})).bearer(&practice.officer.token);
        practice.die_entered(&client, &hide);
        assert_eq!(practice.reading(&client, &practice.clinician), "care.records");
        let list = practice.as_admin(Call::get(format!("/v1/consent/clients/{client}/consents")));
        let id = list.json["entries"][0]["restriction_id"].as_str().unwrap();
        let lift = Call::delete(format!("{}/{id}", path(&client))).bearer(&practice.officer.token);
        (hide, lift)
    };
    let verify = |practice: &Practice, nth: usize| {
        let client = practice.open("open");
        assert_eq!(
            practice.events(&client)[3..],
            ["restricted", "restriction_lifted"],
            "{nth}"
        );
        assert_eq!(practice.reading(&client, &practice.clinician), "care.records", "{nth}");
    };
    at_every_interleaving(prepare, verify);
    at_every_interleaving(
        |practice| {
            let (hide, lift) = prepare(practice);
            (lift, hide)
        },
        verify,
    );
}
