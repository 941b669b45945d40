//! Bundles through this function and its real owners, on a platform in memory.

use http::Method;
use model::{ClinicId, Function, Role, kind};
use ports::EntropyExt;
use serde_json::{Value, json};
use testkit::{Answer, Call, Fault, World, log_in, survive};

use crate::ROUTES;

/// A clinic with a client who agrees to everything, and somebody who treats and bills her.
struct Practice {
    world: World,
    clinic: ClinicId,
    token: String,
    admin: String,
    client: String,
    withdraw: String,
}

impl Practice {
    fn new() -> Self {
        let world = World::new(29);
        world.deploy(Function::Identity, &identity::ROUTES);
        world.deploy(Function::Records, &records::ROUTES);
        world.deploy(Function::Billing, &billing::ROUTES);
        world.set(Function::Exchange, "base_url", "https://practice.example/");
        let clinic: ClinicId = world.entropy.id();
        let mut practice = Self {
            clinic,
            token: String::new(),
            admin: String::new(),
            client: String::new(),
            withdraw: String::new(),
            world,
        };
        practice.token = practice.session(&[Role::Clinician, Role::Billing]);
        practice.admin = practice.session(&[Role::ClinicAdmin]);
        let jurisdiction = Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction());
        practice.to_consent(201, &jurisdiction.bearer(&practice.admin));
        (practice.client, practice.withdraw) = practice.agreeing("first");
        practice
    }

    fn session(&self, roles: &[Role]) -> String {
        log_in(
            &self.world,
            roles,
            self.clinic,
            self.world.entropy.id::<kind::Account>(),
            None,
        )
    }

    fn to_consent(&self, status: u16, call: &Call) -> Answer {
        let answer = Answer::from(self.world.serve(Function::Consent, &consent::ROUTES, &call.request()));
        assert_eq!(answer.status, status, "{}", answer.json);
        answer
    }

    /// A client, and where her consent is withdrawn.
    fn agreeing(&self, key: &str) -> (String, String) {
        let open = Call::post("/v1/consent/clients", &json!({})).once(key);
        let client = self.to_consent(201, &open.bearer(&self.token)).text("client_id");
        let (purposes, classes) = (["TREAT", "HPAYMT"], ["identity", "health", "billing"]);
        let notice = Call::post("/v1/consent/notices", &testkit::notice(&purposes, &classes)).once(key);
        let notice = self.to_consent(201, &notice.bearer(&self.admin)).text("notice_id");
        let terms = json!({"notice_id": notice, "language": "en", "purposes": purposes, "classes": classes,
            "given_by": "client", "method": "written"});
        let path = format!("/v1/consent/clients/{client}/consents");
        let consent = self
            .to_consent(201, &Call::post(&path, &terms).once(key).bearer(&self.token))
            .text("consent_id");
        (client, format!("{path}/{consent}/withdraw"))
    }

    fn send(&self, call: &Call) -> Answer {
        Answer::from(
            self.world
                .serve(Function::Exchange, &ROUTES, &call.clone().bearer(&self.token).request()),
        )
    }

    fn import(&self, bundle: &Value) -> Answer {
        self.send(&importing(&self.client, bundle))
    }

    fn export(&self) -> Answer {
        self.send(&Call::get(format!("/v1/exchange/clients/{}/export", self.client)))
    }

    /// What is stored of what somebody said or is.
    fn stored(&self) -> Vec<(String, String, Vec<u8>)> {
        let mut stored = self.world.stores.dump();
        stored.retain(|(store, ..)| !["audit", "sessions"].contains(&store.as_str()));
        stored
    }
}

fn importing(client: &str, bundle: &Value) -> Call {
    Call::new(Method::POST, format!("/v1/exchange/clients/{client}/import"))
        .header("content-type", "application/fhir+json")
        .body(bundle.to_string())
}

/// A card number that payment gateways publish for tests.
const PAN: &str = "4111 1111 1111 1111";

const PATIENT: &str = "https://hospital.example/Patient/p1";

