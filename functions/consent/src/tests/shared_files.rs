//! Files of couples and groups, as whole requests.

use super::*;

/// A couple in therapy: each has a file of her own, and both have one.
struct Couple {
    practice: Practice,
    notice: String,
    both: String,
    /// In the order of their ids.
    participants: [String; 2],
}

fn opening(key: &str, participants: &[&str]) -> Call {
    Call::post("/v1/consent/clients", &json!({"participants": participants})).once(key)
}

fn giving(client: &str, key: &str, terms: &Value) -> Call {
    Call::post(format!("/v1/consent/clients/{client}/consents"), terms).once(key)
}

impl Couple {
    fn new() -> Self {
        let practice = Practice::new();
        let mut participants = [practice.open("one"), practice.open("other")];
        participants.sort_by_key(|client| client.parse::<ClientId>().unwrap());
        let [one, other] = &participants;
        // In whichever order they are named.
        let opened = practice.accepted(&practice.clinician.token, opening("both", &[other, one]));
        let both = opened.text("client_id");
        assert_eq!(opened.json, json!({"client_id": both, "participants": participants}));
        let notice = practice.publish("notice");
        Self {
            practice,
            notice,
            both,
            participants,
        }
    }

    /// What staff record of a participant.
    fn of(&self, participant: &str) -> Value {
        let mut terms = terms(&self.notice);
        terms["participant_id"] = json!(participant);
        terms
    }

    fn reading(&self) -> String {
        self.practice.reading(&self.both, &self.practice.clinician)
    }
}

#[test]
fn a_shared_file_is_open_while_all_agree() {
    let couple = Couple::new();
    let Couple {
        practice,
        notice,
        both,
        participants: [one, other],
    } = &couple;
    let hers = practice.own(one);
    let clinician = &practice.clinician.token;
    assert_eq!(practice.file(both)["participants"], json!([one, other]));
    let given = practice.accepted(&hers.token, giving(both, "give", &terms(notice)));
    assert_eq!(given.text("participant_id"), *one);
    assert_eq!(couple.reading(), "deny.no-consent");
    let others = practice.accepted(clinician, giving(both, "other", &couple.of(other)));
    assert_eq!(others.text("participant_id"), *other);
    assert_eq!(couple.reading(), "care.records");
    // Each one's receipt is hers.
    let receipt = format!(
        "/v1/consent/clients/{both}/consents/{}/receipt",
        others.text("consent_id")
    );
    let receipt = practice.as_clinician(Call::get(receipt));
    assert_eq!(receipt.json["record"]["pii_principal_id"], json!(other));
    // Neither consent is one to use what is in a file of her own.
    assert_eq!(practice.reading(one, &practice.clinician), "deny.no-consent");

    let withdraw = |given: &Answer| {
        let consent = given.text("consent_id");
        Call::post(
            format!("/v1/consent/clients/{both}/consents/{consent}/withdraw"),
            &json!({}),
        )
    };
    practice.refused(&hers.token, withdraw(&others), 409, "not-your-consent");
    assert_eq!(couple.reading(), "care.records");
    practice.accepted(&hers.token, withdraw(&given));
    assert_eq!(couple.reading(), "deny.no-consent");
    practice.accepted(&hers.token, giving(both, "again", &terms(notice)));
    assert_eq!(couple.reading(), "care.records");
    practice.accepted(clinician, withdraw(&others));
    assert_eq!(couple.reading(), "deny.no-consent");
    assert_eq!(
        practice.events(both),
        ["joined_care_team", "given", "given", "withdrawn", "given", "withdrawn"]
    );
}

#[test]
fn a_participant_gives_for_herself_and_staff_say_who_did() {
    let couple = Couple::new();
    let Couple {
        practice,
        notice,
        both,
        participants: [one, other],
    } = &couple;
    let clinician = &practice.clinician.token;
    let hers = practice.own(one).token;
    practice.violated(
        &hers,
        giving(both, "give", &couple.of(other)),
        "/participant_id",
        "caller",
    );
    practice.violated(
        clinician,
        giving(both, "give", &terms(notice)),
        "/participant_id",
        "participant",
    );
    let stranger = practice.open("stranger");
    practice.violated(
        clinician,
        giving(both, "give", &couple.of(&stranger)),
        "/participant_id",
        "participant",
    );
    practice.violated(
        clinician,
        giving(one, "give", &couple.of(one)),
        "/participant_id",
        "participant",
    );
    practice.refused(
        &practice.own(&stranger).token,
        giving(both, "give", &terms(notice)),
        403,
        "access-denied",
    );
    practice.accepted(&hers, giving(both, "give", &couple.of(one)));
}

