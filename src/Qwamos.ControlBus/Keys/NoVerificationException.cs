namespace Qwamos.ControlBus.Keys;

/// <summary>A key or signature was to be verified by a program that runs without libsodium: see <see cref="WithoutLibsodium"/>.</summary>
public sealed class NoVerificationException : Exception
{
    /// <summary>Why nothing is verified here, to stand after what was not verified.</summary>
    public const string Why = "only libsodium verifies, and it cannot be loaded here";

    public NoVerificationException()
        : base($"this needs keys and signatures to be verified: {Why}")
    {
    }
}
