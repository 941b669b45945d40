//! Jurisdictions, what their laws want told, translations, and who accepts what: whole requests against the function on a
//! platform in memory.

use jiff::SignedDuration;
use model::{ClinicId, Role};
use ports::EntropyExt;
use serde_json::{Value, json};
use testkit::{Answer, Call, assert_refused, jurisdiction, log_in};

use crate::tests::{Practice, assert_violates, at_every_crash_point, at_every_interleaving, notice, terms};

const JURISDICTION: &str = "/v1/consent/jurisdiction";
const NOTICES: &str = "/v1/consent/notices";

/// A clinic under these laws alone.
fn under(regimes: &Value) -> Practice {
    let practice = Practice::unsaid();
    let mut said = jurisdiction();
    said["regimes"] = regimes.clone();
    let said = practice.as_admin(Call::put(JURISDICTION, &said));
    assert_eq!(said.status, 201, "{}", said.json);
    practice
}

/// What every notice has to have, whatever the law.
fn bare(purposes: &Value, classes: &Value) -> Value {
    json!({"title": "Notice", "language": "en", "text": "We keep your name.", "purposes": purposes, "classes": classes,
        "withdrawal": "Tell us.", "complaint": "Complain.", "contact": "privacy@practice.example"})
}

fn policy(kind: &str) -> Value {
    json!({"kind": kind, "title": "Confidentiality", "language": "en", "text": "What you hear here stays here.",
        "contact": "privacy@practice.example"})
}

fn publish(practice: &Practice, key: &str, body: &Value) -> Answer {
    practice.as_admin(Call::post(NOTICES, body).once(key))
}

fn published(practice: &Practice, key: &str, body: &Value) -> String {
    let answer = publish(practice, key, body);
    assert_eq!(answer.status, 201, "{}", answer.json);
    answer.text("notice_id")
}

fn read(practice: &Practice, notice: &str) -> Answer {
    practice.send(&Call::get(format!("{NOTICES}/{}/{notice}", practice.clinic)))
}

/// The ids of a list, newest first.
fn list(practice: &Practice, query: &str) -> Vec<String> {
    let answer = practice.send(&Call::get(format!("{NOTICES}/{}{query}", practice.clinic)));
    assert_eq!(answer.status, 200, "{}", answer.json);
    let notices = answer.json["notices"].as_array().unwrap();
    let id = |notice: &Value| notice["notice_id"].as_str().unwrap().to_owned();
    notices.iter().map(id).collect()
}

fn member(practice: &Practice, role: Role) -> String {
    let client = (role == Role::Client).then(|| practice.world.entropy.id());
    let account = practice.world.entropy.id();
    log_in(&practice.world, &[role], practice.clinic, account, client)
}

/// The rules of what a check finds missing, sorted.
fn missing(practice: &Practice, body: &Value) -> Vec<String> {
    let answer = practice.as_admin(Call::post(format!("{NOTICES}/check"), body));
    assert_eq!(answer.status, 200, "{}", answer.json);
    let rule = |missing: &Value| missing["rule"].as_str().unwrap().to_owned();
    let mut rules: Vec<String> = answer.json["missing"].as_array().unwrap().iter().map(rule).collect();
    rules.sort();
    rules
}

#[test]
fn a_clinic_says_which_laws_it_is_under() {
    let practice = Practice::unsaid();
    let path = format!("{JURISDICTION}/{}", practice.clinic);
    assert_refused(&practice.send(&Call::get(&path)), 404, "not-found");
    let first = practice.as_admin(Call::put(JURISDICTION, &jurisdiction()));
    assert_eq!(
        (first.status, first.header("etag"), first.header("location")),
        (201, Some("\"v1\""), Some(path.as_str()))
    );
    assert!(first.header("audit-id").is_some());
    let mut wanted = jurisdiction();
    wanted["clinic_id"] = json!(practice.clinic.to_string());
    assert_eq!(first.json, wanted);

    // Everybody reads it, without an account.
    let seen = practice.send(&Call::get(&path));
    assert_eq!((seen.status, seen.header("etag")), (200, Some("\"v1\"")));
    assert_eq!(seen.json, wanted);
    // What is so already is answered as done, whatever version is named.
    assert_eq!(practice.as_admin(Call::put(JURISDICTION, &jurisdiction())).status, 200);

    let mut other = jurisdiction();
    other["regimes"] = json!(["phipa"]);
    other["privacy_contact"]["phone"] = json!("+1 416 555 0100");
    let put = |tag: Option<&str>| {
        let call = Call::put(JURISDICTION, &other).bearer(&practice.officer.token);
        practice.send(&match tag {
            Some(tag) => call.header("if-match", tag),
            None => call,
        })
    };
    assert_refused(&put(None), 428, "precondition-required");
    assert_refused(&put(Some("\"v7\"")), 412, "stale-version");
    assert_refused(&put(Some("v1")), 400, "malformed-request");
    let second = put(Some("\"v1\""));
    assert_eq!((second.status, second.header("etag")), (200, Some("\"v2\"")));
    assert_eq!(put(Some("\"v1\"")).header("etag"), Some("\"v2\""));
    assert_eq!(practice.send(&Call::get(&path)).json, second.json);

    // Of another clinic it says nothing, and nobody else says it.
    let elsewhere: ClinicId = practice.world.entropy.id();
    let there = practice.send(&Call::get(format!("{JURISDICTION}/{elsewhere}")));
    assert_refused(&there, 404, "not-found");
    for role in [
        Role::Client,
        Role::Clinician,
        Role::Billing,
        Role::Security,
        Role::Auditor,
    ] {
        let call = Call::put(JURISDICTION, &jurisdiction()).bearer(&member(&practice, role));
        assert_refused(&practice.send(&call), 403, "access-denied");
    }
    assert_refused(
        &practice.send(&Call::put(JURISDICTION, &jurisdiction())),
        401,
        "unauthenticated",
    );
}

