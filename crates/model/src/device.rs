//! Which device computes: a graphics card that has proven itself in a child process, else the CPU.
//!
//! A bad graphics driver does not return an error, it ends the process. So nothing here touches a driver before
//! [`trial_batch`] has run in a child process: the server calls [`choose`] with [`trial_in_child`] and its own program.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use burn::tensor::{Device, DeviceKind as BurnDeviceKind};
use serde::{Deserialize, Serialize};

use crate::encoder::{self, Encoder, EncoderError};

/// What a person asks for: `--device auto|wgpu|cpu`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// The first graphics card if a trial batch on it succeeds, else the CPU.
    #[default]
    Auto,
    /// The first graphics card, or an error.
    Wgpu,
    /// The CPU; no driver is touched.
    Cpu,
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        match text {
            "auto" => Ok(Self::Auto),
            "wgpu" => Ok(Self::Wgpu),
            "cpu" => Ok(Self::Cpu),
            _ => Err(DeviceError::UnknownChoice {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Auto => "auto",
            Self::Wgpu => "wgpu",
            Self::Cpu => "cpu",
        })
    }
}

/// Whether a graphics card or the CPU computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A graphics card.
    Gpu,
    /// The CPU, or a graphics driver that computes on it.
    Cpu,
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Gpu => "gpu",
            Self::Cpu => "cpu",
        })
    }
}

/// What computes and why, for the log and the status page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Graphics card or CPU.
    pub kind: DeviceKind,
    /// The device as it names itself.
    pub name: String,
    /// What runs on it.
    pub backend: String,
    /// Why this one.
    pub reason: String,
}

impl fmt::Display for DeviceInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            name,
            backend,
            reason,
        } = self;
        write!(formatter, "{kind}: {name}, {backend} ({reason})")
    }
}

/// Why there is no device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A choice that is none.
    #[error("{text:?} is not a device: say auto, wgpu or cpu")]
    UnknownChoice {
        /// What was said.
        text: String,
    },
    /// A graphics card was asked for and cannot be used.
    #[error("no graphics card can be used: {reason}")]
    NoCard {
        /// What stands in the way.
        reason: String,
    },
    /// No software adapter of that name was found.
    #[error("no Vulkan adapter that computes on the CPU has {name:?} in its name; found {found:?}")]
    NoSoftwareAdapter {
        /// The name that was sought.
        name: String,
        /// The names that there are.
        found: Vec<String>,
    },
}

/// What a trial batch found out, as the child process prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialReport {
    /// The card as it names itself.
    pub name: String,
    /// What runs on it.
    pub backend: String,
    /// Tiles per second of a batch after the first.
    pub tiles_per_s: f64,
    /// The largest difference to the CPU's features.
    pub difference: f32,
}

/// Why a trial batch failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrialError {
    /// There is no graphics card.
    #[error("there is no graphics card")]
    NoCard,
    /// The encoder could not be loaded or did not encode.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The card computes something else than the CPU.
    #[error("{name} computes features that differ by {difference} from the CPU's")]
    WrongResult {
        /// The card.
        name: String,
        /// The largest difference.
        difference: f32,
    },
    /// The child process did not start, or what it printed was no report.
    #[error("the trial could not be run: {message}")]
    NotRun {
        /// What happened.
        message: String,
    },
    /// The trial said itself why it failed.
    #[error("{0}")]
    Said(String),
    /// The child process ended without a report: the driver took it down.
    #[error("the trial ended with {status}{said}")]
    Ended {
        /// Exit status or signal.
        status: String,
        /// The last line it wrote to its standard error, after a colon.
        said: String,
    },
    /// The child process did not end in time.
    #[error("the trial did not end within {seconds} s")]
    TimedOut {
        /// How long was waited.
        seconds: u64,
    },
}

/// A device that encoders and predictors run on.
#[derive(Clone, Debug)]
pub struct EncoderDevice {
    info: DeviceInfo,
    engine: Engine,
}

