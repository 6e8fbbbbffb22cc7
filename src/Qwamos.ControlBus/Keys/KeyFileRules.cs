namespace Qwamos.ControlBus.Keys;

/// <summary>What a key file must be, beyond a regular file that nobody else can write.</summary>
/// <param name="IsPrivate">Nobody else may read it either.</param>
/// <param name="RequireOwner">It must belong to the user this process acts as.</param>
/// <param name="Mend">What to do about a file that is no key; null: move it away.</param>
internal readonly record struct KeyFileRules(bool IsPrivate, bool RequireOwner, string? Mend = null)
{
    public static KeyFileRules Private { get; } = new(IsPrivate: true, RequireOwner: true);

    public static KeyFileRules OwnPublic { get; } = new(IsPrivate: false, RequireOwner: true);

    public static KeyFileRules AnyPublic { get; } = new(IsPrivate: false, RequireOwner: false);

    /// <summary>A file that a person named: it may be anything, and must not be touched.</summary>
    public static KeyFileRules Given { get; } = AnyPublic with { Mend = "give the public key file, the operator's ed25519_pk" };
}
