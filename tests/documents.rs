//! Documents as front ends upload and download them: whole, sealed, and in pieces that nobody has to hold at once.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use confide_tests::{Deployment, Practice};
use http::Method;
use serde_json::json;
use testkit::Call;

const MIB: usize = 1024 * 1024;

/// The most memory that a function may take for a document, however long that is. Less than the longest document.
const MEMORY: usize = 24 * MIB;

/// Bytes of which no two pieces are alike, and which begin as a PDF does.
fn scan(length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length)
        .map(|at| u8::try_from((at / 257 + at % 251) % 256).unwrap())
        .collect();
    let head = b"%PDF-1.7 KINGFISHER";
    bytes[..head.len()].copy_from_slice(head);
    bytes
}

#[test]
fn a_document_of_25_mib_comes_back_as_it_was() {
    let mut deployment = Deployment::start();
    let scan = scan(25 * MIB);
    let (clinician, path) = {
        let practice = Practice::open(&deployment);
        let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
        let colleague = practice.join("dr.ito@practice.example", &["clinician"], None);
        let client = practice.consenting_client(&clinician);
        let records = format!("/v1/records/clients/{client}/records");
        let document = json!({"kind": "document", "status": "draft",
            "content": {"title": "Discharge letter", "media_type": "application/pdf"}});
        let begun = deployment.expect(201, &practice.post(&records, &clinician, &document));
        let path = format!("{records}/{}", begun.text("id"));
        let upload = |version: &str, bytes: &[u8]| {
            Call::new(Method::PUT, format!("{path}/content"))
                .bearer(&clinician.token)
                .header("if-match", version)
                .header("content-type", "application/pdf")
                .body(bytes)
        };
        let sign = |version: &str| {
            Call::post(format!("{path}/sign"), &json!({}))
                .bearer(&clinician.token)
                .header("if-match", version)
        };
        assert_eq!(deployment.expect(409, &sign("\"v1\"")).problem(), Some("no-content"));
        let too_large = vec![0; 25 * MIB + 1];
        // Refused by its length, without waiting for the rest: who goes on sending may find the connection closed before the answer.
        let refused = deployment.try_send(&upload("\"v1\"", &too_large));
        assert!(refused.is_none_or(|answer| answer.problem() == Some("body-too-large")));
        let uploaded = deployment.expect(200, &upload("\"v1\"", &scan));
        assert_eq!(uploaded.json["attachment"]["size"], scan.len());
        let read = |token: &str| Call::get(format!("{path}/content")).bearer(token);
        deployment.expect(403, &read(&colleague.token));
        deployment.expect(200, &sign(uploaded.header("etag").unwrap()));
        (clinician, path)
    };
    let download = Call::get(format!("{path}/content")).bearer(&clinician.token);
    let downloaded = deployment.expect(200, &download);
    assert!(downloaded.bytes() == scan);
    // Neither direction holds the document in memory.
    let peak = deployment.peak_memory("records");
    assert!((1..=MEMORY).contains(&peak), "{peak} bytes");
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-disposition", "attachment"),
    ] {
        assert_eq!(downloaded.header(name), Some(value));
    }
    assert_eq!(
        downloaded.header("content-length"),
        Some(scan.len().to_string().as_str())
    );

    // Nothing of it is in the files, and a changed byte is noticed: at the beginning before anything is answered, later by an answer that is cut
    // off.
    deployment.restart(|home| {
        let store = std::fs::read(home.store_file("health")).unwrap();
        assert!(!store.windows(10).any(|window| window == b"KINGFISHER"));
    });
    let change_chunk = |number: usize| {
        move |home: &confide::home::Home| {
            let store = rusqlite::Connection::open(home.store_file("health")).unwrap();
            let pattern = format!("once/%/{number}");
            let (key, mut value): (String, Vec<u8>) = store
                .query_row(
                    "SELECT key, value FROM spin_key_value WHERE key LIKE ?1",
                    [pattern],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .unwrap();
            value[7] ^= 1;
            let changed = store.execute(
                "UPDATE spin_key_value SET value = ?1 WHERE key = ?2",
                rusqlite::params![value, key],
            );
            assert_eq!(changed.unwrap(), 1);
        }
    };
    deployment.restart(change_chunk(60));
    assert!(
        deployment
            .try_send(&download)
            .is_none_or(|answer| answer.bytes().len() < scan.len())
    );
    deployment.restart(change_chunk(0));
    assert_eq!(deployment.expect(500, &download).problem(), Some("integrity-violation"));
}