/// How an encoder is run on a device.
#[derive(Clone, Debug)]
pub(crate) enum Engine {
    /// The CPU path that keeps a block's activations in the cache.
    FusedCpu,
    /// The network in Burn.
    Burn(Device),
}

/// Largest difference of a feature, in a range of 0 to 6, between a card and the CPU: some cards multiply with fewer
/// bits (TF32 keeps ten of the mantissa); a driver that is wrong is wrong by far more.
const TRIAL_TOLERANCE: f32 = 0.05;
const TRIAL_TILES: usize = 8;

/// Decides what computes; `trial` is called unless the CPU was asked for.
///
/// # Errors
/// A graphics card was asked for and the trial failed.
pub fn choose(
    choice: DeviceChoice,
    trial: impl FnOnce() -> Result<TrialReport, TrialError>,
) -> Result<DeviceInfo, DeviceError> {
    if choice == DeviceChoice::Cpu {
        return Ok(cpu_info("asked for by --device cpu"));
    }
    match (trial(), choice) {
        (Ok(report), _) => Ok(DeviceInfo {
            kind: DeviceKind::Gpu,
            name: report.name,
            backend: report.backend,
            reason: format!("a trial batch ran at {:.0} tiles/s", report.tiles_per_s),
        }),
        (Err(error), DeviceChoice::Wgpu) => Err(DeviceError::NoCard {
            reason: error.to_string(),
        }),
        (Err(error), _) => Ok(cpu_info(&error.to_string())),
    }
}

/// Runs the trial in this process: call it in a child process only, and print its report as one line of JSON.
///
/// The first card of `Device::enumerate_physical` encodes a few tiles twice, the second time against the clock, and must
/// agree with the CPU.
///
/// # Errors
/// There is no card, the weights cannot be loaded, or the card computes something else than the CPU.
pub fn trial_batch(weights: &Path) -> Result<TrialReport, TrialError> {
    let card = EncoderDevice::first_card().ok_or(TrialError::NoCard)?;
    let tiles = encoder::sample_tiles(TRIAL_TILES);
    let expected = Encoder::load(weights, &EncoderDevice::cpu("trial"))?.encode(&tiles)?;
    let encoder = Encoder::load(weights, &card)?;
    let features = encoder.encode(&tiles)?;
    let started = Instant::now();
    encoder.encode(&tiles)?;
    let elapsed = started.elapsed();
    let difference = features
        .iter()
        .zip(&expected)
        .map(|(found, expected)| (found - expected).abs())
        .fold(0.0, f32::max);
    let DeviceInfo { name, backend, .. } = card.info;
    if difference > TRIAL_TOLERANCE {
        return Err(TrialError::WrongResult { name, difference });
    }
    Ok(TrialReport {
        name,
        backend,
        tiles_per_s: TRIAL_TILES as f64 / elapsed.as_secs_f64(),
        difference,
    })
}

/// Runs a command whose last line of output is a [`TrialReport`] in JSON; ends it when it takes longer than `limit`.
///
/// # Errors
/// The command did not start, ended without success, took too long, or printed something else.
pub fn trial_in_child(command: &mut Command, limit: Duration) -> Result<TrialReport, TrialError> {
    let not_run = |error: &dyn fmt::Display| TrialError::NotRun {
        message: error.to_string(),
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| not_run(&error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Read beside the waiting, so that a driver that talks much cannot fill the pipe and block.
    let stdout = std::thread::spawn(move || read_all(stdout));
    let stderr = std::thread::spawn(move || read_all(stderr));
    let started = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| not_run(&error))? {
            Some(status) => break status,
            None if started.elapsed() < limit => std::thread::sleep(Duration::from_millis(20)),
            None => {
                child.kill().map_err(|error| not_run(&error))?;
                child.wait().map_err(|error| not_run(&error))?;
                return Err(TrialError::TimedOut {
                    seconds: limit.as_secs(),
                });
            }
        }
    };
    let stdout = stdout.join().unwrap_or_default();
    let stderr = stderr.join().unwrap_or_default();
    if !status.success() {
        let program = Path::new(command.get_program());
        let said = last_line(&stderr).and_then(|line| line.split_once(": "));
        if let Some((who, what)) = said
            && program.file_stem() == Some(OsStr::new(who))
        {
            return Err(TrialError::Said(what.to_owned()));
        }
        let said = match last_line(&stderr) {
            Some(line) => format!(": {line}"),
            None => String::new(),
        };
        return Err(TrialError::Ended {
            status: status.to_string(),
            said,
        });
    }
    let line = last_line(&stdout).unwrap_or_default();
    serde_json::from_str(line).map_err(|error| not_run(&error))
}

