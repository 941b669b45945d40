//! Minors and those who act for clients, as whole requests.

use super::*;

fn path(client: &str, account: AccountId) -> String {
    format!("/v1/consent/clients/{client}/representatives/{account}")
}

fn naming(client: &str, account: AccountId, authority: &str) -> Call {
    let body = json!({"authority": authority, "verification": "details_held"});
    Call::put(path(client, account), &body)
}

fn minority(client: &str, until: &Value) -> Call {
    Call::put(
        format!("/v1/consent/clients/{client}/minority"),
        &json!({"until": until}),
    )
}

fn consents(client: &str) -> String {
    format!("/v1/consent/clients/{client}/consents")
}

fn by_guardian(notice: &str) -> Value {
    let mut terms = terms(notice);
    terms["given_by"] = json!("guardian");
    terms
}

/// A minor until ten past eight, with a parent, and a notice.
struct Family {
    practice: Practice,
    client: String,
    notice: String,
    parent: Staff,
    her: Staff,
}

impl Family {
    fn new() -> Self {
        let practice = Practice::new();
        let (client, notice) = (practice.open("open"), practice.publish("notice"));
        let (parent, her) = (practice.somebody(Role::Guardian), practice.own(&client));
        practice.accepted(
            &practice.clinician.token,
            minority(&client, &json!("2026-12-01T08:10:00Z")),
        );
        practice.accepted(&practice.admin.token, naming(&client, parent.account, "parent"));
        Self {
            practice,
            client,
            notice,
            parent,
            her,
        }
    }

    fn giving(&self, key: &str, terms: &Value) -> Call {
        Call::post(consents(&self.client), terms).once(key)
    }
}

#[test]
fn what_a_parent_agreed_to_ends_in_the_moment_of_majority() {
    let Family {
        practice,
        client,
        notice,
        parent,
        her,
    } = &Family::new();
    let giving = |key: &str, terms: &Value| Call::post(consents(client), terms).once(key);
    let herself = giving("hers", &terms(notice));
    practice.refused(&her.token, herself.clone(), 403, "guardian-decides");
    // Neither can staff say that she did.
    practice.refused(&practice.clinician.token, herself.clone(), 409, "guardian-decides");

    let given = practice.accepted(&parent.token, giving("parents", &by_guardian(notice)));
    assert_eq!(given.json["until_majority"], json!(true));
    assert_eq!(given.text("representative_id"), parent.account.to_string());
    assert_eq!(given.json["expires_at"], Value::Null);
    assert_eq!(
        practice.file(client)["representatives"],
        json!([{"account_id": parent.account.to_string(), "authority": "parent", "reads_records": false,
            "since": "2026-12-01T08:00:00Z", "acts": true}])
    );
    let asked = ["identity", "health"].map(|class| format!("role=guardian&action=read&class={class}"));
    let parents = || [0, 1].map(|at| practice.rule(client, parent.account, &asked[at]));
    practice.world.clock.advance(SignedDuration::from_secs(10 * 60 - 1));
    assert_eq!(practice.reading(client, &practice.clinician), "care.records");
    // A parent is not let into the notes by being one.
    assert_eq!(parents(), ["guardian.identity", "deny.no-rule"]);
    practice.refused(&her.token, herself.clone(), 403, "guardian-decides");

    practice.world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(practice.reading(client, &practice.clinician), "deny.no-consent");
    assert_eq!(parents(), ["deny.no-rule"; 2]);
    let file = practice.file(client);
    assert_eq!(file["consents"], json!([]));
    assert_eq!(file["representatives"][0]["acts"], json!(false));
    practice.refused(&parent.token, Call::get(consents(client)), 403, "access-denied");
    let late = giving("late", &by_guardian(notice));
    practice.refused(&parent.token, late, 403, "access-denied");
    let mut recorded = by_guardian(notice);
    recorded["representative_id"] = json!(parent.account.to_string());
    practice.violated(
        &practice.clinician.token,
        giving("recorded", &recorded),
        "/representative_id",
        "representative",
    );
    let another = practice.somebody(Role::Guardian).account;
    practice.violated(
        &practice.admin.token,
        naming(client, another, "parent"),
        "/authority",
        "minor",
    );
    let events = practice.as_clinician(Call::get(format!(
        "{}/{}/receipt",
        consents(client),
        given.text("consent_id")
    )));
    assert_eq!(
        events.json["record"]["events"][1],
        json!({"event_state": "expired", "event_time": "2026-12-01T08:10:00Z"})
    );

    // That she is of age now, and is said to be, changes nothing of what was.
    practice.world.clock.advance(SignedDuration::from_secs(1));
    practice.accepted(&practice.admin.token, minority(client, &Value::Null));
    let receipt = Call::get(format!("{}/{}/receipt", consents(client), given.text("consent_id")));
    let record = practice.as_clinician(receipt).json["record"].clone();
    assert_eq!(record["events"], events.json["record"]["events"]);

    practice.accepted(&her.token, herself);
    assert_eq!(practice.reading(client, &practice.clinician), "care.records");
    assert_eq!(
        practice.events(client),
        [
            "joined_care_team",
            "minority_set",
            "representative_named",
            "given",
            "representative_removed",
            "minority_set",
            "given"
        ]
    );
}

#[test]
fn a_minor_and_her_parent_both_withdraw() {
    let family = Family::new();
    let Family { practice, client, .. } = &family;
    for (number, token) in [&family.her.token, &family.parent.token, &practice.clinician.token]
        .into_iter()
        .enumerate()
    {
        let give = family.giving(&format!("give-{number}"), &by_guardian(&family.notice));
        let given = practice.accepted(&family.parent.token, give);
        assert_eq!(practice.reading(client, &practice.clinician), "care.records");
        let withdraw = format!("{}/{}/withdraw", consents(client), given.text("consent_id"));
        practice.accepted(token, Call::post(withdraw, &json!({})));
        assert_eq!(practice.reading(client, &practice.clinician), "deny.no-consent");
    }
    // Hidden from others she has hidden for herself.
    let hide = Call::post(format!("/v1/consent/clients/{client}/restrictions"), &json!({})).once("hide");
    practice.accepted(&family.her.token, hide);
}

#[test]
fn who_gives_is_whoever_asks_or_whom_staff_name() {
    let family = Family::new();
    let Family { practice, parent, .. } = &family;
    let her = &family.her.token;
    let stranger = practice.somebody(Role::Guardian);
    let terms = |given_by: &str, representative: Option<AccountId>| {
        let mut terms = terms(&family.notice);
        terms["given_by"] = json!(given_by);
        if let Some(account) = representative {
            terms["representative_id"] = json!(account.to_string());
        }
        terms
    };
    let clinician = &practice.clinician.token;
    for (token, terms, field, rule) in [
        (&parent.token, terms("client", None), "/given_by", "caller"),
        (
            &parent.token,
            terms("guardian", Some(stranger.account)),
            "/representative_id",
            "caller",
        ),
        (
            clinician,
            terms("guardian", None),
            "/representative_id",
            "representative",
        ),
        (
            clinician,
            terms("guardian", Some(stranger.account)),
            "/representative_id",
            "representative",
        ),
        (
            clinician,
            terms("client", Some(parent.account)),
            "/representative_id",
            "caller",
        ),
    ] {
        practice.violated(token, family.giving("give", &terms), field, rule);
    }
    practice.refused(
        &stranger.token,
        family.giving("give", &terms("guardian", None)),
        403,
        "access-denied",
    );
    practice.accepted(
        clinician,
        family.giving("give", &terms("guardian", Some(parent.account))),
    );
    practice.accepted(&practice.admin.token, minority(&family.client, &Value::Null));
    practice.violated(
        her,
        family.giving("hers", &terms("guardian", None)),
        "/given_by",
        "caller",
    );
}

