//! Clients' files, and what they tell to whom, as whole requests.

use model::{GroundId, RestrictionId};

use super::*;

/// Every request about a client, none of which may succeed for somebody without a right to her.
fn requests(practice: &Practice, client: &str, consent: &str, notice: &str) -> Vec<Call> {
    let base = format!("/v1/consent/clients/{client}");
    let member = practice.member(client, practice.colleague.account);
    let account = practice.colleague.account.to_string();
    let representative = format!("{base}/representatives/{account}");
    let restriction = RestrictionId::from_bytes([1; 16]);
    let ground = GroundId::from_bytes([1; 16]);
    vec![
        Call::get(&base),
        Call::get(format!("{base}/consents")),
        Call::get(format!("{base}/consents/{consent}")),
        Call::get(format!("{base}/consents/{consent}/receipt")),
        Call::get(format!("{base}/consents/{consent}/fhir")),
        Call::post(format!("{base}/consents"), &terms(notice)).once("give"),
        Call::post(format!("{base}/consents/{consent}/withdraw"), &json!({})),
        Call::put(&member, &json!({})),
        Call::delete(&member),
        Call::post(
            format!("{base}/care-team/transfers"),
            &json!({"from": practice.clinician.account.to_string(), "to": account}),
        ),
        Call::put(format!("{base}/minority"), &json!({"until": null})),
        Call::put(
            &representative,
            &json!({"authority": "guardian", "verification": "order"}),
        ),
        Call::post(format!("{representative}/activate"), &json!({"reason": "coma"})),
        Call::delete(&representative),
        Call::post(format!("{base}/restrictions"), &json!({})).once("hide"),
        Call::delete(format!("{base}/restrictions/{restriction}")),
        Call::post(
            format!("{base}/grounds"),
            &json!({"basis": "treatment", "purposes": ["TREAT"], "classes": ["health"]}),
        )
        .once("ground"),
        Call::post(format!("{base}/grounds/{ground}/end"), &json!({})),
        Call::get(format!(
            "{base}/access/explain?account_id={account}&role=clinician&action=read&class=health"
        )),
    ]
}

#[test]
fn opening_a_file_says_and_takes_nothing_about_anybody() {
    let practice = Practice::new();
    let named = practice.as_clinician(Call::post("/v1/consent/clients", &json!({"name": "SECRET"})).once("open"));
    assert_refused(&named, 400, "malformed-request");
    let opened = practice.as_admin(Call::post("/v1/consent/clients", &json!({})).once("open"));
    assert_eq!(opened.json.as_object().unwrap().len(), 1);
    let client = opened.text("client_id");
    assert_eq!(
        opened.header("location"),
        Some(format!("/v1/consent/clients/{client}").as_str())
    );
    // Who runs the clinic treats nobody.
    assert_eq!(practice.file(&client)["care_team"], json!([]));
    for role in [
        Role::Client,
        Role::PrivacyOfficer,
        Role::Billing,
        Role::Security,
        Role::Auditor,
    ] {
        let token = log_in(
            &practice.world,
            &[role],
            practice.clinic,
            practice.world.entropy.id(),
            None,
        );
        let refused = practice.send(
            &Call::post("/v1/consent/clients", &json!({}))
                .once("open")
                .bearer(&token),
        );
        assert_refused(&refused, 403, "access-denied");
    }
    let nobody = practice.send(&Call::post("/v1/consent/clients", &json!({})).once("open"));
    assert_refused(&nobody, 401, "unauthenticated");
}

#[test]
fn a_retry_does_not_bring_a_care_team_back() {
    let practice = Practice::new();
    let client = practice.open("open");
    let path = practice.member(&client, practice.clinician.account);
    assert_eq!(practice.as_admin(Call::delete(&path)).status, 204);
    assert_eq!(practice.open("open"), client);
    assert_eq!(practice.file(&client)["care_team"], json!([]));
    assert_eq!(practice.events(&client), ["joined_care_team", "left_care_team"]);
}

