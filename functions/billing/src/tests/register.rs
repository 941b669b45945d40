//! What is owed to a clinic, by whomever.

use super::*;
use audit_trail::Decision;

const REGISTER: &str = "/v1/billing/invoices";

/// Client and invoice of each that is listed.
fn listed(answer: &Answer) -> Vec<(String, String)> {
    let text = |invoice: &Value, field: &str| invoice[field].as_str().unwrap().to_owned();
    let invoices = answer.json["invoices"].as_array().unwrap().iter();
    invoices
        .map(|invoice| (text(invoice, "client_id"), text(invoice, "id")))
        .collect()
}

impl Practice {
    /// Another client who agrees to be billed, and an invoice of hers: her id, and the invoice's.
    fn invoiced(&self, key: &str, amount: i64) -> (String, String) {
        let client = self.open(key);
        self.agree(&client, key);
        let path = format!("/v1/billing/clients/{client}/invoices");
        let written = self.expect(201, Call::post(path, &content(amount)).once(key));
        (client, written.text("id"))
    }

    /// An invoice of the client whom the practice begins with.
    fn own(&self, key: &str, amount: i64) -> (String, String) {
        let path = self.invoice(key, amount);
        let (_, id) = path.rsplit_once('/').unwrap();
        (self.cast.client.clone(), id.to_owned())
    }

    fn register(&self, query: &str) -> Vec<(String, String)> {
        listed(&self.expect(200, Call::get(format!("{REGISTER}{query}"))))
    }
}

#[test]
fn what_is_owed_is_listed_whosever_it_is() {
    let practice = Practice::new();
    assert!(practice.register("").is_empty());
    let first = practice.own("first", 100);
    let second = practice.invoiced("second", 200);
    let third = practice.own("third", 300);
    let answer = practice.expect(200, Call::get(REGISTER));
    assert_eq!(listed(&answer), [third.clone(), second.clone(), first.clone()]);
    let own = practice.expect(200, Call::get(practice.path()));
    let mut of_her = answer.json["invoices"][0].clone();
    of_her.as_object_mut().unwrap().remove("client_id");
    assert_eq!(of_her, own.json["invoices"][0], "as her own list has it");

    // Page by page.
    let page = practice.expect(200, Call::get(format!("{REGISTER}?limit=2")));
    assert_eq!(listed(&page), [third.clone(), second.clone()]);
    let rest = format!("?limit=2&cursor={}", page.text("next"));
    assert_eq!(practice.register(&rest), std::slice::from_ref(&first));

    // What was paid is owed no more.
    let path = |(client, invoice): &(String, String)| format!("/v1/billing/clients/{client}/invoices/{invoice}");
    let pay = json!({"method": "cash", "amount": 100});
    practice.expect(201, Call::post(format!("{}/payments", path(&first)), &pay).once("pay"));
    practice.expect(201, Call::post(format!("{}/payments", path(&third)), &pay).once("part"));
    let void = Call::post(format!("{}/void", path(&second)), &json!({"reason": "A slip"})).header("if-match", "\"v1\"");
    practice.expect(200, void);
    for (query, expected) in [
        ("", vec![third.clone()]),
        ("?state=paid", vec![first]),
        ("?state=partly_paid", vec![third]),
        ("?state=void", vec![second]),
        ("?state=open", vec![]),
    ] {
        assert_eq!(practice.register(query), expected, "{query}");
    }
    assert_refused(
        &practice.as_billing(Call::get(format!("{REGISTER}?state=owed"))),
        400,
        "malformed-request",
    );
    assert_refused(
        &practice.as_billing(Call::get(format!("{REGISTER}?client=x"))),
        400,
        "malformed-request",
    );
}

#[test]
fn each_client_on_the_list_is_a_decision_of_her_own() {
    let practice = Practice::new();
    let (first, other) = (practice.own("first", 100), practice.invoiced("other", 200));
    practice.own("second", 300);
    let before = practice.trail().len();
    let answer = practice.expect(200, Call::get(REGISTER));
    assert_eq!(practice.event(&answer).rule, "payment.clinic-book");
    let mut of_clients: Vec<Event> = practice.trail();
    of_clients.retain(|event| event.request == practice.event(&answer).request && event.subject.is_some());
    assert_eq!(
        practice.trail().len(),
        before + 3,
        "one for the list, and one for each client"
    );
    assert_eq!(of_clients.len(), 2);
    assert!(
        of_clients
            .iter()
            .all(|event| event.rule == "payment.billing" && event.action.name() == "list")
    );

    // Who agrees no more is not on it, and the trail says that she was asked about.
    practice.withdraw();
    let answer = practice.expect(200, Call::get(REGISTER));
    assert_eq!(listed(&answer), [other]);
    let request = practice.event(&answer).request;
    let mut denied = practice.trail();
    denied.retain(|event| event.request == request && event.decision == Decision::Denied);
    assert_eq!(denied.len(), 1);
    // Her own invoices are hers to read all the same.
    let own = Call::get(practice.path()).bearer(&practice.cast.herself.token);
    assert!(practice.send(&own).json["invoices"].to_string().contains(&first.1));
}