#[test]
fn a_jurisdiction_keeps_its_rules() {
    let practice = Practice::unsaid();
    let put = |change: &dyn Fn(&mut Value)| {
        let mut body = jurisdiction();
        change(&mut body);
        practice.as_admin(Call::put(JURISDICTION, &body))
    };
    for (at, value, field, rule) in [
        ("/regimes", json!([]), "/regimes", "selection"),
        ("/regimes", json!(["gdpr", "gdpr"]), "/regimes", "selection"),
        ("/privacy_contact/name", json!(" "), "/privacy_contact/name", "length"),
        (
            "/privacy_contact/email",
            json!("pia"),
            "/privacy_contact/email",
            "email",
        ),
        (
            "/privacy_contact/email",
            json!("p @x.example"),
            "/privacy_contact/email",
            "email",
        ),
        (
            "/privacy_contact/email",
            json!("p@x@y"),
            "/privacy_contact/email",
            "email",
        ),
        ("/languages", json!([]), "/languages", "selection"),
        ("/languages", json!(["en", "EN"]), "/languages", "selection"),
        ("/languages", json!(["en", "e_n"]), "/languages/1", "bcp-47"),
    ] {
        let refused = put(&|body| *body.pointer_mut(at).unwrap() = value.clone());
        assert_violates(&refused, field, rule);
    }
    for (field, value) in [("phone", json!("")), ("address", json!("\u{7}"))] {
        let refused = put(&|body| body["privacy_contact"][field] = value.clone());
        assert_refused(&refused, 422, "invalid-content");
    }
    assert_refused(
        &put(&|body| body["regimes"] = json!(["SECRET"])),
        400,
        "malformed-request",
    );
    assert_refused(&put(&|body| body["mood"] = json!("SECRET")), 400, "malformed-request");
    let none_yet = Call::put(JURISDICTION, &jurisdiction()).header("if-match", "\"v1\"");
    assert_refused(&practice.as_admin(none_yet), 412, "stale-version");
    let path = format!("{JURISDICTION}/{}", practice.clinic);
    assert_refused(&practice.send(&Call::get(path)), 404, "not-found");
}

#[test]
fn without_a_jurisdiction_nothing_is_published() {
    let practice = Practice::unsaid();
    for body in [notice(), policy("policy")] {
        assert_refused(&publish(&practice, "notice", &body), 409, "no-jurisdiction");
        let checked = practice.as_admin(Call::post(format!("{NOTICES}/check"), &body));
        assert_refused(&checked, 409, "no-jurisdiction");
    }
    assert!(list(&practice, "").is_empty());
}

/// The requirements a second time, as the difference between what every notice has and what each law wants told.
#[test]
fn a_notice_tells_what_the_law_wants_told() {
    let care = (json!(["TREAT", "PATADMIN", "PATRQT"]), json!(["identity", "health"]));
    let gdpr = "gdpr-13-1-a gdpr-13-1-c-basis gdpr-13-1-e gdpr-13-1-f gdpr-13-2-a gdpr-13-2-b gdpr-13-2-e gdpr-13-2-f";
    let dpdp = "dpdp-5-1-rights dpdp-rule-3-complaint-link dpdp-rule-3-items dpdp-rule-3-rights-link \
                dpdp-rule-3-withdrawal-link";
    let hipaa = "hipaa-508-c-1-i hipaa-508-c-1-ii hipaa-508-c-1-iii hipaa-508-c-1-v hipaa-508-c-2-ii hipaa-508-c-2-iii";
    let part2 = "part2-31-a-description part2-31-a-discloser part2-31-a-expiry part2-31-a-recipients \
                 part2-31-a-redisclosure part2-31-a-refusal";
    let cmia = "cmia-56-11-expiry cmia-56-11-limits cmia-56-11-recipients";
    for (regime, (purposes, classes), wanted) in [
        ("gdpr", care.clone(), gdpr),
        ("dpdp", care.clone(), dpdp),
        ("hipaa", care.clone(), ""),
        ("hipaa", (json!(["HRESCH"]), json!(["health"])), hipaa),
        ("hipaa", (json!(["TREAT"]), json!(["psychotherapy"])), hipaa),
        ("part2", care.clone(), part2),
        (
            "pipeda",
            care.clone(),
            "pipeda-3-consequences pipeda-3-items pipeda-3-recipients",
        ),
        ("phipa", care.clone(), ""),
        ("cmia", care.clone(), ""),
        ("cmia", (json!(["HRESCH"]), json!(["health"])), cmia),
    ] {
        let practice = under(&json!([regime]));
        let body = bare(&purposes, &classes);
        let wanted: Vec<&str> = wanted.split_whitespace().collect();
        assert_eq!(missing(&practice, &body), wanted, "{regime} {purposes} {classes}");
        let answer = publish(&practice, "notice", &body);
        if wanted.is_empty() {
            assert_eq!(answer.status, 201, "{}", answer.json);
            continue;
        }
        assert_refused(&answer, 422, "invalid-content");
        assert!(answer.header("audit-id").is_some());
        let errors = answer.json["errors"].as_array().unwrap();
        let mut rules: Vec<&str> = errors.iter().map(|error| error["rule"].as_str().unwrap()).collect();
        rules.sort_unstable();
        assert_eq!(rules, wanted);
    }
}

