//! Whoever has the store files and no key finds nothing in them.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;

use confide_tests::{Deployment, PASSWORD, Practice, note, store_files};
use serde_json::json;
use testkit::Call;

#[test]
fn store_files_hold_no_plaintext() {
    let deployment = Deployment::start();
    let practice = Practice::open(&deployment);
    let clinician = practice.join("dr.xanthippe@practice.example", &["clinician"], None);
    let client = practice.consenting_client(&clinician);
    let registration = json!({
        "client_id": client,
        "client": {
            "name": {"given": ["Quetzalina"], "family": "Vandermeulen-Ito", "preferred": "Zalinka"},
            "previous_names": [{"use": "maiden", "family": "Wachowiak"}],
            "birth_date": "1987-03-29",
            "pronouns": "xe/xem",
            "telecoms": [
                {"system": "email", "value": "quetzalina.ito@mail.example"},
                {"system": "phone", "value": "+14165550198"},
            ],
            "addresses": [{"line": ["7 Kingfisher Mews"], "city": "Thornhill", "postal_code": "L3T 7X9", "country": "CA"}],
            "identifiers": [{"type": "JHN", "system": "https://health.example/ohip", "value": "9876543217"}],
            "emergency_contacts": [{"name": "Bartholomew Ito", "relationship": "SPS",
                "telecoms": [{"system": "phone", "value": "+14165550199"}]}],
            "preferences": {"language": "pt-BR", "channels": ["phone"], "pet_at_session": true},
        },
    });
    deployment.expect(201, &practice.post("/v1/identity/clients", &clinician, &registration));
    let records = format!("/v1/records/clients/{client}/records");
    let written = deployment.expect(
        201,
        &practice.post(&records, &clinician, &note("She dreamt of the drowned orchard again.")),
    );
    let path = format!("{records}/{}", written.text("id"));
    deployment.expect(
        200,
        &Call::put(
            &path,
            &json!({"reason": "misspelt thunderclap", "record": note("The orchard was a vineyard.")}),
        )
        .bearer(&clinician.token)
        .header("if-match", "\"v1\""),
    );
    deployment.expect(
        201,
        &practice.post(
            &format!("/v1/records/clients/{client}/psychotherapy-notes"),
            &clinician,
            &json!({"content": {"session_at": "2026-11-02T14:00:00Z", "text": "Countertransference: marzipan."}}),
        ),
    );
    deployment.expect(
        200,
        &practice.post(
            "/v1/identity/clients/search",
            &clinician,
            &json!({"phone": "+1 416 555-0198"}),
        ),
    );
    let herself = practice.join("quetzalina.ito@mail.example", &["client"], Some(&client));

    let everywhere = [
        "Quetzalina",
        "Vandermeulen",
        "Zalinka",
        "Wachowiak",
        "xe/xem",
        "Kingfisher",
        "Thornhill",
        "9876543217",
        "Bartholomew",
        "4165550199",
        "1987-03-29",
        "quetzalina.ito",
        "4165550198",
        "555-0198",
        "pt-BR",
        "orchard",
        "vineyard",
        "thunderclap",
        "Countertransference",
        "marzipan",
        "progress_note",
        "treatment_plan",
        PASSWORD,
        "Ada Administrator",
        "Test Person",
        "practice.example",
        "Quayside",
        &practice.admin.token,
        &clinician.token,
        &herself.token,
        &clinician.totp_secret,
        "$argon2id$",
    ];
    // Raw tokens must not lie there in another encoding either.
    let token_bytes = |token: &str| {
        data_encoding::BASE64URL_NOPAD
            .decode(token.strip_prefix("cfs_").unwrap().as_bytes())
            .unwrap()
    };
    let secrets: Vec<Vec<u8>> = [&practice.admin, &clinician, &herself]
        .into_iter()
        .map(|person| token_bytes(&person.token)[16..].to_vec())
        .collect();
    let client_id: model::ClientId = client.parse().unwrap();

    let mut files = 0;
    let mut bytes_seen = 0;
    for (name, bytes) in store_files(&deployment.home) {
        files += 1;
        bytes_seen += bytes.len();
        let contains = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        for plain in everywhere {
            assert!(!contains(plain.as_bytes()), "{plain:?} lies in {name}");
        }
        for secret in &secrets {
            assert!(!contains(secret), "a token's secret lies in {name}");
        }
        if name.starts_with("health") || name.starts_with("identity") {
            assert!(!contains(client.as_bytes()), "the client's id lies in {name}");
            assert!(!contains(client_id.as_bytes()), "the client's id lies in {name}");
        }
        // Nothing in the health store says whose account wrote there either.
        if name.starts_with("health") {
            assert!(
                !contains(clinician.account.to_string().as_bytes()),
                "the clinician's id lies in {name}"
            );
        }
    }
    // The files of nine stores were searched, write-ahead logs included, and there was something in them.
    assert!(files >= 9 && bytes_seen > 9 * 4096, "{files} files, {bytes_seen} bytes");
    let keyrings = fs::read_to_string(deployment.home.env_file()).unwrap();
    assert!(keyrings.contains("KEYRING"));
}
