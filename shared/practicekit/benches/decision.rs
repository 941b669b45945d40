//! What a decision costs, and that it costs the same however much a client has agreed to and taken back.
//!
//! `cargo bench -p practicekit --bench decision`. Natively, on stores in memory: what is measured is Confide's own work.
// A benchmark prints, measures time and stops where anything is not as it must be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use access::{Asker, CareRole, CareTeamMember, LiveConsent, Permissions, Request, Restriction, explain};
use crypto::Keyring;
use model::{
    AccountId, Action, ClientId, ClinicId, ConsentId, DataClass, Function, NoticeId, Purpose, RestrictionId, Role,
    SubjectId, Timestamp,
};
use ports::EntropyExt;
use serde_json::json;
use testkit::{Answer, Call, World, log_in};

/// How many consents are given and withdrawn.
const CONSENTS: u32 = 10_000;

/// The median of many times.
fn median(times: usize, mut work: impl FnMut()) -> Duration {
    let mut taken: Vec<Duration> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .collect();
    taken.sort_unstable();
    taken[times / 2]
}

/// A file as full as it can be, in which what decides comes last.
fn full(clinic: ClinicId, client: ClientId, account: AccountId, now: Timestamp) -> Permissions {
    let other = |index: u8| [index; 16];
    let consent = |index: u8, class| LiveConsent {
        id: ConsentId::from_bytes(other(index)),
        notice: NoticeId::from_bytes(other(index)),
        purposes: vec![Purpose::Treatment],
        classes: vec![class],
        recipient: None,
        channels: Vec::new(),
        participant: None,
        until_majority: false,
        expires_at: Some(now + jiff::SignedDuration::from_hours(1)),
    };
    let member = |account| CareTeamMember {
        account,
        role: CareRole::Treating,
        since: now,
        until: None,
    };
    let mut file = Permissions::of(clinic, client, SubjectId::from_bytes([9; 16]));
    file.care_team = (0..63)
        .map(|index| member(AccountId::from_bytes(other(index))))
        .collect();
    file.care_team.push(member(account));
    file.consents = (0..63).map(|index| consent(index, DataClass::Billing)).collect();
    file.consents.push(consent(63, DataClass::Health));
    file.restrictions = (0..64)
        .map(|index| Restriction {
            id: RestrictionId::from_bytes(other(index)),
            class: Some(DataClass::Health),
            account: Some(AccountId::from_bytes(other(index))),
        })
        .collect();
    file
}

fn deciding() {
    let now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
    let (clinic, client, account) = (
        ClinicId::from_bytes([100; 16]),
        ClientId::from_bytes([101; 16]),
        AccountId::from_bytes([102; 16]),
    );
    let file = full(clinic, client, account, now);
    let asker = Asker {
        account,
        clinic,
        roles: &[Role::Clinician],
        client: None,
    };
    let request = Request::new(Action::Read, DataClass::Health).about(client);
    assert_eq!(explain(&asker, &request, Some(&file), now).decision, Ok("care.records"));
    let batch = 1_000_u32;
    let taken = median(200, || {
        for _ in 0..batch {
            let _ = black_box(explain(
                black_box(&asker),
                black_box(&request),
                Some(black_box(&file)),
                now,
            ));
        }
    });
    println!(
        "deciding and saying why, 64 consents, 64 members, 64 restrictions   {:>8.2} µs",
        taken.as_secs_f64() * 1e6 / f64::from(batch)
    );
}

fn ten_thousand_consents() {
    let world = World::new(1);
    let clinic: ClinicId = world.entropy.id();
    // The clock stands still, so nobody has to log in again.
    let staff = |role| log_in(&world, &[role], clinic, world.entropy.id(), None);
    let (admin, clinician) = (staff(Role::ClinicAdmin), staff(Role::Clinician));
    let consent = |call: Call| {
        let answer = Answer::from(world.serve(Function::Consent, &consent::ROUTES, &call.request()));
        assert!((200..300).contains(&answer.status), "{}", answer.json);
        answer
    };
    consent(Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction()).bearer(&admin));
    let notice = testkit::notice(&["TREAT"], &["identity", "health"]);
    let notice = consent(Call::post("/v1/consent/notices", &notice).once("notice").bearer(&admin)).text("notice_id");
    let open = Call::post("/v1/consent/clients", &json!({}))
        .once("open")
        .bearer(&clinician);
    let client = consent(open).text("client_id");
    let terms = json!({"notice_id": notice, "language": "en", "purposes": ["TREAT"], "classes": ["identity", "health"],
        "given_by": "client", "method": "written"});
    let consents = format!("/v1/consent/clients/{client}/consents");
    consent(Call::post(&consents, &terms).once("first").bearer(&clinician));
    let records = format!("/v1/records/clients/{client}/records");
    let note =
        json!({"kind": "progress_note", "content": {"session_at": "2026-11-01T08:00:00Z", "text": "x".repeat(2_000)}});
    let record = |call: Call| Answer::from(world.serve(Function::Records, &records::ROUTES, &call.request()));
    let written = record(Call::post(&records, &note).once("note").bearer(&clinician));
    let path = format!("{records}/{}", written.text("id"));
    let keyring = Keyring::parse(
        Function::Records,
        world.keyrings.get(&Function::Records).map(String::as_str),
    )
    .unwrap();
    let client_id: ClientId = client.parse().unwrap();
    let measure = |clinician: &str, label: &str| {
        let call = Call::get(&path).bearer(clinician);
        let reading = median(500, || assert_eq!(record(call.clone()).status, 200));
        let looking = world.with_platform(Function::Records, |platform| {
            let reader = keyring.reads("permissions").unwrap();
            median(2_000, || {
                let shelf = store::Shelf::open(&platform, "permissions").unwrap();
                let permissions = access::PermissionsReader::new(shelf, reader).read(clinic, client_id);
                assert!(black_box(permissions).unwrap().is_some());
            })
        });
        println!(
            "{label:<68}{:>8.2} µs the permissions (one get, one HMAC), {:>8.2} µs the whole read of a note",
            looking.as_secs_f64() * 1e6,
            reading.as_secs_f64() * 1e6
        );
        (looking, reading)
    };
    let before = measure(&clinician, "one consent in the ledger");
    let begun = Instant::now();
    for index in 0..CONSENTS {
        let given = consent(
            Call::post(&consents, &terms)
                .once(&format!("consent-{index}"))
                .bearer(&admin),
        );
        let withdraw = format!("{consents}/{}/withdraw", given.text("consent_id"));
        consent(Call::post(withdraw, &json!({})).bearer(&admin));
    }
    println!(
        "giving and withdrawing, each                                        {:>8.2} µs",
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(2 * CONSENTS)
    );
    let after = measure(&clinician, "ten thousand more, withdrawn");
    println!(
        "\nratio after / before: the permissions {:.2}, the read {:.2}",
        after.0.as_secs_f64() / before.0.as_secs_f64(),
        after.1.as_secs_f64() / before.1.as_secs_f64()
    );
}

fn main() {
    deciding();
    ten_thousand_consents();
}
