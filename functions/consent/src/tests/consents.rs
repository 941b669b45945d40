//! Giving and withdrawing consent, as whole requests.

use super::*;

#[test]
fn a_consent_from_notice_to_withdrawal() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let given = practice.give(&client, "give", &terms(&notice_id));
    assert_eq!(given.status, 201, "{}", given.json);
    assert!(given.header("audit-id").is_some());
    let consent = given.text("consent_id");
    assert_eq!(
        given.json,
        json!({"consent_id": consent, "notice_id": notice_id, "notice_sha256": given.text("notice_sha256"), "language": "en",
            "purposes": ["TREAT"], "classes": ["identity", "health"], "given_by": "client", "method": "written",
            "given_at": "2026-12-01T08:00:00Z", "recorded_by": practice.clinician.account.to_string(),
            "receipt": given.text("receipt")})
    );
    assert_eq!(
        practice.file(&client),
        json!({"client_id": client,
            "care_team": [{"account_id": practice.clinician.account.to_string(), "role": "treating", "since": "2026-12-01T08:00:00Z"}],
            "representatives": [], "grounds": [], "restrictions": [],
            "consents": [{"consent_id": consent, "notice_id": notice_id, "purposes": ["TREAT"], "classes": ["identity", "health"]}]})
    );

    practice.world.clock.advance(SignedDuration::from_mins(5));
    let withdrawn = practice.withdraw(&client, &consent);
    assert_eq!(withdrawn.status, 200);
    assert_eq!(
        withdrawn.json,
        json!({"consent_id": consent, "withdrawn_at": "2026-12-01T08:05:00Z", "receipt": withdrawn.text("receipt")})
    );
    assert_eq!(practice.file(&client)["consents"], json!([]));
    practice.world.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(practice.withdraw(&client, &consent).json, withdrawn.json);
    assert_eq!(practice.events(&client), ["joined_care_team", "given", "withdrawn"]);

    let one = practice.as_clinician(Call::get(format!("/v1/consent/clients/{client}/consents/{consent}")));
    assert_eq!(one.text("withdrawn_at"), "2026-12-01T08:05:00Z");
    // The same request again tells what it did, and brings nothing back.
    let again = practice.give(&client, "give", &terms(&notice_id));
    assert_eq!((again.status, &again.json), (201, &given.json));
    assert_eq!(practice.file(&client)["consents"], json!([]));
    assert_eq!(practice.events(&client).len(), 3);
}

#[test]
fn the_ledger_comes_in_pages() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    for number in 0..30 {
        assert_eq!(
            practice
                .give(&client, &format!("give {number}").replace(' ', "-"), &terms(&notice_id))
                .status,
            201
        );
    }
    let mut seen = Vec::new();
    let mut target = format!("/v1/consent/clients/{client}/consents?limit=7");
    loop {
        let page = practice.as_clinician(Call::get(&target));
        seen.extend(page.json["entries"].as_array().unwrap().clone());
        let Some(next) = page.json["next"].as_str() else { break };
        target = format!("/v1/consent/clients/{client}/consents?limit=7&cursor={next}");
    }
    assert_eq!(seen.len(), 31);
    let ids: BTreeSet<_> = seen.iter().map(|entry| entry["consent_id"].to_string()).collect();
    assert_eq!(ids.len(), 31);
    assert_eq!(seen[30]["event"], "joined_care_team");
    let last = practice.as_clinician(Call::get(format!("/v1/consent/clients/{client}/consents?limit=31")));
    assert_eq!(last.json["next"], Value::Null);
    let none = practice.as_clinician(Call::get(format!("/v1/consent/clients/{client}/consents?limit=0")));
    assert_refused(&none, 400, "malformed-request");
}

#[test]
fn consent_stays_within_its_notice() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let elsewhere = practice.world.entropy.id::<model::kind::Notice>().to_string();
    for (field, value, at, rule) in [
        ("notice_id", json!(elsewhere), "/notice_id", "notice"),
        ("language", json!("de"), "/language", "as-notice"),
        ("purposes", json!(["TREAT", "HRESCH"]), "/purposes", "as-notice"),
        ("purposes", json!(["HMARKT"]), "/purposes", "as-notice"),
        ("purposes", json!([]), "/purposes", "selection"),
        ("purposes", json!(["TREAT", "TREAT"]), "/purposes", "selection"),
        ("classes", json!(["health", "billing"]), "/classes", "as-notice"),
        ("classes", json!([]), "/classes", "selection"),
        ("expires_at", json!("2026-12-01T08:00:00Z"), "/expires_at", "future"),
    ] {
        let mut terms = terms(&notice_id);
        terms[field] = value;
        assert_violates(&practice.give(&client, "give", &terms), at, rule);
    }
    for (field, value) in [
        ("mood", json!("SECRET")),
        ("method", json!("SECRET")),
        ("purposes", json!(["SECRET"])),
        ("expires_at", json!("2026-SECRET")),
        ("notice_id", json!("ntc_SECRET")),
    ] {
        let mut terms = terms(&notice_id);
        terms[field] = value;
        assert_refused(&practice.give(&client, "give", &terms), 400, "malformed-request");
    }
    let without_key = Call::post(format!("/v1/consent/clients/{client}/consents"), &terms(&notice_id));
    assert_refused(&practice.as_clinician(without_key), 400, "malformed-request");
    assert_eq!(practice.events(&client), ["joined_care_team"]);
    assert_eq!(practice.file(&client)["consents"], json!([]));

    let missing = practice.world.entropy.id::<model::kind::Consent>().to_string();
    assert_refused(&practice.withdraw(&client, &missing), 404, "not-found");
}