#[test]
fn participants_see_the_file_and_none_of_its_records() {
    let couple = Couple::new();
    let Couple {
        practice,
        both,
        participants: [one, _],
        ..
    } = &couple;
    let hers = practice.own(one);
    practice.accepted(&hers.token, Call::get(format!("/v1/consent/clients/{both}")));
    practice.accepted(&hers.token, Call::get(format!("/v1/consent/clients/{both}/consents")));
    for class in ["health", "substance_use", "identity", "schedule", "billing"] {
        let question = format!("role=client&action=read&class={class}");
        assert_eq!(practice.rule(both, hers.account, &question), "deny.no-rule", "{class}");
        assert_ne!(practice.rule(one, hers.account, &question), "deny.no-rule", "{class}");
    }
}

#[test]
fn nobody_shows_what_another_participant_hid() {
    let couple = Couple::new();
    let Couple {
        practice,
        both,
        participants: [one, other],
        ..
    } = &couple;
    let path = format!("/v1/consent/clients/{both}/restrictions");
    let (hers, others) = (practice.own(one).token, practice.own(other).token);
    let hide = |token: &str, key: &str| {
        let made = practice.accepted(token, Call::post(&path, &json!({"class": "health"})).once(key));
        Call::delete(format!("{path}/{}", made.text("restriction_id")))
    };
    let lift = hide(&hers, "hide");
    practice.refused(&others, lift.clone(), 409, "not-your-restriction");
    practice.accepted(&hers, lift);
    let lift = hide(&practice.clinician.token, "staff");
    practice.refused(&hers, lift.clone(), 409, "not-your-restriction");
    practice.accepted(&practice.officer.token, lift);
    assert_eq!(practice.file(both)["restrictions"], json!([]));
}

#[test]
fn a_participant_does_not_see_what_another_hid_nor_why_she_withdrew() {
    let couple = Couple::new();
    let Couple {
        practice,
        notice,
        both,
        participants: [one, other],
    } = &couple;
    let (hers, others) = (practice.own(one).token, practice.own(other).token);
    let given = practice.accepted(&hers, giving(both, "give", &terms(notice)));
    let consents = format!("/v1/consent/clients/{both}/consents");
    let withdraw = format!("{consents}/{}/withdraw", given.text("consent_id"));
    practice.accepted(&hers, Call::post(withdraw, &json!({"reason": "SECRET I leave him"})));
    let restrictions = format!("/v1/consent/clients/{both}/restrictions");
    let hide = Call::post(&restrictions, &json!({"class": "health"})).once("hide");
    let hidden = practice.accepted(&hers, hide).text("restriction_id");
    let sees = |token: &str| {
        let ledger = practice.accepted(token, Call::get(&consents)).json;
        let file = practice
            .accepted(token, Call::get(format!("/v1/consent/clients/{both}")))
            .json;
        let events = ledger["entries"].as_array().unwrap().len();
        let restrictions = file["restrictions"].as_array().unwrap().len();
        (events, restrictions, ledger.to_string().contains("SECRET"))
    };
    assert_eq!(sees(&hers), (4, 1, true));
    assert_eq!(sees(&others), (3, 0, false));
    // Whoever lifts it, it was hers.
    practice.accepted(
        &practice.officer.token,
        Call::delete(format!("{restrictions}/{hidden}")),
    );
    assert_eq!(sees(&hers), (5, 0, true));
    assert_eq!(sees(&others), (3, 0, false));
    assert_eq!(sees(&practice.admin.token), (5, 0, false));
    assert_eq!(sees(&practice.officer.token), (5, 0, true));
}

