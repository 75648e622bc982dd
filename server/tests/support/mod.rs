//! The real program on a throw-away data folder.

#![allow(dead_code, reason = "every test file uses its own part of it")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Folder with the encoder weights and the sample slide.
pub fn assets_dir() -> PathBuf {
    let folder = std::env::var_os("MARROWSCOPE_ASSETS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/assets"),
        PathBuf::from,
    );
    assert!(
        folder.join("cmu_small_region.svs").is_file(),
        "the assets are missing: run `cargo xtask assets`"
    );
    folder
}

/// A data folder and what the program needs beside it.
pub struct Place {
    pub folder: TempDir,
    /// Folder with the encoder weights and the sample slide.
    pub assets: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("marrowscope-test-")
            .tempdir()
            .unwrap();
        let site = folder.path().join("site");
        std::fs::create_dir_all(site.join("pkg")).unwrap();
        std::fs::write(
            site.join("manifest.json"),
            r#"{"js":"a.js","wasm":"a.wasm","css":"a.css","modules":[],"slide":[]}"#,
        )
        .unwrap();
        Self {
            folder,
            assets: assets_dir(),
        }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The key that the running server left for the command line.
    pub fn key(&self) -> String {
        let contents = std::fs::read(self.data_dir().join("server.json")).unwrap();
        let contents: Value = serde_json::from_slice(&contents).unwrap();
        contents["key"].as_str().unwrap().to_owned()
    }

    /// The program with this data folder.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marrowscope"));
        command
            .env_remove("DATABASE_URL")
            .env_remove("MARROWSCOPE_LOG")
            .arg("--data-dir")
            .arg(self.data_dir())
            .arg("--assets-dir")
            .arg(&self.assets)
            .arg("--site-dir")
            .arg(self.folder.path().join("site"))
            .args(["--device", "cpu"]);
        command
    }

    /// Starts a server on a free port and waits until it answers.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_through(&[], arguments)
    }

    /// The same through another program, which runs what it is given.
    pub fn serve_through(&self, through: &[&str], arguments: &[&str]) -> Server {
        std::fs::remove_file(self.data_dir().join("server.json")).ok();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let server = self.command();
        let mut command = match through {
            [] => server,
            [program, before @ ..] => {
                let mut command = Command::new(program);
                command
                    .args(before)
                    .arg(server.get_program())
                    .args(server.get_args());
                for (name, value) in server.get_envs() {
                    match value {
                        Some(value) => command.env(name, value),
                        None => command.env_remove(name),
                    };
                }
                command
            }
        };
        let child = command
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Server {
            child,
            address: None,
            log: self.folder.path().join("log"),
        };
        let started = Instant::now();
        while server.address.is_none() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "no server after 60 s:\n{}",
                server.log()
            );
            assert!(
                server.child.try_wait().unwrap().is_none(),
                "the server ended:\n{}",
                server.log()
            );
            std::thread::sleep(Duration::from_millis(20));
            if let Ok(text) = std::fs::read(self.data_dir().join("server.json"))
                && let Ok(contents) = serde_json::from_slice::<Value>(&text)
            {
                server.address = contents["address"]
                    .as_str()
                    .map(|address| address.parse().unwrap());
            }
        }
        server
    }

    /// Runs `marrowscope import`.
    pub fn import(&self, arguments: &[&str]) -> Output {
        self.command()
            .arg("import")
            .args(arguments)
            .output()
            .unwrap()
    }
}

/// A running server; killed when dropped.
pub struct Server {
    pub child: Child,
    address: Option<SocketAddr>,
    log: PathBuf,
}

/// An answer of the server.
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub cache_control: String,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Asserts that it is a problem with this status and returns what it says.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(
            (self.status, self.content_type.as_str()),
            (status, "application/problem+json")
        );
        let body = self.json();
        assert_eq!(body["status"], status);
        body["detail"].as_str().unwrap().to_owned()
    }
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let agent = agent();
        let mut request = agent.get(format!("http://{}{path}", self.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call())
    }

    pub fn head(&self, path: &str) -> Answer {
        answer(
            agent()
                .head(format!("http://{}{path}", self.address()))
                .call(),
        )
    }

    /// The answer to an address that no client would send, as bytes: nothing is tidied up on the way.
    pub fn get_raw(&self, path: &str) -> String {
        use std::io::{Read, Write};
        let mut connection = std::net::TcpStream::connect(self.address()).unwrap();
        let timeout = Some(Duration::from_secs(30));
        connection.set_read_timeout(timeout).unwrap();
        write!(
            connection,
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.address()
        )
        .unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let agent = agent();
        let mut request = agent.post(format!("http://{}{path}", self.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send(body))
    }

    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(
            answer.status,
            200,
            "{path}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        answer.json()
    }

    /// Waits until a condition on the JSON of a route holds.
    pub fn wait_for(&self, path: &str, limit: Duration, holds: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let value = self.json(path);
            if holds(&value) {
                return value;
            }
            assert!(
                started.elapsed() < limit,
                "{path} after {limit:?}: {value:#}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Limits the size of files that the server may write, in bytes.
    pub fn limit_file_size(&self, limit: Option<u64>) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let resource = rustix::process::Resource::Fsize;
        rustix::process::prlimit(
            Some(pid),
            resource,
            rustix::process::Rlimit {
                current: limit,
                maximum: None,
            },
        )
        .unwrap();
    }

    /// SIGKILL: nothing is told, nothing is cleared up.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit status.
    pub fn stop(mut self) -> std::process::ExitStatus {
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::TERM,
        )
        .unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked first, so that its private cluster goes with it.
        if matches!(self.child.try_wait(), Ok(None)) {
            let pid = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
            let started = Instant::now();
            while matches!(self.child.try_wait(), Ok(None))
                && started.elapsed() < Duration::from_secs(15)
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .new_agent()
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = result.unwrap();
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    Answer {
        status: response.status().as_u16(),
        content_type: header("content-type"),
        cache_control: header("cache-control"),
        headers: response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: response.body_mut().read_to_vec().unwrap(),
    }
}
