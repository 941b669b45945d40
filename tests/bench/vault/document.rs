use std::time::{Duration, Instant};

use confide::client::Client;
use http::Method;
use serde_json::json;
use testkit::{Answer, Call};

use crate::processor::Process;
use crate::setting::Deployment;
use crate::{Clinic, median, verdict};

const MIB: usize = 1024 * 1024;

/// The longest document.
const DOCUMENT: usize = 25 * MIB;

/// The least speed of a document, in times of its cipher's.
const LEAST: f64 = 0.8;

/// The most memory that an instance may take for it, in MiB.
const MEMORY: f64 = 24.0;

/// How long one document took.
#[derive(Clone, Copy)]
struct Took {
    /// As the client sees it.
    wall: f64,
    /// Processors of the whole host process: guest, HTTP, store.
    processor: Option<f64>,
}

struct Round {
    sealing: Took,
    opening: Took,
    upload: Took,
    download: Took,
}

fn timed(host: &Process, run: impl FnOnce() -> Answer) -> (Answer, Took) {
    let before = host.time();
    let begin = Instant::now();
    let answer = run();
    let wall = begin.elapsed().as_secs_f64();
    let used = host.time().zip(before).map(|(after, before)| after - before);
    let processor = used.as_ref().map(Duration::as_secs_f64);
    (answer, Took { wall, processor })
}

/// Bytes of which no two pieces are alike.
fn scan() -> Vec<u8> {
    (0..DOCUMENT)
        .map(|at| u8::try_from((at / 257 + at % 251) % 256).unwrap())
        .collect()
}

/// Documents against the cipher alone, in turns, and the memory that they took.
pub(crate) fn measure(clinic: &mut Clinic, rounds: usize) {
    let Clinic { served, setting, .. } = clinic;
    let host = served.process();
    let client = Client::new(&served.url);
    let mut deployment = Deployment::new(&served.url, "documents");
    let send = |call: &Call| Answer::from(client.send(call.request()).expect("an answer"));
    let records = format!("/v1/records/clients/{}/records", setting.clients[0].client);
    let scan = scan();
    let cipher = || {
        let (answer, whole) = timed(&host, || send(&Call::get("/bench/cipher")));
        assert_eq!(answer.status, 200);
        let text = answer.body();
        let seconds = |text: &str| Duration::from_nanos(text.parse().unwrap()).as_secs_f64();
        let [sealing, opening] = text
            .split_once(' ')
            .map(|(one, other)| [one, other])
            .unwrap()
            .map(seconds);
        // The processor's time is known of both together, and they do nothing but compute.
        [sealing, opening].map(|wall| Took {
            wall,
            processor: whole.processor.map(|time| time * wall / (sealing + opening)),
        })
    };
    let mut round = || {
        let draft = json!({"kind": "document", "status": "draft",
            "content": {"title": "Discharge letter", "media_type": "application/pdf"}});
        let id = deployment.create(&setting.token, &records, &draft).text("id");
        let content = format!("{records}/{id}/content");
        let before = cipher();
        let upload = Call::new(Method::PUT, &content)
            .bearer(&setting.token)
            .header("if-match", "\"v1\"")
            .header("content-type", "application/pdf")
            .body(scan.as_slice());
        let (uploaded, upload) = timed(&host, || send(&upload));
        assert_eq!(uploaded.status, 200, "{}", uploaded.json);
        let (downloaded, download) = timed(&host, || send(&Call::get(&content).bearer(&setting.token)));
        assert!(downloaded.status == 200 && downloaded.bytes() == scan);
        let after = cipher();
        // Before and after: what the machine does meanwhile slows all of them.
        let mean = |which: usize| Took {
            wall: f64::midpoint(before[which].wall, after[which].wall),
            processor: before[which]
                .processor
                .zip(after[which].processor)
                .map(|(before, after)| f64::midpoint(before, after)),
        };
        Round {
            sealing: mean(0),
            opening: mean(1),
            upload,
            download,
        }
    };
    round();
    let rounds: Vec<Round> = (0..rounds).map(|_| round()).collect();
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let speed = |seconds: f64| 25.0 / seconds;
    println!("\ndocument of 25 MiB, median of {} rounds", rounds.len());
    println!("cipher, sealing  {:>7.1} MiB/s", speed(of(|round| round.sealing.wall)));
    println!("cipher, opening  {:>7.1} MiB/s", speed(of(|round| round.opening.wall)));
    for (name, took, cipher) in [
        (
            "upload",
            (|round: &Round| round.upload) as fn(&Round) -> Took,
            (|round: &Round| round.sealing) as fn(&Round) -> Took,
        ),
        ("download", |round| round.download, |round| round.opening),
    ] {
        let wall = median(rounds.iter().map(|round| took(round).wall).collect());
        let share = median(
            rounds
                .iter()
                .map(|round| cipher(round).wall / took(round).wall)
                .collect(),
        );
        let processor: Option<Vec<f64>> = rounds.iter().map(|round| took(round).processor).collect();
        let processor = processor.map(median);
        let processor_share: Option<Vec<f64>> = rounds
            .iter()
            .map(|round| Some(cipher(round).processor? / took(round).processor?))
            .collect();
        println!(
            "{name:<16} {:>7.1} MiB/s, {:.2} of the cipher's: at least {LEAST}: {}",
            speed(wall),
            share,
            verdict(share >= LEAST)
        );
        if let Some((processor, share)) = processor.zip(processor_share.map(median)) {
            println!(
                "                 {:>7.1} MiB for a second of the host's processors, {share:.2} of the cipher's",
                speed(processor)
            );
        }
    }
    let peak = f64::from(served.peak_memory("records")) / (1024.0 * 1024.0);
    println!(
        "memory of an instance of records, at most {peak:.1} MiB: within {MEMORY} MiB: {}",
        verdict(peak <= MEMORY)
    );
}
