//! Claims and explanations of benefit: in and out through `exchange`, and as they are read.

use super::*;
use ::access::{InNameOf, PrivateCall};
use audit_trail::Decision;
use model::{Action, ClaimId, DataClass, ExplanationOfBenefitId};

pub(super) const CHECK: &str = "/v1/billing/private/import/check";
pub(super) const IMPORT: &str = "/v1/billing/private/import";
pub(super) const EXPORT: &str = "/v1/billing/private/export";

/// A card number that payment gateways publish for tests.
const PAN: &str = "4111 1111 1111 1111";

fn claim_id(number: u8) -> String {
    ClaimId::from_bytes([number; 16]).to_string()
}

fn explanation_id(number: u8) -> String {
    ExplanationOfBenefitId::from_bytes([number; 16]).to_string()
}

fn part(id: &str, kind: &str, content: &Value) -> Value {
    json!({"id": id, "source": {"system": "https://SECRET.example/fhir", "id": format!("{kind}/{id}")}, "kind": kind, "content": content})
}

/// A claim of so many cents.
pub(super) fn claim(number: u8, cents: i64) -> Value {
    let concept = json!({"text": "professional"});
    let content = json!({"status": "active", "type": concept, "use": "claim", "created": "2026-01-03", "provider": "SECRET Practice",
        "priority": concept, "insurance": [{"sequence": 1, "focal": true, "coverage": "SECRET Mutual"}],
        "total": {"currency": "USD", "minor_units": cents}});
    part(&claim_id(number), "claim", &content)
}

/// What became of the claim of this number.
pub(super) fn explanation(number: u8, cents: i64) -> Value {
    let concept = json!({"text": "professional"});
    let content = json!({"status": "active", "type": concept, "use": "claim", "created": "2026-01-04", "insurer": "SECRET Mutual",
        "provider": "SECRET Practice", "claim": claim_id(number), "outcome": "complete",
        "insurance": [{"focal": true, "coverage": "SECRET Mutual"}],
        "payment": {"amount": {"currency": "USD", "minor_units": cents}, "date": "2026-02"}});
    part(&explanation_id(number), "explanation_of_benefit", &content)
}

impl Practice {
    /// What `exchange` sends in the name of whoever has this token.
    pub(super) fn exchange_call(&self, path: &str, body: &Value, token: &str) -> Call {
        let text = self.world.keyrings.get(&Function::Exchange).map(String::as_str);
        let keyring = Keyring::parse(Function::Exchange, text).unwrap();
        let (body, authorization) = (body.to_string(), format!("Bearer {token}"));
        let call = PrivateCall {
            caller: Function::Exchange,
            callee: Function::Billing,
            method: "POST",
            target: path,
            body: body.as_bytes(),
            in_name_of: InNameOf {
                authorization: &authorization,
                ..InNameOf::default()
            },
        };
        let proof = call.prove(keyring.calls(Function::Billing).unwrap(), self.world.clock.now());
        Call::new(Method::POST, path)
            .header("content-type", "application/json")
            .header("authorization", &authorization)
            .header("private-call", &proof)
            .body(body)
    }

    fn body(&self, parts: &[Value]) -> Value {
        json!({"client_id": self.cast.client, "parts": parts})
    }

    pub(super) fn importing(&self, parts: &[Value]) -> Call {
        self.exchange_call(IMPORT, &self.body(parts), &self.cast.billing.token)
    }

    /// The outcomes of an import.
    #[track_caller]
    pub(super) fn import(&self, parts: &[Value]) -> Vec<String> {
        let answer = self.send(&self.importing(parts));
        assert_eq!(answer.status, 200, "{}", answer.json);
        serde_json::from_value(answer.json["outcomes"].clone()).unwrap()
    }

    fn exporting(&self, client: &str) -> Call {
        self.exchange_call(EXPORT, &json!({"client_id": client}), &self.cast.billing.token)
    }

    /// All pages of an export.
    #[track_caller]
    fn export(&self) -> Vec<Vec<Value>> {
        self.export_of(&Value::Null)
    }

