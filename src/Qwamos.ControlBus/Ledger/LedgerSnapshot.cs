using System.Buffers.Binary;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Ledger;

/// <summary>The fold of the first <paramref name="Size"/> entries, so that a start need not read them again.</summary>
/// <param name="Size">Entries folded.</param>
/// <param name="Frontier">The frontier of the tree over them.</param>
/// <param name="State">The state, in the form of <see cref="LedgerFold"/>.</param>
public sealed record LedgerSnapshot(long Size, byte[] Frontier, byte[] State)
{
    /// <summary>
    /// SHA-256 over size, frontier and state: finds a flipped bit, not a forger. A forger who can write the ledger can write this too;
    /// what stops that one is the root hash that others remember, and the signatures that the boot checks again.
    /// </summary>
    internal byte[] Checksum()
    {
        Span<byte> sizes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(sizes, Size);
        BinaryPrimitives.WriteInt64BigEndian(sizes[8..], Frontier.Length);
        return Primitives.Sha256([.. sizes, .. Frontier, .. State]);
    }
}
