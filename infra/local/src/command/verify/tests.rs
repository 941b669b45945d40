use std::path::{Path, PathBuf};

use ::receipt::{Jwk, JwkSet, ReceiptKey, Record};
use audit_trail::{
    EXPORT_FORMAT, Event, Export, ExportedChain, ExportedEntry, PART_FORMAT, Part, Signature, Stand, Stretch,
};
use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signer as _, SigningKey};
use model::Function;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::audit_export::Exported;
use super::receipt::PlainWords;
use super::{Arguments, Document, audit_export, run};

fn record() -> Record {
    serde_json::from_value(json!({
        "schema_version": "confide-consent-record-1",
        "record_id": "cns_00000000000000000000000000", "pii_principal_id": "cli_00000000000000000000000000",
        "as_of": "2026-12-02T08:00:00Z",
        "privacy_notice": {"id": "ntc_00000000000000000000000000", "version": 2, "title": "How we keep your data", "sha256": "5f2e",
            "language": "en", "path": "/v1/consent/notices/cln_00000000000000000000000000/ntc_00000000000000000000000000"},
        "language": "en", "purposes": ["TREAT", "HPAYMT"], "lawful_basis": "consent",
        "pii_information": [{"pii_type": "health"}, {"pii_type": "billing"}],
        "pii_controllers": [{"party_id": "cln_00000000000000000000000000", "party_contact": "privacy@example.org"}],
        "jurisdiction": ["gdpr"], "withdrawal_method": "Tell us,\nat any time.", "privacy_rights": "To the supervisory authority.",
        "events": [
            {"event_state": "given", "event_time": "2026-12-01T08:00:00Z", "event_type": "explicitly_expressed", "given_by": "guardian",
                "method": "written", "recorded_by": "acc_00000000000000000000000000"},
            {"event_state": "withdrawn", "event_time": "2026-12-02T08:00:00Z", "recorded_by": "acc_00000000000000000000000000"},
        ],
    }))
    .unwrap()
}

fn key() -> ReceiptKey {
    ReceiptKey::from_seed(&[7; 32])
}

/// Files as somebody keeps them, and what the command says of them.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        folder.keep("keys", &serde_json::to_string(&JwkSet::new([key().public()])).unwrap());
        folder
    }

    fn keep(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn verify_with(&self, text: &str, keys: Option<PathBuf>, public_key: Option<&str>) -> Result<(), String> {
        let arguments = Arguments {
            files: vec![self.keep("file", text)],
            public_key: public_key.map(str::to_owned),
            keys,
        };
        run(arguments).map_err(|error| format!("{error:#}"))
    }

    fn verify(&self, text: &str) -> Result<(), String> {
        self.verify_with(text, Some(self.0.path().join("keys")), None)
    }
}

#[track_caller]
fn assert_refused(outcome: &Result<(), String>, why: &str) {
    assert!(outcome.as_ref().is_err_and(|error| error.contains(why)), "{outcome:?}");
}