    /// All pages of an export of these kinds.
    #[track_caller]
    fn export_of(&self, kinds: &Value) -> Vec<Vec<Value>> {
        let (mut pages, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let body = json!({"client_id": self.cast.client, "kinds": kinds, "cursor": cursor});
            let page = self.send(&self.exchange_call(EXPORT, &body, &self.cast.billing.token));
            assert_eq!(page.status, 200, "{}", page.json);
            assert!(page.bytes().len() <= web::BODY_LIMIT);
            pages.push(page.json["parts"].as_array().unwrap().clone());
            match page.json["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return pages,
            }
        }
    }

    /// The path of what was imported.
    pub(super) fn path_of(&self, part: &Value) -> String {
        let list = self.path_to(part["kind"].as_str().unwrap());
        format!("{list}/{}", part["id"].as_str().unwrap())
    }

    pub(super) fn path_to(&self, kind: &str) -> String {
        let list = if kind == "claim" {
            "claims"
        } else {
            "explanations-of-benefit"
        };
        format!("/v1/billing/clients/{}/{list}", self.cast.client)
    }
}

#[test]
fn what_was_imported_is_read_by_those_who_read_invoices() {
    let practice = Practice::new();
    for kind in ["claim", "explanation_of_benefit"] {
        let listed = practice.expect(200, Call::get(practice.path_to(kind)));
        let list = if kind == "claim" {
            "claims"
        } else {
            "explanations_of_benefit"
        };
        assert_eq!(listed.json, json!({list: []}));
    }
    let parts = [claim(1, 14_052), explanation(1, 11_242)];
    let imported = practice.send(&practice.importing(&parts));
    assert_eq!(
        (imported.status, &imported.json),
        (200, &json!({"outcomes": ["created", "created"]}))
    );
    let (account, now) = (
        practice.cast.billing.account.to_string(),
        practice.world.clock.now().to_string(),
    );
    for (part, list, created) in [
        (&parts[0], "claims", "2026-01-03"),
        (&parts[1], "explanations_of_benefit", "2026-01-04"),
    ] {
        let expected = json!({"id": part["id"], "created_by": account, "created_at": now, "source": part["source"], "revision": 1,
            "written_by": account, "written_at": now, "content": part["content"]});
        for token in [&practice.cast.billing.token, &practice.cast.herself.token] {
            let read = practice.send(&Call::get(practice.path_of(part)).bearer(token));
            assert_eq!((read.status, read.header("etag")), (200, Some("\"v1\"")));
            assert_eq!(read.json, expected);
            let listed = practice.send(&Call::get(practice.path_to(part["kind"].as_str().unwrap())).bearer(token));
            assert_eq!(
                listed.json,
                json!({list: [{"id": part["id"], "created_at": now, "status": "active", "created": created}]})
            );
        }
        assert_refused(
            &practice.send(&Call::get(practice.path_of(part)).bearer(&practice.cast.clinician.token)),
            403,
            "access-denied",
        );
    }
    // Each under its own path.
    for (path, status, problem) in [
        (practice.path_of(&claim(2, 1)), 404, "not-found"),
        (practice.path_of(&explanation(2, 1)), 404, "not-found"),
        (
            format!("{}/{}", practice.path_to("claim"), explanation_id(1)),
            404,
            "no-such-route",
        ),
        (format!("{}/versions", practice.path_of(&claim(2, 1))), 404, "not-found"),
        (
            format!("{}?limit=0", practice.path_to("claim")),
            400,
            "malformed-request",
        ),
        (
            format!("{}/versions?limit=201", practice.path_of(&parts[0])),
            400,
            "malformed-request",
        ),
    ] {
        assert_refused(&practice.as_billing(Call::get(path)), status, problem);
    }
    // Nobody writes them but by import.
    let written = practice.as_billing(Call::put(practice.path_of(&parts[0]), &parts[0]["content"]));
    assert_refused(&written, 405, "method-not-allowed");
    assert_eq!(
        practice.expect(200, Call::get(practice.path())).json,
        json!({"invoices": []})
    );
}