#[test]
fn a_guardian_agrees_for_no_longer_than_she_may_act() {
    let practice = Practice::new();
    let (client, notice) = (practice.open("open"), practice.publish("notice"));
    let guardian = practice.somebody(Role::Guardian);
    let mut body = json!({"authority": "guardian", "verification": "order", "until": "2026-12-01T08:20:00Z"});
    practice.accepted(
        &practice.officer.token,
        Call::put(path(&client, guardian.account), &body),
    );
    let give = |key: &str, end: Option<&str>| {
        let mut terms = by_guardian(&notice);
        if let Some(end) = end {
            terms["expires_at"] = json!(end);
        }
        let given = practice.accepted(&guardian.token, Call::post(consents(&client), &terms).once(key));
        given.text("expires_at")
    };
    assert_eq!(give("open", None), "2026-12-01T08:20:00Z");
    assert_eq!(give("later", Some("2027-01-01T00:00:00Z")), "2026-12-01T08:20:00Z");
    assert_eq!(give("sooner", Some("2026-12-01T08:15:00Z")), "2026-12-01T08:15:00Z");
    // Her records are hers, until a guardian's right reaches them.
    let question = "role=guardian&action=read&class=health";
    assert_eq!(practice.rule(&client, guardian.account, question), "deny.no-rule");
    body["reads_records"] = json!(true);
    practice.world.clock.advance(SignedDuration::from_mins(1));
    practice.accepted(&practice.admin.token, Call::put(path(&client, guardian.account), &body));
    assert_eq!(practice.rule(&client, guardian.account, question), "guardian.records");
    // Who acted already does since then.
    assert_eq!(
        practice.file(&client)["representatives"][0]["since"],
        json!("2026-12-01T08:00:00Z")
    );
    practice.world.clock.advance(SignedDuration::from_secs(19 * 60 - 1));
    assert_eq!(practice.rule(&client, guardian.account, question), "guardian.records");
    assert_eq!(practice.reading(&client, &practice.clinician), "care.records");
    practice.world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(practice.rule(&client, guardian.account, question), "deny.no-rule");
    assert_eq!(practice.reading(&client, &practice.clinician), "deny.no-consent");
}

#[test]
fn a_nominee_acts_once_it_is_found_that_the_client_cannot() {
    let practice = Practice::new();
    let (client, notice) = (practice.open("open"), practice.publish("notice"));
    let (her, nominee) = (practice.own(&client), practice.somebody(Role::Guardian));
    let path = path(&client, nominee.account);
    practice.accepted(&her.token, Call::put(&path, &json!({"authority": "nominee"})));
    let give = Call::post(consents(&client), &by_guardian(&notice)).once("give");
    practice.refused(&nominee.token, give.clone(), 403, "access-denied");
    let activate = |reason: &str| Call::post(format!("{path}/activate"), &json!({"reason": reason}));
    for token in [&her.token, &nominee.token, &practice.clinician.token] {
        practice.refused(token, activate("SECRET coma"), 403, "access-denied");
    }
    let admin = &practice.admin.token;
    practice.violated(admin, activate(""), "/reason", "length");
    practice.refused(
        admin,
        Call::post(format!("{path}/activate"), &json!({})),
        400,
        "malformed-request",
    );
    let stranger = self::path(&client, practice.somebody(Role::Guardian).account);
    let nobody = Call::post(format!("{stranger}/activate"), &json!({"reason": "SECRET"}));
    practice.refused(admin, nobody, 404, "not-found");

    practice.world.clock.advance(SignedDuration::from_mins(1));
    practice.accepted(admin, activate("SECRET coma"));
    practice.accepted(&nominee.token, give);
    let list = practice.accepted(&nominee.token, Call::get(consents(&client)));
    assert_eq!(
        list.json["entries"][1],
        json!({"event": "representative_named", "account_id": nominee.account.to_string(), "authority": "nominee",
            "reads_records": false, "since": "2026-12-01T08:01:00Z", "at": "2026-12-01T08:01:00Z",
            "recorded_by": practice.admin.account.to_string()})
    );
    let hers = practice.accepted(&her.token, Call::get(consents(&client)));
    assert_eq!(hers.json["entries"][1]["reason"], json!("SECRET coma"));
    // A repeated finding does not begin anew.
    practice.world.clock.advance(SignedDuration::from_mins(1));
    practice.accepted(admin, activate("again"));
    assert_eq!(
        practice.file(&client)["representatives"][0]["since"],
        json!("2026-12-01T08:01:00Z")
    );
    practice.accepted(&her.token, Call::delete(&path));
    practice.refused(&nominee.token, Call::get(consents(&client)), 403, "access-denied");
    assert_eq!(practice.events(&client).last().unwrap(), "representative_removed");
}

#[test]
fn a_client_names_and_removes_nominees_alone() {
    let practice = Practice::new();
    let client = practice.open("open");
    let her = practice.own(&client).token;
    let guardian = practice.somebody(Role::Guardian).account;
    for authority in ["parent", "guardian"] {
        practice.violated(&her, naming(&client, guardian, authority), "/authority", "nominee");
    }
    practice.accepted(&practice.admin.token, naming(&client, guardian, "guardian"));
    practice.refused(&her, Call::delete(path(&client, guardian)), 409, "not-a-nominee");
    // Nor does she unseat who was appointed by naming her.
    practice.refused(&her, naming(&client, guardian, "nominee"), 409, "not-a-nominee");
    assert_eq!(practice.file(&client)["representatives"][0]["acts"], json!(true));
    practice.refused(
        &practice.clinician.token,
        Call::delete(path(&client, guardian)),
        403,
        "access-denied",
    );
    for _ in 0..2 {
        practice.accepted(&practice.officer.token, Call::delete(path(&client, guardian)));
    }
    assert_eq!(
        practice.events(&client),
        ["joined_care_team", "representative_named", "representative_removed"]
    );
}

