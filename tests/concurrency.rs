//! Many at once: nothing that was acknowledged is lost, and whoever loses a race is told so.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::thread;

use confide_tests::{Deployment, Person, Practice, note};
use serde_json::json;
use testkit::Call;

const WRITERS: usize = 64;

/// 64 writers of one client's records: each either has its record, listed and readable, or was told 409 or 503.
fn records(deployment: &Deployment, clinician: &Person, client: &str) {
    let path = format!("/v1/records/clients/{client}/records");
    let written: BTreeSet<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let call = Call::post(&path, &note(&format!("note of writer {writer}")))
                    .bearer(&clinician.token)
                    .once(&format!("concurrent-writer-{writer}"));
                scope.spawn(move || {
                    // A conflict names itself and is repeated with the same key, as any client would.
                    for _ in 0..20 {
                        let answer = deployment.send(&call);
                        match answer.status {
                            201 => return answer.text("id"),
                            409 | 503 => assert!(answer.header("retry-after").is_some(), "{}", answer.json),
                            status => panic!("{status} {}", answer.json),
                        }
                    }
                    panic!("writer {writer} never got its turn");
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(written.len(), WRITERS, "each writer has a record of its own");
    let listed = deployment.expect(200, &Call::get(format!("{path}?limit=200")).bearer(&clinician.token));
    let listed: Vec<String> = listed.json["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed.len(), WRITERS, "none is lost and none is listed twice");
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), written);
    for id in &written {
        deployment.expect(200, &Call::get(format!("{path}/{id}")).bearer(&clinician.token));
    }
}

/// 64 writers of one version of one record: one of them changes it, the others are told 412 (or 409).
fn one_document(deployment: &Deployment, practice: &Practice<'_>, clinician: &Person, client: &str) {
    let path = format!("/v1/records/clients/{client}/records");
    let record = deployment.expect(201, &practice.post(&path, clinician, &note("first")));
    let path = format!("{path}/{}", record.text("id"));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let call = Call::put(
                    &path,
                    &json!({"reason": "race", "record": note(&format!("writer {writer}"))}),
                )
                .bearer(&clinician.token)
                .header("if-match", "\"v1\"");
                scope.spawn(move || deployment.send(&call).status)
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let count = |status: u16| statuses.iter().filter(|answered| **answered == status).count();
    assert_eq!(count(200), 1, "{statuses:?}");
    assert_eq!(count(412) + count(409), WRITERS - 1, "{statuses:?}");
    let now = deployment.expect(200, &Call::get(&path).bearer(&clinician.token));
    assert_eq!(now.header("etag"), Some("\"v2\""));
    let versions = deployment.expect(200, &Call::get(format!("{path}/versions")).bearer(&clinician.token));
    assert_eq!(versions.json["versions"].as_array().unwrap().len(), 2);
}

/// One request sent 64 times at once with one idempotency key makes one record.
fn one_request(deployment: &Deployment, clinician: &Person, client: &str) {
    let path = format!("/v1/records/clients/{client}/records");
    let call = Call::post(&path, &note("sent many times"))
        .bearer(&clinician.token)
        .once("the-same-request");
    let ids: BTreeSet<String> = thread::scope(|scope| {
        let senders: Vec<_> = (0..WRITERS)
            .map(|_| {
                let call = &call;
                scope.spawn(move || {
                    for _ in 0..20 {
                        let answer = deployment.send(call);
                        match answer.status {
                            201 => return answer.text("id"),
                            409 | 503 => {}
                            status => panic!("{status} {}", answer.json),
                        }
                    }
                    panic!("never got its turn");
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[test]
fn nothing_is_lost_and_conflicts_are_told() {
    let deployment = Deployment::start();
    let practice = Practice::open(&deployment);
    let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
    let officer = practice.join("officer@practice.example", &["privacy_officer"], None);
    let client = practice.consenting_client(&clinician);
    records(&deployment, &clinician, &client);
    one_document(&deployment, &practice, &clinician, &client);
    one_request(&deployment, &clinician, &client);
    let verified = deployment.expect(200, &Call::get("/v1/audit/verify").bearer(&officer.token));
    assert_eq!(verified.json["intact"], true);
}
