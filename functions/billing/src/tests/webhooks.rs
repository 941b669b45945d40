//! What gateways deliver: believed when signed, applied once, in whatever order.

use std::rc::Rc;

use super::*;
use audit_trail::Decision;
use proptest::prelude::*;

#[test]
fn a_payment_settles_its_invoice() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 10_000);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    practice.wait(SignedDuration::from_mins(1));
    for (event, standing) in [
        (
            payment("payment.failed", "pay_0", ORDER, "failed", 10_000),
            ("open", 0, 0),
        ),
        (
            payment("payment.authorized", "pay_1", ORDER, "authorized", 10_000),
            ("open", 0, 0),
        ),
        (captured("pay_1", ORDER, 10_000), ("paid", 10_000, 0)),
        (
            payment("order.paid", "pay_1", ORDER, "captured", 10_000),
            ("paid", 10_000, 0),
        ),
        // Late, and without effect.
        (
            payment("payment.authorized", "pay_1", ORDER, "authorized", 9_999),
            ("paid", 10_000, 0),
        ),
        (
            refund("refund.created", "rfnd_1", "pay_1", ORDER, "pending", 4_000, 10_000),
            ("paid", 10_000, 0),
        ),
        (
            refunded("rfnd_1", "pay_1", ORDER, 4_000, 10_000),
            ("partly_paid", 10_000, 4_000),
        ),
        (
            refund("refund.failed", "rfnd_2", "pay_1", ORDER, "failed", 100, 10_000),
            ("partly_paid", 10_000, 4_000),
        ),
    ] {
        practice.deliver(&practice.razorpay("evt", &event));
        let (state, received, refunded) = practice.standing(&invoice);
        assert_eq!((state.as_str(), received, refunded), standing, "{event}");
    }
    assert_eq!(practice.dead(), []);
    let read = practice.expect(200, Call::get(&invoice));
    assert_eq!(
        read.json["gateway_orders"],
        json!([{"gateway": "razorpay", "reference": ORDER}])
    );
    let payments = read.json["gateway_payments"].as_array().unwrap();
    assert_eq!(payments.len(), 2);
    assert_eq!(
        (&payments[1]["id"], &payments[1]["received"]),
        (&json!("pay_1"), &json!(10_000))
    );
    assert!(!read.json["gateway_payments"].to_string().contains("SECRET"));
}

#[test]
fn stripe_settles_too_by_order_or_by_session() {
    let session = "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4W";
    let completed = |id: &str| {
        stripe_event(
            id,
            "checkout.session.completed",
            json!({"id": session, "payment_intent": INTENT, "payment_status": "paid", "amount_total": 5_000, "currency": "inr"}),
        )
    };
    let back = stripe_event(
        "evt_back",
        "refund.created",
        json!({"id": "re_1", "payment_intent": INTENT, "amount": 1_000, "status": "succeeded", "currency": "inr"}),
    );
    for (reference, is_tied_first) in [(INTENT, true), (session, true), (INTENT, false), (session, false)] {
        let practice = Practice::new();
        let invoice = practice.invoice("invoice", 5_000);
        if is_tied_first {
            practice.tie(&invoice, Gateway::Stripe, reference);
        }
        for event in [
            stripe_event("evt_1", "payment_intent.succeeded", intent(5_000)),
            completed("evt_2"),
            back.clone(),
        ] {
            practice.deliver(&practice.stripe(&event));
        }
        if !is_tied_first {
            assert_eq!(practice.dead().len(), 3);
            practice.tie(&invoice, Gateway::Stripe, reference);
        }
        assert_eq!(
            practice.standing(&invoice),
            ("partly_paid".to_owned(), 5_000, 1_000),
            "{reference} {is_tied_first}"
        );
        assert_eq!(practice.dead(), [], "{reference} {is_tied_first}");
    }
}

