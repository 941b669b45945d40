//! The job that brings data keys under the current key-encryption key, as it is called. What it does is shown where the vault is.

use access::GRACE;
use crypto::{add_key_version, promote_key_version, remove_key_version};
use model::DataClass;

use super::*;

#[test]
fn entries_outlive_the_version_that_wrapped_their_keys() {
    let mut practice = Practice::new();
    let clients = ["one", "two", "three"].map(|key| practice.consenting(key));
    for client in &clients {
        assert_eq!(practice.register(client, &person("zoe@example.org")).status, 201);
    }
    let text = practice.world.keyrings[&Function::Identity].clone();
    let added = add_key_version(&practice.world.entropy, Function::Identity, &text, DataClass::Identity).unwrap();
    let current = promote_key_version(Function::Identity, &added, DataClass::Identity).unwrap();
    practice.world.keyrings.insert(Function::Identity, current.to_string());
    let call = Call::post("/v1/identity/jobs/rewrap", &json!({}));
    assert_refused(&practice.send(&call), 401, "unauthenticated");
    assert_refused(&practice.as_clinician(call.clone()), 403, "access-denied");
    let run = |practice: &Practice| {
        let job = log_in(
            &practice.world,
            &[Role::Job],
            practice.clinic,
            practice.world.entropy.id(),
            None,
        );
        let answer = practice.send(&call.clone().bearer(&job));
        assert_eq!(
            (answer.status, &answer.json["more"]),
            (200, &json!(false)),
            "{}",
            answer.json
        );
        answer.json["classes"].clone()
    };
    let said = |state: &str| json!([{"class": "identity", "current": 2, "state": state, "percent": 100}]);
    assert_eq!(run(&practice), said("waiting"));
    practice.world.clock.advance(GRACE);
    assert_eq!(run(&practice), said("complete"));
    let without = remove_key_version(Function::Identity, &current, DataClass::Identity, 1).unwrap();
    practice.world.keyrings.insert(Function::Identity, without.to_string());
    practice.clinician.token = log_in(
        &practice.world,
        &[Role::Clinician],
        practice.clinic,
        practice.clinician.account,
        None,
    );
    for client in &clients {
        assert_eq!(practice.read(client).status, 200);
    }
}
