//! What to do about one DesktopImage.

mod source;

pub use source::{ImageView, Obstacle};