/// What a bank takes back for her is not paid, whatever was told first; and paid again where the dispute is won.
#[test]
fn a_lost_dispute_opens_its_invoice() {
    let lost = |status: &str, deducted: i64| {
        let mut event = captured("pay_1", ORDER, 100);
        event["event"] = format!("payment.dispute.{status}").into();
        event["payload"]["dispute"] = json!({"entity": {"id": "disp_1", "payment_id": "pay_1", "amount": 100,
            "amount_deducted": deducted, "currency": "INR", "status": status}});
        event
    };
    let practice = Practice::new();
    let invoice = practice.invoice("razorpay", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    for _ in 0..2 {
        practice.deliver(&practice.razorpay("evt", &lost("lost", 100)));
        practice.deliver(&practice.razorpay("evt", &captured("pay_1", ORDER, 100)));
        assert_eq!(practice.standing(&invoice), ("open".to_owned(), 100, 100));
    }
    let read = practice.expect(200, Call::get(&invoice));
    assert_eq!(
        read.json["gateway_payments"][0]["disputes"],
        json!({"disp_1": {"progress": "processed", "amount": 100, "processed_at": "2026-12-01T08:00:00Z"}})
    );
    practice.deliver(&practice.razorpay("evt", &lost("won", 0)));
    assert_eq!(practice.standing(&invoice), ("paid".to_owned(), 100, 0));

    let dispute = |id: &str, kind: &str, status: &str| {
        let object = json!({"id": "du_1", "payment_intent": INTENT, "amount": 60, "currency": "inr", "status": status});
        stripe_event(id, &format!("charge.dispute.{kind}"), object)
    };
    let invoice = practice.invoice("stripe", 100);
    // Before anybody knows whose it is.
    practice.deliver(&practice.stripe(&dispute("evt_1", "closed", "lost")));
    assert_eq!(
        practice.dead(),
        [("charge.dispute.closed".to_owned(), "unknown_order".to_owned())]
    );
    practice.tie(&invoice, Gateway::Stripe, INTENT);
    practice.deliver(&practice.stripe(&stripe_event("evt_2", "payment_intent.succeeded", intent(100))));
    practice.deliver(&practice.stripe(&dispute("evt_3", "funds_withdrawn", "needs_response")));
    assert_eq!(practice.standing(&invoice), ("partly_paid".to_owned(), 100, 60));
    practice.deliver(&practice.stripe(&dispute("evt_4", "funds_reinstated", "won")));
    assert_eq!(practice.standing(&invoice), ("paid".to_owned(), 100, 0));
    assert_eq!(practice.dead(), []);
}

#[test]
fn an_order_belongs_to_one_invoice() {
    let practice = Practice::new();
    let (one, other) = (practice.invoice("one", 100), practice.invoice("other", 100));
    practice.tie(&one, Gateway::Razorpay, ORDER);
    let tied = practice.state();
    practice.tie(&one, Gateway::Razorpay, ORDER);
    assert!(practice.state() == tied, "the same request again");
    assert_refused(
        &practice.as_billing(practice.tying(&other, Gateway::Razorpay, ORDER)),
        409,
        "order-tied",
    );
    // A session whose order belongs to another invoice.
    practice.tie(&one, Gateway::Stripe, INTENT);
    let session = "cs_test_abc";
    let completed = json!({"id": session, "payment_intent": INTENT, "payment_status": "unpaid", "currency": "inr"});
    practice.deliver(&practice.stripe(&stripe_event("evt_1", "checkout.session.completed", completed)));
    assert_refused(
        &practice.as_billing(practice.tying(&other, Gateway::Stripe, session)),
        409,
        "order-tied",
    );
    for n in 0..18 {
        practice.tie(&one, Gateway::Razorpay, &format!("order_{n}"));
    }
    assert_refused(
        &practice.as_billing(practice.tying(&one, Gateway::Razorpay, "order_more")),
        409,
        "too-many",
    );
    practice.tie(&one, Gateway::Razorpay, ORDER);
}

#[test]
fn nobody_else_is_believed() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    let stranger: ClinicId = practice.world.entropy.id();
    let before = practice.world.stores.dump();
    let event = captured("pay_1", ORDER, 100).to_string();
    let second = practice.world.clock.now().as_second();
    let signed = code(SECRET, &event);
    let timed = |at: i64, secret: &str| format!("t={at},v1={}", code(secret, &format!("{at}.{event}")));
    let razorpay = practice.webhook(Gateway::Razorpay);
    let stripe = practice.webhook(Gateway::Stripe);
    let elsewhere = format!("/v1/billing/webhooks/razorpay/{stranger}");
    for (target, header, signature) in [
        (
            &razorpay,
            "x-razorpay-signature",
            code("another-secret-than-that", &event),
        ),
        (
            &razorpay,
            "x-razorpay-signature",
            code(SECRET, &event.replace("100", "101")),
        ),
        (&razorpay, "x-razorpay-signature", String::new()),
        (&razorpay, "x-razorpay-signature", format!("{signed} ")),
        (&razorpay, "stripe-signature", signed.clone()),
        (
            &razorpay,
            "authorization",
            format!("Bearer {}", practice.cast.billing.token),
        ),
        // Signed for this clinic, and sent to another.
        (&elsewhere, "x-razorpay-signature", signed.clone()),
        (&stripe, "x-razorpay-signature", signed.clone()),
        (&stripe, "stripe-signature", signed.clone()),
        (&stripe, "stripe-signature", timed(second, "another-secret-than-that")),
        (&stripe, "stripe-signature", timed(second - 301, SECRET)),
        (&stripe, "stripe-signature", timed(second + 301, SECRET)),
        (&stripe, "stripe-signature", timed(second, SECRET).replace("v1", "v0")),
    ] {
        let call = Call::new(Method::POST, target)
            .header(header, &signature)
            .body(event.clone());
        let answer = practice.send(&call);
        assert_refused(&answer, 401, "invalid-signature");
        assert_eq!(answer.header("audit-id"), None);
        assert!(practice.world.stores.dump() == before, "{target} {header} {signature}");
    }
    // Two signatures, one of them genuine.
    let both = Call::new(Method::POST, &razorpay)
        .header("x-razorpay-signature", &signed)
        .header("x-razorpay-signature", &code("another-secret-than-that", &event))
        .body(event.clone());
    assert_refused(&practice.send(&both), 401, "invalid-signature");
    // Genuine, and no event.
    for body in ["", "[]", "{", r#"{"event": 1}"#] {
        let call = Call::new(Method::POST, &razorpay)
            .header("x-razorpay-signature", &code(SECRET, body))
            .body(body);
        assert_refused(&practice.send(&call), 400, "malformed-request");
    }
    assert!(practice.world.stores.dump() == before);
    for path in [
        "/v1/billing/webhooks/paypal/cln_00000000000000000000000000",
        "/v1/billing/webhooks/stripe/here",
    ] {
        assert_refused(&practice.send(&Call::new(Method::POST, path)), 404, "no-such-route");
    }
    assert_eq!(practice.send(&Call::get(&razorpay)).status, 405);
    // The secret that goes is good until it is gone.
    let older = Call::new(Method::POST, &razorpay)
        .header("content-type", "application/json")
        .header("x-razorpay-signature", &code("an-older-secret-that-goes", &event))
        .body(event.clone());
    practice.deliver(&older);
    assert_eq!(practice.standing(&invoice).1, 100);
}

