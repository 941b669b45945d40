//! Figures about all clients.

use http::Method;
use web::{Exchange, Problem, Reply, Route};

use super::*;

const AGGREGATES: &str = "/v1/exchange/aggregates";

fn diagnosed(code: &str, status: &str) -> Value {
    json!({"kind": "diagnosis", "content": {"code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": code}], "text": "SECRET"},
        "verification_status": status}})
}

fn assessed(instrument: &str, answers: &[u8], on: &str) -> Value {
    json!({"kind": "assessment", "content": {"instrument": instrument, "administered_at": format!("{on}T10:00:00Z"), "answers": answers}})
}

impl Practice {
    /// A client of this gender and year of birth, without a word for figures: none is needed.
    fn enrol(&self, key: &str, gender: &str, born: u16) -> OpenedClient {
        let client = self.open(key, &["TREAT", "PATADMIN"]);
        self.register(
            &client.id,
            &json!({"name": {"family": format!("SECRET-{key}")}, "birth_date": format!("{born}-06-01"),
            "gender": gender, "preferences": {"language": "en", "channels": []}}),
        );
        client
    }

    fn enrol_many(&self, count: usize, gender: &str, born: u16) -> Vec<OpenedClient> {
        (0..count)
            .map(|number| self.enrol(&format!("{gender}-{born}-{number}"), gender, born))
            .collect()
    }

    fn figures(&self, by: &[&str]) -> Answer {
        self.send(
            &self.officer.token,
            Some("HQUALIMP"),
            Call::post(AGGREGATES, &json!({"by": by})),
        )
    }

    #[track_caller]
    fn counted(&self, by: &[&str]) -> Value {
        let answer = self.figures(by);
        assert_eq!(answer.status, 200, "{}", answer.json);
        let mut json = answer.json;
        assert_eq!((&json["as_of"], &json["by"]), (&json!("2026-12-01"), &json!(by)));
        assert!(!json.to_string().contains("SECRET"), "{json}");
        let fields = json.as_object_mut().unwrap();
        fields.remove("as_of");
        fields.remove("by");
        json
    }
}

fn shown(count: u64) -> Value {
    json!({"count": count})
}

fn suppressed() -> Value {
    json!({"count": null, "suppressed": true})
}

/// The figures of a list, in order, and its total.
fn list(rows: &[(&str, Option<u64>)], total: Option<u64>) -> Value {
    let figure = |count: Option<u64>| count.map_or_else(suppressed, shown);
    let rows: Vec<Value> = rows
        .iter()
        .map(|(category, count)| {
            let mut row = figure(*count);
            row["category"] = json!(category);
            row
        })
        .collect();
    json!({"rows": rows, "total": figure(total)})
}