#[test]
fn the_register_is_for_billing_alone() {
    let practice = Practice::new();
    practice.own("first", 100);
    let before = practice.state();
    for token in [
        &practice.cast.clinician.token,
        &practice.cast.admin.token,
        &practice.cast.herself.token,
    ] {
        let answer = practice.send(&Call::get(REGISTER).bearer(token));
        assert_refused(&answer, 403, "access-denied");
        assert_eq!(practice.event(&answer).decision, Decision::Denied);
    }
    assert_eq!(practice.send(&Call::get(REGISTER)).status, 401);
    assert!(practice.state() == before);
}

#[test]
fn a_page_ends_where_it_has_looked_through_enough() {
    let practice = Practice::new();
    let owed = practice.own("owed", 100);
    for n in 0..crate::register::LOOKED_AT {
        let (client, invoice) = practice.own(&format!("paid-{n}"), 1);
        let path = format!("/v1/billing/clients/{client}/invoices/{invoice}/payments");
        practice.expect(
            201,
            Call::post(path, &json!({"method": "cash", "amount": 1})).once("pay"),
        );
    }
    let page = practice.expect(200, Call::get(REGISTER));
    assert_eq!(listed(&page), []);
    let rest = practice.expect(200, Call::get(format!("{REGISTER}?cursor={}", page.text("next"))));
    assert_eq!(listed(&rest), [owed]);
    assert!(rest.json.get("next").is_none());
}

#[test]
fn what_she_hides_is_on_nobodys_list() {
    let practice = Practice::new();
    let hidden = practice.own("hidden", 100);
    let (others, others_invoice) = practice.invoiced("other", 200);
    let both = practice.register("");
    assert_eq!(both, [(others.clone(), others_invoice.clone()), hidden.clone()]);
    let path = format!("/v1/consent/clients/{}/restrictions", hidden.0);
    let from = |account: Option<AccountId>| match account {
        Some(account) => json!({"class": "billing", "account_id": account.to_string()}),
        None => json!({"class": "billing"}),
    };
    for (key, account) in [("from-one", Some(practice.cast.billing.account)), ("from-all", None)] {
        let call = Call::post(&path, &from(account))
            .once(key)
            .bearer(&practice.cast.herself.token);
        let hide = Answer::from(
            practice
                .world
                .serve(Function::Consent, &consent::ROUTES, &call.request()),
        );
        assert_eq!(hide.status, 201, "{}", hide.json);
        assert_eq!(practice.register(""), [(others.clone(), others_invoice.clone())]);
        let lift = Call::delete(format!("{path}/{}", hide.text("restriction_id"))).bearer(&practice.cast.herself.token);
        let lifted = Answer::from(
            practice
                .world
                .serve(Function::Consent, &consent::ROUTES, &lift.request()),
        );
        assert_eq!(lifted.status, 204, "{}", lifted.json);
    }
    assert_eq!(practice.register(""), both);
}

#[test]
fn a_request_that_is_repeated_late_is_in_the_register_once() {
    let practice = Practice::new();
    let first = practice.own("first", 100);
    for n in 0..40 {
        practice.own(&format!("later-{n}"), 1);
    }
    assert_eq!(practice.own("first", 100), first);
    let (mut listed, mut query) = (Vec::new(), "?limit=7".to_owned());
    loop {
        let page = practice.expect(200, Call::get(format!("{REGISTER}{query}")));
        listed.extend(self::listed(&page));
        let Some(next) = page.json["next"].as_str() else { break };
        query = format!("?limit=7&cursor={next}");
    }
    assert_eq!(listed.len(), 41);
    assert_eq!(listed.last(), Some(&first), "where it was entered first");
    assert!(
        practice
            .expect(200, Call::get(format!("{REGISTER}?limit=41")))
            .json
            .get("next")
            .is_none()
    );
}

#[test]
fn a_page_decides_about_so_many_clients() {
    let practice = Practice::new();
    for n in 0..=crate::register::DECIDED {
        practice.invoiced(&format!("client-{n}"), 100);
    }
    let before = practice.trail().len();
    let page = practice.expect(200, Call::get(REGISTER));
    assert_eq!(listed(&page).len(), crate::register::DECIDED);
    assert_eq!(practice.trail().len(), before + 1 + crate::register::DECIDED);
    assert_eq!(practice.register(&format!("?cursor={}", page.text("next"))).len(), 1);
}