#[test]
fn without_secrets_nothing_is_believed_and_the_operator_is_told_which() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    let before = practice.world.stores.dump();
    for (setting, why) in [
        ("", "is not set"),
        (" \n", "is not set"),
        ("whsec_a-secret-of-no-clinic", "is not CLINIC:SECRET"),
    ] {
        for gateway in Gateway::ALL {
            let variable = format!("{gateway}_webhook_secrets");
            practice.world.set(Function::Billing, &variable, setting);
            let event = captured("pay_1", ORDER, 100);
            let call = match gateway {
                Gateway::Razorpay => practice.razorpay("evt_1", &event),
                Gateway::Stripe => practice.stripe(&event),
            };
            assert_refused(&practice.send(&call), 503, "gateway-not-configured");
            let line = practice.world.log().pop().unwrap();
            assert!(
                line.contains(&format!("billing_{variable}")) && line.contains(why),
                "{line}"
            );
            assert!(!line.contains("whsec"), "{line}");
        }
    }
    assert!(practice.world.stores.dump() == before);
    assert_eq!(practice.standing(&invoice).1, 0);
}

#[test]
fn an_event_is_applied_once() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    practice.tie(&invoice, Gateway::Stripe, INTENT);
    let events = [
        practice.razorpay("evt_1", &captured("pay_1", ORDER, 40)),
        practice.stripe(&stripe_event("evt_2", "payment_intent.succeeded", intent(30))),
        practice.razorpay("evt_3", &captured("pay_3", "order_unknown", 40)),
        practice.razorpay("evt_4", &json!({"event": "subscription.charged", "created_at": AT})),
    ];
    let firsts: Vec<Answer> = events.iter().map(|call| practice.deliver(call)).collect();
    let before = practice.world.stores.dump();
    for (call, first) in events.iter().zip(&firsts) {
        let again = practice.deliver(call);
        assert_eq!(again.json, first.json);
        assert!(
            practice.world.stores.dump() == before,
            "nothing is written, not even in the trail"
        );
    }
    // The same under an id of another event, as whoever has seen it can send it: still the same.
    practice.deliver(&practice.razorpay("evt_9", &captured("pay_1", ORDER, 40)));
    assert!(practice.world.stores.dump() == before);
    // Another event under an id that was used is another event all the same.
    practice.deliver(&practice.razorpay("evt_1", &captured("pay_4", ORDER, 30)));
    assert_eq!(practice.standing(&invoice), ("paid".to_owned(), 100, 0));
    // What is told again in other words counts no second time.
    practice.deliver(&practice.razorpay("evt_5", &payment("order.paid", "pay_1", ORDER, "captured", 40)));
    practice.deliver(&practice.stripe(&stripe_event("evt_6", "payment_intent.succeeded", intent(30))));
    assert_eq!(practice.standing(&invoice), ("paid".to_owned(), 100, 0));
    // Stripe delivers an event again in another body: its id stands under the signature.
    let mut again = stripe_event("evt_2", "payment_intent.succeeded", intent(30));
    again["pending_webhooks"] = 3.into();
    let before = practice.world.stores.dump();
    practice.deliver(&practice.stripe(&again));
    assert!(practice.world.stores.dump() == before);
}