/// What a child hides, and why somebody broke the glass, her parents see who see her records.
#[test]
fn a_parent_from_whom_the_child_hides_does_not_see_that_she_does() {
    let family = Family::new();
    let Family { practice, client, .. } = &family;
    let emergencies = format!("/v1/consent/clients/{client}/emergency-access");
    let why = json!({"reason": "SECRET she called from a bridge"});
    practice.accepted(&practice.colleague.token, Call::post(&emergencies, &why).once("break"));
    let sees = || {
        let ledger = practice
            .accepted(&family.parent.token, Call::get(consents(client)))
            .json;
        let file = practice
            .accepted(&family.parent.token, Call::get(format!("/v1/consent/clients/{client}")))
            .json;
        assert!(!ledger.to_string().contains("SECRET"));
        let taken = practice
            .send(&Call::get(&emergencies).bearer(&family.parent.token))
            .status;
        let events = ledger["entries"].as_array().unwrap().len();
        (events, file["restrictions"].as_array().unwrap().len(), taken)
    };
    assert_eq!(sees(), (3, 0, 403));
    let reading = json!({"authority": "parent", "verification": "details_held", "reads_records": true});
    practice.accepted(
        &practice.admin.token,
        Call::put(path(client, family.parent.account), &reading),
    );
    assert_eq!(sees(), (5, 0, 200));
    let restrictions = format!("/v1/consent/clients/{client}/restrictions");
    let hide = |key: &str, body: Value| {
        let hidden = practice.accepted(&family.her.token, Call::post(&restrictions, &body).once(key));
        Call::delete(format!("{restrictions}/{}", hidden.text("restriction_id")))
    };
    let parent = family.parent.account.to_string();
    hide(
        "colleague",
        json!({"account_id": practice.colleague.account.to_string()}),
    );
    assert_eq!(sees(), (6, 1, 200));
    // Whichever class it is.
    for (key, body) in [
        ("parent", json!({"class": "health", "account_id": parent})),
        ("everybody", json!({"class": "billing"})),
        ("everything", json!({"account_id": parent})),
    ] {
        let show = hide(key, body);
        assert_eq!((sees().1, sees().2), (0, 403), "{key}");
        practice.accepted(&family.her.token, show);
        assert_eq!((sees().1, sees().2), (1, 200), "{key}");
    }
}

/// A repeated request is answered as before, and brings nothing back that ended with the minority, whatever is said of that later.
#[test]
fn what_ended_with_majority_no_repeated_request_brings_back() {
    let later = json!("2026-12-01T09:00:00Z");
    for of_age in [Some(Value::Null), None] {
        let family = Family::new();
        let Family {
            practice,
            client,
            notice,
            parent,
            ..
        } = &family;
        let (clinician, admin) = (&practice.clinician.token, &practice.admin.token);
        let mut parents = by_guardian(notice);
        parents["representative_id"] = json!(parent.account.to_string());
        let give = family.giving("give", &parents);
        let given = practice.accepted(clinician, give.clone());
        assert_eq!(practice.reading(client, &practice.clinician), "care.records");
        practice.world.clock.advance(SignedDuration::from_mins(5));
        match of_age {
            Some(of_age) => drop(practice.accepted(admin, minority(client, &of_age))),
            None => practice.world.clock.advance(SignedDuration::from_mins(5)),
        }
        practice.world.clock.advance(SignedDuration::from_mins(1));
        practice.accepted(admin, minority(client, &later));
        assert_eq!(practice.accepted(clinician, give).json, given.json);
        assert_eq!(practice.file(client)["consents"], json!([]));
        assert_eq!(practice.reading(client, &practice.clinician), "deny.no-consent");
        let receipt = format!("{}/{}/receipt", consents(client), given.text("consent_id"));
        let record = practice.as_clinician(Call::get(receipt)).json["record"].clone();
        assert_eq!(record["events"][1]["event_state"], "expired", "{record}");
    }
}

/// What came in the place of another and ended before it took effect leaves neither.
#[test]
fn what_ended_with_majority_leaves_nothing_that_it_superseded() {
    let family = Family::new();
    let Family {
        practice,
        client,
        notice,
        parent,
        ..
    } = &family;
    let clinician = &practice.clinician.token;
    let given_by = |account: &str| {
        let mut terms = by_guardian(notice);
        terms["representative_id"] = json!(account);
        terms
    };
    // A guardian who goes on when she is of age, as an order may say.
    let guardian = practice.somebody(Role::Guardian).account;
    let order = json!({"authority": "guardian", "verification": "order", "until": "2026-12-01T09:00:00Z"});
    practice.accepted(&practice.admin.token, Call::put(path(client, guardian), &order));
    let guardians = family.giving("guardians", &given_by(&guardian.to_string()));
    let guardians = practice.accepted(clinician, guardians);
    let mut parents = given_by(&parent.account.to_string());
    parents["supersedes"] = guardians.json["consent_id"].clone();
    let give = family.giving("parents", &parents);
    practice.die_entered(client, &give.clone().bearer(clinician));
    practice.world.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(practice.reading(client, &practice.clinician), "care.records");
    practice.accepted(clinician, give);
    assert_eq!(practice.reading(client, &practice.clinician), "deny.no-consent");
}

/// A minority that was said by mistake and broken off, and then put right instead of sent again: what lost its effect is entered as ended, and
/// what did not goes on.
#[test]
fn a_minority_that_is_put_right_after_a_crash_leaves_ledger_and_permissions_in_agreement() {
    let mistaken = json!("2026-12-01T08:10:00Z");
    let agree = |practice: &Practice| {
        let client = practice.open("open");
        let events = practice.events(&client);
        let count = |event: &str| events.iter().filter(|entered| *entered == event).count();
        let live = practice.file(&client)["consents"].as_array().unwrap().len();
        assert_eq!(count("given") - count("withdrawn"), live, "{events:?}");
    };
    let prepare = |practice: &Practice| {
        let client = practice.open("open");
        let call = Call::post(consents(&client), &terms(&practice.publish("notice")));
        practice.accepted(&practice.clinician.token, call.once("give"));
        minority(&client, &mistaken).bearer(&practice.admin.token)
    };
    for minutes in [2, 12] {
        at_every_crash(
            prepare,
            |practice, _| {
                practice.world.clock.advance(SignedDuration::from_mins(minutes));
                practice.accepted(&practice.admin.token, minority(&practice.open("open"), &Value::Null));
                agree(practice);
            },
            |_, _| {},
        );
    }
}