/// A zero that were shown would say what the only client of a new clinic does not have, and the one figure without one what she has.
#[test]
fn of_ten_clients_every_figure_is_suppressed() {
    let practice = Practice::new();
    assert_eq!(practice.counted(&["gender"])["total"], shown(0));
    practice.enrol_many(10, "female", 1990);
    let by: [&[&str]; 4] = [
        &["gender"],
        &["phq9_severity"],
        &["gender", "pcl5_cut_point"],
        &["diagnosis"],
    ];
    for by in by {
        let figures = practice.counted(by).to_string();
        assert!(!figures.contains(r#""count":0"#), "{figures}");
        assert!(figures.contains(&format!(r#""total":{}"#, suppressed())), "{figures}");
    }
    practice.enrol("eleventh", "female", 1990);
    assert_eq!(practice.counted(&["gender"])["rows"][1]["count"], 0);
}

#[test]
fn small_numbers_are_suppressed_with_others_and_all_categories_are_there() {
    let practice = Practice::new();
    practice.enrol_many(14, "female", 1990);
    assert_eq!(
        practice.counted(&["gender"]),
        list(
            &[
                ("female", Some(14)),
                ("male", Some(0)),
                ("other", Some(0)),
                ("unknown", Some(0))
            ],
            Some(14)
        )
    );
    practice.enrol_many(12, "male", 1990);
    // The only one of her kind is not seen: one more of the next larger is hidden with her, and the number of all does not tell of her.
    let only = practice.enrol("only", "other", 1931);
    assert_eq!(
        practice.counted(&["gender"]),
        list(
            &[
                ("female", Some(14)),
                ("male", None),
                ("other", None),
                ("unknown", Some(0))
            ],
            Some(27)
        )
    );
    let ages = practice.counted(&["age_group"]);
    let categories: Vec<_> = ages["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["category"].as_str().unwrap())
        .collect();
    assert_eq!(
        categories,
        [
            "0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80-89", "90+", "unknown"
        ]
    );
    assert_eq!(
        (&ages["rows"][3]["count"], &ages["rows"][9]["count"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(ages["total"], shown(27));

    // The totals of a table are the lists, hidden where these are.
    let table = practice.counted(&["gender", "age_group"]);
    assert_eq!(table["columns"], json!(categories));
    let genders = practice.counted(&["gender"]);
    for (row, alone) in table["rows"]
        .as_array()
        .unwrap()
        .iter()
        .zip(genders["rows"].as_array().unwrap())
    {
        assert_eq!(row["category"], alone["category"]);
        assert_eq!(row["total"]["count"], alone["count"]);
        assert_eq!(row["cells"].as_array().unwrap().len(), 11);
        for cell in row["cells"].as_array().unwrap() {
            let count = &cell["count"];
            assert!(
                count.is_null() || count == 0 || count.as_u64().unwrap() >= 11,
                "{table}"
            );
        }
    }
    for (total, alone) in table["column_totals"]
        .as_array()
        .unwrap()
        .iter()
        .zip(ages["rows"].as_array().unwrap())
    {
        assert_eq!(total["count"], alone["count"]);
    }
    assert_eq!(table["rows"][2]["cells"][9], suppressed());
    assert_eq!(table["total"], shown(27));
    // Without a name, a code or an id of anybody.
    let all = format!("{genders}{ages}{table}");
    assert!(!all.contains(only.id.trim_start_matches("cli_")));

    // Both owners decided about each client each time, whatever was counted, and the roster was decided about once.
    let cohort = practice.trail(Function::Consent, Purpose::QualityImprovement);
    assert_eq!(cohort.len(), 5);
    assert!(
        cohort
            .iter()
            .all(|event| event.rule == "quality.cohort" && event.calling == Some(Function::Exchange))
    );
    for function in [Function::Identity, Function::Records] {
        let events = practice.trail(function, Purpose::QualityImprovement);
        assert_eq!(events.len(), 14 + 4 * 27, "{function}");
        for event in events {
            assert_eq!(
                (event.rule.as_str(), event.calling),
                ("quality.aggregates", Some(Function::Exchange))
            );
            assert_eq!(
                event.actor.as_ref().map(|actor| actor.account),
                Some(practice.officer.account)
            );
        }
    }
}

#[test]
fn whoever_hides_is_counted_nowhere_and_whoever_is_there_twice_once() {
    let practice = Practice::new();
    let clients = practice.enrol_many(13, "female", 1990);
    let total = |by: &[&str]| practice.counted(by)["total"].clone();
    let everywhere: [&[&str]; 4] = [
        &["gender"],
        &["phq9_severity"],
        &["gender", "pcl5_cut_point"],
        &["diagnosis"],
    ];
    for by in everywhere {
        assert_eq!(total(by), shown(13), "{by:?}");
    }
    // Hidden from one owner is hidden in every figure: of two lists about others the difference would be she.
    practice.hides(&clients[0].id, "health");
    for by in everywhere {
        assert_eq!(total(by), shown(12), "{by:?}");
    }
    practice.hides(&clients[1].id, "identity");
    for by in everywhere {
        assert_eq!(total(by), shown(11), "{by:?}");
    }
    // Two entries of one client are one; who is not registered is a client all the same; a couple's file is nobody.
    let body = json!({"surviving": clients[2].id, "duplicate": clients[3].id, "reason": "registered twice"});
    practice.succeeds(
        Function::Identity,
        &practice.admin.token,
        Call::post("/v1/identity/merges", &body)
            .once("merge")
            .header("purpose-of-use", "PATADMIN"),
    );
    assert_eq!(total(&["gender"]), suppressed());
    practice.open("unregistered", &["TREAT"]);
    assert_eq!(total(&["gender"]), shown(11));
    let couple = json!({"participants": [clients[4].id, clients[5].id]});
    practice.succeeds(
        Function::Consent,
        &practice.clinician.token,
        Call::post("/v1/consent/clients", &couple).once("couple"),
    );
    assert_eq!(total(&["gender"]), shown(11));
}

/// Whoever could take one client out by hiding her from an account would subtract: her own figures from before and after, or another's.
#[test]
fn what_is_hidden_by_name_changes_nobodys_figures() {
    let practice = Practice::new();
    let clients = practice.enrol_many(14, "female", 1990);
    for client in &clients {
        practice.write(&client.id, "fear", &diagnosed("F41.1", "confirmed"));
        practice.write(&client.id, "phq9", &assessed("PHQ-9", &[1; 9], "2026-11-05"));
    }
    let asked = |staff: &Staff| {
        [&["gender"][..], &["age_group", "phq9_severity"], &["diagnosis"]].map(|by| {
            let call = Call::post(AGGREGATES, &json!({"by": by}));
            let answer = practice.send(&staff.token, Some("HQUALIMP"), call);
            assert_eq!(answer.status, 200, "{}", answer.json);
            answer.json
        })
    };
    let (admin, officer) = (&practice.admin, &practice.officer);
    let before = asked(admin);
    assert!(before.iter().all(|figures| figures["total"] == shown(14)));
    assert_eq!(asked(officer), before);
    for (number, by, from, class) in [
        (0, admin, admin, None),
        (1, admin, admin, Some("health")),
        (2, admin, officer, Some("identity")),
        (3, officer, officer, None),
        (4, officer, admin, Some("health")),
    ] {
        let path = format!("/v1/consent/clients/{}/restrictions", clients[number].id);
        let restriction = json!({"account_id": from.account.to_string(), "class": class});
        practice.succeeds(
            Function::Consent,
            &by.token,
            Call::post(path, &restriction).once("hide"),
        );
        for staff in [admin, officer] {
            assert_eq!(asked(staff), before, "{number}");
        }
    }
    // What she hides from everybody is in nobody's.
    for (number, restriction, left) in [(5, json!({}), 13), (0, json!({"class": "health"}), 12)] {
        let path = format!("/v1/consent/clients/{}/restrictions", clients[number].id);
        let call = Call::post(path, &restriction).once("from-everybody");
        practice.succeeds(Function::Consent, &admin.token, call);
        let after = asked(admin);
        assert_eq!(asked(officer), after);
        assert!(after.iter().all(|figures| figures["total"] == shown(left)), "{after:?}");
    }
}

#[test]
fn the_latest_signed_assessment_counts() {
    let practice = Practice::new();
    let clients = practice.enrol_many(22, "female", 1990);
    for (number, client) in clients.iter().enumerate() {
        // Eleven were severe and are better; eleven are not.
        practice.write(&client.id, "early", &assessed("PHQ-9", &[3; 9], "2026-01-05"));
        if number < 11 {
            practice.write(
                &client.id,
                "late",
                &assessed(" phq-9", &[0, 0, 0, 0, 0, 0, 0, 0, 0], "2026-11-05"),
            );
        }
        practice.write(
            &client.id,
            "gad",
            &assessed("GAD-7", &[1, 1, 1, 1, 1, 0, 0], "2026-01-05"),
        );
        practice.write(&client.id, "pcl", &assessed("PCL-5", &[2; 20], "2026-01-05"));
        // What nobody has signed says nothing, nor does what is not scored.
        let mut draft = assessed("PHQ-9", &[1; 9], "2026-11-30");
        draft["status"] = json!("draft");
        practice.write(&client.id, "draft", &draft);
        let other = json!({"kind": "assessment", "content": {"instrument": "BDI-II", "administered_at": "2026-11-30T10:00:00Z",
            "scores": [{"scale": "severe", "score": 3}]}});
        practice.write(&client.id, "other", &other);
    }
    assert_eq!(
        practice.counted(&["phq9_severity"]),
        list(
            &[
                ("minimal", Some(11)),
                ("mild", Some(0)),
                ("moderate", Some(0)),
                ("moderately_severe", Some(0)),
                ("severe", Some(11)),
                ("unknown", Some(0))
            ],
            Some(22)
        )
    );
    assert_eq!(
        practice.counted(&["gad7_severity"])["rows"][1],
        json!({"category": "mild", "count": 22})
    );
    let table = practice.counted(&["phq9_severity", "pcl5_cut_point"]);
    assert_eq!(table["columns"], json!(["below", "within", "above", "unknown"]));
    assert_eq!(
        table["rows"][0]["cells"],
        json!([shown(0), shown(0), shown(11), shown(0)])
    );
}

#[test]
fn a_code_that_few_have_is_not_named() {
    let practice = Practice::new();
    let clients = practice.enrol_many(23, "female", 1990);
    for (number, client) in clients.iter().enumerate() {
        if number < 12 {
            practice.write(&client.id, "depression", &diagnosed("F32.1", "confirmed"));
            // Said twice it is one client's.
            practice.write(&client.id, "again", &diagnosed("F32.1", "provisional"));
        }
        if number < 10 {
            practice.write(&client.id, "fear", &diagnosed("F41.1", "confirmed"));
        }
        // What was ruled out, and what was a mistake, nobody has.
        practice.write(&client.id, "refuted", &diagnosed("F20.0", "refuted"));
        practice.write(&client.id, "mistake", &diagnosed("F20.5", "entered-in-error"));
    }
    practice.write(&clients[22].id, "rare", &diagnosed("G71.0", "confirmed"));
    let codes = practice.counted(&["diagnosis"]);
    assert_eq!(
        codes,
        json!({"rows": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F32.1", "count": 12}], "other": {"count": 11}, "total": {"count": 23}})
    );
    practice.hides(&clients[0].id, "health");
    let codes = practice.counted(&["diagnosis"]);
    assert_eq!(
        (&codes["rows"][0]["count"], &codes["other"]),
        (&json!(11), &suppressed())
    );
    practice.hides(&clients[1].id, "health");
    let codes = practice.counted(&["diagnosis"]);
    assert_eq!((&codes["rows"], &codes["total"]), (&json!([]), &shown(21)));
}

#[test]
fn it_is_for_improving_care_and_for_those_who_answer_for_it() {
    let practice = Practice::new();
    let call = || Call::post(AGGREGATES, &json!({"by": ["gender"]}));
    for purpose in [
        None,
        Some("TREAT"),
        Some("HRESCH"),
        Some("PATADMIN"),
        Some("HCOMPL"),
        Some("HMARKT"),
        Some("X-PROFILING"),
    ] {
        for token in [&practice.officer.token, &practice.admin.token] {
            let refused = practice.send(token, purpose, call());
            assert_refused(&refused, 400, "malformed-request");
            assert_names(&refused, "purpose-of-use", "purpose");
        }
    }
    for token in [&practice.officer.token, &practice.admin.token] {
        assert_eq!(practice.send(token, Some("HQUALIMP"), call()).status, 200);
    }
    for role in [
        Role::Clinician,
        Role::Billing,
        Role::Security,
        Role::Auditor,
        Role::Client,
    ] {
        let refused = practice.send(&practice.token(role), Some("HQUALIMP"), call());
        assert_refused(&refused, 403, "access-denied");
        assert!(refused.header("audit-id").is_some());
    }
    assert_refused(
        &practice.send("nobody", Some("HQUALIMP"), call()),
        401,
        "unauthenticated",
    );
    for (by, field, rule) in [
        (json!([]), "/by", "count"),
        (json!(["gender", "age_group", "phq9_severity"]), "/by", "count"),
        (json!(["gender", "gender"]), "/by/1", "unique"),
        (json!(["gender", "diagnosis"]), "/by", "alone"),
    ] {
        let refused = practice.send(
            &practice.officer.token,
            Some("HQUALIMP"),
            Call::post(AGGREGATES, &json!({"by": by})),
        );
        assert_refused(&refused, 422, "invalid-content");
        assert_names(&refused, field, rule);
    }
    // Nobody chooses whom the figures are about.
    let client = practice.open("client", &["TREAT"]);
    for body in [
        json!({"by": ["gender"], "clients": [client.id]}),
        json!({"by": ["name"]}),
        json!({}),
    ] {
        let refused = practice.send(&practice.officer.token, Some("HQUALIMP"), Call::post(AGGREGATES, &body));
        assert_refused(&refused, 400, "malformed-request");
    }
}

/// A clinic's roster of 2 001 clients, in pages.
fn large(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    exchange.calling_function()?;
    let asked: Value = exchange.json()?;
    let page = asked["cursor"].as_u64().unwrap_or(0);
    let ids: Vec<String> = (0..500)
        .map(|number| page * 500 + number)
        .filter(|number| *number <= 2_000)
        .map(|number| model::ClientId::from_bytes(u128::from(number).to_be_bytes()).to_string())
        .collect();
    let mut answer = json!({"clients": ids});
    if page < 4 {
        answer["next"] = json!(page + 1);
    }
    Reply::ok(&answer)
}

#[test]
fn a_clinic_that_is_too_large_is_told_so_before_anybody_is_looked_at() {
    let practice = Practice::new();
    practice.world.deploy(
        Function::Consent,
        &[Route::private(Method::POST, "/v1/consent/private/clients", large)],
    );
    assert_refused(&practice.figures(&["gender"]), 422, "clinic-too-large");
    assert_eq!(practice.trail(Function::Identity, Purpose::QualityImprovement).len(), 0);
}

/// What figures cost: of each client the same few operations, however many there are. Hosts end a request after thirty seconds.
#[test]
fn a_client_costs_the_same_in_a_large_clinic_as_in_a_small_one() {
    let practice = Practice::new();
    let cost = || {
        practice.world.stores.arm(usize::MAX, testkit::Fault::Refused);
        practice.counted(&["gender", "phq9_severity"]);
        let operations = practice.world.stores.operations();
        practice.world.stores.disarm();
        operations
    };
    let enrol = |born| {
        for client in practice.enrol_many(40, "female", born) {
            practice.write(&client.id, "phq9", &assessed("PHQ-9", &[1; 9], "2026-11-05"));
        }
    };
    enrol(1990);
    // The first chains of the trail are begun, which costs more than going on with them.
    cost();
    let few = cost();
    enrol(1960);
    let more = cost();
    // The README says so: two calls, and fourteen operations on stores. Beside these a full head of a chain is moved out of the way now and then.
    assert!((14..=15).contains(&((more - few) / 40)), "{few} {more}");
}