#[test]
fn what_cannot_be_applied_is_kept_for_somebody_to_look_at() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    let void = practice.invoice("void", 100);
    practice.tie(&void, Gateway::Razorpay, "order_void");
    let reason = json!({"reason": "A slip"});
    practice.expect(
        200,
        Call::post(format!("{void}/void"), &reason).header("if-match", "\"v2\""),
    );
    let mut euros = captured("pay_1", ORDER, 100);
    euros["payload"]["payment"]["entity"]["currency"] = "EUR".into();
    let mut no_order = captured("pay_2", ORDER, 100);
    no_order["payload"]["payment"]["entity"]["order_id"] = Value::Null;
    let mut incomplete = captured("pay_3", ORDER, 100);
    incomplete["payload"]["payment"]["entity"]["amount"] = Value::Null;
    let mut expected = Vec::new();
    for (event, reason) in [
        (captured("pay_4", "order_unknown", 100), "unknown_order"),
        (euros, "currency_differs"),
        (no_order, "no_order"),
        (incomplete, "incomplete"),
        (captured("pay_6", "order_void", 100), "invoice_void"),
    ] {
        practice.deliver(&practice.razorpay("evt", &event));
        expected.insert(0, ("payment.captured".to_owned(), reason.to_owned()));
        assert_eq!(practice.dead(), expected);
    }
    assert_eq!(practice.standing(&invoice), ("open".to_owned(), 0, 0));
    // More came in than is asked for: known, and too much.
    practice.deliver(&practice.razorpay("evt", &captured("pay_5", ORDER, 101)));
    assert_eq!(practice.standing(&invoice), ("overpaid".to_owned(), 101, 0));
    expected.insert(0, ("payment.captured".to_owned(), "amount_differs".to_owned()));
    assert_eq!(practice.dead(), expected);
    practice.deliver(&practice.razorpay("evt", &refunded("rfnd_5", "pay_5", ORDER, 101, 101)));
    // More is given back than came in: known, and counted for no more than came in.
    practice.deliver(&practice.razorpay("evt", &captured("pay_7", ORDER, 60)));
    practice.deliver(&practice.razorpay("evt", &refunded("rfnd_1", "pay_7", ORDER, 61, 60)));
    assert_eq!(practice.standing(&invoice), ("open".to_owned(), 161, 161));
    assert_eq!(
        practice.dead()[0],
        ("refund.processed".to_owned(), "over_refund".to_owned())
    );
    // What tells of no payment is kept by its name, id and time.
    practice.deliver(&practice.razorpay(
        "evt_noted",
        &json!({"event": "payment.dispute.created", "created_at": AT, "payload": {"SECRET": 1}}),
    ));
    let free = json!({"id": "cs_test_free", "payment_intent": null, "payment_status": "no_payment_required", "currency": null});
    practice.deliver(&practice.stripe(&stripe_event("evt_free", "checkout.session.completed", free)));
    let noted = practice.expect(200, Call::get("/v1/billing/webhook-events?state=noted"));
    let noted = noted.json["events"].as_array().unwrap();
    assert_eq!((noted.len(), &noted[0]["gateway_event_id"]), (2, &json!("evt_free")));
    let noted = &noted[1];
    let fields: Vec<&str> = noted.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        (
            noted["type"].as_str(),
            noted["gateway_event_id"].as_str(),
            noted["at"].as_str()
        ),
        (
            Some("payment.dispute.created"),
            Some("evt_noted"),
            Some("2026-12-01T08:00:00Z")
        )
    );
    assert_eq!(fields.len(), 7, "{fields:?}");
    let all = practice
        .expect(200, Call::get("/v1/billing/webhook-events"))
        .json
        .to_string();
    assert!(
        !all.contains("SECRET") && !all.contains("cli_") && !all.contains("ivc_"),
        "{all}"
    );

    // Pages of two.
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = practice.expect(200, Call::get(format!("/v1/billing/webhook-events?limit=2{cursor}")));
        let events = page.json["events"].as_array().unwrap();
        paged.extend(events.iter().map(|event| event["reason"].as_str().unwrap().to_owned()));
        let Some(next) = page.json["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(
        paged,
        practice
            .dead()
            .into_iter()
            .map(|(_, reason)| reason)
            .collect::<Vec<_>>()
    );
}

/// She pays at the gateway for what the order was made for, while the invoice is amended to less: what came in is on her account, is asked for no
/// second time, and somebody is told.
#[test]
fn money_above_the_total_is_on_her_account() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    let amendment = json!({"reason": "A slip", "invoice": content(80)});
    let amend = Call::put(&invoice, &amendment).header("if-match", "\"v2\"");
    practice.begin_chains();
    let moment = Moment::after(&practice);
    let deliver = |practice: &Practice| practice.razorpay("evt_1", &captured("pay_1", ORDER, 100));
    let amend = |practice: &Practice| amend.clone().bearer(&practice.cast.billing.token);
    let verify = |practice: &Practice, one: &Answer, two: &Answer| {
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        let total = practice.expect(200, Call::get(&invoice)).json["total"]
            .as_i64()
            .unwrap();
        let (state, received, _) = practice.standing(&invoice);
        let cash = json!({"method": "cash", "amount": 1});
        let cash = Call::post(format!("{invoice}/payments"), &cash).once("cash");
        assert_refused(&practice.as_billing(cash), 409, "amount-exceeds");
        if total == 80 {
            assert_eq!((statuses, state.as_str(), received), ([200, 200], "overpaid", 100));
            assert_eq!(
                practice.dead(),
                [("payment.captured".to_owned(), "amount_differs".to_owned())]
            );
        } else {
            assert!(statuses[0] == 200 && [409, 412].contains(&statuses[1]), "{statuses:?}");
            assert_eq!((state.as_str(), received), ("paid", 100));
            assert_eq!(practice.dead(), []);
        }
    };
    at_every_interleaving(&moment, deliver, amend, verify);
    at_every_interleaving(&moment, amend, deliver, verify);
}

