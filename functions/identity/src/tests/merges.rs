//! Merging two entries of one client, and undoing it: alone, broken off anywhere, and against other merges.

use super::*;

const MERGES: &str = "/v1/identity/merges";

fn one() -> Value {
    json!({"name": {"given": ["Zoë"], "family": "Okafor"}, "birth_date": "1987-03-21",
        "telecoms": [{"system": "email", "value": "zoe@example.org", "rank": 1}],
        "preferences": {"language": "en", "channels": ["email", "sms"]}})
}

/// The same person, misspelt.
fn two() -> Value {
    json!({"name": {"given": ["Zoe"], "family": "Okaför-Misspelt"}, "birth_date": "1987-03-12",
        "telecoms": [{"system": "email", "value": "zoe@example.org"},
            {"system": "phone", "value": "+493012345678", "use": "mobile", "rank": 1}],
        "addresses": [{"city": "Berlin", "country": "DE"}],
        "preferences": {"language": "de", "channels": ["email"]}})
}

impl Practice {
    /// A registered client.
    fn registered(&self, key: &str, person: &Value) -> String {
        let client = self.consenting(key);
        assert_eq!(self.register(&client, person).status, 201);
        client
    }

    fn merge_as(&self, token: &str, surviving: &str, duplicate: &str, key: &str) -> Answer {
        let body = json!({"surviving": surviving, "duplicate": duplicate, "reason": "SECRET the same person"});
        self.send(&Call::post(MERGES, &body).once(key).bearer(token))
    }

    fn merge(&self, surviving: &str, duplicate: &str, key: &str) -> Answer {
        self.merge_as(&self.admin.token, surviving, duplicate, key)
    }

    fn undo(&self, merge: &str) -> Answer {
        let body = json!({"reason": "SECRET they are two"});
        self.send(&Call::post(format!("{MERGES}/{merge}/undo"), &body).bearer(&self.admin.token))
    }

    /// What an entry says of its links: what replaces it, and what it replaces.
    fn links(&self, client: &str) -> (Option<String>, Vec<String>) {
        let entry = self.read(client).json;
        let id = |link: &Value| link["client_id"].as_str().map(str::to_owned);
        let replaces = entry["replaces"].as_array().into_iter().flatten();
        (id(&entry["replaced_by"]), replaces.filter_map(id).collect())
    }
}

