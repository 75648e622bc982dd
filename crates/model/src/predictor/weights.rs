//! Networks as safetensors: names, shapes and numbers, little-endian f32.

use std::collections::HashMap;

use burn::tensor::Device;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::error::PredictorError;
use super::network::{GatedAttention, GatedAttentionConfig, Numbers, shapes};

/// The key of the note in the file's metadata.
const NOTE: &str = "marrowscope";

/// Writes networks as `fold_models.0.trunk_weight` and so on, with a note that [`note`] reads back.
pub(crate) fn to_safetensors(
    networks: &[&GatedAttention],
    note: Option<String>,
) -> Result<Vec<u8>, PredictorError> {
    let mut tensors = Vec::new();
    for (index, network) in networks.iter().enumerate() {
        for (name, shape, numbers) in network.numbers()?.named(&network.config()) {
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
    config: &GatedAttentionConfig,
    count: usize,
    device: &Device,
) -> Result<Vec<GatedAttention>, PredictorError> {
    let file = SafeTensors::deserialize(bytes).map_err(PredictorError::NotSafetensors)?;
    let names = [
        "trunk_weight",
        "trunk_bias",
        "attention_tanh",
        "attention_gate",
        "attention_out",
        "value",
        "offset",
    ];
    let expected: Vec<String> = (0..count)
        .flat_map(|index| names.map(|name| tensor_name(index, name)))
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
            let [trunk_weight, trunk_bias, tanh, gate, out, value, offset] = shapes(config);
            let read = |name: &str, shape: Vec<usize>| {
                read_tensor(&file, tensor_name(index, name), &shape)
            };
            let numbers = Numbers {
                trunk_weight: read("trunk_weight", trunk_weight)?,
                trunk_bias: read("trunk_bias", trunk_bias)?,
                attention_tanh: read("attention_tanh", tanh)?,
                attention_gate: read("attention_gate", gate)?,
                attention_out: read("attention_out", out)?,
                value: read("value", value)?,
                offset: read("offset", offset)?,
            };
            Ok(GatedAttention::from_numbers(config, numbers, device))
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
