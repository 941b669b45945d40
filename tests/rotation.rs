//! The key-encryption key of a class changes while people read and write, on the real host: nobody is refused, nothing that was
//! acknowledged is lost, and in the end the old version opens nothing. What takes a day or a kill, the rest of a version's life, is in
//! `shared/access/src/rewrap`, on a clock and a store that a test can hold.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use confide::command::keys::{self, Command};
use confide::home::Home;
use confide::jobs::{JobSecret, add};
use confide_tests::{Deployment, Person, Practice, note};
use crypto::remove_key_version;
use model::{DataClass, Function};
use serde_json::json;
use testkit::Call;

/// Clients whose first record, and with it their data key, comes at some moment of the rotation.
const CLIENTS: usize = 24;

/// Who reads at once.
const READERS: usize = 3;

/// Longer than the host takes to notice a keyring, and than any request here takes.
const WAIT: u64 = 3;

/// Runs a command, and gives what it says where it fails.
fn run(home: &Home, command: Command) -> Result<(), String> {
    let home = home.folder().to_owned();
    let arguments = keys::Arguments { home, command };
    let ran = tokio::runtime::Runtime::new().unwrap().block_on(keys::run(arguments));
    ran.map_err(|error| format!("{error:#}"))
}

fn destroy(deployment: &Deployment, version: u32) -> Result<(), String> {
    let command = Command::Destroy {
        class: "health".to_owned(),
        version,
        url: deployment.url(),
    };
    run(&deployment.home, command)
}

#[expect(clippy::disallowed_methods, reason = "the host under test lives in real time")]
fn pause(duration: Duration) {
    thread::sleep(duration);
}

/// What people do meanwhile, and what was acknowledged to them.
struct Load<'l> {
    deployment: &'l Deployment,
    clinician: &'l Person,
    clients: &'l [String],
    written: Mutex<Vec<String>>,
    reads: AtomicUsize,
    is_over: AtomicBool,
}

impl Load<'_> {
    fn write_on(&self) {
        for (nth, client) in self.clients.iter().cycle().enumerate() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            // The first round begins the charts one after the other, so that there is a new data key at every stage.
            if nth < CLIENTS {
                pause(Duration::from_millis(250));
            }
            let path = format!("/v1/records/clients/{client}/records");
            let call = Call::post(&path, &note("written meanwhile")).bearer(&self.clinician.token);
            let written = self
                .deployment
                .expect(201, &call.once(&format!("meanwhile-{nth}-of-one-writer")));
            let record = format!("{path}/{}", written.text("id"));
            self.written.lock().unwrap().push(record);
        }
    }

    fn read_on(&self, reader: usize) {
        for nth in reader.. {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let record = {
                let written = self.written.lock().unwrap();
                written.get(nth % written.len().max(1)).cloned()
            };
            if let Some(record) = record {
                self.read(&record);
                self.reads.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    fn read(&self, record: &str) {
        let read = self
            .deployment
            .expect(200, &Call::get(record).bearer(&self.clinician.token));
        assert_eq!(read.json["content"]["text"], "written meanwhile");
    }

    fn read_all(&self) -> usize {
        let written = self.written.lock().unwrap().clone();
        written.iter().for_each(|record| self.read(record));
        written.len()
    }
}

#[test]
fn a_class_changes_its_key_while_people_read_and_write() {
    let mut deployment = Deployment::start();
    let first = deployment.home.keyrings().unwrap()[&Function::Records].clone();
    let (clinician, written) = {
        let practice = Practice::open(&deployment);
        let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
        let clients: Vec<String> = (0..CLIENTS).map(|_| practice.consenting_client(&clinician)).collect();
        let identity = json!({"name": "scheduler", "role": "job"});
        let identity = practice.post("/v1/auth/service-identities", &practice.admin, &identity);
        let secret = JobSecret::parse(&deployment.expect(201, &identity).text("secret")).unwrap();
        add(&deployment.home, &secret).unwrap();
        let refused = destroy(&deployment, 1).unwrap_err();
        assert!(refused.contains("not older than the current one"), "{refused}");

        let load = Load {
            deployment: &deployment,
            clinician: &clinician,
            clients: &clients,
            written: Mutex::default(),
            reads: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        };
        thread::scope(|scope| {
            scope.spawn(|| load.write_on());
            for reader in 0..READERS {
                let load = &load;
                scope.spawn(move || load.read_on(reader));
            }
            pause(Duration::from_secs(1));
            run(
                &deployment.home,
                Command::Rotate {
                    class: "health".to_owned(),
                    prepare: false,
                    wait: WAIT,
                },
            )
            .unwrap();
            assert!(load.read_all() > 0);
            // Until the host seals with it, it has nothing to say of it.
            pause(Duration::from_secs(WAIT));
            let progress = Command::Progress {
                class: "health".to_owned(),
                url: deployment.url(),
            };
            run(&deployment.home, progress).unwrap();
            assert!(load.read_all() > 0);
            let refused = destroy(&deployment, 1).unwrap_err();
            assert!(refused.contains("still needed"), "{refused}");
            // New charts until the last: their keys come under the new version, without the job.
            while load.written.lock().unwrap().len() < 2 * CLIENTS {
                pause(Duration::from_millis(50));
            }
            load.is_over.store(true, Ordering::SeqCst);
        });
        assert!(load.reads.load(Ordering::SeqCst) > CLIENTS);
        assert!(load.read_all() >= 2 * CLIENTS);
        let written = load.written.into_inner().unwrap();
        (clinician, written)
    };

    // With a clock of a day ahead the command would do this. Nothing here is a late instance, so it is safe to do by hand.
    let current = deployment.home.keyrings().unwrap()[&Function::Records].clone();
    let without = remove_key_version(Function::Records, &current, DataClass::Health, 1).unwrap();
    deployment.home.replace(Function::Records, without).unwrap();
    pause(Duration::from_secs(WAIT));
    let status = |deployment: &Deployment, record: &str| {
        let call = Call::get(record).bearer(&clinician.token);
        deployment.send(&call).status
    };
    for record in &written {
        assert_eq!(status(&deployment, record), 200);
    }
    // Whoever kept the old version alone opens nothing.
    deployment.restart(|home| home.replace(Function::Records, first).unwrap());
    for record in &written {
        assert_eq!(status(&deployment, record), 503);
    }
}
