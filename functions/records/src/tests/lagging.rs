//! Lists that lag behind what they list: what a request leaves that died, or that others overtook, the next one brings up.

use super::*;

/// A record, who supervises its author, and two requests, the second of which is to overtake the first.
type Overtaken = (String, Option<Staff>, Call, Call);

const LATER: &str = "2026-11-30T11:00:00Z";

impl Practice {
    /// The request that amends a progress note to be of another time.
    fn moving(&self, record: &str, version: u64) -> Call {
        let body = json!({"reason": "SECRET a slip", "record": progress_at(LATER)});
        self.of_version(Method::PUT, &format!("/{record}"), version).json(&body)
    }

    /// What a list shows, however often and however little of it can be read.
    fn entries(&self, query: &str, token: &str) -> Vec<String> {
        // By pages of one: a page leaves out what is in it twice.
        let mut entries = Vec::new();
        let mut cursor = String::new();
        loop {
            let list = Call::get(format!("{}?limit=1{query}{cursor}", self.path(RECORDS)));
            let list = self.send(&list.bearer(token));
            assert_eq!(list.status, 200, "{}", list.json);
            entries.extend(values(&list, "records", "effective_at"));
            let Some(next) = list.json["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        entries
    }

    /// Holds that every list shows of the only record that there is what its status says, once, and at its time.
    #[track_caller]
    fn assert_listed_as_it_is(&self, record: &str, supervisor: Option<&Staff>, case: &str) {
        let read = self.read(record);
        let status = match read.status {
            200 => read.json["status"].as_str().unwrap(),
            _ => "discarded",
        };
        let at = read.json["content"]["session_at"].as_str().into_iter();
        let shown_where =
            |is_there: bool| -> Vec<String> { at.clone().filter(|_| is_there).map(str::to_owned).collect() };
        let own = &self.clinician.token;
        let is_signed = !matches!(status, "draft" | "discarded");
        assert_eq!(
            self.entries("&status=draft", own),
            shown_where(status == "draft"),
            "{case}"
        );
        assert_eq!(self.entries("", own), shown_where(is_signed), "{case}");
        assert_eq!(
            self.entries("&kind=progress_note", own),
            shown_where(is_signed),
            "{case}"
        );
        if let Some(supervisor) = supervisor {
            assert_eq!(
                self.entries("&status=awaiting_cosignature", &supervisor.token),
                shown_where(status == "awaiting_cosignature"),
                "{case}"
            );
        }
    }
}

/// Breaks a request off at each of its operations in each way, and sends the next one, as of what is there then.
fn at_every_crash_point_before(
    prepare: impl Fn(&Practice) -> (String, Option<Staff>, Call),
    next: impl Fn(&Practice, &str, u64, Option<&Staff>) -> Call,
) {
    for fault in Fault::ALL {
        for nth in 0.. {
            let practice = Practice::new();
            practice.begin_chains();
            let (record, supervisor, call) = prepare(&practice);
            practice.world.stores.arm(nth, fault);
            let _ = survive(|| practice.send(&call));
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            // A creation that died keeps others waiting for a minute.
            practice.world.clock.advance(SignedDuration::from_secs(60));
            let version = practice.read(&record).json["version"].as_u64().unwrap();
            let answer = practice.send(&next(&practice, &record, version, supervisor.as_ref()));
            let case = format!("{fault:?} at {nth}, version {version}");
            assert!((200..300).contains(&answer.status), "{case}: {}", answer.json);
            practice.assert_listed_as_it_is(&record, supervisor.as_ref(), &case);
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn what_a_broken_off_change_leaves_in_the_lists_ends_with_the_next() {
    let redated = |practice: &Practice| {
        let record = practice.draft("draft", "SECRET");
        let call = practice.redating(&record, 1, LATER);
        (record, None, call)
    };
    at_every_crash_point_before(redated, |practice, record, version, _| {
        practice.discarding(record, version)
    });
    at_every_crash_point_before(redated, |practice, record, version, _| {
        practice.signing(record, version, &json!({}))
    });
    at_every_crash_point_before(
        |practice| {
            let supervisor = practice.supervisor();
            let record = practice.awaiting(&supervisor);
            let call = practice.moving(&record, 2);
            (record, Some(supervisor), call)
        },
        |practice, record, version, supervisor| {
            practice.supervising(
                supervisor.unwrap(),
                record,
                version,
                "return",
                &json!({"reason": "SECRET"}),
            )
        },
    );
}

/// Of two changes, the second of which is of what the first made, lists show what the second made, whichever comes to them last.
#[test]
fn a_change_that_is_overtaken_on_its_way_to_the_lists_leaves_nothing_there() {
    let at_every_operation = |prepare: &dyn Fn(&Practice) -> Overtaken, made: u16| {
        let mut overtaken = 0;
        for nth in 0.. {
            let practice = Rc::new(Practice::new());
            practice.begin_chains();
            let (record, supervisor, first, second) = prepare(&practice);
            let (other, answer) = (Rc::clone(&practice), Rc::new(std::cell::RefCell::new(None)));
            let kept = Rc::clone(&answer);
            practice.world.stores.meanwhile(nth, move || {
                *kept.borrow_mut() = Some(other.send(&second));
            });
            let first = practice.send(&first);
            practice.world.stores.disarm();
            let Some(second) = answer.borrow_mut().take() else {
                break;
            };
            // 503 where the first is just beginning a list or the history.
            assert!((200..300).contains(&first.status), "{nth}: {}", first.json);
            assert!(
                second.status == made || matches!(second.status, 404 | 412 | 503),
                "{nth}: {}",
                second.json
            );
            overtaken += usize::from(second.status == made);
            practice.assert_listed_as_it_is(&record, supervisor.as_ref(), &nth.to_string());
        }
        assert!(overtaken > 3, "{overtaken}");
    };
    for second in ["sign", "discard", "redate"] {
        at_every_operation(
            &|practice| {
                let record = practice.draft("draft", "SECRET");
                let after = match second {
                    "sign" => practice.signing(&record, 2, &json!({})),
                    "discard" => practice.discarding(&record, 2),
                    // Back to the time that it is listed at, and that the first is to take it away from.
                    _ => practice.redating(&record, 2, "2026-11-30T10:00:00Z"),
                };
                let first = practice.redating(&record, 1, LATER);
                (record, None, first, after)
            },
            if second == "discard" { 204 } else { 200 },
        );
    }
    at_every_operation(
        &|practice| {
            let supervisor = practice.supervisor();
            let record = practice.awaiting(&supervisor);
            let back = practice.supervising(&supervisor, &record, 3, "return", &json!({"reason": "SECRET"}));
            let first = practice.moving(&record, 2);
            (record, Some(supervisor), first, back)
        },
        204,
    );
}
