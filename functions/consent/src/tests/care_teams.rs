//! Who treats and supervises, and until when, as whole requests.

use super::*;

fn transfer(client: &str, from: &Staff, to: &Staff, until: Option<&str>) -> Call {
    let mut body = json!({"from": from.account.to_string(), "to": to.account.to_string()});
    if let Some(until) = until {
        body["handover_until"] = json!(until);
    }
    Call::post(format!("/v1/consent/clients/{client}/care-team/transfers"), &body)
}

/// A client who agreed to be treated by the clinician.
fn client(practice: &Practice) -> String {
    let (client, notice) = (practice.open("open"), practice.publish("notice"));
    assert_eq!(practice.give(&client, "give", &terms(&notice)).status, 201);
    client
}

#[test]
fn who_supervises_reads_and_does_not_write() {
    let practice = Practice::new();
    let client = client(&practice);
    let colleague = &practice.colleague;
    let body = json!({"role": "supervising", "until": "2026-12-01T08:10:00Z"});
    practice.accepted(
        &practice.clinician.token,
        Call::put(practice.member(&client, colleague.account), &body),
    );
    assert_eq!(
        practice.file(&client)["care_team"][1],
        json!({"account_id": colleague.account.to_string(), "role": "supervising", "since": "2026-12-01T08:00:00Z",
            "until": "2026-12-01T08:10:00Z"})
    );
    let rule = |action: &str, class: &str| {
        practice.rule(
            &client,
            colleague.account,
            &format!("role=clinician&action={action}&class={class}"),
        )
    };
    assert_eq!(rule("read", "health"), "supervision.records");
    assert_eq!(rule("list", "health"), "supervision.records");
    assert_eq!(rule("read", "identity"), "supervision.identity");
    for (action, class) in [
        ("create", "health"),
        ("amend", "health"),
        ("amend", "identity"),
        ("read", "psychotherapy"),
        ("create", "consent"),
        ("create", "care_team"),
        ("create", "lawful_ground"),
    ] {
        assert_eq!(rule(action, class), "deny.no-rule", "{action} {class}");
    }
    practice.refused(
        &colleague.token,
        Call::delete(practice.member(&client, practice.clinician.account)),
        403,
        "access-denied",
    );
    practice.world.clock.advance(SignedDuration::from_secs(10 * 60 - 1));
    assert_eq!(rule("read", "health"), "supervision.records");
    practice.world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(rule("read", "health"), "deny.no-rule");
    assert_eq!(practice.file(&client)["care_team"].as_array().unwrap().len(), 1);
    // As what she belongs to the team can change, and each change is entered.
    practice.accepted(
        &practice.clinician.token,
        Call::put(practice.member(&client, colleague.account), &json!({})),
    );
    assert_eq!(rule("create", "health"), "care.records");
    assert_eq!(
        practice.events(&client),
        ["joined_care_team", "given", "joined_care_team", "joined_care_team"]
    );
}

#[test]
fn a_client_is_handed_over_in_one_step() {
    let practice = Practice::new();
    let client = client(&practice);
    let (from, to) = (&practice.clinician, &practice.colleague);
    let admin = &practice.admin.token;
    for _ in 0..2 {
        practice.accepted(admin, transfer(&client, from, to, None));
        assert_eq!(practice.reading(&client, from), "deny.no-rule");
        assert_eq!(practice.reading(&client, to), "care.records");
    }
    assert_eq!(
        practice.events(&client),
        ["joined_care_team", "given", "left_care_team", "joined_care_team"]
    );
    // Back again, by who treats her now, with ten minutes to talk about her.
    practice.accepted(&to.token, transfer(&client, to, from, Some("2026-12-01T08:10:00Z")));
    practice.world.clock.advance(SignedDuration::from_secs(10 * 60 - 1));
    assert_eq!(
        [from, to].map(|staff| practice.reading(&client, staff)),
        ["care.records"; 2]
    );
    practice.world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(practice.reading(&client, to), "deny.no-rule");
    assert_eq!(practice.reading(&client, from), "care.records");
    practice.refused(&to.token, transfer(&client, from, to, None), 403, "access-denied");
}