#[test]
fn what_is_missing_is_told_with_where_it_stands() {
    let practice = under(&json!(["gdpr", "pipeda", "cmia"]));
    let mut body = notice();
    body.as_object_mut().unwrap().remove("recipients");
    body["purposes"] = json!(["HRESCH"]);
    for item in body["items"].as_array_mut().unwrap() {
        item["purposes"] = json!(["HRESCH"]);
    }
    let answer = practice.as_admin(Call::post(format!("{NOTICES}/check"), &body));
    let entry = |regime: &str, rule: &str, citation: &str, from: &str, status: &str, detail: &str| {
        json!({"element": "recipients", "field": "/recipients", "regime": regime, "rule": rule, "citation": citation,
            "effective_from": from, "status": status, "detail": detail})
    };
    assert_eq!(
        answer.json,
        json!({"regimes": ["gdpr", "pipeda", "cmia"], "missing": [
            entry("gdpr", "gdpr-13-1-e", "GDPR 13(1)(e)", "2018-05-25", "read",
                "must name who receives the data (GDPR 13(1)(e))"),
            entry("pipeda", "pipeda-3-recipients", "PIPEDA Schedule 1, Principle 3", "2015-06-18", "read",
                "must name who receives the data (PIPEDA Schedule 1, Principle 3)"),
            entry("cmia", "cmia-56-11-recipients", "California Civil Code 56.11", "1982-01-01", "unverified",
                "must name who receives the data (California Civil Code 56.11, not verified in the text of the law)"),
        ]})
    );
    // One violation for each law that wants it, what is not verified too.
    let refused = publish(&practice, "notice", &body);
    assert_eq!(refused.json["errors"].as_array().unwrap().len(), 3);
    for rule in ["gdpr-13-1-e", "pipeda-3-recipients", "cmia-56-11-recipients"] {
        assert_violates(&refused, "/recipients", rule);
    }
    assert!(list(&practice, "").is_empty());
}

#[test]
fn each_element_satisfies_its_law() {
    let practice = Practice::new();
    let mut psychotherapy = testkit::notice(&["TREAT"], &["identity", "psychotherapy"]);
    psychotherapy["legal_basis"] = json!(["consent", "legitimate_interests"]);
    psychotherapy["legitimate_interests"] = json!("To be paid.");
    assert!(missing(&practice, &psychotherapy).is_empty());
    for field in [
        "items",
        "controller",
        "legal_basis",
        "legitimate_interests",
        "recipients",
        "discloser",
        "transfers",
        "storage_period",
        "expiry",
        "rights",
        "mandatory",
        "automated_decisions",
        "consequences",
        "conditioning",
        "redisclosure",
    ] {
        let mut body = psychotherapy.clone();
        body.as_object_mut().unwrap().remove(field);
        let answer = practice.as_admin(Call::post(format!("{NOTICES}/check"), &body));
        let missing = answer.json["missing"].as_array().unwrap();
        assert!(!missing.is_empty(), "{field}");
        let field = format!("/{field}");
        assert!(
            missing.iter().all(|missing| missing["field"] == field),
            "{}",
            answer.json
        );
    }
    for link in ["withdrawal", "rights", "complaint"] {
        let mut body = psychotherapy.clone();
        body["links"].as_object_mut().unwrap().remove(link);
        assert_eq!(missing(&practice, &body), [format!("dpdp-rule-3-{link}-link")]);
    }
    let mut german = psychotherapy;
    german["language"] = json!("de");
    assert_eq!(missing(&practice, &german), ["dpdp-5-language"]);
}