/// What comes to an invoice that is void is her credit until the gateway gives it back.
#[test]
fn money_that_reaches_a_void_invoice_is_on_her_account() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    let reason = json!({"reason": "A slip"});
    practice.expect(
        200,
        Call::post(format!("{invoice}/void"), &reason).header("if-match", "\"v2\""),
    );
    let statement = format!(
        "/v1/billing/clients/{}/statement?from=2026-01-01&to=2027-12-31",
        practice.cast.client
    );
    let balance = || {
        let account = practice.expect(200, Call::get(&statement)).json["accounts"][0].clone();
        account["closing_balance"].as_i64().unwrap()
    };
    let void = || vec![("payment.captured".to_owned(), "invoice_void".to_owned())];
    assert_eq!(balance(), 0);
    practice.deliver(&practice.razorpay("evt_1", &captured("pay_1", ORDER, 100)));
    assert_eq!(practice.standing(&invoice), ("void".to_owned(), 100, 0));
    assert_eq!((balance(), practice.dead()), (-100, void()));
    let listed = practice.expect(200, Call::get("/v1/billing/webhook-events"));
    let event = listed.json["events"][0]["id"].as_str().unwrap().to_owned();
    let replay = || {
        let replay = Call::post(format!("/v1/billing/webhook-events/{event}/replay"), &json!({}));
        practice.expect(200, replay).text("state")
    };
    assert_eq!(replay(), "dead");
    practice.deliver(&practice.razorpay("evt_2", &refunded("rfnd_1", "pay_1", ORDER, 100, 100)));
    assert_eq!(practice.standing(&invoice), ("void".to_owned(), 100, 100));
    assert_eq!((balance(), practice.dead()), (0, void()));
    assert_eq!(replay(), "applied");
    assert_eq!(practice.dead(), []);
    // The bank returns it after all.
    practice.deliver(&practice.razorpay(
        "evt_3",
        &refund("refund.failed", "rfnd_1", "pay_1", ORDER, "failed", 100, 100),
    ));
    assert_eq!(practice.standing(&invoice), ("void".to_owned(), 100, 0));
    assert_eq!(balance(), -100);
    assert_eq!(
        practice.dead(),
        [("refund.failed".to_owned(), "invoice_void".to_owned())]
    );
}

#[test]
fn an_event_that_came_too_early_is_applied_when_its_order_is_tied() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    for event in [
        refunded("rfnd_1", "pay_1", ORDER, 10, 100),
        captured("pay_1", ORDER, 100),
        captured("pay_2", ORDER, 500),
        refunded("rfnd_2", "pay_2", ORDER, 300, 500),
    ] {
        practice.deliver(&practice.razorpay("evt", &event));
    }
    assert_eq!(practice.dead().len(), 4);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    assert_eq!(practice.standing(&invoice), ("overpaid".to_owned(), 600, 310));
    let too_much = |kind: &str| (kind.to_owned(), "amount_differs".to_owned());
    assert_eq!(
        practice.dead(),
        [too_much("refund.processed"), too_much("payment.captured")]
    );
}

#[test]
fn a_dead_event_is_replayed_once_what_hindered_it_is_gone() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    practice.deliver(&practice.razorpay("evt", &captured("pay_1", ORDER, 120)));
    let listed = practice.expect(200, Call::get("/v1/billing/webhook-events"));
    let event = &listed.json["events"][0];
    assert_eq!(
        event["tells"],
        json!({"order": ORDER, "payment": "pay_1", "currency": "INR",
            "facts": {"progress": "captured", "captured": 120, "captured_at": "2026-12-01T08:00:00Z"}})
    );
    let replay = Call::post(
        format!("/v1/billing/webhook-events/{}/replay", event["id"].as_str().unwrap()),
        &json!({}),
    );
    let again = practice.expect(200, replay.clone());
    assert_eq!(
        (again.text("state").as_str(), again.text("reason").as_str()),
        ("dead", "amount_differs")
    );
    practice.deliver(&practice.razorpay("evt", &refunded("rfnd_1", "pay_1", ORDER, 20, 120)));
    practice.withdraw();
    assert_refused(&practice.as_billing(replay.clone()), 403, "no-consent");
    practice.agree(&practice.cast.client, "again");
    let applied = practice.expect(200, replay.clone());
    assert_eq!(applied.text("state"), "applied");
    assert_eq!(applied.json.get("tells"), None);
    assert_eq!(practice.event(&applied).rule, "payment.clinic-book");
    assert_eq!(practice.standing(&invoice), ("paid".to_owned(), 120, 20));
    assert_eq!(practice.expect(200, replay).text("state"), "applied");
    assert_eq!(practice.dead(), []);
}

