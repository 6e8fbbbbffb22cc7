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

    /// <summary>Without a trust root again: root had the trust begin anew at that time, unix seconds, and what was drawn up until then is nothing any more.</summary>
    public RootHistory BeginAnew(long seconds) => new(TrustRoot.Implicit(_first.Keys, Math.Max(seconds, _first.CreatedSeconds)), []);

    /// <summary>The same after root's <c>set-time-floor</c>: a beginning that a clock far in the future dated keeps no version out any more.</summary>
    public RootHistory LowerFloor(long floorSeconds, long clockSeconds) =>
        LoweredBegun(_first.CreatedSeconds, floorSeconds, clockSeconds) is var begun && begun == _first.CreatedSeconds ? this : new(TrustRoot.Implicit(_first.Keys, begun), _roots);

    /// <summary>
    /// When the trust began anew, by what root says of the time, unix seconds: only what lies ahead of the clock is lowered, and never below it. So nothing that was drawn up before
    /// the true beginning comes back, whatever floor root names.
    /// </summary>
    public static long LoweredBegun(long begunSeconds, long floorSeconds, long clockSeconds) => Math.Min(begunSeconds, Math.Max(floorSeconds, clockSeconds));

    /// <summary>With one more: why not, or null.</summary>
    /// <param name="index">The entry that recorded it, after all earlier ones.</param>
    /// <param name="recordedSeconds">When it was recorded.</param>
    /// <param name="next">The trust root.</param>
    /// <param name="systemId">This system's.</param>
    /// <param name="extended">The history that has it.</param>
    public Refusal? TryExtend(long index, long recordedSeconds, SignedRoot next, string? systemId, out RootHistory extended)
    {
        extended = this;
        if (RootChain.Refusal(Current, next, systemId, recordedSeconds, mayBeExpired: true) is { } refusal)
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

    /// <summary>A key that some version lists, whether or not it is active now; null for any other.</summary>
    public VerifyingKey? FindKey(KeyId id) => Versions.Select(root => root.FindKey(id)).FirstOrDefault(key => key is not null);

    /// <summary>Whether a statement about a ledger's key is the word of a holder who could give it when an entry was recorded, by a key that is not disowned for that entry.</summary>
    public bool IsWord(LedgerKeyStatement statement, long index) => IsWord(InForce(index), statement) && !IsDisowned(statement.Signer, index);

    /// <summary>
    /// The same where no entry of Dom0's ledger says when it was given: under any version, but no word of a key that is revoked by now. A key that was only replaced
    /// gave its word in its time.
    /// </summary>
    public bool IsWord(LedgerKeyStatement statement) => Current.RevocationOf(statement.Signer) is null && Versions.Any(root => IsWord(root, statement));

    private IEnumerable<TrustRoot> Versions => _roots.Select(version => version.Root).Prepend(_first);

    private static bool IsWord(TrustRoot root, LedgerKeyStatement statement) =>
        root.FindKey(statement.Signer) is { } key && root.HolderOf(key.Id) is { } holder
        && Authority.RolesFor(root, Commands.LedgerKey).Any(role => role.IsMetBy([holder])) && statement.IsSignedBy(key);

    /// <summary>Whether a key's signature on an entry is disowned by now (ATTACKS 7).</summary>
    public bool IsDisowned(KeyId key, long index) => Current.RevocationOf(key) is { } revocation && index >= revocation.FromIndex;
}