#[test]
fn who_comes_back_after_her_time_belongs_to_the_team_since_then() {
    let practice = Practice::new();
    let client = client(&practice);
    let put = |body: Value| {
        let call = Call::put(practice.member(&client, practice.colleague.account), &body);
        practice.accepted(&practice.admin.token, call);
        practice.file(&client)["care_team"][1]["since"].clone()
    };
    assert_eq!(put(json!({"until": "2026-12-01T08:10:00Z"})), "2026-12-01T08:00:00Z");
    practice.world.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(put(json!({"until": "2026-12-01T08:06:00Z"})), "2026-12-01T08:00:00Z");
    practice.world.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(put(json!({})), "2026-12-01T08:06:00Z");
}

/// A stand-in leaves or goes earlier, and stays longer by somebody else alone.
#[test]
fn nobody_makes_her_own_membership_longer() {
    let practice = Practice::new();
    let client = client(&practice);
    let (clinician, colleague) = (&practice.clinician, &practice.colleague);
    let put = |body: Value| Call::put(practice.member(&client, colleague.account), &body);
    let until = |time: &str| put(json!({"until": format!("2026-12-01T{time}:00Z")}));
    practice.accepted(&clinician.token, until("08:30"));
    for longer in [put(json!({})), until("08:31"), put(json!({"role": "supervising"}))] {
        practice.refused(&colleague.token, longer, 409, "own-membership");
    }
    practice.refused(
        &colleague.token,
        transfer(&client, clinician, colleague, None),
        409,
        "own-membership",
    );
    // Nor by handing over with a while in which she stays.
    let handing_over = |time| transfer(&client, colleague, clinician, Some(time));
    practice.refused(
        &colleague.token,
        handing_over("2026-12-01T08:31:00Z"),
        409,
        "own-membership",
    );
    practice.accepted(&colleague.token, handing_over("2026-12-01T08:30:00Z"));
    practice.accepted(&colleague.token, until("08:30"));
    practice.accepted(&colleague.token, until("08:20"));
    practice.refused(&colleague.token, until("08:30"), 409, "own-membership");
    practice.accepted(&clinician.token, until("08:40"));
    practice.accepted(&practice.admin.token, put(json!({})));
    // Whoever has no end may give herself one, and may not take it back.
    practice.accepted(&colleague.token, until("08:50"));
    practice.refused(&colleague.token, put(json!({})), 409, "own-membership");
    practice.accepted(
        &colleague.token,
        Call::delete(practice.member(&client, colleague.account)),
    );
}

/// However her request to stay meets one that lets her go earlier.
#[test]
fn an_earlier_end_holds_however_it_meets_her_own() {
    at_every_meeting(
        |practice| {
            let client = client(practice);
            let put = |token: &str, time: &str| {
                let body = json!({"until": format!("2026-12-01T{time}:00Z")});
                Call::put(practice.member(&client, practice.colleague.account), &body).bearer(token)
            };
            practice.send(&put(&practice.admin.token, "08:30"));
            (
                put(&practice.colleague.token, "08:25"),
                put(&practice.admin.token, "08:20"),
            )
        },
        |practice, nth, own, admins| {
            assert_eq!(admins.status, 204, "{nth}");
            assert!(matches!(own.status, 204 | 409), "{nth}: {}", own.json);
            let client = practice.open("open");
            let end = practice.file(&client)["care_team"][1]["until"].clone();
            assert_eq!(end, json!("2026-12-01T08:20:00Z"), "{nth}");
            let list = practice.as_admin(Call::get(format!("/v1/consent/clients/{client}/consents")));
            assert_eq!(list.json["entries"][0]["until"], end, "{nth}");
        },
    );
}

