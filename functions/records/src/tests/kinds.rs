//! Each kind with all that it may say, through the whole function: what is written is what is read.

use super::*;

const SNOMED: &str = "http://snomed.info/sct";

fn coded(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [{"system": system, "code": code, "display": display}], "text": display})
}

/// A record of each kind with every field.
fn records() -> Vec<Value> {
    let other = "rec_00000000000000000000000000";
    let quantity = json!({"value": "71.57727343548594", "comparator": "<", "unit": "mm[Hg]",
        "system": "http://unitsofmeasure.org", "code": "mm[Hg]"});
    let reason = json!({"concept": coded(SNOMED, "444814009", "Viral sinusitis (disorder)"), "record": other});
    vec![
        json!({"kind": "progress_note", "content": {"session_at": "2026-11-30T10:00:00Z", "text": "SECRET"}}),
        json!({"kind": "assessment", "content": {"instrument": "PHQ-9", "administered_at": "2026-11-30T10:00:00Z",
            "answers": [1, 2, 3, 0, 1, 2, 3, 0, 1], "summary": "SECRET"}}),
        json!({"kind": "assessment", "content": {"instrument": "BDI-II", "administered_at": "2026-11-30T10:00:00Z",
            "scores": [{"scale": "total", "score": 17}]}}),
        json!({"kind": "treatment_plan", "content": {"status": "active", "period": {"start": "2026-12-01", "end": "2027-06-01"},
            "review_on": "2027-03-01", "categories": [coded(SNOMED, "53950000", "Respiratory therapy")],
            "problems": [{"description": "SECRET low mood", "diagnosis": other}],
            "goals": [],
            "activities": [{"code": coded(SNOMED, "304510005", "Recommendation to avoid exercise"), "status": "completed"}]}}),
        json!({"kind": "diagnosis", "content": {"code": coded("http://hl7.org/fhir/sid/icd-10-cm", "F33.1", "Recurrent"),
            "clinical_status": "resolved", "verification_status": "confirmed",
            "categories": [{"text": "encounter diagnosis"}], "severity": {"text": "moderate"},
            "onset": "2018", "abatement": "2019-04", "recorded": "2018-09-17T15:29:24+00:00", "note": "SECRET"}}),
        json!({"kind": "medication", "content": {
            "medication": coded("http://www.nlm.nih.gov/research/umls/rxnorm", "834061", "Penicillin V Potassium 250 MG Oral Tablet"),
            "status": "stopped", "intent": "order", "dosage": [{"text": "SECRET daily", "as_needed": false, "dose": {"value": "1"},
            "frequency": 1, "period": "1", "period_unit": "d"}], "period": {"start": "2013-11-07", "end": "2013-11-17"},
            "authored": "2013-11-07T05:17:03+00:00", "prescriber": "Dr. SECRET", "reasons": [reason], "note": "SECRET"}}),
        json!({"kind": "encounter", "content": {"status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "types": [coded(SNOMED, "185349003", "Encounter for check up (procedure)")],
            "period": {"start": "2012-09-10T15:29:24+00:00", "end": "2012-09-10T15:44:24+00:00"}, "reasons": [reason],
            "participants": ["Dr. SECRET"], "provider": "SECRET Clinic",
            "discharge": coded("http://www.nubc.org/patient-discharge", "01", "Discharged home safe")}}),
        json!({"kind": "observation", "content": {"code": coded("http://loinc.org", "85354-9", "Blood pressure"), "status": "final",
            "categories": [coded("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "vital-signs")],
            "effective": "2012-09-10T15:29:24+00:00", "issued": "2012-09-10T15:29:24.181+00:00",
            "components": [
                {"code": coded("http://loinc.org", "8462-4", "Diastolic Blood Pressure"), "value": {"quantity": quantity}},
                {"code": {"text": "position"}, "value": {"text": "SECRET sitting"}}, {"code": {"text": "cuff"}}],
            "value": {"concept": coded(SNOMED, "266919005", "Never smoker")}, "note": "SECRET"}}),
        json!({"kind": "procedure", "content": {"code": coded(SNOMED, "428191000124101", "Documentation of current medications"),
            "status": "completed", "performed": {"start": "2018-09-17T15:29:24+00:00", "end": "2018-09-17T15:44:24+00:00"},
            "performer": "Dr. SECRET", "reasons": [reason], "note": "SECRET"}}),
        json!({"kind": "immunization", "content": {
            "vaccine": coded("http://hl7.org/fhir/sid/cvx", "140", "Influenza, seasonal, injectable, preservative free"),
            "status": "completed", "occurrence": "2012-09-10T15:29:24+00:00", "primary_source": true, "note": "SECRET"}}),
        json!({"kind": "diagnostic_report", "content": {"code": coded("http://loinc.org", "58410-2", "Complete blood count"),
            "status": "partial", "categories": [coded("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB", "Laboratory")],
            "effective": "2012-09-10T15:29:24+00:00", "issued": "2012-09-10T15:29:24.181+00:00",
            "results": [{"record": other, "display": "Leukocytes"}], "conclusion": "SECRET"}}),
    ]
}

/// As is done with a draft that is signed.
#[test]
fn what_is_kept_of_each_kind_is_read_as_it_was_written() {
    for record in records() {
        let kind = serde_json::from_value(record["kind"].clone()).unwrap();
        let part: web::Part = serde_json::from_value(record["content"].clone()).unwrap();
        let content = crate::content::Content::read(kind, &part, "/content").unwrap();
        assert_eq!(content.written().unwrap().read().unwrap(), content, "{record}");
    }
}

/// The request that writes a record, its kind first: where its content breaks a rule of form, the error then says where.
fn kind_first(practice: &Practice, record: &Value, key: &str) -> Call {
    let mut rest = record.clone();
    let kind = rest.as_object_mut().unwrap().remove("kind").unwrap();
    let body = format!("{{\"kind\":{kind},{}", &rest.to_string()[1..]);
    Call::new(Method::POST, practice.path(RECORDS))
        .header("content-type", "application/json")
        .body(body)
        .once(key)
}

#[test]
fn what_is_written_of_each_kind_is_what_is_read() {
    let practice = Practice::new();
    let encounter = practice.world.entropy.id::<model::kind::Record>().to_string();
    let mut kinds = BTreeSet::new();
    for (number, mut record) in records().into_iter().enumerate() {
        if record["kind"] == "treatment_plan" {
            let goal = json!({"description": "SECRET sleep", "status": "active", "achievement": "in-progress", "measure": "hours",
                "target_date": "2027-02-01", "objectives": ["SECRET"], "interventions": ["SECRET"]});
            record["content"]["goals"] = json!([goal]);
        }
        record["encounter"] = json!(encounter);
        let written = practice.as_clinician(Call::post(practice.path(RECORDS), &record).once(&format!("{number}")));
        assert_eq!(written.status, 201, "{record}: {}", written.json);
        let read = practice.read(&written.text("id")).json;
        for field in ["kind", "content", "encounter"] {
            assert_eq!(read[field], record[field], "{record}");
        }
        let kind = record["kind"].as_str().unwrap();
        kinds.insert(kind.to_owned());
        let of_kind = practice.as_clinician(Call::get(format!("{}?kind={kind}", practice.path(RECORDS))));
        assert!(
            values(&of_kind, "records", "id").contains(&written.text("id")),
            "{kind}"
        );
    }
    assert_eq!(
        kinds.len(),
        10,
        "all but psychotherapy notes and documents, which begin as drafts"
    );
    assert!(practice.world.log().is_empty());
}

#[test]
fn scores_are_the_servers() {
    let practice = Practice::new();
    let scored = &records()[1];
    let written = practice.as_clinician(Call::post(practice.path(RECORDS), scored).once("scored"));
    let result = json!({"total": 13, "severity": "moderate", "self_harm": true});
    assert_eq!(written.json["result"], result, "{}", written.json);
    assert_eq!(practice.read(&written.text("id")).json["result"], result);
    let unscored = practice.as_clinician(Call::post(practice.path(RECORDS), &records()[2]).once("unscored"));
    assert_eq!(unscored.json.get("result"), None, "{}", unscored.json);
    let mut typed = scored.clone();
    typed["content"]["result"] = result;
    let refused = practice.as_clinician(kind_first(&practice, &typed, "typed"));
    assert_violates(&refused, 400, "/content/result", "unknown-field");
}

/// One thing changed in a record that is whole, and what it is refused for.
#[test]
fn each_kind_is_refused_where_it_breaks_a_rule() {
    let practice = Practice::new();
    let whole = |kind: &str| {
        let mut record = records().into_iter().find(|record| record["kind"] == kind).unwrap();
        if kind == "treatment_plan" {
            record["content"]["goals"] = json!([]);
        }
        record
    };
    let before = practice.world.stores.dump();
    let long = "x".repeat(501);
    for (kind, pointer, value, status, rule) in [
        (
            "treatment_plan",
            "/content/period/end",
            json!("2026-11-30"),
            422,
            "order",
        ),
        ("treatment_plan", "/content/status", json!("draft"), 400, "type"),
        (
            "treatment_plan",
            "/content/activities/0/code",
            json!({}),
            422,
            "content",
        ),
        (
            "treatment_plan",
            "/content/problems/0/description",
            json!(""),
            422,
            "length",
        ),
        (
            "diagnosis",
            "/content/code/coding/0/system",
            json!("icd-10"),
            422,
            "uri",
        ),
        ("diagnosis", "/content/code/coding/0/code", json!(" F33"), 422, "code"),
        ("diagnosis", "/content/clinical_status", json!("active"), 422, "abated"),
        ("diagnosis", "/content/abatement", json!("2017-12"), 422, "order"),
        (
            "diagnosis",
            "/content/verification_status",
            json!("certain"),
            400,
            "type",
        ),
        ("diagnosis", "/content/onset", json!("2027"), 422, "past"),
        ("diagnosis", "/content/abatement", json!("soon"), 400, "type"),
        ("medication", "/content/dosage/0/dose/value", json!("one"), 400, "type"),
        ("medication", "/content/dosage/0/dose/value", json!(1), 400, "type"),
        ("medication", "/content/dosage/0/dose/value", json!("-5"), 422, "range"),
        ("medication", "/content/dosage/0/frequency", json!(0), 422, "range"),
        ("medication", "/content/dosage/0/period", json!("-0.5"), 422, "range"),
        ("medication", "/content/prescriber", json!(long), 422, "length"),
        ("medication", "/content/reasons/0", json!({}), 422, "content"),
        ("medication", "/content/medication", json!({}), 422, "content"),
        ("encounter", "/content/period/start", json!("2027-01-01"), 422, "past"),
        ("encounter", "/content/period/end", json!("2027-01-01"), 422, "past"),
        ("encounter", "/content/class/system", json!("AMB"), 422, "uri"),
        ("procedure", "/content/performed/end", json!("2027-01-01"), 422, "past"),
        ("encounter", "/content/participants/0", json!(" "), 422, "length"),
        ("observation", "/content/status", json!("partial"), 422, "status"),
        (
            "observation",
            "/content/effective",
            json!("2026-12-02T08:00:00Z"),
            422,
            "past",
        ),
        ("observation", "/content/value", json!({"number": 1}), 400, "type"),
        (
            "procedure",
            "/content/performed/start",
            json!("2027-01-01"),
            422,
            "past",
        ),
        ("immunization", "/content/occurrence", json!("2027-01-01"), 422, "past"),
        ("diagnostic_report", "/content/results/0", json!({}), 422, "content"),
        (
            "diagnostic_report",
            "/content/results/0/record",
            json!("SECRET"),
            400,
            "type",
        ),
        ("progress_note", "/encounter", json!("SECRET"), 400, "type"),
        ("progress_note", "/status", json!("cosigned"), 400, "type"),
    ] {
        let mut record = whole(kind);
        match record.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => record[&pointer[1..]] = value.clone(),
        }
        let refused = practice.as_clinician(kind_first(&practice, &record, "broken"));
        assert_violates(&refused, status, pointer, rule);
    }
    let mut no_unit = whole("medication");
    no_unit["content"]["dosage"][0]
        .as_object_mut()
        .unwrap()
        .remove("period_unit");
    let mut no_system = whole("observation");
    no_system["content"]["components"][0]["value"]["quantity"]
        .as_object_mut()
        .unwrap()
        .remove("system");
    let mut error = whole("diagnosis");
    error["content"]["verification_status"] = json!("entered-in-error");
    for (record, pointer, rule) in [
        (no_unit, "/content/dosage/0/period_unit", "required"),
        (no_system, "/content/components/0/value/quantity/system", "required"),
        (error, "/content/clinical_status", "entered-in-error"),
    ] {
        let refused = practice.as_clinician(kind_first(&practice, &record, "broken"));
        assert_violates(&refused, 422, pointer, rule);
    }
    assert!(practice.world.stores.dump() == before);
}