/// A minor agrees to nothing herself, and did not before it was known that she is one.
#[test]
fn what_a_minor_agreed_to_herself_ends_once_it_is_known() {
    let practice = Practice::new();
    let (client, notice) = (practice.open("open"), practice.publish("notice"));
    let (her, admin) = (practice.own(&client), &practice.admin.token);
    let giving = |key: &str, terms: &Value| Call::post(consents(&client), terms).once(key);
    let guardian = practice.guardian(&client);
    let mut guardians = by_guardian(&notice);
    guardians["representative_id"] = json!(guardian);
    guardians["classes"] = json!(["identity"]);
    let guardians = practice.accepted(&practice.clinician.token, giving("guardians", &guardians));
    let hers = practice.accepted(&her.token, giving("hers", &terms(&notice)));
    let staffs = practice.accepted(&practice.clinician.token, giving("staffs", &terms(&notice)));
    let entered = giving("entered", &terms(&notice));
    practice.die_entered(&client, &entered.clone().bearer(&practice.clinician.token));
    // She was of age all the time: that ends nothing.
    practice.accepted(admin, minority(&client, &json!("2026-12-01T08:00:00Z")));
    assert_eq!(practice.reading(&client, &practice.clinician), "care.records");

    let until = json!("2026-12-01T08:10:00Z");
    practice.accepted(admin, minority(&client, &until));
    assert_eq!(practice.reading(&client, &practice.clinician), "deny.no-consent");
    assert_eq!(practice.file(&client)["consents"], json!([]));
    let ended = practice.events(&client);
    assert_eq!(
        ended[ended.len() - 5..],
        ["withdrawn", "withdrawn", "withdrawn", "withdrawn", "minority_set"]
    );
    for given in [&hers, &staffs, &guardians] {
        let path = format!("{}/{}/receipt", consents(&client), given.text("consent_id"));
        let receipt = practice.as_clinician(Call::get(path)).json["record"].clone();
        assert_eq!(receipt["events"][1]["event_state"], "withdrawn", "{receipt}");
    }
    practice.refused(&practice.clinician.token, entered.clone(), 409, "guardian-decides");
    practice.accepted(admin, minority(&client, &until));
    assert_eq!(practice.events(&client), ended);
    // Neither does majority bring anything back.
    practice.world.clock.advance(SignedDuration::from_secs(10 * 60));
    practice.accepted(&practice.clinician.token, entered);
    assert_eq!(practice.reading(&client, &practice.clinician), "deny.no-consent");
}

#[test]
fn her_own_consents_end_however_it_becomes_known_that_she_is_a_minor() {
    let minority = |practice: &Practice| {
        let call = minority(&practice.open("open"), &json!("2030-01-01T00:00:00Z"));
        call.bearer(&practice.admin.token)
    };
    let giving = |practice: &Practice, client: &str| {
        let call = Call::post(consents(client), &terms(&practice.publish("notice")));
        call.once("give").bearer(&practice.clinician.token)
    };
    let has_none = |practice: &Practice| {
        let client = practice.open("open");
        assert_eq!(practice.file(&client)["consents"], json!([]));
        let events = practice.events(&client);
        let count = |event: &str| events.iter().filter(|entered| *entered == event).count();
        assert_eq!(count("given"), count("withdrawn"), "{events:?}");
        assert_eq!(count("minority_set"), 1, "{events:?}");
    };
    at_every_crash(
        |practice| {
            let client = practice.open("open");
            assert_eq!(practice.send(&giving(practice, &client)).status, 201);
            minority(practice)
        },
        |practice, is_acknowledged| {
            let is_live = practice.file(&practice.open("open"))["consents"] != json!([]);
            assert!(!(is_acknowledged && is_live));
        },
        |practice, _| has_none(practice),
    );
    let prepare = |practice: &Practice| (giving(practice, &practice.open("open")), minority(practice));
    // A receipt is for what had effect: what had none when it became known is refused.
    let is_live = |practice: &Practice| practice.file(&practice.open("open"))["consents"] != json!([]);
    at_every_meeting_seen(prepare, is_live, |practice, nth, was_live, give, set| {
        assert_eq!(set.status, 204, "{nth}");
        assert_eq!(give.status, if was_live { 201 } else { 409 }, "{nth}: {}", give.json);
        has_none(practice);
    });
    at_every_meeting(
        |practice| {
            let (give, set) = prepare(practice);
            (set, give)
        },
        |practice, nth, set, give| {
            assert_eq!(set.status, 204, "{nth}");
            assert!(matches!(give.status, 201 | 409), "{nth}: {}", give.json);
            has_none(practice);
        },
    );
}

/// What was given for a client before it was known that she is a minor goes on for as long as whoever gave it acts for her, and beyond majority only where
/// she does.
#[test]
fn what_a_guardian_agreed_to_before_the_minority_was_known_is_given_anew() {
    for (order_until, expires_at, goes_on) in [
        (None, None, false),
        (Some("08:10"), None, true),
        (Some("08:11"), None, true),
        (None, Some("08:10"), true),
        (None, Some("08:11"), false),
    ] {
        let practice = Practice::new();
        let (client, notice) = (practice.open("open"), practice.publish("notice"));
        let (admin, guardian) = (&practice.admin.token, practice.somebody(Role::Guardian));
        let at = |time: &str| json!(format!("2026-12-01T{time}:00Z"));
        let mut order = json!({"authority": "guardian", "verification": "order"});
        if let Some(until) = order_until {
            order["until"] = at(until);
        }
        practice.accepted(admin, Call::put(path(&client, guardian.account), &order));
        let mut terms = by_guardian(&notice);
        if let Some(end) = expires_at {
            terms["expires_at"] = at(end);
        }
        let give = |key: &str| Call::post(consents(&client), &terms).once(key);
        practice.accepted(&guardian.token, give("before"));
        for _ in 0..2 {
            practice.accepted(admin, minority(&client, &at("08:10")));
            let reading = if goes_on { "care.records" } else { "deny.no-consent" };
            let case = format!("{order_until:?} {expires_at:?}");
            assert_eq!(practice.reading(&client, &practice.clinician), reading, "{case}");
        }
        if goes_on {
            continue;
        }
        practice.refused(&guardian.token, give("before"), 409, "guardian-decides");
        practice.accepted(&guardian.token, give("anew"));
        assert_eq!(practice.reading(&client, &practice.clinician), "care.records");
        practice.world.clock.advance(SignedDuration::from_mins(10));
        assert_eq!(practice.reading(&client, &practice.clinician), "deny.no-consent");
    }
}

/// A minor until then, whose guardian gave, or gives, as if for an adult.
fn guarded(practice: &Practice, until: &str) -> (Call, Call) {
    let (client, guardian) = (practice.open("open"), AccountId::from_bytes([7; 16]));
    practice.accepted(&practice.admin.token, naming(&client, guardian, "guardian"));
    let mut terms = by_guardian(&practice.publish("notice"));
    terms["representative_id"] = json!(guardian.to_string());
    let give = Call::post(consents(&client), &terms).once("give");
    (
        give.bearer(&practice.clinician.token),
        minority(&client, &json!(until)).bearer(&practice.admin.token),
    )
}

#[test]
fn what_a_guardian_gives_outlives_no_minority_however_the_two_meet() {
    let until = "2026-12-01T08:30:00Z";
    let outlives = |practice: &Practice| {
        let client = practice.open("open");
        let live = practice.file(&client)["consents"].clone();
        let events = practice.events(&client);
        let count = |event: &str| events.iter().filter(|entered| *entered == event).count();
        let live = live.as_array().unwrap();
        assert_eq!(count("given") - count("withdrawn"), live.len(), "{events:?}");
        live.iter().any(|consent| consent["until_majority"] != json!(true))
    };
    at_every_crash(
        |practice| {
            let (give, set) = guarded(practice, until);
            assert_eq!(practice.send(&give).status, 201);
            set
        },
        |practice, is_acknowledged| {
            let live = practice.file(&practice.open("open"))["consents"] != json!([]);
            assert!(!(is_acknowledged && live));
        },
        |practice, _| assert!(!outlives(practice)),
    );
    let verify = |practice: &Practice, nth: usize, give: &Answer, set: &Answer| {
        assert_eq!(set.status, 204, "{nth}");
        assert!(matches!(give.status, 201 | 409), "{nth}: {}", give.json);
        assert!(!outlives(practice), "{nth}");
    };
    at_every_meeting_of_either(|practice| guarded(practice, until), verify);
}

