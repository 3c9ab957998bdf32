//! Which columns a row has, by asking the row.

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserializer, Serialize};

use super::{
    BreakdownRow, ComparisonRow, NoiseRow, PlanRow, Record, SampleRow, SummaryRow, TuningRow,
};

/// A line of one of the files.
pub trait Row: Serialize + DeserializeOwned {}

impl Row for Record {}
impl Row for SampleRow {}
impl Row for PlanRow {}
impl Row for SummaryRow {}
impl Row for BreakdownRow {}
impl Row for TuningRow {}
impl Row for NoiseRow {}
impl Row for ComparisonRow {}

/// Names of a row's columns, in order.
pub fn columns<T: Row>() -> &'static [&'static str] {
    let mut names = FieldNames(&[]);
    // Always ends in an error: the names are all that is wanted.
    let _ = T::deserialize(&mut names);
    names.0
}

/// A deserializer that only learns which fields a struct asks for.
struct FieldNames(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut FieldNames {
    type Error = serde::de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        self.0 = fields;
        self.deserialize_any_error()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        self.deserialize_any_error()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl FieldNames {
    fn deserialize_any_error<T>(&self) -> Result<T, serde::de::value::Error> {
        Err(serde::de::Error::custom("holds no values"))
    }
}
