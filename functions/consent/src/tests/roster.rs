//! Which clients a clinic has, as `exchange` is told in somebody's name.

use super::*;

const CLIENTS: &str = "/v1/consent/private/clients";
const BETWEEN: [Function; 2] = [Function::Exchange, Function::Consent];

impl Practice {
    fn asking(&self, token: &str, purpose: Option<&str>, body: &Value) -> Call {
        self.world
            .private_call_in_name_of(token, purpose, BETWEEN, CLIENTS, body)
    }

    /// All pages, newest first.
    #[track_caller]
    fn roster(&self) -> Vec<String> {
        let mut clients = Vec::new();
        let mut body = json!({});
        loop {
            let page = self.send(&self.asking(&self.officer.token, Some("HQUALIMP"), &body));
            assert_eq!(page.status, 200, "{}", page.json);
            assert!(page.header("audit-id").is_some());
            let ids = page.json["clients"].as_array().unwrap();
            clients.extend(ids.iter().map(|id| id.as_str().unwrap().to_owned()));
            match page.json.get("next") {
                Some(next) => body["cursor"] = next.clone(),
                None => return clients,
            }
        }
    }
}

#[test]
fn every_client_whose_file_is_opened_is_in_it_once() {
    let mut practice = Practice::new();
    assert!(practice.roster().is_empty());
    let first = practice.open("first");
    let opened = practice.as_admin(Call::post("/v1/consent/clients", &json!({})).once("second"));
    let second = opened.text("client_id");
    assert_eq!(practice.open("first"), first);
    practice.later(SignedDuration::from_hours(30));
    assert_eq!(practice.open("first"), first);
    let third = practice.open("third");
    assert_eq!(practice.roster(), [third.clone(), second.clone(), first.clone()]);
    // Those who come together are clients already.
    for client in [&first, &third] {
        practice.give(client, "give", &terms(&practice.publish("notice")));
    }
    let couple = practice
        .as_clinician(Call::post("/v1/consent/clients", &json!({"participants": [first, third]})).once("couple"));
    assert_eq!(couple.status, 201, "{}", couple.json);
    assert_eq!(practice.roster(), [third, second, first]);
    // Another clinic has its own.
    let elsewhere = log_in(
        &practice.world,
        &[Role::PrivacyOfficer],
        practice.world.entropy.id(),
        practice.world.entropy.id(),
        None,
    );
    let theirs = practice.send(&practice.asking(&elsewhere, Some("HQUALIMP"), &json!({})));
    assert_eq!((theirs.status, &theirs.json), (200, &json!({"clients": []})));
}

#[test]
fn it_comes_in_pages() {
    let practice = Practice::new();
    let opened: Vec<String> = (0..501)
        .map(|number| practice.open(&format!("client-{number}")))
        .collect();
    let page = practice.send(&practice.asking(&practice.officer.token, Some("HQUALIMP"), &json!({})));
    assert_eq!(page.json["clients"].as_array().unwrap().len(), 500);
    let roster = practice.roster();
    assert!(roster.iter().rev().eq(&opened));
}

/// As many files are opened in one stretch as fill a block of each list, so that what moving a block costs is in it once.
#[test]
fn no_file_costs_more_to_open_because_many_were_opened_before() {
    let practice = Practice::new();
    let begin = practice.world.clock.now();
    let opened = RefCell::new(0);
    let open_until = |count: i32| {
        for number in opened.replace(count)..count {
            practice.open(&format!("client-{number}"));
        }
    };
    let costs = [20, 1_000].map(|count| {
        open_until(count);
        practice.world.stores.disarm();
        open_until(count + 16);
        // The trail has chains of its own, of which chance takes one.
        let trace = practice.world.stores.trace();
        trace
            .iter()
            .filter(|operation| !operation.starts_with("audit "))
            .count()
    });
    assert_eq!(costs[0], costs[1]);
    assert!(begin.duration_until(practice.world.clock.now()) < SignedDuration::from_hours(1));
}

/// A store that says of a client that she is listed, without the mark that says so, keeps nobody out of the list.
#[test]
fn a_made_up_mark_is_noticed() {
    let practice = Practice::new();
    let before = practice.world.stores.dump();
    practice.open("client");
    let mut marked = before;
    let dump = practice.world.stores.dump().into_iter();
    marked.extend(
        dump.filter(|(store, key, _)| store == "consent" && key.starts_with("once/mark/"))
            .map(|(store, key, mut value)| {
                value[0] ^= 1;
                (store, key, value)
            }),
    );
    practice.world.stores.restore(&marked);
    let open = Call::post("/v1/consent/clients", &json!({}))
        .once("client")
        .bearer(&practice.clinician.token);
    let response = practice.world.serve(Function::Consent, &ROUTES, &open.request());
    assert_refused(&Answer::from(response), 500, "integrity-violation");
    assert!(practice.roster().is_empty());
}