#[test]
fn a_source_that_is_heard_again() {
    let practice = Practice::new();
    let first = [claim(1, 100), explanation(1, 90), claim(2, 200)];
    assert_eq!(practice.import(&first), ["created"; 3]);
    let before = practice.state();
    assert_eq!(practice.import(&first), ["unchanged"; 3]);
    assert!(practice.state() == before, "what is unchanged is not written");

    practice.wait(SignedDuration::from_mins(5));
    let (author, at) = (
        practice.cast.billing.account.to_string(),
        practice.world.clock.now().to_string(),
    );
    assert_eq!(
        practice.import(&[claim(1, 110), explanation(1, 95), claim(2, 200), claim(3, 300)]),
        ["updated", "updated", "unchanged", "created"]
    );
    for (old, new) in [(claim(1, 100), claim(1, 110)), (explanation(1, 90), explanation(1, 95))] {
        let path = practice.path_of(&new);
        let read = practice.expect(200, Call::get(&path));
        assert_eq!(
            (read.header("etag"), &read.json["content"]),
            (Some("\"v2\""), &new["content"])
        );
        let versions = practice.expect(200, Call::get(format!("{path}/versions"))).json["versions"].clone();
        assert_eq!(
            versions[0],
            json!({"revision": 2, "written_by": author, "written_at": at, "reason": "imported again", "content": new["content"]})
        );
        assert_eq!(
            (
                &versions[1]["revision"],
                &versions[1]["content"],
                versions.as_array().unwrap().len()
            ),
            (&json!(1), &old["content"], 2)
        );
        let page = practice.expect(200, Call::get(format!("{path}/versions?limit=1")));
        assert_eq!(page.json["versions"].as_array().unwrap().len(), 1);
        assert_eq!(
            (
                page.json["versions"][0]["revision"].as_i64(),
                page.json["next"].as_str()
            ),
            (Some(2), Some("2"))
        );
        let page = practice.expect(200, Call::get(format!("{path}/versions?limit=1&cursor=2")));
        assert_eq!(page.json["versions"], json!([versions[1]]));
    }
    // What it said before is something else than what it said last.
    assert_eq!(practice.import(&[claim(1, 100)]), ["updated"]);

    // The same id from elsewhere: what is here stays, unless it says the same.
    let mut elsewhere = claim(2, 201);
    elsewhere["source"]["system"] = json!("https://elsewhere.example/fhir");
    assert_eq!(practice.import(std::slice::from_ref(&elsewhere)), ["kept"]);
    elsewhere["content"] = claim(2, 200)["content"].clone();
    assert_eq!(practice.import(&[elsewhere]), ["unchanged"]);
    let kept = practice.expect(200, Call::get(practice.path_of(&claim(2, 0))));
    assert_eq!(
        (&kept.json["content"], &kept.json["source"]),
        (&claim(2, 200)["content"], &claim(2, 0)["source"])
    );

    let listed = practice.expect(200, Call::get(practice.path_to("claim")));
    let ids: Vec<_> = listed.json["claims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| claim["id"].clone())
        .collect();
    assert_eq!(ids, [claim_id(3), claim_id(2), claim_id(1)]);
    let page = practice.expect(200, Call::get(format!("{}?limit=2", practice.path_to("claim"))));
    let next = page.json["next"].as_str().unwrap();
    let page = practice.expect(
        200,
        Call::get(format!("{}?limit=2&cursor={next}", practice.path_to("claim"))),
    );
    assert_eq!(
        (page.json["claims"][0]["id"].clone(), page.json.get("next")),
        (json!(claim_id(1)), None)
    );
}

/// The user asks, for her own reasons and with her own rights, and the trail says through whom.
#[test]
fn every_part_is_decided_and_recorded_as_the_users() {
    let practice = Practice::new();
    practice.import(&[claim(1, 100)]);
    let before = practice.trail().len();
    let imported = practice.send(&practice.importing(&[claim(1, 110), explanation(1, 90)]));
    let checked =
        practice.send(&practice.exchange_call(CHECK, &practice.body(&[claim(1, 110)]), &practice.cast.billing.token));
    let exported = practice.send(&practice.exporting(&practice.cast.client));
    assert_eq!(practice.event(&imported).resource, Some(explanation_id(1)));
    let expected = [
        (Action::Amend, Some(claim_id(1))),
        (Action::Create, Some(claim_id(1))),
        (Action::Create, Some(explanation_id(1))),
        (Action::Create, None),
        (Action::Export, None),
    ];
    assert_eq!(practice.event(&checked).action, Action::Create);
    assert_eq!(practice.event(&exported).action, Action::Export);
    let trail = practice.trail();
    assert_eq!(trail.len(), before + expected.len());
    for (action, resource) in expected {
        let events = trail
            .iter()
            .filter(|event| (event.action, &event.resource) == (action, &resource));
        let event = events.max_by_key(|event| event.calling.is_some()).unwrap();
        assert_eq!(event.actor.as_ref().unwrap().account, practice.cast.billing.account);
        assert_eq!(
            (event.calling, event.class, event.rule.as_str(), event.decision),
            (
                Some(Function::Exchange),
                DataClass::Billing,
                "payment.billing",
                Decision::Allowed
            )
        );
        assert!(event.consent.is_some() && event.subject.is_some());
    }
}

#[test]
fn nobody_imports_or_exports_what_she_may_not_write_or_take_along() {
    let practice = Practice::new();
    practice.import(&[claim(1, 100)]);
    let body = practice.body(&[claim(1, 110), claim(2, 1)]);
    let export = json!({"client_id": practice.cast.client});
    let moment = Moment::after(&practice);
    let before = practice.state();
    let all = [(CHECK, &body), (IMPORT, &body), (EXPORT, &export)];
    for (path, body) in all {
        let denied = practice.send(&practice.exchange_call(path, body, &practice.cast.clinician.token));
        assert_refused(&denied, 403, "access-denied");
        assert_eq!(practice.event(&denied).calling, Some(Function::Exchange));
        // She takes along what is hers, and writes none of it.
        let herself = practice.send(&practice.exchange_call(path, body, &practice.cast.herself.token));
        if path == EXPORT {
            assert_eq!(herself.json["parts"].as_array().unwrap().len(), 1, "{}", herself.json);
        } else {
            assert_refused(&herself, 403, "access-denied");
        }
        let nobody = practice.send(&practice.exchange_call(path, body, "none"));
        assert_refused(&nobody, 401, "unauthenticated");
    }
    practice.withdraw();
    for (path, body) in all {
        assert_refused(
            &practice.send(&practice.exchange_call(path, body, &practice.cast.billing.token)),
            403,
            "no-consent",
        );
    }
    assert!(practice.state() == before);

    // Another clinic's staff knows no such client.
    let practice = moment.resume(1);
    let elsewhere = log_in(
        &practice.world,
        &[Role::Billing],
        practice.world.entropy.id(),
        practice.world.entropy.id(),
        None,
    );
    for (path, body) in all {
        assert_eq!(
            practice.send(&practice.exchange_call(path, body, &elsewhere)).status,
            403
        );
    }
    assert!(practice.state() == before);
}

#[test]
fn only_exchange_finds_the_private_routes() {
    let practice = Practice::new();
    let body = practice.body(&[claim(1, 100)]);
    let before = practice.state();
    for path in [CHECK, IMPORT, EXPORT] {
        let genuine = practice.exchange_call(path, &body, &practice.cast.billing.token);
        for call in [
            Call::post(path, &body),
            Call::post(path, &body).bearer(&practice.cast.billing.token),
            Call::get(path).bearer(&practice.cast.billing.token),
            // Another body, another path or another person than it was made for.
            genuine.clone().body(practice.body(&[claim(1, 101)]).to_string()),
            practice
                .world
                .private_call(Function::Exchange, Function::Billing, path, &body)
                .bearer(&practice.cast.billing.token),
        ] {
            assert_refused(&practice.send(&call), 404, "no-such-route");
        }
    }
    assert!(practice.state() == before);
}

#[test]
fn parts_that_break_a_rule_are_refused_before_anything_is_written() {
    let practice = Practice::new();
    let with = |pointer: &str, value: Value| {
        let mut part = explanation(1, 1);
        let (above, name) = pointer.rsplit_once('/').unwrap();
        part.pointer_mut(above).unwrap()[name] = value;
        part
    };
    let broken = [
        (with("/content/outcome", json!("SECRET")), "/content/outcome", "type"),
        (
            with("/content/diagnosis", json!("SECRET")),
            "/content/diagnosis",
            "unknown-field",
        ),
        (with("/content/insurer", json!("")), "/content/insurer", "length"),
        (
            with("/content/payment/amount/exact", json!("1")),
            "/content/payment/amount/exact",
            "exact",
        ),
        (with("/id", json!(claim_id(9))), "/id", "id"),
        (with("/id", json!("SECRET")), "/id", "type"),
        (with("/source/id", json!("x".repeat(501))), "/source/id", "length"),
        (with("/source/system", json!("")), "/source/system", "length"),
        (with("/source/url", json!("SECRET")), "/source/url", "unknown-field"),
        (with("/kind", json!("diagnosis")), "/kind", "type"),
        (with("/mood", json!("SECRET")), "/mood", "unknown-field"),
        // A link to a health record.
        (
            with("/encounter", json!("rec_00000000000000000000000000")),
            "/encounter",
            "encounter",
        ),
        (with("/content/insurer", json!(PAN)), "/content/insurer", "payment-card"),
        (with("/source/id", json!(PAN)), "/source/id", "payment-card"),
        (claim(1, 2), "/id", "unique"),
        (json!("SECRET"), "", "type"),
    ];
    let before = practice.state();
    let mut parts = vec![claim(1, 100)];
    parts.extend(broken.iter().map(|(part, ..)| part.clone()));
    let checked = practice.send(&practice.exchange_call(CHECK, &practice.body(&parts), &practice.cast.billing.token));
    assert_eq!(checked.status, 200, "{}", checked.json);
    for value in ["SECRET", PAN] {
        assert!(!checked.json.to_string().contains(value));
    }
    let refused = checked.json["refused"].as_array().unwrap();
    assert_eq!(refused.len(), broken.len());
    for (number, ((_, pointer, rule), refused)) in broken.iter().zip(refused).enumerate() {
        assert_eq!(refused["part"], json!(number + 1));
        assert_eq!(refused["errors"].as_array().unwrap().len(), 1);
        let error = &refused["errors"][0];
        assert_eq!(
            (error["field"].as_str(), error["rule"].as_str()),
            (Some(*pointer), Some(*rule))
        );
        assert!(error["detail"].is_string());
    }
    let imported = practice.send(&practice.importing(&parts));
    assert_refused(&imported, 422, "invalid-content");
    let errors: Vec<_> = imported.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = (1..)
        .zip(&broken)
        .map(|(number, (_, pointer, _))| format!("/parts/{number}{pointer}"))
        .collect();
    assert_eq!(errors, expected);

    let good = practice.send(&practice.exchange_call(
        CHECK,
        &practice.body(&[claim(1, 1), explanation(1, 1)]),
        &practice.cast.billing.token,
    ));
    assert_eq!((good.status, good.json), (200, json!({"refused": []})));

    assert!(practice.state() == before);
}

/// What is wrong with the call and not with one of its parts.
#[test]
fn what_is_no_import_or_export_is_malformed() {
    let practice = Practice::new();
    practice.import(&[claim(1, 100)]);
    let (before, decided) = (practice.state(), practice.trail().len());
    let client = &practice.cast.client;
    let mut extended = practice.body(&[claim(1, 1)]);
    extended["mode"] = json!("SECRET");
    for (body, field, rule) in [
        (practice.body(&[]), "/parts", "count"),
        (practice.body(&vec![claim(1, 1); 101]), "/parts", "count"),
        (json!({"client_id": client, "parts": claim(1, 1)}), "/parts", "type"),
        (
            json!({"client_id": "SECRET", "parts": [claim(1, 1)]}),
            "/client_id",
            "type",
        ),
        (json!({"parts": [claim(1, 1)]}), "", "type"),
        (extended, "/mode", "unknown-field"),
    ] {
        for path in [CHECK, IMPORT] {
            let answer = practice.send(&practice.exchange_call(path, &body, &practice.cast.billing.token));
            assert_malformed(&answer, field, rule);
        }
    }
    for (member, value, rule) in [
        ("cursor", json!("claims"), "cursor"),
        ("cursor", json!("claim/x"), "cursor"),
        ("cursor", json!("SECRET"), "cursor"),
        ("cursor", json!(1), "type"),
        ("kinds", json!("claim"), "type"),
        ("state", json!("SECRET"), "unknown-field"),
    ] {
        let body = json!({"client_id": client, member: value});
        let answer = practice.send(&practice.exchange_call(EXPORT, &body, &practice.cast.billing.token));
        assert_malformed(&answer, &format!("/{member}"), rule);
    }
    assert!(practice.state() == before);
    assert_eq!(practice.trail().len(), decided);
}

#[track_caller]
fn assert_malformed(answer: &Answer, field: &str, rule: &str) {
    assert_refused(answer, 400, "malformed-request");
    let error = &answer.json["errors"][0];
    assert_eq!((&error["field"], &error["rule"]), (&json!(field), &json!(rule)));
    assert!(!answer.json.to_string().contains("SECRET"));
}

/// Wherever in a part it stands, so that an import that takes what it can takes the others.
#[test]
fn a_card_number_is_the_refusal_of_the_part_that_holds_it() {
    let practice = Practice::new();
    let mut holding = [claim(2, 200), explanation(2, 180), claim(3, 300)];
    holding[0]["content"]["provider"] = json!(format!("SECRET Practice, card {PAN}"));
    holding[1]["content"]["cvv"] = json!("123");
    holding[2]["source"]["id"] = json!(PAN);
    let [provider, cvv, source] = holding;
    let good = [claim(1, 100), explanation(1, 90)];
    let parts = [provider, good[0].clone(), cvv, source, good[1].clone()];
    let before = practice.state();
    let checked = practice.send(&practice.exchange_call(CHECK, &practice.body(&parts), &practice.cast.billing.token));
    assert_eq!(checked.status, 200, "{}", checked.json);
    let refused: Vec<_> = checked.json["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| {
            let error = &refused["errors"][0];
            assert_eq!(error["rule"], "payment-card");
            assert!(error["detail"].is_string());
            (refused["part"].as_u64().unwrap(), error["field"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        refused,
        [(0, "/content/provider"), (2, "/content/cvv"), (3, "/source/id")]
    );
    assert!(!checked.json.to_string().contains(PAN));

    // Handed over all the same, none of them is written.
    let imported = practice.send(&practice.importing(&parts));
    assert_refused(&imported, 422, "invalid-content");
    let fields: Vec<_> = imported.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "/parts/0/content/provider",
            "/parts/2/content/cvv",
            "/parts/3/source/id"
        ]
    );
    assert!(practice.state() == before);
    assert_eq!(practice.import(&good), ["created"; 2]);
}

#[test]
fn pages_of_an_export_have_everything_once_as_it_is_now() {
    let practice = Practice::new();
    assert_eq!(practice.export(), [Vec::<Value>::new()]);
    let claims: Vec<Value> = (0..130).map(|number| claim(number, i64::from(number))).collect();
    let explanations: Vec<Value> = (0..75).map(|number| explanation(number, 1)).collect();
    for parts in [&claims[..100], &claims[100..], &explanations] {
        practice.import(parts);
    }
    practice.import(&[claim(7, 7_000)]);
    let pages = practice.export();
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 5]);
    let exported: Vec<Value> = pages.into_iter().flatten().collect();
    let newest_first = claims.iter().rev().chain(explanations.iter().rev());
    for (part, exported) in newest_first.zip(&exported) {
        let now = if part["id"] == claim_id(7) {
            claim(7, 7_000)
        } else {
            part.clone()
        };
        assert_eq!(
            *exported,
            json!({"id": now["id"], "kind": now["kind"], "content": now["content"]})
        );
    }
    // Exactly one page of claims: the next one begins with the explanations.
    let practice = Practice::new();
    practice.import(&claims[..100]);
    practice.import(&[explanation(1, 1)]);
    assert_eq!(practice.export().iter().map(Vec::len).collect::<Vec<_>>(), [100, 1]);
    // Somebody of whom nothing is kept.
    let stranger = practice.open("stranger");
    practice.agree(&stranger, "hers");
    assert_eq!(practice.send(&practice.exporting(&stranger)).json, json!({"parts": []}));
}

