using System.Text;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// What an operator's key, or where it is said a domain's, signs beside messages: the closed list (DESIGN section 3). The signed bytes are <c>"qwamos-PURPOSE-v1\n"</c> and the
/// statement; a message starts with <c>{</c> and a checkpoint with <c>qwamos/</c>, so no signature stands for another (ATTACKS 8).
/// </summary>
public enum SigningPurpose
{
    /// <summary>No purpose: nothing is signed for it.</summary>
    None = 0,

    /// <summary>That a verifier key is the one of a system's ledger.</summary>
    LedgerKey,

    /// <summary>A version of the trust root.</summary>
    TrustRoot,

    /// <summary>That a key is a domain's own, or is so no more.</summary>
    Domain,

    /// <summary>What a domain says of its keys. By the domain's own key.</summary>
    Report,

    /// <summary>That a change is in force in a domain, or is not. By the domain's own key.</summary>
    InForce,
}

/// <summary>The names of the purposes, which are part of what is signed.</summary>
public static class SigningPurposes
{
    /// <summary>The bytes that are signed for a purpose.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a purpose of the list.</exception>
    public static byte[] SignedBytes(SigningPurpose purpose, ReadOnlySpan<byte> statement) =>
        [.. Encoding.ASCII.GetBytes($"qwamos-{Name(purpose)}-v1\n"), .. statement];

    private static string Name(SigningPurpose purpose) => purpose switch
    {
        SigningPurpose.LedgerKey => "ledger-key",
        SigningPurpose.TrustRoot => "trust-root",
        SigningPurpose.Domain => "domain",
        SigningPurpose.Report => "report",
        SigningPurpose.InForce => "in-force",
        _ => throw new ArgumentOutOfRangeException(nameof(purpose)),
    };
}