/// Why somebody broke the glass, and what the privacy officer wrote of it, speaks of the others too.
#[test]
fn a_participant_sees_that_the_glass_was_broken_and_not_why() {
    let couple = Couple::new();
    let Couple {
        practice,
        both,
        participants: [one, _],
        ..
    } = &couple;
    let emergencies = |client: &str| format!("/v1/consent/clients/{client}/emergency-access");
    for client in [both, one] {
        let why = json!({"reason": "SECRET he called from a bridge"});
        let call = Call::post(emergencies(client), &why).once("break");
        let emergency = practice.accepted(&practice.colleague.token, call).text("emergency_id");
        let review = json!({"finding": "justified", "note": "SECRET he had left her"});
        let path = format!("/v1/consent/emergency-access/{emergency}/review");
        practice.accepted(&practice.officer.token, Call::put(path, &review));
    }
    let listed = |token: &str, client: &str| {
        let list = practice.accepted(token, Call::get(emergencies(client))).json;
        list["emergencies"][0].clone()
    };
    let hers = practice.own(one).token;
    let seen = listed(&hers, both);
    assert!(!seen.to_string().contains("SECRET"), "{seen}");
    assert_eq!(seen["account_id"], json!(practice.colleague.account.to_string()));
    assert_eq!(seen["review"]["finding"], "justified");
    for (token, client) in [(&hers, one), (&practice.officer.token, both)] {
        let seen = listed(token, client);
        assert_eq!(seen["reason"], "SECRET he called from a bridge");
        assert_eq!(seen["review"]["note"], "SECRET he had left her");
    }
}

/// Nor do the decisions tell her what another hid.
#[test]
fn a_participant_is_explained_what_she_hid_and_not_what_another_did() {
    let couple = Couple::new();
    let Couple {
        practice,
        both,
        participants: [one, other],
        ..
    } = &couple;
    for participant in [one, other] {
        let call = giving(both, participant, &couple.of(participant));
        practice.accepted(&practice.clinician.token, call);
    }
    let (hers, others) = (practice.own(one).token, practice.own(other).token);
    let path = format!(
        "/v1/consent/clients/{both}/access/explain?account_id={}&role=clinician&action=read&class=health",
        practice.clinician.account
    );
    let explained = |token: &str| practice.accepted(token, Call::get(&path)).json;
    let before = explained(&others);
    assert_eq!(before["rule"], "care.records");
    let hide = Call::post(
        format!("/v1/consent/clients/{both}/restrictions"),
        &json!({"class": "health"}),
    );
    practice.accepted(&hers, hide.once("hide"));
    assert_eq!(explained(&others), before);
    for token in [&hers, &practice.officer.token] {
        assert_eq!(explained(token)["rule"], "deny.restricted");
    }
}

#[test]
fn whose_file_it_is_is_checked() {
    let couple = Couple::new();
    let Couple {
        practice,
        both,
        participants: [one, other],
        ..
    } = &couple;
    let clinician = &practice.clinician.token;
    let many: Vec<String> = (0..17)
        .map(|number| practice.open(&format!("member-{number}")))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for participants in [&many[..1], &[one, other, one], &many[..]] {
        practice.violated(clinician, opening("open", participants), "/participants", "count");
    }
    practice.violated(clinician, opening("open", &[one, both]), "/participants", "person");
    let missing = practice.world.entropy.id::<model::kind::Client>().to_string();
    practice.refused(clinician, opening("open", &[one, &missing]), 403, "access-denied");
    // Who does not treat them both does not bring them together.
    practice.refused(
        &practice.colleague.token,
        opening("open", &[one, other]),
        403,
        "access-denied",
    );
    let unknown = Call::post("/v1/consent/clients", &json!({"members": ["SECRET"]})).once("open");
    practice.refused(clinician, unknown, 400, "malformed-request");
    let group = practice.accepted(clinician, opening("group", &many[..16]));
    assert_eq!(group.json["participants"].as_array().unwrap().len(), 16);

    assert_eq!(
        practice
            .accepted(clinician, opening("both", &[one, other]))
            .text("client_id"),
        *both
    );
    practice.refused(
        clinician,
        opening("both", &[one, many[0]]),
        422,
        "idempotency-key-reused",
    );
    practice.refused(clinician, opening("both", &[]), 422, "idempotency-key-reused");
    practice.refused(clinician, opening("one", &[one, other]), 422, "idempotency-key-reused");
}

#[test]
fn a_shared_file_has_neither_age_nor_representatives() {
    let couple = Couple::new();
    let Couple { practice, both, .. } = &couple;
    let admin = &practice.admin.token;
    let minority = Call::put(
        format!("/v1/consent/clients/{both}/minority"),
        &json!({"until": "2030-01-01T00:00:00Z"}),
    );
    practice.violated(admin, minority, "/until", "person");
    let account = practice.colleague.account;
    let body = json!({"authority": "guardian", "verification": "order"});
    let name = Call::put(format!("/v1/consent/clients/{both}/representatives/{account}"), &body);
    practice.violated(admin, name, "/authority", "person");
}

