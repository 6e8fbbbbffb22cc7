using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// What root gave up by putting an older ledger back. A trust root that its holders drew up before that may have seen those entries, and is as good as it was: nobody can compare
/// its baseline with them any more.
/// </summary>
/// <param name="From">The first entry that is another one now.</param>
/// <param name="To">How many entries the longest ledger had that was known then.</param>
/// <param name="Seconds">When that was, unix seconds.</param>
public sealed record LostEntries(long From, long To, long Seconds)
{
    /// <summary>Whether a trust root's baseline may be of those entries.</summary>
    public bool MayHold(TrustRoot root)
    {
        ArgumentNullException.ThrowIfNull(root);
        return root.Baseline.Size > From && root.Baseline.Size <= To && root.CreatedSeconds <= Seconds;
    }
}
