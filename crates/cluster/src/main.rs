//! Runs a command with `DATABASE_URL` pointing at a private cluster, which is stopped when the command ends.

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode};

use cluster::{Cluster, Throwaway};

const USAGE: &str = "usage: with-postgres DATA_DIR COMMAND [ARGUMENT…]
       with-postgres --throwaway COMMAND [ARGUMENT…]";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(place), Some(program)) = (arguments.next(), arguments.next()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut command = Command::new(program);
    command.args(arguments);
    let ran = if place == "--throwaway" {
        in_throwaway(&mut command)
    } else {
        on_data_folder(Path::new(&place), &mut command)
    };
    ran.unwrap_or_else(|error| {
        eprintln!("with-postgres: {error}");
        ExitCode::FAILURE
    })
}

fn in_throwaway(command: &mut Command) -> Result<ExitCode, Box<dyn Error>> {
    let cluster = Throwaway::start()?;
    run(command, cluster.cluster())
}

fn on_data_folder(data_dir: &Path, command: &mut Command) -> Result<ExitCode, Box<dyn Error>> {
    let cluster = Cluster::open(data_dir)?;
    let code = run(command, &cluster);
    cluster.stop()?;
    code
}

fn run(command: &mut Command, cluster: &Cluster) -> Result<ExitCode, Box<dyn Error>> {
    eprintln!("DATABASE_URL={}", cluster.url());
    // The second way of saying it is for psql, pg_dump and their like.
    let status = command
        .env("DATABASE_URL", cluster.url())
        .env("PGHOST", cluster.socket_folder())
        .env("PGPORT", cluster.port().to_string())
        .env("PGUSER", cluster::ROLE)
        .env("PGDATABASE", cluster::DATABASE)
        .status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