/// Nobody agrees any more to what the clinic has replaced; what was signed on paper before is entered all the same.
#[test]
fn consent_is_given_on_the_newest_notice() {
    let practice = Practice::new();
    let (client, first) = (practice.open("open"), practice.publish("notice"));
    let her = practice.own(&client).token;
    let giving =
        |key: &str, terms: &Value| Call::post(format!("/v1/consent/clients/{client}/consents"), terms).once(key);
    let with = |method: &str| {
        let mut terms = terms(&first);
        terms["method"] = json!(method);
        terms
    };
    let early = practice.accepted(&her, giving("early", &with("electronic")));
    let mut newer = notice();
    newer["replaces"] = json!(first);
    let published = practice.as_admin(Call::post("/v1/consent/notices", &newer).once("newer"));
    assert_eq!(published.status, 201, "{}", published.json);
    for (token, method) in [
        (&her, "electronic"),
        (&her, "written"),
        (&practice.clinician.token, "electronic"),
        (&practice.clinician.token, "in_person"),
    ] {
        practice.refused(token, giving("late", &with(method)), 409, "already-replaced");
    }
    practice.accepted(&practice.clinician.token, giving("paper", &with("written")));
    practice.accepted(&her, giving("newer", &terms(&published.text("notice_id"))));
    // What was given before is answered again as it was.
    assert_eq!(
        practice.accepted(&her, giving("early", &with("electronic"))).json,
        early.json
    );
}

#[test]
fn consent_ends_with_its_time() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let mut short = terms(&notice_id);
    short["expires_at"] = json!("2026-12-01T08:10:00Z");
    assert_eq!(practice.give(&client, "short", &short).status, 201);
    assert_eq!(practice.file(&client)["consents"].as_array().unwrap().len(), 1);
    practice.world.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(practice.file(&client)["consents"], json!([]));
    // Too late to be given anew, and yet the same request gets the same answer.
    assert_eq!(practice.give(&client, "short", &short).status, 201);
    assert_violates(&practice.give(&client, "other", &short), "/expires_at", "future");
}

#[test]
fn live_consents_are_bounded() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let mut first = String::new();
    for number in 0..64 {
        let given = practice.give(&client, &format!("give-{number}"), &terms(&notice_id));
        assert_eq!(given.status, 201);
        first = given.text("consent_id");
    }
    assert_refused(
        &practice.give(&client, "give-64", &terms(&notice_id)),
        409,
        "too-many-consents",
    );
    assert_eq!(practice.give(&client, "give-63", &terms(&notice_id)).status, 201);
    assert_eq!(practice.withdraw(&client, &first).status, 200);
    assert_eq!(practice.give(&client, "give-64", &terms(&notice_id)).status, 201);
}

#[test]
fn a_key_stands_for_one_request() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let given = practice.give(&client, "give", &terms(&notice_id));
    assert_eq!(practice.give(&client, "give", &terms(&notice_id)).json, given.json);
    let mut other = terms(&notice_id);
    other["method"] = json!("electronic");
    assert_refused(&practice.give(&client, "give", &other), 422, "idempotency-key-reused");
    assert_ne!(
        practice.give(&client, "another", &other).text("consent_id"),
        given.text("consent_id")
    );
    assert_eq!(practice.events(&client), ["joined_care_team", "given", "given"]);
    assert_eq!(practice.open("open"), client);
    assert_ne!(practice.open("open-other"), client);
    let mut other = notice();
    other["title"] = json!("Another");
    let reused = practice.as_admin(Call::post("/v1/consent/notices", &other).once("notice"));
    assert_refused(&reused, 422, "idempotency-key-reused");
}