/// What was told since, or applied, stands in no way of what is dead.
#[test]
fn a_dead_letter_does_not_sink() {
    let practice = Practice::new();
    practice.deliver(&practice.razorpay("evt_dead", &captured("pay_1", "order_unknown", 100)));
    for n in 0..510 {
        let other = json!({"event": "settlement.processed", "created_at": AT + n});
        practice.deliver(&practice.razorpay("evt", &other));
    }
    let listed = practice.expect(200, Call::get("/v1/billing/webhook-events?limit=1"));
    assert_eq!(listed.json["events"][0]["gateway_event_id"], "evt_dead");
    assert_eq!(listed.json.get("next"), None);
}

#[test]
fn a_dead_letter_is_dismissed_and_can_still_be_replayed() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    for event in [captured("pay_1", ORDER, 120), captured("pay_2", "order_other", 50)] {
        practice.deliver(&practice.razorpay("evt", &event));
    }
    let listed = |state: &str| {
        let listed = practice.expect(200, Call::get(format!("/v1/billing/webhook-events?state={state}")));
        listed.json["events"].as_array().unwrap().clone()
    };
    let id = listed("dead")[1]["id"].as_str().unwrap().to_owned();
    let dismiss = |reason: &str| {
        let path = format!("/v1/billing/webhook-events/{id}/dismiss");
        Call::post(path, &json!({"reason": reason}))
    };
    let replay = || {
        practice.expect(
            200,
            Call::post(format!("/v1/billing/webhook-events/{id}/replay"), &json!({})),
        )
    };
    let dismissed = practice.expect(200, dismiss("SECRET another branch's"));
    assert_eq!(
        dismissed.json["dismissed"],
        json!({"by": practice.cast.billing.account, "at": practice.world.clock.now(), "reason": "SECRET another branch's"})
    );
    assert_eq!(
        (dismissed.text("state").as_str(), dismissed.text("reason").as_str()),
        ("dismissed", "unknown_order")
    );
    let entry = practice.event(&dismissed);
    assert_eq!(
        (entry.rule.as_str(), entry.action, entry.resource.as_deref()),
        ("payment.clinic-book", model::Action::Execute, Some(id.as_str()))
    );
    assert_eq!(listed("dead").len(), 1);
    assert_eq!(listed("dismissed"), std::slice::from_ref(&dismissed.json));
    // The same again, later; and in other words, which would hide who said what.
    practice.wait(SignedDuration::from_mins(1));
    let before = practice.state();
    assert_eq!(
        practice.expect(200, dismiss("SECRET another branch's")).json,
        dismissed.json
    );
    assert_refused(&practice.as_billing(dismiss("SECRET a test")), 409, "not-a-dead-letter");
    assert!(practice.state() == before);
    // Nothing is otherwise: it stays where it is.
    assert_eq!(replay().json, dismissed.json);
    assert_eq!(listed("dead").len(), 1);
    // Its order is tied after all, and something else hinders it: somebody has to look again.
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    let back = listed("dead");
    assert_eq!(back.len(), 2);
    assert_eq!(
        (&back[1]["id"], &back[1]["reason"]),
        (&json!(id), &json!("amount_differs"))
    );
    assert_eq!(back[1]["dismissed"], dismissed.json["dismissed"]);
    assert_eq!(listed("dismissed"), Vec::<Value>::new());
    practice.expect(200, dismiss("SECRET again"));
    practice.deliver(&practice.razorpay("evt", &refunded("rfnd_1", "pay_1", ORDER, 20, 120)));
    assert_eq!(replay().text("state"), "applied");
    assert_eq!(practice.standing(&invoice), ("paid".to_owned(), 120, 20));
    assert_eq!((listed("dead").len(), listed("dismissed").len()), (1, 0));
    assert_refused(&practice.as_billing(dismiss("SECRET")), 409, "not-a-dead-letter");
    // What tells of no payment was never dead.
    practice.deliver(&practice.razorpay("evt", &json!({"event": "settlement.processed", "created_at": AT})));
    let noted = listed("noted")[0]["id"].as_str().unwrap().to_owned();
    let dismiss = Call::post(
        format!("/v1/billing/webhook-events/{noted}/dismiss"),
        &json!({"reason": "SECRET"}),
    );
    assert_refused(&practice.as_billing(dismiss), 409, "not-a-dead-letter");
}

