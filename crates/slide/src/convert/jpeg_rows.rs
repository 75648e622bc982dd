//! The rows of a baseline JPEG image.

use std::io::{Seek, Write};
use std::path::Path;

use image::ImageFormat;
use j2k_jpeg::{Decoder, JpegError, RowSink, SofKind};

use crate::error::SlideError;
use crate::jpeg;
use crate::source::flat;
use crate::writer::PyramidWriter;

/// Whether the rows come one after the other. What the decoder does not know is left to the one that decodes whole.
pub(super) fn come(path: &Path) -> Result<bool, SlideError> {
    let stream = stream(path)?;
    let info = Decoder::inspect(&stream);
    Ok(info.is_ok_and(|info| {
        matches!(info.sof_kind, SofKind::Baseline8 | SofKind::Extended8) && info.scan_count == 1
    }))
}

/// Writes all rows.
pub(super) fn write<W: Write + Seek>(
    path: &Path,
    writer: &mut PyramidWriter<W>,
    progress: &mut (dyn FnMut(u32) + Send),
) -> Result<(), SlideError> {
    let stream = stream(path)?;
    let damaged = |error: &JpegError| SlideError::damaged(path, error.to_string());
    let decoder = Decoder::new(&stream).map_err(|error| damaged(&error))?;
    let mut sink = Sink {
        writer,
        progress,
        error: None,
    };
    let outcome = decoder.decode_rows(&mut sink);
    if let Some(error) = sink.error {
        return Err(error);
    }
    outcome.map(drop).map_err(|error| damaged(&error))
}

fn stream(path: &Path) -> Result<Vec<u8>, SlideError> {
    flat::check_length(path, ImageFormat::Jpeg, true)?;
    let stream = std::fs::read(path).map_err(|source| SlideError::io(path, source))?;
    if !jpeg::is_complete(&stream) {
        return Err(SlideError::damaged(path, "the JPEG ends too soon"));
    }
    Ok(stream)
}

/// Hands rows on. The decoder has no place for our errors.
struct Sink<'a, W: Write + Seek> {
    writer: &'a mut PyramidWriter<W>,
    progress: &'a mut (dyn FnMut(u32) + Send),
    error: Option<SlideError>,
}

impl<W: Write + Seek> RowSink<u8> for Sink<'_, W> {
    type Error = JpegError;

    fn write_row(&mut self, _y: u32, row: &[u8]) -> Result<(), JpegError> {
        if let Err(error) = self.writer.write_rows(row) {
            self.error = Some(error);
            return Err(JpegError::RowSinkAborted);
        }
        if self.writer.is_between_strips() {
            (self.progress)(self.writer.rows_written());
        }
        Ok(())
    }
}