/// A family with a child: her own file says that she is one, and who decides for her.
#[test]
fn for_a_minor_in_a_shared_file_her_parent_agrees() {
    let couple = Couple::new();
    let Couple {
        practice,
        notice,
        both,
        participants: [child, mother],
    } = &couple;
    let clinician = &practice.clinician.token;
    let until = json!({"until": "2026-12-01T08:10:00Z"});
    practice.accepted(
        clinician,
        Call::put(format!("/v1/consent/clients/{child}/minority"), &until),
    );
    let parent = practice.somebody(Role::Guardian).account;
    let body = json!({"authority": "parent", "verification": "details_given"});
    let path = format!("/v1/consent/clients/{child}/representatives/{parent}");
    practice.accepted(&practice.admin.token, Call::put(path, &body));
    practice.accepted(clinician, giving(both, "mother", &couple.of(mother)));

    practice.refused(
        &practice.own(child).token,
        giving(both, "give", &terms(notice)),
        409,
        "guardian-decides",
    );
    practice.refused(
        clinician,
        giving(both, "give", &couple.of(child)),
        409,
        "guardian-decides",
    );
    let mut terms = couple.of(child);
    terms["given_by"] = json!("guardian");
    practice.violated(
        clinician,
        giving(both, "give", &terms),
        "/representative_id",
        "representative",
    );
    terms["representative_id"] = json!(parent.to_string());
    // Nobody's parent decides for an adult.
    let mut mothers = terms.clone();
    mothers["participant_id"] = json!(mother);
    practice.violated(
        clinician,
        giving(both, "give", &mothers),
        "/representative_id",
        "representative",
    );
    let given = practice.accepted(clinician, giving(both, "give", &terms));
    assert_eq!(given.text("expires_at"), "2026-12-01T08:10:00Z");
    practice.world.clock.advance(SignedDuration::from_secs(10 * 60 - 1));
    assert_eq!(couple.reading(), "care.records");
    practice.world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(couple.reading(), "deny.no-consent");
    practice.accepted(&practice.own(child).token, giving(both, "hers", &super::terms(notice)));
    assert_eq!(couple.reading(), "care.records");
}

/// As what her parent agrees to does, what a minor's guardian agrees to for her in a shared file ends with her minority.
#[test]
fn for_a_minor_in_a_shared_file_her_guardian_agrees_until_majority() {
    let couple = Couple::new();
    let Couple {
        practice,
        both,
        participants: [child, _],
        ..
    } = &couple;
    let until = json!({"until": "2026-12-01T08:10:00Z"});
    let minority = Call::put(format!("/v1/consent/clients/{child}/minority"), &until);
    practice.accepted(&practice.clinician.token, minority);
    let mut terms = couple.of(child);
    terms["given_by"] = json!("guardian");
    terms["representative_id"] = json!(practice.guardian(child));
    let given = practice.accepted(&practice.clinician.token, giving(both, "give", &terms));
    assert_eq!(given.text("expires_at"), "2026-12-01T08:10:00Z");
}

/// Her own file says by now that she is a minor: what she began to agree to in the shared one does not take effect.
#[test]
fn what_a_minor_began_to_agree_to_in_a_shared_file_never_holds() {
    let couple = Couple::new();
    let Couple {
        practice,
        notice,
        both,
        participants: [child, _],
    } = &couple;
    let hers = practice.own(child).token;
    let give = giving(both, "give", &terms(notice)).bearer(&hers);
    practice.die_entered(both, &give);
    let until = json!({"until": "2030-01-01T00:00:00Z"});
    let minority = Call::put(format!("/v1/consent/clients/{child}/minority"), &until);
    practice.accepted(&practice.clinician.token, minority);
    for _ in 0..2 {
        assert_refused(&practice.send(&give), 409, "guardian-decides");
        assert_eq!(practice.file(both)["consents"], json!([]));
        assert_eq!(practice.events(both), ["joined_care_team", "given", "withdrawn"]);
    }
}

fn minority(client: &str, until: &Value) -> Call {
    Call::put(
        format!("/v1/consent/clients/{client}/minority"),
        &json!({"until": until}),
    )
}