#[test]
fn two_entries_become_one_to_look_at_and_two_again() {
    let practice = Practice::new();
    let (survivor, duplicate) = (practice.registered("one", &one()), practice.registered("two", &two()));
    let merged = practice.merge(&survivor, &duplicate, "merge");
    let admin = practice.admin.account.to_string();
    let merge = merged.text("merge_id");
    assert_eq!(
        (merged.status, &merged.json),
        (
            200,
            &json!({"merge_id": merge, "surviving": survivor, "duplicate": duplicate,
                "merged_at": "2026-12-01T08:00:00Z", "merged_by": admin})
        )
    );
    assert!(merged.header("audit-id").is_some());

    // The survivor has what it lacked; the duplicate can be read as it was, and says where it went.
    let read = practice.read(&survivor).json;
    assert_eq!(
        (
            &read["telecoms"],
            &read["addresses"],
            &read["name"],
            &read["birth_date"]
        ),
        (
            &json!([{"system": "email", "value": "zoe@example.org", "rank": 1},
                {"system": "phone", "value": "+493012345678", "use": "mobile"}]),
            &two()["addresses"],
            &one()["name"],
            &one()["birth_date"]
        )
    );
    assert_eq!(read["replaces"], json!([{"client_id": duplicate, "merge_id": merge}]));
    assert_eq!(
        (read["version"].as_u64(), &read["written_by"]),
        (Some(2), &json!(admin))
    );
    assert_eq!(read["reason"], "SECRET the same person");
    let read = practice.read(&duplicate).json;
    assert_eq!(
        (&read["name"], &read["telecoms"], &read["replaced_by"]),
        (
            &two()["name"],
            &two()["telecoms"],
            &json!({"client_id": survivor, "merge_id": merge})
        )
    );
    assert_eq!(
        (read["version"].as_u64(), &read["reason"]),
        (Some(2), &json!("SECRET the same person"))
    );
    for client in [&survivor, &duplicate] {
        let history = practice.as_clinician(Call::get(format!("/v1/identity/clients/{client}/history")));
        let versions = history.json["versions"].as_array().unwrap();
        assert_eq!((versions.len(), &versions[1]["version"]), (2, &json!(1)));
    }

    // Writing to the duplicate is refused, whatever the version; the survivor is corrected as ever.
    for version in [1, 2, 3] {
        let refused = practice.correct(&duplicate, version, &two());
        assert_refused(&refused, 409, "replaced");
        let instead = format!("/v1/identity/clients/{survivor}");
        assert_eq!(refused.header("location"), Some(instead.as_str()));
    }
    let stranger = practice.send(
        &Call::put(
            format!("/v1/identity/clients/{duplicate}"),
            &json!({"reason": "x", "client": two()}),
        )
        .header("if-match", "\"v2\"")
        .bearer(&practice.colleague.token),
    );
    assert_refused(&stranger, 403, "access-denied");
    assert_eq!(stranger.header("location"), None);

    // Every value of both finds the survivor, once.
    let token = &practice.clinician.token;
    let values = [
        json!({"email": "zoe@example.org"}),
        json!({"phone": "+493012345678"}),
        json!({"name": {"given": "zoe", "family": "okafor"}, "birth_date": "1987-03-21"}),
        json!({"name": {"given": "zoe", "family": "okafor misspelt"}, "birth_date": "1987-03-12"}),
    ];
    for sought in &values {
        assert_eq!(practice.found(token, sought), [survivor.as_str()], "{sought}");
    }

    // Undone, both stand for themselves; what was taken over stays until somebody corrects it.
    practice.world.clock.advance(SignedDuration::from_mins(1));
    let undone = practice.undo(&merge);
    let mut expected = merged.json.clone();
    expected["undone_at"] = json!("2026-12-01T08:01:00Z");
    expected["undone_by"] = json!(admin);
    assert_eq!((undone.status, &undone.json), (200, &expected));
    practice.world.clock.advance(SignedDuration::from_mins(1));
    let versions = || [&survivor, &duplicate].map(|client| practice.read(client).json["version"].as_u64());
    let before = versions();
    assert_eq!(
        (practice.undo(&merge).status, practice.undo(&merge).json),
        (200, expected.clone())
    );
    // The first request, come late, does not merge them again.
    assert_eq!(practice.merge(&survivor, &duplicate, "merge").json, expected);
    assert_eq!(versions(), before);
    for client in [&survivor, &duplicate] {
        assert_eq!(practice.links(client), (None, vec![]));
        assert_eq!(practice.read(client).json["reason"], "SECRET they are two");
    }
    assert_eq!(practice.found(token, &values[0]), [survivor.clone(), duplicate.clone()]);
    assert_eq!(practice.found(token, &values[1]), [duplicate.clone(), survivor.clone()]);
    assert_eq!(practice.found(token, &values[2]), [survivor.as_str()]);
    assert_eq!(practice.found(token, &values[3]), [duplicate.as_str()]);
    assert_eq!(practice.correct(&duplicate, 3, &two()).status, 200);

    // Merged anew, the other way round, by another request.
    assert_eq!(practice.merge(&duplicate, &survivor, "other-way").status, 200);
    assert_eq!(practice.links(&survivor), (Some(duplicate.clone()), vec![]));
    // Undoing the first merge once more undoes nothing of the second.
    assert_eq!(practice.undo(&merge).status, 200);
    assert_eq!(practice.links(&duplicate), (None, vec![survivor]));
}

#[test]
fn a_repeated_merge_is_the_same_and_takes_nothing_over_again() {
    let practice = Practice::new();
    let (survivor, duplicate) = (practice.registered("one", &one()), practice.registered("two", &two()));
    let merged = practice.merge(&survivor, &duplicate, "merge");
    // Somebody takes the number away that came with the merge.
    assert_eq!(practice.correct(&survivor, 2, &one()).status, 200);
    let again = practice.merge(&survivor, &duplicate, "merge");
    assert_eq!((again.status, &again.json), (200, &merged.json));
    let read = practice.read(&survivor).json;
    assert_eq!(
        (&read["telecoms"], read["version"].as_u64()),
        (&one()["telecoms"], Some(3))
    );
    assert_eq!(practice.links(&survivor), (None, vec![duplicate.clone()]));
    let other = practice.registered("three", &one());
    assert_refused(
        &practice.merge(&survivor, &other, "merge"),
        422,
        "idempotency-key-reused",
    );
}