#[test]
fn handing_over_keeps_its_rules() {
    let practice = Practice::new();
    let client = client(&practice);
    let (from, to) = (&practice.clinician, &practice.colleague);
    let admin = &practice.admin.token;
    practice.violated(admin, transfer(&client, from, from, None), "/to", "other");
    let past = Some("2026-12-01T08:00:00Z");
    practice.violated(admin, transfer(&client, from, to, past), "/handover_until", "future");
    let until = json!({"until": "2026-12-01T08:00:00Z"});
    practice.violated(
        admin,
        Call::put(practice.member(&client, to.account), &until),
        "/until",
        "future",
    );
    practice.refused(
        admin,
        transfer(&client, to, from, Some("2026-12-01T08:10:00Z")),
        409,
        "not-treating",
    );
    let stranger = practice.somebody(Role::Clinician);
    practice.refused(admin, transfer(&client, &stranger, to, None), 409, "not-treating");
    // Who supervises does not treat.
    let supervises = json!({"role": "supervising"});
    practice.accepted(admin, Call::put(practice.member(&client, to.account), &supervises));
    practice.refused(admin, transfer(&client, to, &stranger, None), 409, "not-treating");
    let mut unknown = json!({"from": from.account.to_string(), "to": to.account.to_string()});
    unknown["why"] = json!("SECRET");
    let path = format!("/v1/consent/clients/{client}/care-team/transfers");
    practice.refused(admin, Call::post(path, &unknown), 400, "malformed-request");
    for token in [&practice.officer.token, &practice.own(&client).token, &to.token] {
        practice.refused(token, transfer(&client, from, to, None), 403, "access-denied");
    }
}

#[test]
fn handing_over_is_finished_by_a_repeated_request() {
    for until in [None, Some("2027-01-01T00:00:00Z")] {
        at_every_crash(
            |practice| {
                transfer(&client(practice), &practice.clinician, &practice.colleague, until)
                    .bearer(&practice.admin.token)
            },
            |practice, is_acknowledged| {
                // Somebody treats her at every moment.
                let client = practice.open("open");
                let reads = [&practice.clinician, &practice.colleague]
                    .map(|staff| practice.reading(&client, staff) == "care.records");
                let done = [until.is_some(), true];
                assert!(
                    reads == done || (reads == [true, false] && !is_acknowledged),
                    "{reads:?}"
                );
            },
            |practice, _| {
                let client = practice.open("open");
                let left = if until.is_some() {
                    "joined_care_team"
                } else {
                    "left_care_team"
                };
                assert_eq!(practice.events(&client)[2..], [left, "joined_care_team"]);
                let there = if until.is_some() { 2 } else { 1 };
                assert_eq!(practice.file(&client)["care_team"].as_array().unwrap().len(), there);
            },
        );
    }
}

#[test]
fn the_ledger_agrees_however_handing_over_and_removing_meet() {
    for is_receiver in [true, false] {
        let prepare = |practice: &Practice| {
            let client = client(practice);
            let (from, to) = (&practice.clinician, &practice.colleague);
            let removed = if is_receiver { to } else { from };
            let token = &practice.admin.token;
            let remove = Call::delete(practice.member(&client, removed.account));
            (transfer(&client, from, to, None).bearer(token), remove.bearer(token))
        };
        let verify = |practice: &Practice, nth: usize, transfer: &Answer, remove: &Answer| {
            assert_eq!(remove.status, 204, "{nth}");
            assert!(matches!(transfer.status, 204 | 409), "{nth}: {}", transfer.json);
            let client = practice.open("open");
            let list = practice.as_admin(Call::get(format!("/v1/consent/clients/{client}/consents")));
            let entries = list.json["entries"].as_array().unwrap();
            for staff in [&practice.clinician, &practice.colleague] {
                let account = json!(staff.account.to_string());
                let last = entries.iter().find(|entry| entry["account_id"] == account);
                let is_entered = last.is_some_and(|entry| entry["event"] == "joined_care_team");
                let team = practice.file(&client)["care_team"].clone();
                let is_member = team
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|member| member["account_id"] == account);
                assert_eq!(is_entered, is_member, "{nth}: {entries:?}");
            }
        };
        at_every_meeting_of_either(prepare, verify);
    }
}

