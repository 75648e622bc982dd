//! slide
