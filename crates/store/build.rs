//! A new migration must lead to a new build: `sqlx::migrate!` only notices changes of those it knows.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
