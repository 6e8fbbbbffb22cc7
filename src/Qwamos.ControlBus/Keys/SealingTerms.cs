namespace Qwamos.ControlBus.Keys;

/// <summary>What a box is made with, beside the passphrase; all of it stands in the file.</summary>
/// <param name="Cost">Of Argon2id.</param>
/// <param name="Salt">16 bytes, fresh for each box.</param>
/// <param name="Nonce">12 bytes, fresh for each box.</param>
public sealed record SealingTerms(Argon2Cost Cost, byte[] Salt, byte[] Nonce)
{
    public const int SaltSizeBytes = 16;
    public const int NonceSizeBytes = 12;
    public const int TagSizeBytes = 16;

    internal static SealingTerms Fresh(Argon2Cost cost)
    {
        SealingTerms terms = new(cost, new byte[SaltSizeBytes], new byte[NonceSizeBytes]);
        Primitives.FillRandom(terms.Salt);
        Primitives.FillRandom(terms.Nonce);
        return terms;
    }
}
