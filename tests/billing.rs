//! Billing as front ends and payment gateways meet it: an invoice, its gateway's events in any order, and what is refused.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use confide_tests::{Deployment, Practice, note, store_files};
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use serde_json::json;
use sha2::Sha256;
use testkit::Call;

const SECRET: &str = "a-secret-of-this-test";

/// An event as Razorpay delivers it, signed with this secret.
fn event(clinic: &str, secret: &str, name: &str, status: &str) -> Call {
    let payment = json!({"id": "pay_Kingfisher0001", "order_id": "order_Kingfisher001", "amount": 300_000, "currency": "INR",
        "status": status, "created_at": 1_767_225_600,
        "card": {"last4": "1111", "iin": "411111", "name": "QUETZALINA ITO"}, "email": "quetzalina.ito@mail.example"});
    let body = json!({"entity": "event", "event": name, "created_at": 1_767_225_601, "payload": {"payment": {"entity": payment}}}).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Call::new(Method::POST, format!("/v1/billing/webhooks/razorpay/{clinic}"))
        .header("content-type", "application/json")
        .header("x-razorpay-signature", &signature)
        .header("x-razorpay-event-id", &format!("event-{name}-{status}"))
        .body(body)
}

#[test]
fn a_gateway_settles_an_invoice_in_any_order_and_once() {
    let mut deployment = Deployment::start();
    let (biller, clinician, clinic, client) = {
        let practice = Practice::open(&deployment);
        let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
        let biller = practice.join("bill@practice.example", &["billing"], None);
        let client = practice.consenting_client(&clinician);
        (biller, clinician, practice.clinic.to_string(), client)
    };
    deployment.expect(503, &event(&clinic, SECRET, "payment.captured", "captured"));
    deployment.set("billing_razorpay_webhook_secrets", &format!("{clinic}:{SECRET}"));
    deployment.restart(|_| {});

    let invoices = format!("/v1/billing/clients/{client}/invoices");
    let invoice = json!({"currency": "INR", "lines": [{"description": "Session, 50 minutes", "quantity": 2, "unit_amount": 150_000}]});
    let create = |token: &str| {
        Call::post(&invoices, &invoice)
            .bearer(token)
            .once("an-invoice-of-this-test")
    };
    // Who treats her does not bill her, and who bills her does not read what she said.
    deployment.expect(403, &create(&clinician.token));
    let created = deployment.expect(201, &create(&biller.token));
    let records = format!("/v1/records/clients/{client}/records");
    deployment.expect(403, &Call::get(&records).bearer(&biller.token));
    deployment.expect(
        403,
        &Call::post(&records, &note("no"))
            .bearer(&biller.token)
            .once("not-hers-to-write"),
    );
    let path = format!("{invoices}/{}", created.text("id"));
    let state = |deployment: &Deployment| {
        deployment
            .expect(200, &Call::get(&path).bearer(&biller.token))
            .text("state")
    };

    // A wrong signature changes nothing; an event before its order is tied waits; a late one undoes nothing.
    deployment.expect(
        401,
        &event(&clinic, "another-secret-0000", "payment.captured", "captured"),
    );
    for _ in 0..2 {
        deployment.expect(200, &event(&clinic, SECRET, "payment.captured", "captured"));
    }
    assert_eq!(state(&deployment), "open");
    let order = json!({"gateway": "razorpay", "reference": "order_Kingfisher001"});
    deployment.expect(
        200,
        &Call::post(format!("{path}/gateway-orders"), &order).bearer(&biller.token),
    );
    assert_eq!(state(&deployment), "paid");
    deployment.expect(200, &event(&clinic, SECRET, "payment.authorized", "authorized"));
    deployment.expect(200, &event(&clinic, SECRET, "payment.captured", "captured"));
    let paid = deployment.expect(200, &Call::get(&path).bearer(&biller.token));
    assert_eq!(
        (paid.text("state").as_str(), &paid.json["outstanding"]),
        ("paid", &json!(0))
    );
    let statement = Call::get(format!(
        "/v1/billing/clients/{client}/statement?from=2026-01-01&to=2035-12-31"
    ))
    .bearer(&biller.token);
    assert_eq!(
        deployment.expect(200, &statement).json["accounts"][0]["closing_balance"],
        0
    );

    // Of the event's card, name and address nothing was kept, and nothing of the invoice can be read in the files.
    deployment.restart(|home| {
        for label in ["billing", "billing-keys", "audit"] {
            let file = std::fs::read(home.store_file(label)).unwrap();
            for plain in [
                "411111",
                "QUETZALINA",
                "quetzalina.ito",
                "order_Kingfisher001",
                "pay_Kingfisher0001",
                "Session, 50",
            ] {
                assert!(
                    !file.windows(plain.len()).any(|window| window == plain.as_bytes()),
                    "{label}: {plain}"
                );
            }
        }
    });
}

/// Card data is refused in every function, with the field and without the digits, and nothing of it is stored.
#[test]
fn card_data_is_taken_nowhere() {
    const CARD: &str = "4111 1111-1111.1111";
    let mut deployment = Deployment::start();
    {
        let practice = Practice::open(&deployment);
        let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
        let biller = practice.join("bill@practice.example", &["billing"], None);
        let client = practice.consenting_client(&clinician);
        let records = format!("/v1/records/clients/{client}/records");
        let invoices = format!("/v1/billing/clients/{client}/invoices");
        for (person, path, body, field) in [
            (
                &clinician,
                records.as_str(),
                note(&format!("She pays with {CARD}.")),
                "/content/text",
            ),
            (
                &biller,
                invoices.as_str(),
                json!({"currency": "EUR", "lines": [{"description": CARD, "quantity": 1, "unit_amount": 1}]}),
                "/lines/0/description",
            ),
            (
                &biller,
                invoices.as_str(),
                json!({"currency": "EUR", "cvv": "123", "lines": []}),
                "/cvv",
            ),
            (
                &clinician,
                "/v1/identity/clients",
                json!({"client_id": client, "client": {"name": {"family": CARD}}}),
                "/client/name/family",
            ),
            (
                &clinician,
                "/v1/consent/clients",
                json!({"note": 4_111_111_111_111_111_u64}),
                "/note",
            ),
            (
                &practice.admin,
                "/v1/auth/invitations",
                json!({"email": format!("{}@example.org", CARD.replace(' ', "")), "roles": []}),
                "/email",
            ),
        ] {
            let refused = deployment.expect(422, &practice.post(path, person, &body));
            assert_eq!(refused.problem(), Some("payment-card-data"), "{path}");
            assert_eq!(refused.json["errors"][0]["field"], field, "{path}");
            assert!(!refused.body().contains("1111"), "{path}");
        }
        let in_path = format!("{records}/4111111111111111");
        assert_eq!(
            deployment
                .expect(422, &Call::get(&in_path).bearer(&clinician.token))
                .problem(),
            Some("payment-card-data")
        );
    }
    deployment.restart(|home| {
        for (_, file) in store_files(home) {
            for plain in [CARD, "4111111111111111", "11-1111"] {
                assert!(
                    !file.windows(plain.len()).any(|window| window == plain.as_bytes()),
                    "{plain}"
                );
            }
        }
    });
}