/// Money that has moved is booked whatever she agrees to: the ground is the gateway's, and the trail names it.
#[test]
fn a_webhook_stands_on_a_ground_of_its_own() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    practice.withdraw();
    let before = practice.trail().len();
    practice.deliver(&practice.razorpay("evt_1", &captured("pay_1", ORDER, 100)));
    let mut trail = practice.trail();
    assert_eq!(trail.len(), before + 2);
    trail.retain(|event| event.gateway.is_some());
    trail.sort_by_key(|event| event.rule.clone());
    let rules: Vec<_> = trail.iter().map(|event| event.rule.as_str()).collect();
    assert_eq!(rules, ["webhook.events", "webhook.settlement"]);
    for event in &trail {
        assert_eq!(
            (event.gateway, event.decision),
            (Some(Gateway::Razorpay), Decision::Allowed)
        );
        assert!(event.actor.is_none() && event.calling.is_none() && event.consent.is_none());
    }
    assert!(trail[0].subject.is_none() && trail[0].resource.as_deref().unwrap().starts_with("gwe_"));
    assert!(trail[1].subject.is_some() && trail[1].resource.as_deref().unwrap().starts_with("ivc_"));
    let herself = practice.send(&Call::get(&invoice).bearer(&practice.cast.herself.token));
    assert_eq!(
        (herself.text("state").as_str(), herself.json["received"].as_i64()),
        ("paid", Some(100))
    );
}

/// Everything is recorded before it is opened; without the trail nothing is opened, written or answered.
#[test]
fn without_the_trail_a_webhook_opens_nothing() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    let moment = Moment::after(&practice);
    let practice = moment.resume(1);
    practice.world.stores.disarm();
    let call = practice.razorpay("evt_1", &captured("pay_1", ORDER, 100));
    practice.deliver(&call);
    let trace = practice.world.stores.trace();
    let of = |store: &str| -> Vec<usize> {
        let prefix = format!("{store} ");
        (0..trace.len())
            .filter(|nth| trace[*nth].starts_with(&prefix))
            .collect()
    };
    let (audit, keys) = (of("audit"), of("billing-keys"));
    // The first entry before the clinic's key, the second before the client's.
    assert!(audit[0] < keys[0] && audit.last() < keys.last(), "{trace:?}");
    let opened = trace
        .iter()
        .position(|operation| operation.starts_with("billing-keys"))
        .unwrap();
    assert!(
        trace[..opened]
            .iter()
            .filter(|operation| operation.starts_with("billing "))
            .count()
            == 1,
        "whether it is settled"
    );
    let practice = moment.resume(1);
    let before = practice.state();
    practice.world.stores.arm(audit[0], testkit::Fault::Refused);
    assert_eq!(practice.send(&call).status, 503);
    assert!(practice.state() == before);
}

/// A thousand deliveries of a hundred events, shuffled and doubled, end where the events end in their order.
#[test]
fn deliveries_in_any_order_end_the_same() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 10_000);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    let moment = Moment::after(&practice);
    let mut events = Vec::new();
    for n in 0..10_usize {
        let id = format!("pay_{n}");
        let amount = 100 + i64::try_from(n).unwrap();
        events.push(payment("payment.failed", &id, ORDER, "failed", amount));
        events.push(payment("payment.authorized", &id, ORDER, "authorized", amount));
        if n % 3 != 0 {
            events.push(captured(&id, ORDER, amount));
            events.push(payment("order.paid", &id, ORDER, "captured", amount));
        }
        for (k, kind) in ["created", "processed", "failed"]
            .into_iter()
            .enumerate()
            .take(1 + n % 3)
        {
            let status = if kind == "created" { "pending" } else { kind };
            for refund_number in 0..=k {
                let refund_id = format!("rfnd_{n}_{refund_number}");
                let mut event = refund(&format!("refund.{kind}"), &refund_id, &id, ORDER, status, 10, amount);
                // A refund's payment, as it was: taken or not.
                if n % 3 == 0 {
                    event["payload"]["payment"]["entity"]["status"] = "authorized".into();
                }
                events.push(event);
            }
        }
    }
    let last = |practice: &Practice| {
        let read = practice.expect(200, Call::get(&invoice));
        ["state", "received", "refunded", "gateway_payments"].map(|field| read.json[field].clone())
    };
    let in_order = {
        let practice = moment.resume(0);
        for event in &events {
            practice.deliver(&practice.razorpay("evt", event));
        }
        assert_eq!(practice.dead(), []);
        last(&practice)
    };
    assert!(in_order[1].as_i64().unwrap() > 0 && in_order[2].as_i64().unwrap() > 0);
    let practice = moment.resume(1);
    let mut deliveries: Vec<usize> = (0..1000).map(|n| n % events.len()).collect();
    // Fisher and Yates, by the practice's own randomness; the last ones come an hour late.
    for n in (1..deliveries.len()).rev() {
        let other = ports::EntropyExt::below(&practice.world.entropy, u32::try_from(n + 1).unwrap());
        deliveries.swap(n, usize::try_from(other).unwrap());
    }
    for n in deliveries {
        practice.deliver(&practice.razorpay("evt", &events[n]));
    }
    assert_eq!(last(&practice), in_order);
    assert_eq!(practice.dead(), []);
}

/// Orders that nobody tied hold a bounded number of events, and attempts leave room for money.
#[test]
fn what_waits_for_an_order_is_bounded() {
    let practice = Practice::new();
    for n in 0..40 {
        practice.deliver(&practice.razorpay(
            "evt",
            &payment("payment.failed", &format!("pay_{n}"), ORDER, "failed", 100),
        ));
    }
    practice.deliver(&practice.razorpay("evt", &captured("pay_paid", ORDER, 100)));
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    assert_eq!(practice.standing(&invoice).0, "paid");
    // The attempts for which there was no room are still to be seen.
    assert_eq!(practice.dead().len(), 8);
}