#[test]
fn who_may_publish_may_check_and_a_check_keeps_nothing() {
    let practice = Practice::new();
    let check = Call::post(format!("{NOTICES}/check"), &notice());
    let stored = |practice: &Practice| {
        let stores = practice.world.stores.dump();
        stores.iter().filter(|(store, ..)| store == "consent").count()
    };
    let before = stored(&practice);
    assert_eq!(practice.as_admin(check.clone()).json["missing"], json!([]));
    assert_eq!(
        practice.send(&check.clone().bearer(&practice.officer.token)).status,
        200
    );
    assert_refused(&practice.as_clinician(check.clone()), 403, "access-denied");
    assert_refused(&practice.send(&check), 401, "unauthenticated");
    let mut strange = notice();
    strange["replaces"] = json!(practice.world.entropy.id::<model::kind::Notice>().to_string());
    let checked = practice.as_admin(Call::post(format!("{NOTICES}/check"), &strange));
    assert_violates(&checked, "/replaces", "notice");
    strange["title"] = json!("");
    let checked = practice.as_admin(Call::post(format!("{NOTICES}/check"), &strange));
    assert_violates(&checked, "/title", "length");
    assert_eq!(stored(&practice), before);
}

#[test]
fn elements_keep_their_rules() {
    let practice = Practice::new();
    for (at, value, field, rule) in [
        ("/items/0/data", json!(""), "/items/0/data", "length"),
        ("/items/1/use", json!("\u{1}"), "/items/1/use", "control-characters"),
        ("/items/1/class", json!("billing"), "/items/1/class", "as-notice"),
        ("/items/0/purposes", json!(["HPAYMT"]), "/items/0/purposes", "as-notice"),
        ("/items/0/purposes", json!([]), "/items/0/purposes", "as-notice"),
        ("/items/0/class", json!("health"), "/items", "covering"),
        (
            "/purposes",
            json!(["TREAT", "PATADMIN", "PATRQT"]),
            "/items",
            "covering",
        ),
        ("/controller", json!(" "), "/controller", "length"),
        ("/recipients", json!("x".repeat(2001)), "/recipients", "length"),
        (
            "/legal_basis",
            json!(["consent", "consent"]),
            "/legal_basis",
            "selection",
        ),
        (
            "/links/rights",
            json!("http://practice.example"),
            "/links/rights",
            "https",
        ),
        ("/links/rights", json!("javascript:alert(1)"), "/links/rights", "https"),
        (
            "/links/withdrawal",
            json!("https://bank.example@evil.example/"),
            "/links/withdrawal",
            "https",
        ),
        ("/links/complaint", json!("https://"), "/links/complaint", "https"),
    ] {
        let mut body = notice();
        *body.pointer_mut(at).unwrap() = value;
        assert_violates(&publish(&practice, "notice", &body), field, rule);
    }
    let mut many = notice();
    many["items"] = json!(vec![many["items"][0].clone(); 101]);
    assert_violates(&publish(&practice, "notice", &many), "/items", "length");
    for (at, value) in [
        ("items", json!([{"data": "SECRET"}])),
        ("legal_basis", json!(["SECRET"])),
        ("links", json!({"mood": "SECRET"})),
    ] {
        let mut body = notice();
        body[at] = value;
        assert_refused(&publish(&practice, "notice", &body), 400, "malformed-request");
    }
}

#[test]
fn policies_and_agreements_ask_for_no_data() {
    let practice = Practice::new();
    for kind in ["policy", "agreement"] {
        let id = published(&practice, kind, &policy(kind));
        let seen = read(&practice, &id);
        assert_eq!(seen.text("kind"), kind);
        assert_eq!(
            (&seen.json["purposes"], &seen.json["withdrawal"]),
            (&Value::Null, &Value::Null)
        );
        for (field, value) in [
            ("purposes", json!(["TREAT"])),
            ("classes", json!(["health"])),
            ("items", notice()["items"].clone()),
        ] {
            let mut body = policy(kind);
            body[field] = value;
            assert_violates(&publish(&practice, "other", &body), &format!("/{field}"), "notice-only");
        }
        // Nobody consents to anything by it.
        let client = practice.open("open");
        assert_violates(&practice.give(&client, "give", &terms(&id)), "/purposes", "as-notice");
        // And a notice does not follow a policy.
        let mut other = notice();
        other["replaces"] = json!(id);
        assert_violates(&publish(&practice, "follows", &other), "/kind", "as-replaced");
    }
    for field in ["withdrawal", "complaint"] {
        let mut body = notice();
        body.as_object_mut().unwrap().remove(field);
        assert_violates(&publish(&practice, "notice", &body), &format!("/{field}"), "length");
    }
}

/// The first sentence of the Universal Declaration of Human Rights, Article 1, or of a greeting, as people write it.
const TEXTS: [(&str, &str, &str); 6] = [
    (
        "ar",
        "rtl",
        "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق.\u{200f}",
    ),
    ("he", "rtl", "כׇּל־בְּנֵי־הָאָדָם נוֹלְדוּ בְּנֵי חוֹרִין וְשָׁוִים בְּעֶרְכָּם וּבִזְכֻיּוֹתֵיהֶם."),
    (
        "ur",
        "rtl",
        "تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں۔",
    ),
    (
        "hi",
        "ltr",
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    ),
    ("ta", "ltr", "மனிதப் பிறவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்."),
    ("ks-Deva", "ltr", "क्\u{200d}ष आज़ाद"),
];

