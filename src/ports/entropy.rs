/// Where randomness comes from.
///
/// # Contract
/// Every call gives sixteen bytes that nobody can predict and that were never given before.
/// Identities and the salts of audit details are made from them; tokens are not.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Sixteen new random bytes.
    fn draw(&self) -> [u8; 16];
}
