//! The host end to end: a real component, over TCP. The fixture does one thing a path; see `fixtures/echo`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail by panicking")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use confide::host::{Host, HostBuilder, RunningHost};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SECRET: &str = "correct horse battery staple";

/// Builds the fixture once a test run, through the same door as `confide up`.
fn fixture() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("echo");
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("spin.toml");
        std::fs::write(
            &manifest,
            format!(
                "spin_manifest_version = 2\n[application]\nname = \"build\"\n[component.echo]\nsource = \"echo.wasm\"\n\
                 [component.echo.build]\ncommand = '''cargo build --release --locked --target wasm32-wasip2 \
                 --manifest-path \"{}/fixtures/echo/Cargo.toml\" --target-dir \"{}\"'''\n",
                env!("CARGO_MANIFEST_DIR"),
                output.display(),
            ),
        )
        .unwrap();
        confide::functions::build(&manifest, true).unwrap();
        output.join("wasm32-wasip2/release/echo.wasm")
    })
}

/// Three components of the same code: `open` may use everything, `closed` nothing, `inner` is private.
fn application() -> (TempDir, HostBuilder) {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("spin.toml");
    let source = fixture().display();
    std::fs::write(
        &manifest,
        format!(
            r#"
            spin_manifest_version = 2
            [application]
            name = "test"
            [variables]
            greeting = {{ default = "hello" }}
            secret = {{ required = true, secret = true }}
            missing = {{ required = true }}

            [[trigger.http]]
            route = "/..."
            component = "open"
            [component.open]
            source = '{source}'
            key_value_stores = ["a", "b"]
            allowed_outbound_hosts = ["http://inner.spin.internal", "http://nobody.spin.internal", "http://self"]
            environment = {{ STATIC = "yes" }}
            [component.open.variables]
            both = "{{{{ greeting }}}}, {{{{ secret }}}}"
            gone = "{{{{ missing }}}}"

            [[trigger.http]]
            route = "/headers/closed/..."
            component = "closed"
            [[trigger.http]]
            route = "/kv/get/a/closed"
            component = "closed"
            [[trigger.http]]
            route = "/fetch/http/closed.spin.internal/..."
            component = "closed"
            [component.closed]
            source = '{source}'

            [[trigger.http]]
            route = {{ private = true }}
            component = "inner"
            [component.inner]
            source = '{source}'
            key_value_stores = ["b"]
            "#
        ),
    )
    .unwrap();
    let builder = Host::builder(&manifest)
        .home(folder.path().join("home"))
        .variable("secret", SECRET)
        .listen("127.0.0.1:0".parse().unwrap())
        .quiet(true);
    (folder, builder)
}

struct Response {
    status: u16,
    head: String,
    body: String,
}