/// What ended by itself is as if it had never been: nobody acts by it again, and it is in nobody's way.
#[test]
fn who_represented_a_client_once_begins_anew() {
    let practice = Practice::new();
    let client = practice.open("open");
    let her = practice.own(&client).token;
    let account = practice.somebody(Role::Guardian).account;
    let name = |until: &str| Call::put(path(&client, account), &json!({"authority": "nominee", "until": until}));
    let activate = Call::post(
        format!("{}/activate", path(&client, account)),
        &json!({"reason": "coma"}),
    );
    let acts = || practice.file(&client)["representatives"][0]["acts"].clone();
    practice.accepted(&her, name("2026-12-01T08:10:00Z"));
    practice.accepted(&practice.admin.token, activate.clone());
    assert_eq!(acts(), json!(true));
    practice.world.clock.advance(SignedDuration::from_mins(10));
    practice.refused(&practice.admin.token, activate.clone(), 404, "not-found");
    practice.accepted(&her, name("2026-12-01T09:00:00Z"));
    assert_eq!(acts(), json!(false));
    practice.accepted(&practice.admin.token, activate);
    assert_eq!(acts(), json!(true));
    assert_eq!(practice.events(&client)[1..], ["representative_named"; 4]);
}

#[test]
fn of_age_she_names_or_removes_who_was_her_parent() {
    for removes in [true, false] {
        let Family {
            practice,
            client,
            parent,
            her,
            ..
        } = &Family::new();
        let call = if removes {
            Call::delete(path(client, parent.account))
        } else {
            naming(client, parent.account, "nominee")
        };
        practice.world.clock.advance(SignedDuration::from_mins(10));
        practice.accepted(&her.token, call);
        let event = if removes {
            "representative_removed"
        } else {
            "representative_named"
        };
        assert_eq!(practice.events(client).last().unwrap(), event);
        let there = if removes { json!([]) } else { json!([false]) };
        let acting = practice.file(client)["representatives"].clone();
        let acting: Vec<_> = acting.as_array().unwrap().iter().map(|named| &named["acts"]).collect();
        assert_eq!(json!(acting), there);
    }
}

#[test]
fn a_later_majority_makes_nobody_a_parent_again() {
    let family = Family::new();
    let Family {
        practice,
        client,
        parent,
        ..
    } = &family;
    practice.accepted(&parent.token, family.giving("give", &by_guardian(&family.notice)));
    practice.world.clock.advance(SignedDuration::from_mins(10));
    let later = minority(client, &json!("2026-12-01T09:00:00Z"));
    practice.accepted(&practice.admin.token, later);
    practice.refused(&parent.token, Call::get(consents(client)), 403, "access-denied");
    assert_eq!(practice.reading(client, &practice.clinician), "deny.no-consent");
    practice.accepted(&practice.admin.token, naming(client, parent.account, "parent"));
    practice.accepted(&parent.token, family.giving("again", &by_guardian(&family.notice)));
}

/// A minor's guardian acts as a parent does, and no longer (45 CFR 164.502(g)(3)); whoever is an adult's is named anew.
#[test]
fn a_minors_guardian_ends_with_the_minority() {
    let family = Family::new();
    let Family {
        practice,
        client,
        notice,
        parent,
        ..
    } = &family;
    let (admin, guardian) = (&practice.admin.token, practice.somebody(Role::Guardian));
    practice.accepted(admin, naming(client, guardian.account, "guardian"));
    let given = practice.accepted(&guardian.token, family.giving("give", &by_guardian(notice)));
    assert_eq!(given.json["until_majority"], json!(true));
    assert_eq!(acts_for(practice, guardian.account)[0]["until"], "2026-12-01T08:10:00Z");
    practice.accepted(
        &practice.clinician.token,
        minority(client, &json!("2026-12-01T08:20:00Z")),
    );
    assert_eq!(acts_for(practice, guardian.account)[0]["until"], "2026-12-01T08:20:00Z");
    practice.world.clock.advance(SignedDuration::from_secs(20 * 60 - 1));
    assert_eq!(practice.reading(client, &practice.clinician), "care.records");
    practice.accepted(&guardian.token, Call::get(consents(client)));
    practice.world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(practice.reading(client, &practice.clinician), "deny.no-consent");
    practice.refused(&guardian.token, Call::get(consents(client)), 403, "access-denied");
    assert_eq!(acts_for(practice, guardian.account), Vec::<Value>::new());
    let receipt = format!("{}/{}/receipt", consents(client), given.text("consent_id"));
    let record = practice.as_clinician(Call::get(receipt)).json["record"].clone();
    assert_eq!(
        record["events"][1],
        json!({"event_state": "expired", "event_time": "2026-12-01T08:20:00Z"})
    );
    // Neither a majority that is said to be later, nor one that is said to be none.
    for until in [json!("2026-12-01T09:00:00Z"), Value::Null] {
        practice.accepted(admin, minority(client, &until));
        practice.refused(&guardian.token, Call::get(consents(client)), 403, "access-denied");
    }
    let renewed = practice.token(Role::ClinicAdmin, practice.admin.account);
    practice.accepted(&renewed, naming(client, guardian.account, "guardian"));
    let told = acts_for(practice, guardian.account);
    assert_eq!(
        (&told[0]["since"], told[0].get("until")),
        (&json!("2026-12-01T08:20:00Z"), None)
    );
    let again = practice.accepted(&guardian.token, family.giving("again", &by_guardian(notice)));
    assert_eq!(again.json.get("until_majority"), None);
    practice.accepted(&renewed, Call::delete(path(client, parent.account)));
}

/// Where it is said that she is of age already, whoever acted for the minor acts no more, also by an order that ends within the minority.
#[test]
fn who_acted_for_a_minor_acts_no_more_once_she_is_said_to_be_of_age() {
    for (until, acts_on) in [(None, false), (Some("08:10"), false), (Some("08:11"), true)] {
        for of_age in [Value::Null, json!("2026-12-01T08:00:00Z")] {
            let family = Family::new();
            let Family { practice, client, .. } = &family;
            let (admin, guardian) = (&practice.admin.token, practice.somebody(Role::Guardian));
            let mut order = json!({"authority": "guardian", "verification": "order"});
            if let Some(until) = until {
                order["until"] = json!(format!("2026-12-01T{until}:00Z"));
            }
            practice.accepted(admin, Call::put(path(client, guardian.account), &order));
            practice.accepted(&guardian.token, family.giving("give", &by_guardian(&family.notice)));
            practice.accepted(admin, minority(client, &of_age));
            let acting = |account| acts_for(practice, account).len();
            assert_eq!(acting(family.parent.account), 0);
            let removed = ["representative_removed"; 2];
            let events = practice.events(client);
            assert_eq!(
                events[5..],
                [&removed[usize::from(acts_on)..], &["minority_set"]].concat()
            );
            assert_eq!(acting(guardian.account), usize::from(acts_on), "{until:?} {of_age}");
            let reading = if acts_on { "care.records" } else { "deny.no-consent" };
            assert_eq!(
                practice.reading(client, &practice.clinician),
                reading,
                "{until:?} {of_age}"
            );
            practice.accepted(admin, minority(client, &json!("2026-12-01T09:00:00Z")));
            assert_eq!(acting(guardian.account), usize::from(acts_on), "{until:?} {of_age}");
        }
    }
}