/// It was not known, when she agreed for herself in what she shares with others, that she is a minor.
#[test]
fn what_a_minor_agreed_to_in_shared_files_ends_once_it_is_known() {
    let couple = Couple::new();
    let Couple {
        practice,
        notice,
        both,
        participants: [child, mother],
    } = &couple;
    let clinician = &practice.clinician.token;
    let father = practice.open("father");
    let family = practice
        .accepted(clinician, opening("family", &[child, mother, &father]))
        .text("client_id");
    let untouched = practice
        .accepted(clinician, opening("parents", &[mother, &father]))
        .text("client_id");
    let hers = practice.own(child).token;
    for (file, participants) in [
        (both, &[mother][..]),
        (&family, &[mother, &father]),
        (&untouched, &[mother, &father]),
    ] {
        if file != &untouched {
            practice.accepted(&hers, giving(file, "hers", &terms(notice)));
        }
        for participant in participants {
            practice.accepted(clinician, giving(file, participant, &couple.of(participant)));
        }
        assert_eq!(practice.reading(file, &practice.clinician), "care.records");
    }
    let given = practice.events(&family);
    // That she has been of age since then ends nothing; an administrator, who treats nobody, says it.
    let admin = &practice.admin.token;
    practice.accepted(admin, minority(child, &json!("2026-12-01T08:00:00Z")));
    assert_eq!(couple.reading(), "care.records");
    let until = json!("2026-12-01T08:10:00Z");
    let [first, second, third] = [child, both, &family].map(|client| practice.subject(client));
    let events = practice.recorded(|| drop(practice.accepted(admin, minority(child, &until))));
    let recorded: BTreeSet<_> = events.iter().map(|event| event.subject).collect();
    assert_eq!(recorded, BTreeSet::from([first, second, third].map(Some)));
    let rules: Vec<_> = events.iter().map(|event| event.rule.as_str()).collect();
    assert_eq!(rules, ["administration.client-file"; 3]);
    for file in [both, &family] {
        assert_eq!(practice.reading(file, &practice.clinician), "deny.no-consent");
        let live = practice.file(file)["consents"].clone();
        assert!(!live.to_string().contains(child.as_str()), "{live}");
        assert_eq!(practice.events(file).last().unwrap(), "withdrawn");
    }
    assert_eq!(practice.events(&family).len(), given.len() + 1);
    assert_eq!(practice.file(&family)["consents"].as_array().unwrap().len(), 2);
    assert_eq!(practice.reading(&untouched, &practice.clinician), "care.records");
    // Said again it ends nothing anew, and majority brings nothing back.
    practice.accepted(clinician, minority(child, &until));
    practice.accepted(clinician, minority(child, &Value::Null));
    assert_eq!(practice.events(&family).len(), given.len() + 1);
    assert_eq!(couple.reading(), "deny.no-consent");
    practice.accepted(&hers, giving(both, "anew", &terms(notice)));
    assert_eq!(couple.reading(), "care.records");
}

/// She has been of age for some time, and is about to agree for herself in what she shares: the trail of that file has no end of anything.
#[test]
fn what_an_adult_has_not_finished_agreeing_to_is_not_recorded_as_ended() {
    let mut couple = Couple::new();
    let [client, _] = couple.participants.clone();
    let admin = couple.practice.admin.token.clone();
    couple
        .practice
        .accepted(&admin, minority(&client, &json!("2026-12-01T08:10:00Z")));
    couple.practice.later(SignedDuration::from_mins(10));
    let Couple { practice, both, .. } = &couple;
    let give = giving(both, "give", &couple.of(&client)).bearer(&practice.clinician.token);
    practice.die_entered(both, &give);
    let events = practice.recorded(|| drop(practice.accepted(&practice.admin.token, minority(&client, &Value::Null))));
    let about: Vec<_> = events.iter().map(|event| (event.action, event.subject)).collect();
    assert_eq!(about, [(Action::Amend, Some(practice.subject(&client)))]);
    assert_eq!(practice.send(&give).status, 201);
    assert_eq!(practice.events(both), ["joined_care_team", "given"]);
}

/// Two who share a file, and the request by which one agrees there: the same each time.
fn agreeing(practice: &Practice) -> (String, String, Call) {
    let (child, mother) = (practice.open("one"), practice.open("other"));
    let opened = practice.accepted(&practice.clinician.token, opening("both", &[&child, &mother]));
    let both = opened.text("client_id");
    let mut terms = terms(&practice.publish("notice"));
    terms["participant_id"] = json!(child);
    let give = giving(&both, "give", &terms).bearer(&practice.clinician.token);
    (child, both, give)
}