async fn send(host: &RunningHost, request: &str) -> Response {
    let address = host.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer (413) before it has read everything.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Response {
        status: head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("no response to {request:?}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

async fn get(host: &RunningHost, path: &str) -> Response {
    send(
        host,
        &format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"),
    )
    .await
}

async fn expect(host: &RunningHost, table: &[(&str, u16, &str)]) {
    for (path, status, body) in table {
        let response = get(host, path).await;
        assert_eq!((response.status, response.body.as_str()), (*status, *body), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_routed_and_described() {
    let (_folder, builder) = application();
    let host = builder.start().await.unwrap();
    expect(
        &host,
        &[
            ("/.well-known/spin/health", 200, "OK"),
            ("/.well-known/spin/other", 404, ""),
            ("/authority", 200, "test"),
        ],
    )
    .await;
    let response = send(
        &host,
        "GET /headers/closed/x/?q=1 HTTP/1.1\r\nhost: test\r\nconnection: close\r\nspin-client-addr: forged\r\n\
         spin-path-info: forged\r\nx-own: kept\r\n\r\n",
    )
    .await;
    assert_eq!(response.status, 200);
    let last = |name: &str| {
        response
            .body
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .next_back()
            .unwrap_or_else(|| panic!("no {name} in {}", response.body))
    };
    assert_eq!(last("x-own"), "kept");
    assert_eq!(last("spin-path-info"), "/x/");
    assert_eq!(last("spin-full-url"), "http://test/headers/closed/x/?q=1");
    assert_eq!(last("spin-matched-route"), "/headers/closed/...");
    assert_eq!(last("spin-raw-component-route"), "/headers/closed/...");
    assert_eq!(last("spin-component-route"), "/headers/closed");
    assert_eq!(last("spin-base-path"), "/");
    assert!(last("spin-client-addr").starts_with("127.0.0.1:"));
    assert!(
        response.body.contains("spin-client-addr: forged\n"),
        "appended, not replaced"
    );

    let no_host = send(&host, "GET /empty HTTP/1.0\r\n\r\n").await;
    assert_eq!(no_host.status, 400);
    let chained = "GET /empty HTTP/1.1\r\nhost: inner.spin.internal\r\nconnection: close\r\n\r\n";
    assert_eq!(send(&host, chained).await.status, 400);
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_are_granted_by_label() {
    let (_folder, builder) = application();
    let host = builder.start().await.unwrap();
    let denied = "error: Error::AccessDenied";
    expect(
        &host,
        &[
            ("/kv/get/a/k", 200, "none"),
            ("/kv/set/a/k/v", 200, "done"),
            ("/kv/get/a/k", 200, "v"),
            ("/kv/get/b/k", 200, "none"),
            ("/kv/exists/a/k", 200, "true"),
            ("/kv/get/a/closed", 200, denied),
            ("/kv/get/nowhere/k", 200, denied),
            ("/kv/swap/a/k/w", 200, "v → w"),
            ("/kv/swap/a/k/x/between", 200, "failed: between"),
            ("/kv/get/a/k", 200, "between"),
            ("/kv/swap/a/new/x", 200, "none → x"),
            ("/kv/swap/a/absent/mine/theirs", 200, "none → mine"),
            ("/kv/increment/b/n/5", 200, "5"),
            ("/kv/increment/b/n/-7", 200, "-2"),
            (
                "/kv/increment/a/k/1",
                200,
                "error: Error::Other(\"increment: the value is not an 8-byte counter\")",
            ),
            ("/kv/set-many/a/x/1/y/2", 200, "done"),
            ("/kv/get-many/a/y/gone/x", 200, "x=1 y=2"),
            ("/kv/delete/a/x", 200, "done"),
            ("/kv/keys/a", 200, "absent k new y"),
        ],
    )
    .await;
    assert!(host.store_file("a").is_file());
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_outlive_the_host() {
    let (folder, builder) = application();
    let host = builder.start().await.unwrap();
    expect(&host, &[("/kv/set/a/k/v", 200, "done")]).await;
    host.shutdown().await;
    let host = Host::builder(folder.path().join("spin.toml"))
        .home(folder.path().join("home"))
        .listen("127.0.0.1:0".parse().unwrap())
        .quiet(true)
        .start()
        .await
        .unwrap();
    expect(&host, &[("/kv/get/a/k", 200, "v")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_the_components_own() {
    let (_folder, builder) = application();
    let host = builder.start().await.unwrap();
    assert_eq!(host.warnings().len(), 2, "{:?}", host.warnings());
    assert!(host.warnings()[0].contains("SPIN_VARIABLE_MISSING"));
    assert!(!host.warnings()[0].contains(SECRET));
    assert_eq!(get(&host, "/variable/both").await.body, format!("hello, {SECRET}"));
    for (path, expected) in [
        ("/variable/gone", "error: Error::Provider("),
        ("/variable/secret", "error: Error::Undefined("),
        ("/variable/No", "error: Error::InvalidName("),
    ] {
        let body = get(&host, path).await.body;
        assert!(body.starts_with(expected), "{path}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_granted() {
    let (_folder, builder) = application();
    let host = builder.start().await.unwrap();
    expect(
        &host,
        &[
            ("/environment", 200, "[(\"STATIC\", \"yes\")]"),
            ("/files", 200, "false"),
            ("/socket", 200, "false"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_only_where_allowed() {
    const DENIED: &str = "error: ErrorCode::HttpRequestDenied";
    let (_folder, builder) = application();
    let host = builder.variable("missing", "here").start().await.unwrap();
    assert_eq!(host.warnings(), [""; 0]);
    expect(
        &host,
        &[
            // The callee has its own grants, not its caller's.
            ("/fetch/http/inner.spin.internal/kv/get/b/k", 200, "200 none"),
            (
                "/fetch/http/inner.spin.internal/kv/get/a/k",
                200,
                "200 error: Error::AccessDenied",
            ),
            ("/fetch/http/inner.spin.internal/trap", 200, "500 "),
            ("/fetch/http/open.spin.internal/empty", 200, DENIED),
            ("/fetch/http/closed.spin.internal/empty", 200, DENIED),
            (
                "/fetch/http/nobody.spin.internal/empty",
                200,
                "error: ErrorCode::DestinationNotFound",
            ),
            ("/fetch/http/example.com/", 200, DENIED),
            ("/fetch/https/inner.spin.internal/", 200, DENIED),
            (
                "/fetch/http/self.alt/authority",
                200,
                &format!("200 {}", &host.url()[7..]),
            ),
        ],
    )
    .await;
    let seen = get(&host, "/fetch/http/inner.spin.internal/headers/x").await.body;
    for line in [
        "spin-path-info: /headers/x",
        "spin-full-url: http://localhost/headers/x",
        "spin-matched-route: /...",
        "spin-component-route: ",
        "spin-client-addr: 0.0.0.0:0",
    ] {
        assert!(
            seen.lines().any(|seen| seen.trim_start_matches("200 ") == line),
            "{line} in {seen}"
        );
    }
}

/// Spin resolves all variables before it looks at anybody's list of hosts: what works here with one missing would work nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_while_a_variable_has_no_value() {
    let (_folder, builder) = application();
    let host = builder.start().await.unwrap();
    assert!(
        host.warnings()[1].contains("no function can send a request"),
        "{:?}",
        host.warnings()
    );
    for path in [
        "/fetch/http/inner.spin.internal/empty",
        "/fetch/http/self.alt/authority",
    ] {
        let body = get(&host, path).await.body;
        assert_eq!(body, "error: ErrorCode::HttpRequestDenied", "{path}");
    }
    expect(&host, &[("/environment", 200, "[(\"STATIC\", \"yes\")]")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_takes_no_more_than_its_limits() {
    let (_folder, builder) = application();
    let host = builder
        .request_timeout(Duration::from_millis(700))
        .memory_limit(32 << 20)
        .body_limit(1000)
        .start()
        .await
        .unwrap();
    expect(
        &host,
        &[
            ("/loop", 504, ""),
            ("/trap", 500, ""),
            ("/allocate/16", 200, "16777216"),
            ("/allocate/64", 500, ""),
            ("/empty", 200, ""),
        ],
    )
    .await;
    let head = "POST /body HTTP/1.1\r\nhost: test\r\nconnection: close\r\n";
    for (length, status) in [(1000, 200), (1001, 413)] {
        let body = "x".repeat(length);
        let sized = format!("{head}content-length: {length}\r\n\r\n{body}");
        assert_eq!(send(&host, &sized).await.status, status, "{length}");
        let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
        assert_eq!(send(&host, &chunked).await.status, status, "{length}, chunked");
    }
    let long = format!(
        "GET /empty HTTP/1.1\r\nhost: test\r\nconnection: close\r\nx: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    assert_eq!(send(&host, &long).await.status, 431);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spinning_function_does_not_stop_others() {
    let (_folder, builder) = application();
    // Long enough for a machine that is busy with something else as well.
    let host = builder.request_timeout(Duration::from_secs(20)).start().await.unwrap();
    let loops = async {
        tokio::join!(
            get(&host, "/loop"),
            get(&host, "/loop"),
            get(&host, "/loop"),
            get(&host, "/loop")
        )
    };
    let others = async {
        for _ in 0..5 {
            assert_eq!(get(&host, "/kv/get/a/k").await.status, 200);
        }
    };
    tokio::select! {
        _ = loops => panic!("the others waited for the loops"),
        () = others => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_response_is_streamed_whole() {
    let (_folder, builder) = application();
    let host = builder.start().await.unwrap();
    let response = get(&host, "/large/3000000").await;
    assert_eq!(response.status, 200);
    assert!(response.head.contains("transfer-encoding: chunked"));
    assert!(response.body.ends_with("0\r\n\r\n"));
    assert_eq!(response.body.matches('x').count(), 3_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_lets_running_requests_end() {
    let (_folder, builder) = application();
    let host = builder.request_timeout(Duration::from_secs(1)).start().await.unwrap();
    let address = host.url().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream
        .write_all(b"GET /loop HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    host.shutdown().await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    assert!(
        bytes.starts_with(b"HTTP/1.1 504"),
        "{}",
        String::from_utf8_lossy(&bytes)
    );
    assert!(TcpStream::connect(&address).await.is_err(), "no longer listening");
}

/// Whoever looks for slow requests looks for those that nobody waited for, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_client_hangs_up_is_in_the_log() {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};
    let (folder, _builder) = application();
    let mut server = Command::new(env!("CARGO_BIN_EXE_confide"))
        .args(["up", "--no-build", "--listen", "127.0.0.1:0"])
        .current_dir(folder.path())
        .env_remove("CONFIDE_HOME")
        .env("SPIN_VARIABLE_SECRET", SECRET)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let serving = lines.find(|line| line.starts_with("serving")).unwrap();
    let (_, address) = serving.split_once("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /loop HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    // Let it reach the function first: of what was never begun there is nothing to say.
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(stream);
    let logged = tokio::task::spawn_blocking(move || lines.find(|line| line.starts_with("GET ")));
    let logged = tokio::time::timeout(Duration::from_secs(20), logged).await;
    // Its lines end with it, so nobody waits for one that never comes.
    server.kill().unwrap();
    server.wait().unwrap();
    let logged = logged.expect("a line").unwrap().unwrap();
    assert!(logged.starts_with("GET /... open 499 "), "{logged}");
}

#[tokio::test]
async fn dropping_the_host_stops_it() {
    let (_folder, builder) = application();
    let host = builder.start().await.unwrap();
    // On a single-threaded runtime too, writes included.
    expect(&host, &[("/kv/set/a/k/v", 200, "done")]).await;
    let address = host.url().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream
        .write_all(b"GET /loop HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(host);
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut bytes)).await;
    assert!(ended.is_ok(), "the connection was cut");
    assert!(TcpStream::connect(&address).await.is_err(), "no longer listening");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("spin.toml");
    for (source, expected) in [("missing.wasm", "component.c: "), ("spin.toml", "cannot be loaded")] {
        std::fs::write(
            &manifest,
            format!(
                "spin_manifest_version = 2\n[application]\nname = \"t\"\n[[trigger.http]]\nroute = \"/\"\ncomponent = \"c\"\n\
                 [component.c]\nsource = \"{source}\"\n"
            ),
        )
        .unwrap();
        let start = Host::builder(&manifest).listen("127.0.0.1:0".parse().unwrap()).start();
        let error = match start.await {
            Ok(_) => panic!("{source} was served"),
            Err(error) => format!("{error:#}"),
        };
        assert!(error.contains(expected), "{error}");
    }
}
