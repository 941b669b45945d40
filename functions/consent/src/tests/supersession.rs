//! Consents that come in the place of others, as whole requests.

use super::*;

fn consents(client: &str) -> String {
    format!("/v1/consent/clients/{client}/consents")
}

/// Narrower than what it supersedes.
fn superseding(notice: &str, old: &str) -> Value {
    let mut terms = terms(notice);
    terms["classes"] = json!(["identity"]);
    terms["supersedes"] = json!(old);
    terms
}

fn withdrawing(client: &str, consent: &str) -> Call {
    Call::post(format!("{}/{consent}/withdraw", consents(client)), &json!({}))
}

/// The ids of the consents that are live.
fn live(practice: &Practice, client: &str) -> Vec<String> {
    let file = practice.file(client);
    let ids = file["consents"].as_array().unwrap().iter();
    ids.map(|consent| consent["consent_id"].as_str().unwrap().to_owned())
        .collect()
}

/// A client, a notice, and what she agreed to.
fn agreed(practice: &Practice) -> (String, String, String) {
    let (client, notice) = (practice.open("open"), practice.publish("notice"));
    let old = practice.give(&client, "old", &terms(&notice)).text("consent_id");
    (client, notice, old)
}

#[test]
fn one_consent_comes_in_the_place_of_another_at_once() {
    let practice = Practice::new();
    let (client, notice, old) = agreed(&practice);
    assert_eq!(practice.reading(&client, &practice.clinician), "care.records");
    let terms = superseding(&notice, &old);
    let given = practice.give(&client, "new", &terms);
    let new = given.text("consent_id");
    assert_eq!(given.text("supersedes"), old);
    assert_eq!(live(&practice, &client), [new.as_str()]);
    assert_eq!(practice.reading(&client, &practice.clinician), "deny.no-consent");
    assert_eq!(practice.events(&client)[1..], ["given", "given"]);
    let read = practice.as_clinician(Call::get(format!("{}/{old}", consents(&client))));
    assert_eq!(read.text("superseded_by"), new);
    practice.refused(&practice.clinician.token, withdrawing(&client, &old), 409, "superseded");
    // Neither does giving the old one anew, under its key, bring it back.
    assert_eq!(practice.give(&client, "old", &super::terms(&notice)).status, 201);
    assert_eq!(live(&practice, &client), [new.as_str()]);
    assert_eq!(practice.give(&client, "new", &terms).json, given.json);
    practice.accepted(&practice.clinician.token, withdrawing(&client, &new));
    assert_eq!(live(&practice, &client), [""; 0]);
    practice.refused(&practice.clinician.token, withdrawing(&client, &old), 409, "superseded");
}

#[test]
fn only_a_live_consent_is_superseded() {
    let mut practice = Practice::new();
    let (client, notice, old) = agreed(&practice);
    let other = practice.open("other");
    let mut short = terms(&notice);
    short["expires_at"] = json!("2026-12-01T08:10:00Z");
    let short = practice.give(&client, "short", &short).text("consent_id");
    practice.accepted(&practice.clinician.token, withdrawing(&client, &old));
    practice.later(SignedDuration::from_mins(10));
    let elsewhere = practice.give(&other, "elsewhere", &terms(&notice)).text("consent_id");
    let nobodys = practice.world.entropy.id::<model::kind::Consent>().to_string();
    for superseded in [&old, &short, &elsewhere, &nobodys] {
        let call = Call::post(consents(&client), &superseding(&notice, superseded)).once("new");
        practice.violated(&practice.clinician.token, call, "/supersedes", "live-consent");
    }
    assert_eq!(live(&practice, &other), [elsewhere]);
}

/// A full file has room for what comes in the place of something.
#[test]
fn a_full_file_takes_what_supersedes() {
    let practice = Practice::new();
    let (client, notice, old) = agreed(&practice);
    for number in 1..64 {
        assert_eq!(
            practice
                .give(&client, &format!("give-{number}"), &terms(&notice))
                .status,
            201
        );
    }
    assert_refused(
        &practice.give(&client, "more", &terms(&notice)),
        409,
        "too-many-consents",
    );
    assert_eq!(practice.give(&client, "new", &superseding(&notice, &old)).status, 201);
    assert_eq!(live(&practice, &client).len(), 64);
}

