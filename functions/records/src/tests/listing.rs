//! Lists: newest first by the time that a record tells of, narrowed by kind, time and author, at a cost that does not grow.

use super::*;
use model::Timestamp;

fn note_at(at: Timestamp) -> Value {
    json!({"kind": "progress_note", "content": {"session_at": at, "text": "SECRET"}})
}

fn observation_at(at: Timestamp) -> Value {
    json!({"kind": "observation", "content": {"code": {"text": "SECRET"}, "status": "final", "effective": at}})
}

/// A record as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    at: Timestamp,
    id: RecordId,
    kind: String,
    author: String,
}

impl Practice {
    fn at(&self, key: usize, body: &Value, staff: &Staff) -> Shown {
        let call = Call::post(self.path(RECORDS), body).once(&format!("at-{key}"));
        let written = self.send(&call.bearer(&staff.token));
        assert_eq!(written.status, 201, "{}", written.json);
        let content = &body["content"];
        let at = content["session_at"]
            .as_str()
            .or(content["effective"].as_str())
            .unwrap();
        Shown {
            at: at.parse().unwrap(),
            id: written.text("id").parse().unwrap(),
            kind: written.text("kind"),
            author: written.text("author"),
        }
    }

    /// All pages of a list.
    fn pages(&self, query: &str, limit: usize) -> Vec<RecordId> {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.as_clinician(Call::get(format!(
                "{}?limit={limit}{query}{cursor}",
                self.path(RECORDS)
            )));
            assert_eq!(page.status, 200, "{}", page.json);
            let ids = values(&page, "records", "id");
            assert!(ids.len() <= limit);
            seen.extend(ids.iter().map(|id| id.parse::<RecordId>().unwrap()));
            let Some(next) = page.json["next"].as_str() else {
                return seen;
            };
            assert_eq!(ids.len(), limit, "a page that is followed by another is full");
            cursor = format!("&cursor={next}");
        }
    }
}

