//! The encoder with its real weights against the PyTorch reference, on every device that a machine without a graphics
//! card has: the fused CPU path, Burn's Flex, and Burn's wgpu over SwiftShader's Vulkan.
//!
//! The reference (`fixtures/make_encoder_parity.py`) was computed in f64. Fifty convolutions in f32, in whatever order
//! an engine sums, then differ from it by a few millionths of the range of a feature, which is 0 to 6; PyTorch's own
//! f32 differs by 7e-6. [`TOLERANCE`] leaves room for other vector widths and other orders, and is far below what the
//! smallest mistake makes (tried with the reference): pixels normalised as (x − 127.5) / 127.5 move a feature by 0.013,
//! one convolution padded on the wrong side by 0.4 to 1.7, the usual ε of BatchNorm by 0.7.

use std::path::{Path, PathBuf};
use std::process::Command;

use model::device::EncoderDevice;
use model::encoder::{DIM, EFFICIENTNET_LITE0, Encoder, sample_tiles};

/// Largest difference of a feature.
const TOLERANCE: f32 = 1e-4;

/// Set in the child process that uses a graphics driver.
const CHILD: &str = "MARROWSCOPE_TEST_CHILD";
/// Where Debian's `chromium` keeps the software Vulkan driver that it brings along.
const SWIFTSHADER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";

#[derive(serde::Deserialize)]
struct Reference {
    weights: String,
    tiles: usize,
    features: Vec<Vec<f32>>,
}

fn reference() -> Reference {
    let json = include_str!("../fixtures/encoder_parity.json");
    let reference: Reference = serde_json::from_str(json).expect("the committed fixture is JSON");
    assert_eq!(reference.weights, EFFICIENTNET_LITE0.weights_file);
    assert_eq!(reference.features.len(), reference.tiles);
    assert!(
        reference
            .features
            .iter()
            .all(|features| features.len() == DIM)
    );
    reference
}

/// The weights file, fetched once by `cargo xtask assets`.
fn weights() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = match std::env::var_os("MARROWSCOPE_ASSETS") {
        Some(folder) => PathBuf::from(folder),
        None => workspace.join("data/assets"),
    };
    let weights = folder.join(EFFICIENTNET_LITE0.weights_file);
    assert!(
        weights.is_file(),
        "this test needs the encoder's weights at {}: type\n\n    cargo xtask assets\n",
        weights.display()
    );
    weights
}

fn assert_like_the_reference(device: &EncoderDevice, features: &[f32]) {
    let expected = reference().features.concat();
    assert_eq!(features.len(), expected.len());
    let difference = features
        .iter()
        .zip(&expected)
        .map(|(found, expected)| (found - expected).abs())
        .fold(0.0, f32::max);
    println!("{}: largest difference {difference:e}", device.info());
    assert!(difference <= TOLERANCE, "{}: {difference:e}", device.info());
}

fn check(device: &EncoderDevice) {
    let encoder = Encoder::load(&weights(), device).expect("the weights load");
    let features = encoder
        .encode(&sample_tiles(reference().tiles))
        .expect("features");
    assert_like_the_reference(device, &features);
}

#[test]
fn the_fused_cpu_path_computes_the_reference_features() {
    check(&EncoderDevice::cpu("parity"));
}

#[test]
fn burn_flex_computes_the_reference_features() {
    check(&EncoderDevice::flex());
}

/// Runs itself again in a child process, because a graphics driver can end the process that uses it.
#[test]
fn burn_wgpu_on_swiftshader_computes_the_reference_features() {
    if std::env::var_os(CHILD).is_some() {
        check(&EncoderDevice::software_vulkan("SwiftShader").expect("SwiftShader"));
        return;
    }
    let weights = weights();
    let driver = std::env::var_os("VK_DRIVER_FILES").unwrap_or_else(|| SWIFTSHADER.into());
    assert!(
        Path::new(&driver).is_file(),
        "this test needs SwiftShader's Vulkan driver at {}: type\n\n    apt-get install chromium\n",
        Path::new(&driver).display()
    );
    // Vulkan's loader lies beside the driver: Chromium brings its own, and Debian need not have `libvulkan1`.
    let libraries = Path::new(&driver).parent().expect("a file's folder");
    let runtime = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(std::env::current_exe().expect("this test's program"))
        .args([
            "--exact",
            "burn_wgpu_on_swiftshader_computes_the_reference_features",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .env(
            "MARROWSCOPE_ASSETS",
            weights.parent().expect("the weights lie in a folder"),
        )
        .env("VK_DRIVER_FILES", &driver)
        .env("LD_LIBRARY_PATH", libraries)
        .env("XDG_RUNTIME_DIR", runtime.path())
        .output()
        .expect("the child process starts");
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    assert!(
        output.status.success() && said.contains("largest difference"),
        "{}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn bytes_that_are_not_whole_tiles_are_refused_and_no_tiles_give_no_features() {
    let encoder = Encoder::load(&weights(), &EncoderDevice::cpu("test")).expect("the weights load");
    let error = encoder
        .encode(&sample_tiles(1)[1..])
        .expect_err("a byte is missing");
    assert!(
        error.to_string().contains("whole number of tiles"),
        "{error}"
    );
    assert_eq!(
        encoder.encode(&[]).expect("nothing to do"),
        Vec::<f32>::new()
    );
}
