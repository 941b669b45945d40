//! Other grounds than consent, as whole requests.

use std::collections::BTreeSet;

use access::{Need, TABLE};
use law::grounds::{Basis, RULES};
use model::{DataClass, Purpose};

use super::*;

const WHY: &str = "He is unconscious, and nobody else can be asked.";

/// A clinic under these laws alone.
fn under(regimes: &[&str]) -> Practice {
    let practice = Practice::unsaid();
    let mut jurisdiction = testkit::jurisdiction();
    jurisdiction["regimes"] = json!(regimes);
    let said = practice.as_admin(Call::put("/v1/consent/jurisdiction", &jurisdiction));
    assert_eq!(said.status, 201, "{}", said.json);
    practice
}

fn path(client: &str) -> String {
    format!("/v1/consent/clients/{client}/grounds")
}

fn establishing(client: &str, key: &str, body: &Value) -> Call {
    Call::post(path(client), body).once(key)
}

fn ending(client: &str, ground: &str, body: &Value) -> Call {
    Call::post(format!("{}/{ground}/end", path(client)), body)
}

fn ground(basis: &str, purpose: &str, class: &str) -> Value {
    json!({"basis": basis, "purposes": [purpose], "classes": [class], "justification": WHY})
}

fn emergency() -> Value {
    ground("vital_interests", "TREAT", "health")
}

/// What each ground is tried for.
fn tried(basis: &str) -> Value {
    match basis {
        "vital_interests" | "care_by_professional" | "treatment" => ground(basis, "TREAT", "health"),
        "payment" => ground(basis, "HPAYMT", "billing"),
        _ => ground(basis, "PATADMIN", "identity"),
    }
}

/// Those that open anything.
const BASES: [&str; 5] = [
    "vital_interests",
    "care_by_professional",
    "treatment",
    "payment",
    "operations",
];

/// Those that the law knows for purposes alone for which no decision asks for one.
const WITHOUT_EFFECT: [Basis; 3] = [Basis::LegalObligation, Basis::LegalClaims, Basis::PublicHealth];