fn newest_first(mut shown: Vec<Shown>) -> Vec<Shown> {
    shown.sort_by(|one, other| (other.at, other.id.as_bytes()).cmp(&(one.at, one.id.as_bytes())));
    shown
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// What is written in an order that is not that of its times, over several leaves, is listed in that order.
#[test]
fn lists_come_in_pages_by_clinical_time() {
    let practice = Practice::new();
    let start: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    let mut written = Vec::new();
    for number in 0_i64..240 {
        // A permutation of the times with some that are equal.
        let at = start + hours(number * 97 % 240 / 2);
        let body = if number % 3 == 0 {
            observation_at(at)
        } else {
            note_at(at)
        };
        let staff = if number % 7 == 0 {
            &practice.colleague
        } else {
            &practice.clinician
        };
        written.push(practice.at(usize::try_from(number).unwrap(), &body, staff));
    }
    let all = newest_first(written);
    let (since, until) = (start + hours(30), start + hours(90));
    let author = practice.colleague.account.to_string();
    let check = |query: &str, wanted: &dyn Fn(&Shown) -> bool| {
        let wanted: Vec<RecordId> = all.iter().filter(|shown| wanted(shown)).map(|shown| shown.id).collect();
        assert!(!wanted.is_empty());
        for limit in [7, 50, 200] {
            assert_eq!(practice.pages(query, limit), wanted, "{query} {limit}");
        }
    };
    check("", &|_| true);
    check("&kind=observation", &|shown| shown.kind == "observation");
    check(&format!("&since={since}"), &|shown| shown.at >= since);
    check(&format!("&until={until}"), &|shown| shown.at < until);
    check(&format!("&author={author}"), &|shown| shown.author == author);
    check(
        &format!("&kind=progress_note&since={since}&until={until}&author={author}"),
        &|shown| shown.kind == "progress_note" && shown.at >= since && shown.at < until && shown.author == author,
    );
    assert_eq!(practice.pages(&format!("&since={until}&until={since}"), 7), []);
    assert_eq!(practice.pages("&kind=diagnosis", 7), []);
    assert_eq!(practice.pages("", 1).len(), all.len());
}

#[test]
fn a_list_is_asked_for_in_words_that_it_knows() {
    let practice = Practice::new();
    let list = |query: &str| practice.as_clinician(Call::get(format!("{}?{query}", practice.path(RECORDS))));
    for number in 0..3 {
        practice.write(&format!("{number}"), "SECRET");
    }
    for query in [
        "limit=0",
        "limit=201",
        "kind=SECRET",
        "SECRET=1",
        "colour=SECRET",
        "kind=",
        "since=SECRET",
        "until=2026",
        "status=signed",
        "cursor=SECRET",
        "cursor=",
    ] {
        assert_refused(&list(query), 400, "malformed-request");
    }
    assert_names(&list("colour=SECRET"), "colour", "unknown-field");
    assert_names(&list("since=SECRET"), "since", "type");
    // A cursor is of one client's records, and says nothing.
    let next = list("limit=1").text("next");
    assert_eq!(list(&format!("limit=1&cursor={next}")).status, 200);
    let mut changed = next.clone().into_bytes();
    changed[20] ^= 1;
    let changed = String::from_utf8(changed).unwrap();
    assert_refused(&list(&format!("cursor={changed}")), 400, "malformed-request");
    let bytes = Base64UrlUnpadded::decode_vec(&next).unwrap();
    let time = "2026-11-30T10:00:00Z"
        .parse::<Timestamp>()
        .unwrap()
        .as_nanosecond()
        .to_be_bytes();
    assert!(!bytes.windows(8).any(|window| window == &time[8..]), "{next}");
    assert_ne!(list("limit=1").text("next"), next, "nor is it the same twice");
}

/// The operations on the store of records, and how many bytes they bring to be opened, of a request.
fn cost(practice: &Practice, call: &Call) -> (usize, usize) {
    practice.world.stores.disarm();
    let answer = practice.send(call);
    assert_eq!(answer.status, 200, "{}", answer.json);
    let trace = practice.world.stores.trace();
    practice.world.stores.disarm();
    let sizes: std::collections::BTreeMap<String, usize> = practice
        .world
        .stores
        .dump()
        .into_iter()
        .map(|(store, key, value)| (format!("{store} {key}"), value.len()))
        .collect();
    let of_health: Vec<_> = trace
        .iter()
        .filter(|operation| operation.starts_with("health "))
        .collect();
    let read = of_health.iter().filter_map(|operation| {
        let mut words = operation.split(' ');
        let (store, _, key) = (words.next()?, words.next()?, words.next()?);
        sizes.get(&format!("{store} {key}"))
    });
    (of_health.len(), read.sum())
}

/// A first page, one of a kind, one of long ago and a record cost as much among hundreds as among ten. That they do among ten
/// thousand is counted where the timelines are.
#[test]
fn reading_costs_the_same_however_much_there_is() {
    let practice = Practice::new();
    let start: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    let long_ago = start + hours(8);
    let mut costs = Vec::new();
    for number in 0_i64..400 {
        let at = start + hours(number);
        let body = match number % 10 {
            5 => observation_at(at),
            _ => note_at(at),
        };
        let written = practice.at(usize::try_from(number).unwrap(), &body, &practice.clinician);
        if [9, 399].contains(&number) {
            let records = practice.path(RECORDS);
            let targets = [
                format!("{records}/{}", written.id),
                format!("{records}?limit=5"),
                format!("{records}?limit=5&kind=observation"),
                format!("{records}?limit=5&until={long_ago}"),
            ];
            let ask = |target: &String| cost(&practice, &Call::get(target).bearer(&practice.clinician.token));
            costs.push(targets.each_ref().map(ask));
        }
    }
    let [few, many] = costs[..] else { panic!("{costs:?}") };
    // One of the list, and one of each record that it shows: five, or the only observation.
    assert_eq!(few.map(|(operations, _)| operations), [1, 6, 2, 6]);
    // Beyond the head the level above says where to look: two documents more.
    assert_eq!(many.map(|(operations, _)| operations), [1, 6, 6, 8]);
    assert!(few[0].1.abs_diff(many[0].1) < 64, "{few:?} {many:?}");
    assert!(many.iter().all(|(_, bytes)| *bytes < 48 * 1024), "{many:?}");
}

#[test]
fn an_amendment_of_the_time_moves_the_record() {
    let practice = Practice::new();
    let start: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let shown: Vec<_> = [0, 24, 48]
        .into_iter()
        .enumerate()
        .map(|(key, hour)| practice.at(key, &note_at(start + hours(hour)), &practice.clinician))
        .collect();
    let amend = |version: u64, at: Timestamp| {
        let call = practice.of_version(Method::PUT, &format!("/{}", shown[0].id), version);
        let amended = practice.send(&call.json(&json!({"reason": "SECRET another day", "record": note_at(at)})));
        assert_eq!(amended.status, 200, "{}", amended.json);
    };
    let ids = |order: [usize; 3]| order.map(|number| shown[number].id);
    assert_eq!(practice.pages("", 50), ids([2, 1, 0]));
    amend(1, start + hours(36));
    for query in ["", "&kind=progress_note"] {
        assert_eq!(practice.pages(query, 50), ids([2, 0, 1]));
    }
    amend(2, start + hours(360));
    assert_eq!(practice.pages("", 50), ids([0, 2, 1]));
    assert_eq!(
        practice.pages(&format!("&until={}", start + hours(37)), 50),
        ids([2, 1, 0])[1..2]
    );
}

#[test]
fn moving_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let record = practice.write("write", "SECRET");
            let at = "2026-11-01T00:00:00Z".parse().unwrap();
            practice
                .of_version(Method::PUT, &format!("/{record}"), 1)
                .json(&json!({"reason": "SECRET another day", "record": note_at(at)}))
        },
        |practice, answer| {
            let until = "&until=2026-11-02T00:00:00Z";
            for query in ["", "&kind=progress_note", until] {
                assert_eq!(practice.pages(query, 50).len(), 1, "{query}");
            }
            assert_eq!(practice.pages("&since=2026-11-02T00:00:00Z", 50), [], "{}", answer.json);
        },
    );
}

