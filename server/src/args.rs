//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use model::device::DeviceChoice;

/// Explore what a model sees in H&E bone-marrow slides. For research and teaching only, not for diagnosis.
#[derive(Debug, Parser)]
#[command(name = "marrowscope", version, about)]
pub struct Arguments {
    /// What to do; serves when nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// How to serve.
    #[command(flatten)]
    pub serve: Serve,
}

/// What the program can do besides serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Import a slide where it lies, and encode and predict it.
    Import(Import),
    /// Run one batch on the GPU and exit; the server starts this as a child, because a bad driver ends the process.
    #[command(hide = true)]
    TrialBatch,
}

/// Where everything is kept.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Folder for the database, features and models.
    #[arg(long, default_value = "data", global = true)]
    pub data_dir: PathBuf,
    /// Folder with the encoder weights and the sample slide; DATA_DIR/assets when not given.
    #[arg(long, env = "MARROWSCOPE_ASSETS", global = true)]
    pub assets_dir: Option<PathBuf>,
    /// Postgres to use; without it the server starts a private cluster of its own.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
}

/// How to serve.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Loopback address to listen on.
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS:PORT", value_parser = loopback)]
    pub listen: SocketAddr,
    /// A further name that the server goes by, with its port unless that is the scheme's own; may be repeated.
    #[arg(long = "allow-host", value_name = "NAME[:PORT]")]
    pub allow_hosts: Vec<String>,
    /// Folder with the browser's part, as `cargo xtask` builds it.
    #[arg(long, default_value = "target/site")]
    pub site_dir: PathBuf,
    /// What runs the models: the GPU when there is one that works, or one of the two by name.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// Memory that open slides may hold together, MiB. One slide is kept open whatever it takes.
    #[arg(long, default_value_t = 256, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub slide_memory: u32,
    /// Memory for tiles and thumbnails that had to be encoded, MiB.
    #[arg(long, default_value_t = 48, value_name = "MIB", value_parser = clap::value_parser!(u32).range(0..=1_048_576))]
    pub tile_cache: u32,
    /// Do not import the sample slide nor draw and train on the phantom cohort.
    #[arg(long)]
    pub no_first_run: bool,
    /// Number of patients of the phantom cohort.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u32).range(10..=5000), hide = true)]
    pub phantom_patients: u32,
    /// Side of a phantom spot, px.
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(448..=8192), hide = true)]
    pub phantom_spot_px: u32,
}

/// What to import.
#[derive(Debug, Args)]
pub struct Import {
    /// The slide: any format that wsi-rs reads, or a PNG, JPEG or TIFF image.
    pub file: PathBuf,
    /// Micrometres per pixel, for files that do not say.
    #[arg(long, allow_negative_numbers = true)]
    pub mpp: Option<f64>,
    /// Code of the patient.
    #[arg(long)]
    pub patient: Option<domain::ids::Code>,
    /// What tissue it shows, one word; marrow when not given.
    #[arg(long)]
    pub tissue: Option<String>,
}

impl Place {
    /// Folder with the encoder weights and the sample slide.
    pub fn assets_dir(&self) -> PathBuf {
        self.assets_dir
            .clone()
            .unwrap_or_else(|| self.data_dir.join("assets"))
    }
}

/// An address that only this machine can reach: the server does not ask who is there, and everybody may stop jobs.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "write it as ADDRESS:PORT, for example 127.0.0.1:3000".to_owned())?;
    if address.ip().to_canonical().is_loopback() {
        Ok(address)
    } else {
        Err(
            "this version serves only the machine that it runs on, because it does not ask who is there: listen on \
             127.0.0.1 or [::1]. From elsewhere it is reached through `ssh -L`, or through a reverse proxy on this \
             machine that asks (see --allow-host)"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_served() {
        let listen = |address| Arguments::try_parse_from(["marrowscope", "--listen", address]);
        for address in [
            "127.0.0.1:0",
            "127.3.2.1:80",
            "[::1]:3000",
            "[::ffff:127.0.0.1]:3000",
        ] {
            let parsed = listen(address).unwrap();
            assert_eq!(parsed.serve.listen, address.parse().unwrap());
        }
        for address in [
            "0.0.0.0:3000",
            "[::]:3000",
            "192.168.1.5:3000",
            "[::ffff:10.0.0.1]:3000",
        ] {
            let refused = listen(address).unwrap_err();
            assert_ne!(refused.exit_code(), 0);
            let said = refused.to_string();
            assert!(said.contains("ssh -L"), "{address}: {said}");
        }
        assert!(
            listen("3000")
                .unwrap_err()
                .to_string()
                .contains("ADDRESS:PORT")
        );
    }
}