#[test]
fn superseding_is_finished_by_a_repeated_request() {
    at_every_crash(
        |practice| {
            let (client, notice, old) = agreed(practice);
            let call = Call::post(consents(&client), &superseding(&notice, &old)).once("new");
            call.bearer(&practice.clinician.token)
        },
        |practice, is_acknowledged| {
            // One or the other, and never both or none.
            let client = practice.open("open");
            assert_eq!(live(practice, &client).len(), 1);
            let is_old = practice.reading(&client, &practice.clinician) == "care.records";
            assert!(!(is_acknowledged && is_old));
        },
        |practice, answer| {
            let client = practice.open("open");
            assert_eq!(live(practice, &client), [answer.text("consent_id")]);
            assert_eq!(practice.events(&client)[1..], ["given", "given"]);
        },
    );
}

/// What a client withdraws is gone however far it had come, and so is what it was to replace.
#[test]
fn withdrawing_what_never_took_effect_leaves_neither() {
    for nth in 0.. {
        let practice = Practice::new();
        let (client, notice, old) = agreed(&practice);
        practice.world.stores.arm(nth, Fault::KilledAfter);
        let was_killed = survive(|| practice.give(&client, "new", &superseding(&notice, &old))).is_none();
        practice.world.stores.disarm();
        practice.world.clock.advance(SignedDuration::from_secs(61));
        if practice.events(&client).len() == 3 {
            let list = practice.as_admin(Call::get(consents(&client)));
            let new = list.json["entries"][0]["consent_id"].as_str().unwrap().to_owned();
            practice.accepted(&practice.clinician.token, withdrawing(&client, &new));
            assert_eq!(live(&practice, &client), [""; 0], "{nth}");
            assert_eq!(practice.give(&client, "new", &superseding(&notice, &old)).status, 201);
            assert_eq!(live(&practice, &client), [""; 0], "{nth}");
        }
        if !was_killed {
            break;
        }
    }
}

/// What was superseded ends with its withdrawal, though the one in its place never took effect.
#[test]
fn withdrawing_what_was_superseded_and_is_still_live_ends_it() {
    let practice = Practice::new();
    let (client, notice, old) = agreed(&practice);
    let give = Call::post(consents(&client), &superseding(&notice, &old)).once("new");
    let give = give.bearer(&practice.clinician.token);
    practice.die_entered(&client, &give);
    assert_eq!(practice.reading(&client, &practice.clinician), "care.records");
    let answer = practice.as_clinician(withdrawing(&client, &old));
    assert_refused(&answer, 409, "superseded");
    assert_eq!(live(&practice, &client), [""; 0]);
    // The same again changes nothing, and the one in its place can still take effect.
    practice.refused(&practice.clinician.token, withdrawing(&client, &old), 409, "superseded");
    let given = practice.send(&give);
    assert_eq!(given.status, 201, "{}", given.json);
    assert_eq!(live(&practice, &client), [given.text("consent_id")]);
}

#[test]
fn superseding_and_withdrawing_the_old_one_meet() {
    let prepare = |practice: &Practice| {
        let (client, notice, old) = agreed(practice);
        let give = Call::post(consents(&client), &superseding(&notice, &old)).once("new");
        let token = &practice.clinician.token;
        (give.bearer(token), withdrawing(&client, &old).bearer(token))
    };
    let verify = |practice: &Practice, nth: usize, give: &Answer, withdraw: &Answer| {
        let client = practice.open("open");
        let live = live(practice, &client);
        let withdraws = match withdraw.status {
            200 => true,
            409 => {
                assert_refused(withdraw, 409, "superseded");
                false
            }
            status => panic!("{nth}: {status} {}", withdraw.json),
        };
        // What was answered with a withdrawal, nothing has come in the place of; else the new one has.
        match give.status {
            201 => assert_eq!((withdraws, &live[..]), (false, &[give.text("consent_id")][..]), "{nth}"),
            409 => {
                assert_refused(give, 409, "supersedes-ended");
                assert_eq!((withdraws, live.len()), (true, 0), "{nth}");
            }
            _ => {
                assert_violates(give, "/supersedes", "live-consent");
                assert_eq!((withdraws, live.len()), (true, 0), "{nth}");
            }
        }
        // What was answered to the withdrawal is what the ledger says of it.
        let list = practice.as_admin(Call::get(consents(&client)));
        let old = list.json["entries"].as_array().unwrap().iter().rev();
        let old = old
            .filter(|entry| entry["event"] == "given")
            .find(|entry| entry["supersedes"].is_null());
        let old = old.unwrap()["consent_id"].as_str().unwrap();
        let read = practice.as_admin(Call::get(format!("{}/{old}", consents(&client))));
        assert_eq!(read.json["withdrawn_at"].is_string(), withdraws, "{nth}");
        assert_ne!(read.json["superseded_by"].is_string(), withdraws, "{nth}");
    };
    at_every_meeting_of_either(prepare, verify);
}