#[test]
fn an_export_has_the_kinds_that_are_asked_for() {
    let practice = Practice::new();
    let claims: Vec<Value> = (0..130).map(|number| claim(number, 1)).collect();
    let explanations: Vec<Value> = (0..3).map(|number| explanation(number, 1)).collect();
    for parts in [&claims[..100], &claims[100..], &explanations] {
        practice.import(parts);
    }
    let (claim, explanation) = ("claim", "explanation_of_benefit");
    for (kinds, pages, found) in [
        (json!(null), vec![100, 33], vec![claim, explanation]),
        (json!([explanation, claim]), vec![100, 33], vec![claim, explanation]),
        (json!([claim]), vec![100, 30], vec![claim]),
        (json!([explanation, "diagnosis"]), vec![3], vec![explanation]),
        (json!([]), vec![0], vec![]),
        (json!(["diagnosis", "client", "Claim"]), vec![0], vec![]),
    ] {
        let exported = practice.export_of(&kinds);
        assert_eq!(exported.iter().map(Vec::len).collect::<Vec<_>>(), pages, "{kinds}");
        let mut of: Vec<_> = exported
            .iter()
            .flatten()
            .map(|part| part["kind"].as_str().unwrap())
            .collect();
        of.dedup();
        assert_eq!(of, found, "{kinds}");
    }
    // A page goes on from where it is told to, and with what is wanted then.
    let body = json!({"client_id": practice.cast.client, "cursor": "claim/1", "kinds": [explanation]});
    let page = practice.send(&practice.exchange_call(EXPORT, &body, &practice.cast.billing.token));
    assert_eq!(page.json["parts"].as_array().unwrap().len(), 3, "{}", page.json);
    // It is an export and recorded as one, whatever is wanted.
    assert_eq!(practice.event(&page).action, Action::Export);
}

