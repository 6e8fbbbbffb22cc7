namespace Qwamos.ControlBus.Keys;

/// <summary>What a key file must be, beyond a regular file that nobody else can write.</summary>
/// <param name="IsPrivate">Nobody else may read it either.</param>
/// <param name="RequireOwner">It must belong to the user this process acts as.</param>
internal readonly record struct KeyFileRules(bool IsPrivate, bool RequireOwner)
{
    public static KeyFileRules Private { get; } = new(IsPrivate: true, RequireOwner: true);

    public static KeyFileRules OwnPublic { get; } = new(IsPrivate: false, RequireOwner: true);

    public static KeyFileRules AnyPublic { get; } = new(IsPrivate: false, RequireOwner: false);
}