/// Whether what she agreed to holds, of which the ledger says the same.
#[track_caller]
fn holds(practice: &Practice) -> bool {
    let (_, both, _) = agreeing(practice);
    let live = practice.file(&both)["consents"].as_array().unwrap().len();
    let events = practice.events(&both);
    let count = |event: &str| events.iter().filter(|entered| *entered == event).count();
    assert_eq!(count("given") - count("withdrawn"), live, "{events:?}");
    live > 0
}

#[test]
fn a_minority_ends_what_is_shared_after_a_crash_anywhere() {
    let until = json!("2026-12-01T08:10:00Z");
    let prepare = |practice: &Practice| {
        let (child, _, give) = agreeing(practice);
        assert_eq!(practice.send(&give).status, 201);
        minority(&child, &until).bearer(&practice.admin.token)
    };
    at_every_crash(
        prepare,
        |practice, is_acknowledged| assert!(!is_acknowledged || !holds(practice)),
        |practice, _| assert!(!holds(practice)),
    );
    // Put right instead of sent again, before and after it has ended, or sent again only then: what had not lost its effect goes on.
    for (minutes, again) in [(2, &Value::Null), (12, &Value::Null), (12, &until)] {
        at_every_crash(
            prepare,
            |practice, _| {
                practice.world.clock.advance(SignedDuration::from_mins(minutes));
                let (child, both, _) = agreeing(practice);
                let held = practice.file(&both)["consents"] != json!([]);
                practice.accepted(&practice.admin.token, minority(&child, again));
                assert_eq!(holds(practice), held);
            },
            |_, _| {},
        );
    }
    at_every_crash_point(
        |practice| {
            assert_eq!(practice.send(&prepare(practice)).status, 204);
            let (child, ..) = agreeing(practice);
            minority(&child, &Value::Null).bearer(&practice.admin.token)
        },
        |practice, _| assert!(!holds(practice)),
    );
}

#[test]
fn what_a_minor_agrees_to_in_a_shared_file_ends_however_it_meets_the_minority() {
    let prepare = |practice: &Practice| {
        let (child, _, give) = agreeing(practice);
        let until = json!("2030-01-01T00:00:00Z");
        (give, minority(&child, &until).bearer(&practice.admin.token))
    };
    let verify = |practice: &Practice, nth: usize, give: &Answer, set: &Answer| {
        assert_eq!(set.status, 204, "{nth}");
        assert!(matches!(give.status, 201 | 409), "{nth}: {}", give.json);
        assert!(!holds(practice), "{nth}");
    };
    at_every_meeting_of_either(prepare, verify);
}

/// What was given for a minor in a file that she shares has the end of the minority as it was known. Of age sooner, or already, it ends when that is said; what her
/// guardian gave who acts beyond that goes on.
#[test]
fn what_was_given_for_a_minor_in_shared_files_ends_where_she_is_of_age_sooner() {
    for (said, ends) in [
        (Value::Null, true),
        (json!("2026-12-01T08:00:00Z"), true),
        (json!("2026-12-01T08:05:00Z"), true),
        (json!("2026-12-01T08:10:00Z"), false),
        (json!("2026-12-01T08:15:00Z"), false),
    ] {
        let couple = Couple::new();
        let Couple {
            practice,
            both,
            participants: [child, mother],
            ..
        } = &couple;
        let (clinician, admin) = (&practice.clinician.token, &practice.admin.token);
        practice.accepted(clinician, minority(child, &json!("2026-12-01T08:10:00Z")));
        let named = |body: Value| {
            let account = practice.somebody(Role::Guardian).account;
            let path = format!("/v1/consent/clients/{child}/representatives/{account}");
            practice.accepted(admin, Call::put(path, &body));
            account
        };
        let mut order = json!({"authority": "guardian", "verification": "order"});
        let minors = [
            named(json!({"authority": "parent", "verification": "details_given"})),
            named(order.clone()),
        ];
        order["until"] = json!("2026-12-01T09:00:00Z");
        let adults = named(order);
        let give = |account: AccountId| {
            let mut terms = couple.of(child);
            terms["given_by"] = json!("guardian");
            terms["representative_id"] = json!(account.to_string());
            practice.accepted(clinician, giving(both, &account.to_string(), &terms))
        };
        let given = minors.map(give);
        let goes_on = give(adults).json["consent_id"].clone();
        practice.accepted(clinician, giving(both, "mother", &couple.of(mother)));
        let shared = Some(practice.subject(both));
        for count in [usize::from(ends), 0] {
            let events = practice.recorded(|| drop(practice.accepted(admin, minority(child, &said))));
            let about = events.iter().filter(|event| event.subject == shared);
            assert!(about.clone().all(|event| event.action == Action::Revoke));
            assert_eq!(about.count(), count, "{said}");
        }
        let live = practice.file(both)["consents"].clone();
        let live: Vec<_> = live
            .as_array()
            .unwrap()
            .iter()
            .map(|live| &live["consent_id"])
            .collect();
        assert!(live.contains(&&goes_on), "{said}");
        for given in given {
            assert_eq!(live.contains(&&given.json["consent_id"]), !ends, "{said}");
        }
        let withdrawn = practice
            .events(both)
            .iter()
            .filter(|event| *event == "withdrawn")
            .count();
        assert_eq!(withdrawn, if ends { 2 } else { 0 }, "{said}");
    }
}

