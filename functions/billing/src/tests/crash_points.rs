//! Every handler that writes, broken off at every operation on a store in every way, and then repeated.

use super::*;
use testkit::{Fault, survive};

fn is_success(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

impl Practice {
    fn listed(&self) -> Vec<String> {
        let listed = self.expect(200, Call::get(self.path()));
        let invoices = listed.json["invoices"].as_array().unwrap().iter();
        let ids: Vec<_> = invoices
            .map(|invoice| invoice["id"].as_str().unwrap().to_owned())
            .collect();
        assert!(listed.json.get("next").is_none());
        ids
    }

    /// What holds at any moment: what is listed can be read and is listed once, its sums are sums, its history has no gaps, and the
    /// account is what the invoices say. The trail verifies.
    #[track_caller]
    fn assert_whole(&self) {
        let listed = self.listed();
        let register = self.expect(200, Call::get("/v1/billing/invoices")).json["invoices"].to_string();
        let mut owed = 0;
        for (n, id) in listed.iter().enumerate() {
            assert!(!listed[..n].contains(id), "{id} is listed twice");
            let invoice = self.expect(200, Call::get(format!("{}/{id}", self.path()))).json;
            let number = |field: &str| invoice[field].as_i64().unwrap();
            assert!((0..=number("received")).contains(&number("refunded")), "{invoice}");
            let due = if invoice["state"] == "void" { 0 } else { number("total") };
            owed += due - number("received") + number("refunded");
            let is_owed = number("outstanding") > 0;
            assert_eq!(register.matches(id).count(), usize::from(is_owed), "{id} in {register}");
            let versions = self.expect(200, Call::get(format!("{}/{id}/versions", self.path())));
            let revisions: Vec<i64> = versions.json["versions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|version| version["revision"].as_i64().unwrap())
                .collect();
            assert_eq!(revisions, (1..=number("revision")).rev().collect::<Vec<_>>());
        }
        let statement = format!(
            "/v1/billing/clients/{}/statement?from=2026-01-01&to=2027-12-31",
            self.cast.client
        );
        let account = self.expect(200, Call::get(statement)).json["accounts"][0].clone();
        assert_eq!(
            account["closing_balance"].as_i64().unwrap_or_default(),
            owed,
            "{account}"
        );
        self.assert_insurance_whole();
        self.trail();
    }

    /// What is listed can be read, is listed once, and its history has no gaps.
    #[track_caller]
    fn assert_insurance_whole(&self) {
        for kind in ["claim", "explanation_of_benefit"] {
            let path = self.path_to(kind);
            let listed = self.expect(200, Call::get(&path)).json;
            let list = listed.as_object().unwrap().values().next().unwrap().as_array().unwrap();
            let ids: Vec<&str> = list.iter().map(|document| document["id"].as_str().unwrap()).collect();
            for (n, id) in ids.iter().enumerate() {
                assert!(!ids[..n].contains(id), "{id} is listed twice");
                let document = self.expect(200, Call::get(format!("{path}/{id}"))).json;
                let versions = self.expect(200, Call::get(format!("{path}/{id}/versions"))).json;
                let revisions: Vec<i64> = versions["versions"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|version| version["revision"].as_i64().unwrap())
                    .collect();
                let revision = document["revision"].as_i64().unwrap();
                assert_eq!(revisions, (1..=revision).rev().collect::<Vec<_>>());
            }
        }
    }
}

/// Runs all cases from what `prepare` leaves. A request that was answered is answered the same again.
fn at_every_crash_point(
    prepare: impl Fn(&Practice) -> String,
    call: impl Fn(&Practice, &str) -> Call,
    verify: impl Fn(&Practice, &str, &Answer),
) {
    let same = |first: &Answer, again: &Answer, case: &str| assert_eq!(first.json, again.json, "{case}");
    break_off(prepare, call, same, verify);
}

/// Runs all cases from what `prepare` leaves. `compare` sees the answer to the first try, where it was a success, and to the second.
fn break_off(
    prepare: impl Fn(&Practice) -> String,
    call: impl Fn(&Practice, &str) -> Call,
    compare: impl Fn(&Answer, &Answer, &str),
    verify: impl Fn(&Practice, &str, &Answer),
) {
    let practice = Practice::new();
    let prepared = prepare(&practice);
    let moment = Moment::after(&practice);
    for fault in Fault::ALL {
        for nth in 0.. {
            let case = format!("{fault:?} at {nth}");
            let practice = moment.resume(u64::try_from(nth).unwrap());
            let request = call(&practice, &prepared);
            practice.world.stores.arm(nth, fault);
            let first = survive(|| practice.send(&request));
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            if let Some(first) = &first {
                assert!(is_success(first) || first.status == 503, "{case}: {}", first.json);
            }
            practice.assert_whole();
            // A creator that died keeps others waiting for a minute.
            practice.world.clock.advance(SignedDuration::from_secs(61));
            let again = practice.send(&call(&practice, &prepared));
            assert!(is_success(&again), "{case}: {}", again.json);
            if let Some(first) = first.filter(is_success) {
                compare(&first, &again, &case);
            }
            practice.assert_whole();
            verify(&practice, &prepared, &again);
            if !reached {
                assert!(nth > 5, "{nth}");
                break;
            }
        }
    }
}

#[test]
fn writing_an_invoice() {
    for number in [1, 2] {
        at_every_crash_point(
            |practice| {
                if number == 2 {
                    practice.invoice("before", 50);
                }
                String::new()
            },
            |practice, _| practice.invoicing("invoice", 100).bearer(&practice.cast.billing.token),
            |practice, _, answer| {
                let listed = practice.listed();
                assert_eq!((listed.len(), &listed[0]), (number, &answer.text("id")));
            },
        );
    }
}

#[test]
fn amending_and_voiding() {
    at_every_crash_point(
        |practice| practice.invoice("invoice", 100),
        |practice, invoice| {
            let amendment = json!({"reason": "A slip", "invoice": content(90)});
            Call::put(invoice, &amendment)
                .header("if-match", "\"v1\"")
                .bearer(&practice.cast.billing.token)
        },
        |_, _, answer| {
            assert_eq!(
                (answer.json["total"].as_i64(), answer.json["revision"].as_i64()),
                (Some(90), Some(2))
            )
        },
    );
    at_every_crash_point(
        |practice| practice.invoice("invoice", 100),
        |practice, invoice| {
            Call::post(format!("{invoice}/void"), &json!({"reason": "A slip"}))
                .header("if-match", "\"v1\"")
                .bearer(&practice.cast.billing.token)
        },
        |_, _, answer| assert_eq!(answer.text("state"), "void"),
    );
}

#[test]
fn paying_and_giving_back() {
    at_every_crash_point(
        |practice| practice.invoice("invoice", 100),
        |practice, invoice| {
            Call::post(
                format!("{invoice}/payments"),
                &json!({"method": "cheque", "amount": 60}),
            )
            .once("pay")
            .bearer(&practice.cast.billing.token)
        },
        |practice, invoice, _| assert_eq!(practice.standing(invoice), ("partly_paid".to_owned(), 60, 0)),
    );
    at_every_crash_point(
        |practice| {
            let invoice = practice.invoice("invoice", 100);
            let pay = Call::post(format!("{invoice}/payments"), &json!({"method": "cash", "amount": 60})).once("pay");
            let payment = practice.expect(201, pay).text("payment_id");
            format!("{invoice}/payments/{payment}/refunds")
        },
        |practice, refunds| {
            Call::post(refunds, &json!({"amount": 20, "reason": "Cancelled"}))
                .once("back")
                .bearer(&practice.cast.billing.token)
        },
        |practice, refunds, _| {
            let invoice = refunds.split_once("/payments").unwrap().0;
            assert_eq!(practice.standing(invoice), ("partly_paid".to_owned(), 60, 20));
        },
    );
}

#[test]
fn tying_an_order_for_which_events_wait() {
    at_every_crash_point(
        |practice| {
            practice.deliver(&practice.razorpay("evt_1", &captured("pay_1", ORDER, 60)));
            practice.deliver(&practice.razorpay("evt_2", &refunded("rfnd_1", "pay_1", ORDER, 20, 60)));
            practice.invoice("invoice", 100)
        },
        |practice, invoice| {
            practice
                .tying(invoice, Gateway::Razorpay, ORDER)
                .bearer(&practice.cast.billing.token)
        },
        |practice, invoice, _| {
            assert_eq!(practice.standing(invoice), ("partly_paid".to_owned(), 60, 20));
            assert_eq!(practice.dead(), []);
        },
    );
}

#[test]
fn tying_a_session_whose_order_has_events() {
    let session = "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4W";
    at_every_crash_point(
        |practice| {
            let completed = json!({"id": session, "payment_intent": INTENT, "payment_status": "paid", "amount_total": 60,
                "currency": "inr"});
            practice.deliver(&practice.stripe(&stripe_event("evt_1", "checkout.session.completed", completed)));
            practice.invoice("invoice", 100)
        },
        |practice, invoice| {
            practice
                .tying(invoice, Gateway::Stripe, session)
                .bearer(&practice.cast.billing.token)
        },
        |practice, invoice, _| {
            assert_eq!(practice.standing(invoice).1, 60);
            assert_eq!(practice.dead(), []);
        },
    );
}

/// The gateway hears nothing, and sends the event again.
#[test]
fn an_event_of_an_order_that_is_tied() {
    for is_first in [true, false] {
        at_every_crash_point(
            |practice| {
                let invoice = practice.invoice("invoice", 100);
                practice.tie(&invoice, Gateway::Razorpay, ORDER);
                if !is_first {
                    practice.deliver(&practice.razorpay("evt_0", &captured("pay_0", ORDER, 10)));
                }
                invoice
            },
            |practice, _| practice.razorpay("evt_1", &captured("pay_1", ORDER, 60)),
            |practice, invoice, _| {
                let received = if is_first { 60 } else { 70 };
                assert_eq!(practice.standing(invoice), ("partly_paid".to_owned(), received, 0));
                assert_eq!(practice.dead(), []);
            },
        );
    }
}

#[test]
fn an_event_of_a_session_that_is_tied() {
    let session = "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4W";
    at_every_crash_point(
        |practice| {
            let invoice = practice.invoice("invoice", 100);
            practice.tie(&invoice, Gateway::Stripe, session);
            invoice
        },
        |practice, _| {
            let completed = json!({"id": session, "payment_intent": INTENT, "payment_status": "paid", "amount_total": 60,
                "currency": "inr"});
            practice.stripe(&stripe_event("evt_1", "checkout.session.completed", completed))
        },
        |practice, invoice, _| {
            assert_eq!(practice.standing(invoice).1, 60);
            assert_eq!(practice.dead(), []);
        },
    );
}

#[test]
fn an_event_of_an_order_that_nobody_tied() {
    at_every_crash_point(
        |practice| practice.invoice("invoice", 100),
        |practice, _| practice.razorpay("evt_1", &captured("pay_1", ORDER, 60)),
        |practice, invoice, _| {
            assert_eq!(
                practice.dead(),
                [("payment.captured".to_owned(), "unknown_order".to_owned())]
            );
            practice.tie(invoice, Gateway::Razorpay, ORDER);
            assert_eq!(practice.standing(invoice).1, 60);
            assert_eq!(practice.dead(), []);
        },
    );
}

#[test]
fn an_event_that_tells_of_no_payment() {
    at_every_crash_point(
        |practice| practice.invoice("invoice", 100),
        |practice, _| practice.razorpay("evt_1", &json!({"event": "settlement.processed", "created_at": AT})),
        |practice, _, _| {
            let noted = practice.expect(200, Call::get("/v1/billing/webhook-events?state=noted"));
            assert_eq!(noted.json["events"].as_array().unwrap().len(), 1);
        },
    );
}

#[test]
fn replaying() {
    at_every_crash_point(
        |practice| {
            // The last of these attempts is one too many to wait for its order.
            for n in 0..33 {
                let attempt = payment("payment.failed", &format!("pay_{n}"), ORDER, "failed", 100);
                practice.deliver(&practice.razorpay("evt", &attempt));
            }
            let invoice = practice.invoice("invoice", 100);
            practice.tie(&invoice, Gateway::Razorpay, ORDER);
            let listed = practice.expect(200, Call::get("/v1/billing/webhook-events"));
            let event = listed.json["events"][0]["id"].as_str().unwrap().to_owned();
            format!("{invoice} /v1/billing/webhook-events/{event}/replay")
        },
        |practice, paths| {
            let replay = paths.split_once(' ').unwrap().1;
            Call::post(replay, &json!({})).bearer(&practice.cast.billing.token)
        },
        |practice, paths, answer| {
            assert_eq!(answer.text("state"), "applied");
            let invoice = practice.expect(200, Call::get(paths.split_once(' ').unwrap().0));
            assert_eq!(invoice.json["gateway_payments"].as_array().unwrap().len(), 33);
            assert_eq!(practice.dead(), []);
        },
    );
}

#[test]
fn dismissing() {
    at_every_crash_point(
        |practice| {
            practice.deliver(&practice.razorpay("evt_1", &captured("pay_1", ORDER, 60)));
            let listed = practice.expect(200, Call::get("/v1/billing/webhook-events"));
            let event = listed.json["events"][0]["id"].as_str().unwrap();
            format!("/v1/billing/webhook-events/{event}/dismiss")
        },
        |practice, dismiss| Call::post(dismiss, &json!({"reason": "A test"})).bearer(&practice.cast.billing.token),
        |practice, _, answer| {
            assert_eq!(answer.text("state"), "dismissed");
            assert_eq!(practice.dead(), []);
            let listed = practice.expect(200, Call::get("/v1/billing/webhook-events?state=dismissed"));
            assert_eq!(listed.json["events"], json!([answer.json]));
        },
    );
}

/// A delivery that broke off, of a gateway that tells no more: whoever finds it and replays it has it among the dead letters.
#[test]
fn replaying_an_event_that_died_on_its_way() {
    let practice = Practice::new();
    practice.deliver(&practice.razorpay("evt_0", &json!({"event": "settlement.processed", "created_at": AT})));
    let moment = Moment::after(&practice);
    let mut found = 0;
    for nth in 0.. {
        let practice = moment.resume(nth);
        let nth = usize::try_from(nth).unwrap();
        let delivery = practice.razorpay("evt_1", &captured("pay_1", ORDER, 60));
        practice.world.stores.arm(nth, Fault::KilledAfter);
        survive(|| practice.send(&delivery));
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        practice.world.clock.advance(SignedDuration::from_secs(61));
        let listed = practice.expect(200, Call::get("/v1/billing/webhook-events?state=received"));
        for event in listed.json["events"].as_array().unwrap() {
            let replay = format!("/v1/billing/webhook-events/{}/replay", event["id"].as_str().unwrap());
            assert_eq!(
                practice.expect(200, Call::post(replay, &json!({}))).text("state"),
                "dead"
            );
            let reason = ("payment.captured".to_owned(), "unknown_order".to_owned());
            assert_eq!(practice.dead(), [reason], "{nth}");
            found += 1;
        }
        if !reached {
            break;
        }
    }
    assert!(found > 0);
}

/// A delivery that broke off, of a gateway that tells no more: once the session is tied, whoever finds the event replays it.
#[test]
fn replaying_an_event_of_a_session() {
    let session = "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4W";
    let practice = Practice::new();
    let invoice = practice.invoice("invoice", 100);
    practice.deliver(&practice.razorpay("evt_0", &captured("pay_0", "order_other", 10)));
    let moment = Moment::after(&practice);
    let mut replayed = 0;
    for nth in 0.. {
        let practice = moment.resume(nth);
        let nth = usize::try_from(nth).unwrap();
        let completed = json!({"id": session, "payment_intent": INTENT, "payment_status": "paid", "amount_total": 60,
            "currency": "inr"});
        let delivery = practice.stripe(&stripe_event("evt_1", "checkout.session.completed", completed));
        practice.world.stores.arm(nth, Fault::KilledAfter);
        survive(|| practice.send(&delivery));
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        practice.world.clock.advance(SignedDuration::from_secs(61));
        practice.tie(&invoice, Gateway::Stripe, session);
        for state in ["received", "dead"] {
            let listed = practice.expect(200, Call::get(format!("/v1/billing/webhook-events?state={state}")));
            for event in listed.json["events"].as_array().unwrap() {
                if event["gateway_event_id"] == "evt_1" {
                    let replay = format!("/v1/billing/webhook-events/{}/replay", event["id"].as_str().unwrap());
                    let replay = practice.expect(200, Call::post(replay, &json!({})));
                    assert_eq!(replay.text("state"), "applied", "{nth}");
                    assert_eq!(practice.standing(&invoice).1, 60, "{nth}");
                    replayed += 1;
                }
            }
        }
        practice.assert_whole();
        if !reached {
            assert_eq!(practice.standing(&invoice).1, 60, "nothing broke off");
            break;
        }
    }
    assert!(replayed > 0);
}

/// Into an empty file, and over what was imported before.
#[test]
fn importing_claims_and_explanations() {
    let parts = [insurance::claim(1, 110), insurance::explanation(1, 90)];
    for before in [&[][..], &[insurance::claim(1, 100)]] {
        break_off(
            |practice| {
                if !before.is_empty() {
                    practice.import(before);
                }
                String::new()
            },
            |practice, _| practice.importing(&parts),
            |_, again, case| assert_eq!(again.json["outcomes"], json!(vec!["unchanged"; 2]), "{case}"),
            |practice, _, answer| {
                // Of an import that broke off, all that it had not come to is done by the next.
                let outcomes = answer.json["outcomes"].as_array().unwrap();
                assert_eq!(outcomes.len(), 2);
                assert!(!outcomes.contains(&json!("kept")), "{outcomes:?}");
                assert_eq!(practice.import(&parts), ["unchanged"; 2]);
                for part in &parts {
                    let read = practice.expect(200, Call::get(practice.path_of(part)));
                    assert_eq!(read.json["content"], part["content"]);
                    let is_replaced = before.iter().any(|old| old["id"] == part["id"] && old != part);
                    assert_eq!(read.json["revision"], if is_replaced { 2 } else { 1 });
                }
                let counts = ["claim", "explanation_of_benefit"].map(|kind| {
                    let listed = practice.expect(200, Call::get(practice.path_to(kind))).json;
                    let lists = listed.as_object().unwrap().values();
                    lists.map(|list| list.as_array().unwrap().len()).sum::<usize>()
                });
                assert_eq!(counts, [1, 1]);
            },
        );
    }
}