fn translation(original: &str, language: &str, text: &str) -> Value {
    let mut body = notice();
    body["translates"] = json!(original);
    body["language"] = json!(language);
    body["text"] = json!(text);
    body
}

#[test]
fn a_notice_is_there_in_many_languages() {
    let practice = Practice::new();
    let original = published(&practice, "original", &notice());
    let client = practice.open("open");
    for (language, direction, text) in TEXTS {
        let id = published(&practice, language, &translation(&original, language, text));
        let seen = read(&practice, &id);
        assert_eq!(seen.text("text"), text);
        assert_eq!(seen.text("direction"), direction, "{language}");
        assert_eq!(
            (seen.text("series"), &seen.json["version"]),
            (original.clone(), &json!(1))
        );
        assert_eq!(seen.text("translates"), original);
        assert_eq!(list(&practice, &format!("?language={language}")), [id.as_str()]);
        let mut terms = terms(&id);
        terms["language"] = json!(language);
        let given = practice.give(&client, &format!("give-{language}"), &terms);
        assert_eq!(given.text("notice_sha256"), seen.text("sha256"));
    }
    assert_eq!(read(&practice, &original).text("direction"), "ltr");
    // DPDP wants the first text in English or a scheduled language; what translates it may be in any.
    let german = published(
        &practice,
        "de",
        &translation(&original, "de", "Alle Menschen sind frei geboren."),
    );

    for (change, field, rule) in [
        (json!({"language": "EN"}), "/language", "translation"),
        (json!({"translates": german}), "/translates", "original"),
        (
            json!({"translates": practice.world.entropy.id::<model::kind::Notice>().to_string()}),
            "/translates",
            "notice",
        ),
        (json!({"replaces": original}), "/translates", "either"),
        (
            json!({"translates": null, "replaces": german, "language": "en"}),
            "/replaces",
            "original",
        ),
    ] {
        let mut body = translation(&original, "fr", "Tous les êtres humains naissent libres.");
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        assert_violates(&publish(&practice, "fr", &body), field, rule);
    }
    let mut narrower = testkit::notice(&["TREAT"], &["identity"]);
    narrower["language"] = json!("fr");
    narrower["translates"] = json!(original);
    assert_violates(&publish(&practice, "fr", &narrower), "/translates", "as-translated");
    let mut other_items = translation(&original, "fr", "Libres.");
    other_items["items"].as_array_mut().unwrap().reverse();
    assert_violates(&publish(&practice, "fr", &other_items), "/translates", "as-translated");
    assert_refused(
        &publish(&practice, "again", &translation(&original, "DE", "Anders.")),
        409,
        "already-translated",
    );
    // A refused request leaves nothing behind.
    assert_eq!(list(&practice, "").len(), TEXTS.len() + 2);
}

/// A clinic comes under the DPDP Act with notices that were never held against it.
#[test]
fn a_translation_does_not_stand_in_for_a_language_that_the_original_has_not() {
    let practice = Practice::unsaid();
    let mut laws = testkit::jurisdiction();
    let all = laws["regimes"].clone();
    laws["regimes"] = json!(["gdpr"]);
    assert_eq!(
        practice.as_admin(Call::put("/v1/consent/jurisdiction", &laws)).status,
        201
    );
    let mut german = notice();
    german["language"] = json!("de");
    let original = published(&practice, "original", &german);
    laws["regimes"] = all;
    let said = Call::put("/v1/consent/jurisdiction", &laws).header("if-match", "\"v1\"");
    assert_eq!(practice.as_admin(said).status, 200);
    let french = translation(&original, "fr", "Tous les êtres humains naissent libres.");
    assert_violates(&publish(&practice, "fr", &french), "/language", "dpdp-5-language");
    let told = practice.as_admin(Call::post("/v1/consent/notices/check", &french));
    assert_eq!(told.json["missing"][0]["rule"], "dpdp-5-language", "{}", told.json);
    // What is in such a language itself does the duty.
    published(
        &practice,
        "hi",
        &translation(&original, "hi", "सभी मनुष्य जन्म से स्वतन्त्र हैं।"),
    );
}