fn read_all(stream: Option<impl std::io::Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was read before a failure is still worth showing.
        let _ = stream.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn last_line(text: &str) -> Option<&str> {
    text.lines().rev().find(|line| !line.trim().is_empty())
}

impl EncoderDevice {
    /// The device that [`choose`] has decided for. Opens the card's driver.
    ///
    /// # Errors
    /// The card of the trial is gone.
    pub fn open(info: DeviceInfo) -> Result<Self, DeviceError> {
        match info.kind {
            DeviceKind::Cpu => Ok(Self {
                info,
                engine: Engine::FusedCpu,
            }),
            DeviceKind::Gpu => match Self::first_card() {
                Some(card) => Ok(Self {
                    info,
                    engine: card.engine,
                }),
                None => Err(DeviceError::NoCard {
                    reason: format!("{} is gone", info.name),
                }),
            },
        }
    }

    /// The CPU, by the path that keeps a block's activations in the cache.
    pub fn cpu(reason: &str) -> Self {
        Self {
            info: cpu_info(reason),
            engine: Engine::FusedCpu,
        }
    }

    /// The CPU by Burn's own kernels: the reference for the other paths, several times slower.
    pub fn flex() -> Self {
        Self {
            info: DeviceInfo {
                backend: "Burn Flex".to_owned(),
                ..cpu_info("the reference")
            },
            engine: Engine::Burn(Device::flex()),
        }
    }

    /// The first real graphics card, never an adapter that computes on the CPU. May end the process: see the module.
    fn first_card() -> Option<Self> {
        let card = Device::enumerate_physical().into_iter().next()?;
        let device = card.devices.into_vec().into_iter().next()?;
        Some(Self {
            info: DeviceInfo {
                kind: DeviceKind::Gpu,
                name: card.name,
                backend: "Burn wgpu, Vulkan".to_owned(),
                reason: "the first graphics card".to_owned(),
            },
            engine: Engine::Burn(device),
        })
    }

    /// A Vulkan adapter that computes on the CPU, by a part of its name ("SwiftShader"): for tests of the wgpu path on
    /// machines without a card. About ten times slower than the CPU path. May end the process: see the module.
    ///
    /// # Errors
    /// There is no such adapter.
    pub fn software_vulkan(name: &str) -> Result<Self, DeviceError> {
        let device = Device::vulkan(BurnDeviceKind::Cpu);
        let found = device.identity().map(|identity| identity.name);
        match found {
            Some(found) if found.to_lowercase().contains(&name.to_lowercase()) => Ok(Self {
                info: DeviceInfo {
                    kind: DeviceKind::Cpu,
                    name: found,
                    backend: "Burn wgpu, Vulkan".to_owned(),
                    reason: "asked for by name".to_owned(),
                },
                engine: Engine::Burn(device),
            }),
            found => Err(DeviceError::NoSoftwareAdapter {
                name: name.to_owned(),
                found: found.into_iter().collect(),
            }),
        }
    }

    /// What computes and why.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// The Burn device for everything but the encoder: Flex on the CPU, else the card.
    pub fn burn(&self) -> Device {
        match &self.engine {
            Engine::FusedCpu => Device::flex(),
            Engine::Burn(device) => device.clone(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

fn cpu_info(reason: &str) -> DeviceInfo {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    DeviceInfo {
        kind: DeviceKind::Cpu,
        name: format!(
            "{threads} threads, {}-bit vectors",
            encoder::cpu_vector_bits()
        ),
        backend: "fused kernels".to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{
        DeviceChoice, DeviceError, DeviceKind, TrialError, TrialReport, choose, trial_in_child,
    };

    fn report() -> TrialReport {
        TrialReport {
            name: "A card".to_owned(),
            backend: "Burn wgpu, Vulkan".to_owned(),
            tiles_per_s: 2000.0,
            difference: 0.001,
        }
    }

    #[test]
    fn a_choice_is_read_as_it_is_written_and_anything_else_is_refused() {
        for choice in [DeviceChoice::Auto, DeviceChoice::Wgpu, DeviceChoice::Cpu] {
            assert_eq!(
                choice.to_string().parse::<DeviceChoice>().ok(),
                Some(choice)
            );
        }
        let error = "cuda".parse::<DeviceChoice>().expect_err("not a choice");
        assert!(error.to_string().contains("auto, wgpu or cpu"));
    }

    #[test]
    fn the_cpu_is_taken_without_a_trial() {
        let mut tried = false;
        let info = choose(DeviceChoice::Cpu, || {
            tried = true;
            Ok(report())
        });
        assert_eq!(info.expect("the CPU").kind, DeviceKind::Cpu);
        assert!(!tried);
    }

    #[test]
    fn a_card_that_passes_its_trial_is_taken() {
        for choice in [DeviceChoice::Auto, DeviceChoice::Wgpu] {
            let info = choose(choice, || Ok(report())).expect("the card");
            assert_eq!((info.kind, info.name.as_str()), (DeviceKind::Gpu, "A card"));
        }
    }

    #[test]
    fn auto_takes_the_cpu_and_says_why_where_wgpu_is_an_error() {
        let info = choose(DeviceChoice::Auto, || Err(TrialError::NoCard)).expect("the CPU");
        assert_eq!(info.kind, DeviceKind::Cpu);
        assert_eq!(info.reason, "there is no graphics card");
        let error = choose(DeviceChoice::Wgpu, || Err(TrialError::NoCard)).expect_err("no card");
        assert!(matches!(error, DeviceError::NoCard { .. }));
    }

    fn trial_of(script: &str, limit: Duration) -> Result<TrialReport, TrialError> {
        trial_in_child(Command::new("sh").args(["-c", script]), limit)
    }

    #[test]
    fn a_report_is_read_from_the_last_line_of_the_child() {
        let json = serde_json::to_string(&report()).expect("a report in JSON");
        let script = format!("echo driver chatter; echo '{json}'");
        let found = trial_of(&script, Duration::from_secs(20)).expect("a report");
        assert_eq!(found, report());
    }

    #[test]
    fn a_driver_that_ends_the_process_is_a_reason_and_not_the_end() {
        let error = trial_of("kill -SEGV $$", Duration::from_secs(20)).expect_err("a failure");
        assert!(error.to_string().contains("signal"), "{error}");
        let error = trial_of("echo out of memory >&2; exit 3", Duration::from_secs(20));
        let message = error.expect_err("a failure").to_string();
        assert!(
            message.contains('3') && message.contains("out of memory"),
            "{message}"
        );
    }

    #[test]
    fn a_trial_that_says_why_it_failed_is_quoted_alone() {
        let error = trial_of("echo 'sh: no card' >&2; exit 1", Duration::from_secs(20));
        assert_eq!(error.expect_err("a failure").to_string(), "no card");
    }

    #[test]
    fn a_driver_that_hangs_is_ended() {
        let error = trial_of("exec sleep 60", Duration::from_millis(100)).expect_err("a failure");
        assert!(matches!(error, TrialError::TimedOut { .. }), "{error}");
    }

    #[test]
    fn a_child_that_says_nothing_is_no_success() {
        let error = trial_of("true", Duration::from_secs(20)).expect_err("a failure");
        assert!(matches!(error, TrialError::NotRun { .. }), "{error}");
    }
}
