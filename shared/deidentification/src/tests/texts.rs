//! Texts that are released, and texts that are not.

use model::AccountId;
use serde_json::json;

use crate::{Finding, Identifiers, ReleasedText, Review};

fn review() -> Review {
    Review {
        reviewer: AccountId::from_bytes([1; 16]),
        decided_at: "2026-12-01T08:00:00Z".parse().unwrap(),
    }
}

fn identifiers() -> Identifiers {
    let mut identifiers = Identifiers::default();
    identifiers.add_people(&json!({"resourceType": "Patient", "id": "cli_00000000000000000000000004", "name": [{"family": "O'Neil", "given": ["José", "X"]}],
        "telecom": [{"value": "+1 (617) 555-7476"}, {"value": "jose@example.org"}], "birthDate": "1987-03-21",
        "address": [{"line": ["351 Simonis Street"], "city": "Bad Aussee", "postalCode": "01906"}],
        "identifier": [{"value": "A-123 456"}], "contact": [{"name": {"text": "Kami Strosin"}, "telecom": [{"value": "617-555-0199"}]}],
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "Rohan"}]}));
    identifiers.add_people(&json!({"resourceType": "RelatedPerson", "name": [{"text": "Ola Ferreira"}], "relationship": [{"text": "guardian"}],
        "telecom": [{"value": "+49 30 7654321"}], "identifier": [{"value": "acc_0000000000000000000000000C"}]}));
    // Nobody's names: a code's text, somebody else's resource.
    identifiers.add_people(&json!({"resourceType": "Practitioner", "name": [{"text": "Slept Better"}]}));
    identifiers.add_number("K7");
    identifiers.add_date("2026-10-05".parse().unwrap());
    identifiers.add_days(&json!({"resourceType": "Encounter", "id": "enc-2026-02-02", "period": {"start": "2026-08-07", "end": "2026-08"},
        "extension": [{"valueDateTime": "2026-06-15T03:30:00Z"}], "length": {"value": 20_260_203}, "reason": "20260204"}));
    identifiers
}

fn findings(text: &str) -> Vec<Finding> {
    ReleasedText::new(text.to_owned(), review(), &identifiers())
        .err()
        .unwrap_or_default()
}

#[test]
fn a_text_without_them_is_released_by_somebody() {
    let text = "She said that 2019 was hard, that sleep came back after 3 weeks, and PHQ-9 fell from 21 to 14; planning annually.";
    let released = ReleasedText::new(text.to_owned(), review(), &identifiers()).unwrap();
    assert_eq!((released.text(), released.review()), (text, review()));
    let printed = format!("{released:?} {:?}", identifiers());
    assert!(!printed.contains("sleep") && !printed.to_lowercase().contains("neil"));
}

#[test]
fn each_of_the_clients_own_identifiers_is_found_however_it_is_written() {
    for (text, finding) in [
        ("José came", Finding::Name),
        ("JOSE came", Finding::Name),
        ("Jose\u{301} came", Finding::Name),
        ("jose's mother", Finding::Name),
        ("Mr ONeil", Finding::Name),
        ("Mr o’neil.", Finding::Name),
        ("with Kami", Finding::Name),
        ("née Rohan", Finding::Name),
        ("her guardian, Ms Ferreira", Finding::Name),
        ("guardian at 030/7654321", Finding::Telecom),
        ("acc-0000000000000000000000000c", Finding::Number),
        ("in bad  aussee", Finding::Place),
        ("on Simonis", Finding::Place),
        ("ZIP 01906", Finding::Number),
        ("no. a123456", Finding::Number),
        ("no. A 123-456", Finding::Number),
        ("room K7.", Finding::Number),
        ("cli_00000000000000000000000004", Finding::Number),
        ("call 555 7476", Finding::Telecom),
        ("call 5550199", Finding::Telecom),
        ("call ٥٥٥ ٠١٩٩", Finding::Telecom),
        ("no. a१२३४५६", Finding::Number),
        ("२१ ३ १९८७", Finding::Date),
        ("jose (at) example.org", Finding::Name),
        ("on 21 March", Finding::Date),
        ("on the 21st of March, 1987", Finding::Date),
        ("March 21", Finding::Date),
        ("in Mar 1987", Finding::Date),
        ("3/21/87", Finding::Date),
        ("21.3.1987", Finding::Date),
        ("1987-03-21", Finding::Date),
        ("19870321", Finding::Date),
        ("03 1987", Finding::Date),
        ("session of 2026-10-05", Finding::Date),
        ("5 oct", Finding::Date),
        ("5, 10, 2026", Finding::Date),
        ("0510, 2026", Finding::Date),
        ("in 10, 2026", Finding::Date),
        ("October, year 2026", Finding::Date),
        // With words within.
        ("on 10/05 in 2026", Finding::Date),
        ("10/05, year 2026", Finding::Date),
        ("in 2026, on 5/10", Finding::Date),
        ("day 5 of month 10 in the year 2026", Finding::Date),
        ("05 de 10 de 2026", Finding::Date),
        ("el 05/10 del 2026", Finding::Date),
        ("el día 5 del mes 10 del año 2026", Finding::Date),
        ("5/10 del an\u{303}o 2026", Finding::Date),
        ("le 5/10 de l’année 2026", Finding::Date),
        ("en 2026, le 5/10", Finding::Date),
        ("am 05.10. im Jahr 2026", Finding::Date),
        ("am 5. des 10. Monats 2026", Finding::Date),
        ("सन् 2026 में 5/10 को", Finding::Date),
        ("५/१० वर्ष २०२६", Finding::Date),
        ("في 5/10 من عام 2026", Finding::Date),
        ("يوم ٥ من شهر ١٠ لعام ٢٠٢٦", Finding::Date),
        ("21/3 in 1987", Finding::Date),
        ("el 21 del 3 de 1987", Finding::Date),
        // Of a resource: in an hour that is another day in America.
        ("7, 8, 26", Finding::Date),
        ("20260807", Finding::Date),
        ("6, 15, 2026", Finding::Date),
        ("6, 14, 2026", Finding::Date),
    ] {
        assert!(findings(text).contains(&finding), "{text}: {:?}", findings(text));
    }
}

