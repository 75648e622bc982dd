//! What a JPEG stream is made of, in order (ITU-T T.81, annex B).

use std::ops::Range;

use super::{EOI, SOI, SOS};

/// A piece of a stream.
pub(super) enum Part<'a> {
    /// A marker with a payload.
    Segment {
        marker: u8,
        payload: &'a [u8],
        /// From the 0xFF of the marker to the end of the payload.
        range: Range<usize>,
    },
    /// What follows the header of a scan: entropy-coded data with its restart markers.
    Coded(Range<usize>),
    /// The end marker. What lies behind it is no part of the stream.
    End,
}

/// The parts of a stream between SOI and EOI, that one included; `None` as the last item where the stream is malformed or breaks
/// off.
pub(super) struct Parts<'a> {
    stream: &'a [u8],
    at: usize,
    in_scan: bool,
    done: bool,
}

impl<'a> Parts<'a> {
    pub(super) fn of(stream: &'a [u8]) -> Self {
        let starts_well = stream.starts_with(&[0xFF, SOI]);
        Self {
            stream: if starts_well { stream } else { &[] },
            at: 2,
            in_scan: false,
            done: false,
        }
    }

    fn read(&mut self) -> Option<Part<'a>> {
        if std::mem::take(&mut self.in_scan) {
            return self.coded();
        }
        while self.stream.get(self.at..self.at + 2)? == [0xFF, 0xFF] {
            self.at += 1;
        }
        let &[0xFF, marker] = self.stream.get(self.at..self.at + 2)? else {
            return None;
        };
        match marker {
            EOI => {
                self.done = true;
                return Some(Part::End);
            }
            // Neither does a stream begin within another, nor have the others a place outside of a scan.
            0 | 1 | 0xD0..=SOI => return None,
            _ => {}
        }
        let (&length, _) = self.stream.get(self.at + 2..)?.split_first_chunk()?;
        let range = self.at..self.at + 2 + usize::from(u16::from_be_bytes(length));
        let payload = self.stream.get(self.at + 4..range.end)?;
        self.at = range.end;
        self.in_scan = marker == SOS;
        Some(Part::Segment {
            marker,
            payload,
            range,
        })
    }

    /// Goes on to the next marker that is no restart. A 0xFF of the data has a zero behind it.
    fn coded(&mut self) -> Option<Part<'a>> {
        let start = self.at;
        loop {
            self.at += memchr::memchr(0xFF, self.stream.get(self.at..)?)?;
            let behind = self.stream.get(self.at + 1..)?;
            // A marker may have more than one.
            let filled = behind.iter().position(|&byte| byte != 0xFF)?;
            match behind.get(filled)? {
                0 | 0xD0..=0xD7 => self.at += filled + 2,
                _ => return Some(Part::Coded(start..self.at)),
            }
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Option<Part<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let part = self.read();
        if part.is_none() {
            self.done = true;
        }
        Some(part)
    }
}
