//! A model's two files on disk, each written whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use burn::tensor::Device;

use super::error::PredictorError;
use super::trained::TrainedModel;

/// Name of the weights file in a model's folder.
pub const WEIGHTS_FILE: &str = "weights.safetensors";

/// Name of the model card in a model's folder.
pub const CARD_FILE: &str = "model.json";

impl TrainedModel {
    /// Writes both files into `folder`, which is made if needed.
    ///
    /// Each goes to a temporary file, is synced and renamed into place; the card comes last. A card therefore never names
    /// weights that are not there, and weights under an older card are refused on loading because their hash differs.
    ///
    /// # Errors
    /// When the device or the file system fails.
    pub fn save(&self, folder: &Path) -> Result<(), PredictorError> {
        fs::create_dir_all(folder).map_err(|source| io("make", folder, source))?;
        let (weights, card) = self.to_bytes()?;
        write_whole(folder, WEIGHTS_FILE, &weights)?;
        write_whole(folder, CARD_FILE, &card)
    }

    /// Reads what [`TrainedModel::save`] wrote.
    ///
    /// # Errors
    /// When a file is missing, damaged, or does not belong to the other.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, PredictorError> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|source| io("read", &path, source))
        };
        Self::from_bytes(&read(WEIGHTS_FILE)?, &read(CARD_FILE)?, device)
    }
}

fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), PredictorError> {
    let temporary = folder.join(format!(".{name}.{}.part", std::process::id()));
    let target = folder.join(name);
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &target)?;
        // The rename itself is safe only once the folder is.
        File::open(folder)?.sync_all()
    };
    write().map_err(|source| {
        // The first error is the one to report; a temporary file left behind is overwritten or ignored.
        let _ = fs::remove_file(&temporary);
        io("write", &target, source)
    })
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> PredictorError {
    PredictorError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
