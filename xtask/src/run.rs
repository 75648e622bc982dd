//! From a clone to a running server.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::Checked;
use crate::steps::Step;
use crate::web::Variant;
use crate::workspace::Workspace;
use crate::{assets, web};

/// Fetches and builds what is missing, then becomes the server: signals and the exit status are its own.
pub fn run(workspace: &Workspace, server_args: &[OsString]) -> Result<()> {
    prepare(workspace, Variant::Product, server_args)?;
    let error = server(workspace, Variant::Product, server_args).exec();
    Err(error).with_context(|| format!("cannot start {}", workspace.server_binary().display()))
}

/// Assets, the browser's part and the server, as far as they are not there.
pub fn prepare(workspace: &Workspace, variant: Variant, server_args: &[OsString]) -> Result<()> {
    assets::ensure(workspace, &assets_dir(workspace, server_args)?)?;
    web::build(workspace, variant)?;
    build_server(workspace)
}

/// Builds the server. All default members are built together, here and in the tests: cargo then chooses the same
/// features for every dependency, and none is compiled twice.
pub fn build_server(workspace: &Workspace) -> Result<()> {
    let first = !workspace.server_binary().exists();
    let step = Step::begin(if first {
        "Building the server (some fifteen minutes on two cores the first time)"
    } else {
        "Building the server"
    });
    workspace.cargo().arg("build").run_checked()?;
    step.done();
    Ok(())
}

/// The server's command line: with our folders, unless `server_args` names others.
pub fn server(workspace: &Workspace, variant: Variant, server_args: &[OsString]) -> Command {
    let mut command = Command::new(workspace.server_binary());
    for (option, folder) in [
        ("--site-dir", variant.folder(workspace)),
        ("--data-dir", workspace.data_dir()),
    ] {
        if value_of(server_args, option).is_none() {
            command.arg(option).arg(folder);
        }
    }
    command.args(server_args);
    command
}

/// Where the server will look for the assets.
fn assets_dir(workspace: &Workspace, server_args: &[OsString]) -> Result<PathBuf> {
    if let Some(folder) = value_of(server_args, "--assets-dir") {
        return Ok(folder.into());
    }
    let data_dir = value_of(server_args, "--data-dir").map(PathBuf::from);
    assets::folder(&data_dir.unwrap_or_else(|| workspace.data_dir()))
}

/// The value in `--option value` or `--option=value`.
fn value_of(args: &[OsString], option: &str) -> Option<OsString> {
    args.iter().enumerate().find_map(|(index, arg)| {
        if arg == option {
            return args.get(index + 1).cloned();
        }
        let value = arg.to_str()?.strip_prefix(option)?.strip_prefix('=')?;
        Some(OsStr::new(value).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn workspace() -> Workspace {
        Workspace {
            root: "/repo".into(),
            target: "/repo/target".into(),
        }
    }

    fn command_line(server_args: &str) -> String {
        let command = server(&workspace(), Variant::Product, &words(server_args));
        let args: Vec<_> = command
            .get_args()
            .map(|arg| arg.to_str().unwrap())
            .collect();
        args.join(" ")
    }

    #[test]
    fn the_server_gets_our_folders_and_the_persons_arguments() {
        assert_eq!(
            command_line("--listen 127.0.0.1:0"),
            "--site-dir /repo/target/site --data-dir /repo/data --listen 127.0.0.1:0"
        );
    }

    #[test]
    fn a_folder_that_the_person_names_is_named_once() {
        assert_eq!(
            command_line("--data-dir /big"),
            "--site-dir /repo/target/site --data-dir /big"
        );
        assert_eq!(
            command_line("--data-dir=/big"),
            "--site-dir /repo/target/site --data-dir=/big"
        );
    }

    #[test]
    fn an_option_has_its_value_after_a_space_or_an_equals_sign() {
        for line in [
            "--data-dir /big",
            "--data-dir=/big",
            "import x --data-dir /big",
        ] {
            assert_eq!(
                value_of(&words(line), "--data-dir"),
                Some("/big".into()),
                "{line}"
            );
        }
        for line in ["--data-directory /big", "--data-dir", "data-dir /big"] {
            assert_eq!(value_of(&words(line), "--data-dir"), None, "{line}");
        }
    }

    #[test]
    fn assets_go_where_the_person_lets_the_server_look() {
        let folder =
            assets_dir(&workspace(), &words("--data-dir /big --assets-dir /shared")).unwrap();
        assert_eq!(folder, PathBuf::from("/shared"));
    }
}