/// Who acted for a minor is entered as removed with the minority that ends it, once, wherever that is broken off and whatever it meets.
#[test]
fn who_acts_no_more_is_entered_as_removed_with_the_minority() {
    let (parent, guardian) = (AccountId::from_bytes([7; 16]), AccountId::from_bytes([8; 16]));
    let of_age = |practice: &Practice| minority(&practice.open("open"), &Value::Null).bearer(&practice.admin.token);
    let prepare = |practice: &Practice| {
        let (client, admin) = (practice.open("open"), &practice.admin.token);
        practice.accepted(admin, minority(&client, &json!("2030-01-01T00:00:00Z")));
        practice.accepted(admin, naming(&client, parent, "parent"));
        practice.accepted(admin, naming(&client, guardian, "guardian"));
        of_age(practice)
    };
    let removed = |practice: &Practice| {
        let client = practice.open("open");
        assert_eq!(practice.file(&client)["representatives"], json!([]));
        let named = ["representative_named"; 2].as_slice();
        let removed = ["representative_removed"; 2].as_slice();
        assert_eq!(
            practice.events(&client)[1..],
            [&["minority_set"], named, removed, &["minority_set"]].concat()
        );
    };
    at_every_crash_point(prepare, |practice, _| removed(practice));
    at_every_interleaving(
        |practice| (prepare(practice), of_age(practice)),
        |practice, _| removed(practice),
    );
    // Named anew meanwhile, as an adult's guardian or as the minor's.
    at_every_interleaving(
        |practice| {
            let of_age = prepare(practice);
            let client = practice.open("open");
            let anew = naming(&client, guardian, "guardian").bearer(&practice.admin.token);
            practice.accepted(&practice.admin.token, Call::delete(path(&client, guardian)));
            (anew, of_age)
        },
        |practice, nth| {
            let client = practice.open("open");
            let acts = practice.file(&client)["representatives"] != json!([]);
            let list = practice.as_admin(Call::get(consents(&client)));
            let entries = list.json["entries"].as_array().unwrap();
            let hers = |entry: &&Value| entry["account_id"] == json!(guardian.to_string());
            let last = entries.iter().find(hers).unwrap()["event"] == "representative_named";
            assert_eq!(acts, last, "{nth}: {entries:?}");
        },
    );
}

/// Whose right was said to end on the birthday as it was known ends on the one that is said to be sooner, and in the ledger, too.
#[test]
fn a_minors_guardian_ends_with_a_minority_that_ends_sooner() {
    let family = Family::new();
    let Family { practice, client, .. } = &family;
    let (admin, clinician) = (&practice.admin.token, &practice.clinician.token);
    let naming = |until: &str| {
        let account = practice.somebody(Role::Guardian).account;
        let order = json!({"authority": "guardian", "verification": "order", "until": until});
        practice.accepted(admin, Call::put(path(client, account), &order));
        account
    };
    let until = ["08:03", "08:10", "08:11"].map(|time| format!("2026-12-01T{time}:00Z"));
    let [early, minors, adults] = [0, 1, 2].map(|at| naming(&until[at]));
    let sooner = "2026-12-01T08:05:00Z";
    let entries = practice.events(client).len();
    for _ in 0..2 {
        practice.accepted(clinician, minority(client, &json!(sooner)));
        let events = practice.events(client);
        assert_eq!(events[entries..], ["representative_named", "minority_set"]);
    }
    let told = |account| acts_for(practice, account)[0]["until"].clone();
    assert_eq!(
        [early, minors, adults].map(told),
        [json!(until[0]), json!(sooner), json!(until[2])]
    );
    let list = practice.as_admin(Call::get(consents(client)));
    let entered = list.json["entries"][1].clone();
    assert_eq!(
        (&entered["account_id"], &entered["until"]),
        (&json!(minors.to_string()), &json!(sooner))
    );
    practice.world.clock.advance(SignedDuration::from_secs(5 * 60 - 1));
    assert_eq!(acts_for(practice, minors).len(), 1);
    practice.world.clock.advance(SignedDuration::from_secs(1));
    let acts = |account| acts_for(practice, account).len();
    assert_eq!([early, minors, adults, family.parent.account].map(acts), [0, 0, 1, 0]);
    // Nor does a later one bring her back.
    practice.accepted(clinician, minority(client, &json!("2026-12-01T08:10:00Z")));
    assert_eq!([minors, adults].map(acts), [0, 1]);
}

/// Whose right was said to go beyond the minority is not taken for a minor's guardian where it loses its end afterwards.
#[test]
fn a_guardian_beyond_majority_is_an_adults() {
    let family = Family::new();
    let Family { practice, client, .. } = &family;
    let account = practice.somebody(Role::Guardian).account;
    let order = json!({"authority": "guardian", "verification": "order", "until": "2026-12-01T09:00:00Z"});
    practice.accepted(&practice.admin.token, Call::put(path(client, account), &order));
    practice.world.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(acts_for(practice, account)[0]["since"], "2026-12-01T08:00:00Z");
    practice.accepted(&practice.admin.token, naming(client, account, "guardian"));
    let told = acts_for(practice, account);
    assert_eq!(told[0]["since"], "2026-12-01T08:10:00Z");
    assert_eq!(told[0].get("until"), None);
}

#[test]
fn naming_keeps_its_rules() {
    let practice = Practice::new();
    let client = practice.open("open");
    let admin = &practice.admin.token;
    let account = practice.somebody(Role::Guardian).account;
    let put = |body: Value| Call::put(path(&client, account), &body);
    practice.violated(
        admin,
        put(json!({"authority": "guardian"})),
        "/verification",
        "required",
    );
    practice.violated(admin, naming(&client, account, "parent"), "/authority", "minor");
    let past = json!({"authority": "guardian", "verification": "order", "until": "2026-12-01T08:00:00Z"});
    practice.violated(admin, put(past), "/until", "future");
    for body in [
        json!({}),
        json!({"authority": "SECRET"}),
        json!({"authority": "guardian", "name": "SECRET"}),
    ] {
        practice.refused(admin, put(body), 400, "malformed-request");
    }
    practice.refused(
        &practice.clinician.token,
        naming(&client, account, "guardian"),
        403,
        "access-denied",
    );
    for _ in 0..8 {
        let another = practice.somebody(Role::Guardian).account;
        practice.accepted(admin, naming(&client, another, "guardian"));
    }
    practice.refused(
        admin,
        naming(&client, account, "guardian"),
        409,
        "too-many-representatives",
    );

    let set = |body: Value| Call::put(format!("/v1/consent/clients/{client}/minority"), &body);
    for body in [
        json!({}),
        json!({"until": "SECRET"}),
        json!({"until": null, "birth_date": "SECRET"}),
    ] {
        practice.refused(admin, set(body), 400, "malformed-request");
    }
    for token in [
        &practice.own(&client).token,
        &practice.officer.token,
        &practice.somebody(Role::Clinician).token,
    ] {
        practice.refused(token, minority(&client, &Value::Null), 403, "access-denied");
    }
}

