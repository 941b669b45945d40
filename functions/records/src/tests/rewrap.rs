//! The job that brings data keys under the current key-encryption keys, as it is called.

use access::GRACE;
use crypto::{add_key_version, promote_key_version, remove_key_version};

use super::*;

const JOB: &str = "/v1/records/jobs/rewrap";

/// Somebody of another clinic, or of this one.
fn somebody(practice: &Practice, role: Role, clinic: ClinicId) -> String {
    log_in(&practice.world, &[role], clinic, practice.world.entropy.id(), None)
}

fn run(practice: &Practice, token: &str) -> Answer {
    practice.send(&Call::post(JOB, &json!({})).bearer(token))
}

/// As the scheduler does, with a session of its own: again at once while there is more.
fn run_down(practice: &Practice) -> Value {
    let job = somebody(practice, Role::Job, practice.clinic);
    loop {
        let answer = run(practice, &job);
        assert_eq!(answer.status, 200, "{}", answer.json);
        if answer.json["more"] == false {
            return answer.json["classes"].clone();
        }
    }
}

fn states(classes: &Value) -> Vec<(&str, u64, &str)> {
    let classes = classes.as_array().unwrap().iter();
    classes
        .map(|said| {
            let text = |field: &str| said[field].as_str().unwrap();
            (text("class"), said["current"].as_u64().unwrap(), text("state"))
        })
        .collect()
}

fn change(practice: &mut Practice, change: impl FnOnce(&World, &str) -> String) {
    let before = practice.world.keyrings[&Function::Records].clone();
    let after = change(&practice.world, &before);
    practice.world.keyrings.insert(Function::Records, after);
}

fn rotate(practice: &mut Practice, class: DataClass) {
    change(practice, |world, text| {
        let added = add_key_version(&world.entropy, Function::Records, text, class).unwrap();
        promote_key_version(Function::Records, &added, class)
            .unwrap()
            .to_string()
    });
}

fn log_in_again(practice: &mut Practice) {
    practice.clinician.token = log_in(
        &practice.world,
        &[Role::Clinician],
        practice.clinic,
        practice.clinician.account,
        None,
    );
}

/// Everything that was written, as it is read now.
fn read_all(practice: &Practice, written: &[String]) -> Vec<Value> {
    let read = |path: &String| practice.as_clinician(Call::get(path));
    let read = written.iter().map(read).map(|answer| {
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json
    });
    read.collect()
}

/// A record and a psychotherapy note, which have a data key each.
fn written(practice: &Practice) -> Vec<String> {
    let note = Call::post(practice.path(NOTES), &note("A dream.")).once("note");
    let note = practice.as_clinician(note);
    assert_eq!(note.status, 201, "{}", note.json);
    vec![
        format!("{}/{}", practice.path(RECORDS), practice.write("record", "She slept.")),
        format!("{}/{}", practice.path(NOTES), note.text("id")),
    ]
}

#[test]
fn only_a_job_runs_it_and_it_is_told_no_numbers() {
    let mut practice = Practice::new();
    written(&practice);
    rotate(&mut practice, DataClass::Health);
    assert_refused(&practice.send(&Call::post(JOB, &json!({}))), 401, "unauthenticated");
    let before = practice.state();
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Job) {
        let answer = run(&practice, &somebody(&practice, role, practice.clinic));
        assert_refused(&answer, 403, "access-denied");
        assert_eq!(practice.event(&answer).decision, Decision::Denied);
    }
    let keys = |state: Vec<(String, String, Vec<u8>)>| -> Vec<_> {
        let of_keys = state.into_iter().filter(|(store, ..)| store == "health-keys");
        of_keys.collect()
    };
    assert_eq!(keys(practice.state()), keys(before));

    // Any clinic's job does it for all.
    let stranger = run(&practice, &somebody(&practice, Role::Job, practice.world.entropy.id()));
    assert_eq!(stranger.status, 200, "{}", stranger.json);
    assert_eq!(
        stranger.json,
        json!({"more": false, "classes": [
            {"class": "health", "current": 2, "state": "waiting", "percent": 100},
            {"class": "psychotherapy", "current": 1, "state": "complete", "percent": 100},
            {"class": "substance_use", "current": 1, "state": "complete", "percent": 100},
        ]})
    );
    let answer = run(&practice, &somebody(&practice, Role::Job, practice.clinic));
    let event = practice.event(&answer);
    assert_eq!(
        (event.rule.as_str(), event.action, event.class, event.subject),
        ("job.data-keys", Action::Execute, DataClass::SubstanceUse, None)
    );
    let classes: BTreeSet<_> = practice
        .trail()
        .into_iter()
        .filter(|event| event.rule == "job.data-keys")
        .map(|event| event.class)
        .collect();
    assert_eq!(
        classes,
        BTreeSet::from([DataClass::Health, DataClass::Psychotherapy, DataClass::SubstanceUse])
    );
}