#[test]
fn links_are_one_step_long() {
    let practice = Practice::new();
    let [a, b, c] = ["a", "b", "c"].map(|key| practice.registered(key, &one()));
    assert_eq!(practice.merge(&b, &a, "a-to-b").status, 200);
    let versions = || [&a, &b, &c].map(|client| practice.read(client).json["version"].as_u64());
    let before = versions();
    for (surviving, duplicate, problem) in [
        (&c, &a, "duplicate-replaced"),
        (&b, &a, "duplicate-replaced"),
        (&a, &c, "survivor-replaced"),
        (&a, &b, "duplicate-replaces"),
        (&c, &b, "duplicate-replaces"),
    ] {
        let key = format!("{surviving}-{duplicate}");
        for _ in 0..2 {
            assert_refused(&practice.merge(surviving, duplicate, &key), 409, problem);
        }
    }
    assert_eq!(versions(), before);
    assert_eq!(practice.merge(&b, &c, "c-to-b").status, 200);
    assert_eq!(practice.links(&b), (None, vec![a.clone(), c.clone()]));
    assert_eq!(
        practice.found(&practice.clinician.token, &json!({"email": "zoe@example.org"})),
        [b]
    );
}

#[test]
fn an_entry_stands_for_a_bounded_number() {
    let practice = Practice::new();
    let survivor = practice.registered("survivor", &one());
    for number in 0..17 {
        let key = format!("duplicate-{number}");
        let duplicate = practice.registered(&key, &two());
        let merged = practice.merge(&survivor, &duplicate, &key);
        if number < 16 {
            assert_eq!(merged.status, 200, "{}", merged.json);
        } else {
            assert_refused(&merged, 409, "too-many-merged");
        }
    }
}

/// Whoever was taken for somebody else, and then withdraws or hides what is hers, does not shut in the mistake with it.
#[test]
fn a_wrong_merge_is_undone_whatever_was_withdrawn_since() {
    let practice = Practice::new();
    let survivor = practice.registered("one", &one());
    let duplicate = practice.open("two");
    let withdraw = practice.agree(&duplicate);
    assert_eq!(practice.register(&duplicate, &two()).status, 201);
    let merge = practice.merge(&survivor, &duplicate, "merge").text("merge_id");
    let herself = log_in(
        &practice.world,
        &[Role::Client],
        practice.clinic,
        practice.world.entropy.id(),
        Some(duplicate.parse().unwrap()),
    );
    let hide = Call::post(
        format!("/v1/consent/clients/{duplicate}/restrictions"),
        &json!({"class": "identity"}),
    );
    practice.to_consent(&hide.once("hide").bearer(&herself), 201);
    practice.to_consent(&Call::post(&withdraw, &json!({})).bearer(&herself), 200);
    assert_refused(&practice.merge(&survivor, &duplicate, "again"), 403, "restricted");
    let undone = practice.undo(&merge);
    assert_eq!(undone.status, 200, "{}", undone.json);
    assert_eq!(practice.links(&survivor), (None, vec![]));
    let own = practice.send(&Call::get(format!("/v1/identity/clients/{duplicate}")).bearer(&herself));
    assert_eq!((own.status, &own.json["replaced_by"]), (200, &Value::Null));
}

