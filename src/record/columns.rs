//! Which columns a row has, by asking the row.

use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserializer, Serialize};

/// A line of one of the files: a struct with a field for each column.
pub trait Row: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> Row for T {}

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
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Error::custom("holds no values"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
