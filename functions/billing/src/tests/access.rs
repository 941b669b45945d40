//! Who may, and what the trail says of it.

use super::*;
use audit_trail::Decision;
use model::{Action, DataClass, Purpose};

/// A claim and what became of it.
fn imported() -> [Value; 2] {
    [insurance::claim(1, 100), insurance::explanation(1, 90)]
}

/// Every route that a person asks, with a body that would do.
fn requests(practice: &Practice, invoice: &str) -> Vec<(Call, &'static str)> {
    let statement = format!(
        "/v1/billing/clients/{}/statement?from=2026-12-01&to=2026-12-31",
        practice.cast.client
    );
    let payment = "pmt_00000000000000000000000000";
    let [claim, explanation] = imported();
    vec![
        (practice.invoicing("another", 100), "create"),
        (Call::get(practice.path()), "list"),
        (Call::get(invoice), "read"),
        (
            Call::put(invoice, &json!({"reason": "A slip", "invoice": content(90)})).header("if-match", "\"v1\""),
            "amend",
        ),
        (Call::get(format!("{invoice}/versions")), "read"),
        (
            Call::post(format!("{invoice}/void"), &json!({"reason": "A slip"})).header("if-match", "\"v1\""),
            "amend",
        ),
        (
            Call::post(format!("{invoice}/payments"), &json!({"method": "cash", "amount": 1})).once("pay"),
            "create",
        ),
        (
            Call::post(
                format!("{invoice}/payments/{payment}/refunds"),
                &json!({"amount": 1, "reason": "A slip"}),
            )
            .once("back"),
            "create",
        ),
        (practice.tying(invoice, Gateway::Razorpay, ORDER), "amend"),
        (Call::get(statement), "read"),
        (Call::get(practice.path_to("claim")), "list"),
        (Call::get(practice.path_of(&claim)), "read"),
        (Call::get(format!("{}/versions", practice.path_of(&claim))), "read"),
        (Call::get(practice.path_to("explanation_of_benefit")), "list"),
        (Call::get(practice.path_of(&explanation)), "read"),
        (
            Call::get(format!("{}/versions", practice.path_of(&explanation))),
            "read",
        ),
    ]
}

#[test]
fn only_billing_writes_and_she_herself_reads() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.import(&imported());
    let moment = Moment::after(&practice);
    let stranger = practice.log_in_as(&practice.open("stranger"));
    for select in 0..requests(&practice, &invoice).len() {
        let practice = moment.resume(1);
        let (call, action) = requests(&practice, &invoice).swap_remove(select);
        let before = practice.state();
        for token in [&practice.cast.clinician.token, &practice.cast.admin.token] {
            let answer = practice.send(&call.clone().bearer(token));
            assert_refused(&answer, 403, "access-denied");
            let event = practice.event(&answer);
            assert_eq!((event.decision, event.class), (Decision::Denied, DataClass::Billing));
        }
        let herself = practice.send(&call.clone().bearer(&practice.cast.herself.token));
        if matches!(action, "read" | "list") {
            assert_eq!(herself.status, 200, "{}", herself.json);
            assert_eq!(practice.event(&herself).rule, "self.billing");
        } else {
            assert_refused(&herself, 403, "access-denied");
        }
        assert!(practice.state() == before);
        assert_eq!(practice.send(&call).status, 401);

        let answer = practice.as_billing(call);
        assert!(matches!(answer.status, 200 | 201 | 404), "{}", answer.json);
        let event = practice.event(&answer);
        assert_eq!(
            (event.rule.as_str(), event.action.name(), event.purpose),
            ("payment.billing", action, Purpose::Payment)
        );
        assert!(event.consent.is_some() && event.subject.is_some() && event.gateway.is_none());
    }
    // Another client, at her paths: refused in the words for what is not hers.
    let answer = practice.send(&Call::get(&invoice).bearer(&stranger));
    assert_refused(&answer, 403, "access-denied");
}

#[test]
fn staff_bills_while_she_agrees_and_she_reads_always() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.withdraw();
    let before = practice.state();
    for (call, _) in requests(&practice, &invoice) {
        assert_refused(&practice.as_billing(call), 403, "no-consent");
    }
    assert!(practice.state() == before);
    let herself = practice.send(&Call::get(&invoice).bearer(&practice.cast.herself.token));
    assert_eq!(herself.status, 200);
}

#[test]
fn dead_letters_are_for_billing_alone() {
    let practice = Practice::new();
    practice.deliver(&practice.razorpay("evt_1", &captured("pay_1", ORDER, 100)));
    let listed = practice.expect(200, Call::get("/v1/billing/webhook-events"));
    let event = practice.event(&listed);
    assert_eq!(
        (event.rule.as_str(), event.action),
        ("payment.clinic-book", Action::Search)
    );
    let id = listed.json["events"][0]["id"].as_str().unwrap().to_owned();
    let replay = format!("/v1/billing/webhook-events/{id}/replay");
    let dismiss = Call::post(
        format!("/v1/billing/webhook-events/{id}/dismiss"),
        &json!({"reason": "A test"}),
    );
    let before = practice.state();
    for token in [
        &practice.cast.clinician.token,
        &practice.cast.admin.token,
        &practice.cast.herself.token,
    ] {
        for call in [
            Call::get("/v1/billing/webhook-events"),
            Call::post(&replay, &json!({})),
            dismiss.clone(),
        ] {
            assert_refused(&practice.send(&call.bearer(token)), 403, "access-denied");
        }
    }
    // Another clinic has a book of its own.
    let elsewhere = log_in(
        &practice.world,
        &[Role::Billing],
        practice.world.entropy.id(),
        practice.world.entropy.id(),
        None,
    );
    assert!(practice.state() == before);
    let theirs = practice.send(&Call::get("/v1/billing/webhook-events").bearer(&elsewhere));
    assert_eq!(theirs.json, json!({"events": []}));
    for call in [Call::post(&replay, &json!({})), dismiss] {
        assert_refused(&practice.send(&call.bearer(&elsewhere)), 404, "not-found");
    }
    assert!(practice.state() == before);
}

/// Nothing of what is billed can be read from the stores, and nothing of it is printed.
#[test]
fn the_stores_tell_nothing() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    practice.deliver(&practice.razorpay("evt_SECRET", &captured("pay_1", ORDER, 100)));
    let id = invoice.rsplit('/').next().unwrap();
    for (store, key, value) in practice.world.stores.dump() {
        let text = format!("{key} {}", String::from_utf8_lossy(&value));
        for plain in ["SECRET", ORDER, "pay_1", id, "INR", "Session"] {
            assert!(!text.contains(plain), "{plain} in {store} {key}");
        }
    }
    assert_eq!(practice.world.log(), Vec::<String>::new());
}
