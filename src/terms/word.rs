//! Terms that are one word each, the same in every file and on the command line.

/// An enum, each of whose values is a word.
macro_rules! words {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident {
            $($(#[$value_attribute:meta])* $value:ident = $word:literal,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$value_attribute])* #[serde(rename = $word)] $value,)+
        }

        impl $name {
            /// All of them, in the order of reports.
            pub const ALL: [$name; [$($word),+].len()] = [$($name::$value),+];

            /// The word for it.
            pub const fn name(self) -> &'static str {
                match self {
                    $($name::$value => $word,)+
                }
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::terms::Cache;

    #[test]
    fn a_term_has_one_word_everywhere() {
        for cache in Cache::ALL {
            let json = serde_json::to_string(&cache).unwrap();
            assert_eq!(json, format!("\"{}\"", cache.name()));
            assert_eq!(serde_json::from_str::<Cache>(&json).unwrap(), cache);
        }
    }
}