#[test]
fn care_teams_change_at_once_and_once() {
    let practice = Practice::new();
    let client = practice.open("open");
    let path = format!("/v1/consent/clients/{client}");
    let member = practice.member(&client, practice.colleague.account);
    let as_colleague = |call: Call| practice.send(&call.bearer(&practice.colleague.token)).status;
    assert_eq!(as_colleague(Call::get(&path)), 403);
    for _ in 0..2 {
        assert_eq!(practice.as_clinician(Call::new(http::Method::PUT, &member)).status, 204);
    }
    assert_eq!(as_colleague(Call::get(&path)), 200);
    for _ in 0..2 {
        assert_eq!(practice.as_clinician(Call::delete(&member)).status, 204);
    }
    assert_eq!(as_colleague(Call::get(&path)), 403);
    assert_eq!(practice.as_admin(Call::put(&member, &json!({}))).status, 204);
    assert_eq!(
        practice.events(&client),
        [
            "joined_care_team",
            "joined_care_team",
            "left_care_team",
            "joined_care_team"
        ]
    );
    let strange = practice.as_admin(Call::put(&member, &json!({"role": "SECRET"})));
    assert_refused(&strange, 400, "malformed-request");
    let unreadable = practice.as_admin(Call::put(format!("{path}/care-team/acc_SECRET"), &json!({})));
    assert_refused(&unreadable, 404, "no-such-route");
}

#[test]
fn care_teams_are_bounded() {
    let practice = Practice::new();
    let client = practice.open("open");
    for _ in 1..64 {
        let account = practice.world.entropy.id();
        assert_eq!(
            practice
                .as_admin(Call::put(practice.member(&client, account), &json!({})))
                .status,
            204
        );
    }
    let one_more = practice.member(&client, practice.colleague.account);
    assert_refused(
        &practice.as_admin(Call::put(&one_more, &json!({}))),
        409,
        "care-team-full",
    );
    let there = practice.member(&client, practice.clinician.account);
    assert_eq!(practice.as_admin(Call::put(&there, &json!({}))).status, 204);
    assert_eq!(practice.events(&client).len(), 50, "one page");
}

#[test]
fn joining_and_leaving_are_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let client = practice.open("open");
            Call::put(practice.member(&client, practice.colleague.account), &json!({})).bearer(&practice.admin.token)
        },
        |practice, _| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "joined_care_team"]);
            assert_eq!(practice.file(&client)["care_team"].as_array().unwrap().len(), 2);
        },
    );
    at_every_crash_point(
        |practice| {
            let client = practice.open("open");
            Call::delete(practice.member(&client, practice.clinician.account)).bearer(&practice.admin.token)
        },
        |practice, _| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "left_care_team"]);
            assert_eq!(practice.file(&client)["care_team"], json!([]));
        },
    );
}

#[test]
fn the_ledger_agrees_however_joining_and_leaving_meet() {
    let prepare = |practice: &Practice| {
        let client = practice.open("open");
        let member = practice.member(&client, practice.colleague.account);
        let (add, remove) = (Call::put(&member, &json!({})), Call::delete(&member));
        (add.bearer(&practice.admin.token), remove.bearer(&practice.admin.token))
    };
    let verify = |practice: &Practice, nth: usize| {
        let client = practice.open("open");
        let is_member = practice.file(&client)["care_team"].as_array().unwrap().len() == 2;
        // The first entry is that of the clinician who opened the file.
        let events = practice.events(&client);
        let last = events
            .iter()
            .skip(1)
            .last()
            .is_some_and(|event| event == "joined_care_team");
        assert_eq!(is_member, last, "{nth}: {events:?}");
    };
    at_every_interleaving(prepare, verify);
    at_every_interleaving(
        |practice| {
            let (add, remove) = prepare(practice);
            assert_eq!(practice.send(&add).status, 204);
            (remove, add)
        },
        verify,
    );
}

