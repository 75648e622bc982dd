//! The style sheet, from `style/main.scss`.

use std::path::Path;

use anyhow::{Context, Result, anyhow};

/// Compiles `style/main.scss` below `root` to compressed CSS.
pub fn make(root: &Path) -> Result<Vec<u8>> {
    let main = root.join("style/main.scss");
    let options = grass::Options::default().style(grass::OutputStyle::Compressed);
    // The compiler's error is not `Sync`; its text names file, line and cause.
    let css = grass::from_path(&main, &options)
        .map_err(|error| anyhow!("{error}"))
        .with_context(|| format!("cannot compile {}", main.display()))?;
    Ok(css.into_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tokens_of_another_file_are_used_and_a_mistake_is_shown_with_its_line() {
        let root = tempfile::tempdir().unwrap();
        let style = root.path().join("style");
        fs::create_dir(&style).unwrap();
        fs::write(style.join("_tokens.scss"), "$edge: 4px;").unwrap();
        fs::write(
            style.join("main.scss"),
            "@use 'tokens';\na { b { margin: tokens.$edge; } }\n",
        )
        .unwrap();
        assert_eq!(make(root.path()).unwrap(), b"a b{margin:4px}");

        fs::write(style.join("main.scss"), "a {\n  margin: $nothing;\n}\n").unwrap();
        let message = format!("{:#}", make(root.path()).unwrap_err());
        assert!(
            message.contains("main.scss") && message.contains("$nothing"),
            "{message}"
        );
    }
}
