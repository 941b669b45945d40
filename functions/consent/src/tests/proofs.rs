//! Receipts, as whole requests.

use receipt::{Event, JwkSet, Refused};

use super::*;

impl Practice {
    /// The public keys, as anybody gets them.
    fn receipt_keys(&self) -> JwkSet {
        let keys = self.send(&Call::get("/v1/consent/receipt-keys"));
        assert_eq!(keys.status, 200);
        serde_json::from_value(keys.json).unwrap()
    }

    fn receipt(&self, client: &str, consent: &str) -> Answer {
        self.as_clinician(Call::get(format!(
            "/v1/consent/clients/{client}/consents/{consent}/receipt"
        )))
    }

    fn verified(&self, answer: &Answer) -> Value {
        let record = self.receipt_keys().verify(&answer.text("receipt")).unwrap();
        serde_json::to_value(record).unwrap()
    }
}

#[test]
fn a_receipt_says_all_that_was_agreed() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let mut terms = terms(&notice_id);
    terms["expires_at"] = json!("2027-12-01T08:00:00Z");
    let given = practice.give(&client, "give", &terms);
    let (consent, account) = (given.text("consent_id"), practice.clinician.account.to_string());
    let path = format!("/v1/consent/notices/{}/{notice_id}", practice.clinic);
    let mut expected = json!({
        "schema_version": "confide-consent-record-1", "record_id": consent, "pii_principal_id": client,
        "as_of": "2026-12-01T08:00:00Z",
        "privacy_notice": {"id": notice_id, "version": 1, "title": notice()["title"], "language": "en",
            "sha256": given.text("notice_sha256"), "path": path},
        "language": "en", "purposes": ["TREAT"], "lawful_basis": "consent",
        "pii_information": [{"pii_type": "identity"}, {"pii_type": "health"}],
        "pii_controllers": [{"party_id": practice.clinic.to_string(), "party_contact": notice()["contact"]}],
        "retention_period": notice()["storage_period"], "jurisdiction": testkit::jurisdiction()["regimes"],
        "withdrawal_method": notice()["withdrawal"], "privacy_rights": notice()["complaint"],
        "events": [{"event_state": "given", "event_time": "2026-12-01T08:00:00Z", "event_type": "explicitly_expressed",
            "entity_id": client, "given_by": "client", "method": "written", "recorded_by": account,
            "validity_duration": {"starts_at": "2026-12-01T08:00:00Z", "ends_at": "2027-12-01T08:00:00Z"}}],
    });
    assert_eq!(practice.verified(&given), expected);
    // The notice is where the record says, and is the text that it says.
    let notice = practice.send(&Call::get(&path));
    assert_eq!(notice.json["sha256"], expected["privacy_notice"]["sha256"]);

    practice.world.clock.advance(SignedDuration::from_mins(1));
    let read = practice.receipt(&client, &consent);
    assert!(read.header("audit-id").is_some());
    expected["as_of"] = json!("2026-12-01T08:01:00Z");
    assert_eq!((read.status, &read.json["record"]), (200, &expected));
    assert_eq!(practice.verified(&read), expected);

    let withdrawn = practice.withdraw(&client, &consent);
    let withdrawal = json!({"event_state": "withdrawn", "event_time": "2026-12-01T08:01:00Z", "recorded_by": account});
    expected["events"].as_array_mut().unwrap().push(withdrawal);
    assert_eq!(practice.verified(&withdrawn), expected);
    assert!(!expected.to_string().contains("SECRET"));
    practice.world.clock.advance(SignedDuration::from_mins(1));
    expected["as_of"] = json!("2026-12-01T08:02:00Z");
    assert_eq!(practice.verified(&practice.receipt(&client, &consent)), expected);
    // What was answered then is answered again, bit by bit, and does not speak of what came later.
    assert_eq!(practice.give(&client, "give", &terms).json, given.json);
    assert_eq!(practice.withdraw(&client, &consent).json, withdrawn.json);
}