/// Whoever reviews an account's access sees whom it treats: everybody now, nobody whom it left.
#[test]
fn a_caseload_is_whom_an_account_treats_now() {
    let practice = Practice::new();
    let (first, second, third) = (practice.open("first"), practice.open("second"), practice.open("third"));
    let caseload = |account: AccountId| -> Vec<Value> {
        let answer = practice.as_admin(Call::get(format!("/v1/consent/caseloads/{account}")));
        assert_eq!(answer.status, 200, "{}", answer.json);
        let clients = answer.json["clients"].as_array().unwrap();
        clients.iter().map(|client| client["client_id"].clone()).collect()
    };
    let (clinician, colleague) = (practice.clinician.account, practice.colleague.account);
    assert_eq!(caseload(clinician), [json!(third), json!(second), json!(first)]);
    assert_eq!(caseload(colleague), Vec::<Value>::new());
    let left = practice.as_admin(Call::delete(practice.member(&second, clinician)));
    assert_eq!(left.status, 204);
    let body = json!({"from": clinician.to_string(), "to": colleague.to_string()});
    let path = format!("/v1/consent/clients/{third}/care-team/transfers");
    let transferred = practice.as_admin(Call::post(path, &body).once("transfer"));
    assert_eq!(transferred.status, 204, "{}", transferred.json);
    let until = json!({"role": "supervising", "until": "2026-12-01T08:10:00Z"});
    let supervising = practice.as_admin(Call::put(practice.member(&first, colleague), &until));
    assert_eq!(supervising.status, 204);
    assert_eq!(caseload(clinician), [json!(first)]);
    assert_eq!(caseload(colleague), [json!(first), json!(third)]);
    practice.world.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(caseload(colleague), [json!(third)]);
    // Who comes back is there once.
    let again = practice.as_admin(Call::put(practice.member(&second, clinician), &json!({})));
    assert_eq!(again.status, 204);
    assert_eq!(caseload(clinician), [json!(second), json!(first)]);
    // And where she was: one entry is all that there is of her, however often she leaves.
    for _ in 0..2 {
        let left = practice.as_admin(Call::delete(practice.member(&first, clinician)));
        assert_eq!(left.status, 204);
        assert_eq!(caseload(clinician), [json!(second)]);
        let again = practice.as_admin(Call::put(practice.member(&first, clinician), &json!({})));
        assert_eq!(again.status, 204);
        assert_eq!(caseload(clinician), [json!(second), json!(first)]);
    }

    // The first page has the one that was handed over, and so nobody.
    let path = format!("/v1/consent/caseloads/{clinician}");
    let page = practice.as_admin(Call::get(format!("{path}?limit=1")));
    assert_eq!((page.status, &page.json["clients"]), (200, &json!([])));
    let rest = practice.as_admin(Call::get(format!("{path}?limit=50&cursor={}", page.text("next"))));
    assert_eq!((rest.status, rest.json["clients"].as_array().unwrap().len()), (200, 2));
    assert!(rest.json.get("next").is_none());
}

