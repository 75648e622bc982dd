//! Everything that a person runs to build, try, check and measure Marrowscope: `cargo xtask help`.

mod assets;
mod bench;
mod dev;
mod e2e;
mod formats;
mod hash;
mod lint;
mod made;
mod prepare;
mod process;
mod python;
mod run;
mod steps;
mod test;
mod web;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use web::Variant;
use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch the encoder's weights and the sample slide, once
    Assets {
        /// Where Marrowscope keeps its data; the files go into its folder `assets`, or where MARROWSCOPE_ASSETS says
        #[arg(long)]
        data_dir: Option<PathBuf>,
        /// Make the slides of other formats as well that the tests compare with OpenSlide
        #[arg(long)]
        formats: bool,
    },
    /// Build the browser's part: WebAssembly, style sheet, static files
    Web,
    /// Fetch, build and start Marrowscope
    Run {
        /// Handed to the server
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        server_args: Vec<OsString>,
    },
    /// Like run, and again whenever a source file changes
    Dev {
        /// Handed to the server
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        server_args: Vec<OsString>,
    },
    /// Check formatting, clippy on each side and the prepared queries
    Lint,
    /// Lint, native tests and tests in a real browser: what CI runs
    Test,
    /// Only the tests in a real browser
    E2e {
        /// Handed to Playwright
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        playwright_args: Vec<OsString>,
    },
    /// Measure, beside a rival where there is one, and write target/bench.json
    Bench {
        /// Which rows; all when none is named
        #[arg(value_parser = PossibleValuesParser::new(bench::row_ids()))]
        rows: Vec<String>,
    },
    /// Remake .sqlx, what the compiler knows of the database's answers, against a throw-away cluster
    Prepare {
        /// Only tell whether it would change
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match carry_out(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::locate()?;
    match command {
        Command::Assets { data_dir, formats } => {
            let folder = assets::folder(&data_dir.unwrap_or_else(|| workspace.data_dir()))?;
            assets::ensure(&workspace, &folder)?;
            if formats {
                formats::ensure(&workspace, &folder)?;
            }
            Ok(())
        }
        Command::Web => web::build(&workspace, Variant::Product).map(drop),
        Command::Run { server_args } => run::run(&workspace, &server_args),
        Command::Dev { server_args } => dev::dev(&workspace, &server_args),
        Command::Lint => lint::lint(&workspace),
        Command::Test => test::test(&workspace),
        Command::E2e { playwright_args } => e2e::e2e(&workspace, &playwright_args),
        Command::Bench { rows } => bench::bench(&workspace, &rows),
        Command::Prepare { check: true } => prepare::check(&workspace),
        Command::Prepare { check: false } => prepare::write(&workspace),
    }
}