/// A chart whose next record has no room in the leaf where it belongs.
fn with_full_leaf(practice: &Practice) -> (Vec<Shown>, Call) {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let written = (0..64_i64).map(|number| {
        practice.at(
            usize::try_from(number).unwrap(),
            &note_at(start + hours(number)),
            &practice.clinician,
        )
    });
    let written = written.collect();
    let next = Call::post(practice.path(RECORDS), &note_at(start + hours(10))).once("next");
    (written, next.bearer(&practice.clinician.token))
}

#[test]
fn a_leaf_that_is_split_loses_nothing_at_any_crash() {
    let practice = Practice::new();
    practice.begin_chains();
    let (written, next) = with_full_leaf(&practice);
    let (stored, now) = (practice.world.stores.dump(), practice.world.clock.now());
    for fault in Fault::ALL {
        for nth in 0.. {
            practice.world.stores.restore(&stored);
            practice
                .world
                .clock
                .advance(now.duration_since(practice.world.clock.now()));
            practice.world.stores.arm(nth, fault);
            let first = survive(|| practice.send(&next));
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            assert!(practice.pages("", 200).len() >= written.len(), "{fault:?} {nth}");
            practice.world.clock.advance(SignedDuration::from_secs(60));
            let answer = practice.send(&next);
            assert_eq!(answer.status, 201, "{fault:?} {nth}: {}", answer.json);
            assert!(first.is_none_or(|first| matches!(first.status, 201 | 503)));
            let mut all = written.clone();
            all.push(Shown {
                at: "2026-01-01T10:00:00Z".parse().unwrap(),
                id: answer.text("id").parse().unwrap(),
                kind: String::new(),
                author: String::new(),
            });
            let all: Vec<_> = newest_first(all).into_iter().map(|shown| shown.id).collect();
            for query in ["", "&kind=progress_note"] {
                assert_eq!(practice.pages(query, 200), all, "{fault:?} {nth} {query}");
            }
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn a_record_that_is_written_while_a_leaf_is_split_is_listed() {
    let practice = Rc::new(Practice::new());
    practice.begin_chains();
    let (written, next) = with_full_leaf(&practice);
    let (stored, now) = (practice.world.stores.dump(), practice.world.clock.now());
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for hour in [5, 60] {
        for nth in 0.. {
            practice.world.stores.restore(&stored);
            practice
                .world
                .clock
                .advance(now.duration_since(practice.world.clock.now()));
            let other = Rc::clone(&practice);
            let met = Rc::new(std::cell::Cell::new(false));
            let meets = Rc::clone(&met);
            practice.world.stores.meanwhile(nth, move || {
                meets.set(true);
                let body = note_at(start + hours(hour) + SignedDuration::from_mins(1));
                let call = Call::post(other.path(RECORDS), &body).once("meanwhile");
                // 503 where the first request is just creating what this one would.
                let status = other.as_clinician(call).status;
                assert!(matches!(status, 201 | 503), "{status}");
            });
            assert_eq!(practice.send(&next).status, 201);
            practice.world.stores.disarm();
            if !met.get() {
                break;
            }
            practice.world.clock.advance(SignedDuration::from_secs(60));
            let body = note_at(start + hours(hour) + SignedDuration::from_mins(1));
            let call = Call::post(practice.path(RECORDS), &body).once("meanwhile");
            let meanwhile = practice.as_clinician(call);
            assert_eq!(meanwhile.status, 201, "{nth}");
            let all = practice.pages("", 200);
            assert_eq!(all.len(), written.len() + 2, "{hour} {nth}");
            assert!(all.contains(&meanwhile.text("id").parse().unwrap()));
            assert_eq!(practice.pages("&kind=progress_note", 200), all);
        }
    }
}

/// What a list says of a record is what its reader finds, and of what she would not find it says nothing.
#[test]
fn a_list_says_how_far_each_record_has_come() {
    let practice = Practice::new();
    let supervisor = practice.supervisor();
    let awaiting = practice.awaiting(&supervisor);
    let amended = practice.write("amended", "SECRET one");
    assert_eq!(practice.send(&practice.amending(&amended, 1, "SECRET two")).status, 200);
    let standing = |query: &str, token: &str| -> Vec<(String, String, u64)> {
        let list = practice.send(&Call::get(format!("{}{query}", practice.path(RECORDS))).bearer(token));
        let records = list.json["records"].as_array().unwrap();
        let mut standing: Vec<_> = records
            .iter()
            .map(|entry| {
                let text = |field: &str| entry[field].as_str().unwrap().to_owned();
                (text("id"), text("status"), entry["version"].as_u64().unwrap())
            })
            .collect();
        standing.sort();
        standing
    };
    let is = |record: &str, status: &str, version: u64| (record.to_owned(), status.to_owned(), version);
    let sorted = |mut expected: Vec<(String, String, u64)>| {
        expected.sort();
        expected
    };
    let all = sorted(vec![
        is(&awaiting, "awaiting_cosignature", 2),
        is(&amended, "signed", 2),
    ]);
    assert_eq!(standing("", &practice.colleague.token), all);
    assert_eq!(
        standing("?status=awaiting_cosignature", &supervisor.token),
        [is(&awaiting, "awaiting_cosignature", 2)]
    );
    let draft = practice.draft("another", "SECRET");
    assert_eq!(
        standing("?status=draft", &practice.clinician.token),
        [is(&draft, "draft", 1)]
    );

    // A return that dies before the lists: all still have it, which is its author's alone.
    let give_back = practice.supervising(&supervisor, &awaiting, 2, "return", &json!({"reason": "SECRET"}));
    for nth in 0.. {
        let before = practice.world.stores.dump();
        practice.world.stores.arm(nth, Fault::KilledAfter);
        let _ = survive(|| practice.send(&give_back));
        practice.world.stores.disarm();
        if practice.read(&awaiting).json["status"] == "draft" {
            break;
        }
        practice.world.stores.restore(&before);
    }
    assert_eq!(standing("", &practice.colleague.token), [is(&amended, "signed", 2)]);
    assert_eq!(standing("?status=awaiting_cosignature", &supervisor.token), []);
    let own = sorted(vec![is(&awaiting, "draft", 3), is(&amended, "signed", 2)]);
    assert_eq!(standing("", &practice.clinician.token), own);
}
