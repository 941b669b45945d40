//! Authorizations to share with somebody, as whole requests.

use super::*;

#[test]
fn an_authorization_opens_a_class_to_one_account_alone() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice = testkit::notice(&["TREAT"], &["health", "psychotherapy"]);
    let notice = practice
        .as_admin(Call::post("/v1/consent/notices", &notice).once("notice"))
        .text("notice_id");
    let mut terms = terms(&notice);
    terms["classes"] = json!(["psychotherapy"]);
    terms["recipient"] = json!({"account": practice.colleague.account.to_string()});
    let author = practice.clinician.account;
    let reading = |staff: &Staff| {
        let question = format!("role=clinician&action=read&class=psychotherapy&author_id={author}");
        practice.rule(&client, staff.account, &question)
    };
    let stranger = practice.somebody(Role::Clinician);
    assert_eq!(reading(&practice.colleague), "deny.no-rule");
    let given = practice.give(&client, "give", &terms);
    assert_eq!(given.status, 201, "{}", given.json);
    assert_eq!(given.json["recipient"], terms["recipient"]);
    assert_eq!(practice.file(&client)["consents"][0]["recipient"], terms["recipient"]);
    assert_eq!(reading(&practice.colleague), "authorized.psychotherapy-notes");
    // It is no ground for anybody else, and not even for the author.
    assert_eq!(reading(&stranger), "deny.no-rule");
    assert_eq!(reading(&practice.clinician), "deny.no-consent");
    // To read, and not to write; and nothing but that class.
    for question in ["action=create&class=psychotherapy", "action=read&class=health"] {
        let question = format!("role=clinician&{question}&author_id={author}");
        assert_eq!(
            practice.rule(&client, practice.colleague.account, &question),
            "deny.no-rule",
            "{question}"
        );
    }
    practice.withdraw(&client, &given.text("consent_id"));
    assert_eq!(reading(&practice.colleague), "deny.no-rule");

    // Somebody else, by name, is let at nothing here: it is a proof of what may be sent.
    terms["recipient"] = json!({"name": "Dr. Okafor, Quay Street"});
    let named = practice.give(&client, "named", &terms);
    assert_eq!(named.json["recipient"], terms["recipient"]);
    for staff in [&practice.clinician, &practice.colleague, &stranger] {
        assert!(reading(staff).starts_with("deny."));
    }
    let receipt = Call::get(format!(
        "/v1/consent/clients/{client}/consents/{}/receipt",
        named.text("consent_id")
    ));
    let receipt = practice.as_clinician(receipt);
    assert!(
        receipt.json["record"]["recipient_third_parties"]
            .to_string()
            .contains("Okafor")
    );
}

/// It is the client's word, so an account that it lets at her data does not say that it was given, by whichever of its roles.
#[test]
fn nobody_records_an_authorization_for_her_own_account() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice = testkit::notice(&["TREAT"], &["psychotherapy"]);
    let notice = practice
        .as_admin(Call::post("/v1/consent/notices", &notice).once("notice"))
        .text("notice_id");
    let colleague = practice.colleague.account;
    let mut terms = terms(&notice);
    terms["classes"] = json!(["psychotherapy"]);
    terms["recipient"] = json!({"account": colleague.to_string()});
    let give = |terms: &Value| Call::post(format!("/v1/consent/clients/{client}/consents"), terms).once("give");
    practice.accepted(
        &practice.admin.token,
        Call::put(practice.member(&client, colleague), &json!({})),
    );
    let roles = |roles: &[Role]| log_in(&practice.world, roles, practice.clinic, colleague, None);
    practice.refused(&practice.colleague.token, give(&terms), 409, "own-authorization");
    for purpose in ["TREAT", "PATADMIN"] {
        let call = give(&terms).header("purpose-of-use", purpose);
        let both = roles(&[Role::Clinician, Role::ClinicAdmin]);
        practice.refused(&both, call, 409, "own-authorization");
    }
    practice.accepted(&practice.clinician.token, give(&terms));
}

#[test]
fn an_authorization_keeps_its_rules() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice = testkit::notice(&["TREAT"], &["health", "psychotherapy"]);
    let notice = practice
        .as_admin(Call::post("/v1/consent/notices", &notice).once("notice"))
        .text("notice_id");
    let name = |name: &str| json!({"name": name});
    let call = |recipient: Value, classes: Value| {
        let mut terms = terms(&notice);
        terms["classes"] = classes;
        terms["recipient"] = recipient;
        Call::post(format!("/v1/consent/clients/{client}/consents"), &terms).once("give")
    };
    let token = &practice.clinician.token;
    let both = json!(["health", "psychotherapy"]);
    practice.violated(
        token,
        call(name("Dr. Okafor"), both.clone()),
        "/classes",
        "psychotherapy-alone",
    );
    practice.violated(token, call(name(""), json!(["health"])), "/recipient/name", "length");
    practice.violated(
        token,
        call(name(&"n".repeat(201)), json!(["health"])),
        "/recipient/name",
        "length",
    );
    for recipient in [
        json!({"email": "SECRET"}),
        json!({"account": "acc_SECRET"}),
        json!("SECRET"),
    ] {
        practice.refused(token, call(recipient, json!(["health"])), 400, "malformed-request");
    }
    // Without a recipient it is a consent, and covers what it says.
    let mut terms = terms(&notice);
    terms["classes"] = both;
    let give = Call::post(format!("/v1/consent/clients/{client}/consents"), &terms).once("give");
    practice.accepted(token, give);
}

#[test]
fn channels_are_agreed_to_each_once() {
    let practice = Practice::new();
    let (client, notice) = (practice.open("open"), practice.publish("notice"));
    let mut terms = terms(&notice);
    terms["channels"] = json!(["email", "email"]);
    let call = Call::post(format!("/v1/consent/clients/{client}/consents"), &terms).once("give");
    practice.violated(&practice.clinician.token, call, "/channels", "selection");
    terms["channels"] = json!(["email", "sms"]);
    let given = practice.give(&client, "give", &terms);
    assert_eq!(given.json["channels"], terms["channels"], "{}", given.json);
    assert_eq!(practice.file(&client)["consents"][0]["channels"], terms["channels"]);
}
