//! What is said of a slide where no further file can be opened: nothing.
//!
//! A file of tests is a process: the limit holds for all of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs::File;
use std::os::fd::AsRawFd;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use slide::{Slide, SlideError};
use support::{Coding, GIVEN_MPP, TempSlide, Tiff, coded, drawn, png};

fn limit_files(current: Option<u64>) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

#[test]
fn a_slide_that_finds_too_many_files_open_is_neither_damaged_nor_gone() {
    let image = drawn(300, 200);
    let tiff = Tiff::pyramid(&image, 2, Coding::YCbCr).to_bytes();
    for (name, bytes) in [
        ("scan.tif", tiff),
        ("image.png", png(&image)),
        ("image.jpg", coded(&image, Coding::YCbCr)),
    ] {
        let file = TempSlide::new(name, &bytes);
        let path = file.path();
        let before = getrlimit(Resource::Nofile).current;
        let next = u64::try_from(File::open(&path).unwrap().as_raw_fd()).unwrap();
        let mut refused = 0;
        let opened = (next..next + 40).find_map(|most_open| {
            limit_files(Some(most_open));
            match Slide::open(&path, GIVEN_MPP) {
                Ok(slide) => Some(slide),
                Err(SlideError::TooManyOpenFiles) => {
                    refused += 1;
                    None
                }
                Err(error) => panic!("{name} with {refused} files: {error}"),
            }
        });
        limit_files(before);
        assert!(refused > 0, "{name}");
        opened.unwrap().pyramid_tile(0, 0, 0).unwrap();
    }
}