/// A year that was typed wrongly makes nobody a minor for half a life.
#[test]
fn nobody_is_a_minor_longer_than_who_is_born_today() {
    for regimes in [None, Some(json!(["pipeda"])), Some(json!(["gdpr"]))] {
        let practice = Practice::unsaid();
        if let Some(regimes) = regimes {
            let mut said = testkit::jurisdiction();
            said["regimes"] = regimes;
            practice.accepted(&practice.admin.token, Call::put("/v1/consent/jurisdiction", &said));
        }
        let (client, admin) = (practice.open("open"), &practice.admin.token);
        for until in ["2047-12-02T00:00:00Z", "2072-05-01T00:00:00Z"] {
            practice.violated(admin, minority(&client, &json!(until)), "/until", "majority");
        }
        for until in ["2047-12-01T23:59:59Z", "1990-05-01T00:00:00Z"] {
            practice.accepted(admin, minority(&client, &json!(until)));
            assert_eq!(practice.file(&client)["minor_until"], json!(until));
        }
        // Where it is tomorrow already somebody may be born tomorrow.
        practice.world.clock.advance(SignedDuration::from_hours(2));
        let tomorrows = minority(&client, &json!("2047-12-02T00:00:00Z"));
        let admin = practice.token(Role::ClinicAdmin, practice.admin.account);
        practice.accepted(&admin, tomorrows);
    }
}

#[test]
fn naming_removing_and_majority_are_finished_by_a_repeated_request() {
    let account = AccountId::from_bytes([7; 16]);
    let last = |practice: &Practice, event: &str| {
        let client = practice.open("open");
        assert_eq!(
            practice.events(&client)[1..]
                .iter()
                .filter(|entered| *entered == event)
                .count(),
            1
        );
        practice.file(&client)
    };
    let acts = |practice: &Practice| practice.file(&practice.open("open"))["representatives"][0]["acts"] == json!(true);
    at_every_crash(
        |practice| naming(&practice.open("open"), account, "guardian").bearer(&practice.admin.token),
        |practice, is_acknowledged| assert!(!is_acknowledged || acts(practice)),
        |practice, _| {
            assert_eq!(
                last(practice, "representative_named")["representatives"][0]["acts"],
                json!(true)
            );
        },
    );
    at_every_crash(
        |practice| {
            let client = practice.open("open");
            practice.accepted(&practice.admin.token, naming(&client, account, "guardian"));
            Call::delete(path(&client, account)).bearer(&practice.admin.token)
        },
        |practice, is_acknowledged| assert!(!is_acknowledged || !acts(practice)),
        |practice, _| assert_eq!(last(practice, "representative_removed")["representatives"], json!([])),
    );
    let until = json!("2030-01-01T00:00:00Z");
    at_every_crash_point(
        |practice| minority(&practice.open("open"), &until).bearer(&practice.clinician.token),
        |practice, _| assert_eq!(last(practice, "minority_set")["minor_until"], until),
    );
    at_every_crash_point(
        |practice| {
            let client = practice.open("open");
            practice.accepted(&practice.admin.token, naming(&client, account, "nominee"));
            let body = json!({"reason": "coma"});
            Call::post(format!("{}/activate", path(&client, account)), &body).bearer(&practice.admin.token)
        },
        |practice, _| {
            let client = practice.open("open");
            assert!(acts(practice));
            assert_eq!(practice.events(&client)[1..], ["representative_named"; 2]);
        },
    );
}

#[test]
fn the_ledger_agrees_however_naming_and_removing_meet() {
    let account = AccountId::from_bytes([7; 16]);
    let prepare = |practice: &Practice| {
        let client = practice.open("open");
        let name = naming(&client, account, "guardian").bearer(&practice.admin.token);
        (
            name,
            Call::delete(path(&client, account)).bearer(&practice.officer.token),
        )
    };
    let verify = |practice: &Practice, nth: usize| {
        let client = practice.open("open");
        let acts = practice.file(&client)["representatives"] != json!([]);
        let events = practice.events(&client);
        let named = events.last().is_some_and(|event| event == "representative_named");
        assert_eq!(acts, named, "{nth}: {events:?}");
    };
    at_every_interleaving(prepare, verify);
    at_every_interleaving(
        |practice| {
            let (name, remove) = prepare(practice);
            assert_eq!(practice.send(&name).status, 204);
            (remove, name)
        },
        verify,
    );
}

const REPRESENTATIONS: &str = "/v1/consent/representations";

/// For whom an account acts, as it is told.
fn acts_for(practice: &Practice, account: AccountId) -> Vec<Value> {
    let token = practice.token(Role::Guardian, account);
    let list = practice.accepted(&token, Call::get(REPRESENTATIONS));
    list.json["representations"].as_array().unwrap().clone()
}

#[test]
fn whoever_acts_is_told_for_whom_as_long_as_she_does() {
    let mut practice = Practice::new();
    let [child, ward, principal, stranger] = ["child", "ward", "principal", "stranger"].map(|key| practice.open(key));
    let (account, another) = (
        practice.somebody(Role::Guardian).account,
        practice.somebody(Role::Guardian).account,
    );
    let named = |client: &str, authority: &str, until: Option<&str>| {
        json!({"client_id": client, "authority": authority, "reads_records": false,
            "since": "2026-12-01T08:00:00Z", "until": until})
    };
    let told = |practice: &Practice| -> Vec<Value> {
        let mut told = acts_for(practice, account);
        for entry in &mut told {
            // Absent where there is none.
            let until = entry.get("until").cloned();
            entry["until"] = until.unwrap_or(Value::Null);
        }
        told
    };
    assert_eq!(told(&practice), Vec::<Value>::new());
    {
        let admin = &practice.admin.token;
        practice.accepted(admin, minority(&child, &json!("2026-12-01T08:10:00Z")));
        practice.accepted(admin, naming(&child, account, "parent"));
        let mut body = json!({"authority": "guardian", "verification": "order", "until": "2026-12-01T08:20:00Z"});
        practice.accepted(admin, Call::put(path(&ward, account), &body));
        body["reads_records"] = json!(true);
        practice.accepted(admin, Call::put(path(&stranger, another), &body));
        // Who is named for a day that may never come is not told so.
        let her = practice.own(&principal).token;
        let nominee = json!({"authority": "nominee"});
        practice.accepted(&her, Call::put(path(&principal, account), &nominee));
    }
    let (parent, guardian) = (
        named(&child, "parent", Some("2026-12-01T08:10:00Z")),
        named(&ward, "guardian", Some("2026-12-01T08:20:00Z")),
    );
    assert_eq!(told(&practice), [guardian.clone(), parent.clone()]);
    let page = practice.accepted(
        &practice.token(Role::Guardian, account),
        Call::get(format!("{REPRESENTATIONS}?limit=2")),
    );
    assert!(page.json.get("next").is_none(), "{}", page.json);
    let others = acts_for(&practice, another);
    assert_eq!((others.len(), &others[0]["client_id"]), (1, &json!(stranger)));
    assert_eq!(others[0]["reads_records"], true);

    let activate = Call::post(
        format!("{}/activate", path(&principal, account)),
        &json!({"reason": "coma"}),
    );
    practice.accepted(&practice.admin.token, activate);
    let nominee = named(&principal, "nominee", None);
    assert_eq!(told(&practice), [nominee.clone(), guardian.clone(), parent]);
    practice.later(SignedDuration::from_mins(10));
    assert_eq!(told(&practice), [nominee.clone(), guardian]);
    practice.later(SignedDuration::from_mins(10));
    assert_eq!(told(&practice), [nominee]);
    let again = json!({"authority": "guardian", "verification": "order"});
    practice.accepted(&practice.admin.token, Call::put(path(&ward, account), &again));
    assert_eq!(told(&practice)[1]["since"], "2026-12-01T08:20:00Z");
    for client in [&principal, &ward] {
        practice.accepted(&practice.officer.token, Call::delete(path(client, account)));
    }
    assert_eq!(told(&practice), Vec::<Value>::new());
}

