//! What everybody's own account says of her.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use audit_trail::Decision;
use practicekit::sweep::{Chain, Moment, Sweep, recorded_as};
use practicekit::{ADMIN, Practice, ZOE, ZOE_PASSWORD, race};
use serde_json::{Value, json};
use testkit::{Answer, Call};

const PROFILE: &str = "/v1/auth/profile";

fn read(practice: &Practice, token: &str) -> Answer {
    let answer = practice.send(&Call::get(PROFILE).bearer(token));
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer
}

fn change(token: &str, version: &str, body: &Value) -> Call {
    Call::put(PROFILE, body).bearer(token).header("if-match", version)
}

#[test]
fn everybody_says_what_she_is_called() {
    let (practice, ada) = Practice::open(421);
    let admin = practice.log_in(&ada);
    practice.enrol_zoe(&ada);
    let zoe = practice.send(&practice.credentials(ZOE, ZOE_PASSWORD, None));
    let token = zoe.text("token");
    let before = read(&practice, &token);
    assert_eq!(
        before.json,
        json!({"account_id": zoe.text("account_id"), "display_name": "Somebody Else", "language": "en", "email": ZOE,
            "roles": ["client"], "clinic": {"clinic_id": practice.clinic, "name": "Practice on the Hill"}})
    );
    assert_eq!(
        recorded_as(&practice, &before),
        ("self.profile".to_owned(), Decision::Allowed)
    );

    let wanted = json!({"display_name": "Zoë Meier", "language": "de-CH"});
    let changed = practice.send(&change(&token, before.header("etag").unwrap(), &wanted));
    assert_eq!(changed.status, 204, "{}", changed.json);
    assert_eq!(
        recorded_as(&practice, &changed),
        ("self.profile".to_owned(), Decision::Allowed)
    );
    let after = read(&practice, &token);
    assert_eq!(after.header("etag"), changed.header("etag"));
    assert_ne!(after.header("etag"), before.header("etag"));
    let mut expected = before.json.clone();
    expected["display_name"] = wanted["display_name"].clone();
    expected["language"] = wanted["language"].clone();
    assert_eq!(after.json, expected, "and nothing else");
    let seen = Call::get(format!("/v1/auth/accounts/{}", zoe.text("account_id")));
    let seen = practice.send(&seen.bearer(&admin.text("token")));
    assert_eq!(seen.text("display_name"), "Zoë Meier");
    assert_eq!(
        read(&practice, &admin.text("token")).text("email"),
        ADMIN,
        "each her own"
    );
    assert_eq!(practice.send(&Call::get(PROFILE)).problem(), Some("unauthenticated"));
}

#[test]
fn what_is_wrong_changes_nothing() {
    let (practice, ada) = Practice::open(422);
    let token = practice.log_in(&ada).text("token");
    let before = read(&practice, &token);
    let version = before.header("etag").unwrap();
    let good = json!({"display_name": "Ada", "language": "de"});
    for (body, status, at) in [
        (
            json!({"display_name": " ", "language": "de"}),
            422,
            ("/display_name", "length"),
        ),
        (
            json!({"display_name": "A".repeat(201), "language": "de"}),
            422,
            ("/display_name", "length"),
        ),
        (
            json!({"display_name": "Ada", "language": "de_CH"}),
            422,
            ("/language", "language"),
        ),
        (json!({"display_name": "Ada"}), 400, ("", "")),
        (
            json!({"display_name": "Ada", "language": "de", "roles": ["clinician"]}),
            400,
            ("", ""),
        ),
        (
            json!({"display_name": "Ada", "language": "de", "email": "eve@example.org"}),
            400,
            ("", ""),
        ),
    ] {
        let refused = practice.send(&change(&token, version, &body));
        assert_eq!(refused.status, status, "{body}");
        let error = &refused.json["errors"][0];
        if status == 422 {
            assert_eq!(
                (&error["field"], &error["rule"]),
                (&json!(at.0), &json!(at.1)),
                "{body}"
            );
        }
    }
    let without = Call::put(PROFILE, &good).bearer(&token);
    assert_eq!(practice.send(&without).problem(), Some("precondition-required"));
    assert_eq!(read(&practice, &token).json, before.json);
    assert_eq!(read(&practice, &token).header("etag"), Some(version));

    // What has happened to the account since she looked, she looks at first.
    practice.log_in(&ada);
    let late = practice.send(&change(&token, version, &good));
    assert_eq!((late.status, late.problem()), (412, Some("stale-version")));
    assert_eq!(read(&practice, &token).json, before.json);
}

#[test]
fn a_change_that_was_broken_off_is_repeated() {
    let (practice, ada) = Practice::open(423);
    let token = practice.log_in(&ada).text("token");
    let version = read(&practice, &token).header("etag").unwrap().to_owned();
    let wanted = json!({"display_name": "Ada O.", "language": "hi"});
    let is_done = |practice: &Practice| {
        let now = read(practice, &token).json;
        assert_eq!(
            json!({"display_name": now["display_name"], "language": now["language"]}),
            wanted
        );
    };
    let sweep = Sweep {
        moment: &Moment::after(&practice),
        request: |_: &Practice| change(&token, &version, &wanted),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            if first.is_some() {
                is_done(practice);
            }
        },
        verify: |practice: &Practice, _: Option<&Answer>, again: &Answer| {
            assert_eq!(again.status, 204, "{}", again.json);
            is_done(practice);
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    sweep.run(Chain::Begun);
}

/// Of two pages that change it at one time, one is told to look again.
#[test]
fn no_change_goes_over_another() {
    let prepare = |practice: &Practice, ada: &practicekit::Person| {
        let token = practice.log_in(ada).text("token");
        let version = read(practice, &token).header("etag").unwrap().to_owned();
        let rename = |name: &str| change(&token, &version, &json!({"display_name": name, "language": "en"}));
        (rename("Ada"), rename("Dr Okafor"))
    };
    race(424, prepare, |nth, one, other| {
        let statuses = [one.status, other.map_or(412, |other| other.status)];
        assert!(matches!(statuses, [204, 412] | [412, 204]), "{nth}: {statuses:?}");
    });
}