/// Whose list is read by somebody else is in the trail, each client on the page that shows her; not whom somebody treats herself.
#[test]
fn a_caseload_that_a_reviewer_reads_is_in_the_trail_of_each_client() {
    let practice = Practice::new();
    let clinician = practice.clinician.account;
    let [left, second, first] = ["left", "second", "first"].map(|key| practice.open(key));
    practice.accepted(&practice.admin.token, Call::delete(practice.member(&left, clinician)));
    let path = format!("/v1/consent/caseloads/{clinician}");
    let [first, second] = [&first, &second].map(|client| practice.subject(client));
    for (reader, rule) in [
        (&practice.admin.token, "administration"),
        (&practice.officer.token, "compliance"),
    ] {
        let mut call = Call::get(format!("{path}?limit=1"));
        for shown in [Some(first), Some(second), None] {
            let mut answer = None;
            let events = practice.recorded(|| answer = Some(practice.accepted(reader, call.clone())));
            let answer = answer.unwrap();
            let list: Vec<_> = events.iter().filter(|event| event.action == Action::Search).collect();
            assert_eq!((list.len(), list[0].subject), (1, None));
            assert_eq!(list[0].rule, format!("{rule}.caseload"));
            let read: Vec<_> = events.iter().filter(|event| event.action == Action::Read).collect();
            let subjects: Vec<_> = read.iter().map(|event| event.subject).collect();
            assert_eq!(
                subjects,
                shown.map(Some).into_iter().collect::<Vec<_>>(),
                "{answer:?}",
                answer = answer.json
            );
            for event in &read {
                assert_eq!(event.resource, Some(clinician.to_string()));
                assert_eq!(event.purpose, list[0].purpose);
                assert!(event.rule.starts_with(rule), "{}", event.rule);
            }
            assert_eq!(events.len(), 1 + read.len());
            if let Some(next) = answer.json.get("next") {
                call = Call::get(format!("{path}?limit=1&cursor={}", next.as_str().unwrap()));
            }
        }
    }
    let own = practice.recorded(|| drop(practice.accepted(&practice.clinician.token, Call::get(&path))));
    assert_eq!((own.len(), own[0].subject), (1, None));
    // Figures are about nobody: for them no list of clients is shown to anybody.
    for reader in [&practice.admin.token, &practice.officer.token] {
        let call = Call::get(&path).header("purpose-of-use", "HQUALIMP");
        let denied = practice.recorded(|| drop(practice.refused(reader, call, 403, "access-denied")));
        assert_eq!((denied.len(), denied[0].rule.as_str()), (1, "deny.no-rule"));
    }
}

/// She lists whom she treats herself, and not whom a colleague does, whatever for.
#[test]
fn a_clinician_lists_her_own_caseload_and_nobody_elses() {
    let practice = Practice::new();
    let (clinician, colleague) = (&practice.clinician, &practice.colleague);
    let (treated, supervised) = (practice.open("treated"), practice.open("supervised"));
    let body = json!({"role": "supervising", "until": "2026-12-01T08:10:00Z"});
    let supervise = Call::put(practice.member(&supervised, colleague.account), &body);
    practice.accepted(&practice.admin.token, supervise);
    let caseload = |staff: &Staff| Call::get(format!("/v1/consent/caseloads/{}", staff.account));
    let since = "2026-12-01T08:00:00Z";
    assert_eq!(
        practice.accepted(&clinician.token, caseload(clinician)).json,
        json!({"clients": [{"client_id": supervised, "role": "treating", "since": since},
            {"client_id": treated, "role": "treating", "since": since}]})
    );
    // Of a client who is not hers to open she sees what she is to her.
    assert_eq!(
        practice.accepted(&colleague.token, caseload(colleague)).json,
        json!({"clients": [{"client_id": supervised, "role": "supervising", "since": since,
            "until": "2026-12-01T08:10:00Z"}]})
    );
    for (asker, owner) in [(colleague, clinician), (clinician, colleague)] {
        practice.refused(&asker.token, caseload(owner), 403, "access-denied");
    }
    for purpose in ["PATADMIN", "HCOMPL", "BTG", "HQUALIMP"] {
        let call = caseload(clinician).header("purpose-of-use", purpose);
        practice.refused(&clinician.token, call, 403, "access-denied");
    }
    for role in [
        Role::Client,
        Role::Guardian,
        Role::Billing,
        Role::Security,
        Role::Auditor,
    ] {
        let somebody = practice.somebody(role);
        practice.refused(&somebody.token, caseload(&somebody), 403, "access-denied");
    }
}