/// The grounds that are taken by a clinic under these laws.
fn taken(regimes: &[&str]) -> String {
    let practice = under(regimes);
    let client = practice.open("open");
    let is_taken = |basis: &&&str| {
        let call = establishing(&client, basis, &tried(basis));
        let answer = practice.send(&call.clone().bearer(&practice.clinician.token));
        if answer.status != 201 {
            practice.violated(&practice.clinician.token, call, "/basis", "no-such-ground");
        }
        answer.status == 201
    };
    BASES.iter().filter(is_taken).copied().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_law_has_its_grounds_and_several_have_those_of_all() {
    for (regimes, wanted) in [
        (&["gdpr"][..], "vital_interests care_by_professional treatment payment"),
        (&["dpdp"], "vital_interests"),
        (&["hipaa"], &BASES.join(" ")),
        // It is about records of substance use and gives no ground for anything else.
        (&["part2"], ""),
        (&["pipeda"], "vital_interests"),
        (&["phipa"], "vital_interests care_by_professional treatment payment"),
        (&["cmia"], "vital_interests care_by_professional treatment payment"),
        (
            &["hipaa", "cmia"],
            "vital_interests care_by_professional treatment payment",
        ),
        (
            &["hipaa", "gdpr"],
            "vital_interests care_by_professional treatment payment",
        ),
        (&["hipaa", "part2"], &BASES.join(" ")),
        (&["gdpr", "dpdp"], "vital_interests"),
        (
            &["gdpr", "dpdp", "hipaa", "part2", "pipeda", "phipa", "cmia"],
            "vital_interests",
        ),
    ] {
        assert_eq!(taken(regimes), wanted, "{regimes:?}");
    }
}

/// Whatever the law lets a clinic use is asked for by a row of the access table, or is refused because it would open nothing.
#[test]
fn no_ground_is_taken_that_opens_nothing() {
    let is_asked_for = |class: &DataClass, purpose: &Purpose| {
        let mut rows = TABLE.iter().filter(|row| row.needs.contains(&Need::Ground));
        rows.any(|row| row.classes.contains(class) && row.purposes.contains(purpose))
    };
    let mut without_effect = BTreeSet::new();
    let mut with_effect = BTreeSet::new();
    for rule in RULES {
        for class in rule.classes {
            for purpose in rule.purposes {
                if is_asked_for(class, purpose) {
                    with_effect.insert(rule.basis);
                } else {
                    without_effect.insert((rule.basis.name(), purpose.code(), class.name()));
                }
            }
        }
    }
    assert!(WITHOUT_EFFECT.iter().all(|basis| !with_effect.contains(basis)));
    assert_eq!(with_effect.len() + WITHOUT_EFFECT.len(), Basis::ALL.len());
    // For compliance nobody is let at a client's data; who bills sees bills alone, and who administers none.
    let compliance = |basis, classes: [&'static str; 3]| classes.map(|class| (basis, "HCOMPL", class));
    let wanted = compliance("legal_obligation", ["identity", "health", "billing"])
        .into_iter()
        .chain(compliance("legal_claims", ["identity", "health", "billing"]))
        .chain(compliance("public_health", ["identity", "health", "schedule"]))
        .chain([("public_health", "HCOMPL", "substance_use")])
        .chain(compliance("operations", ["identity", "billing", "schedule"]))
        .chain([("operations", "PATADMIN", "billing")])
        .chain([("payment", "HPAYMT", "identity"), ("payment", "HPAYMT", "schedule")]);
    assert_eq!(without_effect, wanted.collect());

    let practice = under(&["hipaa"]);
    let client = practice.open("open");
    let before = practice.file(&client);
    for (basis, purpose, class) in without_effect {
        let call = establishing(&client, "ground", &ground(basis, purpose, class));
        practice.violated(&practice.clinician.token, call, "/basis", "opens-nothing");
    }
    assert_eq!(practice.file(&client), before);
}

/// An invoice is owed after a withdrawal too.
#[test]
fn under_gdpr_the_contract_opens_bills_and_nothing_else() {
    let practice = under(&["gdpr"]);
    let client = practice.open("open");
    let billing = practice.somebody(Role::Billing);
    let rule = |role: &str, class: &str, account| {
        practice.rule(&client, account, &format!("role={role}&action=read&class={class}"))
    };
    assert_eq!(rule("billing", "billing", billing.account), "deny.no-consent");
    let mut body = tried("payment");
    body.as_object_mut().unwrap().remove("justification");
    let made = practice.accepted(&practice.admin.token, establishing(&client, "ground", &body));
    assert_eq!(made.json["citations"], json!(["GDPR 6(1)(b), 9(2)(h)"]));
    assert_eq!(rule("billing", "billing", billing.account), "payment.billing");
    assert_eq!(rule("billing", "health", billing.account), "deny.no-rule");
    for class in ["health", "identity", "schedule"] {
        assert_eq!(
            rule("clinician", class, practice.clinician.account),
            "deny.no-consent",
            "{class}"
        );
    }
}

#[test]
fn records_of_substance_use_open_to_an_emergency_alone() {
    let practice = under(&["hipaa", "part2"]);
    let client = practice.open("open");
    let clinician = &practice.clinician.token;
    for basis in ["treatment", "care_by_professional"] {
        let call = establishing(&client, "ground", &ground(basis, "TREAT", "substance_use"));
        practice.violated(clinician, call, "/basis", "no-such-ground");
    }
    practice.accepted(
        clinician,
        establishing(&client, "ground", &ground("vital_interests", "TREAT", "substance_use")),
    );
    let rule = |class: &str| {
        let question = format!("role=clinician&action=read&class={class}");
        practice.rule(&client, practice.clinician.account, &question)
    };
    assert_eq!(
        [rule("substance_use"), rule("health")],
        ["care.records", "deny.no-consent"]
    );
}

/// A ground is one for all of what it names, or it is none.
#[test]
fn every_purpose_and_class_needs_the_ground() {
    let practice = under(&["gdpr"]);
    let client = practice.open("open");
    let clinician = &practice.clinician.token;
    for (purposes, classes, rule) in [
        (json!(["TREAT", "HPAYMT"]), json!(["health"]), "opens-nothing"),
        (json!(["TREAT"]), json!(["health", "billing"]), "opens-nothing"),
        (json!(["TREAT"]), json!(["psychotherapy"]), "no-such-ground"),
        (json!(["TREAT", "PATADMIN"]), json!(["identity"]), "no-such-ground"),
        (json!(["HMARKT"]), json!(["health"]), "opens-nothing"),
    ] {
        let mut body = emergency();
        body["purposes"] = purposes;
        body["classes"] = classes;
        practice.violated(clinician, establishing(&client, "ground", &body), "/basis", rule);
    }
    let mut body = emergency();
    body["classes"] = json!(["identity", "health"]);
    let made = practice.accepted(clinician, establishing(&client, "ground", &body));
    assert_eq!(made.json["citations"], json!(["GDPR 6(1)(d), 9(2)(c)"]));
}

#[test]
fn a_ground_opens_what_it_names_until_it_is_ended() {
    let practice = Practice::new();
    let client = practice.open("open");
    let clinician = &practice.clinician.token;
    assert_eq!(practice.reading(&client, &practice.clinician), "deny.no-consent");
    // Under all seven laws, but that part 2 has no say in this.
    let made = practice.accepted(clinician, establishing(&client, "ground", &emergency()));
    let id = made.text("ground_id");
    assert_eq!(
        (made.status, &made.json),
        (
            201,
            &json!({"ground_id": id, "basis": "vital_interests", "citations": made.json["citations"],
            "purposes": ["TREAT"], "classes": ["health"], "justification": WHY, "established_at": "2026-12-01T08:00:00Z",
            "recorded_by": practice.clinician.account.to_string(), "expires_at": "2026-12-02T08:00:00Z"})
        )
    );
    assert_eq!(made.json["citations"].as_array().unwrap().len(), 6, "{}", made.json);
    assert_eq!(made.header("location"), None);
    assert_eq!(
        practice.file(&client)["grounds"],
        json!([{"ground_id": id, "purposes": ["TREAT"], "classes": ["health"], "expires_at": "2026-12-02T08:00:00Z"}])
    );
    assert_eq!(practice.reading(&client, &practice.clinician), "care.records");
    let identity = "role=clinician&action=read&class=identity";
    assert_eq!(
        practice.rule(&client, practice.clinician.account, identity),
        "deny.no-consent"
    );
    // It is no way around the care team, and none around what she hides.
    assert_eq!(practice.reading(&client, &practice.colleague), "deny.no-rule");
    let hide = Call::post(
        format!("/v1/consent/clients/{client}/restrictions"),
        &json!({"class": "health"}),
    )
    .once("hide");
    let hidden = practice
        .accepted(&practice.own(&client).token, hide)
        .text("restriction_id");
    assert_eq!(practice.reading(&client, &practice.clinician), "deny.restricted");
    let lift = Call::delete(format!("/v1/consent/clients/{client}/restrictions/{hidden}"));
    practice.accepted(&practice.officer.token, lift);

    practice.world.clock.advance(SignedDuration::from_mins(1));
    let ended = practice.accepted(clinician, ending(&client, &id, &json!({"reason": "SECRET he woke up"})));
    assert_eq!(ended.json, json!({"ground_id": id, "ended_at": "2026-12-01T08:01:00Z"}));
    assert_eq!(practice.reading(&client, &practice.clinician), "deny.no-consent");
    practice.world.clock.advance(SignedDuration::from_mins(1));
    let again = practice.accepted(
        &practice.officer.token,
        Call::new(http::Method::POST, format!("{}/{id}/end", path(&client))),
    );
    assert_eq!(again.json, ended.json);
    // A late retry tells what it did, and brings nothing back.
    assert_eq!(
        practice
            .accepted(clinician, establishing(&client, "ground", &emergency()))
            .json,
        made.json
    );
    assert_eq!(practice.file(&client)["grounds"], json!([]));
    let events = practice.events(&client);
    assert_eq!(
        (events[1].as_str(), events.last().unwrap().as_str()),
        ("ground_established", "ground_ended")
    );
    assert_eq!(events.iter().filter(|event| event.starts_with("ground")).count(), 2);
}

#[test]
fn a_ground_ends_with_its_time_and_no_later_than_its_kind_does() {
    let day = SignedDuration::from_hours(24);
    let practice = under(&["hipaa"]);
    let client = practice.open("open");
    let now = "2026-12-01T08:00:00Z".parse::<model::Timestamp>().unwrap();
    for (basis, days) in BASES.into_iter().zip([1, 366, 366, 366, 30]) {
        let mut body = tried(basis);
        let longest = now + day * days;
        for end in [longest + SignedDuration::from_secs(1), now] {
            body["expires_at"] = json!(end);
            let call = establishing(&client, basis, &body);
            practice.violated(&practice.clinician.token, call, "/expires_at", "range");
        }
        body["expires_at"] = json!(longest);
        practice.accepted(&practice.clinician.token, establishing(&client, basis, &body));
        let unsaid = practice.accepted(
            &practice.clinician.token,
            establishing(&client, &format!("{basis}-2"), &tried(basis)),
        );
        assert_eq!(unsaid.json["expires_at"], json!(longest), "{basis}");
    }

    let mut practice = Practice::new();
    let client = practice.open("open");
    practice.accepted(&practice.clinician.token, establishing(&client, "ground", &emergency()));
    practice.later(day - SignedDuration::from_secs(1));
    assert_eq!(practice.reading(&client, &practice.clinician), "care.records");
    practice.later(SignedDuration::from_secs(1));
    assert_eq!(practice.reading(&client, &practice.clinician), "deny.no-consent");
    assert_eq!(practice.file(&client)["grounds"], json!([]));
}

#[test]
fn a_ground_keeps_its_rules() {
    let practice = under(&["hipaa"]);
    let client = practice.open("open");
    let clinician = &practice.clinician.token;
    let with = |field: &str, value: Value| {
        let mut body = emergency();
        body[field] = value;
        establishing(&client, "ground", &body)
    };
    for (field, value, rule) in [
        ("purposes", json!([]), "selection"),
        ("purposes", json!(["TREAT", "TREAT"]), "selection"),
        ("classes", json!([]), "selection"),
        ("justification", json!("because"), "length"),
        ("justification", json!("n".repeat(2001)), "length"),
        ("justification", Value::Null, "required"),
    ] {
        practice.violated(clinician, with(field, value), &format!("/{field}"), rule);
    }
    for (field, value) in [
        ("basis", json!("SECRET")),
        ("mood", json!("SECRET")),
        ("expires_at", json!("SECRET")),
    ] {
        practice.refused(clinician, with(field, value), 400, "malformed-request");
    }
    practice.refused(
        clinician,
        Call::post(path(&client), &emergency()),
        400,
        "malformed-request",
    );
    // What is everyday business of a practice needs no words.
    for basis in BASES {
        let mut body = tried(basis);
        body.as_object_mut().unwrap().remove("justification");
        let call = establishing(&client, &format!("{basis}-unsaid"), &body);
        if basis == "vital_interests" {
            practice.violated(clinician, call, "/justification", "required");
        } else {
            practice.accepted(clinician, call);
        }
    }
    let made = practice.accepted(clinician, establishing(&client, "ground", &emergency()));
    practice.refused(
        clinician,
        with("classes", json!(["identity"])),
        422,
        "idempotency-key-reused",
    );
    let id = made.text("ground_id");
    practice.violated(
        clinician,
        ending(&client, &id, &json!({"reason": ""})),
        "/reason",
        "length",
    );
    practice.refused(
        clinician,
        ending(&client, &id, &json!({"why": "SECRET"})),
        400,
        "malformed-request",
    );
    let missing = practice.world.entropy.id::<model::kind::Ground>().to_string();
    practice.refused(clinician, ending(&client, &missing, &json!({})), 404, "not-found");

    let her = practice.own(&client);
    for token in [
        &her.token,
        &practice.colleague.token,
        &practice.somebody(Role::Auditor).token,
        &practice.somebody(Role::Billing).token,
    ] {
        practice.refused(
            token,
            establishing(&client, "other", &emergency()),
            403,
            "access-denied",
        );
        practice.refused(token, ending(&client, &id, &json!({})), 403, "access-denied");
    }
    for (key, token) in [("admin", &practice.admin.token), ("officer", &practice.officer.token)] {
        practice.accepted(token, establishing(&client, key, &emergency()));
    }
    // Seven live ones so far.
    for number in 7..32 {
        practice.accepted(
            clinician,
            establishing(&client, &format!("ground-{number}"), &emergency()),
        );
    }
    practice.refused(
        clinician,
        establishing(&client, "one-more", &emergency()),
        409,
        "too-many-grounds",
    );
    practice.accepted(clinician, establishing(&client, "ground", &emergency()));
}

#[test]
fn a_clinic_that_named_no_laws_has_no_grounds() {
    let practice = Practice::unsaid();
    let client = practice.open("open");
    practice.refused(
        &practice.clinician.token,
        establishing(&client, "ground", &emergency()),
        409,
        "no-jurisdiction",
    );
}

#[test]
fn establishing_and_ending_are_finished_by_a_repeated_request() {
    at_every_crash(
        |practice| establishing(&practice.open("open"), "ground", &emergency()).bearer(&practice.clinician.token),
        |practice, is_acknowledged| {
            let rule = practice.reading(&practice.open("open"), &practice.clinician);
            assert!(!is_acknowledged || rule == "care.records");
        },
        |practice, _| {
            let client = practice.open("open");
            assert_eq!(practice.reading(&client, &practice.clinician), "care.records");
            assert_eq!(practice.events(&client)[1..], ["ground_established"]);
        },
    );
    at_every_crash(
        |practice| {
            let client = practice.open("open");
            let made = practice.accepted(&practice.clinician.token, establishing(&client, "ground", &emergency()));
            ending(&client, &made.text("ground_id"), &json!({})).bearer(&practice.clinician.token)
        },
        |practice, is_acknowledged| {
            let client = practice.open("open");
            let is_open = practice.reading(&client, &practice.clinician) == "care.records";
            // What is entered as ended is closed.
            let is_entered = practice.events(&client).last().unwrap() == "ground_ended";
            assert!(!(is_open && (is_acknowledged || is_entered)));
        },
        |practice, _| {
            let client = practice.open("open");
            assert_eq!(practice.reading(&client, &practice.clinician), "deny.no-consent");
            assert_eq!(practice.events(&client)[1..], ["ground_established", "ground_ended"]);
        },
    );
}

#[test]
fn what_was_ended_stays_so_however_it_meets_a_request_that_establishes() {
    let prepare = |practice: &Practice| {
        let client = practice.open("open");
        let establish = establishing(&client, "ground", &emergency()).bearer(&practice.clinician.token);
        practice.die_entered(&client, &establish);
        let list = practice.as_admin(Call::get(format!("/v1/consent/clients/{client}/consents")));
        let id = list.json["entries"][0]["ground_id"].as_str().unwrap();
        (
            establish,
            ending(&client, id, &json!({})).bearer(&practice.officer.token),
        )
    };
    let verify = |practice: &Practice, nth: usize| {
        let client = practice.open("open");
        assert_eq!(
            practice.events(&client)[1..],
            ["ground_established", "ground_ended"],
            "{nth}"
        );
        assert_eq!(
            practice.reading(&client, &practice.clinician),
            "deny.no-consent",
            "{nth}"
        );
    };
    at_every_interleaving(prepare, verify);
    at_every_interleaving(
        |practice| {
            let (establish, end) = prepare(practice);
            (end, establish)
        },
        verify,
    );
}

#[test]
fn the_readme_says_how_long_each_ground_is_and_which_needs_words() {
    let readme = include_str!("../../README.md");
    for basis in Basis::ALL {
        let days = basis.longest().as_hours() / 24;
        let unit = if days == 1 { "day" } else { "days" };
        let justification = if basis.needs_justification() { "needed " } else { "" };
        let row = format!("| `{basis}` | {days} {unit} | {justification}|");
        assert_eq!(readme.contains(&row), !WITHOUT_EFFECT.contains(&basis), "{row}");
    }
}
