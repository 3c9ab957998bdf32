//! Crossover measures from which model size on a GPU beats the CPU, by how much, and why.
//!
//! Data flows one way: a [`plan::Selection`] becomes [`plan::Case`]s; each case is prepared by the
//! backends, verified, measured and recorded as CSV; the [`report`] reads those files and draws.
//! ARCHITECTURE.md has the map.

pub mod backend;
pub mod cli;
pub mod compare;
pub mod conclude;
pub mod config;
pub mod dispatch;
pub mod error;
pub mod export;
pub mod folder;
pub mod machine;
pub mod manifest;
pub mod measure;
pub mod network;
pub mod panics;
pub mod plan;
pub mod race;
pub mod record;
pub mod report;
pub mod roof;
pub mod session;
pub mod stats;
pub mod summary;
pub mod tensor;
pub mod terms;
pub mod tune;
pub mod units;
pub mod verify;
pub mod workload;