#[test]
fn only_administrators_merge_and_only_with_grounds_for_both() {
    let practice = Practice::new();
    let (survivor, duplicate) = (practice.registered("one", &one()), practice.registered("two", &two()));
    let merge = practice.merge(&survivor, &duplicate, "merge").text("merge_id");
    assert_eq!(practice.undo(&merge).status, 200);
    let undo = |token: &str| {
        let body = json!({"reason": "SECRET"});
        practice.send(&Call::post(format!("{MERGES}/{merge}/undo"), &body).bearer(token))
    };
    let world = &practice.world;
    let staff = |role| log_in(world, &[role], practice.clinic, world.entropy.id(), None);
    let herself = log_in(
        world,
        &[Role::Client],
        practice.clinic,
        world.entropy.id(),
        Some(survivor.parse().unwrap()),
    );
    for token in [
        practice.clinician.token.clone(),
        practice.colleague.token.clone(),
        staff(Role::PrivacyOfficer),
        staff(Role::Billing),
        herself,
    ] {
        assert_refused(
            &practice.merge_as(&token, &survivor, &duplicate, "other"),
            403,
            "access-denied",
        );
        assert_refused(&undo(&token), 403, "access-denied");
    }
    // Of another clinic there is neither client nor merge.
    let elsewhere = log_in(
        world,
        &[Role::ClinicAdmin],
        world.entropy.id(),
        world.entropy.id(),
        None,
    );
    assert_refused(
        &practice.merge_as(&elsewhere, &survivor, &duplicate, "other"),
        403,
        "access-denied",
    );
    assert_refused(&undo(&elsewhere), 404, "not-found");
    assert_refused(&practice.undo("mrg_00000000000000000000000000"), 404, "not-found");

    // For no other purpose, not even by a clinician who treats both.
    let body = json!({"surviving": survivor, "duplicate": duplicate, "reason": "SECRET"});
    for (purpose, status, problem) in [
        ("TREAT", 400, "malformed-request"),
        ("BTG", 400, "malformed-request"),
        ("HMARKT", 403, "prohibited-purpose"),
    ] {
        let call = Call::post(MERGES, &body)
            .once("purpose")
            .header("purpose-of-use", purpose);
        for token in [&practice.clinician.token, &practice.admin.token] {
            assert_refused(&practice.send(&call.clone().bearer(token)), status, problem);
        }
    }

    // Somebody who is not registered cannot be merged, nor somebody without a ground.
    let unregistered = practice.consenting("three");
    let bare = practice.open("four");
    for (surviving, duplicate) in [(&survivor, &unregistered), (&unregistered, &survivor)] {
        assert_refused(&practice.merge(surviving, duplicate, "none"), 404, "not-found");
    }
    for (surviving, duplicate) in [(&survivor, &bare), (&bare, &survivor)] {
        assert_refused(&practice.merge(surviving, duplicate, "none"), 403, "no-consent");
    }
    for (surviving, duplicate, reason, status) in [
        (&survivor, &survivor, "same", 422),
        (&survivor, &duplicate, " ", 422),
        (&survivor, &"SECRET".to_owned(), "not one", 400),
    ] {
        let body = json!({"surviving": surviving, "duplicate": duplicate, "reason": reason});
        let refused = practice.send(&Call::post(MERGES, &body).once("bad").bearer(&practice.admin.token));
        assert_eq!(refused.status, status, "{}", refused.json);
    }
    let without_key = practice.send(&Call::post(MERGES, &body).bearer(&practice.admin.token));
    assert_refused(&without_key, 400, "malformed-request");
    for client in [&survivor, &duplicate] {
        assert_eq!(practice.links(client), (None, vec![]));
    }
}

/// Both decisions are durable before either entry changes, and name the merge.
#[test]
fn both_decisions_are_recorded_before_anything_is_written() {
    let practice = Practice::new();
    let (survivor, duplicate) = (practice.registered("one", &one()), practice.registered("two", &two()));
    practice.world.stores.disarm();
    assert_eq!(practice.merge(&survivor, &duplicate, "merge").status, 200);
    let trace = practice.world.stores.trace();
    let writes = |line: &&String| ["set", "swap"].contains(&line.split(' ').nth(1).unwrap());
    let written: Vec<_> = trace
        .iter()
        .filter(writes)
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let decisions = written.iter().take_while(|store| **store == "audit").count();
    assert!(decisions >= 2, "{written:?}");
    assert!(
        written.iter().skip(decisions).all(|store| *store == "identity"),
        "{written:?}"
    );
}

