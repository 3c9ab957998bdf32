//! From files to rows.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::{Record, Row, SCHEMA, SampleRow, columns};
use crate::error::{Error, Result};

/// Reads a CSV file of ours. A foreign or broken file is one clear line, with the place.
pub fn read<T: Row>(path: &Path) -> Result<Vec<T>> {
    let mut rows = Vec::new();
    read_each(path, |row| rows.push(row))?;
    Ok(rows)
}

/// [`read`]; no rows where there is no such file.
pub fn read_if_there<T: Row>(path: &Path) -> Result<Vec<T>> {
    if path.exists() { read(path) } else { Ok(Vec::new()) }
}

fn read_each<T: Row>(path: &Path, mut take: impl FnMut(T)) -> Result<()> {
    let file = File::open(path).map_err(|e| Error::file(path, &e))?;
    let mut reader = csv::Reader::from_reader(file);
    if !is_older::<T>(&mut reader) {
        check_columns::<T>(path, &mut reader)?;
    }
    let rows: std::result::Result<(), csv::Error> =
        reader.deserialize().try_for_each(|row| row.map(&mut take));
    rows.map_err(|e| broken(path, e.position().map(csv::Position::line), &e))
}

fn broken(path: &Path, line: Option<u64>, error: &csv::Error) -> Error {
    let place = line.map(|line| format!(" in line {line}")).unwrap_or_default();
    let problem = match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        _ => error.to_string(),
    };
    Error::content(path, format!("not a file of this program{place}: {problem}"))
}

fn foreign(path: &Path, problem: String) -> Error {
    Error::content(path, format!("not a file of this program: {problem}"))
}

/// Reads samples.csv, a line at a time, and says of each whether it belongs to the same row of results.csv
/// as the one before. Samples are many, and those of a row stand together: of the others only what differs
/// is read.
pub fn read_samples(path: &Path, mut take: impl FnMut(&SampleRow, bool)) -> Result<()> {
    let bytes = fs::read(path).map_err(|e| Error::file(path, &e))?;
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    check_columns::<SampleRow>(path, &mut reader)?;
    let header = reader.headers().cloned().unwrap_or_default();
    if header.iter().ne(columns::<SampleRow>().iter().copied()) {
        return read_each(path, |row| take(&row, false));
    }
    let mut at = reader.position().byte() as usize;
    let mut last: Option<(SampleRow, &[u8])> = None;
    while at < bytes.len() {
        let here = &bytes[at..];
        if let Some((row, prefix)) = &mut last
            && let Some(length) = here.strip_prefix(*prefix).and_then(|rest| read_tail(rest, row))
        {
            take(row, true);
            at += prefix.len() + length;
            continue;
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(here);
        let mut record = csv::StringRecord::new();
        let line = || bytes[..at].iter().filter(|b| **b == b'\n').count() as u64 + 1;
        if !reader.read_record(&mut record).map_err(|e| broken(path, Some(line()), &e))? {
            return Ok(());
        }
        if record.len() != header.len() {
            let (line, has, wants) = (line(), record.len(), header.len());
            return Err(foreign(path, format!("line {line} has {has} columns, not {wants}")));
        }
        let row: SampleRow =
            record.deserialize(Some(&header)).map_err(|e| broken(path, Some(line()), &e))?;
        let length = reader.position().byte() as usize;
        take(&row, false);
        last = Some((row, row_prefix(&here[..length])));
        at += length;
    }
    Ok(())
}

/// Columns of samples.csv that differ within a row of results.csv: the last ones, numbers all.
const TAIL: usize = 4;

/// The part of a line that samples of the same row share.
fn row_prefix(line: &[u8]) -> &[u8] {
    let commas = line.iter().enumerate().rev().filter(|(_, b)| **b == b',');
    commas.map(|(at, _)| &line[..=at]).nth(TAIL - 1).unwrap_or(line)
}

/// Reads the rest of a line into a row, and says how long it is. None where it looks unusual.
fn read_tail(rest: &[u8], row: &mut SampleRow) -> Option<usize> {
    let end = rest.iter().position(|b| *b == b'\n')?;
    let mut fields = std::str::from_utf8(&rest[..end]).ok()?.split(',');
    let round = fields.next()?;
    row.round = if round.is_empty() { None } else { Some(round.parse().ok()?) };
    row.iterations = fields.next()?.parse().ok()?;
    row.wall_s = fields.next()?.parse().ok()?;
    let device_s = fields.next()?;
    row.device_s = if device_s.is_empty() { None } else { Some(device_s.parse().ok()?) };
    fields.next().is_none().then_some(end + 1)
}

/// Refuses a file that is not ours by its first line.
pub fn check_header<T: Row>(path: &Path) -> Result<()> {
    let file = File::open(path).map_err(|e| Error::file(path, &e))?;
    check_columns::<T>(path, &mut csv::Reader::from_reader(file))
}

/// Whether a file has the first of our columns and no others: later versions add theirs at the end. Where it lacks
/// one that has no default, its rows can't be read.
fn is_older<T: Row>(reader: &mut csv::Reader<impl io::Read>) -> bool {
    let header = reader.headers().cloned().unwrap_or_default();
    let columns = columns::<T>();
    header.len() < columns.len() && header.iter().eq(columns.iter().copied().take(header.len()))
}

fn check_columns<T: Row>(path: &Path, reader: &mut csv::Reader<impl io::Read>) -> Result<()> {
    let header = reader.headers().cloned().unwrap_or_default();
    // An empty file is a run that was cut before its first line.
    let missing = columns::<T>().iter().find(|c| !header.iter().any(|h| h == **c));
    match missing.filter(|_| !header.is_empty()) {
        None => Ok(()),
        Some(column) => Err(foreign(path, format!("column '{column}' is missing"))),
    }
}

/// Reads results.csv and refuses other versions of its columns.
pub fn read_results(path: &Path) -> Result<Vec<Record>> {
    let records: Vec<Record> = read(path)?;
    if let Some(other) = records.iter().find(|r| r.schema != SCHEMA) {
        let problem = format!("schema {} is not {SCHEMA}; use the matching version", other.schema);
        return Err(Error::content(path, problem));
    }
    Ok(records)
}