#[test]
fn pages_of_an_export_are_bounded_in_bytes() {
    let practice = Practice::new();
    let service = json!({"coding": vec![json!({"system": "urn:x", "code": "1", "display": "x".repeat(500)}); 10]});
    let items: Vec<Value> = (1..=45)
        .map(|sequence| json!({"sequence": sequence, "service": service}))
        .collect();
    for number in 1..=5 {
        let mut large = claim(number, 1);
        large["content"]["items"] = json!(items);
        assert!(large.to_string().len() > 240_000);
        assert_eq!(practice.import(&[large]), ["created"]);
    }
    assert_eq!(practice.export().iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
}

/// What `fhir` makes of four patients that Synthea made comes in as it is, through everything that looks at a body, and out again.
#[test]
fn bundles_come_in_and_go_out() {
    let settings = fhir::Settings {
        calling_code: None,
        language: "en".to_owned(),
    };
    for (_, bundle) in testkit::PATIENTS {
        let practice = Practice::new();
        let bundle = fhir::Bundle::parse(bundle.as_bytes()).unwrap();
        let key = crypto::Secret::from_bytes([7; 32]);
        let id = |source: &fhir::Source, kind: fhir::Kind| {
            let parts = [source.system.as_bytes(), source.id.as_bytes()];
            let bytes = crypto::mac(&key, crypto::Label::new("confide 2026-11 test id"), &parts).truncated();
            match kind {
                fhir::Kind::Claim => ClaimId::from_bytes(bytes).to_string(),
                _ => ExplanationOfBenefitId::from_bytes(bytes).to_string(),
            }
        };
        let import = fhir::Import::of(
            &bundle,
            &settings,
            fhir::Handling::Lenient,
            &std::collections::BTreeMap::new(),
            &id,
        )
        .unwrap();
        let is_ours = |part: &&fhir::Part| matches!(part.kind, fhir::Kind::Claim | fhir::Kind::ExplanationOfBenefit);
        let parts: Vec<Value> = import
            .parts
            .iter()
            .filter(is_ours)
            .map(|part| serde_json::to_value(part).unwrap())
            .collect();
        assert!(!parts.is_empty());
        let checked =
            practice.send(&practice.exchange_call(CHECK, &practice.body(&parts), &practice.cast.billing.token));
        assert_eq!((checked.status, checked.json), (200, json!({"refused": []})));
        assert_eq!(practice.import(&parts), vec!["created"; parts.len()]);
        assert_eq!(practice.import(&parts), vec!["unchanged"; parts.len()]);
        let by_id = |parts: Vec<Value>| -> BTreeMap<String, (Value, Value)> {
            let entry = |part: Value| {
                (
                    part["id"].as_str().unwrap().to_owned(),
                    (part["kind"].clone(), part["content"].clone()),
                )
            };
            parts.into_iter().map(entry).collect()
        };
        assert_eq!(by_id(practice.export().concat()), by_id(parts));
    }
}

#[test]
fn the_stores_tell_nothing_of_insurers() {
    let practice = Practice::new();
    practice.import(&[claim(1, 100), explanation(1, 90)]);
    practice.import(&[claim(1, 110)]);
    for (store, key, value) in practice.world.stores.dump() {
        let text = format!("{key} {}", String::from_utf8_lossy(&value));
        for plain in ["SECRET", "clm_", "eob_", "USD", "imported again"] {
            assert!(!text.contains(plain), "{plain} in {store} {key}");
        }
    }
    assert_eq!(practice.world.log(), Vec::<String>::new());
}