/// A request that died when it had listed her and before that was marked, and is repeated when a block of others is: the roster has her
/// twice, and one page of it once.
#[test]
fn a_page_has_nobody_twice() {
    let practice = Practice::new();
    let before = practice.world.stores.dump();
    let first = practice.open("first");
    let mut hers = practice.world.stores.dump();
    hers.retain(|(store, key, _)| {
        let is_new = !before.iter().any(|(there, at, _)| (there, at) == (store, key));
        is_new && (store == "permissions" || key.starts_with("once/mark/"))
    });
    // Her permissions, and the marks of roster and caseload.
    assert_eq!(hers.len(), 3);
    for number in 0..20 {
        practice.open(&format!("client-{number}"));
    }
    let opened = practice.roster();
    let mut left = practice.world.stores.dump();
    left.retain(|value| !hers.contains(value));
    practice.world.stores.restore(&left);
    assert_eq!(practice.open("first"), first);
    let roster = practice.roster();
    assert_eq!((roster.len(), opened.len()), (21, 21));
    assert_eq!((&roster[0], &opened[20]), (&first, &first));
}

/// Whatever a crash leaves, the client whose file there is afterwards is in the roster, and once; and before that whoever is in it without a file is
/// one of whom nothing is told.
#[test]
fn whoever_has_a_file_is_in_it_after_a_crash_anywhere() {
    let client = RefCell::new(String::new());
    let (with, without) = (RefCell::new(0), RefCell::new(0));
    at_every_crash(
        |practice| {
            practice.open("before");
            let before = practice.world.stores.dump();
            // Nobody is told the id of a request that is broken off, and it is the same each time.
            client.replace(practice.open("open"));
            practice.world.stores.restore(&before);
            Call::post("/v1/consent/clients", &json!({}))
                .once("open")
                .bearer(&practice.clinician.token)
        },
        |practice, _| {
            let client = client.borrow();
            let file = practice.as_admin(Call::get(format!("/v1/consent/clients/{client}")));
            let is_listed = practice.roster().contains(&client);
            match file.status {
                200 => assert!(is_listed, "a file that is in no roster"),
                _ => *(if is_listed { &with } else { &without }).borrow_mut() += 1,
            }
        },
        |practice, answer| {
            assert_eq!(answer.text("client_id"), *client.borrow());
            let roster = practice.roster();
            assert_eq!(roster.len(), 2, "{roster:?}");
            assert_eq!(roster[0], *client.borrow());
        },
    );
    assert!(with.into_inner() > 0 && without.into_inner() > 0, "both were tried");
}

#[test]
fn two_requests_that_meet_leave_nobody_out() {
    at_every_interleaving(
        |practice| {
            let open = |key| {
                Call::post("/v1/consent/clients", &json!({}))
                    .once(key)
                    .bearer(&practice.clinician.token)
            };
            (open("one"), open("two"))
        },
        |practice, nth| {
            let roster = practice.roster();
            for key in ["one", "two"] {
                let client = practice.open(key);
                assert_eq!(roster.iter().filter(|there| **there == client).count(), 1, "{nth}");
            }
        },
    );
}

#[test]
fn exchange_is_told_for_figures_and_for_nothing_else() {
    let practice = Practice::new();
    practice.open("client");
    let (officer, body) = (&practice.officer.token, json!({}));
    // A stranger's request, another function's, and one whose token was changed on its way.
    let plain = Call::post(CLIENTS, &body)
        .bearer(officer)
        .header("purpose-of-use", "HQUALIMP");
    let auth = practice.world.private_call_in_name_of(
        officer,
        Some("HQUALIMP"),
        [Function::Auth, Function::Notify],
        CLIENTS,
        &body,
    );
    let unnamed = practice
        .world
        .private_call(Function::Exchange, Function::Consent, CLIENTS, &body);
    for call in [plain, auth, unnamed.clone().bearer(officer)] {
        assert_refused(&practice.send(&call), 404, "no-such-route");
    }
    assert_refused(&practice.send(&unnamed), 401, "unauthenticated");
    for purpose in [
        None,
        Some("HCOMPL"),
        Some("PATADMIN"),
        Some("HRESCH"),
        Some("TREAT"),
        Some("HMARKT"),
    ] {
        for token in [officer, &practice.admin.token] {
            assert_refused(
                &practice.send(&practice.asking(token, purpose, &body)),
                400,
                "malformed-request",
            );
        }
    }
    for role in [
        Role::Clinician,
        Role::Client,
        Role::Billing,
        Role::Security,
        Role::Auditor,
    ] {
        let somebody = practice.somebody(role);
        let refused = practice.send(&practice.asking(&somebody.token, Some("HQUALIMP"), &body));
        assert_refused(&refused, 403, "access-denied");
        assert!(refused.header("audit-id").is_some());
    }
    let admin = practice.send(&practice.asking(&practice.admin.token, Some("HQUALIMP"), &body));
    assert_eq!(admin.status, 200);
    for body in [json!({"limit": 3}), json!({"cursor": "x"}), json!([])] {
        assert_refused(
            &practice.send(&practice.asking(officer, Some("HQUALIMP"), &body)),
            400,
            "malformed-request",
        );
    }
}