#[test]
fn refusals_do_not_tell_whether_there_is_such_a_client() {
    let practice = Practice::new();
    let (world, clinic) = (&practice.world, practice.clinic);
    let client = practice.open("open");
    let notice = practice.publish("notice");
    let consent = practice.give(&client, "give", &terms(&notice)).text("consent_id");
    let elsewhere: ClinicId = world.entropy.id();
    let other_client: ClientId = world.entropy.id();
    let outsider = |role, clinic, client| log_in(world, &[role], clinic, world.entropy.id(), client);
    let missing = world.entropy.id::<model::kind::Client>().to_string();
    for token in [
        outsider(Role::Clinician, clinic, None),
        outsider(Role::Clinician, elsewhere, None),
        outsider(Role::ClinicAdmin, elsewhere, None),
        outsider(Role::PrivacyOfficer, elsewhere, None),
        outsider(Role::Client, clinic, Some(other_client)),
        outsider(Role::Client, elsewhere, Some(client.parse().unwrap())),
        outsider(Role::Billing, clinic, None),
        outsider(Role::Security, clinic, None),
    ] {
        let there = requests(&practice, &client, &consent, &notice);
        let not_there = requests(&practice, &missing, &consent, &notice);
        for (there, not_there) in there.into_iter().zip(not_there) {
            let there = practice.send(&there.bearer(&token));
            let not_there = practice.send(&not_there.bearer(&token));
            assert_refused(&there, 403, "access-denied");
            assert_eq!(there.json, not_there.json);
            assert!(there.header("audit-id").is_some() && not_there.header("audit-id").is_some());
        }
    }
    for call in requests(&practice, &client, &consent, &notice) {
        assert_refused(&practice.send(&call), 401, "unauthenticated");
    }
    let marketing = Call::get(format!("/v1/consent/clients/{client}")).header("purpose-of-use", "HMARKT");
    assert_refused(&practice.as_clinician(marketing), 403, "prohibited-purpose");
    assert_eq!(practice.events(&client), ["joined_care_team", "given"]);
}

#[test]
fn the_pseudonym_is_for_those_who_read_the_trail() {
    let practice = Practice::new();
    let client = practice.open("open");
    let path = format!("/v1/consent/clients/{client}");
    let seen = practice.send(&Call::get(&path).bearer(&practice.officer.token));
    assert!(seen.text("subject_id").starts_with("sub_"));
    for token in [&practice.clinician.token, &practice.admin.token] {
        assert_eq!(
            practice.send(&Call::get(&path).bearer(token)).json["subject_id"],
            Value::Null
        );
    }
    let officer = &practice.officer.token;
    let refused =
        practice.send(&Call::put(practice.member(&client, practice.officer.account), &json!({})).bearer(officer));
    assert_refused(&refused, 403, "access-denied");
}

#[test]
fn the_stores_say_nothing_of_anybody() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let consent = practice.give(&client, "give", &terms(&notice_id)).text("consent_id");
    assert_eq!(practice.withdraw(&client, &consent).status, 200);
    let account = practice.clinician.account.to_string();
    let client_bytes = client.parse::<ClientId>().unwrap();
    let consent_bytes = consent.parse::<ConsentId>().unwrap();
    let contains = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for (store, key, value) in practice.world.stores.dump() {
        for part in [
            client.as_str(),
            account.as_str(),
            "SECRET",
            "withdrawn",
            "TREAT",
            "written",
        ] {
            assert!(!key.contains(part), "{store} {key}");
            assert!(!contains(&value, part.as_bytes()), "{store} {key} {part}");
        }
        assert!(!contains(&value, client_bytes.as_bytes()), "{store} {key}");
        // Entry ids stand in the clear in front of their entries: they are opaque, and here they name the entry itself.
        assert!(
            store == "consent" || !contains(&value, consent_bytes.as_bytes()),
            "{store} {key}"
        );
    }
}

#[test]
fn what_was_not_attested_here_is_not_believed() {
    let practice = Practice::new();
    let client = practice.open("open");
    practice.world.stores.tamper(|store, _, value| {
        if store == "permissions" {
            *value.last_mut().unwrap() ^= 1;
        }
    });
    let response = practice.world.serve(
        Function::Consent,
        &ROUTES,
        &Call::get(format!("/v1/consent/clients/{client}"))
            .bearer(&practice.clinician.token)
            .request(),
    );
    assert_refused(&Answer::from(response), 500, "integrity-violation");
}

#[test]
fn opening_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            Call::post("/v1/consent/clients", &json!({}))
                .once("open")
                .bearer(&practice.clinician.token)
        },
        |practice, answer| {
            let client = answer.text("client_id");
            assert_eq!(practice.events(&client), ["joined_care_team"]);
            assert_eq!(practice.file(&client)["care_team"].as_array().unwrap().len(), 1);
        },
    );
}
