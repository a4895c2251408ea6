//! Every phrase, in every language side by side. A further language is one more line in each, and the compiler names
//! those that lack it.
//!
//! English that errors, logs or JSON use too stands in the model, and only the other languages stand here; the digest's
//! phrases take it as their argument `english`.
//! Phrases are built so that no word has to agree with a number: "3 of 12 modules" rather than "3 modules were".

mod causes;
mod digest;
mod figures;
mod modules;
mod notes;
mod outcome;
mod reading;
mod repositories;
mod signs;

use crate::config::Language;

/// The words of one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words(pub(crate) Language);

/// Makes a method of [`Words`] from each phrase; its arguments stand in the literals.
macro_rules! phrases {
    ($($name:ident($($argument:ident: $type:ty),*) { En: $en:literal, It: $it:literal $(,)? })*) => {
        impl $crate::report::Words {
            $(pub(crate) fn $name(self $(, $argument: $type)*) -> String {
                match self.0 {
                    $crate::config::Language::En => format!($en),
                    $crate::config::Language::It => format!($it),
                }
            })*
        }
    };
}
pub(crate) use phrases;

/// Makes a method of [`Words`] that chooses among phrases by a value; what its patterns bind stands in the literals.
macro_rules! choice {
    (
        $(#[$doc:meta])* $vis:vis fn $name:ident($value:ident: $type:ty);
        $($pattern:pat => { En: $en:literal, It: $it:literal $(,)? })*
    ) => {
        impl $crate::report::Words {
            $(#[$doc])*
            $vis fn $name(self, $value: $type) -> String {
                match $value {
                    $($pattern => match self.0 {
                        $crate::config::Language::En => format!($en),
                        $crate::config::Language::It => format!($it),
                    },)*
                }
            }
        }
    };
}
use choice;
