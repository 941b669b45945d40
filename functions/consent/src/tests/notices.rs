//! Publishing notices, as whole requests.

use super::*;

#[test]
fn notices_are_public_and_never_change() {
    let practice = Practice::new();
    let first = practice.publish("first");
    let path = format!("/v1/consent/notices/{}", practice.clinic);
    let read = practice.send(&Call::get(format!("{path}/{first}")));
    assert_eq!((read.status, read.header("etag")), (200, Some("\"v2\"")));
    assert_eq!(read.text("series"), first);
    assert_eq!(read.json["version"], 1);
    // Over JSON.stringify of the content: the value was computed outside of this program.
    assert_eq!(
        read.text("sha256"),
        "5c8a89f88589ce691b5d7082bcd2defd143ff6204084aa34bfc6bd4fc7dfc384"
    );

    let replacing = |replaced: &str, key: &str| {
        let mut next = notice();
        next["title"] = json!("How we keep your data, from January");
        next["replaces"] = json!(replaced);
        practice.send(
            &Call::post("/v1/consent/notices", &next)
                .once(key)
                .bearer(&practice.officer.token),
        )
    };
    let second = replacing(&first, "second");
    assert_eq!(
        (second.status, &second.json["version"]),
        (201, &json!(2)),
        "{}",
        second.json
    );
    assert_eq!(
        (second.text("series"), second.text("replaces")),
        (first.clone(), first.clone())
    );
    assert_ne!(second.text("sha256"), read.text("sha256"));
    assert_eq!(
        second.header("location"),
        Some(format!("{path}/{}", second.text("notice_id")).as_str())
    );
    assert_eq!(replacing(&first, "second").json, second.json);
    assert_refused(&replacing(&first, "fork"), 409, "already-replaced");
    assert_violates(
        &replacing(&practice.world.entropy.id::<model::kind::Notice>().to_string(), "none"),
        "/replaces",
        "notice",
    );
    assert_eq!(replacing(&second.text("notice_id"), "third").json["version"], 3);
    // What was published stays as it was; that it was replaced is said beside it.
    let mut replaced = read.json.clone();
    replaced["replaced_by"] = second.json["notice_id"].clone();
    let read = practice.send(&Call::get(format!("{path}/{first}")));
    assert_eq!((&read.json, read.header("etag")), (&replaced, Some("\"v3\"")));

    let list = practice.send(&Call::get(&path));
    assert_eq!(list.header("etag"), Some("\"v3\""));
    let versions: Vec<_> = list.json["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| &notice["version"])
        .collect();
    assert_eq!(versions, [3, 2, 1]);
    let page = practice.send(&Call::get(format!("{path}?limit=2")));
    let rest = practice.send(&Call::get(format!("{path}?limit=2&cursor={}", page.text("next"))));
    assert_eq!(rest.json["notices"][0]["notice_id"], json!(first));
    assert_eq!(rest.json["next"], Value::Null);

    // Nobody else's, and nothing about who asks, is kept.
    let stored = practice.world.stores.dump().len();
    let elsewhere: ClinicId = practice.world.entropy.id();
    assert_eq!(
        practice
            .send(&Call::get(format!("/v1/consent/notices/{elsewhere}")))
            .json,
        json!({"notices": []})
    );
    let missing = practice.send(&Call::get(format!("/v1/consent/notices/{elsewhere}/{first}")));
    assert_refused(&missing, 404, "not-found");
    assert_eq!(practice.world.stores.dump().len(), stored);
}

#[test]
fn notices_keep_their_rules() {
    let practice = Practice::new();
    for (field, value, rule) in [
        ("title", json!(" "), "length"),
        ("language", json!("en_GB"), "bcp-47"),
        ("text", json!(""), "length"),
        ("purposes", json!([]), "selection"),
        ("purposes", json!(["TREAT", "HMARKT"]), "prohibited-purpose"),
        ("classes", json!(["health", "health"]), "selection"),
        ("classes", json!(["audit"]), "consentable"),
        ("withdrawal", json!(""), "length"),
        ("complaint", json!(""), "length"),
        ("contact", json!("bell \u{7}"), "control-characters"),
    ] {
        let mut body = notice();
        body[field] = value;
        let refused = practice.as_admin(Call::post("/v1/consent/notices", &body).once("notice"));
        assert_violates(&refused, &format!("/{field}"), rule);
    }
    // The refusal names what is taken, and all that it names is.
    let publish = |key: &str, class: Value| {
        let (title, purposes) = (notice()["title"].clone(), notice()["purposes"].clone());
        let mut body = notice();
        body["items"] = json!([{"data": title, "class": class, "purposes": purposes, "use": "care"}]);
        body["classes"] = json!([class]);
        practice.as_admin(Call::post("/v1/consent/notices", &body).once(key))
    };
    let refused = publish("audit", json!("audit"));
    let errors = refused.json["errors"].as_array().unwrap();
    let detail = errors.iter().find(|error| error["rule"] == "consentable").unwrap()["detail"].clone();
    let named = detail.as_str().unwrap().strip_prefix("must be among ").unwrap();
    assert_eq!(named.split(", ").count(), 6, "{named}");
    for class in named.split(", ") {
        let published = publish(class, json!(class));
        assert_eq!(published.status, 201, "{}", published.json);
    }
    let by_clinician = practice.as_clinician(Call::post("/v1/consent/notices", &notice()).once("notice"));
    assert_refused(&by_clinician, 403, "access-denied");
}

#[test]
fn publishing_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let mut next = notice();
            next["replaces"] = json!(practice.publish("first"));
            Call::post("/v1/consent/notices", &next)
                .once("second")
                .bearer(&practice.admin.token)
        },
        |practice, answer| {
            let list = practice.send(&Call::get(format!("/v1/consent/notices/{}", practice.clinic)));
            let notices = list.json["notices"].as_array().unwrap();
            assert_eq!(notices.len(), 2);
            assert_eq!(notices[0]["notice_id"], answer.json["notice_id"]);
            assert!(answer.text("notice_id").parse::<NoticeId>().is_ok());
        },
    );
}
