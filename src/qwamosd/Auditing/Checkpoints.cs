using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;

namespace Qwamos.Daemon.Auditing;

/// <summary>
/// Signs the tree of what is published, which is durable before it is published: a checkpoint never promises an entry that a power cut can
/// take. One tree is signed once, however often it is asked for.
/// </summary>
internal sealed class Checkpoints(CheckpointSigner signer, Func<PublishedState> published)
{
    private volatile SignedTree? _newest;

    /// <summary>What the ledger's checkpoints are checked with.</summary>
    public NoteVerifierKey Key => signer.Key;

    /// <summary>The operator's recorded statement about that key; null while there is none.</summary>
    public LedgerKeyStatement? Statement =>
        published().Policy.LedgerKey is { } recorded && recorded.Statement.Key == signer.Key.ToString() ? recorded.Statement : null;

    /// <summary>A checkpoint that covers every entry durable now.</summary>
    public SignedTree Newest()
    {
        PublishedState now = published();
        if (_newest is { } made && made.Size == now.Size)
            return made;
        made = new SignedTree(now.Size, signer.Sign(Checkpoint.Of(signer.Key.Name, now.Tree)).ToString());
        _newest = made;
        return made;
    }
}
