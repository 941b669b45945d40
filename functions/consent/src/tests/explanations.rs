//! Why something would be decided as it would be, as whole requests.

use super::*;

fn asking(client: &str, account: AccountId, question: &str) -> Call {
    Call::get(format!(
        "/v1/consent/clients/{client}/access/explain?account_id={account}&{question}"
    ))
}

const READING: &str = "role=clinician&action=read&class=health";

#[test]
fn an_explanation_names_what_is_met_and_what_is_missing() {
    let practice = Practice::new();
    let client = practice.open("open");
    let explained = practice.accepted(
        &practice.officer.token,
        asking(&client, practice.clinician.account, READING),
    );
    let need = |need: &str, met: bool| (json!(need), json!(met));
    let needs = |row: &Value| -> Vec<(Value, Value)> {
        let needs = row["needs"].as_array().unwrap();
        assert!(needs.iter().all(|need| !need["meaning"].as_str().unwrap().is_empty()));
        needs
            .iter()
            .map(|need| (need["need"].clone(), need["met"].clone()))
            .collect()
    };
    assert_eq!(explained.json["decision"], json!("denied"));
    assert_eq!(explained.json["rule"], json!("deny.no-consent"));
    assert_eq!(explained.json["purpose"], json!("TREAT"));
    let considered = explained.json["considered"].as_array().unwrap();
    let rules: Vec<_> = considered.iter().map(|row| row["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["care.records", "supervision.records"]);
    assert_eq!(
        needs(&considered[0]),
        [need("care_team", true), need("not_hidden", true), need("ground", false)]
    );
    let notice = practice.publish("notice");
    assert_eq!(practice.give(&client, "give", &terms(&notice)).status, 201);
    let explained = practice.accepted(
        &practice.officer.token,
        asking(&client, practice.clinician.account, READING),
    );
    assert_eq!(explained.json["decision"], json!("allowed"));
    assert_eq!(explained.json["rule"], json!("care.records"));
}

#[test]
fn an_explanation_is_for_the_client_who_acts_for_her_and_the_privacy_officer() {
    let practice = Practice::new();
    let client = practice.open("open");
    let call = asking(&client, practice.clinician.account, READING);
    let guardian = practice.somebody(Role::Guardian);
    let token = &practice.admin.token;
    practice.refused(&guardian.token, call.clone(), 403, "access-denied");
    let name = Call::put(
        format!("/v1/consent/clients/{client}/representatives/{}", guardian.account),
        &json!({"authority": "guardian", "verification": "order"}),
    );
    practice.accepted(token, name);
    let her = practice.own(&client).token;
    for token in [&her, &guardian.token, &practice.officer.token] {
        let explained = practice.accepted(token, call.clone());
        assert_eq!(explained.json["rule"], json!("deny.no-consent"));
    }
    for role in [
        Role::Clinician,
        Role::ClinicAdmin,
        Role::Billing,
        Role::Auditor,
        Role::Security,
    ] {
        practice.refused(&practice.somebody(role).token, call.clone(), 403, "access-denied");
    }
    practice.refused(&practice.clinician.token, call.clone(), 403, "access-denied");
    let other = practice.own(&practice.open("other")).token;
    practice.refused(&other, call, 403, "access-denied");
    for question in [
        "role=SECRET&action=read&class=health",
        "role=clinician&action=read",
        "mood=SECRET",
    ] {
        let call = asking(&client, practice.clinician.account, question);
        practice.refused(&her, call, 400, "malformed-request");
    }
    let marketing = format!("{READING}&purpose=HMARKT");
    assert_eq!(
        practice.rule(&client, practice.clinician.account, &marketing),
        "deny.prohibited-purpose"
    );
}

/// What is explained is what happens: each request is sent, and answered as the explanation says.
#[test]
fn an_explanation_is_the_decision() {
    let practice = Practice::new();
    let client = practice.open("open");
    let her = practice.own(&client);
    let guardian = practice.somebody(Role::Guardian);
    let consents = format!("/v1/consent/clients/{client}/consents");
    let look = || {
        let parties = [
            ("clinician", &practice.clinician),
            ("clinician", &practice.colleague),
            ("clinic_admin", &practice.admin),
            ("privacy_officer", &practice.officer),
            ("client", &her),
            ("guardian", &guardian),
        ];
        parties.map(|(role, staff)| {
            let asked = [
                ("action=list&class=consent", Call::get(&consents)),
                (
                    "action=read&class=consent",
                    Call::get(format!("/v1/consent/clients/{client}")),
                ),
                (
                    "action=list&class=emergency_access",
                    Call::get(format!("/v1/consent/clients/{client}/emergency-access")),
                ),
                (
                    "action=create&class=restriction",
                    Call::post(format!("/v1/consent/clients/{client}/restrictions"), &json!({})).once(role),
                ),
            ];
            asked.map(|(question, call)| {
                let rule = practice.rule(&client, staff.account, &format!("role={role}&{question}"));
                let status = practice.send(&call.bearer(&staff.token)).status;
                assert_eq!(
                    rule.starts_with("deny."),
                    status == 403,
                    "{role} {question}: {rule} {status}"
                );
                rule
            })
        })
    };
    let before = look();
    practice.accepted(
        &practice.admin.token,
        Call::put(practice.member(&client, practice.colleague.account), &json!({})),
    );
    let path = format!("/v1/consent/clients/{client}/representatives/{}", guardian.account);
    let body = json!({"authority": "guardian", "verification": "order"});
    practice.accepted(&practice.admin.token, Call::put(path, &body));
    assert_ne!(look(), before);
}

/// What a child hides from her parent, and who broke the glass, no explanation tells her: it is the same before and after.
#[test]
fn an_explanation_tells_a_parent_nothing_that_is_hidden_from_her() {
    let practice = Practice::new();
    let (client, notice) = (practice.open("open"), practice.publish("notice"));
    assert_eq!(practice.give(&client, "give", &terms(&notice)).status, 201);
    let parent = practice.somebody(Role::Guardian);
    let name = |reads_records: bool| {
        let path = format!("/v1/consent/clients/{client}/representatives/{}", parent.account);
        let body = json!({"authority": "guardian", "verification": "order", "reads_records": reads_records});
        practice.accepted(&practice.admin.token, Call::put(path, &body));
    };
    let explained = |token: &str| {
        let questions = [
            (&practice.clinician, READING.to_owned()),
            (&practice.colleague, format!("{READING}&purpose=BTG")),
        ];
        questions.map(|(staff, question)| practice.accepted(token, asking(&client, staff.account, &question)).json)
    };
    name(false);
    let before = explained(&parent.token);
    let rules = |explained: [Value; 2]| explained.map(|explanation| explanation["rule"].as_str().unwrap().to_owned());
    assert_eq!(rules(before.clone()), ["care.records", "deny.no-rule"]);
    let her = practice.own(&client).token;
    let restrictions = format!("/v1/consent/clients/{client}/restrictions");
    let hide = Call::post(&restrictions, &json!({"class": "health"})).once("hide");
    let hidden = practice.accepted(&her, hide).text("restriction_id");
    let taking = Call::post(
        format!("/v1/consent/clients/{client}/emergency-access"),
        &json!({"reason": "SECRET she called from a bridge"}),
    );
    practice.accepted(&practice.colleague.token, taking.once("break"));
    for reads_records in [false, true] {
        name(reads_records);
        assert_eq!(explained(&parent.token), before);
        for token in [&her, &practice.officer.token] {
            assert_eq!(rules(explained(token)), ["deny.restricted", "emergency.records"]);
        }
    }
    // Where nothing is hidden from her, and she may read the records, she sees what is there.
    practice.accepted(&her, Call::delete(format!("{restrictions}/{hidden}")));
    assert_eq!(rules(explained(&parent.token)), ["care.records", "emergency.records"]);
}
