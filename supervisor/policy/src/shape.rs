//! The macro that states a table of the language: each key once, with its type, its default and its text.

/// States a table of the language. From it come the struct, its reading and its JSON Schema.
///
/// ```ignore
/// shape! {
///     /// What the table is for.
///     Limits in "[limits]" {
///         /// What the key is for.
///         "most" most: Duration = Default("'20s'"),
///     }
///     choose [["signal", "file"], ["http"]]
/// }
/// ```
/// `choose` asks for exactly one of the groups of keys, and all of it.
macro_rules! shape {
    (
        $(#[doc = $about:expr])*
        $name:ident in $title:literal {
            $( $(#[doc = $text:expr])* $key:literal $field:ident : $type:ty = $presence:expr, )*
        }
        $(choose [ $( [ $($choice:literal),+ ] ),+ ])?
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name {
            /// Where the table is.
            #[allow(dead_code, reason = "not every table is asked")]
            pub(crate) span: std::ops::Range<usize>,
            $( $(#[doc = $text])* pub(crate) $field: $crate::fields::Field<$type>, )*
        }

        impl $name {
            /// Its name in messages.
            pub(crate) const TITLE: &'static str = $title;
            /// Its keys.
            pub(crate) const KEYS: &'static [&'static str] = &[$($key),*];
            /// Of these groups of keys exactly one is there.
            const CHOICE: &'static [&'static [&'static str]] = &[$( $( &[$($choice),+] ),+ )?];
        }

        impl $crate::value::Value for $name {
            #[allow(unused_imports)]
            fn read(item: &$crate::value::Item<'_>, notes: &mut $crate::notes::Notes) -> Option<Self> {
                use $crate::fields::Presence::{Default, Optional, Required};
                let fields = $crate::fields::Fields::open(item, Self::TITLE, Self::KEYS, notes)?;
                if !Self::CHOICE.is_empty() {
                    fields.choose(Self::CHOICE, notes);
                }
                Some(Self {
                    span: item.span(),
                    $( $field: fields.field($key, $presence, notes), )*
                })
            }

            #[cfg(test)]
            #[allow(unused_imports)]
            fn schema() -> serde_json::Value {
                use $crate::fields::Presence::{Default, Optional, Required};
                $crate::schema::object(concat!($($about),*), Self::CHOICE, &[
                    $( ($key, concat!($($text),*), <$type as $crate::value::Value>::schema(), $presence) ),*
                ])
            }
        }
    };
}

pub(crate) use shape;
