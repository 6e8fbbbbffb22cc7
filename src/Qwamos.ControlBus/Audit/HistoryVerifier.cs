using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// Checks the leaves that somebody gives for a ledger's, trusting nothing but what the ledger's key signed: the root, every leaf's form, every
/// envelope's signature, that no nonce stands twice, what domains say, and the fold. Stops at the first fault and says where it is.
/// </summary>
/// <param name="place">Who gives them, as a fault names it.</param>
/// <param name="checkpoint">What the ledger's key signed, verified by the caller.</param>
/// <param name="signers">The operators' keys, at most 16: an entry of any other key is a fault.</param>
/// <param name="olderHash">Gives the 32-byte hash of a leaf that came long before, which the caller has proven to be in the checkpoint's tree.</param>
public sealed class HistoryVerifier(string place, Checkpoint checkpoint, IReadOnlyList<VerifyingKey> signers, Func<long, byte[]> olderHash)
{
    private const int RunLeaves = 64;

    /// <summary>Runs it. Faults of the source pass through.</summary>
    /// <param name="leaves">From the first on, in order.</param>
    /// <param name="progress">Told now and then how many entries of how many are done.</param>
    public AuditReport Verify(IEnumerable<byte[]> leaves, Action<long, long>? progress = null)
    {
        var auditor = new HistoryAuditor(checkpoint, signers, new TileBuilder(static (_, _) => { }), olderHash);
        return auditor.Report(auditor.Check(Runs(leaves), progress) ?? auditor.CheckRoot(place));
    }

    private IEnumerable<LeafRun> Runs(IEnumerable<byte[]> leaves)
    {
        var first = 0L;
        foreach (var run in leaves.Chunk(RunLeaves))
        {
            yield return new LeafRun(place, first, run);
            first += run.Length;
        }
    }
}