/// Whoever sends her something goes on doing so, by the account that she has.
#[test]
fn notify_is_told_where_the_survivor_is_reached() {
    let practice = Practice::new();
    let (survivor, duplicate) = (practice.registered("one", &one()), practice.registered("two", &two()));
    let contact = |client: &str, channel: &str| {
        let body = json!({"clinic_id": practice.clinic, "client_id": client, "channel": channel});
        let path = "/v1/identity/private/contact";
        let call = practice
            .world
            .private_call(Function::Notify, Function::Identity, path, &body);
        practice.send(&call).json
    };
    assert_eq!(
        contact(&duplicate, "email"),
        json!({"address": "zoe@example.org", "language": "de"})
    );
    let merge = practice.merge(&survivor, &duplicate, "merge").text("merge_id");
    let mut moved = one();
    moved["telecoms"] = json!([
        {"system": "email", "value": "old@example.org"},
        {"system": "email", "value": "new@example.org", "rank": 1}
    ]);
    assert_eq!(practice.correct(&survivor, 2, &moved).status, 200);
    for client in [&survivor, &duplicate] {
        assert_eq!(
            contact(client, "email"),
            json!({"address": "new@example.org", "language": "en"})
        );
        // Without a consent to text messages there are none, whatever numbers she has.
        assert_eq!(contact(client, "sms"), json!({"language": "en"}));
    }
    assert_eq!(practice.undo(&merge).status, 200);
    assert_eq!(
        contact(&duplicate, "email"),
        json!({"address": "zoe@example.org", "language": "de"})
    );
}

/// What holds at every moment: nobody is lost to a search, and no link is more than one step long where both sides have it.
fn check_found(practice: &Practice, survivor: &str, duplicate: &str, case: &str) {
    for sought in [
        json!({"email": "zoe@example.org"}),
        json!({"phone": "+493012345678"}),
        json!({"name": {"given": "zoe", "family": "okafor misspelt"}, "birth_date": "1987-03-12"}),
    ] {
        let found = practice.found(&practice.clinician.token, &sought);
        assert!(!found.is_empty(), "{case}: {sought} is lost");
        let known = [survivor, duplicate];
        assert!(found.iter().all(|client| known.contains(&client.as_str())), "{case}");
    }
}

