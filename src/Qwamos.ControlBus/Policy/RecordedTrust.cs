using System.Collections.Immutable;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Policy;

/// <summary>The trust root in force, and the entries that recorded it and those before it, since the key was enrolled.</summary>
/// <param name="Current">The newest version; null while there is none.</param>
/// <param name="Entries">Indexes, rising: version 1's first.</param>
/// <param name="BegunSeconds">When root last had the trust begin anew, unix seconds: no version 1 that was drawn up until then counts again. 0 where it never did.</param>
public sealed record RecordedTrust(SignedRoot? Current, ImmutableArray<long> Entries, long BegunSeconds = 0)
{
    /// <summary>The enrolled key alone.</summary>
    public static RecordedTrust None { get; } = new(null, []);

    /// <summary>The trust root in force; null while there is none.</summary>
    public TrustRoot? Root => Current?.Root;

    /// <summary>Its version; 0 while there is none.</summary>
    public long Version => Current?.Root.Version ?? 0;

    /// <summary>The member <c>trust</c> of a status: null while there is none.</summary>
    public JsonValue ToStatus() => Root is not { } root ? JsonValue.Null : JsonValue.Object(
    [
        ("version", JsonValue.Of(root.Version)),
        ("sha256", JsonValue.Of(root.Hash)),
        ("index", JsonValue.Of(Entries[^1])),
        ("expires", JsonValue.Of(root.ExpiresSeconds)),
    ]);
}