/// A patient with a diagnosis, a measurement, and a claim.
fn bundle() -> Value {
    let coded = |system: &str, code: &str| json!({"coding": [{"system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code}]});
    let subject = json!({"reference": PATIENT});
    json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"fullUrl": PATIENT, "resource": {"resourceType": "Patient", "id": "p1", "birthDate": "1987-03-21", "gender": "female",
            "name": [{"use": "official", "family": "Okonkwo", "given": ["Ngozi"]}]}},
        {"fullUrl": "https://hospital.example/Condition/c1", "resource": {"resourceType": "Condition", "id": "c1", "subject": subject,
            "clinicalStatus": coded("condition-clinical", "active"), "verificationStatus": coded("condition-ver-status", "confirmed"),
            "code": {"text": "Insomnia"}, "onsetDateTime": "2026-01-05"}},
        {"fullUrl": "https://hospital.example/Observation/o1", "resource": {"resourceType": "Observation", "id": "o1", "status": "final",
            "subject": subject, "code": {"text": "Sleep"}, "effectiveDateTime": "2026-01-06", "valueString": "five hours"}},
        {"fullUrl": "https://hospital.example/Claim/b1", "resource": {"resourceType": "Claim", "id": "b1", "status": "active", "use": "claim",
            "type": coded("claim-type", "professional"), "patient": subject, "created": "2026-01-06", "provider": {"display": "Practice"},
            "priority": coded("processpriority", "normal"), "insurance": [{"sequence": 1, "focal": true, "coverage": {"display": "Mutual"}}]}},
    ]})
}

fn outcomes(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.json);
    let parts = answer.json["parts"].as_array().unwrap().iter();
    parts.map(|part| part["outcome"].as_str().unwrap()).collect()
}

/// The resources that went out, by their types.
fn went_out(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.json);
    let entries = answer.json["entry"].as_array().unwrap().iter();
    entries.map(|entry| entry["resource"].clone()).collect()
}

#[test]
fn what_comes_twice_is_there_once_and_what_comes_changed_is_a_new_version() {
    let practice = Practice::new();
    assert_eq!(outcomes(&practice.import(&bundle())), ["created"; 4]);
    let stored = practice.stored();
    assert_eq!(outcomes(&practice.import(&bundle())), ["unchanged"; 4]);
    assert_eq!(practice.stored(), stored);
    let mut changed = bundle();
    changed["entry"][2]["resource"]["valueString"] = json!("seven hours");
    assert_eq!(
        outcomes(&practice.import(&changed)),
        ["unchanged", "unchanged", "updated", "unchanged"]
    );
    let observation = went_out(&practice.export())
        .into_iter()
        .find(|resource| resource["resourceType"] == "Observation");
    assert_eq!(observation.unwrap()["valueString"], "seven hours");
}