#[test]
fn lists_are_narrowed() {
    let practice = Practice::new();
    let original = published(&practice, "original", &notice());
    let german = published(&practice, "de", &translation(&original, "de", "Frei."));
    let swiss = published(&practice, "de-CH", &translation(&original, "de-CH", "Frei!"));
    let rules = published(&practice, "policy", &policy("policy"));
    let pledge = published(&practice, "agreement", &policy("agreement"));
    let mut next = notice();
    next["replaces"] = json!(original);
    let second = published(&practice, "second", &next);

    let all = [&second, &pledge, &rules, &swiss, &german, &original];
    assert_eq!(list(&practice, ""), all.map(String::as_str));
    for (query, wanted) in [
        // The best of each version (RFC 4647, section 3.4).
        ("?language=de-CH-1996", vec![&swiss]),
        ("?language=de-AT", vec![&german]),
        ("?language=de", vec![&german]),
        ("?language=en-GB&kind=notice", vec![&second, &original]),
        ("?language=fr", vec![]),
        ("?kind=policy", vec![&rules]),
        ("?kind=agreement&current=true", vec![&pledge]),
        ("?purpose=TREAT&language=en", vec![&second, &original]),
        ("?purpose=HRESCH", vec![]),
        // With the notice that it translates a translation is replaced.
        ("?current=true", vec![&second, &pledge, &rules]),
        ("?current=false&kind=notice", vec![&second, &swiss, &german, &original]),
    ] {
        assert_eq!(list(&practice, query).iter().collect::<Vec<_>>(), wanted, "{query}");
    }
    for id in [&original, &german, &swiss] {
        assert_eq!(read(&practice, id).text("replaced_by"), second);
    }
    assert_eq!(read(&practice, &second).json["replaced_by"], Value::Null);

    let path = format!("{NOTICES}/{}", practice.clinic);
    let page = practice.send(&Call::get(format!("{path}?kind=notice&limit=2")));
    assert_eq!(page.json["notices"][1]["notice_id"], json!(swiss));
    assert_eq!(page.json["notices"][1]["replaced_by"], json!(second));
    let rest = practice.send(&Call::get(format!(
        "{path}?kind=notice&limit=2&cursor={}",
        page.text("next")
    )));
    assert_eq!(rest.json["notices"][0]["notice_id"], json!(german));
    assert_eq!(
        rest.json["notices"][0]["replaced_by"],
        json!(second),
        "also on a later page"
    );
    assert_eq!(rest.json["next"], Value::Null);
    for query in [
        "?language=*",
        "?language=e",
        "?kind=SECRET",
        "?purpose=SECRET",
        "?current=maybe",
        "?mood=1",
    ] {
        let refused = practice.send(&Call::get(format!("{path}{query}")));
        assert_refused(&refused, 400, "malformed-request");
    }
}

#[test]
fn a_notice_names_the_laws_it_was_held_against_and_whom_to_ask_now() {
    let practice = under(&json!(["phipa"]));
    let body = bare(&json!(["TREAT"]), &json!(["health"]));
    let first = publish(&practice, "notice", &body);
    assert_eq!((first.status, &first.json["regimes"]), (201, &json!(["phipa"])));
    assert_eq!(first.json["privacy_contact"], jurisdiction()["privacy_contact"]);

    let mut stricter = jurisdiction();
    stricter["privacy_contact"]["name"] = json!("Paul Privacy");
    let put = practice.as_admin(Call::put(JURISDICTION, &stricter).header("if-match", "\"v1\""));
    assert_eq!(put.status, 200, "{}", put.json);
    // The same request finishes what it began; another one is held against the laws of now.
    let again = publish(&practice, "notice", &body);
    assert_eq!((again.status, again.text("sha256")), (201, first.text("sha256")));
    assert_refused(&publish(&practice, "another", &body), 422, "invalid-content");
    let seen = read(&practice, &first.text("notice_id"));
    assert_eq!(seen.json["regimes"], json!(["phipa"]));
    assert_eq!(seen.json["privacy_contact"]["name"], "Paul Privacy");
    assert_ne!(seen.header("etag"), first.header("etag"));
}

fn accept(practice: &Practice, notice: &str, token: &str) -> Answer {
    let path = format!("{NOTICES}/{}/{notice}/acceptances", practice.clinic);
    practice.send(&Call::new(http::Method::POST, path).bearer(token))
}

/// What somebody sees that she has accepted.
fn own(practice: &Practice, token: &str) -> Answer {
    let answer = practice.send(&Call::get("/v1/consent/acceptances").bearer(token));
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer
}

