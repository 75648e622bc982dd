//! The weights file: checked by its hash, read tensor by tensor.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use burn::store::pytorch_reader::{DType, PytorchReader};
use sha2::{Digest, Sha256};

use super::EncoderError;
use super::folded::TensorSource;

/// An opened PyTorch checkpoint.
pub(crate) struct Checkpoint {
    path: PathBuf,
    reader: PytorchReader,
}

impl Checkpoint {
    /// Opens the file if its SHA-256 is the expected one.
    pub(crate) fn open(path: &Path, expected_sha256: &str) -> Result<Self, EncoderError> {
        let path = path.to_path_buf();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(EncoderError::MissingFile { path });
            }
            Err(source) => return Err(EncoderError::Unreadable { path, source }),
        };
        if bytes.is_empty() {
            return Err(EncoderError::EmptyFile { path });
        }
        let found = hexadecimal(&Sha256::digest(&bytes));
        if found != expected_sha256 {
            let expected = expected_sha256.to_owned();
            return Err(EncoderError::WrongHash {
                path,
                expected,
                found,
            });
        }
        Self::read(path)
    }

    fn read(path: PathBuf) -> Result<Self, EncoderError> {
        match PytorchReader::new(&path) {
            Ok(reader) => Ok(Self { path, reader }),
            Err(error) => Err(EncoderError::NotACheckpoint {
                path,
                source: Box::new(error),
            }),
        }
    }
}

impl TensorSource for Checkpoint {
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, EncoderError> {
        let Some(tensor) = self.reader.get(name) else {
            let name = name.to_owned();
            return Err(EncoderError::MissingTensor { name });
        };
        if tensor.dtype() != DType::F32 || tensor.shape() != shape {
            return Err(EncoderError::WrongTensor {
                name: name.to_owned(),
                expected: format!("{:?} {shape:?}", DType::F32),
                found: format!("{:?} {:?}", tensor.dtype(), tensor.shape()),
            });
        }
        let bytes = tensor
            .read()
            .map_err(|source| EncoderError::NotACheckpoint {
                path: self.path.clone(),
                source: Box::new(source),
            })?;
        let (values, _) = bytes.as_chunks::<4>();
        Ok(values
            .iter()
            .map(|value| f32::from_le_bytes(*value))
            .collect())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Checkpoint, EncoderError, TensorSource};

    /// No file's.
    const OTHER_SHA256: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    /// That of "another file".
    const ANOTHER_FILE_SHA256: &str =
        "100ef6a71bac925f709fe9c114c60460bf6e472cfdb9d44bd8adf1698135260f";

    fn folder_with(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("weights.pth");
        std::fs::write(&path, bytes).expect("a file in it");
        (folder, path)
    }

    #[test]
    fn a_missing_file_names_its_path_and_the_command_that_fetches_it() {
        let (_folder, path) = folder_with(b"");
        let path = path.with_file_name("elsewhere.pth");
        let error = Checkpoint::open(&path, "").err().expect("an error");
        assert!(matches!(error, EncoderError::MissingFile { .. }));
        let message = error.to_string();
        assert!(message.contains("elsewhere.pth") && message.contains("cargo xtask assets"));
    }

    #[test]
    fn a_file_of_zero_bytes_is_called_empty() {
        let (_folder, path) = folder_with(b"");
        let error = Checkpoint::open(&path, OTHER_SHA256).err();
        assert!(matches!(error, Some(EncoderError::EmptyFile { .. })));
    }

    #[test]
    fn another_file_is_refused_by_its_hash() {
        let (_folder, path) = folder_with(b"another file");
        let error = Checkpoint::open(&path, OTHER_SHA256).err();
        // As `printf 'another file' | sha256sum` prints it.
        let refused = matches!(
            &error,
            Some(EncoderError::WrongHash { found, .. }) if found == ANOTHER_FILE_SHA256
        );
        assert!(refused, "{error:?}");
    }

    #[test]
    fn a_file_that_is_no_checkpoint_is_refused_even_with_the_right_hash() {
        let (_folder, path) = folder_with(b"another file");
        let error = Checkpoint::open(&path, ANOTHER_FILE_SHA256).err();
        assert!(matches!(error, Some(EncoderError::NotACheckpoint { .. })));
    }

    /// One tensor, `[2, 3]`, stored column by column; see fixtures/make_encoder_parity.py.
    fn small_checkpoint() -> Checkpoint {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/encoder_small.pth");
        Checkpoint::read(path).expect("the committed fixture is a checkpoint")
    }

    #[test]
    fn a_tensor_is_read_row_by_row_however_it_is_stored() {
        let values = small_checkpoint().tensor("tensor", &[2, 3]);
        assert_eq!(values.ok(), Some(vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0]));
    }

    #[test]
    fn a_tensor_of_another_shape_is_refused_by_name_and_both_shapes() {
        let error = small_checkpoint().tensor("tensor", &[3, 2]).err();
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        for part in ["tensor", "[2, 3]", "[3, 2]"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_missing_tensor_is_refused_by_name() {
        let error = small_checkpoint()
            .tensor("_conv_stem.weight", &[32, 3, 3, 3])
            .err();
        let missing = matches!(&error, Some(EncoderError::MissingTensor { name }) if name == "_conv_stem.weight");
        assert!(missing, "{error:?}");
    }
}