#[test]
fn what_looks_like_anybodys_is_found() {
    for (text, finding) in [
        ("a@b", Finding::Email),
        ("see https://example.org/x", Finding::Url),
        ("see www.example.org", Finding::Url),
        ("from 192.0.2.7.", Finding::IpAddress),
        ("from [2001:db8::7]", Finding::IpAddress),
        ("SSN 999-48-8934", Finding::LongNumber),
        ("call 555 123 4567", Finding::LongNumber),
        ("४२४२४२४", Finding::LongNumber),
        ("on 2/3/2019", Finding::Date),
        ("on 2019-02-03", Finding::Date),
        ("in May 2019", Finding::Date),
        ("on the 3rd of September", Finding::Date),
        ("Hospitalised 03/2024.", Finding::Date),
        ("again 2024-11;", Finding::Date),
        ("since 3.1999", Finding::Date),
        ("(12\u{2013}2024)", Finding::Date),
        ("03 / 2024", Finding::Date),
        ("03 - 2024", Finding::Date),
        ("2024 \u{2013}\u{a0}3", Finding::Date),
        ("5. 10. 2024", Finding::Date),
        ("5 / 10 / 24", Finding::Date),
        ("5\u{2010}10\u{2010}24", Finding::Date),
        ("०३/२०२४", Finding::Date),
        ("٠٣/٢٠٢٤", Finding::Date),
        ("٠٣\u{200f}/٢٠٢٤", Finding::Date),
        ("٢٠٢٤\u{60d} ٠٣", Finding::Date),
        ("０３／２０２４", Finding::Date),
        ("３ May", Finding::Date),
        ("aged ९३", Finding::AgeOver89),
        ("her 93-year-old mother", Finding::AgeOver89),
        ("aged 101", Finding::AgeOver89),
        ("in his nineties", Finding::AgeOver89),
        ("with her aunt, in her 90s", Finding::AgeOver89),
        ("in her 90's", Finding::AgeOver89),
    ] {
        assert!(findings(text).contains(&finding), "{text}: {:?}", findings(text));
    }
    for text in [
        "89 years",
        "a score of 93 of 100",
        "version 1.2",
        "at 10:30",
        "10-12 sessions",
        "in 1987",
        "2019-13",
        "13/2024",
        "13 / 2024",
        "३ - ४ of ५",
        "7 / 10, 2024 was better",
        "3/1800",
        "a score of 12/2100 ms",
        "in the 1990s, in her 80s",
        "she may come",
        // No days of hers: of numbers apart, of part of a day, of what is none.
        "10 exercises, 05 in 2026",
        "a score of 10 in 2026",
        "10 von 27 im Jahr 2026",
        "6, 16, 2026",
        "2, 2, 2026",
        "2, 3, 2026",
        "2, 4, 2026",
    ] {
        assert_eq!(findings(text), [], "{text}");
    }
}

/// What is found in a text, of somebody of this name who lives at this address.
fn found(name: &str, address: &serde_json::Value, text: &str) -> Vec<Finding> {
    let mut hers = Identifiers::default();
    hers.add_people(&json!({"resourceType": "Patient", "name": [{"text": name}], "address": [address]}));
    let released = ReleasedText::new(text.to_owned(), review(), &hers);
    released.err().unwrap_or_default()
}

