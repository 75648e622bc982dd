//! Predictors as safetensors: names, shapes and numbers, little-endian f32.

use std::collections::HashMap;

use burn::tensor::Device;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::architecture::{Architecture, Predictor};
use super::error::PredictorError;

/// The key of the note in the file's metadata.
const NOTE: &str = "marrowscope";

/// Writes predictors as `fold_models.0.trunk_weight` and so on, with a note that [`note`] reads back.
pub(crate) fn to_safetensors(
    predictors: &[&Predictor],
    note: Option<String>,
) -> Result<Vec<u8>, PredictorError> {
    let mut tensors = Vec::new();
    for (index, predictor) in predictors.iter().enumerate() {
        for (name, shape, numbers) in predictor.tensors()? {
            let bytes: Vec<u8> = numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect();
            tensors.push((tensor_name(index, name), shape, bytes));
        }
    }
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(PredictorError::NotSafetensors)?;
    let metadata = note.map(|note| HashMap::from([(NOTE.to_owned(), note)]));
    safetensors::serialize(views, metadata).map_err(PredictorError::NotSafetensors)
}

/// The note that [`to_safetensors`] was given.
pub(crate) fn note(bytes: &[u8]) -> Result<Option<String>, PredictorError> {
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(PredictorError::NotSafetensors)?;
    Ok(metadata
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(NOTE).cloned()))
}

/// Reads what [`to_safetensors`] wrote: exactly `count` networks of exactly these sizes.
pub(crate) fn from_safetensors(
    bytes: &[u8],
    architecture: &Architecture,
    count: usize,
    device: &Device,
) -> Result<Vec<Predictor>, PredictorError> {
    let file = SafeTensors::deserialize(bytes).map_err(PredictorError::NotSafetensors)?;
    let shapes = architecture.shapes();
    let expected: Vec<String> = (0..count)
        .flat_map(|index| shapes.iter().map(move |(name, _)| tensor_name(index, name)))
        .collect();
    if let Some(name) = file
        .names()
        .into_iter()
        .find(|name| !expected.iter().any(|known| known == name))
    {
        return Err(PredictorError::UnexpectedTensor {
            name: name.to_owned(),
        });
    }
    (0..count)
        .map(|index| {
            let tensors = shapes
                .iter()
                .map(|(name, shape)| read_tensor(&file, tensor_name(index, name), shape))
                .collect::<Result<Vec<_>, _>>()?;
            architecture
                .build(tensors, device)
                .ok_or(PredictorError::WrongCount {
                    what: "tensors",
                    expected: shapes.len(),
                    found: 0,
                })
        })
        .collect()
}

fn tensor_name(index: usize, name: &str) -> String {
    format!("fold_models.{index}.{name}")
}

fn read_tensor(
    file: &SafeTensors,
    name: String,
    shape: &[usize],
) -> Result<Vec<f32>, PredictorError> {
    let Ok(tensor) = file.tensor(&name) else {
        return Err(PredictorError::MissingTensor { name });
    };
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        return Err(PredictorError::WrongShape {
            name,
            expected: format!("F32 {shape:?}"),
            found: format!("{:?} {:?}", tensor.dtype(), tensor.shape()),
        });
    }
    let (numbers, _) = tensor.data().as_chunks::<4>();
    let numbers: Vec<f32> = numbers
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    if numbers.iter().all(|number| number.is_finite()) {
        Ok(numbers)
    } else {
        Err(PredictorError::NotFinite { name })
    }
}
