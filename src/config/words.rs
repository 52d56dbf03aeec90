//! Enums of words in files: how they are written and read.
//!
//! Not here: the enums, which stand with what they belong to.

/// Makes an enum of words that a file may have, and the problem of a text that is none of them.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident, $problem:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
            pub enum $name {
                $($(#[$variant_doc])* $variant,)+
            }

            impl $name {
                /// Its word.
                #[must_use]
                pub fn as_str(self) -> &'static str {
                    match self {
                        $(Self::$variant => $word,)+
                    }
                }

                fn parse(text: &str) -> Result<Self, &'static str> {
                    match text {
                        $($word => Ok(Self::$variant),)+
                        _ => Err($problem),
                    }
                }
            }
        )+
    };
}
pub(super) use words;