#[test]
fn a_receipt_is_known_in_every_form_that_it_comes_in() {
    let folder = Folder::new();
    let receipt = key().issue(&record()).unwrap();
    let answer = json!({"receipt": receipt, "record": record()});
    let withdrawal = json!({"consent_id": record().record_id, "withdrawn_at": record().as_of, "receipt": receipt});
    for text in [
        receipt.clone(),
        format!("{receipt}\n"),
        answer.to_string(),
        format!("\n {answer:#}\n"),
        withdrawal.to_string(),
    ] {
        assert_eq!(folder.verify(&text), Ok(()), "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_receipt_is_said() {
    let folder = Folder::new();
    let receipt = key().issue(&record()).unwrap();
    let keys = |keys: &[Jwk]| {
        let set = serde_json::to_string(&JwkSet::new(keys.to_vec())).unwrap();
        Some(folder.keep("other-keys", &set))
    };
    for (text, why) in [
        (format!("{receipt}\n\n"), "is not a compact JWS"),
        (format!(" {receipt}"), "is not a compact JWS"),
        (format!("{receipt}A"), "is not a compact JWS"),
        (String::new(), "is not a compact JWS"),
        (receipt.replacen('.', ".e", 1), "is not what was signed"),
        (
            ReceiptKey::from_seed(&[8; 32]).issue(&record()).unwrap(),
            "not among those to believe",
        ),
        ("{}".to_owned(), "is neither an audit export nor a receipt"),
        ("{".to_owned(), "is neither an audit export nor a receipt"),
        (
            r#"{"receipt": 7}"#.to_owned(),
            "is neither an audit export nor a receipt",
        ),
        (
            format!(r#"{{"receipt": "{receipt}", "receipt": "{receipt}"}}"#),
            "duplicate field `receipt`",
        ),
    ] {
        assert_refused(&folder.verify(&text), why);
    }
    let mut answer = json!({"receipt": receipt, "record": record()});
    answer["record"]["purposes"] = json!(["TREAT", "HRESCH"]);
    assert_refused(&folder.verify(&answer.to_string()), "is not the one that was signed");

    assert_refused(&folder.verify_with(&receipt, None, None), "--keys");
    assert_refused(
        &folder.verify_with(&receipt, keys(&[]), None),
        "not among those to believe",
    );
    let no_set = Some(folder.keep("no-keys", "[]"));
    assert_refused(&folder.verify_with(&receipt, no_set, None), "is not a JWK Set");
    let missing = Some(folder.0.path().join("missing"));
    assert_refused(&folder.verify_with(&receipt, missing, None), "can't be read");
    let other = ReceiptKey::from_seed(&[8; 32]).public();
    assert_eq!(
        folder.verify_with(&receipt, keys(&[other, key().public()]), None),
        Ok(())
    );
}

#[test]
fn an_export_is_still_known() {
    let folder = Folder::new();
    let export: Value = json!({"format": "confide-audit-export-1", "clinic": "cln_00000000000000000000000000",
        "exported_at": "2026-12-01T08:00:00Z", "chains": [],
        "signature": {"algorithm": "Ed25519", "public_key": "AAAA", "value": "AAAA"}});
    let export = export.to_string();
    assert_refused(
        &folder.verify_with(&export, None, None),
        "the public key is not 32 bytes",
    );
    assert_refused(
        &folder.verify_with(&export, None, Some("BBBB")),
        "another key than the one to believe",
    );
    assert_refused(&folder.verify(&export), "is checked with --public-key");
}

/// The first entries of a chain, and where it stands before them and after each.
fn chain(function: Function, length: u64) -> (Vec<ExportedEntry>, Vec<Stand>) {
    let mut value = [0; 32];
    let mut stands = vec![value];
    let mut entries = Vec::new();
    for sequence in 1..=length {
        let event = json!({"id": format!("aud_{sequence}0000000000000000000000000"), "at": "2026-12-01T08:00:00Z",
            "function": function, "clinic": "cln_00000000000000000000000000", "action": "read", "class": "health",
            "purpose": "TREAT", "decision": "allowed", "rule": "care.records", "request": "req_00000000000000000000000000"});
        let event = event.to_string();
        let id = serde_json::from_str::<Event>(&event).unwrap().id;
        value = store::chain(&value, sequence, id.as_bytes(), event.as_bytes());
        stands.push(value);
        entries.push(ExportedEntry { sequence, event });
    }
    let stands = (0..).zip(stands).map(|(sequence, value)| Stand {
        sequence,
        chain: value.iter().map(|byte| format!("{byte:02x}")).collect(),
    });
    (entries, stands.collect())
}

fn sign(signing: &SigningKey, statement: &str) -> Signature {
    Signature {
        algorithm: "Ed25519".to_owned(),
        public_key: Base64::encode_string(signing.verifying_key().as_bytes()),
        value: Base64::encode_string(&signing.sign(statement.as_bytes()).to_bytes()),
    }
}

/// A run of a chain of three entries in two parts, the newest first, each of which took two seconds.
fn run_of_parts(signing: &SigningKey) -> [Part; 2] {
    let (entries, stands) = chain(Function::Records, 3);
    let times = [
        ("2026-12-01T08:59:58Z", "2026-12-01T09:00:00Z"),
        ("2026-12-01T09:00:05Z", "2026-12-01T09:00:07Z"),
    ];
    [(1, 2..3), (2, 0..2)].map(|(number, range)| {
        let (began_at, exported_at) = times[usize::from(number == 2)];
        let Stand { sequence, chain } = stands[range.end].clone();
        let mut part = Part {
            format: PART_FORMAT.to_owned(),
            clinic: "cln_00000000000000000000000000".parse().unwrap(),
            began_at: Some(began_at.parse().unwrap()),
            exported_at: exported_at.parse().unwrap(),
            run: "aud_90000000000000000000000000".parse().unwrap(),
            part: number,
            last: number == 2,
            chains: vec![Stretch {
                function: Function::Records,
                shard: 3,
                after: stands[range.start].clone(),
                sequence,
                chain,
                entries: entries[range].to_vec(),
            }],
            next: (number == 1).then(|| "cursor".to_owned()),
            signature: sign(signing, ""),
        };
        part.signature = sign(signing, &part.statement());
        part
    })
}

/// An export of whole chains, taken within two seconds from the start of an hour of that day on.
fn export(signing: &SigningKey, hour: u8, chains: &[(Function, u8, u64)]) -> Export {
    let chains = chains.iter().map(|(function, shard, length)| {
        let (entries, stands) = chain(*function, *length);
        let Stand { sequence, chain } = stands.last().unwrap().clone();
        ExportedChain {
            function: *function,
            shard: *shard,
            sequence,
            chain,
            entries,
        }
    });
    let mut export = Export {
        format: EXPORT_FORMAT.to_owned(),
        clinic: "cln_00000000000000000000000000".parse().unwrap(),
        began_at: Some(format!("2026-12-01T{hour:02}:00:00Z").parse().unwrap()),
        exported_at: format!("2026-12-01T{hour:02}:00:02Z").parse().unwrap(),
        chains: chains.collect(),
        signature: sign(signing, ""),
    };
    export.signature = sign(signing, &export.statement());
    export
}

#[test]
fn parts_are_checked_alone_and_together() {
    let folder = Folder::new();
    let signing = SigningKey::from_bytes(&[9; 32]);
    let believed = Base64::encode_string(signing.verifying_key().as_bytes());
    let [one, two] = run_of_parts(&signing);
    let keep = |name: &str, part: &Part| folder.keep(name, &serde_json::to_string(part).unwrap());
    let verify = |files: &[&PathBuf], public_key: Option<&str>| {
        let arguments = Arguments {
            files: files.iter().map(|file| (*file).clone()).collect(),
            public_key: public_key.map(str::to_owned),
            keys: None,
        };
        run(arguments).map_err(|error| format!("{error:#}"))
    };
    let (first, second) = (keep("one", &one), keep("two", &two));
    for public_key in [None, Some(believed.as_str())] {
        assert_eq!(verify(&[&first], public_key), Ok(()));
        assert_eq!(verify(&[&second], public_key), Ok(()));
        assert_eq!(verify(&[&first, &second], public_key), Ok(()));
        assert_eq!(verify(&[&second, &first, &first], public_key), Ok(()));
    }
    assert_refused(
        &verify(&[&first, &first], None),
        "part 2 of the export aud_90000000000000000000000000 is missing",
    );
    assert_refused(
        &verify(&[&second, &second], None),
        "part 1 of the export aud_90000000000000000000000000 is missing",
    );
    assert_refused(
        &verify(&[&first, &second], Some("BBBB")),
        "another key than the one to believe",
    );

    let mut changed = two.clone();
    changed.chains[0].entries[1].event = changed.chains[0].entries[1].event.replace("read", "list");
    let changed = keep("changed", &changed);
    for files in [vec![&changed], vec![&first, &changed]] {
        assert_refused(
            &verify(&files, None),
            "chain records/3: its entries are not those that were recorded",
        );
    }
    // Passed off as the whole: consistent, and not what was signed.
    let mut alone = one.clone();
    alone.last = true;
    let alone = keep("alone", &alone);
    assert_refused(&verify(&[&alone], None), "the signature is not over this trail");
    assert_refused(
        &verify(&[&alone, &second], None),
        "the signature is not over this trail",
    );
    // Signed by itself, and not joined to anything.
    let mut apart = one.clone();
    apart.run = "aud_80000000000000000000000000".parse().unwrap();
    apart.last = true;
    apart.signature = sign(&signing, &apart.statement());
    let apart = keep("apart", &apart);
    assert_refused(
        &verify(&[&apart, &apart], None),
        "chain records/3: entries 1 to 2 are in none of the files",
    );

    let elsewhere = run_of_parts(&SigningKey::from_bytes(&[8; 32]));
    let elsewhere = keep("elsewhere", &elsewhere[1]);
    assert_refused(&verify(&[&first, &elsewhere], None), "is of another deployment");
    let receipt = folder.keep("receipt", &key().issue(&record()).unwrap());
    assert_refused(&verify(&[&first, &receipt], None), "is a receipt: check it alone");
}

const OTHERS: &str = ". Of the others this says nothing: they were not asked for, or nothing was recorded in them";

const UNKNOWN_KEY: &str =
    "note: the signature was checked with the key that the file itself names. Give --public-key to check whose it is";

/// Nobody takes an export of one function for the whole trail.
#[test]
fn what_a_file_covers_and_when_it_was_read_is_said() {
    let signing = SigningKey::from_bytes(&[9; 32]);
    let believed = Base64::encode_string(signing.verifying_key().as_bytes());
    let whole = export(
        &signing,
        8,
        &[
            (Function::Consent, 0, 1),
            (Function::Records, 3, 2),
            (Function::Records, 4, 3),
        ],
    );
    let said = [
        "ok: 6 events in 3 chains of cln_00000000000000000000000000, each from its first entry to where it stood between 2026-12-01T08:00:00Z and 2026-12-01T08:00:02Z, are unchanged",
        &format!("covered: consent (1 of 32 chains), records (2 of 32 chains){OTHERS}"),
    ]
    .join("\n");
    let whole = Exported::Whole(whole);
    assert_eq!(audit_export::run(&whole, Some(&believed)).unwrap(), said);
    assert_eq!(
        audit_export::run(&whole, None).unwrap(),
        format!("{said}\n{UNKNOWN_KEY}")
    );

    let nothing = Exported::Whole(export(&signing, 8, &[]));
    let said = audit_export::run(&nothing, Some(&believed)).unwrap();
    assert!(said.ends_with(&format!("\ncovered: no chain{OTHERS}")), "{said}");

    let [part, _] = run_of_parts(&signing);
    let said = [
        "ok: part 1 of the export aud_90000000000000000000000000: 1 events in 1 chains of cln_00000000000000000000000000, taken between 2026-12-01T08:59:58Z and 2026-12-01T09:00:00Z, are unchanged",
        "note: a part by itself does not show what is missing beside it. Give all parts, and those of earlier exports, together",
        &format!("covered: records (1 of 32 chains){OTHERS}"),
    ]
    .join("\n");
    assert_eq!(audit_export::run(&Exported::Part(part), Some(&believed)).unwrap(), said);
}

/// That one function was exported yesterday says nothing of yesterday's events of another.
#[test]
fn up_to_when_files_cover_each_function_is_said() {
    let signing = SigningKey::from_bytes(&[9; 32]);
    let together = |files: &[Exported]| {
        let files = files.iter().map(|file| match file {
            Exported::Whole(export) => Exported::Whole(export.clone()),
            Exported::Part(part) => Exported::Part(part.clone()),
        });
        audit_export::run_together(files.map(|file| Ok((Path::new("file"), file))), None)
    };
    let assert_said = |files: &[Exported], total: &str, covered: &str| {
        let said = format!(
            "ok: {total}, each from its first entry on, are without a gap and unchanged\ncovered: {covered}{OTHERS}\n{UNKNOWN_KEY}"
        );
        assert_eq!(together(files).unwrap(), said);
    };
    let all = [
        (Function::Consent, 0, 1),
        (Function::Records, 3, 2),
        (Function::Records, 4, 3),
    ];
    let at = |hour, chains: &[_]| Exported::Whole(export(&signing, hour, chains));
    assert_said(
        &[at(8, &all), at(10, &all[1..])],
        "6 events in 3 chains",
        "consent (1 of 32 chains up to 2026-12-01T08:00:00Z), records (2 of 32 chains up to 2026-12-01T10:00:00Z)",
    );
    // A chain that was removed meanwhile, or was not asked for: all of the function is known up to before that.
    assert_said(
        &[at(10, &[all[0], all[1]]), at(8, &all)],
        "6 events in 3 chains",
        "consent (1 of 32 chains up to 2026-12-01T10:00:00Z), records (2 of 32 chains up to 2026-12-01T08:00:00Z)",
    );
    // A later part of a run was read later, and holds what is older.
    let [one, two] = run_of_parts(&signing).map(Exported::Part);
    assert_said(
        &[two, one, at(8, &all)],
        "7 events in 3 chains",
        "consent (1 of 32 chains up to 2026-12-01T08:00:00Z), records (2 of 32 chains up to 2026-12-01T08:00:00Z)",
    );
    let [one, two] = run_of_parts(&signing).map(Exported::Part);
    assert_said(
        &[two, one],
        "3 events in 1 chains",
        "records (1 of 32 chains up to 2026-12-01T08:59:58Z)",
    );
}

/// What an export was before it said when it began, byte for byte: two entries of a chain, signed with the key of thirty-two nines.
const EXPORT_1: &str = concat!(
    r#"{"format":"confide-audit-export-1","clinic":"cln_00000000000000000000000000","#,
    r#""exported_at":"2026-12-01T08:00:00.285970256Z","chains":[{"function":"records","shard":3,"sequence":2,"#,
    r#""chain":"ed4c5fc3faa5b602ad839a5fdb3ed7ff10043087fb9cbc2c361f0004f9f73ca0","entries":[{"sequence":1,"#,
    r#""event":"{\"id\":\"aud_10000000000000000000000000\",\"at\":\"2026-12-01T07:59:51.846885253Z\","#,
    r#"\"function\":\"records\",\"clinic\":\"cln_00000000000000000000000000\","#,
    r#"\"actor\":{\"account\":\"acc_00000000000000000000000000\",\"role\":\"clinician\"},\"action\":\"read\","#,
    r#"\"class\":\"health\",\"subject\":\"sub_00000000000000000000000000\",\"purpose\":\"TREAT\",\"decision\":\"allowed\","#,
    r#"\"rule\":\"care.records\",\"request\":\"req_00000000000000000000000000\"}"},{"sequence":2,"#,
    r#""event":"{\"id\":\"aud_20000000000000000000000000\",\"at\":\"2026-12-01T07:59:52.846885253Z\","#,
    r#"\"function\":\"records\",\"clinic\":\"cln_00000000000000000000000000\","#,
    r#"\"actor\":{\"account\":\"acc_00000000000000000000000000\",\"role\":\"clinician\"},\"action\":\"read\","#,
    r#"\"class\":\"health\",\"subject\":\"sub_00000000000000000000000000\",\"purpose\":\"TREAT\",\"decision\":\"allowed\","#,
    r#"\"rule\":\"care.records\",\"request\":\"req_00000000000000000000000000\"}"}]}],"signature":{"algorithm":"Ed25519","#,
    r#""public_key":"/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg=","#,
    r#""value":"O7tz3/2UDdr3i5yo4bkFcdKFHrVzTSwHYOUrDFTVGfVCsegCr0jX0W4Aksg0vde66hzkmemrPmRuOzFokGMOAw=="}}"#,
);

/// The one part of a later run of that time, with the entry after those.
const PART_1: &str = concat!(
    r#"{"format":"confide-audit-export-part-1","clinic":"cln_00000000000000000000000000","#,
    r#""exported_at":"2026-12-01T09:00:00Z","run":"aud_90000000000000000000000000","part":1,"last":true,"#,
    r#""chains":[{"function":"records","shard":3,"after":{"sequence":2,"#,
    r#""chain":"ed4c5fc3faa5b602ad839a5fdb3ed7ff10043087fb9cbc2c361f0004f9f73ca0"},"sequence":3,"#,
    r#""chain":"ac6c61f1a405ab35c8e669814393a7888135c78cf90aa202f079623b6989516d","entries":[{"sequence":3,"#,
    r#""event":"{\"id\":\"aud_30000000000000000000000000\",\"at\":\"2026-12-01T07:59:53.846885253Z\","#,
    r#"\"function\":\"records\",\"clinic\":\"cln_00000000000000000000000000\","#,
    r#"\"actor\":{\"account\":\"acc_00000000000000000000000000\",\"role\":\"clinician\"},\"action\":\"read\","#,
    r#"\"class\":\"health\",\"subject\":\"sub_00000000000000000000000000\",\"purpose\":\"TREAT\",\"decision\":\"allowed\","#,
    r#"\"rule\":\"care.records\",\"request\":\"req_00000000000000000000000000\"}"}]}],"signature":{"algorithm":"Ed25519","#,
    r#""public_key":"/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg=","#,
    r#""value":"rhq5IT6kH2aByPfNifdyUf4LSb9Q+cVVo+2A6O3FvtRUhocrbWqq2kChvTj9i/xQzNHPdhdOF9WM+pe7WCr/Ag=="}}"#,
);

/// Files that were put by years ago are taken by themselves, and beside those of today.
#[test]
fn files_of_the_first_formats_are_still_taken() {
    let folder = Folder::new();
    let signing = SigningKey::from_bytes(&[9; 32]);
    let believed = Base64::encode_string(signing.verifying_key().as_bytes());
    let verify = |files: &[&PathBuf]| {
        let arguments = Arguments {
            files: files.iter().map(|file| (*file).clone()).collect(),
            public_key: Some(believed.clone()),
            keys: None,
        };
        run(arguments).map_err(|error| format!("{error:#}"))
    };
    let (old, part) = (folder.keep("export-1", EXPORT_1), folder.keep("part-1", PART_1));
    let new = folder.keep(
        "export-2",
        &serde_json::to_string(&export(&signing, 10, &[(Function::Consent, 0, 1)])).unwrap(),
    );
    for files in [
        vec![&old],
        vec![&part],
        vec![&old, &part],
        vec![&part, &old, &part],
        vec![&old, &part, &new],
    ] {
        assert_eq!(verify(&files), Ok(()), "{files:?}");
    }
    assert_refused(
        &verify(&[&part, &new]),
        "chain records/3: entries 1 to 2 are in none of the files",
    );

    let exported = |text: &str| match Document::parse(text).unwrap() {
        Document::Exported(exported) => exported,
        Document::Receipt(_) => panic!("no receipt"),
    };
    let said = |text: &str| audit_export::run(&exported(text), Some(&believed)).unwrap();
    assert!(said(EXPORT_1).starts_with(
        "ok: 2 events in 1 chains of cln_00000000000000000000000000, each from its first entry to where it stood by 2026-12-01T08:00:00.285970256Z, are unchanged\n"
    ));
    assert!(said(PART_1).starts_with(
        "ok: part 1 of the export aud_90000000000000000000000000: 1 events in 1 chains of cln_00000000000000000000000000, taken by 2026-12-01T09:00:00Z, are unchanged\n"
    ));
    // When it began is not known: what was recorded within as long as a request can take may not be in it.
    let files = [EXPORT_1, PART_1].map(|text| Ok((Path::new("file"), exported(text))));
    assert_eq!(
        audit_export::run_together(files.into_iter(), Some(&believed)).unwrap(),
        format!(
            "ok: 3 events in 1 chains, each from its first entry on, are without a gap and unchanged\ncovered: records (1 of 32 chains up to 2026-12-01T08:58:00Z){OTHERS}"
        )
    );

    let unknown = "the file is no export";
    for (text, from, to, why) in [
        (
            EXPORT_1,
            r#""exported_at":"2026-12-01T08"#,
            r#""exported_at":"2026-12-01T09"#,
            "the signature is not over this trail",
        ),
        (
            PART_1,
            r#""exported_at":"2026-12-01T09"#,
            r#""exported_at":"2026-12-01T08"#,
            "the signature is not over this trail",
        ),
        (
            PART_1,
            r#""part":1,"last":true"#,
            r#""part":1,"last":false"#,
            "the signature is not over this trail",
        ),
        (
            EXPORT_1,
            "read",
            "list",
            "chain records/3: its entries are not those that were recorded",
        ),
        (
            PART_1,
            "read",
            "list",
            "chain records/3: its entries are not those that were recorded",
        ),
        // A beginning that nobody signed, and the new name without one.
        (
            EXPORT_1,
            r#""exported_at""#,
            r#""began_at":"2026-12-01T07:00:00Z","exported_at""#,
            unknown,
        ),
        (
            PART_1,
            r#""exported_at""#,
            r#""began_at":"2026-12-01T07:00:00Z","exported_at""#,
            unknown,
        ),
        (EXPORT_1, "export-1", "export-2", unknown),
        (PART_1, "part-1", "part-2", unknown),
        (EXPORT_1, "export-1", "export-3", unknown),
        (PART_1, "part-1", "export-1", "is neither an audit export nor a receipt"),
        (
            EXPORT_1,
            "export-1",
            "export-part-1",
            "is neither an audit export nor a receipt",
        ),
    ] {
        assert!(text.contains(from));
        let changed = folder.keep("changed", &text.replacen(from, to, 1));
        assert_refused(&verify(&[&changed]), why);
        assert_refused(&verify(&[&changed, &old]), why);
    }
}

#[test]
fn what_was_agreed_is_said_in_plain_words() {
    let words = "\
Consent cns_00000000000000000000000000 of client cli_00000000000000000000000000, as of 2026-12-02T08:00:00Z
  given 2026-12-01T08:00:00Z by whoever may act for her in writing
  until it is withdrawn
  WITHDRAWN 2026-12-02T08:00:00Z
  to the clinic cln_00000000000000000000000000 (privacy@example.org)
  for: treatment, payment
  about: her clinical records, invoices and payments
  on the notice \"How we keep your data\" ntc_00000000000000000000000000, version 2, in en, SHA-256 5f2e
  withdrawal: Tell us, at any time.
  complaint: To the supervisory authority.";
    assert_eq!(PlainWords(&record()).to_string(), words);
}