/// A withdrawal that happens as a whole after the new one was found to be in order: it was answered, and no consent is left.
#[test]
fn nothing_comes_in_the_place_of_what_was_withdrawn() {
    let mut practice = Practice::new();
    let (client, notice, old) = agreed(&practice);
    let terms = superseding(&notice, &old);
    let moment = practice.moment();
    let mut met = 0;
    for nth in 0.. {
        practice.return_to(&moment);
        // Broken off, withdrawn, repeated: the same as two requests that meet.
        practice.world.stores.arm(nth, Fault::KilledAfter);
        let was_killed = survive(|| practice.give(&client, "new", &terms)).is_none();
        practice.world.stores.disarm();
        practice.world.clock.advance(SignedDuration::from_secs(61));
        if !was_killed {
            break;
        }
        let withdrawn = practice.send(&withdrawing(&client, &old).bearer(&practice.clinician.token));
        let again = practice.give(&client, "new", &terms);
        if withdrawn.status != 200 {
            assert_refused(&withdrawn, 409, "superseded");
            assert_eq!(live(&practice, &client), [again.text("consent_id")], "{nth}");
            continue;
        }
        assert_eq!(live(&practice, &client), [""; 0], "{nth}");
        if again.status == 422 {
            assert_violates(&again, "/supersedes", "live-consent");
            continue;
        }
        met += 1;
        assert_refused(&again, 409, "supersedes-ended");
        // Nor does it say anywhere that it is in effect, however often it is sent.
        assert_refused(&practice.give(&client, "new", &terms), 409, "supersedes-ended");
        assert_eq!(
            practice.events(&client)[1..],
            ["given", "withdrawn", "given", "withdrawn"]
        );
        let list = practice.as_admin(Call::get(consents(&client)));
        let new = list.json["entries"][0]["consent_id"].as_str().unwrap().to_owned();
        let read = practice.as_admin(Call::get(format!("{}/{new}", consents(&client))));
        assert_eq!(
            (read.text("supersedes"), read.json["withdrawn_at"].is_string()),
            (old.clone(), true)
        );
        let fhir = practice.as_admin(Call::get(format!("{}/{new}/fhir", consents(&client))));
        assert_eq!((fhir.status, fhir.text("status")), (200, "inactive".to_owned()));
        // There is nothing to withdraw.
        practice.refused(
            &practice.clinician.token,
            withdrawing(&client, &new),
            409,
            "supersedes-ended",
        );
        assert_eq!(practice.reading(&client, &practice.clinician), "deny.no-consent");
    }
    assert!(met > 0, "they never met");
}

/// Of two that come in the place of one consent, the first that is entered does.
#[test]
fn two_that_supersede_the_same_meet() {
    at_every_meeting(
        |practice| {
            let (client, notice, old) = agreed(practice);
            ["new", "other"]
                .map(|key| {
                    let call = Call::post(consents(&client), &superseding(&notice, &old)).once(key);
                    call.bearer(&practice.clinician.token)
                })
                .into()
        },
        |practice, nth, first, second| {
            let given: Vec<String> = [first, second]
                .into_iter()
                .filter(|answer| answer.status == 201)
                .map(|answer| answer.text("consent_id"))
                .collect();
            assert_eq!(given.len(), 1, "{nth}: {} {}", first.json, second.json);
            assert_eq!(live(practice, &practice.open("open")), given, "{nth}");
        },
    );
}

#[test]
fn superseding_and_withdrawing_the_new_one_meet() {
    let prepare = |practice: &Practice| {
        let (client, notice, old) = agreed(practice);
        let give = Call::post(consents(&client), &superseding(&notice, &old)).once("new");
        let give = give.bearer(&practice.clinician.token);
        practice.die_entered(&client, &give);
        assert_eq!(live(practice, &client), [old]);
        let list = practice.as_admin(Call::get(consents(&client)));
        let new = list.json["entries"][0]["consent_id"].as_str().unwrap();
        (give, withdrawing(&client, new).bearer(&practice.admin.token))
    };
    let verify = |practice: &Practice, nth: usize| {
        let client = practice.open("open");
        assert_eq!(live(practice, &client), [""; 0], "{nth}");
        assert_eq!(practice.events(&client)[1..], ["given", "given", "withdrawn"], "{nth}");
    };
    at_every_interleaving(prepare, verify);
    at_every_interleaving(
        |practice| {
            let (give, withdraw) = prepare(practice);
            (withdraw, give)
        },
        verify,
    );
}
