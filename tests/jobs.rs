//! Scheduled jobs as they are deployed: mail that waits leaves by itself, as long as its clinic lets a service identity run the job.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use confide::client::Client;
use confide::command::up;
use confide::home::Home;
use confide::jobs::{self, JobSecret, Runner, Schedule, Source};
use confide_tests::{Deployment, Practice, manifest};
use serde_json::json;
use testkit::{Answer, Call, Said};
use tokio::runtime::Runtime;

const CAPTURE: &str = "/v1/notify/capture";
const IDENTITIES: &str = "/v1/auth/service-identities";

/// The list of the house, at a pace that a test can wait for.
fn write_list(folder: &Path) -> std::path::PathBuf {
    let list = fs::read_to_string(manifest().with_file_name("infra").join("jobs.toml")).unwrap();
    assert!(list.contains("every = \"1m\""));
    let file = folder.join("jobs.toml");
    fs::write(&file, list.replace("every = \"1m\"", "every = \"1s\"")).unwrap();
    file
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "the host under test lives in real time")]
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("never: {what}");
}

/// Makes a service identity. Returns its path and its secret.
fn identity(practice: &Practice<'_>) -> (String, JobSecret) {
    let body = json!({"name": "scheduler", "role": "job"});
    let made = practice
        .deployment
        .expect(201, &practice.post(IDENTITIES, &practice.admin, &body));
    let path = format!("{IDENTITIES}/{}", made.text("service_identity_id"));
    (path, JobSecret::parse(&made.text("secret")).unwrap())
}

/// Invites somebody, whose mail then waits for the job.
fn invite(practice: &Practice<'_>, email: &str) {
    let body = json!({"email": email, "roles": ["clinician"]});
    practice
        .deployment
        .expect(201, &practice.post("/v1/auth/invitations", &practice.admin, &body));
}

fn captured(deployment: &Deployment) -> String {
    deployment.expect(200, &Call::get(CAPTURE)).body()
}

fn schedule(deployment: &Deployment, secrets: Source) -> (Schedule, Arc<Said>) {
    let said = Arc::new(Said::default());
    let schedule = Schedule {
        client: Client::for_secrets(&deployment.url()).unwrap(),
        jobs: jobs::read(&write_list(deployment.home.folder())).unwrap(),
        secrets,
        log: Arc::clone(&said) as _,
    };
    (schedule, said)
}

/// `confide up` on this home for as long as `meanwhile` takes.
fn while_up(home: &Home, meanwhile: impl FnOnce(&Client)) {
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let arguments = up::Arguments {
        manifest: manifest(),
        listen,
        home: Some(home.folder().to_owned()),
        quiet: true,
        no_build: true,
        jobs: Some(write_list(home.folder())),
        no_jobs: false,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let until_told = async {
        // An error is a test that failed: then it is over too.
        let _ = stopped.await;
        Ok(())
    };
    std::thread::scope(|scope| {
        let served = scope.spawn(|| Runtime::new().unwrap().block_on(up::serve(arguments, until_told)));
        let stop = stop;
        let client = Client::new(&format!("http://{listen}"));
        until("a deployment that is up", || {
            client.send(Call::get(CAPTURE).request()).is_ok()
        });
        meanwhile(&client);
        stop.send(()).unwrap();
        served.join().unwrap().unwrap();
    });
}

#[test]
fn queued_mail_leaves_while_confide_is_up() {
    let mut deployment = Deployment::start();
    let secret = {
        let practice = Practice::open(&deployment);
        invite(&practice, "dr.rivera@practice.example");
        identity(&practice).1
    };
    assert!(captured(&deployment).contains("None yet."));
    deployment.restart(|home| {
        while_up(home, |client| {
            // Added while it serves, and nobody calls the job.
            assert_eq!(jobs::add(home, &secret).unwrap(), Some(1));
            until("the invitation", || {
                let page = Answer::from(client.send(Call::get(CAPTURE).request()).unwrap());
                page.body().contains("dr.rivera@practice.example")
            });
        });
    });
}

#[test]
fn each_clinics_jobs_run_until_its_identity_is_deleted() {
    let deployment = Deployment::start();
    let (harbour, quay) = (Practice::open(&deployment), Practice::open(&deployment));
    let (path, secret) = identity(&harbour);
    let (_, other) = identity(&quay);
    let mut wrong = other.reveal().to_owned();
    let last = if wrong.ends_with('A') { "Q" } else { "A" };
    wrong.replace_range(wrong.len() - 1.., last);
    let wrong = JobSecret::parse(&wrong).unwrap();
    for secret in [&secret, &wrong, &other] {
        jobs::add(&deployment.home, secret).unwrap();
    }
    let (schedule, said) = schedule(&deployment, Source::Home(deployment.home.clone()));
    let runtime = Runtime::new().unwrap();
    let runner = runtime.block_on(async { Runner::start(schedule) });
    invite(&harbour, "zoe@harbour.example");
    invite(&quay, "ben@quay.example");
    until("both clinics' mail", || {
        let page = captured(&deployment);
        page.contains("zoe@harbour.example") && page.contains("ben@quay.example")
    });
    until("that the wrong one is said", || {
        said.has("identity 2: its secret opens nothing")
    });

    deployment.expect(204, &Call::delete(&path).bearer(&harbour.admin.token));
    until("that the deleted one is said", || {
        said.has("identity 1: its secret opens nothing")
    });
    invite(&harbour, "ada@harbour.example");
    invite(&quay, "eve@quay.example");
    until("the mail of the clinic that still runs", || {
        captured(&deployment).contains("eve@quay.example")
    });
    assert!(!captured(&deployment).contains("ada@harbour.example"));
    runtime.block_on(runner.ended());

    // Each was asked about once, and nothing that was said names a secret or a person.
    let lines = said.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        !lines.concat().contains("cf") && !lines.concat().contains('@'),
        "{lines:?}"
    );
}

#[test]
fn once_says_whether_all_is_done() {
    let deployment = Deployment::start();
    let practice = Practice::open(&deployment);
    let (path, secret) = identity(&practice);
    invite(&practice, "zoe@practice.example");
    let runtime = Runtime::new().unwrap();
    let once = || {
        let (schedule, said) = schedule(&deployment, Source::Given(vec![secret.clone()]));
        (
            runtime
                .block_on(jobs::once(schedule))
                .map_err(|error| error.to_string()),
            said.lines(),
        )
    };
    let (ran, lines) = once();
    assert_eq!(ran, Ok(()));
    assert_eq!(lines[0], "job notify-drain, identity 1: done");
    assert!(lines.iter().all(|line| line.ends_with("identity 1: done")), "{lines:?}");
    assert!(captured(&deployment).contains("zoe@practice.example"));
    let jobs = lines.len();
    deployment.expect(204, &Call::delete(&path).bearer(&practice.admin.token));
    let (ran, lines) = once();
    assert_eq!(ran, Err(format!("{jobs} of {jobs} runs failed")));
    assert!(
        lines[0].starts_with("job notify-drain, identity 1: its secret opens nothing"),
        "{lines:?}"
    );
}