#[test]
fn representations_are_told_to_who_acts_and_to_nobody_else() {
    let practice = Practice::new();
    let client = practice.open("open");
    let mother = practice.world.entropy.id();
    practice.accepted(&practice.admin.token, naming(&client, mother, "guardian"));
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Guardian) {
        let token = practice.token(role, mother);
        practice.refused(&token, Call::get(REPRESENTATIONS), 403, "access-denied");
    }
    // A guardian may be a client herself.
    let hers = practice.open("hers").parse().unwrap();
    let roles = [Role::Client, Role::Guardian];
    let both = log_in(&practice.world, &roles, practice.clinic, mother, Some(hers));
    let told = practice.accepted(&both, Call::get(REPRESENTATIONS)).json;
    assert_eq!(told["representations"][0]["client_id"], json!(client));
    let elsewhere = log_in(
        &practice.world,
        &[Role::Guardian],
        practice.world.entropy.id(),
        mother,
        None,
    );
    let theirs = practice.accepted(&elsewhere, Call::get(REPRESENTATIONS)).json;
    assert_eq!(theirs, json!({"representations": []}));
    for query in ["limit=0", "limit=x", "cursor=SECRET", "account_id=SECRET"] {
        let call = Call::get(format!("{REPRESENTATIONS}?{query}"));
        practice.refused(&both, call, 400, "malformed-request");
    }
}

/// What is refused enters nobody's list; `refused` looks that nothing is.
#[test]
fn a_refused_naming_or_activation_is_in_no_list() {
    let practice = Practice::new();
    let client = practice.open("open");
    let admin = &practice.admin.token;
    let account = practice.somebody(Role::Guardian).account;
    for number in 1..=8 {
        practice.accepted(admin, naming(&client, AccountId::from_bytes([number; 16]), "guardian"));
    }
    practice.refused(
        admin,
        naming(&client, account, "guardian"),
        409,
        "too-many-representatives",
    );
    let body = json!({"reason": "coma"});
    let activate = Call::post(format!("{}/activate", path(&client, account)), &body);
    practice.refused(admin, activate, 404, "not-found");
    assert_eq!(acts_for(&practice, account), Vec::<Value>::new());
}

/// Whoever acts has the client in her list, whatever a crash leaves and however requests meet; and whoever does not act has not.
#[test]
fn the_list_is_right_at_every_crash_and_meeting() {
    let account = AccountId::from_bytes([7; 16]);
    let agree = |practice: &Practice| {
        let client = practice.open("open");
        let acts = practice.file(&client)["representatives"][0]["acts"] == json!(true);
        let told: Vec<Value> = acts_for(practice, account)
            .iter()
            .map(|named| named["client_id"].clone())
            .collect();
        assert_eq!(told, if acts { vec![json!(client)] } else { Vec::new() });
        acts
    };
    let activate = |client: &str| {
        Call::post(
            format!("{}/activate", path(client, account)),
            &json!({"reason": "coma"}),
        )
    };
    let nominate = |practice: &Practice| {
        let client = practice.open("open");
        practice.accepted(&practice.admin.token, naming(&client, account, "nominee"));
        client
    };
    at_every_crash(
        |practice| naming(&practice.open("open"), account, "guardian").bearer(&practice.admin.token),
        |practice, _| {
            agree(practice);
        },
        |practice, _| assert!(agree(practice)),
    );
    at_every_crash(
        |practice| activate(&nominate(practice)).bearer(&practice.admin.token),
        |practice, _| {
            agree(practice);
        },
        |practice, _| assert!(agree(practice)),
    );
    at_every_crash(
        |practice| {
            let client = practice.open("open");
            practice.accepted(&practice.admin.token, naming(&client, account, "guardian"));
            Call::delete(path(&client, account)).bearer(&practice.admin.token)
        },
        |practice, _| {
            agree(practice);
        },
        |practice, _| assert!(!agree(practice)),
    );
    let remove =
        |practice: &Practice| Call::delete(path(&practice.open("open"), account)).bearer(&practice.officer.token);
    let name = |practice: &Practice, authority: &str| {
        naming(&practice.open("open"), account, authority).bearer(&practice.admin.token)
    };
    at_every_interleaving(
        |practice| (name(practice, "guardian"), remove(practice)),
        |practice, _| {
            agree(practice);
        },
    );
    at_every_interleaving(
        |practice| (name(practice, "nominee"), name(practice, "guardian")),
        |practice, _| {
            agree(practice);
        },
    );
    for is_first in [true, false] {
        at_every_interleaving(
            |practice| {
                let client = nominate(practice);
                let calls = (
                    name(practice, "nominee"),
                    activate(&client).bearer(&practice.admin.token),
                );
                if is_first { (calls.1, calls.0) } else { calls }
            },
            |practice, nth| assert!(agree(practice), "{nth}"),
        );
    }
}

/// A list that lost its entry, or never had it, has it again once she is named again.
#[test]
fn naming_her_again_repairs_the_list() {
    let practice = Practice::new();
    let client = practice.open("open");
    let account = practice.somebody(Role::Guardian).account;
    let name = naming(&client, account, "guardian");
    let before = practice.world.stores.dump();
    practice.accepted(&practice.admin.token, name.clone());
    let mut lost = practice.world.stores.dump();
    lost.retain(|(store, _, _)| store != "consent");
    lost.extend(before.into_iter().filter(|(store, _, _)| store == "consent"));
    practice.world.stores.restore(&lost);
    assert_eq!(acts_for(&practice, account), Vec::<Value>::new());
    practice.accepted(&practice.admin.token, name);
    assert_eq!(acts_for(&practice, account)[0]["client_id"], json!(client));
}