#[test]
fn records_are_read_and_written_at_every_stage_of_a_rotation() {
    let mut practice = Practice::new();
    let mut records = written(&practice);
    let first = practice.world.keyrings[&Function::Records].clone();
    for class in [DataClass::Health, DataClass::Psychotherapy] {
        rotate(&mut practice, class);
    }
    let written_before = read_all(&practice, &records);
    let said = run_down(&practice);
    assert_eq!(
        states(&said),
        [
            ("health", 2, "waiting"),
            ("psychotherapy", 2, "waiting"),
            ("substance_use", 1, "complete")
        ]
    );
    assert_eq!(read_all(&practice, &records), written_before);
    let amended = practice.send(&practice.amending(records[0].rsplit('/').next().unwrap(), 1, "She slept well."));
    assert_eq!(amended.status, 200, "{}", amended.json);
    records.push(format!(
        "{}/{}",
        practice.path(RECORDS),
        practice.write("later", "She slept.")
    ));

    practice.world.clock.advance(GRACE);
    let said = run_down(&practice);
    assert!(states(&said).iter().all(|(.., state)| *state == "complete"), "{said}");
    for class in [DataClass::Health, DataClass::Psychotherapy] {
        change(&mut practice, |_, text| {
            remove_key_version(Function::Records, text, class, 1)
                .unwrap()
                .to_string()
        });
    }
    log_in_again(&mut practice);
    let read = read_all(&practice, &records);
    assert_eq!(read[0]["content"]["text"], "She slept well.");
    assert_eq!(read[1], written_before[1]);
    practice.assert_whole();

    // Whoever kept the old keyring alone opens nothing.
    practice.world.keyrings.insert(Function::Records, first);
    for path in &records {
        assert_refused(&practice.as_clinician(Call::get(path)), 503, "unavailable");
    }
}

/// The job, broken off at every operation of its request in every way: records can be read, and the job goes on.
#[test]
fn a_job_killed_anywhere_loses_nothing() {
    let mut practice = Practice::new();
    let records = written(&practice);
    rotate(&mut practice, DataClass::Health);
    practice.begin_chains();
    let job = somebody(&practice, Role::Job, practice.clinic);
    let stored = practice.world.stores.dump();
    let readable = read_all(&practice, &records);
    practice.world.stores.disarm();
    assert_eq!(run(&practice, &job).status, 200);
    let operations = practice.world.stores.operations();
    for fault in Fault::ALL {
        for nth in 0..operations {
            practice.world.stores.restore(&stored);
            practice.world.stores.arm(nth, fault);
            let first = survive(|| run(&practice, &job));
            practice.world.stores.disarm();
            if let Some(first) = first {
                assert!(matches!(first.status, 200 | 503), "{fault:?} {nth}: {}", first.json);
            }
            assert_eq!(read_all(&practice, &records), readable, "{fault:?} {nth}");
            practice.world.clock.advance(SignedDuration::from_secs(61));
            let said = run_down(&practice);
            assert_eq!(states(&said)[0], ("health", 2, "waiting"), "{fault:?} {nth}");
            assert_eq!(read_all(&practice, &records), readable, "{fault:?} {nth}");
            practice.trail();
            practice.world.clock.advance(SignedDuration::from_secs(-61));
        }
    }
}

/// An instance that is behind begins nobody's chart: the operator is told what to deliver, and the same request is taken once it is there.
#[test]
fn an_instance_with_the_keyring_before_begins_no_chart() {
    let mut practice = Practice::new();
    practice.write("record", "She slept.");
    let new = practice.open("new");
    practice.agree(&new);
    change(&mut practice, |world, text| {
        let added = add_key_version(&world.entropy, Function::Records, text, DataClass::Health).unwrap();
        added.to_string()
    });
    let behind = practice.world.keyrings[&Function::Records].clone();
    change(&mut practice, |_, text| {
        let promoted = promote_key_version(Function::Records, text, DataClass::Health).unwrap();
        promoted.to_string()
    });
    run_down(&practice);
    let promoted = practice.world.keyrings.insert(Function::Records, behind).unwrap();

    let begins = |practice: &Practice| {
        let call = Call::post(path(&new, RECORDS), &progress("First hour.")).once("first");
        practice.as_clinician(call)
    };
    let refused = begins(&practice);
    assert_refused(&refused, 503, "unavailable");
    let log = practice.world.log();
    let told = "keyring: another instance seals health with version 2: deliver its keyring here";
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].contains(told) && !log[0].contains(&new), "{log:?}");
    // Whoever has a chart goes on.
    practice.write("next", "She slept again.");

    practice.world.keyrings.insert(Function::Records, promoted);
    let begun = begins(&practice);
    assert_eq!(begun.status, 201, "{}", begun.json);
}
