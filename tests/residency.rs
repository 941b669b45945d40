//! A clinic's data stays in its region: a deployment of another one refuses it, even with a copy of the stores and the keyrings.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use confide_tests::{Deployment, PASSWORD, Practice, note};
use http::Method;
use serde_json::json;
use testkit::Call;

const TORONTO: &str = "https://toronto.practice.example";

/// How many rows each store has.
fn rows(deployment: &Deployment) -> BTreeMap<String, i64> {
    [
        "accounts",
        "sessions",
        "identity",
        "identity-keys",
        "health",
        "health-keys",
        "consent",
        "permissions",
        "notify",
    ]
    .into_iter()
    .map(|label| {
        let store = rusqlite::Connection::open(deployment.home.store_file(label)).unwrap();
        let count = store.query_row("SELECT count(*) FROM spin_key_value", [], |row| row.get(0));
        (label.to_owned(), count.unwrap())
    })
    .collect()
}

/// An administrator who opens a clinic with a code of this deployment, at home in this region.
fn opening(deployment: &Deployment, region: &str) -> Call {
    let body = json!({
        "code": deployment.home.bootstrap_code().unwrap().as_str(),
        "clinic": {"name": "Harbour Counselling", "region": region},
        "administrator": {"email": "ada@practice.example", "display_name": "Ada", "password": PASSWORD},
    });
    Call::post("/v1/auth/clinics", &body)
}

#[test]
fn data_is_kept_in_the_region_of_the_clinic_and_nowhere_else() {
    let mut toronto = Deployment::start_with(&[("region", "ca-toronto")]);
    let mumbai = [
        ("region", "in-mumbai"),
        (
            "regions",
            "eu-paris=https://paris.practice.example ca-toronto=https://toronto.practice.example",
        ),
    ];
    let (admin, clinician, client, clinic) = {
        let practice = Practice::open(&toronto);
        let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
        let client = practice.consenting_client(&clinician);
        let admin = Call::get("/v1/auth/accounts").bearer(&practice.admin.token);
        toronto.expect(200, &admin);
        (practice.admin.token.clone(), clinician, client, practice.clinic)
    };
    let records = format!("/v1/records/clients/{client}/records");
    let record = Call::post(&records, &note("at home"))
        .bearer(&clinician.token)
        .once("a-note-at-home-1");
    toronto.expect(201, &record);

    // Stores and keyrings are copied to another region: whoever has a session is sent home, and nothing is stored.
    let stand_in = toronto.replica(&mumbai);
    let before = rows(&stand_in);
    let (clinician, admin) = (clinician.token.as_str(), admin.as_str());
    for call in [
        Call::post(&records, &note("away"))
            .bearer(clinician)
            .once("a-note-far-away-1"),
        Call::get(&records).bearer(clinician),
        Call::post("/v1/identity/clients/search", &json!({"email": "zoe@example.org"})).bearer(clinician),
        Call::get(format!("/v1/identity/clients/{client}")).bearer(clinician),
        Call::get(format!("/v1/consent/clients/{client}/consents")).bearer(clinician),
        Call::new(Method::POST, format!("/v1/exchange/clients/{client}/import"))
            .header("content-type", "application/fhir+json")
            .body(testkit::PATIENTS[0].1)
            .bearer(clinician),
        Call::get(format!("/v1/exchange/clients/{client}/export")).bearer(clinician),
        Call::get("/v1/auth/accounts").bearer(admin),
        Call::new(Method::POST, "/v1/notify/jobs/drain").bearer(admin),
        Call::get("/v1/audit/events").bearer(admin),
    ] {
        let answer = stand_in.expect(421, &call);
        assert_eq!(answer.problem(), Some("clinic-homed-elsewhere"), "{call:?}");
        assert_eq!(answer.json["base_url"], TORONTO, "{call:?}");
    }
    // Nor does anybody get a session there, or a message from there.
    let reset = json!({"clinic_id": clinic, "email": "dr.rivera@practice.example"});
    let answer = stand_in.expect(421, &Call::post("/v1/auth/password-resets", &reset));
    assert_eq!(answer.json["base_url"], TORONTO);
    let after = rows(&stand_in);
    // Attempts are counted, by network.
    let ignoring_accounts = |rows: &BTreeMap<String, i64>| {
        let mut rows = rows.clone();
        rows.remove("accounts");
        rows
    };
    assert_eq!(ignoring_accounts(&before), ignoring_accounts(&after));
    // At home it goes on.
    toronto.expect(200, &Call::get(&records).bearer(clinician));

    // A new clinic is opened where it is to be at home.
    let elsewhere = Deployment::start_with(&mumbai);
    let refused = elsewhere.expect(421, &opening(&elsewhere, "ca-toronto"));
    assert_eq!(refused.json["base_url"], TORONTO);
    let unknown = elsewhere.expect(421, &opening(&elsewhere, "us-ohio"));
    assert_eq!(unknown.json["base_url"], serde_json::Value::Null);
    assert_eq!(
        elsewhere.expect(400, &opening(&elsewhere, "Ohio")).json["errors"][0]["field"],
        "/clinic/region"
    );
    elsewhere.expect(201, &opening(&elsewhere, "in-mumbai"));
}