/// Two requests, the second of which happens as a whole between any two operations of the first.
fn at_every_interleaving(
    moment: &Moment,
    first: impl Fn(&Practice) -> Call,
    second: impl Fn(&Practice) -> Call,
    verify: impl Fn(&Practice, &Answer, &Answer),
) {
    for nth in 0.. {
        let practice = Rc::new(moment.resume(u64::try_from(nth).unwrap()));
        let (one, two) = (first(&practice), second(&practice));
        let kept = Rc::new(std::cell::RefCell::new(None));
        let (other, answer) = (Rc::clone(&practice), Rc::clone(&kept));
        practice.world.stores.meanwhile(nth, move || {
            *answer.borrow_mut() = Some(other.send(&two));
        });
        let first_answer = practice.send(&one);
        practice.world.stores.disarm();
        let Some(second_answer) = kept.borrow_mut().take() else {
            assert!(nth > 15, "{nth}");
            break;
        };
        // A creator that meets another gives way, and the gateway or whoever asked comes again.
        let mut answers = [first_answer, second_answer];
        for (answer, again) in answers.iter_mut().zip([&one, &second(&practice)]) {
            if answer.status == 503 {
                practice.world.clock.advance(SignedDuration::from_secs(61));
                *answer = practice.send(again);
            }
        }
        let [one, two] = answers;
        verify(&practice, &one, &two);
    }
}

#[test]
fn two_deliveries_of_one_event_are_one() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    practice.deliver(&practice.razorpay("evt_0", &captured("pay_0", ORDER, 10)));
    practice.begin_chains();
    let moment = Moment::after(&practice);
    let deliver = |practice: &Practice| practice.razorpay("evt_1", &captured("pay_1", ORDER, 90));
    at_every_interleaving(&moment, deliver, deliver, |practice, one, two| {
        assert_eq!((one.status, two.status), (200, 200), "{} {}", one.json, two.json);
        assert_eq!(one.json, two.json);
        assert_eq!(practice.standing(&invoice), ("paid".to_owned(), 100, 0));
        assert_eq!(practice.dead(), []);
    });
}

#[test]
fn whoever_comes_first_event_or_order_it_is_applied() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.deliver(&practice.razorpay("evt_0", &captured("pay_0", "order_other", 10)));
    practice.begin_chains();
    let moment = Moment::after(&practice);
    let deliver = |practice: &Practice| practice.razorpay("evt_1", &captured("pay_1", ORDER, 100));
    let tie = |practice: &Practice| {
        practice
            .tying(&invoice, Gateway::Razorpay, ORDER)
            .bearer(&practice.cast.billing.token)
    };
    let verify = |practice: &Practice, one: &Answer, two: &Answer| {
        assert_eq!((one.status, two.status), (200, 200), "{} {}", one.json, two.json);
        assert_eq!(practice.standing(&invoice), ("paid".to_owned(), 100, 0));
        let dead = practice.dead();
        assert_eq!(
            dead,
            [("payment.captured".to_owned(), "unknown_order".to_owned())],
            "the one of the other order"
        );
    };
    at_every_interleaving(&moment, deliver, tie, verify);
    at_every_interleaving(&moment, tie, deliver, verify);
}

#[test]
fn two_invoices_that_want_one_order() {
    let practice = Practice::new();
    let (one, other) = (practice.invoice("one", 100), practice.invoice("other", 100));
    practice.deliver(&practice.razorpay("evt_1", &captured("pay_1", ORDER, 100)));
    practice.begin_chains();
    let moment = Moment::after(&practice);
    let tie = |invoice: &str| {
        let invoice = invoice.to_owned();
        move |practice: &Practice| {
            practice
                .tying(&invoice, Gateway::Razorpay, ORDER)
                .bearer(&practice.cast.billing.token)
        }
    };
    at_every_interleaving(&moment, tie(&one), tie(&other), |practice, first, second| {
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", first.json, second.json);
        let mut states = [practice.standing(&one).0, practice.standing(&other).0];
        states.sort();
        assert_eq!(states, ["open", "paid"]);
        assert_eq!(practice.dead(), []);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is signed, it is answered, nothing breaks, and nothing of it is printed.
    #[test]
    fn any_signed_text_is_answered(text in "(\\{\"event\":\"[a-z.]{0,12}\",\"created_at\":[0-9]{0,3},\"payload\":)?[ -~]{0,60}\\}{0,2}") {
        thread_local! {
            static PRACTICE: Practice = Practice::new();
        }
        PRACTICE.with(|practice| {
            let call = Call::new(Method::POST, practice.webhook(Gateway::Razorpay))
                .header("content-type", "application/json")
                .header("x-razorpay-signature", &code(SECRET, &text))
                .body(text);
            let answer = practice.send(&call);
            assert!(matches!(answer.status, 200 | 400), "{}", answer.json);
        });
    }
}
