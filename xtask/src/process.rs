//! Running other programs so that a failure names the command line.

use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs that fail with the command line and what the program said.
pub trait Checked {
    /// Runs with our own standard streams; an exit status other than zero is an error.
    fn run_checked(&mut self) -> Result<()>;
    /// Runs and returns standard output; in an error stands the end of standard error.
    fn output_checked(&mut self) -> Result<String>;
}

impl Checked for Command {
    fn run_checked(&mut self) -> Result<()> {
        let line = command_line(self);
        let status = self
            .status()
            .with_context(|| format!("cannot start `{line}`"))?;
        if !status.success() {
            bail!("`{line}` failed ({status})");
        }
        Ok(())
    }

    fn output_checked(&mut self) -> Result<String> {
        let line = command_line(self);
        let Output {
            status,
            stdout,
            stderr,
        } = self
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start `{line}`"))?;
        if !status.success() {
            bail!(
                "`{line}` failed ({status})\n{}",
                last_lines(&String::from_utf8_lossy(&stderr), 20)
            );
        }
        String::from_utf8(stdout)
            .with_context(|| format!("`{line}` printed something else than UTF-8"))
    }
}

fn command_line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_its_status_and_what_it_said() {
        let error = Command::new("sh")
            .args(["-c", "echo no room >&2; exit 3"])
            .output_checked()
            .unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("sh -c"), "{message}");
        assert!(message.contains("exit status: 3"), "{message}");
        assert!(message.ends_with("no room"), "{message}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Command::new("no-such-program-here")
            .run_checked()
            .unwrap_err();
        assert!(format!("{error:#}").contains("cannot start `no-such-program-here`"));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a\n", 2), "a");
    }
}