#[test]
fn what_went_out_is_known_again_and_is_new_to_anybody_else() {
    let practice = Practice::new();
    let mut bundle = bundle();
    let names = bundle["entry"][0]["resource"]["name"].as_array_mut().unwrap();
    names.push(json!({"use": "maiden", "family": "Adeyemi", "period": {"end": "2015-06-01"}}));
    names.push(json!({"use": "old", "family": "Bello"}));
    practice.import(&bundle);
    let exported = practice.export();
    let urls: Vec<&str> = exported.json["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["fullUrl"].as_str().unwrap())
        .collect();
    let base = format!("https://practice.example/v1/exchange/clients/{}/", practice.client);
    assert!(urls.iter().all(|url| url.starts_with(&base)), "{urls:?}");
    let stored = practice.stored();
    assert_eq!(outcomes(&practice.import(&exported.json)), ["unchanged"; 4]);
    assert_eq!(practice.stored(), stored);
    let (other, _) = practice.agreeing("other");
    assert_eq!(
        outcomes(&practice.send(&importing(&other, &exported.json))),
        ["created"; 4]
    );
}

/// Another person's bundle is not put into a client's file, in strict handling or leniently.
#[test]
fn nobody_is_overwritten_by_somebody_else() {
    let practice = Practice::new();
    practice.import(&bundle());
    let stored = practice.stored();
    let mut other = bundle();
    other["entry"][0]["resource"]["birthDate"] = json!("1990-01-01");
    other["entry"][1]["resource"]["code"]["text"] = json!("Asthma");
    for handling in ["strict", "lenient"] {
        let call = importing(&practice.client, &other).header("prefer", &format!("handling={handling}"));
        let refused = practice.send(&call);
        assert_eq!(
            (refused.status, refused.problem()),
            (422, Some("not-importable")),
            "{}",
            refused.json
        );
        assert_eq!(refused.json["errors"][0]["field"], "/entry/0/resource");
        assert!(!refused.body().contains("1987"), "what is registered is not told");
        assert_eq!(practice.stored(), stored);
    }
}

/// Nobody but `identity` knows who is registered. Where the caller may not give it anything, what others would take goes into nobody's file.
#[test]
fn whoever_may_not_ask_who_she_is_imports_nothing_of_her() {
    let practice = Practice::new();
    practice.import(&bundle());
    let stored = practice.stored();
    let mut other = bundle();
    other["entry"][0]["resource"]["birthDate"] = json!("1990-01-01");
    other["entry"][3]["fullUrl"] = json!("https://hospital.example/Claim/b2");
    let clerk = practice.session(&[Role::Billing]);
    let call = importing(&practice.client, &other).header("prefer", "handling=lenient");
    let refused = Answer::from(
        practice
            .world
            .serve(Function::Exchange, &ROUTES, &call.bearer(&clerk).request()),
    );
    assert_eq!(refused.status, 403, "{}", refused.json);
    assert_eq!(practice.stored(), stored);
}

/// What a colleague has added goes out with what it was added to, and stays what it is where it comes back.
#[test]
fn an_addendum_goes_out_and_is_known_again() {
    let practice = Practice::new();
    let imported = practice.import(&bundle());
    let condition = imported.json["parts"][1]["id"].as_str().unwrap();
    let records = format!("/v1/records/clients/{}/records", practice.client);
    let added = Call::post(
        format!("{records}/{condition}/addenda"),
        &json!({"text": "It was jet lag."}),
    )
    .once("add");
    let added = Answer::from(practice.world.serve(
        Function::Records,
        &records::ROUTES,
        &added.bearer(&practice.token).request(),
    ));
    assert_eq!(added.status, 201, "{}", added.json);
    let exported = practice.export();
    let addendum = went_out(&exported)
        .into_iter()
        .find(|resource| resource["resourceType"] == "DocumentReference")
        .unwrap();
    let condition = format!("Condition/{}", condition.replace('_', "-"));
    assert_eq!(addendum["context"]["related"], json!([{"reference": condition}]));
    assert_eq!(addendum["content"][0]["attachment"]["data"], "SXQgd2FzIGpldCBsYWcu");
    let stored = practice.stored();
    let again = practice.import(&exported.json);
    assert_eq!(outcomes(&again), ["unchanged"; 5]);
    assert_eq!(again.json["parts"][4]["id"], added.json["id"]);
    assert_eq!(practice.stored(), stored);
    let (other, _) = practice.agreeing("other");
    assert_eq!(
        outcomes(&practice.send(&importing(&other, &exported.json))),
        ["created"; 5]
    );
}

/// After a restore, a record is what the bundle makes of it. What a colleague added is not made by whoever imports, nor said to be here.
#[test]
fn an_addendum_that_is_not_here_is_not_imported() {
    let practice = Practice::new();
    let imported = practice.import(&bundle());
    let condition = imported.json["parts"][1]["id"].as_str().unwrap();
    let path = format!("/v1/records/clients/{}/records/{condition}/addenda", practice.client);
    let before = practice.world.stores.dump();
    let added = Call::post(path, &json!({"text": " It was\njet lag. "})).once("add");
    let added = Answer::from(practice.world.serve(
        Function::Records,
        &records::ROUTES,
        &added.bearer(&practice.token).request(),
    ));
    assert_eq!(added.status, 201, "{}", added.json);
    let exported = practice.export().json;
    let entries = exported["entry"].as_array().unwrap();
    let position = entries
        .iter()
        .position(|entry| entry["resource"]["resourceType"] == "DocumentReference")
        .unwrap();
    let lenient = |bundle: &Value| {
        let call = importing(&practice.client, bundle).header("prefer", "handling=lenient");
        practice.send(&call)
    };
    let is_left_out = |bundle: &Value| {
        let stored = practice.stored();
        let strict = practice.import(bundle);
        assert_eq!((strict.status, strict.problem()), (422, Some("not-importable")));
        assert_eq!(strict.json["errors"].as_array().unwrap().len(), 1);
        assert_eq!(strict.json["errors"][0]["field"], format!("/entry/{position}/resource"));
        let lenient = lenient(bundle);
        assert_eq!(outcomes(&lenient), ["unchanged"; 4]);
        assert_eq!(lenient.json["not_imported"].as_array().unwrap().len(), 1);
        let left_out = lenient.json["not_imported"][0].to_string();
        for word in ["DocumentReference", "its author adds"] {
            assert!(left_out.contains(word), "{left_out}");
        }
        assert!(!left_out.contains("jet lag"), "{left_out}");
        assert_eq!(practice.stored(), stored);
    };
    // In other words than it is here.
    let mut other = exported.clone();
    other["entry"][position]["resource"]["content"][0]["attachment"]["data"] = json!("SXQgd2FzIG5vdGhpbmcu");
    is_left_out(&other);
    // Beside a record that is not taken either, wherever in the bundle each of them stands.
    let measured = entries
        .iter()
        .position(|entry| entry["resource"]["resourceType"] == "Observation")
        .unwrap();
    other["entry"][measured]["resource"]["effectiveDateTime"] = json!("2926-01-06");
    for _ in 0..2 {
        let answer = lenient(&other);
        assert_eq!(outcomes(&answer), ["unchanged"; 3]);
        let left_out = answer.json["not_imported"].as_array().unwrap();
        assert_eq!(left_out.len(), 2);
        for left_out in left_out {
            let field = left_out["problems"][0]["field"].as_str().unwrap();
            let resource = other.pointer(field).unwrap();
            assert_eq!(left_out["resource_type"], resource["resourceType"], "{field}");
            let is_addendum = left_out["problems"].to_string().contains("its author adds");
            assert_eq!(is_addendum, resource["resourceType"] == "DocumentReference", "{field}");
        }
        other["entry"].as_array_mut().unwrap().swap(position, measured);
    }
    assert_eq!(outcomes(&practice.import(&exported)), ["unchanged"; 5]);
    practice.world.stores.restore(&before);
    is_left_out(&exported);
    // Whoever may not write her records is not told which addenda there are.
    let hiding = Call::post(
        format!("/v1/consent/clients/{}/restrictions", practice.client),
        &json!({"class": "health"}),
    );
    practice.to_consent(201, &hiding.once("hide").bearer(&practice.admin));
    let denied = lenient(&exported);
    assert_eq!(denied.json["denied"], json!({"records": 3}), "{}", denied.json);
    assert_eq!(outcomes(&denied), ["unchanged"; 2]);
    assert_eq!(denied.json["not_imported"], json!([]));
}

/// A resource that its owner refuses: nothing is imported, or the others are, and who refers to it refers to nothing.
#[test]
fn one_bad_resource_keeps_all_out_unless_it_is_to_be_left_out() {
    let practice = Practice::new();
    let stored = practice.stored();
    let mut bad = bundle();
    bad["entry"][2]["resource"]["effectiveDateTime"] = json!("2926-01-06");
    let refused = practice.import(&bad);
    assert_eq!(
        (refused.status, refused.problem()),
        (422, Some("not-importable")),
        "{}",
        refused.json
    );
    assert_eq!(refused.json["errors"].as_array().unwrap().len(), 1);
    assert_eq!(refused.json["errors"][0]["field"], "/entry/2/resource");
    assert_eq!(practice.stored(), stored);
    let lenient =
        practice.send(&importing(&practice.client, &bad).header("prefer", "return=minimal, handling=lenient"));
    assert_eq!(outcomes(&lenient), ["created"; 3]);
    assert_eq!(lenient.json["not_imported"][0]["resource_type"], "Observation");
    assert_eq!(
        lenient.json["not_imported"][0]["problems"][0]["field"],
        "/entry/2/resource"
    );
}

/// What has no room in a client's details is left out and told, and all else of the bundle comes in.
#[test]
fn one_flaw_of_the_patient_keeps_nothing_out() {
    for prefer in ["handling=strict", "handling=lenient"] {
        let practice = Practice::new();
        let mut flawed = bundle();
        let phone = |used: &str| json!({"system": "phone", "value": "+49 30 12345678", "use": used});
        flawed["entry"][0]["resource"]["telecom"] =
            json!([phone("home"), phone("mobile"), {"system": "email", "value": "none@none"}]);
        flawed["entry"][0]["resource"]["address"] = json!([{"state": "BE", "country": "DE"}]);
        let mother = |id: &str| {
            json!({"fullUrl": format!("https://hospital.example/RelatedPerson/{id}"), "resource": {"resourceType": "RelatedPerson",
            "id": id, "patient": {"reference": PATIENT}, "name": [{"text": "Ifeoma"}],
            "relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]}]}})
        };
        let entries = flawed["entry"].as_array_mut().unwrap();
        entries.extend([mother("r1"), mother("r2")]);
        let answer = practice.send(&importing(&practice.client, &flawed).header("prefer", prefer));
        assert_eq!(outcomes(&answer), ["created"; 4], "{prefer}");
        assert_eq!(answer.json["not_imported"], json!([]));
        let told = answer.json["not_carried_over"].as_array().unwrap();
        for (of, path, count) in [
            ("Patient", "telecom.value", 2),
            ("Patient", "address.state", 1),
            ("RelatedPerson", "", 1),
        ] {
            let is_it = |line: &&Value| line["of"] == of && line["path"] == path;
            let line = told.iter().find(is_it).unwrap();
            assert_eq!(
                (&line["reason"], &line["count"]),
                (&json!("unrepresentable"), &json!(count)),
                "{of} {path}"
            );
        }
        let patient = &went_out(&practice.export())[0];
        assert_eq!(
            patient["telecom"],
            json!([{"system": "phone", "value": "+493012345678", "use": "home"}])
        );
    }
}

/// Whichever owner refuses, its reasons are understood.
#[test]
fn every_owners_refusal_names_the_resource() {
    let coverage = bundle()["entry"][3]["resource"]["insurance"][0].clone();
    for (entry, resource_type, element, value) in [
        (2, "Observation", "valueString", json!(PAN)),
        (3, "Claim", "insurance", json!([coverage, coverage])),
        (3, "Claim", "provider", json!({"display": PAN})),
    ] {
        let practice = Practice::new();
        let stored = practice.stored();
        let mut bad = bundle();
        bad["entry"][entry]["resource"][element] = value;
        let refused = practice.import(&bad);
        assert_eq!(
            (refused.status, refused.problem()),
            (422, Some("not-importable")),
            "{}",
            refused.json
        );
        assert_eq!(refused.json["errors"][0]["field"], format!("/entry/{entry}/resource"));
        assert!(!refused.body().contains(PAN));
        assert_eq!(practice.stored(), stored);
        let lenient = practice.send(&importing(&practice.client, &bad).header("prefer", "handling=lenient"));
        assert_eq!(outcomes(&lenient), ["created"; 3], "{resource_type} {element}");
        assert_eq!(lenient.json["not_imported"].as_array().unwrap().len(), 1);
        assert_eq!(lenient.json["not_imported"][0]["resource_type"], resource_type);
        assert!(!lenient.body().contains(PAN));
    }
}

#[test]
fn what_is_no_import_is_refused_before_anybody_is_asked() {
    let practice = Practice::new();
    let stored = practice.world.stores.dump();
    let path = format!("/v1/exchange/clients/{}/import", practice.client);
    let call = |query: &str| Call::new(Method::POST, format!("{path}{query}"));
    let fhir = |call: Call, body: String| {
        call.header("content-type", "application/fhir+json; charset=utf-8")
            .body(body)
    };
    let whole = bundle().to_string();
    for (status, problem, call) in [
        (415, "unsupported-media-type", call("").body(whole.clone())),
        (
            415,
            "unsupported-media-type",
            call("").header("content-type", "text/plain").body(whole.clone()),
        ),
        (400, "malformed-request", fhir(call("?mode=fast"), whole.clone())),
        (422, "invalid-content", fhir(call("?calling_code=%2B49"), whole.clone())),
        (
            422,
            "invalid-content",
            fhir(call("?language=deutsch%20"), whole.clone()),
        ),
        (422, "invalid-bundle", fhir(call(""), String::new())),
        (422, "invalid-bundle", fhir(call(""), "[]".to_owned())),
        (
            422,
            "invalid-bundle",
            fhir(call(""), json!({"resourceType": "Patient"}).to_string()),
        ),
        (413, "body-too-large", fhir(call(""), " ".repeat(8 * 1024 * 1024 + 1))),
        (400, "broken-body", fhir(call(""), whole.clone()).broken_off()),
    ] {
        let refused = practice.send(&call);
        assert_eq!(
            (refused.status, refused.problem()),
            (status, Some(problem)),
            "{}",
            refused.json
        );
    }
    let nobody = Answer::from(practice.world.serve(
        Function::Exchange,
        &ROUTES,
        &importing(&practice.client, &bundle()).request(),
    ));
    assert_eq!(nobody.status, 401);
    assert_eq!(practice.world.stores.dump(), stored);
    assert_eq!(practice.export().status, 404, "nobody is registered yet");
}

/// After a withdrawal nothing more comes in or goes out, and the answer is the owner's.
#[test]
fn a_withdrawn_consent_ends_it() {
    let practice = Practice::new();
    practice.import(&bundle());
    practice.to_consent(200, &Call::post(&practice.withdraw, &json!({})).bearer(&practice.token));
    let stored = practice.stored();
    for refused in [practice.import(&bundle()), practice.export()] {
        assert_eq!(
            (refused.status, refused.problem()),
            (403, Some("no-consent")),
            "{}",
            refused.json
        );
        assert!(refused.header("audit-id").is_some());
    }
    let lenient = practice.send(&importing(&practice.client, &bundle()).header("prefer", "handling=lenient"));
    assert_eq!(lenient.status, 403, "who may write nothing imports nothing");
    assert_eq!(practice.stored(), stored);
}

/// An owner that is not there, or that answers what it should not, is a failure and nothing else.
#[test]
fn an_owner_that_fails_is_no_answer() {
    let practice = Practice::new();
    let fails = |answer: &Answer, status: u16| assert_eq!(answer.status, status, "{}", answer.json);
    practice.world.deploy(Function::Records, &[]);
    let stored = practice.stored();
    fails(&practice.import(&bundle()), 503);
    assert_eq!(practice.stored(), stored, "all are asked before any is given anything");
    practice.world.deploy(Function::Records, &records::ROUTES);
    fails(&practice.import(&bundle()), 200);
    practice.world.deploy(Function::Billing, &[]);
    fails(&practice.export(), 503);
    let mut world = practice.world;
    world.keyrings.remove(&Function::Exchange);
    let request = importing(&practice.client, &bundle()).bearer(&practice.token).request();
    assert_eq!(world.serve(Function::Exchange, &ROUTES, &request).status(), 503);
}

/// Broken off at every operation on a store and every private call, in every way: the same bundle, sent again, comes to what one that was not
/// broken off comes to.
#[test]
fn an_import_that_was_broken_off_is_finished_by_the_next() {
    let practice = Practice::new();
    let before = practice.world.stores.dump();
    practice.world.stores.disarm();
    assert_eq!(outcomes(&practice.import(&bundle())), ["created"; 4]);
    let operations = practice.world.stores.operations();
    let whole = went_out(&practice.export());
    let mut acknowledged = 0;
    for fault in Fault::ALL {
        for nth in 0..operations {
            let case = format!("{fault:?} at {nth}");
            practice.world.stores.restore(&before);
            practice.world.stores.arm(nth, fault);
            let first = survive(|| practice.import(&bundle()));
            practice.world.stores.disarm();
            if let Some(first) = &first {
                assert!([200, 503].contains(&first.status), "{case}: {}", first.json);
                acknowledged += usize::from(first.status == 200);
            }
            // A creation that died keeps others waiting for a minute at most.
            let again = practice.import(&bundle());
            let again = if again.status == 503 {
                practice.world.clock.advance(jiff::SignedDuration::from_secs(61));
                let again = practice.import(&bundle());
                practice.world.clock.advance(jiff::SignedDuration::from_secs(-61));
                again
            } else {
                again
            };
            assert!(
                outcomes(&again)
                    .iter()
                    .all(|outcome| ["created", "unchanged"].contains(outcome)),
                "{case}"
            );
            assert_eq!(went_out(&practice.export()), whole, "{case}");
        }
    }
    assert!(
        (1..Fault::ALL.len() * operations).contains(&acknowledged),
        "{acknowledged}"
    );
}
