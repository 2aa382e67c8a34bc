//! Pages: one self-contained file each.

mod budget;
mod failure;
mod index;
mod shapes;
mod stack;
mod style;
mod timeline;

pub use self::failure::failure_page;
pub use self::index::index_page;

use std::fmt::{self, Display, Write};

/// Text that may hold anything, made safe for elements and attributes.
pub(crate) struct Escaped<T>(pub(crate) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.to_string().chars() {
            match letter {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                '\t' | '\n' => out.write_char(letter)?,
                // XML has no way to write control characters at all.
                control if control.is_control() => out.write_char('\u{FFFD}')?,
                '\u{FFFE}' | '\u{FFFF}' => out.write_char('\u{FFFD}')?,
                letter => out.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// A whole page around its body.
fn page(title: &str, body: &str) -> String {
    let title = Escaped(title);
    let style = style::SHEET;
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\
         </main>\n</body>\n</html>\n"
    )
}

/// Appends formatted text; writing to a string cannot fail.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {
        std::fmt::Write::write_fmt($out, format_args!($($format)*))
            .expect("writing to a String does not fail")
    };
}
pub(crate) use put;

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn markup_and_control_characters_do_not_survive() {
        let escaped = Escaped("<a href=\"x\">&'\u{0}\u{1b}").to_string();
        assert_eq!(escaped, "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\u{FFFD}\u{FFFD}");
    }
}