#[test]
fn a_client_gives_and_withdraws_for_herself() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice = practice.publish("notice");
    let id: ClientId = client.parse().unwrap();
    let token = log_in(
        &practice.world,
        &[Role::Client],
        practice.clinic,
        practice.world.entropy.id(),
        Some(id),
    );
    let consents = format!("/v1/consent/clients/{client}/consents");
    let given = practice.send(&Call::post(&consents, &terms(&notice)).once("give").bearer(&token));
    assert_eq!(given.status, 201);
    // As easy to withdraw as to give: one request, here without a body.
    let path = format!("{consents}/{}/withdraw", given.text("consent_id"));
    assert_eq!(
        practice
            .send(&Call::new(http::Method::POST, &path).bearer(&token))
            .status,
        200
    );
    assert_eq!(practice.file(&client)["consents"], json!([]));
    let member = practice.member(&client, practice.clinician.account);
    assert_refused(
        &practice.send(&Call::delete(&member).bearer(&token)),
        403,
        "access-denied",
    );
}

#[test]
fn giving_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let (client, notice) = (practice.open("open"), practice.publish("notice"));
            Call::post(format!("/v1/consent/clients/{client}/consents"), &terms(&notice))
                .once("give")
                .bearer(&practice.clinician.token)
        },
        |practice, answer| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "given"]);
            assert_eq!(
                practice.file(&client)["consents"][0]["consent_id"],
                answer.json["consent_id"]
            );
        },
    );
}

#[test]
fn withdrawing_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let (client, notice) = (practice.open("open"), practice.publish("notice"));
            let consent = practice.give(&client, "give", &terms(&notice)).text("consent_id");
            Call::post(
                format!("/v1/consent/clients/{client}/consents/{consent}/withdraw"),
                &json!({}),
            )
            .bearer(&practice.clinician.token)
        },
        |practice, _| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "given", "withdrawn"]);
            assert_eq!(practice.file(&client)["consents"], json!([]));
        },
    );
}

#[test]
fn what_was_withdrawn_stays_so_when_giving_is_finished_later() {
    for nth in 0.. {
        let practice = Practice::new();
        let (client, notice) = (practice.open("open"), practice.publish("notice"));
        practice.world.stores.arm(nth, Fault::KilledAfter);
        let killed = survive(|| practice.give(&client, "give", &terms(&notice))).is_none();
        practice.world.stores.disarm();
        practice.world.clock.advance(SignedDuration::from_secs(61));
        let list = practice.as_admin(Call::get(format!("/v1/consent/clients/{client}/consents")));
        if let Some(consent) = list.json["entries"][0]["consent_id"].as_str() {
            assert_eq!(practice.withdraw(&client, consent).status, 200);
            assert_eq!(practice.give(&client, "give", &terms(&notice)).status, 201);
            assert_eq!(practice.file(&client)["consents"], json!([]));
            assert_eq!(practice.events(&client), ["joined_care_team", "given", "withdrawn"]);
        }
        if !killed {
            break;
        }
    }
}

#[test]
fn a_withdrawal_holds_however_it_meets_a_request_that_gives() {
    let prepare = |practice: &Practice| {
        let (client, notice) = (practice.open("open"), practice.publish("notice"));
        let consents = format!("/v1/consent/clients/{client}/consents");
        let give = Call::post(&consents, &terms(&notice))
            .once("give")
            .bearer(&practice.clinician.token);
        practice.die_entered(&client, &give);
        assert_eq!(practice.file(&client)["consents"], json!([]));
        let list = practice.as_admin(Call::get(&consents));
        let consent = list.json["entries"][0]["consent_id"].as_str().unwrap().to_owned();
        let withdraw = Call::post(format!("{consents}/{consent}/withdraw"), &json!({})).bearer(&practice.admin.token);
        (give, withdraw)
    };
    let verify = |practice: &Practice, nth: usize| {
        let client = practice.open("open");
        assert_eq!(
            practice.events(&client),
            ["joined_care_team", "given", "withdrawn"],
            "{nth}"
        );
        assert_eq!(practice.file(&client)["consents"], json!([]), "{nth}");
    };
    at_every_interleaving(prepare, verify);
    at_every_interleaving(
        |practice| {
            let (give, withdraw) = prepare(practice);
            (withdraw, give)
        },
        verify,
    );
}

#[test]
fn two_equal_requests_at_once_are_one() {
    at_every_interleaving(
        |practice| {
            let (client, notice) = (practice.open("open"), practice.publish("notice"));
            let give = Call::post(format!("/v1/consent/clients/{client}/consents"), &terms(&notice))
                .once("give")
                .bearer(&practice.clinician.token);
            (give.clone(), give)
        },
        |practice, nth| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "given"], "{nth}");
            assert_eq!(practice.file(&client)["consents"].as_array().unwrap().len(), 1, "{nth}");
        },
    );
}