#[test]
fn everybody_accepts_in_her_own_name_and_once() {
    let practice = Practice::new();
    let pledge = published(&practice, "pledge", &policy("agreement"));
    let sha256 = read(&practice, &pledge).text("sha256");
    let path = format!("{NOTICES}/{}/{pledge}/acceptances", practice.clinic);
    let mut acceptances = Vec::new();
    for role in [
        Role::Client,
        Role::Clinician,
        Role::ClinicAdmin,
        Role::Billing,
        Role::PrivacyOfficer,
        Role::Security,
        Role::Auditor,
    ] {
        let token = member(&practice, role);
        assert_eq!(own(&practice, &token).json, json!({"acceptances": []}));
        let first = accept(&practice, &pledge, &token);
        assert_eq!(first.status, 201, "{role} {}", first.json);
        assert!(first.header("audit-id").is_some());
        assert_eq!(
            first.json,
            json!({"notice_id": pledge, "notice_sha256": sha256, "version": 1, "account_id": first.text("account_id"),
                "accepted_at": first.text("accepted_at")})
        );
        practice.world.clock.advance(SignedDuration::from_mins(1));
        let again = practice.send(&Call::post(&path, &json!({})).bearer(&token));
        assert_eq!((again.status, &again.json), (201, &first.json));
        assert_eq!(own(&practice, &token).json, json!({"acceptances": [first.json]}));
        acceptances.insert(0, first.json);
    }
    assert_eq!(acceptances[6]["accepted_at"], "2026-12-01T08:00:00Z");
    assert_eq!(acceptances[5]["accepted_at"], "2026-12-01T08:01:00Z");
    for role in [Role::PrivacyOfficer, Role::Auditor] {
        let token = member(&practice, role);
        let page = practice.send(&Call::get(format!("{path}?limit=5")).bearer(&token));
        assert_eq!(page.json["acceptances"], json!(acceptances[..5]));
        let next = format!("{path}?limit=5&cursor={}", page.text("next"));
        let rest = practice.send(&Call::get(next).bearer(&token));
        assert_eq!(rest.json, json!({"acceptances": acceptances[5..]}));
    }
    for role in [
        Role::Client,
        Role::Clinician,
        Role::ClinicAdmin,
        Role::Billing,
        Role::Security,
    ] {
        let refused = practice.send(&Call::get(&path).bearer(&member(&practice, role)));
        assert_refused(&refused, 403, "access-denied");
    }
    for call in [
        Call::get(&path),
        Call::post(&path, &json!({})),
        Call::get("/v1/consent/acceptances"),
    ] {
        assert_refused(&practice.send(&call), 401, "unauthenticated");
    }
    let strange = Call::post(&path, &json!({"account_id": "SECRET"})).bearer(&practice.admin.token);
    assert_refused(&practice.send(&strange), 400, "malformed-request");
    let job = accept(&practice, &pledge, &member(&practice, Role::Job));
    assert_refused(&job, 403, "access-denied");
}

#[test]
fn ones_own_acceptances_come_in_pages() {
    let practice = Practice::new();
    let token = member(&practice, Role::Clinician);
    let mut wanted = Vec::new();
    for number in 0..5 {
        let id = published(&practice, &format!("policy-{number}"), &policy("policy"));
        assert_eq!(accept(&practice, &id, &token).status, 201);
        wanted.insert(0, id);
    }
    let mut seen = Vec::new();
    let mut target = "/v1/consent/acceptances?limit=2".to_owned();
    loop {
        let page = practice.send(&Call::get(&target).bearer(&token));
        let entries = page.json["acceptances"].as_array().unwrap();
        seen.extend(
            entries
                .iter()
                .map(|entry| entry["notice_id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page.json["next"].as_str() else { break };
        target = format!("/v1/consent/acceptances?limit=2&cursor={next}");
    }
    assert_eq!(seen, wanted);
}

#[test]
fn what_is_replaced_or_of_another_clinic_is_not_accepted() {
    let practice = Practice::new();
    let first = published(&practice, "first", &policy("policy"));
    let early = member(&practice, Role::Clinician);
    let accepted = accept(&practice, &first, &early);
    assert_eq!(accepted.status, 201);
    let mut next = policy("policy");
    next["replaces"] = json!(first);
    let second = published(&practice, "second", &next);
    let late = member(&practice, Role::Clinician);
    assert_refused(&accept(&practice, &first, &late), 409, "already-replaced");
    assert_eq!(own(&practice, &late).json, json!({"acceptances": []}));
    // Who accepted it before has, and accepts the next one too.
    assert_eq!(accept(&practice, &first, &early).json, accepted.json);
    let again = accept(&practice, &second, &early);
    assert_eq!((again.status, &again.json["version"]), (201, &json!(2)));

    let outsider = |role| {
        log_in(
            &practice.world,
            &[role],
            practice.world.entropy.id(),
            practice.world.entropy.id(),
            None,
        )
    };
    assert_refused(
        &accept(&practice, &second, &outsider(Role::Clinician)),
        404,
        "not-found",
    );
    let missing = practice.world.entropy.id::<model::kind::Notice>().to_string();
    assert_refused(&accept(&practice, &missing, &late), 404, "not-found");
    for (notice, token) in [
        (&second, outsider(Role::Auditor)),
        (&missing, practice.officer.token.clone()),
    ] {
        let path = format!("{NOTICES}/{}/{notice}/acceptances", practice.clinic);
        assert_refused(&practice.send(&Call::get(path).bearer(&token)), 404, "not-found");
    }
}

#[test]
fn the_stores_do_not_say_who_accepted_what() {
    let practice = Practice::new();
    let pledge = published(&practice, "pledge", &policy("agreement"));
    let accepted = accept(&practice, &pledge, &practice.clinician.token);
    assert_eq!(accepted.status, 201);
    let account = practice.clinician.account;
    let contains = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for (store, key, value) in practice.world.stores.dump() {
        if store == "consent" {
            assert!(!contains(&value, account.as_bytes()), "{key}");
            for part in [account.to_string().as_str(), "stays here", "privacy@practice.example"] {
                assert!(
                    !contains(&value, part.as_bytes()) && !key.contains(part),
                    "{key} {part}"
                );
            }
        }
    }
}

#[test]
fn saying_a_jurisdiction_is_finished_by_a_repeated_request() {
    let says = |practice: &Practice, name: &str| {
        let seen = practice.send(&Call::get(format!("{JURISDICTION}/{}", practice.clinic)));
        assert_eq!(seen.json["privacy_contact"]["name"], name);
    };
    at_every_crash_point(
        |practice| {
            let mut other = jurisdiction();
            other["privacy_contact"]["name"] = json!("Paul Privacy");
            Call::put(JURISDICTION, &other)
                .header("if-match", "\"v1\"")
                .bearer(&practice.admin.token)
        },
        |practice, answer| {
            assert_eq!(answer.header("etag"), Some("\"v2\""));
            says(practice, "Paul Privacy");
        },
    );
    at_every_interleaving(
        |practice| {
            let mut other = jurisdiction();
            other["privacy_contact"]["name"] = json!("Paul Privacy");
            let call = Call::put(JURISDICTION, &other).header("if-match", "\"v1\"");
            let call = call.bearer(&practice.admin.token);
            (call.clone(), call)
        },
        |practice, _| says(practice, "Paul Privacy"),
    );
}

/// How often each notice is in the list of all.
#[track_caller]
fn assert_listed_once(practice: &Practice, notice: &str) {
    let all = list(practice, "");
    assert_eq!(all.iter().filter(|id| *id == notice).count(), 1, "{all:?}");
}

#[test]
fn translating_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let original = published(practice, "original", &notice());
            Call::post(NOTICES, &translation(&original, "hi", "नमस्ते"))
                .once("hi")
                .bearer(&practice.admin.token)
        },
        |practice, answer| {
            assert_listed_once(practice, &answer.text("notice_id"));
            let original = answer.text("translates");
            let again = publish(practice, "again", &translation(&original, "hi", "नमस्कार"));
            assert_refused(&again, 409, "already-translated");
            assert_eq!(list(practice, "").len(), 2);
        },
    );
}