#[test]
fn a_merge_that_is_broken_off_is_finished_by_a_repeated_request() {
    for fault in Fault::ALL {
        for nth in 0.. {
            let case = format!("{fault:?} at {nth}");
            let practice = Practice::new();
            let (survivor, duplicate) = (practice.registered("one", &one()), practice.registered("two", &two()));
            practice.world.stores.arm(nth, fault);
            let first = survive(|| practice.merge(&survivor, &duplicate, "merge"));
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            if let Some(first) = &first {
                assert!(matches!(first.status, 200 | 503), "{case}: {}", first.json);
            }
            practice.world.clock.advance(SignedDuration::from_secs(61));
            check_found(&practice, &survivor, &duplicate, &case);
            // Every other time it is undone instead, if somebody can know of it.
            let link = practice.read(&duplicate).json["replaced_by"]["merge_id"].clone();
            if let (Some(merge), 1) = (link.as_str(), nth % 2) {
                assert_eq!(practice.undo(merge).status, 200, "{case}");
                assert_eq!(practice.links(&survivor), (None, vec![]), "{case}");
                assert_eq!(practice.links(&duplicate), (None, vec![]), "{case}");
                assert_eq!(practice.correct(&duplicate, 3, &two()).status, 200, "{case}");
            } else {
                let again = practice.merge(&survivor, &duplicate, "merge");
                assert_eq!(again.status, 200, "{case}: {}", again.json);
                assert_eq!(practice.links(&survivor), (None, vec![duplicate.clone()]), "{case}");
                assert_eq!(practice.links(&duplicate), (Some(survivor.clone()), vec![]), "{case}");
                let read = practice.read(&survivor).json;
                assert_eq!(
                    (read["telecoms"].as_array().unwrap().len(), read["version"].as_u64()),
                    (2, Some(2)),
                    "{case}"
                );
                assert_eq!(
                    practice.found(&practice.clinician.token, &json!({"phone": "+493012345678"})),
                    [survivor.as_str()]
                );
            }
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn an_undoing_that_is_broken_off_is_finished_by_a_repeated_request() {
    for fault in Fault::ALL {
        for nth in 0.. {
            let case = format!("{fault:?} at {nth}");
            let practice = Practice::new();
            let (survivor, duplicate) = (practice.registered("one", &one()), practice.registered("two", &two()));
            let merge = practice.merge(&survivor, &duplicate, "merge").text("merge_id");
            practice.world.stores.arm(nth, fault);
            let first = survive(|| practice.undo(&merge));
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            if let Some(first) = &first {
                assert!(matches!(first.status, 200 | 503), "{case}: {}", first.json);
            }
            practice.world.clock.advance(SignedDuration::from_secs(61));
            check_found(&practice, &survivor, &duplicate, &case);
            assert_eq!(practice.undo(&merge).status, 200, "{case}");
            for client in [&survivor, &duplicate] {
                assert_eq!(practice.links(client), (None, vec![]), "{case}");
                let read = practice.read(client).json;
                assert_eq!(
                    read["version"].as_u64(),
                    Some(3),
                    "{case}: once to link, once to unlink"
                );
            }
            if !reached {
                break;
            }
        }
    }
}

/// What holds once all requests are answered: links agree, and are one step long.
fn check_links(practice: &Practice, clients: &[String], case: &str) {
    for client in clients {
        let (replaced_by, replaces) = practice.links(client);
        assert!(replaced_by.is_none() || replaces.is_empty(), "{case}: a chain");
        if let Some(survivor) = replaced_by {
            assert!(
                practice.links(&survivor).1.contains(client),
                "{case}: a link on one side"
            );
        }
        for duplicate in replaces {
            assert_eq!(
                practice.links(&duplicate).0.as_ref(),
                Some(client),
                "{case}: a link on one side"
            );
        }
    }
}

/// Two merges at once, the one at each operation of the other. Nothing of the trail has to begin meanwhile, so that neither waits.
fn race(pairs: [(usize, usize); 2]) {
    for nth in 0.. {
        let case = format!("{pairs:?} at {nth}");
        let practice = Rc::new(Practice::new());
        let clients = ["a", "b", "c"].map(|key| practice.registered(key, &one()));
        for _ in 0..64 {
            practice.read(&clients[0]);
        }
        let [(one_survives, one_goes), (two_survives, two_goes)] = pairs;
        let (other, same) = (Rc::clone(&practice), clients.clone());
        practice.world.stores.meanwhile(nth, move || {
            let answer = other.merge(&same[two_survives], &same[two_goes], "two");
            assert!(matches!(answer.status, 200 | 409 | 503), "{}", answer.json);
        });
        let first = practice.merge(&clients[one_survives], &clients[one_goes], "one");
        assert!(matches!(first.status, 200 | 409 | 503), "{case}: {}", first.json);
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        practice.world.clock.advance(SignedDuration::from_secs(61));
        // Each request, sent again, comes to what it came to, and then everything agrees.
        let again = [
            practice.merge(&clients[one_survives], &clients[one_goes], "one"),
            practice.merge(&clients[two_survives], &clients[two_goes], "two"),
        ];
        assert!(again.iter().all(|answer| matches!(answer.status, 200 | 409)), "{case}");
        assert!(
            again.iter().any(|answer| answer.status == 409),
            "{case}: one of them is refused"
        );
        assert!(first.status == 503 || first.status == again[0].status, "{case}");
        check_links(&practice, &clients, &case);
        if !reached {
            break;
        }
    }
}

#[test]
fn of_merges_in_opposite_directions_one_at_most_is_done() {
    race([(0, 1), (1, 0)]);
}

#[test]
fn of_merges_that_would_make_a_chain_one_at_most_is_done() {
    race([(1, 0), (2, 1)]);
    race([(2, 1), (1, 0)]);
}

#[test]
fn of_merges_of_one_duplicate_into_two_one_at_most_is_done() {
    race([(1, 0), (2, 0)]);
}

#[test]
fn a_merge_that_is_undone_while_it_is_made_is_undone() {
    for nth in 0.. {
        let case = format!("at {nth}");
        let practice = Rc::new(Practice::new());
        let clients = [practice.registered("one", &one()), practice.registered("two", &two())];
        for _ in 0..64 {
            practice.read(&clients[0]);
        }
        let (other, same) = (Rc::clone(&practice), clients.clone());
        let undone = Rc::new(std::cell::Cell::new(None));
        let tell = Rc::clone(&undone);
        practice.world.stores.meanwhile(nth, move || {
            let link = other.read(&same[1]).json["replaced_by"]["merge_id"].clone();
            if let Some(merge) = link.as_str() {
                tell.set(Some(other.undo(merge).status));
            }
        });
        let merged = practice.merge(&clients[0], &clients[1], "merge");
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        practice.world.clock.advance(SignedDuration::from_secs(61));
        assert!(matches!(merged.status, 200 | 503), "{case}: {}", merged.json);
        assert!(matches!(undone.get(), None | Some(200 | 503)), "{case}: {undone:?}");
        let again = practice.merge(&clients[0], &clients[1], "merge");
        assert_eq!(again.status, 200, "{case}: {}", again.json);
        check_links(&practice, &clients, &case);
        let is_undone = again.json.get("undone_at").is_some();
        assert_eq!(practice.links(&clients[1]).0.is_none(), is_undone, "{case}");
        if undone.get() == Some(200) {
            assert!(is_undone, "{case}");
        }
        if !reached {
            break;
        }
    }
}

/// A correction of the duplicate that is under way is either in what is merged, or refused.
#[test]
fn a_correction_of_the_duplicate_is_merged_or_refused() {
    for nth in 0.. {
        let practice = Rc::new(Practice::new());
        let clients = [practice.registered("one", &one()), practice.registered("two", &two())];
        for _ in 0..64 {
            practice.read(&clients[0]);
        }
        let (other, same) = (Rc::clone(&practice), clients.clone());
        let mut corrected = two();
        corrected["telecoms"] = json!([{"system": "phone", "value": "+493099999999"}]);
        let status = Rc::new(std::cell::Cell::new(0));
        let tell = Rc::clone(&status);
        practice.world.stores.meanwhile(nth, move || {
            tell.set(other.correct(&same[1], 1, &corrected).status);
        });
        let merged = practice.merge(&clients[0], &clients[1], "merge");
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        practice.world.clock.advance(SignedDuration::from_secs(61));
        assert!(matches!(merged.status, 200 | 503), "{nth}: {}", merged.json);
        assert!(
            matches!(status.get(), 0 | 200 | 409 | 412 | 503),
            "{nth}: {}",
            status.get()
        );
        assert_eq!(practice.merge(&clients[0], &clients[1], "merge").status, 200);
        let telecoms = practice.read(&clients[0]).json["telecoms"].to_string();
        assert_eq!(
            telecoms.contains("+493099999999"),
            practice.read(&clients[1]).json["telecoms"]
                .to_string()
                .contains("+493099999999"),
            "{nth}"
        );
        if status.get() == 200 {
            assert!(telecoms.contains("+493099999999"), "{nth}");
        }
        if !reached {
            break;
        }
    }
}

/// What is kept of a merge under the register's key is ids, and nobody without the key sees even those.
#[test]
fn the_stores_do_not_say_who_was_merged_or_why() {
    let practice = Practice::new();
    let (survivor, duplicate) = (practice.registered("one", &one()), practice.registered("two", &two()));
    let merge = practice.merge(&survivor, &duplicate, "merge").text("merge_id");
    assert_eq!(practice.undo(&merge).status, 200);
    let ids: Vec<[u8; 16]> = [&survivor, &duplicate]
        .iter()
        .map(|client| *client.parse::<ClientId>().unwrap().as_bytes())
        .chain([*merge.parse::<model::MergeId>().unwrap().as_bytes()])
        .collect();
    let contains = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for (store, key, value) in practice.world.stores.dump() {
        for part in [
            survivor.as_str(),
            &duplicate,
            &merge,
            "SECRET",
            "Misspelt",
            "zoe@example",
        ] {
            assert!(
                !key.contains(part) && !contains(&value, part.as_bytes()),
                "{store} {key} {part}"
            );
        }
        assert!(ids.iter().all(|id| !contains(&value, id)), "{store} {key}");
    }
    assert!(practice.world.log().is_empty(), "{:?}", practice.world.log());
}
