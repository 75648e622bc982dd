//! The sections of a WebAssembly file.

use anyhow::{Context, Result};

/// The magic number and the version.
const HEADER: usize = 8;
const CUSTOM: u8 = 0;

/// A module without its custom sections: names and the like, which a browser has no use for.
pub fn without_custom(module: &[u8]) -> Result<Vec<u8>> {
    let (header, mut rest) = module
        .split_at_checked(HEADER)
        .context("it has no header")?;
    let mut kept = header.to_vec();
    while let Some((&id, after_id)) = rest.split_first() {
        let (length, content) =
            unsigned(after_id).context("the length of a section is cut short")?;
        let after = content.get(length..).context("a section is cut short")?;
        if id != CUSTOM {
            kept.extend_from_slice(&rest[..rest.len() - after.len()]);
        }
        rest = after;
    }
    Ok(kept)
}

/// A number in LEB128, and what follows it.
fn unsigned(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (index, &byte) in bytes.iter().enumerate().take(5) {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn custom_sections_go_and_all_others_stay_as_they_are() {
        let long = [&[10, 0x80, 0x01][..], &[7; 128]].concat();
        let module = [HEAD, &[0, 2, 1, b'a'], &[1, 1, 0], &long, &[0, 0]].concat();
        let expected = [HEAD, &[1, 1, 0], &long].concat();
        assert_eq!(without_custom(&module).unwrap(), expected);
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let module = [HEAD, &[1, 3, 0, 0, 0]].concat();
        assert_eq!(without_custom(&module).unwrap(), module);
        for length in [4, 9, 10, 12] {
            assert!(without_custom(&module[..length]).is_err(), "{length} bytes");
        }
        let endless = [HEAD, &[1], &[0x80; 9]].concat();
        assert!(without_custom(&endless).is_err());
    }
}