#[test]
fn a_name_is_found_where_no_space_says_that_it_begins() {
    for (name, with, without) in [
        // Han, also one character long, and with its mark of repetition.
        ("王小明", "昨天王小明睡得很好。", "昨天他睡得很好。"),
        ("王 小明", "小明睡得很好", "昨天他睡得很好。"),
        ("林", "昨天林女士睡得很好", "昨天她睡得很好"),
        ("佐々木", "今日は佐々木さんが来た。", "今日は来た。"),
        ("𠮷田", "今日は𠮷田さんが来た。", "今日は来た。"),
        // Kana, with the point between names.
        ("さくら", "昨日さくらさんはよく眠れた。", "昨日はよく眠れた。"),
        ("マリア・ガルシア", "昨日ガルシアさんは眠れた。", "昨日は眠れた。"),
        ("マリア・ガルシア", "昨日マリアさんは眠れた。", "昨日は眠れた。"),
        // Thai, Lao, Khmer and Myanmar, with marks that are no letters.
        ("สมชาย", "เมื่อคืนสมชายนอนหลับดี", "เมื่อคืนเขานอนหลับดี"),
        ("น้ำฝน", "เมื่อคืนน้ำฝนหลับดี", "เมื่อคืนเธอหลับดี"),
        ("ສົມໄຊ", "ມື້ວານສົມໄຊນອນດີ", "ມື້ວານລາວນອນດີ"),
        ("សុភា", "យប់មិញសុភាគេងលក់ស្រួល", "យប់មិញគេងលក់ស្រួល"),
        ("အောင်ကျော်", "မနေ့ညကအောင်ကျော်ကောင်းကောင်းအိပ်တယ်", "မနေ့ညကကောင်းကောင်းအိပ်တယ်"),
        // Hangul has spaces, and particles at the name.
        ("김 민수", "어제 민수가 잘 잤다", "어제 잘 잤다"),
        // Among letters of another script.
        ("Mei 王", "Yesterday 王先生 slept", "Yesterday she slept"),
        ("Mei 王", "昨天Mei睡得很好", "昨天她睡得很好"),
    ] {
        assert_eq!(found(name, &json!({}), with), [Finding::Name], "{name}: {with}");
        assert_eq!(found(name, &json!({}), without), [], "{name}: {without}");
    }
    let tokyo = json!({"city": "東京", "country": "JP"});
    assert_eq!(found("Mei", &tokyo, "去年東京で働いた。"), [Finding::Place]);
    assert_eq!(found("Mei", &tokyo, "去年京都で働いた。"), []);
}

#[test]
fn a_first_division_is_a_place_but_in_the_united_states() {
    for (country, state, text, is_found) in [
        ("CA", "Ontario", "They moved to ontario.", true),
        ("CA", "ON", "They moved to Toronto, ON.", true),
        ("CA", "ON", "She depends on him.", false),
        ("IN", "Karnataka", "Back to Karnataka!", true),
        ("IN", "Goa", "a holiday in Goa", true),
        ("JP", "神奈川県", "去年神奈川県で働いた。", true),
        ("US", "Ohio", "They moved to Ohio.", false),
        ("USA", "OH", "They moved to Dayton, OH.", false),
    ] {
        let wanted: &[Finding] = if is_found { &[Finding::Place] } else { &[] };
        let address = json!({"country": country, "state": state});
        assert_eq!(found("Mei", &address, text), wanted, "{text}");
    }
    // Where nobody says which country it is, it may be one.
    assert_eq!(found("Mei", &json!({"state": "Ohio"}), "in Ohio"), [Finding::Place]);
}

#[test]
fn a_day_is_found_as_it_is_written_in_east_asia() {
    for text in [
        "生于1987年3月21日",
        "1987年03月21日生まれ",
        "1987년 3월 21일에",
        "3月以后",
        "3월에",
    ] {
        assert_eq!(findings(text), [Finding::Date], "{text}");
    }
    for text in ["三个月", "3个月", "3か月", "3개월", "1987年"] {
        assert_eq!(findings(text), [], "{text}");
    }
}

#[test]
fn nothing_is_proven_without_anything_to_look_for() {
    let released = ReleasedText::new("fine".to_owned(), review(), &Identifiers::default());
    assert_eq!(released, Err(vec![Finding::NothingToLookFor]));
    let long = "a ".repeat(50_001);
    assert_eq!(findings(&long), [Finding::TooLong]);
    // Each once, and in order.
    assert_eq!(findings("José a@b Kami c@d"), [Finding::Name, Finding::Email]);
}