#[test]
fn two_translations_at_once_are_one() {
    for nth in 0.. {
        let practice = std::rc::Rc::new(Practice::new());
        let original = published(&practice, "original", &notice());
        let body = |text| translation(&original, "hi", text);
        let (first, second) = (body("नमस्ते"), body("नमस्कार"));
        let other = std::rc::Rc::clone(&practice);
        practice.world.stores.meanwhile(nth, move || {
            publish(&other, "second", &second);
        });
        let answer = publish(&practice, "first", &first);
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        let there = list(&practice, "?language=hi");
        assert_eq!(there.len(), 1, "{nth}");
        match answer.status {
            201 => assert_eq!(answer.text("notice_id"), there[0], "{nth}"),
            _ => assert_refused(&answer, 409, "already-translated"),
        }
        if !reached {
            break;
        }
    }
}

#[test]
fn accepting_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let pledge = published(practice, "pledge", &policy("agreement"));
            let path = format!("{NOTICES}/{}/{pledge}/acceptances", practice.clinic);
            Call::post(path, &json!({})).bearer(&practice.clinician.token)
        },
        |practice, answer| {
            let wanted = json!({"acceptances": [answer.json]});
            assert_eq!(own(practice, &practice.clinician.token).json, wanted);
            let pledge = answer.text("notice_id");
            let path = format!("{NOTICES}/{}/{pledge}/acceptances", practice.clinic);
            assert_eq!(
                practice.send(&Call::get(path).bearer(&practice.officer.token)).json,
                wanted
            );
        },
    );
}

#[test]
fn an_acceptance_sent_twice_at_once_is_one() {
    for nth in 0.. {
        let practice = std::rc::Rc::new(Practice::new());
        let pledge = published(&practice, "pledge", &policy("agreement"));
        let (other, notice) = (std::rc::Rc::clone(&practice), pledge.clone());
        practice.world.stores.meanwhile(nth, move || {
            // Either it is the first, or it is asked to come again while the first is about to be.
            let answer = accept(&other, &notice, &other.clinician.token);
            assert!([201, 503].contains(&answer.status), "{}", answer.json);
        });
        let first = accept(&practice, &pledge, &practice.clinician.token);
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        assert!([201, 503].contains(&first.status), "{nth}: {}", first.json);
        practice.world.clock.advance(SignedDuration::from_secs(61));
        let again = accept(&practice, &pledge, &practice.clinician.token);
        assert_eq!(again.status, 201, "{nth}: {}", again.json);
        let wanted = json!({"acceptances": [again.json]});
        assert_eq!(own(&practice, &practice.clinician.token).json, wanted, "{nth}");
        let path = format!("{NOTICES}/{}/{pledge}/acceptances", practice.clinic);
        let all = practice.send(&Call::get(path).bearer(&practice.officer.token));
        assert_eq!(all.json, wanted, "{nth}");
        if !reached {
            break;
        }
    }
}