/// As [`agreeing`], where she is a minor and her parent agrees for her.
fn agreeing_for_a_minor(practice: &Practice) -> (Call, Call) {
    let (child, both, _) = agreeing(practice);
    let (admin, parent) = (&practice.admin.token, AccountId::from_bytes([7; 16]));
    practice.accepted(admin, minority(&child, &json!("2026-12-01T09:00:00Z")));
    let path = format!("/v1/consent/clients/{child}/representatives/{parent}");
    let body = json!({"authority": "parent", "verification": "details_given"});
    practice.accepted(admin, Call::put(path, &body));
    let mut terms = terms(&practice.publish("notice"));
    terms["participant_id"] = json!(child);
    terms["given_by"] = json!("guardian");
    terms["representative_id"] = json!(parent.to_string());
    let give = giving(&both, "parents", &terms).bearer(&practice.clinician.token);
    (give, minority(&child, &Value::Null).bearer(admin))
}

#[test]
fn what_was_given_for_a_minor_in_a_shared_file_ends_however_it_meets_that_she_is_of_age() {
    at_every_crash(
        |practice| {
            let (give, of_age) = agreeing_for_a_minor(practice);
            assert_eq!(practice.send(&give).status, 201);
            of_age
        },
        |practice, is_acknowledged| {
            let (_, both, _) = agreeing(practice);
            assert!(!is_acknowledged || practice.file(&both)["consents"] == json!([]));
        },
        |practice, _| assert!(!holds(practice)),
    );
    let verify = |practice: &Practice, nth: usize, give: &Answer, of_age: &Answer| {
        assert_eq!(of_age.status, 204, "{nth}");
        assert!(matches!(give.status, 201 | 409 | 422), "{nth}: {}", give.json);
        assert!(!holds(practice), "{nth}");
    };
    at_every_meeting_of_either(agreeing_for_a_minor, verify);
}

#[test]
fn opening_a_shared_file_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let (one, other) = (practice.open("one"), practice.open("other"));
            opening("both", &[&one, &other]).bearer(&practice.clinician.token)
        },
        |practice, answer| {
            let both = answer.text("client_id");
            assert_eq!(practice.events(&both), ["joined_care_team"]);
            assert_eq!(practice.file(&both)["participants"], answer.json["participants"]);
        },
    );
}

fn shared_files(client: &str) -> Call {
    Call::get(format!("/v1/consent/clients/{client}/shared-files"))
}

