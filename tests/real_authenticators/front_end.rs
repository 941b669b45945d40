use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use confide::client::Client;
use http::{Request, Response};

const PAGE: &str = include_str!("page.html");

/// A web server as it stands in front of a deployment: its own page, and the API under the same origin.
pub(crate) struct FrontEnd {
    pub(crate) origin: String,
    listener: TcpListener,
}

impl FrontEnd {
    pub(crate) fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        Self { origin, listener }
    }

    /// Serves until the test program ends.
    pub(crate) fn serve(self, deployment: &str) {
        let client = Client::new(deployment);
        std::thread::spawn(move || {
            for stream in self.listener.incoming().flatten() {
                let client = client.clone();
                std::thread::spawn(move || answer(stream, &client));
            }
        });
    }
}

/// One request a connection: as much of HTTP/1.1 as a browser and a test need.
fn answer(mut stream: TcpStream, client: &Client) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut request = Request::builder().method(method.as_str()).uri(&path);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "content-type" | "authorization" => request = request.header(name, value),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let response = if path.starts_with("/v1/") {
        client.send(request.body(body).ok()?).ok()?
    } else {
        Response::builder()
            .header("content-type", "text/html; charset=utf-8")
            .body(PAGE.as_bytes().to_vec())
            .ok()?
    };
    let media_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    write!(
        stream,
        "HTTP/1.1 {} -\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        response.status().as_u16(),
        media_type.unwrap_or("application/octet-stream"),
        response.body().len()
    )
    .ok()?;
    stream.write_all(response.body()).ok()
}
