//! What was acknowledged is there after a restart, also under a new version of the sealing key.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use confide::command::keys::{self, Command};
use confide_tests::{Deployment, Practice, note};
use testkit::Call;

#[test]
fn records_outlive_restarts_and_key_versions() {
    let mut deployment = Deployment::start();
    let (clinician, officer, path, old) = {
        let practice = Practice::open(&deployment);
        let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
        let officer = practice.join("officer@practice.example", &["privacy_officer"], None);
        let client = practice.consenting_client(&clinician);
        let path = format!("/v1/records/clients/{client}/records");
        let old = deployment
            .expect(201, &practice.post(&path, &clinician, &note("before")))
            .text("id");
        (clinician, officer, path, old)
    };
    let read = |deployment: &Deployment, id: &str| {
        let answer = deployment.expect(200, &Call::get(format!("{path}/{id}")).bearer(&clinician.token));
        answer.json["content"]["text"].as_str().unwrap().to_owned()
    };
    deployment.restart(|_| {});
    assert_eq!(read(&deployment, &old), "before");

    for class in ["health", "account", "consent", "identity"] {
        deployment.restart(|home| {
            let rotate = keys::run(keys::Arguments {
                home: home.folder().to_owned(),
                command: Command::Rotate {
                    class: class.to_owned(),
                    prepare: false,
                    // Nothing is served meanwhile.
                    wait: 0,
                },
            });
            tokio::runtime::Runtime::new().unwrap().block_on(rotate).unwrap();
        });
    }
    assert_eq!(read(&deployment, &old), "before");
    let new = deployment.expect(
        201,
        &Call::post(&path, &note("after")).bearer(&clinician.token).once("after"),
    );
    assert_eq!(read(&deployment, &new.text("id")), "after");
    let verified = deployment.expect(200, &Call::get("/v1/audit/verify").bearer(&officer.token));
    assert_eq!(verified.json["intact"], true);
}
