//! The tour, as a newcomer takes it. It holds every answer against the promise and fails where one differs.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use confide::tour::{self, Arguments};
use confide_tests::{Deployment, manifest};

fn take(deployment: &Deployment, name: Option<&str>) {
    tour::walk(Arguments {
        name: name.map(str::to_owned),
        url: deployment.url(),
        manifest: manifest(),
        home: Some(deployment.home.folder().to_owned()),
        code: None,
    })
    .expect("every answer is as promised");
}

#[test]
fn every_answer_is_as_promised() {
    let deployment = Deployment::start();
    take(&deployment, None);
    // A deployment that has been used before is toured as well as a fresh one.
    take(&deployment, None);
}
