using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>The ledger before and after it was put back. Roots are RFC 6962's, 64 lower-case hex digits.</summary>
/// <param name="OldSize">Entries of the longest one known before; 0 when there was none.</param>
/// <param name="OldRootHash">The root over them.</param>
/// <param name="Size">Entries of the one that was put in its place.</param>
/// <param name="RootHash">The root over them.</param>
public sealed record RestoredTrees(long OldSize, string OldRootHash, long Size, string RootHash)
{
    internal IEnumerable<(string, JsonValue)> Members() =>
    [
        ("old_size", JsonValue.Of(OldSize)),
        ("old_root_hash", JsonValue.Of(OldRootHash)),
        ("size", JsonValue.Of(Size)),
        ("root_hash", JsonValue.Of(RootHash)),
    ];

    internal static RestoredTrees Read(MemberReader reader) => new(
        reader.Integer("old_size", 0, Limits.MaxSafeInteger), reader.Hash("old_root_hash"), reader.Integer("size", 0, Limits.MaxSafeInteger), reader.Hash("root_hash"));
}
