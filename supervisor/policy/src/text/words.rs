//! Enumerations: a few words, each a variant.

/// Makes an enum readable from these words.
macro_rules! words {
    ($type:ident { $first:literal => $first_variant:ident, $( $word:literal => $variant:ident, )* }) => {
        impl $crate::value::Text for $type {
            const ALLOWED: &'static str = concat!("one of \"", $first, "\"" $(, ", \"", $word, "\"")*);

            fn from_text(text: &str) -> Result<Self, $crate::value::Fault> {
                match text {
                    $first => Ok(Self::$first_variant),
                    $( $word => Ok(Self::$variant), )*
                    _ => Err($crate::text::words::not_among(text, &[$first $(, $word)*])),
                }
            }

            #[cfg(test)]
            fn text_schema() -> serde_json::Value {
                serde_json::json!({ "enum": [$first $(, $word)*] })
            }
        }
    };
}

pub(crate) use words;

use crate::nearest::nearest;
use crate::value::Fault;

/// The fault of a word that is none of these.
pub(crate) fn not_among(found: &str, words: &[&str]) -> Fault {
    let help = nearest(found, words.iter().copied()).map(|meant| format!("did you mean \"{meant}\"?"));
    Fault { message: format!("unknown word \"{found}\""), help }
}