#[test]
fn a_receipt_shows_how_a_consent_ended() {
    let states = |answer: &Answer| -> Vec<(String, String)> {
        let events = answer.json["record"]["events"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        events
            .iter()
            .map(|event| (text(&event["event_state"]), text(&event["event_time"])))
            .collect()
    };
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let mut short = terms(&notice_id);
    short["expires_at"] = json!("2026-12-01T08:10:00Z");
    let guardian = practice.guardian(&client);
    short["given_by"] = json!("guardian");
    short["representative_id"] = json!(guardian);
    let lapsing = practice.give(&client, "lapsing", &short).text("consent_id");
    let ended = practice.give(&client, "ended", &short).text("consent_id");
    let at = |state: &str, time: &str| (state.to_owned(), format!("2026-12-01T{time}:00Z"));
    practice.world.clock.advance(SignedDuration::from_mins(9));
    assert_eq!(states(&practice.receipt(&client, &lapsing)), [at("given", "08:00")]);
    practice.withdraw(&client, &ended);
    practice.world.clock.advance(SignedDuration::from_mins(1));
    let expired = [at("given", "08:00"), at("expired", "08:10")];
    assert_eq!(states(&practice.receipt(&client, &lapsing)), expired);
    // What was withdrawn before its time did not run out.
    assert_eq!(
        states(&practice.receipt(&client, &ended)),
        [at("given", "08:00"), at("withdrawn", "08:09")]
    );
    practice.world.clock.advance(SignedDuration::from_mins(1));
    practice.withdraw(&client, &lapsing);
    let record = practice.receipt(&client, &lapsing);
    assert_eq!(states(&record)[..2], expired);
    assert_eq!(states(&record)[2], at("withdrawn", "08:11"));
    let given = &record.json["record"]["events"][0];
    assert_eq!((&given["given_by"], given.get("entity_id")), (&json!("guardian"), None));
    assert_eq!(given["representative_id"], json!(guardian));
}

/// Hosts' clocks may differ: what is in the ledger has happened, whatever time it is here.
#[test]
fn a_receipt_never_speaks_of_a_moment_before_what_it_says() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    practice.world.clock.advance(SignedDuration::from_secs(20));
    let consent = practice.give(&client, "give", &terms(&notice_id)).text("consent_id");
    let as_of = || practice.receipt(&client, &consent).json["record"]["as_of"].clone();
    practice.world.clock.advance(SignedDuration::from_secs(-10));
    assert_eq!(as_of(), "2026-12-01T08:00:20Z");
    practice.world.clock.advance(SignedDuration::from_secs(20));
    practice.withdraw(&client, &consent);
    practice.world.clock.advance(SignedDuration::from_secs(-20));
    assert_eq!(as_of(), "2026-12-01T08:00:30Z");
}

#[test]
fn a_receipt_holds_for_this_deployment_alone() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let given = practice.give(&client, "give", &terms(&notice_id));
    let receipt = given.text("receipt");
    let record = practice.receipt_keys().verify(&receipt).unwrap();
    assert!(matches!(record.events[..], [Event::Given { .. }]));
    let elsewhere = World::new(8).serve(
        Function::Consent,
        &ROUTES,
        &Call::get("/v1/consent/receipt-keys").request(),
    );
    let elsewhere: JwkSet = serde_json::from_value(Answer::from(elsewhere).json).unwrap();
    assert_eq!(elsewhere.verify(&receipt), Err(Refused::Key));
}

#[test]
fn anybody_may_have_the_public_key_and_nobody_the_other() {
    let practice = Practice::new();
    let keys = practice.send(&Call::get("/v1/consent/receipt-keys"));
    assert_eq!(keys.header("content-type"), Some("application/jwk-set+json"));
    // As every answer: what a key is worth today is not to be read from a cache.
    assert_eq!(keys.header("cache-control"), Some("no-store"));
    let [key] = &keys.json["keys"].as_array().unwrap()[..] else {
        panic!("{}", keys.json)
    };
    let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members.iter().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(["alg", "crv", "kid", "kty", "use", "x"])
    );
    let refused = practice.send(&Call::post("/v1/consent/receipt-keys", &json!({})));
    assert_refused(&refused, 405, "method-not-allowed");
}

#[test]
fn proofs_are_refused_like_the_consent_itself() {
    let practice = Practice::new();
    let client = practice.open("open");
    let missing = practice.world.entropy.id::<model::kind::Consent>().to_string();
    let proof =
        |consent: &str, kind: &str| Call::get(format!("/v1/consent/clients/{client}/consents/{consent}/{kind}"));
    for kind in ["receipt", "fhir"] {
        let answer = practice.as_clinician(proof(&missing, kind));
        assert_refused(&answer, 404, "not-found");
        assert!(answer.header("audit-id").is_some());
        assert_refused(&practice.as_clinician(proof("cns_SECRET", kind)), 404, "no-such-route");
        assert_refused(&practice.send(&proof(&missing, kind)), 401, "unauthenticated");
    }
}

/// A keyring from before there were receipts: no consent that could not be proven is recorded, and withdrawal works all the same.
#[test]
fn without_the_key_nothing_is_given_and_everything_is_withdrawn() {
    let mut practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let consent = practice.give(&client, "give", &terms(&notice_id)).text("consent_id");
    let keyring = practice.world.keyrings.get_mut(&Function::Consent).unwrap();
    let mut document: Value = serde_json::from_str(keyring).unwrap();
    document["keys"].as_object_mut().unwrap().remove("receipt").unwrap();
    *keyring = document.to_string();

    assert_eq!(practice.give(&client, "other", &terms(&notice_id)).status, 503);
    assert_eq!(practice.events(&client), ["joined_care_team", "given"]);
    assert_eq!(practice.send(&Call::get("/v1/consent/receipt-keys")).status, 503);
    assert_eq!(practice.receipt(&client, &consent).status, 503);
    assert_eq!(practice.withdraw(&client, &consent).status, 503);
    assert_eq!(practice.file(&client)["consents"], json!([]));
    assert_eq!(practice.events(&client), ["joined_care_team", "given", "withdrawn"]);
    assert!(
        practice
            .world
            .log()
            .iter()
            .any(|line| line.contains("lacks the key `receipt`"))
    );
}
