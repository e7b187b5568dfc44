//! Stands for a bucket in a program that was built without S3: there is none.

use super::super::model::Digest;
use crate::Error;
use crate::address::Bucketed;
use std::path::{Path, PathBuf};

/// None can be made: [`crate::address::bucketed`] has refused it before.
#[derive(Debug)]
pub(crate) enum Bucket {}

impl Bucket {
    pub fn connect(address: &Path, _: &Bucketed) -> Result<Self, Error> {
        Err(Error::damaged(address, "this danelaw was built without S3: cargo build --features s3"))
    }

    pub fn mark(&self) -> &str {
        match *self {}
    }

    pub fn manifest(&self) -> Result<Option<Vec<u8>>, Error> {
        match *self {}
    }

    pub fn pieces(&self) -> Vec<String> {
        match *self {}
    }

    pub fn append(&self, _: &str, _: &[u8]) -> Result<(), Error> {
        match *self {}
    }

    pub fn publish(&self, _: &[u8], _: &str, _: &[&str]) -> Result<(), Error> {
        match *self {}
    }

    pub fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Error> {
        match *self {}
    }

    pub fn digest(&self, _: &str) -> Result<(Digest, u64), Error> {
        match *self {}
    }

    pub fn put_files(&self, _: Vec<(String, PathBuf)>) -> Result<(), Error> {
        match *self {}
    }
}
