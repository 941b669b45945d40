//! Invoices, payments by hand and statements.

use super::*;

#[test]
fn an_invoice_from_writing_to_its_history() {
    let practice = Practice::new();
    let body = json!({"currency": "EUR", "due_on": "2026-12-31",
        "lines": [{"description": "SECRET session", "quantity": 2, "unit_amount": 9000}],
        "payer": {"kind": "insurer", "name": "SECRET Mutual", "policy_number": "SECRET-1"}});
    let written = practice.expect(201, Call::post(practice.path(), &body).once("invoice"));
    let id = written.text("id");
    let own = format!("{}/{id}", practice.path());
    let (account, now) = (
        practice.cast.billing.account.to_string(),
        practice.world.clock.now().to_string(),
    );
    assert_eq!(
        (written.header("location"), written.header("etag")),
        (Some(own.as_str()), Some("\"v1\""))
    );
    assert_eq!(
        written.json,
        json!({"id": id, "state": "open", "total": 18000, "received": 0, "refunded": 0, "outstanding": 18000, "minor_digits": 2,
            "created_by": account, "created_at": now, "revision": 1, "written_by": account, "written_at": now,
            "currency": "EUR", "lines": body["lines"], "due_on": "2026-12-31", "payer": body["payer"],
            "payments": [], "gateway_orders": [], "gateway_payments": []})
    );
    assert_eq!(practice.expect(200, Call::get(&own)).json, written.json);
    // The same request again is the same invoice; another body under its key is refused.
    assert_eq!(
        practice
            .expect(201, Call::post(practice.path(), &body).once("invoice"))
            .json,
        written.json
    );
    assert_refused(
        &practice.as_billing(practice.invoicing("invoice", 1)),
        422,
        "idempotency-key-reused",
    );

    practice.wait(SignedDuration::from_mins(1));
    let amendment = |lines: Value| json!({"reason": "SECRET a slip", "invoice": {"currency": "EUR", "lines": lines}});
    let lines = json!([{"description": "SECRET session", "quantity": 1, "unit_amount": 8000}]);
    let amend = |tag: &str| Call::put(&own, &amendment(lines.clone())).header("if-match", tag);
    assert_refused(
        &practice.as_billing(Call::put(&own, &amendment(lines.clone()))),
        428,
        "precondition-required",
    );
    assert_refused(&practice.as_billing(amend("\"v2\"")), 412, "stale-version");
    let amended = practice.expect(200, amend("\"v1\""));
    assert_eq!(amended.header("etag"), Some("\"v2\""));
    assert_eq!(
        (amended.json["total"].as_i64(), amended.json["revision"].as_i64()),
        (Some(8000), Some(2))
    );
    assert_eq!(amended.text("reason"), "SECRET a slip");
    practice.wait(SignedDuration::from_mins(1));
    let again = practice.expect(200, amend("\"v1\""));
    assert_eq!((again.header("etag"), &again.json), (Some("\"v2\""), &amended.json));
    let other_currency = json!({"reason": "SECRET", "invoice": content(1)});
    assert_refused(
        &practice.as_billing(Call::put(&own, &other_currency).header("if-match", "\"v2\"")),
        409,
        "currency-differs",
    );
    let versions = practice.expect(200, Call::get(format!("{own}/versions")));
    let totals: Vec<_> = versions.json["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| {
            (
                version["revision"].as_i64().unwrap(),
                version["lines"][0]["unit_amount"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(totals, [(2, 8000), (1, 9000)]);
    let page = practice.expect(200, Call::get(format!("{own}/versions?limit=1&cursor=2")));
    assert_eq!(page.json["versions"][0]["revision"], 1);

    let void =
        |tag: &str, reason: &str| Call::post(format!("{own}/void"), &json!({"reason": reason})).header("if-match", tag);
    assert_refused(&practice.as_billing(void("\"v1\"", "SECRET")), 412, "stale-version");
    let voided = practice.expect(200, void("\"v2\"", "SECRET a slip"));
    assert_eq!(
        (voided.text("state").as_str(), voided.json["outstanding"].as_i64()),
        ("void", Some(0))
    );
    practice.wait(SignedDuration::from_mins(1));
    assert_eq!(practice.expect(200, void("\"v2\"", "SECRET a slip")).json, voided.json);
    assert_refused(
        &practice.as_billing(void("\"v3\"", "SECRET again")),
        409,
        "invoice-void",
    );
    assert_refused(
        &practice.as_billing(practice.tying(&own, Gateway::Razorpay, ORDER)),
        409,
        "invoice-void",
    );
}

/// An event that comes between a request and its repetition makes the document another, and the request no less a success.
#[test]
fn what_was_applied_is_answered_again_after_an_event() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.tie(&invoice, Gateway::Razorpay, ORDER);
    let attempt = |id: &str| practice.razorpay("evt", &payment("payment.failed", id, ORDER, "failed", 100));
    let amend = |amount: i64, tag: &str| {
        let amendment = json!({"reason": "A slip", "invoice": content(amount)});
        practice.as_billing(Call::put(&invoice, &amendment).header("if-match", tag))
    };
    assert_eq!(amend(90, "\"v2\"").header("etag"), Some("\"v3\""));
    practice.deliver(&attempt("pay_1"));
    let again = amend(90, "\"v2\"");
    assert_eq!((again.status, again.header("etag")), (200, Some("\"v4\"")));
    assert_eq!(
        (again.json["total"].as_i64(), again.json["revision"].as_i64()),
        (Some(90), Some(2))
    );
    // Another one, of what is no more, and one of what is not yet.
    assert_refused(&amend(80, "\"v2\""), 412, "stale-version");
    assert_refused(&amend(90, "\"v5\""), 412, "stale-version");

    let void = |reason: &str, tag: &str| {
        let body = json!({"reason": reason});
        practice.as_billing(Call::post(format!("{invoice}/void"), &body).header("if-match", tag))
    };
    assert_eq!(void("A slip", "\"v4\"").header("etag"), Some("\"v5\""));
    practice.deliver(&attempt("pay_2"));
    let again = void("A slip", "\"v4\"");
    assert_eq!((again.status, again.header("etag")), (200, Some("\"v6\"")));
    assert_refused(&void("Another", "\"v4\""), 412, "stale-version");
    assert_refused(&void("A slip", "\"v7\""), 412, "stale-version");
}

#[test]
fn invoices_are_listed_newest_first() {
    let practice = Practice::new();
    assert_eq!(
        practice.expect(200, Call::get(practice.path())).json,
        json!({"invoices": []})
    );
    let missing = format!("{}/ivc_00000000000000000000000000", practice.path());
    assert_refused(&practice.as_billing(Call::get(&missing)), 404, "not-found");
    let paths: Vec<String> = (0..25)
        .map(|n| practice.invoice(&format!("invoice-{n}"), 100 + n))
        .collect();
    let mut listed = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = practice.expect(200, Call::get(format!("{}?limit=7{cursor}", practice.path())));
        for invoice in page.json["invoices"].as_array().unwrap() {
            let own = format!("{}/{}", practice.path(), invoice["id"].as_str().unwrap());
            let read = practice.expect(200, Call::get(&own)).json;
            for field in [
                "state",
                "total",
                "outstanding",
                "currency",
                "minor_digits",
                "created_at",
            ] {
                assert_eq!(invoice[field], read[field], "{field}");
            }
            assert!(invoice.get("lines").is_none(), "a list shows no content");
            listed.push(format!("{}/{}", practice.path(), invoice["id"].as_str().unwrap()));
        }
        let Some(next) = page.json["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    listed.reverse();
    assert_eq!(listed, paths);
    assert_refused(&practice.as_billing(Call::get(&missing)), 404, "not-found");
    assert_refused(
        &practice.as_billing(Call::get(format!("{}?limit=0", practice.path()))),
        400,
        "malformed-request",
    );
}

/// A payment that was keyed wrongly, by its amount or on the wrong invoice, is given back, and the invoice is as it was before.
#[test]
fn an_invoice_is_amended_once_all_was_given_back() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    let pay = |key: &str, amount: i64| {
        let body = json!({"method": "cash", "amount": amount});
        Call::post(format!("{invoice}/payments"), &body).once(key)
    };
    let slip = practice.expect(201, pay("slip", 90)).text("payment_id");
    let give_back = |key: &str, amount: i64| {
        let body = json!({"amount": amount, "reason": "A slip"});
        practice.expect(
            201,
            Call::post(format!("{invoice}/payments/{slip}/refunds"), &body).once(key),
        )
    };
    let amendment = json!({"reason": "A slip", "invoice": content(80)});
    let amend = |tag: &str| practice.as_billing(Call::put(&invoice, &amendment).header("if-match", tag));
    give_back("some", 89);
    assert_refused(&amend("\"v3\""), 409, "invoice-has-payments");
    give_back("rest", 1);
    let amended = amend("\"v4\"");
    assert_eq!(
        (amended.status, amended.json["outstanding"].as_i64()),
        (200, Some(80)),
        "{}",
        amended.json
    );
    practice.expect(201, pay("right", 80));
    assert_eq!(practice.standing(&invoice), ("paid".to_owned(), 170, 90));
}

#[test]
fn payments_by_hand_and_what_is_given_back() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 10_000);
    let pay = |key: &str, amount: i64| {
        let body = json!({"method": "cash", "amount": amount, "received_on": "2026-12-01"});
        Call::post(format!("{invoice}/payments"), &body).once(key)
    };
    let paid = practice.expect(201, pay("first", 4_000));
    let payment = paid.text("payment_id");
    assert_eq!(paid.header("location"), Some(invoice.as_str()));
    assert_eq!(paid.json["invoice"]["payments"][0]["amount"], 4_000);
    assert_eq!(
        practice.expect(201, pay("first", 4_000)).json,
        paid.json,
        "the same request again"
    );
    assert_refused(&practice.as_billing(pay("first", 5_000)), 422, "idempotency-key-reused");
    assert_eq!(practice.standing(&invoice), ("partly_paid".to_owned(), 4_000, 0));
    assert_refused(&practice.as_billing(pay("second", 6_001)), 409, "amount-exceeds");
    let amendment = json!({"reason": "SECRET", "invoice": content(1)});
    assert_refused(
        &practice.as_billing(Call::put(&invoice, &amendment).header("if-match", "\"v2\"")),
        409,
        "invoice-has-payments",
    );
    let void = Call::post(format!("{invoice}/void"), &json!({"reason": "SECRET"})).header("if-match", "\"v2\"");
    assert_refused(&practice.as_billing(void), 409, "invoice-has-payments");

    let give_back = |key: &str, payment: &str, amount: i64| {
        let body = json!({"amount": amount, "reason": "SECRET cancelled"});
        Call::post(format!("{invoice}/payments/{payment}/refunds"), &body).once(key)
    };
    let refunded = practice.expect(201, give_back("back", &payment, 1_000));
    assert_eq!(
        practice.expect(201, give_back("back", &payment, 1_000)).json,
        refunded.json
    );
    assert_refused(
        &practice.as_billing(give_back("back", &payment, 900)),
        422,
        "idempotency-key-reused",
    );
    assert_refused(
        &practice.as_billing(give_back("more", &payment, 3_001)),
        409,
        "amount-exceeds",
    );
    let missing = "pmt_00000000000000000000000000";
    assert_refused(&practice.as_billing(give_back("none", missing, 1)), 404, "not-found");
    assert_eq!(practice.standing(&invoice), ("partly_paid".to_owned(), 4_000, 1_000));
    practice.expect(201, pay("third", 7_000));
    assert_eq!(practice.standing(&invoice), ("paid".to_owned(), 11_000, 1_000));
    let listed = practice.expect(200, Call::get(practice.path()));
    let listed = &listed.json["invoices"][0];
    assert_eq!((&listed["total"], &listed["outstanding"]), (&json!(10_000), &json!(0)));

    let account = practice.expect(
        200,
        Call::get(format!(
            "/v1/billing/clients/{}/statement?from=2026-12-01&to=2026-12-31&currency=INR",
            practice.cast.client
        )),
    );
    let account = &account.json["accounts"][0];
    let lines: Vec<_> = account["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["kind"].as_str().unwrap(), entry["amount"].as_i64().unwrap()))
        .collect();
    assert_eq!(
        lines,
        [
            ("invoice", 10_000),
            ("payment", -7_000),
            ("payment", -4_000),
            ("refund", 1_000)
        ]
    );
    assert_eq!(
        (&account["opening_balance"], &account["closing_balance"]),
        (&json!(0), &json!(0))
    );
}

#[test]
fn bodies_and_queries_that_break_a_rule_change_nothing() {
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 10_000);
    let before = practice.state();
    let statement = format!("/v1/billing/clients/{}/statement", practice.cast.client);
    let payments = format!("{invoice}/payments");
    let refunds = format!("{payments}/pmt_00000000000000000000000000/refunds");
    let orders = format!("{invoice}/gateway-orders");
    for (call, status, problem, field) in [
        (
            Call::post(practice.path(), &json!({"currency": "inr", "lines": []})).once("a"),
            400,
            "malformed-request",
            "/currency",
        ),
        (
            Call::post(practice.path(), &json!({"currency": "INR", "lines": [], "number": "1"})).once("a"),
            400,
            "malformed-request",
            "",
        ),
        (
            Call::post(practice.path(), &content(-1)).once("a"),
            400,
            "malformed-request",
            "/lines/0/unit_amount",
        ),
        (
            Call::post(practice.path(), &content(0)).once("a"),
            422,
            "invalid-content",
            "/lines",
        ),
        (
            Call::post(practice.path(), &content(1)),
            400,
            "malformed-request",
            "idempotency-key",
        ),
        (
            Call::post(&payments, &json!({"method": "card", "amount": 1})).once("a"),
            400,
            "malformed-request",
            "/method",
        ),
        (
            Call::post(&payments, &json!({"method": "cash", "amount": 0})).once("a"),
            422,
            "invalid-content",
            "/amount",
        ),
        (
            Call::post(
                &payments,
                &json!({"method": "cash", "amount": 1, "received_on": "2026-12-02"}),
            )
            .once("a"),
            422,
            "invalid-content",
            "/received_on",
        ),
        (
            Call::post(
                &payments,
                &json!({"method": "cash", "amount": 1, "received_on": "1969-12-31"}),
            )
            .once("a"),
            422,
            "invalid-content",
            "/received_on",
        ),
        (
            Call::post(
                &refunds,
                &json!({"amount": 1, "reason": "SECRET", "refunded_on": "0026-12-01"}),
            )
            .once("a"),
            422,
            "invalid-content",
            "/refunded_on",
        ),
        (
            Call::post(
                &refunds,
                &json!({"amount": 1, "reason": "SECRET", "refunded_on": "2026-12-03"}),
            )
            .once("a"),
            422,
            "invalid-content",
            "/refunded_on",
        ),
        (
            Call::post(&payments, &json!({"method": "cash", "amount": 1})),
            400,
            "malformed-request",
            "idempotency-key",
        ),
        (
            Call::post(&orders, &json!({"gateway": "paypal", "reference": ORDER})),
            400,
            "malformed-request",
            "/gateway",
        ),
        (
            Call::post(&orders, &json!({"gateway": "stripe", "reference": ORDER})),
            422,
            "invalid-content",
            "/reference",
        ),
        (
            Call::post(
                &orders,
                &json!({"gateway": "stripe", "reference": format!("{INTENT}_secret_SECRET")}),
            ),
            422,
            "invalid-content",
            "/reference",
        ),
        (
            Call::post(format!("{invoice}/void"), &json!({"reason": ""})).header("if-match", "\"v1\""),
            422,
            "invalid-content",
            "/reason",
        ),
        (
            Call::post(format!("{invoice}/void"), &json!({"reason": "SECRET"})),
            428,
            "precondition-required",
            "",
        ),
        (Call::get(&statement), 400, "malformed-request", "from"),
        (
            Call::get(format!("{statement}?from=2026-12-02&to=2026-12-01")),
            400,
            "malformed-request",
            "to",
        ),
        (
            Call::get(format!("{statement}?from=2026-12-01&to=2026-12-02&currency=euro")),
            400,
            "malformed-request",
            "currency",
        ),
        (
            Call::get("/v1/billing/webhook-events?state=applied"),
            400,
            "malformed-request",
            "state",
        ),
        (
            Call::post(
                "/v1/billing/webhook-events/gwe_00000000000000000000000000/replay",
                &json!({}),
            ),
            404,
            "not-found",
            "",
        ),
        (
            Call::post(
                "/v1/billing/webhook-events/gwe_00000000000000000000000000/dismiss",
                &json!({"reason": "A test"}),
            ),
            404,
            "not-found",
            "",
        ),
        (
            Call::post(
                "/v1/billing/webhook-events/gwe_00000000000000000000000000/dismiss",
                &json!({"reason": " "}),
            ),
            422,
            "invalid-content",
            "/reason",
        ),
    ] {
        let answer = practice.as_billing(call);
        assert_refused(&answer, status, problem);
        let fields = answer.json["errors"].as_array().cloned().unwrap_or_default();
        assert!(
            field.is_empty() || fields.iter().any(|error| error["field"] == field),
            "{field}: {}",
            answer.json
        );
    }
    assert!(practice.state() == before);
}
