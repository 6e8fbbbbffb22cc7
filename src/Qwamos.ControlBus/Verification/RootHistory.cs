using System.Collections.Immutable;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Verification;

/// <summary>
/// The trust roots of a ledger, each with the entry that recorded it, from the enrolled key on: which one was in force at an entry, and which keys are revoked by now.
/// Every step was verified. Immutable.
/// </summary>
public sealed class RootHistory
{
    private readonly TrustRoot _first;
    private readonly ImmutableArray<(long Index, TrustRoot Root)> _roots;

    private RootHistory(TrustRoot first, ImmutableArray<(long Index, TrustRoot Root)> roots)
    {
        _first = first;
        _roots = roots;
    }

    /// <summary>The newest one, or what stands for it while there is none.</summary>
    public TrustRoot Current => _roots.IsEmpty ? _first : _roots[^1].Root;

    /// <summary>How many were recorded.</summary>
    public int Count => _roots.Length;

    /// <summary>No trust root: the enrolled key, or where several are believed, those.</summary>
    public static RootHistory Of(params IReadOnlyList<VerifyingKey> anchors) => new(TrustRoot.Implicit(anchors), []);

    /// <summary>With one more: why not, or null.</summary>
    /// <param name="index">The entry that recorded it, after all earlier ones.</param>
    /// <param name="recordedSeconds">When it was recorded.</param>
    /// <param name="next">The trust root.</param>
    /// <param name="systemId">This system's.</param>
    /// <param name="extended">The history that has it.</param>
    public Refusal? TryExtend(long index, long recordedSeconds, SignedRoot next, string? systemId, out RootHistory extended)
    {
        extended = this;
        if (RootChain.Refusal(Current, next, systemId, recordedSeconds) is { } refusal)
            return refusal;
        extended = new RootHistory(_first, _roots.Add((index, next.Root)));
        return null;
    }

    /// <summary>What was in force when an entry was recorded.</summary>
    public TrustRoot InForce(long index)
    {
        for (int i = _roots.Length - 1; i >= 0; i--)
        {
            if (_roots[i].Index < index)
                return _roots[i].Root;
        }
        return _first;
    }

    /// <summary>Whether a key's signature on an entry is disowned by now (ATTACKS 7).</summary>
    public bool IsDisowned(KeyId key, long index) => Current.RevocationOf(key) is { } revocation && index >= revocation.FromIndex;
}
