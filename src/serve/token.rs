//! A word that a visitor must know.

use super::ServeError;
use rand::TryRngCore;
use rand::rngs::OsRng;

/// Characters that a token needs: as many as nobody guesses over a network.
const LENGTH: usize = 16;

/// A word that lets a visitor in. It is told to nobody by `Debug`.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new token of 32 hexadecimal digits, from the operating system's randomness, which here must not be repeatable.
    pub fn random() -> Result<Token, ServeError> {
        random_hex().map(Token)
    }

    /// A token that somebody chose: at least 16 letters, digits or signs of `-._~`, which mean nothing else in an address or
    /// a cookie.
    pub fn chosen(word: &str) -> Result<Token, ServeError> {
        let usable = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        let found = word.bytes().filter(usable).count();
        if found < LENGTH || found < word.len() {
            return Err(ServeError::WeakToken { found, needed: LENGTH });
        }
        Ok(Token(word.to_owned()))
    }

    /// The word itself, to be told to whoever started the server.
    pub fn word(&self) -> &str {
        &self.0
    }

    /// Whether a visitor knows it. Takes the same time for every wrong word of a length.
    pub(super) fn is(&self, word: &str) -> bool {
        let differing = self.0.bytes().zip(word.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
        self.0.len() == word.len() && std::hint::black_box(differing) == 0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// 128 bits that nobody can guess.
pub(super) fn random_hex() -> Result<String, ServeError> {
    let mut bytes = [0; 16];
    let no_randomness = |cause| ServeError::System { cause: std::io::Error::other(cause) };
    OsRng.try_fill_bytes(&mut bytes).map_err(no_randomness)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_opens() {
        let token = Token::chosen("correct-horse-battery").unwrap();
        assert!(token.is("correct-horse-battery"));
        for wrong in ["", "correct-horse-batter", "correct-horse-batterz", "correct-horse-battery "] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert!(!format!("{token:?}").contains("horse"));
    }

    #[test]
    fn weak_tokens_are_refused_and_random_ones_differ() {
        for weak in
            ["", "short", "fifteen-letters", "sixteen letters!", "sixteen;letters!", "sechzehn-zeichen-ä"]
        {
            assert!(Token::chosen(weak).is_err(), "{weak:?}");
        }
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(one.word().len(), 32);
        assert_ne!(one.word(), other.word());
        assert!(Token::chosen(one.word()).is_ok());
    }
}