#[test]
fn each_participant_is_told_which_files_she_shares() {
    let couple = Couple::new();
    let Couple {
        practice,
        both,
        participants: [one, other],
        ..
    } = &couple;
    let clinician = &practice.clinician.token;
    let third = practice.open("third");
    let family = practice.accepted(clinician, opening("family", &[one, &third]));
    let told = |client: &str| {
        practice
            .accepted(&practice.own(client).token, shared_files(client))
            .json
    };
    let couples = json!({"client_id": both, "participants": [one, other]});
    assert_eq!(told(other), json!({"shared_files": [couples]}));
    assert_eq!(told(one), json!({"shared_files": [family.json, couples]}));
    assert_eq!(told(&third), json!({"shared_files": [family.json]}));
    assert_eq!(told(&practice.open("nobodys")), json!({"shared_files": []}));
    let own = practice.own(one).token;
    let page = |query: &str| {
        let path = format!("/v1/consent/clients/{one}/shared-files?{query}");
        practice.accepted(&own, Call::get(path))
    };
    let first = page("limit=1");
    assert_eq!(first.json["shared_files"], json!([family.json]));
    let rest = page(&format!("limit=1&cursor={}", first.text("next")));
    assert_eq!(rest.json, json!({"shared_files": [couples]}));
    practice.refused(
        &own,
        Call::get(format!("/v1/consent/clients/{one}/shared-files?limit=0")),
        400,
        "malformed-request",
    );
}

/// Who comes together is nobody else's to know: not a participant's of another, not whoever acts for one, and no list is a shared file's.
#[test]
fn nobody_else_is_told_who_shares_a_file() {
    let couple = Couple::new();
    let Couple {
        practice,
        both,
        participants: [one, other],
        ..
    } = &couple;
    let hers = practice.own(one).token;
    for client in [both, other] {
        practice.refused(&hers, shared_files(client), 403, "access-denied");
    }
    practice.guardian(one);
    let guardian = practice.token(Role::Guardian, practice.colleague.account);
    practice.refused(&guardian, shared_files(one), 403, "access-denied");
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Client) {
        practice.refused(&practice.somebody(role).token, shared_files(one), 403, "access-denied");
    }
    practice.refused(&practice.clinician.token, shared_files(one), 403, "access-denied");
}

/// Whatever a crash leaves: a file that is there is in the list of each participant, and one that is not is in none.
#[test]
fn a_shared_file_is_in_each_list_after_a_crash_anywhere() {
    let opened = RefCell::new(String::new());
    let told = |practice: &Practice, key: &str| -> Vec<Value> {
        let client = practice.open(key);
        let list = practice
            .accepted(&practice.own(&client).token, shared_files(&client))
            .json;
        let files = list["shared_files"].as_array().unwrap();
        files.iter().map(|file| file["client_id"].clone()).collect()
    };
    at_every_crash(
        |practice| {
            let (one, other) = (practice.open("one"), practice.open("other"));
            let call = opening("both", &[&one, &other]).bearer(&practice.clinician.token);
            // Nobody is told the id of a request that is broken off, and it is the same each time.
            let before = practice.world.stores.dump();
            opened.replace(practice.send(&call).text("client_id"));
            practice.world.stores.restore(&before);
            call
        },
        |practice, _| {
            let both = opened.borrow();
            let there = practice
                .as_admin(Call::get(format!("/v1/consent/clients/{both}")))
                .status
                == 200;
            let listed = if there { vec![json!(*both)] } else { Vec::new() };
            for key in ["one", "other"] {
                assert_eq!(told(practice, key), listed);
            }
        },
        |practice, _| {
            for key in ["one", "other"] {
                assert_eq!(told(practice, key), [json!(*opened.borrow())]);
            }
        },
    );
}

/// Two that are opened at once for the same people, and one that is sent twice at once.
#[test]
fn shared_files_that_are_opened_at_once_are_all_listed_once() {
    for keys in [["both", "group"], ["both", "both"]] {
        at_every_interleaving(
            |practice| {
                let (one, other) = (practice.open("one"), practice.open("other"));
                let open = |key| opening(key, &[&one, &other]).bearer(&practice.clinician.token);
                (open(keys[0]), open(keys[1]))
            },
            |practice, nth| {
                let (one, other) = (practice.open("one"), practice.open("other"));
                let expected: BTreeSet<String> = keys
                    .iter()
                    .map(|key| {
                        let opened = opening(key, &[&one, &other]).bearer(&practice.clinician.token);
                        practice.send(&opened).text("client_id")
                    })
                    .collect();
                for client in [&one, &other] {
                    let list = practice
                        .accepted(&practice.own(client).token, shared_files(client))
                        .json;
                    let files = list["shared_files"].as_array().unwrap();
                    let told: BTreeSet<String> = files
                        .iter()
                        .map(|file| file["client_id"].as_str().unwrap().to_owned())
                        .collect();
                    assert_eq!((files.len(), &told), (expected.len(), &expected), "{nth}");
                }
            },
        );
    }
}
